"""Circuits against the whole network with hooks on its heads, read in one piece."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from genoattn.evaluation.bootstrap import Resampling
from genoattn.genome.sequence import Genome
from genoattn.interventions import circuits as m
from genoattn.interventions.ablation import switched_off
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.prediction.predict import predict

CONFIG = AnnotatorConfig(
    layers=3, heads=2, d_model=8, d_head=4, window=24, conv_width=3, downstream=2, dropout=0.1
)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    made = Annotator(CONFIG).eval()
    for parameter in made.parameters():
        parameter.data.normal_(std=0.5)
    return made


@pytest.fixture(scope="module")
def genome():
    return Genome("toy", np.random.default_rng(0).integers(0, 4, 1_500).astype(np.uint8))


@pytest.fixture(scope="module")
def where():
    part = np.zeros(1_500, dtype=bool)
    part[300:700] = part[900:1_010] = True
    return part


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Spans and chunks with many seams."""
    monkeypatch.setattr(m, "SPAN", {"cpu": 150, "cuda": 150})
    monkeypatch.setattr(m, "CHUNK", {"cpu": 37, "cuda": 37})


@pytest.fixture(scope="module")
def mean(model, genome, where):
    return m.part_means(model, genome, where, progress=False)


def by_hooks(model, genome, where, off, mean):
    with switched_off(model, {head: mean[head] for head in off}):
        track = predict(model, genome, where=where, progress=False)[:, where]
    return np.log(track / (1 - track))


def outputs(model, genome, where, mean, *left_out):
    every = m.all_heads(model)
    made = [m.Circuit(model, set(every) - set(off), mean) for off in left_out]
    return m.part_outputs(made, genome, where, progress=False)


def test_the_circuit_of_all_heads_is_the_network(model, genome, where, mean):
    found = outputs(model, genome, where, mean, [])
    np.testing.assert_allclose(found[0], by_hooks(model, genome, where, [], mean), atol=1e-4)


@pytest.mark.parametrize("circular", [True, False])
def test_circuits_are_the_network_with_heads_switched_off(model, where, mean, circular, genome):
    end = np.zeros_like(where)
    end[:40] = end[-60:] = True  # the ends of a line, and across the origin of a circle
    genome = Genome("toy", genome.codes, circular)
    sets = [[], [(0, 1)], [(2, 0)], [(1, 0), (1, 1)], [(0, 0), (2, 1)], m.all_heads(model)]
    for part in (where, end):
        found = outputs(model, genome, part, mean, *sets)
        for off, one in zip(sets, found, strict=True):
            expected = by_hooks(model, genome, part, off, mean)
            np.testing.assert_allclose(one, expected, atol=2e-4, err_msg=str(off))


def test_means_are_those_over_all_queries_of_the_part(model, genome, where):
    c = model.config
    seen = []

    def keep(_, given):
        seen.append(given[0].detach())

    handle = model.layers[1].combine.register_forward_pre_hook(keep)
    reach = np.arange(-c.reach_upstream, c.reach_downstream + 1) + c.downstream
    for strand in "+-":
        position = np.flatnonzero(where)
        windows = genome.around(position, strand, reach)
        with torch.no_grad():
            model(torch.from_numpy(windows.astype(np.int64)))
    handle.remove()
    at_query = torch.cat([z[:, c.reach_upstream] for z in seen]).mean(0).view(2, 4)
    found = m.part_means(model, genome, where, progress=False)[1]
    np.testing.assert_allclose(found, at_query, atol=1e-5)


def test_workers_side_by_side_give_the_same_numbers(model, genome, where, mean, monkeypatch):
    one = outputs(model, genome, where, mean, [(0, 1)], [(1, 1)])
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    np.testing.assert_array_equal(one, outputs(model, genome, where, mean, [(0, 1)], [(1, 1)]))


def test_a_head_or_a_network_that_does_not_exist_is_refused(model, mean):
    with pytest.raises(ValueError, match="no head L4 H1"):
        m.Circuit(model, [(3, 0)], mean)
    with pytest.raises(TypeError, match="no attention"):
        m.Circuit(torch.nn.Linear(1, 1), [], mean)


def test_the_measures_are_those_of_sklearn(where):
    rng = np.random.default_rng(0)
    label = np.zeros((2, len(where)), np.uint8)
    label[:, rng.choice(np.flatnonzero(where), 30, replace=False)] = 1
    output = rng.normal(size=(2, where.sum())).astype(np.float32)
    resampling = Resampling.of(where, 50, 20, 0)
    found = m.measure(label, output, where, resampling)
    truth = label[:, where].ravel(), output.ravel()
    assert found["pr_auc"][0] == pytest.approx(average_precision_score(*truth))
    assert found["roc_auc"][0] == pytest.approx(roc_auc_score(*truth))
    contrast = truth[1][truth[0] == 1].mean() - truth[1][truth[0] == 0].mean()
    assert found["contrast"][0] == pytest.approx(contrast)
    assert found["contrast"].shape == (21,)


def test_changes_are_paired_with_the_network_with_all_heads():
    rng = np.random.default_rng(0)
    intact = {name: rng.normal(size=101) for name in m.MEASURES}
    less = {name: values - 0.25 for name, values in intact.items()}
    row = m.changes([less], intact, 0.95).iloc[0]
    assert row[["delta_pr_auc", "delta_pr_auc_low", "delta_pr_auc_high"]].tolist() == pytest.approx(
        [-0.25] * 3
    )


def test_circuits_that_leave_a_smaller_one_are_the_same(model, genome, where, mean):
    """Read from a trunk without a whole layer and without a head of another."""
    every = set(m.all_heads(model))
    trunk = m.Circuit(model, every - {(0, 0), (0, 1), (2, 1)}, mean)
    made = [m.Circuit(model, trunk.kept - {head}, mean) for head in [(1, 0), (2, 0)]]
    made.append(trunk)
    direct = m.part_outputs(made, genome, where, progress=False)
    by_trunk = m.part_outputs(made, genome, where, trunk=trunk, progress=False)
    np.testing.assert_allclose(by_trunk, direct, atol=1e-5)
    assert np.abs(direct[0] - direct[2]).max() > 1e-3
    with pytest.raises(ValueError, match="a head that its trunk lacks"):
        m.part_outputs([m.Circuit(model, every, mean)], genome, where, trunk=trunk, progress=False)


def test_heads_go_by_what_their_absence_costs_in_what_is_left():
    """Either of two heads will do for the one thing, a third does the other, a fourth is idle."""
    either, other, third, idle = heads = [(0, 0), (0, 1), (1, 0), (1, 1)]

    def score(kept, without):
        assert kept == set(without)
        left = [kept - {head} for head in without]
        return [3 * bool({either, other} & one) + 2 * (third in one) for one in left]

    assert m.order_of_removal(heads, [2, 3], score) == [either, idle, third, other]
    assert set(m.order_of_removal(heads, [2], score)[:2]) == {either, other}  # measured too rarely


def test_several_heads_go_in_a_round():
    heads = [(0, head) for head in range(6)]
    worth = dict(zip(heads, [5, 0, 4, 1, 3, 2], strict=True))
    calls = []

    def score(kept, without):
        calls.append(len(kept))
        return [sum(worth[one] for one in kept - {head}) for head in without]

    order = m.order_of_removal(heads, [3], score)
    assert [worth[head] for head in order] == [0, 1, 2, 3, 4, 5]
    assert calls == [6, 3]
    assert m.order_of_removal([(0, 0)], [3, 7], score) == [(0, 0)]


def test_told_is_the_smallest_circuit_shown_to_be_enough_or_the_largest_short_of_all():
    curve = pd.DataFrame({"n_heads": [0, 2, 3, 4], "share_low": [0.0, m.GOAL, 0.95, 1.0]})
    row, enough = m.told_of(curve)
    assert (row["n_heads"], enough) == (2, True)
    row, enough = m.told_of(curve.assign(share_low=[0.0, 0.8, 0.89, 1.0]))
    assert (row["n_heads"], enough) == (3, False)
