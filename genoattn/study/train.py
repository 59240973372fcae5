"""Command line of a training: a run's sites, a plan, the weights; touches a run's folder."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from genoattn.data.collection import KINDS, Laid, lay_out, read_collection
from genoattn.genome.sites import turned_round
from genoattn.genome.split import Split
from genoattn.model.annotator import AnnotatorConfig
from genoattn.model.convolutional import ConvolutionalConfig
from genoattn.model.segments import TrainingConfig
from genoattn.model.training import fit
from genoattn.model.weights import find_weights
from genoattn.study.parameters import plain_name
from genoattn.study.run import Run
from genoattn.study.settings import read_settings

SPECIES = "species"
"""Name of the sites of all species of a run's collection (`genoattn.data.collection`)."""

_TRAINING = asdict(TrainingConfig())
_WITHOUT = " without "


def main(arguments: list[str] | None = None) -> int:
    """Command line: train on the sites of a run's folder: curated, of a source, of many species."""
    try:
        _train(_parse(arguments))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _train(given: argparse.Namespace) -> None:
    """Train as the command line asks."""
    network = ConvolutionalConfig if given.network == "convolutional" else AnnotatorConfig
    model = _configured(network, given.model)
    training = TrainingConfig(
        **{field: getattr(given, field) for field in asdict(TrainingConfig())}
    )
    data, auxiliary, task = _data(given)
    if given.turn_labels < 0:
        raise ValueError(f"turn_labels must not be negative, not {given.turn_labels}")
    if given.turn_labels:
        turned = turned_round(data.sites, len(data.genome), given.turn_labels)
        data = data._replace(sites=turned)
    if given.accelerator == "cpu" and given.devices > 1:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // given.devices))
    fit(
        *data,
        Run(given.run).new_weights(given.name),
        model=model,
        training=training,
        initial=given.initial and find_weights(given.initial, given.run),
        auxiliary=auxiliary,
        task=task,
        train_set=_train_set(given),
        accelerator=given.accelerator,
        devices=given.devices,
        fresh=given.fresh,
    )


def _train_set(given: argparse.Namespace) -> str:
    """What the card calls the labelled sites."""
    without = _WITHOUT + ", ".join(given.held_out) if given.held_out else ""
    return given.sites + without + ", labels turned round" * bool(given.turn_labels)


def held_out_lineages(train_set: str) -> tuple[str, ...]:
    """Lineages of which a training on many species saw nothing, by what its card says."""
    _, without, lineages = train_set.partition(_WITHOUT)
    return tuple(lineages.split(", ")) if without else ()


def _data(given: argparse.Namespace) -> tuple[Laid, dict[str, pd.DataFrame], str]:
    """What is trained on, the sites of the auxiliary targets, and what kind of sites they are."""
    if given.sites == SPECIES:
        if given.auxiliary:
            raise ValueError(
                f"auxiliary: sites {SPECIES!r} have no auxiliary targets; leave it out"
            )
        pieces = read_collection(given.run / "collection")
        return lay_out(pieces, given.held_out, given.kinds), {}, "tss"
    run = Run(given.run)
    genome, sites = run.study.genome, run.sites(given.sites)
    further = {name: run.sites(name) for name in given.auxiliary}
    return Laid(genome, sites, Split.at(given.cuts, len(genome))), further, run.study.task


def _parser() -> argparse.ArgumentParser:
    """The command's options; those of the training itself have the names of its settings."""
    parser = argparse.ArgumentParser(prog="genoattn train", description=main.__doc__)
    parser.add_argument("run", type=Path, help="folder of the run, with inputs/ and curation/")
    parser.add_argument("--name", default="curated", help="name of the weights")
    parser.add_argument(
        "--plan",
        type=Path,
        help="YAML file of trainings by name; what it says of this name counts as given here",
    )
    parser.add_argument(
        "--sites",
        default="curated",
        help=f"'curated', the name of a source, or '{SPECIES}' for those of many species",
    )
    parser.add_argument(
        "--held-out", nargs="*", default=[], help=f"lineages left out of '{SPECIES}'"
    )
    parser.add_argument(
        "--kinds",
        nargs="+",
        choices=KINDS,
        default=list(KINDS),
        help=f"what to take of '{SPECIES}'",
    )
    parser.add_argument(
        "--cuts",
        type=int,
        nargs=3,
        help="where test, validation and training start, in nt",
    )
    parser.add_argument(
        "--network", choices=("transformer", "convolutional"), default="transformer"
    )
    parser.add_argument(
        "--model",
        type=_as_json,
        default={},
        help="what differs from the network's defaults, as JSON: '{\"downstream\": 256}'",
    )
    parser.add_argument(
        "--auxiliary", nargs="*", default=[], help="sources whose sites are further targets"
    )
    parser.add_argument(
        "--turn-labels",
        type=int,
        default=0,
        metavar="SEED",
        help="train a control: move the sites of each strand round the genome by a random distance",
    )
    parser.add_argument("--initial", help="weights to start from: a file, or a name in the run")
    parser.add_argument("--fresh", action="store_true", help="forget an earlier training")
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--devices", type=int, default=1)
    for field, default in asdict(TrainingConfig()).items():
        parser.add_argument(f"--{field.replace('_', '-')}", type=type(default), default=default)
    return parser


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; a plan gives what it leaves out."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.plan is not None:
        settings = planned(given.plan, given.name, set(vars(given)))
        for action in parser._actions:
            if problem := _complaint(action, settings.get(action.dest, action.default)):
                raise ValueError(f"{given.plan}: {given.name}: {action.dest} {problem}")
        parser.set_defaults(**settings)
        given = parser.parse_args(arguments)
    if given.cuts is None and given.sites != SPECIES:
        parser.error("give --cuts, or a --plan that has them")
    if problem := plain_name(given.name):
        parser.error(f"--name {problem}, not {given.name!r}")
    return given


def _complaint(action: argparse.Action, value: Any) -> str | None:
    """Say what is wrong with what a plan gives an option, which argparse does not look at."""
    if value == action.default:
        return None
    if action.nargs is None or action.nargs == 0:
        return _complaint_of_one(action, value)
    if not isinstance(value, list):
        return f"must be a list, not {value!r}"
    if isinstance(action.nargs, int) and len(value) != action.nargs:
        return f"must have {action.nargs} members, not {value!r}"
    return next(filter(None, (_complaint_of_one(action, one) for one in value)), None)


def _complaint_of_one(action: argparse.Action, value: Any) -> str | None:
    """Say what is wrong with one value of an option."""
    if action.type is _as_json:  # what a network has is looked at when it is configured
        return None
    kind = bool if action.nargs == 0 else action.type if action.type in (int, float) else str
    if complaint := _not_of(kind, value):
        return complaint
    if action.choices is not None and value not in action.choices:
        return f"must be one of {', '.join(action.choices)}, not {value!r}"
    return None


def _as_json(text: str) -> Any:
    """Read an option that is JSON."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"must be JSON, such as '{{\"window\": 128}}', not {text!r} ({error})"
        ) from error


def _configured(
    network: type[AnnotatorConfig] | type[ConvolutionalConfig], given: Any
) -> AnnotatorConfig | ConvolutionalConfig:
    """Configure a network by what differs from its defaults.

    Raises
    ------
    ValueError
        Not a mapping, a setting that the network does not have, or a value that it cannot use.
    """
    known = asdict(network())
    if not isinstance(given, dict):
        raise ValueError(f"model must be a mapping of settings, not {given!r}")
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"model: {name!r} is not known; there are: {', '.join(known)}")
        if complaint := _not_of(type(known[name]), value):
            raise ValueError(f"model: {name} {complaint}")
    return network(**given)


def _not_of(kind: type, value: Any) -> str | None:
    """Say that a value is not of a kind; whole numbers serve as floats."""
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    fits = isinstance(value, (int, float) if kind is float else kind)
    if fits and (kind is bool or not isinstance(value, bool)):
        return None
    return f"must be {names[kind]}, not {value!r}"


def planned(plan: Path, name: str, known: set[str]) -> dict[str, Any]:
    """What a plan says of one training.

    Parameters
    ----------
    plan : path
        YAML: ``every`` training's settings, and the ``trainings`` by name with theirs.
    name : str
    known : set of str
        Settings that there are.

    Raises
    ------
    ValueError
        If there is no training of that name, or a setting is not known.
    """
    content = read_settings(plan)
    trainings = content.get("trainings") if isinstance(content, dict) else None
    if not isinstance(trainings, dict) or not trainings:
        raise ValueError(
            f"{plan}: no plan of trainings; write 'trainings:', and below it each training's name "
            "and settings"
        )
    every = content.get("every") or {}
    for part, given in {"every": every, **trainings}.items():
        if not isinstance(given, dict):
            raise ValueError(f"{plan}: {part}: must be a mapping of settings, not {given!r}")
    if name not in trainings:
        raise ValueError(
            f"{plan}: no training is named {name!r}; there are: {', '.join(map(str, trainings))}"
        )
    settings = {**every, **trainings[name]}
    for setting, value in settings.items():
        if setting in _TRAINING and (complaint := _not_of(type(_TRAINING[setting]), value)):
            raise ValueError(f"{plan}: {name}: {setting} {complaint}")
        if setting not in known - {"run", "name", "plan"}:
            raise ValueError(
                f"{plan}: {name}: {setting!r} is not known; there are: {', '.join(sorted(known))}"
            )
    return settings
