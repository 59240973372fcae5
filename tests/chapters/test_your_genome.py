"""The chapter your_genome: what its steps find on toy contigs, and what it says at the limits."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from toy_genbank import record
from toy_pipe import piped

from genoattn import annotate
from genoattn.chapters import your_genome as chapter
from genoattn.chapters.your_genome import Against, Genes, Interval
from genoattn.evaluation.calls import find_peaks
from genoattn.genome.formats import write_fasta
from genoattn.genome.sequence import Genome, encode
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card
from genoattn.output.chance import shuffled_copy
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding
from genoattn.study.run import Run

CONFIG = AnnotatorConfig(layers=1, heads=2, d_model=8, d_head=4, window=16, downstream=5)
NOTHING = Finding()


def asked(**given) -> Checked:
    """The chapter's defaults, some of them changed."""
    default = {name: one.default for name, one in chapter.PARAMETERS.items()}
    return Checked(chapter.PARAMETERS, default | {"n_shuffled": 1_000} | given)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with a demo's model and one's own genome of two contigs, one of them annotated."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    Annotator(CONFIG).save("runs/demo/training/demo.safetensors", Card(genome="toy", config={}))
    rng = np.random.default_rng(0)
    contigs = [
        Genome(name, encode("".join(rng.choice(list("ACGT"), 300))), circular=False)
        for name in ("one", "two")
    ]
    write_fasta(contigs, "own.fa")
    Path("own.gff").write_text(
        "##gff-version 3\n"
        "one\tx\tgene\t101\t200\t.\t+\t.\tID=a;locus_tag=a\n"
        "one\tx\tgene\t211\t280\t.\t-\t.\tID=b;locus_tag=b\n"
    )
    return tmp_path


def test_genbank_brings_its_annotation(folder):
    """The same as FASTA and GFF; without features, or without genes, nothing is annotated."""
    run = Run.of(asked())
    apart = asked(fasta="own.fa", gff="own.gff")
    given = chapter.opened(run, Run.of_own(apart), apart)
    text = "     gene            101..200\n                     /locus_tag=a\n"
    text += "     gene            complement(211..280)\n                     /locus_tag=b"
    one, two = (one.sequence for one in given.genomes)
    for features, file in ((text, "own.gbk"), ("", "bare.gbk"), ("     tRNA            3..9", "t")):
        Path(file).write_text(
            record("one", one, features, "linear") + record("two", two, "", "linear")
        )
        p = asked(fasta=file)
        found = chapter.opened(run, Run.of_own(p), p)
        assert [genome.name for genome in found.genomes] == ["one.1", "two.1"]
        if features == text:
            names = {"one": "one.1", "two": "two.1"}
            expected = given.features.assign(contig=given.features["contig"].map(names))
            pd.testing.assert_frame_equal(found.features, expected)
        else:
            assert found.features is None
    p = asked(fasta="bare.gbk", gff="own.gbk")
    assert len(chapter.opened(run, Run.of_own(p), p).features) == 2


def test_sequences_and_annotation_may_come_from_pipes(folder):
    """Both are read more than once: as GenBank, and for what is circular."""
    text = "     gene            101..200\n                     /locus_tag=a"
    whole = record("one", first_sequence(folder), text, "linear").encode()
    for data, gff in ((whole, None), (Path("own.fa").read_bytes(), Path("own.gff").read_bytes())):
        (folder / "pipe.fa").unlink(missing_ok=True)
        with ExitStack() as open_pipes:
            given = {"fasta": str(open_pipes.enter_context(piped(folder / "pipe.fa", data)))}
            if gff is not None:
                given["gff"] = str(open_pipes.enter_context(piped(folder / "pipe.gff", gff)))
            p = asked(**given)
            found = chapter.opened(Run.of(p), Run.of_own(p), p)
        assert found.genomes[0].name.startswith("one")
        assert found.features is not None and "a" in set(found.features["locus_tag"])


def first_sequence(folder: Path) -> str:
    """Sequence of the first contig of the folder."""
    return annotate.load_contigs(folder / "own.fa")[0].sequence


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_an_own_genome_leaves_the_demo_as_it_was_and_gets_a_folder_of_its_own(folder):
    before = files(folder)
    p = asked(fasta="own.fa", gff="own.gff", heads=["1.2"], threshold=0.0, flank=20)
    own = Run.of_own(p)
    given = chapter.opened(Run.of(p), own, p)
    found = chapter.annotated(given, p)
    listed = chapter.written(own, given, found, p)
    own.write(p, given, found)
    hub = {f"hub/{name}" for name in ("hub.txt", "genomes.txt")} | {
        f"hub/my_genome/{name}"
        for name in (
            *("my_genome.2bit", "trackDb.txt", "output.plus.bw", "output.minus.bw"),
            *("head_1_2.plus.bw", "head_1_2.minus.bw"),
        )
    }
    new = {f"runs/my_genome/my_genome/{name}" for name in {*hub, "peaks.bed", "peaks.csv"}}
    results = {f"runs/my_genome/results/your_genome_{name}.csv" for name in ("contigs", "density")}
    assert files(folder) - before == new | results | {"runs/my_genome/manifest.json"}
    assert all(name in listed.said for name in new)
    assert "as `run_dir` or `results_dir` was left at the demo's folder" in given.finding.said
    table = pd.read_csv("runs/my_genome/my_genome/peaks.csv")
    assert table.columns.tolist() == [
        *("contig", "strand", "output", "next_gene", "distance", "fdr", "position_1based"),
    ]
    bed = pd.read_csv("runs/my_genome/my_genome/peaks.bed", sep="\t", header=None)
    assert table["position_1based"].tolist() == bed[2].tolist()
    assert table["position_1based"].min() >= 1


def test_the_steps_find_what_the_package_finds(folder):
    p = asked(fasta="own.fa", gff="own.gff", heads=["1.2"], threshold=0.0, flank=20, n_top=3)
    given = chapter.opened(Run.of(p), Run.of_own(p), p)
    assert given.trained_on == "toy"
    assert given.heads == [(0, 1)]
    assert given.contigs["length"].tolist() == [300, 300]
    found = chapter.annotated(given, p)
    wanted = annotate.annotate(given.network, given.genomes, progress=False)
    for name, track in wanted.items():
        np.testing.assert_array_equal(found.output[name], track)
        assert found.received[0, 1][name].shape == (2, 300)
    top = chapter.highest(found, p).peaks
    assert top["output"].tolist() == sorted(found.peaks["output"], reverse=True)[:3]
    assert set(found.density["contig"]) == {"one", "two"}
    against = chapter.against_truth(given, found, p)
    assert against.right is None
    assert "not known" in against.finding.said
    genes = chapter.around_genes(given, found, p)
    assert genes.profile["n"].tolist() == [2] * 82
    assert genes.ratio.low <= genes.ratio.value <= genes.ratio.high
    assert "No feature is annotated on two." in genes.finding.said
    bare = chapter.around_genes(given._replace(features=None), found, p)
    assert bare.profile is None
    assert "left out" in bare.finding.said


def test_a_simulation_otherwise_than_the_demos_gets_a_folder_of_its_own(folder, monkeypatch):
    p = asked(chromosome=10_000)
    assert Run.of_own(p).folder == Path("runs/my_genome")
    assert Run.of(p).folder == Path("runs/demo")  # for its weights
    monkeypatch.setenv("GENOATTN_PROFILE", "demo")
    assert Run.of_own(p).folder == Path("runs/demo")


def test_planted_sites_are_counted_against_peaks(folder, monkeypatch):
    monkeypatch.setenv("GENOATTN_PROFILE", "demo")  # whose simulation is smaller here
    p = asked(chromosome=10_000, plasmid=10_000, threshold=1.0)
    own = Run.of_own(p)
    given = chapter.opened(Run.of(p), own, p)
    assert own.folder == Path("runs/demo")
    assert "left at" not in given.finding.said
    assert Path("runs/demo/my_genome/demo.fa").is_file()
    found = chapter.annotated(given, p)
    assert found.peaks.empty
    assert "None of the" in chapter.against_truth(given, found, p).finding.said
    first = given.truth.head(4).assign(output=0.5)
    moved = first.assign(position=first["position"] + [0, 5, 6, 900])
    moved = moved[moved["strand"].isin(["+", "-"])]
    against = chapter.against_truth(
        given._replace(truth=first), found._replace(peaks=moved.head(2)), p
    )
    assert against.right.value == 1
    assert against.reached.value == 0.5
    assert "toy" in against.finding.said


@pytest.mark.parametrize(
    ("given", "folders"),
    [
        ({}, ("runs/demo", "runs/demo/results")),
        ({"fasta": "a.fa"}, ("runs/my_genome", "runs/my_genome/results")),
        ({"fasta": "a.fa", "name": "x"}, ("runs/x", "runs/x/results")),
        ({"fasta": "a.fa", "run_dir": "runs/mine"}, ("runs/mine", "runs/mine/results")),
        ({"fasta": "a.fa", "results_dir": "there"}, ("runs/my_genome", "there")),
        ({"fasta": "a.fa", "run_dir": "here", "results_dir": "there"}, ("here", "there")),
    ],
)
def test_where_the_files_of_an_own_genome_go(given, folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a run makes its folders
    own = Run.of_own(asked(n_shuffled=200_000, **given))
    assert (own.folder, own.results) == tuple(map(Path, folders))
    assert own.annotation("x") == Path(folders[0], "x")


def test_an_own_genome_cannot_be_named_like_the_demo():
    with pytest.raises(ValueError, match="runs/demo is the demo's: give another name"):
        Run.of_own(asked(fasta="a.fa", name="demo"))


def test_a_name_that_is_no_name_is_refused_before_a_file_is_written(folder):
    before = files(folder)
    p = asked(name="../elsewhere")
    with pytest.raises(ValueError, match="hub name"):
        chapter.opened(Run.of(p), Run.of_own(p), p)
    assert files(folder) == before


# ---- sentences


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"weights": "with-genes", "heads": ["1.1"]},
            "'heads': attention is recorded of one model, not of the ensemble with-genes; take one",
        ),
        ({"weights": "convolutional"}, "convolutional.safetensors: a network without attention"),
    ],
)
def test_a_model_of_which_no_attention_can_be_shown_is_refused_at_once(folder, given, says):
    p = asked(fasta="own.fa", name="ours", **given)
    with pytest.raises(ValueError, match=says):
        chapter.opened(Run(p.run_dir), Run.of_own(p), p)


def contigs(n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "contig": [f"c{number}" for number in range(n)],
            "length": 1_000,
            "circular": False,
            "gc": np.nan,
            "unknown": 0.5,
            "full_context": 1.0,
        }
    )


def test_contigs_are_listed_up_to_a_limit():
    assert "1 contig with 1,000 nt in all. " in chapter.say_contigs(contigs(1))
    said = chapter.say_contigs(contigs(31))
    assert "31 contigs with 31,000 nt in all; the table shows the first 30. " in said
    assert "c29" in said
    assert "c30" not in said
    assert "nan" not in said


def test_the_number_of_peaks_is_said_with_its_density():
    p = asked(threshold=0.1)
    assert "**1 peak** of at least 0.1: 0.5 in" in chapter.say_output(1e-4, 0.5, 1, 2_000, p)
    assert "**0 peaks** of at least 0.1: 0 in" in chapter.say_output(1e-4, 0.05, 0, 2_000, p)


def test_peaks_against_planted_sites():
    said = chapter.say_against(Interval(0.8, 0.7, 0.9), Interval(0.25, 0.2, 0.3), 1_000, 5)
    assert "**80% (70% to 90%)** of the peaks lie within 5 nt" in said
    assert "25% (20% to 30%) of the 1,000 planted sites" in said
    none = chapter.say_against(Interval(*[np.nan] * 3), Interval(0, 0, 0.1), 1_000, 5)
    assert none == "None of the 1,000 planted sites has a peak within 5 nt."


@pytest.mark.parametrize(
    ("ratio", "meaning"),
    [
        ((3.0, 1.01, 5.0), "does rise"),
        ((3.0, 1.0, 5.0), "not significantly different"),
        ((0.9, 0.5, 1.0), "not significantly different"),
        ((0.9, 0.5, 0.99), "lower before genes"),
        ((3.0, np.nan, np.nan), "no interval"),
    ],
)
def test_whether_the_output_rises_before_genes(ratio, meaning):
    assert meaning in chapter.say_ratio(Interval(*ratio), 12, 200)


def test_what_an_annotation_lacks():
    features = pd.DataFrame({"contig": ["a", "b"], "type": ["gene", "pseudogene"]})
    assert chapter.say_lacking(["a", "b"], features) == ""
    assert "on b and c. The" in chapter.say_lacking("abc", features[features["type"] == "gene"])
    assert "on c, d, e and 2 more." in chapter.say_lacking("abcdefg", features)
    assert "marks no pseudogene" in chapter.say_lacking("a", features[:1])


def test_the_highest_peaks_name_the_next_gene_if_it_is_known():
    peaks = pd.DataFrame(
        {"contig": "a", "position": [9, 0], "strand": "+", "output": [0.9, 0.8], "fdr": 0.01}
    )
    assert "| a | 10 | + | 0.900 | 0.01 |" in chapter.say_highest(peaks)
    named = peaks.assign(next_gene=["g", ""], distance=[1_234.0, np.nan])
    assert "| a | 10 | + | 0.900 | 0.01 | g | 1,234 |" in chapter.say_highest(named)
    assert "| a | 1 | + | 0.800 | 0.01 |  |  |" in chapter.say_highest(named)
    assert "lower `threshold`" in chapter.say_highest(peaks[:0])


def test_the_answer_says_what_it_rests_on():
    p = asked()
    known = Against(Interval(0.8, 0.7, 0.9), Interval(0.25, 0.2, 0.3), NOTHING)
    unknown = Against(None, None, NOTHING)
    assert "80% (70% to 90%)" in chapter.say_right(known, p)
    assert "not known" in chapter.say_right(unknown, p)
    no_peak = known._replace(right=Interval(np.nan, np.nan, np.nan))
    assert "No planted site has a peak within 5 nt" in chapter.say_right(no_peak, p)
    assert "3.0 (2.0 to 4.0) times" in chapter.say_genes(Genes(None, Interval(3, 2, 4), NOTHING), p)
    assert "Without an annotation" in chapter.say_genes(Genes(None, None, NOTHING), p)
    assert "simulated" in chapter.say_how_sure(known, 0.95)
    assert "simulated" not in chapter.say_how_sure(unknown, 0.95)


def test_the_answer_counts_peaks_on_both_strands(folder):
    p = asked(fasta="own.fa", threshold=0.0)
    given = chapter.opened(Run.of(p), Run.of_own(p), p)
    found = chapter.annotated(given, p)
    found = found._replace(peaks=found.peaks.head(6))
    against, genes = Against(None, None, NOTHING), Genes(None, None, NOTHING)
    said = chapter.in_short(given, found, against, genes, p).said
    assert said.startswith("**These sequences have no more peaks than"), "they are random"
    assert "**6 peaks** of at least 0 on 2 contigs of 600 nt, 5 in 1,000 nt of a strand" in said


def test_the_number_by_chance_is_that_of_a_shuffled_copy(folder):
    p = asked(fasta="own.fa", threshold=0.0, n_shuffled=1_200)
    given = chapter.opened(Run.of(p), Run.of_own(p), p)
    found = chapter.annotated(given, p)
    copy = shuffled_copy(given.genomes, 1_200, p.seed)
    false = find_peaks(annotate.annotate(given.network, [copy], progress=False), 0.0, apart=p.apart)
    first = found.chance.table.iloc[0]
    assert first["by_chance"] == len(false) / 2, "the sequences are half as long"
    assert first["n"] == len(found.peaks) == len(found.peaks["fdr"])
    finding = chapter.by_chance(found)
    assert ":class: warning" in finding.said
    assert [*finding.results] == ["your_genome_chance"]
