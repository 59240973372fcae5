import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import CUTS, MODEL, TRAINING, toy

from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.model.segments import Passes, Segments, StrandData, TrainingConfig, cut


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
