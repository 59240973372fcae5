from __future__ import annotations

import base64
import io
import json
import re
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from PIL import Image

from genoattn.book import figures
from genoattn.book.redrawn import MAKERS
from genoattn.plots import style
from genoattn.plots.drawn import DRAWING, Drawn, packed

ROOT = Path(__file__).parents[2]


def pixel(width: int = 3, height: int = 2) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height)).save(written, "PNG")
    return written.getvalue()


def cell(code: str, *pictures: tuple[str, str], drawing: str = "", size: int = 3) -> dict:
    outputs = []
    for alt, caption in pictures:
        data = {"image/png": base64.b64encode(pixel(size)).decode()}
        told = {"image/png": {"alt": alt}} | ({DRAWING: drawing} if drawing else {})
        outputs.append(nbformat.v4.new_output("display_data", data, metadata=told))
        text = f'<div class="caption">\n\n{caption}\n\n</div>'
        outputs.append(nbformat.v4.new_output("display_data", {"text/markdown": text}))
    return nbformat.v4.new_code_cell(code, outputs=outputs)


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "01_a_page.ipynb"
    cells = [
        nbformat.v4.new_markdown_cell("# Title\n\n## First"),
        cell("draw.two_bars(x)", ("two bars", "Bars.")),
        nbformat.v4.new_markdown_cell("text without a heading"),
        cell("y = step(x)\ndraw.two_bars(y, 'of # y')", ("again", "*Again*, 3 < 4.")),
        nbformat.v4.new_markdown_cell("## Second"),
        cell("draw.cards(x)", ("one", "One."), ("two", "Two.")),
        nbformat.v4.new_code_cell("step(x).finding"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_a_figure_is_named_by_its_page_and_what_draws_it(page):
    found = figures.on_page(page, "book/study/01_a_page")
    assert [one.name for one in found] == [
        "study-01-a-page-two-bars", "study-01-a-page-two-bars-2",
        "study-01-a-page-cards", "study-01-a-page-cards-2",
    ]  # fmt: skip
    assert [one.heading for one in found] == ["First", "First", "Second", "Second"]
    assert [one.caption for one in found] == ["Bars.", "*Again*, 3 < 4.", "One.", "Two."]
    assert [one.alt for one in found] == ["two bars", "again", "one", "two"]
    assert found[0].png == pixel()
    assert found[0].results == "book/results/ecoli"


@pytest.mark.parametrize(
    ("caption", "alt", "same"),
    [("Bars.", "two bars", True), ("Bars!", "two bars", False), ("Bars.", "three bars", False)],
)
def test_a_figure_is_drawn_anew_only_if_it_says_what_the_page_says(page, caption, alt, same):
    shown = figures.on_page(page, "book/study/01_a_page")[0]
    made = Drawn(plt.figure(), caption, alt)
    found = figures.redraw(shown, ROOT, {"01-a-page-two-bars": lambda results: made})
    assert (found is made) == same
    assert figures.redraw(shown, ROOT, {}) is None


@pytest.fixture(scope="module")
def drawing():
    """A figure as its chapter leaves it."""
    style.use()
    figure, axes = plt.subplots()
    axes.plot([1, 2], [2, 1])
    svg = Drawn(figure, "A line.", "one line").svg()
    plt.close(figure)
    return svg.decode()


def executed(drawing):
    code = cell("draw.line(x)", ("one line", "A line."), drawing=packed(drawing.encode()))
    return nbformat.v4.new_notebook(cells=[code])


@pytest.mark.parametrize(
    ("page", "known", "kept"),
    [
        ("study/01_curation", False, True),
        ("study/01_curation", True, False),
        ("demo/01_curation", False, False),
    ],
)
def test_a_page_keeps_the_drawings_that_cannot_be_made_anew(tmp_path, drawing, page, known, kept):
    made = Drawn(plt.figure(), "A line.", "one line")
    makers = {"01-curation-line": lambda results: made} if known else {}
    notebook = executed(drawing)
    target = tmp_path / f"book/{page}.ipynb"
    target.parent.mkdir(parents=True)
    figures.keep_drawings(notebook, target, makers)
    assert DRAWING not in notebook.cells[0].outputs[0].metadata
    nbformat.write(notebook, target)
    assert figures.on_page(target, f"book/{page}")[0].drawing == (drawing if kept else "")


def test_drawings_that_no_figure_needs_any_more_go(tmp_path, drawing):
    target = tmp_path / "book/study/01_a_page.ipynb"
    target.parent.mkdir(parents=True)
    figures.keep_drawings(executed(drawing), target, {})
    assert figures._drawings_beside(target).is_file()
    nothing = nbformat.v4.new_notebook(cells=[])
    figures.keep_drawings(nothing, target, {})
    assert not figures._drawings_beside(target).exists()


def test_a_drawing_of_an_earlier_picture_is_not_used(tmp_path, drawing):
    target = tmp_path / "book/study/01_a_page.ipynb"
    target.parent.mkdir(parents=True)
    notebook = executed(drawing)
    figures.keep_drawings(notebook, target, {})
    notebook.cells[0].outputs[0].data["image/png"] = base64.b64encode(pixel(4)).decode()
    nbformat.write(notebook, target)
    assert figures.on_page(target, "book/study/01_a_page")[0].drawing == ""


@pytest.fixture
def project(tmp_path, drawing):
    """A project with one page of the study: a figure with its drawing, and one without."""
    for name in ("book/results", "book/images"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("README.md", "LICENSE", "CITATION.cff", "book/intro.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    target = tmp_path / "book/study/01_a_page.ipynb"
    target.parent.mkdir()
    kept = packed(drawing.encode())
    cells = [
        nbformat.v4.new_markdown_cell("# Title"),
        cell("draw.line(x)", ("one line", "A < line."), drawing=kept),
        cell("draw.dot(x)", ("one dot", "A dot."), size=4),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    figures.keep_drawings(notebook, target)
    nbformat.write(notebook, target)
    toc = "format: jb-book\nroot: book/intro\nchapters:\n  - file: book/study/01_a_page\n"
    (tmp_path / "_toc.yml").write_text(toc)
    return tmp_path


def test_a_drawing_of_a_page_becomes_a_file_and_what_has_none_stays_a_picture(project, drawing):
    found = figures.write(project / "figures", project / "figures.md", project)
    line, dot = found[-2:]
    assert (line["file"], line["made"]) == (
        "study-01-a-page-line.svg", "drawn when its chapter was executed"
    )  # fmt: skip
    assert (dot["file"], dot["made"]) == (
        "study-01-a-page-dot.png", "taken from the page, 4 × 2 pixels"
    )  # fmt: skip
    svg = (project / "figures" / line["file"]).read_text()
    told = re.search(r"(?s)<metadata>.*?</metadata>", svg)[0]
    assert "MIT License" in told and "study-01-a-page-line" in told and "A &lt; line." in told
    assert svg.count("<metadata>") == svg.count("<title>study-01-a-page-line</title>") == 1
    bare = re.sub(r"(?s)<title>study.*?</metadata>", "", svg)
    assert bare == re.sub(r"(?s)<metadata>.*?</metadata>", "", drawing), "nothing else was changed"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teaching")
    entries = figures.write(folder / "figures", folder / "figures.md", ROOT)
    return folder, entries


def test_every_figure_of_the_study_is_a_file_with_its_words(written):
    folder, entries = written
    assert json.loads((folder / "figures/figures.json").read_text()) == entries
    names = [one["file"] for one in entries]
    assert len(set(names)) == len(names)
    assert sorted(names) == sorted(
        path.name for path in (folder / "figures").iterdir() if path.suffix != ".json"
    )
    shown = {one.name for one in figures.collect(ROOT)}
    assert shown <= {Path(name).stem for name in names}
    for one in entries:
        assert one["caption"] and one["alt"] and one["licence"] == "MIT License", one["file"]
        assert "genoattn" in one["credit"]


def test_every_figure_of_the_study_is_svg_drawn_anew_if_it_has_a_maker(written):
    _, entries = written
    made = {Path(one["file"]).stem: one["made"] for one in entries}
    for one in figures.collect(ROOT):
        has_maker = one.name.split("-", 1)[1] in MAKERS
        how = (
            f"drawn anew from {one.results}" if has_maker else "drawn when its chapter was executed"
        )
        assert made[one.name] == how, one.name
        assert bool(one.drawing) != has_maker, f"{one.name}: a drawing that nobody needs"
    used = {name.split("-", 1)[-1] for name in made}
    assert set(MAKERS) <= used, "a maker of a figure that no page shows"


def test_the_drawings_beside_the_pages_are_small():
    sizes = {path.name: path.stat().st_size for path in ROOT.glob("book/*/*.drawings.xz")}
    assert 0 < sum(sizes.values()) < 450_000, sizes


def test_a_drawing_carries_its_title_and_licence(written):
    folder, entries = written
    text = (folder / "figures/study-01-curation-venn.svg").read_text()
    assert "MIT License" in text and "study-01-curation-venn" in text
    entry = next(one for one in entries if one["file"] == "study-01-curation-venn.svg")
    assert entry["made"] == "drawn anew from book/results/ecoli"
    assert entry["page"] == "book/study/01_curation.html"
    assert entry["heading"] == "How much do the sources share?"


def test_a_picture_says_how_large_it_is(written):
    folder, entries = written
    entry = next(one for one in entries if one["file"] == "overview.png")
    with Image.open(folder / "figures" / entry["file"]) as picture:
        width, height = picture.size
    assert entry["made"] == f"taken from the page, {width} × {height} pixels"


def test_the_page_lists_all_figures_below_their_pages(written):
    folder, entries = written
    text = (folder / "figures.md").read_text()
    assert text.count('<div class="figure-file">') == len(entries)
    assert text.count("\n## Curation: one set of start sites from several tables\n") == 1
    assert text.count("{doc}`To the page </book/study/01_curation>`") == 1
    assert 'src="../../figures/study-01-curation-venn.svg"' in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The *first* `x_1`, 2 < 3", "The first x_1, 2 < 3"),
        (r"a \* b", "a * b"),
        ("see {cite}`smith2000` and {doc}`that page </book/x>`", "see smith2000 and that page"),
        ("[a link](there.html)\nhere", "a link here"),
        ("<span>in</span>", "in"),
    ],
)
def test_a_caption_in_plain_words(text, said):
    assert figures.plain(text) == said
