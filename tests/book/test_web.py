"""Addresses, descriptions and what is written beside the pages; no Sphinx is run."""

from __future__ import annotations

import base64
import hashlib
from types import SimpleNamespace
from xml.etree import ElementTree

import jinja2
import pytest
from docutils import nodes
from docutils.core import publish_doctree
from docutils.utils import new_document

from genoattn.book import build, web
from genoattn.book.web import Published


@pytest.fixture
def settings(tmp_path):
    """Write the settings, and read them back."""

    def read(text, **given):
        path = tmp_path / "publish.yml"
        path.write_text(text)
        return web.published(path, given)

    return read


def test_a_book_that_is_not_published_has_no_address(settings):
    here = settings('repository: ""\n')
    assert here == Published() and here.base == "" and here.repository == ""
    assert here.launches("book/study/03_heads") == {}


@pytest.mark.parametrize(
    ("address", "version", "base"),
    [
        ("https://github.com/Some-One/book", "", "https://some-one.github.io/book/"),
        ("https://github.com/a/b.git", "dev", "https://a.github.io/b/dev/"),
        ("https://github.com/a/a.github.io/", "stable", "https://a.github.io/stable/"),
    ],
)
def test_the_address_follows_from_the_repository(settings, address, version, base):
    assert settings(f"repository: {address}\n", GENOATTN_VERSION=version).base == base


def test_the_variable_goes_before_the_file(settings):
    here = settings(
        "repository: https://github.com/a/b\n", GENOATTN_REPOSITORY="https://github.com/c/d"
    )
    assert here.repository == "https://github.com/c/d"


@pytest.mark.parametrize(
    ("text", "given", "says"),
    [
        ("repository: gitlab.com/a/b\n", {}, "must be like https://github.com"),
        ("repo: x\n", {}, "has one key"),
        ("- a\n", {}, "has one key"),
        ('repository: ""\n', {"GENOATTN_VERSION": "../up"}, "must be stable or dev"),
    ],
)
def test_a_wrong_setting_is_named(settings, text, given, says):
    with pytest.raises(ValueError, match=says):
        settings(text, **given)


def test_chapters_are_launched_from_their_sources_and_other_pages_are_not():
    here = Published("a", "b", "stable", "v1.0")
    found = here.launches("book/demo/05_your_genome")
    assert found["Colab"].endswith("/a/b/blob/v1.0/notebooks/05_your_genome.ipynb")
    assert found["Binder"] == (
        "https://mybinder.org/v2/gh/a/b/v1.0?urlpath=lab%2Ftree%2Fnotebooks%2F05_your_genome.ipynb"
    )
    assert here.launches("book/learn/model") == {}
    assert "/main/" in Published("a", "b", "dev").launches("book/study/03_heads")["Colab"]


def test_buttons_get_the_names_that_the_theme_leaves_out():
    page = (
        '<summary><span class="toctree-toggle"></span></summary>'
        '<button class="search-button-field" title="Search" aria-label="Search">Search</button>'
        '<button aria-label="Dark"><i class="theme-switch fa-sun" data-mode="x" title="Light"></i>'
        '</button><summary aria-label="Toggle hidden content"><p>Show code</p></summary>'
    )
    found = web.mended(page)
    assert found.endswith("<summary><p>Show code</p></summary>")
    assert found.startswith('<summary aria-label="Pages of this part"><span')
    assert 'search-button-field" title="Search">' in found and 'aria-label="Dark"' in found
    assert 'data-mode="x"></i>' in found
    assert web.mended(found) == found


def test_long_signatures_are_lines_and_other_lists_stay():
    page = (
        '<dl class="py function"><dt class="sig sig-object py" id="a"><dl><dd><em>x</em></dd></dl>)'
        "</dt><dd><dl><dt>k</dt><dd>v</dd></dl></dd></dl>"
    )
    found = web.mended(page)
    lines = '<span class="sig-lines"><span class="sig-line"><em>x</em></span></span>)</dt>'
    assert lines in found and found.endswith("<dd><dl><dt>k</dt><dd>v</dd></dl></dd></dl>")


def test_tables_that_scroll_are_reached_by_the_keyboard():
    box = '<div class="pst-scrollable-table-container"><table></table></div>'
    found = web.mended(box)
    assert found.count('tabindex="0"') == 1 and web.mended(found) == found


def test_a_picture_leads_to_itself_unless_it_leads_elsewhere():
    picture = '<img alt="a" src="../_images/a.png" />'
    found = web.mended(f"<p>{picture}</p>")
    assert found == f'<p><a class="large" href="../_images/a.png">{picture}</a></p>'
    assert web.mended(found) == found
    other = f'<a href="x.html">{picture}</a><img src="../_static/logo.png">'
    assert web.mended(other) == other


def test_pictures_of_one_cell_get_each_its_own_words():
    pictures = [b"first", b"second", b"without words"]
    outputs = [
        {
            "data": {"image/png": base64.b64encode(data).decode()},
            "metadata": {"image/png": {"alt": data.decode()}} if number < 2 else {},
        }
        for number, data in enumerate(pictures)
    ]
    outputs[1]["data"]["image/png"] = [*outputs[1]["data"]["image/png"]]  # as lines of a file
    document = new_document("page")
    for data in pictures:
        name = hashlib.sha256(data).hexdigest()
        document += nodes.image(uri=f"/jupyter_execute/{name}.png", alt="of the cell")
    cells = [{"source": "text"}, {"outputs": [{"data": {"text/plain": "1"}}, *outputs]}]
    assert web.name_pictures(document, {"cells": cells}) == 2
    assert [one["alt"] for one in document.findall(nodes.image)] == [
        "first",
        "second",
        "of the cell",
    ]


def test_the_root_leads_to_what_is_released_as_soon_as_there_is_some(tmp_path):
    site, all_ = tmp_path / "site", tmp_path / "all"
    site.mkdir()
    with pytest.raises(ValueError, match="not rendered"):
        web.place(site, all_, "dev")
    for name in ("index.html", "old.html", "robots.txt"):
        (site / name).write_text(name)
    web.place(site, all_, "dev")
    assert "url=dev/" in (all_ / "index.html").read_text()
    assert (all_ / "robots.txt").read_text() == "robots.txt"
    web.place(site, all_, "stable")
    (site / "old.html").unlink()
    assert build.main(["place", str(all_), "dev", "--site", str(site)]) == 0
    assert "url=stable/" in (all_ / "index.html").read_text()
    assert (all_ / "stable/old.html").exists() and not (all_ / "dev/old.html").exists()
    assert build.main(["place", str(all_), "nightly", "--site", str(site)]) == 1


def test_a_page_is_described_by_its_answer_in_short():
    page = publish_doctree("A first paragraph that is surely longer than forty characters.\n")
    assert web.described(page).startswith("A first paragraph")
    box = nodes.admonition(classes=["in-short"])
    box += nodes.paragraph(text="Is a question of more than forty letters asked in this box?")
    box += nodes.paragraph(text="The answer, in a sentence of more than forty letters. " * 9)
    page += box
    text = web.described(page)
    assert text.startswith("The answer") and text.endswith("…") and 120 < len(text) <= 160
    assert web.described(publish_doctree("Short.\n")) == ""


def test_the_site_map_lists_each_page_once():
    text = web.site_map("https://a.github.io/b/", ["book/z", "book/a&b"])
    places = [one.text for one in ElementTree.fromstring(text).iter() if one.tag.endswith("loc")]
    assert places == ["https://a.github.io/b/book/a&b.html", "https://a.github.io/b/book/z.html"]


def test_of_mathjax_only_what_pages_load_stays(tmp_path):
    names = ("tex-chtml.js", "tex-svg.js", "sre/sre.js", "output/chtml/fonts/woff-v2/a.woff")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert web.trim_mathjax(tmp_path) == 2
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert left == {"tex-chtml.js", "output/chtml/fonts/woff-v2/a.woff"}
    assert not (tmp_path / "sre").exists()
    assert web.trim_mathjax(tmp_path / "none") == 0


@pytest.fixture
def app(tmp_path, monkeypatch):
    """What the extension asks of Sphinx."""
    for name in ("GENOATTN_REPOSITORY", "GENOATTN_VERSION"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "book").mkdir()
    (tmp_path / "book/publish.yml").write_text("repository: https://github.com/a/b\n")
    out = tmp_path / "out"
    (out / "_static").mkdir(parents=True)
    return SimpleNamespace(
        srcdir=tmp_path,
        outdir=out,
        builder=SimpleNamespace(name="html"),
        env=SimpleNamespace(found_docs={"book/intro"}),
    )


def theme_buttons():
    """The macros by which the theme draws buttons; they refuse what they do not know."""
    known = jinja2.Environment(loader=jinja2.PackageLoader("sphinx_book_theme", "theme"))
    known.globals.update(translate=str, pathto=lambda path, _: path)
    return known.get_template("sphinx_book_theme/macros/buttons.html").module


def test_a_page_gets_its_tags_and_buttons_and_no_script_of_thebe(app):
    page = publish_doctree('A paragraph with "quotes" that is longer than forty characters.\n')
    thebe = SimpleNamespace(filename=None, attributes={"body": 'const THEBE_JS_URL = "x"'})
    own = SimpleNamespace(filename="_static/a.js", attributes={})
    context = {"script_files": [thebe, own], "title": "<em>Heads</em> &amp; more"}
    context["header_buttons"] = []
    web._dress(app, "book/study/03_heads", "page.html", context, page)
    assert context["script_files"] == [own]
    assert 'property="og:title" content="Heads &amp; more"' in context["metatags"]
    assert 'name="description" content="A paragraph with &quot;quotes&quot;' in context["metatags"]
    assert "https://a.github.io/b/_static/preview.png" in context["metatags"]
    (group,) = context["header_buttons"]
    assert [one["text"] for one in group["buttons"]] == ["Binder", "Colab"]
    drawn = theme_buttons().render_button_group(**{k: v for k, v in group.items() if k != "type"})
    assert "mybinder.org" in drawn and "colab.research" in drawn


def test_what_servers_ask_for_is_written_when_the_build_succeeded(app):
    web._finish(app, ValueError("failed"))
    assert not (app.outdir / "robots.txt").exists()
    web._finish(app, None)
    assert "https://a.github.io/b/sitemap.xml" in (app.outdir / "robots.txt").read_text()
    assert "book/intro.html" in (app.outdir / "sitemap.xml").read_text()
    assert 'href="https://a.github.io/b/"' in (app.outdir / "404.html").read_text()


def test_the_theme_is_told_the_repository(app):
    config = SimpleNamespace(html_baseurl="", html_theme_options={"show_toc_level": 2})
    web._configure(app, config)
    assert config.html_baseurl == "https://a.github.io/b/"
    assert config.html_theme_options["repository_url"] == "https://github.com/a/b"
    assert config.html_theme_options["show_toc_level"] == 2
