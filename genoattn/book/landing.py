"""The first page's findings, claims and paths, from the results of the study; files in and out.

``genoattn book landing`` writes, when the book is built, what ``book/intro.md`` includes: the
answer to the book's question, five findings with a picture each, the paper's claims with our
verdicts, three paths through the book with their reading times, how to cite, and the downloads.
Nothing of it is typed: a number that a chapter did not write cannot stand on the first page.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import yaml

from genoattn.book.pages import page_source
from genoattn.book.web import published
from genoattn.data.assays import source_name
from genoattn.evaluation.statistics import proportion
from genoattn.genome.files import writing
from genoattn.genome.sites import paper_label
from genoattn.interventions import recovery
from genoattn.interventions.circuits import told_of
from genoattn.plots import landing as figures
from genoattn.plots import style
from genoattn.plots.drawn import Drawn
from genoattn.study.report import every, in_words, listed, table, with_interval
from genoattn.study.statements import VERDICTS

__all__ = [
    "MAX_Q",
    "ROUTES",
    "Headline",
    "Results",
    "Route",
    "answer",
    "citation",
    "claims",
    "headlines",
    "minutes",
    "write",
]

WORDS_A_MINUTE = 220
"""Reading speed for a text with numbers in it; of plain prose it is about 240 (Brysbaert 2019,
doi:10.1016/j.jml.2019.104047)."""

_PARTS = "_build/landing"
_STUDY = "book/study"
_WEIGHTS = "genoattn/weights"
_SHOWN = 5
MAX_Q = 0.05
"""Greatest q-value of what pages made from the results call found."""


# ------------------------------------------------------------------------------------- results


@dataclass(frozen=True)
class Results:
    """The tables of a folder of results.

    Attributes
    ----------
    folder : Path
        Such as ``book/results/ecoli``.
    weights : str
        The model that the study explains.
    """

    folder: Path
    weights: str = "curated"

    def has(self, name: str) -> bool:
        """Tell whether there is such a table."""
        return self._file(name).is_file()

    def _file(self, name: str) -> Path:
        """The file of a table; a long one is compressed."""
        packed = self.folder / f"{name}.csv.gz"
        return packed if packed.is_file() else self.folder / f"{name}.csv"

    def table(self, name: str, *columns: str) -> pd.DataFrame:
        """Read a table that has these columns.

        Raises
        ------
        ValueError
            It is not there, lacks a column or has no row.
        """
        path = self._file(name)
        if not path.is_file():
            raise ValueError(f"{path}: is missing, and the first page needs it; run: make study")
        found = pd.read_csv(path)
        lacking = [one for one in columns if one not in found.columns]
        if lacking or found.empty:
            what = f"has no column {lacking[0]!r}" if lacking else "has no row"
            raise ValueError(f"{path}: {what}, which the first page needs; run: make study")
        return found

    def row(self, name: str, **where: object) -> dict[str, Any]:
        """Give the one row of a table with these values.

        Raises
        ------
        ValueError
            There is none, or more than one.
        """
        found = self.table(name, *where)
        for column, value in where.items():
            found = found[found[column] == value]
        if len(found) != 1:
            asked = ", ".join(f"{column} {value}" for column, value in where.items())
            raise ValueError(f"{self.folder / name}.csv: {len(found)} rows with {asked}, not one")
        return {str(name): value for name, value in found.iloc[0].items()}


# ------------------------------------------------------------------------------------- answer


def answer(results: Results) -> str:
    """Answer the book's question in a few sentences; nothing where its tables are not there.

    Does the model know promoters: the elements of the map of substitutions. Do its heads show it:
    the elements that attention names a head for, and those that a head carries. How sure: in how
    many other seeds, and whether binding sites of factors count.
    """
    if not all(map(results.has, ("elements_used", "heads_by_element", "factors"))):
        return ""
    found = results.table("elements_used", "model", "element", "ci_high")
    lost = found["model"].eq(results.weights) & (found["ci_high"] < 0)
    mapped = [str(one) for one in found.loc[lost, "element"].unique()]
    rows = results.table("heads_by_element", "element", "by_attention", "used", "n_carriers")
    used = rows[rows["used"].astype(bool)]
    seen = used.loc[used["by_attention"].fillna("").ne(""), "element"].tolist()
    seeds = int(rows["n_seeds"].max())
    carried = used[used["n_carriers"] > 0]
    factors = results.table("factors", "model", "factor", "q_value")
    factors = factors[factors["model"].eq(results.weights) & ~factors["factor"].map(_is_position)]
    motifs = {str(one): _motif(one) for one in factors["factor"]}
    mapped, seen = ([motifs.get(one, f"the {one}") for one in names] for names in (mapped, seen))
    if mapped:
        knows = (
            f"**Yes, the model knows promoters**: {listed(mapped)} "
            f"{'stands' if len(mapped) == 1 else 'stand'} out when each nucleotide in turn is "
            "substituted."
        )
    else:
        knows = "**That the model knows promoters is not shown**: no element stands out in its map."
    extent = "**fully**" if len(seen) == len(used) > 0 else "**in part**" if seen else "**not**"
    paragraphs = (
        f"{knows} Its heads show this {extent}. The output depends on {in_words(len(used))} "
        "elements of promoters. By where heads look, and at which letters, attention names a head "
        f"for {in_words(len(seen), 'none')} of them{f' ({listed(seen)})' * bool(seen)}. By "
        f"experiment, {in_words(len(carried), 'none')} of them "
        f"{'is' if len(carried) < 2 else 'are each'} *carried* by a head"
        f"{f' ({listed(_the(carried))})' * bool(len(carried))}: when the element is replaced, the "
        "score falls, and when this one head is given back the output that it had before, a part "
        "of the fall is undone.",
        f"{_sure(carried, seeds, known=bool(mapped))} {_sites(factors, {*mapped, *seen})}",
        _tried(results.folder.parent / "demo" / "recovery.csv"),
    )
    return _minus("\n\n".join(one for one in paragraphs if one))


def _the(rows: pd.DataFrame) -> list[str]:
    """Name the elements of some rows."""
    return [f"the {one}" for one in rows["element"]]


def _sure(carried: pd.DataFrame, seeds: int, known: bool) -> str:
    """Say which elements heads carry in the other seeds too."""
    again = carried["n_seeds"] == seeds
    if not (seeds and known and again.any()):
        return "We are not sure of these elements: not every repeated training has heads for them."
    rest = listed(_the(carried[~again]))
    return (
        f"We are **sure** of {listed(_the(carried[again]))}, which heads carry in {every(seeds)} "
        f"repeated training{'s' * (seeds > 1)} too"
        f"{f', and less so of {rest}, which heads do not carry in each' * (not again.all())}. "
        "Those are other heads: a name such as L4 H6 (layer 4, head 6) belongs to one training."
    )


def _sites(factors: pd.DataFrame, named: set[str]) -> str:
    """Say for how many factors the output changed where their binding sites were replaced."""
    n_shown = int((factors["q_value"] < MAX_Q).sum())
    alike = [one for one in sorted(map(_motif, factors["factor"])) if one in named]
    return (
        "Whether the model reads the binding sites of named factors is "
        f"**{'shown for some' if n_shown else 'not shown'}**: we replaced those of "
        f"{in_words(len(factors))}, and for {in_words(n_shown, 'none')} the output changed more "
        "than at matched controls."
        + f" So letters like {listed(alike)} matter, but need not be binding sites."
        * (bool(alike) and not n_shown)
    )


def _motif(factor: object) -> str:
    """Name what binds a factor."""
    return f"the motif of {factor}"


def _tried(path: Path) -> str:
    """Say what claims of this kind are worth where the truth is known, if that was tried."""
    if not path.is_file():
        return ""
    tables = recovery.read(path)
    used = tables.recovered[tables.recovered["used"]]
    n_found = int(used["recovered"].sum())
    share, low, high = proportion(n_found, len(used), 0.95)
    claims = tables.claims[tables.claims["claimed"]]
    planted = claims["grammar"] & claims["trained"]
    treated = tables.genomes["grammar"] & tables.genomes["trained"]
    return (
        f"How far can such claims be trusted? On {in_words(int(treated.sum()))} simulated genomes, "
        "a rule that is told of no element found "
        f"{n_found} of the {len(used)} planted elements that the models use "
        f"({share:.0%}; {low:.0%} to {high:.0%}). Of its "
        f"{int(planted.sum())} claims, {int(claims.loc[planted, 'false_claim'].sum())} were false. "
        f"In {in_words(int((~treated).sum()))} networks that have nothing to find, as no element "
        f"was planted or they were not trained, it claimed "
        f"{in_words(int((~planted).sum()), 'nothing')}{' elements' * int((~planted).sum() > 0)}."
    )


def _is_position(name: str) -> bool:
    """Whether a row of the table of factors is about a place and not a factor."""
    return str(name).startswith("position")


# ---------------------------------------------------------------------------------- headlines


@dataclass(frozen=True, eq=False)
class Headline:
    """One finding of the first page.

    Attributes
    ----------
    name : str
        Of the picture's file.
    number : str
        The finding's number, as it shall be read.
    title, text : str
        What was found; how, and what it means. Markdown.
    drawn : Drawn
    page, heading : str
        Where it is shown: a page as the table of contents names it, and a heading on it.
    """

    name: str
    number: str
    title: str
    text: str
    drawn: Drawn
    page: str
    heading: str


def headlines(results: Results) -> list[Headline]:
    """Make the findings of the first page, at most five, in the order in which they are read.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of Headline
        Those whose tables are there.
    """
    makers: tuple[tuple[str, Callable[[Results], Headline]], ...] = (
        ("performance", accuracy),
        ("mediation", carriers),
        ("dependence_map", letters),
        ("ablation_whole", redundancy),
        ("attention_or_dilations", attention),
        ("output_support", evidence),
    )
    return [make(results) for name, make in makers if results.has(name)][:_SHOWN]


def accuracy(results: Results) -> Headline:
    """How well the model finds start sites, beside the paper's and a model without attention."""
    found = results.table("performance", "train_set", "model", "value", "ci_low", "paper_value")
    found = found[
        (found["metric"] == "pr_auc")
        & (found["resolution"].astype(str) == "1")
        & (found["train_set"] == "curated")
        & (found["test_set"] == "curated")
    ].drop_duplicates("model")
    own = found[found["model"] == results.weights]
    if own.empty:
        raise ValueError(f"{results.folder}/performance.csv: no PR AUC of {results.weights}")
    ours, paper = own.iloc[0], float(own.iloc[0]["paper_value"])
    rows = [("the paper", paper, np.nan, np.nan), (f"{results.weights} (same design)", *_ci(ours))]
    best = found.loc[found["value"].idxmax()]
    for name, label in (
        ("convolutional", "no attention at all"),
        ("annotator", "attention on convolutions"),
        (str(best["model"]), "best ensemble"),
    ):
        other = found[found["model"] == name]
        if len(other) and name != results.weights:
            rows.append((label, *_ci(other.iloc[0])))
    if ours["ci_low"] > paper:
        title = "The model finds start sites better than the paper reports"
    elif ours["ci_high"] < paper:
        title = "The model does not reach the paper's score"
    else:
        title = "The model finds start sites as well as the paper reports"
    drawn = figures.forest(
        _frame(rows), "PR AUC on the test part of the genome", "how well each model finds sites"
    )
    return Headline(
        "accuracy",
        with_interval(*_ci(ours), ".2f"),
        title,
        f"The area under the precision-recall curve (PR AUC) of `{results.weights}`, which has the "
        f"paper's architecture, on a fifth of the genome that it never saw. The paper has "
        f"{paper:.3f}; guessing has less than 0.001.",
        drawn,
        f"{_STUDY}/02_training",
        "Scores on the test part",
    )


def carriers(results: Results) -> Headline:
    """Which head carries which element to the output, by restoring one head at a time."""
    found = results.table("mediation", "model", "element", "layer", "head", "share", "control")
    found = found[
        (found["model"] == results.weights)
        & found["control"].fillna("").eq("")
        & (found["query_bin"] == "all")
    ]
    more = found.reindex(columns=["excess_q", "excess_low"])  # beyond sites that lack the element
    named = ~(more["excess_q"] >= MAX_Q) & ~(more["excess_low"] <= 0)
    kept = found[(found["q_value"] < MAX_Q) & (found["ci_low"] > 0) & named]
    elements = found["element"].nunique()
    if kept.empty:
        raise ValueError(f"{results.folder}/mediation.csv: no head carries an element")
    best = kept.sort_values("share", ascending=False).drop_duplicates("element")
    if results.has("heads_by_element"):  # first what the most repeated trainings carry too
        seeds = results.table("heads_by_element", "element", "n_seeds").set_index("element")
        best = best.assign(n_seeds=best["element"].map(seeds["n_seeds"]))
        best = best.sort_values(["n_seeds", "share"], ascending=False)
    first = best.iloc[0]
    name, rest = _head(first), best.iloc[1:]
    rows = [(f"{one['element']}: {_head(one)}", *_ci(one, "share")) for _, one in best.iterrows()]
    return Headline(
        "carriers",
        with_interval(*_ci(first, "share"), ".0%"),
        _minus(
            f"One head, {name}, carries most of the {first['element']}"
            if first["share"] > 0.5
            else f"No head carries as much of the {first['element']} as {name}"
        ),
        f"We replaced an element by other letters, and then gave one head the output back that it "
        f"had before. {_lost(results, first)} Giving {name} its output back undoes "
        f"{first['share']:.0%} of that loss. {_others(rest, elements)}"
        + _OVERSHOT
        * bool((best["share"] > 1).any()),
        figures.forest(
            _frame(rows),
            "share of the effect that one head restores",
            "the leading head of each element",
            share=True,
        ),
        f"{_STUDY}/06_dependence",
        "Which head carries which element",
    )


_OVERSHOT = " More than 100% is possible: the output may then be higher than it was before."


def _lost(results: Results, carried: pd.Series) -> str:
    """What an element is, and what the output loses without it."""
    effects = results.table("mediation_effects", "element", "control", "effect", "ci_low")
    own = effects["control"].fillna("").eq("") & effects["element"].eq(carried["element"])
    lost = effects[own].iloc[0]
    first, last = (int(paper_label(int(carried[end]))) for end in ("first", "last"))
    return _minus(
        f"The {carried['element']} is the letters at {first:+d} to {last:+d}; losing them costs "
        f"{with_interval(*_ci(lost, 'effect'), '.2f')} log-odds."
    )


def _others(rest: pd.DataFrame, tried: int) -> str:
    """How much single heads restore of the other elements, of so many that were tried."""
    if rest.empty:
        return f"No other element has such a head; we tried {in_words(tried)}."
    low, high = rest["share"].min(), rest["share"].max()
    share = f"{low:.0%}" if len(rest) == 1 else f"{low:.0%} to {high:.0%}"
    have = "has a head that undoes" if len(rest) == 1 else "each have a head that undoes"
    return (
        f"Of the other {in_words(tried - 1)} elements that we tried, {in_words(len(rest))} {have} "
        f"a part of their loss, {share}."
    )


def letters(results: Results) -> Headline:
    """Which nucleotide the output depends on most."""
    found = results.table("dependence_map", "label", "cost", "ci_low", "ci_high")
    found = found.drop_duplicates("label")
    worst = found.loc[found["cost"].idxmin()]
    at = f"{int(worst['label']):+d}".replace("-", "−")
    boxes = [one for one in figures.BOXES if one[1] <= worst["label"] <= one[2]]
    where = f", which lies in the {boxes[0][0]}," if boxes else ""
    return Headline(
        "letters",
        _minus(with_interval(*_ci(worst, "cost"), "+.2f")),
        f"The nucleotide at {at} matters most",
        f"Substituting this one nucleotide{where} lowers the log-odds of a start site by "
        f"{-float(worst['cost']):.2f} in the mean: the odds shrink "
        f"{np.exp(-float(worst['cost'])):.0f}-fold. The model reads the parts of a promoter that "
        "biologists know.",
        figures.along(found),
        f"{_STUDY}/06_dependence",
        "What the model reads",
    )


def redundancy(results: Results) -> Headline:
    """How much the score needs any single head."""
    value = "delta_pr_auc"
    found = results.table("ablation_whole", value, f"{value}_low", f"{value}_high")
    found = found.rename(columns={f"{value}_low": "ci_low", f"{value}_high": "ci_high"})
    found = found.sort_values(value, ignore_index=True)
    worst = found.iloc[0]
    needed, n = int((found["ci_high"] < 0).sum()), len(found)
    unsure = int(((found["ci_low"] <= 0) & (found["ci_high"] >= 0)).sum())
    better = int((found["ci_low"] > 0).sum())
    rises = f"; without {in_words(better)} the score rises" if better else ""
    name = f"L{int(worst['layer_1based'])} H{int(worst['head_1based'])}"
    return Headline(
        "redundancy",
        _minus(with_interval(*_ci(worst, "delta_pr_auc"), "+.3f")),
        f"Leaving out a single head lowers the score for {in_words(needed, 'none')} of {n} heads",
        f"The change of PR AUC without {name}, the head that is missed most. For "
        f"{in_words(unsure)} {'head' if unsure == 1 else 'heads'} the interval includes zero"
        f"{rises}.{_circuits(results)} Attention shows where a head looks; only switching it off "
        "shows whether the output needs it.",
        figures.ranked(found),
        f"{_STUDY}/06_dependence",
        "How much the score needs each head",
    )


def _circuits(results: Results) -> str:
    """What the score keeps of fewer heads, if circuits were tried."""
    if not results.has("circuits"):
        return ""
    curve = results.table("circuits", "n_heads", "share", "part").sort_values("n_heads")
    (most, _), whole = told_of(curve), curve.iloc[-1]
    measured = (
        f"; the intervals are rough, as this was measured on {whole['part']:.0%} of the test part"
        if whole["part"] < 1
        else ""
    )
    said = (
        " When heads are taken out one after the other, those that seem least needed first, the "
        f"{int(most['n_heads'])} that remain of {int(whole['n_heads'])} keep "
        f"{with_interval(most['share'], most['share_low'], most['share_high'], '.0%')} of the score"
    )
    return f"{said}{measured}."


def attention(results: Results) -> Headline:
    """What attention adds to convolutions, over the seeds of both."""
    found = results.table(
        "attention_or_dilations", "test_set", "metric", "with_attention", "difference", "ci_low"
    )
    found = found[(found["metric"] == "pr_auc") & found["difference"].notna()]
    if found.empty:
        raise ValueError(f"{results.folder}/attention_or_dilations.csv: no PR AUC is compared")
    first = found.iloc[0]
    up, down = bool((found["ci_low"] > 0).all()), bool((found["ci_high"] < 0).any())
    sets = [source_name(str(name)) for name in found["test_set"]]
    every = [_ci(one, "difference") for _, one in found.iterrows()]
    rows = [(name, *one) for name, one in zip(sets, every, strict=True)]
    if up:
        title = "Attention helps beyond convolutions"
    elif down:
        title = "Attention does worse than plain convolutions"
    else:
        title = "Attention is not shown to beat plain convolutions"
    return Headline(
        "attention",
        _minus(with_interval(*_ci(first, "difference"), "+.3f")),
        title,
        "We compared two models that were trained alike on the same input and targets: "
        f"`{first['with_attention']}`, with attention (mean of "
        f"{in_words(int(first['n_attention']))} trainings), and `{first['with_dilations']}`, "
        f"without (mean of {in_words(int(first['n_dilations']))})."
        f"{_neither(results, first)} The number is the difference in PR AUC. Its interval allows "
        "for the scatter between trainings that begin with different random numbers (seeds)"
        f"{', and includes zero' if first['ci_low'] <= 0 <= first['ci_high'] else ''}. The "
        "picture above of the scores shows one training of each.",
        figures.forest(_frame(rows), "PR AUC with attention minus without", "tested on", zero=True),
        f"{_STUDY}/02_training",
        "What attention adds",
    )


def _neither(results: Results, compared: pd.Series) -> str:
    """Say that the model that the study explains is none of the two, where it is so."""
    if results.weights in (compared["with_attention"], compared["with_dilations"]):
        return ""
    return f" Neither is `{results.weights}`."


def evidence(results: Results) -> Headline:
    """How many predicted sites that the labels lack have evidence elsewhere."""
    found = results.table("output_support", "evidence", "of", "share", "share_low", "chance")
    novel = found[found["of"] == "novel sites"]
    any_of = results.row("output_support", evidence="any of these", of="novel sites")
    times = float(any_of["share"]) / float(any_of["chance"])
    rows = [
        (str(one["evidence"]), *_ci(one, "share", "share_{}"), float(one["chance"]))
        for _, one in novel.iterrows()
        if one["evidence"] != "any of these"
    ]
    rows.insert(0, ("any experiment", *_ci(any_of, "share", "share_{}"), float(any_of["chance"])))
    return Headline(
        "evidence",
        with_interval(*_ci(any_of, "share", "share_{}"), ".0%"),
        "Many of its false positives are real start sites"
        if any_of["share_low"] > 2 * any_of["chance"]
        else "Few of its false positives have other evidence",
        f"Of {int(any_of['n']):,} predicted sites that the labels lack, this share was seen by "
        f"another experiment, {times:.0f} times as many as by chance. Labels are incomplete, and "
        "every precision in this book is too low for that reason.",
        figures.forest(
            _frame(rows),
            "share of predicted sites without a label",
            "with evidence of each kind, and by chance (open)",
            share=True,
        ),
        f"{_STUDY}/04_output",
        "Are the false positives errors of the model or of the labels?",
    )


def _ci(row: Any, value: str = "value", ends: str = "ci_{}") -> tuple[float, float, float]:
    """Give a number and the ends of its interval."""
    low, high = (row[ends.format(end)] for end in ("low", "high"))
    return float(row[value]), float(low), float(high)


def _frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Name the columns of rows for `figures.forest`."""
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "chance"][: len(rows[0])])


def _head(row: pd.Series) -> str:
    """Name a head."""
    return f"L{int(row['layer'])} H{int(row['head'])}"


def _minus(text: str) -> str:
    """Write minus signs as typesetters do."""
    return re.sub(r"-(?=\d)", "−", text)


# -------------------------------------------------------------------------------------- claims


def claims(results: Results) -> pd.DataFrame:
    """Set the paper's claims beside what is found here.

    Parameters
    ----------
    results : Results

    Returns
    -------
    DataFrame
        ``claim``, ``here``, ``verdict`` (`VERDICTS`: holds, does not hold, not shown) and
        ``page``.
    """
    rows = [_merged(results.folder), *_scores(results), *_by_intervention(results)]
    for name, page in (("heads_statements", "03_heads"), ("output_statements", "04_output")):
        found = results.table(name, "statement", "here", "holds")
        for one in found.itertuples():
            if one.holds not in VERDICTS:
                raise ValueError(f"{results.folder}/{name}.csv: {one.holds!r} is no verdict")
            here = f"{one.here}{_matched(results, str(one.statement))}"
            rows.append((str(one.statement), here, VERDICTS[str(one.holds)], page))
    frame = pd.DataFrame(rows, columns=["claim", "here", "verdict", "page"])
    return frame.assign(claim=frame["claim"].map(_capital), page=f"{_STUDY}/" + frame["page"])


def _matched(results: Results, statement: str) -> str:
    """Beside what pseudogenes have: what is left of it beside genes of the same AT content."""
    if statement != "pseudogenes are raised" or not results.has("output_pseudogenes"):
        return ""
    row = results.row("output_pseudogenes", matched_on="AT content", strand="sense")
    said = f"; {with_interval(*_ci(row, 'ratio'), '.2f')} times genes of the same AT content"
    return f"{said}, so AT content may explain it" if row["ci_low"] <= 1 else said


def _merged(folder: Path) -> tuple[str, str, str, str]:
    """Whether the four tables merge to as many sites; within one in a hundred counts as yes."""
    path = folder / "curated.json"
    if not path.is_file():
        raise ValueError(f"{path}: is missing, and the first page needs it; run: make study")
    facts = json.loads(path.read_text(encoding="utf-8"))
    holds = abs(facts["n"] - facts["paper_n"]) <= 0.01 * facts["paper_n"]
    return (
        f"four published tables merge into {facts['paper_n']:,} start sites",
        f"{facts['n']:,} start sites",
        VERDICTS["yes" if holds else "no"],
        "01_curation",
    )


def _scores(results: Results) -> Iterator[tuple[str, str, str, str]]:
    """Whether the scores on the curated set are reached."""
    for metric, name in (("roc_auc", "ROC AUC"), ("pr_auc", "PR AUC")):
        found = results.table("performance", "resolution")
        found = found[
            (found["metric"] == metric)
            & (found["resolution"].astype(str) == "1")
            & (found["model"] == results.weights)
            & (found["test_set"] == "curated")
        ]
        if found.empty:
            raise ValueError(f"{results.folder}/performance.csv: no {name} of {results.weights}")
        row = found.iloc[0]
        holds = float(row["ci_high"]) >= float(row["paper_value"])
        yield (
            f"a transformer finds the start sites with a {name} of at least "
            f"{row['paper_value']:.3f}",
            f"{name} {with_interval(*_ci(row), '.3f')}",
            VERDICTS["yes" if holds else "no"],
            "02_training",
        )


def _by_intervention(results: Results) -> Iterator[tuple[str, str, str, str]]:
    """What the paper concludes from attention, asked by changing the input and the network."""
    if results.has("heads_by_element"):
        found = results.table("heads_by_element", "element", "used", "n_carriers")
        used = found[found["used"].astype(bool)]
        carried = int((used["n_carriers"] > 0).sum())
        yield (
            "heads read promoter elements and tell the output of them",
            f"the output depends on {len(used)} elements; by intervention, {carried} of them "
            f"{'is' if carried == 1 else 'are'} carried by a head (the claim holds if half are)",
            VERDICTS["yes" if 2 * carried >= len(used) else "no"],
            "06_dependence",
        )
    if results.has("ablation_layers"):
        found = results.table("ablation_layers", "layer_1based", "delta_pr_auc")
        found = found.sort_values("delta_pr_auc", ignore_index=True)
        worst, in_first = found.iloc[0], found["layer_1based"] <= 2
        first = found[in_first]
        others = found[in_first != (worst["layer_1based"] <= 2)]
        if worst["delta_pr_auc_high"] >= others["delta_pr_auc_low"].min():
            holds = "undecided"
        else:
            holds = "yes" if worst["layer_1based"] <= 2 else "no"
        told = [
            f"layer {int(row['layer_1based'])} {_minus(with_interval(*_ci(row, *_DELTA), '+.3f'))}"
            for _, row in pd.concat([worst.to_frame().T, first]).drop_duplicates().iterrows()
        ]
        yield (
            "the first two layers have the largest impact on the output",
            f"change of PR AUC with the heads of a layer off: {told[0]}, the greatest; "
            f"{listed(told[1:])}",
            VERDICTS[holds],
            "06_dependence",
        )


_DELTA = ("delta_pr_auc", "delta_pr_auc_{}")


def _capital(text: str) -> str:
    """Begin a sentence with a capital."""
    return text[:1].upper() + text[1:]


# --------------------------------------------------------------------------------------- paths


@dataclass(frozen=True)
class Route:
    """A way through the book.

    Attributes
    ----------
    reader, about : str
        For whom it is, and what it answers.
    pages : tuple of str
        As the table of contents names them.
    """

    reader: str
    about: str
    pages: tuple[str, ...]


ROUTES: tuple[Route, ...] = (
    Route(
        "For a biologist",
        "What does the model know about promoters, and may I use it on my genome?",
        (
            f"{_STUDY}/01_curation",
            f"{_STUDY}/06_dependence",
            f"{_STUDY}/04_output",
            "book/species/09_species",
            "book/demo/05_your_genome",
        ),
    ),
    Route(
        "For a machine learner",
        "Does attention explain what a model does, and does it help the model at all?",
        (
            "book/learn/model",
            f"{_STUDY}/02_training",
            f"{_STUDY}/03_heads",
            f"{_STUDY}/06_dependence",
            f"{_STUDY}/07_atlas",
        ),
    ),
    Route(
        "For a lecturer",
        "How can a class test a claim about a network, on a genome whose truth is known?",
        (
            "book/teach/plan",
            "book/learn/model",
            "book/learn/heads",
            f"{_STUDY}/06_dependence",
            "book/teach/game",
        ),
    ),
)
"""The three ways that the first page offers."""


def minutes(page: str, folder: str | Path = ".") -> int:
    """Say how long a page takes to read: its words at `WORDS_A_MINUTE`, at least a minute.

    Tables, code and what is folded away are not counted.

    Parameters
    ----------
    page : str
        As the table of contents names it.
    folder : str or Path
        The folder of the table of contents.
    """
    path = Path(folder) / page_source(page, folder)
    return max(1, round(len(_prose(path).split()) / WORDS_A_MINUTE))


def _prose(path: Path) -> str:
    """Give the running text of a page: of a notebook, its text cells and what its steps say."""
    if path.suffix == ".md":
        return _running(path.read_text(encoding="utf-8"))
    texts = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            texts.append(cell.source)
        elif cell.cell_type == "code":
            texts += [one.data.get("text/markdown", "") for one in cell.outputs if "data" in one]
    return "\n".join(_running(text) for text in texts)


def _running(text: str) -> str:
    """Leave out fenced code, folded boxes, tables, tags and the lines of directives."""
    text = re.sub(r"(?ms)^(`{3,})\{admonition\}[^\n]*\n:class: dropdown.*?^\1\s*$", "", text)
    text = re.sub(r"(?ms)^(`{3,})(?:\w+|\{code[^\n]*)?\n.*?^\1\s*$", "", text)
    text = re.sub(r"(?m)^(?:\||:|`{3,}).*$", "", text)
    return re.sub(r"<[^>]*>", " ", text)


# -------------------------------------------------------------------------------------- writing


def citation(path: str | Path = "CITATION.cff") -> str:
    """Write how the project is cited, from its citation file."""
    facts = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    authors = ", ".join(one.get("name") or one["family-names"] for one in facts["authors"])
    year = str(facts.get("date-released", ""))[:4]
    address = f"https://doi.org/{facts['doi']}" if "doi" in facts else facts.get("url", "")
    ended = f". <{address}>." if address else "."
    return (
        f"{authors}{f' ({year})' if year else ''}. *{_capital(facts['title'])}*. "
        f"Version {facts['version']}{ended}"
    )


def write(
    results: Results,
    parts: str | Path = _PARTS,
    root: str | Path = ".",
) -> int:
    """Write what the first page includes, with its pictures and downloads.

    Parameters
    ----------
    results : Results
    parts : str or Path
        Folder, made anew; inside `root`.
    root : str or Path
        The project's folder: pages, citation, results and weights are read from there.

    Returns
    -------
    int
        Number of findings.
    """
    style.use()
    root, folder = Path(root), Path(root) / parts
    found, said = headlines(results), claims(results)  # before anything is removed
    shutil.rmtree(folder, ignore_errors=True)
    for one in found:
        with writing(folder / f"{one.name}.svg") as temporary:
            one.drawn.figure.savefig(temporary, format="svg", metadata={"Date": None})
        plt.close(one.drawn.figure)
    source = f"/{Path(parts).as_posix()}"  # from the folder of the book's configuration
    texts = {
        "answer": answer(results),
        "findings": "\n".join(_shown(one, source, root) for one in found),
        "claims": _claims(said),
        "paths": _paths(root),
        "cite": citation(root / "CITATION.cff"),
        "downloads": _downloads(root, folder, source),
    }
    for name, text in texts.items():
        with writing(folder / f"{name}.md") as temporary:
            temporary.write_text(text.strip() + "\n", encoding="utf-8")
    return len(found)


def _shown(one: Headline, source: str, root: Path) -> str:
    """Lay out a finding: its picture on the left, number and sentence on the right."""
    address = one.page.removeprefix("book/") + ".html" + _anchor(one, root)
    return f"""````{{div}} finding
```{{image}} {source}/{one.name}.svg
:alt: {one.drawn.alt}
```

<div class="finding-text">
<p class="finding-title">{html.escape(one.title)}</p>
<p class="finding-number">{html.escape(one.number)}</p>

{one.text} <a href="{address}">Read more</a>

</div>
````
"""


def _anchor(one: Headline, root: Path) -> str:
    """Point to the heading, where the page has it; else to the page."""
    notebook = nbformat.read(root / page_source(one.page, root), as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    if not re.search(rf"(?m)^#+ {re.escape(one.heading)}\s*$", text):
        return ""
    return "#" + re.sub(r"[^a-z0-9]+", "-", one.heading.lower()).strip("-")


_COUNTED = {
    "holds": ("holds on our model", "hold on our model"),
    "does not hold": ("does not", "do not"),
    "not shown": ("is not shown", "are not shown"),
}
_UNSHOWN = (
    "A claim is *not shown* where the interval includes no effect, or where the data are too few: "
    "it may still hold."
)


def _claims(said: pd.DataFrame) -> str:
    """Write the table of claims, below what it comes to."""
    n = said["verdict"].value_counts()
    counts = ", ".join(
        f"{in_words(int(n[v]))} {_COUNTED[v][int(n[v]) > 1]}" for v in VERDICTS.values() if v in n
    )
    unshown = f" {_UNSHOWN}" if VERDICTS["undecided"] in n else ""
    shown = pd.DataFrame(
        {
            "the paper says": said["claim"],
            "here (95% interval)": said["here"],
            "verdict": [
                f"{{doc}}`{verdict} </{page}>`"
                for verdict, page in zip(said["verdict"], said["page"], strict=True)
            ],
        }
    )
    return f"Of {len(said)} claims, {counts}.{unshown}\n{table(shown).replace('--:', ':--')}"


def _paths(root: Path) -> str:
    """Write the ways through the book, a card each."""
    cards = []
    for route in ROUTES:
        times = [minutes(page, root) for page in route.pages]
        lines = [
            f"1. {{doc}}`/{page}` ({time} min)"
            for page, time in zip(route.pages, times, strict=True)
        ]
        listing = "\n".join(lines)
        cards.append(
            f":::{{grid-item-card}} {route.reader}: {sum(times)} minutes\n{route.about}\n\n"
            f"{listing}\n:::"
        )
    return "::::{grid} 1 1 3 3\n:gutter: 3\n\n" + "\n\n".join(cards) + "\n::::"


def _downloads(root: Path, folder: Path, source: str) -> str:
    """Pack results and weights, and write the links to them."""
    packs = (
        ("results", "All tables of results (CSV)", sorted((root / "book/results").rglob("*.*"))),
        ("weights", "The trained models with their cards", sorted((root / _WEIGHTS).glob("*.*"))),
    )
    lines = []
    for name, label, files in packs:
        target = folder / f"genoattn-{name}.zip"
        _pack(target, [one for one in files if one.is_file()], root)
        size = target.stat().st_size / 1e6
        lines.append(f"- {{download}}`{label} <{source}/{target.name}>`, {size:.1f} MB")
    if published(root / "book/publish.yml").name:  # then the workflow prints it beside the pages
        lines.insert(0, '- <a href="../genoattn-book.pdf">The study as one PDF</a>')
    else:
        lines.append("- The study as one PDF: `make pdf` prints it")
    return "\n".join(lines)


def _pack(target: Path, files: list[Path], root: Path) -> None:
    """Pack files so that the same files give the same archive."""
    with writing(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix())
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
