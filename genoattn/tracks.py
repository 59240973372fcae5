"""Tracks as files that genome browsers read, peaks, a track hub; arrays in, files out.

A track is a float array of shape (2, L), by strand row (``'+'`` is 0) and forward position; a set
of tracks is a dictionary from the contig's name to its track, in the genome's order. NaN means
*not predicted* and is left out of every file. All formats here count from 0 and are half-open, as
the package does.

- bigWig (one file a strand) and bedGraph: the values;
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

from genoattn import assignment
from genoattn.files import FileError, read_lines, writing
from genoattn.genome import STRANDS, UNKNOWN, Genome
from genoattn.intervals import runs

__all__ = [
    "COLOURS",
    "HubTrack",
    "TrackError",
    "check_hub",
    "find_peaks",
    "track_hub",
    "two_bit_sizes",
    "write_bed",
    "write_bedgraph",
    "write_bigwig",
    "write_strands",
    "write_two_bit",
]

COLOURS = {"+": (0, 114, 178), "-": (213, 94, 0)}
"""Red, green and blue of each strand, 0..255; told apart by the colour-blind and in greyscale."""

_ENTRIES = 500_000  # intervals that go to pyBigWig at once
_FILE = {"+": "plus", "-": "minus"}
_TRACK_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_TRACK_NAME_RULE = "letters, digits and '_', a letter first"


class TrackError(ValueError):
    """A track that cannot be written, or a hub that a browser would refuse."""


# ------------------------------------------------------------------------------------- values


class _Steps(NamedTuple):
    """Stretches of one value: ``start``, ``end`` (half-open) and ``value``, each shape (n,)."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    value: NDArray[np.float64]


def _prepared(values: NDArray, decimals: int | None, threshold: float) -> NDArray[np.float64]:
    """Values as they are written: small ones as 0, the others rounded; NaN stays NaN."""
    prepared = values.astype(np.float64)
    if np.isinf(prepared).any():
        raise TrackError("a track holds infinite values")
    prepared[np.abs(prepared) < threshold] = 0.0
    return prepared if decimals is None else np.round(prepared, decimals)


def _steps(values: NDArray[np.float64]) -> _Steps:
    """Join neighbours of one value; NaN is left out."""
    before, after = values[:-1], values[1:]
    change = ~((before == after) | (np.isnan(before) & np.isnan(after)))
    edges = np.flatnonzero(np.concatenate([[True], change, [True]]))
    start, end = edges[:-1], edges[1:]
    kept = ~np.isnan(values[start])
    return _Steps(start[kept], end[kept], values[start[kept]])


def _check(tracks: Mapping[str, NDArray], dimensions: int) -> None:
    """Refuse what no format can hold: no contig, an unusable name, another shape, no value."""
    if not tracks:
        raise TrackError("no track to write: give at least one contig")
    for name, values in tracks.items():
        if not name or re.search(r"\s", name):
            raise TrackError(f"contig name {name!r} must be one word")
        if values.ndim != dimensions or (dimensions == 2 and len(values) != 2):
            wanted = "(L,), one strand" if dimensions == 1 else "(2, L), both strands"
            raise TrackError(f"the track of {name} has shape {values.shape}, not {wanted}")
    if not any(np.isfinite(values).any() for values in tracks.values()):
        raise TrackError("no position of any contig has a value")


def write_bigwig(
    path: str | Path,
    values: Mapping[str, NDArray],
    *,
    decimals: int | None = None,
    threshold: float = 0.0,
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
    threshold : float
        Absolute values below it are written as 0, which makes the file much smaller still.

    Raises
    ------
    TrackError
        No contig, an array of another shape, infinite values, or no value at all.
    """
    _check(values, 1)
    header = [(name, len(one)) for name, one in values.items()]
    with writing(path) as temporary:
        # libBigWig ignores that a disk is full, so it writes to memory where the system lets it
        with _in_memory(temporary) as target:
            file = pyBigWig.open(target, "w")
            file.addHeader(header)
            for name, one in values.items():
                _add(file, name, _prepared(one, decimals, threshold))
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


def _add(file: Any, name: str, values: NDArray[np.float64]) -> None:
    """Add a contig: every position of each stretch with values, or joined where that is shorter."""
    steps = _steps(values)
    if 3 * len(steps.start) < np.isfinite(values).sum():  # 12 bytes a step, 4 bytes a position
        for first in range(0, len(steps.start), _ENTRIES):
            part = slice(first, first + _ENTRIES)
            start, end, value = steps.start[part], steps.end[part], steps.value[part]
            file.addEntries([name] * len(start), start, ends=end, values=value)
        return
    for first, size in runs(np.isfinite(values), circular=False).tolist():
        file.addEntries(name, first, values=values[first : first + size], span=1, step=1)


def write_strands(
    prefix: str | Path,
    tracks: Mapping[str, NDArray],
    *,
    decimals: int | None = None,
    threshold: float = 0.0,
) -> dict[str, Path]:
    """Write both strands, each as a bigWig: ``<prefix>.plus.bw`` and ``<prefix>.minus.bw``.

    Parameters
    ----------
    prefix : str or Path
        Path without the ending.
    tracks : mapping of str to array, shape (2, L)
        Contig name to track. The minus strand's values are written as they are, not negated.
    decimals, threshold
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
        write_bigwig(path, values, decimals=decimals, threshold=threshold)
    return paths


def write_bedgraph(
    path: str | Path,
    values: Mapping[str, NDArray],
    *,
    decimals: int | None = None,
    threshold: float = 0.0,
) -> None:
    """Write one strand's values as bedGraph (contig, start, end, value; neighbours joined).

    Parameters and errors as of `write_bigwig`; nine significant digits, which is float32 exactly.
    """
    _check(values, 1)
    with writing(path) as temporary, temporary.open("w", encoding="ascii") as file:
        for name, one in values.items():
            steps = zip(*_steps(_prepared(one, decimals, threshold)), strict=True)
            file.writelines(f"{name}\t{start}\t{end}\t{value:.9g}\n" for start, end, value in steps)


# -------------------------------------------------------------------------------------- peaks


def find_peaks(tracks: Mapping[str, NDArray], threshold: float, *, apart: int = 1) -> pd.DataFrame:
    """Local maxima of the output, on each strand by itself.

    A position is a peak when its value reaches the threshold, no position within ``apart`` nt on
    its strand is higher, and none of the same value comes before it within ``apart`` (so a
    plateau counts once for every ``apart`` nt or less). Ends are ends: nothing wraps round.

    Parameters
    ----------
    tracks : mapping of str to array, shape (2, L)
        Contig name to track; NaN is never a peak.
    threshold : float
        Least value of a peak.
    apart : int
        How far a peak must be the highest, in nt to each side; 1 or more.

    Returns
    -------
    DataFrame
        ``contig``, ``position`` (0-based), ``strand``, ``output``; by contig in the given order,
        then by position and strand.
    """
    if apart < 1:
        raise TrackError(f"apart must be at least 1 nt, not {apart}")
    frames = []
    for name, track in tracks.items():
        for row, strand in enumerate(STRANDS):
            values = np.where(np.isnan(track[row]), -np.inf, track[row])[None]
            highest = assignment.peaks(values, np.ones(values.shape[1], dtype=bool), apart)
            position = np.flatnonzero(highest[0] & (values[0] >= threshold))
            columns = {"contig": name, "position": position, "strand": strand}
            frames.append(pd.DataFrame({**columns, "output": track[row, position]}))
    found = pd.concat(frames, ignore_index=True)
    order = found["contig"].map({name: number for number, name in enumerate(tracks)})
    found = found.assign(order=order).sort_values(["order", "position", "strand"])
    return found.drop(columns="order").reset_index(drop=True)


def write_bed(path: str | Path, peaks: pd.DataFrame, *, prefix: str = "peak") -> None:
    """Write peaks as BED with six columns; whole or not at all.

    Parameters
    ----------
    path : str or Path
        The ``.bed`` file.
    peaks : DataFrame
        ``contig``, ``position`` (0-based), ``strand``, ``output`` (from 0 to 1).
    prefix : str
        Peaks are named ``<prefix>_1`` and so on, in the frame's order.

    Raises
    ------
    TrackError
        A column is missing, a strand is unknown, or an output is not from 0 to 1.

    Notes
    -----
    BED's score is a whole number from 0 to 1000: the output times 1000, rounded.
    """
    missing = {"contig", "position", "strand", "output"} - set(peaks.columns)
    if missing:
        raise TrackError(f"the table of peaks has no column {sorted(missing)[0]!r}")
    if not peaks["strand"].isin(STRANDS).all():
        raise TrackError("the strand of a peak is neither '+' nor '-'")
    if not peaks["output"].between(0, 1).all():
        raise TrackError("the output of a peak must lie between 0 and 1")
    table = pd.DataFrame(
        {
            "contig": peaks["contig"],
            "start": peaks["position"],
            "end": peaks["position"] + 1,
            "name": [f"{prefix}_{number}" for number in range(1, len(peaks) + 1)],
            "score": (1000 * peaks["output"]).round().astype(np.int64),
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


def two_bit_sizes(path: str | Path) -> dict[str, int]:
    """Names and lengths of the sequences in a 2bit file of `write_two_bit`'s byte order."""
    data = Path(path).read_bytes()
    try:
        signature, version, number, _ = np.frombuffer(data, "<u4", 4)
        if signature != _TWO_BIT or version != 0:
            raise TrackError(f"{path}: not a 2bit file")
        sizes, place = {}, 16
        for _ in range(number):
            end = place + 1 + data[place]
            offset = int(np.frombuffer(data, "<u4", 1, end)[0])
            sizes[data[place + 1 : end].decode("ascii")] = int(
                np.frombuffer(data, "<u4", 1, offset)[0]
            )
            place = end + 4
    except (ValueError, IndexError) as error:
        raise TrackError(f"{path}: not a whole 2bit file") from error
    return sizes


# ---------------------------------------------------------------------------------------- hub


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
    visible : bool
        Whether the browser shows it at once.
    """

    name: str
    short: str
    long: str
    tracks: Mapping[str, NDArray]
    visible: bool = True


def track_hub(
    folder: str | Path,
    genomes: Sequence[Genome],
    shown: Sequence[HubTrack],
    *,
    name: str,
    label: str,
    email: str,
    organism: str = "",
    decimals: int | None = 4,
    threshold: float = 0.0,
) -> Path:
    """Write a track hub that brings its own genome (an assembly hub), and check it.

    Each of ``shown`` becomes an overlay of two bigWigs: the plus strand upwards, the minus strand
    drawn downwards (``negateValues``; the values in the file stay positive). Put the folder on any
    web server and give the browser the address of ``hub.txt``.

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
    organism : str
        For the assembly's title; ``name`` by default.
    decimals, threshold
        As for `write_bigwig`.

    Returns
    -------
    Path
        ``hub.txt``.

    Raises
    ------
    TrackError
        A contig is missing or of another length, or the finished hub fails `check_hub`.
    """
    folder = Path(folder)
    if not re.fullmatch(r"[A-Za-z][\w.-]*", name, flags=re.ASCII):
        raise TrackError(f"hub name {name!r}: use letters, digits, '_', '.' and '-' only")
    if not shown:
        raise TrackError("a hub needs at least one track to show")
    sizes = {genome.name: len(genome) for genome in genomes}
    for one in shown:
        _check(one.tracks, 2)
        if not _TRACK_NAME.fullmatch(one.name):
            raise TrackError(f"track name {one.name!r} must be {_TRACK_NAME_RULE}")
        lengths = {contig: track.shape[1] for contig, track in one.tracks.items()}
        if lengths != sizes:
            raise TrackError(f"track {one.name!r} has contigs {lengths}, the genome has {sizes}")
    place = folder / name
    write_two_bit(place / f"{name}.2bit", genomes)
    stanzas: list[dict[str, str]] = []
    for priority, one in enumerate(shown, start=1):
        write_strands(place / one.name, one.tracks, decimals=decimals, threshold=threshold)
        stanzas += _overlay(one, priority)
    longest = max(genomes, key=len)
    _write_stanzas(
        folder / "hub.txt",
        [
            {
                "hub": name,
                "shortLabel": label[:17],
                "longLabel": label,
                "genomesFile": "genomes.txt",
                "email": email,
            }
        ],
    )
    _write_stanzas(
        folder / "genomes.txt",
        [
            {
                "genome": name,
                "trackDb": f"{name}/trackDb.txt",
                "twoBitPath": f"{name}/{name}.2bit",
                "organism": organism or name,
                "description": organism or name,
                "scientificName": organism or name,
                "defaultPos": f"{longest.name}:1-{min(len(longest), 20_000)}",
            }
        ],
    )
    _write_stanzas(place / "trackDb.txt", stanzas)
    problems = check_hub(folder)
    if problems:
        raise TrackError(f"{folder}: the hub has {len(problems)} problems; {problems[0]}")
    return folder / "hub.txt"


def _overlay(one: HubTrack, priority: int) -> Iterator[dict[str, str]]:
    """The stanzas of an overlay of two strands."""
    yield {
        "track": one.name,
        "container": "multiWig",
        "type": "bigWig",
        "shortLabel": one.short,
        "longLabel": one.long,
        "aggregate": "transparentOverlay",
        "showSubtrackColorOnUi": "on",
        "autoScale": "on",
        "alwaysZero": "on",
        "maxHeightPixels": "128:64:16",
        "priority": str(priority),
        "visibility": "full" if one.visible else "hide",
    }
    for strand in STRANDS:
        stanza = {
            "track": f"{one.name}_{_FILE[strand]}",
            "parent": one.name,
            "type": "bigWig",
            "shortLabel": f"{one.short[:15]} {strand}",
            "longLabel": f"{one.long[:70]} ({_FILE[strand]})",
            "bigDataUrl": f"{one.name}.{_FILE[strand]}.bw",
            "color": ",".join(map(str, COLOURS[strand])),
        }
        yield stanza | ({"negateValues": "on"} if strand == "-" else {})


def _write_stanzas(path: Path, stanzas: Sequence[Mapping[str, str]]) -> None:
    """Write settings, one a line, an empty line between stanzas."""
    with writing(path) as temporary:
        blocks = ["".join(f"{key} {value}\n" for key, value in one.items()) for one in stanzas]
        temporary.write_text("\n".join(blocks), encoding="utf-8")


def _read_stanzas(path: Path) -> list[dict[str, str]]:
    """Read what a hub's text file says; comments are left out."""
    stanzas: list[dict[str, str]] = [{}]
    for number, line in enumerate(read_lines(path), start=1):
        if line.lstrip().startswith("#"):
            continue
        if not line.strip():
            stanzas.append({})
            continue
        key, _, value = line.strip().partition(" ")
        if key in stanzas[-1]:
            raise TrackError(f"{path}, line {number}: a second {key!r} in one stanza")
        stanzas[-1][key] = value.strip()
    return [stanza for stanza in stanzas if stanza]


_HUB_KEYS = ("hub", "shortLabel", "longLabel", "genomesFile", "email")
_GENOME_KEYS = ("genome", "trackDb")
_ASSEMBLY_KEYS = ("organism", "defaultPos", "description", "scientificName")  # with twoBitPath
_TRACK_KEYS = ("track", "shortLabel", "longLabel", "type")
_SWITCHES = ("negateValues", "autoScale", "alwaysZero", "showSubtrackColorOnUi")
_VISIBILITY = {"hide", "dense", "squish", "pack", "full"}


def check_hub(folder: str | Path) -> list[str]:
    """Check a hub by the rules that need neither a network nor a browser.

    Required settings of ``hub.txt``, ``genomes.txt`` and ``trackDb.txt``; files that are named
    exist; track names are single words, unique, of allowed characters; subtracks name a parent
    that comes before them, containers have subtracks; labels are not too long; colours are three
    numbers up to 255; every bigWig can be opened, holds values, and has the contigs and lengths of
    the 2bit file.

    Source: https://genome.ucsc.edu/goldenPath/help/hgTrackHubHelp.html and
    https://genome.ucsc.edu/goldenPath/help/trackDb/trackDbHub.html.

    Parameters
    ----------
    folder : str or Path
        Where ``hub.txt`` is.

    Returns
    -------
    list of str
        One sentence a problem, naming the file; empty when the hub passes.
    """
    folder = Path(folder)
    problems: list[str] = []
    hubs = _stanzas_or_problem(folder / "hub.txt", problems)
    if len(hubs) != 1:
        return problems or [f"hub.txt: {len(hubs)} stanzas where one is needed"]
    problems += _missing("hub.txt", hubs[0], _HUB_KEYS)
    if "genomesFile" not in hubs[0]:
        return problems
    listed = Path(hubs[0]["genomesFile"])
    genomes = _stanzas_or_problem(folder / listed, problems)
    if not genomes and not problems:
        problems.append(f"{listed}: no genome")
    for genome in genomes:
        problems += _missing(str(listed), genome, _GENOME_KEYS)
        sizes = None
        if "twoBitPath" in genome:
            problems += _missing(str(listed), genome, _ASSEMBLY_KEYS)
            sizes = _sequence_sizes(folder, genome, problems)
        if "trackDb" in genome:
            database = folder / genome["trackDb"]
            stanzas = _stanzas_or_problem(database, problems)
            problems += [f"{genome['trackDb']}: {one}" for one in _bad_tracks(stanzas)]
            for stanza in stanzas:
                problems += _bad_file(database.parent, stanza, sizes)
    return problems


def _stanzas_or_problem(path: Path, problems: list[str]) -> list[dict[str, str]]:
    """Read a hub's text file; where it cannot be read, say so among the problems."""
    try:
        return _read_stanzas(path)
    except (FileNotFoundError, FileError, TrackError) as error:
        problems.append(str(error))
        return []


def _missing(where: str, stanza: Mapping[str, str], keys: Sequence[str]) -> list[str]:
    """Settings that are not there, or empty."""
    return [f"{where}: {key!r} is missing" for key in keys if not stanza.get(key)]


def _sequence_sizes(
    folder: Path, genome: Mapping[str, str], problems: list[str]
) -> dict[str, int] | None:
    """Contigs of the 2bit file, None where it cannot be read; checks defaultPos against them."""
    try:
        sizes = two_bit_sizes(folder / genome["twoBitPath"])
    except (FileNotFoundError, TrackError) as error:
        problems.append(f"{genome['twoBitPath']}: {error}")
        return None
    place = re.fullmatch(r"(.+):(\d+)-(\d+)", genome.get("defaultPos", ""))
    if not place or not 1 <= int(place[2]) <= int(place[3]) <= sizes.get(place[1], 0):
        problems.append(f"defaultPos {genome.get('defaultPos')!r} is no place of the sequence")
    return sizes


def _bad_tracks(stanzas: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """What is wrong with the settings of a trackDb file."""
    seen: dict[str, Mapping[str, str]] = {}
    parents = {one["parent"].split()[0] for one in stanzas if one.get("parent")}
    if not stanzas:
        yield "no track"
    for one in stanzas:
        name = one.get("track", "")
        yield from _missing(f"track {name!r}", one, _TRACK_KEYS)
        if not _TRACK_NAME.fullmatch(name):
            yield f"track name {name!r} must be {_TRACK_NAME_RULE}"
        if name in seen:
            yield f"two tracks are named {name!r}"
        container = "container" in one
        if container == ("bigDataUrl" in one):
            yield f"track {name!r} must have either a container or a bigDataUrl"
        if container and name not in parents:
            yield f"container {name!r} has no subtrack"
        if container and one["container"] == "multiWig" and not one["type"].startswith("bigWig"):
            yield f"container {name!r}: a multiWig holds bigWig tracks"
        if "parent" in one and "container" not in seen.get(one["parent"].split()[0], {}):
            yield f"track {name!r}: its parent {one['parent']!r} is no container before it"
        for key, most in (("shortLabel", 17), ("longLabel", 76)):
            if len(one.get(key, "")) > most:
                yield f"track {name!r}: {key} has more than {most} characters"
        colour = one.get("color", "0,0,0").split(",")
        if len(colour) != 3 or not all(c.isdigit() and int(c) <= 255 for c in colour):
            yield f"track {name!r}: color {one['color']!r} is not three numbers from 0 to 255"
        if one.get("visibility", "hide") not in _VISIBILITY:
            yield f"track {name!r}: visibility {one['visibility']!r} is not known"
        for key in _SWITCHES:
            if one.get(key, "on") not in {"on", "off"}:
                yield f"track {name!r}: {key} must be on or off"
        seen[name] = one


def _bad_file(place: Path, stanza: Mapping[str, str], sizes: dict[str, int] | None) -> list[str]:
    """What is wrong with the bigWig that a stanza names."""
    address = stanza.get("bigDataUrl")
    if not address or re.match(r"\w+://", address):
        return []
    path = place / address
    if not path.is_file():
        return [f"{address}: no such file"]
    try:
        file = pyBigWig.open(str(path))
    except RuntimeError:
        return [f"{address}: not a bigWig file"]
    try:
        if not file.isBigWig():
            return [f"{address}: not a bigWig file"]
        problems = [] if file.header()["nBasesCovered"] else [f"{address}: holds no value"]
        contigs = dict(file.chroms())
    finally:
        file.close()
    if sizes is not None and contigs != sizes:
        problems.append(f"{address}: contigs {contigs}, but the sequence has {sizes}")
    return problems
