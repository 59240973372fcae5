import numpy as np
import pandas as pd
import torch

from genoattn.genome.sequence import Genome, decode, encode
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.model.segments import TrainingConfig

MODEL = AnnotatorConfig(layers=1, heads=2, d_model=8, d_head=4, window=16, downstream=4)
TRAINING = TrainingConfig(
    passes=3, segment=128, context=16, batch=8, steps_per_round=4, learning_rate=0.02, seed=5
)
CUTS = (3600, 4800, 5400)


def toy(seed=0, length=6000):
    """A genome where every TATAAT on either strand starts a site 6 nt further on."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, length).astype(np.uint8)
    rows = []
    for position in range(20, length - 20, 97):
        strand = "+" if rng.random() < 0.5 else "-"
        box = encode("TATAAT") if strand == "+" else 3 - encode("TATAAT")[::-1]
        codes[position : position + 6] = box
        rows.append((position + 6 if strand == "+" else position - 1, strand))
    return Genome("toy", codes), pd.DataFrame(rows, columns=["position", "strand"])


def lively(config, seed=1):
    """A model whose weights are large enough for everything to matter."""
    torch.manual_seed(seed)
    model = Annotator(config).eval()
    for parameter in model.parameters():
        parameter.data.normal_(std=0.5)
    return model


def most_frequent(counts):
    """The most frequent letter at each position of a motif."""
    return decode(counts.argmax(axis=1).astype(np.uint8))
