"""Promoter elements and the heads that stand for them; touches profiles.py for labels and letters.

An *element* is a matrix and the places where it may lie; a head's motif has a place as well. The
question is whether the one, where it lies, equals the other, and how often a random element would.
Known elements (the paper's, Figure 3) and planted ones (a simulated genome's) are treated alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from genoattn.genome import motifs
from genoattn.genome.motifs import letter_heights
from genoattn.genome.sequence import Genome
from genoattn.genome.sites import paper_label


@dataclass(frozen=True)
class Element:
    """A sequence element of promoters, and where it may lie.

    Parameters
    ----------
    name
        As readers know it.
    probabilities
        Shape (m, 4): probability of A, C, G, T in each of its columns.
    places
        Offsets from the TSS (offset 0) at which its first nucleotide may lie, ascending.
    source
        Where the element and its place are described.
    own
        First column of the element and the one after its last: the others only help to place it.
        All of them by default.
    swapped
        Whether what takes its place, when it is made noise, are the letters of sites that lack it:
        of a word of one or two letters, its own in another order are nearly the same.
    """

    name: str
    probabilities: np.ndarray
    places: tuple[int, ...]
    source: str
    own: tuple[int, int] | None = None
    swapped: bool = False

    @property
    def span(self) -> tuple[int, int]:
        """First column that is the element's own, and the one after its last."""
        return self.own or (0, len(self.probabilities))

    @property
    def core(self) -> Element:
        """The columns that are its own, at their places."""
        first, last = self.span
        places = tuple(place + first for place in self.places)
        return replace(self, probabilities=self.probabilities[first:last], places=places, own=None)


def word(name: str, letters: str, earliest: int, latest: int, source: str) -> Element:
    """An element given as a consensus word of IUPAC letters.

    Its first letter lies at an offset from ``earliest`` to ``latest``, both inclusive.
    """
    if not letters or set(letters) - set(motifs.IUPAC):
        raise ValueError(f"element {name}: {letters!r} is no word of IUPAC letters")
    table = [
        [(base in motifs.IUPAC[letter]) / len(motifs.IUPAC[letter]) for base in "ACGT"]
        for letter in letters
    ]
    return Element(name, np.array(table), tuple(range(earliest, latest + 1)), source)


PAPER_ELEMENTS = (
    word("-10 box", "TATAAT", -15, -9, "sigma 70; the paper, Figure 3A"),
    word("-35 box", "TTGACA", -38, -32, "sigma 70; the paper, Figure 3B"),
    word("discriminator", "GGGA", -8, -4, "Feklistov et al. 2006; the paper, Figure 3C"),
    word("extended -10", "TGNTATAAT", -18, -12, "Barne et al. 1997; the paper, Figure 3D"),
    word("sigma 54 -12", "TTGCAA", -18, -10, "the paper, Figure 3D"),
    word("ArcA", "TGTTAA", -50, -5, "the paper, Figure 3E"),
    word("FecI", "GGAAAT", -100, -5, "sigma fecI; the paper, Figure 3F"),
)
"""Elements that the paper matches with heads, each with some nt of freedom around its place
(sigma 70 spacers vary from 15 to 19 nt; -10 boxes end 5 to 9 nt before the TSS)."""


PROMOTER_ELEMENTS = (
    *PAPER_ELEMENTS[:3],
    replace(PAPER_ELEMENTS[3], own=(0, 2)),
    word("start", "CA", -1, -1, "Vvedenskaya et al. 2015"),
    word("UP", "AAAWWTWTTTTNNNAAA", -59, -55, "Estrem et al. 1998"),
    *PAPER_ELEMENTS[4:],
)
"""What heads may carry: the paper's elements, the extended -10 as the two letters that it adds to
the -10 box, and beside them the initiator and the UP element."""

UP_SUBSITES = (
    word("UP, proximal", "AAAAAA", -50, -42, "Estrem et al. 1999"),
    word("UP, distal", "AAATTTT", -60, -51, "Estrem et al. 1998"),
)
"""Halves of the UP element: a motif that is read may be one of them."""

_SPOKEN = {
    "ArcA": "ArcA site",
    "FecI": "FecI site",
    "UP": "UP element",
    "UP, proximal": "proximal half of the UP element",
    "UP, distal": "distal half of the UP element",
    "sigma 54 -12": "-12 box of sigma 54",
}


def spoken(name: str) -> str:
    """Name an element as a sentence does after "the": tables and figures have the short name."""
    return _SPOKEN.get(name, name)


PSEUDO = 0.1
"""Share of the background in a matrix that is looked for, so that no letter is impossible."""


def sited(
    genome: Genome, sites: pd.DataFrame, element: Element
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Where an element fits best at each site, and how well.

    Parameters
    ----------
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``; n of them.
    element : Element

    Returns
    -------
    first : int array, shape (n,)
        Offset of its first column, among `Element.places`; the first of equals.
    score : float array, shape (n,)
        Log-odds of its matrix (softened by `PSEUDO`) there, in bits.
    """
    places = np.array(element.places)
    width = len(element.probabilities)
    around = np.arange(places[0], places[-1] + width)
    codes = genome.around(sites["position"].to_numpy(), sites["strand"].to_numpy(), around)
    matrix = motifs.log_odds_matrix((1 - PSEUDO) * element.probabilities + PSEUDO / 4)
    bits = np.vstack([matrix.T, matrix.min(1)])  # unknown letters count as the worst
    windows = np.lib.stride_tricks.sliding_window_view(codes, width, axis=1)[:, places - places[0]]
    score = bits[windows, np.arange(width)].sum(-1)  # n, places
    best = score.argmax(1)
    return places[best], score.max(1)


def planted_elements(elements: pd.DataFrame) -> tuple[Element, ...]:
    """Elements of a simulated genome: the matrix and the places of all planted copies.

    Parameters
    ----------
    elements
        `simulation.Simulation.elements`: ``element``, ``offset`` (of its first nucleotide from the
        TSS) and ``sequence``, a row for each planted copy.
    """
    letters = {letter: code for code, letter in enumerate("ACGT")}
    found = []
    for name, copies in elements.groupby("element", sort=True):
        if copies["sequence"].str.len().nunique() != 1:
            raise ValueError(f"planted element {name}: its copies differ in length")
        codes = np.array([[letters[c] for c in text] for text in copies["sequence"]], np.uint8)
        counts = motifs.count_matrix(codes)
        places = tuple(int(place) for place in np.unique(copies["offset"]))
        found.append(
            Element(
                str(name),
                counts / counts.sum(axis=1, keepdims=True),
                places,
                f"planted {len(copies):,} times",
            )
        )
    return tuple(found)


class LaidMotifs(Protocol):
    """Motifs of heads at known offsets, such as `preferred.BestSequences`."""

    @property
    def counts(self) -> np.ndarray:
        """Counts of A, C, G, T, shape (layers, heads, width, 4)."""
        ...

    @property
    def offset(self) -> np.ndarray:
        """Offset of the centre from the TSS, shape (layers, heads)."""
        ...


def match_elements(
    best: LaidMotifs, elements: Sequence[Element], *, n_shuffles: int, seed: int
) -> pd.DataFrame:
    """Compare each head's motif, where it lies, with elements where they lie.

    A head's matrix covers known offsets from the TSS, and so does an element; over the element's
    allowed places the best cosine similarity of the two information matrices (bits; letters that
    the other does not cover count against it) is kept. Chance is measured, not assumed: the same
    is done with the letters of each column of the element permuted independently, which for a
    consensus word means random words of the same length at the same places.

    Parameters
    ----------
    best
        `preferred.best_sequences`, or other motifs with their offsets.
    elements
        What to compare with.
    n_shuffles
        Random elements for each comparison.
    seed
        Seed of the permutations.

    Returns
    -------
    DataFrame
        A row for each head and element: ``layer_1based``, ``head_1based``, ``element``,
        ``similarity`` (0..1), ``first_offset`` (the element's first nucleotide at the best place),
        ``n_overlap`` (columns in common there), ``on_peak`` (whether the element can cover the
        head's favourite position), ``p_value`` (share of random elements as similar
        or more, the observed one counted in) and ``q_value`` (Benjamini-Hochberg over all rows
        where head and element can overlap; 1 elsewhere).
    """
    rng = np.random.default_rng(seed)
    layers, heads, width, _ = best.counts.shape
    rows = []
    for element in elements:
        bits = motifs.information_matrix(element.probabilities)  # m, 4
        shuffled = rng.permuted(np.broadcast_to(bits, (n_shuffles, *bits.shape)), axis=-1)
        candidates = np.concatenate([bits[None], shuffled])  # 1 + n_shuffles, m, 4
        norm = _strongest_stretch(bits, width)
        for layer in range(layers):
            for head in range(heads):
                matrix = letter_heights(best.counts[layer, head])  # width, 4
                start = int(best.offset[layer, head]) - width // 2
                score, first, overlap = _best_place(matrix, start, candidates, element)
                scale = norm * np.linalg.norm(matrix)
                similarity = score / scale if scale > 0 else np.zeros_like(score)
                rows.append(
                    {
                        "layer_1based": layer + 1,
                        "head_1based": head + 1,
                        "element": element.name,
                        "similarity": similarity[0],
                        "first_offset": first,
                        "n_overlap": overlap,
                        "on_peak": any(
                            place <= best.offset[layer, head] < place + len(bits)
                            for place in element.places
                        ),
                        "p_value": np.mean(similarity >= similarity[0] - 1e-12),
                    }
                )
    frame = pd.DataFrame(rows)
    reach = frame["n_overlap"] > 0
    frame["q_value"] = 1.0
    if reach.any():
        frame.loc[reach, "q_value"] = false_discovery_control(frame.loc[reach, "p_value"])
    return frame.sort_values(["layer_1based", "head_1based", "element"], ignore_index=True)


def nearest_head(matches: pd.DataFrame, table: pd.DataFrame, element: str) -> pd.Series | None:
    """The head most like an element, of those whose favourite position the element can cover.

    Parameters
    ----------
    matches : DataFrame
        `match_elements`.
    table : DataFrame
        `atlas.head_table`.
    element : str
        Name of the element.

    Returns
    -------
    Series or None
        Its row of ``matches`` with ``peak_offset`` beside, whether or not the match is beyond
        chance; None where no head looks there.
    """
    able = matches[(matches["element"] == element) & matches["on_peak"]]
    if able.empty:
        return None
    keys = ["layer_1based", "head_1based"]
    nearest = able.loc[[able["similarity"].idxmax()]]
    return nearest.merge(table[[*keys, "peak_offset"]], on=keys).iloc[0]


def name_roles(matches: pd.DataFrame, *, min_similarity: float, max_q: float) -> pd.DataFrame:
    """The element that a head stands for, by rule: the most similar one that passes both limits.

    Elements resemble each other (TATAAT and TGTTAA share four letters), and one that may lie
    anywhere finds a place to fit. So whatever else is nearly as similar is named as a rival.

    Returns
    -------
    DataFrame
        The rows of ``matches`` that pass, at most one for each head, by layer and head, and two
        columns more: ``rivals``, other elements of at least 0.9 times that similarity, whether or
        not they pass (joined by "or"; often empty), and ``role``, the element and its rivals.
    """
    keys = ["layer_1based", "head_1based"]
    passing = matches[(matches["similarity"] >= min_similarity) & (matches["q_value"] <= max_q)]
    best = passing.sort_values("similarity", ascending=False, kind="stable")
    best = best.drop_duplicates(keys).sort_values(keys, ignore_index=True)
    rivals = []
    for row in best.to_dict("records"):
        same = (matches[keys] == [row[key] for key in keys]).all(axis=1)
        near = matches["similarity"] >= 0.9 * row["similarity"]
        others = matches[same & near & (matches["element"] != row["element"])]
        rivals.append(" or ".join(others.sort_values("similarity", ascending=False)["element"]))
    best["rivals"] = rivals
    best["role"] = [
        f"{element} (or {rival})" if rival else element
        for element, rival in zip(best["element"], rivals, strict=True)
    ]
    return best


def found_elements(
    elements: Sequence[Element],
    matches: pd.DataFrame,
    roles: pd.DataFrame,
    table: pd.DataFrame,
    *,
    selective_share: float,
) -> pd.DataFrame:
    """Seen from the elements: how many heads look at the place of each, and stand for it.

    Parameters
    ----------
    elements, matches, roles
        What was compared, `match_elements` and `name_roles`.
    table : DataFrame
        `atlas.head_table`.
    selective_share : float
        A head is called selective when this share of its attention lies near its peak.

    Returns
    -------
    DataFrame
        Indexed by ``element``: ``places`` (labels that its first nucleotide can have), ``bits``
        (information of its matrix); ``n_looking``, selective heads whose favourite position it can
        cover; ``n_heads`` with this role; ``best_head`` (the most similar, with or without a role;
        empty where no motif overlaps it), its ``similarity`` and ``q_value``; and the ``source``.
    """
    keys = ["layer_1based", "head_1based"]
    selective = table.loc[table["share_near_peak"] >= selective_share, keys]
    looking = matches[matches["on_peak"]].merge(selective, on=keys)["element"].value_counts()
    rows = []
    for element in elements:
        mine = matches[(matches["element"] == element.name) & (matches["n_overlap"] > 0)]
        top = mine.loc[mine["similarity"].idxmax()] if len(mine) else None
        first, last = (int(paper_label(element.places[end])) for end in (0, -1))
        rows.append(
            {
                "element": element.name,
                "places": f"{first:+d}" if first == last else f"{first:+d} to {last:+d}",
                "bits": motifs.information_content(element.probabilities).sum(),
                "n_looking": int(looking.get(element.name, 0)),
                "n_heads": int((roles["element"] == element.name).sum()),
                "best_head": "" if top is None else f"L{top['layer_1based']} H{top['head_1based']}",
                "similarity": np.nan if top is None else top["similarity"],
                "q_value": np.nan if top is None else top["q_value"],
                "source": element.source,
            }
        )
    return pd.DataFrame(rows).set_index("element")


def verdicts(
    found: pd.DataFrame, roles: pd.DataFrame, *, min_similarity: float, max_q: float
) -> list[str]:
    """One sentence for each element of `found_elements`: the head that fits, or that none does.

    A head that fits, but has the role of another element, is said to have that.

    Parameters
    ----------
    found, roles
        `found_elements` and `name_roles`.
    min_similarity, max_q : float
        Limits of a match, those of ``roles``.
    """
    named = {
        f"L{row['layer_1based']} H{row['head_1based']}": (row["element"], row["similarity"])
        for row in roles.to_dict("records")
    }
    told = []
    for row in found.to_dict("records"):
        if not row["best_head"]:
            told.append("no head has a motif at its place")
        else:
            numbers = f"similarity {row['similarity']:.2f}, q = {row['q_value']:.2g}"
            fits = row["similarity"] >= min_similarity and row["q_value"] <= max_q
            if row["n_heads"]:
                told.append(f"{row['best_head']} stands for it ({numbers})")
            elif fits and row["best_head"] in named:
                other, similarity = named[row["best_head"]]
                like = "more similar" if similarity > row["similarity"] else "as similar"
                told.append(f"{row['best_head']} fits ({numbers}), but is named {other} ({like})")
            else:
                told.append(f"no head fits; the nearest is {row['best_head']} ({numbers})")
    return told


def _strongest_stretch(bits: np.ndarray, width: int) -> float:
    """Largest Euclidean norm of ``width`` neighbouring columns: what a head could see at most."""
    energy = np.concatenate([[0.0], np.cumsum((bits**2).sum(axis=1))])
    span = min(width, len(bits))
    return float(np.sqrt((energy[span:] - energy[:-span]).max()))


def _best_place(
    matrix: np.ndarray, start: int, candidates: np.ndarray, element: Element
) -> tuple[np.ndarray, int, int]:
    """Best dot product over the allowed places, of each candidate; place and overlap of the first.

    ``matrix`` (width, 4) begins at offset ``start``; ``candidates`` (c, m, 4) may begin
    at any of ``element.places``.
    """
    width, length = len(matrix), candidates.shape[1]
    firsts = [first for first in element.places if start - length < first < start + width]
    if not firsts:
        return np.zeros(len(candidates)), element.places[0], 0
    scores, overlaps = [], []
    for first in firsts:
        left, right = max(first, start), min(first + length, start + width)
        mine, theirs = slice(left - start, right - start), slice(left - first, right - first)
        scores.append(np.einsum("ij,cij->c", matrix[mine], candidates[:, theirs]))
        overlaps.append(right - left)
    table = np.array(scores)  # places, candidates
    place = int(table[:, 0].argmax())
    return table.max(axis=0), firsts[place], overlaps[place]
