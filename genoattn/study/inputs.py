"""What a study starts from, from three sources, saved as plain files; reads and writes folders.

A study needs a genome, its features and operons, termination sites, and the start sites that
several sources report. They come from the published *E. coli* tables (``ecoli``), from the
simulation (``synthetic``) or from your own files (``files``), and look the same afterwards.

Transcription start sites are one task. `gene_start_inputs` makes the inputs of another, the
initiation of translation, from a genome and its annotation alone.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from genoattn.data.assays import (
    NOVELTY,
    read_cappable,
    read_sendseq,
    read_sendseq_terminators,
    read_smrt,
    read_smrt_terminators,
    validate_sites,
)
from genoattn.data.coordinates import Liftover, lift_sites
from genoattn.data.datasets import fetch_all
from genoattn.data.regulondb import (
    read_regulondb,
    read_regulondb_operons,
    read_regulondb_terminators,
)
from genoattn.genome.files import (
    AnnotationError,
    read_lines,
    read_own_table,
    to_integers,
    to_strands,
    writing,
)
from genoattn.genome.formats import (
    FEATURE_COLUMNS,
    GeneStarts,
    circular_in_gff,
    read_fasta,
    read_gene_starts,
    read_gff,
    write_fasta,
)
from genoattn.genome.sequence import Genome, GenomeError
from genoattn.genome.sites import gene_starts
from genoattn.heads.elements import PAPER_ELEMENTS, Element, word

__all__ = [
    "ECOLI_TABLES",
    "TASKS",
    "TIS_ELEMENTS",
    "StudyInputs",
    "Task",
    "ecoli_inputs",
    "gene_start_inputs",
    "load_inputs",
    "own_inputs",
    "synthetic_inputs",
]


ECOLI_TABLES = (
    "genome",
    "annotation",
    "old_genes",
    "regulondb",
    "cappable",
    "sendseq",
    "smrt_m9",
    "smrt_rich",
    "sendseq_terminators",
    "smrt_terminators_m9",
    "smrt_terminators_rich",
    "regulondb_terminators",
    "regulondb_operons",
)
"""The published files that `ecoli_inputs` reads, as `genoattn.data.datasets` names them."""

_NOTE = "# 0-based positions"  # first line of every saved table
_SITE_COLUMNS = ["position", "strand", "source"]
_REQUIRED = {
    "features": FEATURE_COLUMNS,
    "operons": ["start", "end", "strand"],
    "terminators": [*_SITE_COLUMNS, "kind"],
    "sites": _SITE_COLUMNS,
    "elements": ["tss_position", "strand", "element", "offset", "sequence"],
}
_WHOLE = {"position", "start", "end", "tss_position", "offset", "n_genes"}
_FLOAT = {"score", "enrichment"}
_TRUTH = {"pseudo"}
_MAYBE = {"m9", "rich", "log", "stationary", "uncertain"}  # true, false or not applicable
_NO_NAME = frozenset({"", "-", "na", "n/a", "#n/a", "<na>", "nan", "none", "null"})  # case folded
_EVIDENCE = ["confidence", "sigma", "score", "enrichment", *sorted(_MAYBE)]


@dataclass(frozen=True, eq=False)
class StudyInputs:
    """The tables of a study, all on one genome, all 0-based.

    Attributes
    ----------
    genome : Genome
        The replicon.
    features : pandas.DataFrame
        As `genoattn.genome.formats.read_gff` returns them; may be empty.
    operons : pandas.DataFrame
        ``start``, ``end`` (half-open), ``strand`` and more; may be empty.
    terminators : pandas.DataFrame
        ``position`` (3' end), ``strand``, ``source``, ``kind``; may be empty.
    sites : pandas.DataFrame
        Start sites of all sources: ``position``, ``strand``, ``source`` and evidence columns
        (missing where a source has none); sorted by position, strand and source.
    elements : pandas.DataFrame or None
        Planted promoter elements, where the truth is known (simulation only).
    task : str
        What the sites are: a key of `genoattn.study.inputs.TASKS`.
    named : tuple of str
        Names of the sources in the order in which your own tables name them; empty for others.
    """

    genome: Genome
    features: pd.DataFrame
    operons: pd.DataFrame
    terminators: pd.DataFrame
    sites: pd.DataFrame
    elements: pd.DataFrame | None = None
    task: str = "tss"
    named: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of the sites: as your tables name them, else from the newest technique."""
        if self.named:
            return self.named
        there = set(self.sites["source"])
        known = [name for name in NOVELTY if name in there]
        return (*known, *sorted(there.difference(known)))

    @property
    def published(self) -> bool:
        """Whether this is the paper's task on the paper's genome, so that its numbers compare."""
        return self.genome.name == "NC_000913.3" and self.task == "tss"

    @property
    def site(self) -> str:
        """What the sites are, in full and in short."""
        return f"{TASKS[self.task].site} ({TASKS[self.task].short})"

    @property
    def known_elements(self) -> tuple[Element, ...]:
        """Elements that are known to lie near such sites in bacteria."""
        return TASKS[self.task].elements

    @property
    def note(self) -> str:
        """What a chapter says first when its sites are not the paper's; empty when they are."""
        note = TASKS[self.task].note
        return f"{note}\n\n" if note else ""

    def lacking(self) -> list[str]:
        """Say, one sentence a table, what cannot be looked at because the inputs do not hold it."""
        kinds = set(self.features["type"])
        found = [
            (self.features.empty, "No features: nothing can be said of genes and regions."),
            (
                not self.features.empty and "CDS" not in kinds,
                "No CDS among the features: coding and non-coding regions cannot be told apart.",
            ),
            (
                not self.features.empty and "pseudogene" not in kinds,
                "No feature of the type pseudogene: nothing can be said of pseudogenes.",
            ),
            (self.operons.empty, "No operons: nothing can be said of the gaps within them."),
            (self.terminators.empty, "No termination sites: no profile around them."),
        ]
        return [sentence for lacks, sentence in found if lacks]

    def save(self, folder: str | Path) -> list[Path]:
        """Write genome.fa and one TSV a table; each file is written whole or not at all.

        Parameters
        ----------
        folder : str or Path
            Made when missing; files of the same names are replaced.

        Returns
        -------
        list of Path
            What was written.
        """
        folder = Path(folder)
        written = [folder / "genome.fa", folder / "task.txt"]
        write_fasta(self.genome, folder / "genome.fa")
        with writing(folder / "task.txt") as temporary:
            temporary.write_text(f"{self.task}\n", encoding="ascii")
        order = folder / "sources.txt"
        if self.named:
            written.append(order)
            with writing(order) as temporary:
                temporary.write_text("\n".join(self.named) + "\n", encoding="utf-8")
        else:
            order.unlink(missing_ok=True)
        for name in _REQUIRED:
            table = getattr(self, name)
            path = folder / f"{name}.tsv"
            if table is None:
                path.unlink(missing_ok=True)
                continue
            written.append(path)
            with writing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
                file.write(f"{_NOTE}\n")
                table.to_csv(
                    file, sep="\t", index=False, lineterminator="\n", quoting=csv.QUOTE_NONE
                )
        return written

    @classmethod
    def read(cls, folder: str | Path) -> StudyInputs:
        """Read what `save` wrote.

        Parameters
        ----------
        folder : str or Path
            The folder given to `save`.

        Returns
        -------
        StudyInputs

        Raises
        ------
        FileNotFoundError
            A file is missing (elements.tsv may be, and task.txt, for the paper's task).
        AnnotationError, GenomeError
            A file is damaged, or a site lies beyond the genome.
        """
        folder = Path(folder)
        genome = _one_genome(folder / "genome.fa")
        tables = {
            name: _read_saved(folder / f"{name}.tsv", required)
            for name, required in _REQUIRED.items()
            if name != "elements" or (folder / "elements.tsv").is_file()
        }
        for name in ("sites", "terminators"):
            where = str(folder / f"{name}.tsv")
            tables[name] = validate_sites(tables[name], genome.length, where)
        order = folder / "sources.txt"
        named = tuple(read_lines(order)) if order.is_file() else ()
        return cls(genome, **tables, task=_read_task(folder / "task.txt"), named=named)


def load_inputs(
    source: Literal["ecoli", "synthetic", "files"],
    data_dir: str | Path | None = None,
    seed: int = 0,
    length: int = 300_000,
    fasta: str | Path | None = None,
    gff: str | Path | None = None,
    tables: Sequence[str | Path] = (),
) -> StudyInputs:
    """Load a study's tables from one of the three sources.

    Parameters
    ----------
    source : str
        ``ecoli`` (`ecoli_inputs`), ``synthetic`` (`synthetic_inputs`) or ``files``
        (`own_inputs`).
    data_dir : str or Path, optional
        For ``ecoli``: folder to look for the published files first.
    seed, length : int
        For ``synthetic``: seed and nucleotides of the simulated genome.
    fasta, gff, tables
        For ``files``: see `own_inputs`.

    Returns
    -------
    StudyInputs

    Raises
    ------
    ValueError, FileNotFoundError
        An unknown source, or a file that is missing or cannot be used.
    """
    if source == "ecoli":
        return ecoli_inputs(data_dir)
    if source == "synthetic":
        return synthetic_inputs(seed, length)
    if source == "files":
        if fasta is None:
            raise ValueError("source 'files' needs a genome: give fasta, the name of a FASTA file")
        return own_inputs(fasta, tables, gff)
    raise ValueError(f"source {source!r} is not known; use 'ecoli', 'synthetic' or 'files'")


def ecoli_inputs(data_dir: str | Path | None = None) -> StudyInputs:
    """Load the published tables of *Escherichia coli* K-12 MG1655 on NC_000913.3.

    Start sites of RegulonDB, Cappable-seq (lifted over from U00096.2; ``uncertain`` inside an
    indel's stretch), SMRT-Cappable-seq and SEnd-seq (paper, Table 1); termination sites of
    SEnd-seq, SMRT-Cappable-seq and RegulonDB; RefSeq's features; RegulonDB's operons.

    Parameters
    ----------
    data_dir : str or Path, optional
        Folder to look for the files first, see `genoattn.data.datasets.fetch`.

    Returns
    -------
    StudyInputs

    Raises
    ------
    ValueError, FileNotFoundError
        A file cannot be had, or is not the registered one.
    """
    path = fetch_all(ECOLI_TABLES, data_dir)
    genome = _one_genome(path["genome"])
    length = genome.length
    liftover = Liftover.from_anchors(path["old_genes"], path["annotation"], genome)
    cappable, _ = lift_sites(read_cappable(path["cappable"]), liftover)
    sites = [
        read_regulondb(path["regulondb"], length),
        cappable,
        read_smrt(path["smrt_m9"], path["smrt_rich"], length),
        read_sendseq(path["sendseq"], length),
    ]
    terminators = [
        read_sendseq_terminators(path["sendseq_terminators"], length),
        read_smrt_terminators(path["smrt_terminators_m9"], path["smrt_terminators_rich"], length),
        read_regulondb_terminators(path["regulondb_terminators"], length),
    ]
    return StudyInputs(
        genome=genome,
        features=read_gff(path["annotation"], genome),
        operons=read_regulondb_operons(path["regulondb_operons"], length),
        terminators=validate_sites(pd.concat(terminators, ignore_index=True), length),
        sites=_together(sites, length),
    )


def synthetic_inputs(seed: int = 0, length: int = 300_000) -> StudyInputs:
    """Simulate a genome of known promoter grammar and four assays on it.

    Parameters
    ----------
    seed, length : int
        See `genoattn.data.simulation.simulate`.

    Returns
    -------
    StudyInputs
        With the planted ``elements``.
    """
    from genoattn.data.simulation import simulate

    made = simulate(seed=seed, length=length)
    return StudyInputs(
        genome=made.genome,
        features=made.features,
        operons=made.operons,
        terminators=validate_sites(made.terminators, length, "simulated terminators"),
        sites=_together([made.assays], length),
        elements=made.elements,
    )


def own_inputs(
    fasta: str | Path, tables: Sequence[str | Path], gff: str | Path | None = None
) -> StudyInputs:
    """Load your own genome and start sites.

    Parameters
    ----------
    fasta : str or Path
        One replicon.
    tables : sequence of str or Path
        One or more tab-separated tables whose first line names the columns, among them
        ``position_1based``, ``strand`` (``+`` or ``-``) and ``source``, any name of the assay
        but ``curated``; other columns are not used. Rows of one position, strand and source
        count once.
    gff : str or Path, optional
        Annotation of the same replicon.

    Returns
    -------
    StudyInputs
        Without operons and termination sites; ``named`` has the sources in their order.

    Raises
    ------
    AnnotationError, GenomeError, FileNotFoundError
        A file is missing or cannot be used; names the file and, where there is one, the line.
    """
    if isinstance(tables, (str, Path)) or not tables:
        raise ValueError("tables must be a list of at least one table of sites")
    genome = _one_genome(fasta, gff)
    frames = {name: _empty_table(name) for name in ("features", "operons", "terminators")}
    if gff is not None:
        frames["features"] = read_gff(gff, genome)
    sites = pd.concat([_own_sites(path, genome) for path in tables], ignore_index=True)
    sites = sites.drop_duplicates(_SITE_COLUMNS, ignore_index=True)
    return StudyInputs(
        genome,
        frames["features"],
        frames["operons"],
        frames["terminators"],
        sites=_together([sites], genome.length),
        named=tuple(dict.fromkeys(sites["source"])),
    )


def gene_start_inputs(
    source: Literal["ecoli", "synthetic", "files"],
    data_dir: str | Path | None = None,
    seed: int = 0,
    length: int = 300_000,
    fasta: str | Path | None = None,
    gff: str | Path | None = None,
) -> tuple[StudyInputs, GeneStarts]:
    """Load a genome and take the starts of its coding sequences as the sites: another task.

    Parameters
    ----------
    source : str
        ``ecoli`` (RefSeq's sequence and annotation, nothing else), ``synthetic`` or ``files``.
    data_dir, seed, length
        As for `load_inputs`.
    fasta, gff : str or Path
        For ``files``: one replicon and its annotation.

    Returns
    -------
    tuple of StudyInputs and GeneStarts
        Inputs whose sites all have the source ``annotation``, and what was left out.

    Raises
    ------
    ValueError, FileNotFoundError
        An unknown source, or a file that is missing or cannot be used.
    """
    if source == "synthetic":
        made = synthetic_inputs(seed, length)
        starts = _simulated_starts(made.features, length)
        genome, features = made.genome, made.features
    else:
        if source == "ecoli":
            path = fetch_all(["genome", "annotation"], data_dir)
            fasta, gff = path["genome"], path["annotation"]
        elif source != "files":
            raise ValueError(f"source {source!r} is not known; use 'ecoli', 'synthetic' or 'files'")
        if fasta is None or gff is None:
            raise ValueError("source 'files' needs a genome and its annotation: give fasta and gff")
        genome = _one_genome(fasta, gff)
        features, starts = read_gff(gff, genome), read_gene_starts(gff, genome)
    study = StudyInputs(
        genome,
        features=features,
        operons=_empty_table("operons"),
        terminators=_empty_table("terminators"),
        sites=_together([starts.sites.assign(source="annotation")], genome.length),
        task="tis",
    )
    return study, starts


def _simulated_starts(features: pd.DataFrame, length: int) -> GeneStarts:
    """Starts of a simulation's coding sequences, each of which is one row."""
    chosen = features[features["type"] == "CDS"]
    whole = chosen[~chosen["pseudo"]]
    return GeneStarts(gene_starts(whole, "CDS", length), len(chosen), len(chosen) - len(whole), 0)


def _empty_table(name: str) -> pd.DataFrame:
    """One of the study's tables without a row."""
    types = {"start": np.int64, "end": np.int64, "position": np.int64, "pseudo": np.bool_}
    return pd.DataFrame(
        {column: pd.Series(dtype=types.get(column, object)) for column in _REQUIRED[name]}
    )


def _read_task(path: Path) -> str:
    """Which task a saved folder is about."""
    if not path.is_file():
        return "tss"
    task = "\n".join(read_lines(path)).strip()
    if task not in TASKS:
        raise AnnotationError(f"{path}: task {task!r} is not one of {', '.join(TASKS)}")
    return task


def _own_sites(path: str | Path, genome: Genome) -> pd.DataFrame:
    """Read one table of the user's own start sites."""
    table = read_own_table(path, ["position_1based", "strand", "source"])
    printed = to_integers(table, "position_1based", path)
    beyond = table.index[(printed < 1) | (printed > genome.length)]
    if len(beyond):
        raise AnnotationError(
            f"{path}, line {beyond[0]}: position_1based {printed[beyond[0]]} is not within "
            f"1..{genome.length} of {genome.name}"
        )
    return pd.DataFrame(
        {
            "position": printed - 1,
            "strand": to_strands(table, "strand", path),
            "source": _source_names(table, path),
        }
    )


def _source_names(table: pd.DataFrame, path: str | Path) -> pd.Series:
    """Names of the sources without blanks around them; AnnotationError for what is no name."""
    names = table["source"].str.strip()
    small = names.str.casefold()
    for wrong, problem in (
        (small.isin(_NO_NAME), "no source is named; write the name of the assay"),
        (small == "curated", "'curated' is what the merged set is called; name the assay"),
        (~names.map(str.isprintable), "the name of the source has a sign that cannot be shown"),
    ):
        if wrong.any():
            raise AnnotationError(f"{path}, line {table.index[wrong][0]}: {problem}")
    return names


def _together(frames: list[pd.DataFrame], length: int) -> pd.DataFrame:
    """Put the sites of all sources into one frame, with the evidence columns that there are."""
    sites = pd.concat(
        [frame.reindex(columns=[*_SITE_COLUMNS, *_EVIDENCE]) for frame in frames],
        ignore_index=True,
    )
    sites = sites.drop(columns=[name for name in _EVIDENCE if sites[name].isna().all()])
    return validate_sites(_typed(sites), length)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Give evidence columns their type, missing values included."""
    for name in table.columns.intersection(_EVIDENCE):
        if name in _FLOAT:
            table[name] = table[name].astype(np.float64)
        elif name in _MAYBE:
            table[name] = table[name].astype("boolean")
        else:
            table[name] = table[name].fillna("")
    return table


def _parsed(text: pd.Series, name: str) -> pd.Series:
    """Turn a saved column of text back into what it was; ValueError where that cannot be."""
    if name in _WHOLE:
        return text.astype(np.int64)
    if name in _FLOAT:
        return text.replace("", "nan").astype(np.float64)
    if name in _TRUTH | _MAYBE:
        words = {"True": True, "False": False, "": None}
        wrong = set(text) - set(words)
        if wrong:
            raise ValueError(f"{sorted(wrong)[0]!r} is neither True nor False")
        truth = text.map(words).astype("boolean")
        return truth.astype(np.bool_) if name in _TRUTH else truth
    return text


def _one_genome(path: str | Path, gff: str | Path | None = None) -> Genome:
    """Read a FASTA file that holds a single sequence, circular unless its header says linear."""
    genomes = read_fasta(path)
    if len(genomes) != 1:
        names = ", ".join(genome.name for genome in genomes[:3])
        raise GenomeError(
            f"{path}: {len(genomes)} sequences ({names}, ...); give one replicon in a file"
        )
    name = genomes[0].name
    if gff is not None and not genomes[0].circular and name in circular_in_gff(gff):
        raise GenomeError(
            f"{gff} calls {name} circular, but its header in {path} says linear; correct one of "
            "them"
        )
    return genomes[0]


def _read_saved(path: Path, required: Sequence[str]) -> pd.DataFrame:
    """Read a table that `StudyInputs.save` wrote, with its types."""
    lines = read_lines(path)
    if not lines or lines[0] != _NOTE:
        raise AnnotationError(f"{path}, line 1: {_NOTE!r} expected; is this a saved table?")
    rows = [line.split("\t") for line in lines[1:]]
    names = rows[0] if rows else []
    for column in required:
        if column not in names:
            raise AnnotationError(f"{path}, line 2: column {column!r} is missing")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(names):
            raise AnnotationError(
                f"{path}, line {number}: {len(row)} columns instead of {len(names)}"
            )
    table = pd.DataFrame(rows[1:], columns=names, dtype=object)
    for name in names:
        try:
            table[name] = _parsed(table[name], name)
        except ValueError as error:
            raise AnnotationError(f"{path}, column {name!r}: {error}") from error
    return table


TIS_ELEMENTS = (
    word("Shine-Dalgarno", "AGGAGG", -16, -10, "Shine and Dalgarno 1974; Chen et al. 1994"),
    word("start codon", "ATG", 0, 0, "genetic code 11"),
    word("stop of the gene before", "ATGA", 0, 0, "overlapping genes; Eyre-Walker 1995"),
)
"""Elements at translation starts; offset 0 is the start codon's first nucleotide. The
Shine-Dalgarno sequence ends 4 to 10 nt before it."""


@dataclass(frozen=True)
class Task:
    """A kind of site.

    Attributes
    ----------
    key : str
        How files and parameters name it.
    site, short : str
        How readers do, in full and in short.
    first : str
        What the nucleotide of the site is.
    elements : tuple of Element
        Known elements near it, by offset from the site.
    """

    key: str
    site: str
    short: str
    first: str
    elements: tuple[Element, ...]

    @property
    def note(self) -> str:
        """What a reader must know where the text speaks of TSSs (Markdown); empty for TSSs."""
        if self.key == "tss":
            return ""
        return (
            "```{admonition} Another task\n"
            f"Here the model annotates **{self.site}s ({self.short})**. Where text, tables and "
            f"figures of this chapter say start site or TSS, read {self.short}: position +1 is "
            f"{self.first}. Statements of the paper are about TSSs; they are looked at here only "
            "for comparison, and a difference is no disagreement.\n```"
        )


TASKS = {
    task.key: task
    for task in (
        Task(
            "tss",
            "transcription start site",
            "TSS",
            "the first nucleotide of the transcript",
            PAPER_ELEMENTS,
        ),
        Task(
            "tis",
            "translation initiation site",
            "TIS",
            "the first nucleotide of the start codon",
            TIS_ELEMENTS,
        ),
    )
}
"""Every task that a run folder can be about."""
