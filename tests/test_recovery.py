"""Blind claims on toy heads: what is planted and read is claimed, at its place; nothing else is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn import promoter_elements, recovery
from genoattn.genome import Genome
from genoattn.grammar import consensus_matrix
from genoattn.model import Annotator, AnnotatorConfig

LENGTH, N, DOWNSTREAM, WINDOW = 60_000, 400, 10, 48
WORD, PLACE = "TTGACA", -25  # planted element and the offset of its first nucleotide
RULE = recovery.Rule(first=-35, last=8, flanks=(-30, -20, 20, 30))


def planted_genome(seed: int, share: float) -> tuple[Genome, pd.DataFrame, np.ndarray]:
    """Random genome, sites 150 nt apart, and which of them have the word at its place."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(4, size=LENGTH).astype(np.uint8)
    position = 60 + 150 * np.arange(N) - rng.integers(0, 20, N)
    with_word = rng.random(N) < share
    letters = np.array(["ACGT".index(letter) for letter in WORD], dtype=np.uint8)
    for site in position[with_word]:
        codes[(site + PLACE + np.arange(len(WORD))) % LENGTH] = letters
    sites = pd.DataFrame({"position": position % LENGTH, "strand": "+"})
    return Genome("toy", codes, circular=True), sites, with_word


def reading_attention(genome: Genome, sites: pd.DataFrame, seed: int) -> np.ndarray:
    """Head 1 looks wherever a TTGA begins one nucleotide before; head 2 looks anywhere."""
    rng = np.random.default_rng(seed)
    offset = DOWNSTREAM - np.arange(WINDOW)
    reach = np.arange(offset[-1] - 1, offset[0] + 4)
    codes = genome.around(sites["position"].to_numpy(), sites["strand"].to_numpy(), reach)
    raw = rng.random((N, 1, 2, WINDOW)) * 0.1
    for distance, one in enumerate(offset):
        begin = int(one - 1 - reach[0])
        raw[:, 0, 0, distance] += (codes[:, begin : begin + 4] == [3, 3, 2, 0]).all(axis=1)
    return (raw / raw.sum(-1, keepdims=True)).astype(np.float16)


def learn() -> np.ndarray:
    return np.arange(N) % 10 < 7


def elements_of(sites: pd.DataFrame, with_word: np.ndarray) -> pd.DataFrame:
    copies = sites[with_word]
    return pd.DataFrame(
        {
            "tss_position": copies["position"],
            "strand": copies["strand"],
            "element": "box",
            "offset": PLACE,
            "sequence": WORD,
        }
    )


def effect(low: float, high: float) -> pd.DataFrame:
    """The same effect of both heads."""
    p = 1e-4 if high < 0 else 0.5
    one = {"effect": -1.0, "ci_low": low, "ci_high": high, "p_effect": p}
    return pd.DataFrame({"layer_1based": 1, "head_1based": [1, 2], **one})


def word_effects(found: recovery.Found, low: float = -2.0, high: float = -0.5) -> pd.DataFrame:
    """The same effect of all claimed words."""
    one = {"word_effect": -1.0, "word_low": low, "word_high": high}
    one["p_word"] = 1e-4 if high < 0 else 0.5
    return pd.DataFrame([one] * len(found.table))


@pytest.fixture(scope="module")
def claimed():
    genome, sites, with_word = planted_genome(0, share=0.5)
    attention = reading_attention(genome, sites, 1)
    found = recovery.claim(attention, sites, learn(), genome, downstream=DOWNSTREAM, rule=RULE)
    return found, elements_of(sites, with_word)


def test_how_much_of_a_word_was_planted_is_counted_on_the_genome():
    _, sites, with_word = planted_genome(0, share=0.5)
    sites = sites.assign(strand=np.where(np.arange(N) % 2, "+", "-"))  # places are read on a strand
    elements = elements_of(sites, with_word)
    counts = np.full((2, 9, 4), 5)
    counts[:, 4:6] = [20, 0, 0, 0]  # all information lies in the two letters from the centre on
    table = pd.DataFrame({"offset": [PLACE, PLACE - 1]})
    carriers = np.tile(np.flatnonzero(with_word)[:40], (2, 1))
    found = recovery.Found(table, counts, carriers)
    shares = recovery.planted_letters(found, sites, elements, LENGTH)
    inside = np.zeros((2, LENGTH), dtype=bool)
    for site in elements.itertuples():
        step = 1 if site.strand == "+" else -1
        for nt in range(len(WORD)):
            place = site.tss_position + step * (PLACE + nt)
            inside[int(site.strand == "-"), place % LENGTH] = True
    for row, offset in enumerate(table["offset"]):
        hits = []
        for site in sites.itertuples():
            step = 1 if site.strand == "+" else -1
            places = [(site.position + step * (offset + nt)) % LENGTH for nt in (0, 1)]
            hits.append(inside[int(site.strand == "-"), places].mean())
        hits = np.array(hits)
        assert shares["planted_share"][row] == pytest.approx(hits[carriers[row]].mean())
        assert shares["planted_elsewhere"][row] == pytest.approx(hits.mean())
    assert shares["planted_share"].tolist() == pytest.approx([1.0, 0.5], abs=0.05)
    assert shares["planted_element"].tolist() == ["box", "box"]
    nothing = recovery.planted_letters(found, sites, elements.iloc[:0], LENGTH)
    assert (nothing["planted_share"] == 0).all() and (nothing["planted_element"] == "").all()


def test_a_planted_word_that_a_head_reads_is_claimed_at_its_place(claimed):
    found, elements = claimed
    assert set(found.table["head_1based"]) == {1}
    recovered, claims = recovery.grade(found, effect(-2, -0.5), word_effects(found), elements, RULE)
    (row,) = recovered.to_dict("records")
    assert row["recovered"] and row["q_value"] <= RULE.max_q and row["head"] == "L1 H1"
    assert abs(row["recovered_offset"] - PLACE) <= RULE.tolerance
    assert not claims["false_claim"].any()


def test_a_head_without_effect_claims_nothing(claimed):
    found, elements = claimed
    recovered, claims = recovery.grade(found, effect(-2, 0.5), word_effects(found), elements, RULE)
    assert not recovered["recovered"].any() and not claims["false_claim"].any()


def test_a_word_whose_letters_do_not_matter_is_not_claimed(claimed):
    found, elements = claimed
    words = word_effects(found, low=-2, high=0.5)
    recovered, claims = recovery.grade(found, effect(-2, -0.5), words, elements, RULE)
    assert not recovered["recovered"].any() and not claims["false_claim"].any()


def test_the_same_motif_of_another_head_is_an_echo(claimed):
    found, elements = claimed
    row = found.table["p_sites"].idxmin()
    weaker = found.table.loc[[row]].assign(head_1based=2)
    weaker["p_attention"] *= 2
    elsewhere = weaker.assign(offset=weaker["offset"] + 20)
    two = recovery.Found(
        pd.concat([weaker, found.table.loc[[row]], elsewhere], ignore_index=True),
        found.counts[[row] * 3],
        found.carriers[[row] * 3],
    )
    _, claims = recovery.grade(two, effect(-2, -0.5), word_effects(two), elements, RULE)
    assert claims["echo"].tolist() == [True, False, False]
    assert claims["claimed"].tolist() == [False, True, True]
    counts = two.counts.copy()
    counts[0] = [0, 50, 0, 0]  # CCCCCCCCC
    other = two._replace(counts=counts)
    _, claims = recovery.grade(other, effect(-2, -0.5), word_effects(two), elements, RULE)
    assert not claims["echo"].any()  # another motif


def test_a_claim_of_something_not_planted_is_false(claimed):
    found, elements = claimed
    other = elements.assign(element="other", sequence="CCGGTC")
    recovered, claims = recovery.grade(found, effect(-2, -0.5), word_effects(found), other, RULE)
    assert not recovered["recovered"].any() and claims["false_claim"].all()
    elsewhere = elements.assign(offset=PLACE - 10)
    recovered, claims = recovery.grade(
        found, effect(-2, -0.5), word_effects(found), elsewhere, RULE
    )
    assert not recovered["recovered"].any() and claims["false_claim"].all()
    nothing, claims = recovery.grade(
        found, effect(-2, -0.5), word_effects(found), elements.head(0), RULE
    )
    assert nothing.empty and claims["false_claim"].all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sites_without_a_word_give_no_claim_whatever_a_head_prefers(seed):
    genome, sites, _ = planted_genome(seed, share=0.0)
    attention = reading_attention(genome, sites, seed)
    found = recovery.claim(attention, sites, learn(), genome, downstream=DOWNSTREAM, rule=RULE)
    assert found.table.empty and found.counts.shape == (0, 2 * RULE.half + 1, 4)


def test_a_word_that_no_head_reads_is_not_claimed():
    genome, sites, _ = planted_genome(0, share=0.5)
    attention = np.random.default_rng(0).random((N, 1, 2, WINDOW)).astype(np.float16)
    found = recovery.claim(attention, sites, learn(), genome, downstream=DOWNSTREAM, rule=RULE)
    assert found.table.empty


def test_claims_of_a_head_keep_their_distance():
    frame = pd.DataFrame(
        {
            "layer_1based": 1,
            "head_1based": [1, 1, 1, 2],
            "offset": [-10, -12, -20, -11],
            "p_sites": [1e-3, 1e-9, 1e-4, 1e-2],
        }
    )
    kept = recovery._strongest(frame, apart=5)
    assert kept[["head_1based", "offset"]].to_numpy().tolist() == [[1, -12], [1, -20], [2, -11]]


def test_p_values_are_corrected_for_their_number():
    frame = recovery._corrected(pd.DataFrame({"p": [0.03, 0.001, 0.02, 0.9]}), "p")
    assert frame["p"].to_numpy() == pytest.approx([0.06, 0.004, 0.06, 0.9])  # Holm, by hand
    mean, low, high, p = recovery._interval(np.array([1.0, 2.0, 3.0]))
    assert (mean, low < mean < high) == (2, True)
    assert p == pytest.approx(0.0742, abs=1e-4)  # t = 3.46 with 2 degrees of freedom
    assert recovery._interval(np.zeros(5))[3] == 1


def test_too_few_sites_are_refused():
    genome, sites, _ = planted_genome(0, share=0.5)
    attention = reading_attention(genome, sites, 1)
    with pytest.raises(ValueError, match="0 to test on"):
        recovery.claim(attention, sites, np.ones(N, bool), genome, downstream=DOWNSTREAM)
    with pytest.raises(ValueError, match="attention of 399 sites"):
        recovery.claim(attention[1:], sites, learn(), genome, downstream=DOWNSTREAM)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = AnnotatorConfig(layers=2, heads=2, d_model=8, d_head=4, window=12, downstream=3)
    return Annotator(config).eval()


def test_the_output_at_a_site_is_that_of_the_whole_genome(model):
    genome, _, _ = planted_genome(0, share=0.5)
    some = pd.DataFrame({"position": [500, 40_000, 3], "strand": ["+", "-", "+"]})
    codes = recovery.site_windows(genome, some, model.config)
    from genoattn.prediction import predict

    where = np.isin(np.arange(LENGTH), some["position"])
    track = predict(model, genome, where=where, progress=False)
    expected = track[(some["strand"] == "-").astype(int), some["position"]]
    given = 1 / (1 + np.exp(-recovery._log_odds(model, codes, batch=2)))
    assert np.allclose(given, expected, rtol=1e-4)


def test_a_head_that_says_the_same_everywhere_has_no_effect(model):
    genome, sites, _ = planted_genome(0, share=0.5)
    with torch.no_grad():
        before = model.layers[1].combine.weight.clone()
        model.layers[1].combine.weight[:, :4] = 0  # head 1 of layer 2 is not heard
        changed = recovery.effects(model, genome, sites.head(12)).set_index(
            ["layer_1based", "head_1based"]
        )
        model.layers[1].combine.weight[:] = before
    assert abs(changed.loc[(2, 1), "effect"]) < 1e-9
    assert (changed["effect"].drop((2, 1)).abs() > 1e-9).all()
    assert (changed["ci_low"] <= changed["ci_high"]).all()


def test_a_claimed_word_matters_where_the_model_reads_it(model):
    genome, sites, _ = planted_genome(0, share=0.5)
    reach = model.config.reach_upstream - model.config.downstream
    table = pd.DataFrame({"offset": [-8, -reach - 5 + RULE.half]})
    width = 2 * RULE.half + 1
    found = recovery.Found(
        table, np.ones((2, width, 4), dtype=np.int64), np.tile(np.arange(12), (2, 1))
    )
    with pytest.raises(ValueError, match="beyond what the model reads"):
        recovery.letters(model, genome, sites, found, seed=0)
    near = recovery.Found(table.head(1), found.counts[:1], found.carriers[:1])
    words = recovery.letters(model, genome, sites, near, seed=0)
    assert words["word_effect"].abs().item() > 1e-9
    assert words["word_low"].item() <= words["word_effect"].item() <= words["word_high"].item()
    again = recovery.letters(model, genome, sites, near, seed=0)
    pd.testing.assert_frame_equal(words, again)


def test_replacing_letters_out_of_reach_changes_nothing(model):
    genome, sites, with_word = planted_genome(0, share=0.5)
    elements = elements_of(sites, with_word)
    near = recovery.usage(model, genome, elements.assign(offset=-8), most=20, seed=0)
    assert near["change"].abs().item() > 1e-9
    assert list(near["element"]) == ["box"]
    reach = model.config.reach_upstream - model.config.downstream
    edge = elements.assign(offset=-reach, sequence=WORD)
    assert np.isfinite(recovery.usage(model, genome, edge, most=20, seed=0)["change"]).all()


def test_a_motif_is_laid_where_it_fits():
    word = promoter_elements.word("box", WORD, PLACE, PLACE, "toy")
    codes = np.array([["ACGT".index(letter) for letter in "AC" + WORD + "G"]])
    counts = np.eye(4, dtype=int)[codes[0]] * 50
    alike, first = recovery.placed(counts, PLACE + 2, word, slack=4)
    assert first == PLACE and alike == pytest.approx(1, abs=0.01)
    alike, first = recovery.placed(counts, PLACE + 3, word, slack=4)
    assert first == PLACE + 1
    assert recovery.placed(counts, PLACE + 40, word, slack=4)[0] == 0


def test_half_of_an_element_with_its_gap_must_be_covered():
    gapped = promoter_elements.Element(
        "pair", consensus_matrix("TGTGANNNNNNTCACA", 0.85), (-69,), "toy"
    )
    second = np.eye(4, dtype=int)[["ACGT".index(letter) for letter in "GATTCACAG"]] * 50
    second[[0, 1, 2, 8]] = 12  # no letter preferred; TCACA ends at the last but one
    alike, first = recovery.placed(second, -57, gapped, slack=0)
    assert first == -69 and alike > 0.9  # eight of sixteen
    one_less = np.roll(second, -1, axis=0)
    assert recovery.placed(one_less, -56, gapped, slack=0)[0] == 0


def test_the_tables_are_read_and_counted(tmp_path):
    recovered = pd.DataFrame(
        {
            "genome_seed": [0, 0],
            "element": ["-10", "-35"],
            "recovered": [True, False],
            "used": [True, False],
            "change": [-1.5, -0.1],
        }
    )
    claims = pd.DataFrame(
        {
            "genome_seed": [0, 0, 1],
            "grammar": [True, True, False],
            "element": ["-10", None, None],
            "claimed": [True, True, False],
            "false_claim": [False, True, False],
            "planted_share": [0.9, 0.8, 0.0],
            "planted_elsewhere": [0.5, 0.1, 0.0],
            "planted_element": ["-10", "-35", None],
        }
    )
    genomes = pd.DataFrame({"genome_seed": [0, 1], "grammar": [True, False]})
    recovered.to_csv(tmp_path / "recovery.csv", index=False)
    with pytest.raises(FileNotFoundError, match=r"recovery_claims\.csv"):
        recovery.read(tmp_path / "recovery.csv")
    claims.to_csv(tmp_path / "recovery_claims.csv", index=False)
    genomes.to_csv(tmp_path / "recovery_genomes.csv", index=False)
    tables = recovery.read(tmp_path / "recovery.csv")
    assert tables.recovered["element"].tolist() == ["-10", "-35"]
