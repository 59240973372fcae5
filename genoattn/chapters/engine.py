"""The chapter engine: how fast attention runs, and that it is exact; parameters, steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.model import attention, segments
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.prediction import benchmark, checks
from genoattn.prediction.benchmark import WHAT
from genoattn.study.parameters import FOLDERS, WEIGHTS, Checked, Parameter, Schema
from genoattn.study.report import Finding, folded, table
from genoattn.study.run import Run

__all__ = [
    "PARAMETERS",
    "Blocks",
    "Compared",
    "Losses",
    "Measured",
    "Opened",
    "blocks",
    "census_compared",
    "chunks_compared",
    "forms_compared",
    "grown",
    "in_short",
    "opened",
    "planned",
    "precision_compared",
    "rated",
    "time_spent",
]


PARAMETERS = Schema(
    "08_engine",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seed": Parameter(int, 0, "seed of random operands and samples", low=0),
        "bench": Parameter(
            str, "book/results", "folder of bench.csv and bench_profile.csv, written by make bench"
        ),
        "lengths": Parameter(
            list[int],
            [1, 64, 513, 1500],
            "lengths in nt on which the two forms are compared",
            low=1,
            unique=True,
            sizes=(1, None),
        ),
        "chunks": Parameter(
            list[int],
            [100, 1000, 3000],
            "positions read at once that are compared with one piece, in nt",
            low=1,
            unique=True,
            sizes=(1, None),
        ),
        "seam_length": Parameter(
            int, 4_000, "nucleotides of the genome on which the chunks are compared", low=1
        ),
        "n_census": Parameter(
            int, 2_500, "nucleotides whose attention is held whole, on both strands", low=10
        ),
        "n_sample": Parameter(int, 500, "positions of the sample for rank correlation", low=3),
        "k_best": Parameter(int, 50, "best positions of each head and distance", low=1),
        "mixed_steps": Parameter(
            int, 10, "training steps taken in full and in mixed precision", low=2
        ),
        "n_genomes": Parameter(
            int,
            400_000,
            "genomes of a large collection, about as many as RefSeq has of bacteria",
            low=1,
        ),
        "mean_length": Parameter(int, 4_000_000, "their mean length in nt", low=1),
        "days": Parameter(
            float, 7, "time in which the collection shall be annotated, in days", low=0.01
        ),
    },
)
"""What this chapter may be asked."""

_LEARNING_RATE = 1e-4
"""Of the steps that are taken in full and in mixed precision."""


class Opened(NamedTuple):
    """What this chapter computes with, on the CPU, and what was measured before."""

    genome: Genome
    network: Annotator
    split: Split
    bench: pd.DataFrame
    """Columns `genoattn.prediction.benchmark.COLUMNS`."""
    parts: pd.DataFrame
    """Of `genoattn.prediction.benchmark.profile`."""
    finding: Finding

    @property
    def config(self) -> AnnotatorConfig:
        """The network's configuration."""
        return self.network.config


def opened(run: Run, p: Checked) -> Opened:
    """Read the genome, the model and the tables of ``make bench``.

    Raises
    ------
    ValueError
        The model has no attention.
    FileNotFoundError
        Nothing was measured.
    """
    model = run.model(p.weights, "cpu")
    if not isinstance(model.network, Annotator):
        raise ValueError(f"{p.weights}: this chapter needs a model with attention")
    bench, parts = benchmark.read_tables(p.bench)
    said = say_model(model.network.config)
    return Opened(run.study.genome, model.network, model.split, bench, parts, Finding(said))


def say_model(config: AnnotatorConfig) -> str:
    """Say how large the model is whose numbers are compared."""
    return (
        f"The comparisons below use a model of {config.layers * config.heads} heads in "
        f"{config.layers} layer{'s' * (config.layers > 1)}; each attends to {config.window} "
        "positions."
    )


# ------------------------------------------------------------------------------------- blocks


class Blocks(NamedTuple):
    """How long the window and a block of queries are, in nt."""

    window: int
    block: int
    finding: Finding


def blocks(config: AnnotatorConfig) -> Blocks:
    """Cut the queries of a model's size into blocks."""
    block = min(attention.BLOCK["cpu"], config.window)
    return Blocks(config.window, block, Finding(say_blocks(config.window, block)))


def say_blocks(window: int, block: int) -> str:
    """Say how many more scores than the equation needs are computed in blocks."""
    more = (block - 1) / window
    return (
        f"With blocks of {block} positions and a window of {window}, the masked corners cost "
        f"**{more:.0%}** more scores than the equation needs."
    )


# ---------------------------------------------------------------------------------- exactness


class Compared(NamedTuple):
    """Differences between two ways to compute the same."""

    differences: pd.DataFrame
    finding: Finding


def forms_compared(opened: Opened, p: Checked) -> Compared:
    """Compare blocked attention with the equation, in double and in single precision."""
    same = checks.forms(p.lengths, opened.config, p.seed)
    return Compared(same, Finding(say_forms(same), {"engine_exactness": same}))


def say_forms(same: pd.DataFrame) -> str:
    """List the differences of the forms, and say what the largest is in each precision."""
    shown = pd.DataFrame(
        {
            "length, nt": same["length"].map("{:,}".format),
            "precision": same["dtype"],
            "output": same["output"].map("{:.1e}".format),
            "gradients": same["gradient"].map("{:.1e}".format),
        }
    )
    double, single = (_largest(same, dtype) for dtype in ("float64", "float32"))
    said = (
        f"The outputs differ by at most {double:.1e} in 64 bits and {single:.1e} in 32 bits, "
        "which is rounding: the two forms are the same function."
        if _is_rounding(same)
        else f"**The outputs differ by up to {double:.1e} in 64 bits: the two forms are not the "
        "same function.**"
    )
    return f"{said}\n\n" + folded("The largest difference at each length", table(shown))


def _largest(same: pd.DataFrame, dtype: str) -> float:
    """Largest difference of the output in one precision."""
    return float(same.loc[same["dtype"] == dtype, "output"].max())


def _is_rounding(same: pd.DataFrame) -> bool:
    """Whether the forms differ by no more than 64-bit floats round over so many sums."""
    double = same[same["dtype"] == "float64"]
    return bool((double[["output", "gradient"]] < 1e-9).all(axis=None))


def chunks_compared(opened: Opened, p: Checked) -> Compared:
    """Compare probabilities read in chunks with both strands read in one piece."""
    piece = Genome("piece", opened.genome.codes[: p.seam_length], circular=True)
    cut = checks.seams(opened.network, piece, p.chunks)
    return Compared(cut, Finding(say_chunks(cut)))


def say_chunks(cut: pd.DataFrame) -> str:
    """Say how far the probabilities differ at most, and list the differences."""
    shown = pd.DataFrame(
        {
            "chunk, nt": cut["chunk"].map("{:,}".format),
            "largest difference of a probability": cut["difference"].map("{:.1e}".format),
        }
    )
    return f"No probability differs by more than {cut['difference'].max():.1e}.\n\n" + folded(
        "The largest difference for each size of the chunks", table(shown)
    )


def census_compared(opened: Opened, p: Checked) -> Compared:
    """Compare the census of ``n_census`` nt from the middle on with all their attention."""
    here = np.zeros(len(opened.genome), dtype=bool)
    middle = len(here) // 2
    here[middle : middle + p.n_census] = True
    error = checks.census(
        opened.network, opened.genome, here, best=p.k_best, n_sample=p.n_sample, seed=p.seed
    )
    said = say_census(error, opened.config, p)
    return Compared(error, Finding(said, {"engine_census": error}))


def say_census(error: pd.DataFrame, config: AnnotatorConfig, p: Checked) -> str:
    """List how far each statistic is from that of all attention."""
    shown = pd.DataFrame(
        {
            "statistic": error["statistic"],
            "how": error["how"],
            "largest difference": error["largest"].map("{:.1e}".format),
            "median difference": error["median"].map("{:.1e}".format),
        }
    )
    exact = error.loc[error["how"] == "exact", "largest"].max()
    sampled = error.loc[error["how"] != "exact", "largest"].max()
    return (
        f"The statistics of the census differ by at most {exact:.1e} from those of all attention; "
        f"the correlation that is estimated from a sample is off by up to {sampled:.2f}. "
        f"This is over {config.layers * config.heads} heads and {config.window} distances, at "
        f"{2 * p.n_census:,} positions; the sample has {p.n_sample:,}.\n\n"
        + folded("How far each statistic is off", table(shown))
    )


class Losses(NamedTuple):
    """Losses of the same training steps, in nats a position; columns step, float32, bfloat16."""

    losses: pd.DataFrame
    finding: Finding


def precision_compared(run: Run, opened: Opened, p: Checked) -> Losses:
    """Take the same training steps in full and in mixed precision, one window of nt each."""
    config, steps = opened.config, p.mixed_steps
    data = segments.StrandData.of(
        opened.genome, run.sites("curated"), opened.split, config.downstream
    )
    codes, target = (
        torch.from_numpy(track[0, : steps * config.window].astype(kind)).view(steps, 1, -1)
        for track, kind in ((data.codes, np.int64), (data.target, np.float32))
    )
    losses = checks.mixed_precision(opened.network, codes, target, steps, _LEARNING_RATE)
    return Losses(losses, Finding(say_precision(losses)))


def say_precision(losses: pd.DataFrame) -> str:
    """Say how far mixed precision changes the loss, beside its change from step to step."""
    full = losses["float32"]
    apart = ((losses["bfloat16"] - full).abs() / full).max()
    return (
        f"Over {len(losses)} steps the losses in mixed precision differ from those in full "
        f"precision by at most **{100 * apart:.2g}%**. For comparison: the losses of the steps "
        f"themselves lie between {full.min():.2g} and {full.max():.2g} nats a position, as each "
        "step reads another segment, with more or fewer sites."
    )


# ------------------------------------------------------------------------- speed, from the tables


class Measured(NamedTuple):
    """Rows of a table that ``make bench`` wrote, or what follows from them."""

    rows: pd.DataFrame
    finding: Finding


def rated(bench: pd.DataFrame) -> Measured:
    """Take the rates of all kinds of work in both forms."""
    work = bench[bench["what"] != "growth"]
    return Measured(work, Finding(say_rates(work)))


def say_rates(work: pd.DataFrame) -> str:
    """Say how many times as fast the blocked form is; fold the table away."""
    shown = pd.DataFrame(
        {
            "work": work["what"].map(WHAT),
            "form": work["form"],
            "machine": work["device"],
            "workers × threads": [
                f"{workers} × {threads}"
                for workers, threads in zip(work["workers"], work["threads"], strict=True)
            ],
            "positions/s": work["nt_per_s"].map("{:,.0f}".format),
            "over plain": work["ratio_to_plain"].map("{:.1f}×".format),
            "memory, MiB": work["peak_mib"].map("{:,.0f}".format),
            "of a matrix product's rate": work["gemm_fraction"].map("{:.0%}".format),
        }
    )
    return "\n".join(f"- {_faster(work, device)}" for device in work["device"].unique()) + (
        "\n\n"
        + folded(
            "Rates and memory of each form",
            table(shown) + "\nThe last column compares with a product of two large matrices on the "
            "same cores: it is the rate of the floating-point operations that the equation needs, "
            "over that of the product, so what a form does beyond the equation counts against it. "
            "The ratio of the census is to plain prediction without statistics. Training counts "
            "the positions that are scored; with a full window, each has 512 positions upstream "
            "that are read besides, and from a cold start a segment has none.",
        )
    )


def _faster(work: pd.DataFrame, device: str) -> str:
    """Say on one machine how many times as fast as the plain form the blocked form is."""
    rows = work[(work["device"] == device) & (work["form"] == "blocked")].set_index("what")
    ratio, rate = rows["ratio_to_plain"], rows["nt_per_s"]
    return (
        f"On `{device}`, the blocked form predicts {rate['predict']:,.0f} positions per second, "
        f"**{ratio['predict']:.1f} times** as many as the plain form, and trains on "
        f"{rate['train']:,.0f} with their full window, **{ratio['train']:.1f} times** as many. A "
        "prediction with the census of all attention "
        f"takes {rate['predict'] / rate['census']:.2f} times as long as one without."
    )


def time_spent(parts: pd.DataFrame) -> Finding:
    """Say how much faster one thread is in blocks, and what bounds each form."""
    return Finding(say_parts(parts))


def say_parts(parts: pd.DataFrame) -> str:
    """Say how much faster one thread is in blocks, where its time goes, and what bounds it."""
    time = parts.groupby("form")["us_per_nt"].sum()
    share = parts.set_index(["form", "part"])["share"]
    first = parts["part"].iloc[0]
    blocked, plain = share["blocked", first], share["plain", first]
    return (
        f"With one thread alone, the blocked form is {time['plain'] / time['blocked']:.1f} times "
        f"as fast as the plain form. It spends **{blocked:.0%}** of its time in {first}, the plain "
        f"form {plain:.0%}. "
        + (
            "Arithmetic limits it now: only fewer or cheaper multiplications would make it much "
            "faster, not moving fewer numbers."
            if blocked > 0.5
            else "Arithmetic alone does not limit it."
        )
    )


def grown(bench: pd.DataFrame) -> Measured:
    """Take the passes over genomes of growing length."""
    rows = bench[bench["what"] == "growth"].sort_values(["device", "positions"])
    return Measured(rows, Finding(say_growth(rows)))


def say_growth(rows: pd.DataFrame) -> str:
    """Say how memory grows from the shortest to the longest genome."""
    if rows.empty:
        return "Growing genomes were not measured (`make bench` measures them by default)."
    few, many = rows.loc[rows["positions"].idxmin()], rows.loc[rows["positions"].idxmax()]
    times = many["positions"] / few["positions"]
    each = (many["peak_mib"] - few["peak_mib"]) * 2**20 / (many["positions"] - few["positions"])
    return (
        f"From {few['positions']:,.0f} to {many['positions']:,.0f} positions, {times:,.0f} times "
        f"as many, the largest memory grows from {few['peak_mib']:,.0f} to "
        f"**{many['peak_mib']:,.0f} MiB**, by {each:.1f} bytes for each further position. "
        f"The rate stays between {rows['nt_per_s'].min():,.0f} and "
        f"{rows['nt_per_s'].max():,.0f} positions per second."
    )


def planned(opened: Opened, p: Checked) -> Measured:
    """Calculate from measured rates what one genome and a whole collection take."""
    plan = benchmark.plan(opened.bench, len(opened.genome), p.n_genomes, p.mean_length, p.days)
    return Measured(plan, Finding(say_plan(plan, len(opened.genome), p)))


def say_plan(plan: pd.DataFrame, length: int, p: Checked) -> str:
    """List minutes for this genome of some nt, and machines for a collection."""
    shown = pd.DataFrame(
        {
            "work": plan["what"].map(WHAT),
            "machine": plan["device"],
            "minutes for this genome": plan["minutes_a_genome"].map("{:,.1f}".format),
            "genomes like it in a day": plan["genomes_a_day"].map("{:,.0f}".format),
            f"machines for the collection in {p.days:g} days": plan["machines"].map("{:,}".format),
        }
    )
    return (
        table(shown)
        + f"\nThis genome has {length:,} nt; the collection is {p.n_genomes:,} genomes of "
        f"{p.mean_length:,} nt on average. Both strands are read."
    )


def in_short(
    forms: Compared, chunks: Compared, rates: Measured, growth: Measured, plan: Measured
) -> Finding:
    """Answer the chapter's question in a few sentences."""
    return Finding(
        say_same(forms.differences, chunks.differences)
        + f" {_faster(rates.rows, rates.rows['device'].iloc[0])}"
        + say_one_genome(plan.rows)
        + say_memory(growth.rows)
        + " Rates are medians of turns on the machines named here, without an interval, and hold "
        "for the paper's architecture; on other hardware the ratios may differ."
    )


def say_same(forms: pd.DataFrame, chunks: pd.DataFrame) -> str:
    """Say whether the fast form gives the same numbers."""
    probability = chunks["difference"].max()
    return (
        f"The blocked form {'computes' if _is_rounding(forms) else '**does not compute**'} the "
        f"same function as the equation (largest difference {_largest(forms, 'float64'):.1e} in 64 "
        f"bits and {_largest(forms, 'float32'):.1e} in 32), and reading a genome in chunks changes "
        f"no probability by more than {probability:.1e}."
    )


def say_one_genome(plan: pd.DataFrame) -> str:
    """Say how long one genome takes on the first machine."""
    first = plan[plan["what"] == "predict"].iloc[0]
    return (
        f" Both strands of this chapter's genome take {first['minutes_a_genome']:.1f} minutes "
        f"there ({first['device']}), by calculation from the rate."
    )


def say_memory(rows: pd.DataFrame) -> str:
    """Say how much memory the longest pass took, if that was measured."""
    if rows.empty:
        return ""
    longest = rows.loc[rows["positions"].idxmax()]
    return (
        f" A pass of a tiny model over {longest['positions']:,.0f} positions needed "
        f"{longest['peak_mib']:,.0f} MiB."
    )
