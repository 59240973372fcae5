"""The run folder, through which the chapters of a study pass their files; touches that folder.

Nothing else passes between chapters, and no other module spells a path inside the folder::

    inputs/                          genome and tables            StudyInputs.save
    curation/curated.tsv             the labels
    collection/                      start sites of many species  genoattn species
    training/<model>.safetensors     weights, card, checkpoint
    prediction/<model>.npy           output on the test part      output_of
    prediction/validation/           the same on the validation part
    prediction/<genome>/             output on another genome than the run's own
    <chapter>/<model>_<kind>.csv     what a chapter keeps of a model for another (.npz: arrays)
    <name>/                          a genome of one's own, annotated: tracks, peaks, hub
    manifest.json                    whose folder it is, what was made from what (manifest.py)
    <notebook>.lock, run.lock        the chapters or the command that write there now (order.py)

Aggregates go to another folder, the run's *results*; no site is among them.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import quote
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from filelock import SoftFileLock
from numpy.typing import NDArray

from genoattn.evaluation.bootstrap import check_blocks
from genoattn.genome.files import writing
from genoattn.genome.locks import LockedError, hold
from genoattn.genome.sequence import Genome
from genoattn.genome.split import Split
from genoattn.model.annotator import Annotator
from genoattn.model.card import Card, misfit
from genoattn.model.convolutional import ConvolutionalNetwork
from genoattn.model.networks import load_network
from genoattn.model.weights import (
    WEIGHTS,
    WeightsError,
    find_prior,
    find_weights,
    made_from,
    weights_sha256,
)
from genoattn.prediction.ensemble import GenePrior, mean_log_odds
from genoattn.prediction.predict import predict
from genoattn.study.inputs import StudyInputs, read_saved
from genoattn.study.manifest import PROFILE, Manifest, ManifestError, digest, lasting
from genoattn.study.order import run_locks
from genoattn.study.parameters import FOLDERS, Checked, ParameterError
from genoattn.study.report import Finding, HasFinding, Kept

__all__ = ["Model", "Run", "fit_gene_prior", "label_sites", "output_of"]


LONG = 15_000
"""Most rows of a table of aggregates that is written as plain text; a longer one is compressed."""

_MADE_FROM = "made_from"
"""Name of the array that says what the others of its file were made from."""

_DEMO, _DEMO_RESULTS = (str(FOLDERS[name].default) for name in ("run_dir", "results_dir"))
_CURATED = "curation/curated.tsv"
_TAKEN = {
    "inputs", "curation", "training", "prediction", "results", "executed", "heads", "output",
    "dependence", "atlas", "engine", "gene_starts", "your_genome",
}  # fmt: skip


class Model(NamedTuple):
    """A trained model of a run, ready to predict.

    Attributes
    ----------
    name : str
        Stem of its weights file; files about the model are named by it.
    file : Path
        The weights.
    network : Annotator or ConvolutionalNetwork
        In evaluation mode, on the fastest device that there is.
    card : Card
        The model card.
    split : Split
        The parts of the genome that it was trained and tested on.
    """

    name: str
    file: Path
    network: Annotator | ConvolutionalNetwork
    card: Card
    split: Split

    @property
    def config(self) -> Any:
        """The network's configuration."""
        return self.network.config

    @property
    def annotator(self) -> Annotator:
        """The network of a model with attention.

        Raises
        ------
        ValueError
            It has none.
        """
        if not isinstance(self.network, Annotator):
            raise ValueError(f"{self.file}: a network without attention has no heads")
        return self.network

    @property
    def test(self) -> NDArray[np.bool_]:
        """The test part, shape (L,)."""
        return self.split.mask("test")


class Run:
    """One study's folder, and the folder of its aggregates.

    Parameters
    ----------
    folder : str or Path
        Made when the first file is written.
    results : str or Path, optional
        Folder of the aggregates; ``results`` inside the run's folder by default.
    """

    def __init__(self, folder: str | Path, results: str | Path | None = None) -> None:
        self.folder = Path(folder)
        self.results = self.folder / "results" if results is None else Path(results)
        self.manifest = Manifest(self.folder)
        self._parameters: Checked | None = None
        self._lock: SoftFileLock | None = None
        self._opened: dict[str, Path] = {}

    @classmethod
    def of(cls, parameters: Checked) -> Run:
        """Open the run that a chapter's parameters name (``run_dir``, ``results_dir``).

        With a ``run_dir`` of one's own and no ``results_dir``, the results are in that folder, not
        among the demo's. Until `write`, no chapter whose files this one reads or that reads its own
        can write there, nor can this one a second time.

        Raises
        ------
        ParameterError
            One of the two folders cannot be written, somebody else writes there now, or it belongs
            to a profile that runs the chapter with other parameters.
        FileNotFoundError, ManifestError
            What the chapter reads of an earlier one is not there, or is of something else.
        """
        folder, results = parameters.run_dir, parameters.results_dir
        if folder != _DEMO and results == _DEMO_RESULTS:
            results = None
        run = cls(folder, results)
        run.check_writable(parameters.chapter)
        if not _goes_elsewhere(parameters):
            run._open(parameters)
        return run

    def _open(self, parameters: Checked) -> None:
        """Hold the folder for a chapter that writes into it."""
        self._parameters = parameters
        self._hold()
        self.manifest.open(parameters, self.results, self.folder == Path(_DEMO))
        for notebook, kind in parameters.schema.reads:
            model = self.weights(parameters.weights).stem
            self._kept(notebook, self.file(notebook[3:], model, kind), model)

    def _hold(self) -> None:
        """See to it that nobody else writes what the chapter reads or makes.

        Chapters that read nothing of each other may write at the same time. Nothing happens if no
        chapter opened the folder.
        """
        if self._parameters is None:
            return
        try:
            own, others = run_locks(self.folder, self._notebook)
            self._lock = hold(own, str(self.folder), "name another folder in run_dir", others)
        except LockedError as error:
            raise ParameterError(f"{self._parameters.chapter}: parameter 'run_dir': {error}") from (
                error
            )

    @property
    def _notebook(self) -> str:
        """The chapter that writes, such as ``01_curation``."""
        return self._parameters.schema.notebook if self._parameters else "01_curation"

    def check_writable(self, chapter: str) -> None:
        """Refuse folders that cannot be written, before anything is computed; leaves no trace.

        Raises
        ------
        ParameterError
            Names the parameter, the folder and the reason.
        """
        for name, folder in (("run_dir", self.folder), ("results_dir", self.results)):
            there = folder.absolute()
            while not os.path.lexists(there):
                there = there.parent
            try:
                with tempfile.TemporaryFile(dir=there):
                    pass
            except OSError as error:
                reason = (
                    "a file, not a folder" if there.is_file() else os.strerror(error.errno or 0)
                )
                raise ParameterError(
                    f"{chapter}: parameter {name!r}: {folder} cannot be written ({there}: "
                    f"{reason}); name a folder that can"
                ) from error

    @classmethod
    def of_own(cls, parameters: Checked) -> Run:
        """Open the run that the annotation of one's own sequences goes into.

        As `of`; but what comes of a file of one's own (``fasta``) does not land among the demo's
        files because no other folder was named. In place of ``run_dir`` and ``results_dir``, each
        left at its default, stand ``runs/<name>`` and the folder of results in the run.

        Raises
        ------
        ValueError
            That folder is the demo's own.
        """
        if not _goes_elsewhere(parameters):
            return cls.of(parameters)
        folder = Path("runs", parameters.name)
        if parameters.run_dir != _DEMO:
            folder = Path(parameters.run_dir)
        results = None if parameters.results_dir == _DEMO_RESULTS else parameters.results_dir
        own = cls(folder, results)
        if own.folder == Path(_DEMO):
            raise ValueError(f"{own.folder} is the demo's: give another name, or a run_dir")
        if parameters.name in _TAKEN:
            raise ParameterError(
                f"{parameters.chapter}: parameter 'name': {parameters.name} is a folder that a run "
                "has anyway; give another name"
            )
        own.check_writable(parameters.chapter)
        own._open(parameters)
        return own

    # ------------------------------------------------------------------ inputs and labels

    @property
    def inputs(self) -> Path:
        """Folder of the study's genome and tables."""
        return self.folder / "inputs"

    @cached_property
    def study(self) -> StudyInputs:
        """Genome and tables.

        Raises
        ------
        FileNotFoundError
            The chapter that makes them has not been run.
        ManifestError
            A file is not what that chapter wrote.
        """
        self._made_by("01_curation", self.inputs / "genome.fa")
        for name in self.manifest.names("inputs"):
            self._made_by("01_curation", self.folder / name)
            self.manifest.check(name)
        return StudyInputs.read(self.inputs)

    def save_inputs(self, study: StudyInputs) -> None:
        """Write genome and tables, one file each."""
        self._hold()
        written = study.save(self.inputs)
        names: dict[str, dict[str, str]] = {self._named(path): {} for path in written}
        self.manifest.record(self._notebook, names, below="inputs")
        self.__dict__.pop("study", None)

    @property
    def curated_file(self) -> Path:
        """The curated set's table."""
        return self.folder / "curation" / "curated.tsv"

    @property
    def curated(self) -> pd.DataFrame:
        """The curated set: position (0-based), strand and more.

        Raises
        ------
        FileNotFoundError
            The chapter that makes it has not been run.
        ManifestError
            It is of other inputs than there are now, as when that chapter stopped on its way.
        """
        self._made_by("01_curation", self.curated_file)
        self.manifest.check(_CURATED, self._sources(), "01_curation")
        return read_saved(self.curated_file, ["position", "strand"])

    def write_curated(self, curated: pd.DataFrame) -> None:
        """Write the curated set, whole or not at all; the first line says that it is 0-based."""
        self._hold()
        with writing(self.curated_file) as partial, partial.open("w", encoding="utf-8") as file:
            file.write("# 0-based positions\n")
            curated.to_csv(file, sep="\t", index=False, lineterminator="\n")
        self.manifest.record(self._notebook, {_CURATED: self._sources()})

    def _sources(self, weights: Path | None = None) -> dict[str, str]:
        """What a file of a chapter is made from: file -> SHA-256 of what is there now.

        The inputs; of what is about a model, the curated set and its weights as well.
        """
        found = {name: self.folder / name for name in self.manifest.names("inputs")}
        if weights is not None:
            if self.curated_file.is_file():
                found[_CURATED] = self.curated_file
            found[self._named(weights)] = weights
        return {name: digest(path) for name, path in found.items() if path.is_file()}

    def _named(self, path: Path) -> str:
        """How the manifest calls a file: by its place in the run, or in the package, or its own."""
        for folder in (self.folder, WEIGHTS.parents[1]):
            if path.is_relative_to(folder):
                return path.relative_to(folder).as_posix()
        return str(path)

    def sites(self, train_set: str) -> pd.DataFrame:
        """Sites to label: the curated set, or those of one source."""
        if train_set == "curated":
            return self.curated
        return label_sites(self.study.sites, train_set)

    def annotation(self, name: str) -> Path:
        """Folder of an annotated genome of one's own: tracks, peaks, hub."""
        return self.folder / name

    def only(self, name: str, written: Sequence[Path]) -> None:
        """Note the files of an annotation; what an earlier one of this name left beside, goes.

        Parameters
        ----------
        name : str
            Of the annotation.
        written : sequence of Path
            All its files.
        """
        new: dict[str, dict[str, str]] = {self._named(path): {} for path in written}
        for old in self.manifest.names(name):
            if old not in new:
                (self.folder / old).unlink(missing_ok=True)
        self.manifest.record(self._notebook, new, below=name)

    # ---------------------------------------------------------------------------- models

    @property
    def training(self) -> Path:
        """Folder of the weights that were trained in this run."""
        return self.folder / "training"

    def new_weights(self, name: str) -> Path:
        """Where a training keeps a model of this name.

        Raises
        ------
        WeightsError
            An ensemble is named so, and would be taken for the model.
        """
        if prior := find_prior(name, self.folder):
            raise WeightsError(
                f"an ensemble is named {name} ({prior}) and would be taken for the model; give the "
                "model another name"
            )
        return self.training / f"{name}.safetensors"

    def weights(self, name: str) -> Path:
        """Find weights: a file, a name in this run, or a model that the package ships.

        Raises
        ------
        WeightsError
            There are none of that name; says which there are.
        """
        return find_weights(name, self.folder)

    def has_weights(self, name: str) -> bool:
        """Tell whether there are weights of this name."""
        try:
            self.weights(name)
        except WeightsError:
            return False
        return True

    def model(self, name: str, accelerator: str = "auto") -> Model:
        """Load a model of this run or of the package, to be used on this run's genome.

        Raises
        ------
        WeightsError
            There are no weights of that name, they do not fit their card, or they are of another
            genome or task.
        """
        file = self.weights(name)
        card = Card.read(file)
        if problem := misfit(card, self.study.genome, self.study.task):
            raise WeightsError(f"{name}: {problem}")
        self._opened[file.stem] = file
        network = load_network(file, accelerator)
        return Model(file.stem, file, network, card, card.split(len(self.study.genome)))

    def check_test(
        self, split: Split, sites: pd.DataFrame, name: str, block: int | None = None
    ) -> None:
        """Refuse a test part without a site, as nothing can be said of the output there.

        Parameters
        ----------
        split : Split
        sites : DataFrame
            Labels: position (0-based).
        name : str
            What the labels are called.
        block : int, optional
            Length of blocks that the test part shall be cut into, for intervals.

        Raises
        ------
        ValueError
            There is none; says where the test part lies. Or it is a single block.
        """
        if not split.mask("test")[sites["position"].to_numpy(np.int64)].any():
            start, end = split.test
            raise ValueError(
                f"no site of {name} lies in the test part of {self.study.genome.name} "
                f"({start + 1:,} to {end:,}, counted from 1); train with other cuts, or take a "
                "model of another test part"
            )
        if block is not None:
            check_blocks(split.mask("test"), block)

    # ---------------------------------------------------------------------------- output

    @property
    def predictions(self) -> Path:
        """Folder of the models' outputs on the test part."""
        return self.folder / "prediction"

    def output(self, model: str) -> NDArray[np.float32]:
        """Output of a model on the test part, as the chapter on training left it.

        Parameters
        ----------
        model : str
            `Model.name`.

        Returns
        -------
        float32 array, shape (2, L)
            Probability of a site; NaN where it was not computed.

        Raises
        ------
        FileNotFoundError
            That chapter has not been run for this model.
        ValueError
            The output is of another genome.
        """
        file = self._made_by("02_training", self.predictions / f"{model}.npy")
        track = _array(file)
        if track is None:
            raise ManifestError(
                f"{file}: damaged; remove it, and run the chapter 02_training again"
            )
        if track.shape != (2, len(self.study.genome)):
            raise ValueError(
                f"{file}: shape {track.shape}, but the genome has {len(self.study.genome):,} nt; "
                "run the chapter 02_training again"
            )
        weights, record = self._file_of(model), file.with_suffix(".json")
        if weights is not None and record.is_file():
            if _facts(record) != made_from(weights, self.study.genome):
                raise ManifestError(
                    f"{file} was made with other weights than {weights} holds now, or from another "
                    f"sequence than {self.inputs / 'genome.fa'}; run the chapter 02_training again"
                )
            name = self._named(file)
            if name in self.manifest.names("prediction"):
                self.manifest.check(name, self._sources(weights))
        return track

    def _file_of(self, model: str) -> Path | None:
        """The weights of a model of this name: those that were opened, else those found by name."""
        if model not in self._opened and self.has_weights(model):
            return self.weights(model)
        return self._opened.get(model)

    def predict(
        self, weights: Path, part: str, split: Split, accelerator: str = "auto"
    ) -> NDArray[np.float32]:
        """Output of a model on one part of its split, computed unless it is kept here.

        Parameters
        ----------
        weights : Path
        part : str
            ``test`` or ``validation``.
        split : Split
            The model's.
        accelerator : str
        """
        self._hold()
        folder = self.predictions if part == "test" else self.predictions / part
        where = split.mask(part)
        track = output_of(weights, self.study.genome, where, folder, accelerator=accelerator)
        name = self._named(folder / f"{weights.stem}.npy")
        self.manifest.record("02_training", {name: self._sources(weights)})
        return track

    def predict_elsewhere(
        self,
        weights: Path,
        genome: Genome,
        where: NDArray[np.bool_],
        accelerator: str = "auto",
        progress: bool = True,
    ) -> NDArray[np.float32]:
        """Output of a model on another genome than the run's, computed unless it is kept here."""
        folder = self.predictions / _folder_name(genome.name)
        return output_of(weights, genome, where, folder, accelerator=accelerator, progress=progress)

    # ----------------------------------------------------- what chapters keep for each other

    def file(self, chapter: str, model: str, kind: str, suffix: str = "csv") -> Path:
        """The file in which a chapter keeps one kind of thing of a model."""
        return self.folder / chapter / f"{model}_{kind}.{suffix}"

    def kept(self, notebook: str, model: str, kind: str, texts: Sequence[str] = ()) -> pd.DataFrame:
        """A table that a chapter kept of a model.

        Parameters
        ----------
        notebook : str
            The chapter's, such as ``03_heads``.
        model : str
            `Model.name`.
        kind : str
        texts : sequence of str
            Columns that hold texts, even if they read as numbers ("-10" is an element).

        Raises
        ------
        FileNotFoundError
            That chapter has not been run for this model.
        ManifestError
            It was, but with other weights, labels or inputs than there are now.
        """
        file = self._kept(notebook, self.file(notebook[3:], model, kind), model)
        return _frame(file, texts)

    def has_kept(self, notebook: str, model: str, kind: str) -> bool:
        """Tell whether a chapter kept this kind of table of a model."""
        return self.file(notebook[3:], model, kind).is_file()

    def once(
        self,
        notebook: str,
        model: str,
        kind: str,
        sources: Mapping[str, Any],
        make: Callable[[], Mapping[str, NDArray[Any]]],
    ) -> dict[str, NDArray[Any]]:
        """Named arrays that a chapter keeps for itself: read if they are there, else made and kept.

        So a long chapter that was interrupted goes on where it stopped.

        Parameters
        ----------
        notebook, model, kind
            As in `kept`.
        sources : mapping
            What they are made from, as JSON holds it (`genoattn.model.weights.made_from`); kept
            arrays of other sources are made anew.
        make : callable
            Returns the arrays.
        """
        file = self.file(notebook[3:], model, kind, "npz")
        identity = json.dumps(dict(sources), sort_keys=True)
        if file.is_file():
            kept = _arrays(file)
            if str(kept.pop(_MADE_FROM, "")) == identity:
                return kept
        made = dict(make())
        self._hold()
        _write(file, {**made, _MADE_FROM: np.array(identity)})
        return made

    def _kept(self, notebook: str, path: Path, model: str) -> Path:
        """Return a file that a chapter kept of a model, if it fits what is there now."""
        self._made_by(notebook, path)
        weights = self._file_of(model)
        if weights is not None:
            name = self._named(path)
            self.manifest.check(name, self._sources(weights))
        return path

    # ----------------------------------------------------------------------------- results

    def earlier(self, name: str) -> pd.DataFrame | None:
        """A table of aggregates that an earlier run left in the folder of results, if any."""
        file = self.results / f"{name}.csv"
        return _frame(file) if file.is_file() else None

    def write(self, parameters: Checked, *steps: HasFinding) -> Finding:
        """Write what the steps of a chapter found, each file whole or not at all.

        Parameters
        ----------
        parameters : Checked
            The chapter's: its name, and its ``weights`` if there are any, name the files.
        *steps : Finding or a result that has one
            Their `Finding.results` go to the folder of results, their `Finding.kept` to the run.
            Tables of one name that speak of different models are written below each other.

        Returns
        -------
        Finding
            The list of what was written.

        Raises
        ------
        ValueError
            Two steps would write the same file, and not of different models.
        """
        model = Path(parameters.weights).stem if "weights" in parameters else ""
        tables: dict[Path, Kept] = {}
        for step in steps:
            found = step.finding
            new: dict[Path, Kept] = {
                self.results / f"{name}.{'csv' if isinstance(one, pd.DataFrame) else 'json'}": one
                for name, one in found.results.items()
            }
            for kind, kept in found.kept.items():
                suffix = "csv" if isinstance(kept, pd.DataFrame) else "npz"
                new[self.file(parameters.chapter, model, kind, suffix)] = kept
            for path, one in new.items():
                tables[path] = _below(tables[path], one, path) if path in tables else one
        tables = {self._packed(path, one): one for path, one in tables.items()}
        self._hold()
        for path, one in tables.items():
            _write(path, one)
            if path.is_relative_to(self.results):  # the other form, of an earlier run
                other = path.with_suffix("") if path.suffix == ".gz" else Path(f"{path}.gz")
                other.unlink(missing_ok=True)
        of_model = self._sources(self._file_of(model) if model else None)
        left = [path for path in tables if path.is_relative_to(self.folder / parameters.chapter)]
        names = {self._named(path): of_model for path in left}
        self.manifest.finish(parameters, names)
        self.release()
        return Finding("\n".join(f"- `{path}`: {_size(one)}" for path, one in tables.items()))

    def _packed(self, path: Path, one: Kept) -> Path:
        """Where a table goes: long ones among the aggregates are compressed."""
        long = isinstance(one, pd.DataFrame) and len(one) > LONG
        return Path(f"{path}.gz") if long and path.is_relative_to(self.results) else path

    def release(self) -> None:
        """Let the others write into the folder."""
        if self._lock is not None:
            self._lock.release(force=True)
            self._lock = None

    def _made_by(self, notebook: str, path: Path) -> Path:
        """Return a file that a chapter makes, or say that it has to be run first."""
        if not path.is_file():
            raise FileNotFoundError(
                f"{path}: no such file; run the chapter {notebook} first, with the same run_dir"
            )
        return path


def _goes_elsewhere(parameters: Checked) -> bool:
    """Whether a chapter writes of sequences of one's own, into a run of their own.

    The chapter on one's own genome does, if it has one or is run otherwise than for the demo.
    """
    if "fasta" not in parameters or "name" not in parameters:
        return False
    if parameters.fasta is not None:
        return True
    changed = lasting(parameters) != lasting(parameters.schema.defaults)
    return changed and parameters.run_dir == _DEMO and not os.environ.get(PROFILE)


def _write(path: Path, kept: Kept) -> None:
    """Write a frame as CSV, facts as JSON, arrays as npz."""
    with writing(path) as partial:
        if isinstance(kept, pd.DataFrame):
            text = kept.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode()
            # without a time and the name of the temporary file, the same table gives the same file
            partial.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
        elif path.suffix == ".json":
            partial.write_text(json.dumps(dict(kept), indent=2) + "\n", encoding="utf-8")
        else:
            np.savez(partial, allow_pickle=False, **dict(kept))


def _below(first: Kept, second: Kept, path: Path) -> Kept:
    """One table below another, if they have the same columns and speak of different models."""
    if isinstance(first, pd.DataFrame) and isinstance(second, pd.DataFrame):
        alike = list(first) == list(second) and "model" in first
        if alike and not set(first["model"]) & set(second["model"]):
            return pd.concat([first, second], ignore_index=True)
    raise ValueError(f"two steps write {path}")


def _frame(file: Path, texts: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table that a chapter wrote."""
    try:
        return pd.read_csv(file, dtype=dict.fromkeys(texts, str))
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise ManifestError(
            f"{file}: damaged ({reason}); run again the chapter that makes it"
        ) from error


def _array(file: Path) -> NDArray[np.float32] | None:
    """Read an array of an output; None if the file is damaged."""
    try:
        with file.open("rb") as opened:  # numpy leaves one open that it cannot read
            track: NDArray[np.float32] = np.load(opened, allow_pickle=False)
    except (EOFError, ValueError):
        return None
    return track if track.ndim == 2 else None


def _arrays(file: Path) -> dict[str, NDArray[Any]]:
    """Read named arrays; none if the file is damaged."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (EOFError, OSError, ValueError, BadZipFile):
        return {}


def _facts(file: Path) -> Any:
    """Read what an output was made from; None if the file is damaged."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return None


def _folder_name(genome: str) -> str:
    """Write the name of a genome so that it is one of a folder, inside the one that it is in."""
    name = quote(genome, safe="|+,:@ ")[:200]
    return f"_{name}" if name.startswith(".") else name


def _size(kept: pd.DataFrame | Mapping[str, Any]) -> str:
    """How much was written, in words."""
    return f"{len(kept):,} {'rows' if isinstance(kept, pd.DataFrame) else 'entries'}"


def label_sites(sites: pd.DataFrame, train_set: str) -> pd.DataFrame:
    """Sites of one source, to be labels; ValueError if there are none."""
    chosen = sites[sites["source"] == train_set]
    if chosen.empty:
        names = sorted(sites["source"].unique())
        raise ValueError(f"no sites of {train_set!r}; there are: curated, {', '.join(names)}")
    return chosen


def fit_gene_prior(
    files: Mapping[str, Path],
    genome: Genome,
    distance: NDArray[np.floating],
    track: NDArray,
    split: Split,
    folder: Path,
    accelerator: str = "auto",
) -> GenePrior:
    """Fit a gene prior to the outputs of models on the validation part.

    Parameters
    ----------
    files : mapping of name to path
        Weights of the models that are averaged.
    genome : Genome
    distance : float array, shape (2, L)
        From `genoattn.genome.sites.distance_to_next`.
    track : binary array, shape (2, L)
        The labels.
    split : Split
        The models' own; nothing of its test part is used.
    folder : path
        Keeps the outputs on the validation part (`output_of`).
    accelerator : str

    Returns
    -------
    GenePrior
        Its card names the genome, the training set and the part that it was fitted on.
    """
    where = split.mask("validation")
    outputs = [
        output_of(file, genome, where, folder, accelerator=accelerator) for file in files.values()
    ]
    first = Card.read(next(iter(files.values())))
    card = {
        "train_set": first.train_set,
        "genome": genome.name,
        "split": first.parts,
        "fitted_on": "validation",
        "weights_sha256": {name: weights_sha256(file) for name, file in files.items()},
    }
    return GenePrior.fit([*files], mean_log_odds(outputs), distance, track, where, card)


def output_of(
    weights: Path,
    genome: Genome,
    where: NDArray[np.bool_],
    folder: Path,
    *,
    accelerator: str = "auto",
    progress: bool = True,
) -> NDArray[np.float32]:
    """Output of a model at the positions ``where``, read from ``folder`` if it is there.

    Parameters
    ----------
    weights : path
        A .safetensors file.
    genome : Genome
    where : bool array, shape (L,)
    folder : path
        Holds ``<weights>.npy`` and ``<weights>.json``, the SHA-256 of weights and sequence that it
        was made from. A file of other weights, of another genome, or without all positions is made
        again.
    accelerator, progress
        For a prediction.

    Returns
    -------
    float32 array, shape (2, L)
        NaN where not asked (or, in a file that has more, what it has).
    """
    kept, record = folder / f"{weights.stem}.npy", folder / f"{weights.stem}.json"
    sources = made_from(weights, genome)
    if kept.exists() and record.exists() and _facts(record) == sources:
        before = _array(kept)
        if before is not None and not np.isnan(before[:, where]).any():
            return before
    network = load_network(weights, accelerator)
    track = predict(cast(Annotator, network), genome, where=where, progress=progress)
    with writing(kept) as partial:
        np.save(partial, track, allow_pickle=False)
    with writing(record) as partial:
        partial.write_text(json.dumps(sources, indent=1) + "\n")
    return track
