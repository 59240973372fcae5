"""The command for one's own genome: its files, its report, its warning, what it reads."""

from __future__ import annotations

import gzip
import io
import json
import os
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from toy_genbank import record
from toy_pipe import piped

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


def test_genbank_comes_from_a_pipe_as_well(given):
    letters = given.text.split("\n")[1]
    data = record("one", letters, topology="linear").encode()
    (given.folder / "own.gbk").write_bytes(data)
    assert own.main(["own.gbk", "--out", "file", *given.options]) == 0
    with piped(given.folder / "pipe", gzip.compress(data)) as pipe:
        assert own.main([str(pipe), "--out", "pipe_out", *given.options]) == 0
    for file in ("peaks.tsv", "output.minus.bw"):
        wanted = (given.folder / "file" / file).read_bytes()
        assert (given.folder / "pipe_out" / file).read_bytes() == wanted


def test_the_second_of_two_annotations_into_one_folder_is_refused(given, held, capsys):
    other = held(given.folder / "to/run.lock")
    assert own.main(["own.fa", "--out", "to", *given.options]) == 1
    other.kill()
    other.wait()
    said = capsys.readouterr().err
    assert f"to is being written by process {other.pid}" in said
    assert "name another folder with --out" in said and len(said.strip().split("\n")) == 1
    assert own.main(["own.fa", "--out", "to", *given.options]) == 0, "a killed one holds nothing"
    assert not (given.folder / "to/run.lock").exists()


def test_a_folder_of_other_sequences_is_refused_and_stays(given, capsys):
    assert own.main(["own.fa", "--out", "to", *given.options]) == 0
    files = json.loads((given.folder / "to/manifest.json").read_text())["files"]
    assert {*files} == {one.name for one in (given.folder / "to").iterdir()} - {"manifest.json"}
    assert {*files["peaks.bed"]["from"]} == {"own.fa", "toy.safetensors"}
    before = (given.folder / "to/peaks.tsv").read_bytes()
    assert own.main(["own.fa", "--out", "to", *given.options, "--apart", "50"]) == 0
    fewer = (given.folder / "to/peaks.tsv").read_bytes()
    assert len(fewer) < len(before), "the same sequences may be annotated again"
    (given.folder / "other.fa").write_text(given.text.replace("one", "two"))
    capsys.readouterr()
    assert own.main(["other.fa", "--out", "to", *given.options]) == 1
    assert "to holds the annotation of other sequences than other.fa" in capsys.readouterr().err
    assert (given.folder / "to/peaks.tsv").read_bytes() == fewer


def test_a_folder_that_cannot_be_is_one_sentence(given, capsys):
    assert own.main(["own.fa", "--out", "own.fa/to", *given.options]) == 1
    said = capsys.readouterr().err
    assert "own.fa" in said and len(said.strip().split("\n")) == 1
    assert own.main(["own.fa", "--out", "own.fa", *given.options]) == 1
    assert "own.fa: a file, not a folder; name another one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--threshold", "nan", "must be a number from 0 to 1, not nan"),
        ("--threshold", "inf", "must be a number from 0 to 1"),
        ("--threshold", "2", "must be a number from 0 to 1, not 2.0"),
        ("--threshold", "ten", "must be a number from 0 to 1, not 'ten'"),
        ("--apart", "0", "must be a whole number, 1 or more, not 0"),
        ("--apart", "1.5", "must be a whole number, 1 or more, not '1.5'"),
        ("--shuffled", "-1", "must be a whole number from 1000 to 100000000, not -1"),
        ("--seed", "-1", "must be a whole number, 0 or more, not -1"),
    ],
)
def test_an_option_that_cannot_be_is_said_before_anything_is_read(option, value, says, capsys):
    with pytest.raises(SystemExit) as ended:
        own.main(["nowhere.fa", option, value])
    assert ended.value.code == 2
    assert f"argument {option}: {says}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{broken", "damaged"),
        ("[]", "damaged"),
        ('{"chapters": {}, "files": {"a": 1}}', "damaged"),
        ('{"chapters": {}, "files": []}', "damaged"),
        ('{"chapters": {}, "files": {"a": {"by": "b", "sha256": 1, "from": {}}}}', "damaged"),
    ],
)
def test_a_damaged_manifest_is_one_sentence(given, text, says, capsys):
    (given.folder / "to").mkdir()
    (given.folder / "to/manifest.json").write_text(text)
    assert own.main(["own.fa", "--out", "to", *given.options]) == 1
    said = capsys.readouterr().err
    assert f"to/manifest.json: {says}" in said and len(said.strip().split("\n")) == 1


def test_peaks_may_be_asked_farther_apart_than_any_contig_is_long(given):
    assert own.main(["own.fa", "--out", "to", *given.options, "--apart", str(10**30)]) == 0
    assert len(pd.read_csv(given.folder / "to/peaks.tsv", sep="\t")) == 2  # one a strand


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


def test_files_of_two_models_are_never_beside_each_other(given, monkeypatch, capsys):
    assert own.main(["own.fa", "--out", "to", *given.options]) == 0
    before = {path.name: path.read_bytes() for path in (given.folder / "to").iterdir()}

    def full(*parts):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(own, "report", full)
    assert own.main(["own.fa", "--out", "to", *given.options, "--apart", "50"]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (given.folder / "to").iterdir()} == before


def test_a_folder_in_the_place_of_a_file_is_said_before_anything_is_read(given, capsys):
    (given.folder / "to/report.html").mkdir(parents=True)
    assert own.main(["own.fa", "--out", "to", *given.options]) == 1
    assert "to/report.html: a folder where a file is to be written" in capsys.readouterr().err
    assert [path.name for path in (given.folder / "to").iterdir()] == ["report.html"]


def test_a_file_may_have_any_name(given):
    name = os.fsdecode(b"g\xff<b>.fa")
    (given.folder / "own.fa").rename(given.folder / name)
    assert own.main([name, "--out", "to", *given.options]) == 0
    assert "g\ufffd&lt;b&gt;.fa" in (given.folder / "to/report.html").read_text()


def test_a_model_of_other_sites_says_so(given, capsys):
    Annotator(CONFIG).save("tis.safetensors", Card(genome="toy", config={}, task="tis"))
    options = ["--weights", "tis.safetensors", *given.options[2:]]
    assert own.main(["own.fa", "--out", "to", *options]) == 0
    said = "tis.safetensors marks translation initiation sites (TIS)"
    assert f"Warning: {said}" in capsys.readouterr().err
    assert said in (given.folder / "to/report.html").read_text()


@pytest.mark.parametrize("stdin", [None, SimpleNamespace(buffer=io.BytesIO(b">a\n\n"))])
def test_what_is_wrong_with_the_standard_input_names_it(given, monkeypatch, capsys, stdin):
    monkeypatch.setattr("sys.stdin", stdin)
    assert own.main(["-", "--out", "to", *given.options]) == 1
    said = capsys.readouterr().err
    assert said.startswith("genoattn annotate: standard input") and "/tmp" not in said
