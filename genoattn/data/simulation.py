"""A simulated genome of known truth and four simulated assays on it; touches no file.

The demo profile and many tests run on this genome, since on it one can say what a model should
have found. It is denser than a bacterium: by default 4 transcription start sites (TSSs) a
kilobase, both strands together (*Escherichia coli*'s curated set has 1.4), and shorter genes, so
that a small model can learn from a few hundred kilobases.

Order of making, each step only using nucleotides that no earlier step fixed: the layout of
operons; start and stop codons; terminators; promoters from the grammar (`genoattn.data.grammar`);
the remaining codons, chosen around whatever was planted inside the gene so that no in-frame stop
arises; pseudogenes as decayed copies of genes. A planted element is thus never overwritten.

Positions are 0-based forward coordinates, intervals half-open; the genome is circular.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from genoattn.data.grammar import DEFAULT_GRAMMAR, Grammar, Promoter, choose
from genoattn.genome.files import writing
from genoattn.genome.formats import write_fasta
from genoattn.genome.intervals import stretches
from genoattn.genome.sequence import STRANDS, Genome, decode, reverse_complement

__all__ = ["ASSAYS", "Assay", "Layout", "Simulation", "demo_files", "planted_intervals", "simulate"]


MINIMAL_LENGTH = 10_000


@dataclass(frozen=True)
class Layout:
    """How genes are arranged and composed.

    Attributes
    ----------
    tss_per_kb : float
        True start sites a kilobase of genome, both strands together.
    genes_per_operon : float
        Mean number of genes in an operon (geometric distribution).
    codons : tuple of int
        Least and mean number of codons of a gene (gamma distribution above the least).
    promoter_region : tuple of int
        Least and mean length of the stretch upstream of an operon that holds its promoters, nt.
    terminator_region : tuple of int
        Least and greatest length of the stretch downstream of an operon, nt.
    terminated : float
        Share of operons that end in an intrinsic terminator.
    pseudogene_every : int
        One operon in so many, from the third on, is a single pseudogene.
    pseudogene_decay : float
        Share of a pseudogene's nucleotides that were drawn anew, AT-rich.
    background : tuple of float
        Probability of A, C, G, T between genes.
    """

    tss_per_kb: float = 4.0
    genes_per_operon: float = 1.7
    codons: tuple[int, int] = (40, 150)
    promoter_region: tuple[int, int] = (130, 330)
    terminator_region: tuple[int, int] = (50, 110)
    terminated: float = 0.9
    pseudogene_every: int = 12
    pseudogene_decay: float = 0.4
    background: tuple[float, float, float, float] = (0.29, 0.21, 0.21, 0.29)


@dataclass(frozen=True)
class Assay:
    """What an assay reports of the true start sites.

    Attributes
    ----------
    name : str
        Its source name.
    miss_rate : float
        Share of true sites that it does not report.
    false_share : float
        Share of its reported sites that are no start sites.
    shifts : mapping of int to float
        Distance of the reported from the true position along the strand, nt, positive
        downstream -> probability.
    """

    name: str
    miss_rate: float
    false_share: float
    shifts: Mapping[int, float] = field(hash=False)


# In the spirit of the paper's Table 1 and Figure 2: Cappable-seq is the largest and least shared
# set, SMRT-Cappable-seq the smallest and most shared, RegulonDB the least exact.
ASSAYS = (
    Assay(
        "regulondb",
        miss_rate=0.40,
        false_share=0.35,
        shifts={-4: 0.02, -3: 0.03, -2: 0.06, -1: 0.12, 0: 0.6, 1: 0.1, 2: 0.04, 3: 0.02, 4: 0.01},
    ),
    Assay(
        "cappable",
        miss_rate=0.10,
        false_share=0.60,
        shifts={-2: 0.02, -1: 0.05, 0: 0.86, 1: 0.05, 2: 0.02},
    ),
    Assay(
        "smrt",
        miss_rate=0.55,
        false_share=0.05,
        shifts={-2: 0.03, -1: 0.07, 0: 0.83, 1: 0.05, 2: 0.02},
    ),
    Assay(
        "sendseq",
        miss_rate=0.20,
        false_share=0.10,
        shifts={-1: 0.05, 0: 0.91, 1: 0.03, 2: 0.01},
    ),
)

# Share of the true transcript ends that each source reports, exactly.
_TERMINATOR_SOURCES = {"sendseq": 0.9, "smrt": 0.5, "regulondb": 0.3}


@dataclass(frozen=True, eq=False)
class Simulation:
    """A simulated genome, what was planted in it, and what the assays say of it.

    Attributes
    ----------
    genome : Genome
        The circular genome.
    features : pandas.DataFrame
        As `genoattn.genome.formats.read_gff` returns them: ``start``, ``end``, ``strand``, ``type``
        (gene and CDS, or pseudogene and its CDS), ``gene``, ``locus_tag``, ``pseudo``.
    operons : pandas.DataFrame
        ``start``, ``end`` (first to last gene), ``strand``, ``name``, ``genes`` (joined by ;).
    terminators : pandas.DataFrame
        Reported transcript ends: ``position``, ``strand``, ``source``, ``kind``.
    assays : pandas.DataFrame
        Reported start sites: ``position``, ``strand``, ``source``, ``score`` (cappable: relative
        read score, else missing), ``confidence`` (regulondb, else empty); sorted by position,
        strand and source, distinct within a source.
    truth_sites : pandas.DataFrame
        True start sites: ``position``, ``strand``, ``source`` (truth), ``promoter_class``,
        ``strength`` (log-odds of its elements, bits), ``place`` (see `Grammar`).
    truth_terminators : pandas.DataFrame
        Planted terminators: ``position`` (3' end), ``strand``, ``stem``, ``loop`` and ``tract``
        (lengths in nt).
    elements : pandas.DataFrame
        Planted elements: ``tss_position``, ``strand``, ``element``, ``offset`` (of its first
        nucleotide from the TSS, along the strand), ``sequence`` (5'->3' on the strand).
    grammar : Grammar
        What the promoters were drawn from.
    """

    genome: Genome
    features: pd.DataFrame
    operons: pd.DataFrame
    terminators: pd.DataFrame
    assays: pd.DataFrame
    truth_sites: pd.DataFrame
    truth_terminators: pd.DataFrame
    elements: pd.DataFrame
    grammar: Grammar


def simulate(
    seed: int = 0,
    length: int = 300_000,
    grammar: Grammar = DEFAULT_GRAMMAR,
    layout: Layout = Layout(),
    assays: tuple[Assay, ...] = ASSAYS,
) -> Simulation:
    """Make a genome with promoters of a known grammar, and assays of known quality on it.

    The same arguments give the same bytes. Under another grammar the same seed keeps the
    arrangement of genes.

    Parameters
    ----------
    seed : int
        Seed of all randomness.
    length : int
        Nucleotides of the genome, at least 10,000.
    grammar : Grammar
        `DEFAULT_GRAMMAR`, `NO_GRAMMAR` or one of your own.
    layout : Layout
        Arrangement of genes, density of start sites, composition.
    assays : tuple of Assay
        The simulated assays.

    Returns
    -------
    Simulation
        Genome, annotation, truth and reported sites.

    Raises
    ------
    ValueError
        A genome too short, or a layout that asks for more start sites than there is room for.
    """
    if length < MINIMAL_LENGTH:
        raise ValueError(f"length is {length}; a simulated genome needs {MINIMAL_LENGTH} nt")
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(6)]
    canvas = _Canvas(streams[0].choice(4, size=length, p=layout.background).astype(np.uint8))
    units = list(_lay_out(streams[0], length, layout))
    _write_codon_ends(streams[1], canvas, units)
    terminators = _plant_terminators(streams[2], canvas, units, layout)
    sites, elements = _plant_promoters(streams[3], canvas, units, grammar, layout)
    _fill_genes(streams[4], canvas, units)
    _fill_pseudogenes(streams[4], canvas, units, layout)
    features, operons = _annotate(units)
    return Simulation(
        genome=Genome("SIMULATED", canvas.codes, circular=True),
        features=features,
        operons=operons,
        terminators=_observe_terminators(streams[5], terminators),
        assays=_observe(streams[5], sites, assays, length),
        truth_sites=sites,
        truth_terminators=terminators,
        elements=elements,
        grammar=grammar,
    )


# ---- the canvas: nucleotides, and which of them are fixed


def _along(start: int, strand: str, offsets: np.ndarray, length: int) -> np.ndarray:
    """Forward positions of offsets along a strand from `start`, round the circle."""
    return (start + (offsets if strand == "+" else -offsets)) % length


def _complement(codes: np.ndarray, strand: str) -> np.ndarray:
    """Translate codes between the forward strand and `strand`, order of positions kept."""
    return codes if strand == "+" else 3 - codes


class _Canvas:
    """The forward strand under construction, with its fixed positions and reading frames."""

    def __init__(self, codes: np.ndarray) -> None:
        self.codes = codes  # L
        self.fixed = np.zeros(len(codes), dtype=bool)  # L
        self.codon = np.full(len(codes), -1)  # L: leftmost position of the codon, -1 outside CDS
        self.minus = np.zeros(len(codes), dtype=bool)  # L: the codon is read on the minus strand

    def read(self, positions: np.ndarray, strand: str) -> np.ndarray:
        """Codes at positions, as `strand` has them."""
        return _complement(self.codes[positions], strand)

    def fix(self, positions: np.ndarray, strand: str, codes: np.ndarray) -> None:
        """Write codes, given as `strand` has them, and fix the positions."""
        self.codes[positions] = _complement(codes, strand)
        self.fixed[positions] = True

    def try_fix(self, positions: np.ndarray, strand: str, codes: np.ndarray) -> bool:
        """Fix the positions unless one is fixed already or an in-frame stop would be complete."""
        if self.fixed[positions].any():
            return False
        before = self.codes[positions]
        self.fix(positions, strand, codes)
        codons = np.unique(self.codon[positions])
        triplets = codons[codons >= 0][:, None] + np.arange(3)  # n, 3
        whole = triplets[self.fixed[triplets].all(axis=1)]
        letters = self.codes[whole]  # n, 3
        minus = self.minus[whole[:, 0]]
        letters[minus] = reverse_complement(letters[minus])
        if _is_stop(letters).any():
            self.codes[positions] = before
            self.fixed[positions] = False
            return False
        return True


# ---- genes

_STARTS = {"ATG": 0.83, "GTG": 0.14, "TTG": 0.03}
_STOPS = {"TAA": 0.64, "TGA": 0.29, "TAG": 0.07}
# Probability of A, C, G, T at the three codon positions, about that of E. coli genes.
_CODON_POSITIONS = np.array(
    [[0.25, 0.24, 0.35, 0.16], [0.29, 0.23, 0.18, 0.30], [0.18, 0.27, 0.29, 0.26]]
)
_CODONS = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), axis=-1).reshape(64, 3)


def _codes(triplet: str) -> np.ndarray:
    """Codes of a word of A, C, G, T."""
    return np.array(["ACGT".index(letter) for letter in triplet], dtype=np.uint8)


_STOP_CODES = np.stack([_codes(stop) for stop in _STOPS])  # 3, 3


def _is_stop(codons: np.ndarray) -> np.ndarray:
    """Whether codons, codes of shape=(n, 3), are stop codons; shape=(n,)."""
    return np.asarray((codons[:, None] == _STOP_CODES).all(axis=2).any(axis=1))


class _Unit(NamedTuple):
    """An operon (or a lone pseudogene) with the stretches for its promoters and terminator."""

    strand: str
    genes: list[tuple[int, int]]  # half-open, by position
    pseudo: bool
    promoters: tuple[int, int]  # half-open
    terminator: tuple[int, int]  # half-open


def _lay_out(rng: np.random.Generator, length: int, layout: Layout) -> Iterator[_Unit]:
    """Arrange operons from left to right until the genome is full."""
    position, number, failures = 0, 0, 0
    strands: list[str] = []
    while failures < 10:  # a draw too long for what is left may be followed by a shorter one
        strands = strands or list(rng.permutation(["+", "+", "-", "-"]))
        strand = str(strands[-1])
        pseudo = number % layout.pseudogene_every == 2
        upstream = _above(rng, *layout.promoter_region)
        downstream = int(rng.integers(*layout.terminator_region, endpoint=True))
        left, right = (upstream, downstream) if strand == "+" else (downstream, upstream)
        genes: list[tuple[int, int]] = []
        end = position + left
        for _ in range(1 if pseudo else rng.geometric(1 / layout.genes_per_operon)):
            start = end + (int(rng.integers(5, 60)) if genes else 0)
            end = start + 3 * _above(rng, *layout.codons)
            genes.append((start, end))
        if end + right > length:
            failures += 1
            continue
        before, after = (position, position + left), (end, end + right)
        if strand == "+":
            yield _Unit(strand, genes, pseudo, promoters=before, terminator=after)
        else:
            yield _Unit(strand, genes, pseudo, promoters=after, terminator=before)
        position, number = end + right, number + 1
        strands.pop()


def _above(rng: np.random.Generator, least: int, mean: int) -> int:
    """Draw a whole number of at least `least`, of mean `mean` (gamma of shape 2 above it)."""
    return least + round(rng.gamma(2.0, (mean - least) / 2))


def _coding(units: list[_Unit]) -> Iterator[tuple[str, np.ndarray]]:
    """Strand and positions, 5'->3', of each protein-coding gene."""
    for unit in units:
        for start, end in unit.genes if not unit.pseudo else []:
            positions = np.arange(start, end)
            yield unit.strand, positions if unit.strand == "+" else positions[::-1]


def _write_codon_ends(rng: np.random.Generator, canvas: _Canvas, units: list[_Unit]) -> None:
    """Fix each gene's start and stop codon and record its reading frame."""
    for strand, positions in _coding(units):
        for end, words in ((positions[:3], _STARTS), (positions[-3:], _STOPS)):
            canvas.fix(end, strand, _codes(choose(rng, words)))
        codons = positions.reshape(-1, 3)
        canvas.codon[codons] = codons.min(axis=1, keepdims=True)
        canvas.minus[positions] = strand == "-"


def _fill_genes(rng: np.random.Generator, canvas: _Canvas, units: list[_Unit]) -> None:
    """Choose every codon between start and stop, keeping what is fixed, never a stop."""
    usage = _CODON_POSITIONS[np.arange(3), _CODONS].prod(axis=1)  # 64
    usage[_is_stop(_CODONS)] = 0
    for strand, positions in _coding(units):
        inner = positions[3:-3].reshape(-1, 3)  # n, 3
        allowed = (canvas.read(inner, strand)[:, None] == _CODONS) | ~canvas.fixed[inner][:, None]
        weights = np.cumsum(usage * allowed.all(axis=2), axis=1)  # n, 64
        draws = rng.random((len(inner), 1)) * weights[:, -1:]
        canvas.codes[inner] = _complement(_CODONS[(draws >= weights).sum(axis=1)], strand)


def _fill_pseudogenes(
    rng: np.random.Generator, canvas: _Canvas, units: list[_Unit], layout: Layout
) -> None:
    """Make each pseudogene a copy of a gene with deletions and AT-rich substitutions."""
    sources = list(_coding(units))
    for unit in units:
        if not unit.pseudo:
            continue
        positions = np.arange(*unit.genes[0])
        positions = positions if unit.strand == "+" else positions[::-1]
        strand, source = sources[int(rng.integers(len(sources)))]
        copy = canvas.read(source, strand)[rng.random(len(source)) > 0.01][: len(positions)]
        body = rng.choice(4, size=len(positions), p=(0.33, 0.17, 0.17, 0.33)).astype(np.uint8)
        kept = rng.random(len(copy)) >= layout.pseudogene_decay
        body[: len(copy)][kept] = copy[kept]
        free = ~canvas.fixed[positions]
        canvas.codes[positions[free]] = _complement(body[free], unit.strand)


def _annotate(units: list[_Unit]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tabulate features and operons."""
    features, operons, number = [], [], 0
    for unit in units:
        names = []
        for start, end in unit.genes:
            number += 1
            names.append(f"sim{number:04d}")
            for kind in ("pseudogene" if unit.pseudo else "gene", "CDS"):
                tag = f"SIM_{number:04d}"
                features.append((start, end, unit.strand, kind, names[-1], tag, unit.pseudo))
        start, end = unit.genes[0][0], unit.genes[-1][1]
        operons.append((start, end, unit.strand, "-".join(names), ";".join(names)))
    columns = ["start", "end", "strand", "type", "gene", "locus_tag", "pseudo"]
    table = pd.DataFrame(features, columns=columns)
    return (
        table.sort_values(["start", "end", "strand", "type"], ignore_index=True),
        pd.DataFrame(operons, columns=["start", "end", "strand", "name", "genes"]),
    )


# ---- terminators and promoters


def _plant_terminators(
    rng: np.random.Generator, canvas: _Canvas, units: list[_Unit], layout: Layout
) -> pd.DataFrame:
    """Plant intrinsic terminators: a GC-rich hairpin, then a tract of T (U in the transcript)."""
    rows = []
    for unit in units:
        if rng.random() >= layout.terminated:
            continue
        stem, loop, tract = int(rng.integers(6, 10)), int(rng.integers(3, 6)), 8
        arm = rng.choice(4, size=stem, p=(0.12, 0.38, 0.38, 0.12)).astype(np.uint8)
        turn = rng.choice(4, size=loop, p=layout.background).astype(np.uint8)
        tail = rng.choice(4, size=tract, p=(0.06, 0.04, 0.04, 0.86)).astype(np.uint8)
        codes = np.concatenate([arm, turn, reverse_complement(arm), tail])
        begin, end = unit.terminator
        distance = int(rng.integers(8, end - begin - len(codes), endpoint=True))
        first = begin + distance if unit.strand == "+" else end - 1 - distance
        positions = _along(first, unit.strand, np.arange(len(codes)), len(canvas.codes))
        canvas.fix(positions, unit.strand, codes)
        rows.append((positions[-1], unit.strand, stem, loop, tract))
    return pd.DataFrame(rows, columns=["position", "strand", "stem", "loop", "tract"])


SEPARATION = 20  # least distance of two start sites of one strand, nt
_LEADER = 15  # least distance of an upstream start site from the start codon, nt
_TRIES = 2_000


def _plant_promoters(
    rng: np.random.Generator,
    canvas: _Canvas,
    units: list[_Unit],
    grammar: Grammar,
    layout: Layout,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw promoters and find each a place that it fits; the first ones go one to each operon.

    What is drawn stays as drawn, only its position is tried again, so that the planted elements
    follow the grammar's probabilities without bias. On a tiny genome there may be no room left
    upstream of operons; the promoter then goes inside one.
    """
    length = len(canvas.codes)
    taken = {strand: np.zeros(length, dtype=bool) for strand in STRANDS}
    pending = list(units)
    sites: list[tuple[int, str, str, str, float, str]] = []
    elements: list[tuple[int, str, str, int, str]] = []
    for number in range(round(layout.tss_per_kb * length / 1_000)):
        promoter = grammar.draw(rng)
        place = choose(rng, grammar.places)
        own = pending.pop() if place == "upstream" and pending else None
        for attempt in range(_TRIES):
            if place == "upstream" and attempt == _TRIES // 2:
                place = "inside"
            unit = own if own and attempt < 50 else units[int(rng.integers(len(units)))]
            tss, strand = _candidate(rng, place, unit, length)
            if not taken[strand][tss] and _try_plant(canvas, promoter, tss, strand):
                break
        else:
            raise ValueError(
                f"no room for start site {number + 1} in {length} nt; "
                f"lower tss_per_kb (it is {layout.tss_per_kb:g})"
            )
        taken[strand][np.arange(tss - SEPARATION + 1, tss + SEPARATION) % length] = True
        sites.append((tss, strand, "truth", promoter.promoter_class, promoter.strength, place))
        elements.extend(
            (tss, strand, part.element.name, part.offset, decode(part.codes))
            for part in promoter.parts
        )
    site_columns = ["position", "strand", "source", "promoter_class", "strength", "place"]
    element_columns = ["tss_position", "strand", "element", "offset", "sequence"]
    return (
        pd.DataFrame(sites, columns=site_columns).sort_values(
            ["position", "strand"], ignore_index=True
        ),
        pd.DataFrame(elements, columns=element_columns)
        .astype({"tss_position": np.int64, "offset": np.int64})
        .sort_values(["tss_position", "strand", "offset"], ignore_index=True),
    )


def _candidate(rng: np.random.Generator, place: str, unit: _Unit, length: int) -> tuple[int, str]:
    """Draw a position and strand for a start site."""
    if place == "upstream":
        begin, end = unit.promoters
        begin, end = (begin, end - _LEADER) if unit.strand == "+" else (begin + _LEADER, end)
        return int(rng.integers(begin, end)), unit.strand
    strand = STRANDS[int(rng.integers(2))]
    if place == "inside":
        return int(rng.integers(unit.genes[0][0], unit.genes[-1][1])), strand
    return int(rng.integers(length)), strand


def _try_plant(canvas: _Canvas, promoter: Promoter, tss: int, strand: str) -> bool:
    """Plant all parts of a promoter at a start site, or none."""
    if not promoter.parts:
        return True
    offsets = np.concatenate(
        [part.offset + np.arange(part.element.width) for part in promoter.parts]
    )
    codes = np.concatenate([part.codes for part in promoter.parts])
    return canvas.try_fix(_along(tss, strand, offsets, len(canvas.codes)), strand, codes)


# ---- assays


def _observe(
    rng: np.random.Generator, sites: pd.DataFrame, assays: tuple[Assay, ...], length: int
) -> pd.DataFrame:
    """Report start sites: some missed, some shifted, some false (at least 20 nt from any true)."""
    near = {strand: np.zeros(length, dtype=bool) for strand in STRANDS}
    for position, strand in zip(sites["position"], sites["strand"], strict=True):
        near[strand][np.arange(position - SEPARATION + 1, position + SEPARATION) % length] = True
    frames = []
    for assay in assays:
        true = sites[rng.random(len(sites)) >= assay.miss_rate]
        shift = rng.choice(list(assay.shifts), size=len(true), p=list(assay.shifts.values()))
        shifted = (true["position"] + shift * np.where(true["strand"] == "+", 1, -1)) % length
        n_false = round(len(true) * assay.false_share / (1 - assay.false_share))
        false = _false_sites(rng, near, n_false)
        frame = pd.DataFrame(
            {
                "position": np.concatenate([shifted, [position for position, _ in false]]),
                "strand": [*true["strand"], *(strand for _, strand in false)],
                "source": assay.name,
            }
        ).astype({"position": np.int64})
        is_true = np.arange(len(frame)) < len(true)
        if assay.name == "cappable":
            level = np.zeros(len(frame))
            level[is_true] = 3 + 0.2 * (true["strength"] - sites["strength"].mean())
            frame["score"] = np.exp2(rng.normal(level, 1.5)).round(3)
        if assay.name == "regulondb":
            frame["confidence"] = np.where(
                is_true & (rng.random(len(frame)) < 0.3), "Confirmed", "Strong"
            )
        frames.append(frame.drop_duplicates(["position", "strand"]))
    table = pd.concat(frames, ignore_index=True).reindex(
        columns=["position", "strand", "source", "score", "confidence"]
    )
    table["confidence"] = table["confidence"].fillna("")
    return table.sort_values(["position", "strand", "source"], ignore_index=True)


def _false_sites(
    rng: np.random.Generator, near: dict[str, np.ndarray], number: int
) -> list[tuple[int, str]]:
    """Draw distinct sites, both strands alike, where none is near."""
    length = len(near["+"])
    free = np.flatnonzero(~np.concatenate([near["+"], near["-"]]))
    drawn = rng.choice(free, size=number, replace=False)
    return [(int(site % length), STRANDS[site // length]) for site in drawn]


def _observe_terminators(rng: np.random.Generator, terminators: pd.DataFrame) -> pd.DataFrame:
    """Report transcript ends: each source its share of the true ones, at the exact position."""
    frames = []
    for source, share in _TERMINATOR_SOURCES.items():
        seen = terminators[rng.random(len(terminators)) < share]
        frames.append(seen[["position", "strand"]].assign(source=source, kind="intrinsic"))
    return pd.concat(frames).sort_values(["position", "strand", "source"], ignore_index=True)


class DemoFiles(NamedTuple):
    """What `demo_files` wrote, and the truth: ``contig``, ``position``, ``strand`` of each TSS."""

    fasta: Path
    gff: Path
    truth: pd.DataFrame


def planted_intervals(elements: pd.DataFrame) -> pd.DataFrame:
    """Planted elements (`Simulation.elements`) as intervals of their own strand.

    Returns
    -------
    DataFrame
        ``kind`` (``binding site``), ``name``, ``start``, ``end`` (half-open; may pass the origin),
        ``strand``; rows and index of ``elements``.
    """
    sites = elements.rename(columns={"tss_position": "position"})
    start, end = stretches(sites, sites["offset"], sites["offset"] + sites["sequence"].str.len())
    return pd.DataFrame(
        {
            "kind": "binding site",
            "name": elements["element"],
            "start": start,
            "end": end,
            "strand": elements["strand"],
        }
    )


def demo_files(folder: str | Path, seed: int, chromosome: int, plasmid: int) -> DemoFiles:
    """Simulate a genome of two contigs and write it as FASTA and GFF3, as if it were yours.

    A circular ``chromosome`` and a linear ``plasmid`` (the header says which), the latter with
    lower-case letters and a stretch of ambiguity letters.

    Parameters
    ----------
    folder : str or Path
        Where ``demo.fa`` and ``demo.gff`` go.
    seed : int
        Of the simulation; use another than that of the genome a model was trained on.
    chromosome, plasmid : int
        Lengths in nt, at least 10,000.

    Returns
    -------
    DemoFiles
    """
    contigs, lines, truth = [], ["##gff-version 3\n"], []
    for number, (name, length) in enumerate([("chromosome", chromosome), ("plasmid", plasmid)]):
        made = simulate(seed=seed + number, length=length)
        contigs.append(Genome(name, made.genome.codes, circular=name == "chromosome"))
        truth.append(made.truth_sites[["position", "strand"]].assign(contig=name))
        columns = made.features[["start", "end", "strand", "type", "locus_tag", "pseudo"]]
        for start, end, strand, kind, tag, pseudo in columns.itertuples(index=False, name=None):
            phase, ending = "0" if kind == "CDS" else ".", ";pseudo=true" if pseudo else ""
            text = f"ID={kind}-{name}-{tag};locus_tag={name}_{tag}{ending}"
            fields = (name, "simulation", kind, start + 1, end, ".", strand, phase, text)
            lines.append("\t".join(map(str, fields)) + "\n")
    fasta, gff = Path(folder) / "demo.fa", Path(folder) / "demo.gff"
    write_fasta(contigs, fasta)
    head, plain = fasta.read_text().rsplit(">", 1)
    first, sequence = plain.split("\n", 1)
    with writing(fasta) as temporary:
        temporary.write_text(f"{head}>{first}\nNNNNRYSWKM\n{sequence[10:].lower()}")
    with writing(gff) as temporary:
        temporary.write_text("".join(lines))
    return DemoFiles(fasta, gff, pd.concat(truth, ignore_index=True))
