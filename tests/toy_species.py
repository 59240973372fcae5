"""A made-up archive of promoter tables, for tests of trainings on many species."""

from __future__ import annotations

import io
import tarfile
from itertools import pairwise

import numpy as np

from genoattn.genome.sequence import decode, reverse_complement

COLUMNS = ("TSS_coordinate", "Direction", "UP", "Minus35", "Spacer", "Minus10", "Dis", "Start",
           "ITR")  # fmt: skip


def toy_codes(length, seed=0):
    return np.random.default_rng(seed).integers(0, 4, length).astype(np.uint8)


def toy_row(codes, position, strand, discriminator=6):
    """A table's row for a 0-based site, cut out of a genome; a discriminator of -1 is '*'."""
    if strand == "-":
        codes, position = reverse_complement(codes), codes.size - 1 - position
        printed = codes.size - position
    else:
        printed = position + 1
    text, cuts = decode(codes), [position - 1]
    for size in (discriminator, 6, 17, 6, 100):
        cuts.append(cuts[-1] - size)
    parts = [text[b:a] for a, b in pairwise(cuts)][::-1]
    if discriminator < 0:  # the start's first nucleotide is the last of the -10 element
        parts[4] = "*"
    row = [str(printed), strand, *parts, text[position - 1 : position + 2]]
    return dict(zip(COLUMNS, [*row, text[position + 2 : position + 102]], strict=True))


def toy_archive(path, tables, lineages=None):
    """Write rows by species as an archive."""
    listed = "Species,Lineage,Genome accession,GC content (%),Detection method\n" + "".join(
        f"{species},{(lineages or {}).get(species, 'Toys')},T_{number}.1,0.5,dRNA-seq\n"
        for number, species in enumerate(tables)
    )
    texts = {"Genome_List.csv": listed}
    for species, rows in tables.items():
        lines = ["\t".join(COLUMNS), *("\t".join(row.values()) for row in rows)]
        texts[f"{species}.tsv"] = "\n".join(lines) + "\n"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in texts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path
