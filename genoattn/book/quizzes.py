"""Questions at the end of pages, folded answers, no script; an extension of Sphinx.

The questions stand in ``quizzes.yaml`` beside this module: page -> questions, each with its
answers, of which one is right, and for each why. A page that has questions gets them after its last
section; the answer opens when it is pressed, works without a network, and prints.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from genoattn.study.settings import read_settings

__all__ = ["Question", "as_html", "quizzes", "setup"]


_FILE = Path(__file__).with_suffix(".yaml")
_TITLE = "Check yourself"


@dataclass(frozen=True)
class Question:
    """A question and its answers: text, whether it is right, and why or why not."""

    text: str
    answers: tuple[tuple[str, bool, str], ...]


def quizzes(path: str | Path = _FILE) -> dict[str, list[Question]]:
    """Read the questions of all pages.

    Raises
    ------
    ValueError
        Names the page and the question that has not one right answer, or an answer without why.
    """
    found = {}
    for page, asked in read_settings(Path(path)).items():
        found[page] = [_question(f"{path}, {page}", one) for one in asked]
    return found


def _question(where: str, given: dict[str, Any]) -> Question:
    """Check and read one question."""
    text = str(given.get("question", ""))
    answers = tuple(
        (str(one.get("text", "")), bool(one.get("right", False)), str(one.get("why", "")))
        for one in given.get("answers", [])
    )
    if not text or len(answers) < 2:
        raise ValueError(f"{where}: a question needs its text and at least two answers: {text!r}")
    if sum(right for _, right, _ in answers) != 1:
        raise ValueError(f"{where}: {text!r} must have one answer with right: true")
    if not all(said and why for said, _, why in answers):
        raise ValueError(f"{where}: each answer to {text!r} needs its text and its why")
    return Question(text, answers)


def as_html(questions: list[Question]) -> str:
    """Write the questions of a page as HTML: a list each, the answer folded."""
    parts = []
    for number, one in enumerate(questions, start=1):
        letters = "abcdefgh"[: len(one.answers)]
        options = "".join(f"<li>{html.escape(text)}</li>" for text, _, _ in one.answers)
        right = next(
            letter for letter, (_, yes, _) in zip(letters, one.answers, strict=True) if yes
        )
        reasons = "".join(
            f"<li>{'<strong>Right.</strong> ' if yes else ''}{html.escape(why)}</li>"
            for _, yes, why in one.answers
        )
        parts.append(
            f'<div class="quiz"><p><strong>{number}.</strong> {html.escape(one.text)}</p>'
            f'<ol type="a">{options}</ol>'
            f"<details><summary>Answer</summary><p>Right is {right}.</p>"
            f'<ol type="a">{reasons}</ol></details></div>'
        )
    return "\n".join(parts)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx, which calls this because ``_config.yml`` names the module."""
    app.connect("doctree-read", _append)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _append(app: Sphinx, doctree: nodes.document) -> None:
    """Add the questions of a page after its last section."""
    asked = quizzes().get(app.env.docname)
    if not asked:
        return
    app.env.note_dependency(str(_FILE))
    home = next(doctree.findall(nodes.section), doctree)  # the page's own, which holds all others
    section = nodes.section("", nodes.title(_TITLE, _TITLE), ids=["check-yourself"])
    section.append(nodes.raw("", as_html(asked), format="html"))
    home.append(section)
