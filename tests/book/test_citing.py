from __future__ import annotations

from pathlib import Path

from pybtex.database import parse_file, parse_string

from genoattn.book import citing

ROOT = Path(__file__).parents[2]


def labels(data):
    return [*citing._Labels().format_labels(data.entries.values())]


def test_two_works_of_an_author_and_year_have_letters():
    data = parse_string(
        "@article{a, author={Van Rossum, G. and B, C}, year=2021}"
        "@article{b, author={Van Rossum, G.}, year=2021}"
        "@misc{c, title={A {DNA} book}, year=2020}",
        "bibtex",
    )
    assert labels(data) == ["Van Rossum 2021a", "Van Rossum 2021b", "A DNA book 2020"]


def test_labels_of_the_book_differ():
    found = labels(parse_file(str(ROOT / "book/references.bib")))
    assert len(set(found)) == len(found)
    assert {"Clauwaert 2021", "Künsch 1989", "Mölder 2021"} <= {*found}


def test_every_bracket_is_round():
    style = citing.AuthorYear()
    brackets = [getattr(style, name) for name in vars(style) if name.startswith("bracket_")]
    assert len(brackets) == 5
    assert {(str(one.left), str(one.right)) for one in brackets} == {("(", ")")}
