"""Your own sequences, annotated: FASTA or GenBank in, a track for each contig out.

The short way, for a script::

    from genoattn import annotate
    from genoattn.model.annotator import Annotator

    model = Annotator.load("annotator")
    tracks = annotate.annotate(model, "genome.fasta", circular=["chromosome"])
    tracks["chromosome"].shape  # (2, L): strand, forward position

Everything that can be wrong with the input is looked at before the first position is computed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from genoattn.genome.formats import circular_in_gff, sequence_lines
from genoattn.genome.genbank import is_genbank, parse_sequences
from genoattn.genome.sequence import UNKNOWN, Genome
from genoattn.genome.sites import distance_to_next
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import check_one_task
from genoattn.model.networks import load_network
from genoattn.model.weights import find_prior
from genoattn.prediction.ensemble import GenePrior, gene_starts, mean_log_odds
from genoattn.prediction.predict import predict
from genoattn.prediction.recorders import AttentionRecorder

__all__ = ["annotate", "contig_table", "load_contigs"]


_FEW = 5  # contigs that have a progress bar each
ALL = "all"
"""As the only name of a circular contig: all of them are circular."""


# ---------------------------------------------------------------------------------- sequences


def load_contigs(
    path: str | Path, circular: Collection[str] = (), gff: str | Path | None = None
) -> list[Genome]:
    """Read the contigs of a FASTA or GenBank file and say which are circular.

    Parameters
    ----------
    path : str or Path
        FASTA or GenBank, plain or ``.gz``, either case, IUPAC letters.
    circular : collection of str
        Names of the circular contigs, or ``["all"]``. A contig that is not named is what its
        header says (``[topology=circular]``; in GenBank its ``LOCUS`` line), or else the
        annotation, and linear where neither says anything.
    gff : str or Path, optional
        Their annotation, which may call them circular (``Is_circular=true``).

    Returns
    -------
    list of Genome
        In the file's order.

    Raises
    ------
    GenomeError, FileNotFoundError
        See `genoattn.genome.genbank.read_sequences`: empty file, repeated name, a letter that is
        none.
    ValueError
        A contig is named as circular that is not there, the annotation calls one circular whose
        header says linear, or no letter of the file is known.
    """
    if isinstance(circular, str):
        circular = [circular]
    lines = sequence_lines(path)  # once, as it may be a pipe
    genomes = parse_sequences(path, lines, circular=False)
    named, names = set(circular), dict.fromkeys(genome.name for genome in genomes)
    if ALL in names and ALL in named:
        raise ValueError(
            f"{path}: a contig is named {ALL!r}, which among the circular contigs means every one "
            "of them; rename it"
        )
    unknown = [name for name in circular if name not in names and name != ALL]
    if unknown:
        shown = ", ".join([*names][:5]) + (", ..." if len(names) > 5 else "")
        raise ValueError(f"{path}: no contig is named {unknown[0]!r}; there are: {shown}")
    if all((genome.codes == UNKNOWN).all() for genome in genomes):
        raise ValueError(f"{path}: no letter is A, C, G or T; is this a protein or a mask?")
    round_ = {one.name for one in genomes if one.circular or ALL in named or one.name in named}
    found = _annotated_as_circular(names, gff) - round_
    if found:
        stated = {
            one.name for one in parse_sequences(path, lines, circular=True) if not one.circular
        }
        if wrong := sorted(found & stated):
            raise ValueError(
                f"{gff} calls {wrong[0]} circular, but its header in {path} says linear; correct "
                "one of them, or name it in circular"
            )
    round_ |= found
    return [replace(one, circular=one.name in round_) for one in genomes]


def _annotated_as_circular(names: Collection[str], gff: str | Path | None) -> set[str]:
    """Contigs that their annotation calls circular."""
    if gff is None or is_genbank(gff):  # a GenBank file says it of its sequences
        return set()
    return {*names} & circular_in_gff(gff)


def contig_table(genomes: Sequence[Genome], config: AnnotatorConfig | None = None) -> pd.DataFrame:
    """Facts that decide how much an annotation of these contigs can be trusted.

    Returns
    -------
    DataFrame
        ``contig``, ``length`` (nt), ``circular``, ``gc`` and ``unknown`` (shares of the letters;
        ``gc`` among the known ones, NaN where there are none), ``full_context`` (share of the
        positions, both strands, whose first layer sees a whole window inside the contig; without
        a configuration there is no such column).
    """
    rows = []
    for genome in genomes:
        known = genome.codes[genome.codes != UNKNOWN]
        row = {
            "contig": genome.name,
            "length": len(genome),
            "circular": genome.circular,
            "gc": float(np.isin(known, (1, 2)).mean()) if known.size else np.nan,
            "unknown": 1 - known.size / len(genome),
        }
        if config is not None:
            cold = 0 if genome.circular else min(len(genome), config.window - 1 - config.downstream)
            row["full_context"] = 1 - max(0, cold) / len(genome)
        rows.append(row)
    return pd.DataFrame(rows)


# --------------------------------------------------------------------------------- annotation


def annotate(
    model: Annotator | str | Path | Sequence[str | Path],
    genome: str | Path | Genome | Sequence[Genome],
    *,
    circular: Collection[str] = (),
    recorders: Mapping[str, Sequence[AttentionRecorder]] | None = None,
    chunk: int | None = None,
    progress: bool = True,
) -> dict[str, NDArray[np.float32]]:
    """Probability of a site at every position of both strands of every contig.

    Parameters
    ----------
    model : Annotator, str, Path or sequence of str and Path
        The annotator, or the name or file of its weights. Of several weights the log-odds are
        averaged, which takes as many times as long. With the name or file of a gene prior (such as
        ``with-genes``) the annotators that it names are averaged, the genes of all contigs found,
        and where they begin is weighed (`genoattn.prediction.ensemble`).
    genome : str, Path, Genome or sequence of Genome
        A FASTA or GenBank file, or contigs that were read before. Beyond the ends of a linear one,
        the model reads unknown letters.
    circular : collection of str
        See `load_contigs`; for a file only.
    recorders : mapping of str to sequence of AttentionRecorder, optional
        What watches the attention, by contig.
    chunk : int, optional
        Positions read at once, see `genoattn.prediction.predict`.
    progress : bool
        Show a progress bar for each contig, or one over all where there are many.

    Returns
    -------
    dict of str to float32 array, shape (2, L)
        Contig name to track, in the file's order; indexed by strand row and forward position.
    """
    if isinstance(genome, Genome):
        genomes = [genome]
    elif isinstance(genome, (str, Path)):
        genomes = load_contigs(genome, circular)
    else:
        genomes = list(genome)
    if not genomes:
        raise ValueError("no contig to annotate")
    names = Counter(one.name for one in genomes)
    name, times = names.most_common(1)[0]
    if times > 1:
        raise ValueError(f"two contigs are named {name}")
    watched = dict(recorders or {})
    if set(watched) - set(names):
        raise ValueError(f"no contig is named {min(set(watched) - set(names))!r}")
    if isinstance(model, (str, Path)) and (file := find_prior(model)):
        prior = GenePrior.load(file)
        starts = gene_starts(genomes)
        mean = annotate(
            prior.weights(file), genomes, recorders=recorders, chunk=chunk, progress=progress
        )
        return {
            one.name: prior.apply(
                mean[one.name],
                distance_to_next(starts[one.name], len(one), circular=one.circular),
            )
            for one in genomes
        }
    if isinstance(model, Sequence) and not isinstance(model, str):
        if not model:
            raise ValueError("no weights to annotate with")
        if watched:
            raise ValueError("attention is recorded of one model, not of several at once")
        check_one_task(model)
        each = [annotate(one, genomes, chunk=chunk, progress=progress) for one in model]
        return {name: mean_log_odds([found[name] for found in each]) for name in names}
    if isinstance(model, (str, Path)):
        model = cast(Annotator, load_network(model))  # whatever reads a strand will do
    tracks = {}
    many = len(genomes) > _FEW
    bar = tqdm(
        total=2 * sum(map(len, genomes)),
        desc="annotating",
        unit="nt",
        unit_scale=True,
        mininterval=1,
        disable=not (progress and many),
    )
    with bar:
        for one in genomes:
            tracks[one.name] = predict(
                model,
                one,
                recorders=watched.get(one.name, ()),
                chunk=chunk,
                progress=progress and not many,
            )
            bar.update(2 * len(one))
    return tracks
