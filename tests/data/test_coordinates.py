from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genoattn.data.assays import read_cappable
from genoattn.data.coordinates import (
    Liftover,
    lift_sites,
    read_old_genes,
)
from genoattn.genome.files import AnnotationError
from genoattn.genome.formats import read_fasta
from genoattn.genome.sequence import Genome

BLOCK = 12  # genes between two places where an indel may be
ELEMENT = 300  # nucleotides of the invented mobile element

# U00096.2 -> NC_000913.3 as it is known: 1-based place, change, what
KNOWN_INDELS = (
    (257_907, 776, "IS1 in crl"),
    (547_831, 1, "one nucleotide in ylbE"),
    (1_298_720, 1199, "IS5, place known to a few nucleotides"),
    (2_171_384, 2, "two nucleotides in gatC"),
    (3_558_478, -1, "one nucleotide in glpR"),
)


def lay_genes(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Genes of 30 to 90 nt that overlap by up to 4 nt or leave up to 40 nt between them."""
    rows, position = [], int(rng.integers(0, 40))
    for i in range(n):
        end = position + int(rng.integers(30, 90))
        rows.append((position, end, "+-"[int(rng.integers(2))], f"b{i:04d}"))
        position = end + int(rng.integers(-4, 40))
    return pd.DataFrame(rows, columns=["start", "end", "strand", "locus_tag"])


@settings(max_examples=60)
@given(
    st.integers(0, 2**32),
    st.lists(
        st.integers(-25, 40).filter(bool) | st.sampled_from([ELEMENT, ELEMENT + 9]), max_size=3
    ),
    st.booleans(),
)
def test_lifting_against_two_invented_sequences(
    seed: int, changes: list[int], mistaken: bool
) -> None:
    rng = np.random.default_rng(seed)
    old = lay_genes(rng, BLOCK * (len(changes) + 1))
    length = int(old["end"].max()) + 50
    # the new assembly as a list of old positions, None where it has something else
    new: list[int | None] = list(range(length))
    places: list[int] = []
    elements: list[int] = []
    for i, change in reversed(list(enumerate(changes))):  # from the right: places stay put
        gene = old.iloc[BLOCK * (i + 1)]
        place = int(rng.integers(gene["start"] - 10, gene["end"] - 26))
        places.insert(0, place)
        if change < 0:
            del new[place : place - change]
        else:
            duplicated = change - ELEMENT
            copy = new[place - max(0, duplicated) : place]
            new[place:place] = [None] * ELEMENT + copy if duplicated >= 0 else [None] * change
    place_of: dict[int, list[int]] = {}
    for index, position in enumerate(new):
        if position is not None:
            place_of.setdefault(position, []).append(index)
        elif index == 0 or new[index - 1] is not None:
            elements.append(index)
    rows = []
    for start, end, strand, tag in old.itertuples(index=False):
        inside = [at for p in range(start, end) for at in place_of.get(p, [])]
        rows.append((min(inside), max(inside) + 1, strand, tag, "gene"))
    rows += [(at, at + ELEMENT, "+", "", "mobile_genetic_element") for at in elements]
    features = pd.DataFrame(rows, columns=["start", "end", "strand", "locus_tag", "type"])
    if mistaken:  # one gene a block has another length, one another place, in the annotation only
        features.loc[BLOCK // 2 :: BLOCK, "end"] += 45
        features.loc[BLOCK // 2 + 1 :: BLOCK, ["start", "end"]] += 1000
        features = features[features["start"] >= 0]

    liftover = Liftover.derive(old, features, length, len(new))

    assert np.diff(liftover.offsets).tolist() == changes
    assert len(liftover.segments) == len(changes) + 1
    for (start, end), place, change in zip(liftover.stretches, places, changes, strict=True):
        assert start <= place <= end
        if change >= ELEMENT:
            assert end - start <= change - ELEMENT
        assert end - start < 90 + 90 + 40 + 40
    lifted = liftover.lift(range(length))
    for position, at, uncertain in lifted.itertuples(index=False):
        if not uncertain:
            assert place_of[position] == [at]
    sure = lifted["lifted"].dropna()
    assert sure.is_monotonic_increasing
    assert sure.is_unique
    assert lifted["lifted"].isna().sum() == -sum(c for c in changes if c < 0)


def test_lifting_by_hand() -> None:
    # two nucleotides more somewhere in 10..20, three fewer somewhere in 30..40
    toy = Liftover((0, 2, -1), ((10, 20), (30, 40)), ("anchors",) * 2, (3, 3, 3), 50, 49)
    found = toy.lift([0, 9, 10, 14, 15, 19, 20, 30, 32, 33, 35, 36, 40, 49])
    assert found["lifted"].tolist() == [
        *(0, 9, 10, 14, 17, 21, 22, 32, 34, pd.NA, pd.NA, 35, 39, 48)
    ]
    assert found.loc[found["uncertain"], "position"].tolist() == [
        10,
        14,
        15,
        19,
        30,
        32,
        33,
        35,
        36,
    ]
    assert toy.segments.to_numpy().tolist() == [[0, 10, 0, 3], [20, 30, 2, 3], [40, 50, -1, 3]]
    assert toy.indels[["start", "end", "change"]].to_numpy().tolist() == [[10, 20, 2], [30, 40, -3]]
    with pytest.raises(ValueError, match=r"position 50 .* beyond the old assembly of 50 nt"):
        toy.lift([0, 50])


def test_ends_that_do_not_join_are_uncertain() -> None:
    toy = Liftover((5,), (), (), (3,), 50, 54)
    found = toy.lift([0, 49])
    assert found["uncertain"].all()
    assert found["lifted"].tolist() == [5, pd.NA]


def test_sites_without_a_place_are_reported() -> None:
    toy = Liftover((0, -1), ((10, 13),), ("anchors",), (3, 3), 20, 19)
    sites = pd.DataFrame(
        {"position": [3, 11, 12, 15], "strand": ["+", "-", "+", "-"], "source": "a", "score": 1.0}
    )
    lifted, unlifted = lift_sites(sites, toy)
    assert lifted["position"].tolist() == [3, 11, 14]
    assert lifted["old_position"].tolist() == [3, 12, 15]
    assert lifted["uncertain"].tolist() == [False, True, False]
    assert unlifted.to_numpy().tolist() == [[11, "-", "a", 1.0]]


def test_anchors_that_do_not_agree_are_refused() -> None:
    old = lay_genes(np.random.default_rng(0), 6)
    new = old.assign(type="gene", locus_tag=list(reversed(old["locus_tag"])), strand="+")
    with pytest.raises(ValueError, match=r"no 3 neighbouring genes .* same locus tags"):
        Liftover.derive(old, new, 1000, 1000)
    close = pd.DataFrame(
        [(i * 30, i * 30 + 31, "+", f"b{i}") for i in range(6)],
        columns=["start", "end", "strand", "locus_tag"],
    )
    shifted = close.assign(type="gene")
    shifted.loc[3:, ["start", "end"]] -= 2
    with pytest.raises(ValueError, match="leave no room for it"):
        Liftover.derive(close, shifted, 1000, 998)


def test_old_genes_are_read_by_their_first_name(tmp_path: Path) -> None:
    path = tmp_path / "old.gtf"
    row = 'U\tgb2gtf\tCDS\t190\t255\t.\t+\t.\tgene_id "b0001"; gene_id "thrL"\n'
    path.write_text(row)
    assert read_old_genes(path).to_numpy().tolist() == [[189, 255, "+", "b0001"]]
    path.write_text(row + row.replace("gene_id", "name"))
    with pytest.raises(AnnotationError, match=r"old\.gtf, line 2: no gene_id"):
        read_old_genes(path)


# Real tables


@pytest.fixture(scope="module")
def real(data_dir: Path) -> tuple[Genome, Liftover]:
    (genome,) = read_fasta(data_dir / "GCF_000005845.2_ASM584v2_genomic.fna.gz")
    liftover = Liftover.from_anchors(
        data_dir / "U00096_protein_coding.gtf",
        data_dir / "GCF_000005845.2_ASM584v2_genomic.gff.gz",
        genome,
    )
    return genome, liftover


def test_the_real_segments_hold_the_known_indels(real: tuple[Genome, Liftover]) -> None:
    _, liftover = real
    assert liftover.offsets == (0, 776, 777, 1976, 1978, 1977)
    assert liftover.evidence == ("mobile element", "gene", "mobile element", "gene", "gene")
    for (start, end), change, (place, known, _) in zip(
        liftover.stretches, np.diff(liftover.offsets), KNOWN_INDELS, strict=True
    ):
        assert start < place <= end  # 1-based place within a half-open stretch
        assert change == known
        assert end - start < 1400
    assert not liftover.lift([0, liftover.old_length - 1])["uncertain"].any()


def test_every_cappable_site_is_lifted(data_dir: Path, real: tuple[Genome, Liftover]) -> None:
    genome, liftover = real
    sites = read_cappable(data_dir / "TSS_enriched_cluster_5.gtf")
    lifted, unlifted = lift_sites(sites, liftover)
    assert (len(lifted), len(unlifted), lifted["uncertain"].sum()) == (16_359, 0, 6)
    # with the indels at their known places, no site outside a target duplication moves
    known = np.zeros(len(lifted), dtype=np.int64)
    for place, change, _ in KNOWN_INDELS:
        known += np.where(lifted["old_position"] >= place, change, 0)
    moved = lifted[lifted["position"] - lifted["old_position"] != known]
    assert moved["uncertain"].all()
    assert len(moved) <= 2
    # +1 is a purine on the new genome, segment by segment: wrong by one, it would be half of them
    for _, part in lifted.groupby(lifted["position"] - lifted["old_position"]):
        first = genome.around(part["position"], part["strand"].to_numpy(), [0])
        assert np.isin(first, [0, 2]).mean() > 0.7
