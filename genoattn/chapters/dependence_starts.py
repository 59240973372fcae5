"""The chapter dependence, what only starts of genes are asked: codons, reading frame, leaders.

What the steps say is in `genoattn.chapters.dependence_starts_words`. Of another task they find
nothing and draw nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import dependence_starts_words as wording
from genoattn.chapters.dependence_carriers import Mediated, Spaced
from genoattn.chapters.dependence_reading import blocks_of, drawn_places, labelled_sites
from genoattn.data.curation import curate
from genoattn.evaluation import bootstrap
from genoattn.evaluation.statistics import proportion
from genoattn.genome import motifs
from genoattn.genome.sequence import strand_row
from genoattn.genome.sites import gaps
from genoattn.heads.elements import sited
from genoattn.interventions import replacement, written
from genoattn.interventions.noise import N_RANDOM, has_element, random_places
from genoattn.model.weights import made_from
from genoattn.prediction.ensemble import log_odds
from genoattn.study.inputs import ecoli_inputs
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding
from genoattn.study.run import Model, Run

__all__ = [
    "Codons",
    "Frames",
    "Leaderless",
    "codons",
    "leaderless",
    "short_of_gene_starts",
    "stops",
]

NOTEBOOK = "06_dependence"
LEADER = (5, 300)
"""A gene is leaderless where its transcript begins at most so many nt before the start codon; it
has a leader where it begins further upstream, at most so many nt."""
UPSTREAM = (-20, -1)
"""First and last offset of the stretch in which a ribosome binding site may lie."""


class Codons(NamedTuple):
    """What each codon is worth as a start codon."""

    table: pd.DataFrame
    """``codon``, ``change`` (of the log-odds, from ATG), ``ci_low``, ``ci_high``; best first."""
    finding: Finding


def codons(run: Run, model: Model, p: Checked) -> Codons:
    """Write every codon in place of the start codon.

    Parameters
    ----------
    run, model
    p : Checked
        ``n_mapped``, ``block``, ``n_bootstrap``, ``level``, ``seed``.
    """
    if not run.study.asks("start codon"):
        return Codons(pd.DataFrame(), Finding())
    chosen, change = _written(run, model, written.CODONS, np.array([0]), "codons", p)
    names = [written.as_letters(one) for one in written.CODONS]
    against = change[:, :, 0] - change[:, [names.index("ATG")], 0]  # n, 64
    mean, low, high = _means(against, blocks_of(model, chosen, p), p)
    table = pd.DataFrame({"codon": names, "change": mean, "ci_low": low, "ci_high": high})
    table = table.sort_values("change", ascending=False, kind="stable", ignore_index=True)
    said = wording.say_codons(table, len(chosen))
    return Codons(table, Finding(said, {"start_codons": table}))


class Frames(NamedTuple):
    """What a stop codon costs at each place after the start codon."""

    table: pd.DataFrame
    """``offset`` (of its first letter), ``frame`` (0 is that of the gene), ``change``,
    ``ci_low``, ``ci_high``."""
    contrast: tuple[float, float, float]
    """Mean change in frame less that out of frame, after the second codon, with its interval."""
    finding: Finding


def stops(run: Run, model: Model, p: Checked) -> Frames:
    """Write TAA, TAG and TGA at every place after the start codon that the network reads.

    Parameters
    ----------
    run, model, p
        As of `codons`.
    """
    if not run.study.asks("reading frame"):
        return Frames(pd.DataFrame(), (0.0, 0.0, 0.0), Finding())
    c = model.config
    place = np.arange(3, c.downstream + c.reach_downstream - 1)
    place = place[: len(place) - len(place) % 3]  # each frame as often
    chosen, change = _written(run, model, written.STOPS, place, "stops", p)
    each = change.mean(1)  # n, places
    block = blocks_of(model, chosen, p)
    mean, low, high = _means(each, block, p)
    frame = place % 3
    table = pd.DataFrame(
        {"offset": place, "frame": frame, "change": mean, "ci_low": low, "ci_high": high}
    )
    # what follows the start codon at once is read as a word; a network may read no further
    second = wording.SECOND
    later = place >= second + 3 if place[-1] >= second + 5 else place >= second
    apart = each[:, later & (frame == 0)].mean(1) - each[:, later & (frame != 0)].mean(1)
    (value,), (least,), (most,) = _means(apart[:, None], block, p)
    contrast = (float(value), float(least), float(most))
    said = wording.say_stops(table, contrast, len(chosen))
    return Frames(table, contrast, Finding(said, {"stop_codons": table}))


def _written(
    run: Run,
    model: Model,
    words: NDArray[np.integer],
    places: NDArray[np.int64],
    kind: str,
    p: Checked,
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Sites of the test part, and `written.write_words` at them, kept in the run."""
    chosen = drawn_places(labelled_sites(run, model), p.n_mapped, p.seed)
    genome = run.study.genome
    sources = {
        **made_from(model.file, genome),
        "sites": chosen.to_csv(index=False),
        "words": words.tolist(),
        "places": places.tolist(),
    }
    arrays = run.once(
        NOTEBOOK,
        model.name,
        kind,
        sources,
        lambda: {"change": written.write_words(model.network, genome, chosen, words, places)},
    )
    return chosen, arrays["change"]


def _means(
    values: NDArray[np.float64], block: NDArray[np.int64], p: Checked
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean over sites (n, k) with intervals, blocks of the genome resampled; each (k,)."""
    times = bootstrap.resample(block, p.n_bootstrap, p.seed)[:, block]
    means = times @ values / times.sum(1, keepdims=True)
    limits = np.array([bootstrap.interval(one, p.level) for one in means.T])
    return values.mean(0), limits[:, 0], limits[:, 1]


# ----------------------------------------------------------------------------------- leaderless


class Leaderless(NamedTuple):
    """Genes without a leader beside those with one."""

    table: pd.DataFrame
    """``genes``, ``n``, ``found`` (share among as many highest outputs as there are sites, with
    ``found_low``, ``found_high``), ``output`` (mean log-odds), ``matching`` (share with a
    Shine-Dalgarno sequence as good as one in twenty random places), ``upstream`` (change when what
    lies upstream becomes random letters), each with its limits; empty where it is not asked."""
    finding: Finding


def leaderless(run: Run, model: Model, p: Checked) -> Leaderless:
    """Ask of genes whose transcript begins at the start codon what others are asked.

    The start sites of transcription are the curated set of the published tables.

    Parameters
    ----------
    run, model
    p : Checked
        ``n_mapped``, ``n_draws``, ``rare``, ``data_dir``, ``block``, ``n_bootstrap``, ``level``,
        ``seed``.
    """
    study = run.study
    if not study.asks("leaderless genes"):
        return Leaderless(pd.DataFrame(), Finding())
    if study.genome.name != "NC_000913.3":
        return Leaderless(pd.DataFrame(), Finding(wording.NO_TRANSCRIPTS))
    known = curate(ecoli_inputs(p.data_dir).sites)
    starts = labelled_sites(run, model)
    behind = gaps(starts["position"], starts["strand"], known, len(study.genome)).behind
    output = log_odds(run.output(model.name)[strand_row(starts["strand"]), starts["position"]])
    groups = {
        "leaderless": behind <= LEADER[0],
        "with a leader": (behind > LEADER[0]) & (behind <= LEADER[1]),
    }
    rows = [
        _group(run, model, name, starts[chosen], output[chosen], p)
        for name, chosen in groups.items()
        if chosen.sum() > 1
    ]
    table = pd.DataFrame(rows)
    return Leaderless(table, Finding(wording.say_leaderless(table), {"leaderless": table}))


def _group(
    run: Run,
    model: Model,
    name: str,
    starts: pd.DataFrame,
    output: NDArray[np.float64],
    p: Checked,
) -> dict[str, Any]:
    """A row of `Leaderless.table`."""
    genome, block = run.study.genome, blocks_of(model, starts, p)
    (mean,), (low,), (high,) = _means(output[:, None], block, p)
    known = run.study.of.carried[0]
    chance = sited(genome, _random(model, p), known)[1]
    good, *_ = has_element(sited(genome, starts, known)[1], chance, p.rare)
    some = drawn_places(starts, p.n_mapped, p.seed)
    changed = replacement.replace(
        model.network,
        genome,
        some.assign(first=UPSTREAM[0], last=UPSTREAM[1]),
        n_draws=p.n_draws,
        composition=motifs.composition(genome.codes),
        seed=p.seed,
    )["change"].to_numpy()
    (cost,), (least,), (most,) = _means(changed[:, None], blocks_of(model, some, p), p)
    hit = output >= _threshold(run, model)
    row: dict[str, Any] = {"genes": name, "n": len(starts)}
    for column, (value, below, above) in {
        "found": proportion(int(hit.sum()), len(hit), p.level),
        "output": (mean, low, high),
        "matching": proportion(int(good.sum()), len(good), p.level),
        "upstream": (cost, least, most),
    }.items():
        row |= {column: value, f"{column}_low": below, f"{column}_high": above}
    return row


def _random(model: Model, p: Checked) -> pd.DataFrame:
    """Random places of the test part."""
    return random_places(model.test, N_RANDOM, np.random.default_rng(p.seed))


def _threshold(run: Run, model: Model) -> float:
    """Log-odds that as many positions of the test part reach as it has sites."""
    output = run.output(model.name)[:, model.test]
    n = len(labelled_sites(run, model))
    return float(log_odds(np.partition(output, -n, axis=None)[-n]))


# ------------------------------------------------------------------------------------ in short


def short_of_gene_starts(
    run: Run,
    mediated: Mediated,
    spaced: Spaced,
    codons: Codons,
    stops: Frames,
    leaderless: Leaderless,
) -> Finding:
    """Answer the chapter's question where the sites are starts of genes, else nothing."""
    if not run.study.asks("start codon"):
        return Finding()
    return Finding(
        wording.say_in_short(mediated, spaced.table, codons.table, stops.contrast, leaderless.table)
    )
