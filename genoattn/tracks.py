"""Tracks as files that genome browsers read, peaks, a track hub; arrays in, files out.

A track is a float array of shape (2, L), by strand row (``'+'`` is 0) and forward position; a set
of tracks is a dictionary from the contig's name to its track, in the genome's order. NaN means
*not predicted* and is left out of every file. All formats here count from 0 and are half-open, as
the package does.

- bigWig (one file a strand): the values;
- BED: peaks;
- 2bit: the sequence, which a browser that does not know the genome needs;
- a hub: a folder with all of these and the three text files by which the UCSC browser and others
  find them (Raney et al. 2014, *Track data hubs*, Bioinformatics 30:1003).
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyBigWig
from numpy.typing import NDArray

from genoattn.genome.files import writing
from genoattn.genome.intervals import runs
from genoattn.genome.sequence import STRANDS, UNKNOWN, Genome

__all__ = [
    "HubTrack",
    "check_contig_names",
    "check_hub_name",
    "hub_name_complaint",
    "track_hub",
    "write_bed",
    "write_bigwig",
    "write_strands",
    "write_two_bit",
]


_COLOURS = {"+": (0, 114, 178), "-": (213, 94, 0)}
"""Red, green and blue of each strand, 0..255; distinct for colour-blind readers and in grey."""

_ENTRIES = 500_000  # intervals that go to pyBigWig at once
_TOGETHER = 1_000  # contigs that do
_SHOWN_WHOLE = 10_000  # nt; a contig so short needs no summaries for zooming out
_FILE = {"+": "plus", "-": "minus"}
_LONGEST = 200  # letters of a hub's name; a file of that name and its ending has at most 255
_FARTHEST = 2**32 - 2  # position; BED and its kin count to 2**32 - 1


# ------------------------------------------------------------------------------------- values


def write_bigwig(
    path: str | Path, values: Mapping[str, NDArray], *, decimals: int | None = None
) -> None:
    """Write one strand's values, all contigs, as one bigWig; whole or not at all.

    Parameters
    ----------
    path : str or Path
        The ``.bw`` file.
    values : mapping of str to array, shape (L,)
        Contig name to the values of one strand, by forward position; the length of the array is
        the contig's. NaN positions get no value.
    decimals : int, optional
        Round to so many decimals, which makes the file smaller; by default values are exact to
        float32 (all that the format holds).

    Raises
    ------
    ValueError
        No contig, an array of another shape, infinite values, or no value at all.
    """
    _check(values, 1)
    header = [(name, len(one)) for name, one in values.items()]
    with writing(path) as temporary:
        # libBigWig ignores that a disk is full, so it writes to memory where the system lets it
        with _in_memory(temporary) as target:
            file = pyBigWig.open(target, "w")
            longest = max(length for _, length in header)
            file.addHeader(header, maxZooms=10 if longest > _SHOWN_WHOLE else 0)
            _add(file, values, decimals)
            file.close()
        _check_whole(temporary, values)


@contextmanager
def _in_memory(path: Path) -> Iterator[str]:
    """Name a file in memory, copied to `path` at the end; `path` itself where there is none."""
    if not hasattr(os, "memfd_create"):
        yield str(path)
        return
    with os.fdopen(os.memfd_create("bigwig"), "rb") as memory:
        yield f"/proc/self/fd/{memory.fileno()}"
        with path.open("wb") as file:
            shutil.copyfileobj(memory, file)


def _check_whole(path: Path, values: Mapping[str, NDArray]) -> None:
    """Read a bigWig back: all contigs, so many values, and the last one, which is at the end."""
    valued = {name: np.flatnonzero(np.isfinite(one)) for name, one in values.items()}
    name, last = next((n, int(at[-1])) for n, at in reversed(valued.items()) if at.size)
    try:
        with pyBigWig.open(str(path)) as file:
            whole = (
                file.chroms() == {one: len(track) for one, track in values.items()}
                and file.header()["nBasesCovered"] == sum(at.size for at in valued.values())
                and np.isfinite(file.values(name, last, last + 1)).all()
            )
    except RuntimeError:  # all that the library says of a file that it cannot read
        whole = False
    if not whole:
        raise OSError(errno.EIO, "was not written whole", str(path))


def _check(tracks: Mapping[str, NDArray], dimensions: int) -> None:
    """Refuse what no format can hold: no contig, an unusable name, another shape, no value."""
    if not tracks:
        raise ValueError("no track to write: give at least one contig")
    for name, values in tracks.items():
        if not name or re.search(r"\s", name):
            raise ValueError(f"contig name {name!r} must be one word")
        if not values.size:
            raise ValueError(f"the track of {name} is empty: a contig has at least one nucleotide")
        if values.ndim != dimensions or (dimensions == 2 and len(values) != 2):
            wanted = "(L,), one strand" if dimensions == 1 else "(2, L), both strands"
            raise ValueError(f"the track of {name} has shape {values.shape}, not {wanted}")
        if values.dtype.kind not in "biuf":
            raise ValueError(f"the track of {name} holds {values.dtype} values, not numbers")
        with np.errstate(over="ignore"):
            beyond = np.isinf(values.astype(np.float32)).any()
        if beyond:
            raise ValueError(f"the track of {name} holds infinite values, or too large for float32")
    if not any(np.isfinite(values).any() for values in tracks.values()):
        raise ValueError("no position of any contig has a value")


def _add(file: Any, values: Mapping[str, NDArray], decimals: int | None) -> None:
    """Add all contigs in order: every position that has a value, or joined where that is shorter.

    At each call, and for each contig in it, pyBigWig looks through the names of all contigs: so
    short contigs go together.
    """
    waiting: list[tuple[str, NDArray, NDArray, NDArray]] = []
    for name, one in values.items():
        exact = one.astype(np.float64)
        rounded = exact if decimals is None else np.round(exact, decimals)
        known = np.isfinite(rounded)
        start, end = _stretches(rounded, known)
        joined = 3 * len(start) < known.sum()  # 12 bytes a stretch of one value, 4 a position
        if joined:
            waiting.append((name, start, end, rounded[start]))
        if not joined or len(waiting) == _TOGETHER or len(start) > _ENTRIES:
            _add_stretches(file, waiting)
            waiting = []
        if not joined:
            for first, size in runs(known, circular=False).tolist():
                part = rounded[first : first + size]
                file.addEntries(name, first, values=part, span=1, step=1, validate=False)
    _add_stretches(file, waiting)


def _stretches(values: NDArray, known: NDArray[np.bool_]) -> tuple[NDArray, NDArray]:
    """Start and end of each stretch of one value."""
    same = (values[:-1] == values[1:]) | ~(known[:-1] | known[1:])
    edges = np.flatnonzero(np.concatenate([[True], ~same, [True]]))
    valued = known[edges[:-1]]
    return edges[:-1][valued], edges[1:][valued]


def _add_stretches(file: Any, contigs: Sequence[tuple[str, NDArray, NDArray, NDArray]]) -> None:
    """Add the stretches of several contigs: name, starts, ends and values of each."""
    if not contigs:
        return
    names = [name for name, start, _, _ in contigs for _ in range(len(start))]
    start, end, value = (np.concatenate(parts) for parts in list(zip(*contigs, strict=True))[1:])
    for first in range(0, len(names), _ENTRIES):
        part = slice(first, first + _ENTRIES)
        file.addEntries(
            names[part], start[part], ends=end[part], values=value[part], validate=False
        )


def write_strands(
    prefix: str | Path, tracks: Mapping[str, NDArray], *, decimals: int | None = None
) -> dict[str, Path]:
    """Write both strands, each as a bigWig: ``<prefix>.plus.bw`` and ``<prefix>.minus.bw``.

    Parameters
    ----------
    prefix : str or Path
        Path without the ending.
    tracks : mapping of str to array, shape (2, L)
        Contig name to track. The minus strand's values are written as they are, not negated.
    decimals : int, optional
        As for `write_bigwig`.

    Returns
    -------
    dict of str to Path
        The file of each strand, ``'+'`` and ``'-'``.
    """
    _check(tracks, 2)
    paths = {strand: Path(f"{prefix}.{_FILE[strand]}.bw") for strand in STRANDS}
    for row, path in enumerate(paths.values()):
        values = {name: track[row] for name, track in tracks.items()}
        write_bigwig(path, values, decimals=decimals)
    return paths


def write_bed(path: str | Path, peaks: pd.DataFrame) -> None:
    """Write peaks as BED with six columns; whole or not at all.

    Parameters
    ----------
    path : str or Path
        The ``.bed`` file.
    peaks : DataFrame
        ``contig``, ``position`` (0-based), ``strand``, ``output`` (from 0 to 1). They are named
        ``peak_1`` and so on, in the frame's order.

    Raises
    ------
    ValueError
        A column is missing, a strand is unknown, a position is no whole number of 0 or more, or an
        output is not from 0 to 1.

    Notes
    -----
    BED's score is a whole number from 0 to 1000: the output times 1000, rounded.
    """
    missing = {"contig", "position", "strand", "output"} - set(peaks.columns)
    if missing:
        raise ValueError(f"the table of peaks has no column {sorted(missing)[0]!r}")
    if not peaks["strand"].isin(STRANDS).all():
        raise ValueError("the strand of a peak is neither '+' nor '-'")
    for name in peaks["contig"].unique():
        if not isinstance(name, str) or not name or re.search(r"\s", name):
            shown = repr(name) if isinstance(name, str) else name
            raise ValueError(f"the contig of a peak must be one word, not {shown}")
    position = pd.to_numeric(peaks["position"], errors="coerce")
    wrong = np.flatnonzero(~position.between(0, _FARTHEST) | (position % 1 != 0))
    if wrong.size:
        raise ValueError(
            f"the position of peak {wrong[0] + 1} must be a whole number, 0 or more, not "
            f"{peaks['position'].iloc[wrong[0]]}"
        )
    output = pd.to_numeric(peaks["output"], errors="coerce")
    if not output.between(0, 1).all():
        raise ValueError("the output of a peak must lie between 0 and 1")
    table = pd.DataFrame(
        {
            "contig": peaks["contig"],
            "start": position.astype(np.int64),
            "end": position.astype(np.int64) + 1,
            "name": [f"peak_{number}" for number in range(1, len(peaks) + 1)],
            "score": (1000 * output).round().astype(np.int64),
            "strand": peaks["strand"],
        }
    )
    with writing(path) as temporary:
        table.to_csv(temporary, sep="\t", header=False, index=False, lineterminator="\n")


# ----------------------------------------------------------------------------------- sequence

_TWO_BIT = 0x1A412743  # first four bytes of a 2bit file; its version is 0
_TWO_BIT_CODE = np.array([2, 1, 3, 0, 0], dtype=np.uint8)  # A, C, G, T, unknown: T is 0


def write_two_bit(path: str | Path, genomes: Sequence[Genome]) -> None:
    """Write sequences as UCSC's 2bit, four nucleotides a byte; unknown ones become blocks of N.

    Source: the format's description at https://genome.ucsc.edu/FAQ/FAQformat.html#format7.
    """
    records = [_two_bit_record(genome) for genome in genomes]
    names = [genome.name.encode("ascii") for genome in genomes]
    offset = 16 + sum(5 + len(name) for name in names)
    with writing(path) as temporary, temporary.open("wb") as file:
        file.write(np.array([_TWO_BIT, 0, len(genomes), 0], dtype="<u4").tobytes())
        for name, record in zip(names, records, strict=True):
            file.write(bytes([len(name)]) + name + np.array([offset], dtype="<u4").tobytes())
            offset += len(record)
        file.writelines(records)


def _two_bit_record(genome: Genome) -> bytes:
    """Length, blocks of N, no masked block, then four nucleotides a byte, the first one highest."""
    unknown = runs(genome.codes == UNKNOWN, circular=False)
    head = [len(genome), len(unknown), *unknown[:, 0], *unknown[:, 1], 0, 0]
    codes = np.pad(_TWO_BIT_CODE[genome.codes], (0, -len(genome) % 4)).reshape(-1, 4)
    packed = (codes << np.array([6, 4, 2, 0], dtype=np.uint8)).sum(axis=1, dtype=np.uint8)
    return np.array(head, dtype="<u4").tobytes() + packed.tobytes()


# ---------------------------------------------------------------------------------------- hub

_HUB = """\
hub {name}
shortLabel {label:.17}
longLabel {label}
genomesFile genomes.txt
email {email}
"""
_GENOMES = """\
genome {name}
trackDb {name}/trackDb.txt
twoBitPath {name}/{name}.2bit
organism {name}
description {name}
scientificName {name}
defaultPos {contig}:1-{end}
"""
_BOTH_STRANDS = """\
track {track}
container multiWig
type bigWig
shortLabel {short}
longLabel {long}
aggregate transparentOverlay
showSubtrackColorOnUi on
autoScale on
alwaysZero on
maxHeightPixels 128:64:16
priority {priority}
visibility full
"""
_STRAND = """\
track {track}_{file}
parent {track}
type bigWig
shortLabel {short:.15} {strand}
longLabel {long:.70} ({file})
bigDataUrl {track}.{file}.bw
color {colour}
"""


class HubTrack(NamedTuple):
    """One thing to show on both strands.

    Attributes
    ----------
    name : str
        Unique in the hub; letters, digits and underscores, a letter first.
    short, long : str
        Labels: at most 17 and 76 characters, as UCSC recommends.
    tracks : mapping of str to array, shape (2, L)
        Contig name to track.
    """

    name: str
    short: str
    long: str
    tracks: Mapping[str, NDArray]


def hub_name_complaint(name: str) -> str | None:
    """Say why hub, assembly and folder cannot have a name; None if they can."""
    if not re.fullmatch(r"[A-Za-z][\w.-]*", name, flags=re.ASCII):
        return "must be of letters, digits, '_', '.' and '-', a letter first"
    if len(name) > _LONGEST:
        return f"must have at most {_LONGEST} letters, as folders and 2bit files are named by it"
    return None


def check_hub_name(name: str) -> None:
    """Refuse a name that hub, assembly and folder cannot have."""
    if problem := hub_name_complaint(name):
        raise ValueError(f"hub name {problem}, not {name!r}")


def check_contig_names(genomes: Sequence[Genome], where: str | Path) -> None:
    """Refuse contigs whose names the files of a hub cannot hold, before anything is computed.

    Parameters
    ----------
    genomes : sequence of Genome
    where : str or Path
        The file that they come from, for the message.

    Raises
    ------
    ValueError
        A name is not printable ASCII without blanks, has a slash, or is too long.
    """
    for genome in genomes:
        name = genome.name
        if not re.fullmatch(r"[!-.0-\[\]-~]+", name) or name in (".", ".."):
            raise ValueError(
                f"{where}: contig {name!r} cannot be named so in a track hub; rename it with "
                "letters, digits, '_', '.' and '-'"
            )
        if len(name) > 255:
            raise ValueError(
                f"{where}: contig {name[:20]!r}... has a name of {len(name)} letters; a 2bit file "
                "holds at most 255, so shorten it"
            )


def track_hub(
    folder: str | Path,
    genomes: Sequence[Genome],
    shown: Sequence[HubTrack],
    *,
    name: str,
    label: str,
    email: str,
    decimals: int | None = 4,
) -> list[Path]:
    """Write a track hub that brings its own genome (an assembly hub).

    Each of ``shown`` becomes an overlay of two bigWigs: the plus strand upwards, the minus strand
    drawn downwards (``negateValues``; the values in the file stay positive). Put the folder on any
    web server and give the browser the address of ``hub.txt``. The settings are those of
    https://genome.ucsc.edu/goldenPath/help/hgTrackHubHelp.html and
    https://genome.ucsc.edu/goldenPath/help/trackDb/trackDbHub.html.

    Parameters
    ----------
    folder : str or Path
        Made when missing; files of the same names are replaced.
    genomes : sequence of Genome
        The contigs, whose names and lengths all tracks must have.
    shown : sequence of HubTrack
        What to show, the first on top.
    name : str
        Name of hub and assembly: letters, digits, ``_``, ``.`` and ``-``.
    label : str
        What readers see as the hub's name.
    email : str
        Whom to ask; hubs must say so.
    decimals : int, optional
        As for `write_bigwig`.

    Returns
    -------
    list of Path
        Its files, ``hub.txt`` first.

    Raises
    ------
    ValueError
        An unusable name, or a contig that is missing or of another length.
    """
    check_hub_name(name)
    sizes = {genome.name: len(genome) for genome in genomes}
    for one in shown:
        lengths = {contig: track.shape[1] for contig, track in one.tracks.items()}
        if lengths != sizes:
            raise ValueError(f"track {one.name!r} has contigs {lengths}, the genome has {sizes}")
    place = Path(folder) / name
    binary = [place / f"{name}.2bit"]
    write_two_bit(binary[0], genomes)
    for one in shown:
        binary += write_strands(place / one.name, one.tracks, decimals=decimals).values()
    first = max(genomes, key=len)
    end = min(len(first), 20_000)
    texts = {
        Path(folder) / "hub.txt": _HUB.format(name=name, label=label, email=email),
        Path(folder) / "genomes.txt": _GENOMES.format(name=name, contig=first.name, end=end),
        place / "trackDb.txt": "\n".join(
            stanza for number, one in enumerate(shown, 1) for stanza in _stanzas(one, number)
        ),
    }
    for path, text in texts.items():
        with writing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [*texts, *binary]


def _stanzas(one: HubTrack, priority: int) -> list[str]:
    """Settings of an overlay of two strands: of the whole, of each strand."""
    labels = {"track": one.name, "short": one.short, "long": one.long}
    stanzas = [_BOTH_STRANDS.format(**labels, priority=priority)]
    for strand in STRANDS:
        colour = ",".join(map(str, _COLOURS[strand]))
        stanzas.append(_STRAND.format(**labels, strand=strand, file=_FILE[strand], colour=colour))
    stanzas[-1] += "negateValues on\n"
    return stanzas
