"""Matching, units, votes and counts of the curation, against brute force and by hand."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_sites import LENGTH, frame, lengths, line, merging, signed, site_rows, some, windows

from genoattn import paper
from genoattn.data import agreement, curation
from genoattn.data.curation import OUTVOTED, RULES, SOURCES, Merging


def picture(curated):
    """Curated positions with their members and votes, in short."""
    short = dict(zip(SOURCES, "RCMS", strict=True))
    return " ".join(
        f"{row.position}:{''.join(short[m] for m in row.members.split('+'))}{row.votes}"
        for row in curated.itertuples()
    )


# ---- pairs ---------------------------------------------------------------------------------


@some
@given(site_rows, windows, lengths)
def test_neighbours_are_all_near_pairs(rows, window, length):
    sites = frame(rows)
    found = curation.neighbours(sites, merging(window, length=length))
    expected = {}
    for i, j in combinations(range(len(rows)), 2):
        d = signed(rows[i][0], rows[j][0], length)
        if rows[i][1] == rows[j][1] and abs(d) <= window:
            expected[frozenset((i, j))] = (i, j, d)
    assert len(found) == len(expected)
    for a, b, d in found.itertuples(index=False):
        i, j, shift = expected[frozenset((a, b))]
        assert (d >= 0) and d == (shift if (a, b) == (i, j) else -shift)


# ---- units ---------------------------------------------------------------------------------


@some
@given(site_rows, windows, lengths, st.sampled_from(list(RULES)), st.sampled_from(list(OUTVOTED)))
def test_units_obey_their_rule(rows, window, length, rule, outvoted):
    sites = frame(rows)
    unit = curation.cluster(sites, merging(window, rule, outvoted, length))
    assert unit.shape == (len(rows),)
    assert sorted(set(unit)) == list(range(len(set(unit))))  # numbered without gaps
    groups = [[rows[k] for k in np.flatnonzero(unit == u)] for u in set(unit)]
    for members in groups:
        assert len({strand for _, strand, _ in members}) == 1
        spans = [abs(signed(a[0], b[0], length)) for a, b in combinations(members, 2)]
        if rule in ("agreed", "one-to-one", "complete-link"):
            assert all(d <= window for d in spans)
        if rule == "star":
            assert all(d <= 2 * window for d in spans)
        if rule in ("agreed", "one-to-one"):
            assert len({source for _, _, source in members}) == len(members)


@some
@given(site_rows, windows, lengths)
def test_single_link_is_connected_components(rows, window, length):
    label = list(range(len(rows)))
    for _ in rows:  # spread the smallest label until nothing changes
        for i, j in product(range(len(rows)), repeat=2):
            a, b = rows[i], rows[j]
            if a[1] == b[1] and abs(signed(a[0], b[0], length)) <= window:
                label[i] = label[j] = min(label[i], label[j])
    unit = curation.cluster(frame(rows), merging(window, "single-link", "merged", length))
    assert {frozenset(np.flatnonzero(unit == u)) for u in set(unit)} == {
        frozenset(np.flatnonzero(np.array(label) == u)) for u in set(label)
    }


@some
@given(site_rows, windows, lengths, st.booleans())
def test_joining_misses_no_pair(rows, window, length, apart):
    """Two units that the rule would allow to be one are never left apart."""
    rule = "agreed" if apart else "one-to-one"
    unit = curation.cluster(frame(rows), merging(window, rule, "merged", length))
    groups = [[rows[k] for k in np.flatnonzero(unit == u)] for u in sorted(set(unit))]

    def agreed(members):
        return len({p for p, _, _ in members}) < len(members)

    for a, b in combinations(groups, 2):
        both = a + b
        one_each = len({source for _, _, source in both}) == len(both)
        near = len({strand for _, strand, _ in both}) == 1 and all(
            abs(signed(x[0], y[0], length)) <= window for x, y in combinations(both, 2)
        )
        assert not (one_each and near and not (apart and agreed(a) and agreed(b)))


@some
@given(site_rows, windows, lengths, st.sampled_from(list(RULES)), st.sampled_from(list(OUTVOTED)))
def test_order_of_rows_does_not_matter(rows, window, length, rule, outvoted):
    sites = frame(rows)
    mixed = sites.sample(frac=1.0, random_state=1)
    chosen = merging(window, rule, outvoted, length)
    pd.testing.assert_frame_equal(curation.curate(sites, chosen), curation.curate(mixed, chosen))


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        # Two exact agreements three apart: two TSSs when agreed positions stay apart.
        ("10:RC 13:MS", {"agreed": 2, "one-to-one": 1, "complete-link": 1, "single-link": 1}),
        # A chain longer than the window.
        ("10:R 14:C 18:S", {"agreed": 2, "one-to-one": 2, "complete-link": 2, "single-link": 1}),
        # Two sites of one source near one of another.
        ("10:R 12:S 13:R", {"agreed": 2, "one-to-one": 2, "complete-link": 1, "single-link": 1}),
        # SEnd-seq reaches five to both sides; its partners are ten apart.
        ("10:R 15:S 20:C", {"agreed": 2, "one-to-one": 2, "star": 1, "single-link": 1}),
        # One more nucleotide is too far under every rule.
        ("10:RC 16:MS", dict.fromkeys(RULES, 2)),
    ],
)
def test_readings_of_small_cases(sites, expected):
    for rule, n in expected.items():
        unit = curation.cluster(line(sites), merging(5, rule, "merged"))
        assert len(set(unit)) == n, rule


# ---- the vote and the curated set ----------------------------------------------------------


@pytest.mark.parametrize("strand", ["+", "-"])
@pytest.mark.parametrize(
    ("sites", "outvoted", "expected"),
    [
        ("10:RC", "kept", "10:RC2"),
        ("10:R", "kept", ""),  # one source is not enough
        ("10:S", "kept", "10:S1"),  # unless it is SEnd-seq
        ("10:R 13:C", "kept", "13:RC1"),  # a tie goes to the newer technique
        ("10:C 13:M", "kept", "13:CM1"),
        ("10:M 13:S", "kept", "13:MS1"),
        ("10:RC 12:M", "kept", "10:RCM2"),  # the majority against the newest
        ("10:RC 12:S", "merged", "10:RCS2"),
        ("10:RC 12:S", "kept", "10:RC2 12:S1"),  # every SEnd-seq site stays
        ("10:RCM 12:S", "kept", "10:RCM3 12:S1"),
        ("10:R 12:CS", "kept", "12:RCS2"),
        ("10:RC 12:MS", "kept", "10:RC2 12:MS2"),
        ("10:R 40:C", "kept", ""),
    ],
)
def test_votes_by_hand(sites, outvoted, expected, strand):
    curated = curation.curate(line(sites, strand), merging(outvoted=outvoted))
    assert picture(curated) == expected
    assert (curated["source"] == "curated").all()
    assert curated["kind"].tolist() == [
        "shared" if n > 1 else "sendseq-only" for n in curated["n_sources"]
    ]


def test_upstream_breaks_a_tie_of_one_technique():
    for strand, position in (("+", 10), ("-", 14)):
        curated = curation.curate(
            line("10:C 12:R 14:C", strand), merging(5, "complete-link", "merged")
        )
        assert curated["position"].tolist() == [position]
    across = curation.curate(line("58:C 0:R 2:C"), merging(5, "complete-link", "merged", LENGTH))
    assert across["position"].tolist() == [58]


@some
@given(site_rows, windows, lengths, st.sampled_from(list(RULES)), st.sampled_from(list(OUTVOTED)))
def test_curated_set_follows_from_units_and_votes(rows, window, length, rule, outvoted):
    sites = frame(rows)
    unit = curation.cluster(sites, merging(window, rule, outvoted, length))
    novelty = {name: k for k, name in enumerate(SOURCES)}
    expected = {}
    for u in set(unit):
        members = [rows[k] for k in np.flatnonzero(unit == u)]
        sources = {source for _, _, source in members}
        if len(sources) < 2 and sources != {"sendseq"}:
            continue
        votes = Counter(p for p, _, _ in members)
        newest = {p: max(novelty[s] for q, _, s in members if q == p) for p in votes}
        best = max((votes[p], newest[p]) for p in votes)
        finalists = {p for p in votes if (votes[p], newest[p]) == best}
        expected[u] = (members[0][1], finalists, len(sources), best[0])
    curated = curation.curate(sites, merging(window, rule, outvoted, length))
    assert len(curated) == len(expected)
    assert not curated.duplicated(["position", "strand"]).any()
    left = list(expected.values())
    for row in curated.itertuples():
        match = next(
            e
            for e in left
            if e[0] == row.strand and row.position in e[1] and e[2:] == (row.n_sources, row.votes)
        )
        left.remove(match)
    assert not left
    if outvoted == "kept":
        own = {(p, s) for p, s, source in rows if source == "sendseq"}
        assert own <= set(zip(curated["position"], curated["strand"], strict=True))
    ordered = curated.sort_values(["position", "strand"], ignore_index=True)
    pd.testing.assert_frame_equal(curated, ordered)


# ---- counts --------------------------------------------------------------------------------


@some
@given(site_rows, windows, st.sampled_from(list(RULES)), st.sampled_from(list(OUTVOTED)))
def test_counts_agree_with_each_other(rows, window, rule, outvoted):
    sites = frame(rows)
    venn = agreement.regions(sites, merging(window, rule, outvoted))
    unit = curation.cluster(sites, merging(window, rule, outvoted))
    curated = curation.curate(sites, merging(window, rule, outvoted))
    assert len(venn) == 15
    assert venn["n"].sum() == len(set(unit))
    n_members = venn["members"].str.count(r"\+") + 1
    assert venn.loc[n_members >= 2, "n"].sum() == (curated["kind"] == "shared").sum()
    only = venn.set_index("members").loc["sendseq", "n"]
    assert only == (curated["kind"] == "sendseq-only").sum()
    table = agreement.table_one(sites, merging(window, rule, outvoted)).set_index("source")
    for source in SOURCES:
        has = venn["members"].str.split("+").map(lambda m, source=source: source in m)
        assert table.loc[source, "n_shared"] == venn.loc[has & (n_members >= 2), "n"].sum()
    # Table 1 counts a unit once for each of its sources, as the paper's does (next test).
    at_least = [venn.loc[n_members >= k, "n"].sum() for k in (2, 3, 4)]
    assert table["n_shared"].sum() == 2 * at_least[0] + at_least[1] + at_least[2]


def test_paper_counts_each_tss_once_a_source():
    """The evidence for a one-to-one reading: the paper's own numbers add up only so."""
    assert sum(row["n_shared"] for row in paper.TABLE_ONE.values()) == (
        2 * paper.SHARED_BY[2] + paper.SHARED_BY[3] + paper.SHARED_BY[4]
    )
    sendseq = paper.TABLE_ONE["sendseq"]
    assert sendseq["n_sites"] - sendseq["n_shared"] == paper.CURATED["sendseq_only"]
    assert paper.CURATED["n"] == paper.CURATED["shared"] + paper.CURATED["sendseq_only"]
    for row in paper.TABLE_ONE.values():
        percent = 100 * row["n_shared"] / row["n_sites"]
        assert percent == pytest.approx(row["percent_shared"], abs=0.01)


# ---- files and bad input -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="strand"), "column 'strand' is missing"),
        (lambda f: f.assign(source="cage"), "source 'cage' is not among those to merge"),
        (lambda f: f.assign(strand="forward"), "neither"),
        (lambda f: pd.concat([f, f]), "twice"),
        (lambda f: f.assign(position=[0, LENGTH]), f"outside 0..{LENGTH - 1}"),
    ],
)
def test_bad_sites_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        curation.neighbours(change(line("10:RS")), merging(length=LENGTH))


def test_bad_choices_are_named():
    for window in (-1, 2.5, "5", True):
        with pytest.raises(ValueError, match="window"):
            merging(window)
    with pytest.raises(ValueError, match="rule: 'nearest' is not known"):
        merging(rule="nearest")
    with pytest.raises(ValueError, match="outvoted: 'gone' is not known"):
        merging(outvoted="gone")
    with pytest.raises(ValueError, match="too short"):
        merging(50, length=LENGTH)
    with pytest.raises(ValueError, match="trusted: 'cage' is not among the sources a, b"):
        Merging(("a", "b"), "cage")
    with pytest.raises(ValueError, match="names a source twice"):
        Merging(("a", "a"), "a")
    for sources in ((), tuple("abcdefghi")):
        with pytest.raises(ValueError, match=rf"sources: {len(sources)} .* one to 8 can be merged"):
            Merging(sources, None)


# ---- sources of other names ----------------------------------------------------------------


def test_sources_stand_by_novelty_or_as_the_tables_name_them():
    assert curation.ordered(SOURCES[::-1]) == SOURCES
    assert curation.ordered(("cappable", "sendseq")) == ("cappable", "sendseq")
    assert curation.ordered(("cappable", "mine")) == ("mine", "cappable")  # the first is newest
    assert curation.ordered(("a", "b", "c"), ["b", "c", "a"]) == ("a", "c", "b")
    for novelty, message in (
        (["a"], "leaves out 'b'"),
        (["a", "b", "c"], "names, but the tables do not, 'c'"),
        (["a", "b", "a"], "names twice 'a'"),
    ):
        with pytest.raises(ValueError, match=f"novelty: {message}; name each of a, b once"):
            curation.ordered(("a", "b"), novelty)


@some
@given(site_rows, windows, lengths, st.sampled_from(list(RULES)), st.sampled_from(list(OUTVOTED)))
def test_names_mean_nothing_but_their_order(rows, window, length, rule, outvoted):
    sites = frame(rows)
    renamed = {"regulondb": "TEX+", "cappable": "a|b", "smrt": "$x$", "sendseq": "regulondb"}
    other = Merging(tuple(renamed.values()), "regulondb", window, rule, outvoted, length)
    one = curation.curate(sites, merging(window, rule, outvoted, length))
    two = curation.curate(sites.assign(source=sites["source"].map(renamed)), other)
    same = ["position", "strand", "n_sources", "votes"]
    pd.testing.assert_frame_equal(one[same], two[same])


def test_without_a_trusted_source_only_shared_sites_are_taken():
    sites = line("10:RC 12:S 40:RC 50:S")
    nobody = Merging(trusted=None)
    assert picture(curation.curate(sites, nobody)) == "10:RCS2 40:RC2"
    counts = agreement.interpretations(sites, nobody)
    assert "sendseq_only" not in counts and set(counts["curated"]) == {2}
    assert nobody.fate("kept") == nobody.fate("merged")
