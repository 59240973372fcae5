"""What passes through one head on its way to the output, letter by letter; touches site.py.

The output at a site is a function of what every head contributes. For one head, everything else is
held as the unchanged sequence makes it; only the head's own contribution is what *another* sequence
makes it, and the layers above respond to that::

    F_head(x) = log-odds, if the head contributes what it does on x, and all others what they do
                on the site's sequence

For a mutant x, ``F_head(x) - F_head(sequence)`` is the part of the mutation's effect that the head
mediates (`mediated_changes`: exact activation patching). Along the straight way from the genome's
composition to the sequence it is attributed to the letters by integrated gradients (Sundararajan et
al. 2017), here *path-specific*: a gradient that goes back through one head alone. The
attributions of a head add up to ``F_head(sequence) - F_head(composition)`` (completeness); how far
they do is measured at every site. Their mean over sites is the head's *mediated logo*: what the
output learns through it, at true distances from the start, in log-odds.

What a head contributes depends on the sequence through the heads below it as well; a letter
that L1 hands on to L4 stands in the logos of both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from genoattn.evaluation import bootstrap
from genoattn.genome.files import writing
from genoattn.genome.sequence import Genome
from genoattn.heads.elements import Element
from genoattn.interventions.naming import name_places, with_q
from genoattn.interventions.saturation import check_region
from genoattn.model.annotator import Annotator
from genoattn.model.attention import keep_freed_memory
from genoattn.prediction.site import Rereading, letters

__all__ = ["Logos", "SitePaths", "completeness", "logo_table", "mediated_logos", "name_heads"]

CHUNK = 10
"""Sites after which what is done is written down."""


class SitePaths(Rereading):
    """One site, read once, and the ways through its heads: see the module's first lines."""

    def __init__(
        self, model: Annotator, genome: Genome, position: int, strand: str, first: int
    ) -> None:
        super().__init__(model, genome, position, strand, first)
        self.start = self.start_of(self.site + first)
        """First index that is read again."""
        with torch.no_grad():
            given = model.embedding(self.codes[None, self.start :])
            self._clean = self._through(given)

    def _through(self, given: Tensor) -> list[tuple[Tensor, Tensor]]:
        """For each layer, what enters it (m, t, d_model) and what its heads give (m, r, H d)."""
        h = self._enter(given, self.start)
        found = []
        for number in range(len(self._layers())):
            z = self.heads_hand_on(number, h, self.start)
            found.append((h, z))
            h = self.close(number, h, z, self.start)
        return found

    def _given(self, mixed: Tensor) -> Tensor:
        """Embeddings of mixtures of letters (m, t, 4) from ``start`` on."""
        weight = self.model.embedding.weight
        return mixed @ weight * float(weight.shape[1] ** 0.5)

    def _patched(self, number: int, head: int, z: Tensor) -> Tensor:
        """Log-odds (m,) if one head of layer ``number`` gives ``z`` (m, r, d_head)."""
        layer = self._layers()[number]
        h, clean = self._clean[number]
        columns = self._columns(head)
        rows = self.rows(number, self.start)
        moved = (z - clean[..., columns]) @ layer.combine.weight[:, columns].T
        h = layer.norm(h[:, rows] + layer.combine(clean) + moved)
        for above in range(number + 1, len(self._layers())):
            h = self.close(above, h, self.heads_hand_on(above, h, self.start), self.start)
        return self.model.output(h[:, 0]).squeeze(-1)

    def _columns(self, head: int) -> slice:
        width = self.model.config.d_head
        return slice(head * width, (head + 1) * width)

    def changes(self, changed: NDArray[np.integer]) -> NDArray[np.float64]:
        """Change of the log-odds by mutants, as far as each head mediates it.

        Parameters
        ----------
        changed : integer array, shape (m, n - start)
            Codes from `start` on.

        Returns
        -------
        float array, shape (m, layers, heads)
        """
        c = self.model.config
        codes = torch.as_tensor(np.asarray(changed, np.int64), device=self.codes.device)
        result = np.empty((len(codes), c.layers, c.heads))
        with torch.no_grad():
            for number, (_, z) in enumerate(self._through(self.model.embedding(codes))):
                for head in range(c.heads):
                    patched = self._patched(number, head, z[..., self._columns(head)])
                    result[:, number, head] = patched.double().cpu().numpy() - self.log_odds
        return result

    def attributions(
        self, index: NDArray[np.int64], composition: Tensor, n_steps: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Path-specific integrated gradients of every head.

        Parameters
        ----------
        index : int array, shape (p,)
            Places in ``codes`` whose letters are attributed to.
        composition : Tensor, shape (4,)
            Where the way begins, at each of these places; the rest stays as it is.
        n_steps : int
            Points of the integral (Gauss-Legendre).

        Returns
        -------
        attribution : float array, shape (layers, heads, p)
        ends : float array, shape (layers, heads)
            ``F_head(sequence) - F_head(composition)``, what they should add up to.
        """
        c = self.model.config
        sequence = letters(self.codes[self.start :])
        baseline = sequence.clone()
        place = torch.as_tensor(index - self.start, device=sequence.device)
        baseline[place] = composition.to(sequence)
        way = sequence - baseline
        nodes, weights = np.polynomial.legendre.leggauss(n_steps)
        share = torch.tensor((nodes + 1) / 2, dtype=way.dtype, device=way.device)
        weight = torch.tensor(weights / 2, dtype=way.dtype, device=way.device)
        points = (baseline + share[:, None, None] * way).requires_grad_()
        ways = self._through(self._given(points))
        with torch.no_grad():
            beginning = self._through(self._given(baseline[None]))
        found = np.empty((c.layers, c.heads, len(index)))
        ends = np.empty((c.layers, c.heads))
        for number, (_, z) in enumerate(ways):
            for head in range(c.heads):
                columns = self._columns(head)
                free = z[..., columns].detach().requires_grad_()
                (slope,) = torch.autograd.grad(self._patched(number, head, free).sum(), free)
                (gradient,) = torch.autograd.grad(z[..., columns], points, slope, retain_graph=True)
                total = (way * torch.einsum("s,sta->ta", weight, gradient)).sum(-1)
                found[number, head] = total[place].detach().double().cpu().numpy()
                with torch.no_grad():
                    far = self._patched(number, head, beginning[number][1][..., columns])
                ends[number, head] = self.log_odds - float(far[0])
        return found, ends


# ------------------------------------------------------------------------------------- many sites


@dataclass(frozen=True)
class Logos:
    """What each nucleotide around some sites contributes through each head.

    Attributes
    ----------
    sites : DataFrame
        ``position``, ``strand``, ``log_odds`` of n sites.
    offset : int array, shape (p,)
    codes : uint8 array, shape (n, p)
    contribution : float32 array, shape (n, layers, heads, p)
        In log-odds.
    ends : float array, shape (n, layers, heads)
        What the contributions of a head should add up to.
    """

    sites: pd.DataFrame
    offset: NDArray[np.int64]
    codes: NDArray[np.uint8]
    contribution: NDArray[np.float32]
    ends: NDArray[np.float64]

    @property
    def incomplete(self) -> NDArray[np.float64]:
        """Sum of the contributions minus what it should be, shape (n, layers, heads)."""
        return self.contribution.sum(-1) - self.ends

    @property
    def logo(self) -> NDArray[np.float64]:
        """Mean over sites by letter, shape (layers, heads, p, 4); those of an offset add up."""
        onehot = np.eye(5, 4)[self.codes]
        return np.einsum("nlhp,npa->lhpa", self.contribution, onehot) / len(self.codes)


def mediated_logos(
    model: Annotator,
    genome: Genome,
    sites: pd.DataFrame,
    *,
    first: int = -60,
    last: int = 20,
    n_steps: int = 8,
    composition: NDArray[np.floating],
    kept: Path | None = None,
    made_from: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Logos:
    """Attribute what every head tells the output to the letters around sites.

    Parameters
    ----------
    model : Annotator
        In evaluation mode.
    genome : Genome
    sites : DataFrame
        ``position``, ``strand``.
    first, last : int
        Offsets of the region's ends, both inclusive; ``last`` at most ``config.downstream``.
    n_steps : int
        Points of the integral.
    composition : float array, shape (4,)
        Where the way begins, at each place of the region.
    kept, made_from
        As of `saturation.saturate`: an interrupted run goes on.
    progress : bool
        Show a progress bar.

    Raises
    ------
    ValueError
        A model without attention, no site, a region beyond what the model reads, or a site too
        near a contig's end.
    """
    offset = _checked(model, genome, sites, first, last)
    keep_freed_memory()
    c = model.config
    record = _record(sites, offset, n_steps, composition, made_from)
    shape = (len(sites), c.layers, c.heads)
    contribution, ends, log_odds = _resume(kept, record, shape, len(offset))
    pool = torch.tensor(np.asarray(composition), dtype=torch.float32)
    missing = np.flatnonzero(np.isnan(log_odds))
    bar = tqdm(
        total=len(sites),
        initial=len(sites) - len(missing),
        desc="attributing through heads",
        unit="site",
        mininterval=1,
        disable=not progress,
    )
    with bar:
        for number, row in enumerate(missing, start=1):
            position, strand = int(sites["position"].iloc[row]), str(sites["strand"].iloc[row])
            paths = SitePaths(model, genome, position, strand, first)
            contribution[row], ends[row] = paths.attributions(paths.site + offset, pool, n_steps)
            log_odds[row] = paths.log_odds
            bar.update()
            if kept is not None and (number % CHUNK == 0 or number == len(missing)):
                with writing(kept) as partial:
                    np.savez(partial, allow_pickle=False, record=record,
                             contribution=contribution, ends=ends, log_odds=log_odds)  # fmt: skip
    measured = sites[["position", "strand"]].reset_index(drop=True).assign(log_odds=log_odds)
    codes = genome.around(sites["position"].to_numpy(), sites["strand"].to_numpy(), offset)
    return Logos(measured, offset, codes, contribution, ends)


def _checked(
    model: nn.Module, genome: Genome, sites: pd.DataFrame, first: int, last: int
) -> NDArray[np.int64]:
    """Offsets of the region, once everything is as it must be."""
    if not isinstance(model, Annotator):
        raise ValueError(
            f"a {type(model).__name__} has no attention, so nothing passes through heads; "
            "saturation mutagenesis works for it"
        )
    if not first <= last <= model.config.downstream:
        raise ValueError(
            f"region {first}..{last}: give first <= last <= {model.config.downstream}, beyond "
            "which the model does not look"
        )
    if sites.empty:
        raise ValueError("there is no site whose letters could be attributed to")
    check_region(genome, sites, first, last)
    return np.arange(first, last + 1)


def _record(
    sites: pd.DataFrame,
    offset: NDArray[np.int64],
    n_steps: int,
    composition: NDArray[np.floating],
    made_from: Mapping[str, Any] | None,
) -> str:
    """What kept attributions belong to, as one line of JSON."""
    return json.dumps(
        {
            "sites": [f"{p}{s}" for p, s in sites[["position", "strand"]].values],
            "region": [int(offset[0]), int(offset[-1])],
            "n_steps": n_steps,
            "composition": [round(float(share), 6) for share in composition],
            **(made_from or {}),
        },
        sort_keys=True,
    )


def _resume(
    kept: Path | None, record: str, shape: tuple[int, int, int], p: int
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Contributions, ends and log-odds, the latter NaN where they are still to be made."""
    if kept is not None and kept.is_file():
        with np.load(kept, allow_pickle=False) as arrays:
            if str(arrays["record"]) == record:
                return arrays["contribution"], arrays["ends"], arrays["log_odds"]
    empty = np.zeros((*shape, p), np.float32)
    return empty, np.zeros(shape), np.full(shape[0], np.nan)


def logo_table(logos: Logos) -> pd.DataFrame:
    """The mediated logos as a tidy frame.

    Returns
    -------
    DataFrame
        ``layer`` and ``head`` (from 1), ``offset`` (the site is 0), ``letter``, ``contribution``
        (mean over sites, log-odds; the letters of an offset add up to the offset's mean).
    """
    logo = logos.logo
    index = pd.MultiIndex.from_product(
        [
            range(1, logo.shape[0] + 1),
            range(1, logo.shape[1] + 1),
            logos.offset.tolist(),
            list("ACGT"),
        ],
        names=["layer", "head", "offset", "letter"],
    )
    return pd.DataFrame({"contribution": logo.ravel()}, index=index).reset_index()


def completeness(
    logos: Logos, block: NDArray[np.int64], *, n_bootstrap: int, level: float, seed: int
) -> pd.DataFrame:
    """What each head contributes at the sites in all, and how far its attributions add up to it.

    Returns
    -------
    DataFrame
        ``layer``, ``head`` (from 1), ``total`` (mean over sites of what the head tells the output,
        against the genome's composition, log-odds) with ``ci_low``, ``ci_high`` from resampled
        blocks, and ``error`` (mean absolute shortfall of the attributions, log-odds).
    """
    draws = bootstrap.resample(block, n_bootstrap, seed)[:, block]
    rows = []
    for layer, head in np.ndindex(*logos.ends.shape[1:]):
        value = logos.ends[:, layer, head]
        low, high = bootstrap.interval(draws @ value / draws.sum(1), level)
        error = float(np.abs(logos.incomplete[:, layer, head]).mean())
        rows.append((layer + 1, head + 1, float(value.mean()), low, high, error))
    return pd.DataFrame(rows, columns=["layer", "head", "total", "ci_low", "ci_high", "error"])


def name_heads(
    logos: Logos,
    elements: Sequence[Element],
    block: NDArray[np.int64],
    *,
    background: NDArray[np.floating],
) -> pd.DataFrame:
    """Hold what passes through every head against elements at their places.

    Parameters
    ----------
    logos : Logos
    elements : sequence of Element
        Few: q-values are over all heads and elements.
    block : int array, shape (n,)
    background : float array, shape (4,)

    Returns
    -------
    DataFrame
        `naming.name_places` and `naming.with_q`, with ``layer`` and ``head`` (from 1).
    """
    tables = [
        name_places(
            logos.contribution[:, layer, head], logos.codes, logos.offset, elements, block,
            background=background,
        ).assign(layer=layer + 1, head=head + 1)
        for layer, head in np.ndindex(*logos.ends.shape[1:])
    ]  # fmt: skip
    return with_q(pd.concat(tables, ignore_index=True))
