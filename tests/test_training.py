"""What a round sees, that training learns, and that a killed run equals an unbroken one."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from genoattn import training
from genoattn.card import Card
from genoattn.convolutional import ConvolutionalConfig
from genoattn.genome import Genome, encode
from genoattn.labels import Split
from genoattn.model import Annotator, AnnotatorConfig
from genoattn.training import (
    AnnotatorTraining,
    Passes,
    Segments,
    StrandData,
    TrainingConfig,
    cross_entropy,
    cut,
    fit,
    label_sites,
    warmup_cosine,
)
from genoattn.weight_files import WEIGHTS

MODEL = AnnotatorConfig(layers=1, heads=2, d_model=8, d_head=4, window=16, downstream=4)
TRAINING = TrainingConfig(
    passes=3, segment=128, context=16, batch=8, steps_per_round=4, learning_rate=0.02, seed=5
)
CUTS = (3600, 4800, 5400)


def toy(seed=0, length=6000):
    """A genome where every TATAAT on either strand starts a site 6 nt further on."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, length).astype(np.uint8)
    rows = []
    for position in range(20, length - 20, 97):
        strand = "+" if rng.random() < 0.5 else "-"
        box = encode("TATAAT") if strand == "+" else 3 - encode("TATAAT")[::-1]
        codes[position : position + 6] = box
        rows.append((position + 6 if strand == "+" else position - 1, strand))
    return Genome("toy", codes), pd.DataFrame(rows, columns=["position", "strand"])


@settings(max_examples=40)
@given(
    cuts=st.lists(st.integers(0, 59), min_size=3, max_size=3, unique=True).map(sorted),
    segment=st.integers(1, 80),
    phase=st.integers(0, 79),
    part=st.sampled_from(["train", "validation", "test"]),
)
def test_segments_count_every_position_of_a_part_once(cuts, segment, phase, part):
    genome = Genome("g", np.random.default_rng(0).integers(0, 4, 60).astype(np.uint8))
    sites = pd.DataFrame({"position": [3, 30, 59], "strand": ["+", "-", "+"]})
    data = StrandData.of(genome, sites, Split.at(cuts, 60), downstream=7)
    mask = data.part_mask(part)
    segments = cut(mask, segment, phase % segment)
    seen = np.zeros((2, 60), dtype=int)
    dealt = Segments(data, segments, segment, context=5)
    for (row, start, *_), (codes, target, counts, _) in zip(segments, dealt, strict=True):
        assert codes.shape == (segment + 5,)
        for i in range(segment):
            position = (start + i) % 60
            assert codes[5 + i] == data.codes[row, position]
            assert target[i] == data.target[row, position]
            seen[row, position] += int(counts[i])
        for i in range(5):
            assert codes[i] == data.codes[row, (start - 5 + i) % 60]
    assert (seen == mask).all()


def test_parts_are_of_the_site_not_of_the_query():
    genome = Genome("g", np.zeros(60, np.uint8))
    sites = pd.DataFrame({"position": [19, 20], "strand": ["+", "-"]})
    data = StrandData.of(genome, sites, Split.at((20, 40, 50), 60), downstream=7)
    train, test = data.part_mask("train"), data.part_mask("test")
    assert (data.target[0] & train[0]).sum() == 1
    assert (data.target[1] & test[1]).sum() == 1
    assert (data.target[0] & test[0]).sum() == (data.target[1] & train[1]).sum() == 0


def toy_data():
    genome, sites = toy()
    return StrandData.of(genome, sites, Split.at(CUTS, 6000), MODEL.downstream)


@pytest.mark.parametrize("empty_share", [1.0, 0.3])
def test_rounds_are_consecutive_pieces_of_seeded_passes(empty_share):
    config = TrainingConfig(**{**vars(TRAINING), "segment": 40, "empty_share": empty_share})
    passes = Passes(toy_data(), "train", config)
    rounds = [segment for number in range(12) for segment in passes.round(number)]
    in_order = [segment for number in range(9) for segment in passes.one(number)]
    assert rounds == in_order[: len(rounds)]
    assert len(rounds) == 12 * config.steps_per_round * config.batch
    assert passes.one(0) != passes.one(1)
    assert passes.steps() * config.batch >= config.passes * passes.size(0)


def test_a_pass_has_every_site_and_the_weight_of_every_position():
    """With few empty segments, sites are all there and the weights still add up to the part."""
    data = toy_data()
    config = TrainingConfig(**{**vars(TRAINING), "segment": 40, "empty_share": 0.25})
    chosen = Passes(data, "train", config).one(3)
    seen, weight = 0.0, 0.0
    for _, target, counts, _ in Segments(data, chosen, config.segment, config.context):
        seen += float((target * counts).sum())
        weight += float(counts.sum())
        if (target * counts).sum() == 0:
            assert set(counts.tolist()) <= {0.0, 4.0}
    mask = data.part_mask("train")
    assert seen == data.target[mask].sum()
    assert weight == pytest.approx(mask.sum(), rel=0.02)


def test_loss_by_hand():
    logits = torch.tensor([[0.0, 2.0, -1.0]])
    target = torch.tensor([[1.0, 0.0, 1.0]])
    counts = torch.tensor([[1.0, 1.0, 0.0]])
    wanted = -np.log(0.5) - np.log(1 - 1 / (1 + np.exp(-2)))
    assert cross_entropy(logits, target, counts).item() == pytest.approx(wanted, rel=1e-6)


def test_focal_loss_by_hand():
    logits = torch.tensor([[0.0, 2.0, -1.0, -200.0]], requires_grad=True)
    target, counts = torch.tensor([[1.0, 0.0, 1.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0, 1.0]])
    missed = 1 / (1 + np.exp(-2))
    wanted = -np.sqrt(0.5) * np.log(0.5) - np.sqrt(missed) * np.log(1 - missed)
    loss = cross_entropy(logits, target, counts, focal_gamma=0.5)
    assert loss.item() == pytest.approx(wanted, rel=1e-6)
    loss.backward()
    assert torch.isfinite(logits.grad).all()
    with pytest.raises(ValueError, match="focal_gamma must not be negative"):
        TrainingConfig(focal_gamma=-1.0)


def test_training_minimises_the_focal_loss_and_validation_looks_at_the_cross_entropy():
    config = TrainingConfig(**{**vars(TRAINING), "focal_gamma": 2.0})
    plain = AnnotatorTraining(Annotator(MODEL), toy_data(), TRAINING)
    focal = AnnotatorTraining(Annotator(MODEL), toy_data(), config)
    focal.model.load_state_dict(plain.model.state_dict())
    chosen = cut(plain.data.part_mask("train"), config.segment, 0)[:1]
    batch = [part[None] for part in Segments(plain.data, chosen, config.segment, config.context)[0]]
    losses = {}
    for name, module in (("plain", plain), ("focal", focal)):
        module.model.eval()  # no dropout
        losses[name] = module._losses(batch)[0].item()
        module.training = False
        losses[name, "validation"] = module._losses(batch)[0].item()
    assert losses["focal"] < losses["plain"]
    assert losses["focal", "validation"] == losses["plain", "validation"] == losses["plain"]


def test_auxiliary_targets_add_their_share_of_the_loss():
    genome, sites = toy()
    further = [sites.iloc[:5], sites.iloc[5:]]
    data = StrandData.of(genome, sites, Split.at(CUTS, 6000), MODEL.downstream, further)
    np.testing.assert_array_equal(data.auxiliary.sum(0), data.target)
    config = TrainingConfig(**{**vars(TRAINING), "auxiliary_weight": 0.25})
    torch.manual_seed(0)
    module = AnnotatorTraining(Annotator(MODEL).eval(), data, config)
    chosen = cut(data.part_mask("train"), config.segment, 0)[:1]
    codes, target, counts, beside = (
        part[None] for part in Segments(data, chosen, config.segment, config.context)[0]
    )
    total, extra, number = module._losses((codes, target, counts, beside))
    h = module.model.hidden(codes)[:, config.context :]
    by_hand = sum(
        cross_entropy(
            h @ module.auxiliary.weight[i] + module.auxiliary.bias[i], beside[..., i], counts
        )
        for i in range(2)
    )
    assert extra.item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert total.item() == pytest.approx(
        cross_entropy(module.model(codes)[:, config.context :], target, counts).item(), rel=1e-5
    )
    assert number == config.segment
    module.log = lambda *_, **__: None
    loss = module.training_step((codes, target, counts, beside), 0)
    assert loss.item() == pytest.approx((total + 0.25 * extra).item() / config.segment, rel=1e-5)


def test_auxiliary_targets_leave_no_trace_in_the_weights(tmp_path):
    genome, sites = toy()
    cards = []
    for name, auxiliary in (("alone", None), ("helped", {"some": sites.iloc[:5]})):
        weights = tmp_path / f"{name}.safetensors"
        fit(
            genome, sites, Split.at(CUTS, 6000), weights, model=MODEL, training=TRAINING,
            auxiliary=auxiliary, accelerator="cpu", progress=False,
        )  # fmt: skip
        cards.append(Card.read(weights))
    alone, helped = (load_file(tmp_path / f"{name}.safetensors") for name in ("alone", "helped"))
    assert alone.keys() == helped.keys()
    assert not torch.equal(alone["embedding.weight"], helped["embedding.weight"])
    assert [card.auxiliary for card in cards] == [(), ("some",)]
    assert "auxiliary_sha256" in cards[1].data
    assert "auxiliary_sha256" not in cards[0].data


def test_schedule():
    values = [warmup_cosine(step, 100) for step in range(101)]
    assert values[0] == pytest.approx(0.1)
    assert values[9] == 1.0
    assert values[55] == pytest.approx(0.5)
    assert values[100] == pytest.approx(0.0)
    assert max(values) == 1.0


def test_training_learns_the_box(tmp_path):
    genome, sites = toy()
    weights = tmp_path / "toy.safetensors"
    config = TrainingConfig(**{**vars(TRAINING), "passes": 12, "patience": 50})
    fit(
        genome, sites, Split.at(CUTS, 6000), weights,
        model=MODEL, training=config, accelerator="cpu", progress=False, train_set="toy",
    )  # fmt: skip
    card = Card.read(weights)
    losses = [row["validation_loss"] for row in card.history]
    rate = len(sites) / 12_000
    guess = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    assert min(losses) < 0.7 * guess
    assert card.best["validation_loss"] == min(losses)
    assert card.train_set == "toy"
    assert card.data["sites"] == len(sites)


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from test_training import CUTS, MODEL, TRAINING, toy
from genoattn.labels import Split
from genoattn.training import fit
genome, sites = toy()
fit(genome, sites, Split.at(CUTS, 6000), sys.argv[1], model=MODEL, training=TRAINING,
    accelerator="cpu", progress=False)
"""


def test_a_killed_run_equals_an_unbroken_one(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent)))
    weights = tmp_path / "killed" / "toy.safetensors"
    process = subprocess.Popen([sys.executable, script, weights])
    checkpoint = weights.with_suffix(".ckpt")
    deadline = time.monotonic() + 120
    while not checkpoint.exists():
        assert process.poll() is None, "training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed_after = len(Card.read(weights).history)

    genome, sites = toy()
    arguments = {"model": MODEL, "training": TRAINING, "accelerator": "cpu", "progress": False}
    resumed = fit(genome, sites, Split.at(CUTS, 6000), weights, **arguments)
    whole = tmp_path / "whole" / "toy.safetensors"
    fit(genome, sites, Split.at(CUTS, 6000), whole, **arguments)
    assert isinstance(resumed, Annotator)
    history = Card.read(whole).history
    assert killed_after < len(history)
    assert Card.read(weights).history == history
    for name, tensor in load_file(whole).items():
        assert torch.equal(load_file(weights)[name], tensor)


def test_training_starts_from_given_weights(tmp_path):
    genome, sites = toy()
    split, arguments = Split.at(CUTS, 6000), {"accelerator": "cpu", "progress": False}
    barely = TrainingConfig(
        **{**vars(TRAINING), "passes": 0.01, "steps_per_round": 1, "learning_rate": 1e-9}
    )
    first = tmp_path / "first.safetensors"
    fit(genome, sites, split, first, model=MODEL, training=barely, **arguments)
    longer = AnnotatorConfig(**{**vars(MODEL), "window": 24})
    again = fit(
        genome, sites, split, tmp_path / "again.safetensors",
        model=longer, training=barely, initial=first, **arguments,
    )  # fmt: skip
    assert again.config.window == 24
    for name, tensor in load_file(first).items():
        torch.testing.assert_close(again.state_dict()[name], tensor, atol=1e-6, rtol=0)
    card = Card.read(tmp_path / "again.safetensors")
    assert card.initial == Card.read(first)
    assert card.passes == 2 * card.initial.passes > 0
    history = card.rounds
    assert history["stage"].tolist() == [1] * len(card.initial.history) + [2]
    assert history["passes"].is_monotonic_increasing
    assert history["passes"].iloc[-1] == pytest.approx(card.passes)


def test_another_run_is_not_resumed(tmp_path):
    genome, sites = toy()
    weights = tmp_path / "toy.safetensors"
    config = TrainingConfig(**{**vars(TRAINING), "passes": 0.1, "steps_per_round": 1})
    arguments = {"model": MODEL, "accelerator": "cpu", "progress": False}
    fit(genome, sites, Split.at(CUTS, 6000), weights, training=config, **arguments)
    with pytest.raises(ValueError, match="belongs to a training with other data or settings"):
        fit(genome, sites[:-1], Split.at(CUTS, 6000), weights, training=config, **arguments)
    fit(genome, sites[:-1], Split.at(CUTS, 6000), weights, training=config, fresh=True, **arguments)
    assert Card.read(weights).data["sites"] == len(sites) - 1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("passes", 0, "passes must be greater than 0"),
        ("context", -1, "context must not be negative"),
        ("precision", "half", "precision must be '32-true' or 'bf16-mixed', not 'half'"),
    ],
)
def test_impossible_settings(field, value, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**{field: value})


PLAN = """
every: {cuts: [1, 2, 3], empty_share: 0.5}
trainings:
  small: &small {sites: smrt, batch: 3, auxiliary: [sendseq], model: {window: 9}}
  other: {<<: *small, batch: 4}
  wrong: {pases: 3}
"""


def test_a_plan_gives_what_the_command_line_leaves_out(tmp_path):
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN)
    given = training._parse(["runs/x", "--plan", str(plan), "--name", "other", "--passes", "2"])
    assert (given.cuts, given.empty_share, given.sites) == ([1, 2, 3], 0.5, "smrt")
    assert (given.batch, given.passes, given.model) == (4, 2.0, {"window": 9})
    assert given.auxiliary == ["sendseq"]
    with pytest.raises(ValueError, match=r"plan\.yaml: wrong: 'pases' is not known; there are: "):
        training._parse(["runs/x", "--plan", str(plan), "--name", "wrong"])
    with pytest.raises(ValueError, match=r"no training is named 'smal'; there are: small, other"):
        training._parse(["runs/x", "--plan", str(plan), "--name", "smal"])


def test_cuts_come_from_the_command_line_or_a_plan(capsys):
    with pytest.raises(SystemExit):
        training._parse(["runs/x"])
    assert "give --cuts, or a --plan that has them" in capsys.readouterr().err


@pytest.mark.parametrize("plan", sorted(Path("notebooks/trainings").glob("*.yaml")))
def test_plans_are_of_things_that_there_are(plan):
    trainings = yaml.safe_load(plan.read_text())["trainings"]
    for name in trainings:
        given = training._parse(["runs/x", "--plan", str(plan), "--name", name])
        kind = ConvolutionalConfig if given.network == "convolutional" else AnnotatorConfig
        kind(**given.model)
        TrainingConfig(**{field: getattr(given, field) for field in vars(TrainingConfig())})
        assert (
            given.initial is None or given.initial in list(trainings)[: list(trainings).index(name)]
        )


def test_shipped_models_were_trained_as_the_plan_says():
    """The card of every model in the plan, those of its first stage in it, agrees with the plan."""
    plan = Path("notebooks/trainings/ecoli.yaml")
    trainings = yaml.safe_load(plan.read_text())["trainings"]
    shipped = [name for name in trainings if (WEIGHTS / f"{name}.json").exists()]
    assert len(shipped) >= 7
    for name in shipped:
        stage, card = name, Card.read(name)
        while card is not None:
            given = training._parse(["runs/x", "--plan", str(plan), "--name", stage])
            config = ConvolutionalConfig if given.network == "convolutional" else AnnotatorConfig
            assert card.config == vars(config(**given.model)), stage
            assert card.train_set == given.sites
            assert list(card.auxiliary) == given.auxiliary
            for setting, value in card.training.items():
                assert getattr(given, setting) == value, (stage, setting)
            assert list(card.parts["test"]) == given.cuts[:2]
            assert list(card.parts["validation"]) == given.cuts[1:]
            assert (card.initial is None) == (given.initial is None)
            stage, card = given.initial, card.initial


def test_label_sites(tmp_path):
    sites = pd.DataFrame({"position": [1, 2], "strand": ["+", "-"], "source": ["smrt", "sendseq"]})
    assert label_sites(tmp_path, sites, "smrt")["position"].tolist() == [1]
    with pytest.raises(
        ValueError, match="no sites of 'cappable'; there are: curated, sendseq, smrt"
    ):
        label_sites(tmp_path, sites, "cappable")
