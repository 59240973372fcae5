from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from genoattn.genome.files import AnnotationError
from genoattn.genome.regions import region_masks
from genoattn.genome.sequence import GenomeError
from genoattn.study.inputs import StudyInputs, gene_start_inputs, load_inputs

TABLES = ("features", "operons", "terminators", "sites", "elements")


def assert_same(one: StudyInputs, other: StudyInputs) -> None:
    assert one.genome.name == other.genome.name
    assert one.genome.sequence == other.genome.sequence
    assert one.genome.circular == other.genome.circular
    for name in TABLES:
        left, right = getattr(one, name), getattr(other, name)
        assert (left is None) == (right is None), name
        if left is not None:
            pd.testing.assert_frame_equal(left, right, obj=name)


@pytest.fixture(scope="module")
def simulated() -> StudyInputs:
    return load_inputs("synthetic", seed=3, length=20_000)


@pytest.fixture
def own(tmp_path: Path) -> dict[str, Path]:
    """A genome, its annotation and two tables of sites, as a user would have them."""
    texts = {
        "fasta": ">mine a plasmid\nacgtacgtac\nGGGGGCCCCC\n",
        "gff": "mine\tx\tCDS\t3\t8\t.\t+\t0\tID=c;gene=abc;locus_tag=m1\n",
        "first": "position_1based\tstrand\tsource\tnote\n20\t-\told\tx\n1\t+\told\ty\n",
        "second": "strand\tposition_1based\tsource\n+\t1\tnew\n+\t1\tnew\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name: tmp_path / name for name in texts}


# Own files


def test_own_files_become_study_inputs(own: dict[str, Path], tmp_path: Path) -> None:
    inputs = load_inputs(
        "files", fasta=own["fasta"], gff=own["gff"], tables=[own["first"], own["second"]]
    )
    assert inputs.genome.sequence == "ACGTACGTACGGGGGCCCCC"
    assert inputs.sites.to_numpy().tolist() == [[0, "+", "new"], [0, "+", "old"], [19, "-", "old"]]
    assert inputs.features.to_numpy().tolist() == [[2, 8, "+", "CDS", "abc", "m1", False]]
    inputs.save(tmp_path / "inputs")
    assert_same(inputs, StudyInputs.read(tmp_path / "inputs"))


def test_own_sources_have_any_names_and_keep_their_order(
    own: dict[str, Path], simulated: StudyInputs, tmp_path: Path
) -> None:
    own["first"].write_text("position_1based\tstrand\tsource\n7\t+\tTEX+ \n1\t+\tд|$\n8\t-\tTEX+\n")
    inputs = load_inputs("files", fasta=own["fasta"], tables=[own["first"], own["second"]])
    assert inputs.sources == ("TEX+", "д|$", "new"), "as the tables name them"
    inputs.save(tmp_path / "inputs")
    assert StudyInputs.read(tmp_path / "inputs").sources == inputs.sources
    assert simulated.sources == ("sendseq", "smrt", "cappable", "regulondb"), "newest first"
    simulated.save(tmp_path / "inputs")
    assert StudyInputs.read(tmp_path / "inputs").sources == simulated.sources


def test_own_files_without_annotation_have_empty_tables(
    own: dict[str, Path], tmp_path: Path
) -> None:
    inputs = load_inputs("files", fasta=own["fasta"], tables=[own["first"]])
    assert [len(getattr(inputs, name)) for name in ("features", "operons", "terminators")] == [
        0
    ] * 3
    masks = region_masks(inputs.features, inputs.operons, len(inputs.genome))
    assert masks["noncoding_both"].all()
    inputs.save(tmp_path / "inputs")
    assert_same(inputs, StudyInputs.read(tmp_path / "inputs"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("position\tstrand\tsource\n1\t+\ta", "line 1: column 'position_1based' is missing"),
        ("position_1based\tstrand\n1\t+", "line 1: column 'source' is missing"),
        (
            "position_1based\tstrand\tsource\n1\t+\ta\n0\t+\ta",
            r"line 3: .* 0 is not within 1\.\.20",
        ),
        (
            "position_1based\tstrand\tsource\n21\t+\ta",
            r"line 2: .* 21 is not within 1\.\.20 of mine",
        ),
        (
            "position_1based\tstrand\tsource\n2.0\t+\ta",
            r"line 2: position_1based '2\.0' is not a w",
        ),
        ("position_1based\tstrand\tsource\n2\tplus\ta", "line 2: unknown strand 'plus'"),
        ("position_1based\tstrand\tsource\n2\t+\t", "line 2: no source is named"),
        ("position_1based\tstrand\tsource\n2\t+\tNA", "line 2: no source is named; write the name"),
        ("position_1based\tstrand\tsource\n2\t+\tCurated", "line 2: 'curated' is what the merged"),
        ("position_1based\tstrand\tsource\n2\t+\ta\x0bb", "line 2: .* sign that cannot be shown"),
        ("position_1based\tstrand\tsource\n2\t+", "line 2: 2 columns instead of 3"),
        ("position_1based\tstrand\tsource\n", "no rows"),
        ("", "empty; its first line should name the columns"),
    ],
)
def test_a_bad_table_of_ones_own_is_one_clear_error(
    own: dict[str, Path], rows: str, message: str
) -> None:
    own["first"].write_text(rows)
    with pytest.raises(AnnotationError, match=f"{re.escape(str(own['first']))}.*{message}"):
        load_inputs("files", fasta=own["fasta"], tables=[own["second"], own["first"]])


def test_own_files_need_one_sequence_and_a_table(own: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match="at least one table of sites"):
        load_inputs("files", fasta=own["fasta"])
    with pytest.raises(ValueError, match="source 'files' needs a genome"):
        load_inputs("files", tables=[own["first"]])
    with pytest.raises(ValueError, match="source 'coli' is not known; use 'ecoli', 'synthetic' or"):
        load_inputs("coli")  # type: ignore[arg-type]
    own["fasta"].write_text(">one\nACGT\n>two\nACGT\n")
    with pytest.raises(GenomeError, match=r"fasta: 2 sequences \(one, two, \.\.\.\); give one"):
        load_inputs("files", fasta=own["fasta"], tables=[own["first"]])


# Another task


def test_starts_of_coding_sequences_become_the_sites(own: dict[str, Path], tmp_path: Path) -> None:
    inputs, starts = gene_start_inputs("files", fasta=own["fasta"], gff=own["gff"])
    assert inputs.sites.to_numpy().tolist() == [[2, "+", "annotation"]]
    assert (starts.n_features, starts.n_pseudo, starts.n_partial) == (1, 0, 0)
    assert inputs.task == "tis"
    assert not inputs.published
    assert inputs.site == "translation initiation site (TIS)"
    assert "Another task" in inputs.note
    assert "Shine-Dalgarno" in [element.name for element in inputs.known_elements]
    inputs.save(tmp_path / "inputs")
    again = StudyInputs.read(tmp_path / "inputs")
    assert_same(inputs, again)
    assert again.task == "tis"
    (tmp_path / "inputs" / "task.txt").write_text("tsis\n")
    with pytest.raises(AnnotationError, match=r"task\.txt: task 'tsis' is not one of tss, tis"):
        StudyInputs.read(tmp_path / "inputs")
    (tmp_path / "inputs" / "task.txt").unlink()
    assert StudyInputs.read(tmp_path / "inputs").task == "tss"


def test_starts_of_a_simulation_are_start_codons() -> None:
    inputs, starts = gene_start_inputs("synthetic", seed=3, length=20_000)
    codes = inputs.genome.around(inputs.sites["position"], inputs.sites["strand"], [0, 1, 2])
    assert {"".join("ACGT"[c] for c in codon) for codon in codes} <= {"ATG", "GTG", "TTG"}
    assert starts.n_features == len(inputs.sites) + starts.n_pseudo
    assert starts.n_pseudo > 0
    assert inputs.elements is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gff": None}, "needs a genome and its annotation"),
        ({"source": "coli"}, "source 'coli' is not known"),
        ({"gff": "other\tx\tCDS\t3\t8\t.\t+\t0\tID=c\n"}, "feature of other, but .* is mine"),
        ({"gff": "mine\tx\tCDS\t3\t28\t.\t+\t0\tID=c\n"}, r"3\.\.28 is not within 1\.\.20"),
        ({"gff": "mine\tx\tgene\t3\t8\t.\t+\t0\tID=c\n"}, "no feature of the type 'CDS'"),
        ({"gff": "##gff-version 3\n"}, "no stranded feature of mine"),
        ({"fasta": ">mine\nACGT\n>plasmid\nACGT\n"}, "2 sequences"),
        ({"fasta": ""}, "empty"),
    ],
)
def test_bad_input_of_another_task_is_one_clear_error(
    own: dict[str, Path], change: dict, message: str
) -> None:
    given = {"source": "files", "fasta": own["fasta"], "gff": own["gff"]}
    for name, value in change.items():
        if name in own and value is not None:
            own[name].write_text(value)
        else:
            given[name] = value
    with pytest.raises((ValueError, GenomeError), match=message):
        gene_start_inputs(**given)


def test_what_inputs_lack_is_told(own: dict[str, Path], simulated: StudyInputs) -> None:
    assert simulated.lacking() == []
    assert simulated.note == ""
    bare = load_inputs("files", fasta=own["fasta"], tables=[own["first"]]).lacking()
    assert [sentence.split(":")[0] for sentence in bare] == [
        "No features",
        "No operons",
        "No termination sites",
    ]
    told = load_inputs("files", fasta=own["fasta"], gff=own["gff"], tables=[own["first"]]).lacking()
    assert "No feature of the type pseudogene: nothing can be said of pseudogenes." in told


# Simulation, saving and reading


def test_the_simulation_has_all_tables_and_they_survive_saving(
    simulated: StudyInputs, tmp_path: Path
) -> None:
    assert set(simulated.sites["source"]) == {"regulondb", "cappable", "smrt", "sendseq"}
    assert simulated.elements is not None
    simulated.save(tmp_path / "inputs")
    assert sorted(p.name for p in (tmp_path / "inputs").iterdir()) == [
        "elements.tsv",
        "features.tsv",
        "genome.fa",
        "operons.tsv",
        "sites.tsv",
        "task.txt",
        "terminators.tsv",
    ]
    assert_same(simulated, StudyInputs.read(tmp_path / "inputs"))
    for name in TABLES:
        assert (tmp_path / "inputs" / f"{name}.tsv").read_text().startswith("# 0-based positions\n")


def test_saving_again_replaces_every_file(
    simulated: StudyInputs, own: dict[str, Path], tmp_path: Path
) -> None:
    simulated.save(tmp_path / "inputs")
    other = load_inputs("files", fasta=own["fasta"], tables=[own["first"]])
    other.save(tmp_path / "inputs")
    assert_same(other, StudyInputs.read(tmp_path / "inputs"))


def test_a_failed_save_leaves_the_former_file(simulated: StudyInputs, tmp_path: Path) -> None:
    simulated.save(tmp_path)
    before = (tmp_path / "operons.tsv").read_bytes()
    operons = simulated.operons.assign(name="a\ttab")
    broken = StudyInputs(
        simulated.genome, simulated.features, operons, simulated.terminators, simulated.sites
    )
    with pytest.raises(Exception, match="escape"):
        broken.save(tmp_path)
    assert (tmp_path / "operons.tsv").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 7


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("sites.tsv", "# 0-based positions\n", "", "line 1: '# 0-based positions' expected"),
        ("sites.tsv", "strand", "way", "line 2: column 'strand' is missing"),
        ("sites.tsv", "+", "?", r"unknown strand '\?'"),
        ("features.tsv", "False", "no", "column 'pseudo': 'no' is neither True nor False"),
        ("features.tsv", "start\tend", "start", "line 2: column 'end' is missing"),
        ("elements.tsv", "\t+\t", "\t", "line [0-9]+: 4 columns instead of 5"),
    ],
)
def test_damaged_saved_tables_are_one_clear_error(
    simulated: StudyInputs, tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    simulated.save(tmp_path)
    path = tmp_path / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(AnnotationError, match=f"{re.escape(str(path))}.*{message}"):
        StudyInputs.read(tmp_path)


def test_a_site_beyond_the_saved_genome_or_a_missing_file(
    simulated: StudyInputs, tmp_path: Path
) -> None:
    simulated.save(tmp_path)
    with (tmp_path / "sites.tsv").open("a") as file:
        file.write("20000\t+\tsendseq" + "\t" * (simulated.sites.shape[1] - 3) + "\n")
    with pytest.raises(AnnotationError, match=r"sites\.tsv.* position 20000 .* beyond the genome"):
        StudyInputs.read(tmp_path)
    (tmp_path / "sites.tsv").unlink()
    with pytest.raises(FileNotFoundError, match=r"sites\.tsv: no such file"):
        StudyInputs.read(tmp_path)


# Real tables


@pytest.fixture(scope="module")
def ecoli(data_dir: Path) -> StudyInputs:
    return load_inputs("ecoli", data_dir)


def test_the_real_inputs(ecoli: StudyInputs, tmp_path: Path) -> None:
    counts = ecoli.sites["source"].value_counts().to_dict()
    assert counts == {"cappable": 16_359, "regulondb": 6_485, "sendseq": 5_502, "smrt": 2_569}
    assert ecoli.sites["uncertain"].sum() == 6
    assert len(ecoli.terminators) == 1540 + 559 + 366
    assert {"CDS", "gene", "pseudogene"} <= set(ecoli.features["type"])
    assert ecoli.elements is None
    ecoli.save(tmp_path)
    assert_same(ecoli, StudyInputs.read(tmp_path))


def test_exact_agreement_of_the_real_sources(ecoli: StudyInputs) -> None:
    """Of the sites within five nucleotides of the other source's, the share at the same place."""
    sites = ecoli.sites
    by_source = {
        source: set(zip(part["position"], part["strand"], strict=True))
        for source, part in sites.groupby("source")
    }
    for source, other, measured in [
        ("regulondb", "sendseq", 57.2),
        ("cappable", "sendseq", 83.4),
        ("sendseq", "cappable", 83.3),
        ("smrt", "sendseq", 77.7),
        ("regulondb", "cappable", 53.2),
    ]:
        theirs = by_source[other]
        near = [
            (p, s)
            for p, s in by_source[source]
            if any((p + shift, s) in theirs for shift in range(-5, 6))
        ]
        exact = 100 * len(by_source[source] & theirs) / len(near)
        assert round(exact, 1) == measured, (source, other)


def test_a_data_folder_that_lacks_a_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENOATTN_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(
        FileNotFoundError, match=r"GENOATTN_DATA names .*nowhere, which is not a fol"
    ):
        load_inputs("ecoli")
