"""What each chapter may be asked: names, types, ranges, meanings; touches nothing outside itself.

A chapter's notebook has one cell of defaults (tagged ``parameters``); papermill may override any of
them in a second cell. The next code cell calls `check`, so that a misspelt name or an impossible
value stops the run at once, with one sentence that says what to do. `show` prints what a chapter
ran with and the command that runs it again. The schema of a chapter and its cell of defaults say
the same thing twice on purpose; a test compares them.

To give a chapter a new parameter, add one line to its dictionary here and one line to its cell:
``"window": Parameter(int, 5, "farthest two calls of one site may be apart, in nt", low=0),`` and
``window = 5  # farthest two calls of one site may be apart, in nt``.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args, get_origin

if TYPE_CHECKING:
    from IPython.display import Markdown

__all__ = [
    "AT_MOST",
    "SCHEMAS",
    "Checked",
    "Parameter",
    "ParameterError",
    "check",
    "command",
    "show",
    "table",
]

_PLAIN = (bool, int, float, str, list, tuple, dict, type(None))  # all that papermill can inject
_NOTEBOOK_NAMES = frozenset({"In", "Out"})  # plain data that IPython itself keeps in a namespace
_CHECKED = "_parameters_checked"  # left in a namespace whose names have been looked through once


class ParameterError(ValueError):
    """A chapter was given a parameter that it does not know, or a value that it cannot use."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a chapter.

    Attributes
    ----------
    kind : type
        ``bool``, ``int``, ``float``, ``str``, or a list of one of them, such as ``list[str]``.
    default : object
        The value that the notebook's own cell gives.
    meaning : str
        One line for the reader, with the unit; the same as the comment in the notebook's cell.
    low, high : float or None
        Smallest and largest value allowed, both inclusive.
    choices : sequence or None
        The only values allowed (for a list: of each of its members).
    optional : bool
        Whether ``None`` is allowed too.
    """

    kind: Any
    default: Any
    meaning: str
    low: float | None = None
    high: float | None = None
    choices: Sequence[Any] | None = None
    optional: bool = False

    def complaint(self, value: Any) -> str | None:
        """Say what is wrong with `value`, or return None when it can be used."""
        if value is None:
            return None if self.optional else f"must be {self._wanted()}, not None"
        if get_origin(self.kind) is list:
            if not isinstance(value, (list, tuple)):
                return f"must be {self._wanted()}, not {value!r} (give a list with papermill -y)"
            problems = (self._one(member, get_args(self.kind)[0]) for member in value)
            return next((problem for problem in problems if problem), None)
        return self._one(value, self.kind)

    def converted(self, value: Any) -> Any:
        """Return `value` as the parameter's own type; whole numbers serve as floats."""
        if value is None:
            return None
        if get_origin(self.kind) is list:
            member = get_args(self.kind)[0]
            return [float(one) if member is float else one for one in value]
        return float(value) if self.kind is float else value

    def _one(self, value: Any, kind: type) -> str | None:
        """Complain about a single value, which must be of type `kind`."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        fits = number if kind is float else isinstance(value, kind)
        if kind is int:
            fits = isinstance(value, int) and not isinstance(value, bool)
        if not fits or (number and math.isnan(value)):
            hint = " (give text with papermill -r)" if kind is str else ""
            return f"must be {self._wanted()}, not {value!r}{hint}"
        if self.choices is not None and value not in self.choices:
            near = get_close_matches(str(value), [str(choice) for choice in self.choices], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            return f"must be {self._wanted()}, not {value!r}{hint}"
        too_low = self.low is not None and value < self.low
        too_high = self.high is not None and value > self.high
        return f"must be {self._wanted()}, not {value!r}" if too_low or too_high else None

    def _wanted(self) -> str:
        """Describe the allowed values in words."""
        names = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}
        plural = {bool: "True or False", int: "whole numbers", float: "numbers", str: "texts"}
        if get_origin(self.kind) is list:
            words = f"a list of {plural[get_args(self.kind)[0]]}"
        else:
            words = names[self.kind]
        if self.choices is not None:
            words = "one of " + ", ".join(repr(choice) for choice in self.choices)
            words = f"a list, each {words}" if get_origin(self.kind) is list else words
        if self.low is not None and self.high is not None:
            words += f" from {self.low} to {self.high}"
        elif self.low is not None:
            words += f", {self.low} or more"
        elif self.high is not None:
            words += f", at most {self.high}"
        return words + (" or None" if self.optional else "")


_FOLDERS: Mapping[str, Parameter] = {
    "run_dir": Parameter(str, "runs/demo", "folder through which the chapters pass their files"),
    "results_dir": Parameter(str, "runs/demo/results", "folder for the aggregates, as CSV"),
}

_WEIGHTS = Parameter(
    str, "demo", "trained model: a name in run_dir/training, else one that the package ships"
)

SCHEMAS: dict[str, dict[str, Parameter]] = {
    "gene_starts": {
        "source": Parameter(
            str,
            "synthetic",
            "whose genes: of a simulation, of E. coli (RefSeq), or of your files",
            choices=("synthetic", "ecoli", "files"),
        ),
        "seed": Parameter(int, 0, "seed of the simulation", low=0),
        "genome_length": Parameter(int, 300_000, "nucleotides of the simulated genome", low=10_000),
        "data_dir": Parameter(
            str,
            None,
            "folder with the published files; None: GENOATTN_DATA, else download",
            optional=True,
        ),
        "fasta": Parameter(str, None, "your genome, if source is files", optional=True),
        "gff": Parameter(str, None, "its annotation (GFF3), if source is files", optional=True),
        "before": Parameter(int, 25, "nucleotides shown before a start", low=1, high=200),
        "after": Parameter(int, 15, "nucleotides shown from a start on", low=3, high=200),
        **_FOLDERS,
    },
    "curation": {
        "source": Parameter(
            str,
            "synthetic",
            "which tables: of a simulation, the published ones, or your files",
            choices=("synthetic", "ecoli", "files"),
        ),
        "seed": Parameter(int, 0, "seed of the simulation", low=0),
        "genome_length": Parameter(int, 300_000, "nucleotides of the simulated genome", low=10_000),
        "data_dir": Parameter(
            str,
            None,
            "folder with the published tables; None: GENOATTN_DATA, else download",
            optional=True,
        ),
        "fasta": Parameter(str, None, "your genome, if source is files", optional=True),
        "gff": Parameter(str, None, "its annotation, if source is files", optional=True),
        "tables": Parameter(list[str], [], "your tables of sites, if source is files"),
        "window": Parameter(
            int, 5, "farthest that two sites of one TSS may be apart, nt", low=0, high=50
        ),
        "rule": Parameter(
            str,
            "agreed",
            "which sites are one TSS: the reading of 'within five nucleotides'",
            choices=("agreed", "one-to-one", "complete-link", "star", "single-link"),
        ),
        "outvoted": Parameter(
            str,
            "kept",
            "what becomes of a SEnd-seq site that loses the vote",
            choices=("kept", "merged"),
        ),
        **_FOLDERS,
    },
    "training": {
        **_FOLDERS,
        "weights": _WEIGHTS,
        "others": Parameter(
            list[str],
            [],
            "further models to compare with, as weights; those not there are left out",
        ),
        "steps": Parameter(
            list[str],
            [],
            "those of them that lead from one model to a better one, in order, for a table",
        ),
        "ensembles": Parameter(
            list[str],
            [],
            "models to average, each as 'name: first, second'; genes counts as one of them",
        ),
        "readings": Parameter(
            list[str],
            [],
            "models that differ from the first of them in one reading of the paper, for a table",
        ),
        "train": Parameter(
            bool,
            True,
            "whether to train (under this name, in run_dir/training) or to use what is there",
        ),
        "fresh": Parameter(
            bool,
            True,
            "whether to forget an earlier training of that name instead of going on with it",
        ),
        "train_set": Parameter(
            str, "curated", "sites to train on: curated, or the name of a source"
        ),
        "external": Parameter(
            list[str],
            [],
            "published start sites that no curation step used, to test on",
            choices=("drnaseq",),
        ),
        "data_dir": Parameter(
            str,
            None,
            "folder with the published tables; None: GENOATTN_DATA, else download",
            optional=True,
        ),
        "cuts": Parameter(
            list[int],
            [],
            "where test, validation and training part start, nt; none: as in the paper, relatively",
            low=0,
        ),
        "layers": Parameter(int, 3, "attention layers, if a model is trained (paper 6)", low=1),
        "heads": Parameter(
            int, 4, "attention heads of a layer, if a model is trained (paper 6)", low=1
        ),
        "d_model": Parameter(
            int, 32, "width of the hidden state, if a model is trained (paper 32)", low=2
        ),
        "d_head": Parameter(
            int, 16, "width of query, key and value, if a model is trained (paper 32)", low=1
        ),
        "window": Parameter(
            int,
            128,
            "positions that a query attends to, nt, if a model is trained (paper 512)",
            low=1,
        ),
        "downstream": Parameter(
            int,
            20,
            "sequence downstream of a site that is read, nt, if a model is trained (paper 20)",
            low=0,
        ),
        "dropout": Parameter(
            float, 0.1, "dropout, if a model is trained (paper 0.1)", low=0, high=0.9
        ),
        "passes": Parameter(float, 6.0, "most passes over the training part", low=0.01),
        "segment": Parameter(int, 1024, "scored positions of a training segment, nt", low=1),
        "context": Parameter(
            int, 128, "positions read, but not scored, before each segment, nt", low=0
        ),
        "batch": Parameter(int, 4, "segments in a step", low=1),
        "empty_share": Parameter(
            float, 1.0, "share of the segments without a site that a pass reads", low=0.001, high=1
        ),
        "learning_rate": Parameter(float, 0.005, "highest learning rate", low=0),
        "steps_per_round": Parameter(
            int, 100, "steps between two looks at the validation part", low=1
        ),
        "patience": Parameter(
            int, 6, "rounds without a lower validation loss after which training stops", low=1
        ),
        "seed": Parameter(
            int,
            1,
            "seed of the weights, of the order of segments, of dropout, of resampling",
            low=0,
        ),
        "precision": Parameter(
            str, "32-true", "arithmetic of the training", choices=("32-true", "bf16-mixed")
        ),
        "accelerator": Parameter(str, "auto", "cpu, gpu or auto", choices=("auto", "cpu", "gpu")),
        "k_max": Parameter(
            int, 20, "longest k-mer at which the output is scored, nt", low=2, high=200
        ),
        "tolerances": Parameter(
            list[int], [0, 1, 2, 5], "farthest that a call and its site may be apart, nt", low=0
        ),
        "radius": Parameter(
            int, 5, "a call is the highest output within so many nt on its strand", low=0
        ),
        "block": Parameter(
            int, 2_000, "length of the blocks of the genome that are resampled, nt", low=1
        ),
        "n_bootstrap": Parameter(int, 1_000, "resamples of blocks, for intervals", low=10),
    },
    "heads": {
        **_FOLDERS,
        "weights": _WEIGHTS,
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
    "output": {
        **_FOLDERS,
        "weights": _WEIGHTS,
        "seed": Parameter(int, 0, "seed of the resampling of blocks", low=0),
        "flank": Parameter(int, 600, "nucleotides on each side of a site", low=1),
        "reach": Parameter(int, 60, "nucleotides on each side of a site in the close-up", low=1),
        "upstream": Parameter(
            int, 250, "a TSS at most this many nt before a pseudogene is counted as its own", low=0
        ),
        "level": Parameter(float, 0.95, "coverage of bands and intervals", low=0.5, high=0.999),
        "block": Parameter(int, 5_000, "length in nt of the blocks that are resampled", low=1),
        "n_bootstrap": Parameter(int, 1_000, "resamples of blocks, for intervals", low=10),
        "widths": Parameter(
            list[int],
            [1, 10, 50, 100, 200],
            "windows in nt in which the two strands are compared",
            low=1,
        ),
        "gene_parts": Parameter(int, 5, "equal parts of a gene, from its start to its end", low=1),
        "tolerance": Parameter(
            int, 5, "a peak and a site at most so many nt apart are the same", low=0
        ),
        "precision": Parameter(
            float, 0.5, "share of the peaks that shall be known sites", low=0.0, high=1.0
        ),
        "distance": Parameter(
            int, 200, "without a site of the other strand so near, in nt, a site is alone", low=1
        ),
        "shared_box": Parameter(
            list[int],
            [7, 25],
            "a site of the other strand so far upstream, in nt, may share the -10 box",
            low=1,
        ),
        "n_edited": Parameter(int, 12, "start sites whose promoters are shuffled", low=1),
        "n_controls": Parameter(int, 10, "genes that each pseudogene is compared with", low=1),
        "n_candidates": Parameter(int, 100, "new candidates that are listed, best first", low=1),
    },
    "your_genome": {
        **_FOLDERS,
        "weights": _WEIGHTS,
        "fasta": Parameter(
            str, None, "your sequences, FASTA or FASTA.gz; None: a simulation", optional=True
        ),
        "gff": Parameter(str, None, "their annotation (GFF3), if you have one", optional=True),
        "circular": Parameter(list[str], [], "names of circular contigs, or all"),
        "name": Parameter(str, "my_genome", "name of the track hub, one word"),
        "email": Parameter(str, "nobody@example.org", "address that the hub names for questions"),
        "threshold": Parameter(float, 0.1, "least output of a peak", low=0, high=1),
        "apart": Parameter(int, 5, "a peak is the highest within so many nt", low=1),
        "heads": Parameter(
            list[str], [], "heads whose received attention becomes a track, such as 1.2"
        ),
        "decimals": Parameter(int, 4, "decimals of the values in the tracks", low=1, high=9),
        "flank": Parameter(int, 200, "nucleotides on each side of a gene start", low=1),
        "reach": Parameter(int, 60, "nucleotides on each side of a peak in its close-up", low=1),
        "n_top": Parameter(int, 9, "highest peaks that are shown", low=1, high=100),
        "seed": Parameter(int, 7, "seed of the simulation", low=0),
        "chromosome": Parameter(int, 60_000, "nucleotides of its larger contig", low=10_000),
        "plasmid": Parameter(int, 15_000, "nucleotides of its smaller contig", low=10_000),
    },
    "dependence": {
        **_FOLDERS,
        "weights": _WEIGHTS,
        "seed": Parameter(
            int, 0, "seed of segments, sites, letters and of the resampling of blocks", low=0
        ),
        "n_segments": Parameter(
            int, 32, "segments of the test part on which heads are switched off", low=4
        ),
        "segment": Parameter(int, 512, "scored nucleotides of a segment", low=1),
        "context": Parameter(int, 512, "nucleotides read before a segment", low=0),
        "n_leading": Parameter(
            int,
            6,
            "heads that matter most, of which every two are switched off together",
            low=2,
            high=20,
        ),
        "n_sites": Parameter(
            int,
            20,
            "start sites of the test part around which nucleotides are changed, at most",
            low=2,
        ),
        "region_first": Parameter(int, -100, "first position that is changed, the TSS is +1"),
        "region_last": Parameter(int, 20, "last position that is changed, the TSS is +1"),
        "n_substitutions": Parameter(
            int,
            1,
            "other nucleotides tried at each position, drawn at random if below 3",
            low=1,
            high=3,
        ),
        "width": Parameter(int, 7, "nucleotides of a word, odd", low=1, high=51),
        "n_steps": Parameter(int, 16, "points of the integral of the gradients", low=1),
        "block": Parameter(int, 2_000, "length in nt of the blocks that are resampled", low=1),
        "n_bootstrap": Parameter(int, 1_000, "resamples of blocks, for intervals", low=10),
        "level": Parameter(float, 0.95, "coverage of bands and intervals", low=0.5, high=0.999),
    },
    "atlas": {
        **_FOLDERS,
        "weights": _WEIGHTS,
        "seeds": Parameter(
            list[str],
            [],
            "the same training from other seeds, as weights; those not there are left out",
        ),
        "seed": Parameter(int, 0, "seed of the samples and of the permutations", low=0),
        "n_random": Parameter(
            int, 10_000, "positions of the test part, both strands, drawn at random", low=100
        ),
        "n_best": Parameter(
            int, 50, "samples of most attention at an offset, for its motif", low=2, high=63
        ),
        "width": Parameter(
            int, 7, "nucleotides of a motif, odd, centred at the offset", low=1, high=51
        ),
        "region_first": Parameter(int, -100, "first position shown on a card, the TSS is +1"),
        "region_last": Parameter(int, 20, "last position shown on a card, the TSS is +1"),
        "selective": Parameter(
            float, 0.2, "least selectivity of a head that is said to look at a place", low=0, high=1
        ),
        "max_q": Parameter(
            float, 0.05, "greatest q-value (false discovery rate) of a match", low=0, high=1
        ),
        "ablation": Parameter(
            str,
            "mean",
            "what a head that is switched off gives instead",
            choices=("mean", "zero"),
        ),
        "n_permutations": Parameter(
            int, 1_000, "times that motifs are dealt out anew, for chance between seeds", low=1
        ),
        "n_shuffles": Parameter(
            int, 10_000, "random elements that each match of a motif is compared with", low=1
        ),
        "min_similarity": Parameter(
            float,
            0.5,
            "least similarity of motif and element for a role in another seed",
            low=0,
            high=1,
        ),
        "recovery_file": Parameter(
            str,
            "book/results/demo/recovery.csv",
            "planted elements found on simulated genomes",
        ),
    },
    "engine": {
        **_FOLDERS,
        "weights": _WEIGHTS,
        "seed": Parameter(int, 0, "seed of random operands and samples", low=0),
        "bench": Parameter(
            str, "book/results", "folder of bench.csv and bench_profile.csv, written by make bench"
        ),
        "lengths": Parameter(
            list[int],
            [1, 64, 513, 1500],
            "lengths in nt on which the two forms are compared",
            low=1,
        ),
        "chunks": Parameter(
            list[int],
            [100, 1000, 3000],
            "positions read at once that are compared with one piece, in nt",
            low=1,
        ),
        "seam_length": Parameter(
            int, 4_000, "nucleotides of the genome on which the chunks are compared", low=1
        ),
        "n_census": Parameter(
            int, 2_500, "nucleotides whose attention is held whole, on both strands", low=10
        ),
        "n_sample": Parameter(int, 500, "positions of the sample for rank correlation", low=3),
        "k_best": Parameter(int, 50, "best positions of each head and distance", low=1),
        "mixed_steps": Parameter(
            int, 10, "training steps taken in full and in mixed precision", low=2
        ),
        "n_genomes": Parameter(
            int,
            400_000,
            "genomes of a large collection, about as many as RefSeq has of bacteria",
            low=1,
        ),
        "mean_length": Parameter(int, 4_000_000, "their mean length in nt", low=1),
        "days": Parameter(
            float, 7, "time in which the collection shall be annotated, in days", low=0.01
        ),
    },
}


class Checked(Mapping[str, Any]):
    """Checked parameters of one chapter, read as attributes or items; they cannot be changed.

    Parameters
    ----------
    chapter : str
        A key of `SCHEMAS`.
    values : mapping
        Value by parameter name, in the schema's order.
    """

    __slots__ = ("_chapter", "_values")

    def __init__(self, chapter: str, values: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_chapter", chapter)
        object.__setattr__(self, "_values", MappingProxyType(dict(values)))

    @property
    def chapter(self) -> str:
        """The chapter that these parameters belong to."""
        return str(object.__getattribute__(self, "_chapter"))

    def __getitem__(self, name: str) -> Any:
        return object.__getattribute__(self, "_values")[name]

    def __iter__(self) -> Iterator[str]:
        return iter(object.__getattribute__(self, "_values"))

    def __len__(self) -> int:
        return len(object.__getattribute__(self, "_values"))

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"{self.chapter} has no parameter {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"parameters are fixed once checked; cannot set {name!r}")

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.items())
        return f"Checked({self.chapter}: {inside})"


AT_MOST: dict[str, tuple[tuple[str, str], ...]] = {
    "heads": (("n_known", "k_census"), ("region_first", "region_last")),
}
"""Of each chapter, pairs of parameters of which the first may not be greater than the second."""


def check(chapter: str, namespace: dict[str, Any]) -> Checked:
    """Read a chapter's parameters from a notebook's namespace, or stop with a clear error.

    Unknown parameters are found as public names bound to plain data (numbers, text, lists,
    dictionaries, None), which is all that papermill can inject. So nothing but the parameters may
    be bound to plain data before this call; imports and functions do no harm. When the
    cell is run again in the same kernel, only the values are looked at, as other names are then the
    chapter's own.

    Parameters
    ----------
    chapter : str
        A key of `SCHEMAS`.
    namespace : dict
        The notebook's ``globals()``.

    Returns
    -------
    Checked
        The values, in the schema's order.

    Raises
    ------
    ParameterError
        Unknown chapter or parameter, a parameter missing, a wrong type, range or choice, or one
        greater than another that limits it.
    """
    schema = _schema(chapter)
    if not namespace.get(_CHECKED):
        bound = [
            name
            for name, value in namespace.items()
            if not name.startswith("_")
            and name not in _NOTEBOOK_NAMES
            and isinstance(value, _PLAIN)
        ]
        for name in bound:
            if name not in schema:
                raise ParameterError(f"{chapter}: {_unknown(name, schema)}")
    values: dict[str, Any] = {}
    for name, parameter in schema.items():
        if name not in namespace:
            raise ParameterError(
                f"{chapter}: parameter {name!r} is missing; "
                f"its cell of defaults should say {name} = {parameter.default!r}"
            )
        problem = parameter.complaint(namespace[name])
        if problem:
            raise ParameterError(
                f"{chapter}: parameter {name!r} {problem}; it means: {parameter.meaning}"
            )
        values[name] = parameter.converted(namespace[name])
    for smaller, larger in AT_MOST.get(chapter, ()):
        if values[smaller] > values[larger]:
            raise ParameterError(
                f"{chapter}: parameter {smaller!r} must be at most {larger!r}, but is "
                f"{values[smaller]} and {larger!r} is {values[larger]}"
            )
    namespace[_CHECKED] = True
    return Checked(chapter, values)


def table(parameters: Checked, names: Iterable[str]) -> str:
    """Write parameters as a Markdown table; values that differ from the default are in bold.

    Parameters
    ----------
    parameters : Checked
        From `check`.
    names : iterable of str
        Parameters to list.

    Returns
    -------
    str
        A table with the columns parameter, value, meaning.
    """
    lines = ["| parameter | value | meaning |", "|:--|:--|:--|"]
    for name in names:
        parameter, value = _schema(parameters.chapter)[name], parameters[name]
        shown = f"`{value!r}`".replace("|", "\\|")
        if value != parameter.default:
            shown = f"**{shown}**"
        lines.append(f"| `{name}` | {shown} | {parameter.meaning} |")
    return "\n".join(lines)


def command(parameters: Checked) -> str:
    """Write the papermill command that runs a chapter again with the same parameters.

    Parameters
    ----------
    parameters : Checked
        From `check`.

    Returns
    -------
    str
        A shell command, to be run in the project's folder, that names only what differs from the
        notebook's defaults.
    """
    chapter = parameters.chapter
    notebook = f"{list(SCHEMAS).index(chapter):02d}_{chapter}.ipynb"
    lines = [f"papermill notebooks/{notebook} my_{chapter}.ipynb"]
    schema = _schema(chapter)
    for name, value in parameters.items():
        if value == schema[name].default:
            continue
        if isinstance(value, list):
            listed = f"{name}: [{', '.join(_yaml(one) for one in value)}]"
            lines.append(f"-y {shlex.quote(listed)}")
        else:
            raw = isinstance(value, str) and _reads_as_other(value)
            lines.append(f"{'-r' if raw else '-p'} {name} {shlex.quote(str(value))}")
    return " \\\n  ".join(lines)


def show(parameters: Checked) -> Markdown:
    """Render what a chapter ran with, and how to run it again, for a notebook's page.

    Parameters
    ----------
    parameters : Checked
        From `check`.

    Returns
    -------
    IPython.display.Markdown
        A table of what differs from the defaults, the rest folded, and a shell command.
    """
    from IPython.display import Markdown

    schema = _schema(parameters.chapter)
    changed = [name for name, value in parameters.items() if value != schema[name].default]
    default = [name for name in parameters if name not in changed]
    parts = []
    if changed:
        parts.append(f"**This chapter ran with**\n\n{table(parameters, changed)}")
    if default:
        number = f"{'the other ' if changed else 'all '}{len(default)} parameters"
        parts.append(
            f"<details><summary>{number.capitalize()}, at their defaults</summary>\n\n"
            f"{table(parameters, default)}\n\n</details>"
        )
    parts.append(
        "**To run it again**, in the project's folder; any of the parameters can be given with "
        f"`-p`:\n\n```bash\n{command(parameters)}\n```"
    )
    return Markdown("\n\n".join(parts) + "\n")


def _schema(chapter: str) -> dict[str, Parameter]:
    """Return a chapter's schema, or say which chapters there are."""
    if chapter not in SCHEMAS:
        known = ", ".join(SCHEMAS)
        raise ParameterError(f"chapter {chapter!r} is not known; the chapters are {known}")
    return SCHEMAS[chapter]


def _unknown(name: str, schema: Mapping[str, Parameter]) -> str:
    """Say that a parameter is not known, and which one may have been meant."""
    near = get_close_matches(name, list(schema), n=1)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"parameter {name!r} is not known; {guess}It knows {', '.join(schema)}"


def _reads_as_other(text: str) -> bool:
    """Tell whether papermill's ``-p`` would take a text for a number, a truth value or None."""
    try:
        float(text)
    except ValueError:
        return text in {"True", "False", "None"}
    return True


def _yaml(value: Any) -> str:
    """Write one plain value so that YAML reads it back."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value).lower() if isinstance(value, bool) else repr(value)
