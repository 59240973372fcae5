"""The claim game: a genome whose grammar nobody has seen, a network, and claims that are graded.

``genoattn game new --seeds 1 2 3`` draws a promoter grammar for each seed
(`genoattn.course.grammars`), simulates a genome with it and trains a small network on the reported
start sites. A folder holds all that a player may use: ``genome.fa``, ``sites.csv``, the network,
and ``claims.csv`` to be filled in. What was planted lies in ``truth.sealed``, compressed, so that
nobody reads it by accident. That is a seal of honour: with the same seed anybody can make the same
genome. A teacher who wants more gives a ``--key``, which enters the seed, and keeps the truth
elsewhere (``--truth``).

``genoattn game grade FOLDER`` lays the claims beside the truth by the rule that the automatic
claims are graded by (`genoattn.interventions.grading`): a claim counts if sites at which the
head attends more have the motif more often, if switching the head off and replacing the letters
both change the output, and if no other claim says the same more surely;
it is right if it is like a planted element at its place, and false if it is like none. An element
that the network does not use cannot be found in its heads, and is not asked for.

``genoattn game solve FOLDER`` claims by the automatic rule (`genoattn.interventions.claims`).
"""

from __future__ import annotations

import argparse
import base64
import binascii
import io
import json
import re
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from genoattn.course.grammars import drawn_grammar
from genoattn.data.curation import Merging, curate
from genoattn.data.grammar import consensus_matrix
from genoattn.data.simulation import simulate
from genoattn.evaluation.statistics import mann_whitney_greater
from genoattn.genome.files import AnnotationError, read_own_table, writing
from genoattn.genome.formats import read_fasta, write_fasta
from genoattn.genome.motifs import IUPAC
from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.heads import profiles
from genoattn.interventions import claims, grading
from genoattn.interventions.ablation import effects
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.segments import TrainingConfig
from genoattn.model.training import PAPER_CUTS, fit
from genoattn.prediction.predict import predict
from genoattn.prediction.recorders import SampledAttention
from genoattn.study.parameters import COUNT, FROM_0, MORE_THAN_0

__all__ = [
    "Game",
    "Grades",
    "found_of",
    "grade",
    "new",
    "read_claims",
    "readers",
    "seal",
    "solve",
    "unseal",
]


MODEL = AnnotatorConfig(
    layers=2, heads=4, d_model=32, d_head=16, window=128, downstream=20, dropout=0.0
)
TRAINING = TrainingConfig(
    passes=5.0, segment=512, context=128, batch=4, empty_share=0.2, learning_rate=0.003,
    steps_per_round=300, patience=9,
)  # fmt: skip
LENGTH = 300_000
COLUMNS = ("element", "place", "motif", "head")
"""Of a table of claims: any name, offset of the motif's first letter, IUPAC letters, ``L1 H2``."""
WIDEST = 9
"""Letters of a claimed motif at most: those that an automatic claim has."""
SHARPNESS = 0.9
"""Share of a claimed letter in the matrix that a word is turned into."""
NAMES = {"genome": "genome.fa", "sites": "sites.csv", "network": "network.safetensors"}
FIRST_LINE = "# What was planted, sealed: reading it ends the game."


@dataclass(frozen=True)
class Game:
    """What a player may use.

    Attributes
    ----------
    genome : Genome
    sites : DataFrame
        Reported start sites, merged: ``position`` (0-based), ``strand``, ``part`` (``train`` or
        ``held``: those that the network was not trained on).
    network : Annotator
    """

    genome: Genome
    sites: pd.DataFrame
    network: Annotator

    @classmethod
    def read(cls, folder: str | Path) -> Game:
        """Read the folder that `new` wrote.

        Raises
        ------
        FileNotFoundError
            Names the file that is missing.
        """
        folder = Path(folder)
        for name in NAMES.values():
            if not (folder / name).is_file():
                raise FileNotFoundError(
                    f"{folder / name} is missing: make the game with genoattn game new"
                )
        sites = pd.read_csv(folder / NAMES["sites"])
        (genome,) = read_fasta(folder / NAMES["genome"])
        return cls(genome, sites, Annotator.load(folder / NAMES["network"]))

    @property
    def held(self) -> pd.DataFrame:
        """The sites that claims are tested on, in the order of ``sites``."""
        return self.sites[self.sites["part"] == "held"].reset_index(drop=True)


# ------------------------------------------------------------------------------------- making


def new(
    seed: int,
    folder: str | Path,
    *,
    key: str = "",
    truth: str | Path | None = None,
    length: int = LENGTH,
    n_elements: int = 4,
    model: AnnotatorConfig = MODEL,
    training: TrainingConfig = TRAINING,
) -> Game:
    """Draw a grammar, simulate a genome with it, train a network on it, and seal the truth.

    A training that was interrupted goes on; a finished one is not repeated.

    Parameters
    ----------
    seed : int
    folder : str or Path
        What a player gets; see the module's first lines.
    key : str
        A teacher's word that enters the seed.
    truth : str or Path, optional
        Where the sealed truth goes; ``truth.sealed`` in the folder by default.
    length : int
        Nucleotides of the genome.
    n_elements : int
        Planted elements.
    model, training : configurations
        Of the network.

    Returns
    -------
    Game
    """
    folder = Path(folder)
    streams = np.random.SeedSequence([seed, *key.encode()]).spawn(2)
    grammar = drawn_grammar(np.random.default_rng(streams[0]), n_elements)
    made = simulate(int(streams[1].generate_state(1)[0]), length, grammar)
    genome = Genome("GAME", made.genome.codes, circular=True)
    reported = made.assays.sort_values(["position", "strand", "source"], ignore_index=True)
    curated = curate(reported, Merging(length=length))
    split = Split.at([round(length * share) for share in PAPER_CUTS], length)
    sites = curated[["position", "strand"]].copy()
    train = split.mask("train")[sites["position"].to_numpy()]
    sites["part"] = np.where(train, "train", "held")
    folder.mkdir(parents=True, exist_ok=True)
    write_fasta(genome, folder / NAMES["genome"])
    network = fit(
        genome,
        curated,
        split,
        folder / NAMES["network"],
        model=model,
        training=training,
        train_set="game",
        accelerator="cpu",
        progress=False,
    )
    assert isinstance(network, Annotator)
    seal(made.elements, folder / "truth.sealed" if truth is None else truth)
    with writing(folder / NAMES["sites"]) as partial:
        sites.to_csv(partial, index=False)
    if not (folder / "claims.csv").exists():
        with writing(folder / "claims.csv") as partial:
            partial.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    return Game(genome, sites, network)


def seal(elements: pd.DataFrame, path: str | Path) -> None:
    """Write what was planted so that nobody reads it by accident.

    Parameters
    ----------
    elements : DataFrame
        `genoattn.data.simulation.Simulation.elements`.
    path : str or Path
    """
    packed = zlib.compress(elements.to_csv(index=False).encode(), 9)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as partial:
        text = base64.encodebytes(packed).decode()
        partial.write_text(f"{FIRST_LINE}\n{text}", encoding="utf-8")


def unseal(path: str | Path) -> pd.DataFrame:
    """Read what `seal` wrote.

    Raises
    ------
    FileNotFoundError, AnnotationError
        No such file, or one that is not whole.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; name the sealed truth with --truth")
    first, _, text = path.read_text(encoding="utf-8").partition("\n")
    try:
        if first != FIRST_LINE:
            raise ValueError
        table = zlib.decompress(base64.b64decode(text)).decode()
    except (ValueError, binascii.Error, zlib.error) as error:
        raise AnnotationError(f"{path}: is no sealed truth, or damaged; make the game anew") from (
            error
        )
    return pd.read_csv(io.StringIO(table), dtype={"element": str})


# ------------------------------------------------------------------------------------- claims


def read_claims(path: str | Path, config: AnnotatorConfig) -> pd.DataFrame:
    """Read a table of claims, and say in a sentence what is wrong with it.

    Parameters
    ----------
    path : str or Path
        Columns ``element`` (any name), ``place`` (offset of the motif's first letter from the
        start site, which is 0; upstream is negative), ``motif`` (up to nine IUPAC letters) and
        ``head`` (``L1 H2``).
    config : AnnotatorConfig
        Of the network whose heads are named.

    Returns
    -------
    DataFrame
        The four columns, ``layer_1based``, ``head_1based``, and ``offset`` of the motif's centre
        when it is padded to nine letters; indexed by line number.

    Raises
    ------
    FileNotFoundError, AnnotationError
        Names the line and the column.
    """
    table = read_own_table(path, COLUMNS)[list(COLUMNS)]
    table["motif"] = table["motif"].str.strip().str.upper()
    rows = []
    for line, row in table.iterrows():
        where = f"{path}, line {line}"
        head = re.fullmatch(r"L(\d+)\s*H(\d+)", row["head"].strip(), flags=re.IGNORECASE)
        if not head:
            raise AnnotationError(f"{where}: head {row['head']!r} is not written as L1 H2")
        layer, number = int(head[1]), int(head[2])
        if not (1 <= layer <= config.layers and 1 <= number <= config.heads):
            raise AnnotationError(
                f"{where}: the network has no head {row['head']}: {config.layers} layers of "
                f"{config.heads} heads, counted from 1"
            )
        if not re.fullmatch(f"[{''.join(IUPAC)}]{{3,{WIDEST}}}", row["motif"]):
            raise AnnotationError(
                f"{where}: motif {row['motif']!r} must be 3 to {WIDEST} letters of A, C, G, T or "
                "the IUPAC letters for several; claim a longer one in two rows"
            )
        if not re.fullmatch(r"\s*[+-]?\d+\s*", row["place"]):
            raise AnnotationError(f"{where}: place {row['place']!r} is not a whole number")
        offset = _centre(int(row["place"]), row["motif"])
        first, last = offset - WIDEST // 2, offset + WIDEST // 2
        if first < config.downstream - config.window or last > config.downstream:
            raise AnnotationError(
                f"{where}: place {row['place']} lies outside what a head sees, "
                f"{config.downstream - config.window} to {config.downstream}"
            )
        rows.append((int(row["place"]), layer, number, offset))
    table[["place", "layer_1based", "head_1based", "offset"]] = rows
    return table


def _centre(place: int, motif: str) -> int:
    """Offset of the middle of a motif that is padded to nine letters."""
    return place - (WIDEST - len(motif)) // 2 + WIDEST // 2


def readers(
    game: Game, words: Sequence[tuple[int, str]], rule: claims.Rule | None = None
) -> pd.DataFrame:
    """Ask of every head whether it reads given words at given places.

    Parameters
    ----------
    game : Game
    words : sequence of (place, motif)
        As in a table of claims.
    rule : Rule, optional

    Returns
    -------
    DataFrame
        ``place``, ``motif``, ``layer_1based``, ``head_1based``, ``head`` and ``p_attention``: that
        held-out sites with more of the head's attention there have the motif no more often.
    """
    config = game.network.config
    asked = pd.DataFrame(
        [
            (place, motif, layer + 1, head + 1, _centre(place, motif))
            for place, motif in words
            for layer in range(config.layers)
            for head in range(config.heads)
        ],
        columns=["place", "motif", "layer_1based", "head_1based", "offset"],
    )
    asked["head"] = profiles.names(asked)
    found = found_of(asked, game, rule or claims.Rule())
    return asked.drop(columns="offset").assign(p_attention=found.table["p_attention"].to_numpy())


def found_of(given: pd.DataFrame, game: Game, rule: claims.Rule) -> claims.Found:
    """Turn claims into what the rule of the automatic claims works with.

    Parameters
    ----------
    given : DataFrame
        `read_claims`.
    game : Game
    rule : Rule

    Returns
    -------
    Found
        ``p_attention``: whether held-out sites that get more of the head's attention at the place
        have the motif there more often (Mann-Whitney, one-sided). ``carriers`` are rows of
        `Game.held`.
    """
    held = game.held
    counts = np.stack([_counts(motif) for motif in given["motif"]])
    attention = _attention(game, held)
    rows, carriers = [], []
    for (_, row), matrix in zip(given.iterrows(), counts, strict=True):
        offset = int(row["offset"])
        around = np.arange(offset - WIDEST // 2, offset + WIDEST // 2 + 1)
        codes = game.genome.around(held["position"].to_numpy(), held["strand"].to_numpy(), around)
        score = np.log2(matrix / matrix.sum(1, keepdims=True) * 4)[np.arange(WIDEST), codes].sum(1)
        seen = attention[
            :, row["layer_1based"] - 1, row["head_1based"] - 1,
            game.network.config.downstream - offset,
        ]  # fmt: skip
        order = np.argsort(-seen, kind="stable")
        half = len(order) // 2
        p_attention = mann_whitney_greater(score[order[:half]], score[order[half:]])
        rows.append((row["layer_1based"], row["head_1based"], offset, row["motif"], p_attention))
        carriers.append(np.argsort(-score, kind="stable")[: rule.n_words])
    table = pd.DataFrame(
        rows, columns=["layer_1based", "head_1based", "offset", "consensus", "p_attention"]
    )
    table["q_value"] = false_discovery_control(table["p_attention"])
    return claims.Found(table, counts, np.stack(carriers))


def _counts(motif: str) -> NDArray[np.int64]:
    """Counts of A, C, G, T (nine, 4) of a hundred sites with a motif, laid in the middle."""
    padded = "N" * ((WIDEST - len(motif)) // 2) + motif
    rows = []
    for letter in padded.ljust(WIDEST, "N"):
        members = IUPAC[letter]
        each = [consensus_matrix(one, SHARPNESS)[0] for one in members]
        rows.append(np.mean(each, axis=0) if len(members) < 4 else np.full(4, 0.25))
    return np.round(100 * np.stack(rows)).astype(np.int64)


def _attention(game: Game, sites: pd.DataFrame) -> NDArray[np.float16]:
    """Attention at sites, shape (n, layers, heads, window)."""
    recorder = SampledAttention(
        game.network.config,
        sites["strand"].to_numpy(),
        sites["position"].to_numpy(),
        len(game.genome),
    )
    where = np.zeros(len(game.genome), dtype=bool)
    where[sites["position"].to_numpy()] = True
    predict(game.network, game.genome, where=where, recorders=[recorder], progress=False)
    return recorder.attention


def solve(game: Game, rule: claims.Rule | None = None) -> pd.DataFrame:
    """Claim by the automatic rule: what a player's table is measured by.

    Returns
    -------
    DataFrame
        A table of claims (`COLUMNS`), the surest first: those whose head and whose letters matter,
        and that repeat no other head's.
    """
    rule = rule or claims.Rule()
    sites = game.sites
    found = claims.claim(
        _attention(game, sites),
        sites,
        (sites["part"] == "train").to_numpy(),
        game.genome,
        downstream=game.network.config.downstream,
        rule=rule,
    )
    words = claims.letters(game.network, game.genome, sites, found, seed=0)
    changed = effects(game.network, game.genome, _drawn(game.held, rule.n_sites))
    nothing = pd.DataFrame(columns=["element", "offset", "sequence"])
    _, made = grading.grade(found, changed, words, nothing, rule)
    made["name"] = profiles.names(made)
    made = made[made["claimed"]].sort_values("q_value", kind="stable")
    return pd.DataFrame(
        {
            "element": [f"claim {number}" for number in range(1, len(made) + 1)],
            "place": made["offset"] - rule.half,
            "motif": made["consensus"],
            "head": made["name"],
        }
    )


def _drawn(sites: pd.DataFrame, n: int) -> pd.DataFrame:
    """At most n of some sites, at random."""
    return sites.iloc[np.random.default_rng(0).permutation(len(sites))[:n]]


# ------------------------------------------------------------------------------------- grading


@dataclass(frozen=True)
class Grades:
    """What became of a table of claims.

    Attributes
    ----------
    claims : DataFrame
        A row a claim: `COLUMNS`, ``verdict`` (``right``, ``false``, ``echo``, ``not supported``)
        and ``why`` in words.
    elements : DataFrame
        A row for each planted element: ``element``, ``place`` (its commonest first offset),
        ``motif``, ``used`` (by the network), ``change`` (of the log-odds without it), ``found``
        and ``head`` of the claim.
    """

    claims: pd.DataFrame
    elements: pd.DataFrame

    @property
    def score(self) -> float:
        """Elements found, of those that the network uses and those claimed falsely: 0 to 1."""
        found = int(self.elements["found"].sum())
        false = int((self.claims["verdict"] == "false").sum())
        asked = int((self.elements["used"] | self.elements["found"]).sum()) + false
        return found / asked if asked else 0.0

    def said(self) -> str:
        """The grade in words: score, what was missed, what is false."""
        lines = [
            f"Score {self.score:.2f}: {int(self.elements['found'].sum())} of "
            f"{int(self.elements['used'].sum())} elements that the network uses were found; "
            f"{int((self.claims['verdict'] == 'false').sum())} false claims."
        ]
        for row in self.claims.itertuples():
            lines.append(f"- {row.element} ({row.motif} at {row.place:+d}, {row.head}): {row.why}")
        for row in self.elements[~self.elements["found"]].itertuples():
            reason = "missed" if row.used else "not used by the network, so not asked for"
            lines.append(f"- {row.motif} at {row.place:+d}: {reason} ({row.change:+.1f} log-odds)")
        return "\n".join(lines)


def grade(
    game: Game, given: pd.DataFrame, elements: pd.DataFrame, rule: claims.Rule | None = None
) -> Grades:
    """Grade claims by the rule of the automatic ones.

    Parameters
    ----------
    game : Game
    given : DataFrame
        `read_claims`; may be empty.
    elements : DataFrame
        What was planted (`unseal`).
    rule : Rule, optional
    """
    rule = replace(rule or claims.Rule(), n_permuted=0)
    used = grading.usage(
        game.network,
        game.genome,
        elements,
        most=rule.n_sites,
        least=rule.min_used,
        seed=0,
    ).set_index("element")
    if len(given):
        found = found_of(given, game, rule)
        changed = effects(game.network, game.genome, _drawn(game.held, rule.n_sites))
        words = claims.letters(game.network, game.genome, game.held, found, seed=0)
        words.loc[found.table["q_value"] > rule.max_q, "p_word"] = 1.0  # it does not read them
        recovered, made = grading.grade(found, changed, words, elements, rule)
        made = made.rename(columns={"element": "planted"})
        made[list(COLUMNS)] = given[list(COLUMNS)].to_numpy()
    else:
        recovered = pd.DataFrame({"element": used.index, "recovered": False, "head": ""})
        made = pd.DataFrame(columns=[*COLUMNS, "verdict", "why"])
    rows = [_verdict(row, rule) for _, row in made.iterrows()]
    made[["verdict", "why"]] = rows if rows else np.empty((0, 2), dtype=object)
    return Grades(made[[*COLUMNS, "verdict", "why"]], _asked(elements, used, recovered))


def _verdict(row: pd.Series, rule: claims.Rule) -> tuple[str, str]:
    """What became of a claim, in one word and in a sentence."""
    if not row["q_value"] <= rule.max_q:
        return "not supported", (
            "not counted, as sites that get more of this head's attention there do not have the "
            "motif more often"
        )
    if not row["p_effect"] <= rule.max_q:
        return "not supported", (
            f"not counted, as the output hardly changes without this head ({row['effect']:+.2f} "
            "log-odds)"
        )
    if not row["p_word"] <= rule.max_q:
        return "not supported", (
            "not counted, as the output hardly changes when these letters are replaced "
            f"({row['word_effect']:+.2f} log-odds)"
        )
    if row["echo"]:
        return "echo", "not counted, as another claim says the same of a head that reads it better"
    if row["false_claim"]:
        return "false", "false: no planted element is like this at this place"
    return "right", f"right: {row['planted']} is planted there"


def _asked(elements: pd.DataFrame, used: pd.DataFrame, recovered: pd.DataFrame) -> pd.DataFrame:
    """The planted elements, whether they are used, and whether they were found."""
    rows = []
    for one in recovered.itertuples():
        copies = elements[elements["element"] == one.element]
        codes = [list(text) for text in copies["sequence"]]
        motif = "".join(pd.Series(column).mode()[0] for column in zip(*codes, strict=True))
        place = int(copies["offset"].mode().iloc[0])
        said = used.loc[one.element]
        rows.append(
            (one.element, place, motif, said["used"], said["change"], one.recovered, one.head)
        )
    columns = ["element", "place", "motif", "used", "change", "found", "head"]
    return pd.DataFrame(rows, columns=columns).astype({"used": bool, "found": bool})


# -------------------------------------------------------------------------------- command line


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: make games, claim by the automatic rule, grade claims."""
    parser = argparse.ArgumentParser(prog="genoattn game", description=main.__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    make = steps.add_parser("new", help="make a game for each seed")
    make.add_argument("--seeds", type=FROM_0, nargs="+", default=[1], help="a seed a player")
    make.add_argument("--out", type=Path, default=Path("runs/game"), help="folder of the games")
    make.add_argument("--key", default="", help="a word that enters the seeds; keep it to yourself")
    make.add_argument("--truth", type=Path, help="folder of the sealed truths, if elsewhere")
    make.add_argument("--length", type=COUNT, default=LENGTH, help="nucleotides of a genome")
    make.add_argument("--elements", type=COUNT, default=4, help="planted elements")
    make.add_argument("--passes", type=MORE_THAN_0, default=TRAINING.passes, help="of it")
    for step, what in (("solve", "claim by the automatic rule"), ("grade", "grade claims")):
        one = steps.add_parser(step, help=what)
        one.add_argument("folders", type=Path, nargs="+", help="folders of games")
        one.add_argument("--claims", type=Path, help="table of claims; claims.csv of the folder")
        if step == "grade":
            one.add_argument("--truth", type=Path, help="folder of the truths, if elsewhere")
    given = parser.parse_args(arguments)
    try:
        if given.step == "new":
            _make(given)
        else:
            for folder in given.folders:
                _solve(folder, given) if given.step == "solve" else _grade(folder, given)
    except (ValueError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _truth(folder: Path, elsewhere: Path | None) -> Path:
    """Where the sealed truth of a game lies."""
    return folder / "truth.sealed" if elsewhere is None else elsewhere / f"{folder.name}.sealed"


def _make(given: argparse.Namespace) -> None:
    for seed in given.seeds:
        folder = given.out / str(seed)
        game = new(
            seed,
            folder,
            key=given.key,
            truth=_truth(folder, given.truth),
            length=given.length,
            n_elements=given.elements,
            training=replace(TRAINING, passes=given.passes),
        )
        print(f"{folder}: {len(game.sites)} start sites, the network is trained", flush=True)


def _solve(folder: Path, given: argparse.Namespace) -> None:
    made = solve(Game.read(folder))
    path = given.claims or folder / "claims.csv"
    with writing(path) as partial:
        made.to_csv(partial, index=False)
    print(f"{path}: {len(made)} claims")


def _grade(folder: Path, given: argparse.Namespace) -> None:
    game = Game.read(folder)
    claimed = read_claims(given.claims or folder / "claims.csv", game.network.config)
    grades = grade(game, claimed, unseal(_truth(folder, given.truth)))
    with writing(folder / "grades.json") as partial:
        content = {
            "score": grades.score,
            "claims": grades.claims.to_dict("records"),
            "elements": grades.elements.to_dict("records"),
        }
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{folder}\n{grades.said()}")
