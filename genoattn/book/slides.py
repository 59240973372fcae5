"""Slide decks of the course, one a session, from the results of the study; files in and out.

A deck is a Markdown file in ``notebooks/slides/``. A line ``---`` parts slides, ``+++`` what
appears when a key is pressed, and ``Note 10–15:`` begins what the speaker says in these minutes of
the session. A number stands as ``{{ name }}``, one of `facts`, and a figure as
``![](figure:NAME)``, one of `genoattn.book.figures`: nothing that was measured is typed.

``genoattn book slides`` makes of each a notebook with the metadata that Jupyter gives to slides,
and of it a page by nbconvert's exporter for reveal.js, which is served with the book.
"""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from genoattn import paper
from genoattn.book import landing
from genoattn.book.landing import Results
from genoattn.book.redrawn import first_and_seeds
from genoattn.chapters import training_errors_words
from genoattn.data.assays import source_name
from genoattn.evaluation.seeds import prediction_interval
from genoattn.genome.files import writing
from genoattn.heads.profiles import names
from genoattn.interventions import carriers, recovery
from genoattn.interventions.circuits import told_of
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card
from genoattn.plots.landing import BOXES
from genoattn.study.report import in_words, listed, table, with_interval

__all__ = ["Slide", "copy_reveal", "export", "facts", "filled", "notebook", "read", "write"]


DECKS = "notebooks/slides"
"""Where the decks are."""

_TEMPLATE = Path(__file__).with_name("deck")
_REVEAL = (
    "LICENSE",
    "dist/reset.css",
    "dist/reveal.css",
    "dist/reveal.js",
    "plugin/notes/notes.js",
)
_THEME = "dist/theme/deck.css"
_SIZE = ("1280", "720")
_NUMBER = re.compile(r"\{\{ *(.*?) *\}\}")
_FIGURE = re.compile(r"!\[\]\(figure:([^)]*)\)")
_NOTE = re.compile(r"(?m)^Note (\d+)–(\d+):\s*")


@dataclass(frozen=True)
class Slide:
    """One slide.

    Attributes
    ----------
    parts : tuple of str
        Markdown; all but the first appear when a key is pressed.
    notes : str
        What the speaker says, Markdown.
    begin, end : int
        Minutes of the session.
    """

    parts: tuple[str, ...]
    notes: str
    begin: int
    end: int


def read(path: str | Path) -> list[Slide]:
    """Read a deck.

    Raises
    ------
    ValueError
        Names the slide without ``Note A–B:``, or whose minutes do not follow those before it.
    """
    slides: list[Slide] = []
    for number, text in enumerate(
        re.split(r"(?m)^---$", Path(path).read_text(encoding="utf-8")), start=1
    ):
        body, *rest = _NOTE.split(text)
        if len(rest) != 3:
            raise ValueError(f"{path}, slide {number}: needs its notes once, as 'Note 10–15: ...'")
        begin, end = int(rest[0]), int(rest[1])
        if begin != (slides[-1].end if slides else 0) or end < begin:
            raise ValueError(
                f"{path}, slide {number}: minutes {begin}–{end} do not follow those before it"
            )
        parts = tuple(part.strip() for part in re.split(r"(?m)^\+\+\+$", body))
        slides.append(Slide(parts, rest[2].strip(), begin, end))
    return slides


# -------------------------------------------------------------------------------------- numbers


def facts(root: str | Path = ".") -> dict[str, str]:
    """The numbers that decks may state, as they are read, by name.

    Parameters
    ----------
    root : str or Path
        The project's folder: ``book/results/`` and the cards of the weights are read.
    """
    root = Path(root)
    results = Results(root / "book/results/ecoli")
    found: dict[str, str] = {}
    for part in (
        _tables(results), _model(root, results), _scores(root, results), _looks(results),
        _matches(results), _heads(results),
    ):  # fmt: skip
        found |= part
    for one in landing.headlines(results):
        found |= {f"{one.name}.title": one.title, f"{one.name}.number": one.number}
        found |= {f"{one.name}.text": one.text}
    return found | _truth(recovery.read(root / "book/results/demo/recovery.csv"))


def _tables(results: Results) -> dict[str, str]:
    """What the four tables hold and share."""
    sets = results.table("curation_sets", "source", "n_sites", "n_shared")
    regions = results.table("curation_regions", "members", "n")
    members = regions["members"].str.split("+").str.len()
    windows = results.table("curation_windows", "window", "curated", "sendseq_only")
    used = windows[windows["window"] == 5].iloc[0]
    narrow, wide = windows.iloc[0], windows.iloc[-1]
    read = results.table("curation_readings", "rule", "curated")
    read = read[read["rule"] != "paper"]
    exact = results.table("curation_exact", "source", "other", "exact_percent")
    ordered = exact.sort_values("exact_percent")
    low, high = ordered.iloc[0], ordered.iloc[-1]
    shown = pd.DataFrame(
        {
            "assay": [source_name(one) for one in sets["source"]],
            "sites": [f"{n:,}" for n in sets["n_sites"]],
            "also in another": [f"{n:.0%}" for n in sets["n_shared"] / sets["n_sites"]],
        }
    )
    return {
        "tables.list": table(shown),
        "tables.sites": f"{sets['n_sites'].sum():,}",
        "tables.tss": f"{regions['n'].sum():,}",
        "tables.by_two": f"{regions['n'][members >= 2].sum():,}",
        "tables.by_all": f"{regions['n'][members == members.max()].sum():,}",
        "tables.exact_low": f"{low['exact_percent']:.0f}%",
        "tables.exact_low_pair": _pair(low),
        "tables.exact_high": f"{high['exact_percent']:.0f}%",
        "tables.exact_high_pair": _pair(high),
        "curated.n": f"{used['curated']:,}",
        "curated.paper": f"{paper.CURATED['n']:,}",
        "curated.shared": f"{used['shared_by_2']:,}",
        "curated.single": f"{used['sendseq_only']:,}",
        "rules.n": in_words(read["rule"].nunique()),
        "rules.low": f"{read['curated'].min():,}",
        "rules.high": f"{read['curated'].max():,}",
        "window.narrow": f"{narrow['window']}",
        "window.wide": f"{wide['window']}",
        "window.narrow_n": f"{narrow['curated']:,}",
        "window.wide_n": f"{wide['curated']:,}",
        "window.growth": f"{wide['curated'] / narrow['curated'] - 1:.0%}",
    }


def _pair(row: pd.Series) -> str:
    return f"{source_name(row['source'])} and {source_name(row['other'])}"


def _model(root: Path, results: Results) -> dict[str, str]:
    """The size of the model that the study explains."""
    card = Card.read(root / f"genoattn/weights/{results.weights}.safetensors")
    config = AnnotatorConfig(**card.config)
    size = sum(one.numel() for one in Annotator(config).parameters())
    return {
        "model.layers": in_words(config.layers),
        "model.heads": in_words(config.heads),
        "model.all_heads": f"{config.layers * config.heads}",
        "model.window": f"{config.window}",
        "model.width": f"{config.conv_width}",
        "model.d_head": f"{config.d_head}",
        "model.downstream": f"{config.downstream}",
        "model.reach": f"{config.reach_upstream:,}",
        "model.parameters": f"{size:,}",
    }


def _scores(root: Path, results: Results) -> dict[str, str]:
    """What the model scores on the test part, and what its rarity of sites makes of that."""
    rows = results.table("performance", "train_set", "test_set", "model", "resolution", "metric")
    rows = rows[(rows["resolution"].astype(str) == "1") & (rows["test_set"] == rows["train_set"])]
    own = rows[rows["model"] == results.weights]
    card = Card.read(root / f"genoattn/weights/{results.weights}.safetensors")
    matched = results.table("matching", "model", "tolerance", "precision", "n_sites")
    matched = matched[matched["model"] == results.weights]
    near = training_errors_words.say_near(results.weights, matched)
    matched = matched.set_index("tolerance")
    sites = int(matched["n_sites"].iloc[0])
    begin, end = card.parts["test"]
    positions = 2 * (end - begin)
    false = round(0.01 * (positions - sites))
    found = {
        "test.positions": f"{positions:,}",
        "test.sites": f"{sites:,}",
        "test.one_in": f"{round(positions / sites, -2):,.0f}",
        "test.false": f"{false:,}",
        "test.precision": f"{sites / (sites + false):.0%}",
        "test.guess": f"{sites / positions:.4f}",
        "near.exact": f"{matched['precision'].loc[0]:.0%}",
        "near.nt": f"{matched.index.max()}",
        "near.near": f"{matched['precision'].iloc[-1]:.0%}",
        "near.said": near,
        "near.from": f"{matched['average_precision'].loc[0]:.3f}",
        "near.to": f"{matched['average_precision'].iloc[-1]:.3f}",
    }
    for metric in ("roc_auc", "pr_auc"):
        one = own[own["metric"] == metric].iloc[0]
        found[metric] = with_interval(one["value"], one["ci_low"], one["ci_high"], ".3f")
        found[f"{metric}.paper"] = f"{one['paper_value']:.3f}"
        found[f"{metric}.alone"] = f"{one['value']:.3f}"
    same = (rows["metric"] == "pr_auc") & (rows["train_set"] == own["train_set"].iloc[0])
    return found | _others(rows[same], results.weights)


def _others(rows: pd.DataFrame, weights: str) -> dict[str, str]:
    """What other trainings and models score, in PR AUC, on the labels of the model explained."""
    rows = rows.drop_duplicates("model").set_index("model")
    value = rows["value"]
    seeds = value[first_and_seeds(value.index.to_series(), weights)]
    low, high = (min(max(one, 0.0), 1.0) for one in prediction_interval(seeds))
    inside = low <= rows["paper_value"][weights] <= high
    best, bare = value.idxmax(), value[~value.index.str.contains("genes")]
    return {
        "seeds.n": in_words(len(seeds)),
        "seeds.list": listed(f"{one:.3f}" for one in seeds),
        "again.interval": f"{low:.3f} to {high:.3f}",
        "again.paper": "is inside, so that this recipe is better than the paper's is not shown"
        if inside
        else "is outside, which chance in training does not explain",
        "dilations": f"{value['convolutional']:.3f}",
        "best": f"The best ensemble ({value[best]:.3f}) also uses where genes lie; without them "
        f"the best has {bare.max():.3f}."
        if best not in bare
        else f"The best ensemble has {value[best]:.3f}.",
    }


def _looks(results: Results) -> dict[str, str]:
    """Where heads look: what a class is asked to find in the figures."""
    found = results.table("heads_profiles", "label", "maximum", "census_mean")
    heads = found.groupby(["layer_1based", "head_1based"])
    bright = (heads["maximum"].mean() / heads["maximum"].max()).reset_index()
    narrow, wide = bright["maximum"].argmin(), bright["maximum"].argmax()
    peaks = found.loc[heads["census_mean"].idxmax()]
    near = {name: peaks[peaks["label"].between(first, last)] for name, first, last in BOXES}
    named = names(bright)
    return {
        "look.stripe": named[narrow],
        "look.everywhere": named[wide],
        "look.highest": f"{peaks['census_mean'].max():.2f}",
        "look.near_10": in_words(len(near["−10 box"])),
        "look.near_35": listed(names(near["−35 box"]), "no head"),
    }


def _matches(results: Results) -> dict[str, str]:
    """How many known motifs the heads' motifs were compared with, and what is left of that."""
    matches = results.table("heads_calibration", "threshold", "heads", "shuffled", "compared")
    common, strict = (matches[matches["threshold"] == one].iloc[0] for one in (0.01, 0.001))
    known = results.table("heads_known", "motif", "p_value", "q_value")
    nearest = known.sort_values("p_value").iloc[[0]]
    passing = int((known["q_value"] <= landing.MAX_Q).sum())
    return {
        "match.compared": f"{int(strict['compared']):,}",
        "match.chance": in_words(round(strict["compared"] * strict["threshold"])),
        "match.found": in_words(round(strict["compared"] * strict["heads"])),
        "match.heads": f"{common['heads']:.2%}",
        "match.shuffled": f"{common['shuffled']:.2%}",
        "match.passing": in_words(passing, "none"),
        "match.nearest": f"{names(nearest)[0]} with {nearest['motif'].iloc[0]} "
        f"(q = {nearest['q_value'].iloc[0]:.3f})",
    }


def _vote(results: Results, box: pd.Series) -> dict[str, str]:
    """What comes back of the box that the class votes about, by the heads that attention names."""
    shares = results.table("mediation", "model", "element", "control", "query_bin", "share")
    shares = shares[
        (shares["model"] == results.weights)
        & (shares["element"] == box["element"])
        & shares["control"].isna()
        & (shares["query_bin"] == carriers.EVERY)
    ].rename(columns={"layer": "layer_1based", "head": "head_1based"})
    by = shares.set_index(pd.Index(names(shares)))
    named = [
        f"{head} restores {with_interval(one['share'], one['ci_low'], one['ci_high'], '.0%')}"
        for head in str(box["by_attention"]).split("; ")
        for one in [by.loc[head]]
    ]
    return {
        "vote.element": str(box["element"]),
        "vote.named": listed(named),
        "vote.carrier": str(box["carried_by"]),
        "vote.share": f"{box['share']:.0%}",
        "vote.back": f"{box['effect'] * box['share']:.1f}",
    }


def _heads(results: Results) -> dict[str, str]:
    """Elements with the heads that attention and that mediation name; nulls; circuits."""
    tried = results.table(
        "heads_by_element", "element", "by_attention", "carried_by", "share", "used"
    )
    by = tried[tried["used"]]
    shown = pd.DataFrame(
        {
            "element": by["element"],
            "attention names": by["by_attention"].fillna("none"),
            "restores most of it": by["carried_by"].fillna("none"),
            "share restored": [
                "" if pd.isna(row["share"])
                else with_interval(row["share"], row["share_low"], row["share_high"], ".0%")
                for _, row in by.iterrows()
            ],
        }
    )  # fmt: skip
    carried = by.dropna(subset="carried_by")
    agree = sum(
        str(one) in str(named).split("; ")
        for named, one in zip(carried["by_attention"], carried["carried_by"], strict=True)
    )
    asked = results.table("mediation", "model", "control", "query_bin", "q_value", "ci_low")
    nothing = asked[
        asked["control"].isin(["untrained", "shuffled labels"])
        & (asked["query_bin"] == carriers.EVERY)
    ]
    by_chance = int(((nothing["q_value"] < landing.MAX_Q) & (nothing["ci_low"] > 0)).sum())
    circuits = results.table("circuits", "n_heads", "share").sort_values("n_heads")
    most, _ = told_of(circuits)
    effects = results.table("mediation_effects", "element", "control", "effect", "excess_q")
    own = effects[effects["control"].isna() & effects["used"]]
    noised = own.sort_values("effect").iloc[-1]
    box = by[by["element"] == noised["element"]].iloc[0]
    unused = tried.loc[~tried["used"], "element"]
    return {
        "elements.list": table(shown),
        "elements.agree": f"{in_words(agree, 'none')} of {in_words(len(carried))}",
        "null.carriers": in_words(by_chance, "none"),
        "null.asked": f"{len(nothing):,}",
        "circuit.heads": f"{int(most['n_heads'])}",
        "circuit.kept": f"{most['share']:.0%}",
        "elements.tried": f"{in_words(len(tried)).capitalize()} elements were tried"
        + (f"; without the {listed(unused)} the output does not fall" if len(unused) else ""),
        "elements.anywhere": listed(
            own.loc[
                (own["excess_q"] >= landing.MAX_Q) & ~own["element"].isin(carried["element"]),
                "element",
            ]
        ),
        "noise.element": str(noised["element"]),
        "noise.effect": with_interval(noised["effect"], noised["ci_low"], noised["ci_high"], ".1f"),
    } | _vote(results, box)


def _truth(tables: recovery.Recovery) -> dict[str, str]:
    """What was recovered of planted elements, and what was claimed where nothing is true."""
    planted, claims = tables.recovered, tables.claims[tables.claims["claimed"]]
    used = planted[planted["used"]]
    real = claims["grammar"] & claims["trained"]
    nulls = ~(tables.genomes["grammar"] & tables.genomes["trained"])
    return {
        "truth.planted": f"{len(planted)}",
        "truth.used": f"{len(used)}",
        "truth.recovered": f"{int(used['recovered'].sum())} ({used['recovered'].mean():.0%})",
        "truth.claims": f"{int(real.sum())}",
        "truth.false": in_words(int(claims.loc[real, "false_claim"].sum())),
        "truth.nulls": in_words(int(nulls.sum())),
        "truth.nulls_claims": in_words(int((~real).sum())),
    }


# ---------------------------------------------------------------------------------------- decks


def filled(
    slides: list[Slide], numbers: Mapping[str, str], figures: Mapping[str, Mapping[str, Any]]
) -> list[Slide]:
    """Put numbers and figures in their places; the caption of a figure goes to the notes.

    Parameters
    ----------
    slides : list of Slide
    numbers : mapping of str to str
        `facts`.
    figures : mapping of str to mapping
        Name of a figure, without suffix -> its entry of ``figures.json``.

    Raises
    ------
    ValueError
        Names a number or a figure that there is not.
    """

    def number(found: re.Match[str]) -> str:
        if found[1] not in numbers:
            raise ValueError(f"no number {found[1]!r}; there are: {', '.join(sorted(numbers))}")
        return numbers[found[1]]

    def figure(found: re.Match[str]) -> str:
        if found[1] not in figures:
            raise ValueError(f"no figure {found[1]!r}; there are: {', '.join(sorted(figures))}")
        one = figures[found[1]]
        alt = html.escape(str(one["alt"]))
        address = f"../figures/{one['file']}"
        return f'<figure><a href="{address}"><img src="{address}" alt="{alt}"></a></figure>'

    made = []
    for place, slide in enumerate(slides, start=1):
        try:
            parts = tuple(_FIGURE.sub(figure, _NUMBER.sub(number, one)) for one in slide.parts)
            notes = _NUMBER.sub(number, slide.notes)
        except ValueError as error:
            raise ValueError(f"slide {place}: {error}") from error
        for name in _FIGURE.findall("\n".join(slide.parts)):
            one = figures[name]
            notes += f"\n\n**The figure.** {one['caption']} [Page](../{one['page']})"
        made.append(Slide(parts, notes, slide.begin, slide.end))
    return made


def notebook(slides: list[Slide], title: str) -> Any:
    """Make a notebook of slides, with the metadata that Jupyter gives to them."""
    cells = []
    for slide in slides:
        for number, part in enumerate(slide.parts):
            cells.append(_cell(part, "fragment" if number else "slide"))
        cells.append(_cell(f"**Minutes {slide.begin}–{slide.end}.** {slide.notes}", "notes"))
    made = nbformat.v4.new_notebook(cells=cells, metadata={"title": title})
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"  # the same deck gives the same file
    return made


def _cell(text: str, kind: str) -> Any:
    return nbformat.v4.new_markdown_cell(text, metadata={"slideshow": {"slide_type": kind}})


def export(deck: Any) -> str:
    """Write a notebook of slides as a page of reveal.js, which loads from its own folder only."""
    from nbconvert import SlidesExporter

    exporter = SlidesExporter(
        extra_template_basedirs=[str(_TEMPLATE.parent)],
        template_name=_TEMPLATE.name,
        exclude_anchor_links=True,
        reveal_url_prefix="reveal",
        reveal_theme="deck",
        reveal_width=_SIZE[0],
        reveal_height=_SIZE[1],
    )
    return str(exporter.from_notebook_node(deck)[0])


def copy_reveal(folder: Path) -> None:
    """Copy reveal.js from the installed package sphinx-revealjs, which is not imported.

    The theme is that of the decks.
    """
    found = find_spec("sphinx_revealjs")
    if found is None or not found.origin:
        raise ValueError("reveal.js is missing: install sphinx-revealjs, see requirements.lock")
    source = Path(found.origin).parent / "_static/revealjs"
    files = {name: source / name for name in _REVEAL} | {_THEME: _TEMPLATE / "deck.css"}
    for name, file in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / name)


def write(
    folder: str | Path = "_build/teaching/slides",
    figures: str | Path = "_build/teaching/figures/figures.json",
    root: str | Path = ".",
) -> list[Path]:
    """Write all decks with what they load, and beside each the notebook that it was made of.

    Parameters
    ----------
    folder : str or Path
        Made anew.
    figures : str or Path
        Written by `genoattn.book.figures.write` before.
    root : str or Path
        The project's folder.

    Returns
    -------
    list of Path
        The decks.
    """
    folder, root = Path(folder), Path(root)
    entries = json.loads(Path(figures).read_text(encoding="utf-8"))
    known = {Path(one["file"]).stem: one for one in entries}
    numbers = facts(root)
    decks = {}
    for source in sorted((root / DECKS).glob("*.md")):
        try:
            slides = filled(read(source), numbers, known)
        except ValueError as error:
            raise ValueError(f"{source}, {error}") from error
        title = re.sub(r"^#+ ", "", slides[0].parts[0].splitlines()[0])
        decks[source.stem] = notebook(slides, title)
    shutil.rmtree(folder, ignore_errors=True)
    copy_reveal(folder / "reveal")
    for name, deck in decks.items():
        for suffix, text in ((".html", export(deck)), (".ipynb", nbformat.writes(deck))):
            with writing(folder / f"{name}{suffix}") as partial:
                partial.write_text(text, encoding="utf-8")
    return [folder / f"{name}.html" for name in decks]
