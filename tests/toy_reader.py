"""A network made by hand whose first head reads TTGACA, and promoters that have it or not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import nn

from genoattn.genome.sequence import Genome, encode
from genoattn.heads.elements import word
from genoattn.model.annotator import Annotator, AnnotatorConfig

BOX = word("-35 box", "TTGACA", -36, -34, "planted")
SILENT = word("elsewhere", "GA", -8, -8, "not planted")
CONFIG = AnnotatorConfig(
    layers=1, heads=2, d_model=4, d_head=4, window=80, conv_width=7, downstream=4, dropout=0.0
)


def reader(linear: bool = True) -> Annotator:
    """Output: about the number of letters that the best TTGACA of the window has.

    A linear one has no normalisation, so it cannot be saved and loaded.
    """
    network = Annotator(CONFIG).eval()
    layer = network.layers[0]
    norm = nn.Identity() if linear else layer.norm
    layer.norm = nn.Identity()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.embedding.weight.copy_(torch.eye(4) / 2)  # h is the letter
        projection = layer.project.weight.view(3, CONFIG.heads, 4, 4)
        projection[1, 0] = projection[2, 0] = torch.eye(4)  # keys and values of the first head
        for kind in (1, 2):
            kernel = layer.convolve[kind].weight  # out, in, width
            for place, letter in enumerate(encode("TTGACA")):
                kernel[0, int(letter), place] = 1
        network.content_bias[0, 0] = 8.0  # the best match takes the attention
        layer.combine.weight[0, 0] = 1 if linear else 0.1
        network.output.weight[0, 0] = 1 if linear else 10
    layer.norm = norm
    return network


def promoters(n=120, apart=400):
    """Sites of both strands on a genome; two of three have the box."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 400 + n * apart).astype(np.uint8)
    box = encode("TTGACA")
    rows = []
    for number in range(n):
        position, strand, has = 300 + apart * number, "+-"[number % 2], number % 3 < 2
        if has and strand == "+":
            codes[position - 35 : position - 29] = box
        elif has:
            codes[position + 30 : position + 36] = 3 - box[::-1]
        rows.append((position, strand, number // 6, has))
    sites = pd.DataFrame(rows, columns=["position", "strand", "block", "has"])
    return Genome("toy", codes), sites
