"""The chapter heads: what attention heads look at and for, tested; its parameters and its steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn import (
    binding,
    census,
    comparison,
    heads,
    motifs,
    pairs,
    prediction,
    promoter_elements,
    regulon,
)
from genoattn.census import AttentionCensus
from genoattn.datasets import fetch
from genoattn.inputs import StudyInputs
from genoattn.model import Annotator, AnnotatorConfig
from genoattn.motifs import Motif
from genoattn.parameters import FOLDERS, WEIGHTS, Checked, Parameter, Schema
from genoattn.promoter_elements import Element
from genoattn.study.report import Finding, folded, listed, table, with_interval
from genoattn.study.run import Model, Run

__all__ = [
    "PARAMETERS",
    "AllHeads",
    "Correlations",
    "Elements",
    "KnownMotifs",
    "KnownSites",
    "Motifs",
    "Observed",
    "Pairs",
    "Samples",
    "Spacer",
    "Subject",
    "WithOutput",
    "all_heads",
    "correlations",
    "elements",
    "in_short",
    "known_motifs",
    "known_sites",
    "looked_for",
    "observed",
    "place",
    "sample_error",
    "samples",
    "spacer",
    "statements",
    "subject",
    "together",
    "with_output",
]

PARAMETERS = Schema(
    "03_heads",
    {
        **FOLDERS,
        "weights": WEIGHTS,
        "seed": Parameter(int, 0, "seed of samples, shuffles and random elements", low=0),
        "n_random": Parameter(
            int, 10_000, "positions of the test part, both strands, drawn at random", low=100
        ),
        "n_extreme": Parameter(
            int, 500, "positions of highest and of lowest output, so many each", low=1
        ),
        "n_best": Parameter(
            int,
            50,
            "samples of most attention at a head's favourite position, for its motif",
            low=2,
        ),
        "width": Parameter(
            int, 7, "nucleotides of a motif, odd, centred at the favourite position", low=1, high=51
        ),
        "k_census": Parameter(
            int, 300, "positions of most attention kept of all, for each head and offset", low=2
        ),
        "n_known": Parameter(
            int, 100, "of these, positions in a motif: so many of different surroundings", low=2
        ),
        "context": Parameter(
            int, 41, "nucleotides, odd, in which surroundings differ, so copies count once", low=1
        ),
        "wide": Parameter(
            int, 23, "nucleotides of the wider motif, odd: 7 and 8 on each side", low=1, high=101
        ),
        "region_first": Parameter(int, -100, "first position shown close up, the TSS is +1"),
        "region_last": Parameter(int, 20, "last position shown close up, the TSS is +1"),
        "half_width": Parameter(
            int, 10, "neighbourhood of a head's favourite position, in nt to each side", low=0
        ),
        "selective_share": Parameter(
            float, 0.5, "share of attention in it that makes a head selective", low=0, high=1
        ),
        "n_shuffles": Parameter(
            int, 10_000, "random elements that each match of a motif is compared with", low=100
        ),
        "n_pairs": Parameter(int, 6, "pairs of heads whose joint motif is drawn", low=1),
        "max_span": Parameter(
            int, 60, "farthest that the two places of such a pair may be apart, nt", low=1
        ),
        "boxes": Parameter(
            list[str],
            ["-35", "-10"],
            "the two elements whose spacer is measured: how their names begin",
        ),
        "known_spacer": Parameter(int, 17, "their best spacer as published, nt", low=0),
        "place": Parameter(int, -82, "a position of special interest, the TSS is +1"),
        "motif_file": Parameter(
            str,
            None,
            "known motifs, TRANSFAC; None: RegulonDB's (E. coli), else the elements",
            optional=True,
        ),
        "data_dir": Parameter(
            str,
            None,
            "folder with the published tables; None: GENOATTN_DATA, else download",
            optional=True,
        ),
        "n_permutations": Parameter(
            int, 200, "times that each motif's columns are shuffled, for TOMTOM's null", low=1
        ),
        "min_sites": Parameter(
            int, 40, "known sites that a factor needs to be tested by itself", low=1
        ),
        "min_similarity": Parameter(
            float, 0.5, "least similarity of motif and element for a match", low=0, high=1
        ),
        "max_q": Parameter(
            float, 0.05, "greatest q-value (false discovery rate) of a match", low=0, high=1
        ),
    },
    at_most=(("n_known", "k_census"), ("region_first", "region_last")),
)
"""What this chapter may be asked."""


KEYS = ["layer_1based", "head_1based"]
APART = 20
"""Positions of highest output within so many nt of a higher one are of the same promoter."""


# ------------------------------------------------------------------------- model and samples


class Subject(NamedTuple):
    """What the chapter is about: a model, and the study whose genome it reads."""

    study: StudyInputs
    model: Model
    network: Annotator
    """The model's, which has heads."""
    background: NDArray[np.float64]
    """Share of A, C, G, T on both strands, shape (4,)."""
    elements: tuple[Element, ...]
    """Planted elements where the truth is known, else those of the paper's Figure 3."""
    finding: Finding

    @property
    def downstream(self) -> int:
        """Label shift, nt."""
        return self.network.config.downstream


def subject(run: Run, p: Checked) -> Subject:
    """Take the run's genome and the model ``weights``.

    Raises
    ------
    ValueError
        The model is a convolutional network.
    """
    study, model = run.study, run.model(p.weights)
    network = model.network
    if not isinstance(network, Annotator):
        raise ValueError(f"{model.file}: a convolutional network has no attention heads")
    planted = study.elements
    known = (
        promoter_elements.PAPER_ELEMENTS
        if planted is None
        else promoter_elements.planted_elements(planted)
    )
    said = say_subject(study, model.name, network.config, 2 * int(model.test.sum()))
    background = heads.background(study.genome)
    return Subject(study, model, network, background, known, Finding(said))


def say_subject(study: StudyInputs, name: str, config: AnnotatorConfig, n_positions: int) -> str:
    """Say where the heads of a model can look, and how many weights they give in the test part."""
    last = heads.paper_label(heads.offsets(config.window, config.downstream)[-1])
    n_weights = n_positions * config.layers * config.heads * config.window
    said = (
        f"{study.note}The model **{name}** has {config.layers} layers of {config.heads} heads. "
        f"Each head looks at {config.window} positions: the nucleotide that the model reads and "
        f"the {config.window - 1} before it. The output there is the probability of a "
        f"{study.site} {config.downstream} nt upstream, so positions relative to that site run "
        f"from {last:+d} to {heads.paper_label(config.downstream):+d}. As is usual, there is no "
        "position 0: the TSS is +1, and the nucleotide before it is -1.\n\n"
        f"The test part of {study.genome.name} has {n_positions:,} positions on both strands, "
        f"hence {n_weights:.1e} weights."
    )
    if study.published:
        said += (
            " The paper has 1,856,660 positions and prints 3.4 · 10^13 weights; by its own "
            "numbers (36 heads, 512 positions each) there are 3.4 · 10^10."
        )
    return said


class Samples(NamedTuple):
    """Positions whose attention is kept whole."""

    frame: pd.DataFrame
    """Columns group (random, highest, lowest), strand, position (0-based) and output."""
    finding: Finding


def samples(run: Run, subject: Subject, p: Checked) -> Samples:
    """Draw ``n_random`` positions, and take the ``n_extreme`` of highest and of lowest output."""
    frame = heads.choose_samples(
        run.output(subject.model.name),
        subject.model.test,
        n_random=p.n_random,
        n_extreme=p.n_extreme,
        seed=p.seed,
    )
    return Samples(frame, Finding(say_samples(frame)))


def say_samples(frame: pd.DataFrame) -> str:
    """Tabulate the output over each group of samples."""
    output = frame.groupby("group", sort=False)["output"].describe()
    shown = pd.DataFrame(
        {
            "group": output.index,
            "samples": output["count"].map("{:,.0f}".format),
            "lowest output": output["min"].map("{:.2g}".format),
            "median": output["50%"].map("{:.2g}".format),
            "highest": output["max"].map("{:.2g}".format),
        }
    )
    return table(shown)


class Observed(NamedTuple):
    """What one pass over the test part left; all that follows is computed from it.

    Arrays of one value a head and distance have the shape (layers, heads, window).
    """

    samples: pd.DataFrame
    """As in `Samples`, the random ones first."""
    attention: NDArray[np.float16]
    """Of the samples, shape (n, layers, heads, window)."""
    by_group: dict[str, heads.Profiles]
    """Mean and maximum over the samples of each group."""
    over_all: heads.Profiles
    """Mean and maximum over all positions."""
    n_positions: int
    """All positions of both strands."""
    best: census.BestPositions
    """The ``k_census`` positions of most attention, of each head and distance."""
    spearman: NDArray[np.float64]
    """Rank correlation with the output over the random samples."""
    pearson_ranks: NDArray[np.float64]
    """Pearson correlation with the ranks of the output over all positions."""
    frame: pd.DataFrame
    """All profiles, `heads.profile_frame`."""
    finding: Finding

    @property
    def n_random(self) -> int:
        """Number of random samples."""
        return int((self.samples["group"] == "random").sum())

    @property
    def random(self) -> pd.DataFrame:
        """The random samples."""
        return self.samples[: self.n_random]

    @property
    def at_random(self) -> NDArray[np.float16]:
        """Attention of the random samples."""
        return self.attention[: self.n_random]

    @property
    def favourite(self) -> NDArray[np.int64]:
        """Distance of highest mean attention over all positions, shape (layers, heads)."""
        return heads.favourite(self.over_all.mean)


def observed(run: Run, subject: Subject, samples: Samples, p: Checked) -> Observed:
    """Go over the test part once: keep the samples' attention, sum up that of all positions."""
    genome, frame = subject.study.genome, samples.frame
    model, network = subject.model, subject.network
    everywhere = AttentionCensus(network.config, best=p.k_census, output=run.output(model.name))
    strand, position = frame["strand"].to_numpy(), frame["position"].to_numpy()
    sampled = prediction.SampledAttention(network.config, strand, position, len(genome))
    prediction.predict(network, genome, where=model.test, recorders=[everywhere, sampled])
    attention = sampled.attention
    by_group = {
        group: heads.average(attention, (frame["group"] == group).to_numpy())
        for group in heads.GROUPS
    }
    n = int((frame["group"] == "random").sum())
    spearman = heads.spearman(attention[:n], frame["output"].to_numpy()[:n])
    pearson, pearson_ranks = everywhere.correlation
    profiles = heads.profile_frame(
        subject.downstream,
        mean=by_group["random"].mean,
        maximum=everywhere.maximum,
        census_mean=everywhere.mean,
        highest=by_group["highest"].mean,
        lowest=by_group["lowest"].mean,
        spearman=spearman,
        pearson=pearson,
        pearson_ranks=pearson_ranks,
    )
    return Observed(
        frame,
        attention,
        by_group,
        heads.Profiles(everywhere.mean, everywhere.maximum),
        everywhere.count,
        everywhere.best(len(genome)),
        spearman,
        pearson_ranks,
        profiles,
        Finding(kept={"profiles": profiles}),
    )


def sample_error(seen: Observed) -> Finding:
    """Compare the random samples with all positions."""
    error = heads.sample_error(seen.at_random, seen.over_all.mean)
    reached = seen.by_group["random"].maximum / seen.over_all.maximum
    said = say_sample_error(error, reached, seen.n_random, seen.n_positions)
    return Finding(said, {"heads_samples": error})


def say_sample_error(
    error: pd.DataFrame, reached: NDArray[np.float64], n_random: int, n_all: int
) -> str:
    """Say how far means over the samples are off, and how far their maxima fall short.

    Parameters
    ----------
    error : DataFrame
        `heads.sample_error`.
    reached : array
        Maximum over the samples as a share of that over all positions, of each head and distance.
    n_random, n_all : int
        Number of samples and of all positions.
    """
    relative = error["relative"]
    return (
        f"We compare {n_random:,} random samples with all {n_all:,} positions. For the median head "
        f"the sample mean errs by at most {relative.median():.1%} of the head's peak; for the "
        f"worst, by {relative.max():.1%}. {error['beyond_two'].mean():.1%} of all means are off by "
        "more than two standard errors, where independent samples would give 5%. "
        f"{int(error['same_peak'].sum())} of {len(error)} heads have their peak at the same "
        "position in both.\n\nThe largest weight among the samples is "
        f"{np.median(reached):.0%} of the largest of all positions in the median over heads and "
        f"distances, and {reached.min():.0%} at worst. Means may come from a sample, with this "
        "error; maxima and best positions, and with them the motifs, are taken from all positions."
    )


def place(seen: Observed, subject: Subject, p: Checked) -> Finding:
    """Ask which heads look at the position ``place``."""
    looking = heads.looking_at(seen.over_all.mean, subject.downstream, p.place)
    return Finding(say_place(looking, p.place))


def say_place(looking: pd.DataFrame, label: int, half_width: int = 3) -> str:
    """Say which heads give most to one position, and whether one has its peak there.

    Parameters
    ----------
    looking : DataFrame
        `heads.looking_at` for ``label`` and ``half_width`` nt on each side.
    """
    if looking.empty:
        return f"The window of this model does not reach {label:+d}."
    top = looking.head(3)
    told = listed(
        f"{name} ({ratio:.1f} times; peak at {peak:+d})"
        for name, ratio, peak in zip(
            heads.names(top), top["enrichment"], top["peak_label"], strict=True
        )
    )
    there = looking[(looking["peak_label"] - label).abs() <= half_width]
    verdict = (
        f"**{listed(heads.names(there))}** {_form(len(there), 'peaks', 'peak')} there."
        if len(there)
        else "**No head peaks there**, in any layer."
    )
    return (
        f"At {label:+d} (±{half_width} nt), the most attention relative to an even share comes "
        f"from {told}. {verdict}"
    )


# ----------------------------------------------------------------------------------- motifs


class Motifs(NamedTuple):
    """The nucleotides that heads prefer where they look most, and a first table of all heads."""

    by_sample: heads.BestSequences
    """Of the ``n_best`` best random samples, as in the paper."""
    best: heads.BestSequences
    """Of the ``n_known`` best of all positions, copies of one stretch counted once."""
    wide: heads.BestSequences
    """The same, ``wide`` nucleotides instead of ``width``."""
    places: heads.BestPositions
    """The best of all positions, at each head's favourite distance."""
    table: pd.DataFrame
    """`heads.head_table`, a row a head."""
    finding: Finding


def looked_for(subject: Subject, seen: Observed, p: Checked) -> Motifs:
    """Read the nucleotides at the positions to which each head gives most."""
    genome, downstream = subject.study.genome, subject.downstream
    best, distance = seen.best, seen.favourite
    from_samples = heads.best_positions(seen.at_random, seen.random, distance, n_best=p.n_best)
    places = heads.census_positions(best.strand, best.position, best.weight, distance)
    by_sample = heads.motifs_at(
        from_samples, genome, downstream=downstream, n_best=p.n_best, width=p.width
    )
    narrow, wide = (
        heads.motifs_at(
            places, genome, downstream=downstream, n_best=p.n_known, width=w, context=p.context
        )
        for w in (p.width, p.wide)
    )
    rows = heads.head_table(
        {**seen.by_group, "random": seen.over_all},
        narrow,
        seen.spearman,
        half_width=p.half_width,
        background=subject.background,
    )
    logos = {
        "counts": narrow.counts,  # layers, heads, nucleotides, A C G T
        "offset": narrow.offset,  # of the centre from the TSS, layers, heads
        "n_distinct": narrow.n_distinct,
        "wide_counts": wide.counts,
        "background": subject.background,
    }
    said = say_motifs(by_sample, narrow, subject.background, p.n_best, p.n_known)
    return Motifs(by_sample, narrow, wide, places, rows, Finding(said, kept={"logos": logos}))


def say_motifs(
    by_sample: heads.BestSequences,
    best: heads.BestSequences,
    background: NDArray[np.float64],
    n_best: int,
    n_known: int,
) -> str:
    """Compare the motifs of the samples with those of all positions: sequences and bits."""
    sampled, full = (heads.information(one.counts, background) for one in (by_sample, best))
    few, many = by_sample.n_distinct, best.n_distinct
    return (
        f"The {n_best} best samples of a head hold {few.min()} to {few.max()} different sequences "
        f"(median {np.median(few):.0f}), the {n_known} best of all positions {many.min()} to "
        f"{many.max()} (median {np.median(many):.0f}). The median head's motif has "
        f"{np.median(sampled):.1f} bits by the samples and {np.median(full):.1f} by the census, of "
        f"about {2 * best.counts.shape[2]} possible. The census gives the more informative motif "
        f"in {int((full > sampled).sum())} of {full.size} heads."
    )


# --------------------------------------------------------------------------------- elements


class Elements(NamedTuple):
    """Heads' motifs, where they lie, against elements where they lie."""

    matches: pd.DataFrame
    """`promoter_elements.match_elements`, a row for each head and element."""
    roles: pd.DataFrame
    """`promoter_elements.name_roles`, at most a row a head."""
    found: pd.DataFrame
    """`promoter_elements.found_elements` with the column verdict, a row an element."""
    finding: Finding


def elements(subject: Subject, motifs: Motifs, p: Checked) -> Elements:
    """Compare each head's motif with each element, at its place; name roles by rule."""
    known = subject.elements
    matches = promoter_elements.match_elements(
        motifs.best, known, n_shuffles=p.n_shuffles, seed=p.seed
    )
    roles = promoter_elements.name_roles(matches, min_similarity=p.min_similarity, max_q=p.max_q)
    found = promoter_elements.found_elements(
        known, matches, roles, motifs.table, selective_share=p.selective_share
    )
    found["verdict"] = promoter_elements.verdicts(found)
    finding = Finding(
        say_elements(found, roles), {"heads_elements": found.reset_index()}, {"matches": matches}
    )
    return Elements(matches, roles, found, finding)


def say_elements(found: pd.DataFrame, roles: pd.DataFrame) -> str:
    """Tabulate the elements, and say which are matched in position and sequence.

    Parameters
    ----------
    found : DataFrame
        `promoter_elements.found_elements`.
    roles : DataFrame
        `promoter_elements.name_roles`.
    """
    shown = pd.DataFrame(
        {
            "element": found.index,
            "begins at": found["places"],
            "bits": found["bits"].map("{:.1f}".format),
            "selective heads there": found["n_looking"],
            "heads with its motif": found["n_heads"],
            "most similar head": found["best_head"].replace("", "none"),
            "similarity": found["similarity"].map("{:.2f}".format).replace("nan", ""),
            "q-value": found["q_value"].map("{:.2g}".format).replace("nan", ""),
            "from": found["source"],
        }
    )
    return (
        f"{table(shown)}\nSelective heads peak where **{(found['n_looking'] > 0).sum()} of the "
        f"{len(found)} elements** can lie (these ranges overlap, so one head can count for "
        f"several). {say_roles(roles, len(found))}"
    )


def say_roles(roles: pd.DataFrame, n_elements: int) -> str:
    """Say which elements are matched in position and sequence, by which heads, and the rivals."""
    if roles.empty:
        return "**No element** is matched in position and sequence."
    told = _grouped(roles, "element")
    n = roles["element"].nunique()
    if n == n_elements:
        which = "**Every element** is"
    elif n == 1:
        which = "**Only one element** is"
    else:
        which = f"**{n} of {n_elements} elements** are"
    verdict = f"{which} matched in position and sequence: {told}."
    close = roles[roles["rivals"] != ""]
    return verdict if close.empty else f"{verdict} Nearly as similar: {_grouped(close, 'rivals')}."


def _grouped(roles: pd.DataFrame, column: str) -> str:
    """What a column names, each with its heads: ``-10 box (L3 H5 and L4 H2) and ...``."""
    named = roles.assign(name=heads.names(roles)).groupby(column, sort=False)["name"]
    return listed(f"{what!s} ({listed(names)})" for what, names in named)


# ------------------------------------------------------------------------------------ pairs


class Correlations(NamedTuple):
    """Correlation of each two heads, read in two ways."""

    matrices: Mapping[str, NDArray[np.float64]]
    """Title -> shape (heads of all layers, heads of all layers)."""
    orders: Sequence[NDArray[np.int64]]
    """Order in which correlated heads are neighbours, of each matrix."""
    n_heads: int
    """Heads of a layer."""
    finding: Finding


def correlations(seen: Observed) -> Correlations:
    """Correlate the attention of heads: all their weights, and those at their favourites."""
    attention = seen.at_random
    matrices = {
        "all weights (Pearson)": pairs.weight_correlation(attention),
        "favourite positions (Spearman)": pairs.peak_correlation(attention, seen.favourite),
    }
    orders = [pairs.cluster_order(matrix) for matrix in matrices.values()]
    n_heads = attention.shape[2]
    return Correlations(matrices, orders, n_heads, Finding(say_correlations(matrices, n_heads)))


def say_correlations(matrices: Mapping[str, NDArray[np.float64]], n_heads: int) -> str:
    """Say which two heads are the most correlated in each matrix."""
    told = []
    for title, matrix in matrices.items():
        upper = np.triu(np.ones_like(matrix, dtype=bool), k=1)
        if not upper.any():
            return "There is only one head."
        row, column = np.argwhere(upper)[np.argmax(matrix[upper])].tolist()
        one, two = (f"L{head // n_heads + 1} H{head % n_heads + 1}" for head in (row, column))
        told.append(f"{one} and {two} (r = {matrix[row, column]:.2f}) over {title}")
    return f"The most correlated heads are {listed(told)}."


class Pairs(NamedTuple):
    """Where two heads are high together, and what stands there."""

    joint: pd.DataFrame
    """`pairs.joint_places`, a row a pair."""
    drawn: pd.DataFrame
    """Its rows of the strongest pairs at two separate places."""
    motifs: Sequence[pairs.JointMotif]
    """Of the pairs of ``drawn``."""
    finding: Finding


def together(subject: Subject, seen: Observed, p: Checked) -> Pairs:
    """Find the places at which pairs of heads are high together; read the strongest ones' motif."""
    downstream = subject.downstream
    joint = pairs.joint_places(
        seen.at_random,
        seen.random,
        seen.favourite,
        downstream=downstream,
        half_width=p.half_width,
        n_shuffles=5,
        seed=p.seed,
    )
    beyond = joint[joint["correlation"] > joint["chance"]]
    apart = beyond[beyond["span"].between(p.width, p.max_span)]
    drawn = apart.head(p.n_pairs)
    found = [
        pairs.joint_motif(
            seen.at_random,
            seen.random,
            subject.study.genome,
            pair,
            downstream=downstream,
            n_best=p.n_best,
            width=p.width,
            background=subject.background,
            n_draws=200,
            seed=p.seed,
        )
        for _, pair in drawn.iterrows()
    ]
    said = say_pairs(
        len(joint), len(beyond), len(apart), [one.spaced for one in found], (p.width, p.max_span)
    )
    return Pairs(joint, drawn, found, Finding(said, {"heads_pairs": joint}))


def say_pairs(
    n_pairs: int, n_together: int, n_apart: int, spaced: Sequence[bool], span: tuple[int, int]
) -> str:
    """Say how many pairs of heads are high together, at separate places, and at a spaced motif.

    Parameters
    ----------
    n_pairs, n_together, n_apart : int
        All pairs; of these, those that are high together beyond chance; of these, those at two
        places as far apart as ``span`` says, in nt.
    spaced : sequence of bool
        Of the strongest of them: whether both halves hold information.
    span : tuple of int
        Nearest and farthest.
    """
    separate = f"at two separate sites ({span[0]} to {span[1]} nt apart)"
    none = "we find **no jointly read spaced motif**"
    if n_together == 0:
        return f"None of {n_pairs} pairs of heads is co-active beyond chance; {none}."
    are = _form(n_together, "is", "are")
    active = f"{n_together} of {n_pairs} pairs of heads {are} co-active beyond chance"
    if n_apart == 0:
        return f"{active}, none {separate}; {none}."
    told = f"{active}, {n_apart} of them {separate}."
    n_spaced = sum(spaced)
    if n_spaced == 0:
        return f"{told} Among the strongest ({len(spaced)} drawn) {none}."
    return (
        f"{told} Of the strongest ({len(spaced)} drawn), **{n_spaced}** "
        f"{_form(n_spaced, 'shows', 'show')} a spaced motif."
    )


class Spacer(NamedTuple):
    """Distance of the two boxes in the same promoter, as two heads find them and by other means."""

    by_heads: pd.DataFrame | None
    """`pairs.spacers`; None where one of the boxes has no head."""
    others: Mapping[str, pd.DataFrame]
    """Name -> spacer, n, share: by the sequence alone, and as planted where that is known."""
    finding: Finding


def spacer(
    subject: Subject, seen: Observed, motifs: Motifs, elements: Elements, p: Checked
) -> Spacer:
    """Measure how far apart two heads find the ``boxes`` in promoters of highest output."""
    first, second = (_box(subject, motifs, elements, prefix) for prefix in p.boxes)
    if first is None or second is None:
        return Spacer(None, {}, Finding(say_spacer(None, [], [], p.known_spacer)))
    (upstream, head_up), (below, head_below) = first, second
    promoters = _promoters(seen.samples)
    by_heads = pairs.spacers(
        seen.attention[promoters],
        head_up,
        head_below,
        downstream=subject.downstream,
        length=len(upstream.probabilities),
        half_width=p.half_width // 2,
        seed=p.seed,
    )
    genome, planted = subject.study.genome, subject.study.elements
    others = {
        "best words, same promoters": pairs.box_spacers(
            genome, seen.samples.iloc[promoters], upstream, below
        )
    }
    if planted is not None:
        others["planted"] = pairs.planted_spacers(planted, upstream.name, below.name)
    roles = set(elements.roles[[*KEYS, "element"]].itertuples(index=False, name=None))
    qualified = [tuple(one[[*KEYS, "element"]]) in roles for one in (head_up, head_below)]
    said = say_spacer(by_heads, [head_up, head_below], qualified, p.known_spacer)
    return Spacer(by_heads, others, Finding(said, {"heads_spacers": by_heads}))


def _box(
    subject: Subject, motifs: Motifs, elements: Elements, prefix: str
) -> tuple[Element, pd.Series] | None:
    """The element whose name begins so, and the head most like it; None without one of them."""
    element = next((one for one in subject.elements if one.name.startswith(prefix)), None)
    if element is None:
        return None
    head = promoter_elements.nearest_head(elements.matches, motifs.table, element.name)
    return None if head is None else (element, head)


def _promoters(samples: pd.DataFrame) -> NDArray[np.int64]:
    """Rows of the positions of highest output, of those within `APART` nt the highest alone."""
    high = np.flatnonzero(samples["group"] == "highest")
    chosen = samples.iloc[high]
    minus = (chosen["strand"] == "-").to_numpy()
    return high[binding.thinned(minus, chosen["position"].to_numpy(), APART)]


def say_spacer(
    by_heads: pd.DataFrame | None,
    boxes: Sequence[pd.Series],
    qualified: Sequence[bool],
    known: int,
) -> str:
    """Say which spacer two heads find most often, against independent choice and the known one.

    Parameters
    ----------
    by_heads : DataFrame or None
        `pairs.spacers`.
    boxes : sequence of Series
        `promoter_elements.nearest_head` of the upstream and of the downstream box.
    qualified : sequence of bool
        Whether each head has that box as its role.
    known : int
        Published spacer, nt.
    """
    if by_heads is None:
        return "At least one of the two boxes has no head that looks there: no spacer is measured."
    heads_of = [f"L{one['layer_1based']} H{one['head_1based']}" for one in boxes]
    first, second = (
        f"{head} ({one['element']})" for head, one in zip(heads_of, boxes, strict=True)
    )
    most = by_heads.loc[by_heads["n"].idxmax()]
    near = by_heads["spacer"].between(known - 1, known + 1)
    share, expected = by_heads.loc[near, ["share", "expected"]].sum()
    verdict = (
        "more often than by independent choice"
        if most["p_value"] <= 0.05
        else "not significantly more often than by independent choice"
    )
    weak = [
        f"{head} does not qualify as a {one['element']} head (q = {one['q_value']:.2g})"
        for head, one, stands in zip(heads_of, boxes, qualified, strict=True)
        if not stands
    ]
    caveat = f" {listed(weak)}; this comparison is only illustrative." if weak else ""
    return (
        f"{first} and {second} find a spacer of **{most['spacer']:.0f} nt** most often, in "
        f"{most['share']:.0%} of {by_heads['n'].sum()} promoters: {verdict} "
        f"({most['expected']:.0%}; p = {most['p_value']:.2g} by pairing promoters at random, not "
        "corrected for taking the most frequent spacer). Within 1 nt of the published "
        f"{known} nt are {share:.0%}, against {expected:.0%} expected.{caveat}"
    )


# ---------------------------------------------------------------------- attention and output


class WithOutput(NamedTuple):
    """How attention goes with the output."""

    by_layer: pd.DataFrame
    """`heads.extremes_by_layer` over the samples; columns with ``_all`` over all positions."""
    chance: float
    """Largest absolute correlation with shuffled outputs."""
    finding: Finding


def with_output(seen: Observed, p: Checked) -> WithOutput:
    """Take the strongest correlations of attention with the output, layer by layer."""
    output = seen.random["output"].to_numpy()
    by_layer = heads.extremes_by_layer(seen.spearman).merge(
        heads.extremes_by_layer(seen.pearson_ranks), on="layer_1based", suffixes=("", "_all")
    )
    chance = heads.chance_correlation(seen.at_random, output, p.seed)
    return WithOutput(by_layer, chance, Finding(say_output(by_layer, chance)))


def say_output(by_layer: pd.DataFrame, chance: float) -> str:
    """Tabulate the correlations, and say how many layers exceed what shuffled outputs reach."""
    shown = pd.DataFrame(
        {
            "layer": by_layer["layer_1based"],
            "highest, samples (Spearman)": by_layer["maximum"].map("{:+.2f}".format),
            "lowest, samples": by_layer["minimum"].map("{:+.2f}".format),
            "highest, all positions (with ranks)": by_layer["maximum_all"].map("{:+.2f}".format),
            "lowest, all positions": by_layer["minimum_all"].map("{:+.2f}".format),
        }
    )
    strength = by_layer[["maximum", "minimum"]].abs().max(axis=1)
    strongest = by_layer.loc[strength.idxmax(), "layer_1based"]
    return (
        f"{table(shown)}\nThe strongest correlation is {strength.max():.2f}, in layer "
        f"{strongest}. {int((strength > chance).sum())} of {len(by_layer)} layers exceed "
        f"{chance:.2f}, the strongest correlation with shuffled outputs."
    )


# -------------------------------------------------------------------- known motifs and sites


class KnownMotifs(NamedTuple):
    """Heads' motifs against known motifs, wherever they lie."""

    matches: pd.DataFrame
    """`comparison.compare`, without decoys."""
    best: pd.DataFrame
    """The best known motif of each head."""
    calibration: pd.DataFrame
    """How often p-values are small: of the heads' motifs, and with their columns shuffled."""
    finding: Finding


def known_motifs(subject: Subject, motifs: Motifs, p: Checked) -> KnownMotifs:
    """Compare each head's motif, of both widths, with every known motif by TOMTOM."""
    known = _known(subject, p)
    matches, null = comparison.compare(
        [motifs.best, motifs.wide],
        comparison.with_decoys(known, seed=p.seed),
        background=subject.background,
        n_shuffles=p.n_permutations,
        seed=p.seed,
    )
    best = comparison.best_match(matches)
    calibration = comparison.calibration(matches, null)
    real = matches[~matches["decoy"]]
    finding = Finding(
        say_known_motifs(real, best, calibration, len(known), p.max_q),
        {"heads_known": best.drop(columns="decoy"), "heads_calibration": calibration},
        {"known": real},
    )
    return KnownMotifs(real, best, calibration, finding)


def _known(subject: Subject, p: Checked) -> list[Motif]:
    """Known motifs: of a file, of RegulonDB and its sigma factors, or the elements."""
    if p.motif_file is not None:
        return motifs.read_transfac(p.motif_file)
    if not subject.study.published:
        return comparison.element_motifs(subject.elements, seed=p.seed)
    genome = subject.study.genome
    promoters = regulon.read_promoters(fetch("regulondb_promoters", p.data_dir), genome)
    return [
        *motifs.read_transfac(fetch("regulondb_matrices", p.data_dir)),
        *comparison.sigma_motifs(promoters, genome, background=subject.background),
    ]


def say_known_motifs(
    matches: pd.DataFrame,
    best: pd.DataFrame,
    calibration: pd.DataFrame,
    n_known: int,
    max_q: float,
) -> str:
    """Say how many heads match a known motif, and whether the p-values are calibrated.

    Parameters
    ----------
    matches : DataFrame
        `comparison.compare`, without decoys.
    best : DataFrame
        `comparison.best_match`, a row a head.
    calibration : DataFrame
        `comparison.calibration`, with the threshold 0.01.
    n_known : int
        Known motifs.
    max_q : float
        Greatest q-value of a match.
    """
    passing = best[best["q_value"] <= max_q].sort_values("q_value")
    shown = pd.DataFrame(
        {
            "head": heads.names(passing),
            "known motif": passing["motif"],
            "width": passing["width"],
            "overlap": passing["overlap"],
            "strand": np.where(passing["reverse"], "opposite", "same"),
            "p-value": passing["p_value"].map("{:.1e}".format),
            "q-value": passing["q_value"].map("{:.2g}".format),
            "Benjamini-Hochberg": passing["q_tomtom"].map("{:.2g}".format),
        }
    )
    row = calibration.set_index("threshold").loc[0.01]
    by_tomtom = matches[matches["q_tomtom"] <= max_q].drop_duplicates(KEYS)
    match = _form(len(passing), "matches", "match")
    return (
        f"**{_of(len(passing), len(best), 'head')}** {match} a known motif, of {n_known} "
        f"compared (q ≤ {max_q:g}); "
        "by TOMTOM's own p-values, corrected as Benjamini and Hochberg do, it would be "
        f"{len(by_tomtom)}. A p-value of at most 0.01 is reached by "
        f"{row['shuffled']:.2%} of the comparisons of shuffled motifs and by {row['heads']:.2%} of "
        "those of the heads' own." + (f"\n{table(shown)}" if len(shown) else "")
    )


class KnownSites(NamedTuple):
    """Whether heads' best places lie in known sites more often than places like them."""

    enriched: pd.DataFrame | None
    """`binding.enrichment`, a row a head and set of sites; None where no sites are known."""
    any_site: pd.DataFrame | None
    """Its rows of all binding sites together, a row a head."""
    finding: Finding


def known_sites(run: Run, subject: Subject, motifs: Motifs, p: Checked) -> KnownSites:
    """Test whether the best places of each head are enriched in known sites."""
    intervals = _intervals(subject.study, p)
    if intervals is None:
        return KnownSites(None, None, Finding("No binding sites are known for this study."))
    genome = subject.study.genome
    enriched = binding.enrichment(
        motifs.places,
        binding.site_masks(intervals, len(genome), min_sites=p.min_sites),
        binding.strata(genome, run.curated),
        subject.model.test,
        downstream=subject.downstream,
    )
    any_site = enriched[(enriched["kind"] == "binding site") & (enriched["name"] == "any")]
    finding = Finding(say_known_sites(enriched, any_site, p.max_q), {"heads_sites": enriched})
    return KnownSites(enriched, any_site, finding)


def _intervals(study: StudyInputs, p: Checked) -> pd.DataFrame | None:
    """Known sites as intervals: of RegulonDB, the planted elements, or none."""
    if study.published:
        genome = study.genome
        promoters = regulon.read_promoters(fetch("regulondb_promoters", p.data_dir), genome)
        sites = regulon.read_binding_sites(fetch("regulondb_interactions", p.data_dir), genome)
        both = [binding.site_intervals(sites), binding.promoter_intervals(promoters)]
        return pd.concat(both, ignore_index=True)
    return None if study.elements is None else binding.planted_intervals(study.elements)


def say_known_sites(
    enriched: pd.DataFrame, any_site: pd.DataFrame, max_q: float, most: int = 20
) -> str:
    """Say how many heads' best places are enriched in known sites; tabulate the clearest pairs.

    Parameters
    ----------
    enriched : DataFrame
        `binding.enrichment`.
    any_site : DataFrame
        Its rows of all binding sites together.
    max_q : float
        Greatest q-value of an enrichment.
    most : int
        Pairs tabulated at most.
    """
    passing = enriched[enriched["q_value"] <= max_q].sort_values("p_value")
    top = passing.head(most)
    shown = pd.DataFrame(
        {
            "head": heads.names(top),
            "sites": top["kind"],
            "of": top["name"],
            "best places": top["n"],
            "in sites": top["n_inside"],
            "expected": top["expected"].map("{:.1f}".format),
            "odds ratio (95% CI)": [
                with_interval(value, low, high, ".1f")
                for value, low, high in top[["odds_ratio", "low", "high"]].to_numpy()
            ],
            "q-value": top["q_value"].map("{:.2g}".format),
        }
    )
    n = int((any_site["q_value"] <= max_q).sum())
    n_sets = enriched.groupby(["kind", "name"]).ngroups
    have, are = _form(n, "has", "have"), _form(len(passing), "is", "are")
    said = (
        f"**{_of(n, len(any_site), 'head')}** {have} best positions enriched in binding sites as a "
        f"whole, against matched positions (q ≤ {max_q:g}). Each of {n_sets} sets is tested "
        "too (all sites of a kind, those of one factor, the promoters of one sigma factor): "
        f"{_of(len(passing), len(enriched), 'pair').lower()} of head and set {are} enriched"
    )
    if top.empty:
        return f"{said}."
    return f"{said}; the clearest{f' {most}' if len(passing) > most else ''}:\n{table(shown)}"


# -------------------------------------------------------------------------------- all heads


class AllHeads(NamedTuple):
    """All that was found about each head."""

    table: pd.DataFrame
    """A row a head, layer and head from 1; the chapter's last section describes the columns."""
    finding: Finding


def all_heads(
    motifs: Motifs, elements: Elements, known: KnownMotifs, sites: KnownSites, p: Checked
) -> AllHeads:
    """Join what was found about each head into one table."""
    roles = elements.roles[[*KEYS, "element", "similarity", "role"]]
    rows = motifs.table.merge(roles, how="left", on=KEYS)
    rows[["element", "role"]] = rows[["element", "role"]].fillna("")
    best = known.best[[*KEYS, "motif", "width", "q_value", "q_tomtom"]]
    rows = rows.merge(
        best.rename(columns={"motif": "best_motif", "width": "best_motif_width"}), on=KEYS
    )
    columns = ["site_odds_ratio", "site_low", "site_high", "site_q"]
    if sites.any_site is None:
        rows = rows.assign(**dict.fromkeys(columns, np.nan))
    else:
        given = sites.any_site[[*KEYS, "odds_ratio", "low", "high", "q_value"]]
        rows = rows.merge(given.set_axis([*KEYS, *columns], axis=1), on=KEYS)
    said = folded(f"All {len(rows)} heads", say_all_heads(rows, p.max_q))
    final = rows.rename(columns={"layer_1based": "layer", "head_1based": "head"})
    return AllHeads(final, Finding(said, kept={"table": final}))


def say_all_heads(rows: pd.DataFrame, max_q: float) -> str:
    """Tabulate all heads, a row each; known motifs only where their q-value is small enough."""
    shown = pd.DataFrame(
        {
            "head": heads.names(rows),
            "looks at": rows["peak_label"].map("{:+d}".format),
            "mean there": rows["peak_mean"].map("{:.3f}".format),
            "selectivity": rows["selectivity"].map("{:.2f}".format),
            "share near": rows["share_near_peak"].map("{:.0%}".format),
            "motif": rows["consensus"],
            "bits": rows["information"].map("{:.1f}".format),
            "distinct": rows["n_distinct"],
            "known motif (q)": [
                f"{motif} ({q:.2g})" if q <= max_q else ""
                for motif, q in zip(rows["best_motif"], rows["q_value"], strict=True)
            ],
            "odds in sites (q)": [
                "" if np.isnan(odds) else f"{odds:.1f} ({q:.2g})"
                for odds, q in zip(rows["site_odds_ratio"], rows["site_q"], strict=True)
            ],
            "rank correlation": [
                f"{low:+.2f} to {high:+.2f}"
                for low, high in zip(rows["spearman_min"], rows["spearman_max"], strict=True)
            ],
            "contrast": rows["contrast"].map("{:.2f}".format),
            "role": rows["role"],
        }
    )
    return table(shown)


def statements(seen: Observed, motifs: Motifs, elements: Elements, p: Checked) -> Finding:
    """Ask whether the paper's statements about its heads hold for these."""
    said = heads.statements(
        motifs.table, seen.spearman, elements.roles, selective_share=p.selective_share
    )
    shown = said.set_axis(["the paper's statement", "here", "holds here"], axis=1)
    return Finding(table(shown), {"heads_statements": said})


def in_short(
    motifs: Motifs, elements: Elements, known: KnownMotifs, sites: KnownSites, p: Checked
) -> Finding:
    """Answer the chapter's question."""
    rows = motifs.table
    selective = rows[rows["share_near_peak"] >= p.selective_share]
    return Finding(
        f"{say_selective(selective, len(rows), p)} "
        f"{say_tested(elements.roles, known.best, sites.any_site, p.max_q)} "
        "The counts are over all positions of the test part, so they have no sampling error, but "
        "they describe one trained model, in which another seed may give the roles to other heads; "
        "and attention shows what a head reads, not that the output depends on it."
    )


def say_selective(selective: pd.DataFrame, n_heads: int, p: Checked) -> str:
    """Say how many heads are selective, and how many of these look at the promoter region.

    Parameters
    ----------
    selective : DataFrame
        Their rows of `heads.head_table`.
    n_heads : int
        All heads.
    p : Checked
        ``selective_share`` and ``half_width``, which make a head selective.
    """
    n, (first, last) = len(selective), heads.PROMOTER
    near = int(selective["peak_label"].between(first, last).sum())
    told = (
        f"{_of(n, n_heads, 'head')} {_form(n, 'gives', 'give')} at least {p.selective_share:.0%} "
        f"of {_form(n, 'its', 'their')} attention to positions within {p.half_width} nt of one "
        "place"
    )
    if n == 0:
        return f"{told}."
    which, peak = near or "none", _form(near, "peaks", "peak")
    return f"{told}; {'all' if near == n > 1 else which} {peak} between {first:+d} and {last:+d}."


def say_tested(
    roles: pd.DataFrame, best: pd.DataFrame, any_site: pd.DataFrame | None, max_q: float
) -> str:
    """Say how many heads match an element at its place, a known motif, and known sites.

    Parameters
    ----------
    roles : DataFrame
        `promoter_elements.name_roles`.
    best : DataFrame
        `comparison.best_match`, a row a head.
    any_site : DataFrame or None
        `binding.enrichment` of all binding sites together; None where none are known.
    max_q : float
        Greatest q-value of all these.
    """
    n_known = int((best["q_value"] <= max_q).sum())
    named = f" ({listed(heads.names(roles))})" if len(roles) else ""
    told = (
        f"At q ≤ {max_q:g}, {_heads(len(roles))} {_form(len(roles), 'matches', 'match')} a "
        f"promoter element in place and sequence{named}, and {_heads(n_known)} "
        f"{_form(n_known, 'matches', 'match')} a known motif regardless of place"
    )
    if any_site is None:
        return f"{told}."
    n_sites = int((any_site["q_value"] <= max_q).sum())
    told += (
        f"; {_heads(n_sites)} {_form(n_sites, 'has', 'have')} best positions enriched in known "
        "binding sites"
    )
    finite = any_site[np.isfinite(any_site["odds_ratio"])]
    if finite.empty:
        return f"{told}."
    top = finite.loc[[finite["p_value"].idxmin()]]
    ((value, low, high, q),) = top[["odds_ratio", "low", "high", "q_value"]].to_numpy()
    return (
        f"{told} (clearest: {heads.names(top)[0]}, odds ratio {value:.1f}, 95% CI {low:.1f} to "
        f"{high:.1f}, q = {q:.2g})."
    )


def _heads(n: int) -> str:
    """``no head``, ``1 head``, ``3 heads``."""
    return f"{n or 'no'} head{'s' if n > 1 else ''}"


def _form(n: int, one: str, many: str) -> str:
    """The form of a word that goes with none or one of several, or with more of them."""
    return one if n <= 1 else many


def _of(n: int, total: int, noun: str) -> str:
    """``None of 36 heads``, ``1 of 36 heads``."""
    return f"{n or 'None'} of {total} {noun}s"
