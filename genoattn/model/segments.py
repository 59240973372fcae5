"""What a training reads: labelled strands cut into segments and put into passes; arrays alone.

The paper trains on consecutive segments of both strands. Here each segment brings ``context``
positions of upstream sequence that are read but not scored, so that no position is judged on a cold
start. Which segments a pass has, and in which order, is a pure function of the seed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from genoattn.genome.intervals import runs
from genoattn.genome.sequence import Genome
from genoattn.genome.sites import reading_order, shift_downstream, site_track
from genoattn.genome.split import Split

MOST_READ = 100_000_000
"""Positions that a step of a training may read: more would fill the memory of any machine."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train.

    Attributes
    ----------
    passes : float
        Times that the whole training part is seen at most.
    segment, context : int
        Scored positions of a segment, and positions upstream of it that are read but not scored, in
        nt.
    batch : int
        Segments in one step (over all devices).
    empty_share : float
        Share of the segments without a site that a pass takes; see :class:`Passes`.
    learning_rate : float
        Peak of the schedule: linear warm-up over the first tenth, then a cosine down to zero.
    weight_decay, clip : float
        Of AdamW; largest norm of the gradient.
    steps_per_round : int
        Steps between two looks at the validation part (and two checkpoints).
    patience : int
        Rounds without a lower validation loss after which training stops; one that keeps its last
        weights goes on to its end.
    seed : int
    precision : str
        Lightning's name, '32-true' or 'bf16-mixed'.
    auxiliary_weight : float
        Share of the auxiliary targets' cross-entropy that is added to the loss.
    focal_gamma : float
        Exponent of the focal loss (Lin et al. 2017), which training minimises instead of the
        cross-entropy; 0 is the cross-entropy. The paper's text says cross-entropy, its code 0.8.
        The validation loss is the cross-entropy in any case.
    keep : str
        Which weights stay: 'best', those of the lowest validation loss, or 'last', those of the
        last round (for a control, whose validation loss has nothing to fall for).
    """

    passes: float = 3.0
    segment: int = 4096
    context: int = 512
    batch: int = 2
    empty_share: float = 1.0
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 0.5
    steps_per_round: int = 200
    patience: int = 5
    seed: int = 1
    precision: str = "32-true"
    auxiliary_weight: float = 0.5
    focal_gamma: float = 0.0
    keep: str = "best"

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{one.name} must be a number, not {value}")
        if self.learning_rate > 1000:
            raise ValueError(f"learning_rate must be at most 1000, not {self.learning_rate}")
        for name in ("passes", "segment", "batch", "learning_rate", "steps_per_round", "patience"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than 0, not {getattr(self, name)}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed must be a whole number of 0 or more, not {self.seed}")
        if not 0 < self.empty_share <= 1:
            raise ValueError(f"empty_share must be above 0 and at most 1, not {self.empty_share}")
        for name in ("context", "weight_decay", "clip", "auxiliary_weight", "focal_gamma"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if (read := self.batch * (self.segment + self.context)) > MOST_READ:
            raise ValueError(
                f"batch times segment and context must be at most {MOST_READ:,} nt, as no memory "
                f"holds more, not {read:,}"
            )
        if self.keep not in ("best", "last"):
            raise ValueError(f"keep must be 'best' or 'last', not {self.keep!r}")
        if self.precision not in ("32-true", "bf16-mixed"):
            raise ValueError(f"precision must be '32-true' or 'bf16-mixed', not {self.precision!r}")


@dataclass(frozen=True)
class StrandData:
    """Both strands as the model reads them: codes and targets (2, L), 5'->3', targets shifted.

    ``auxiliary``, shape (n, 2, L), holds further targets that help to train. Built by :meth:`of`;
    ``part_mask(part)`` says which positions count in a part: those whose *site* lies there.
    """

    codes: NDArray[np.uint8]
    target: NDArray[np.uint8]
    split: Split
    downstream: int
    auxiliary: NDArray[np.uint8]

    @classmethod
    def of(
        cls,
        genome: Genome,
        sites: pd.DataFrame,
        split: Split,
        downstream: int,
        auxiliary: Sequence[pd.DataFrame] = (),
    ) -> StrandData:
        """Read both strands of a genome with the labels of ``sites`` and of auxiliary sets."""
        if downstream >= len(genome):
            raise ValueError(
                f"downstream must be less than the {len(genome):,} nt of {genome.name}, not "
                f"{downstream:,}"
            )
        codes = np.stack([genome.strand("+"), genome.strand("-")])
        target, *further = [
            shift_downstream(reading_order(site_track(one, len(genome))), downstream)
            for one in (sites, *auxiliary)
        ]
        return cls(codes, target, split, downstream, np.array(further).reshape(-1, *target.shape))

    def part_mask(self, part: str) -> NDArray[np.bool_]:
        """Say which queries (2, L), in reading order, speak of a site in ``part``."""
        mask = self.split.mask(part)
        return shift_downstream(reading_order(np.stack([mask, mask])), self.downstream)

    def hashes(self) -> dict[str, str]:
        """SHA-256 of the sequence and of the labels that a model was trained on."""
        arrays = {"sequence": self.codes[0], "labels": self.target}
        if len(self.auxiliary):
            arrays["auxiliary"] = self.auxiliary
        return {
            f"{name}_sha256": hashlib.sha256(array.tobytes()).hexdigest()
            for name, array in arrays.items()
        }


class Segment(NamedTuple):
    """Stretch of a strand, in reading order; ``first <= index < last`` counts, with ``weight``."""

    strand: int
    start: int
    first: int
    last: int
    weight: float = 1.0


def cut(mask: NDArray[np.bool_], length: int, phase: int) -> list[Segment]:
    """Cut a part into segments of ``length`` nt that together count every position of it once.

    ``mask`` has shape (2, L). The first segment of each run of the part starts ``phase`` nt before
    it, so that another phase cuts elsewhere.
    """
    return [
        Segment(strand, start, first, first + size)
        for strand in range(2)
        for first, size in runs(mask[strand]).tolist()
        for start in range(first - phase, first + size, length)
    ]


Batch = tuple[Tensor, Tensor, Tensor, Tensor]
"""Codes, target, counts and auxiliary targets of some segments."""


class Segments(Dataset[Batch]):
    """Segments with left context.

    Codes (context + length), target and counts (length), auxiliary targets (length, n).

    Indices beyond the genome's end go on at its beginning.
    """

    def __init__(
        self, data: StrandData, segments: list[Segment], length: int, context: int
    ) -> None:
        self.data, self.segments = data, segments
        self.length, self.context = length, context

    def __len__(self) -> int:
        return len(self.segments)

    def __getitem__(self, number: int) -> Batch:
        strand, start, first, last, weight = self.segments[number]
        index = np.arange(start - self.context, start + self.length)
        codes = self.data.codes[strand].take(index, mode="wrap")
        scored = index[self.context :]
        target = self.data.target[strand].take(scored, mode="wrap")
        auxiliary = self.data.auxiliary[:, strand].take(scored, axis=-1, mode="wrap")
        counts = weight * ((first <= scored) & (scored < last))
        return (
            torch.from_numpy(codes.astype(np.int64)),
            torch.from_numpy(target.astype(np.float32)),
            torch.from_numpy(counts.astype(np.float32)),
            torch.from_numpy(auxiliary.T.astype(np.float32)),
        )


class Passes:
    """An endless, seeded sequence of shuffled passes over a part, dealt out in rounds.

    Most segments hold no site and teach little. With ``config.empty_share`` below 1, a pass takes a
    random share of them and counts each so much more, which leaves the expected loss as it is.
    """

    def __init__(self, data: StrandData, part: str, config: TrainingConfig) -> None:
        self.mask, self.config = data.part_mask(part), config
        sites = np.cumsum(np.pad(data.target, ((0, 0), (1, 0))), axis=1, dtype=np.int64)
        self._sites = np.hstack([sites, sites[:, -1:] + sites[:, 1:]])  # twice round the circle
        self._sizes: list[int] = []

    def one(self, number: int) -> list[Segment]:
        """One pass: all segments of the part, cut at a random phase, in random order."""
        c = self.config
        rng = np.random.default_rng([c.seed, number])
        segments = cut(self.mask, c.segment, int(rng.integers(c.segment)))
        if c.empty_share < 1:
            full = [segment for segment in segments if self._count(segment)]
            empty = [segment for segment in segments if not self._count(segment)]
            taken = rng.choice(len(empty), round(c.empty_share * len(empty)), replace=False)
            segments = full + [empty[i]._replace(weight=1 / c.empty_share) for i in taken]
        return [segments[i] for i in rng.permutation(len(segments))]

    def _count(self, segment: Segment) -> int:
        """Sites that count in a segment."""
        length = self.mask.shape[1]
        first = max(segment.start, segment.first) % length
        size = min(segment.start + self.config.segment, segment.last) - max(
            segment.start, segment.first
        )
        sites = self._sites[segment.strand]
        return int(sites[first + size] - sites[first])

    def size(self, number: int) -> int:
        """Segments of a pass; it differs a little from pass to pass."""
        while len(self._sizes) <= number:
            self._sizes.append(len(self.one(len(self._sizes))))
        return self._sizes[number]

    def round(self, number: int) -> list[Segment]:
        """What round ``number`` sees: the next stretch of the sequence of passes."""
        wanted = self.config.steps_per_round * self.config.batch
        passed, position = 0, number * wanted
        while position >= self.size(passed):
            position -= self.size(passed)
            passed += 1
        chosen: list[Segment] = []
        while len(chosen) < wanted:
            chosen += self.one(passed)[position:][: wanted - len(chosen)]
            passed, position = passed + 1, 0
        return chosen

    def steps(self) -> int:
        """Steps of the whole training: rounds enough for ``config.passes`` passes."""
        c = self.config
        return c.steps_per_round * math.ceil(c.passes * self.size(0) / c.batch / c.steps_per_round)
