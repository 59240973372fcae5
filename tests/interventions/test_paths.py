import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.genome.sequence import Genome, encode
from genoattn.interventions import mediation, paths
from genoattn.interventions.noise import Noised, Question
from genoattn.model.annotator import Annotator, AnnotatorConfig
from tests import toy_reader

CONFIG = AnnotatorConfig(
    layers=2, heads=3, d_model=8, d_head=4, window=24, conv_width=3, downstream=4, dropout=0.0
)
SITES = pd.DataFrame({"position": [300, 420], "strand": ["+", "-"], "block": [0, 1]})
GIVEN = Noised(np.array([-15, -16]), np.random.default_rng(3).integers(0, 4, (2, 2, 5)))


@pytest.fixture(scope="module")
def genome():
    return Genome("toy", np.random.default_rng(0).integers(0, 4, 900).astype(np.uint8))


@pytest.fixture
def model():
    torch.manual_seed(1)
    network = Annotator(CONFIG).eval()
    with torch.no_grad():
        for layer in network.layers:
            layer.combine.weight.mul_(20)
    return network


def runs_of(model, genome):
    return mediation.each_site(model, genome, SITES, GIVEN, lambda runs: runs, progress=False)


def test_a_sender_comes_back_by_its_hops_and_by_itself(model, genome):
    """Under a linear last step, what a first-layer head restores is the sum over all its ways."""
    model.layers[1].norm = torch.nn.Identity()
    for runs in runs_of(model, genome):
        before = runs.noised.log_odds.numpy()
        whole = mediation.patched(runs, [(0, 1)]) - before
        hops = [paths.hop(runs, (0, 1), (1, head)) - before for head in range(3)]
        with torch.no_grad():  # past all heads of the second layer
            h = paths._seen(runs, (0, 1), 1)
            direct = runs.reading.close(1, h, runs.noised.z[1], runs.start)
            direct = model.output(direct[:, 0]).squeeze(-1).numpy() - before
        assert np.abs(hops).max() > 1e-3
        np.testing.assert_allclose(np.sum(hops, 0) + direct, whole, atol=1e-5)


def test_a_receiver_whose_output_is_not_used_brings_nothing(model, genome):
    with torch.no_grad():
        model.layers[1].combine.weight[:, mediation.columns_of(CONFIG, 2)] = 0
    for runs in runs_of(model, genome):
        np.testing.assert_allclose(
            paths.hop(runs, (0, 1), (1, 2)), runs.noised.log_odds.numpy(), atol=1e-6
        )
        assert np.abs(paths.hop(runs, (0, 1), (1, 0)) - runs.noised.log_odds.numpy()).max() > 1e-4


def test_through_the_value_alone_where_attention_does_not_read(model, genome):
    with torch.no_grad():  # no head of the second layer compares content
        model.layers[1].project.weight[: 2 * 12] = 0
        model.content_bias.zero_()
    for runs in runs_of(model, genome):
        before = runs.noised.log_odds.numpy()
        by = {way: paths.hop(runs, (0, 0), (1, 1), [way]) for way in paths.INPUTS}
        np.testing.assert_allclose(by["query"], before, atol=1e-6)
        np.testing.assert_allclose(by["key"], before, atol=1e-6)
        np.testing.assert_allclose(by["value"], paths.hop(runs, (0, 0), (1, 1)), atol=1e-6)
        assert np.abs(by["value"] - before).max() > 1e-4


def test_following_agrees_with_patching_by_hand(model, genome):
    question = Question("box", -15, -11, SITES, GIVEN, "", 2)
    heads = [(0, 1), (1, 0)]
    query, key = np.array([-25, -10, 0, 10]), np.array([-60, -10, 10])
    found = paths.follow(
        model, genome, question, heads, query=query, key=key, n_hopping=2, progress=False
    )
    assert found.hops == [((0, 1), (1, 0))]
    assert found.query_bins == ["-25 to -11", "-10 to -1", "+1 to +10"]
    for number, runs in enumerate(runs_of(model, genome)):
        before = runs.noised.log_odds.numpy().mean()
        together = mediation.patched(runs, heads).mean() - before
        assert found.together[number, 1] == pytest.approx(together, abs=1e-6)
        total = mediation.first_order(runs)[0, 1].sum()
        assert found.by_key[number, 0].sum() == pytest.approx(total, abs=1e-6)
        value = paths.hop(runs, *found.hops[0], ["value"]).mean() - before
        assert found.by_hop[number, 0, paths.WAYS.index("value")] == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(
    ("pair", "through", "message"),
    [
        (((1, 0), (1, 1)), ["key"], "higher layer"),
        (((0, 0), (1, 3)), ["key"], "no head L2 H4"),
        (((0, 0), (1, 1)), ["door"], "no input 'door'"),
    ],
)
def test_hops_that_do_not_exist_are_refused(model, genome, pair, through, message):
    with pytest.raises(ValueError, match=message):
        paths.hop(runs_of(model, genome)[0], *pair, through)


def test_a_reader_without_a_favourite_distance_has_no_favourite_spacer():
    genome, sites = toy_reader.promoters(n=12)
    spacer = np.array([12, 17, 20])
    found = paths.spacers(
        toy_reader.reader(),
        genome,
        sites,
        encode("TTGACA"),
        np.full(len(sites), -12),
        (0, 0),
        spacer=spacer,
        draws=2,
        seed=0,
        progress=False,
    )
    assert found.effect.shape == (12, 3)
    np.testing.assert_allclose(found.through, found.effect, atol=1e-5)  # one head does it all
    np.testing.assert_allclose(found.effect, found.effect[:, :1].repeat(3, 1), atol=0.2)
    assert found.effect.mean() > 1
