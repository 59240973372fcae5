"""What the benchmark counts, by hand; that both forms do the same work."""

import pandas as pd
import pytest
import torch

from genoattn.model.annotator import AnnotatorConfig
from genoattn.prediction import benchmark

SMALL = AnnotatorConfig(layers=1, heads=2, d_model=4, d_head=3, window=10, conv_width=3, dropout=0)


def test_operations_by_hand():
    """One layer: convolutions, turned query, scores, values, output."""
    convolved = 3 * (2 * 3) * (3 * 4)
    turned = 2 * 3 * 4
    scores, values = 2 * 10 * (3 + 4), 2 * 10 * 3
    combined = 2 * 3 * 4
    forward = 2 * (convolved + turned + scores + values + combined)
    assert benchmark.operations(SMALL, "predict") == forward
    assert benchmark.operations(SMALL, "train") == 3 * forward
    mean_keys = (sum(range(1, 10)) + 10 * (512 - 9)) / 512  # the first queries have fewer than ten
    fewer = 2 * 2 * (10 - mean_keys) * (3 + 4 + 3)
    assert benchmark.operations(SMALL, "cold") == pytest.approx(3 * (forward - fewer), abs=1)
    with pytest.raises(KeyError):
        benchmark.operations(SMALL, "sleep")


def test_operations_are_those_that_torch_counts():
    """With a window as long as the segment, the dense form computes each score once, masked."""
    from torch.utils.flop_counter import FlopCounterMode

    config = AnnotatorConfig(window=64, layers=2, dropout=0)
    model = benchmark.model_of("plain", config, "cpu")
    codes = torch.randint(0, 4, (1, 64))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(codes)
    counted = counter.get_total_flops()
    counted -= 2 * 64 * 32  # the output
    counted -= config.layers * 2 * 3 * 6 * 32 * 32 * 32 * 7  # kernels, once whatever the length
    # here r_d is turned into a vector at each distance, there the query at each position: as often
    assert counted == 64 * benchmark.operations(config, "predict")


def test_both_forms_give_the_same_output():
    outputs = []
    for form in benchmark.FORMS:
        model = benchmark.model_of(form, SMALL, "cpu")
        with torch.inference_mode():
            outputs.append(model(torch.randint(0, 4, (1, 50), generator=torch.Generator())))
    torch.testing.assert_close(*outputs, rtol=0, atol=1e-5)


def test_turns_alternate_and_the_median_counts(monkeypatch):
    done = []
    works = [
        benchmark.Work("predict", form, 10, lambda form=form: done.append(form))
        for form in ("plain", "blocked")
    ]
    clock = iter([2.0, 1.0, 2.0, 5.0, 2.0, 3.0, 2.0, 5.0, 2.0, 100.0, 2.0, 5.0])

    def seconds(turn):
        turn()
        return next(clock)

    monkeypatch.setattr(benchmark, "seconds", seconds)
    table = benchmark.alternate(works, lambda: done.append("product"), turns=3)
    assert done == ["product", "plain", "product", "blocked"] * 3
    assert table["nt_per_s"].tolist() == pytest.approx([10 / 3, 10 / 5])
    assert table["product_s"].tolist() == [2.0, 2.0]


def test_benchmark_writes_its_tables(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(benchmark, "AnnotatorConfig", lambda dropout: SMALL)
    small_product = benchmark.matrix_product("cpu", 64)
    monkeypatch.setattr(benchmark, "matrix_product", lambda device, size: small_product)
    monkeypatch.setattr(benchmark, "alone", lambda *_: {"peak_mib": 7.0, "seconds": 2.0})
    threads = torch.get_num_threads()
    benchmark.main(
        f"--out {tmp_path} --positions 6144 --plain-positions 1600 --turns 1 --growth 1000 "
        "--device cpu".split()
    )
    assert torch.get_num_threads() == threads
    table, profile = benchmark.read_tables(tmp_path)
    assert table.columns.tolist() == list(benchmark.COLUMNS)
    assert table["what"].tolist() == [
        *["predict"] * 2, "census", *["train"] * 2, *["cold"] * 2, "growth",
    ]  # fmt: skip
    assert (table["workers"] * table["threads"] == threads).all()
    assert table.loc[table["threads"] > 1, "what"].isin(["train", "cold"]).all()
    scored = table.set_index(["what", "form"])["positions"]
    assert scored["train", "blocked"] == 2 * 1024, "not the 512 that each segment reads besides"
    assert scored["cold", "blocked"] == 2 * 2 * 512
    rates = table.set_index(["what", "form"])["nt_per_s"]
    ratio = table.set_index(["what", "form"])["ratio_to_plain"]
    for what, plain in (
        ("predict", "predict"), ("census", "predict"), ("train", "train"), ("cold", "cold")
    ):  # fmt: skip
        wanted = rates[what, "blocked"] / rates[plain, "plain"]
        assert ratio[what, "blocked"] == pytest.approx(wanted, rel=1e-3)
    assert rates["growth", "blocked"] == 500
    assert (table["peak_mib"] == 7).all()
    assert profile.groupby("form")["share"].sum().tolist() == pytest.approx([1, 1], abs=1e-3)
    assert "blocked" in capsys.readouterr().out


def test_memory_is_that_of_a_process_of_its_own():
    found = benchmark.alone("growth", "blocked", 2000, "cpu")
    assert 50 < found["peak_mib"] < 1000
    assert found["seconds"] > 0


def test_plan_by_hand():
    bench = pd.DataFrame(
        {
            "what": ["predict", "predict", "census", "train"],
            "form": ["plain", "blocked", "blocked", "blocked"],
            "device": "cpu",
            "nt_per_s": [1.0, 1000.0, 500.0, 7.0],
        }
    )
    table = benchmark.plan(bench, 3_000_000, n_genomes=10, mean_length=43_200_000, days=4)
    assert table["what"].tolist() == ["predict", "census"]
    assert table["minutes_a_genome"].tolist() == pytest.approx([100, 200])
    assert table["genomes_a_day"].tolist() == pytest.approx([14.4, 7.2])
    assert table["machine_days"].tolist() == pytest.approx([10, 20])
    assert table["machines"].tolist() == [3, 5]


def test_tables_that_are_not_there_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"bench\.csv: no such file; measure with make"):
        benchmark.read_tables(tmp_path)
