"""Start codons and reading frames, beside a slow and obvious way."""

import numpy as np
import pandas as pd

from genoattn.genome.sequence import Genome
from genoattn.output import frames


def test_start_codons_are_those_of_both_strands():
    genome = Genome("toy", np.random.default_rng(0).integers(0, 4, 300).astype(np.uint8))
    found = frames.start_codons(genome)
    for row, strand in enumerate("+-"):
        for place in range(300):
            codon = "".join("ACGT"[c] for c in genome.around([place], [strand], [0, 1, 2])[0])
            assert found[row, place] == (codon in ("ATG", "GTG", "TTG"))
    assert found.any(axis=1).all()


def test_predicted_starts_are_counted_by_frame_beside_start_codons():
    frame = np.full((2, 12), -1, np.int8)
    frame[0, :9] = np.arange(9) % 3
    sites = pd.DataFrame({"position": [0, 3, 4, 10], "strand": "+"})
    others = np.zeros((2, 12), bool)
    others[0, [0, 1, 2, 5, 11]] = True
    found = frames.by_frame(sites, frame, others, level=0.95)
    assert found["frame"].tolist() == list(frames.FRAMES)
    assert found["n"].tolist() == [2, 1, 0] and (found["n_inside"] == 3).all()
    assert found["chance"].tolist() == [0.25, 0.25, 0.5], "one outside of genes does not count"
    assert (found["ci_low"] <= found["share"]).all() and (found["share"] <= found["ci_high"]).all()


def test_without_a_start_in_a_gene_there_is_no_share():
    frame = np.full((2, 12), -1, np.int8)
    sites = pd.DataFrame({"position": [3], "strand": ["+"]})
    found = frames.by_frame(sites, frame, np.zeros((2, 12), bool), level=0.95)
    assert found["share"].isna().all() and (found["chance"] == 0).all()
