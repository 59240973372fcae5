from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from toy_sites import LENGTH, frame, lengths, line, merging, signed, site_rows, some, windows

from genoattn.data import agreement, curation
from genoattn.data.curation import OUTVOTED, RULES, SOURCES, Merging
from genoattn.study.inputs import load_inputs


@some
@given(site_rows, windows, lengths)
def test_shared_and_pair_shares_count_as_brute_force_does(rows, window, length):
    sites = frame(rows)

    def near(a, b):
        return a[1] == b[1] and abs(signed(a[0], b[0], length)) <= window

    strict = agreement.shared(sites, merging(window, length=length)).set_index("source")
    for source in SOURCES:
        own = [a for a in rows if a[2] == source]
        assert strict.loc[source, "n_sites"] == len(own)
        assert strict.loc[source, "n_shared"] == sum(
            any(near(a, b) for b in rows if b[2] != source) for a in own
        )
    pairs = agreement.pair_shares(sites, merging(window, length=length))
    assert len(pairs) == 12
    for row in pairs.itertuples():
        own = [a for a in rows if a[2] == row.source]
        other = [b for b in rows if b[2] == row.other]
        assert row.n_shared == sum(any(near(a, b) for b in other) for a in own)
        assert row.n_pairs == sum(near(a, b) for a, b in product(own, other))
        assert row.n_exact == sum(a[:2] == b[:2] for a, b in product(own, other))
        if row.n_pairs:
            assert row.exact_percent == pytest.approx(100 * row.n_exact / row.n_pairs)
        else:
            assert np.isnan(row.exact_percent)


@some
@given(site_rows, windows, lengths)
def test_shifts_are_five_prime_to_three_prime(rows, window, length):
    sites = frame(rows)
    expected = Counter()
    for a, b in product(rows, rows):
        if a != b and a[1] == b[1]:
            d = signed(a[0], b[0], length) * (1 if a[1] == "+" else -1)
            if abs(d) <= window:
                expected[a[2], b[2], d] += 1
    shifts = agreement.shift_distribution(sites, merging(window, length=length))
    assert len(shifts) == 16 * (2 * window + 1)
    found = {(c, o, s): n for c, o, s, n in shifts.drop(columns="share").itertuples(index=False)}
    assert {key: n for key, n in found.items() if n} == dict(expected)
    totals = shifts.groupby(["centre", "other"])["share"].sum(min_count=1).dropna()
    assert np.allclose(totals, 1.0)


def test_shift_is_downstream_positive_on_both_strands():
    forward = agreement.shift_distribution(line("10:R 13:S", "+"))
    reverse = agreement.shift_distribution(line("13:R 10:S", "-"))
    for shifts in (forward, reverse):
        some = shifts[shifts["n"] > 0].set_index(["centre", "other"])["shift"]
        assert some.to_dict() == {("regulondb", "sendseq"): 3, ("sendseq", "regulondb"): -3}


def test_interpretations_and_sensitivity_have_a_row_for_each_choice():
    sites = line("10:RC 13:MS 30:RCMS 50:S 52:RC")
    readings = agreement.interpretations(sites)
    assert len(readings) == len(RULES) * len(OUTVOTED)
    one = readings.set_index(["rule", "outvoted"])
    assert one.loc[("agreed", "kept"), "curated"] == 5
    assert one.loc[("agreed", "merged"), "curated"] == 4
    assert one.loc[("single-link", "merged"), "curated"] == 3
    assert set(agreement.PRINTED) == set(one.columns)
    windows = agreement.window_sensitivity(sites, windows=(1, 5))
    assert windows["window"].tolist() == [1, 5]
    assert windows["shared_by_4"].tolist() == [1, 1]
    assert windows["sendseq_only"].tolist() == [1, 1]


def test_recovery_by_hand():
    truth = line("10:R 20:R 30:R")
    sites = line("10:S 22:S 23:S 50:S")
    table = agreement.recovery(sites, truth, (0, 2, 3)).set_index("tolerance")
    assert table["n_correct"].tolist() == [1, 2, 3]
    assert table["n_found"].tolist() == [1, 2, 2]
    assert table["precision"].tolist() == [0.25, 0.5, 0.75]
    assert table["recall"].tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3])


def test_no_sites_at_all():
    nothing = frame([])
    assert len(curation.curate(nothing)) == 0
    assert agreement.regions(nothing)["n"].sum() == 0
    assert agreement.table_one(nothing)["percent_shared"].isna().all()


@pytest.mark.parametrize("length", [None, LENGTH])
def test_all_sites_of_a_single_source_are_the_curated_set(length):
    rows = [(3, "+", "mine"), (4, "+", "mine"), (4, "-", "mine"), (59, "+", "mine")]
    alone = Merging(("mine",), "mine", length=length)
    curated = curation.curate(frame(rows), alone)
    assert curated[["position", "strand"]].to_numpy().tolist() == sorted([p, s] for p, s, _ in rows)
    assert set(curated["kind"]) == {"mine-only"} and set(curated["members"]) == {"mine"}
    assert agreement.regions(frame(rows), alone).to_numpy().tolist() == [["mine", 4]]
    assert agreement.pair_shares(frame(rows), alone).empty
    counts = agreement.interpretations(frame(rows), alone)
    assert counts.columns.tolist() == ["rule", "outvoted", "mine_shared", "mine_only", "curated"]
    assert set(counts.loc[counts["outvoted"] == "kept", "curated"]) == {4}


def test_eight_sources_have_all_their_regions():
    names = tuple("abcdefgh")
    sites = frame([(10, "+", name) for name in names] + [(30, "+", name) for name in "ac"])
    eight = Merging(names, "h")
    regions = agreement.regions(sites, eight)
    assert len(regions) == 255
    assert dict(regions[regions["n"] > 0].to_numpy()) == {"a+c": 1, "a+b+c+d+e+f+g+h": 1}
    assert agreement.groups("abc") == [
        ("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c")
    ]  # fmt: skip
    assert curation.curate(sites, eight)["votes"].tolist() == [8, 2]


def test_interpretations_are_judged_by_a_reference():
    sites = line("10:RC 13:MS 40:S")
    truth = frame([(10, "+", "true"), (13, "+", "true")])
    trials = agreement.recovered_by(sites, Merging(), truth).set_index(["rule", "outvoted"])
    assert len(trials) == len(RULES) * len(OUTVOTED)
    assert trials.loc[("agreed", "kept"), "recall"] == 1
    assert trials.loc[("single-link", "merged"), "recall"] == 0.5


# ---- the published tables ------------------------------------------------------------------


@pytest.fixture(scope="module")
def ecoli(data_dir):
    """Sites of the four published tables and the length of the circular genome."""
    study = load_inputs("ecoli", data_dir)
    return study.sites, study.genome.length


def test_published_sites_are_shared_as_in_the_paper(ecoli):
    sites, length = ecoli
    strict = agreement.shared(sites, merging(length=length))
    assert strict["n_sites"].tolist() == [6485, 16359, 2569, 5502]
    assert strict["n_shared"].tolist() == [2920, 4694, 2369, 4188]
    pairs = agreement.pair_shares(sites, merging(length=length))
    assert (pairs["exact_percent"] - pairs["paper_exact_percent"]).abs().max() < 0.5


def test_published_sites_make_the_papers_curated_set(ecoli):
    sites, length = ecoli
    readings = agreement.interpretations(sites, merging(length=length)).set_index(
        ["rule", "outvoted"]
    )
    off = readings.div(pd.Series(agreement.PRINTED)).sub(1).abs()
    assert off.mean(axis=1).idxmin() == ("agreed", "kept")
    assert off.loc[("agreed", "kept")].max() < 0.04
    assert readings.loc[("agreed", "kept"), "curated"] == 6577
    assert (off["curated"] < 0.05).all()
    # Chains of sites, and all of SEnd-seq: the paper's SEnd-seq numbers to the unit.
    chains = readings.loc[("single-link", "kept")]
    assert (chains["sendseq_shared"], chains["sendseq_only"]) == (4026, 1476)
    assert readings.loc[("single-link", "merged"), "shared_by_2"] == 4977
    curated = curation.curate(sites, merging(length=length))
    assert len(curated) == 6577
    assert curated["kind"].value_counts().to_dict() == {"shared": 5116, "sendseq-only": 1461}
