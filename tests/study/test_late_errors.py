"""Faults of parameters and folders that chapters once met late: the second cell says them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genoattn import tracks
from genoattn.annotate import load_contigs
from genoattn.evaluation.calls import find_peaks
from genoattn.genome.formats import write_fasta
from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.study import parameters
from genoattn.study.parameters import Checked, ParameterError
from genoattn.study.run import Run

WRONG = [
    ("curation", {"tables": ["a.tsv", "a.tsv"]}, "'tables' must name everything once, but has 'a"),
    ("curation", {"novelty": ["a", "b", "a"]}, "'novelty' must name everything once"),
    ("training", {"tolerances": []}, r"'tolerances' must have 1 or more members, not 0: \[\]"),
    ("training", {"tolerances": [5, 5]}, "'tolerances' must name everything once, but has 5 2 ti"),
    ("training", {"others": ["a", "a"]}, "'others' must name everything once"),
    ("training", {"readings": [" "]}, "'readings' must not be empty"),
    ("training", {"weights": "../x"}, r"'weights' must be a plain name.*'\.\./x'; it is to be tr"),
    ("training", {"weights": "a/b"}, "'weights' must be a plain name"),
    ("training", {"weights": ""}, "'weights' must not be empty"),
    ("training", {"cuts": [3, 2, 1]}, "'cuts' must be three increasing positions, or none"),
    ("training", {"cuts": [3]}, "'cuts' must be three increasing positions, or none"),
    ("training", {"d_model": 5}, "'d_model' must be even, not 5"),
    ("output", {"n_bootstrap": 10**6}, "'n_bootstrap' must be a whole number from 10 to 100000"),
    ("training", {"weights": "mine.safetensors"}, "'weights' must be a plain name, without a dot"),
    ("training", {"weights": ".mine"}, "'weights' must be a plain name, without a dot in front"),
    ("curation", {"fasta": "mine.fa"}, "'fasta' is read if source is 'files', but source is 'synt"),
    ("curation", {"source": "ecoli", "tables": ["a"]}, "'tables' is read if source is 'files'"),
    ("gene_starts", {"gff": "mine.gff"}, "'gff' is read if source is 'files'"),
    ("heads", {"k_census": 10**9}, "'k_census' must be a whole number from 2 to 10000"),
    (
        "output",
        {"shared_box": [1, 10**9]},
        "'shared_box' must be a list of whole numbers from 1 to",
    ),
    ("heads", {"run_dir": "~/mine"}, "'run_dir' must be a whole path"),
    ("curation", {"genome_length": 10**13}, "'genome_length' must be a whole number from 10000 to"),
    ("your_genome", {"gff": "mine.gff"}, "'gff' needs fasta, the sequences that it annotates"),
    ("your_genome", {"fasta": " "}, "'fasta' must not be empty"),
    ("training", {"heads": 10**9}, "'heads' must be at most 1,000, not 1,000,000,000"),
    ("training", {"segment": 10**9}, "'batch' times segment and context must be at most"),
    ("training", {"learning_rate": 0}, "'learning_rate' must be greater than 0, not 0"),
    ("training", {"learning_rate": float("inf")}, "'learning_rate' must be a number.* not inf"),
    ("heads", {"width": 6}, "'width' must be odd, as it has a centre, not 6"),
    ("heads", {"wide": 22}, "'wide' must be odd"),
    ("heads", {"context": 40}, "'context' must be odd"),
    ("heads", {"boxes": ["-35"]}, "'boxes' must have 2 members, not 1"),
    ("heads", {"boxes": ["-35", "-35"]}, "'boxes' must name everything once"),
    ("heads", {"place": 0}, "'place' must be a position: .* there is no 0, not 0"),
    ("output", {"widths": []}, "'widths' must have 1 or more members"),
    ("output", {"shared_box": [25, 7]}, "'shared_box' must give the nearer distance first"),
    ("output", {"shared_box": [7]}, "'shared_box' must have 2 members"),
    ("your_genome", {"heads": ["1.2", "1.2"]}, "'heads' must name everything once, but has '1.2'"),
    ("your_genome", {"name": "a/b"}, "'name' must be of letters, digits.*, not 'a/b'"),
    ("your_genome", {"name": ".."}, "'name' must be of letters"),
    ("your_genome", {"name": "my genome"}, "'name' must be of letters"),
    ("your_genome", {"name": "a" * 300}, "'name' must have at most 200 letters"),
    ("your_genome", {"email": ""}, "'email' must be an e-mail address, somebody@somewhere, not ''"),
    ("your_genome", {"email": "a@b\nx y"}, "'email' must be an e-mail address"),
    ("atlas", {"width": 4}, "'width' must be odd"),
    ("dependence", {"seeds": ["a", "a"]}, "'seeds' must name everything once"),
    ("engine", {"lengths": []}, "'lengths' must have 1 or more members"),
    ("engine", {"chunks": [5, 5]}, "'chunks' must name everything once"),
    ("engine", {"results_dir": ""}, "'results_dir' must not be empty"),
]
for _chapter, _region in (("heads", "region"), ("dependence", "map"), ("atlas", "region")):
    _first, _last = f"{_region}_first", f"{_region}_last"
    WRONG += [
        (_chapter, {_first: 0}, f"'{_first}' must be a position"),
        (_chapter, {_last: 0}, f"'{_last}' must be a position"),
        (
            _chapter,
            {_first: 5, _last: -5},
            f"'{_first}' must be at most '{_last}', but is 5 and '{_last}' is -5",
        ),
    ]


def defaults(chapter, **given):
    schema = import_module(f"genoattn.chapters.{chapter}").PARAMETERS
    return schema, {name: one.default for name, one in schema.items()} | given


@pytest.mark.parametrize(("chapter", "given", "says"), WRONG)
def test_the_second_cell_says_what_is_wrong(chapter, given, says):
    schema, namespace = defaults(chapter, **given)
    with pytest.raises(ParameterError, match=f"^{chapter}: parameter {says}") as caught:
        parameters.check(schema, namespace)
    assert "\n" not in str(caught.value)


def test_weights_that_are_there_may_be_a_file():
    schema, namespace = defaults("training", train=False, weights="folder/a.safetensors")
    assert parameters.check(schema, namespace).weights == "folder/a.safetensors"


@pytest.mark.parametrize("name", ["run_dir", "results_dir"])
def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path, name):
    file = tmp_path / "file"
    file.write_text("")
    whole = {"run_dir": str(tmp_path / "run"), "results_dir": str(tmp_path / "results")}
    for folder in (str(file), str(file / "deeper"), "/proc/none/deeper"):  # nor can root
        p = Checked(*defaults("heads", **(whole | {name: folder})))
        with pytest.raises(ParameterError, match=rf"heads: parameter '{name}': {folder} cannot be"):
            Run.of(p)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    Run.of(Checked(*defaults("heads", **whole)))
    assert {path.name for path in tmp_path.rglob("*")} == {"file", "run"}  # the lock went with it


def test_a_test_part_without_a_site_is_named(tmp_path):
    run = Run(tmp_path)
    codes = np.zeros(100, np.uint8)
    run.__dict__["study"] = type("Study", (), {"genome": Genome("toy", codes)})()
    sites = pd.DataFrame({"position": [5, 50], "strand": ["+", "-"]})
    run.check_test(Split.at((40, 60, 80), 100), sites, "some")
    with pytest.raises(ValueError, match=r"no site of some lies in the test part of toy \(61 to 8"):
        run.check_test(Split.at((60, 80, 90), 100), sites, "some")
    with pytest.raises(ValueError, match=r"block: with 15 nt, the 20 nt .* at most 10$"):
        run.check_test(Split.at((40, 60, 80), 100), sites, "some", block=15)


def test_a_contig_named_all_is_no_word_for_all_contigs(tmp_path):
    path = tmp_path / "a.fa"
    write_fasta(
        [Genome(name, np.zeros(50, np.uint8), circular=False) for name in ("all", "b")], path
    )
    assert not load_contigs(path, ["b"])[0].circular
    with pytest.raises(ValueError, match=r"a\.fa: a contig is named 'all', .*; rename it"):
        load_contigs(path, ["all"])


@pytest.mark.parametrize("name", ["a/b", "..", "für", "a\\b", "x" * 256])
def test_contig_names_that_no_hub_holds(name):
    genomes = [Genome(one, np.zeros(5, np.uint8)) for one in ("fine.1|x", name)]
    with pytest.raises(ValueError, match=r"own\.fa: contig "):
        tracks.check_contig_names(genomes, Path("own.fa"))
    tracks.check_contig_names(genomes[:1], "own.fa")


@pytest.mark.parametrize("shape", [(5,), (1, 5), (3, 5), (2, 5, 1)])
def test_peaks_are_looked_for_on_two_strands(shape):
    with pytest.raises(ValueError, match=r"the track of a has shape .*, not \(2, L\)"):
        find_peaks({"a": np.ones(shape)}, 0.5)
    with pytest.raises(ValueError, match="no track"):
        find_peaks({}, 0.5)


@pytest.mark.parametrize("position", [-1, 1.5, float("nan"), "x"])
def test_a_peak_at_no_position_is_refused(tmp_path, position):
    row = {"contig": "a", "position": position, "strand": "+", "output": 0.5}
    with pytest.raises(ValueError, match="the position of peak 2 must be a whole number, 0 or mo"):
        tracks.write_bed(tmp_path / "a.bed", pd.DataFrame([row | {"position": 3}, row]))
    assert list(tmp_path.iterdir()) == []


def test_an_empty_contig_has_no_track(tmp_path):
    values = {"a": np.ones(5), "b": np.ones(0)}
    with pytest.raises(ValueError, match="the track of b is empty"):
        tracks.write_bigwig(tmp_path / "a.bw", values)
    assert list(tmp_path.iterdir()) == []
