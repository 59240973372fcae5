"""Links to the glossary where a page first uses a term; an extension of Sphinx.

The words of the glossary are found in the running text, once on each page: not in headings, code,
tables or what is a link already. So no text has to be marked, and what a chapter says of its own
numbers has its links, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

__all__ = ["link", "setup"]


_GLOSSARY = "book/learn/glossary"
_LOOKED_UP = (
    _GLOSSARY,
    "book/api/",
    "book/bibliography",
    "book/built",
    "book/formats",
    "book/reference",
)
"""Pages that are looked things up in, by the beginnings of their names."""

_APART = (nodes.reference, nodes.literal, nodes.math, nodes.raw, nodes.title, nodes.entry)
"""What stays as it is, with all that is in it."""


def link(doctree: nodes.Element, places: Mapping[str, str]) -> list[str]:
    """Make the first use of each term in the paragraphs of a page a link.

    Parameters
    ----------
    doctree : Element
        Of a page; changed.
    places : mapping of str to str
        Term, as the glossary has it -> address.

    Returns
    -------
    list of str
        The terms that were found, in the order of the text.
    """
    if not places:
        return []
    terms = {_key(term): term for term in places}
    words = "|".join(map(_pattern, sorted(terms, key=len, reverse=True)))
    one = re.compile(rf"(?<![\w−-])(?:{words})s?(?![\w-])", re.IGNORECASE)
    found: list[str] = []
    for text in [*doctree.findall(nodes.Text)]:
        if not _runs(text):
            continue
        parts: list[nodes.Node] = []
        end = 0
        for match in one.finditer(text):
            key = _key(match[0])
            term = terms.get(key) or terms[key.removesuffix("s")]
            if term not in found:
                found.append(term)
                shown = nodes.inline(match[0], match[0])
                address = places[term]
                parts += [
                    nodes.Text(text[end : match.start()]),
                    nodes.reference("", "", shown, internal=True, refuri=address, classes=["term"]),
                ]
                end = match.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[end:])])
    return found


def _key(term: str) -> str:
    """A term as it is compared: capitals and the two forms of the minus are the same."""
    return term.lower().replace("−", "-")


def _pattern(key: str) -> str:
    return re.escape(key).replace(r"\-", "[−-]")


def _runs(text: nodes.Node) -> bool:
    """Tell whether a text stands in a paragraph, and in nothing that stays as it is."""
    in_paragraph = False
    while (text := text.parent) is not None:
        if isinstance(text, _APART):
            return False
        in_paragraph = in_paragraph or isinstance(text, nodes.paragraph)
    return in_paragraph


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx, which calls this because ``_config.yml`` names the module."""
    app.connect("doctree-resolved", _link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _link(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link the terms of a page that is read from its beginning."""
    if page.startswith(_LOOKED_UP) or app.builder.format != "html":
        return
    objects = app.env.get_domain("std").get_objects()
    link(
        doctree,
        {
            name: f"{app.builder.get_relative_uri(page, where)}#{label}"
            for name, _, kind, where, label, _ in objects
            if kind == "term"
        },
    )
