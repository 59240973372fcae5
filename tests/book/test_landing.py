"""The first page's findings, on toy results that decide either way, and on the study's own."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib import pyplot as plt
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from genoattn.book import build, landing
from genoattn.book.landing import Results
from genoattn.book.pages import toc_pages
from genoattn.interventions import recovery

ROOT = Path(__file__).parents[2]
STUDY = Results(ROOT / "book/results/ecoli")


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def scores(model, value, low, high, metric="pr_auc", paper=0.141):
    return {
        "train_set": "curated", "test_set": "curated", "model": model, "resolution": 1,
        "metric": metric, "value": value, "ci_low": low, "ci_high": high, "paper_value": paper,
    }  # fmt: skip


@pytest.fixture
def results(tmp_path):
    """A folder of results; `save` adds a table."""
    return Results(tmp_path)


def save(results, name, rows):
    pd.DataFrame(rows).to_csv(results.folder / f"{name}.csv", index=False)


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.15, 0.3, "better than the paper"),
        (0.1, 0.3, "as well as the paper"),
        (0.1, 0.14, "does not reach"),
    ],
)
def test_the_title_follows_the_interval(results, low, high, says):
    rows = [scores("curated", 0.2, low, high), scores("convolutional", 0.25, 0.2, 0.3)]
    save(results, "performance", rows)
    found = landing.accuracy(results)
    assert says in found.title
    assert found.number == f"0.20 ({low:.2f} to {high:.2f})"
    assert "no attention at all 0.250" in found.drawn.alt and "0.141" in found.text


def shares(head, share, q_value, element="-35 box", model="curated", control="", bin_="all"):
    return {
        "model": model, "seed": 1, "element": element, "first": -38, "last": -32, "layer": 1,
        "head": head, "query_bin": bin_, "share": share, "ci_low": share - 0.1,
        "ci_high": share + 0.1, "q_value": q_value, "control": control,
    }  # fmt: skip


def test_a_carrier_is_significant_of_the_model_itself_and_over_all_queries(results):
    rows = [
        shares(1, 0.9, 0.2),
        shares(2, 0.8, 0.001, model="curated-s1"),
        shares(3, 0.7, 0.001, control="untrained"),
        shares(4, 0.6, 0.001, bin_="-11 to -6"),
        shares(6, 0.52, 0.001),
        shares(5, 0.3, 0.001, element="-10 box"),
        shares(4, 0.2, 0.9, element="UP"),
    ]
    save(results, "mediation", rows)
    lost = {"ci_low": 1.7, "ci_high": 3.2, "effect": 2.45, "element": "-35 box"}
    effects = [lost | {"control": ""}, lost | {"control": "no element here", "effect": 9.0}]
    save(results, "mediation_effects", effects)
    found = landing.carriers(results)
    assert found.title == "One head, L1 H6, carries most of the −35 box"
    assert found.number == "52% (42% to 62%)"
    assert "The −35 box is the letters at −38 to −32; losing them costs 2.45" in found.text
    assert "Giving L1 H6 its output back undoes 52% of that loss." in found.text
    assert "other two elements that we tried, one has a head that undoes a part" in found.text
    assert "of their loss, 30%." in found.text and "More than 100%" not in found.text
    save(results, "mediation", [shares(1, 1.02, 0.001), shares(5, 0.9, 0.2, element="UP")])
    told = landing.carriers(results).text
    assert "No other element has such a head; we tried two. More than" in told
    assert told.endswith("higher than it was before.")
    save(results, "mediation", [shares(1, 0.9, 0.001), shares(5, 0.4, 0.001, element="UP")])
    save(results, "heads_by_element", [asked("-35 box", None, 1, 1), asked("UP", None, 1, 2)])
    save(results, "mediation_effects", [*effects, effects[0] | {"element": "UP"}])
    found = landing.carriers(results)
    assert found.title == "No head carries as much of the UP as L1 H5", "in more seeds"
    (results.folder / "heads_by_element.csv").unlink()
    save(results, "mediation", [shares(1, 0.9, 0.2)])
    with pytest.raises(ValueError, match="no head carries"):
        landing.carriers(results)


def ablated(deltas, width):
    return [
        {
            "layer_1based": 1, "head_1based": n + 1, "delta_pr_auc": delta,
            "delta_pr_auc_low": delta - width, "delta_pr_auc_high": delta + width,
        }
        for n, delta in enumerate(deltas)
    ]  # fmt: skip


def test_heads_that_are_needed_are_counted_by_their_intervals(results):
    save(results, "ablation_whole", ablated([0.01, -0.2, -0.03, -0.1], 0.05))
    found = landing.redundancy(results)
    assert found.title == "Leaving out a single head lowers the score for two of 4 heads"
    assert "spared" not in found.text and "the score rises" not in found.text
    shares = {"share": [0.0, 0.75, 1.0], "share_low": [0.0, 0.7, 1.0], "share_high": [0, 0.8, 1.0]}
    circuits = {"n_heads": [0, 3, 4], **shares, "part": 1.0}
    save(results, "circuits", circuits)
    told = landing.redundancy(results).text
    assert "the 3 that remain of 4 keep 75% (70% to 80%) of the score" in told
    save(results, "circuits", circuits | {"part": 0.15})
    told = landing.redundancy(results).text
    assert "as this was measured on 15% of the test part." in told
    save(results, "ablation_whole", ablated([0.06, -0.2, -0.03, 0.1], 0.05))
    told = landing.redundancy(results).text
    assert "For one head the interval includes zero; without two the score rises." in told
    assert found.number == "−0.200 (−0.250 to −0.150)"
    assert "without L1 H2" in found.text and "For two heads the interval" in found.text


def compared(test_set, difference, width):
    return {
        "test_set": test_set, "metric": "pr_auc", "with_attention": "annotator",
        "with_dilations": "convolutional", "n_attention": 5, "n_dilations": 3,
        "difference": difference, "ci_low": difference - width, "ci_high": difference + width,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("differences", "says"),
    [
        ([0.2, 0.1], "helps beyond"),
        ([0.2, 0.05], "is not shown to beat"),
        ([0.1, -0.1], "does worse than plain"),
        ([0.01, 0.0], "is not shown to beat"),
    ],
)
def test_attention_is_judged_by_the_seeds_on_every_test_set(results, differences, says):
    sets = ["curated", "drnaseq"]
    rows = [compared(one, value, 0.05) for one, value in zip(sets, differences, strict=True)]
    save(results, "attention_or_dilations", rows)
    found = landing.attention(results)
    assert says in found.title
    assert "`annotator`, with attention (mean of five trainings), and `conv" in found.text
    assert "`convolutional`, without (mean of three)" in found.text
    assert "Neither is `curated`." in found.text and "numbers (seeds)" in found.text
    same = landing.attention(Results(results.folder, "annotator"))
    assert "Neither" not in same.text


def test_evidence_that_is_no_more_than_chance_is_called_so(results):
    row = {"of": "novel sites", "n": 100, "share_low": 0.03, "share_high": 0.08, "chance": 0.05}
    rows = [
        {"evidence": "any of these", "share": 0.06, **row},
        {"evidence": "dRNA-seq", "share": 0.04, **row},
        {"evidence": "dRNA-seq", "share": 0.9, **row, "of": "operons"},
    ]
    save(results, "output_support", rows)
    found = landing.evidence(results)
    assert found.title.startswith("Few of its false positives")
    assert "any experiment 6%; dRNA-seq 4%." in found.drawn.alt


def test_the_position_that_matters_most_is_named_with_its_box(results):
    label = np.r_[-40:0, 1:5]
    value = np.where(label == -35, -2.0, -0.1)
    save(
        results,
        "dependence_map",
        {"label": label, "cost": value, "ci_low": value, "ci_high": value},
    )
    found = landing.letters(results)
    assert found.title == "The nucleotide at −35 matters most"
    assert "in the −35 box, lowers the log-odds" in found.text
    assert "by 2.00 in the mean" in found.text and "7-fold" in found.text


def test_a_table_that_is_not_as_it_must_be_is_named(results):
    with pytest.raises(ValueError, match=r"performance\.csv: is missing"):
        landing.accuracy(results)
    save(results, "performance", [{"metric": "pr_auc"}])
    with pytest.raises(ValueError, match="has no column 'train_set'"):
        landing.accuracy(results)
    assert not landing.headlines(Results(results.folder / "none"))


def mapped(*names):
    return [{"model": "curated", "element": name, "ci_high": -0.1} for name in names]


def asked(element, by_attention, n_carriers, n_seeds, used=True):
    return {
        "element": element, "by_attention": by_attention, "used": used, "n_carriers": n_carriers,
        "n_seeds": n_seeds,
    }  # fmt: skip


def test_the_book_s_question_is_answered_from_map_heads_and_factors(results):
    assert landing.answer(results) == ""
    save(results, "elements_used", mapped("-10 box", "-35 box"))
    save(
        results,
        "heads_by_element",
        [asked("-10 box", "L2 H5", 6, 2), asked("-35 box", None, 6, 2), asked("UP", None, 0, 0)],
    )
    factor = {"model": "curated", "q_value": 0.5}
    factors = [factor | {"factor": "CRP"}, factor | {"factor": "Fis"}]
    place = factor | {"factor": "position -82", "q_value": 0.001}
    save(results, "factors", [*factors, place])
    told = landing.answer(results)
    assert told.startswith(
        "**Yes, the model knows promoters**: the −10 box and the −35 box stand out"
    )
    assert "**in part**. The output depends on three elements" in told
    assert "a head for one of them (the −10 box). By experiment, two of them are each" in told
    assert "*carried* by a head (the −10 box and the −35 box): when" in told
    assert "**sure** of the −10 box and the −35 box, which heads carry in both repeated" in told
    assert "**not shown**: we replaced those of two, and for none the output changed more" in told
    assert told.endswith("controls.") and "simulated" not in told
    raised = {"model": "curated", "element": "Fis", "ci_high": 1.8}
    save(results, "elements_used", [*mapped("-10 box", "CRP"), raised])
    assert "the −10 box and the motif of CRP stand out" in landing.answer(results)
    save(results, "factors", [factors[0], factors[1] | {"q_value": 0.01}])
    told = landing.answer(results)
    assert "**shown for some**: we replaced those of two, and for one the output" in told
    assert "So letters like" not in told
    save(results, "factors", factors)
    assert "So letters like the motif of CRP matter, but need not be" in landing.answer(results)


def test_the_answer_claims_no_more_than_its_tables(results):
    save(results, "elements_used", [{"model": "other", "element": "-10 box", "ci_high": -1.0}])
    save(results, "heads_by_element", [asked("-10 box", None, 0, 1), asked("UP", None, 1, 2)])
    save(results, "factors", [{"model": "curated", "factor": "CRP", "q_value": 0.5}])
    told = landing.answer(results)
    assert told.startswith("**That the model knows promoters is not shown**")
    assert "**not**. The output depends on two" in told and "We are not sure" in told
    assert "a head for none of them. By" in told and "one of them is *carried* by a head" in told
    save(results, "elements_used", mapped("-10 box"))
    once = landing.answer(results)
    assert "the −10 box stands out" in once and "**sure** of the UP, which" in once
    one = [asked("-10 box", None, 3, 1), asked("UP", None, 1, 2)]
    save(results, "heads_by_element", one)
    told = landing.answer(results)
    assert "of the UP, which heads carry in both repeated trainings too, and less so of" in told
    assert "of the −10 box, which heads do not carry in each. Those" in told
    save(results, "heads_by_element", [asked("-10 box", None, 3, 0)])
    assert "We are not sure" in landing.answer(results)
    save(results, "heads_by_element", [asked("-10 box", "L1 H1", 1, 2)])
    assert "**fully**" in landing.answer(results)
    assert "sure** of the −10 box" in landing.answer(results)


def test_what_such_claims_are_worth_is_told_from_simulated_genomes(tmp_path):
    assert landing._tried(tmp_path / "recovery.csv") == ""
    told = landing._tried(ROOT / "book/results/demo/recovery.csv")
    tables = recovery.read(ROOT / "book/results/demo/recovery.csv")
    used = tables.recovered[tables.recovered["used"]]
    assert f"found {used['recovered'].sum()} of the {len(used)} planted elements" in told
    claims = tables.claims[tables.claims["claimed"]]
    assert f"claims, {claims['false_claim'].sum()} were false" in told
    assert told.endswith("it claimed nothing.") and claims["trained"].all()
    assert told in landing._minus(landing.answer(STUDY)).replace("−", "-")


def test_raised_pseudogenes_are_set_beside_genes_of_the_same_content(results):
    assert landing._matched(results, "pseudogenes are raised") == ""
    row = {"strand": "sense", "ratio": 0.92, "ci_low": 0.65, "ci_high": 1.19}
    rows = [row | {"matched_on": "no matching", "ratio": 2.5}, row | {"matched_on": "AT content"}]
    save(results, "output_pseudogenes", rows)
    said = landing._matched(results, "pseudogenes are raised")
    assert said.startswith(
        "; 0.92 (0.65 to 1.19) times genes of the same AT content, so AT content may"
    )
    save(results, "output_pseudogenes", [row | {"matched_on": "AT content", "ci_low": 1.01}])
    assert landing._matched(results, "pseudogenes are raised").endswith("same AT content")
    assert landing._matched(results, "heads look") == ""


def test_claims_are_counted_by_three_verdicts():
    rows = [("holds", 2), ("does not hold", 1), ("not shown", 1)]
    said = pd.DataFrame(
        [{"claim": "c", "here": "h", "verdict": v, "page": "p"} for v, n in rows for _ in range(n)]
    )
    told = landing._claims(said)
    assert told.startswith(
        "Of 4 claims, two hold on our model, one does not, one is not shown. A claim is *not"
    )
    assert "{doc}`not shown </p>`" in told
    assert landing._claims(said.head(3)).startswith(
        "Of 3 claims, two hold on our model, one does not.\n"
    )


def test_each_claim_has_a_verdict_and_a_page(results):
    save(
        results,
        "performance",
        [scores("curated", 0.9, 0.8, 0.95, "roc_auc", 0.976), scores("curated", 0.2, 0.1, 0.3)],
    )
    statement = {"statement": "heads look", "here": "none", "holds": "undecided"}
    save(results, "heads_statements", [statement])
    save(results, "output_statements", [statement])
    (results.folder / "curated.json").write_text(json.dumps({"n": 90, "paper_n": 100}))
    found = landing.claims(results)
    assert found["verdict"].tolist() == [
        "does not hold", "does not hold", "holds", "not shown", "not shown"
    ]  # fmt: skip
    assert found["claim"].iloc[-1] == "Heads look"
    assert found["page"].iloc[-1] == "book/study/04_output"
    save(results, "heads_statements", [{**statement, "holds": "perhaps"}])
    with pytest.raises(ValueError, match="'perhaps' is no verdict"):
        landing.claims(results)


@pytest.mark.parametrize(
    ("worst", "high", "carriers", "says"),
    [
        (1, -0.1, (1, 1, 0), ["holds", "holds"]),
        (4, -0.1, (1, 0, 0), ["does not hold", "does not hold"]),
        (4, -0.05, (1, 1, 0), ["holds", "not shown"]),
        (1, -0.05, (1, 1, 0), ["holds", "not shown"]),
    ],
)
def test_what_attention_suggests_is_asked_by_intervention(results, worst, high, carriers, says):
    elements = [
        {"element": name, "used": used, "n_carriers": n}
        for name, used, n in zip("abcd", (True, True, True, False), (*carriers, 0), strict=True)
    ]
    save(results, "heads_by_element", elements)
    layers = [
        {"layer_1based": layer, "delta_pr_auc": -0.2 if layer == worst else -0.03,
         "delta_pr_auc_low": -0.3 if layer == worst else -0.09,
         "delta_pr_auc_high": high if layer == worst else 0.0}
        for layer in (1, 2, 4)
    ]  # fmt: skip
    save(results, "ablation_layers", layers)
    found = list(landing._by_intervention(results))
    assert [row[2] for row in found] == says
    half = pd.DataFrame(elements).assign(used=[True, False, True, False], n_carriers=[1, 0, 0, 0])
    save(results, "heads_by_element", half)
    assert next(landing._by_intervention(results))[2] == "holds", "one of two"
    assert f"depends on 3 elements; by intervention, {sum(carriers)} of them" in found[0][1]
    assert f"layer {worst} −0.200" in found[1][1] and "), the greatest; layer" in found[1][1]
    assert found[1][1].count("layer 2") == 1 and found[1][1].count("layer 1") == 1


def test_the_time_to_read_counts_running_text_only(tmp_path):
    words = "word " * 440
    (tmp_path / "a.md").write_text(
        f"# A\n{words}\n```python\n{words}\n```\n| {words} |\n````{{admonition}} More\n"
        f":class: dropdown\n{words}\n````\n"
    )
    said = new_output("display_data", {"text/markdown": words})
    cells = [new_markdown_cell(words), new_code_cell(words, outputs=[said])]
    nbformat.write(new_notebook(cells=cells), tmp_path / "b.ipynb")
    assert landing.minutes("a", tmp_path) == 2
    assert landing.minutes("b", tmp_path) == 4


def test_routes_lead_to_pages_of_the_book():
    pages = set(toc_pages(ROOT / "_toc.yml"))
    assert {page for route in landing.ROUTES for page in route.pages} <= pages


def test_a_citation_has_what_the_file_has(tmp_path):
    facts = {"authors": [{"name": "The authors"}], "title": "a tool", "version": "1.2"}
    (tmp_path / "c.cff").write_text(yaml.safe_dump(facts))
    assert landing.citation(tmp_path / "c.cff") == "The authors. *A tool*. Version 1.2."
    facts |= {"doi": "10.1/2", "date-released": "2026-01-02"}
    (tmp_path / "c.cff").write_text(yaml.safe_dump(facts))
    assert landing.citation(tmp_path / "c.cff") == (
        "The authors (2026). *A tool*. Version 1.2. <https://doi.org/10.1/2>."
    )


def test_the_study_has_five_findings_each_with_a_number_and_an_interval():
    found = landing.headlines(STUDY)
    assert len(found) == 5
    for one in found:
        assert " to " in one.number and one.drawn.alt and one.text.endswith(".")
        assert one.page in toc_pages(ROOT / "_toc.yml")


def test_the_parts_of_the_first_page_are_written_and_the_same_each_time(tmp_path, monkeypatch):
    for name in ("book", "genoattn", "CITATION.cff"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setattr(landing, "minutes", lambda page, root: 1)  # demo pages are not committed
    landing.write(STUDY, root=tmp_path)
    parts = tmp_path / "_build/landing"
    first = {path.name: path.read_bytes() for path in parts.iterdir()}
    assert {"answer.md", "findings.md", "claims.md", "paths.md", "cite.md", "downloads.md"} <= set(
        first
    )
    with zipfile.ZipFile(parts / "genoattn-results.zip") as archive:
        assert "book/results/ecoli/performance.csv" in archive.namelist()
    landing.write(STUDY, root=tmp_path)
    assert {path.name: path.read_bytes() for path in parts.iterdir()} == first
    assert first["claims.md"].startswith(f"Of {len(landing.claims(STUDY))} claims, ".encode())


def test_a_failed_command_says_why_and_leaves_what_was_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = tmp_path / "_build/landing/findings.md"
    before.parent.mkdir(parents=True)
    before.write_text("found before")
    assert build.main(["landing", "--results", "none"]) == 1
    assert "curated.json: is missing" in capsys.readouterr().err
    assert before.read_text() == "found before"


def test_each_finding_leads_to_a_heading_of_its_chapter():
    for found in landing.headlines(STUDY):
        name = found.page.rsplit("/", 1)[1]
        cells = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        assert f"## {found.heading}\n" in text, found.heading


def test_a_long_table_is_read_from_its_compressed_file(results):
    pd.DataFrame({"a": [1, 2]}).to_csv(results.folder / "long.csv.gz", index=False)
    assert results.has("long") and not results.has("short")
    assert results.table("long", "a")["a"].tolist() == [1, 2]
