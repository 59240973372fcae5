"""The measurements of exactness on a toy, and that they would notice a difference."""

import numpy as np
import pytest
import torch

from genoattn.genome.sequence import Genome
from genoattn.model import attention
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.prediction import checks
from genoattn.prediction.census import AttentionCensus

CONFIG = AnnotatorConfig(layers=2, heads=2, d_model=8, d_head=4, window=12, downstream=5, dropout=0)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Annotator(CONFIG).eval()


def toy(length=300):
    codes = np.random.default_rng(0).integers(0, 4, length).astype(np.uint8)
    return Genome("toy", codes)


def test_forms_agree_to_rounding():
    table = checks.forms([1, 40], CONFIG).set_index(["length", "dtype"])
    assert len(table) == 4
    assert table.loc[(40, "float64"), "output"] < 1e-10
    assert table.loc[(40, "float64"), "gradient"] < 1e-10
    assert 0 < table.loc[(40, "float32"), "output"] < 1e-5


def test_forms_notice_a_wrong_form(monkeypatch):
    right = attention.relative_attention
    monkeypatch.setattr(
        checks, "relative_attention", lambda *a: right(*a[:-1], a[-1] - 1)
    )  # one position too few in the window
    table = checks.forms([40], CONFIG)
    assert table["output"].min() > 1e-3


def test_seams(model):
    table = checks.seams(model, toy(), [7, 50])
    assert table["chunk"].tolist() == [7, 50]
    assert table["difference"].max() < 1e-5


def test_census_against_all_attention(model, monkeypatch):
    where = np.zeros(300, dtype=bool)
    where[20:220] = True
    table = checks.census(model, toy(), where, best=5, n_sample=50).set_index("statistic")
    exact = table[table["how"] == "exact"]["largest"]
    assert len(exact) == 5
    assert exact.max() < 1e-4
    assert table.loc["Spearman's rho", "largest"] > 0.05  # a sample of 50 is rough
    everything = checks.census(model, toy(), where, best=5, n_sample=400).set_index("statistic")
    assert everything.loc["Spearman's rho", "largest"] < 1e-9

    class Wrong(AttentionCensus):
        @property
        def mean(self):
            return super().mean + 0.01

    monkeypatch.setattr(checks, "AttentionCensus", Wrong)
    wrong = checks.census(model, toy(), where, best=5, n_sample=50).set_index("statistic")
    assert wrong.loc["mean", "largest"] == pytest.approx(0.01, abs=1e-4)


def test_mixed_precision_starts_alike_and_leaves_the_model(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    codes = torch.randint(0, 4, (3, 1, 80), generator=torch.Generator().manual_seed(1))
    target = (codes == 2).float()
    table = checks.mixed_precision(model, codes, target, 3, 0.01)
    assert table.columns.tolist() == ["step", "float32", "bfloat16"]
    assert table["float32"].tolist() != table["bfloat16"].tolist()
    np.testing.assert_allclose(table["bfloat16"], table["float32"], rtol=0.02)
    assert table["float32"].iloc[2] < table["float32"].iloc[0]
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
