from __future__ import annotations

import nbformat
import pytest
import yaml
from nbformat.v4 import new_notebook

from genoattn.book import build, pages


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_notebook(path, *cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=list(cells)), path)


TOC = {
    "format": "jb-book",
    "root": "book/intro",
    "parts": [{"chapters": [{"file": "book/a", "sections": [{"file": "book/b"}]}]}],
}


@pytest.fixture
def site(here):
    """A rendered book of three pages that loads its own files only."""
    (here / "_toc.yml").write_text(yaml.safe_dump(TOC))
    pages = here / "_build/html"
    (pages / "book").mkdir(parents=True)
    (pages / "style.css").write_text("a { background: url(data:image/png;base64,AA==) }")
    (pages / "index.html").write_text("<p>")
    for name in ("intro", "a", "b"):
        (pages / f"book/{name}.html").write_text(
            '<link rel="stylesheet" href="../style.css?v=1"><a href="https://doi.org/1">cited</a>'
            '<link rel="canonical" href="https://example.org/"><img src="data:image/png;base64,A">'
        )
    return pages


def test_a_complete_site_passes(site):
    assert pages.toc_pages() == ["book/intro", "book/a", "book/b"]
    assert pages.check_site() == 3
    assert build.main(["check"]) == 0


def test_a_page_that_was_not_rendered(site, capsys):
    (site / "book/b.html").unlink()
    with pytest.raises(ValueError, match=r"b\.html is missing"):
        pages.check_site()
    assert build.main(["check"]) == 1
    assert "b.html is missing" in capsys.readouterr().err
    (site / "index.html").unlink()
    with pytest.raises(ValueError, match="was not rendered"):
        pages.check_site()


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ('<script src="https://example.org/x.js"></script>', "needs another server: https"),
        ('<link href="//example.org/x.css" rel="stylesheet"/>', "needs another server: //"),
        ('<img alt="x" src="HTTP://example.org/x.png">', "needs another server"),
        ('<iframe src="https://example.org"></iframe>', "needs another server"),
        ('<img src="lost.png">', r"loads lost\.png, which does not exist"),
    ],
)
def test_a_page_that_does_not_stand_by_itself(site, tag, says):
    page = site / "book/a.html"
    page.write_text(page.read_text() + tag)
    with pytest.raises(ValueError, match=says):
        pages.check_site()


@pytest.mark.parametrize(
    "rule",
    [
        '@import "https://example.org/font.css";',
        "@import url(//example.org/font.css);",
        "p { src: url( 'https://example.org/font.woff' ) }",
    ],
)
def test_a_style_sheet_that_needs_a_server(site, rule):
    (site / "style.css").write_text(rule)
    with pytest.raises(ValueError, match="needs another server"):
        pages.check_site()


def test_a_page_of_the_table_without_a_source(here):
    (here / "a.md").write_text("# A")
    write_notebook(here / "b.ipynb")
    assert pages.page_source("a") == "a.md"
    assert pages.page_source("b") == "b.ipynb"
    with pytest.raises(ValueError, match=r"no c\.md or \.ipynb"):
        pages.page_source("c")


def test_pages_that_a_pattern_stands_for_count(site, here):
    toc = {**TOC, "parts": [*TOC["parts"], {"chapters": [{"glob": "book/api/*"}]}]}
    (here / "_toc.yml").write_text(yaml.safe_dump(toc))
    assert pages.toc_pages() == ["book/intro", "book/a", "book/b"]
    with pytest.raises(ValueError, match=r"lists book/api/\*, but there is no such page"):
        pages.check_site()
    (here / "book/api").mkdir(parents=True)
    for name in ("two.md", "one.ipynb", "notes.txt"):
        (here / "book/api" / name).touch()
    assert pages.toc_pages() == ["book/intro", "book/a", "book/b", "book/api/one", "book/api/two"]
    with pytest.raises(ValueError, match=r"one\.html is missing"):
        pages.check_site()
    (site / "book/api").mkdir()
    for name in ("one", "two"):
        (site / f"book/api/{name}.html").write_text("<p>")
    assert pages.check_site() == 5


def test_a_page_is_called_as_the_table_of_contents_says_else_by_its_heading(here):
    (here / "_toc.yml").write_text(
        "root: book/intro\nparts:\n- chapters:\n"
        '  - file: book/a\n    title: "Demo: a"\n  - file: book/b\n'
    )
    for name, text in (("intro", "words\n\n# First\n\n## Second"), ("a", "# Other")):
        (here / "book").mkdir(exist_ok=True)
        (here / f"book/{name}.md").write_text(text)
    heading = nbformat.v4.new_markdown_cell("# Of a *notebook*\n\ntext")
    write_notebook(here / "book/b.ipynb", nbformat.v4.new_code_cell("# no heading"), heading)
    assert pages.page_title("book/intro") == "First"
    assert pages.page_title("book/a") == "Demo: a"
    assert pages.page_title("book/b") == "Of a *notebook*"


def test_a_deck_that_needs_another_server_is_told(site):
    assert pages.check_site() == 3
    deck = site / "slides/session-1.html"
    deck.parent.mkdir()
    deck.write_text('<script src="https://example.org/reveal.js"></script>')
    with pytest.raises(ValueError, match=r"session-1\.html needs another server"):
        pages.check_site()
