from __future__ import annotations

from pathlib import Path

import pytest
from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.utils import new_document

from genoattn.book import quizzes
from genoattn.book.pages import toc_pages

ROOT = Path(__file__).parents[2]

ASKED = """
a/page:
  - question: What is 1 < 2?
    answers:
      - {text: "true", right: true, why: One is smaller.}
      - {text: "false", why: It is not.}
"""


@pytest.fixture
def asked(tmp_path):
    path = tmp_path / "quizzes.yaml"
    path.write_text(ASKED)
    return quizzes.quizzes(path)


def test_every_page_with_questions_is_in_the_book():
    pages = toc_pages(ROOT / "_toc.yml")
    assert set(quizzes.quizzes()) <= set(pages)
    study = {page for page in pages if page.startswith("book/study/")}
    assert study <= set(quizzes.quizzes()), "each chapter of the study ends with questions"


def test_a_question_is_written_without_a_script_and_its_answer_folded(asked):
    text = quizzes.as_html(asked["a/page"])
    assert "What is 1 &lt; 2?" in text
    assert "<script" not in text
    before, after = text.split("<details>")
    assert "Right" not in before
    assert "<p>Right is a.</p>" in after and "It is not." in after


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("right: true, ", "", "one answer with right: true"),
        ('text: "false", why', 'text: "false", right: true, why', "one answer with right: true"),
        (", why: It is not.", "", "needs its text and its why"),
        ("What is 1 < 2?", '""', "needs its text"),
    ],
)
def test_a_question_that_cannot_be_asked_is_told(old, new, said, tmp_path):
    path = tmp_path / "quizzes.yaml"
    path.write_text(ASKED.replace(old, new))
    with pytest.raises(ValueError, match=said) as caught:
        quizzes.quizzes(path)
    assert "a/page" in str(caught.value)


def test_questions_follow_the_last_section_of_their_page(monkeypatch, asked):
    class Environment:
        docname = "a/page"
        dependencies: list[str]

        def note_dependency(self, path):
            self.dependencies = [path]

    class App:
        env = Environment()

    monkeypatch.setattr(quizzes, "quizzes", lambda: asked)
    page = new_document("page", get_default_settings())
    page += nodes.section("", nodes.title("", "Page"), nodes.section("", nodes.title("", "Inner")))
    quizzes._append(App(), page)
    titles = [title.astext() for title in page.findall(nodes.title)]
    assert titles == ["Page", "Inner", "Check yourself"]
    assert len(page.children) == 1, "inside the page's own section"
    App.env.docname = "another"
    quizzes._append(App(), page)
    assert titles == [title.astext() for title in page.findall(nodes.title)]
