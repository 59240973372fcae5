"""Sites with a planted word, attention that reads it, and effects of heads and words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from genoattn.genome.sequence import Genome
from genoattn.interventions import claims

LENGTH, N, DOWNSTREAM, WINDOW = 60_000, 400, 10, 48
WORD, PLACE = "TTGACA", -25  # planted element and the offset of its first nucleotide
RULE = claims.Rule(first=-35, last=8, flanks=(-30, -20, 20, 30))


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


def claimed() -> tuple[claims.Found, pd.DataFrame]:
    """What is claimed of an attention that reads the word at half of the sites, and the words."""
    genome, sites, with_word = planted_genome(0, share=0.5)
    attention = reading_attention(genome, sites, 1)
    found = claims.claim(attention, sites, learn(), genome, downstream=DOWNSTREAM, rule=RULE)
    return found, elements_of(sites, with_word)


def effect(low: float, high: float) -> pd.DataFrame:
    """The same effect of both heads."""
    p = 1e-4 if high < 0 else 0.5
    one = {"effect": -1.0, "ci_low": low, "ci_high": high, "p_effect": p}
    return pd.DataFrame({"layer_1based": 1, "head_1based": [1, 2], **one})


def word_effects(found: claims.Found, low: float = -2.0, high: float = -0.5) -> pd.DataFrame:
    """The same effect of all claimed words."""
    one = {"word_effect": -1.0, "word_low": low, "word_high": high}
    one["p_word"] = 1e-4 if high < 0 else 0.5
    return pd.DataFrame([one] * len(found.table))
