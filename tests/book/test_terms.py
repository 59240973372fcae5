from __future__ import annotations

from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.utils import new_document

from genoattn.book import terms

PLACES = {"-10 box": "g.html#box", "operon": "g.html#operon", "box": "g.html#any"}


def page(*blocks: nodes.Node) -> nodes.document:
    document = new_document("page", get_default_settings())
    document.extend(blocks)
    return document


def said(text: str) -> nodes.paragraph:
    return nodes.paragraph(text, text)


def test_the_first_use_of_a_term_is_a_link_and_the_text_stays():
    one = page(said("Operons have a −10 box. An operon"), said("has a -10 box and a box."))
    before = one.astext()
    assert terms.link(one, PLACES) == ["operon", "-10 box", "box"], "the longest term counts"
    links = [*one.findall(nodes.reference)]
    assert [(x.astext(), x["refuri"]) for x in links] == [
        ("Operons", "g.html#operon"), ("−10 box", "g.html#box"), ("box", "g.html#any")
    ]  # fmt: skip
    assert one.astext() == before


@pytest.mark.parametrize(
    "text", ["boxing", "a-box", "box-like", "the inbox", "−35 boxer", "an operonic gene"]
)
def test_a_part_of_a_word_is_no_term(text):
    assert terms.link(page(said(text)), PLACES) == []


def test_headings_code_tables_and_links_stay():
    text = "operon"
    kept = [
        nodes.title(text, text),
        nodes.paragraph("", "", nodes.literal(text, text)),
        nodes.paragraph("", "", nodes.reference(text, text, refuri="elsewhere")),
        nodes.entry("", said(text)),
        nodes.literal_block(text, text),
    ]
    one = page(*kept, said("no term"))
    assert terms.link(one, PLACES) == []
    assert [x["refuri"] for x in one.findall(nodes.reference)] == ["elsewhere"]
    one.append(nodes.paragraph("", "", nodes.strong(text, text)))
    assert terms.link(one, PLACES) == ["operon"], "emphasised words are words"


def test_without_a_glossary_nothing_is_linked():
    assert terms.link(page(said("operon")), {}) == []


def test_pages_of_the_book_are_linked_to_the_glossary_and_reference_pages_are_not():
    objects = [
        ("operon", "operon", "term", "book/learn/glossary", "term-operon", -1),
        ("box", "box", "label", "book/intro", "box", -1),
    ]
    domain = SimpleNamespace(get_objects=lambda: objects)
    app = SimpleNamespace(
        builder=SimpleNamespace(
            format="html", get_relative_uri=lambda page, where: f"from {page} to {where}"
        ),
        env=SimpleNamespace(get_domain=lambda name: domain),
    )
    for name, n in (("book/study/01_curation", 1), ("book/learn/glossary", 0), ("book/api/x", 0)):
        one = page(said("An operon and a box."))
        terms._link(app, one, name)
        links = [x["refuri"] for x in one.findall(nodes.reference)]
        assert links == [f"from {name} to book/learn/glossary#term-operon"] * n
