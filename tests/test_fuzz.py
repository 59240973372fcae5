"""Any bytes are read, or refused with one sentence that names the file: all readers.

`make nightly` tries 2,000 files on each reader (``--hypothesis-profile nightly``), the suite fewer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genoattn.book import build, formats
from genoattn.data import assays, coordinates, regulondb
from genoattn.genome.files import read_lines
from genoattn.genome.formats import circular_in_gff
from genoattn.genome.sequence import Genome
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.card import Card
from genoattn.model.networks import load_network
from genoattn.prediction.ensemble import GenePrior
from genoattn.study.train import planned

LENGTH = 300
GENOME = Genome("toy", np.tile(np.arange(4, dtype=np.uint8), LENGTH // 4))
NETWORK = AnnotatorConfig(layers=1, heads=1, d_model=2, d_head=2, window=4, downstream=1)

UNITS = "#TU_left_position\tTU_right_position\tTU_strand\tlength\n100\t200\t+\t100\n"
SEEDS = {
    "cappable": "U\tCAPPABLE_SEQ\tTSS\t113\t113\t11.9\t-\t.\tgi|U|_113_11.9_-_4.5\n",
    "units": UNITS,
    "sendseq": "#Supplementary Table 1\nTSS_site\tTSS_direction\tTSS_sequence(5'_3')\t"
    "Detected_in_log_phase\tDetected_in_stationary_phase\n147\t+\tACGT\tTSS-log\t\n",
    "ends": "TTS_position\tTTS_strand\tRNA_sequence_around_TTS_site\tintrinsic_TTS\t"
    "TTS_type_rho_dependent\n108\t+\tAUGC\tintrinsic_TTS\t\n",
    "regulondb": "# Columns:\nECK1\tTSS_1\tforward\t38\tunknown\tacgT\t[e]\tStrong\n",
    "operons": "operonName\tfirstGeneLeftPosition\tlastGeneRightPosition\tstrand\tnumberOfGenes\t"
    "operonGenes\nab\t11\t40\treverse\t2\ta;b\n",
    "genes": 'U\tx\tgene\t11\t40\t.\t+\t.\tgene_id "b1"; gene_name "a"\n',
    "plan": "every: {cuts: [1, 2, 3]}\ntrainings: {a: {passes: 1.5, model: {layers: 2}}}\n",
    "profile": "heads: {layers: 2, weights: 'x'}\n",
    "prior": json.dumps(
        {"members": ["a"], "slope": 1.0, "terms": [0.5] * 7, "edges": [20, 50], "card": {"n": 1}}
    ),
    "card": json.dumps(
        {"config": {"layers": 1}, "split": {"test": [0, 9]}, "history": [{"step": 1}], "seed": 3}
    ),
}


def _smrt(path: Path) -> object:
    return assays.read_smrt(path, path, LENGTH)


def _weights(path: Path) -> object:
    """The card is sound, the tensors are what was written."""
    sound = path.with_suffix(".sound")
    Annotator(NETWORK).save(sound.with_suffix(".safetensors"))
    weights = path.with_suffix(".safetensors")
    weights.write_bytes(path.read_bytes())
    weights.with_suffix(".json").write_bytes(sound.with_suffix(".json").read_bytes())
    return load_network(weights, "cpu")


def _card(path: Path) -> object:
    weights = path.with_suffix(".safetensors")
    weights.touch()
    path.with_suffix(".json").write_bytes(path.read_bytes())
    return Card.read(weights)


def _tensors(tmp: Path) -> bytes:
    Annotator(NETWORK).save(tmp / "a.safetensors")
    return (tmp / "a.safetensors").read_bytes()


READERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "lines": (read_lines, "genes"),
    "circular": (circular_in_gff, "genes"),
    "cappable": (lambda path: assays.read_cappable(path, LENGTH), "cappable"),
    "smrt": (_smrt, "units"),
    "sendseq": (lambda path: assays.read_sendseq(path, LENGTH), "sendseq"),
    "drnaseq": (lambda path: assays.read_drnaseq(path, LENGTH), "cappable"),
    "sendseq ends": (lambda path: assays.read_sendseq_terminators(path, LENGTH), "ends"),
    "smrt ends": (lambda path: assays.read_smrt_terminators(path, path, LENGTH), "units"),
    "regulondb": (lambda path: regulondb.read_regulondb(path, LENGTH), "regulondb"),
    "operons": (lambda path: regulondb.read_regulondb_operons(path, LENGTH), "operons"),
    "regulondb ends": (lambda path: regulondb.read_regulondb_terminators(path, LENGTH), "operons"),
    "binding sites": (lambda path: regulondb.read_binding_sites(path, GENOME), "operons"),
    "promoters": (lambda path: regulondb.read_promoters(path, GENOME), "operons"),
    "old genes": (coordinates.read_old_genes, "genes"),
    "plan": (lambda path: planned(path, "a", {"passes", "model", "cuts"}), "plan"),
    "profile": (build.profile, "profile"),
    "gene prior": (GenePrior.load, "prior"),
    "card": (_card, "card"),
}

PIECES = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [
            b"\t", b"\n", b"\r", b" ", b",", b";", b">", b"<", b"#", b'"', b"'", b"=", b"%0A", b"+",
            b"-", b".", b"0", b"1", b"-1", b"999999999999999999999", b"1e400", b"nan", b"[", b"{",
            b"}", b":", b"&a ", b"*a ", b"null", b"\x00", b"\xff", b"\xc2\xb2", b"\x1f\x8b", b"PK",
            b"ORIGIN", b"//", b"LOCUS ", b"..", b"join(", b"/pseudo", b"\xe2\x80\xa8", b"\x0b",
        ]
    ),
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A sound file with some bytes put in, taken out, repeated or swapped; or any bytes at all."""
    data = draw(st.one_of(st.sampled_from(seeds), st.sampled_from(seeds), st.binary(max_size=200)))
    for _ in range(draw(st.integers(0, 5))):
        begin = draw(st.integers(0, len(data)))
        end = draw(st.integers(begin, min(len(data), begin + 20)))
        piece = draw(st.one_of(PIECES, st.just(data[begin:end] * 2), st.just(b"")))
        data = data[:begin] + piece + data[end:]
    return data


def check(read: Callable[[Path], object], folder: Path, data: bytes) -> None:
    """Read, or be refused as it should be."""
    path = folder / "a.txt"
    path.write_bytes(data)
    try:
        read(path)
    except ValueError as error:
        said = str(error)
        assert not isinstance(error, UnicodeError)
        assert str(path.with_suffix("")) in said, said
        assert len(said.splitlines()) == 1, said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("name", [group.name for group in formats.groups()])
def test_what_the_page_tells_of_is_read_or_refused(folder, name):
    (group,) = (one for one in formats.groups() if one.name == name)

    @given(damaged([case.data for case in group.cases]))
    def run(data: bytes) -> None:
        check(formats.READERS[name], folder, data)

    run()


@pytest.mark.parametrize("name", list(READERS))
def test_every_other_file_is_read_or_refused(folder, name):
    read, seed = READERS[name]

    @given(damaged([SEEDS[seed].encode()]))
    def run(data: bytes) -> None:
        check(read, folder, data)

    run()


def test_weights_are_read_or_refused(folder):
    @given(damaged([_tensors(folder)]))
    def run(data: bytes) -> None:
        check(_weights, folder, data)

    run()
