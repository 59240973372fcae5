"""What the first layer's heads look for, exactly: all 16,384 7-mers; touches weights alone.

Nothing lies below the first layer but the embedding and one convolution, so a key and a query each
depend on their own 7-mer alone, and all of them can be listed. A score has two parts,

::

    score(i, j) = [ (q_i + u) . k_j + (q_i + w) . r_d ] / sqrt(d_head)        d = i - j

* **Content.** Keys are linear in the letters (embedding, projection and convolution are), so the
  mean query scores keys by an *exact* position weight matrix. What a single matrix does not hold is
  how the query's word and the key's word play together; that is a sum of at most d_head products of
  one matrix for the query and one for the key, of which the first is given (singular value
  decomposition). The shares of the variance over all pairs of words are exact as well.
* **Distance.** A query's word decides how far back is looked. Attention by distance alone (all keys
  alike) is a softmax, so a matrix can only approach it: its R^2 says how far.

Words are weighed by how often they occur (`word_shares`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from genoattn.genome.sequence import STRANDS, UNKNOWN, Genome, decode
from genoattn.model.annotator import Annotator, RelativeAttentionLayer
from genoattn.model.attention import sinusoids

__all__ = ["FirstLayer", "additive", "all_words", "read_first_layer", "word_shares"]


def all_words(width: int) -> NDArray[np.uint8]:
    """Codes of all words, shape (4**width, width), in the order of `numpy.indices`."""
    return np.indices((4,) * width).reshape(width, -1).T.astype(np.uint8)


def word_shares(genome: Genome, width: int) -> NDArray[np.float64]:
    """How often each of `all_words` occurs on both strands, as shares; one more for each word."""
    counts = np.ones(4**width)
    power = 4 ** np.arange(width - 1, -1, -1)
    for strand in STRANDS:
        windows = np.lib.stride_tricks.sliding_window_view(genome.strand(strand), width)
        known = windows[(windows < UNKNOWN).all(1)]
        counts += np.bincount(known @ power, minlength=len(counts))
    return counts / counts.sum()


def additive(
    words: NDArray[np.uint8], score: NDArray[np.float64], share: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """The position weight matrix that fits the scores of words best, and its R^2.

    Parameters
    ----------
    words : uint8 array, shape (n, k)
    score, share : float arrays, shape (n,)

    Returns
    -------
    matrix : float array, shape (k, 4)
        Each row has mean 0.
    r_squared : float
        Share of the (weighted) variance; 1 where there is none.
    """
    onehot = np.eye(4)[words].reshape(len(words), -1)  # n, 4k
    weighed = np.sqrt(share)[:, None]
    centre = share @ score
    design = np.concatenate([onehot, np.ones((len(words), 1))], 1)
    fit, *_ = np.linalg.lstsq(weighed * design, weighed[:, 0] * (score - centre), rcond=None)
    rest = share @ (score - centre - design @ fit) ** 2
    whole = share @ (score - centre) ** 2
    matrix = fit[:-1].reshape(words.shape[1], 4)
    return matrix - matrix.mean(1, keepdims=True), float(1 - rest / whole) if whole > 0 else 1.0


@dataclass(frozen=True)
class FirstLayer:
    """What every word is to the heads of the first layer.

    Attributes
    ----------
    words : uint8 array, shape (n, k)
        All words, k the convolution's width.
    share : float array, shape (n,)
        How often each occurs.
    key : float array, shape (heads, n)
        Score of the key's word for the mean query, its mean taken off; in natural logarithms of
        attention.
    key_matrix : float array, shape (heads, k, 4)
        The matrix that this score is, exactly.
    alone : float array, shape (heads,)
        Share of the variance of the content's score (what is the same for all keys taken off) that
        the matrix holds: how far a head looks for one word whatever the query.
    pair_query, pair_key : float arrays, shape (heads, k, 4)
        Matrices of the strongest interplay of a query's and a key's word.
    paired : float array, shape (heads,)
        Share of that variance with this pair added.
    distance : int array, shape (heads,)
        Distance (nt upstream) at which, by distance alone, attention gathers most.
    by_distance : float array, shape (heads, window)
        Mean attention by distance alone.
    best_by_distance : float array, shape (heads, window)
        The same of the query word that attends most to `distance`.
    query : float array, shape (heads, n)
        Attention at `distance` by distance alone, of a query of that word; between 0 and 1.
    query_matrix : float array, shape (heads, k, 4)
        The matrix that fits its logarithm best.
    query_fit : float array, shape (heads,)
        R^2 of that matrix.
    """

    words: NDArray[np.uint8]
    share: NDArray[np.float64]
    key: NDArray[np.float64]
    key_matrix: NDArray[np.float64]
    alone: NDArray[np.float64]
    pair_query: NDArray[np.float64]
    pair_key: NDArray[np.float64]
    paired: NDArray[np.float64]
    distance: NDArray[np.int64]
    by_distance: NDArray[np.float64]
    best_by_distance: NDArray[np.float64]
    query: NDArray[np.float64]
    query_matrix: NDArray[np.float64]
    query_fit: NDArray[np.float64]

    def best_words(self, n: int = 5) -> pd.DataFrame:
        """The words that score highest: ``head`` (from 1), ``side``, ``rank``, ``word``, ``score``.

        The score of a key is in natural logarithms of attention against the mean word; that of a
        query is its attention at the head's distance.
        """
        rows = [
            (head + 1, side, rank + 1, decode(self.words[word]), float(score[head, word]))
            for head in range(len(self.key))
            for side, score in (("key", self.key), ("query", self.query))
            for rank, word in enumerate(np.argsort(-score[head], kind="stable")[:n])
        ]
        return pd.DataFrame(rows, columns=["head", "side", "rank", "word", "score"])

    def summary(self) -> pd.DataFrame:
        """A row a head: its best words, its distance, and how well matrices explain it."""
        best = self.best_words(1).pivot(index="head", columns="side", values="word")
        each = np.arange(len(self.key))
        return pd.DataFrame(
            {
                "head": each + 1,
                "key_word": best["key"].to_numpy(),
                "key_range": np.ptp(self.key, axis=1),
                "one_matrix": self.alone,
                "with_a_pair": self.paired,
                "distance": self.distance,
                "mean_attention": self.by_distance[each, self.distance],
                "query_word": best["query"].to_numpy(),
                "query_attention": self.query.max(1),
                "query_r_squared": self.query_fit,
            }
        )


def read_first_layer(model: Annotator, share: NDArray[np.float64] | None = None) -> FirstLayer:
    """Score every word as a key and as a query of the first layer's heads.

    Parameters
    ----------
    model : Annotator
        Without a stem of convolutions, below which a key would depend on more than its word.
    share : float array, shape (4**conv_width,), optional
        How often each word occurs (`word_shares`); all alike by default.

    Raises
    ------
    ValueError
        A model with a stem, or without attention.
    """
    if not isinstance(model, Annotator):
        raise ValueError(
            f"a {type(model).__name__} has no attention: there is no first layer of it"
        )
    c = model.config
    if c.stem:
        raise ValueError(
            f"a key of this model depends on the {c.stem_reach + c.conv_width} nt that its stem of "
            f"{c.stem} convolutions reads, not on a {c.conv_width}-mer alone"
        )
    words = all_words(c.conv_width)
    if share is None:
        share = np.full(len(words), 1 / len(words))
    layer = cast(RelativeAttentionLayer, model.layers[0])
    with torch.no_grad():
        device = model.content_bias.device
        h = model.embedding(torch.from_numpy(words.astype(np.int64)).to(device))  # n, k, d_model
        q, k, _ = layer.convolutions(h)[:, :, :, 0].double().transpose(1, 2).cpu().numpy()
        code = sinusoids(c.window, c.d_model, device=device)
        r = layer.distance(code).view(c.window, c.heads, c.d_head)
    r = r.double().permute(1, 2, 0).cpu().numpy()  # heads, d_head, window
    u = model.content_bias.detach().double().cpu().numpy()
    w = model.position_bias.detach().double().cpu().numpy()
    heads = [
        _Head(q[head], k[head], r[head], u[head], w[head], math.sqrt(c.d_head), words, share)
        for head in range(c.heads)
    ]
    names = [name for name in FirstLayer.__dataclass_fields__ if name not in ("words", "share")]
    return FirstLayer(
        words, share, **{n: np.array([getattr(one, n) for one in heads]) for n in names}
    )


class _Head:
    """Numbers of one head (`FirstLayer`); q, k (n, d_head), r (d_head, window), u, w (d_head,)."""

    def __init__(
        self,
        q: NDArray[np.float64],
        k: NDArray[np.float64],
        r: NDArray[np.float64],
        u: NDArray[np.float64],
        w: NDArray[np.float64],
        scale: float,
        words: NDArray[np.uint8],
        share: NDArray[np.float64],
    ) -> None:
        mean_query, mean_key = share @ q, share @ k
        q_moves, k_moves = q - mean_query, k - mean_key
        self.key = k_moves @ (mean_query + u) / scale
        self.key_matrix, _ = additive(words, self.key, share)
        # covariances: the interplay's variance over all pairs is trace(Cq Ck) / d_head
        left = _root((q_moves * share[:, None]).T @ q_moves)
        right = _root((k_moves * share[:, None]).T @ k_moves)
        turned, strength, back = np.linalg.svd(left @ right / scale)
        main, interplay = share @ self.key**2, (strength**2).sum()
        whole = main + interplay
        self.alone = main / whole if whole > 0 else 1.0
        self.paired = (main + strength[0] ** 2) / whole if whole > 0 else 1.0
        to_query, to_key = np.linalg.pinv(left) @ turned[:, 0], np.linalg.pinv(right) @ back[0]
        size = math.sqrt(strength[0])
        self.pair_query, _ = additive(words, q_moves @ to_query * size, share)
        self.pair_key, _ = additive(words, k_moves @ to_key * size, share)
        score = (q + w) @ r / scale  # n, window
        attention = np.exp(score - score.max(1, keepdims=True))
        attention /= attention.sum(1, keepdims=True)
        self.by_distance = share @ attention
        self.distance = int(self.by_distance.argmax())
        self.query = attention[:, self.distance]
        self.best_by_distance = attention[self.query.argmax()]
        self.query_matrix, self.query_fit = additive(words, np.log(self.query), share)


def _root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Symmetric square root of a covariance."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T
