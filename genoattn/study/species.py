"""Prepare a training on many species: tables audited, genomes cut, one folder left in a run.

What it leaves, ``collection/`` in the run's folder, holds sites of published tables; so it stays
there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from genoattn.data.collection import Piece, genome_piece, window_pieces, write_collection
from genoattn.data.species import (
    AUDITED_OFFSETS,
    WHOLE_GENOMES,
    purine_shares,
    read_promoter_tables,
    read_whole_genome,
    why_apart,
)
from genoattn.data.species_files import species_folder
from genoattn.genome.files import writing
from genoattn.genome.sequence import Genome
from genoattn.model.training import PAPER_CUTS
from genoattn.study.parameters import FROM_0
from genoattn.study.run import Run

__all__ = ["ECOLI", "ECOLI_LINEAGE", "collect", "main"]

ECOLI = "Escherichia coli MG1655"
ECOLI_LINEAGE = "Gammaproteobacteria"
VALIDATION = 0.15  # share of each genome and each table, except E. coli's, that stops a training


def collect(
    folder: str | Path, ecoli: Genome, curated: pd.DataFrame, seed: int = 1
) -> tuple[list[Piece], pd.DataFrame]:
    """Read all species and cut them into pieces for training and validation.

    Of *E. coli*, the study's own training and validation parts; nothing of its test part. A species
    with a whole genome gives no windows.

    Parameters
    ----------
    folder : str or Path
        With the archive of tables, the genomes and their start sites.
    ecoli, curated
        *E. coli*'s genome and its curated sites.
    seed : int

    Returns
    -------
    list of Piece, DataFrame
        The second is the audit, a row a table: species, lineage, source, gc, n, ``purine`` at each
        offset, and why it is set apart (empty if it is used).
    """
    test, validation, train = (round(cut * len(ecoli)) for cut in PAPER_CUTS)
    pieces = [
        genome_piece(ecoli, curated, interval, ECOLI, ECOLI_LINEAGE, part)
        for part, interval in (("validation", (validation, train)), ("train", (train, test)))
    ]
    audited = [_row(ECOLI, ECOLI_LINEAGE, "genome", _gc(ecoli), _around(ecoli, curated))]
    whole = {ECOLI}
    for one in WHOLE_GENOMES:
        genome, sites = read_whole_genome(one, folder)
        audited.append(
            _row(one.species, one.lineage, "genome", _gc(genome), _around(genome, sites))
        )
        if audited[-1]["apart"]:
            continue
        whole.add(one.species)
        end = round(VALIDATION * len(genome))
        pieces += [
            genome_piece(genome, sites, interval, one.species, one.lineage, part)
            for part, interval in (("validation", (0, end)), ("train", (end, len(genome))))
        ]
    for number, table in enumerate(read_promoter_tables(folder)):
        around = table.around(AUDITED_OFFSETS)
        audited.append(_row(table.species, table.lineage, "windows", table.gc, around))
        if not audited[-1]["apart"] and table.species not in whole:
            pieces += window_pieces(table, VALIDATION, seed + number)
    return pieces, pd.DataFrame(audited)


def _around(genome: Genome, sites: pd.DataFrame) -> np.ndarray:
    position, strand = sites["position"].to_numpy(), sites["strand"].to_numpy()
    return genome.around(position, strand, np.array(AUDITED_OFFSETS))


def _gc(genome: Genome) -> float:
    return float(np.isin(genome.codes, (1, 2)).sum() / (genome.codes < 4).sum())


def _row(
    species: str, lineage: str, source: str, gc: float, around: np.ndarray
) -> dict[str, object]:
    """What the audit says of a table."""
    shares = purine_shares(around)
    named = {
        f"purine{offset:+d}": round(float(share), 4)
        for offset, share in zip(AUDITED_OFFSETS, shares, strict=True)
    }
    return {
        "species": species,
        "lineage": lineage,
        "source": source,
        "gc": round(gc, 4),
        "n": len(around),
        **named,
        "apart": why_apart(shares) or "",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: collect the start sites of many species in a run's folder, for a training."""
    parser = argparse.ArgumentParser(prog="genoattn species", description=main.__doc__)
    parser.add_argument("run", type=Path, help="folder of the run; collection/ is made in it")
    parser.add_argument(
        "--ecoli", type=Path, required=True, help="run of E. coli, with inputs/ and curation/"
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder of the archive, the genomes and their start sites; downloaded by default",
    )
    parser.add_argument("--seed", type=FROM_0, default=1)
    given = parser.parse_args(arguments)
    try:
        ecoli = Run(given.ecoli)
        data = species_folder(given.data)
        pieces, audit = collect(data, ecoli.study.genome, ecoli.curated, given.seed)
        write_collection(pieces, given.run / "collection")
        with writing(given.run / "collection" / "audit.tsv") as partial:
            audit.to_csv(partial, sep="\t", index=False)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    apart = audit[audit["apart"] != ""]
    for species, reason in zip(apart["species"], apart["apart"], strict=True):
        print(f"{species} is set apart: {reason}")
    number = sum(len(piece.sites) for piece in pieces)
    species = len({piece.species for piece in pieces})
    size = sum(piece.codes.size for piece in pieces)
    print(f"{number:,} sites of {species} species on {size:,} nt are in {given.run / 'collection'}")
    return 0
