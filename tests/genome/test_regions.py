"""Places among the genes, by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from genoattn.genome import regions
from genoattn.genome.regions import region_masks

FEATURES = pd.DataFrame(
    [
        (10, 20, "+", "gene", "a"),
        (10, 20, "+", "CDS", "a"),
        (30, 40, "-", "gene", "b"),
        (38, 50, "-", "pseudogene", "c"),
        (60, 70, "+", "gene", "d"),
        (80, 90, "+", "gene", ""),
    ],
    columns=["start", "end", "strand", "type", "gene"],
).assign(locus_tag=["t1", "t1", "t2", "t3", "t4", "t5"])


def marked(mask: np.ndarray) -> list[int]:
    return np.flatnonzero(mask).tolist()


def test_between_genes_by_the_direction_of_the_two() -> None:
    masks = regions.between_genes(FEATURES, 100)
    assert marked(masks["between_convergent"]) == list(range(20, 30))
    assert marked(masks["between_divergent"]) == list(range(50, 60))
    round_the_end = [*range(10), *range(70, 80), *range(90, 100)]
    assert marked(masks["between_tandem"][0]) == round_the_end
    assert not masks["between_tandem"][1].any()
    linear = regions.between_genes(FEATURES, 100, circular=False)
    assert marked(linear["between_tandem"][0]) == list(range(70, 80))


def test_parts_of_genes_run_with_the_gene() -> None:
    masks = regions.along_genes(FEATURES, 100, parts=5)
    assert list(masks) == [f"gene_part_{i}" for i in range(1, 6)]
    assert marked(masks["gene_part_1"][0]) == [10, 11, 60, 61, 80, 81]
    assert marked(masks["gene_part_5"][1]) == [30, 31]  # the end of b lies at its left
    assert marked(masks["gene_part_1"][1]) == []  # b's start overlaps c, a pseudogene has none
    assert marked(masks["gene_part_2"][1]) == [36, 37]


def test_places_of_both_strands() -> None:
    place = regions.places(FEATURES, 100)
    names = np.array(regions.PLACES)
    assert names[place[:, 15]].tolist() == ["in a gene, sense", "in a gene, antisense"]
    assert names[place[:, 35]].tolist() == ["in a gene, antisense", "in a gene, sense"]
    assert names[place[:, 55]].tolist() == ["between genes"] * 2
    overlapping = pd.concat([FEATURES, FEATURES.assign(strand="-").iloc[:1]])
    both = regions.places(overlapping, 100)[:, 15]
    assert names[both].tolist() == ["in a gene, sense"] * 2


def test_inside_operons_of_several_genes() -> None:
    operons = pd.DataFrame(
        {"start": [5, 40], "end": [8, 44], "strand": ["+", "-"], "genes": ["x", "y;z"]}
    )
    mask = regions.internal_to_operons(operons, 50)
    assert marked(mask[0]) == [] and marked(mask[1]) == [40, 41, 42, 43]
    assert not regions.internal_to_operons(operons.iloc[:0], 50).any()


def test_the_nearest_gene_and_how_far() -> None:
    sites = pd.DataFrame({"position": [12, 24, 27, 95, 45], "strand": ["-", "+", "+", "+", "-"]})
    found = regions.nearest_gene(sites, FEATURES, 100, circular=False)
    assert found["gene"].tolist() == ["a", "a", "b", "t5", "c"]
    assert found["gene_distance"].tolist() == [0, 5, 3, 6, 0]
    assert found["from_start"].tolist() == [2, 14, 12, 15, 4]
    assert found["gene_strand"].tolist() == ["+", "+", "-", "+", "-"]
    none = regions.nearest_gene(sites, FEATURES.iloc[:0], 100)
    assert (none["gene"] == "").all() and none["gene_distance"].isna().all()


def turned(features: pd.DataFrame, by: int, length: int) -> pd.DataFrame:
    """The features of a circle whose origin was moved."""
    start = (features["start"] + by) % length
    return features.assign(start=start, end=start + features["end"] - features["start"])


@given(st.integers(0, 99))
def test_where_a_circle_begins_does_not_matter(by: int) -> None:
    moved = turned(FEATURES, by, 100)
    for of in (regions.between_genes, regions.along_genes):
        for name, mask in of(FEATURES, 100).items():
            assert (of(moved, 100)[name] == np.roll(mask, by, axis=-1)).all(), name
    assert (regions.places(moved, 100) == np.roll(regions.places(FEATURES, 100), by, axis=1)).all()
    operons = FEATURES.assign(genes="x;y")
    inside = regions.internal_to_operons(operons, 100)
    assert (
        regions.internal_to_operons(turned(operons, by, 100), 100) == np.roll(inside, by, axis=1)
    ).all()
    sites = pd.DataFrame({"position": np.arange(100), "strand": "+"})
    found = regions.nearest_gene(sites, FEATURES, 100)
    there = regions.nearest_gene(sites.assign(position=(sites["position"] + by) % 100), moved, 100)
    pd.testing.assert_frame_equal(there, found)


features_on_a_circle = st.lists(
    st.tuples(st.integers(0, 39), st.integers(1, 15), st.sampled_from("+-")), min_size=1, max_size=4
)


@given(features_on_a_circle, st.booleans())
def test_the_nearest_gene_by_walking(rows: list[tuple[int, int, str]], circular: bool) -> None:
    length = 40
    rows = [(a, n if circular else min(n, length - a), strand) for a, n, strand in rows]
    features = pd.DataFrame(
        [(a, a + n, strand, "gene", f"g{i}", "") for i, (a, n, strand) in enumerate(rows)],
        columns=["start", "end", "strand", "type", "gene", "locus_tag"],
    )
    sites = pd.DataFrame({"position": np.arange(length), "strand": "+"})
    found = regions.nearest_gene(sites, features, length, circular=circular)
    turns = (-length, 0, length) if circular else (0,)
    for here, row in enumerate(found.itertuples(index=False)):
        gaps = [  # to every nucleotide of every gene
            (abs(here + turn - place), i, (here + turn - a) * (1 if strand == "+" else -1))
            for i, (a, n, strand) in enumerate(rows)
            for place in range(a, a + n)
            for turn in turns
        ]
        nearest = min(gap for gap, _, _ in gaps)
        first = min(i for gap, i, _ in gaps if gap == nearest)
        assert (row.gene, row.gene_distance) == (f"g{first}", nearest)
        _, n, strand = rows[first]
        shift = 0 if strand == "+" else n - 1
        assert row.from_start in {c + shift for gap, i, c in gaps if (gap, i) == (nearest, first)}


intervals = st.tuples(st.integers(0, 28), st.integers(1, 12), st.sampled_from("+-"))


@given(
    st.lists(st.tuples(intervals, st.sampled_from(["gene", "CDS", "pseudogene"])), max_size=8),
    st.lists(intervals, max_size=4),
)
def test_region_masks_against_brute_force(
    marked: list[tuple[tuple[int, int, str], str]], operons: list[tuple[int, int, str]]
) -> None:
    length = 30
    rows = [(a, min(a + n, length), s, kind) for (a, n, s), kind in marked]
    spans = [(a, min(a + n, length), s) for a, n, s in operons]
    masks = region_masks(
        pd.DataFrame(rows, columns=["start", "end", "strand", "type"]),
        pd.DataFrame(spans, columns=["start", "end", "strand"]),
        length,
    )
    for p in range(length):
        inside = [(s, kind) for a, b, s, kind in rows if a <= p < b]
        coding = any(kind == "CDS" for _, kind in inside)
        assert masks["coding_either"][p] == coding
        assert masks["noncoding_both"][p] == (not coding)
        for row, strand in enumerate("+-"):
            operon = any(a <= p < b and s == strand for a, b, s in spans)
            assert masks["operon_gap"][row, p] == (operon and not inside)
            assert masks["pseudogene"][row, p] == ((strand, "pseudogene") in inside)


def test_reading_frames_are_counted_from_each_start_along_its_strand() -> None:
    coding = pd.DataFrame(
        {
            "start": [10, 30, 50, 97],
            "end": [19, 36, 60, 103],
            "strand": ["+", "-", "+", "+"],
            "type": ["CDS", "CDS", "CDS", "CDS"],
            "pseudo": [False, False, True, False],
        }
    )
    found = regions.reading_frames(coding, 100)
    assert found[0, 10:19].tolist() == [0, 1, 2] * 3
    assert found[1, 30:36].tolist() == [2, 1, 0, 2, 1, 0], "the first letter is the rightmost"
    assert (found[:, 50:60] == -1).all(), "a pseudogene has no frame"
    assert found[0, [97, 98, 99, 0, 1, 2]].tolist() == [0, 1, 2] * 2, "round the origin"
    assert (found >= 0).sum() == 9 + 6 + 6
