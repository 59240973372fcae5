"""What the chapter heads says of its numbers: frames in, sentences and tables out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.evaluation.statistics import more_frequent
from genoattn.genome import motifs, sites
from genoattn.heads import preferred, profiles
from genoattn.model.annotator import AnnotatorConfig
from genoattn.study.inputs import StudyInputs
from genoattn.study.parameters import Checked
from genoattn.study.report import folded, in_words, listed, table, with_interval

KEYS = ["layer_1based", "head_1based"]
_LEVEL = 0.05  # greatest p-value that counts as significant


# ------------------------------------------------------------------------- model and samples


def say_subject(study: StudyInputs, name: str, config: AnnotatorConfig, n_positions: int) -> str:
    """Say where the heads of a model can look, and how many weights they give in the test part."""
    last = sites.paper_label(sites.offsets(config.window, config.downstream)[-1])
    n_weights = n_positions * config.layers * config.heads * config.window
    weights = (
        f"{n_weights / 1e9:,.1f} billion" if n_weights >= 1e9 else f"{n_weights / 1e6:.1f} million"
    )
    said = (
        f"{study.note}The model **{name}** has {config.layers} layers of {config.heads} heads. "
        f"Each head looks at {config.window} positions: the nucleotide that the model reads and "
        f"the {config.window - 1} before it. The output there is the probability of a "
        f"{study.site} {config.downstream} nt upstream. A head thus sees that many nucleotides "
        f"beyond the site that is judged, and positions relative to the site run "
        f"from {last:+d} to {sites.paper_label(config.downstream):+d}. As is usual, there is no "
        f"position 0: the {study.of.short} is +1, and the nucleotide before it is -1.\n\n"
        f"The test part of {study.genome.name} has {n_positions:,} nucleotides on both strands, "
        f"hence {weights} weights."
    )
    if study.published:
        said += (
            " The paper has 1,856,660 nucleotides and prints 3.4·10¹³ weights; by its own "
            "numbers (36 heads, 512 positions each) there are 3.4·10¹⁰, or 34 billion."
        )
    return said


def say_samples(frame: pd.DataFrame) -> str:
    """Tabulate the output over each group of samples."""
    output = frame.groupby("group", sort=False)["output"].describe()
    shown = pd.DataFrame(
        {
            "group": output.index,
            "samples": output["count"].map("{:,.0f}".format),
            "lowest output": output["min"].map("{:.2g}".format),
            "median": output["50%"].map("{:.2g}".format),
            "highest": output["max"].map("{:.2g}".format),
        }
    )
    return folded("The output over each group", table(shown))


def say_sample_error(
    error: pd.DataFrame, reached: NDArray[np.float64], n_random: int, n_all: int
) -> str:
    """Say how far means over the samples are off, and how far their maxima fall short.

    Parameters
    ----------
    error : DataFrame
        `profiles.sample_error`.
    reached : array
        Maximum over the samples as a share of that over all positions, of each head and distance.
    n_random, n_all : int
        Number of samples and of all positions.
    """
    relative = error["relative"]
    return (
        f"We compare {n_random:,} random samples with all {n_all:,} nucleotides judged. "
        "We take the largest error of each head's sample means at any position: it is "
        f"{relative.median():.1%} of the head's highest mean in the median head and "
        f"{relative.max():.1%} in the worst. {error['beyond_two'].mean():.1%} of all means "
        "are off by more than two standard errors; normally distributed errors would give 5%. "
        f"{int(error['same_peak'].sum())} of {len(error)} heads have their peak at the same "
        "position in both.\n\nA sample misses the extremes: its largest weight is typically "
        f"{np.median(reached):.0%} of the true largest (median over heads and distances), at worst "
        f"{reached.min():.0%}. Means may come from a sample, with this error; maxima and best "
        "places, and with them the motifs, are taken from all nucleotides."
    )


def say_place(looking: pd.DataFrame, label: int, half_width: int = 3) -> str:
    """Say which heads give most to one position, and whether one has its peak there.

    Parameters
    ----------
    looking : DataFrame
        `profiles.looking_at` for ``label`` and ``half_width`` nt on each side.
    """
    if looking.empty:
        return f"The window of this model does not reach {label:+d}."
    top = looking.head(3)
    told = listed(
        f"{name} ({ratio:.1f} times; peak at {peak:+d})"
        for name, ratio, peak in zip(
            profiles.names(top), top["enrichment"], top["peak_label"], strict=True
        )
    )
    there = looking[(looking["peak_label"] - label).abs() <= half_width]
    verdict = (
        f"**{listed(profiles.names(there))}** {_form(len(there), 'peaks', 'peak')} there."
        if len(there)
        else "**No head peaks there**, in any layer."
    )
    return (
        f"At {label:+d} (±{half_width} nt), the most attention relative to an even share comes "
        f"from {told}. {verdict}"
    )


# ----------------------------------------------------------------------------------- motifs


def say_motifs(
    by_sample: preferred.BestSequences,
    best: preferred.BestSequences,
    background: NDArray[np.float64],
    n_best: int,
    n_known: int,
) -> str:
    """Compare the motifs of the samples with those of all nucleotides: sequences and bits."""
    sampled, full = (motifs.information(one.counts, background) for one in (by_sample, best))
    few, many = by_sample.n_distinct, best.n_distinct
    return (
        f"The {n_best} best samples of a head hold {few.min()} to {few.max()} different motifs "
        f"(median {np.median(few):.0f}), the {n_known} best of all nucleotides {many.min()} to "
        f"{many.max()} (median {np.median(many):.0f}). The median head's motif has "
        f"{np.median(sampled):.1f} bits by the samples and {np.median(full):.1f} by the census, of "
        f"about {2 * best.counts.shape[2]} possible. The census gives the more informative motif "
        f"in {int((full > sampled).sum())} of {full.size} heads."
    )


# --------------------------------------------------------------------------------- elements


def say_elements(found: pd.DataFrame, roles: pd.DataFrame, selective_share: float) -> str:
    """Tabulate the elements, and say which are matched in position and sequence.

    Parameters
    ----------
    found : DataFrame
        `elements.found_elements`.
    roles : DataFrame
        `elements.name_roles`.
    selective_share : float
        Share of its attention near its favourite position that makes a head selective.
    """
    shown = pd.DataFrame(
        {
            "element": found.index,
            "begins at": found["places"],
            "bits": found["bits"].map("{:.1f}".format),
            "selective heads there": found["n_looking"],
            "heads named after it": found["n_heads"],
            "most similar head": found["best_head"].replace("", "none"),
            "similarity": found["similarity"].map("{:.2f}".format).replace("nan", ""),
            "q-value": found["q_value"].map("{:.2g}".format).replace("nan", ""),
            "from": found["source"],
        }
    )
    return (
        f"For **{(found['n_looking'] > 0).sum()} of the {len(found)} elements**, at least one "
        f"*selective* head (one that gives at least {selective_share:.0%} of its attention to the "
        "surroundings of its favourite position) peaks where the element can lie. The ranges "
        f"overlap, so one head can count for several elements. {say_roles(roles, len(found))}\n\n"
        + folded("All elements, with the head that is most like each", table(shown))
    )


def say_roles(roles: pd.DataFrame, n_elements: int) -> str:
    """Say which elements are matched in position and sequence, by which heads, and the rivals."""
    if roles.empty:
        return "**No element** is matched in position and sequence."
    told = grouped(roles, "element")
    n = roles["element"].nunique()
    if n == n_elements:
        which = "**every element**"
    elif n == 1:
        which = "**only one element**"
    else:
        which = f"**{n} of {n_elements} elements**"
    verdict = f"By position and sequence, heads are named after {which}: {told}."
    close = roles[roles["rivals"] != ""]
    return (
        verdict
        if close.empty
        else f"{verdict} Of these heads, some are as similar, or nearly so, to another element: to "
        f"the {grouped(close, 'rivals')}."
    )


def grouped(roles: pd.DataFrame, column: str) -> str:
    """What a column names, each with its heads: ``-10 box (L3 H5 and L4 H2) and ...``."""
    named = roles.assign(name=profiles.names(roles)).groupby(column, sort=False)["name"]
    return listed(f"{what!s} ({listed(names)})" for what, names in named)


class _Named(NamedTuple):
    """How many heads have a role, in networks trained on start sites and in others."""

    hits: int
    n: int
    hits_null: int
    n_null: int
    p_value: float
    least: int

    @property
    def significant(self) -> bool:
        return self.p_value <= _LEVEL

    @property
    def tested(self) -> str:
        power = (
            f"with {self.least} or more it would be significant"
            if self.least <= self.n
            else "with so few heads no number of them would be significant"
        )
        return (
            "one-sided Fisher's exact test that counts heads as independent, p = "
            f"{self.p_value:.2g}" + ("" if self.significant else f"; {power}")
        )


def _named(networks: pd.DataFrame) -> _Named:
    nothing = networks["control"] != ""
    (hits, n), (hits_null, n_null) = (
        networks.loc[which, ["n_roles", "n_heads"]].sum().tolist() for which in (~nothing, nothing)
    )
    return _Named(hits, n, hits_null, n_null, *more_frequent(hits, n, hits_null, n_null))


def say_null(networks: pd.DataFrame) -> str:
    """Say in one sentence what the same rule names where nothing was learnt."""
    named = _named(networks)
    learnt = networks["control"] == ""
    several = learnt.sum() > 1
    looking, elsewhere = (
        int(networks.loc[which, "n_selective"].sum()) for which in (learnt, ~learnt)
    )
    own = (
        f"Of the {named.n} heads of the {in_words(int(learnt.sum()))} networks trained on start "
        f"sites, {looking or 'none'} {_form(looking or 1, 'is', 'are')} selective in this sense "
        f"and {named.hits or 'none'} {_form(named.hits or 1, 'matches', 'match')} an element; of "
        if several
        else "Of "
    )
    return (
        f"{own}the {named.n_null} heads of networks not trained on start sites, "
        f"{elsewhere or 'none'} {_form(elsewhere or 1, 'is', 'are')} selective and "
        f"{named.hits_null or 'none'} {_form(named.hits_null or 1, 'matches', 'match')}. The "
        f"difference in matches ({named.hits} against {named.hits_null}) is "
        f"{'' if named.significant else 'not '}significant, if heads are counted as independent."
    )


def _say_selective_ones(networks: pd.DataFrame, learnt: pd.Series) -> str:
    """Say how many heads look at one place, in networks trained on start sites and in others."""
    sizes = networks["n_heads"]
    if sizes.nunique() == 1:
        of_all, each = f"Of each network's {sizes.iloc[0]} heads", networks["n_selective"].map(str)
    else:
        of_all = "Of the networks' heads"
        each = networks["n_selective"].map(str) + " of " + sizes.map(str)
    return (
        f"{of_all}, {listed(each[learnt])} are selective where start sites were learnt, and "
        f"{listed(each[~learnt])} elsewhere. "
    )


def say_networks(networks: pd.DataFrame, missing: Sequence[str]) -> str:
    """Say whether networks not trained on start sites have fewer heads with a role; tabulate all.

    Parameters
    ----------
    networks : DataFrame
        `heads_networks.Networks`.
    missing : sequence of str
        Weights that were named and are not there.
    """
    named = _named(networks)
    learnt = networks["control"] == ""
    by_network = listed(networks.loc[learnt, "n_roles"].map(str))
    every = f" ({by_network}, network by network)" if learnt.sum() > 1 else ""
    verdict = (
        "**So more heads have a role in the networks trained on start sites**"
        if named.significant
        else "**So it is not shown that more heads have a role where start sites were learnt**"
    )
    bits = networks["information"].map("{:.1f}".format)
    shown = pd.DataFrame(
        {
            "network": networks["model"],
            "trained on": networks["control"].replace({"": "start sites", "untrained": "nothing"}),
            "heads": networks["n_heads"],
            "selective": networks["n_selective"],
            "with a role": networks["n_roles"],
            "named after": networks["elements"].replace("", "none"),
            "median bits of a motif": bits,
        }
    )
    return (
        f"Of the {named.n} heads trained on start sites, {named.hits} have a role{every}; of the "
        f"{named.n_null} others, {named.hits_null}. {verdict} ({named.tested}). "
        + _say_selective_ones(networks, learnt)
        + "For comparison, the median head's motif has "
        f"{listed(bits[~learnt])} bits in networks not trained on start sites, and "
        f"{listed(bits[learnt])} in the others."
        + (f" Not there, and left out: {listed(missing)}." if missing else "")
        + "\n\n"
        + folded("All networks", table(shown))
    )


# ------------------------------------------------------------------------------------ pairs


def say_correlations(matrices: Mapping[str, NDArray[np.float64]], n_heads: int) -> str:
    """Say which two heads are the most correlated in each matrix."""
    told: dict[str, list[str]] = {}
    for title, matrix in matrices.items():
        upper = np.triu(np.ones_like(matrix, dtype=bool), k=1)
        if not upper.any():
            return "There is only one head."
        row, column = np.argwhere(upper)[np.argmax(matrix[upper])].tolist()
        one, two = (f"L{head // n_heads + 1} H{head % n_heads + 1}" for head in (row, column))
        told.setdefault(f"{one} and {two}", []).append(f"{matrix[row, column]:.2f} over {title}")
    pairs = listed(f"{pair} (r = {listed(values)})" for pair, values in told.items())
    both = "By both measures, the" if len(told) < len(matrices) else "The"
    return f"{both} most correlated heads are {pairs}."


def say_pairs(
    n_pairs: int, n_together: int, n_apart: int, spaced: Sequence[bool], span: tuple[int, int]
) -> str:
    """Say how many pairs of heads are high together, at separate places, and at a spaced motif.

    Parameters
    ----------
    n_pairs, n_together, n_apart : int
        All pairs; of these, those that are high together beyond chance; of these, those at two
        places as far apart as ``span`` says, in nt.
    spaced : sequence of bool
        Of the strongest of them: whether both halves hold information.
    span : tuple of int
        Nearest and farthest.
    """
    apart = f"{span[0]} to {span[1]} nt apart"
    none = "we find **no jointly read spaced motif**"
    if n_together == 0:
        return (
            f"In none of {n_pairs} pairs of heads are the weights correlated beyond chance; {none}."
        )
    active = (
        f"In {n_together} of {n_pairs} pairs of heads, the weights are correlated beyond chance"
    )
    if n_apart == 0:
        return f"{active}. In none of these are the two positions {apart}, so {none}."
    told = f"{active}. In {n_apart} of these, the two positions are {apart}."
    n_spaced = sum(spaced)
    if n_spaced == 0:
        return f"{told} Among the strongest ({len(spaced)} drawn) {none}."
    return (
        f"{told} Of the strongest ({len(spaced)} drawn), **{n_spaced}** "
        f"{_form(n_spaced, 'shows', 'show')} a spaced motif."
    )


def say_spacer(
    by_heads: pd.DataFrame | None,
    boxes: Sequence[pd.Series],
    qualified: Sequence[bool],
    known: int,
) -> str:
    """Say which spacer two heads find most often, against independent choice and the known one.

    Parameters
    ----------
    by_heads : DataFrame or None
        `pairs.spacers`.
    boxes : sequence of Series
        `elements.nearest_head` of the upstream and of the downstream box.
    qualified : sequence of bool
        Whether each head has that box as its role.
    known : int
        Published spacer, nt.
    """
    if by_heads is None:
        return "At least one of the two boxes has no head that looks there: no spacer is measured."
    heads_of = [f"L{one['layer_1based']} H{one['head_1based']}" for one in boxes]
    first, second = (
        f"{head}, {'a head of' if stands else 'the head most like'} the {one['element']},"
        for head, one, stands in zip(heads_of, boxes, qualified, strict=True)
    )
    most = by_heads.loc[by_heads["n"].idxmax()]
    near = by_heads["spacer"].between(known - 1, known + 1)
    share, expected = by_heads.loc[near, ["share", "expected"]].sum()
    verdict = (
        "more often than by independent choice"
        if most["p_value"] <= 0.05
        else "not significantly more often than by independent choice"
    )
    weak = [
        f"{head} does not qualify as a {one['element']} head (q = {one['q_value']:.2g})"
        for head, one, stands in zip(heads_of, boxes, qualified, strict=True)
        if not stands
    ]
    caveat = f" {listed(weak)}; this comparison is only illustrative." if weak else ""
    return (
        f"{first} and {second} find a spacer of **{most['spacer']:.0f} nt** most often, at "
        f"{most['share']:.0%} of {by_heads['n'].sum()} predicted start sites: {verdict} "
        f"({most['expected']:.0%}; p = {most['p_value']:.2g}, from combining the one head's "
        "position at one site with the other's at a random other site; not corrected for our "
        "taking the most frequent spacer, and thus a hint only). A spacer within 1 nt of the "
        f"published {known} nt is found at {share:.0%} of the sites, against {expected:.0%} by "
        f"independent choice.{caveat}"
    )


# ---------------------------------------------------------------------- attention and output


def say_output(by_layer: pd.DataFrame, chance: float) -> str:
    """Tabulate the correlations, and say how many layers exceed what shuffled outputs reach."""
    shown = pd.DataFrame(
        {
            "layer": by_layer["layer_1based"],
            "highest, samples (Spearman)": by_layer["maximum"].map("{:+.2f}".format),
            "lowest, samples": by_layer["minimum"].map("{:+.2f}".format),
            "highest, all nucleotides (with ranks)": by_layer["maximum_all"].map("{:+.2f}".format),
            "lowest, all nucleotides": by_layer["minimum_all"].map("{:+.2f}".format),
        }
    )
    strength = by_layer[["maximum", "minimum"]].abs().max(axis=1)
    strongest = by_layer.loc[strength.idxmax(), "layer_1based"]
    return (
        f"The strongest correlation is {strength.max():.2f}, in layer "
        f"{strongest}, regardless of sign. {int((strength > chance).sum())} of {len(by_layer)} "
        f"layers exceed {chance:.2f}, the strongest correlation with shuffled outputs; as "
        "neighbouring samples are not independent, that limit is too low.\n\n"
        + folded("The strongest correlations of each layer", table(shown))
    )


# -------------------------------------------------------------------- known motifs and sites


def say_known_motifs(
    matches: pd.DataFrame,
    best: pd.DataFrame,
    calibration: pd.DataFrame,
    n_known: int,
    max_q: float,
) -> str:
    """Say how many heads match a known motif, and whether the p-values are calibrated.

    Parameters
    ----------
    matches : DataFrame
        `tomtom.compare`, without decoys.
    best : DataFrame
        `tomtom.best_match`, a row a head.
    calibration : DataFrame
        `tomtom.calibration`, with the threshold 0.01.
    n_known : int
        Known motifs.
    max_q : float
        Greatest q-value of a match.
    """
    passing = best[best["q_value"] <= max_q].sort_values("q_value")
    shown = pd.DataFrame(
        {
            "head": profiles.names(passing),
            "known motif": passing["motif"],
            "width": passing["width"],
            "overlap": passing["overlap"],
            "strand": np.where(passing["reverse"], "opposite", "same"),
            "p-value": passing["p_value"].map("{:.1e}".format),
            "q-value": passing["q_value"].map("{:.2g}".format),
            "Benjamini-Hochberg": passing["q_tomtom"].map("{:.2g}".format),
        }
    )
    row = calibration.set_index("threshold").loc[0.01]
    by_tomtom = matches[matches["q_tomtom"] <= max_q].drop_duplicates(KEYS)
    passes = _form(len(passing), "passes", "pass")
    few = _of(len(passing), len(best), "head")
    return (
        f"Against all {n_known} known motifs, at any place, "
        f"**{few if len(passing) else few.lower()}** {passes} (q ≤ {max_q:g}; by TOMTOM's own "
        f"p-values with the usual Benjamini-Hochberg correction, {len(by_tomtom) or 'none'} would;"
        " we rely on shuffled motifs, which have the heads' own composition)"
        ". The test of elements above makes far fewer comparisons: a few elements, each at its "
        f"place. A p-value of at most 0.01 is reached by {row['shuffled']:.2%} of the "
        f"comparisons of shuffled motifs and by {row['heads']:.2%} of "
        "those of the heads' own." + (f"\n{table(shown)}" if len(shown) else "")
    )


def say_known_sites(
    enriched: pd.DataFrame, any_site: pd.DataFrame, max_q: float, most: int = 20
) -> str:
    """Say how many heads' best places are enriched in known sites; tabulate the clearest pairs.

    Parameters
    ----------
    enriched : DataFrame
        `enrichment.enrichment`.
    any_site : DataFrame
        Its rows of all binding sites together.
    max_q : float
        Greatest q-value of an enrichment.
    most : int
        Pairs tabulated at most.
    """
    passing = enriched[enriched["q_value"] <= max_q].sort_values("p_value")
    top = passing.head(most)
    shown = pd.DataFrame(
        {
            "head": profiles.names(top),
            "sites": top["kind"],
            "of": top["name"],
            "best places": top["n"],
            "in sites": top["n_inside"],
            "expected": top["expected"].map("{:.1f}".format),
            "odds ratio (95% CI)": [
                with_interval(value, low, high, ".1f")
                for value, low, high in top[["odds_ratio", "low", "high"]].to_numpy()
            ],
            "q-value": top["q_value"].map("{:.2g}".format),
        }
    )
    n = int((any_site["q_value"] <= max_q).sum())
    n_sets = enriched.groupby(["kind", "name"]).ngroups
    have, are = _form(n, "has", "have"), _form(len(passing), "is", "are")
    said = (
        f"**{_of(n, len(any_site), 'head')}** {have} best places that are shown to be enriched "
        f"in binding sites as a whole, against matched places (q ≤ {max_q:g}). Each of {n_sets} "
        "sets is tested too (all sites of a kind, those of one factor, the promoters of one sigma "
        f"factor): {_of(len(passing), len(enriched), 'pair').lower()} of head and set {are} shown "
        "to be enriched"
    )
    if top.empty:
        return f"{said}."
    return f"{said}; the clearest{f' {most}' if len(passing) > most else ''}:\n{table(shown)}"


# -------------------------------------------------------------------------------- all heads


def say_all_heads(rows: pd.DataFrame, max_q: float) -> str:
    """Tabulate all heads, a row each; known motifs only where their q-value is small enough."""
    shown = pd.DataFrame(
        {
            "head": profiles.names(rows),
            "looks at": rows["peak_label"].map("{:+d}".format),
            "mean there": rows["peak_mean"].map("{:.3f}".format),
            "concentration": rows["selectivity"].map("{:.2f}".format),
            "share near": rows["share_near_peak"].map("{:.0%}".format),
            "motif": rows["consensus"],
            "bits": rows["information"].map("{:.1f}".format),
            "distinct": rows["n_distinct"],
            "known motif (q)": [
                f"{motif} ({q:.2g})" if q <= max_q else ""
                for motif, q in zip(rows["best_motif"], rows["q_value"], strict=True)
            ],
            "odds in sites (q)": [
                "" if np.isnan(odds) else f"{odds:.1f} ({q:.2g})"
                for odds, q in zip(rows["site_odds_ratio"], rows["site_q"], strict=True)
            ],
            "rank correlation": [
                f"{low:+.2f} to {high:+.2f}"
                for low, high in zip(rows["spearman_min"], rows["spearman_max"], strict=True)
            ],
            "moved": rows["share_moved"].map("{:.2f}".format),
            "role": rows["role"],
        }
    )
    if rows["site_odds_ratio"].isna().all():  # no sites are known, or none were asked about
        shown = shown.drop(columns="odds in sites (q)")
    return table(shown)


def say_selective(selective: pd.DataFrame, n_heads: int, p: Checked) -> str:
    """Say how many heads are selective, and how many of these look at the promoter region.

    Parameters
    ----------
    selective : DataFrame
        Their rows of `atlas.head_table`.
    n_heads : int
        All heads.
    p : Checked
        ``selective_share`` and ``half_width``, which make a head selective.
    """
    n, (first, last) = len(selective), profiles.PROMOTER
    near = int(selective["peak_label"].between(first, last).sum())
    told = (
        f"{_of(n, n_heads, 'head')} {_form(n, 'gives', 'give')} at least {p.selective_share:.0%} "
        f"of {_form(n, 'its', 'their')} attention to positions within {p.half_width} nt of one "
        "place"
    )
    if n == 0:
        return f"{told}."
    which = "it" if near == n == 1 else f"{'all' if near == n else near or 'none'} of these"
    return f"{told}; {which} {_form(near, 'peaks', 'peak')} between {first:+d} and {last:+d}."


def say_tested(
    roles: pd.DataFrame,
    best: pd.DataFrame,
    any_site: pd.DataFrame | None,
    max_q: float,
    near: str = "promoter",
) -> str:
    """Say how many heads match an element at its place, a known motif, and known sites.

    Parameters
    ----------
    roles : DataFrame
        `elements.name_roles`.
    best : DataFrame
        `tomtom.best_match`, a row a head.
    any_site : DataFrame or None
        `enrichment.enrichment` of all binding sites together; None where none are known.
    max_q : float
        Greatest q-value of all these.
    near : str
        What the sequence is called that the elements are of.
    """
    n_known = int((best["q_value"] <= max_q).sum())
    named = f": {grouped(roles, 'element')}" if len(roles) else ""
    told = (
        f"At q ≤ {max_q:g} (q: the share of false ones to be expected among such matches), "
        f"{_heads(len(roles))} {_form(len(roles), 'matches', 'match')} a {near} element at its "
        f"place{named}; against all known motifs, at any place, "
        f"{_heads(n_known, 'none')} {_form(n_known, 'passes', 'pass')}"
    )
    rest = _unread(len(best) - len(roles), len(best))
    if any_site is None:
        return f"{told}.{rest}"
    n_sites = int((any_site["q_value"] <= max_q).sum())
    told += (
        f"; {_heads(n_sites)} {_form(n_sites, 'has', 'have')} best places that are shown to be "
        "enriched in known binding sites"
    )
    finite = any_site[np.isfinite(any_site["odds_ratio"])]
    if finite.empty:
        return f"{told}.{rest}"
    top = finite.loc[[finite["p_value"].idxmin()]]
    ((value, low, high, q),) = top[["odds_ratio", "low", "high", "q_value"]].to_numpy()
    alone = "" if q <= max_q else ", so chance may explain it"
    return (
        f"{told} (clearest: {profiles.names(top)[0]}, odds ratio {value:.1f}, 95% interval "
        f"{low:.1f} to {high:.1f} before correction; corrected over heads and sets "
        f"q = {q:.2g}{alone}).{rest}"
    )


def _unread(n: int, total: int) -> str:
    """Say of how many heads attention does not tell what they read."""
    if n <= 0:
        return ""
    which = f"{n} {'other ' * (n < total)}head{'s' * (n > 1)}"
    matching = total - n
    likeness = (
        f" Of the {matching} that {_form(matching, 'matches', 'match')}, attention tells only that "
        "the motif is like the element's."
        if matching
        else ""
    )
    it = "it" if matching else "attention"
    return f"{likeness} What the {which} {_form(n, 'reads', 'read')}, {it} does not tell."


def _heads(n: int, none: str = "no head") -> str:
    """``no head``, ``1 head``, ``3 heads``."""
    return f"{n} head{'s' if n > 1 else ''}" if n else none


def _form(n: int, one: str, many: str) -> str:
    """The form of a word that goes with none or one of several, or with more of them."""
    return one if n <= 1 else many


def _of(n: int, total: int, noun: str) -> str:
    """``None of 36 heads``, ``1 of 36 heads``."""
    return f"{n or 'None'} of {total} {noun}s"
