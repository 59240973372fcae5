"""The model's output beyond its score: around sites, by region, peaks, the other strand.

Tracks and frames in, tidy frames out: what the paper says about the output, measured.
"""
