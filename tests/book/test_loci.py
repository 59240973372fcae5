"""Places on hand-made genomes: one element of each kind, so that each rule has one answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.book import loci
from genoattn.genome.formats import FEATURE_COLUMNS
from genoattn.genome.sequence import Genome
from genoattn.study.inputs import StudyInputs

LENGTH = 40_000


def study(sites=(), features=(), operons=(), terminators=()):
    """Inputs with these rows; sites are (position, strand, source)."""
    columns = ["position", "strand", "source"]
    return StudyInputs(
        genome=Genome("TOY", np.zeros(LENGTH, dtype=np.uint8)),
        features=pd.DataFrame(features, columns=FEATURE_COLUMNS),
        operons=pd.DataFrame(operons, columns=["start", "end", "strand", "name", "genes"]),
        terminators=pd.DataFrame(terminators, columns=[*columns, "kind"]),
        sites=pd.DataFrame(sites, columns=columns),
    )


def ground(track, curated=(), inside=None, **tables):
    known = pd.DataFrame(curated, columns=["position", "strand", "votes"])
    known = known.astype({"position": np.int64, "votes": np.int64})
    inside = np.ones(LENGTH, dtype=bool) if inside is None else inside
    return loci.Ground(study(**tables), known, track, inside)


def flat(*peaks):
    """Output of 0.001 with peaks (position, strand row, height) on it."""
    track = np.full((2, LENGTH), 0.001)
    for position, row, height in peaks:
        track[row, position] = height
    return track


FACING = [(10_000, "+", 3), (10_120, "-", 2)]  # head on, 120 nt
BACK = [(20_000, "-", 2), (20_080, "+", 4)]  # divergent, 80 nt


def test_pairs_are_told_apart_by_their_strands():
    track = flat((10_000, 0, 0.5), (10_120, 1, 0.4), (20_002, 1, 0.9), (20_080, 0, 0.8))
    here = ground(track, FACING + BACK)
    facing, back = loci.head_on(here), loci.divergent(here)
    assert (facing.start, facing.end) == (8_500, 11_700)
    assert "over 120 nt" in facing.caption
    assert "0.5 on the plus strand and 0.4 on the minus strand" in facing.caption
    assert (back.start, back.end) == (18_500, 21_600)
    assert "80 nt apart" in back.caption and "0.9 on the minus strand" in back.caption


def test_no_pair_further_apart_than_allowed():
    far = [(10_000, "+", 2), (10_000 + loci.PAIR + 1, "-", 2)]
    assert loci.head_on(ground(flat(), far)) is None
    far[1] = (10_000 + loci.PAIR, "-", 2)
    assert loci.head_on(ground(flat(), far)) is not None


def test_only_the_asked_part_is_looked_at():
    inside = np.zeros(LENGTH, dtype=bool)
    inside[15_000:] = True
    track = flat((10_000, 0, 0.9), (20_080, 0, 0.5))
    track[:, :12_000] = np.nan
    here = ground(track, FACING + BACK, inside)
    assert loci.head_on(here) is None
    assert here.sites["position"].tolist() == [20_000, 20_080]
    assert loci.strongest(here).start == 18_500


def test_a_window_that_leaves_the_part_is_passed_over():
    track = flat((200, 0, 0.9), (20_000, 0, 0.5))
    found = loci.strongest(ground(track, [(200, "+", 2), (20_000, "+", 2)]))
    assert (found.start, found.end) == (18_500, 21_600)


def test_peaks_without_a_site_are_novel_or_false_positives():
    # peaks: 10,000 curated; 15,000 reported 30 nt away by a source; 25,000 by none
    track = flat((10_000, 0, 0.9), (15_000, 0, 0.8), (25_000, 1, 0.7))
    sites = [(10_000, "+", "smrt"), (15_030, "+", "cappable"), (25_000, "+", "smrt")]
    here = ground(track, [(10_000, "+", 1), (30_000, "+", 1), (31_000, "+", 1)], sites=sites)
    assert loci.false_positive(here).start == 13_500
    candidate = loci.novel(here)
    assert candidate.start == 23_500 and "minus strand, number 3 of" in candidate.caption


def test_the_missed_start_is_the_lowest_of_those_with_most_votes():
    track = flat((10_000, 0, 0.9), (20_000, 0, 0.2), (30_000, 0, 0.1))
    found = loci.missed(ground(track, [(10_000, "+", 4), (20_000, "+", 4), (30_000, "+", 3)]))
    assert found.start == 18_500 and "0.2 within" in found.caption


def test_operon_needs_a_start_after_its_first_gene():
    genes = [
        (start, start + 900, "-", "gene", name, name, False)
        for start, name in ((10_000, "abcC"), (11_000, "abcB"), (12_000, "abcA"))
    ]
    operons = [(10_000, 12_900, "-", "abc", "abcA;abcB;abcC")]
    inner = ground(flat((11_950, 1, 0.6)), [(11_950, "-", 2)], features=genes, operons=operons)
    found = loci.operon_start(inner)
    assert "of 3 genes has one start site" in found.caption
    assert "between *abcB* and *abcA*, has an output of 0.6" in found.caption
    first = ground(flat(), [(12_500, "-", 2)], features=genes, operons=operons)
    assert loci.operon_start(first) is None
    other = ground(flat(), [(11_950, "+", 2)], features=genes, operons=operons)
    assert loci.operon_start(other) is None


def test_pseudogene_must_be_raised_on_both_strands():
    features = [
        (10_000, 10_400, "+", "pseudogene", "one", "x1", True),
        (20_000, 20_400, "-", "pseudogene", "two", "x2", True),
        (30_000, 30_200, "-", "pseudogene", "short", "x3", True),
    ]
    track = flat()
    track[0, 10_000:10_400] = 0.1  # on one strand only
    track[0, 20_000:20_400], track[1, 20_000:20_400] = 0.003, 0.002
    track[:, 30_000:30_200] = 0.5
    found = loci.pseudogene(ground(track, features=features))
    assert "*two*" in found.caption
    assert "2.0 times that of the whole part on its own strand and 3.0 times" in found.caption


def test_terminator_by_sources_then_by_antisense():
    ends = [
        (10_000, "+", "smrt", "intrinsic"),
        (20_000, "+", "smrt", "intrinsic"),
        (20_015, "+", "sendseq", "intrinsic"),
        (30_000, "+", "smrt", "rho-dependent"),
    ]
    here = ground(flat((10_010, 1, 0.9), (20_050, 1, 0.3)), terminators=ends)
    found = loci.intrinsic_terminator(here)
    assert 18_300 <= found.start <= 18_500 and "reported by 2 sources" in found.caption
    assert "0.3 on the opposite strand" in found.caption
    assert "reported by one source" in loci.rho_terminator(here).caption


def test_crowded_and_quiet_stretches():
    crowd = [(22_000 + 100 * i, "+", 2) for i in range(6)]
    track = flat(*[(i, 0, 0.2) for i in range(0, LENGTH, 1_000) if not 30_500 < i < 38_500])
    here = ground(track, [*crowd, (10_000, "+", 2)])
    assert "of any 1,000 nt, 6, lie" in loci.crowd(here).caption
    calm = loci.quiet(here)
    assert calm.start >= 28_500 and "exceeds 0.001" in calm.caption
    inside = np.ones(LENGTH, dtype=bool)
    inside[:30_000] = False  # a stretch that begins outside has a low maximum, but is not whole
    assert loci.quiet(ground(track, inside=inside)).start == 30_100


def test_an_antisense_start_is_another_place_than_the_false_positive():
    gene = [(9_000, 31_000, "-", "gene", "long", "l1", False)]
    track = flat((15_000, 0, 0.9), (25_000, 0, 0.8))
    sites = [(15_030, "+", "cappable"), (25_030, "+", "smrt")]
    curated = pd.DataFrame({"position": [2_000, 3_000], "strand": "+", "votes": 1})
    inputs = study(sites=sites, features=gene)
    found = loci.choose(inputs, curated, track, np.ones(LENGTH, dtype=bool)).set_index("key")
    assert found.loc["false-positive", "start"] == 13_500
    assert found.loc["antisense", "start"] == 23_500


def test_choose_gives_each_kind_once_and_windows_inside():
    track = flat((10_000, 0, 0.5), (10_120, 1, 0.4), (20_080, 0, 0.8))
    curated = pd.DataFrame(FACING + BACK, columns=["position", "strand", "votes"])
    found = loci.choose(study(), curated, track, np.ones(LENGTH, dtype=bool))
    assert found["key"].is_unique and {"head-on", "divergent", "surest"} <= set(found["key"])
    assert (found["start"] >= 0).all() and (found["end"] <= LENGTH).all()
    assert (found["start"] % 100 == 0).all()


def test_a_part_without_output_is_refused():
    with pytest.raises(ValueError, match="no position of the part"):
        ground(np.full((2, LENGTH), np.nan))
