"""The claim game: a genome whose grammar nobody has seen, a network, and claims that are graded.

``genoattn game new --seeds 1 2 3`` draws a promoter grammar for each seed
(`genoattn.course.grammars`), simulates a genome with it and trains a small network on the reported
start sites. A folder holds all that a player may use: ``genome.fa``, ``sites.csv``, the network,
and ``claims.csv`` to be filled in. What was planted lies in ``truth.sealed``, compressed, so that
nobody reads it by accident. That is a seal of honour: with the same seed anybody can make the same
genome. A teacher who wants more gives a ``--key``, which enters the seed, and keeps the truth
elsewhere (``--truth``).

``genoattn game grade FOLDER`` puts the claims to the same tests as the automatic ones
(`genoattn.interventions.claims.ask`): at sites that the network was not trained on and that have
the element, the output must fall when its letters are put in another order, and some of that must
come back when the head hands on what it would if the element stood there. Then they are laid beside
the truth (`genoattn.interventions.grading`): a claim is right if it is of a planted element at its
place, and false if it is of none; one claim counts for one element. An element that the network
does not use cannot be found in it, and is not asked for.

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

from genoattn.course.grammars import drawn_grammar
from genoattn.data.curation import Merging, curate
from genoattn.data.simulation import simulate
from genoattn.genome.files import AnnotationError, read_own_table, writing
from genoattn.genome.formats import read_fasta, write_fasta
from genoattn.genome.motifs import IUPAC, count_matrix
from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.heads.elements import word
from genoattn.interventions import claims, grading
from genoattn.interventions.carriers import carried
from genoattn.interventions.motif_discovery import Pattern
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.segments import TrainingConfig
from genoattn.model.training import PAPER_CUTS, fit
from genoattn.study.parameters import COUNT, FROM_0, MORE_THAN_0

__all__ = [
    "Game",
    "Grades",
    "carriers",
    "found_of",
    "grade",
    "new",
    "read_claims",
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
WIDEST = 16
"""Letters of a claimed motif at most."""
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

    @property
    def held_part(self) -> NDArray[np.bool_]:
        """Where the network was not trained, shape (L,)."""
        return ~_split(len(self.genome)).mask("train")


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

    Raises
    ------
    ValueError
        The folder holds another game.
    """
    folder = Path(folder)
    streams = np.random.SeedSequence([seed, *key.encode()]).spawn(2)
    grammar = drawn_grammar(np.random.default_rng(streams[0]), n_elements)
    made = simulate(int(streams[1].generate_state(1)[0]), length, grammar)
    genome = Genome("GAME", made.genome.codes, circular=True)
    reported = made.assays.sort_values(["position", "strand", "source"], ignore_index=True)
    curated = curate(reported, Merging(length=length))
    split = _split(length)
    sites = curated[["position", "strand"]].copy()
    train = split.mask("train")[sites["position"].to_numpy()]
    sites["part"] = np.where(train, "train", "held")
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_another(folder / NAMES["genome"], genome)
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


def _refuse_another(path: Path, genome: Genome) -> None:
    """Do not write over a game of another seed, key or length: its claims would be lost."""
    if not path.exists():
        return
    there = read_fasta(path)
    if len(there) != 1 or not np.array_equal(there[0].codes, genome.codes):
        raise ValueError(
            f"{path.parent} holds a game of another seed, key or length: play it with "
            "Game.read, or give another folder"
        )


def _split(length: int) -> Split:
    """The parts of a game's genome."""
    return Split.at([round(length * share) for share in PAPER_CUTS], length)


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
        start site, which is 0; upstream is negative), ``motif`` (IUPAC letters) and ``head``
        (``L1 H2``).
    config : AnnotatorConfig
        Of the network whose heads are named.

    Returns
    -------
    DataFrame
        The four columns, the head written as ``L1 H2``; indexed by line number.

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
        if not re.fullmatch(f"[{''.join(IUPAC)}]{{2,{WIDEST}}}", row["motif"]):
            raise AnnotationError(
                f"{where}: motif {row['motif']!r} must be 2 to {WIDEST} letters of A, C, G, T or "
                "the IUPAC letters for several"
            )
        if set(row["motif"]) == {"N"}:
            raise AnnotationError(f"{where}: motif {row['motif']!r} names no letter")
        if not re.fullmatch(r"\s*[+-]?\d+\s*", row["place"]):
            raise AnnotationError(f"{where}: place {row['place']!r} is not a whole number")
        first = int(row["place"])
        earliest, latest = config.downstream - config.window + 1, config.downstream
        if first < earliest or first + len(row["motif"]) - 1 > latest:
            raise AnnotationError(
                f"{where}: a motif of {len(row['motif'])} letters at {row['place']} lies outside "
                f"what a head sees, {earliest} to {latest}"
            )
        rows.append((first, f"L{layer} H{number}"))
    table[["place", "head"]] = rows
    return table


def carriers(
    game: Game, words: Sequence[tuple[int, str]], rule: claims.Rule | None = None
) -> pd.DataFrame:
    """Ask what given words at given places are worth, and how much of it each head brings back.

    Parameters
    ----------
    game : Game
    words : sequence of (place, motif)
        As in a table of claims.
    rule : Rule, optional

    Returns
    -------
    DataFrame
        A row for each word and head, the head that brings back most first: ``place``, ``motif``,
        ``effect`` (log-odds lost without the word), ``head``, ``share`` (of the effect that comes
        back with it), ``share_low``, ``share_high``, ``q_value`` and ``carries``. A word that too
        few sites have is left out.
    """
    rule = rule or claims.Rule()
    asked = _ask(game, words, rule)
    told = pd.DataFrame(words, columns=["place", "motif"]).join(asked.table[["effect", "used"]])
    told["element"] = [str(number) for number in range(len(words))]
    found = told.merge(asked.shares, on="element").sort_values(
        ["element", "share"], key=_by_number, ascending=[True, False], kind="stable"
    )
    found["head"] = [f"L{row.layer} H{row.head}" for row in found.itertuples()]
    found["carries"] = found["used"] & (found["q_value"] < rule.max_q) & (found["ci_low"] > 0)
    found = found.rename(columns={"ci_low": "share_low", "ci_high": "share_high"})
    columns = ["place", "motif", "effect", "head", "share", "share_low", "share_high", "q_value",
               "carries"]  # fmt: skip
    return found[columns].reset_index(drop=True)


def _by_number(column: pd.Series) -> pd.Series:
    """Sort numbers that are written as text by what they say."""
    return column.astype(float)


def _ask(game: Game, words: Sequence[tuple[int, str]], rule: claims.Rule) -> claims.Asked:
    """Ask about words at places, named by their numbers."""
    elements = [
        word(str(number), motif, place, place, "claimed")
        for number, (place, motif) in enumerate(words)
    ]
    return claims.ask(
        game.network, game.genome, game.held, game.held_part, elements, rule=rule, seed=0
    )


def found_of(given: pd.DataFrame, game: Game, rule: claims.Rule) -> claims.Claims:
    """Turn a player's claims into what automatic ones are.

    Parameters
    ----------
    given : DataFrame
        `read_claims`.
    game : Game
    rule : Rule

    Returns
    -------
    Claims
        ``claimed`` if the output depends on the element and the named head carries it; letters are
        those at the sites that were asked.
    """
    words = list(zip(given["place"], given["motif"], strict=True))
    asked = _ask(game, words, rule)
    carry = carried(asked.shares, rule.criteria(0))
    heads = {(row.element, f"L{row.layer} H{row.head}"): row.q_value for row in carry.itertuples()}
    table = asked.table.assign(head=given["head"].to_numpy())
    keys = [(str(number), head) for number, head in enumerate(table["head"])]
    table["q_value"] = [heads.get(key, np.nan) for key in keys]
    table["claimed"] = table["used"] & table["q_value"].notna()
    sites = {one.element: one.sites for one in asked.questions}
    patterns, letters = [], []
    for number, (place, motif) in enumerate(words):
        mine = sites.get(str(number), game.held.head(0))
        codes = game.genome.around(
            mine["position"].to_numpy(), mine["strand"].to_numpy(), place + np.arange(len(motif))
        )
        counts = count_matrix(codes)
        every = np.arange(len(mine))
        patterns.append(Pattern(every, np.full(len(mine), place), counts, np.zeros(counts.shape)))
        letters.append(claims.letters_around(game.genome, mine, patterns[-1]))
    return claims.Claims(table, patterns, game.held, letters, asked.shares)


def solve(game: Game, rule: claims.Rule | None = None) -> pd.DataFrame:
    """Claim by the automatic rule: what a player's table is measured by.

    Returns
    -------
    DataFrame
        A table of claims (`COLUMNS`), those of the greatest effect first.
    """
    rule = rule or claims.Rule()
    trained = game.sites[game.sites["part"] == "train"]
    found = claims.searched(game.network, game.genome, trained, rule=rule, seed=0)
    every = claims.claim(
        game.network, game.genome, found, game.held, game.held_part, rule=rule, seed=0
    ).table
    made = every[every["claimed"]].sort_values("effect", ascending=False, kind="stable")
    return pd.DataFrame(
        {
            "element": [f"claim {number}" for number in range(1, len(made) + 1)],
            "place": made["first"],
            "motif": made["consensus"],
            "head": made["head"],
        }
    )


# ------------------------------------------------------------------------------------- grading


@dataclass(frozen=True)
class Grades:
    """What became of a table of claims.

    Attributes
    ----------
    claims : DataFrame
        A row a claim: `COLUMNS`, ``verdict`` (``right``, ``false``, ``part``, ``echo``,
        ``not supported``)
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
        recovered, made = grading.grade(found, elements, rule, seed=0)
        made = made.rename(columns={"element": "planted"})
        made[list(COLUMNS)] = given[list(COLUMNS)].to_numpy()
    else:
        recovered = pd.DataFrame({"element": used.index, "recovered": False, "head": ""})
        made = pd.DataFrame(columns=[*COLUMNS, "verdict", "why"])
    whole = set(made.loc[made["counted"].astype(bool), "planted"]) if len(made) else set()
    rows = [_verdict(row, whole) for _, row in made.iterrows()]
    made[["verdict", "why"]] = rows if rows else np.empty((0, 2), dtype=object)
    return Grades(made[[*COLUMNS, "verdict", "why"]], _planted(elements, used, recovered))


def _verdict(row: pd.Series, whole: set[str]) -> tuple[str, str]:
    """What became of a claim, in one word and in a sentence; ``whole``: elements with a claim."""
    if pd.isna(row["effect"]):
        return "not supported", "not counted, as too few sites have these letters there"
    if not row["used"]:
        return "not supported", (
            "not counted, as the output hardly changes when these letters are replaced "
            f"({-row['effect']:+.2f} log-odds)"
        )
    if not row["claimed"]:
        return "not supported", (
            "not counted, as no more comes back with this head than may be chance"
        )
    if row["false_claim"]:
        return "false", "false: no planted element is like this at this place"
    if not row["counted"] and row["planted"] not in whole:
        return "part", f"not counted, as it is a part of {row['planted']}: give more of its letters"
    if not row["counted"]:
        return "echo", f"not counted, as another claim says the same of {row['planted']}"
    return "right", f"right: {row['planted']} is planted there"


def _planted(elements: pd.DataFrame, used: pd.DataFrame, recovered: pd.DataFrame) -> pd.DataFrame:
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
