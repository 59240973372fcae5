"""Measure the engine, plain form against blocked form; touches predict.py and annotator.py.

``genoattn bench`` (``make bench``) runs all contestants of one kind of work in one
process, in turns, so that whatever else the machine does falls on each alike, and reports the
median over the turns. *Plain* is the equation written down (dense scores of 512 queries and 512
positions of memory, as the reference evaluates), *blocked* is the form that the study uses. Memory
is measured in a process of its own for each contestant.

Rates are positions of output a second, over all cores that torch may use: prediction and census by
workers of one thread each, training by one worker with all threads, as ``genoattn train`` does.
Training counts the positions that are scored, not those that are read as their context: once as
the study trains at last, every position with its whole window of 512 upstream of it, and once from
cold starts, as the reference does. A step is the forward and the backward pass, clipping and AdamW.
``gemm_fraction`` is the rate of floating-point operations that the equation asks for (see
:func:`operations`), over that of a large matrix product measured in the same turns: the arithmetic
that a form does beyond the equation counts against it.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.profiler import ProfilerActivity
from tqdm import tqdm

from genoattn.genome.files import writing
from genoattn.genome.sequence import Genome
from genoattn.model.annotator import Annotator, AnnotatorConfig, Past
from genoattn.model.attention import dense_attention, keep_freed_memory, relative_attention
from genoattn.prediction.census import AttentionCensus
from genoattn.prediction.predict import predict
from genoattn.prediction.threads import one_thread

COLUMNS = (
    "what", "form", "device", "dtype", "workers", "threads", "positions",
    "nt_per_s", "ratio_to_plain", "peak_mib", "gemm_fraction",
)  # fmt: skip
WHAT = {
    "predict": "prediction",
    "census": "census",
    "train": "training (full window)",
    "cold": "training (cold start)",
}
"""Kinds of work, as a reader knows them."""
FORMS: dict[str, Callable[..., torch.Tensor]] = {
    "plain": dense_attention,
    "blocked": relative_attention,
}
SEGMENT = 512
"""Positions that the plain form reads at once, as the reference does."""
TRAINING = {"train": (1024, 512), "cold": (SEGMENT, 0)}
"""Scored positions of a training segment, and positions that it reads upstream of them."""
BATCH = {"cpu": 2, "cuda": 32}
"""Segments in a training step."""
LONG = 8
"""How many times as many positions as in training a turn of the blocked form reads: what a span
reads upstream of itself must weigh as little as along a genome, and a census finds new best
positions most often at its start."""
TINY = AnnotatorConfig(layers=1, heads=1, d_model=8, d_head=8, window=64, dropout=0.0)
"""A model so small that a hundred million positions pass in minutes."""


class Work(NamedTuple):
    """A contestant: what it does, in which form, one turn of it, and how many positions that is."""

    what: str
    form: str
    positions: int
    turn: Callable[[], None]
    workers: int = 1
    threads: int = 1


def operations(config: AnnotatorConfig, what: str) -> int:
    """Floating-point operations that the equation asks for at one position.

    A product and its sum count as two. Of attention, exactly ``window`` keys count, from a cold
    start the mean over a segment; training costs three times the forward pass (its own, and one for
    each of the two operands of every product).
    """
    keys: float = config.window
    if what == "cold":
        keys = float(np.minimum(1 + np.arange(SEGMENT), config.window).mean())
    width = config.heads * config.d_head
    convolved = 3 * width * config.conv_width * config.d_model
    turned = width * config.d_model
    scores = config.heads * keys * (config.d_head + config.d_model)
    values = config.heads * keys * config.d_head
    combined = width * config.d_model
    forward = 2 * config.layers * (convolved + turned + scores + values + combined)
    return round({"predict": 1, "census": 1, "train": 3, "cold": 3}[what] * forward)


def random_genome(positions: int, seed: int = 0) -> Genome:
    """A genome whose two strands together have so many positions."""
    codes = np.random.default_rng(seed).integers(0, 4, positions // 2, dtype=np.uint8)
    return Genome("random", codes)


def model_of(form: str, config: AnnotatorConfig, device: str) -> Annotator:
    """An annotator with random weights that computes attention in one of the :data:`FORMS`."""
    torch.manual_seed(0)
    model = Annotator(config).to(device).eval()
    for layer in model.layers:
        layer.attention = FORMS[form]  # type: ignore[assignment]
    return model


def matrix_product(device: str, size: int) -> Callable[[], None]:
    """One product of two square matrices of 32-bit floats."""
    a, b = torch.rand(2, size, size, device=device)

    def turn() -> None:
        a @ b
        _wait(device)

    return turn


def contestants(
    config: AnnotatorConfig, device: str, positions: int, plain_positions: int
) -> Iterator[Work]:
    """All kinds of work in all forms, sized so that a turn of each takes seconds."""
    long = LONG * positions
    cores = torch.get_num_threads() if device == "cpu" else 1
    for form, size in (("plain", plain_positions), ("blocked", long)):
        turn = partial(_predict, form, config, device, size)
        yield Work("predict", form, size, turn, workers=cores)
    yield Work("census", "blocked", long, partial(_census, config, device, long), workers=cores)
    for what, (scored, context) in TRAINING.items():
        for form, size in (("plain", plain_positions), ("blocked", positions)):
            step = BATCH[device] * scored
            steps = max(1, round(size / 4 / step))
            turn = partial(_train, form, config, device, steps, scored, context)
            yield Work(what, form, steps * step, turn, threads=cores)


def _predict(form: str, config: AnnotatorConfig, device: str, positions: int) -> None:
    model, genome = model_of(form, config, device), random_genome(positions)
    chunk = SEGMENT if form == "plain" else None
    predict(model, genome, chunk=chunk, progress=False)


def _census(config: AnnotatorConfig, device: str, positions: int) -> None:
    model, genome = model_of("blocked", config, device), random_genome(positions)
    output = np.random.default_rng(1).random((2, len(genome)))
    census = AttentionCensus(config, best=50, output=output)
    predict(model, genome, recorders=[census], progress=False)


def _train(
    form: str, config: AnnotatorConfig, device: str, steps: int, scored: int, context: int
) -> None:
    """Take training steps over segments, of which the positions after the context count."""
    model = model_of(form, config, device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    codes = torch.randint(0, 4, (BATCH[device], context + scored), device=device)
    target = torch.zeros(BATCH[device], scored, device=device)
    for _ in range(steps):
        optimizer.zero_grad()
        logits = model(codes)[:, context:]
        torch.nn.functional.binary_cross_entropy_with_logits(logits, target).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
    _wait(device)


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


def seconds(turn: Callable[[], object]) -> float:
    """Seconds of wall-clock time that one turn takes."""
    started = time.perf_counter()
    turn()
    return time.perf_counter() - started


def alternate(works: list[Work], product: Callable[[], None], turns: int) -> pd.DataFrame:
    """Let the contestants and the matrix product work in turns.

    Returns
    -------
    DataFrame
        A row a contestant: what, form, workers, threads, positions, nt_per_s (median over the
        turns), product_s (median seconds of the matrix product).
    """
    times: dict[int, list[float]] = {number: [] for number in range(len(works))}
    products = []
    for _ in tqdm(range(turns), desc="turns", mininterval=1):
        for number, work in enumerate(works):
            products.append(seconds(product))
            times[number].append(seconds(work.turn))
    return pd.DataFrame(
        {
            "what": [work.what for work in works],
            "form": [work.form for work in works],
            "workers": [work.workers for work in works],
            "threads": [work.threads for work in works],
            "positions": [work.positions for work in works],
            "nt_per_s": [
                work.positions / statistics.median(times[number])
                for number, work in enumerate(works)
            ],
            "product_s": statistics.median(products),
        }
    )


def alone(what: str, form: str, positions: int, device: str) -> dict[str, float]:
    """Run one contestant in a process of its own: its largest memory (MiB) and its seconds."""
    command = [sys.executable, "-m", "genoattn", "bench", "--alone", what, form, str(positions)]
    done = subprocess.run(
        [*command, "--device", device], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def measured(what: str, form: str, positions: int, device: str) -> dict[str, float]:
    """Do one contestant's work once in this process: its peak memory in MiB, and seconds."""
    keep_freed_memory()
    if what == "growth":
        spent = seconds(partial(_grow, device, positions))
    else:
        works = contestants(AnnotatorConfig(dropout=0.0), device, positions, positions)
        spent = next(seconds(work.turn) for work in works if (work.what, work.form) == (what, form))
    peak = torch.cuda.max_memory_allocated() / 2**20 if device != "cpu" else _resident_mib()
    return {"peak_mib": peak, "seconds": spent}


def _grow(device: str, positions: int) -> None:
    model, genome = model_of("blocked", TINY, device), random_genome(positions)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        predict(model, genome, out=Path(folder) / "track.npy", progress=False)


def _resident_mib() -> float:
    """Largest resident memory of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent had when it forked
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts bytes


def rates(
    device: str, positions: int, plain_positions: int, turns: int, size: int = 4096
) -> pd.DataFrame:
    """Rates of every contestant with the paper's configuration: :data:`COLUMNS`."""
    config = AnnotatorConfig(dropout=0.0)
    works = list(contestants(config, device, positions, plain_positions))
    product = matrix_product(device, size)
    product()
    table = alternate(works, product, turns)
    plain = table[table["form"] == "plain"].set_index("what")["nt_per_s"]
    plain["census"] = plain["predict"]
    gemm = 2 * size**3 / table["product_s"]
    asked = table["what"].map(lambda what: operations(config, what))
    table["ratio_to_plain"] = table["nt_per_s"] / table["what"].map(plain)
    table["gemm_fraction"] = table["nt_per_s"] * asked / gemm
    table["device"], table["dtype"] = _name(device), "float32"
    sizes = {"plain": plain_positions, "blocked": positions}
    table["peak_mib"] = [
        alone(work.what, work.form, sizes[work.form], device)["peak_mib"]
        for work in tqdm(works, desc="memory", mininterval=1)
    ]
    return table[list(COLUMNS)]


def growth(device: str, sizes: list[int]) -> pd.DataFrame:
    """Memory and rate of whole passes of a tiny model over genomes of growing size.

    The tiny model takes the same way through chunks, spans and files as the paper's; what grows
    with the genome grows alike.
    """
    rows = []
    for positions in tqdm(sizes, desc="growth", mininterval=1):
        found = alone("growth", "blocked", positions, device)
        workers = torch.get_num_threads() if device == "cpu" else 1
        row = ("growth", "blocked", _name(device), "float32", workers, 1, positions)
        rows.append((*row, positions / found["seconds"], np.nan, found["peak_mib"], np.nan))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def plan(
    bench: pd.DataFrame, genome_length: int, n_genomes: float, mean_length: float, days: float
) -> pd.DataFrame:
    """What a machine of each measured kind annotates, and how many machines all genomes take.

    Parameters
    ----------
    bench : DataFrame
        Columns :data:`COLUMNS`; rows of blocked prediction and of the census count.
    genome_length : int
        Of one genome to name a time for, in nt; both strands are read.
    n_genomes, mean_length : float
        Genomes of a collection, and their mean length in nt.
    days : float
        Time in which the collection shall be done.

    Returns
    -------
    DataFrame
        Columns what, device, nt_per_s, minutes_a_genome, genomes_a_day (of ``genome_length``),
        machine_days (for the collection), machines (for it within ``days``).
    """
    rows = bench[(bench["form"] == "blocked") & bench["what"].isin(["predict", "census"])]
    table = rows[["what", "device", "nt_per_s"]].reset_index(drop=True)
    day = 24 * 3600 * table["nt_per_s"]
    table["minutes_a_genome"] = 2 * genome_length / table["nt_per_s"] / 60
    table["genomes_a_day"] = day / (2 * genome_length)
    table["machine_days"] = 2 * n_genomes * mean_length / day
    table["machines"] = np.ceil(table["machine_days"] / days).astype(int)
    return table


PARTS = {
    "matrix products": ("aten::mm", "aten::bmm", "aten::addmm", "aten::baddbmm"),
    "softmax": (
        "aten::_softmax", "aten::amax", "aten::sub_", "aten::clamp_", "aten::exp2_", "aten::sum",
        "aten::div_", "aten::_softmax_backward_data",
    ),
    "masks, gathers, copies": (
        "aten::copy_", "aten::gather", "aten::masked_fill_", "aten::cat", "aten::fill_",
        "aten::clamp", "aten::add_", "aten::index", "aten::where", "aten::scatter_add_",
    ),
}  # fmt: skip
"""Operations by the part of the work that they do; the rest is called the rest."""


def profile(device: str, positions: int) -> pd.DataFrame:
    """Where the time of prediction goes, in both forms.

    Returns
    -------
    DataFrame
        Columns form, part, share (of the time spent in operations), us_per_nt.
    """
    rows = []
    config = AnnotatorConfig(dropout=0.0)
    for form in FORMS:
        model = model_of(form, config, device)
        chunk = SEGMENT if form == "plain" else 4096
        codes = torch.randint(0, 4, (1, chunk), device=device)
        with torch.inference_mode(), one_thread():
            memory = _read_on(model, codes, None)
            count = max(1, positions // chunk)
            with torch.profiler.profile(activities=[ProfilerActivity.CPU]) as run:
                for _ in range(count):
                    memory = _read_on(model, codes, memory)
        spent = {event.key: event.self_cpu_time_total for event in run.key_averages()}
        by_part = {
            part: sum(spent.pop(name, 0.0) for name in names) for part, names in PARTS.items()
        }
        by_part["the rest"] = sum(spent.values())
        total = sum(by_part.values())
        rows += [
            {
                "form": form,
                "part": part,
                "share": time_spent / total,
                "us_per_nt": time_spent / count / chunk,
            }
            for part, time_spent in by_part.items()
        ]
    return pd.DataFrame(rows)


def _read_on(model: Annotator, codes: torch.Tensor, past: Past | None) -> Past:
    return model.read(codes, past, last=False)[1]


def _name(device: str) -> str:
    if device == "cpu":
        return f"cpu, {torch.get_num_threads()} cores"
    return torch.cuda.get_device_name()


def read_tables(folder: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read bench.csv and bench_profile.csv.

    Raises
    ------
    FileNotFoundError
        Not measured yet; says how.
    """
    files = [Path(folder) / name for name in ("bench.csv", "bench_profile.csv")]
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(
                f"{file}: no such file; measure with make bench, which writes it"
            )
    return pd.read_csv(files[0]), pd.read_csv(files[1])


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table of results, with four digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as partial_file:
        table.to_csv(partial_file, index=False, float_format="%.4g")
