from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toy_species import toy_archive, toy_codes, toy_row

from genoattn.data.collection import (
    GAP,
    CollectionError,
    Piece,
    genome_piece,
    lay_out,
    read_collection,
    window_pieces,
    write_collection,
)
from genoattn.data.species import read_promoter_tables
from genoattn.genome.sequence import UNKNOWN, Genome

LENGTH = 40_000


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of crowded sites, on both strands, of one genome."""
    rng = np.random.default_rng(1)
    sites = [
        (int(p), "+-"[int(rng.integers(2))])
        for p in np.unique(np.r_[rng.integers(300, LENGTH - 300, 60), 900, 905, 930, 990])
    ]
    rows = [toy_row(toy_codes(LENGTH), *site) for site in sites]
    archive = toy_archive(tmp_path_factory.mktemp("a") / "a.tar.gz", {"Toy": rows})
    return read_promoter_tables(archive)[0]


def around(genome, sites, flank=6):
    """Codes around sites as text, the piece's ends unknown."""
    offsets = np.arange(-flank, flank + 1)
    codes = genome.around(sites["position"].to_numpy(), sites["strand"].to_numpy(), offsets)
    return ["".join(map(str, row)) for row in codes]


def test_window_pieces_label_every_site_and_nothing_else(table):
    genome = Genome("toy", toy_codes(LENGTH))
    known = around(genome, table.sites)
    pieces = window_pieces(table, 0.2, seed=3)
    assert [piece.part for piece in pieces] == ["validation", "train"]
    labelled = []
    for piece in pieces:
        labelled += around(Genome("p", piece.codes, False), piece.sites)
        assert not piece.sites.duplicated().any()
    inner = [one for one in labelled if one in known]
    assert set(inner) == set(known)
    assert len(labelled) - len(inner) <= 0.1 * len(labelled)  # at a seam, half is seen


def test_windows_are_cut_short_at_random(table):
    ends = set()
    for seed in range(20):
        piece = window_pieces(table, 0.0, seed)[0]
        ends.add(int(piece.sites["position"].iloc[0]))
    assert len(ends) > 10
    assert window_pieces(table, 0.0, 4)[0].codes.tolist() == (
        window_pieces(table, 0.0, 4)[0].codes.tolist()
    )


def test_a_site_of_another_replicon_is_no_neighbour(tmp_path):
    rows = [toy_row(toy_codes(2000), 500, "+"), toy_row(toy_codes(2000, seed=9), 520, "+")]
    archive = toy_archive(tmp_path / "a.tar.gz", {"Toy": rows})
    (piece,) = window_pieces(read_promoter_tables(archive)[0], 0.0, seed=1)
    assert len(piece.sites) == 2
    near = toy_archive(
        tmp_path / "b.tar.gz", {"Toy": [rows[0], toy_row(toy_codes(2000), 490, "-")]}
    )
    (piece,) = window_pieces(read_promoter_tables(near)[0], 0.0, seed=1)
    assert piece.sites["strand"].value_counts().to_dict() == {"+": 2, "-": 2}


def test_a_piece_of_a_genome_goes_round_the_origin():
    genome = Genome("g", toy_codes(100))
    sites = pd.DataFrame({"position": [5, 50, 95, 79], "strand": ["+", "+", "-", "-"]})
    piece = genome_piece(genome, sites, (80, 20), "s", "l", "train")
    assert piece.codes.tolist() == [*genome.codes[80:], *genome.codes[:20]]
    assert sorted(piece.sites.values.tolist()) == [[15, "-"], [25, "+"]]


def pieces():
    def piece(seed, species, lineage, kind, part, position):
        sites = pd.DataFrame({"position": [position], "strand": ["-"]})
        return Piece(toy_codes(50 + seed, seed), sites, species, lineage, kind, part)

    return [
        piece(1, "a", "A", "genome", "train", 0),
        piece(2, "a", "A", "genome", "validation", 51),
        piece(3, "b b", "B", "windows", "train", 7),
        piece(4, "b b", "B", "windows", "validation", 9),
    ]


@pytest.mark.parametrize(
    ("held_out", "kinds", "left"),
    [((), ("genome", "windows"), [1, 3, 0, 2]), (("A",), ("genome", "windows"), [3, 2]),
     ((), ("genome",), [1, 0])],
)  # fmt: skip
def test_pieces_lie_end_to_end_each_in_its_part(held_out, kinds, left):
    laid = lay_out(pieces(), held_out, kinds)
    gap = [UNKNOWN] * GAP
    expected, marks, sites = list(gap), ["test"] * GAP, []
    for i in left:
        one = pieces()[i]
        sites.append([len(expected) + one.sites["position"][0], "-"])
        expected += [*one.codes, *gap]
        marks += [one.part] * (one.codes.size + GAP)
    assert laid.genome.codes.tolist() == expected
    assert laid.sites.values.tolist() == sites
    for part in ("train", "validation", "test"):
        assert laid.split.mask(part).tolist() == [mark == part for mark in marks]


def test_nothing_of_a_lineage_held_out_is_laid():
    text = "".join(map(str, lay_out(pieces(), ["A"]).genome.codes))
    for piece in pieces():
        assert ("".join(map(str, piece.codes)) in text) == (piece.lineage == "B")


def test_what_cannot_be_laid_out():
    with pytest.raises(CollectionError, match=r"no species is of 'C'; there are: A, B"):
        lay_out(pieces(), ["C"])
    with pytest.raises(CollectionError, match="no sequence is left for the validation"):
        lay_out(pieces(), ["A", "B"])
    with pytest.raises(CollectionError, match="no sequence is left for the train part"):
        lay_out([pieces()[1]])


def test_a_collection_is_read_as_it_was_written(tmp_path):
    write_collection(pieces(), tmp_path / "c")
    again = read_collection(tmp_path / "c")
    for one, other in zip(pieces(), again, strict=True):
        assert one.codes.tolist() == other.codes.tolist()
        assert one.sites.values.tolist() == other.sites.values.tolist()
        assert (one.species, one.lineage, one.kind, one.part, one.name) == (
            other.species, other.lineage, other.kind, other.part, other.name
        )  # fmt: skip


def test_files_of_two_collections(tmp_path):
    write_collection(pieces(), tmp_path / "c")
    write_collection(pieces()[:2], tmp_path / "d")
    (tmp_path / "d" / "sites.tsv.gz").replace(tmp_path / "c" / "sites.tsv.gz")
    read_collection(tmp_path / "c")  # pieces without a site are no error
    (tmp_path / "d" / "pieces.fa.gz").replace(tmp_path / "c" / "pieces.fa.gz")
    with pytest.raises(CollectionError, match="not of one collection"):
        read_collection(tmp_path / "c")
