"""What the chapter dependence says of its numbers: frames in, sentences and tables out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn import ablation, bootstrap, heads, mutagenesis
from genoattn.study import report
from genoattn.study.report import listed, table, with_interval

ENOUGH_BLOCKS = 20
"""Blocks below which resampled intervals come out too narrow."""

N_SHOWN = 8
"""Heads of the table of those that are missed most."""

SLOW = 0.02
"""Share of a difference that the attributions of the median site may miss unremarked."""


# ------------------------------------------------------------------------ switching heads off


def say_sample(
    segments: ablation.Segments,
    found: Mapping[str, NDArray[np.float64]],
    whole: Mapping[str, float],
    level: float,
) -> str:
    """Say what was drawn, and what the sample and the whole test part score.

    Parameters
    ----------
    segments : Segments
    found : mapping
        `ablation.measure` with all heads: the sample first, then resamples.
    whole : mapping
        `metrics.score` of the whole test part.
    level : float
        Coverage of the interval.
    """
    low, high = bootstrap.interval(found["pr_auc"][1:], level)
    return (
        f"**{len(segments)} segments** of {segments.label.shape[1]:,} nt were drawn, "
        f"{int(segments.label.any(1).sum())} of them with a start site "
        f"({int(segments.label.sum())} sites). With all heads, their weighted PR AUC is "
        f"{found['pr_auc'][0]:.3f} ({level:.0%} interval {low:.3f} to {high:.3f}; whole test part "
        f"{whole['pr_auc']:.3f}) and their ROC AUC {found['roc_auc'][0]:.3f} (whole test part "
        f"{whole['roc_auc']:.3f})."
    )


def say_context(context: int, reach: int, moved: float, correlation: float) -> str:
    """Say what it costs to read less before a segment than can change its outputs.

    Parameters
    ----------
    context, reach : int
        What is read, and the most that can change an output, in nt.
    moved, correlation : float
        Mean absolute difference of the log-odds from those in full context; their correlation.
    """
    if context >= reach:
        return f"Each segment is read in the model's full context of {reach:,} nt."
    return (
        f"We read {context:,} nt before each segment instead of the model's full reach of "
        f"{reach:,} nt; this moves the log-odds by {moved:.3f} on average (correlation "
        f"{correlation:.4f})."
    )


def say_blocks(segments: ablation.Segments, size: int) -> str:
    """Say how many blocks the intervals rest on, with a warning where they are few."""
    n_blocks = int(segments.block.max()) + 1
    return f"Intervals come from resampling {n_blocks} blocks of {size:,} nt." + (
        ""
        if n_blocks >= ENOUGH_BLOCKS
        else " With so few they are too narrow: take them as a guide."
    )


def by_mode(effects: pd.DataFrame, mode: str) -> pd.DataFrame:
    """Rows of one way of switching heads off, numbered anew."""
    return effects[effects["mode"] == mode].reset_index(drop=True)


def say_alone(effects: pd.DataFrame, level: float) -> str:
    """Say how many heads the scores need, beside how many it would be by chance.

    Parameters
    ----------
    effects : DataFrame
        `ablation.head_effects` of both modes.
    level : float
        Coverage of the intervals.
    """
    mean, zero = by_mode(effects, "mean"), by_mode(effects, "zero")
    n, worse = len(mean), mean[mean["ci_high"] < 0]
    agree = float(
        ablation.rank_correlation(
            mean["delta_contrast"].to_numpy(), zero["delta_contrast"].to_numpy()
        )
    )
    named = f" ({_named(worse, 'delta_pr_auc', '+.3f')})" if len(worse) else ""
    return (
        "An effect counts as significant when its interval leaves out zero. Replacing a single "
        f"head by its mean lowers PR AUC significantly for **{len(worse)} of {n} heads**{named} "
        f"and raises it for {_count(mean['ci_low'] > 0)}. The contrast, the mean log-odds at start "
        f"sites minus elsewhere, falls significantly for {_count(mean['delta_contrast_high'] < 0)} "
        f"and rises for {_count(mean['delta_contrast_low'] > 0)}. By chance alone, "
        f"about {(1 - level) * n:.1f} of {n} intervals would leave out zero. The median head moves "
        f"the log-odds of a nucleotide by {mean['delta_moved'].median():.2f}, the least active one "
        f"by {mean['delta_moved'].min():.3f}. The ranks of the heads by the two replacements, mean "
        f"and zero, have a correlation of {agree:.2f}.\n"
    )


def _count(which: pd.Series) -> str:
    """Write how many are true; none in a word."""
    return str(int(which.sum())) if which.any() else "none"


def _named(rows: pd.DataFrame, column: str, spec: str = "+.2f", most: int = 5) -> str:
    """Name the heads of the largest absolute values with these, and say if there are more."""
    first = rows.loc[rows[column].abs().sort_values(ascending=False, kind="stable").index[:most]]
    told = [
        f"{name}, {value:{spec}}"
        for name, value in zip(heads.names(first), first[column], strict=True)
    ]
    return "; ".join(told) + "; and others" * (len(rows) > most)


def _ranges(rows: pd.DataFrame, value: str, low: str, high: str, spec: str = "+.2f") -> list[str]:
    """Write each row's value with its interval."""
    each = zip(rows[value], rows[low], rows[high], strict=True)
    return [with_interval(mean, first, last, spec) for mean, first, last in each]


def without_table(effects: pd.DataFrame) -> pd.DataFrame:
    """Table of the heads whose mean costs most contrast, cells as they shall be read."""
    top = by_mode(effects, "mean").nsmallest(N_SHOWN, "delta_contrast")
    columns = {
        "change of contrast": ("delta_contrast", "delta_contrast_low", "delta_contrast_high"),
        "change of PR AUC": ("delta_pr_auc", "ci_low", "ci_high"),
        "change of ROC AUC": ("delta_roc_auc", "delta_roc_auc_low", "delta_roc_auc_high"),
    }
    cells = {
        title: _ranges(top, *which, f"+.{digits}f")
        for digits, (title, which) in enumerate(columns.items(), 2)
    }
    moved = top["delta_moved"].map("{:.2f}".format)
    return pd.DataFrame({"head": heads.names(top), **cells, "mean absolute change": moved})


def say_pairs(interactions: pd.DataFrame) -> str:
    """Say for how many pairs single effects do not add up, and by how much."""
    more = _count(interactions["interaction_contrast_high"] < 0)
    less = _count(interactions["interaction_contrast_low"] > 0)
    n = len(interactions)
    share = (interactions["interaction_contrast"] / interactions["sum_contrast"]).abs().median()
    return (
        f"We switched off {n} pair{'s' * (n > 1)} of leading heads. The joint loss of contrast is "
        f"significantly larger than the sum of the single losses for {more}, and significantly "
        f"smaller for {less}. In the median pair the interaction is {share:.0%} of that sum; to "
        "this extent, single effects do not add up. The leading heads were selected on these same "
        "segments, which overstates their single effects somewhat; the interactions were not "
        "selected."
    )


def say_ranks(agreement: pd.DataFrame) -> str:
    """Say which measures of attention order the heads as their absence does."""
    sure = agreement[agreement["low"] > 0]
    named = listed(
        f"{row.attention} with the loss of {row.importance}" for row in sure.itertuples(index=False)
    )
    best = agreement.nlargest(1, "spearman")
    n = len(agreement)
    return (
        (
            f"The interval lies above zero for {len(sure)} of the {n} rank correlations: {named}. "
            if len(sure)
            else f"None of the {n} rank correlations has an interval above zero. "
        )
        + f"The highest is {_ranges(best, 'spearman', 'low', 'high')[0]}, of "
        f"{best['attention'].item()} with the loss of {best['importance'].item()}; a correlation "
        "of 1 would let "
        "attention stand in for switching off.\n"
    )


def rank_table(agreement: pd.DataFrame, level: float) -> str:
    """All rank correlations, folded away."""
    rows = pd.DataFrame(
        {
            "measure of attention": agreement["attention"],
            "against the loss of": agreement["importance"],
            f"rank correlation ({level:.0%} interval)": _ranges(
                agreement, "spearman", "low", "high"
            ),
            "heads": agreement["n_heads"],
        }
    )
    return report.folded(f"All {len(rows)} rank correlations", table(rows))


# ------------------------------------------------------------------------ changing nucleotides


def say_scan(scan: mutagenesis.Scan, n_sites: int, n_steps: int) -> str:
    """Say what was changed, and how far the attributions add up to what they should.

    Parameters
    ----------
    scan : Scan
    n_sites : int
        Sites of the test part, from which those of the scan were drawn.
    n_steps : int
        Points of the integral.
    """
    difference = scan.ends[:, 0] - scan.ends[:, 1]
    error = np.abs(scan.completeness_error)
    missed = float(np.median(error / np.abs(difference)))
    alike = np.nanmedian(ablation.rank_correlation(scan.gradient, -scan.effect))
    slowly = (
        "The integral converges slowly, because the output changes almost abruptly at some points "
        "of the way; trust sums and mean maps of attributions more than single ones. "
        if missed > SLOW
        else ""
    )
    return (
        f"We changed the surroundings of **{len(scan.sites):,} start sites** (of {n_sites:,} in "
        f"the test part), in {int(np.isfinite(scan.single).sum()):,} exchanges of single "
        f"nucleotides and {scan.word.size:,} of words of {scan.width} nt. The sequence of the "
        f"region raises the log-odds by {difference.mean():.2f} on average above the baseline. "
        f"The attributions of a site should add up to its difference; with {n_steps} points of the "
        f"integral, the median site misses it by {np.median(error):.3f} ({missed:.1%}) and the "
        f"worst by {error.max():.3f}. {slowly}Within the median site, exchanges and gradients rank "
        f"the positions with a correlation of {alike:.2f}."
    )


def say_positions(effects: pd.DataFrame) -> str:
    """Say where an exchange costs most, and whether gradients agree."""
    most = effects.nsmallest(5, "mutation")
    told = listed(
        f"{label:+d} ({effect:+.2f})"
        for label, effect in zip(most["label"], most["mutation"], strict=True)
    )
    word = effects.nsmallest(1, "word")
    alike = float(
        ablation.rank_correlation(effects["gradient"].to_numpy(), -effects["mutation"].to_numpy())
    )
    return (
        f"The exchange of one nucleotide costs most at {told}; its interval lies below zero at "
        f"{int((effects['mutation_high'] < 0).sum())} of {len(effects)} positions. The costliest "
        f"word is centred at {word['label'].item():+d}: its exchange changes the log-odds by "
        f"{_ranges(word, 'word', 'word_low', 'word_high')[0]}. Over positions, the "
        f"mean maps of exchanges and of gradients have a rank correlation of {alike:.2f}."
    )


def say_planted(elements: pd.DataFrame) -> str:
    """Say what an exchange costs inside planted elements and outside of all of them."""
    rows = pd.DataFrame(
        {
            "planted element": elements["element"],
            "sites": elements["n_sites"],
            "mean effect of an exchange": _ranges(elements, "effect", "low", "high"),
            "mean attribution": elements["gradient"].map("{:+.2f}".format),
        }
    )
    return (
        "**Against the truth.** On this simulated genome it is known which nucleotides are "
        "elements. The table gives the mean change of the log-odds by an exchange inside each "
        "element, and outside of all elements at the same sites; sites whose labelled position is "
        "not the true one are left out.\n" + table(rows)
    )


def say_agreement(fit: pd.DataFrame) -> str:
    """Say whether attention lies where exchanges matter, by place and by sequence.

    Parameters
    ----------
    fit : DataFrame
        `mutagenesis.agreement`; the row of layer 0 is the mean over heads.
    """
    exchanges = fit[fit["method"] == "mutation"]
    overall = exchanges[exchanges["layer_1based"] == 0]
    each = exchanges[exchanges["layer_1based"] > 0]
    best, gains = each.nlargest(1, "map"), each[each["gain_low"] > 0]
    named = f" ({_named(gains, 'gain')})" if len(gains) else ""
    return (
        "Over positions, the mean attention of all heads together has a rank correlation of "
        f"{_ranges(overall, 'map', 'map_low', 'map_high')[0]} with the mean "
        f"effect of exchanges. Of the {len(each)} single correlations, "
        f"{_count(each['map_low'] > 0)} lie significantly above zero and "
        f"{_count(each['map_high'] < 0)} below; the highest is that of {heads.names(best)[0]}, "
        f"{best['map'].iloc[0]:+.2f}. Within single sites, the attention of **{len(gains)} of "
        f"{len(each)} heads** fits the effects there significantly better than their attention at "
        f"another site does{named}; the largest gain in correlation is {each['gain'].max():+.2f}."
    )


def say_words(effects: pd.DataFrame) -> str:
    """Say for how many heads the attended word matters more than its place explains."""
    more = effects[effects["difference_high"] < 0]
    named = f" ({_named(more, 'difference')})" if len(more) else ""
    return (
        "Averaged over heads, the exchange of the attended word changes the log-odds by "
        f"{effects['attended'].mean():+.2f}, and that of words at the same offsets at other sites "
        f"by {effects['control'].mean():+.2f}. The attended word matters significantly more for "
        f"**{len(more)} of {len(effects)} heads**{named}, and significantly less for "
        f"{_count(effects['difference_low'] > 0)}. The heads have "
        f"{effects['share_inside'].min():.0%} to {effects['share_inside'].max():.0%} of their "
        "attention in the region; what they attend to elsewhere is not tested here."
    )


# ------------------------------------------------------------------------------------ in short


def say_in_short(
    effects: pd.DataFrame, ranks: pd.DataFrame, positions: pd.DataFrame, words: pd.DataFrame
) -> str:
    """Say what heads and nucleotides are worth to the output.

    Parameters
    ----------
    effects : DataFrame
        `ablation.head_effects`.
    ranks : DataFrame
        `ablation.rank_agreement` with the loss of contrast.
    positions : DataFrame
        `mutagenesis.position_effects`.
    words : DataFrame
        `mutagenesis.attended_words`.
    """
    mean = by_mode(effects, "mean")
    worse = mean[mean["ci_high"] < 0]
    worst = (worse if len(worse) else mean).nsmallest(1, "delta_pr_auc")
    best = ranks.nlargest(1, "spearman")
    place = positions.nsmallest(1, "mutation")
    largest = "most" if len(worse) else "the largest change"
    lost = _ranges(worst, "delta_pr_auc", "ci_low", "ci_high", "+.3f")[0]
    change = _ranges(place, "mutation", "mutation_low", "mutation_high")[0]
    return (
        "Replacing one head by its mean lowers PR AUC significantly for "
        f"{len(worse) or 'none'} of {len(mean)} heads ({largest} without "
        f"{heads.names(worst)[0]}: {lost}) and the contrast between start sites and other "
        f"positions for {int((mean['delta_contrast_high'] < 0).sum())}. Attention ranks the heads "
        "by that loss of contrast with a correlation of "
        f"{_ranges(best, 'spearman', 'low', 'high')[0]} at best ({best['attention'].item()}). The "
        "exchange of a single nucleotide costs most at "
        f"{place['label'].item():+d}, where it changes the log-odds by {change}; the word that a "
        "head attends to matters significantly more than words at the same offset at other sites "
        f"for {int((words['difference_high'] < 0).sum())} of {len(words)} heads."
    )
