"""RegulonDB's binding sites and promoters: rows by hand, errors, and the real tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from genoattn.data import regulondb
from genoattn.data.datasets import fetch
from genoattn.genome.files import AnnotationError
from genoattn.genome.formats import read_fasta
from genoattn.genome.sequence import Genome, decode, encode

SEQUENCE = "ACGTTGCAATCGGATCCTAGACCATTGACGGTATAATCCGATAGGCATTACG" * 4
GENOME = Genome("toy", encode(SEQUENCE))
SITE = "riType\tregulatorName\ttfrsLeftEndPosition\ttfrsRightEndPosition\tstrand\ttfrsSequence"


def complement(text: str) -> str:
    return text[::-1].translate(str.maketrans("ACGTacgt", "TGCAtgca"))


def site(kind: str, name: str, left: int, right: int, strand: str, printed: str) -> str:
    return f"{kind}\t{name}\t{left}.0\t{right}.0\t{strand}\t{printed}"


def test_sites_are_held_against_the_genome(tmp_path: Path) -> None:
    plus = SEQUENCE[8:11].lower() + SEQUENCE[11:20] + SEQUENCE[20:23].lower()
    minus = complement(SEQUENCE[37:40].lower() + SEQUENCE[30:37])
    path = tmp_path / "sites.tsv"
    rows = [
        site("tf-promoter", "CRP", 12, 20, "forward", plus),
        site("tf-gene", "CRP", 12, 20, "forward", plus),  # the same site, another promoter
        site("tf-promoter", "FNR", 31, 37, "reverse", minus),
        site("tf-promoter", "wrong", 13, 21, "forward", plus),
        site("srna-tu", "RyhB", 12, 20, "forward", plus),
        "tf-promoter\tnowhere\t\t\tforward\t",
    ]
    path.write_text("\n".join([SITE, *rows]) + "\n")
    found = regulondb.read_binding_sites(path, GENOME)
    assert found.to_numpy().tolist() == [["CRP", 11, 20, "+"], ["FNR", 30, 37, "-"]]
    path.write_text("\n".join([SITE, rows[3]]) + "\n")
    with pytest.raises(AnnotationError, match="no site"):
        regulondb.read_binding_sites(path, GENOME)
    path.write_text("\n".join([SITE, rows[0].replace("12.0", "12.5")]) + "\n")
    with pytest.raises(AnnotationError, match="line 2"):
        regulondb.read_binding_sites(path, GENOME)


def test_promoters_are_held_against_the_genome(tmp_path: Path) -> None:
    path = tmp_path / "promoters.tsv"
    plus = SEQUENCE[20:101].lower()  # 60 before position 80, 20 after it
    minus = complement(SEQUENCE[60:141]).lower()  # 60 before position 80 on the minus strand
    rows = [
        f"forward\t81.0\tsigma70\t{plus}",
        f"reverse\t81.0\tsigma24\t{minus}",
        f"forward\t80.0\tsigma70\t{plus}",
        f"forward\t81.0\t\t{plus}",
    ]
    path.write_text("\n".join(["strand\tposTSS\tsigmaFactor\tsequence", *rows]) + "\n")
    found = regulondb.read_promoters(path, GENOME)
    assert found.to_numpy().tolist() == [[80, "+", "sigma70"], [80, "-", "sigma24"]]


def test_the_real_tables_agree_with_the_genome(data_dir: Path) -> None:
    genome = read_fasta(fetch("genome", data_dir))[0]
    sites = regulondb.read_binding_sites(fetch("regulondb_interactions", data_dir), genome)
    promoters = regulondb.read_promoters(fetch("regulondb_promoters", data_dir), genome)
    assert len(sites) > 3_000 and sites["regulator"].value_counts()["CRP"] > 300
    assert (promoters["sigma"] == "sigma70").sum() > 1_900
    assert set(promoters["sigma"]) >= {"sigma24", "sigma28", "sigma32", "sigma38", "sigma54"}
    codes = genome.around(promoters["position"], promoters["strand"], [0])[:, 0]
    assert sum(letter in "AG" for letter in decode(codes)) > 0.7 * len(promoters)


LENGTH = 1000


def keys(frame: pd.DataFrame) -> list[tuple[int, str]]:
    return list(zip(frame["position"], frame["strand"], strict=True))


# Readers, by hand

REGULONDB = """# Columns:
ECK1\tTSS_1\tforward\t38\tunknown\tacgT\t[e]\tStrong
ECK2\tp2\treverse\t38\tSigma70\tacgT\t[e]\tConfirmed
ECK3\tp3\tforward\t38\tSigma70\tacgT\t[e]\tConfirmed
ECK4\tp4\tforward\t7\tSigma70\tacgT\t[e]\tWeak
ECK5\tp5\tforward\t0\tSigma32\t\t[e]\tStrong
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode("latin-1"))
    return path


def test_regulondb_keeps_strong_sites_of_known_position(tmp_path: Path) -> None:
    found = regulondb.read_regulondb(written(tmp_path, "p.txt", "# caf\xe9\n" + REGULONDB), LENGTH)
    assert keys(found) == [(37, "+"), (37, "-")]
    assert found["name"].tolist() == ["TSS_1;p3", "p2"]
    assert found["sigma"].tolist() == ["unknown;Sigma70", "Sigma70"]
    assert found["confidence"].tolist() == ["Confirmed", "Confirmed"]


def test_operons_are_half_open(tmp_path: Path) -> None:
    head = (
        "operonName\tfirstGeneLeftPosition\tlastGeneRightPosition\tstrand\tnumberOfGenes\t"
        "operonGenes\n"
    )
    path = written(tmp_path, "o.tsv", head + "ab\t11\t40\treverse\t2\ta;b\n")
    found = regulondb.read_regulondb_operons(path, LENGTH)
    assert found.to_numpy().tolist() == [[10, 40, "-", "ab", 2, "a;b"]]
    path = written(tmp_path, "o.tsv", head + "ab\t11\t1001\treverse\t2\ta;b\n")
    with pytest.raises(AnnotationError, match=r"o\.tsv, line 2: operon 11\.\.1001 is not within"):
        regulondb.read_regulondb_operons(path, LENGTH)
