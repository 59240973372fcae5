"""The command for one's own genome: its files, its report, its warning, what it reads."""

from __future__ import annotations

import gzip
import io
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.book import own
from genoattn.book.own import Section
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card

CONFIG = AnnotatorConfig(layers=1, heads=2, d_model=8, d_head=4, window=16, downstream=5)


@pytest.fixture
def given(tmp_path, monkeypatch):
    """The options of a quick run on random sequence, and its text."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    Annotator(CONFIG).save("toy.safetensors", Card(genome="toy", config={}))
    letters = np.random.default_rng(0).choice(list("ACGT"), 2_000)
    text = ">one\n" + "".join(letters) + "\n"
    (tmp_path / "own.fa").write_text(text)
    options = ["--weights", "toy.safetensors", "--shuffled", "2000", "--threshold", "0.0"]
    return SimpleNamespace(options=options, text=text, folder=tmp_path)


def feed(monkeypatch, data):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))


class Loads(HTMLParser):
    """Collects what a page loads or links."""

    def __init__(self):
        super().__init__()
        self.found, self.images = [], []

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        self.found += [facts[key] for key in ("src", "href") if key in facts]
        if tag == "img":
            self.images.append(facts)


def test_random_sequence_gets_its_files_and_a_plain_warning(given, capsys):
    assert own.main(["own.fa", "--out", "to", *given.options]) == 0
    out, err = capsys.readouterr()
    assert "Warning: These sequences have no more peaks than a shuffled copy" in err
    assert "the tested species with the nearest GC content" in out
    page = (given.folder / "to/report.html").read_text()
    assert "<h2>What it reached on species like this one</h2>" in page
    assert "rich in G and C" not in page + err
    to = given.folder / "to"
    assert {str(path.relative_to(given.folder)) for path in to.iterdir()} <= {*out.split("\n")}
    peaks = pd.read_csv(to / "peaks.tsv", sep="\t")
    assert peaks["fdr"].between(0, 1).all() and peaks["position_1based"].min() >= 1
    page = (to / "report.html").read_text()
    assert "Do not take the peaks for start" in page and "****" not in page
    loads = Loads()
    loads.feed(page)
    assert all(one.startswith("data:") for one in loads.found), "the report loads nothing"
    assert len(loads.images) == 2 and all(one["alt"] for one in loads.images)


def test_standard_input_gives_the_same_plain_or_packed(given, monkeypatch):
    assert own.main(["own.fa", "--out", "file", *given.options]) == 0
    for name, data in (
        ("plain", given.text.encode()),
        ("packed", gzip.compress(given.text.encode())),
    ):
        feed(monkeypatch, data)
        assert own.main(["-", "--out", name, *given.options]) == 0
        for file in ("peaks.tsv", "output.plus.bw"):
            wanted = (given.folder / "file" / file).read_bytes()
            assert (given.folder / name / file).read_bytes() == wanted


def test_an_empty_input_is_one_sentence(given, monkeypatch, capsys):
    feed(monkeypatch, b"")
    assert own.main(["-", *given.options]) == 1
    assert len(capsys.readouterr().err.strip().split("\n")) == 1


def test_help_says_what_is_written_and_what_codes_mean(capsys):
    with pytest.raises(SystemExit) as ended:
        own.main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "report.html" in said and "exit codes:" in said and "standard" in said


def test_whoever_has_more_to_say_adds_a_section():
    rows = pd.DataFrame({"a<b": ["<script>"]})
    page = own.report([Section("Lineage & GC", "First.\n\nSecond.", rows=rows)], "Mine")
    assert "<h2>Lineage &amp; GC</h2>\n<p>First.</p>\n<p>Second.</p>" in page
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_a_genome_rich_in_g_and_c_is_warned_of_plainly(given, capsys):
    (given.folder / "own.fa").write_text(">one\n" + "GCGCA" * 400 + "\n")
    assert own.main(["own.fa", "--out", "to", *given.options]) == 0
    assert "Warning: 80.0% of this genome is G or C, more than 55%" in capsys.readouterr().err
    assert "<h2>Warning: rich in G and C</h2>" in (given.folder / "to/report.html").read_text()
