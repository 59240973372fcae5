"""``genoattn annotate``: one's own genome in; tracks, peaks and a report as files.

The same functions as in the chapter your_genome. The report is one HTML file that loads nothing:
what was read, how far to trust it, figures and the highest peaks. It is made of `Section` s, so
that whoever has more to say of a genome adds one.
"""

from __future__ import annotations

import argparse
import base64
import html
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from genoattn import __version__, tracks
from genoattn.annotate import annotate, contig_table, load_contigs
from genoattn.chapters.your_genome import PARAMETERS
from genoattn.chapters.your_genome_chance import Chance, doubt, is_doubtful, read, say
from genoattn.chapters.your_genome_tested import trust
from genoattn.evaluation.calls import find_peaks
from genoattn.genome.files import rereadable, writing, writing_together
from genoattn.genome.locks import holding
from genoattn.genome.sequence import Genome
from genoattn.model.card import Card
from genoattn.model.weights import find_prior, find_weights
from genoattn.plots import style
from genoattn.plots import your_genome as figures
from genoattn.plots.drawn import Drawn
from genoattn.prediction.ensemble import GenePrior
from genoattn.study.manifest import Manifest, digest
from genoattn.study.order import run_locks
from genoattn.study.parameters import argument
from genoattn.study.tasks import TASKS

__all__ = ["Section", "main", "report", "sections"]

_COMMAND = "annotate"
"""What the manifest of a folder calls the files of this command."""

_FILES = ("output.plus.bw", "output.minus.bw", "peaks.bed", "peaks.tsv", "report.html")
"""What the command leaves beside the manifest."""

_SHOWN = 20
"""Peaks and contigs in the tables of the report."""

_EPILOG = """\
examples:
  genoattn annotate genome.fna.gz --circular all --out found
  zcat genome.fna.gz | genoattn annotate - --weights with-genes --out found

files in the folder:
  report.html                          what was found, and how far to trust it
  output.plus.bw, output.minus.bw      the output on both strands, for a genome browser
  peaks.bed, peaks.tsv                 the peaks; fdr is the false discovery rate of each
  manifest.json                        what they were made from, by checksum; a folder that holds
                                       the annotation of other sequences is refused

exit codes:
  0  done (a warning on the last lines says if the peaks are no more than chance gives)
  1  something is wrong with the input; one sentence says what
  2  wrong options
"""


class Section(NamedTuple):
    """A part of the report."""

    title: str
    text: str = ""
    """Paragraphs, plain text, with an empty line between."""
    drawn: Drawn | None = None
    rows: pd.DataFrame | None = None
    """A table of texts."""
    warns: bool = False


def sections(
    contigs: pd.DataFrame, found: Chance, output: dict[str, np.ndarray], weights: str
) -> list[Section]:
    """Write the parts of the report.

    Parameters
    ----------
    contigs : DataFrame
        `genoattn.annotate.contig_table`.
    found : Chance
        Peaks with their rates, and those by chance.
    output : mapping of str to array, shape (2, L)
        Contig -> probability of a site.
    weights : str
        Name of the model.
    """
    top = found.peaks.sort_values("output", ascending=False, kind="stable")
    made = []
    if is_doubtful(found):
        made.append(Section("Warning", doubt(found), warns=True))
    if other := _other_sites(weights):
        made.append(Section("Warning: other sites", other, warns=True))
    known = trust(contigs, weights)
    if known.warned:
        made.append(Section("Warning: rich in G and C", known.warned, warns=True))
    by_chance = re.sub(r"(?s)\*\*|\n\n`{4}.*", "", say(found))
    made += [
        Section(
            "What was read",
            f"{len(contigs):,} sequence{'s' * (len(contigs) > 1)} of "
            f"{contigs['length'].sum():,} nt, read by {weights} on both strands.",
            rows=_contig_rows(contigs),
        ),
        Section(
            "How far to trust it",
            f"{by_chance}\n\nThe rate takes it that sequence without start sites is no richer in "
            "promoter-like words than shuffled sequence, so it is a lower limit. The models were "
            "trained on Escherichia coli; the farther an organism is from it, the less an output "
            "means. Only an experiment on the organism settles a single site.",
            figures.by_chance(found.table),
        ),
        Section("What it reached on species like this one", known.said, rows=known.rows),
        Section(
            "The highest peaks",
            drawn=figures.peak_views(output, top.head(9), 60, None),
            rows=_peak_rows(top.head(_SHOWN)),
        ),
    ]
    return made


def _contig_rows(contigs: pd.DataFrame) -> pd.DataFrame:
    """Write the table of the first contigs."""
    shown = contigs.head(_SHOWN)
    return pd.DataFrame(
        {
            "sequence": shown["contig"],
            "nt": shown["length"].map("{:,}".format),
            "circular": shown["circular"].map({True: "yes", False: "no"}),
            "G and C": shown["gc"].map("{:.0%}".format),
            "unknown letters": shown["unknown"].map("{:.1%}".format),
        }
    )


def _peak_rows(top: pd.DataFrame) -> pd.DataFrame:
    """Write the table of the highest peaks."""
    return pd.DataFrame(
        {
            "sequence": top["contig"],
            "position (from 1)": (top["position"] + 1).map("{:,}".format),
            "strand": top["strand"],
            "output": top["output"].map("{:.3f}".format),
            "false discovery rate": top["fdr"].map("{:.2g}".format),
        }
    )


def report(parts: Sequence[Section], title: str) -> str:
    """Write a report as one HTML file; figures are closed.

    Parameters
    ----------
    parts : sequence of Section
    title : str
    """
    body = "\n".join(map(_section, parts))
    return _PAGE.format(title=html.escape(title), body=body, version=__version__)


def _section(part: Section) -> str:
    """Write one part."""
    kind = ' class="warning" role="alert"' if part.warns else ""
    blocks = [f"<section{kind}>", f"<h2>{html.escape(part.title)}</h2>"]
    blocks += [f"<p>{html.escape(one)}</p>" for one in part.text.split("\n\n") if one]
    if part.drawn is not None:
        picture = base64.b64encode(part.drawn.png()).decode()
        plt.close(part.drawn.figure)
        alt, caption = html.escape(part.drawn.alt), html.escape(part.drawn.caption)
        source = f"data:image/png;base64,{picture}"
        blocks.append(
            f'<figure><img src="{source}" alt="{alt}" /><figcaption>{caption}</figcaption></figure>'
        )
    if part.rows is not None and len(part.rows):
        cells = part.rows.to_html(index=False, border=0, justify="left")
        blocks.append(f'<div class="wide" tabindex="0">{cells}</div>')
    return "\n".join([*blocks, "</section>"])


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>{title}</title>
<style>
body {{ color: #222; font: 1rem/1.6 sans-serif; margin: 2rem auto; max-width: 52rem; }}
body {{ padding: 0 1rem; }}
img {{ background: white; height: auto; max-width: 100%; }}
figure {{ margin: 1rem 0; }}
figcaption {{ color: #555; font-size: 0.9rem; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: 0.9rem; }}
td, th {{ border-bottom: 1px solid #ccc; padding: 0.25rem 0.9rem 0.25rem 0; text-align: left; }}
.warning {{ background: #fff3cd; border-left: 0.4rem solid #b35900; padding: 0.1rem 1rem; }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #14181e; color: #ced6dd; }}
  figcaption {{ color: #a9b3bd; }}
  .warning {{ background: #3d2f00; }}
}}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
<footer><p>genoattn {version}</p></footer>
</body>
</html>
"""


def _file(given: str) -> AbstractContextManager[Path]:
    """Give the file of sequences; for ``-``, a temporary one of what the standard input holds."""
    if given != "-":
        return rereadable(given)
    if sys.stdin is None:
        raise ValueError("standard input: closed; name a file, or pipe the sequences in")
    return rereadable("standard input", sys.stdin.buffer)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: annotate sequences; leaves tracks, peaks and a report in a folder."""
    given = _parser().parse_args(arguments)
    try:
        with _file(given.fasta) as path:
            genomes, sources = load_contigs(path, given.circular), _sources(given, path)
        if given.out.exists() and not given.out.is_dir():
            raise ValueError(f"{given.out}: a file, not a folder; name another one with --out")
        if blocked := [one for one in _FILES if (given.out / one).is_dir()]:
            raise ValueError(
                f"{given.out / blocked[0]}: a folder where a file is to be written; remove it, or "
                "name another folder with --out"
            )
        own, others = run_locks(given.out)
        with holding(own, str(given.out), "name another folder with --out", others):
            contigs = contig_table(genomes)
            peaks, found, files = _annotate(given, genomes, contigs, sources)
    except (ValueError, OSError) as error:
        print(f"genoattn annotate: {error}", file=sys.stderr)
        return 1
    print(f"{len(peaks):,} peaks of {given.threshold:g} or more; written:", *files, sep="\n")
    known = trust(contigs, given.weights)
    print(known.said, known.rows.to_string(index=False), sep="\n")
    doubtful = doubt(found) if is_doubtful(found) else ""
    for warning in filter(None, [doubtful, _other_sites(given.weights), known.warned]):
        print(f"Warning: {warning}", file=sys.stderr)
    return 0


def _sources(given: argparse.Namespace, path: Path) -> dict[str, str]:
    """What the results are made from, the sequences first: file -> SHA-256."""
    name = "standard input" if given.fasta == "-" else str(given.fasta)
    prior = find_prior(given.weights)
    used = [*([prior] if prior else []), *_members(given.weights)]
    return {name: digest(path)} | {file.name: digest(file) for file in used}


def _members(weights: str) -> list[Path]:
    """The weights of a model, or of all models that a gene prior averages."""
    prior = find_prior(weights)
    return GenePrior.load(prior).weights(prior) if prior else [find_weights(weights)]


def _other_sites(weights: str) -> str:
    """Warn that a model marks other sites than starts of transcription; empty if it does not."""
    task = TASKS.get(Card.read(_members(weights)[0]).task)
    if task is None or task.key == "tss":
        return ""
    return f"{weights} marks {task.site}s ({task.short}), so a start site here is such a site."


def _annotate(
    given: argparse.Namespace,
    genomes: list[Genome],
    contigs: pd.DataFrame,
    sources: dict[str, str],
) -> tuple[pd.DataFrame, Chance, list[Path]]:
    """Annotate into a folder that holds nothing of other sequences: peaks, by chance, files."""
    manifest = Manifest(given.out)
    before, (name, now) = manifest.sources(_COMMAND), next(iter(sources.items()))
    if before and now not in before:
        raise ValueError(
            f"{given.out} holds the annotation of other sequences than {name} has now; name "
            "another folder with --out, or remove this one"
        )
    output = annotate(given.weights, genomes)
    peaks = find_peaks(output, given.threshold, apart=given.apart)
    steps = np.linspace(given.threshold, max(given.threshold, 1.0), 30).tolist()
    found = read(
        given.weights,
        genomes,
        peaks,
        steps,
        n_shuffled=given.shuffled,
        apart=given.apart,
        seed=given.seed,
    )
    with writing_together(given.out) as new:
        written = _write(new, given, contigs, output, found)
    files = [given.out / file.name for file in written]
    manifest.record(_COMMAND, {file.name: sources for file in files})
    return peaks, found, [*files, manifest.file]


def _write(
    folder: Path,
    given: argparse.Namespace,
    contigs: pd.DataFrame,
    output: dict[str, np.ndarray],
    found: Chance,
) -> list[Path]:
    """Write tracks, peaks and report, each whole or not at all; the files."""
    files = list(tracks.write_strands(folder / "output", output, decimals=4).values())
    bed, table, page = (folder / name for name in _FILES[2:])
    tracks.write_bed(bed, found.peaks)
    from_one = found.peaks.assign(position=found.peaks["position"] + 1)
    with writing(table) as partial:
        from_one.rename(columns={"position": "position_1based"}).to_csv(
            partial, sep="\t", index=False, float_format="%.6g"
        )
    style.use()
    name = "standard input" if given.fasta == "-" else Path(given.fasta).name
    name = os.fsencode(name).decode("utf-8", "replace")  # any bytes are the name of a file
    text = report(sections(contigs, found, output, given.weights), f"Start sites in {name}")
    with writing(page) as partial:
        partial.write_text(text, encoding="utf-8")
    return [*files, bed, table, page]


def _asked(name: str) -> Callable[[str], Any]:
    """Read an option as the chapter reads its parameter of this name."""
    return argument(PARAMETERS[name])


def _parser() -> argparse.ArgumentParser:
    """What the command may be asked."""
    parser = argparse.ArgumentParser(
        prog="genoattn annotate",
        description="Find transcription start sites in sequences of your own, and say how far the "
        "result can be trusted.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("fasta", help="FASTA or GenBank, plain or .gz; - reads the standard input")
    parser.add_argument(
        "--weights",
        default="annotator-and-genes",
        help="a model that is shipped, with or without the genes that are found in the sequence, "
        "such as with-genes or annotator, or a file (default: %(default)s)",
    )
    parser.add_argument(
        "--circular", nargs="*", default=[], help="names of circular sequences, or all"
    )
    parser.add_argument(
        "--out",
        "--to",
        type=Path,
        default=Path("annotated"),
        help="folder of the files (default: %(default)s)",
    )
    parser.add_argument(
        "--threshold",
        type=_asked("threshold"),
        default=0.1,
        help="least output of a peak (default: %(default)s)",
    )
    parser.add_argument(
        "--apart",
        type=_asked("apart"),
        default=5,
        help="a peak is the highest within so many nt (default: %(default)s)",
    )
    parser.add_argument(
        "--shuffled",
        type=_asked("n_shuffled"),
        default=200_000,
        help="nucleotides of a shuffled copy that is read as well, to see how many peaks chance "
        "gives (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=_asked("seed"), default=7, help="of the shuffle (default: %(default)s)"
    )
    return parser
