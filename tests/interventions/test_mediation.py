from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.genome.sequence import Genome
from genoattn.interventions import mediation as m
from genoattn.interventions.noise import Noised
from genoattn.interventions.replacement import lost_by_noise
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.convolutional import ConvolutionalConfig, ConvolutionalNetwork

CONFIG = AnnotatorConfig(
    layers=3, heads=2, d_model=8, d_head=4, window=24, conv_width=3, downstream=4, dropout=0.0
)
SITES = pd.DataFrame({"position": [300, 420, 510], "strand": ["+", "-", "+"]})


@pytest.fixture(scope="module")
def genome():
    return Genome("toy", np.random.default_rng(0).integers(0, 4, 900).astype(np.uint8))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    network = Annotator(CONFIG).eval()
    with torch.no_grad():
        for layer in network.layers:
            layer.combine.weight.mul_(20)  # heads that matter
    return network


def noised(first=-8, width=5, draws=2):
    letters = np.random.default_rng(3).integers(0, 4, (len(SITES), draws, width))
    return Noised(np.array([first, first - 1, first]), letters)


def runs_of(model, genome, given=None):
    return m.each_site(model, genome, SITES, given or noised(), lambda runs: runs, progress=False)


def whole_output(model, genome, site, first, letters):
    """Log-odds of an edited sequence, everything read anew."""
    c = model.config
    offsets = np.arange(c.downstream - c.reach_upstream, c.downstream + c.reach_downstream + 1)
    codes = genome.around([site["position"]], [site["strand"]], offsets)[0].astype(np.int64)
    at = first - offsets[0]
    codes[at : at + len(letters)] = letters
    with torch.no_grad():
        return model(torch.from_numpy(codes)[None])[0, c.reach_upstream].item()


def test_both_runs_are_those_of_the_whole_sequence(model, genome):
    given = noised()
    for number, runs in enumerate(runs_of(model, genome, given)):
        site, first = SITES.iloc[number], given.first[number]
        for draw, letters in enumerate(given.letters[number]):
            expected = whole_output(model, genome, site, first, letters)
            assert runs.noised.log_odds[draw].item() == pytest.approx(expected, abs=1e-5)
        assert runs.clean.log_odds[0].item() == pytest.approx(
            whole_output(model, genome, site, first, []), abs=1e-5
        )


def test_a_restored_head_is_that_of_a_model_whose_head_is_overwritten(model, genome):
    """The slow way: read everything, and overwrite the head's columns by hand."""
    given = noised(draws=1)
    found = m.mediation(model, genome, SITES, given, progress=False)
    c, number, layer, head = model.config, 1, 1, 0
    site, first = SITES.iloc[number], int(given.first[number])
    offsets = np.arange(c.downstream - c.reach_upstream, c.downstream + c.reach_downstream + 1)
    clean = genome.around([site["position"]], [site["strand"]], offsets)[0].astype(np.int64)
    noise = clean.copy()
    noise[first - offsets[0] :][:5] = given.letters[number, 0]
    kept = {}

    def keep(_, args):
        kept["z"] = args[0]

    def overwrite(_, args):
        z = args[0].clone()
        z[..., m.columns_of(c, head)] = kept["z"][..., m.columns_of(c, head)]
        return (z,)

    def read(codes, hook):
        handle = model.layers[layer].combine.register_forward_pre_hook(hook)
        with torch.no_grad():
            out = model(torch.from_numpy(codes)[None])[0, c.reach_upstream].item()
        handle.remove()
        return out

    read(clean, keep)
    assert found.restored[number, layer, head] == pytest.approx(read(noise, overwrite), abs=1e-5)
    read(noise, keep)
    assert found.removed[number, layer, head] == pytest.approx(read(clean, overwrite), abs=1e-5)


def test_restoring_every_head_gives_the_clean_output(model, genome):
    """The noise lies so far away that it reaches the query through heads alone."""
    every = [(layer, head) for layer in range(3) for head in range(2)]
    for runs in runs_of(model, genome, noised(first=-15)):
        assert abs(runs.noised.log_odds - runs.clean.log_odds).max() > 1e-3
        restored = m.patched(runs, every)
        np.testing.assert_allclose(restored, float(runs.clean.log_odds[0]), atol=1e-5)


def test_no_head_restores_nothing(model, genome):
    for runs in runs_of(model, genome):
        np.testing.assert_allclose(m.patched(runs, []), runs.noised.log_odds.numpy())


def test_one_head_restored_by_patched_is_that_of_the_table(model, genome):
    found = m.mediation(model, genome, SITES, noised(), progress=False)
    for number, runs in enumerate(runs_of(model, genome)):
        for layer in range(3):
            assert m.patched(runs, [(layer, 1)]).mean() == pytest.approx(
                found.restored[number, layer, 1], abs=1e-5
            )


def test_a_head_that_hands_nothing_on_restores_nothing(model, genome):
    silent = Annotator(CONFIG).eval()
    silent.load_state_dict(model.state_dict())
    with torch.no_grad():
        silent.layers[1].combine.weight[:, m.columns_of(CONFIG, 0)] = 0
    found = m.mediation(silent, genome, SITES, noised(), progress=False)
    np.testing.assert_allclose(found.restored[:, 1, 0], found.noised, atol=1e-6)
    np.testing.assert_allclose(found.removed[:, 1, 0], found.clean, atol=1e-6)
    assert np.abs(found.restored[:, 1, 1] - found.noised).max() > 1e-4


def test_queries_outside_a_bin_are_left_as_noised(model, genome):
    for runs in runs_of(model, genome):
        offsets = runs.offsets()
        none = m.patched(runs, [(0, 0)], offsets > 1_000)
        np.testing.assert_allclose(none, runs.noised.log_odds.numpy(), atol=1e-6)
        whole = m.patched(runs, [(0, 0)], offsets > -1_000)
        np.testing.assert_allclose(whole, m.patched(runs, [(0, 0)]), atol=1e-6)


def test_first_order_is_exact_where_the_output_is_linear_in_what_heads_hand_on(genome):
    """One layer whose normalisation is taken away: the output is a weighted sum of z."""
    torch.manual_seed(2)
    config = AnnotatorConfig(
        layers=1, heads=2, d_model=8, d_head=4, window=24, conv_width=3, downstream=4
    )
    linear = Annotator(config).eval()
    linear.layers[0].norm = torch.nn.Identity()
    found = m.mediation(linear, genome, SITES, noised(), progress=False)
    exact = found.restored - found.noised[:, None, None]
    assert np.abs(exact).max() > 1e-3
    np.testing.assert_allclose(found.first_order.sum(-1), exact, atol=1e-6)


def test_first_order_by_query_and_key_adds_up_to_first_order(model, genome):
    for runs in runs_of(model, genome):
        total = m.first_order(runs)
        for head in ((0, 1), (2, 0)):
            by_bin = m.first_order_map(
                runs, head, np.arange(-40, 15, 3), np.array([-200, -10, 0, 50])
            )
            assert by_bin.sum() == pytest.approx(total[head].sum(), abs=1e-6)


def test_the_first_layer_gains_from_the_keys_that_were_noised(model, genome):
    """A key of the first layer differs only within the convolution's reach of the noise."""
    torch.manual_seed(4)
    config = AnnotatorConfig(
        layers=1, heads=1, d_model=8, d_head=4, window=24, conv_width=3, downstream=4
    )
    flat = Annotator(config).eval()
    with torch.no_grad():  # the same attention everywhere: weights do not change, values do
        flat.layers[0].project.weight[: 2 * config.d_head] = 0
        flat.content_bias.zero_()
        flat.position_bias.zero_()
    given = noised()
    for number, runs in enumerate(runs_of(flat, genome, given)):
        first = int(given.first[number])
        edges = np.array([-100, first - 1, first + 6, 50])
        outside, inside, beyond = m.first_order_map(runs, (0, 0), np.array([-100, 50]), edges)[0]
        assert abs(inside) > 1e-5
        assert (outside, beyond) == (pytest.approx(0, abs=1e-7), pytest.approx(0, abs=1e-7))


def test_letters_of_the_clean_run_may_be_given(model, genome):
    given = noised()
    same = Noised(given.first, given.letters, given.letters)
    found = m.mediation(model, genome, SITES, same, progress=False)
    np.testing.assert_allclose(found.effect, 0, atol=1e-6)


def test_sites_side_by_side_give_the_same_numbers(model, genome, monkeypatch):
    one = m.mediation(model, genome, SITES, noised(), progress=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    two = m.mediation(model, genome, SITES, noised(), progress=False)
    np.testing.assert_array_equal(one.restored, two.restored)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"given": noised(first=-40)}, "-35 box at the offsets -41 to -36 lies outside the window"),
        ({"sites": SITES.iloc[:0]}, "there is no site"),
        ({"model": ConvolutionalNetwork(ConvolutionalConfig())}, "has no attention"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(model, genome, change, message):
    given = {"model": model, "sites": SITES, "given": noised()} | change
    with pytest.raises((ValueError, TypeError), match=message):
        m.mediation(
            given["model"], genome, given["sites"], given["given"], name="-35 box", progress=False
        )


def test_a_stem_reads_further_upstream_than_the_window(genome):
    torch.manual_seed(1)
    stemmed = Annotator(replace(CONFIG, layers=1, stem=2)).eval()  # six nt more than 24
    found = m.mediation(stemmed, genome, SITES, noised(first=-21), progress=False)
    lost = lost_by_noise(stemmed, genome, SITES, noised(first=-21), progress=False)
    np.testing.assert_allclose(found.effect, lost, atol=1e-5)
    with pytest.raises(ValueError, match="the window of the model, -25 to 4 from the site"):
        m.mediation(stemmed, genome, SITES, noised(first=-25), progress=False)


def test_a_head_that_does_not_exist_is_refused(model, genome):
    with pytest.raises(ValueError, match="no head L4 H1: the model has 3 layers of 2 heads"):
        m.patched(runs_of(model, genome)[0], [(3, 0)])


def test_a_site_too_near_the_end_of_a_line_is_refused_and_of_a_circle_is_not(model):
    codes = np.random.default_rng(0).integers(0, 4, 900).astype(np.uint8)
    near = pd.DataFrame({"position": [300, 4], "strand": ["+", "+"]})
    given = Noised(np.array([-8, -8]), np.zeros((2, 1, 5), int))
    with pytest.raises(ValueError, match=r"site at 5 \(\+\) of line is too near its end"):
        m.mediation(model, Genome("line", codes, circular=False), near, given, progress=False)
    m.mediation(model, Genome("circle", codes), near, given, progress=False)
