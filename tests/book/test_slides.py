from __future__ import annotations

import csv
import json
import re
import statistics
from pathlib import Path

import pandas as pd
import pytest

from genoattn.book import build, figures, slides
from genoattn.book.pages import check_loads
from genoattn.book.slides import Slide
from genoattn.study.report import in_words

ROOT = Path(__file__).parents[2]
DECKS = sorted((ROOT / slides.DECKS).glob("*.md"))
PLAN = ROOT / "book/teach/plan.md"

DECK = """# Title

Note 0–3:
Welcome.

---

## Second

{{ n }} sites

+++

![](figure:one)

Note 3–10:
Say {{ n }}.
"""


def _rows(name):
    with (ROOT / f"book/results/ecoli/{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def deck(tmp_path):
    path = tmp_path / "deck.md"
    path.write_text(DECK)
    return path


@pytest.fixture(scope="module")
def numbers():
    return slides.facts(ROOT)


ENTRY = {"file": "one.svg", "alt": '1 < "2"', "caption": "One.", "page": "book/a.html"}


def test_a_deck_is_read_slide_by_slide(deck):
    first, second = slides.read(deck)
    assert first == Slide(("# Title",), "Welcome.", 0, 3)
    assert second.parts == ("## Second\n\n{{ n }} sites", "![](figure:one)")
    assert (second.begin, second.end) == (3, 10)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Note 3–10:\nSay {{ n }}.", "", "slide 2: needs its notes"),
        ("Note 3–10", "Note 4–10", "slide 2: minutes 4–10 do not follow"),
        ("Note 3–10", "Note 3–2", "slide 2: minutes 3–2 do not follow"),
        ("Note 0–3", "Note 1–3", "slide 1: minutes 1–3"),
    ],
)
def test_a_deck_without_its_minutes_is_told(deck, old, new, said):
    deck.write_text(DECK.replace(old, new))
    with pytest.raises(ValueError, match=said):
        slides.read(deck)


def test_numbers_and_figures_are_put_in_their_places(deck):
    _, second = slides.filled(slides.read(deck), {"n": "6,577"}, {"one": ENTRY})
    assert second.parts[0].endswith("6,577 sites")
    assert second.parts[1] == (
        '<figure><a href="../figures/one.svg"><img src="../figures/one.svg" '
        'alt="1 &lt; &quot;2&quot;"></a></figure>'
    )
    assert second.notes.startswith("Say 6,577.")
    assert "**The figure.** One. [Page](../book/a.html)" in second.notes


@pytest.mark.parametrize(
    ("numbers_", "figures_", "said"),
    [({}, {"one": ENTRY}, "slide 2: no number 'n'"), ({"n": "1"}, {}, "slide 2: no figure 'one'")],
)
def test_a_number_or_figure_that_there_is_not_is_told(deck, numbers_, figures_, said):
    with pytest.raises(ValueError, match=said):
        slides.filled(slides.read(deck), numbers_, figures_)


def test_the_notebook_has_the_metadata_of_slides(deck):
    made = slides.notebook(slides.read(deck), "Title")
    kinds = [cell.metadata["slideshow"]["slide_type"] for cell in made.cells]
    assert kinds == ["slide", "notes", "slide", "fragment", "notes"]
    assert made.cells[-1].source.startswith("**Minutes 3–10.**")
    assert made == slides.notebook(slides.read(deck), "Title")


def test_a_page_has_slides_notes_and_nothing_from_another_server(deck):
    page = slides.export(slides.notebook(slides.read(deck), "Title"))
    assert page.count('<aside class="notes">') == 2
    assert page.count('<div class="fragment"') == 1
    assert "anchor-link" not in page
    assert not re.search(r"""(?:src|href|import)\s*=?\s*["'](?:https?:)?//""", page)
    assert "<title>Title" in page and 'lang="en"' in page


@pytest.mark.parametrize("path", DECKS, ids=lambda path: path.stem)
def test_a_session_ends_five_minutes_early_with_notes_to_each_slide(path):
    deck = slides.read(path)
    assert deck[-1].end == 85
    assert all(len(one.notes) > 40 for one in deck)


@pytest.mark.parametrize("path", DECKS, ids=lambda path: path.stem)
def test_no_measured_number_is_typed(path):
    """Numbers with a decimal or thousands come from the results, not from who wrote the slide."""
    for one in slides.read(path):
        text = re.sub(
            r"\{\{.*?\}\}|ROC AUC of 0\.97|ROC AUC of 0\.5|p ≤ 0\.01|p = 0\.001",
            "",
            "\n".join([*one.parts, one.notes]),
        )
        assert not re.search(r"\d[.,]\d", text), text


def test_the_plan_gives_each_part_the_minutes_of_its_slides():
    plan = PLAN.read_text()
    sessions = plan.split("\n## Session ")[1:]
    assert len(sessions) == len(DECKS) == 2
    for session, path in zip(sessions, DECKS, strict=True):
        deck = slides.read(path)
        rows = re.findall(r"(?m)^\| (\d+)–(\d+) \| (\d+)(?:–(\d+))? \|", session)
        at, place = 0, 1
        for begin, end, first, last in rows:
            assert (int(begin), int(first)) == (at, place)
            at, place = int(end), int(last or first) + 1
            assert (deck[int(first) - 1].begin, deck[place - 2].end) == (int(begin), at)
        assert (at, place) == (85, len(deck) + 1)


@pytest.mark.parametrize("number", [1, 2])
def test_each_part_of_a_session_says_all_that_a_lecturer_needs(number):
    session = PLAN.read_text().split("\n## Session ")[number].split("\n## ")[0]
    rows = re.findall(r"(?m)^\| (\d+–\d+) \|", session)
    parts = re.split(r"(?m)^### ", session)[1:]
    assert [part.split(" ")[0] for part in parts] == rows
    for part in parts[:-1]:  # the last is homework
        for asked in (
            "**Misunderstanding",
            *(("**Do.", "**Exercise.") if "pairs" in part else ("**Say.", "**Ask.")),
        ):
            assert asked in part, part
        assert re.search(r"\{doc\}`|Chapter \d,", part), part
        assert part.count("**Ask.") <= part.count("*Answer") + part.count("*Expect"), part


@pytest.mark.parametrize("path", DECKS, ids=lambda path: path.stem)
def test_each_question_in_the_notes_has_an_answer(path):
    for one in slides.read(path):
        asked = len(re.findall(r"\bAsk:|Ask for ", one.notes)) + any(
            "\n> " in f"\n{part}" for part in one.parts
        )
        answered = re.findall(r"\*(?:Answers?|Expect):\*|Typical ones", one.notes)
        assert not asked or answered or len(one.parts) > 1, one.parts[0]


def test_numbers_are_those_of_the_results(numbers):
    regions = (ROOT / "book/results/ecoli/curation_regions.csv").read_text().splitlines()[1:]
    total = sum(int(line.rsplit(",", 1)[1]) for line in regions)
    assert numbers["tables.tss"] == f"{total:,}"
    curated = json.loads((ROOT / "book/results/ecoli/curated.json").read_text())
    assert numbers["curated.n"] == f"{curated['n']:,}"
    sites = int(numbers["test.sites"].replace(",", ""))
    false = int(numbers["test.false"].replace(",", ""))
    positions = int(numbers["test.positions"].replace(",", ""))
    assert false == round((positions - sites) / 100)
    assert numbers["test.precision"] == f"{sites / (sites + false):.0%}"
    assert all(numbers.values())


def test_what_another_training_would_give_is_that_of_the_seeds(numbers):
    rows = [
        row for row in _rows("performance")
        if row["train_set"] == row["test_set"] == "curated"
        and (row["resolution"], row["metric"]) == ("1", "pr_auc")
    ]  # fmt: skip
    by = {row["model"]: float(row["value"]) for row in rows}
    seeds = [by[name] for name in ("curated", "curated-s1", "curated-s2")]
    assert numbers["seeds.list"] == "{:.3f}, {:.3f} and {:.3f}".format(*seeds)
    assert numbers["seeds.n"] == "three"
    low, high = map(float, numbers["again.interval"].split(" to "))
    mean, sd = statistics.mean(seeds), statistics.stdev(seeds)
    assert high - mean == pytest.approx(4.303 * sd * (4 / 3) ** 0.5, abs=1e-3)  # t of 2 degrees
    inside = low <= float(numbers["pr_auc.paper"]) <= high
    assert numbers["again.paper"].startswith("is inside" if inside else "is outside")
    assert numbers["dilations"] == f"{by['convolutional']:.3f}"
    bare = max(value for name, value in by.items() if "genes" not in name)
    assert f"{max(by.values()):.3f}" in numbers["best"] and f"{bare:.3f}" in numbers["best"]


def test_the_best_model_is_said_to_use_genes_only_if_it_does():
    rows = pd.DataFrame(
        {"model": ["m", "m-s1", "convolutional", "all", "all and genes"], "paper_value": 0.9,
         "value": [0.2, 0.21, 0.3, 0.4, 0.5]}
    )  # fmt: skip
    said = slides._others(rows, "m")
    assert said["best"].startswith("The best ensemble (0.500) also uses where genes lie")
    assert said["again.paper"].startswith("is outside")
    assert slides._others(rows[:-1], "m")["best"] == "The best ensemble has 0.400."


def test_shares_of_near_calls_and_interpretations_are_those_of_the_results(numbers):
    own = {row["tolerance"]: row for row in _rows("matching") if row["model"] == "curated"}
    exact, two = (float(own[one]["precision"]) for one in "02")
    assert f"{(two - exact) / (1 - exact):.0%} have a site of their own" in numbers["near.said"]
    assert numbers["near.from"] == f"{float(own['0']['average_precision']):.3f}"
    assert numbers["near.to"] == f"{float(own['5']['average_precision']):.3f}"
    read = [int(row["curated"]) for row in _rows("curation_readings") if row["rule"] != "paper"]
    assert (numbers["rules.low"], numbers["rules.high"]) == (f"{min(read):,}", f"{max(read):,}")


@pytest.mark.parametrize("path", [*DECKS, PLAN], ids=lambda path: path.stem)
def test_a_misunderstanding_is_the_error_in_quotes_and_then_its_correction(path):
    text = " ".join(path.read_text(encoding="utf-8").split())
    begun = re.findall(r"\*(?:Usual m|M)isunderstandings?[:.]\*+", text)
    whole = re.findall(r'\*(?:Usual m|M)isunderstanding[:.]\*+ "[^"]+[.]" \*Correct:\* [^"]', text)
    assert begun and len(begun) == len(whole)


def test_heads_that_attention_and_intervention_name_are_compared_where_both_name_one(numbers):
    rows = [row for row in _rows("heads_by_element") if row["carried_by"]]
    same = sum(row["carried_by"] in row["by_attention"].split("; ") for row in rows)
    assert rows and numbers["elements.agree"] == (
        f"{in_words(same) if same else 'none'} of {in_words(len(rows))}"
    )


def test_all_decks_are_written_with_what_they_load(tmp_path, numbers):
    names = {name for path in DECKS for name in re.findall(r"figure:([^)]*)\)", path.read_text())}
    listed = [{**ENTRY, "file": f"{name}.svg"} for name in names]
    (tmp_path / "figures").mkdir()
    for one in listed:
        (tmp_path / "figures" / one["file"]).touch()
    (tmp_path / "figures/figures.json").write_text(json.dumps(listed))
    mathjax = tmp_path / "_static/mathjax/tex-chtml.js"
    mathjax.parent.mkdir(parents=True)
    mathjax.touch()
    written = slides.write(tmp_path / "slides", tmp_path / "figures/figures.json", ROOT)
    assert [path.name for path in written] == ["session-1.html", "session-2.html"]
    for path in written:
        check_loads(path)
        assert path.with_suffix(".ipynb").is_file()
        assert "{{" not in path.read_text()
    sheets = (tmp_path / "slides").rglob("*.css")
    assert not any(re.search(r"url\(\s*[\"']?(?:https?:)?//", one.read_text()) for one in sheets)


def test_one_command_writes_figures_and_then_the_decks_that_show_them(monkeypatch, capsys):
    done = []
    monkeypatch.setattr(figures, "write", lambda: done.append("figures") or [{}] * 3)
    monkeypatch.setattr(slides, "write", lambda: done.append("decks") or [Path("a.html")])
    assert build.main(["slides"]) == 0
    assert done == ["figures", "decks"]
    assert capsys.readouterr().out == "3 figures and 1 decks written\n"


def test_what_a_class_is_asked_about_heads_is_in_the_results(numbers):
    heads = {f"L{row['layer']} H{row['head']}": row for row in _rows("heads_table")}
    near = [name for name, row in heads.items() if -14 <= int(row["peak_label"]) <= -7]
    assert numbers["look.near_10"] == in_words(len(near))
    assert all(int(heads[name]["peak_label"]) in range(-38, -29) for name in
               numbers["look.near_35"].split(" and "))  # fmt: skip
    highest = max(float(row["peak_mean"]) for row in heads.values())
    assert numbers["look.highest"] == f"{highest:.2f}"
    assert numbers["look.stripe"] == max(heads, key=lambda one: float(heads[one]["selectivity"]))
    assert numbers["look.everywhere"] in heads


def test_comparisons_with_known_motifs_are_counted_before_one_is_believed(numbers):
    rows = {float(row["threshold"]): row for row in _rows("heads_calibration")}
    n = int(rows[0.001]["compared"])
    assert numbers["match.compared"] == f"{n:,}"
    assert numbers["match.chance"] == in_words(round(n / 1_000))
    assert numbers["match.found"] == in_words(round(n * float(rows[0.001]["heads"])))
    passing = [row for row in _rows("heads_known") if float(row["q_value"]) <= 0.05]
    assert numbers["match.passing"] == (in_words(len(passing)) if passing else "none")


def test_heads_that_the_vote_is_compared_with_are_those_of_the_mediation(numbers):
    (box,) = [row for row in _rows("heads_by_element") if row["element"] == "-10 box"]
    assert numbers["vote.element"] == numbers["noise.element"] == box["element"]
    assert numbers["vote.carrier"] == box["carried_by"]
    assert numbers["vote.back"] == f"{float(box['effect']) * float(box['share']):.1f}"
    for head in box["by_attention"].split("; "):
        (row,) = [
            row for row in _rows("mediation")
            if (row["model"], row["element"], row["query_bin"]) == ("curated", "-10 box", "all")
            and not row["control"] and f"L{row['layer']} H{row['head']}" == head
        ]  # fmt: skip
        assert f"{head} restores {float(row['share']):.0%} (" in numbers["vote.named"]
    unused = [row["element"] for row in _rows("heads_by_element") if row["used"] == "False"]
    assert all(one in numbers["elements.tried"] for one in unused)
    for row in _rows("heads_by_element"):
        if row["element"] in numbers["elements.anywhere"]:
            assert row["used"] == "True" and not row["carried_by"]
