"""The figure of the first screen: four sets of start sites, and what heads look at; frames in."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genoattn.plots import style
from genoattn.plots.curation import venn

_DPI = 200
_KEYS = ["layer_1based", "head_1based"]


def overview(
    regions: pd.DataFrame,
    heads: pd.DataFrame | None = None,
    profiles: pd.DataFrame | None = None,
    n_heads: int = 12,
    region: tuple[int, int] = (-60, 20),
) -> Figure:
    """Draw the Venn diagram of the four sets, and beside it where the most selective heads look.

    Parameters
    ----------
    regions : DataFrame
        From `genoattn.curation.regions`: members, n.
    heads : DataFrame, optional
        A row for each head: ``layer_1based``, ``head_1based``, ``selectivity``, ``peak_label``,
        ``consensus`` and ``element`` (empty where it has none).
    profiles : DataFrame, optional
        From `genoattn.heads.profile_frame`: mean attention of each head by position.
    n_heads : int
        Heads to show: those with an element first, then by selectivity; peaks inside the region.
    region : tuple of int
        First and last position shown, the TSS is +1 and there is no 0.

    Returns
    -------
    Figure
        The Venn diagram alone where there are no heads.
    """
    sets = venn(regions)
    if sets is None:
        raise ValueError("regions: a Venn diagram shows two to four sources")
    if heads is None or profiles is None:
        return sets.figure
    figure, (left, right) = plt.subplots(
        1,
        2,
        figsize=(1.6 * style.WIDTH, 0.62 * style.WIDTH),
        width_ratios=(1, 1.15),
        layout="constrained",
    )
    _paste(left, sets.figure)
    left.set_title("Start sites of four published sets, within five nucleotides")
    _attention(right, _chosen(heads, n_heads, region), profiles, region)
    return figure


def _paste(axes: Axes, drawn: Figure) -> None:
    """Show a finished figure as an image in `axes`."""
    drawn.set_dpi(_DPI)
    drawn.canvas.draw()
    axes.imshow(np.asarray(drawn.canvas.buffer_rgba()), interpolation="lanczos")  # type: ignore[attr-defined]
    axes.axis("off")
    plt.close(drawn)


def _chosen(heads: pd.DataFrame, n_heads: int, region: tuple[int, int]) -> pd.DataFrame:
    """Pick the heads to show, from the farthest upstream to the farthest downstream."""
    inside = heads[heads["peak_label"].between(*region)]
    named = inside["role"].fillna("").astype(str).ne("")
    ranked = inside.assign(named=named).sort_values(["named", "selectivity"], ascending=False)
    return ranked.head(n_heads).sort_values("peak_label")


def _attention(
    axes: Axes, chosen: pd.DataFrame, profiles: pd.DataFrame, region: tuple[int, int]
) -> None:
    """Draw mean attention of each chosen head, on its own scale, with its motif beside it."""
    shown = profiles[profiles["label"].between(*region)]
    by_head = dict(iter(shown.groupby(_KEYS)))
    rows = [tuple(row) for row in chosen[_KEYS].itertuples(index=False)]
    ordered = [by_head[row].sort_values("offset") for row in rows]
    values = np.stack([one["mean"].to_numpy() for one in ordered])  # heads, positions
    label = ordered[0]["label"].to_numpy()
    axes.imshow(
        values / values.max(axis=1, keepdims=True),
        aspect="auto",
        interpolation="nearest",
        cmap=style.SEQUENTIAL,
    )
    ticks = np.flatnonzero((label % 10 == 0) | (label == 1))
    axes.set_xticks(ticks, [f"{label[tick]:+d}" for tick in ticks])
    axes.set_yticks(range(len(rows)), [f"layer {layer} head {head}" for layer, head in rows])
    for row, head in enumerate(chosen.itertuples()):
        role = head.role.split(" (or ")[0] if isinstance(head.role, str) else ""
        axes.text(len(label), row, str(head.consensus), family="monospace", va="center")
        axes.text(len(label) + 10, row, role, va="center", fontweight="bold")
    axes.set_xlabel("attended nucleotide, relative to the start site (nt)")
    axes.set_title("Where heads look on average, and the motif and element that they read there")
