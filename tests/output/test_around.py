"""Profiles: windows, medians and bands, by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from genoattn.genome.sequence import Genome, encode
from genoattn.output import around as surroundings


def frame(*rows: tuple[int, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["position", "strand"])


def test_only_sites_with_their_whole_window_in_the_part() -> None:
    inside = np.zeros(100, bool)
    inside[:20] = True
    inside[90:] = True
    sites = frame((0, "+"), (17, "-"), (18, "+"), (92, "+"), (91, "-"), (50, "+"))
    kept = surroundings.whole_window_inside(sites, inside, 2)
    assert kept["position"].tolist() == [0, 17, 92]
    kept = surroundings.whole_window_inside(sites, np.ones(100, bool), 2, circular=False)
    assert kept["position"].tolist() == [17, 18, 92, 91, 50]


def test_median_profiles_and_their_peaks() -> None:
    track = np.full((2, 100), 0.01, np.float32)
    for position, strand in ((30, "+"), (60, "-")):
        track["+-".index(strand), position] = 0.5
        step = 1 if strand == "+" else -1
        track[1 - "+-".index(strand), position - 3 * step] = 0.2
    classes = {"sites": frame((30, "+"), (60, "-")), "none": frame()}
    table = surroundings.median_profiles(track, classes, flank=5, level=0.95)
    assert set(table["site_class"]) == {"sites"} and (table["n"] == 2).all()
    found = surroundings.peaks(table, baseline=0.01).set_index("strand")
    assert found["peak_offset"].to_dict() == {"sense": 0, "antisense": -3}
    assert found.loc["sense", "peak_ratio"] == pytest.approx(50)
    with pytest.raises(ValueError, match="no class"):
        surroundings.median_profiles(track, {"none": frame()}, flank=5, level=0.95)


# ---------------------------------------------------------------------------- classes of sites

FEATURES = pd.DataFrame(
    {
        "start": [20, 60, 5],
        "end": [30, 70, 8],
        "strand": ["+", "-", "+"],
        "type": ["pseudogene", "pseudogene", "CDS"],
    }
)


def test_tss_of_pseudogenes_upstream_or_within_on_their_strand() -> None:
    sites = frame(
        *[(p, "+") for p in (14, 15, 20, 29, 30)], (25, "-"), *[(p, "-") for p in (59, 60, 74, 75)]
    )
    got = surroundings.pseudogene_tss(sites, FEATURES, upstream=5, length=100)
    assert list(got.itertuples(index=False, name=None)) == [
        (15, "+"), (20, "+"), (29, "+"), (60, "-"), (74, "-")
    ]  # fmt: skip
    wrapped = surroundings.pseudogene_tss(frame((98, "+")), FEATURES, upstream=25, length=100)
    assert len(wrapped) == 1


def test_classes_of_sites() -> None:
    terminators = pd.DataFrame(
        {
            "position": [40, 40, 45, 30, 31, 32, 33],
            "strand": ["+"] * 7,
            "source": ["smrt", "smrt", "sendseq"] + ["regulondb"] * 4,
            "kind": ["unspecified"] * 3
            + ["rho-independent", "intrinsic", "rho-dependent", "another"],
        }
    )
    inside = np.zeros(100, bool)
    inside[:65] = True
    classes = surroundings.site_classes(
        frame((20, "+"), (50, "-"), (90, "+")),
        terminators,
        FEATURES,
        inside,
        upstream=5,
        flank=3,
        circular=True,
    )
    assert {name: len(sites) for name, sites in classes.items()} == {
        "TSSs": 2,
        "TSSs of pseudogenes": 1,
        "starts of pseudogenes": 1,
        "terminators (sendseq)": 1,
        "terminators (smrt)": 1,
        "intrinsic terminators (regulondb)": 2,
        "rho-dependent terminators (regulondb)": 1,
    }


def test_levels_give_each_site_one_vote() -> None:
    track = np.full((2, 300), 1.0, np.float32)
    for place, value in ((50, 3.0), (150, 5.0), (250, 4.0)):
        track[0, place - 10 : place + 11] = value
        track[0, place] = 90.0  # a peak does not move the level
    classes = {"sites": frame((50, "+"), (150, "+"), (250, "+")), "none": frame()}
    levels = surroundings.window_levels(track, classes, flank=10, level=0.5)
    assert np.isnan(surroundings.window_levels(track, classes, flank=10, level=0.9)["ci_low"][0])
    assert levels["median"].tolist() == [4.0, 1.0] and levels["n"].tolist() == [3, 3]
    assert levels["ci_low"][0] >= 3.0 and levels["ci_high"][0] <= 5.0


def test_classes_are_named_as_readers_know_them() -> None:
    assert surroundings.class_name("terminators (sendseq)") == "terminators (SEnd-seq)"
    assert surroundings.class_name("TSSs") == "TSSs"


def test_output_around_sites_by_hand():
    ring = Genome("ring", encode("ACGTACGT"))
    line = Genome("line", encode("ACGTA"), circular=False)
    tracks = {
        "ring": np.array([np.arange(8), np.arange(8) + 100], float),
        "line": np.array([np.arange(5) + 200, np.arange(5) + 300], float),
    }
    sites = pd.DataFrame(
        {"contig": ["ring", "ring", "line"], "position": [0, 7, 4], "strand": ["+", "-", "+"]}
    )
    around = surroundings.around_sites(tracks, sites, [ring, line], 1)
    np.testing.assert_array_equal(around.sense, [[7, 0, 1], [100, 107, 106], [203, 204, np.nan]])
    found = surroundings.mean_and_median(around)
    table = found.set_index(["strand_relation", "offset"])
    sense = {-1: (7, 100, 203), 0: (0, 107, 204), 1: (1, 106)}
    antisense = {-1: (107, 0, 303), 0: (100, 7, 304), 1: (101, 6)}
    for relation, wanted in (("sense", sense), ("antisense", antisense)):
        for offset, values in wanted.items():
            row = table.loc[relation, offset]
            assert row["mean"] == pytest.approx(np.mean(values))
            assert row["median"] == pytest.approx(np.median(values))
            assert row["n"] == len(values)
    with pytest.raises(ValueError, match="no site"):
        surroundings.around_sites(tracks, sites.iloc[:0], [ring, line], 1)


def test_before_over_after_is_a_ratio_of_means_and_its_interval_covers_it():
    windows = np.array([[4.0, 9.0, 1.0], [2.0, 0.0, np.nan], [6.0, 1.0, 3.0]])
    value, low, high = surroundings.before_over_after(windows, n_bootstrap=500, level=0.9, seed=0)
    assert value == pytest.approx((12 / 3) / (4 / 2))
    assert low < value < high
    one = surroundings.before_over_after(windows[:1], n_bootstrap=50, level=0.9, seed=0)
    np.testing.assert_array_equal(one, [4, np.nan, np.nan])
    same = np.tile([2.0, 2.0, 5.0, 1.0, 1.0], (1_000, 1))
    assert surroundings.before_over_after(same, n_bootstrap=50, level=0.9, seed=0) == (2, 2, 2)


def test_starts_of_genes_or_else_of_coding_sequences():
    columns = ["contig", "start", "end", "strand", "type"]
    rows = [("a", 3, 9, "+", "gene"), ("a", 3, 9, "-", "pseudogene"), ("b", 1, 5, "+", "CDS")]
    genomes = [Genome("a", encode("A" * 8)), Genome("b", encode("A" * 9))]
    starts = surroundings.starts_of(pd.DataFrame(rows, columns=columns), genomes)
    assert starts.to_numpy().tolist() == [["a", 3, "+"], ["a", 0, "-"]], "it crosses the origin"
    starts = surroundings.starts_of(pd.DataFrame(rows[2:], columns=columns), genomes)
    assert starts.to_numpy().tolist() == [["b", 1, "+"]]
    with pytest.raises(ValueError, match="neither a gene nor a CDS, only: exon"):
        surroundings.starts_of(pd.DataFrame([("b", 1, 5, "+", "exon")], columns=columns), [])
