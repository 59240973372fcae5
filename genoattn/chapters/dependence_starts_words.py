"""What the chapter dependence says of start codons, reading frames and leaderless genes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from genoattn.chapters.dependence_carriers_words import head_name
from genoattn.study.report import folded, in_words, listed, table, with_interval

if TYPE_CHECKING:
    from genoattn.chapters.dependence_carriers import Mediated

NO_TRANSCRIPTS = (
    "Where transcripts of this genome begin is not known here, so leaderless genes cannot be told "
    "from others."
)
STARTS = ("ATG", "GTG", "TTG")
"""Start codons of nearly all bacterial genes, the most frequent first."""
SECOND = 3
"""Offset of the second codon."""
_TOO_WIDE = 0.5
"""An interval of a share that is wider than this says next to nothing."""


def say_codons(found: pd.DataFrame, n: int) -> str:
    """Say in which order the output ranks the codons, and what the usual ones lose against ATG.

    Parameters
    ----------
    found : DataFrame
        `dependence_starts.Codons.table`.
    n : int
        Sites.
    """
    best = found["codon"].head(len(STARTS)).tolist()
    by = _by(found, "codon")
    usual = listed(f"{name} {_change(by[name])}" for name in STARTS[1:])
    rest = dict(found[~found["codon"].isin(STARTS)].iloc[0])
    order = (
        "The three usual start codons rank first, in the order of their frequency."
        if best == list(STARTS)
        else "The three usual start codons rank first."
        if set(best) == set(STARTS)
        else f"The three best codons are {listed(best)}."
    )
    return (
        f"Each of the 64 codons was written in place of the start codon of {n:,} genes. {order} "
        f"Against ATG, the log-odds change with {usual}; the best of the other 61 is "
        f"{rest['codon']}, {_change(rest)}."
    )


def _by(found: pd.DataFrame, column: str) -> dict[str, dict[Any, Any]]:
    """Rows by what a column says."""
    return {str(row[column]): row for row in found.to_dict("records")}


def _change(row: Mapping[Any, Any]) -> str:
    return with_interval(row["change"], row["ci_low"], row["ci_high"])


def say_stops(found: pd.DataFrame, contrast: tuple[float, float, float], n: int) -> str:
    """Say whether a stop codon costs more in frame than out of frame.

    Parameters
    ----------
    found : DataFrame
        `dependence_starts.Frames.table`.
    contrast : tuple of float
        Mean change in frame less that out of frame after the second codon, lower and upper limit.
    n : int
        Sites.
    """
    by = found.groupby("frame")["change"].mean()
    most = found[found["frame"] == 0].nsmallest(3, "change")
    told = listed(f"{row['offset'] + 1:+d} ({_change(row)})" for row in most.to_dict("records"))
    means = f"{by[0]:+.3f} in frame, {by[1]:+.3f} and {by[2]:+.3f} one and two nucleotides further"
    return (
        f"{read_frame(contrast)} TAA, TAG and TGA, written at {len(found)} places after the start "
        f"codon of {n:,} genes, change the log-odds by {means} (means over the places). The second "
        "codon is read as a word as well; over all places after it, the change in frame less that "
        f"out of frame is {with_interval(*contrast, spec='+.3f')}. Of all places in frame, the "
        f"second codon included, those that cost most are {told}.{_say_few_places(found)}"
    )


def _say_few_places(found: pd.DataFrame) -> str:
    """Say so if two places bring most of what stop codons in frame cost after the second codon."""
    later = found[(found["frame"] == 0) & (found["offset"] > SECOND)]["change"]
    first = later.nsmallest(2)
    if len(later) <= len(first) or first.sum() >= later.sum() / 2 or later.sum() >= 0:
        return ""
    places = listed(f"{int(found.loc[one, 'offset']) + 1:+d}" for one in sorted(first.index))
    return (
        f" After the second codon, most of it falls to {places} alone, out of {len(later)} places: "
        "that the model follows the codons one by one is not shown by this."
    )


def read_frame(contrast: tuple[float, float, float]) -> str:
    """Answer whether the reading frame is read."""
    _, low, high = contrast
    if high < 0:
        return "**A stop codon costs more in frame than out of frame.**"
    if low > 0:
        return "**A stop codon costs less in frame than out of frame.**"
    return "**That a stop codon costs more in frame than out of frame is not shown.**"


def say_leaderless(found: pd.DataFrame) -> str:
    """Say how leaderless genes differ from those with a leader.

    Parameters
    ----------
    found : DataFrame
        `dependence_starts.Leaderless.table`.
    """
    by = _by(found, "genes")
    if "leaderless" not in by:
        return (
            "The curated start sites of transcription have fewer than two leaderless genes in the "
            "test part, too few to ask."
        )
    shown = pd.DataFrame(
        {
            "genes": found["genes"],
            "n": found["n"].map("{:,}".format),
            "found": _column(found, "found", ".0%"),
            "output (log-odds)": _column(found, "output", "+.2f"),
            "with a Shine-Dalgarno": _column(found, "matching", ".0%"),
            "upstream made random": _column(found, "upstream", "+.2f"),
        }
    )
    said = (
        f"{by['leaderless']['n']:,} genes of the test part are leaderless: their transcript begins "
        "at most 5 nt before the start codon. "
    )
    if "with a leader" in by:
        said += leaderless_verdict(found)
    return f"{said}\n{folded('Leaderless genes and others', table(shown))}"


def _column(found: pd.DataFrame, name: str, spec: str) -> list[str]:
    return [_of(row, name, spec) for row in found.to_dict("records")]


def leaderless_verdict(found: pd.DataFrame) -> str:
    """Compare recall and what the sequence upstream is worth, by whether the intervals overlap."""
    by = _by(found, "genes")
    one, other = by["leaderless"], by["with a leader"]
    less = _apart(one, other, "found")
    share = f"{_of(one, 'found', '.0%')} are found, against {_of(other, 'found', '.0%')}"
    weaker = _apart(other, one, "upstream")  # costs are negative: the leader's lies lower
    cost = (
        f"random letters upstream change the log-odds by {_of(one, 'upstream', '+.2f')}, against "
        f"{_of(other, 'upstream', '+.2f')}"
    )
    few = one["found_high"] - one["found_low"] > _TOO_WIDE
    verdict = (
        "They are found less often"
        if less
        else "They are too few to tell whether fewer are found"
        if few
        else "No loss of recall is shown"
    )
    return (
        f"**{verdict}:** {share} of those with a leader. "
        + (
            "Their output depends less on what lies upstream"
            if weaker
            else "Their output is not shown to depend less on what lies upstream"
        )
        + f": {cost}."
    )


def _apart(lower: Mapping[Any, Any], higher: Mapping[Any, Any], name: str) -> bool:
    """Whether one interval lies wholly below another."""
    return bool(lower[f"{name}_high"] < higher[f"{name}_low"])


def _of(row: Mapping[Any, Any], name: str, spec: str) -> str:
    return with_interval(row[name], row[f"{name}_low"], row[f"{name}_high"], spec)


def say_in_short(
    mediated: Mediated,
    spaced: pd.DataFrame | None,
    codons: pd.DataFrame,
    contrast: tuple[float, float, float],
    leaderless: pd.DataFrame,
) -> str:
    """Answer the chapter's question for starts of genes.

    Parameters
    ----------
    mediated : Mediated
    spaced : DataFrame or None
        `dependence_carriers.Spaced.table`.
    codons, contrast, leaderless
        Of `dependence_starts`.
    """
    by = _by(mediated.effects[mediated.effects["control"] == ""], "element")
    controls = _by(mediated.effects[mediated.effects["control"] != ""], "element")
    lines = []
    for name in mediated.used:
        mine = mediated.carriers[mediated.carriers["element"] == name]
        top = mine.head(1)
        carried = (
            f"{head_name(top.iloc[0])} alone restores {_share(top.iloc[0])} of it"
            if len(top)
            else "no single head carries it"
        )
        lines.append(
            f"- **{name}**: {_effect(by[name])} log-odds{_beside(by[name], controls)}; {carried}."
        )
    unused = [name for name in by if name not in mediated.used]
    n = len(by)
    used = in_words(len(mediated.used))
    said = f"Of {in_words(n)} elements and edits asked about, the output depends on {used}"
    missed = (f"{name} ({_effect(by[name])} log-odds)" for name in unused)
    said += (
        f". A loss of more than {mediated.criteria.least:g} is not shown for {listed(missed)}.\n\n"
        if unused
        else ".\n\n"
    )
    first = codons.iloc[0]["codon"]
    said += "\n".join(lines) + ("\n\n" if lines else "")
    if spaced is not None:
        best = dict(spaced.loc[spaced["effect"].idxmax()])
        said += (
            f"{best['upstream']}, written at several distances, is worth most {best['spacer']} nt "
            f"before the {best['downstream']} ({_of(best, 'effect', '+.2f')}). "
        )
    said += (
        f"{read_frame(contrast)} Written in frame, a stop codon changes the log-odds by "
        f"{with_interval(*contrast, spec='+.3f')} more than out of frame, in the mean over all "
        f"places after the second codon. The codon that is worth most as a start is {first}."
    )
    if {"leaderless", "with a leader"} <= {*leaderless.get("genes", [])}:
        n = _by(leaderless, "genes")["leaderless"]["n"]
        verdict = leaderless_verdict(leaderless).replace("**", "")
        are = "gene is" if n == 1 else "genes are"
        said += f" {in_words(int(n)).capitalize()} {are} leaderless. {verdict}"
    return said


def _effect(row: Mapping[Any, Any]) -> str:
    return with_interval(row["effect"], row["ci_low"], row["ci_high"])


def _beside(row: Mapping[Any, Any], controls: Mapping[str, Mapping[Any, Any]]) -> str:
    """What the control of an effect shows, where the two intervals meet."""
    control = controls.get(row["element"])
    if control is None or row["ci_low"] > control["ci_high"]:
        return ""
    return f", not significantly more than its control ({_effect(control)})"


def _share(row: pd.Series) -> str:
    return f"{row['share']:.0%} ({row['ci_low']:.0%} to {row['ci_high']:.0%})"
