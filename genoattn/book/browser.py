"""Files behind the page "Genome browser": from a run, kept compact, then as the page's own.

Reads a run's folder and the published tables, writes files. Three steps:

- ``genoattn browser refresh``: what may be published of a run, in a few compact files
  (`Scene`) and a figure of each telling place, committed with the book;
- ``genoattn browser pages``: the page's files, made when the book is built: igv.js from
  the installed package igv-notebook, the demo's run, the committed scenes, and, on the machine of
  a reader who has the published tables, these as well;
- the page's own script, ``book/static/browser/browser.js``, loads them by script tags, as only
  these work without a server too.

What is published of the sources is, for each bin of 100 nt and each strand, how many of them have
a start site there: no positions, and not which sources.
"""

from __future__ import annotations

import argparse
import base64
import html
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.book import build, loci
from genoattn.data.assays import source_name
from genoattn.data.datasets import DATASETS, FOLDER_VARIABLE
from genoattn.data.simulation import planted_intervals
from genoattn.genome.files import writing
from genoattn.genome.intervals import runs
from genoattn.genome.regions import names
from genoattn.genome.sequence import STRANDS
from genoattn.model.card import Card
from genoattn.plots import browser as figures
from genoattn.plots import style
from genoattn.plots.drawn import with_palette
from genoattn.study.inputs import ECOLI_TABLES, StudyInputs, ecoli_inputs

__all__ = [
    "BELOW",
    "BIN",
    "NO_OUTPUT",
    "STEPS",
    "Scene",
    "levels_of",
    "main",
    "output_of",
    "refresh",
    "scene_of_run",
    "support_counts",
    "write_pages",
]


BIN = 100
"""Width in nt of the bins in which sources are counted."""

STEPS = 8
"""Levels a doubling: an output is kept to within 4.5 %."""

NO_OUTPUT, BELOW = 0, 1
"""Levels of positions that were not predicted, and of outputs below the floor."""

_COARSE = 50  # nt in a bin of the output that is shown from afar
_SHARD = 50_000  # nt of output in a file
_NOTE = "# 0-based positions"
_GENES = ("gene", "pseudogene")
_TITLES = {"NC_000913.3": "E. coli K-12 MG1655", "SIMULATED": "The demo's simulated genome"}
_STUDY = Path("notebooks/profiles/ecoli.yaml")
_ECOLI = Path("book/static/browser/ecoli")
_TABLES = ("genes", "support", "places")


# ------------------------------------------------------------------------------ compact output


def levels_of(track: NDArray[np.floating], floor: float) -> NDArray[np.uint8]:
    """Round a track to levels that lie evenly on a logarithmic scale.

    Parameters
    ----------
    track : float array
        Outputs from 0 to 1; NaN where there is none.
    floor : float
        Least output that is kept.

    Returns
    -------
    uint8 array of the same shape
        `NO_OUTPUT`, `BELOW`, or from 2 up, `STEPS` levels a doubling of the floor.
    """
    if not floor > 0 or not np.isfinite(floor):
        raise ValueError(f"the floor of the output must be above 0, not {floor}")
    levels = np.full(track.shape, BELOW, dtype=np.uint8)
    levels[np.isnan(track)] = NO_OUTPUT
    with np.errstate(invalid="ignore"):
        kept = track >= floor
    doublings = np.log2(track[kept].astype(np.float64) / floor)
    levels[kept] = np.minimum(2 + np.round(STEPS * doublings), 255).astype(np.uint8)
    return levels


def output_of(levels: NDArray[np.uint8], floor: float) -> NDArray[np.float64]:
    """Turn levels back into outputs: NaN where there is none, 0 below the floor."""
    output = floor * 2.0 ** ((levels.astype(np.float64) - 2) / STEPS)
    output[levels == BELOW] = 0.0
    output[levels == NO_OUTPUT] = np.nan
    return output


def support_counts(sites: pd.DataFrame, length: int, width: int = BIN) -> pd.DataFrame:
    """Count, in each bin of each strand, the sources that have a start site there.

    Parameters
    ----------
    sites : DataFrame
        ``position`` (0-based), ``strand``, ``source``.
    length : int
        Length of the genome in nt.
    width : int
        Nucleotides in a bin; the last one may be shorter.

    Returns
    -------
    DataFrame
        ``start``, ``end`` (half-open), ``strand``, ``n``; bins without a site are left out.
    """
    start = sites["position"] // width * width
    bins = pd.DataFrame({"start": start, "strand": sites["strand"], "source": sites["source"]})
    counted = bins.groupby(["start", "strand"])["source"].nunique().rename("n").reset_index()
    counted.insert(1, "end", np.minimum(counted["start"] + width, length))
    return counted


# --------------------------------------------------------------------------------------- scene


@dataclass(frozen=True, eq=False)
class Scene:
    """What may be published of a genome and a model's output on it.

    Attributes
    ----------
    contig, title, weights : str
        Accession, what the genome is called, and the model's name.
    length : int
        Nucleotides of the genome.
    floor : float
        Twice the median output; outputs below it are not kept.
    n_sources : int
        Sources of start sites that are counted.
    levels : uint8 array, shape (2, length)
        `levels_of` the output.
    genes : DataFrame
        ``start``, ``end``, ``strand``, ``name``, ``locus_tag``, ``kind`` (gene, pseudogene).
    support : DataFrame
        `support_counts`.
    places : DataFrame
        `genoattn.book.loci.choose`.
    """

    contig: str
    title: str
    weights: str
    length: int
    floor: float
    n_sources: int
    levels: NDArray[np.uint8]
    genes: pd.DataFrame
    support: pd.DataFrame
    places: pd.DataFrame

    def save(self, folder: str | Path) -> None:
        """Write about.json, output.npz and three tables; each whole or not at all."""
        folder = Path(folder)
        about = {
            name: getattr(self, name)
            for name in ("contig", "title", "weights", "length", "floor", "n_sources")
        }
        with writing(folder / "about.json") as temporary:
            temporary.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        with writing(folder / "output.npz") as temporary:
            np.savez_compressed(temporary, levels=self.levels)
        for name in _TABLES:
            with writing(folder / f"{name}.tsv") as temporary:
                text = getattr(self, name).to_csv(sep="\t", index=False, lineterminator="\n")
                temporary.write_text(f"{_NOTE}\n{text}", encoding="utf-8")

    @classmethod
    def read(cls, folder: str | Path) -> Scene:
        """Read what `save` wrote; ValueError where that cannot be used."""
        folder = Path(folder)
        try:
            about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
            with np.load(folder / "output.npz", allow_pickle=False) as stored:
                levels = stored["levels"]
            tables: dict[str, Any] = {
                name: pd.read_csv(
                    folder / f"{name}.tsv", sep="\t", skiprows=1, keep_default_na=False
                )
                for name in _TABLES
            }
            scene = cls(levels=levels, **about, **tables)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{folder}: no scene of the genome browser ({error})") from error
        if scene.levels.shape != (2, scene.length) or scene.levels.dtype != np.uint8:
            raise ValueError(f"{folder}/output.npz: not uint8 of shape (2, {scene.length})")
        return scene


def scene_of_run(run: str | Path, weights: str) -> Scene:
    """Take from a run's folder what the page shows.

    Parameters
    ----------
    run : str or Path
        Folder with ``inputs``, ``curation/curated.tsv`` and ``prediction/<weights>.npy``.
    weights : str
        Name of the model; the places are chosen in the part that it was tested on.

    Returns
    -------
    Scene

    Raises
    ------
    ValueError, FileNotFoundError
        The run has no output of this model, or one of another genome.
    """
    from genoattn.study.run import Run  # imports torch, and the page's other steps do without

    opened = Run(run)
    study = opened.study
    length = len(study.genome)
    file = opened.weights(weights)
    stem, track = file.stem, opened.output(file.stem)
    inside = Card.read(file).split(length).mask("test")
    curated = opened.curated
    features = study.features[study.features["type"].isin(_GENES)]
    genes = pd.DataFrame(
        {
            "start": features["start"],
            "end": features["end"],
            "strand": features["strand"],
            "name": names(features),
            "locus_tag": features["locus_tag"],
            "kind": features["type"],
        }
    )
    floor = float(f"{2 * np.nanmedian(track[:, inside]):.2g}")
    return Scene(
        contig=study.genome.name,
        title=_TITLES.get(study.genome.name, study.genome.name),
        weights=stem,
        length=length,
        floor=floor,
        n_sources=int(study.sites["source"].nunique()),
        levels=levels_of(track, floor),
        genes=genes.reset_index(drop=True),
        support=support_counts(study.sites, length),
        places=loci.choose(study, curated, track, inside),
    )


# ------------------------------------------------------------------------------------- figures


def draw(scene: Scene, folder: str | Path) -> None:
    """Draw each place of a scene, as ``<key>.png``; other pictures in the folder are removed."""
    folder = Path(folder)
    style.use()
    for old in folder.glob("*.png"):
        old.unlink()
    for one in _rows(scene.places):
        figure = figures.place(
            _output(scene, one.start, one.end),
            _within(scene.genes, one.start, one.end),
            _within(scene.support, one.start, one.end),
            start=one.start,
            end=one.end,
            floor=scene.floor,
            n_sources=scene.n_sources,
        )
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=90, metadata={"Software": None})
        with writing(folder / f"{one.key}.png") as temporary:
            temporary.write_bytes(with_palette(drawn.getvalue()))
        plt.close(figure)


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    """Rows of a table, as tuples with the columns' names."""
    return table.itertuples(index=False)


def _output(scene: Scene, start: int, end: int) -> pd.DataFrame:
    """Outputs of a window that are not below the floor, as a tidy frame."""
    output = output_of(scene.levels[:, start:end], scene.floor)
    row, offset = np.nonzero(np.nan_to_num(output) > 0)
    return pd.DataFrame(
        {
            "position": start + offset,
            "strand": np.array(STRANDS)[row],
            "output": output[row, offset],
        }
    )


def _within(table: pd.DataFrame, start: int, end: int) -> pd.DataFrame:
    """Rows that overlap a window."""
    return table[(table["start"] < end) & (table["end"] > start)]


def _figures_page(scene: Scene, name: str) -> str:
    """The places' figures with captions, as HTML to be included in the page."""
    lines = ['<div class="genoattn-figures">']
    for one in _rows(scene.places):
        title, caption = html.escape(one.title), html.escape(one.caption)
        caption = re.sub(r"\*([^*]+)\*", r"<em>\1</em>", caption)
        locus = f"{scene.contig}:{one.start + 1:,}-{one.end:,}"
        lines += [
            "<figure>",
            f'<img src="../_static/browser/{name}/{one.key}.png" loading="lazy" '
            f'alt="{title} ({locus}): output of both strands, genes and sources">',
            f"<figcaption><strong>{title}</strong> "
            f'(<a href="#{name}--{one.key}" data-genoattn="{name}--{one.key}">{locus}</a>). '
            f"{caption}</figcaption>",
            "</figure>",
        ]
    return "\n".join([*lines, "</div>"]) + "\n"


# --------------------------------------------------------------------------------- page's files


def _packed(levels: NDArray[np.uint8]) -> str:
    """Bytes as text that a script can hold."""
    return base64.b64encode(levels.tobytes()).decode("ascii")


def _coarse(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Highest level of each bin of `_COARSE` nt, both strands."""
    padded = np.pad(levels, ((0, 0), (0, -levels.shape[1] % _COARSE)))
    return padded.reshape(2, -1, _COARSE).max(axis=2)


def _script(path: Path, call: str, *values: Any) -> None:
    """Write a script that calls the page with plain values."""
    given = ",".join(json.dumps(value, separators=(",", ":")) for value in values)
    with writing(path) as temporary:
        temporary.write_text(f"genoattnBrowser.{call}({given});\n", encoding="utf-8")


def write_page(
    scene: Scene, name: str, folder: str | Path, own: StudyInputs | None, *, private: bool
) -> None:
    """Write the files of one genome: ``<folder>/<name>/data.js``, output in pieces, figures' page.

    Parameters
    ----------
    scene : Scene
    name : str
        One word for links and folders.
    folder : str or Path
    own : StudyInputs or None
        Tables to show as well: sequence, the sources' sites, operons, terminators, elements.
    private : bool
        Whether these tables may not be passed on, which the page then says.
    """
    target = Path(folder) / name
    covered = scene.levels.max(axis=0) > NO_OUTPUT
    shards = [
        k
        for k in range(-(-scene.length // _SHARD))
        if (scene.levels[:, k * _SHARD : (k + 1) * _SHARD] > BELOW).any()
    ]
    for k in shards:
        piece = scene.levels[:, k * _SHARD : (k + 1) * _SHARD]
        _script(target / f"output_{k}.js", "shard", name, k, _packed(piece))
    note = (
        f"Output of the model {scene.weights}, rounded to within 4.5 %; below {scene.floor:.2g}, "
        "twice the median, nothing is drawn. Where the background is grey there is no output."
    )
    if private:
        note += (
            " This build also shows the published tables that it found on this machine. Their "
            "licences allow no redistribution: do not publish this copy of the page."
        )
    if own is not None:
        _script(target / "sequence.js", "sequence", name, own.genome.sequence)
    top = float(np.nanmax(output_of(scene.levels, scene.floor)))
    _script(
        target / "data.js",
        "add",
        name,
        {
            "title": scene.title,
            "contig": scene.contig,
            "length": scene.length,
            "floor": scene.floor,
            "top": max(top, 10 * scene.floor),
            "steps": STEPS,
            "bin": BIN,
            "nSources": scene.n_sources,
            "coarseWidth": _COARSE,
            "coarse": _packed(_coarse(scene.levels)),
            "shardSize": _SHARD,
            "shards": shards,
            "unread": [
                [int(start), int(start + size)] for start, size in runs(~covered, circular=False)
            ],
            "genes": scene.genes.to_numpy().tolist(),
            "support": scene.support[["start", "strand", "n"]].to_numpy().tolist(),
            "places": scene.places.to_dict("records"),
            "tables": [] if own is None else _tables(own),
            "sequence": own is not None,
            "private": private,
            "note": note,
        },
    )


def _tables(own: StudyInputs) -> list[dict[str, Any]]:
    """The study's own tables as tracks: rows of start, end, strand and name."""
    found: list[tuple[str, str, pd.DataFrame]] = []
    for source, sites in own.sites.groupby("source", sort=True):
        found.append((str(source), f"Start sites: {source_name(str(source))}", _points(sites, "")))
    if own.elements is not None and len(own.elements):
        planted = planted_intervals(own.elements)
        planted["start"] = planted["start"].clip(lower=0)
        found.append(("elements", "Planted promoter elements", planted))
    if len(own.operons):
        found.append(("operons", "Operons", own.operons))
    if len(own.terminators):
        ends = own.terminators
        name = ends["kind"] + " (" + ends["source"].map(source_name) + ")"
        found.append(("terminators", "Terminators", _points(ends, name)))
    columns = ["start", "end", "strand", "name"]
    return [
        {"id": key, "name": name, "rows": table[columns].to_numpy().tolist()}
        for key, name, table in found
    ]


def _points(sites: pd.DataFrame, name: pd.Series | str) -> pd.DataFrame:
    """Sites as stretches of one nucleotide."""
    return pd.DataFrame(
        {
            "start": sites["position"],
            "end": sites["position"] + 1,
            "strand": sites["strand"],
            "name": name,
        }
    )


def _igv(target: Path) -> None:
    """Copy igv.js from the installed package, which is not imported."""
    found = find_spec("igv_notebook")
    path = Path(found.origin).parent / "js" / "igv.min.js" if found and found.origin else None
    if path is None or not path.is_file():
        raise ValueError("igv.js is missing: install igv-notebook, see requirements.lock")
    with writing(target) as temporary:
        shutil.copyfile(path, temporary)


def local_ecoli() -> StudyInputs | None:
    """The published tables, where GENOATTN_DATA names a folder with all of them; no download."""
    folder = os.environ.get(FOLDER_VARIABLE, "")
    if not folder or not all((Path(folder) / DATASETS[n].file).is_file() for n in ECOLI_TABLES):
        return None
    return ecoli_inputs(folder)


def write_pages(
    target: str | Path,
    *,
    run: str | Path = "runs/demo",
    weights: str = "demo",
    committed: str | Path = _ECOLI,
) -> None:
    """Write all that the page loads into a folder, which is emptied first.

    Parameters
    ----------
    target : str or Path
        Becomes the site's ``_static/browser`` (with the committed files of that name).
    run, weights
        The demo's run and model.
    committed : str or Path
        The scene of *E. coli* that the project holds.
    """
    target = Path(target)
    shutil.rmtree(target, ignore_errors=True)
    _igv(target / "igv.min.js")
    ecoli, local = Scene.read(committed), local_ecoli()
    write_page(ecoli, "ecoli", target, local, private=local is not None)
    demo = scene_of_run(run, weights)
    write_page(demo, "demo", target, StudyInputs.read(Path(run) / "inputs"), private=False)
    draw(demo, target / "demo")
    for name, scene in (("ecoli", ecoli), ("demo", demo)):
        with writing(target / name / "figures.md") as temporary:
            temporary.write_text(_figures_page(scene, name), encoding="utf-8")


def refresh(run: str | Path, weights: str, target: str | Path = _ECOLI) -> Scene:
    """Renew the committed scene and figures from a run; gives the scene."""
    scene = scene_of_run(run, weights)
    scene.save(target)
    draw(scene, target)
    return scene


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; the exit status is 1 with a sentence when it fails."""
    parser = argparse.ArgumentParser(prog="genoattn browser", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    again = steps.add_parser("refresh", help="renew the committed files from a run")
    again.add_argument("--run", default="runs/ecoli")
    again.add_argument("--weights", help="model whose output is shown; else that of the study")
    again.add_argument("--to", default=str(_ECOLI))
    pages = steps.add_parser("pages", help="write the page's files, for the build of the book")
    pages.add_argument("--run", default="runs/demo")
    pages.add_argument("--weights", default="demo")
    pages.add_argument("--to", default="_build/browser/browser")
    given = parser.parse_args(arguments)
    try:
        if given.step == "refresh":
            weights = given.weights or build.profile(_STUDY)["output"]["weights"]
            scene = refresh(given.run, weights, given.to)
            print(f"{given.to}: {len(scene.places)} places of {scene.title}")
        else:
            write_pages(given.to, run=given.run, weights=given.weights)
    except (ValueError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
