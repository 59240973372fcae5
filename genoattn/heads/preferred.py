"""The letters that heads prefer where they look: best positions and their motifs; no files.

`best_sequences` and `motifs_at` take a head's most attended places at its favourite offset,
`sweep` at every offset.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.genome import motifs
from genoattn.genome.files import writing
from genoattn.genome.sequence import Genome
from genoattn.heads import profiles
from genoattn.model.annotator import Annotator
from genoattn.prediction import recorders
from genoattn.prediction.predict import predict

__all__ = [
    "BestPositions",
    "BestSequences",
    "Sweep",
    "best_positions",
    "best_sequences",
    "census_positions",
    "count_table",
    "motifs_at",
    "read_counts",
    "sequences_at",
    "sweep",
    "sweep_part",
]


def sequences_at(genome: Genome, samples: pd.DataFrame, offset: int, width: int) -> np.ndarray:
    """Nucleotides around one offset from each sample, read 5'->3' on the sample's strand.

    Parameters
    ----------
    samples
        Columns ``strand`` and ``position`` (0-based, forward).
    offset
        Offset of the centre from the sample; negative is upstream.
    width
        Odd number of nucleotides, centred at ``offset``.

    Returns
    -------
    ndarray of uint8, shape (n, width)
        Codes of `Genome`; beyond the end of a linear genome the unknown letter (4).
    """
    if width < 1 or width % 2 == 0:
        raise ValueError(f"width={width} has no centre: give an odd number of nucleotides")
    reach = offset + np.arange(width) - width // 2
    return genome.around(samples["position"].to_numpy(), samples["strand"].to_numpy(), reach)


# -------------------------------------------------------------------------- preferred sequences


class BestPositions(NamedTuple):
    """Positions at which heads put most attention at one distance, the best first.

    However they were found: among samples (`best_positions`) or among all positions of a pass
    (`census_positions`). Every array has the shape (layers, heads, k) unless said otherwise.
    """

    strand: np.ndarray
    """``'+'`` or ``'-'``."""
    position: np.ndarray
    """0-based forward position of the nucleotide asked about (the possible site)."""
    weight: np.ndarray
    """Attention given there, descending."""
    distance: np.ndarray
    """Distance looked at, shape (layers, heads)."""


def best_positions(
    attention: np.ndarray, samples: pd.DataFrame, distance: np.ndarray, *, n_best: int
) -> BestPositions:
    """The ``n_best`` samples of most attention at one distance of each head.

    Parameters
    ----------
    attention
        float16, shape (n, layers, heads, window).
    samples
        Frame of the same n samples (``strand``, ``position``); give the random group, so that the
        choice does not depend on the output.
    distance
        Distance of each head, shape (layers, heads), `profiles.favourite` for instance.
    n_best
        Number of positions.
    """
    if len(samples) != len(attention):
        raise ValueError(f"{len(samples):,} samples, but attention of {len(attention):,}")
    if n_best > len(samples):
        raise ValueError(f"n_best={n_best}, but there are {len(samples)} samples only")
    index = np.empty((*distance.shape, n_best), dtype=np.int64)
    weight = np.empty((*distance.shape, n_best))
    for layer, head, weights in profiles.each_head(attention):
        given = weights[:, distance[layer, head]].astype(np.float32)  # (n,)
        index[layer, head] = np.argsort(-given, kind="stable")[:n_best]
        weight[layer, head] = given[index[layer, head]]
    strand, position = samples["strand"].to_numpy(), samples["position"].to_numpy()
    return BestPositions(strand[index].astype("<U1"), position[index], weight, distance)


def census_positions(
    strand: np.ndarray, position: np.ndarray, weight: np.ndarray, distance: np.ndarray
) -> BestPositions:
    """The best positions of a census, which keeps some at every distance, at one distance.

    Parameters
    ----------
    strand, position, weight
        Of `prediction.AttentionCensus.best`: strand symbol, forward position and attention, each
        of shape (layers, heads, window, k), the best first.
    distance
        Distance of each head, shape (layers, heads).
    """
    if not strand.shape == position.shape == weight.shape or strand.shape[:2] != distance.shape:
        raise ValueError(
            f"best positions {position.shape} do not fit {distance.shape[0]} layers of "
            f"{distance.shape[1]} heads"
        )
    there = distance[..., None, None]  # layers, heads, 1, 1
    given = np.take_along_axis(weight, there, axis=2)[:, :, 0]
    if given.min() < 0:
        raise ValueError("the census saw fewer positions than it should keep: ask for fewer")
    return BestPositions(
        np.take_along_axis(strand, there, axis=2)[:, :, 0],
        np.take_along_axis(position, there, axis=2)[:, :, 0],
        given,
        distance,
    )


class BestSequences(NamedTuple):
    """The sequences on which heads put most attention at their favourite position."""

    counts: np.ndarray
    """Counts of A, C, G, T, shape (layers, heads, width, 4)."""
    n_distinct: np.ndarray
    """Number of different sequences among the best, shape (layers, heads)."""
    offset: np.ndarray
    """Offset of the centre from the nucleotide asked about, shape (layers, heads)."""
    weakest: np.ndarray
    """Attention of the last sample taken, shape (layers, heads)."""


def count_table(best: BestSequences) -> pd.DataFrame:
    """Write count matrices as a table that `read_counts` reads.

    Returns
    -------
    DataFrame
        A row for each head and nucleotide of its motif: ``layer_1based``, ``head_1based``,
        ``offset`` (of the nucleotide, from the one asked about), ``A``, ``C``, ``G``, ``T``,
        ``n_distinct``.
    """
    layers, heads, width, _ = best.counts.shape
    layer, head, place = (one.ravel() for one in np.indices((layers, heads, width)))
    return pd.DataFrame(
        {
            "layer_1based": layer + 1,
            "head_1based": head + 1,
            "offset": best.offset[layer, head] + place - width // 2,
            **dict(zip("ACGT", best.counts.reshape(-1, 4).T, strict=True)),
            "n_distinct": best.n_distinct[layer, head],
        }
    )


def read_counts(table: pd.DataFrame) -> BestSequences:
    """Take count matrices from a table of `count_table`."""
    layers, heads = int(table["layer_1based"].max()), int(table["head_1based"].max())
    ordered = table.sort_values(["layer_1based", "head_1based", "offset"])

    def of_heads(column: str) -> np.ndarray:
        return ordered[column].to_numpy().reshape(layers, heads, -1)

    width = of_heads("offset").shape[-1]
    return BestSequences(
        counts=ordered[list("ACGT")].to_numpy().reshape(layers, heads, width, 4),
        n_distinct=of_heads("n_distinct")[..., 0],
        offset=of_heads("offset")[..., width // 2],
        weakest=np.full((layers, heads), np.nan),  # is not in the table
    )


def motifs_at(
    best: BestPositions,
    genome: Genome,
    *,
    downstream: int,
    n_best: int,
    width: int,
    context: int | None = None,
) -> BestSequences:
    """The nucleotides around the best positions, as a count matrix for each head.

    Parameters
    ----------
    best
        `best_positions` or `census_positions`.
    downstream
        Label shift in nt.
    n_best, width
        Number of sequences, and of nucleotides of each, centred at the attended position.
    context
        Copies of one stretch of the genome (insertion sequences, ribosomal operons) are one
        observation: positions whose ``context`` nucleotides around the attended one were already
        seen are passed over. None takes every position.
    """
    if n_best > best.position.shape[-1]:
        raise ValueError(f"n_best={n_best}, but {best.position.shape[-1]} positions only were kept")
    shape = best.distance.shape
    offset = downstream - best.distance
    counts = np.empty((*shape, width, 4), dtype=np.int64)
    n_distinct, weakest = np.empty(shape, dtype=int), np.empty(shape)
    for layer, head in np.ndindex(*shape):
        places = pd.DataFrame(
            {"strand": best.strand[layer, head], "position": best.position[layer, head]}
        )
        centre = int(offset[layer, head])
        kept = np.arange(len(places))
        if context is not None:
            around = sequences_at(genome, places, centre, context)
            kept = np.sort(np.unique(around, axis=0, return_index=True)[1])
        kept = kept[:n_best]
        codes = sequences_at(genome, places.iloc[kept], centre, width)
        counts[layer, head] = motifs.count_matrix(codes)
        n_distinct[layer, head] = len(np.unique(codes, axis=0))
        weakest[layer, head] = best.weight[layer, head, kept[-1]]
    return BestSequences(counts, n_distinct, offset, weakest)


def best_sequences(
    attention: np.ndarray,
    samples: pd.DataFrame,
    genome: Genome,
    mean: np.ndarray,
    *,
    downstream: int,
    n_best: int,
    width: int,
) -> BestSequences:
    """The ``n_best`` samples of most attention at a head's favourite position, as sequences.

    The paper takes the 50 best samples and the 7-mer centred at that position, because the
    convolution hands each key the seven hidden states around it (section *Attention heads show to
    specialize*). Deeper heads see more: their keys already carry what earlier heads collected.

    Parameters
    ----------
    attention
        float16, shape (n, layers, heads, window).
    samples
        Frame of the same n samples (``strand``, ``position``); give the random group, so that the
        choice does not depend on the output.
    mean
        Mean attention, shape (layers, heads, window), which names the favourite positions.
    downstream
        Label shift in nt.
    n_best, width
        Number of samples, and of nucleotides of each.
    """
    best = best_positions(attention, samples, profiles.favourite(mean), n_best=n_best)
    return motifs_at(best, genome, downstream=downstream, n_best=n_best, width=width)


# ------------------------------------------------------------------------- the motif everywhere


class Favourites(NamedTuple):
    """Motifs of heads at their favourite distances: `elements.LaidMotifs`."""

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
    """JSON of `weights.made_from`, where the sweep is kept in a run folder."""

    @property
    def favourite_counts(self) -> NDArray[np.uint8]:
        """The matrix at each head's favourite distance, shape (layers, heads, width, 4)."""
        distance = profiles.favourite(self.mean)[..., None, None, None]
        return np.take_along_axis(self.counts, distance, axis=2)[:, :, 0]

    @property
    def favourite_offset(self) -> NDArray[np.int64]:
        """Offset of highest mean attention from the TSS, shape (layers, heads)."""
        return self.downstream - profiles.favourite(self.mean)

    @property
    def favourites(self) -> Favourites:
        """Both of these, as `elements.match_elements` takes them."""
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
    """Collect the sequences that each head prefers at every distance (`best_sequences`).

    Parameters
    ----------
    attention : float16 array, shape (n, layers, heads, window)
        Of `recorders.SampledAttention`.
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
    for layer, head, weights in profiles.each_head(attention):
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
    recorder = recorders.SampledAttention(
        config, samples["strand"].to_numpy(), samples["position"].to_numpy(), len(genome)
    )
    predict(network, genome, where=inside, recorders=[recorder])
    return sweep(
        recorder.attention,
        samples,
        genome,
        downstream=config.downstream,
        n_best=n_best,
        width=width,
    )
