"""What files are read and what is refused, with which sentence: cases, page and test in one table.

``formats.yaml`` beside this module lists small files, a group for each reader, with what is read
of each or the sentence that refuses it. The tests write every file and compare; the page "Formats
and limits" shows the same list, so it says what the tests have seen.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml

from genoattn.genome.formats import read_gene_starts
from genoattn.genome.genbank import read_annotation, read_sequences
from genoattn.genome.motifs import iupac_consensus, read_transfac
from genoattn.genome.sequence import Genome
from genoattn.study.costs import shares
from genoattn.study.inputs import own_inputs
from genoattn.study.report import table
from genoattn.study.settings import read_settings

__all__ = ["PACKED", "READERS", "Case", "Group", "groups", "outcome", "page", "say_costs"]


LENGTH = 3_000
CONTIG = Genome("ctg", np.tile(np.arange(4, dtype=np.uint8), LENGTH // 4))
"""What the annotations and tables of sites belong to: 3,000 nt, circular."""
_FASTA = ">ctg [topology=circular]\n" + CONTIG.sequence + "\n"


def _sequences(path: Path) -> str:
    found = read_sequences(path, circular=False)
    return "; ".join(f"{one.name} {one.sequence}{' (circular)' * one.circular}" for one in found)


def _annotation(path: Path) -> str:
    rows = read_annotation(path, [CONTIG])
    name = rows["gene"].where(rows["gene"] != "", rows["locus_tag"])
    first = (rows["start"] + 1).astype(str)
    place = first + ".." + rows["end"].astype(str) + " " + rows["strand"]
    return "; ".join(rows["type"] + " " + place + " " + name)


def _gene_starts(path: Path) -> str:
    return _places(read_gene_starts(path, CONTIG).sites)


def _own_sites(path: Path) -> str:
    genome = path.parent / "ctg.fa"
    genome.write_text(_FASTA)
    return _places(own_inputs(genome, [path]).sites)


def _places(sites: pd.DataFrame) -> str:
    """Positions from 1, strands, and sources where there are any."""
    source = sites["source"] if "source" in sites else pd.Series("", index=sites.index)
    texts = (sites["position"] + 1).astype(str) + " " + sites["strand"] + " " + source.astype(str)
    return "; ".join(text.strip() for text in texts)


def _motifs(path: Path) -> str:
    return "; ".join(f"{one.name} {iupac_consensus(one.counts)}" for one in read_transfac(path))


def _settings(path: Path) -> str:
    return json.dumps(read_settings(path))


READERS: dict[str, Callable[[Path], str]] = {
    "sequences": _sequences,
    "annotation": _annotation,
    "gene starts": _gene_starts,
    "sites": _own_sites,
    "motifs": _motifs,
    "settings": _settings,
}
"""Group of files -> what reads one and says what it holds."""


def _zipped(data: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("a.txt", data)
    return written.getvalue()


def _gzipped(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": _gzipped,
    "bgzip": lambda data: _gzipped(data[:9]) + _gzipped(data[9:]) + _gzipped(b""),
    "gzip cut off": lambda data: _gzipped(data)[:-9],
    "gzip damaged": lambda data: _gzipped(data) + b"junk",
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": _zipped,
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "Latin-1": lambda data: data.decode().encode("latin-1"),
    "Windows lines": lambda data: data.replace(b"\n", b"\r\n"),
    "old Mac lines": lambda data: data.replace(b"\n", b"\r"),
}
"""How a case's text may be written to its file."""


class Case(NamedTuple):
    """A file and what becomes of it."""

    what: str
    """What is notable about it, in a few words."""
    name: str
    data: bytes
    reads: str | None
    """What is read; None if it is refused."""
    refused: str | None
    """The sentence, without the folder; None if it is read."""


class Group(NamedTuple):
    """Files for one reader."""

    name: str
    title: str
    about: str
    cases: list[Case]


def groups() -> list[Group]:
    """All cases, by reader, in the order in which the page shows them."""
    text = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    return [
        Group(one["reader"], one["title"], one["about"], [_case(case) for case in one["cases"]])
        for one in yaml.safe_load(text)
    ]


def _case(given: dict[str, str]) -> Case:
    pack = PACKED[given["packed"]] if "packed" in given else bytes
    return Case(
        given["what"],
        given.get("file", "a.txt"),
        pack(given["text"].encode()),
        given.get("reads"),
        given.get("refused"),
    )


def outcome(group: str, case: Case, folder: Path) -> tuple[str, bool]:
    """Write a case's file and read it: what is read, or the sentence; and whether it was refused.

    Parameters
    ----------
    group : str
        Of `READERS`.
    case : Case
    folder : Path
        Where the file goes; left out of the sentence.
    """
    path = folder / case.name
    path.write_bytes(case.data)
    try:
        return READERS[group](path), False
    except ValueError as error:
        return str(error).replace(f"{folder}/", ""), True


def page() -> str:
    """Write all cases as Markdown, a section for each reader: what is read, what is refused."""
    blocks = []
    for group in groups():
        blocks += [f"## {group.title}", group.about]
        read = [(one.what, f"`{one.reads}`") for one in group.cases if one.reads is not None]
        refused = [(one.what, _plain(one.refused)) for one in group.cases if one.refused]
        blocks += [_table(("what is read", "as"), read)] if read else []
        blocks += [_table(("what is refused", "with the sentence"), refused)] if refused else []
    return "\n\n".join(blocks) + "\n"


def _plain(sentence: str) -> str:
    """Keep Markdown from reading signs of a sentence as its own."""
    return re.sub(r"([*_<>\[\]`])", r"\\\1", sentence)


def _table(head: Iterable[str], rows: Iterable[Iterable[str | None]]) -> str:
    """Write a Markdown table whose columns are all text."""
    lines = [[str(cell).replace("|", r"\|") for cell in row] for row in rows]
    lines = [list(head), [":--", ":--"], *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def say_costs(results: str | Path) -> str:
    """Say what drafts of many contigs and a short contig cost, as ``genoattn costs`` measured.

    Parameters
    ----------
    results : str or Path
        Folder of ``bench_contigs.csv`` and ``bench_short.csv``.

    Returns
    -------
    str
        Markdown; a sentence that says how to measure where there are no such files.
    """
    files = [Path(results) / name for name in ("bench_contigs.csv", "bench_short.csv")]
    if not all(file.is_file() for file in files):
        return "Nothing was measured on this machine yet; `make bench` does so.\n"
    whole, parts = shares(pd.read_csv(files[0])), pd.read_csv(files[1])
    text = {
        "contigs": whole["contigs"].map("{:,}".format),
        "nt of each": whole["length"].map("{:,}".format),
        "seconds in all": whole["seconds"].map("{:,.1f}".format),
        "ms a contig": whole["ms_per_contig"].map("{:.2f}".format),
        "of the prediction's time": whole["share_of_prediction"].map("{:.1%}".format),
    }
    threads = int(parts["threads"].iloc[0])
    measured = f"Measured with {threads} thread{'s' * (threads > 1)}.\n"
    return table(pd.DataFrame(text)) + "\n" + _say_short(parts) + "\n" + measured


def _say_short(parts: pd.DataFrame) -> str:
    """Say what a short contig takes, and what bounds that."""
    spent = parts.pivot(index="weights", columns="part", values="seconds")
    spent = spent.loc[list(dict.fromkeys(parts["weights"])), list(dict.fromkeys(parts["part"]))]
    shown = spent.map("{:.2f}".format).rename(index="`{}`".format).reset_index()
    longest = [f"with `{name}` the {part}" for name, part in spent.idxmax(axis=1).items()]
    return (
        f"One contig of {parts['length'].iloc[0]:,} nt, in seconds:\n{table(shown)}\n"
        f"What takes longest: {', '.join(longest)}.\n"
    )
