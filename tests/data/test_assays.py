from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genoattn.data import assays as ann
from genoattn.data import coordinates
from genoattn.data.regulondb import (
    read_regulondb,
    read_regulondb_operons,
    read_regulondb_terminators,
)
from genoattn.genome.files import AnnotationError
from genoattn.genome.formats import read_fasta
from genoattn.genome.sequence import Genome, decode, encode, reverse_complement

LENGTH = 1000


def sites(*rows: tuple[int, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["position", "strand", "source"])


def keys(frame: pd.DataFrame) -> list[tuple[int, str]]:
    return list(zip(frame["position"], frame["strand"], strict=True))


# The gate


def test_validated_sites_are_sorted_and_numbered() -> None:
    frame = sites((9, "+", "b"), (9, "-", "a"), (3, "-", "a"), (9, "+", "a"))
    found = ann.validate_sites(frame, 10)
    assert found.to_numpy().tolist() == [
        [3, "-", "a"],
        [9, "+", "a"],
        [9, "+", "b"],
        [9, "-", "a"],
    ]
    assert found.index.tolist() == [0, 1, 2, 3]
    assert found["position"].dtype == np.int64


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (sites((3, "+", "a")).drop(columns="strand"), "mine: column 'strand' is missing"),
        (sites((3, "+", "a"), (10, "+", "a")), r"mine, row 1: position 10 \(0-based\) lies beyond"),
        (sites((-1, "+", "a")), r"mine, row 0: position -1 \(0-based\) lies beyond the genome"),
        (sites((3, "forward", "a")), "mine, row 0: unknown strand 'forward'"),
        (sites((3, "+", "a"), (3, "+", "a")), r"mine, row 1: site 3 \+ .* occurs twice"),
        (sites((3, "+", "a")).astype({"position": float}), "must hold whole numbers"),
    ],
)
def test_sites_that_cannot_be_used_are_refused(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(AnnotationError, match=message):
        ann.validate_sites(frame, 10, where="mine")


# Readers, by hand

REGULONDB = """# Columns:
ECK1\tTSS_1\tforward\t38\tunknown\tacgT\t[e]\tStrong
ECK2\tp2\treverse\t38\tSigma70\tacgT\t[e]\tConfirmed
ECK3\tp3\tforward\t38\tSigma70\tacgT\t[e]\tConfirmed
ECK4\tp4\tforward\t7\tSigma70\tacgT\t[e]\tWeak
ECK5\tp5\tforward\t0\tSigma32\t\t[e]\tStrong
"""
CAPPABLE = "U\tCAPPABLE_SEQ\tTSS\t113\t113\t11.9\t-\t.\tgi|U|_113_11.9_-_4.5\n"
UNIT_NAMES = "#TU_left_position\tTU_right_position\tTU_strand\tlength\n"
SENDSEQ = (
    "#Supplementary Table 1\t\t\t\t\r\n"
    "TSS_site\tTSS_direction\tTSS_sequence(5'_3')\tDetected_in_log_phase\t"
    "Detected_in_stationary_phase\r\n"
    "147\t+\tACGT\tTSS-log\tTSS-stationary\r\n"
    "301\t-\tAAAA\tTSS-log\t\r\n"
    "301\t-\tAAAA\t\tTSS-stationary\r\n"
    "1000\t-\tTTTT\t\tTSS-stationary\r\n"
    "1000\t+\tCCCC\tTSS-log\t\r\n"
)
ENDS = (
    "TTS_position\tTTS_strand\tRNA_sequence_around_TTS_site\tintrinsic_TTS\t"
    "TTS_type_rho_dependent\r\n"
    "308\t+\tAUGC\tintrinsic_TTS\t\r\n"
    "308\t-\tAUGC\t\trho-dependent\r\n"
    "400\t+\tAUGC\t\t\r\n"
)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode("latin-1"))
    return path


def test_cappable_has_score_and_enrichment(tmp_path: Path) -> None:
    found = ann.read_cappable(written(tmp_path, "c.gtf", CAPPABLE), LENGTH)
    assert found.to_numpy().tolist() == [[112, "-", "cappable", 11.9, 4.5]]


def test_smrt_takes_the_five_prime_end_of_bed_like_units(tmp_path: Path) -> None:
    m9 = written(tmp_path, "m9", UNIT_NAMES + "100\t200\t+\t100\n100\t200\t-\t100\n")
    rich = written(tmp_path, "rich", UNIT_NAMES + "100\t300\t+\t200\n150\t250\t-\t100\n")
    found = ann.read_smrt(m9, rich, LENGTH)
    # a BED interval 100..200 begins at 100 and ends before 200, whose last nucleotide is 199
    assert found.to_numpy().tolist() == [
        [100, "+", "smrt", True, True],
        [199, "-", "smrt", True, False],
        [249, "-", "smrt", False, True],
    ]


def test_sendseq_corrects_plus_and_drops_what_lies_beyond(tmp_path: Path) -> None:
    path = written(tmp_path, "s.tsv", SENDSEQ)
    found = ann.read_sendseq(path, LENGTH)
    assert found.drop(columns="printed_sequence").to_numpy().tolist() == [
        [147, "+", "sendseq", True, True],
        [300, "-", "sendseq", True, True],
        [999, "-", "sendseq", False, True],
    ]
    assert len(ann.printed_sendseq(path)) == 5


def test_termination_sites(tmp_path: Path) -> None:
    found = ann.read_sendseq_terminators(written(tmp_path, "t.tsv", ENDS), LENGTH)
    assert found.to_numpy().tolist() == [
        [307, "+", "sendseq", "intrinsic"],
        [308, "-", "sendseq", "rho-dependent"],
        [399, "+", "sendseq", "unspecified"],
    ]
    bed = "X\t20\t21\tm9\t3\t-\nX\t20\t21\tm9\t9\t-\nX\t30\t31\tm9\t9\t+\n"
    paths = written(tmp_path, "a.bed", bed), written(tmp_path, "b.bed", "X\t40\t41\tr\t1\t+\n")
    assert keys(ann.read_smrt_terminators(*paths, LENGTH)) == [(21, "-"), (30, "+"), (40, "+")]
    head = "terminatorId\tleftEndPos\trightEndPos\tstrand\ttype\n"
    rows = "T1\t11\t20\tforward\trho-independent\nT2\t11\t20\treverse\trho-dependent\n"
    regulondb = read_regulondb_terminators(written(tmp_path, "r.tsv", head + rows), LENGTH)
    assert keys(regulondb) == [(10, "-"), (19, "+")]
    assert regulondb["kind"].tolist() == ["rho-dependent", "rho-independent"]


def smrt_alone(path: Path, length: int) -> pd.DataFrame:
    return ann.read_smrt(path, path, length)


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (read_regulondb, REGULONDB + "ECK9\tx\n", "line 7: 2 columns instead of 8"),
        (read_regulondb, REGULONDB.replace("reverse", "both"), "line 3: unknown strand 'both'"),
        (read_regulondb, REGULONDB.replace("38", "3e8"), "line 2: position_1based '3e8'"),
        (read_regulondb, REGULONDB.replace("38", "1001"), r"line 2: position 1001 \(1-based\)"),
        (ann.read_cappable, CAPPABLE.replace("11.9\t", "high\t"), "line 1: score 'high'"),
        (ann.read_cappable, CAPPABLE.replace("4.5", "none"), "line 1: enrichment 'none'"),
        (ann.read_cappable, CAPPABLE.replace("113\t", "0\t"), r"line 1: position 0 \(1-based\)"),
        (ann.read_cappable, "", "no rows"),
        (smrt_alone, "#TU_left_position\tTU_strand\n1\t+\n", "column 'TU_right_position' is missi"),
        (smrt_alone, UNIT_NAMES, "no rows"),
        (ann.read_sendseq, SENDSEQ.replace("TSS_direction", "way"), "line 2: column 'TSS_directi"),
        (ann.read_sendseq, SENDSEQ.replace("301\t-", "301\t."), r"line 4: unknown strand '\.'"),
        (ann.read_sendseq, "one line\n", "empty; line 2 should name the columns"),
        (ann.read_sendseq_terminators, ENDS.replace("intrinsic_TTS\t", "k\t"), "'intrinsic_TTS' i"),
        (ann.read_drnaseq, "pos_1\tstrand\tgene\n", "line 1: column 'orientation' is missing"),
    ],
)
def test_a_bad_table_is_one_clear_error(
    tmp_path: Path, reader: Callable[[Path, int], pd.DataFrame], text: str, message: str
) -> None:
    path = written(tmp_path, "bad.tsv", text)
    with pytest.raises(AnnotationError, match=f"{re.escape(str(path))}.*{message}"):
        reader(path, LENGTH)


def test_a_missing_or_binary_table_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.tsv: no such file"):
        ann.read_sendseq(tmp_path / "none.tsv", LENGTH)
    with pytest.raises(AnnotationError, match=r"bad\.tsv, line 2: not utf-8 text"):
        ann.read_sendseq(written(tmp_path, "bad.tsv", "a\n\xff\xfe"), LENGTH)


# Audits, on genomes where the answer is planted


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(30, 290), st.sampled_from("+-")), min_size=1, unique=True),
    st.sampled_from([-2, -1, 0, 1, 2]),
    st.sampled_from([-2, -1, 0, 1, 2]),
    st.integers(0, 2**32),
)
def test_offset_audit_finds_the_planted_error(
    planted: list[tuple[int, str]], on_plus: int, on_minus: int, seed: int
) -> None:
    codes = np.random.default_rng(seed).integers(0, 4, 320).astype(np.uint8)
    genome = Genome("toy", codes)
    printed = pd.DataFrame(
        [(p + 1 - (on_plus if s == "+" else on_minus), s) for p, s in planted],
        columns=["printed", "strand"],
    )
    printed["printed_sequence"] = [
        decode(genome.around([p], s, np.arange(-25, 1))[0]) for p, s in planted
    ]
    table = coordinates.offset_audit(printed, genome).set_index("offset")
    for strand, right in (("+", on_plus), ("-", on_minus)):
        if strand in set(printed["strand"]):
            agreement = table.loc[table["strand"] == strand, "agreement"]
            assert agreement[right] == 1
            assert agreement.drop(right).max() < 1


def test_offset_audit_against_a_genome_read_by_hand() -> None:
    #           0         1         2         3
    #           0123456789012345678901234567890123456789
    forward = "CCCCCCCCTATCCTCCCCCCACCCCCCCCCCCCCCCCCCC"  # -10 box at 8, start site at 20
    sequence = forward + decode(reverse_complement(encode(forward)))  # the same on minus
    printed = pd.DataFrame({"printed": [20, 60], "strand": ["+", "-"]})  # plus 0-based
    table = coordinates.offset_audit(printed, Genome("toy", encode(sequence)), offsets=range(-3, 4))
    best = {("+", 1), ("-", 0)}
    for row in table.to_dict("records"):
        strand, offset = row["strand"], row["offset"]
        assert row["purine"] == ((strand, offset) in best)
        shift = offset - 1 if strand == "+" else -offset  # nt downstream of +1
        assert row["minus10"] == (-14 <= -12 - shift <= -10)
        assert row["n"] == 1
    assert table["agreement"].isna().all()


def test_terminator_audit_reads_the_u_tract_on_its_own_strand() -> None:
    forward = "C" * 20 + "TTT" + "C" * 17  # U-tract at 20..22
    genome = Genome("toy", encode(forward + decode(reverse_complement(encode(forward)))))
    printed = pd.DataFrame({"printed": [25, 80 - 24], "strand": ["+", "-"]})  # 24 on both, 1-based
    table = coordinates.terminator_audit(printed, genome, offsets=range(-6, 3))
    for strand in "+-":
        rows = table[table["strand"] == strand].set_index("offset")
        assert rows["uracil"].tolist() == [0, 0, 1, 1, 1, 0, 0, 0, 0], strand


# Real tables


@pytest.fixture(scope="module")
def genome(data_dir: Path) -> Genome:
    return read_fasta(data_dir / "GCF_000005845.2_ASM584v2_genomic.fna.gz")[0]


SMRT = "M9_RegulonDB_TU_longestRead", "Rich_RegulonDB_TU_longestRead"


def test_the_real_tables_have_as_many_sites_as_they_should(data_dir: Path, genome: Genome) -> None:
    length = len(genome)
    sendseq = ann.read_sendseq(data_dir / "41564_2019_500_MOESM3_ESM.tsv", length)
    frames = {
        6485: read_regulondb(data_dir / "PromoterSet_10.6.3.txt", length),
        16359: ann.read_cappable(data_dir / "TSS_enriched_cluster_5.gtf"),
        2569: ann.read_smrt(data_dir / SMRT[0], data_dir / SMRT[1], length),
        5502: sendseq,
        8503: ann.read_drnaseq(data_dir / "HT_TSS_13.tsv", length),
        1540: ann.read_sendseq_terminators(data_dir / "41564_2019_500_MOESM4_ESM.tsv", length),
        559: ann.read_smrt_terminators(
            data_dir / "Yan2018_TTS_M9.bed", data_dir / "Yan2018_TTS_Rich.bed", length
        ),
        366: read_regulondb_terminators(data_dir / "RegulonDB_TerminatorSet.tsv", length),
    }
    for n, frame in frames.items():
        assert len(frame) == n, frame["source"].iloc[0]
        assert not frame.duplicated(["position", "strand"]).any()
    assert len(read_regulondb_operons(data_dir / "RegulonDB_OperonSet.tsv", length)) == 2613
    printed = ann.printed_sendseq(data_dir / "41564_2019_500_MOESM3_ESM.tsv")
    assert len(printed) == 5512
    assert (printed["printed"] > length).sum() == 4
    # the printed sequence ends at the corrected site, in all rows but one
    agree = [
        decode(genome.around([row["position"]], row["strand"], np.arange(-46, 1))[0])
        == row["printed_sequence"]
        for row in sendseq.to_dict("records")
    ]
    assert sum(agree) == 5501


def test_the_audit_of_start_sites_points_to_one_on_plus(data_dir: Path, genome: Genome) -> None:
    for printed in (
        ann.printed_sendseq(data_dir / "41564_2019_500_MOESM3_ESM.tsv"),
        ann.printed_smrt(data_dir / SMRT[0], data_dir / SMRT[1]),
    ):
        table = coordinates.offset_audit(printed, genome).set_index("offset")
        for strand, right in (("+", 1), ("-", 0)):
            rows = table[table["strand"] == strand]
            assert rows["purine"].idxmax() == right
            assert rows["minus10"].idxmax() == right
            assert rows["purine"].max() > 0.75
            assert rows["purine"].drop(right).max() < 0.6
            if rows["agreement"].notna().all():
                assert rows["agreement"].idxmax() == right
                assert rows["agreement"].max() > 0.999


def test_the_audit_of_termination_sites_shows_a_lag_of_one(data_dir: Path, genome: Genome) -> None:
    printed = ann.printed_sendseq_terminators(data_dir / "41564_2019_500_MOESM4_ESM.tsv")
    table = coordinates.terminator_audit(printed, genome)
    assert (table.loc[table["offset"] == 0, "agreement"] == 1).all()
    profile = table.pivot(index="offset", columns="strand", values="uracil")
    fit = {lag: profile["+"].corr(profile["-"].shift(lag)) for lag in range(-3, 4)}
    assert max(fit, key=lambda lag: fit[lag]) == 1
    ends = ann.read_sendseq_terminators(data_dir / "41564_2019_500_MOESM4_ESM.tsv", len(genome))
    uracil = {
        strand: (genome.around(part["position"], strand, range(-8, 4)) == 3).mean(axis=0)
        for strand, part in ends.groupby("strand")
    }
    assert np.abs(uracil["+"] - uracil["-"]).max() < 0.05
