"""Measure the engine on this machine and write the tables of it; the work is in benchmark.py."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from genoattn.model.attention import keep_freed_memory
from genoattn.prediction import benchmark
from genoattn.study.parameters import COUNT

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: measure on the CPU and on a GPU if there is one; write bench.csv and more."""
    given = _parser().parse_args(arguments)
    devices: list[str] = [given.device] if given.device else ["cpu"]
    if given.device is None and torch.cuda.is_available():
        devices.append("cuda")
    if given.alone is not None:
        what, form, number = given.alone
        print(json.dumps(benchmark.measured(what, form, int(number), devices[0])))
        return
    keep_freed_memory()
    tables = []
    for device in devices:
        more = 1 if device == "cpu" else 100
        sizes = given.positions * more, given.plain_positions * more
        size = 4096 if device == "cpu" else 8192
        tables.append(benchmark.rates(device, *sizes, given.turns, size=size))
        if given.growth:
            tables.append(benchmark.growth(device, given.growth))
    bench = pd.concat(tables, ignore_index=True)
    print(bench.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    benchmark.write_table(given.out / "bench.csv", bench)
    profile = benchmark.profile(devices[0], max(given.positions // 2, 1))
    benchmark.write_table(given.out / "bench_profile.csv", profile)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="genoattn bench", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("book/results"), help="folder of results")
    parser.add_argument("--positions", type=COUNT, default=60_000, help="in a turn, blocked form")
    parser.add_argument("--plain-positions", type=COUNT, default=8_000, help="in a turn, plain")
    parser.add_argument("--turns", type=COUNT, default=5)
    parser.add_argument("--growth", type=COUNT, nargs="*", default=[10**6, 10**7, 10**8])
    parser.add_argument("--device", choices=("cpu", "cuda"), help="all there are by default")
    parser.add_argument(
        "--alone",
        nargs=3,
        metavar=("WHAT", "FORM", "POSITIONS"),
        help="run one contestant and print its memory and seconds",
    )
    return parser
