"""The chapter dependence, causal mediation: which head carries which element; steps.

What the steps say is in `genoattn.chapters.dependence_carriers_words`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genoattn.chapters import dependence_carriers_words as wording
from genoattn.chapters.dependence_reading import Used, elements_of
from genoattn.evaluation import bootstrap
from genoattn.genome import motifs
from genoattn.heads.elements import Element, sited
from genoattn.interventions import carriers, mediation, noise, paths
from genoattn.interventions.carriers import Answer, Criteria
from genoattn.interventions.mediation import Head
from genoattn.interventions.noise import Question
from genoattn.model.annotator import Annotator
from genoattn.model.annotator import untrained as untrained_network
from genoattn.model.weights import made_from
from genoattn.study.parameters import Checked
from genoattn.study.report import Finding
from genoattn.study.run import Model, Run

__all__ = [
    "Asked",
    "Mediated",
    "Others",
    "Spaced",
    "Ways",
    "asked",
    "mediated",
    "others",
    "spaced",
    "tiled",
    "ways",
]

NOTEBOOK = "06_dependence"
UNTRAINED = "untrained"
TILE = 5
"""Nucleotides of a tile, and of a bin of queries or keys."""
TILED = (-60, 20)
"""First and last offset of the tiles."""
CODING = re.compile(r"[^a-z0-9]+")


class Subject(NamedTuple):
    """A network that is asked, and what its answers are kept under."""

    name: str
    network: Annotator
    seed: int
    control: str
    """What is wrong with the whole network, if anything."""
    sources: dict[str, Any]


# ------------------------------------------------------------------------------------- questions


class Asked(NamedTuple):
    """What is asked about elements, and about tiles whatever stands there."""

    elements: list[Question]
    tiles: list[Question]
    known: dict[str, Element]
    finding: Finding


def asked(run: Run, model: Model, used: Used, p: Checked) -> Asked:
    """Look for elements beside the start sites of the test part, and draw their noise.

    Parameters
    ----------
    run : Run
    model : Model
        With attention.
    used : Used
        Elements of the mutation map; those that are none of the known are asked about as well.
    p : Checked
        ``n_mediated``, ``n_lacking``, ``n_draws``, ``rare``, ``block``, ``seed``.
    """
    study, test = run.study, model.test
    labelled = run.sites(model.card.train_set)
    block = bootstrap.blocks(test, p.block)
    here = labelled[test[labelled["position"].to_numpy()]].reset_index(drop=True)
    here = here.assign(block=block[here["position"].to_numpy()])
    config = model.config
    reach = (config.downstream - config.window + 1, config.downstream)
    here = here[mediation.far_from_ends(study.genome, here, *reach)].reset_index(drop=True)
    background = motifs.background(study.genome)
    known = elements_of(study)
    names = {one.name for one in known}
    found = [one for one in used.elements if not one.by_place and one.name not in names]
    elements = (*known, *(one.as_element(background) for one in found))
    within = tuple(
        one
        for one in elements
        if one.places[0] >= reach[0] and one.places[-1] + len(one.probabilities) - 1 <= reach[1]
    )
    size = {"n_sites": p.n_mediated, "draws": p.n_draws, "seed": p.seed}
    questions = noise.questions(
        study.genome, here, test, within, rare=p.rare, n_lacking=p.n_lacking, **size
    )
    first, last = max(TILED[0], reach[0]), min(TILED[1], reach[1])
    if study.asks("reading frame"):
        questions += noise.frame_questions(study.genome, here, last=reach[1], **size)
    tiles = noise.tiles(study.genome, here, first=first, last=last, width=TILE, **size)
    said = wording.say_asked(questions, [one.name for one in elements if one not in within], p)
    return Asked(questions, tiles, {one.name: one for one in within}, Finding(said))


# -------------------------------------------------------------------------------------- mediation


class Mediated(NamedTuple):
    """Answers of one network, and the tables made of them."""

    answers: list[Answer]
    criteria: Criteria
    effects: pd.DataFrame
    """`carriers.effects`."""
    shares: pd.DataFrame
    """`carriers.shares`."""
    carriers: pd.DataFrame
    """`carriers.carried`."""
    profiles: pd.DataFrame
    """`carriers.profiles`."""
    finding: Finding

    def answer(self, element: str) -> Answer | None:
        """The answer about an element where it stands, if there is one."""
        for one in self.answers:
            if one.question.element == element and not one.question.control:
                return one
        return None

    @property
    def used(self) -> list[str]:
        """Elements whose noise lowers the output by more than the least."""
        rows = self.effects[self.effects["used"] & (self.effects["control"] == "")]
        return rows.sort_values("effect", ascending=False)["element"].tolist()

    @property
    def not_named(self) -> list[str]:
        """Elements that are used and restored by heads, but no more than at their controls."""
        passed = set(carriers.passed_on(self.shares, self.criteria)["element"])
        carried = set(self.carriers["element"])
        return [name for name in self.used if name in passed and name not in carried]


def mediated(run: Run, model: Model, asked: Asked, p: Checked) -> Mediated:
    """Patch every head, element by element, and follow the leading heads of those that are used.

    Parameters
    ----------
    run : Run
        Keeps every answer, so that an interrupted chapter goes on where it stopped.
    model : Model
    asked : Asked
    p : Checked
        ``n_followed``, ``n_hopping``, ``n_bootstrap``, ``level``, ``least``, ``max_q``, ``seed``.
    """
    subject = trained(run, model)
    found = answers(run, subject, asked.elements, p, follow=True)
    made = tables(subject, found, p)
    passed = carriers.passed_on(made.shares, made.criteria)
    said = wording.say_mediated(made.effects, made.carriers, passed, p)
    results = {"mediation_effects": made.effects}
    kept = {"effects": made.effects}
    return made._replace(finding=Finding(said, results, kept))


def tables(subject: Subject, found: list[Answer], p: Checked) -> Mediated:
    """Intervals, q-values and carriers of a network's answers."""
    criteria = Criteria(p.n_bootstrap, p.level, p.seed, p.least, p.max_q)
    shares = carriers.shares(
        found, criteria, model=subject.name, seed=subject.seed, control=subject.control
    )
    return Mediated(
        found,
        criteria,
        carriers.effects(found, criteria),
        shares,
        carriers.carried(shares, criteria),
        carriers.profiles(found),
        Finding(),
    )


def trained(run: Run, model: Model, control: str = "") -> Subject:
    """A model of the run as a subject."""
    sources = made_from(model.file, run.study.genome)
    return Subject(
        model.name, model.annotator, int(model.card.training.get("seed", 0)), control, sources
    )


def untrained(run: Run, model: Model, seed: int) -> Subject:
    """A network of the same shape whose weights are random."""
    network = untrained_network(model.config, seed)
    network.to(next(model.annotator.parameters()).device)
    sources = made_from(model.file, run.study.genome, untrained=seed)
    return Subject(f"{model.name}-{UNTRAINED}", network, seed, UNTRAINED, sources)


def answers(
    run: Run, subject: Subject, questions: Sequence[Question], p: Checked, *, follow: bool
) -> list[Answer]:
    """Answers about questions, each kept in the run as it is found.

    A control is asked of the heads that restore its element, which comes before it; of its effect
    alone if there is none.
    """
    found: list[Answer] = []
    for question in questions:
        if question.control:
            heads = carriers.restoring(found[-1], p.least)
            found.append(Answer(question, _asked_once(run, subject, question, heads=heads)))
            continue
        answer = Answer(question, _asked_once(run, subject, question, removing=follow))
        effect = answer.mediation.effect
        error = effect.std() / np.sqrt(len(effect))
        if follow and effect.mean() - 2 * error > p.least:
            answer = answer._replace(followed=_followed_once(run, subject, answer, p))
        found.append(answer)
    return found


def _kind(question: Question, kind: str) -> str:
    """What an answer is kept as: plain letters."""
    end = "-control" if question.control else ""
    plain = question.element.lower().replace("+", "plus").replace("-", "minus")
    return f"{kind}_{CODING.sub('-', plain)}{end}"


def letters_of(question: Question) -> dict[str, Any]:
    """What is replaced at which site, and by what: part of what an answer is made from."""
    return {
        "sites": question.sites[["position", "strand"]].to_csv(index=False),
        "first": question.noised.first.tolist(),
        "letters": question.noised.letters.tolist(),
    }


def _sources(subject: Subject, question: Question) -> dict[str, Any]:
    """What an answer is made from: the network, and every replaced letter."""
    return {**subject.sources, **letters_of(question)}


def _asked_once(
    run: Run,
    subject: Subject,
    question: Question,
    *,
    heads: list[Head] | None = None,
    removing: bool = False,
) -> mediation.Mediation:
    genome = run.study.genome
    sources = {**_sources(subject, question), "removing": removing}
    if heads is not None:
        sources["heads"] = heads
    arrays = run.once(
        NOTEBOOK,
        subject.name,
        _kind(question, "mediation"),
        sources,
        lambda: vars(
            mediation.mediation(
                subject.network,
                genome,
                question.sites,
                question.noised,
                name=question.element,
                heads=heads,
                removing=removing,
            )
        ),
    )
    return mediation.Mediation(**arrays)


def _followed_once(run: Run, subject: Subject, answer: Answer, p: Checked) -> paths.Followed:
    c = subject.network.config
    question = answer.question
    begin = int(question.noised.first.min()) - TILE
    query = np.arange(begin - begin % TILE, c.downstream + c.reach_downstream + TILE, TILE)
    key = np.concatenate([[c.downstream - 2 * c.window], query])
    heads = carriers.leading(answer, p.n_followed)

    def make() -> dict[str, NDArray[Any]]:
        found = paths.follow(
            subject.network,
            run.study.genome,
            question,
            heads,
            query=query,
            key=key,
            n_hopping=p.n_hopping,
        )
        return {name: getattr(found, name) for name in ("by_query", "by_key", "together", "by_hop")}

    sources = {**_sources(subject, question), "heads": heads, "hopping": p.n_hopping}
    arrays = run.once(NOTEBOOK, subject.name, _kind(question, "followed"), sources, make)
    hops = paths.hops_among(heads[: p.n_hopping])
    return paths.Followed(heads=heads, query=query, key=key, hops=hops, **arrays)


def tiled(run: Run, model: Model, asked: Asked, p: Checked) -> Mediated:
    """The same for every tile of the region, whatever stands there.

    Parameters
    ----------
    run, model, asked, p
        As of `mediated`.
    """
    subject = trained(run, model)
    made = tables(subject, answers(run, subject, asked.tiles, p, follow=False), p)
    said = wording.say_tiled(made.effects, made.carriers)
    return made._replace(finding=Finding(said, {"mediation_tiles": made.shares}))


# -------------------------------------------------------------------------------- by which way


class Ways(NamedTuple):
    """Head sets, hops, and maps of queries and keys of the elements that are used."""

    sets: pd.DataFrame
    """`carriers.head_sets`."""
    hops: pd.DataFrame
    """`carriers.hops`."""
    map: pd.DataFrame
    """``element``, ``head``, ``query``, ``key`` (first offsets of bins; the farthest key bin holds
    all before), ``share`` (to first order) of the leading heads."""
    bins: pd.DataFrame
    """Rows of `carriers.shares` by bin of queries, of the leading heads."""
    finding: Finding

    @property
    def shown(self) -> str:
        """The element that is read most by way of queries upstream of the site."""
        elsewhere = self.map[self.map["query"] < 0]
        if elsewhere.empty:
            return ""
        return str(elsewhere.loc[elsewhere["share"].idxmax(), "element"])


def ways(mediated: Mediated) -> Ways:
    """Say at which queries, from which keys, with which others and by which hop heads act."""
    criteria = mediated.criteria
    sets = carriers.head_sets(mediated.answers, criteria)
    hops = carriers.hops(mediated.answers, criteria)
    rows = []
    for answer in mediated.answers:
        followed = answer.followed
        if followed is None:
            continue
        share = followed.by_key.mean(0) / answer.mediation.effect.mean()  # heads, q, k
        for number, (layer, head) in enumerate(followed.heads):
            for q, k in np.ndindex(share.shape[1:]):
                place = (int(followed.query[q]), int(followed.key[k]))
                name = f"L{layer + 1} H{head + 1}"
                rows.append((answer.question.element, name, *place, share[number, q, k]))
    columns = ["element", "head", "query", "key", "share"]
    table = mediated.shares
    bins = table[(table["query_bin"] != carriers.EVERY) & (table["control"] == "")]
    frame = pd.DataFrame(rows, columns=columns)
    said = wording.say_ways(sets, hops, bins, frame, criteria)
    return Ways(
        sets, hops, frame, bins, Finding(said, {"mediation_sets": sets, "mediation_hops": hops})
    )


# --------------------------------------------------------------------------------------- spacers


class Spaced(NamedTuple):
    """What a box is worth at other distances, and what of that goes through a head."""

    table: pd.DataFrame | None
    """``spacer``, ``effect``, ``effect_low``, ``effect_high``, ``through``, ``through_low``,
    ``through_high``; None where it cannot be asked."""
    head: str
    finding: Finding


def spaced(run: Run, model: Model, asked: Asked, mediated: Mediated, p: Checked) -> Spaced:
    """Write one element at several distances upstream of another: the task's ``spacing``.

    Parameters
    ----------
    run, model, asked, mediated
    p : Checked
        ``n_draws``, ``seed``.
    """
    spacing = run.study.of.spacing
    upstream, downstream = (
        next((name for name in asked.known if name.startswith(begin)), None)
        for begin in (spacing.upstream, spacing.downstream)
    )
    answer = mediated.answer(downstream) if downstream else None
    first = mediated.carriers[mediated.carriers["element"] == upstream]
    if upstream is None or downstream is None or answer is None or first.empty:
        name = spacing.upstream.replace("-35", "−35 box")
        said = f"No head carries a {name} here, so there is no spacer to ask about."
        return Spaced(None, "", Finding(said))
    top = first.iloc[0]
    head = (int(top["layer"]) - 1, int(top["head"]) - 1)
    chosen = answer.question.sites
    place, _ = sited(run.study.genome, chosen, asked.known[downstream])
    box = asked.known[upstream].probabilities.argmax(1)
    subject = trained(run, model)
    spacer = np.array(spacing.tried)

    def make() -> dict[str, NDArray[Any]]:
        found = paths.spacers(
            subject.network,
            run.study.genome,
            chosen,
            box,
            place,
            head,
            spacer=spacer,
            draws=p.n_draws,
            seed=p.seed,
        )
        return found._asdict()

    sources = {**_sources(subject, answer.question), "head": head, "box": box.tolist()}
    arrays = run.once(NOTEBOOK, subject.name, "spacers", sources, make)
    times = carriers.draws(chosen, mediated.criteria)
    between = {"upstream": upstream, "downstream": downstream}
    frame = pd.DataFrame({**between, "spacer": arrays["spacer"]})
    for name in ("effect", "through"):
        mean = (times @ arrays[name]) / times.sum(1, keepdims=True)
        limits = np.array([bootstrap.interval(one, p.level) for one in mean[1:].T])
        frame[name], frame[f"{name}_low"], frame[f"{name}_high"] = mean[0], *limits.T
    label = f"L{head[0] + 1} H{head[1] + 1}"
    said = wording.say_spaced(frame, label, run.study.of.spacing.preferred)
    return Spaced(frame, label, Finding(said, {"mediation_spacers": frame}))


# ------------------------------------------------------------------------- seeds and controls


class Others(NamedTuple):
    """The same questions to other seeds and to networks not trained on start sites."""

    seeds: dict[str, Mediated]
    """This chapter's model first."""
    controls: dict[str, Mediated]
    roles: pd.DataFrame
    """`carriers.matched_roles`."""
    leading: pd.DataFrame
    """``element`` (used in some seed), ``model``, ``head`` and ``share`` of the leading carrier;
    no head and a share of zero where none carries it."""
    finding: Finding


def others(run: Run, model: Model, asked: Asked, mediated: Mediated, p: Checked) -> Others:
    """Ask other seeds and controls, and match heads by what they carry.

    Parameters
    ----------
    run, model, asked, mediated
    p : Checked
        ``seeds`` (weights of the same training from other seeds), ``controls`` (weights of
        trainings on shuffled labels; an untrained network is always asked), ``seed``.
    """
    seeds, controls = {model.name: mediated}, {}
    missing = []
    for name in p.seeds:
        if not run.has_weights(name):
            missing.append(name)
            continue
        subject = trained(run, run.model(name))
        seeds[subject.name] = tables(
            subject, answers(run, subject, asked.elements, p, follow=False), p
        )
    subjects = [untrained(run, model, p.seed)]
    for name in p.controls:
        if run.has_weights(name):
            subjects.append(trained(run, run.model(name), "shuffled labels"))
        else:
            missing.append(name)
    there = [one for one in asked.elements if not one.control]
    for subject in subjects:
        controls[subject.name] = tables(subject, answers(run, subject, there, p, follow=False), p)
    roles = carriers.matched_roles(
        {name: one.profiles for name, one in seeds.items()},
        {name: one.carriers for name, one in seeds.items()},
        {name: one.profiles for name, one in controls.items()},
    )
    every = [one.shares for one in (*seeds.values(), *controls.values())]
    results = {"mediation": pd.concat(every, ignore_index=True), "mediation_roles": roles}
    said = wording.say_others(seeds, controls, roles, missing, p)
    leading = _leading({**seeds, **controls})
    carried = pd.concat([one.carriers for one in seeds.values()], ignore_index=True)
    kept = {"roles": roles, "seed_carriers": carried}
    return Others(seeds, controls, roles, leading, Finding(said, results, kept))


def _leading(networks: Mapping[str, Mediated]) -> pd.DataFrame:
    """The head that carries most of each used element in each network."""
    rows = []
    for element in dict.fromkeys(name for one in networks.values() for name in one.used):
        for model, one in networks.items():
            mine = one.carriers[one.carriers["element"] == element]
            top = mine.iloc[0] if len(mine) else None
            head = "" if top is None else wording.head_name(top)
            rows.append((element, model, head, 0.0 if top is None else top["share"]))
    return pd.DataFrame(rows, columns=["element", "model", "head", "share"])
