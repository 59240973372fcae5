"""Three small contigs, and a small annotator of random weights that reads them."""

from __future__ import annotations

import numpy as np
import torch

from genoattn.genome.sequence import Genome, encode
from genoattn.model.annotator import Annotator, AnnotatorConfig

CONFIG = AnnotatorConfig(layers=2, heads=2, d_model=8, d_head=4, window=16, downstream=5)
SIZES = {"ring": 400, "line": 150, "bit": 9}


def model() -> Annotator:
    """A small annotator of random weights whose output depends on the sequence."""
    torch.manual_seed(3)
    return Annotator(CONFIG).eval()


def contigs() -> list[Genome]:
    """Three contigs: circular, linear, and one shorter than the window."""
    rng = np.random.default_rng(1)
    letters = {name: "".join(rng.choice(list("ACGT"), n)) for name, n in SIZES.items()}
    return [Genome(name, encode(text), name == "ring") for name, text in letters.items()]
