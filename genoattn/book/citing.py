"""How the book cites, author and year in round brackets; an extension of Sphinx.

*Barne et al. (1997)*, *(Barne et al., 1997)*, and a list of references sorted and labelled alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.plugin import register_plugin as register_reference_style
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

__all__ = ["AuthorYear", "References", "setup"]


class _Labels(BaseLabelStyle):  # type: ignore[misc]
    """Labels of the list of references: first author and year, with a letter where two agree."""

    def format_labels(self, entries: Iterable[Entry]) -> Iterator[str]:
        """Give the label of each entry."""
        plain = [_label(entry) for entry in entries]
        many, seen = Counter(plain), Counter[str]()
        for label in plain:
            yield label + ("abcdefghijklmnopqrstuvwxyz"[seen[label]] if many[label] > 1 else "")
            seen[label] += 1


def _label(entry: Entry) -> str:
    """Write first author and year; an entry without a person has its title."""
    persons = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [str(one) for one in persons[0].rich_last_names] if persons else []  # without TeX
    name = " ".join(names) or entry.fields.get("title", entry.key)
    return f"{name} {entry.fields.get('year', '')}".strip().replace("{", "").replace("}", "")


class References(Style):  # type: ignore[misc]
    """The list of references: as BibTeX's plain style, by author and year."""

    default_sorting_style = "author_year_title"
    default_label_style = "genoattn"


def _round() -> BracketStyle:
    """Round brackets."""
    return BracketStyle(left="(", right=")")


@dataclass
class AuthorYear(AuthorYearReferenceStyle):
    """Citations in the text, with the year in round brackets."""

    bracket_textual: BracketStyle = field(default_factory=_round)
    bracket_parenthetical: BracketStyle = field(default_factory=_round)
    bracket_author: BracketStyle = field(default_factory=_round)
    bracket_label: BracketStyle = field(default_factory=_round)
    bracket_year: BracketStyle = field(default_factory=_round)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx, which calls this because ``_config.yml`` names the module."""
    register_plugin("pybtex.style.labels", "genoattn", _Labels, force=True)
    register_plugin("pybtex.style.formatting", "genoattn", References, force=True)
    register_reference_style(
        "sphinxcontrib.bibtex.style.referencing", "author_year_round", AuthorYear, force=True
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
