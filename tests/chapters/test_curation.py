"""The chapter on curation: one to eight sources of any name, and wording at its limits."""

from __future__ import annotations

from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest

from genoattn.book import build
from genoattn.chapters import curation as chapter
from genoattn.chapters import curation_words as words
from genoattn.data import agreement, curation
from genoattn.data.curation import Merging
from genoattn.study import parameters
from genoattn.study.run import Run

ROOT = Path(__file__).parents[2]
NAMES = ("my_assay", "TEX+", "regulondb", "a|b", "$x$", "дРНК", "CAGE", "b")


def own_files(folder: Path, n: int, length: int = 1500) -> dict[str, str]:
    """Write a genome and one table of n sources around common places; returns the parameters."""
    rng = np.random.default_rng(n)
    (folder / "my_genome.fa").write_text(">mine\n" + "".join(rng.choice(list("ACGT"), length)))
    places = np.arange(20, length - 20, 30)
    rows = [
        f"{place + rng.choice([-1, 0, 0, 2])}\t{'+-'[place % 2]}\t{name}"
        for name in NAMES[:n]
        for place in places[rng.random(len(places)) < 0.7]
    ]
    (folder / "my_assay.tsv").write_text(
        "\n".join(["position_1based\tstrand\tsource", *dict.fromkeys(rows)])
    )
    return {
        "source": "files",
        "fasta": str(folder / "my_genome.fa"),
        "tables": [str(folder / "my_assay.tsv")],
        "run_dir": str(folder / "run"),
        "results_dir": str(folder / "results"),
    }


def checked(**given):
    """Parameters of the chapter as its second cell gets them."""
    defaults = {name: one.default for name, one in chapter.PARAMETERS.items()}
    return parameters.check(chapter.PARAMETERS, {**defaults, **given})


def all_steps(p):
    """Every step of the chapter in the notebook's order, by name."""
    run = Run.of(p)
    given = chapter.tables(run, p)
    found = {"tables": given, "provenance": chapter.provenance(given, p)}
    found["audit"] = chapter.audited(given, p)
    found["shared"] = chapter.shared(given)
    found["agreement"] = chapter.agreement(given)
    found["curated"] = chapter.curated(run, given)
    found["interpreted"] = chapter.interpreted(given)
    found["windows"] = chapter.windows(given)
    found["compared"] = chapter.compared(given, found["curated"], p)
    found["short"] = chapter.in_short(
        given, found["curated"], found["agreement"], found["interpreted"], found["compared"]
    )
    kept = ("audit", "shared", "agreement", "curated", "interpreted", "windows", "compared")
    found["written"] = run.write(p, *(found[name] for name in kept))
    return found


def said(found) -> str:
    return "\n".join(step.finding.said for step in found.values())


# ---- sources of one's own ------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_any_number_of_own_sources_goes_through(tmp_path, n):
    p = checked(**own_files(tmp_path, n))
    found = all_steps(p)
    given, curated = found["tables"], found["curated"].sites
    assert given.merging.sources == NAMES[:n][::-1], "the first that the table names is the newest"
    assert given.merging.trusted == NAMES[0]
    names = {path.stem for path in (tmp_path / "results").iterdir()}
    assert names == {
        "curated", "curation_audit", "curation_exact", "curation_readings", "curation_regions",
        "curation_sets", "curation_shifts", "curation_windows",
    }  # fmt: skip
    assert len(pd.read_csv(tmp_path / "results/curation_regions.csv")) == 2**n - 1
    assert len(pd.read_csv(tmp_path / "results/curation_exact.csv")) == n * (n - 1)
    trusted = given.sites[given.sites["source"] == NAMES[0]]
    taken = set(zip(curated["position"], curated["strand"], strict=True))
    assert set(zip(trusted["position"], trusted["strand"], strict=True)) <= taken
    run = Run.of(p)
    assert run.study.sources == NAMES[:n], "the order of the tables lives on in the run"
    pd.testing.assert_frame_equal(run.curated, curated)
    assert "nan" not in said(found) and "paper)" not in said(found)


def test_one_source_is_the_curated_set_and_nothing_is_compared(tmp_path):
    found = all_steps(checked(**own_files(tmp_path, 1)))
    sites, curated = found["tables"].sites, found["curated"].sites
    assert curated[["position", "strand"]].equals(sites[["position", "strand"]])
    for name, text in (
        ("tables", "its sites are the curated set"),
        ("shared", "there is nothing to compare"),
        ("agreement", "no two whose positions could be compared"),
        ("curated", "those of the only source"),
        ("interpreted", "nothing to interpret"),
        ("windows", "the window changes nothing"),
        ("compared", "There is no reference for your tables"),
        ("short", "is the only source"),
    ):
        assert text in found[name].finding.said, name
        assert len(found[name].finding.said.split(". ")) <= 3, name


def test_novelty_and_trust_can_be_given(tmp_path):
    own = own_files(tmp_path, 2)
    found = all_steps(checked(**own, novelty=["TEX+", "my_assay"]))
    assert found["tables"].merging.sources == ("my_assay", "TEX+")
    assert "TEX+ is the source whose sites are all used" in found["tables"].finding.said
    found = all_steps(checked(**own, trusted=""))
    assert "sites are all used" not in found["tables"].finding.said
    assert set(found["curated"].sites["kind"]) == {"shared"}
    with pytest.raises(ValueError, match="trusted: 'smrt' is not among the sources TEX"):
        all_steps(checked(**own, trusted="smrt"))
    with pytest.raises(ValueError, match="novelty: leaves out 'TEX"):
        all_steps(checked(**own, novelty=["my_assay"]))


def test_an_empty_curated_set_is_an_error_that_says_what_to_do(tmp_path):
    p = checked(**own_files(tmp_path, 1), trusted="")
    with pytest.raises(ValueError, match=r"the curated set is empty: .* in trusted"):
        all_steps(p)
    assert not (tmp_path / "run/curation").exists()


def test_more_than_eight_sources_stop_before_anything_is_written(tmp_path):
    own = own_files(tmp_path, 8)
    with Path(own["tables"][0]).open("a") as file:
        file.write("\n5\t+\tninth")
    with pytest.raises(ValueError, match=r"sources: 9 .*ninth.* one to 8 can be merged"):
        all_steps(checked(**own))
    assert not (tmp_path / "run/inputs").exists()


def test_the_notebook_runs_on_the_profile_for_own_files(tmp_path):
    own = build.profile(ROOT / "notebooks/profiles/files.yaml")["curation"]
    own_files(tmp_path, 1)
    papermill.execute_notebook(
        ROOT / "notebooks/01_curation.ipynb",
        tmp_path / "out.ipynb",
        parameters=own,
        kernel_name="python3",
        cwd=tmp_path,
        progress_bar=False,
    )
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    pictures = [one for one in outputs if "image/png" in one.get("data", {})]
    assert len(pictures) == 1, "the audit, as there is nothing to compare"
    assert (tmp_path / "runs/files/curation/curated.tsv").is_file()


# ---- the simulation ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    return all_steps(
        checked(genome_length=20_000, run_dir=str(folder), results_dir=str(folder / "results"))
    )


def test_the_simulation_is_compared_with_its_planted_truth(simulated):
    text = simulated["compared"].finding.said
    assert "The reference is the planted truth, all 80 TSSs" in text
    assert "| curated set |" in text and "The sources by themselves lie between" in text
    assert "paper" not in text
    assert "the planted truth confirms" in simulated["short"].said
    assert simulated["tables"].merging == Merging(length=20_000)
    kinds = set(simulated["curated"].sites["kind"])
    assert kinds == {"shared", "sendseq-only"}


def test_the_results_say_how_the_set_was_made(simulated):
    summary = simulated["curated"].finding.results["curated"]
    assert summary["n"] == len(simulated["curated"].sites)
    assert summary["rule"].startswith("agreed, kept, window 5 nt: closest pairs of different")
    assert summary["rule"].endswith("a SEnd-seq site that loses the vote is a TSS of its own")
    assert "paper_n" not in summary


# ---- wording at its limits -----------------------------------------------------------------


def audit_part(shares, n=1000):
    return pd.DataFrame({"offset": range(-3, 4), "n": n, "purine": shares})


def test_an_offset_is_judged_only_where_sites_are_enough():
    peak = [0.5, 0.5, 0.5, 0.8, 0.5, 0.5, 0.5]
    assert words.offset_verdict(audit_part(peak), 0) == "right"
    assert words.offset_verdict(audit_part(peak), 1) == "wrong"
    assert words.offset_verdict(audit_part(peak, 20), 0) == "undecided"
    assert words.offset_verdict(audit_part(peak, 20), 1) == "undecided"
    assert words.offset_verdict(audit_part([0.5] * 7), 0) == "undecided"


def offsets(best, n=1000):
    """An audit in which each strand has most purines at an offset of its own."""
    parts = []
    for strand, place in zip("+-", best, strict=True):
        shares = [0.8 if offset == place else 0.5 for offset in range(-3, 4)]
        part = audit_part(shares, n).assign(source="mine", strand=strand, agreement=np.nan)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def test_what_is_said_of_offsets():
    right, uneven = {"+": 0, "-": 0}, {"+": 1, "-": 0}
    assert "right as they stand" in words.say_offsets(offsets((0, 0)), right)
    assert "1-based, like the start and the end" in words.say_offsets(offsets((1, 0)), uneven)
    wrong = words.say_offsets(offsets((1, 0)), right)
    assert "**not** what the reader assumes for mine on the + strand:" in wrong
    assert "too few sites" in words.say_offsets(offsets((0, 0), 10), right)
    plus = offsets((0, 0)).query("strand == '+'")
    assert words.say_offsets(plus, right).count("mine") == 1, "a strand without sites"


def frame(rows):
    return pd.DataFrame(rows, columns=["position", "strand", "source"])


def test_what_is_said_where_two_sources_share_nothing():
    two = Merging(("a", "b"), "b")
    sites = frame([(5, "+", "a"), (50, "+", "b")])
    counts, regions = agreement.table_one(sites, two), agreement.regions(sites, two)
    assert "0 are in both" in words.say_shared(counts, regions, two, False)
    pairs, shifts = agreement.pair_shares(sites, two), agreement.shift_distribution(sites, two)
    assert "no distance to look at" in words.say_agreement(pairs, shifts, False)
    curated = curation.curate(sites, two)
    text = words.say_curated(curated, two, False)
    assert text == "The curated set has **1** TSSs: 0 in at least two sources and 1 of b alone."
    windows = agreement.window_sensitivity(sites, two)
    assert "from 1 to 1 TSSs (+0%)" in words.say_windows(windows, two)


def test_two_sources_have_one_exact_share():
    two = Merging(("a", "b"), "b")
    sites = frame([(5, "+", "a"), (5, "+", "b"), (50, "+", "a"), (51, "+", "b")])
    pairs, shifts = agreement.pair_shares(sites, two), agreement.shift_distribution(sites, two)
    text = words.say_agreement(pairs, shifts, False)
    assert text.startswith("50.0% of neighbouring sites are at one position; 100% of all pairs")


def test_five_sources_have_no_venn_diagram_and_it_is_said():
    five = Merging(tuple("abcde"), "e")
    sites = frame([(5, "+", name) for name in "abcde"] + [(50, "+", "a")])
    counts, regions = agreement.table_one(sites, five), agreement.regions(sites, five)
    text = words.say_shared(counts, regions, five, False)
    assert "1 are in at least two, 1 are in at least three and 1 are in all five" in text
    assert "more than four sets cannot be read" in text


def test_names_with_signs_of_markdown_read_as_they_are():
    odd = Merging(("$x$", "*a*|`b`"), None)
    sites = frame([(5, "+", "$x$"), (5, "+", "*a*|`b`")])
    counts, regions = agreement.table_one(sites, odd), agreement.regions(sites, odd)
    text = words.say_shared(counts, regions, odd, False)
    assert r"\$x\$" in text and r"\*a\*\|\`b\`" in text


def test_nothing_is_sure_without_a_reference():
    assert "Without an independent reference" in words.say_sure(None, False)
    row = {"source": "curated", "tolerance": 2, "precision": 0.5, "recall": 1.0}
    found = pd.DataFrame([{**row, "n_sites": 4, "n_truth": 2, "n_correct": 2, "n_found": 2}])
    text = words.say_sure(found, True)
    assert "had no part in the curation, confirms 50.0% (6.8% to 93.2%)" in text
    assert "100.0% (15.8% to 100.0%) of the sites of dRNA-seq have a curated TSS within" in text


def test_ranks_stand_where_a_source_finds_nothing():
    rows = [
        {"source": name, "tolerance": t, "precision": share, "recall": share}
        | {"n_sites": n, "n_truth": 10, "n_correct": share * n, "n_found": 10 * share}
        for name, share, n in (("a", 0.0, 0), ("b", 0.2, 5), ("curated", 0.5, 4))
        for t in chapter.TOLERANCES
    ]
    assert words.best_alone(pd.DataFrame(rows)) == "b"
    text = words.say_compared(
        pd.DataFrame(rows), leads((0.3, -0.1, 0.7), (0.2, -0.1, 0.5)), 7, False
    )
    assert (
        "computed as if sites were independent, reach at most 43.2 percentage points to each side"
        in text
    )  # 2 of 4
    assert "ranks 1 of 3 in precision, 1 in recall, and 1 in their harmonic mean" in text
    assert "b, has 20.0%). The difference to b is +20.0 (-10.0 to +50.0) percentage points" in text
    assert "within two nucleotides, and +30.0 (-10.0 to +70.0) at the exact position" in text
    assert text.endswith(
        "set is not shown to be better than b alone, by this mean, at both distances."
    )


def leads(exact, near):
    rows = [("b", t, *one) for t, one in ((0, exact), (2, near))]
    return pd.DataFrame(rows, columns=["best_source", "tolerance", "lead", "ci_low", "ci_high"])


def test_a_lead_is_judged_by_its_interval():
    better, unsure, worse = (0.1, 0.05, 0.2), (0.1, -0.1, 0.2), (-0.1, -0.2, -0.05)
    assert words._say_lead(leads(better, better)).endswith(
        "better than b alone, by this mean, at both distances."
    )
    text = words._say_lead(leads(better, unsure))
    assert "not shown to be better than b alone within two nucleotides, and better at" in text
    assert "worse than b alone within" in words._say_lead(leads(unsure, worse))
