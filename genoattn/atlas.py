"""The atlas of heads: all that is known of each head, joined; touches frames and one template.

Chapters measure heads one question at a time and leave tables behind: where a head looks and what
its motif resembles, what happens when it is switched off, whether other seeds have it too. The
atlas joins them into one row a head (`join`), says each row as a sentence by rule (`sentences`),
and embeds profiles and the motif at every offset in a page that needs no server (`explorer`).

A measurement that was not made is missing in the row, and the sentence says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn import heads, motifs, prediction
from genoattn.files import writing
from genoattn.genome import Genome
from genoattn.model import Annotator

__all__ = [
    "COLUMNS",
    "Sweep",
    "explorer",
    "information",
    "join",
    "matched",
    "not_measured",
    "sentences",
    "sweep",
    "sweep_part",
]

KEYS = ["layer_1based", "head_1based"]

COLUMNS = {
    "layer": "layer, from 1",
    "head": "head of the layer, from 1",
    "peak_offset": "offset of highest mean attention from the TSS (offset 0 is the TSS), nt",
    "selectivity": "0: attention is flat; 1: all of it at one position",
    "consensus": "motif at the favourite position, IUPAC letters",
    "best_motif": "known motif that resembles it most",
    "q_value": "false discovery rate of that resemblance",
    "site_odds_ratio": "odds that its best positions lie in known binding sites, over matched ones",
    "site_q": "false discovery rate of that ratio",
    "ablation_delta_pr_auc": "change of PR AUC when the head gives its mean instead",
    "ci_low": "lower end of that change's interval",
    "ci_high": "upper end of that change's interval",
    "spearman_max": "highest rank correlation of attention with the output, over positions",
    "seed_stability": "share of the other seeds that have a counterpart of the head",
    "role": "the element that the head stands for, by rule; empty: none",
}
"""Columns of the table of heads, and what they mean."""

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_LEVELS = 4095  # of a profile's value, in two digits
_TEMPLATE = Path(__file__).with_name("explorer.html")


# ------------------------------------------------------------------------- the motif everywhere


class Favourites(NamedTuple):
    """Motifs of heads at their favourite distances: `promoter_elements.LaidMotifs`."""

    counts: NDArray[np.uint8]
    offset: NDArray[np.int64]


class Sweep(NamedTuple):
    """What heads prefer at every distance, not at their favourite only."""

    mean: NDArray[np.float64]
    """Mean attention of the samples, shape (layers, heads, window)."""
    counts: NDArray[np.uint8]
    """Nucleotides of the samples of most attention, shape (layers, heads, window, width, 4)."""
    n_best: int
    """Samples that each matrix counts."""
    downstream: int
    """Label shift in nt: distance d is the offset downstream - d."""
    identity: str = ""
    """SHA-256 of weights and settings, where the sweep is kept in a run folder."""

    @property
    def favourite_counts(self) -> NDArray[np.uint8]:
        """The matrix at each head's favourite distance, shape (layers, heads, width, 4)."""
        distance = heads.favourite(self.mean)[..., None, None, None]
        return np.take_along_axis(self.counts, distance, axis=2)[:, :, 0]

    @property
    def favourite_offset(self) -> NDArray[np.int64]:
        """Offset of highest mean attention from the TSS, shape (layers, heads)."""
        return self.downstream - heads.favourite(self.mean)

    @property
    def favourites(self) -> Favourites:
        """Both of these, as `promoter_elements.match_elements` takes them."""
        return Favourites(self.favourite_counts, self.favourite_offset)

    def save(self, path: str | Path) -> None:
        """Write as .npz, whole or not at all."""
        with writing(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **self._asdict())

    @classmethod
    def read(cls, path: str | Path) -> Sweep:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            if set(stored) != set(cls._fields):
                raise ValueError(f"{path}: holds {sorted(stored)}, not a sweep; delete the file")
            return cls(
                stored["mean"],
                stored["counts"],
                int(stored["n_best"]),
                int(stored["downstream"]),
                str(stored["identity"]),
            )


def sweep(
    attention: NDArray[np.float16],
    samples: pd.DataFrame,
    genome: Genome,
    *,
    downstream: int,
    n_best: int,
    width: int,
) -> Sweep:
    """Collect the sequences that each head prefers at every distance (`heads.best_sequences`).

    Parameters
    ----------
    attention : float16 array, shape (n, layers, heads, window)
        Of `prediction.SampledAttention`.
    samples : DataFrame
        Columns ``strand`` and ``position`` of the same n samples, drawn at random.
    genome : Genome
    downstream : int
        Label shift in nt.
    n_best, width : int
        Samples of most attention that are taken at each distance (at most 255), and nucleotides
        of each, odd, centred at that distance.

    Raises
    ------
    ValueError
        Attention and samples do not fit, or too few samples.
    """
    if attention.ndim != 4 or len(samples) != len(attention) or attention.dtype != np.float16:
        raise ValueError(
            f"attention {attention.shape} ({attention.dtype}) does not fit {len(samples)} samples: "
            "float16 of shape (samples, layers, heads, window) is needed"
        )
    if not 1 <= n_best <= min(255, len(samples)) or width % 2 == 0:
        raise ValueError(
            f"n_best={n_best} must be from 1 to {min(255, len(samples))} and width={width} odd"
        )
    _, layers, n_heads, window = attention.shape
    half = width // 2
    reach = np.arange(downstream - window + 1 - half, downstream + half + 1)
    around = genome.around(samples["position"].to_numpy(), samples["strand"].to_numpy(), reach)
    eye = np.concatenate([np.eye(4, dtype=np.uint8), np.zeros((1, 4), dtype=np.uint8)])
    counts = np.empty((layers, n_heads, window, width, 4), dtype=np.uint8)
    mean = np.empty((layers, n_heads, window))
    for layer, head, weights in heads.each_head(attention):
        mean[layer, head] = weights.mean(axis=0, dtype=np.float64)
        # falling order of float16 >= 0 is falling order of its bits; a stable sort of those is fast
        falling = 0xFFFF - np.ascontiguousarray(weights.T + np.float16(0)).view(np.uint16)
        for distance, column in enumerate(falling):
            best = np.argsort(column, kind="stable")[:n_best]
            first = window - 1 - distance  # index in reach of the leftmost nucleotide
            kmers = around[best, first : first + width]
            counts[layer, head, distance] = eye[kmers].sum(axis=0, dtype=np.uint8)
    return Sweep(mean, counts, n_best, downstream)


def sweep_part(
    network: Annotator,
    genome: Genome,
    inside: NDArray[np.bool_],
    *,
    n_random: int,
    n_best: int,
    width: int,
    seed: int,
) -> Sweep:
    """Sweep a model over positions drawn at random from a part of the genome, both strands.

    Parameters
    ----------
    network : Annotator
        In evaluation mode.
    genome : Genome
    inside : bool array, shape (L,)
        The part.
    n_random : int
        Positions drawn, without replacement.
    n_best, width : int
        See `sweep`.
    seed : int
        Seed of the draw.
    """
    n = int(inside.sum())
    drawn = np.random.default_rng(seed).choice(2 * n, n_random, replace=False)
    row, place = np.divmod(drawn, n)
    samples = pd.DataFrame(
        {"strand": np.where(row == 0, "+", "-"), "position": np.flatnonzero(inside)[place]}
    )
    config = network.config
    recorder = prediction.SampledAttention(
        config, samples["strand"].to_numpy(), samples["position"].to_numpy(), len(genome)
    )
    prediction.predict(network, genome, where=inside, recorders=[recorder])
    return sweep(
        recorder.attention,
        samples,
        genome,
        downstream=config.downstream,
        n_best=n_best,
        width=width,
    )


# --------------------------------------------------------------------------------- the one table


def join(
    table: pd.DataFrame,
    *,
    ablation: pd.DataFrame | None = None,
    stability: pd.DataFrame | None = None,
    mode: str = "mean",
) -> pd.DataFrame:
    """Join what the chapters know of each head.

    Parameters
    ----------
    table : DataFrame
        A row for each head: ``layer_1based``, ``head_1based`` and any of the other `COLUMNS`.
    ablation : DataFrame, optional
        ``layer_1based``, ``head_1based``, ``delta_pr_auc``, ``ci_low``, ``ci_high`` and perhaps
        ``mode``, of which the rows of ``mode`` are taken; None where no head was switched off.
    stability : DataFrame, optional
        ``layer_1based``, ``head_1based``, ``seed_stability``; None where there is one seed only.
    mode : str
        What an ablated head gives: its ``mean``, or ``zero``.

    Returns
    -------
    DataFrame
        `COLUMNS`, by layer and head; missing where nothing was measured.

    Raises
    ------
    ValueError
        A head that is listed twice, or heads of another model.
    """
    _one_row_each(table, "the table of heads")
    joined = table.copy()
    if ablation is not None:
        mine = ablation[ablation["mode"] == mode] if "mode" in ablation else ablation
        mine = mine.rename(columns={"delta_pr_auc": "ablation_delta_pr_auc"})
        joined = _beside(joined, mine, ["ablation_delta_pr_auc", "ci_low", "ci_high"], "ablation")
    if stability is not None:
        joined = _beside(joined, stability, ["seed_stability"], "seeds")
    joined = joined.rename(columns=dict(zip(KEYS, ("layer", "head"), strict=True)))
    joined = joined.reindex(columns=list(COLUMNS))
    for name in ("role", "best_motif", "consensus"):
        joined[name] = joined[name].fillna("").astype(str)
    return joined.sort_values(["layer", "head"], ignore_index=True)


def _one_row_each(table: pd.DataFrame, where: str) -> None:
    twice = table[table.duplicated(KEYS)]
    if len(twice):
        layer, head = twice[KEYS].iloc[0]
        raise ValueError(f"{where}: L{layer} H{head} is listed twice")


def _beside(
    joined: pd.DataFrame, other: pd.DataFrame, names: list[str], where: str
) -> pd.DataFrame:
    """Put columns of another table beside, head by head; the heads must be the same."""
    _one_row_each(other, where)
    wanted = set(zip(*(joined[key] for key in KEYS), strict=True))
    given = set(zip(*(other[key] for key in KEYS), strict=True))
    if wanted != given:
        raise ValueError(
            f"{where}: {len(given)} heads, but {len(wanted)} in the table of heads; "
            "are both of the same model?"
        )
    kept = joined.drop(columns=names, errors="ignore")
    return kept.merge(other[[*KEYS, *names]], on=KEYS, how="left", validate="one_to_one")


def sentences(
    joined: pd.DataFrame, *, max_q: float, selective: float, n_others: int = 0
) -> list[str]:
    """Say each row of the table of heads as a sentence, by rule.

    Parameters
    ----------
    joined : DataFrame
        `join`.
    max_q : float
        Greatest q-value at which a resemblance, or a ratio of binding sites, counts.
    selective : float
        Least selectivity of a head that is said to look at a place.
    n_others : int
        Other seeds that ``seed_stability`` is a share of.

    Returns
    -------
    list of str
        One text for each row. What was not measured is named as such.
    """
    return [_sentence(row, max_q, selective, n_others) for row in joined.to_dict("records")]


def not_measured(joined: pd.DataFrame) -> list[str]:
    """What no head of the table has: one text for each missing measurement."""
    names = {
        "q_value": "resemblance to known motifs (no file of them)",
        "site_q": "known binding sites (no table of them for this genome)",
        "ablation_delta_pr_auc": "switching off (ablation not run)",
        "seed_stability": "other seeds (one seed only)",
    }
    return [text for name, text in names.items() if joined[name].isna().all()]


def _sentence(row: Mapping[Any, Any], max_q: float, selective: float, n_others: int) -> str:
    """Where, what, known, effect, other seeds: in that order."""
    first = "; ".join([_looks(row, selective), *_resembles(row, max_q)])
    return f"{first}. {_lost(row)}; {matched(row['seed_stability'], n_others)}."


def _looks(row: Mapping[Any, Any], selective: float) -> str:
    """Where a head looks, and what for."""
    peak = f"{int(heads.paper_label(int(row['peak_offset']))):+d}"
    if row["selectivity"] >= selective:
        where = f"Looks mostly around {peak}"
    else:
        where = f"Spreads its attention, with the highest mean at {peak}"
    if set(row["consensus"]) - {"N"}:
        return f"{where} for {row['consensus']}"
    return f"{where}, without a preference for letters"


def _resembles(row: Mapping[Any, Any], max_q: float) -> list[str]:
    """What a head's motif and its best positions are like."""
    said = [f"by the rule it has the role {row['role']}"] if row["role"] else []
    if pd.isna(row["q_value"]):
        said.append("not compared with known motifs")
    elif row["q_value"] <= max_q:
        said.append(f"its motif resembles {row['best_motif']} (q = {row['q_value']:.2g})")
    else:
        said.append(f"no known motif resembles it (least q = {row['q_value']:.2g})")
    if not pd.isna(row["site_q"]) and row["site_q"] <= max_q:
        more = "more" if row["site_odds_ratio"] > 1 else "less"
        said.append(
            f"its best positions lie {more} often in known binding sites than matched positions do "
            f"(odds ratio {row['site_odds_ratio']:.2g})"
        )
    return said


def _lost(row: Mapping[Any, Any]) -> str:
    """What switching a head off does."""
    change = row["ablation_delta_pr_auc"]
    if pd.isna(change):
        return "Ablation not run"
    if row["ci_high"] < 0:
        return f"Without it PR AUC falls by {-change:.3f}"
    if row["ci_low"] > 0:
        return f"Without it PR AUC rises by {change:.3f}"
    return "Without it PR AUC does not change significantly"


def matched(share: float, n_others: int) -> str:
    """Say in how many of the other seeds a head comes back; the share may be missing."""
    if np.isnan(share):
        return "one seed only, so its stability is not known"
    return f"a matching head exists in {round(share * n_others)} of {n_others} other seeds"


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
    *,
    colours: Mapping[str, str],
    identity: str = "genoattn-explorer",
) -> str:
    """One block of HTML in which a reader sweeps through all heads and offsets.

    Style, data and script are inside, so it works from a file, without a server or network.

    Parameters
    ----------
    profiles : DataFrame
        `heads.profile_frame` with the columns mean, maximum, highest and lowest.
    swept : Sweep
        `sweep` of the same model; at most 63 samples a matrix.
    says : sequence of str
        `sentences`, by layer and head.
    background : ndarray, shape (4,)
        Share of A, C, G, T in the genome, which information is measured against.
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
    start = np.unravel_index(heads.selectivity(swept.mean).argmax(), (layers, n_heads))
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
        "counts": _digits(swept.counts, 1),
    }
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    page = _TEMPLATE.read_text(encoding="utf-8")
    return page.replace("@ID@", identity).replace("@DATA@", text)


def information(counts: NDArray[Any], background: NDArray[np.float64]) -> NDArray[np.float64]:
    """Letter heights in bits, shape (width, 4), of counts, against the genome's composition."""
    shares = motifs.probability_matrix(counts, background=background)
    return motifs.information_matrix(shares, background=background)
