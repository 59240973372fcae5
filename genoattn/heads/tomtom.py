"""Heads' motifs against known motifs, by TOMTOM, with q-values and a null; touches no file.

TOMTOM (Gupta et al. 2007, doi:10.1186/gb-2007-8-2-r24; here as in memelite) slides two matrices
along each other on both strands and asks how probable so good an alignment would be with columns
drawn at random from all known motifs. It knows nothing of where a head looks, so that it can also
say that a head has a known motif at a place where nobody expects it. The other question, an
element at its place: `elements.match_elements`.

Many heads and many motifs are compared, so p-values become q-values over all of them. TOMTOM's
null, columns drawn independently of each other, is not that of a head: its columns share a
composition, and long matrices of little information match each other (hence `trimmed`). So chance
is measured as well: the head's own columns in another order are compared in the same way, and the
q-value is the false discovery rate that these matches suggest. That of Benjamini and Hochberg
(1995) stands beside it.

Sigma factors have no matrix in RegulonDB; theirs are built here from the promoters that it assigns
to each (`sigma_motifs`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from genoattn.genome import motifs
from genoattn.genome.motifs import Motif
from genoattn.genome.sequence import Genome
from genoattn.heads.elements import Element, word
from genoattn.heads.preferred import BestSequences
from genoattn.prediction.threads import numba_alone

__all__ = [
    "FEWEST",
    "SIGMA_BOXES",
    "Box",
    "align",
    "best_match",
    "calibration",
    "compare",
    "element_motifs",
    "sigma_motifs",
    "tomtom",
    "trimmed",
    "with_decoys",
]


FEWEST = 50
"""Known motifs below which TOMTOM's background is too poor; decoys fill up to this number."""


# ------------------------------------------------------------------------------ known motifs


@dataclass(frozen=True)
class Box:
    """A box of promoters of one sigma factor, to be refined on the promoters themselves."""

    sigma: str
    element: Element
    """Consensus of the literature and the places its first nucleotide may have."""


def _box(sigma: str, name: str, letters: str, earliest: int, latest: int, source: str) -> Box:
    return Box(sigma, word(f"{sigma} {name}", letters, earliest, latest, source))


SIGMA_BOXES = (
    _box("sigma70", "-35", "TTGACA", -40, -30, "Hawley and McClure 1983"),
    _box("sigma70", "-10", "TATAAT", -16, -7, "Hawley and McClure 1983"),
    _box("sigma38", "-35", "TTGACA", -40, -30, "Typas et al. 2007"),
    _box("sigma38", "-10", "CTATACT", -17, -7, "Typas et al. 2007"),
    _box("sigma32", "-35", "CTTGAAA", -42, -30, "Nonaka et al. 2006"),
    _box("sigma32", "-10", "CCCCATNT", -18, -8, "Nonaka et al. 2006"),
    _box("sigma24", "-35", "GGAACTT", -42, -30, "Rhodius et al. 2006"),
    _box("sigma24", "-10", "TCTGA", -15, -6, "Rhodius et al. 2006"),
    _box("sigma28", "-35", "TAAAGTTT", -42, -30, "Zhao et al. 2007"),
    _box("sigma28", "-10", "GCCGATAA", -19, -8, "Zhao et al. 2007"),
    _box("sigma54", "-24", "TGGCACG", -30, -21, "Barrios et al. 1999"),
    _box("sigma54", "-12", "TTGCA", -18, -9, "Barrios et al. 1999"),
    _box("sigma19", "-35", "GGAAAT", -42, -30, "Angerer et al. 1995"),
)
"""Where the refinement begins; a factor without promoters enough has no motif."""


def align(
    codes: np.ndarray,
    start: np.ndarray,
    *,
    background: np.ndarray,
    iterations: int = 50,
) -> np.ndarray:
    """Find one copy of a motif in each sequence, and the motif, in turns.

    Expectation maximisation with one occurrence a sequence, every place as likely beforehand
    (Lawrence and Reilly 1990, doi:10.1002/prot.340070105; MEME's model *oops*).

    Parameters
    ----------
    codes : numpy.ndarray, uint8, shape=(n, m)
        Sequences.
    start : numpy.ndarray, float, shape=(k, 4)
        Probabilities to begin with, k <= m.
    background : numpy.ndarray, float, shape=(4,)
        Probability of A, C, G, T outside the motif.
    iterations : int
        Turns.

    Returns
    -------
    numpy.ndarray, float, shape=(k, 4)
        Expected counts of A, C, G, T; unknown nucleotides count nowhere.
    """
    k = len(start)
    if codes.ndim != 2 or codes.shape[1] < k:
        raise motifs.MotifError(f"sequences {codes.shape} are shorter than a motif of {k} nt")
    words = np.lib.stride_tricks.sliding_window_view(codes, k, axis=1)  # n, places, k
    known = (words[..., None] == np.arange(4)).astype(float)  # n, places, k, 4
    counts = np.asarray(start) * 4.0
    for _ in range(iterations):
        odds = motifs.log_odds_matrix(
            motifs.probability_matrix(counts, background=background), background
        )
        score = np.einsum("npkb,kb->np", known, odds) * np.log(2)
        share = np.exp(score - score.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        counts = np.einsum("np,npkb->kb", share, known)
    return counts


def sigma_motifs(
    promoters: pd.DataFrame,
    genome: Genome,
    boxes: Sequence[Box] = SIGMA_BOXES,
    *,
    background: np.ndarray,
    min_promoters: int = 20,
) -> list[Motif]:
    """Build the motifs of sigma factors from the promoters assigned to them.

    Each begins with the consensus of the literature, mixed with the background, and is refined by
    `align` on the stretch in which the box may lie.

    Parameters
    ----------
    promoters : DataFrame
        `regulondb.read_promoters`.
    genome : Genome
    boxes : sequence of Box
    background : numpy.ndarray, float, shape=(4,)
    min_promoters : int
        Factors of fewer promoters are left out.

    Returns
    -------
    list of Motif
        Named by factor and box; the accession says the number of promoters.
    """
    found = []
    for box in boxes:
        mine = promoters[promoters["sigma"] == box.sigma]
        if len(mine) < min_promoters:
            continue
        letters = box.element.probabilities
        stretch = np.arange(box.element.places[0], box.element.places[-1] + len(letters))
        codes = genome.around(mine["position"].to_numpy(), mine["strand"].to_numpy(), stretch)
        counts = align(codes, 0.7 * letters + 0.3 * background, background=background)
        name = box.element.name
        found.append(Motif(f"{name} ({len(mine)} promoters)", name, counts))
    return found


def element_motifs(elements: Sequence[Element], *, n: int = 100, seed: int) -> list[Motif]:
    """Elements (planted ones, or consensus words) as motifs of ``n`` drawn sites.

    Drawn rather than exact, with a tenth of other letters: among columns that are exactly alike
    TOMTOM's p-values are not those of chance.
    """
    rng = np.random.default_rng(seed)
    found = []
    for one in elements:
        counts = rng.multinomial(n, 0.9 * one.probabilities + 0.1 / 4)
        found.append(Motif(one.name, one.name, counts))
    return found


def with_decoys(known: Sequence[Motif], *, fewest: int = FEWEST, seed: int) -> list[Motif]:
    """Fill a short list of motifs up with decoys: random words that hold as much information.

    In each column of a decoy the letters are exchanged at random, and as many sites are drawn.
    TOMTOM's p-values rest on the columns of all known motifs, of which a few motifs have too few.

    Returns
    -------
    list of Motif
        The known ones first; decoys are named ``decoy of ...``.
    """
    rng = np.random.default_rng(seed)
    decoys = []
    for number in range(max(0, fewest - len(known))):
        like = known[number % len(known)]
        name = f"decoy of {like.name}"
        share = rng.permuted(motifs.probability_matrix(like.counts), axis=1)
        counts = rng.multinomial(np.ceil(like.counts.sum(axis=1)).astype(int), share)
        decoys.append(Motif(f"{name} {number}", name, counts))
    return [*known, *decoys]


# ------------------------------------------------------------------------------- comparison


def trimmed(matrix: np.ndarray, background: np.ndarray, least: float = 0.25) -> np.ndarray:
    """Cut the ends of a matrix off that hold less than ``least`` bits a column.

    Flat columns fit other flat columns well, and say nothing. A matrix without any column of so
    much keeps its best one.

    Parameters
    ----------
    matrix : numpy.ndarray, float, shape=(k, 4)
        Probabilities.
    background : numpy.ndarray, float, shape=(4,)
    least : float
        Bits.
    """
    bits = motifs.information_content(matrix, background)
    told = np.flatnonzero(bits >= min(least, bits.max()))
    return matrix[told[0] : told[-1] + 1]


def tomtom(queries: Sequence[np.ndarray], known: Sequence[Motif]) -> dict[str, np.ndarray]:
    """Compare each query with each known motif on both strands.

    Parameters
    ----------
    queries : sequence of numpy.ndarray, float, shape=(k, 4)
        Probability matrices.
    known : sequence of Motif

    Returns
    -------
    dict of str to numpy.ndarray, shape=(queries, known)
        ``p_value``, ``overlap`` (columns aligned) and ``reverse`` (the known motif was read on its
        opposite strand).
    """
    with warnings.catch_warnings():  # numba remarks on the machine's threads
        warnings.simplefilter("ignore")
        from memelite import tomtom as run

    rows = [np.ascontiguousarray(motifs.probability_matrix(one.counts).T) for one in known]
    with warnings.catch_warnings(), numba_alone():
        warnings.simplefilter("ignore")  # the callers see to it that there are motifs enough
        found = run([np.ascontiguousarray(query.T) for query in queries], rows, n_jobs=1)
    return {"p_value": found[0], "overlap": found[3].astype(int), "reverse": found[4] > 0.5}


def compare(
    best: Sequence[BestSequences],
    known: Sequence[Motif],
    *,
    background: np.ndarray,
    n_shuffles: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare every head's motif with every known one, and the same with shuffled motifs.

    Parameters
    ----------
    best : sequence of BestSequences
        Motifs of all heads, of one or more widths.
    known : sequence of Motif
        From `with_decoys`; decoys take no part in the q-values.
    background : numpy.ndarray, float, shape=(4,)
        For the pseudocounts of the heads' motifs.
    n_shuffles : int
        Motifs with the columns in another order, for each head and width.
    seed : int
        Seed of these orders.

    Returns
    -------
    matches : DataFrame
        A row for each head, width and motif: ``layer_1based``, ``head_1based``, ``width`` (before
        `trimmed` cut its ends), ``motif``, ``decoy``, ``overlap``, ``reverse``, ``p_value``;
        ``q_value`` (matches of shuffled motifs of this width that are as good, for each match of a
        head that is, at most 1) and ``q_tomtom`` (Benjamini-Hochberg), both over all heads and
        motifs that are no decoys, with twice the tests for two widths.
    null : DataFrame
        The p-values of the shuffled motifs: ``width``, ``p_value``.
    """
    rng = np.random.default_rng(seed)
    queries: list[np.ndarray] = []
    shuffled: list[np.ndarray] = []
    labels: list[tuple[int, int, int]] = []
    for one in best:
        for layer, head in np.ndindex(*one.offset.shape):
            whole = motifs.probability_matrix(one.counts[layer, head], background=background)
            matrix = trimmed(whole, background)
            queries.append(matrix)
            labels.append((layer + 1, head + 1, len(whole)))
            shuffled.extend(matrix[rng.permutation(len(matrix))] for _ in range(n_shuffles))
    found = tomtom(queries, known)
    decoy = np.array([motif.name.startswith("decoy of ") for motif in known])
    names = np.array([motif.name for motif in known])
    frame = pd.DataFrame(
        np.repeat(labels, len(known), axis=0), columns=["layer_1based", "head_1based", "width"]
    )
    frame["motif"] = np.tile(names, len(queries))
    frame["decoy"] = np.tile(decoy, len(queries))
    for column, values in found.items():
        frame[column] = values.ravel()
    real = ~frame["decoy"]
    frame["q_tomtom"] = 1.0
    frame.loc[real, "q_tomtom"] = false_discovery_control(frame.loc[real, "p_value"])
    null_p = tomtom(shuffled, known)["p_value"][:, ~decoy]
    widths = np.repeat([label[2] for label in labels], n_shuffles)
    null = pd.DataFrame({"width": np.repeat(widths, null_p.shape[1]), "p_value": null_p.ravel()})
    frame["q_value"] = 1.0
    for width in frame["width"].unique():
        mine = real & (frame["width"] == width)
        theirs = null.loc[null["width"] == width, "p_value"].to_numpy()
        q = len(best) * _empirical_fdr(frame.loc[mine, "p_value"].to_numpy(), theirs)
        frame.loc[mine, "q_value"] = np.minimum(q, 1.0)
    return frame, null


def _empirical_fdr(p: np.ndarray, null: np.ndarray) -> np.ndarray:
    """Share of false matches at each p-value, were the null's matches false ones."""
    order = np.argsort(p, kind="stable")
    as_good = np.searchsorted(np.sort(null), p[order], side="right")
    expected = (as_good + 1) * (len(p) / (len(null) + 1))
    at_least = np.searchsorted(p[order], p[order], side="right")
    fdr = np.empty(len(p))
    fdr[order] = np.minimum.accumulate((expected / at_least)[::-1])[::-1]
    return fdr


def best_match(matches: pd.DataFrame) -> pd.DataFrame:
    """The best known motif of each head: one row a head, of least q-value, then p-value."""
    real = matches[~matches["decoy"]].sort_values(["q_value", "p_value"], kind="stable")
    keys = ["layer_1based", "head_1based"]
    return real.drop_duplicates(keys).sort_values(keys, ignore_index=True)


def calibration(
    matches: pd.DataFrame,
    null: pd.DataFrame,
    thresholds: Sequence[float] = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.001, 0.0005, 0.0001),
) -> pd.DataFrame:
    """How often p-values are that small: of heads' motifs and of shuffled ones.

    Returns
    -------
    DataFrame
        ``threshold``, ``heads`` and ``shuffled`` (shares of all comparisons), ``compared`` (number
        of comparisons of the heads' motifs); a calibrated test has ``shuffled`` equal to
        ``threshold``.
    """
    mine = matches.loc[~matches["decoy"], "p_value"].to_numpy()
    theirs = null["p_value"].to_numpy()
    return pd.DataFrame(
        {
            "threshold": list(thresholds),
            "heads": [float(np.mean(mine <= t)) for t in thresholds],
            "shuffled": [float(np.mean(theirs <= t)) for t in thresholds],
            "compared": len(mine),
        }
    )
