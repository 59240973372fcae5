"""The chapter dependence, heads left out over the whole test part; steps.

What the steps say is in `genoattn.chapters.dependence_circuits_words`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from genoattn.chapters import dependence_circuits_words as wording
from genoattn.evaluation import bootstrap
from genoattn.evaluation.bootstrap import Resampling
from genoattn.genome import sites
from genoattn.heads.profiles import selectivity, share_moved
from genoattn.interventions import ablation, circuits
from genoattn.interventions.mediation import Head
from genoattn.model.weights import made_from
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding
from genoattn.study.run import Model, Run
from genoattn.study.tasks import Question

__all__ = [
    "Ablated",
    "Kept",
    "Pairs",
    "Part",
    "Ranks",
    "ablated",
    "kept_heads",
    "pairs",
    "part",
    "ranks",
]

NOTEBOOK = "06_dependence"
BATCH = 7
"""Circuits that are read, and kept in the run, together."""

ASKED: Question = "heads left out"
"""What these steps ask; of a task that is not asked it, they find nothing."""

Measured = dict[str, NDArray[np.float64]]
"""`circuits.measure`."""


class Part(NamedTuple):
    """Where heads are left out, what takes their place, and what the whole network scores there."""

    where: NDArray[np.bool_]
    resampling: Resampling
    mean: torch.Tensor
    intact: Measured
    sources: dict[str, Any]
    finding: Finding


def part(run: Run, model: Model, p: Checked) -> Part:
    """Choose the part, read it with all heads, and take their means.

    Parameters
    ----------
    run : Run
    model : Model
        With attention.
    p : Checked
        ``ablated_share``, ``block``, ``n_bootstrap``, ``seed``.
    """
    genome, test = run.study.genome, model.test
    if not run.study.asks(ASKED):
        nothing = Resampling(np.full(len(genome), -1), np.empty((0, 0)), p.level)
        return Part(np.zeros_like(test), nothing, torch.empty(0), {}, {}, Finding())
    labels = model.card.train_set
    run.check_test(model.split, run.sites(labels), f"the set {labels}", p.block)
    where, numbered, n = _blocks(run, model, "test", "ablated_share", p)
    resampling = Resampling(numbered, bootstrap.resample(numbered, p.n_bootstrap, p.seed), p.level)
    settings = {name: p[name] for name in ("ablated_share", "block", "n_bootstrap", "seed")}
    sources = made_from(model.file, genome, labels=_labels(run, model), **settings)
    mean = _means(run, model, where, "means", sources)
    chosen = Part(where, resampling, mean, {}, sources, Finding())
    every = frozenset(circuits.all_heads(model.annotator))
    (intact,) = _measured(run, model, chosen, [every], "intact")
    said = wording.say_part(where, test, _labels(run, model)[:, where], intact, n, p)
    return chosen._replace(intact=intact, finding=Finding(said))


def _means(
    run: Run, model: Model, where: NDArray[np.bool_], kind: str, sources: dict[str, Any]
) -> torch.Tensor:
    """Take what heads hand on in the mean over some positions, or read it if it was kept."""

    def make() -> dict[str, NDArray[Any]]:
        return {"mean": circuits.part_means(model.annotator, run.study.genome, where).cpu().numpy()}

    arrays = run.once(NOTEBOOK, model.name, kind, sources, make)
    return torch.from_numpy(arrays["mean"]).to(next(model.annotator.parameters()))


def _blocks(
    run: Run, model: Model, part: str, share: str, p: Checked
) -> tuple[NDArray[np.bool_], NDArray[np.int64], int]:
    """Draw a share of a part's blocks.

    Returns where they lie, the block of each position (-1 outside of all), and how many there are.
    """
    mask = model.split.mask(part)
    block = bootstrap.blocks(mask, p.block)
    n = int(block.max()) + 1
    rng = np.random.default_rng(p.seed)
    taken = np.sort(rng.permutation(n)[: max(2, round(p[share] * n))])
    where = mask & np.isin(block, taken)
    if not _labels(run, model)[:, where].any():
        raise ValueError(
            f"no labelled site lies in the {min(len(taken), n)} drawn blocks of the {part} part: "
            f"give a greater {share}"
        )
    return where, np.where(where, np.searchsorted(taken, block), -1), n


def _labels(run: Run, model: Model) -> NDArray[np.uint8]:
    """Mark the sites that the model was trained on, shape (2, L)."""
    return sites.site_track(run.sites(model.card.train_set), len(run.study.genome))


def _measured(
    run: Run, model: Model, part: Part, kept: Sequence[frozenset[Head]], kind: str
) -> list[Measured]:
    """Score circuits; the scores of each batch are kept as soon as they are there."""
    label = _labels(run, model)
    found: list[Measured] = []
    for first in range(0, len(kept), BATCH):
        batch = kept[first : first + BATCH]

        def make(batch: Sequence[frozenset[Head]] = batch) -> dict[str, NDArray[Any]]:
            made = [circuits.Circuit(model.annotator, heads, part.mean) for heads in batch]
            output = circuits.part_outputs(made, run.study.genome, part.where, name=kind)
            scored = [circuits.measure(label, one, part.where, part.resampling) for one in output]
            return {name: np.stack([one[name] for one in scored]) for name in circuits.MEASURES}

        sources = {**part.sources, "heads": [sorted(heads) for heads in batch]}
        name = f"circuits_{kind}_{first // BATCH + 1}"
        arrays = run.once(NOTEBOOK, model.name, name, sources, make)
        found += [
            {name: arrays[name][row] for name in circuits.MEASURES} for row in range(len(batch))
        ]
    return found


# ---------------------------------------------------------------------------- one head, one layer


class Ablated(NamedTuple):
    """What the output loses without each head, and without each layer."""

    conditions: list[tuple[Head, ...]]
    change: dict[str, NDArray[np.float64]]
    """Measure -> array (conditions, 1 + replicates)."""
    heads: pd.DataFrame
    """``layer_1based``, ``head_1based`` and `circuits.changes`."""
    layers: pd.DataFrame
    """``layer_1based`` and `circuits.changes`."""
    finding: Finding


def ablated(run: Run, model: Model, part: Part, p: Checked) -> Ablated:
    """Leave out every head alone, and all heads of every layer.

    Parameters
    ----------
    run, model, part
    p : Checked
        ``level``.
    """
    if not run.study.asks(ASKED):
        return Ablated([], {}, pd.DataFrame(), pd.DataFrame(), Finding())
    by_layer = _by_layer(run, model, part)
    single = [one for batch in by_layer for one in batch[:-1]]
    whole = [batch[-1] for batch in by_layer]
    conditions = ablation.single_heads(model.config)
    names = pd.DataFrame(
        [(layer + 1, head + 1) for ((layer, head),) in conditions],
        columns=["layer_1based", "head_1based"],
    )
    heads = names.join(circuits.changes(single, part.intact, p.level))
    layers = circuits.changes(whole, part.intact, p.level)
    layers.insert(0, "layer_1based", range(1, len(whole) + 1))
    change = {
        name: np.array([one[name] - part.intact[name] for one in single])
        for name in circuits.MEASURES
    }
    atlas = heads.rename(columns={f"delta_pr_auc_{end}": f"ci_{end}" for end in ("low", "high")})
    said = wording.say_ablated(heads, layers, p.level)
    found = Finding(said, {"ablation_whole": heads, "ablation_layers": layers}, {"ablation": atlas})
    return Ablated(conditions, change, heads, layers, found)


def _by_layer(run: Run, model: Model, part: Part) -> list[list[Measured]]:
    """Score, layer by layer, the network without each of its heads, and last without all."""
    every, c = frozenset(circuits.all_heads(model.annotator)), model.config
    scores = []
    for layer in range(c.layers):  # a batch a layer: what lies below is read once
        mine = {(layer, head) for head in range(c.heads)}
        batch = [*(every - {one} for one in sorted(mine)), every - mine]
        scores.append(_measured(run, model, part, batch, f"layer-{layer + 1}"))
    return scores


class Pairs(NamedTuple):
    """What the output loses without two heads at once."""

    interactions: pd.DataFrame
    """`ablation.interactions`."""
    finding: Finding


def pairs(run: Run, model: Model, part: Part, ablated: Ablated, p: Checked) -> Pairs:
    """Leave out every two of the heads whose absence costs most contrast.

    Parameters
    ----------
    run, model, part, ablated
    p : Checked
        ``n_leading``, ``level``.
    """
    if not run.study.asks(ASKED):
        return Pairs(pd.DataFrame(), Finding())
    together = ablation.pairs(ablation.leading(ablated.heads, p.n_leading))
    every = frozenset(circuits.all_heads(model.annotator))
    measured = _measured(run, model, part, [every - {*one} for one in together], "pairs")
    joint = {
        name: np.array([one[name] - part.intact[name] for one in measured])
        for name in circuits.MEASURES
    }
    found = ablation.interactions(ablated.conditions, ablated.change, together, joint, p.level)
    return Pairs(
        found, Finding(wording.say_pairs(found), {"dependence_pairs": found}, {"pairs": found})
    )


# ------------------------------------------------------------------------------- fewer heads


class Kept(NamedTuple):
    """The score against the number of heads that are kept."""

    curve: pd.DataFrame
    """``model``, ``n_heads``, ``pr_auc``, ``ci_low``, ``ci_high``; ``share``, ``share_low`` and
    ``share_high`` of the whole network's PR AUC, by paired resamples; ``part`` (share of the test
    part's positions that is scored)."""
    order: list[str]
    """Heads, the one that is kept longest first."""
    finding: Finding


def kept_heads(run: Run, model: Model, part: Part, p: Checked) -> Kept:
    """Leave out heads one by one, and score the circuits that remain.

    Parameters
    ----------
    run, model, part
    p : Checked
        ``ordered_share`` (of the validation part, on which the order is found), ``sizes`` (numbers
        of heads; those that the network does not have are left out), ``block``, ``seed``.
    """
    if not run.study.asks(ASKED):
        return Kept(pd.DataFrame(), [], Finding())
    last_first = _order(run, model, part, p)[::-1]
    sizes = [0, *sorted(size for size in {*p.sizes} if 0 < size < len(last_first))]
    measured = _measured(
        run, model, part, [frozenset(last_first[:size]) for size in sizes], "fewer"
    )
    rows = []
    for size, one in zip([*sizes, len(last_first)], [*measured, part.intact], strict=True):
        share = one["pr_auc"] / part.intact["pr_auc"]  # replicates are paired
        told = [
            (each[0], *bootstrap.interval(each[1:], p.level)) for each in (one["pr_auc"], share)
        ]
        rows.append((model.name, size, *told[0], *told[1]))
    columns = ["pr_auc", "ci_low", "ci_high", "share", "share_low", "share_high"]
    curve = pd.DataFrame(rows, columns=["model", "n_heads", *columns])
    curve["part"] = part.where.sum() / model.test.sum()
    order = [f"L{layer + 1} H{head + 1}" for layer, head in last_first]
    return Kept(curve, order, Finding(wording.say_kept(curve, order), {"circuits": curve}))


def _order(run: Run, model: Model, part: Part, p: Checked) -> list[Head]:
    """Order the heads by what leaving them out costs on the validation part, in rounds."""
    where, _, _ = _blocks(run, model, "validation", "ordered_share", p)
    found = _labels(run, model)[:, where].ravel()
    sources = {**part.sources, "ordered_share": p.ordered_share}
    mean = _means(run, model, where, "means-ordered", sources)

    def without_each(kept: frozenset[Head], without: Sequence[Head]) -> Iterator[float]:
        trunk = circuits.Circuit(model.annotator, kept, mean)
        for _, heads in groupby(without, key=lambda head: head[0]):  # a layer leaves at once
            made = [circuits.Circuit(model.annotator, kept - {head}, mean) for head in heads]
            name = f"{len(kept)} heads less one"
            output = circuits.part_outputs(made, run.study.genome, where, trunk=trunk, name=name)
            yield from (float(average_precision_score(found, one.ravel())) for one in output)

    def score(kept: frozenset[Head], without: Sequence[Head]) -> NDArray[np.float64]:
        return run.once(
            NOTEBOOK,
            model.name,
            f"one-less-{len(kept)}",
            {**sources, "kept": sorted(kept)},
            lambda: {"pr_auc": np.array([*without_each(kept, without)])},
        )["pr_auc"]

    return circuits.order_of_removal(circuits.all_heads(model.annotator), p.sizes, score)


# ------------------------------------------------------------------ attention against ablation


class Ranks(NamedTuple):
    """Whether attention ranks the heads as leaving them out does."""

    table: pd.DataFrame
    """A row a head: layer_1based, head_1based, loss (of contrast) and a column a measure."""
    agreement: pd.DataFrame
    """`ablation.rank_agreement`."""
    finding: Finding

    @property
    def of_contrast(self) -> pd.DataFrame:
        """The rows of the agreement with the loss of contrast."""
        return self.agreement[self.agreement["importance"] == "contrast"]


def ranks(run: Run, model: Model, ablated: Ablated, p: Checked) -> Ranks:
    """Correlate four measures that are read off attention with what is lost without each head.

    Parameters
    ----------
    run : Run
        Has the profiles of the chapter on heads.
    model, ablated
    p : Checked
        ``level``, ``seed``.
    """
    if not run.study.asks(ASKED):
        return Ranks(pd.DataFrame(), pd.DataFrame(columns=["importance"]), Finding())
    measures = measures_of(run.kept("03_heads", model.name, "profiles"))
    losses = {
        "contrast": -ablated.change["contrast"],
        "PR AUC": -ablated.change["pr_auc"],
    }
    agreement = ablation.rank_agreement(measures, losses, p.level, p.seed)
    names = ablated.heads[["layer_1based", "head_1based"]]
    frame = names.assign(loss=losses["contrast"][:, 0], **measures)
    said = wording.say_ranks(agreement, p.level) + wording.rank_table(agreement, p.level)
    return Ranks(frame, agreement, Finding(said, {"dependence_ranks": agreement}))


def measures_of(profiles: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Four measures of each head's attention, by layer and head: name -> shape (heads,)."""
    by_head = profiles.groupby(["layer_1based", "head_1based"], sort=True)
    each = {
        column: np.stack([part.sort_values("offset")[column].to_numpy() for _, part in by_head])
        for column in ("mean", "highest", "lowest", "spearman")
    }
    return {
        "selectivity": selectivity(each["mean"]),
        "peak attention": each["mean"].max(-1),
        "strongest |Spearman|": np.nan_to_num(np.abs(each["spearman"])).max(-1),
        "share moved": share_moved(each["highest"], each["lowest"]),
    }
