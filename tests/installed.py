"""What an installed package must do without extras: import, annotate, train; see .ci/installed.

With ``--only-declared`` it runs in an environment that has more, and finds only what the package
declares and what that needs in turn.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Sequence
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any


def needed(name: str, extras: Sequence[str] = ()) -> set[str]:
    """Distributions that one needs, itself among them, in lower case with hyphens."""
    done: set[str] = set()
    waiting = [(name, tuple(extras))]
    while waiting:
        one, wanted = waiting.pop()
        one = re.sub(r"[-_.]+", "-", one).lower()
        if one in done:
            continue
        done.add(one)
        try:
            requirements = metadata.requires(one) or []
        except metadata.PackageNotFoundError:
            continue  # for another platform
        for text in requirements:
            marker = text.partition(";")[2]
            if "extra" in marker and not any(
                f"'{e}'" in marker or f'"{e}"' in marker for e in wanted
            ):
                continue
            found = re.match(r"[\w.-]+", text)
            asked = re.search(r"\[([^\]]*)\]", text.partition(";")[0])
            if found:
                waiting.append((found[0], tuple(asked[1].split(",")) if asked else ()))
    return done


class OnlyDeclared:
    """A finder of modules that finds none of distributions that the package does not need."""

    def __init__(self, finder: Any, foreign: set[str]) -> None:
        self.finder, self.foreign = finder, foreign

    def find_spec(self, name: str, *args: object) -> ModuleSpec | None:
        """Find a module, as whoever asks for one that is not there expects it."""
        if name.partition(".")[0] in self.foreign:
            return None
        return self.finder.find_spec(name, *args)


def hide_what_is_not_declared() -> None:
    """Let this process find only the package and what it needs."""
    ours = needed("genoattn")
    foreign = {
        module
        for module, owners in metadata.packages_distributions().items()
        if not any(re.sub(r"[-_.]+", "-", owner).lower() in ours for owner in owners)
    }
    sys.meta_path[:] = [OnlyDeclared(finder, foreign) for finder in sys.meta_path]


def main() -> None:
    if "--only-declared" in sys.argv:
        hide_what_is_not_declared()
    import genoattn

    found = {one.name for one in pkgutil.walk_packages(genoattn.__path__, "genoattn.")}
    build = {one for one in found if one.startswith("genoattn.book.")} - {"genoattn.book.own"}
    modules = sorted(found - build)  # the book's build needs the extra of that name
    for module in modules:
        importlib.import_module(module)

    import numpy as np
    import pandas as pd

    from genoattn.__main__ import main as command
    from genoattn.annotate import annotate
    from genoattn.genome.formats import write_fasta
    from genoattn.genome.sequence import Genome
    from genoattn.genome.split import Split
    from genoattn.model.annotator import AnnotatorConfig
    from genoattn.model.segments import TrainingConfig
    from genoattn.model.training import fit

    genome = Genome("toy", np.random.default_rng(0).integers(0, 4, 3_000, dtype=np.uint8))
    write_fasta(Genome("toy", genome.codes[:300]), "toy.fa")
    assert command(["annotate", "toy.fa", "--weights", "convolutional", "--to", "annotated"]) == 0
    names = {path.name for path in Path("annotated").iterdir()}
    assert names >= {"output.plus.bw", "output.minus.bw", "peaks.bed"}
    assert annotate("with-genes", "toy.fa")["toy"].shape == (2, 300)

    sites = pd.DataFrame({"position": np.arange(20, 3_000, 97), "strand": "+"})
    split = Split.at((1_500, 2_000, 2_500), len(genome))
    model = AnnotatorConfig(layers=1, heads=1, d_model=4, d_head=4, window=8, downstream=4)
    training = TrainingConfig(passes=0.5, segment=128, context=8, steps_per_round=2)
    weights = Path("trained/toy.safetensors")
    weights.parent.mkdir()
    fit(genome, sites, split, weights, model=model, training=training, accelerator="cpu")
    assert weights.is_file()
    print(f"{len(modules)} modules imported, a sequence annotated, a model trained")


if __name__ == "__main__":
    main()
