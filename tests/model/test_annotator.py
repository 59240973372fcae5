"""The architecture by hand; weights and cards on disk."""

import errno
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from genoattn.model.annotator import Annotator, AnnotatorConfig, RelativeAttentionLayer
from genoattn.model.card import Card
from genoattn.model.weights import WeightsError, find_weights

SMALL = AnnotatorConfig(layers=3, heads=2, d_model=8, d_head=4, window=10, dropout=0.0)


def random_codes(length, seed=0):
    return torch.randint(0, 4, (1, length), generator=torch.Generator().manual_seed(seed))


def test_the_papers_size():
    """The reference counts 314,948; where its output has more, ours is one logit."""
    count = sum(parameter.numel() for parameter in Annotator().parameters())
    layer = 32 * 576 + 3 * (32 * 32 * 7 + 32) + 2 * 32 * 192 + 2 * 32
    assert count == 6 * layer + 4 * 32 + 2 * 6 * 32 + 33
    assert 314_948 - count == 99


def test_projection_then_convolution():
    """queries_keys_values is one product, but equals W h followed by a convolution of each head."""
    torch.manual_seed(0)
    layer = RelativeAttentionLayer(SMALL)
    h = torch.randn(2, 13, 8)
    got = layer.queries_keys_values(h)
    projected = layer.project(h).view(2, 13, 3, 2, 4)
    for which in range(3):
        for head in range(2):
            wanted = layer.convolve[which](projected[:, :, which, head].transpose(1, 2))
            torch.testing.assert_close(
                got[which, :, head], wanted.transpose(1, 2), rtol=1e-4, atol=1e-5
            )


@pytest.mark.parametrize("stem", [0, 3])
@pytest.mark.parametrize("position", [60, 99])
def test_reach_is_exact(position, stem):
    """A nucleotide changes outputs up to the very end of the stated reach, and none beyond."""
    config = replace(SMALL, stem=stem)
    torch.manual_seed(1)
    model = Annotator(config).double().eval()
    codes = random_codes(200)
    other = codes.clone()
    other[0, position] = (codes[0, position] + 1) % 4
    with torch.inference_mode():
        changed = (model(codes) != model(other))[0].nonzero().ravel()
    assert changed.min() == position - config.reach_downstream
    assert changed.max() == position + config.reach_upstream


def test_unknown_nucleotide_is_the_mean_of_four():
    model = Annotator(SMALL)
    four, unknown = model.embedding(torch.tensor([[0, 1, 2, 3], [4, 4, 4, 4]]))
    torch.testing.assert_close(unknown[0], four.mean(0))


def test_saved_and_loaded_is_the_same(tmp_path):
    torch.manual_seed(0)
    model = Annotator(SMALL).eval()
    path = tmp_path / "new" / "toy.safetensors"
    model.save(path, Card(further={"seed": 3}))
    again = Annotator.load(path)
    assert again.config == SMALL
    assert not again.training
    with torch.inference_mode():
        assert torch.equal(again(random_codes(30)), model(random_codes(30)))
    assert Card.read(path) == Card(config=asdict(SMALL), further={"seed": 3})
    assert sorted(p.name for p in path.parent.iterdir()) == ["toy.json", "toy.safetensors"]


def test_a_failed_save_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "toy.safetensors"
    Annotator(SMALL).save(path)
    before = path.read_bytes()

    def full_disk(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match=r"No space left.* are free in its folder.*toy\.safetensors"):
        Annotator(SMALL).save(path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["toy.json", "toy.safetensors"]


def test_bad_weights(tmp_path):
    with pytest.raises(
        WeightsError, match=r"no weights are named 'curatd' in .*weights; there are: "
    ):
        find_weights("curatd")
    with pytest.raises(WeightsError, match=r"none\.safetensors: no such weights file"):
        Annotator.load(tmp_path / "none.safetensors")
    path = tmp_path / "toy.safetensors"
    Annotator(SMALL).save(path)
    card = json.loads(path.with_suffix(".json").read_text())
    card["config"]["layers"] = 4
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match="not what its card describes"):
        Annotator.load(path)
    del card["config"]["window"]
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match="'config' must give"):
        Annotator.load(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match="card is missing"):
        Annotator.load(path)


def test_weights_of_a_run_are_found_before_shipped_ones(tmp_path, monkeypatch):
    shipped, run = tmp_path / "shipped", tmp_path / "run"
    monkeypatch.setattr("genoattn.model.weights.WEIGHTS", shipped)
    Annotator(SMALL).save(shipped / "a.safetensors")
    Annotator(SMALL).save(run / "training" / "b.safetensors")
    assert find_weights("a", run) == shipped / "a.safetensors"
    with pytest.raises(WeightsError, match="there are: a, b"):
        find_weights("c", run)
    Annotator(SMALL).save(run / "training" / "a.safetensors")
    assert find_weights("a", run) == run / "training" / "a.safetensors"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("layers", 0, "layers must be at least 1, not 0"),
        ("conv_width", 4, "conv_width must be odd, not 4"),
        ("d_model", 7, "d_model must be even, not 7"),
        ("heads", 10**9, "heads must be at most 1,000, not 1,000,000,000"),
        ("window", 10**6, "window must be at most 100,000"),
        ("stem", 25, "stem must be at most 24"),
    ],
)
def test_impossible_architectures(field, value, message):
    with pytest.raises(ValueError, match=message):
        AnnotatorConfig(**{field: value})


def test_a_network_that_no_memory_holds_is_refused():
    with pytest.raises(ValueError, match="layers times heads, d_head and d_model must be at most"):
        AnnotatorConfig(layers=100, heads=100, d_model=1_000, d_head=1_000)
