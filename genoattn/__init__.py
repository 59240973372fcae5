"""genoattn: how attention reads promoters, from tables of start sites to a model's output."""

import os
from pathlib import Path

__version__ = "0.1.0"

try:
    Path.home()
except RuntimeError:  # a container's user may have none, with which matplotlib is not imported
    os.environ["HOME"] = "/nonexistent"
