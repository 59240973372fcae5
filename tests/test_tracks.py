"""Tracks: each format read back by a reader of the test's own; peaks by brute force; the hub."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoattn import tracks
from genoattn.evaluation import calls
from genoattn.genome.sequence import Genome, encode

NAN = np.nan


def read_bigwig(path) -> dict[str, np.ndarray]:
    """Read a bigWig from its bytes alone, by Kent et al. 2010, supplement; float32, NaN = none."""
    data = path.read_bytes()
    magic, _, _, chromosomes, _, index = struct.unpack_from("<IHHQQQ", data)
    assert magic == 0x888FFC26
    _, _, key_size, _, _, _ = struct.unpack_from("<IIIIQQ", data, chromosomes)
    names, values = {}, {}

    def chromosome_node(place: int) -> None:
        leaf, _, count = struct.unpack_from("<BBH", data, place)
        for item in range(count):
            at = place + 4 + item * (key_size + 8)
            if not leaf:
                chromosome_node(struct.unpack_from("<Q", data, at + key_size)[0])
                continue
            number, size = struct.unpack_from("<II", data, at + key_size)
            names[number] = data[at : at + key_size].rstrip(b"\0").decode()
            values[names[number]] = np.full(size, NAN, np.float32)

    def section(raw: bytes) -> None:
        number, start, _, step, span, kind, _, count = struct.unpack_from("<IIIIIBBH", raw)
        one = values[names[number]]
        for item in range(count):
            if kind == 1:
                first, end, value = struct.unpack_from("<IIf", raw, 24 + 12 * item)
            elif kind == 2:
                first, value = struct.unpack_from("<If", raw, 24 + 8 * item)
                end = first + span
            else:
                first, value = start + item * step, struct.unpack_from("<f", raw, 24 + 4 * item)[0]
                end = first + span
            assert np.isnan(one[first:end]).all(), "a position has two values"
            one[first:end] = value

    def index_node(place: int) -> None:
        leaf, _, count = struct.unpack_from("<BBH", data, place)
        for item in range(count):
            at = place + 4 + item * (32 if leaf else 24)
            if not leaf:
                index_node(struct.unpack_from("<Q", data, at + 16)[0])
                continue
            offset, size = struct.unpack_from("<QQ", data, at + 16)
            section(zlib.decompress(data[offset : offset + size]))

    chromosome_node(chromosomes + 32)
    index_node(index + 48)
    return values


def read_two_bit(path) -> dict[str, str]:
    """Read a 2bit file letter by letter."""
    data = path.read_bytes()
    _, _, count, _ = struct.unpack_from("<IIII", data)
    found, place = {}, 16
    for _ in range(count):
        size = data[place]
        name = data[place + 1 : place + 1 + size].decode()
        (at,) = struct.unpack_from("<I", data, place + 1 + size)
        place += 5 + size
        length, blocks = struct.unpack_from("<II", data, at)
        numbers = struct.unpack_from(f"<{2 * blocks}I", data, at + 8)
        first = at + 8 + 8 * blocks + 8
        letters = ["TCAG"[data[first + i // 4] >> (6 - 2 * (i % 4)) & 3] for i in range(length)]
        for start, long in zip(numbers[:blocks], numbers[blocks:], strict=True):
            letters[start : start + long] = "N" * long
        found[name] = "".join(letters)
    return found


def two_contigs() -> dict[str, np.ndarray]:
    """A long contig with gaps and plateaus, a short one without."""
    rng = np.random.default_rng(5)
    long = rng.beta(0.3, 8, (2, 4_000)).astype(np.float32)
    long[:, 1_000:1_500] = NAN
    long[0, 2_000:2_700] = 0.25
    long[1, 0] = NAN
    return {"chr.1": long, "plasmid": rng.random((2, 37)).astype(np.float32)}


@pytest.mark.parametrize("decimals", [None, 3, 1])
def test_bigwig_holds_exactly_what_was_written(tmp_path, decimals):
    written = {name: track[0] for name, track in two_contigs().items()}
    path = tmp_path / "one.bw"
    tracks.write_bigwig(path, written, decimals=decimals)
    read = read_bigwig(path)
    assert list(read) == list(written)
    for name, values in written.items():
        wanted = values
        if decimals is not None:
            wanted = np.round(wanted.astype(float), decimals).astype(np.float32)
        np.testing.assert_array_equal(read[name], wanted)
        with pyBigWig.open(str(path)) as file:
            np.testing.assert_array_equal(file.values(name, 0, len(values), numpy=True), wanted)
    assert [one.name for one in tmp_path.iterdir()] == ["one.bw"], "no temporary file is left"


def test_bigwig_of_contigs_without_values_and_of_one_value_only(tmp_path):
    sparse = np.full(500, NAN, np.float32)
    sparse[499] = 0.5
    written = {"a": np.full(20, NAN, np.float32), "b": sparse, "c": np.zeros(9, np.float32)}
    tracks.write_bigwig(tmp_path / "s.bw", written)
    for name, values in read_bigwig(tmp_path / "s.bw").items():
        np.testing.assert_array_equal(values, written[name])


def test_many_contigs_of_every_form_are_written_together(tmp_path, monkeypatch):
    """Joined and unjoined values, contigs without any, batches of three contigs, pieces of one."""
    monkeypatch.setattr(tracks, "_TOGETHER", 3)
    monkeypatch.setattr(tracks, "_ENTRIES", 7)
    rng = np.random.default_rng(2)
    forms = [
        lambda n: rng.random(n),
        lambda n: np.repeat(rng.random(n // 5 + 1), 5)[:n],
        lambda n: np.full(n, NAN),
        lambda n: np.where(rng.random(n) < 0.3, NAN, 0.5),
    ]
    written = {
        f"c{i}": forms[rng.integers(4)](int(rng.integers(1, 90))).astype(np.float32)
        for i in range(60)
    }
    tracks.write_bigwig(tmp_path / "a.bw", written)
    read = read_bigwig(tmp_path / "a.bw")
    assert list(read) == list(written)
    for name, values in written.items():
        np.testing.assert_array_equal(read[name], values, err_msg=name)


@pytest.mark.parametrize(("length", "zooms"), [(10_000, False), (60_000, True)])
def test_long_contigs_alone_have_summaries_to_zoom_out(tmp_path, length, zooms):
    values = np.random.default_rng(0).random(length).astype(np.float32)
    tracks.write_bigwig(tmp_path / "a.bw", {"a": values})
    with pyBigWig.open(str(tmp_path / "a.bw")) as file:
        assert (file.header()["nLevels"] > 0) == zooms
        assert file.stats("a", exact=True)[0] == pytest.approx(values.mean(), rel=1e-5)
        assert file.stats("a", 0, length, nBins=2)[1] is not None


def test_rounding_makes_the_file_smaller(tmp_path):
    values = {"a": np.random.default_rng(0).beta(0.1, 20, 50_000).astype(np.float32)}
    sizes = []
    for decimals in (None, 4, 2):
        tracks.write_bigwig(tmp_path / "a.bw", values, decimals=decimals)
        sizes.append((tmp_path / "a.bw").stat().st_size)
    assert sizes[0] > 1.2 * sizes[1] > 1.2 * sizes[2], sizes


def test_both_strands_go_to_two_files_and_are_not_negated(tmp_path):
    made = two_contigs()
    paths = tracks.write_strands(tmp_path / "x" / "tss", made)
    assert {strand: path.name for strand, path in paths.items()} == {
        "+": "tss.plus.bw",
        "-": "tss.minus.bw",
    }
    for row, strand in enumerate("+-"):
        for name, values in read_bigwig(paths[strand]).items():
            np.testing.assert_array_equal(values, made[name][row])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "at least one contig"),
        ({"a b": np.ones(3)}, "must be one word"),
        ({"a": np.ones((2, 3))}, r"shape \(2, 3\), not \(L,\)"),
        ({"a": np.array([1.0, np.inf])}, "infinite"),
        ({"a": np.full(4, NAN)}, "no position of any contig"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_the_old_file(tmp_path, values, message):
    path = tmp_path / "old.bw"
    path.write_text("old")
    with pytest.raises(ValueError, match=message):
        tracks.write_bigwig(path, values)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1
    if "a" in values and values["a"].ndim == 1:
        with pytest.raises(ValueError, match=r"not \(2, L\)"):
            tracks.write_strands(tmp_path / "p", values)


def test_peaks_of_several_contigs_keep_their_order_and_go_to_bed(tmp_path):
    late = np.array([[0, 0.5, 0, 0], [0.9996, 0, 0, 0.1]], np.float32)
    early = np.array([[0, 0, 0.3], [0, 0, 0]], np.float32)
    found = calls.find_peaks({"z": late, "a": early}, 0.1)
    assert list(found[["contig", "position", "strand"]].itertuples(index=False, name=None)) == [
        ("z", 0, "-"),
        ("z", 1, "+"),
        ("z", 3, "-"),
        ("a", 2, "+"),
    ]
    tracks.write_bed(tmp_path / "p.bed", found)
    bed = pd.read_csv(tmp_path / "p.bed", sep="\t", header=None)
    assert bed.to_numpy().tolist() == [
        ["z", 0, 1, "peak_1", 1000, "-"],
        ["z", 1, 2, "peak_2", 500, "+"],
        ["z", 3, 4, "peak_3", 100, "-"],
        ["a", 2, 3, "peak_4", 300, "+"],
    ]


def test_peaks_that_are_none_give_an_empty_bed(tmp_path):
    found = calls.find_peaks({"a": np.zeros((2, 5), np.float32)}, 0.5)
    assert found.empty
    tracks.write_bed(tmp_path / "p.bed", found)
    assert (tmp_path / "p.bed").read_text() == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strand": "."}, "neither"),
        ({"output": 1.2}, "between 0 and 1"),
        ({"output": NAN}, "between 0 and 1"),
        ({"contig": None}, "no column 'contig'"),
    ],
)
def test_a_table_that_is_no_table_of_peaks_is_refused(tmp_path, change, message):
    row = {"contig": "a", "position": 4, "strand": "+", "output": 0.5} | change
    frame = pd.DataFrame([{key: value for key, value in row.items() if value is not None}])
    with pytest.raises(ValueError, match=message):
        tracks.write_bed(tmp_path / "p.bed", frame)
    with pytest.raises(ValueError, match="at least 1"):
        calls.find_peaks({"a": np.ones((2, 3))}, 0.5, apart=0)


# ---- sequence


@given(st.lists(st.text("ACGTN", min_size=1, max_size=30), min_size=1, max_size=3))
def test_two_bit_read_letter_by_letter_is_the_sequence(tmp_path_factory, sequences):
    genomes = [Genome(f"contig_{i}", encode(text)) for i, text in enumerate(sequences)]
    path = tmp_path_factory.mktemp("two_bit") / "x.2bit"
    tracks.write_two_bit(path, genomes)
    assert read_two_bit(path) == {one.name: one.sequence for one in genomes}


# ---- hub


def read_stanzas(path) -> list[dict[str, str]]:
    """Settings of a hub's text file: stanzas, each of lines of a name and a value."""
    return [
        dict(line.split(" ", 1) for line in one.splitlines())
        for one in path.read_text().split("\n\n")
    ]


@pytest.fixture
def hub(tmp_path):
    """A hub of two contigs and two things to show."""
    made = two_contigs()
    genomes = [Genome(name, np.zeros(t.shape[1], np.uint8)) for name, t in made.items()]
    shown = [
        tracks.HubTrack("output", "Output", "Probability of a start site", made),
        tracks.HubTrack("head_1_2", "A long label here", "Attention" * 8, made),
    ]
    first, *others = tracks.track_hub(
        tmp_path / "hub", genomes, shown, name="toy", label="A toy hub, and more", email="me@x.org"
    )
    assert first == tmp_path / "hub" / "hub.txt"
    assert {first, *others} == {one for one in (tmp_path / "hub").rglob("*") if one.is_file()}
    return tmp_path / "hub"


def test_the_files_of_a_hub_name_each_other_and_exist(hub):
    (first,) = read_stanzas(hub / "hub.txt")
    assert first == {
        "hub": "toy",
        "shortLabel": "A toy hub, and mo",
        "longLabel": "A toy hub, and more",
        "genomesFile": "genomes.txt",
        "email": "me@x.org",
    }
    (genome,) = read_stanzas(hub / first["genomesFile"])
    assert {"organism", "description", "scientificName"} <= set(genome)
    assert genome["genome"] == "toy"
    assert genome["defaultPos"] == "chr.1:1-4000"
    assert set(read_two_bit(hub / genome["twoBitPath"])) == {"chr.1", "plasmid"}
    database = hub / genome["trackDb"]
    named = {one["bigDataUrl"] for one in read_stanzas(database) if "bigDataUrl" in one}
    there = {path.name for path in database.parent.glob("*.bw")}
    assert named == there
    assert len(there) == 4


def test_a_hub_shows_both_strands_of_everything(hub):
    stanzas = read_stanzas(hub / "toy" / "trackDb.txt")
    by_name = {one["track"]: one for one in stanzas}
    assert list(by_name) == [
        *("output", "output_plus", "output_minus"),
        *("head_1_2", "head_1_2_plus", "head_1_2_minus"),
    ]
    for name, one in by_name.items():
        assert {"track", "type", "shortLabel", "longLabel"} <= set(one)
        assert len(one["shortLabel"]) <= 17
        assert len(one["longLabel"]) <= 78
        whole = name in {"output", "head_1_2"}
        assert one["type"] == "bigWig"
        assert one.get("container") == ("multiWig" if whole else None)
        assert one.get("visibility") == ("full" if whole else None)
        assert one.get("parent") == (None if whole else name.rsplit("_", 1)[0])
        assert one.get("negateValues") == ("on" if name.endswith("minus") else None)
    assert by_name["output_minus"]["color"] == "213,94,0"
    assert by_name["output_plus"]["color"] == "0,114,178"
    for row, strand in enumerate(("plus", "minus")):
        read = read_bigwig(hub / "toy" / by_name[f"output_{strand}"]["bigDataUrl"])
        for name, track in two_contigs().items():
            wanted = np.round(track[row].astype(float), 4).astype(np.float32)
            np.testing.assert_array_equal(read[name], wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "my hub"}, "letters, digits"),
        ({"name": "../up"}, "letters, digits"),
        ({"genomes": [Genome("other", np.zeros(37, np.uint8))]}, "the genome has {'other': 37}"),
        ({"genomes": [Genome("plasmid", np.zeros(36, np.uint8))]}, "the genome has"),
    ],
)
def test_a_hub_that_cannot_be_is_refused(tmp_path, change, message):
    asked = {
        "genomes": [Genome("plasmid", np.zeros(37, np.uint8))],
        "shown": [tracks.HubTrack("a", "s", "l", {"plasmid": np.ones((2, 37))})],
        "name": "toy",
    } | change
    with pytest.raises(ValueError, match=message):
        tracks.track_hub(tmp_path / "hub", **asked, label="A toy", email="me@example.org")
    assert not (tmp_path / "hub").exists()
