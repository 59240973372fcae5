"""What is needed late in a chapter is looked at in its first step, before anything is computed."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from toy import MODEL, toy
from toy_run import asked, save, toy_run

from genoattn.chapters import (
    atlas,
    curation,
    dependence,
    heads,
    heads_motifs,
    output,
    output_sites,
    training,
    training_errors,
    training_models,
    your_genome,
)
from genoattn.data import datasets
from genoattn.genome.formats import write_fasta
from genoattn.genome.sequence import Genome, GenomeError
from genoattn.output import pseudogenes
from genoattn.study import inputs
from genoattn.study.inputs import StudyInputs
from genoattn.study.manifest import ManifestError
from genoattn.study.parameters import ParameterError
from genoattn.study.report import Finding
from genoattn.study.run import Run


@pytest.fixture
def run(tmp_path) -> Run:
    return toy_run(tmp_path / "run")


@pytest.fixture
def offline(monkeypatch):
    """No published table is at hand, and none can be downloaded; returns those asked for."""
    asked_for = []

    def lacking(names, data_dir=None):
        asked_for.extend([names] if isinstance(names, str) else names)
        raise FileNotFoundError("not here")

    for place in (datasets, heads_motifs, output_sites):
        for name in ("fetch", "fetch_all"):
            if hasattr(place, name):
                monkeypatch.setattr(place, name, lacking)
    return asked_for


@pytest.fixture
def published(monkeypatch):
    """Take every study for the paper's."""
    monkeypatch.setattr(StudyInputs, "published", property(lambda _: True))


# --------------------------------------------------------------------------- tables from elsewhere


def test_heads_ask_for_their_tables_first(run, offline, published):
    with pytest.raises(FileNotFoundError):
        heads_motifs.subject(run, asked(heads, run, weights="m", region_first=-5))
    wanted = ["regulondb_promoters", "regulondb_interactions", "regulondb_matrices"]
    assert offline == wanted
    assert set(wanted) == _named_in(heads)


def test_heads_with_motifs_of_ones_own_need_no_matrices(run, offline, published, tmp_path):
    motif = tmp_path / "m.txt"
    motif.write_text("AC 1\nID one\nPO A C G T\n01 1 2 3 4\n02 4 3 2 1\n//\n")
    with pytest.raises(FileNotFoundError):
        heads_motifs.subject(
            run, asked(heads, run, weights="m", region_first=-5, motif_file=str(motif))
        )
    assert "regulondb_matrices" not in offline


def test_output_asks_for_its_tables_first(run, offline, published):
    with pytest.raises(FileNotFoundError):
        output_sites.loaded(run, asked(output, run, weights="m"))
    assert offline == [*output_sites.EVIDENCE]


def test_curation_asks_for_its_reference_first(tmp_path, offline):
    run = Run(tmp_path / "new")
    with pytest.raises(FileNotFoundError):
        curation.tables(run, asked(curation, run, source="ecoli"))
    assert offline == ["drnaseq"]
    assert not run.inputs.exists()


def _named_in(chapter) -> set[str]:
    """Published tables that the steps of a chapter read."""
    text = Path(chapter.__file__).read_text()
    return {name for name in datasets.DATASETS if f'"{name}"' in text}


def test_tables_of_other_genomes_are_not_asked_for(run, offline):
    heads_motifs.subject(run, asked(heads, run, weights="m", region_first=-5))
    output_sites.loaded(run, asked(output, run, weights="m"))
    assert offline == []


# --------------------------------------------------------------------------------------- the region

BEYOND = [
    (6, 9, r"'{}_first' is \+6, but m sees positions -\d+ to"),
    (-99, -90, r"'{}_last' is -90, but m sees positions -"),
]


@pytest.mark.parametrize(("first", "last", "says"), BEYOND)
def test_a_region_that_the_model_does_not_see_is_named(run, first, last, says):
    assert (MODEL.window, MODEL.downstream) == (16, 4), "a head sees -11 to +5"
    keep_heads(run)
    for chapter, region, step in (
        (heads, "region", heads_motifs.subject),
        (atlas, "region", atlas.swept),
        (dependence, "map", lambda run, p: dependence.mapped(run, run.model("m", "cpu"), p)),
    ):
        given = {f"{region}_first": first, f"{region}_last": last}
        p = asked(chapter, run, weights="m", **given)
        with pytest.raises(ParameterError, match=rf"^{p.chapter}: parameter {says.format(region)}"):
            step(run, p)


@pytest.mark.parametrize(("first", "last"), [(5, 9), (-99, -11), (-11, 5)])
def test_a_region_that_overlaps_is_taken(run, first, last):
    p = asked(heads, run, weights="m", region_first=first, region_last=last)
    assert heads_motifs.subject(run, p).model.name == "m"


@pytest.mark.parametrize(("first", "last"), [(6, 9), (-99, -12)])
def test_a_region_next_to_what_is_seen_is_not(run, first, last):
    p = asked(heads, run, weights="m", region_first=first, region_last=last)
    with pytest.raises(ParameterError, match=r"sees positions -11 to \+5; give a region that over"):
        heads_motifs.subject(run, p)


def keep_heads(run):
    """Leave the tables of the chapter on heads."""
    table = pd.DataFrame({"layer": [1], "head": [1], "peak_offset": [0], "selectivity": [0.5]})
    kept = {"table": table, "profiles": pd.DataFrame({"a": [1]})}
    run.write(asked(heads, run, weights="m"), Finding("", {}, kept))


def test_chapters_that_need_the_tables_of_heads_say_so_in_their_second_cell(run):
    for seed, (chapter, kind) in enumerate([(atlas, "table"), (dependence, "profiles")], start=1):
        p = asked(chapter, run, weights="m")
        with pytest.raises(FileNotFoundError, match=rf"m_{kind}\.csv: no such file; run the"):
            Run.of(p)
        keep_heads(run)
        Run.of(p).release()
        save(run, "m", seed=seed)
        with pytest.raises(ManifestError, match=rf"m_{kind}\.csv was made from another"):
            Run.of(p)
        shutil.rmtree(run.folder / "heads")


# ----------------------------------------------------------------------------- other first steps


def test_training_names_a_train_set_that_is_not_there(run):
    with pytest.raises(ParameterError, match="'train_set' must be one of curated, not 'b'"):
        training_models.parts(run, asked(training, run, train_set="b"))


def test_training_names_a_part_without_sites(run):
    study = run.study
    early = study.sites["position"] < 2000
    run.write_curated(run.curated[early.to_numpy()])
    with pytest.raises(ValueError, match="no site of the curated set lies in the test part of toy"):
        training_models.parts(run, asked(training, run, cuts=[3600, 4800, 5400]))
    late = run.curated["position"].between(500, 900)
    run.write_curated(run.curated[late])
    with pytest.raises(ParameterError, match="'cuts': no site of curated lies in the training"):
        training_models.parts(run, asked(training, run, cuts=[400, 1000, 1500]))


def test_training_names_more_downstream_than_there_is_genome(run):
    with pytest.raises(ParameterError, match="'downstream' must be less than the genome's 6,000"):
        training_models.parts(run, asked(training, run, downstream=6000))


@pytest.mark.parametrize(
    ("chapter", "step"),
    [(heads, heads_motifs.subject), (output, output_sites.loaded)],
    ids=["heads", "output"],
)
def test_a_test_part_without_a_site_is_named_first(run, chapter, step):
    run.write_curated(run.curated[run.curated["position"] < 3600])
    with pytest.raises(ValueError, match="no site of the curated set lies in the test part of toy"):
        step(run, asked(chapter, run, weights="m"))


def test_a_motif_file_is_read_first(run, tmp_path):
    p = asked(heads, run, weights="m", region_first=-5, motif_file=str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="none: no such file"):
        heads_motifs.subject(run, p)


def test_genes_that_are_found_need_no_annotation():
    """An ensemble with genes once failed late in the chapter where there was no GFF."""
    starts = pd.DataFrame({"position": [5, 9], "strand": ["+", "-"]})
    genome = Genome("toy", np.zeros(50, np.uint8))
    for features, says in (
        (inputs._empty_table("features"), "there is no annotation to compare them with"),
        (pd.DataFrame({"type": ["tRNA"]}), "there is no annotation to compare them with"),
        (
            pd.DataFrame({"type": ["gene"], "start": [5], "end": [20], "strand": ["+"]}),
            "50% of their first nucleotides are those of an annotated gene",
        ),
    ):
        study = SimpleNamespace(genome=genome, features=features)
        scores = SimpleNamespace(
            data=SimpleNamespace(study=study), genes=SimpleNamespace(starts=starts)
        )
        said = training_errors._annotated(scores)
        assert "2 genes are found" in said and says in said


# ------------------------------------------------------------------------------- short sequences


def own(run, contigs, header="", gff=None, **given):
    """Open sequences of one's own, written to a file."""
    fasta = run.folder / "own.fa"
    write_fasta([Genome(f"c{n}", toy()[0].codes[:n], circular=False) for n in contigs], fasta)
    text = fasta.read_text().replace(" [topology=linear]", header)
    fasta.write_text(text)
    if gff is not None:
        (run.folder / "own.gff").write_text(gff)
        given["gff"] = str(run.folder / "own.gff")
    p = asked(your_genome, run, weights="m", fasta=str(fasta), threshold=0.0, **given)
    return your_genome.opened(Run.of(p), Run.of_own(p), p), p


def test_contigs_that_are_all_shorter_than_what_is_read_downstream_are_refused(run):
    with pytest.raises(ValueError, match=r"own\.fa: no contig is longer than the 4 nt that m r"):
        own(run, [3, 4])


@pytest.mark.parametrize(
    ("contigs", "says"),
    [([3, 300], "1 contig is no longer"), ([3, 4, 300], "2 contigs are no longer"), ([300], "")],
)
def test_some_short_contigs_are_said(run, contigs, says):
    given, _ = own(run, contigs)
    assert (
        "so the output there rests on letters that are not known" in given.finding.said
    ) is bool(says)
    assert says in given.finding.said


def test_gene_starts_without_anything_beside_them_have_no_number(run):
    gff = "##gff-version 3\nc30\tx\tgene\t1\t30\t.\t+\t.\tID=a\n"
    given, p = own(run, [30], gff=gff)
    found = your_genome.annotated(given, p)
    genes = your_genome.around_genes(given, found, p)
    assert "no contig holds the nucleotides before and after" in genes.finding.said
    assert "nan" not in genes.finding.said


# ---------------------------------------------------------------------------------- round or not


REGION = "##gff-version 3\nc300\tx\t{kind}\t1\t300\t.\t+\t.\tID=r;Is_circular=true\n"
GENE = "c300\tx\tgene\t281\t320\t.\t+\t.\tID=a\n"


@pytest.mark.parametrize("kind", ["region", "chromosome"])
def test_an_annotation_alone_can_say_that_a_contig_is_circular(run, kind):
    given, _ = own(run, [300, 200], gff=REGION.format(kind=kind) + GENE)
    assert [one.circular for one in given.genomes] == [True, False]
    assert given.features["end"].max() == 320, "its gene goes on beyond the origin"


def test_a_header_and_an_annotation_that_disagree_are_named(run):
    gff = REGION.format(kind="region")
    with pytest.raises(ValueError, match=r"own\.gff calls c300 circular, but its header in "):
        own(run, [300], header=" [topology=linear]", gff=gff + GENE.replace("320", "290"))
    given, _ = own(run, [300], header=" [topology=linear]", gff=gff + GENE, circular=["c300"])
    assert given.genomes[0].circular, "the parameter decides"
    table = run.folder / "t.tsv"
    table.write_text("position_1based\tstrand\tsource\n5\t+\ta\n")
    with pytest.raises(GenomeError, match=r"own\.gff calls c300 circular, but its header in"):
        inputs.own_inputs(run.folder / "own.fa", [table], run.folder / "own.gff")


def test_a_gene_across_the_origin_is_whole_in_the_table_of_genes():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 100).astype(np.uint8)
    features = pd.DataFrame(
        [(90, 115, "+", "gene", "a", "t1"), (40, 65, "-", "pseudogene", "b", "t2")],
        columns=["start", "end", "strand", "type", "gene", "locus_tag"],
    )
    curated = pd.DataFrame({"position": [85, 12], "strand": ["+", "-"], "votes": [2, 1]})
    track, inside = rng.random((2, 100)), np.ones(100, bool)

    def table(shift):
        """The same genome, cut open elsewhere."""
        moved = features.assign(
            start=(features["start"] + shift) % 100,
            end=(features["start"] + shift) % 100 + 25,
        )
        sites = curated.assign(position=(curated["position"] + shift) % 100)
        return pseudogenes.gene_table(
            moved, Genome("g", np.roll(codes, shift)), np.roll(track, shift, axis=1), inside, sites,
            upstream=6,
        ).drop(columns=["start", "end"])  # fmt: skip

    whole = table(-50)
    assert whole["expression"].tolist() == [2, 0]
    for shift in (0, 30, 45, 48, 55):
        pd.testing.assert_frame_equal(table(shift), whole)
    inside[3] = False
    assert table(0)["gene"].tolist() == ["b"], "a gene that lies partly outside is left out"
