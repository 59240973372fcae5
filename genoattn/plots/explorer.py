"""The explorer of heads: one block of HTML that needs no server; reads its template only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.heads.atlas import KEYS
from genoattn.heads.preferred import Sweep
from genoattn.heads.profiles import selectivity

__all__ = ["explorer"]


_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LEVELS = 4095  # of a profile's value, in two digits
_TEMPLATE = Path(__file__).with_name("explorer.html")


# ------------------------------------------------------------------------------- the explorer


def _digits(numbers: NDArray[Any], places: int) -> str:
    """Write whole numbers below 64 ** places, each as so many digits of 64."""
    alphabet = np.frombuffer(_DIGITS.encode(), dtype=np.uint8)
    flat = np.asarray(numbers, dtype=np.int64).ravel()
    parts = [flat // 64**place % 64 for place in reversed(range(places))]
    return alphabet[np.stack(parts, axis=-1)].tobytes().decode()


def explorer(
    profiles: pd.DataFrame,
    swept: Sweep,
    says: Sequence[str],
    background: NDArray[np.float64],
    logos: pd.DataFrame | None = None,
    *,
    colours: Mapping[str, str],
    identity: str = "genoattn-explorer",
) -> str:
    """One block of HTML in which a reader sweeps through all heads and offsets.

    Style, data and script are inside, so it works from a file, without a server or network.

    Parameters
    ----------
    profiles : DataFrame
        `profiles.profile_frame` with the columns mean, maximum, highest and lowest.
    swept : Sweep
        `preferred.sweep` of the same model; at most 63 samples a matrix.
    says : sequence of str
        `atlas_words.sentences`, by layer and head.
    background : ndarray, shape (4,)
        Share of A, C, G, T in the genome, which information is measured against.
    logos : DataFrame, optional
        `mediated.logo_table` of the same model: what passes through each head to the output.
    colours : mapping of str to str
        Colour of each of the letters A, C, G, T, as CSS writes it.
    identity : str
        ``id`` of the block in its page.

    Raises
    ------
    ValueError
        Profiles, sweep and sentences that are not of the same heads.
    """
    layers, n_heads, window, width, _ = swept.counts.shape
    if len(profiles) != layers * n_heads * window or len(says) != layers * n_heads:
        raise ValueError(
            f"{len(profiles)} rows of profiles and {len(says)} sentences do not fit "
            f"{layers} x {n_heads} heads of window {window}"
        )
    if swept.n_best > 63:
        raise ValueError(f"a matrix counts {swept.n_best} samples; the explorer holds at most 63")
    ordered = profiles.sort_values([*KEYS, "offset"], ascending=[True, True, False])
    texts, scales = {}, {}
    for name in ("mean", "maximum", "highest", "lowest"):
        values = ordered[name].to_numpy().reshape(layers * n_heads, window)
        top = values.max(axis=1)
        scaled = np.round(values / np.where(top > 0, top, 1)[:, None] * _LEVELS)
        texts[name] = _digits(scaled, 2)
        scales[name] = [float(f"{one:.4g}") for one in top]
    offset = swept.favourite_offset
    start = np.unravel_index(selectivity(swept.mean).argmax(), (layers, n_heads))
    data = {
        "layers": layers,
        "heads": n_heads,
        "window": window,
        "downstream": swept.downstream,
        "width": width,
        "n_best": swept.n_best,
        "background": [round(float(share), 5) for share in background],
        "most": round(float(-np.log2(background.min())), 3),
        "colours": dict(colours),
        "start": {
            "layer": int(start[0]),
            "head": int(start[1]),
            "offset": int(offset[start]),
        },
        "sentences": list(says),
        "scales": scales,
        "profiles": texts,
        "through": None if logos is None else _through(logos, layers * n_heads),
        "counts": _digits(swept.counts, 1),
    }
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    page = _TEMPLATE.read_text(encoding="utf-8")
    return page.replace("@ID@", identity).replace("@DATA@", text)


def _through(logos: pd.DataFrame, n_heads: int) -> dict[str, Any]:
    """What passes through each head: offsets, and letters by offset as digits around a middle."""
    ordered = logos.sort_values(["layer", "head", "offset", "letter"])
    values = ordered["contribution"].to_numpy().reshape(n_heads, -1)
    top = float(np.abs(values).max()) or 1.0
    return {
        "first": int(ordered["offset"].min()),
        "places": values.shape[1] // 4,
        "top": float(f"{top:.4g}"),
        "values": _digits(np.round((values / top + 1) / 2 * _LEVELS), 2),
    }
