"""The same numbers on a GPU as on the CPU; skipped where there is none."""

import numpy as np
import pandas as pd
import pytest
import torch

from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.interventions.ablation import switched_off
from genoattn.interventions.circuits import Circuit, part_means, part_outputs
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.attention import dense_attention, relative_attention, sinusoids
from genoattn.model.segments import TrainingConfig
from genoattn.model.training import fit
from genoattn.prediction.census import AttentionCensus
from genoattn.prediction.predict import predict
from genoattn.prediction.site import Rereading, site_log_odds, site_windows

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

PAPER = AnnotatorConfig(dropout=0.0)
SMALL = AnnotatorConfig(layers=2, heads=3, d_model=16, d_head=8, window=64, dropout=0.0)


@pytest.fixture(autouse=True)
def full_precision():
    """Products in float32 as they are, not in the shorter form of the tensor cores."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision(before)


def toy(length=20_000, circular=True):
    codes = np.random.default_rng(0).integers(0, 5, length).astype(np.uint8)
    return Genome("toy", codes, circular=circular)


def seeded(config):
    torch.manual_seed(0)
    return Annotator(config).eval()


def far(got, wanted):
    """Distance of two tensors, as a share of the second's size."""
    got, wanted = got.detach().double().cpu(), wanted.detach().double().cpu()
    return float((got - wanted).norm() / wanted.norm())


def operands(dtype, device, length=1500, history=100, heads=2, d_head=32, d_model=32):
    generator = torch.Generator().manual_seed(1)
    shapes = [
        (2, heads, length - history, d_head),
        (2, heads, length, d_head),
        (2, heads, length, d_head),
        (heads, d_head, d_model),
        (heads, d_head),
        (heads, d_head),
    ]
    drawn = [torch.randn(*s, generator=generator, dtype=torch.float64) * 0.5 for s in shapes]
    tensors = [one.to(device, dtype).requires_grad_() for one in drawn]
    return tensors, sinusoids(length, d_model, dtype).to(device)


@pytest.mark.parametrize(
    ("dtype", "limit"), [(torch.float64, 1e-10), (torch.float32, 1e-5)], ids=["64", "32"]
)
@pytest.mark.parametrize("window", [512, 70])
def test_attention_and_its_gradients(dtype, limit, window):
    wanted, code = operands(torch.float64, "cpu")
    expected = dense_attention(*wanted, code, window)
    (expected**2).sum().backward()
    tensors, code = operands(dtype, "cuda")
    out = relative_attention(*tensors, code, window)
    (out**2).sum().backward()
    assert far(out, expected) < limit
    for got, of in zip(tensors, wanted, strict=True):
        assert far(got.grad, of.grad) < 10 * limit


def test_the_fused_kernel_in_bfloat16():
    """bfloat16 has eight bits: a hundredth, and no more than the same in single precision."""
    wanted, code = operands(torch.float64, "cpu")
    expected = dense_attention(*wanted, code, 512)
    (expected**2).sum().backward()
    tensors, code = operands(torch.float32, "cuda")
    with torch.autocast("cuda", dtype=torch.bfloat16):
        out = relative_attention(*tensors, code, 512)
    (out.float() ** 2).sum().backward()
    assert out.dtype == torch.bfloat16
    assert far(out, expected) < 1e-2
    for got, of in zip(tensors, wanted, strict=True):
        assert far(got.grad, of.grad) < 2e-2


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_the_model(dtype, limit):
    model = seeded(PAPER)
    codes = torch.from_numpy(toy(4000).codes.astype(np.int64))[None]
    with torch.no_grad():
        wanted = model.double()(codes)
        got = model.to("cuda", dtype)(codes.cuda())
    assert far(got, wanted) < limit


@pytest.mark.parametrize("circular", [True, False])
def test_prediction_and_census(circular):
    genome = toy(9000, circular)
    model = seeded(SMALL)
    wanted = predict(model, genome, progress=False)
    whole = AttentionCensus(SMALL, best=20, output=wanted)
    predict(model, genome, recorders=[whole], progress=False)
    model = model.cuda()
    got = predict(model, genome, progress=False, chunk=2048)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-7)
    census = AttentionCensus(SMALL, best=20, output=wanted)
    predict(model, genome, recorders=[census], progress=False, chunk=2048)
    assert census.count == whole.count
    np.testing.assert_allclose(census.mean, whole.mean, atol=1e-5)
    np.testing.assert_allclose(census.maximum, whole.maximum, atol=1e-5)
    np.testing.assert_allclose(census.correlation, whole.correlation, atol=2e-3)


def test_one_site_read_again_and_heads_switched_off():
    genome, model = toy(12_000), seeded(SMALL)
    sites = pd.DataFrame({"position": [6000, 7001], "strand": ["+", "-"]})
    codes = site_windows(genome, sites, SMALL)
    wanted = site_log_odds(model, codes)
    where = np.arange(len(genome)) // 1_000 == 6
    mean = part_means(model, genome, where, progress=False)
    kept = [(0, 0), (1, 0), (1, 1)]
    few = part_outputs([Circuit(model, kept, mean)], genome, where, progress=False)
    batch = torch.from_numpy(codes.astype(np.int64))
    with torch.no_grad(), switched_off(model, {(1, 2): mean[1, 2]}):
        expected = model(batch)
    again = Rereading(model, genome, 7001, "-", -60).log_odds
    model = model.cuda()
    again_mean = part_means(model, genome, where, progress=False)
    np.testing.assert_allclose(again_mean.cpu(), mean, atol=1e-5)
    found = part_outputs([Circuit(model, kept, again_mean)], genome, where, progress=False)
    np.testing.assert_allclose(found, few, atol=1e-3)
    with torch.no_grad(), switched_off(model, {(1, 2): mean[1, 2].cuda()}):
        assert far(model(batch.cuda()), expected) < 1e-5
    assert again == pytest.approx(wanted[1], abs=1e-4)
    assert Rereading(model, genome, 7001, "-", -60).log_odds == pytest.approx(again, abs=1e-4)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_training(tmp_path, precision):
    """The loss falls as it does on the CPU."""
    genome = toy(20_000)
    rng = np.random.default_rng(3)
    sites = pd.DataFrame(
        {"position": np.arange(100, 19_900, 150), "strand": rng.choice(["+", "-"], 132)}
    )
    config = TrainingConfig(
        passes=2, segment=512, context=128, batch=8, steps_per_round=10, precision=precision
    )
    losses = {}
    for accelerator in ("cpu", "gpu"):
        weights = tmp_path / f"{accelerator}.safetensors"
        fit(
            genome,
            sites,
            Split.at((12_000, 15_000, 18_000), 20_000),
            weights,
            model=SMALL,
            training=config,
            accelerator=accelerator,
            progress=False,
        )
        from genoattn.model.card import Card

        losses[accelerator] = [row["validation_loss"] for row in Card.read(weights).history]
    limit = 1e-3 if precision == "32-true" else 2e-2
    np.testing.assert_allclose(losses["gpu"], losses["cpu"], rtol=limit)
