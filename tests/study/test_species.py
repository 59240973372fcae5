from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from toy import toy
from toy_species import toy_archive, toy_codes, toy_row

from genoattn.data.collection import read_collection, write_collection
from genoattn.data.species import ARCHIVE, WholeGenome
from genoattn.genome.formats import write_fasta
from genoattn.genome.sequence import Genome
from genoattn.model.card import Card
from genoattn.study import species, train

LENGTH = 4000


def starts(codes, letters, strand="+"):
    """Rows of every fifth place where one of the codes stands, away from the ends."""
    places = [i for i in range(200, LENGTH - 200, 5) if codes[i] in letters]
    return [toy_row(codes, place, strand) for place in places]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder as the real one: an archive of three tables, and a genome of the first species."""
    codes = toy_codes(LENGTH)
    tables = {"Whole": starts(codes, (0, 2)), "Good": starts(codes, (0, 2)),
              "Shifted": starts(codes, (1, 3))}  # fmt: skip
    lineages = {"Whole": "L1", "Good": "L2", "Shifted": "L2"}
    toy_archive(tmp_path / ARCHIVE, tables, lineages)
    write_fasta(Genome("whole", codes), tmp_path / "whole.fasta")
    rows = [f"whole\t{i}\t{i + 1}\t.\t0\t+\n" for i in range(100, LENGTH, 9) if codes[i] in (0, 2)]
    (tmp_path / "whole.bed").write_text("".join(rows))
    one = WholeGenome("Whole", "L1", "whole.fasta", "whole.bed")
    monkeypatch.setattr(species, "WHOLE_GENOMES", (one,))
    return tmp_path


def collected(folder):
    genome, sites = toy()
    return species.collect(folder, genome, sites)


def test_tables_that_are_shifted_and_repeats_of_a_genome_are_left_out(folder):
    pieces, audit = collected(folder)
    named = {(piece.species, piece.kind, piece.part) for piece in pieces}
    parts = ("train", "validation")
    assert named == {
        *((species.ECOLI, "genome", part) for part in parts),
        *(("Whole", "genome", part) for part in parts),
        *(("Good", "windows", part) for part in parts),
    }
    assert len(audit) == 5
    tables = audit[audit["source"] == "windows"].set_index("species")["apart"]
    assert tables.astype(bool).to_dict() == {"Good": False, "Shifted": True, "Whole": False}


def test_nothing_of_the_test_part_of_e_coli_is_there(folder):
    genome, sites = toy()
    pieces, _ = collected(folder)
    mine = [piece for piece in pieces if piece.species == species.ECOLI]
    test, _, train_from = (round(cut * len(genome)) for cut in species.PAPER_CUTS)
    validation = round(species.PAPER_CUTS[1] * len(genome))
    assert sum(piece.codes.size for piece in mine) == len(genome) - (validation - test)
    held = genome.sequence[test:validation][:60]
    assert all(held not in Genome("p", piece.codes).sequence for piece in mine)
    inside = sites["position"].between(test, validation - 1).sum()
    assert sum(len(piece.sites) for piece in mine) == len(sites) - inside
    assert train_from > validation


def test_a_training_on_many_species_from_the_command_line(folder, tmp_path, capsys):
    run = tmp_path / "run"
    pieces, _ = collected(folder)
    write_collection(pieces, run / "collection")
    given = [str(run), "--name", "toy", "--sites", "species", "--held-out", "L1", "--network",
             "convolutional", "--model", '{"channels": 4, "layers": 1, "downstream": 4}',
             "--segment", "256", "--context", "16", "--batch", "4", "--passes", "0.1",
             "--steps-per-round", "2", "--accelerator", "cpu"]  # fmt: skip
    assert train.main(given) == 0
    card = Card.read(run / "training" / "toy.safetensors")
    assert card.train_set == "species without L1"
    taken = [piece for piece in read_collection(run / "collection") if piece.lineage != "L1"]
    assert card.data["sites"] == sum(len(piece.sites) for piece in taken)
    assert train.main([*given, "--held-out", "L3"]) == 1
    assert "held_out: no species is of 'L3'; there are: " in capsys.readouterr().err
    assert train.main([*given, "--auxiliary", "smrt"]) == 1
    assert "sites 'species' have no auxiliary targets" in capsys.readouterr().err


def test_the_command_says_what_it_set_apart(folder, tmp_path, monkeypatch, capsys):
    genome, sites = toy()
    ecoli = SimpleNamespace(study=SimpleNamespace(genome=genome), curated=sites)
    monkeypatch.setattr(species, "Run", lambda _: ecoli)
    given = [str(tmp_path / "run"), "--ecoli", "x", "--data", str(folder)]
    assert species.main(given) == 0
    said = capsys.readouterr().out
    assert "Shifted is set apart: 0% of its sites are purines" in said
    assert "sites of 3 species on" in said
    audit = pd.read_csv(tmp_path / "run" / "collection" / "audit.tsv", sep="\t")
    assert "position" not in audit.columns
    (folder / "whole.bed").unlink()
    assert species.main(given) == 1
    assert "whole.bed: no such file" in capsys.readouterr().err
