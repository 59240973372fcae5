"""Words that are written near sites: a network whose answer is known, a slow way, refusals."""

import numpy as np
import pandas as pd
import pytest

from genoattn.genome.sequence import Genome
from genoattn.interventions import written
from genoattn.prediction.mutants import read_site
from tests import toy_reader


@pytest.fixture(scope="module")
def network():
    return toy_reader.reader(linear=False)


@pytest.fixture(scope="module")
def genome():
    return Genome("toy", np.random.default_rng(0).integers(0, 4, 4_000).astype(np.uint8))


def test_codons_and_stops_are_what_their_letters_say():
    names = [written.as_letters(one) for one in written.CODONS]
    assert len(set(names)) == 64 and names[0] == "AAA" and names[-1] == "TTT"
    assert [written.as_letters(one) for one in written.STOPS] == ["TAA", "TAG", "TGA"]


def test_a_written_word_is_read_as_if_the_genome_had_it(network, genome):
    sites = pd.DataFrame({"position": [1_000, 2_000], "strand": ["+", "-"]})
    words, places = np.array([[3, 3, 2], [0, 1, 0]]), np.array([-36, -33])
    found = written.write_words(network, genome, sites, words, places, progress=False)
    assert found.shape == (2, 2, 2)
    for n, (position, strand) in enumerate(sites.itertuples(index=False)):
        before = read_site(network, genome, position, strand, 0).log_odds
        for w, word in enumerate(words):
            for k, place in enumerate(places):
                codes = genome.codes.copy()
                step = 1 if strand == "+" else -1
                index = position + step * (place + np.arange(3))
                codes[index] = word if strand == "+" else 3 - word
                after = read_site(network, Genome("new", codes), position, strand, 0).log_odds
                assert found[n, w, k] == pytest.approx(after - before, abs=1e-5)
    assert np.abs(found).max() > 1e-3, "this network reads these places"


def test_a_word_beyond_what_is_read_is_refused(network, genome):
    sites = pd.DataFrame({"position": [1_000], "strand": ["+"]})
    with pytest.raises(ValueError, match="outside what the network reads"):
        written.write_words(network, genome, sites, written.STOPS, np.array([500]), progress=False)
