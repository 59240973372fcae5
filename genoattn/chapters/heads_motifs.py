"""Steps of the chapter heads: its model, where its heads look, the motifs and elements there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import heads_words as words
from genoattn.data.datasets import fetch_all
from genoattn.genome import motifs
from genoattn.genome.sequence import Genome
from genoattn.heads import atlas, preferred
from genoattn.heads import elements as promoter_elements
from genoattn.heads import profiles as head_profiles
from genoattn.heads.elements import Element
from genoattn.model.annotator import Annotator
from genoattn.prediction import census, recorders
from genoattn.prediction.census import AttentionCensus
from genoattn.prediction.predict import predict
from genoattn.study.inputs import StudyInputs
from genoattn.study.parameters import Checked, check_region
from genoattn.study.report import Finding
from genoattn.study.run import Model, Run
from genoattn.study.tasks import TASKS, Task

__all__ = [
    "Elements",
    "Motifs",
    "Observed",
    "Samples",
    "Subject",
    "census_motifs",
    "elements",
    "looked_for",
    "named",
    "observed",
    "place",
    "sample_error",
    "samples",
    "subject",
]


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
    """Planted elements where the truth is known, else those of the task."""
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
        The model or one of ``seeds`` and ``controls`` has no attention heads, no site lies in its
        test part, it sees nothing of the region, ``motif_file`` cannot be used, or a published
        table cannot be had.
    """
    study, model = run.study, run.model(p.weights)
    network = model.network
    if not isinstance(network, Annotator):
        raise ValueError(f"{model.file}: a convolutional network has no attention heads")
    for name in filter(run.has_weights, (*p.seeds, *p.controls)):
        _ = run.model(name).annotator  # has heads, or is refused
    run.check_test(model.split, run.curated, "the curated set")
    config = network.config
    check_region(p, config.window - 1 - config.downstream, config.downstream, model.name)
    if p.motif_file is not None:  # this and the tables are needed much later, but wrong at once
        motifs.read_transfac(p.motif_file)
    if study.published:
        tables = ["regulondb_promoters", "regulondb_interactions"]
        fetch_all([*tables, *["regulondb_matrices"] * (p.motif_file is None)], p.data_dir)
    planted = study.elements
    known = study.of.looked_for if planted is None else promoter_elements.planted_elements(planted)
    said = words.say_subject(study, model.name, network.config, 2 * int(model.test.sum()))
    background = motifs.background(study.genome)
    return Subject(study, model, network, background, known, Finding(said))


class Samples(NamedTuple):
    """Positions whose attention is kept whole."""

    frame: pd.DataFrame
    """Columns group (random, highest, lowest), strand, position (0-based) and output."""
    finding: Finding


def samples(run: Run, subject: Subject, p: Checked) -> Samples:
    """Draw ``n_random`` positions, and take the ``n_extreme`` of highest and of lowest output."""
    frame = head_profiles.choose_samples(
        run.output(subject.model.name),
        subject.model.test,
        n_random=p.n_random,
        n_extreme=p.n_extreme,
        seed=p.seed,
    )
    return Samples(frame, Finding(words.say_samples(frame)))


class Observed(NamedTuple):
    """What one pass over the test part left; all that follows is computed from it.

    Arrays of one value a head and distance have the shape (layers, heads, window).
    """

    samples: pd.DataFrame
    """As in `Samples`, the random ones first."""
    attention: NDArray[np.float16]
    """Of the samples, shape (n, layers, heads, window)."""
    by_group: dict[str, head_profiles.Profiles]
    """Mean and maximum over the samples of each group."""
    over_all: head_profiles.Profiles
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
    """All profiles, `profiles.profile_frame`."""
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
        return head_profiles.favourite(self.over_all.mean)


def observed(run: Run, subject: Subject, samples: Samples, p: Checked) -> Observed:
    """Go over the test part once: keep the samples' attention, sum up that of all positions."""
    genome, frame = subject.study.genome, samples.frame
    model, network = subject.model, subject.network
    everywhere = AttentionCensus(network.config, best=p.k_census, output=run.output(model.name))
    strand, position = frame["strand"].to_numpy(), frame["position"].to_numpy()
    sampled = recorders.SampledAttention(network.config, strand, position, len(genome))
    predict(network, genome, where=model.test, recorders=[everywhere, sampled])
    attention = sampled.attention
    by_group = {
        group: head_profiles.average(attention, (frame["group"] == group).to_numpy())
        for group in head_profiles.GROUPS
    }
    n = int((frame["group"] == "random").sum())
    spearman = head_profiles.spearman(attention[:n], frame["output"].to_numpy()[:n])
    pearson, pearson_ranks = everywhere.correlation
    profiles = head_profiles.profile_frame(
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
        head_profiles.Profiles(everywhere.mean, everywhere.maximum),
        everywhere.count,
        everywhere.best(len(genome)),
        spearman,
        pearson_ranks,
        profiles,
        Finding(
            results={"heads_profiles": profiles.drop(columns=["pearson", "pearson_ranks"])},
            kept={"profiles": profiles},
        ),
    )


def sample_error(seen: Observed) -> Finding:
    """Compare the random samples with all positions."""
    error = head_profiles.sample_error(seen.at_random, seen.over_all.mean)
    reached = seen.by_group["random"].maximum / seen.over_all.maximum
    said = words.say_sample_error(error, reached, seen.n_random, seen.n_positions)
    return Finding(said, {"heads_samples": error})


def place(seen: Observed, subject: Subject, p: Checked) -> Finding:
    """Ask which heads look at the position ``place``, of which the paper speaks."""
    if not subject.study.asks("the paper's claims"):
        return Finding()
    looking = head_profiles.looking_at(seen.over_all.mean, subject.downstream, p.place)
    return Finding(words.say_place(looking, p.place))


# ----------------------------------------------------------------------------------- motifs


class Motifs(NamedTuple):
    """The nucleotides that heads prefer where they look most, and a first table of all heads."""

    by_sample: preferred.BestSequences
    """Of the ``n_best`` best random samples, as in the paper."""
    best: preferred.BestSequences
    """Of the ``n_known`` best of all positions, copies of one stretch counted once."""
    wide: preferred.BestSequences
    """The same, ``wide`` nucleotides instead of ``width``."""
    places: preferred.BestPositions
    """The best of all positions, at each head's favourite distance."""
    table: pd.DataFrame
    """`atlas.head_table`, a row a head."""
    finding: Finding


def looked_for(subject: Subject, seen: Observed, p: Checked) -> Motifs:
    """Read the nucleotides at the positions to which each head gives most."""
    genome, downstream = subject.study.genome, subject.downstream
    best, distance = seen.best, seen.favourite
    from_samples = preferred.best_positions(seen.at_random, seen.random, distance, n_best=p.n_best)
    places = preferred.census_positions(best.strand, best.position, best.weight, distance)
    by_sample = preferred.motifs_at(
        from_samples, genome, downstream=downstream, n_best=p.n_best, width=p.width
    )
    narrow, wide = (census_motifs(places, genome, downstream, w, p) for w in (p.width, p.wide))
    rows = atlas.head_table(
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
    results = {
        "heads_logos": preferred.count_table(narrow),
        "heads_logos_sampled": preferred.count_table(by_sample),
        "heads_background": pd.DataFrame([subject.background], columns=list("ACGT")),
    }
    said = words.say_motifs(by_sample, narrow, subject.background, p.n_best, p.n_known)
    finding = Finding(said, results, {"logos": logos})
    return Motifs(by_sample, narrow, wide, places, rows, finding)


def census_motifs(
    places: preferred.BestPositions, genome: Genome, downstream: int, width: int, p: Checked
) -> preferred.BestSequences:
    """Read the nucleotides at the places of a census, copies of one stretch counted once."""
    return preferred.motifs_at(
        places, genome, downstream=downstream, n_best=p.n_known, width=width, context=p.context
    )


# --------------------------------------------------------------------------------- elements


def named(
    motifs: preferred.BestSequences, known: Sequence[Element], p: Checked
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Match motifs with elements at their places, and name roles: `Elements.matches`, ``roles``."""
    matches = promoter_elements.match_elements(motifs, known, n_shuffles=p.n_shuffles, seed=p.seed)
    limits = {"min_similarity": p.min_similarity, "max_q": p.max_q}
    return matches, promoter_elements.name_roles(matches, **limits)


class Elements(NamedTuple):
    """Heads' motifs, where they lie, against elements where they lie."""

    matches: pd.DataFrame
    """`elements.match_elements`, a row for each head and element."""
    roles: pd.DataFrame
    """`elements.name_roles`, at most a row a head."""
    found: pd.DataFrame
    """`elements.found_elements` with the column verdict, a row an element."""
    finding: Finding
    of: Task = TASKS["tss"]
    """Whose elements they are."""


def elements(subject: Subject, motifs: Motifs, p: Checked) -> Elements:
    """Compare each head's motif with each element, at its place; name roles by rule."""
    known = subject.elements
    matches, roles = named(motifs.best, known, p)
    found = promoter_elements.found_elements(
        known, matches, roles, motifs.table, selective_share=p.selective_share
    )
    found["verdict"] = promoter_elements.verdicts(
        found, roles, min_similarity=p.min_similarity, max_q=p.max_q
    )
    finding = Finding(
        words.say_elements(found, roles, p.selective_share),
        {"heads_elements": found.reset_index()},
        {"matches": matches},
    )
    return Elements(matches, roles, found, finding, subject.study.of)
