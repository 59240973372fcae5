"""genoattn: how attention reads promoters, from tables of start sites to a model's output."""

__version__ = "0.1.0"
