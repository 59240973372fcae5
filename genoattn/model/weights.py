"""Weights on disk: found by name, written, read into a network; touches safetensors files only."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import nn

from genoattn.genome.sequence import Genome

__all__ = [
    "WEIGHTS",
    "WeightsError",
    "find_prior",
    "find_weights",
    "made_from",
    "read_tensors",
    "weights_sha256",
    "write_tensors",
]


WEIGHTS = Path(__file__).parents[1] / "weights"
"""Folder of the trained models that come with the package."""


class WeightsError(ValueError):
    """Weights that are missing, damaged or of another architecture."""


def find_weights(source: str | Path, run_dir: str | Path | None = None) -> Path:
    """Find weights: a .safetensors file itself, a name in ``run_dir``/training, or a shipped name.

    Raises
    ------
    WeightsError
        There are none; says which names there are.
    """
    path = Path(source)
    if path.suffix == ".safetensors":
        if not path.exists():
            raise WeightsError(f"{path}: no such weights file")
        return path
    folders = [WEIGHTS] if run_dir is None else [Path(run_dir) / "training", WEIGHTS]
    for folder in folders:
        found = folder / f"{source}.safetensors"
        if found.exists():
            return found
    names = sorted({path.stem for folder in folders for path in folder.glob("*.safetensors")})
    raise WeightsError(
        f"no weights are named {str(source)!r} in {' or '.join(map(str, folders))}; "
        f"there are: {', '.join(names) or 'none'}. A file of your own must end in .safetensors"
    )


def weights_sha256(weights: Path) -> str:
    """SHA-256 of a weights file."""
    return hashlib.sha256(weights.read_bytes()).hexdigest()


def made_from(
    weights: Path, genome: Genome, **settings: int | float | str | NDArray
) -> dict[str, Any]:
    """What a kept result was made from, as JSON holds it: when it differs, the result is made anew.

    Returns
    -------
    dict
        ``weights_sha256``, ``sequence_sha256``, and the settings; of arrays, the SHA-256.
    """
    return {
        "weights_sha256": weights_sha256(weights),
        "sequence_sha256": _sha256(genome.codes),
        **{
            name: _sha256(value) if isinstance(value, np.ndarray) else value
            for name, value in settings.items()
        },
    }


def _sha256(array: NDArray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def write_tensors(network: nn.Module, path: Path) -> None:
    """Write a network's parameters to a file."""
    tensors = {name: t.detach().contiguous().cpu() for name, t in network.state_dict().items()}
    path.write_bytes(save(tensors))


def read_tensors(network: nn.Module, path: Path) -> None:
    """Read parameters into a network.

    Raises
    ------
    WeightsError
        They are damaged or do not fit the network.
    """
    try:
        network.load_state_dict(load_file(path))
    except Exception as error:
        reason = " ".join(str(error).split())[:120]
        raise WeightsError(f"{path}: not what its card describes ({reason})") from error
    if not all(one.isfinite().all() for one in network.state_dict().values()):
        raise WeightsError(f"{path}: some of its values are no numbers; train or fetch it again")


def find_prior(source: str | Path, run_dir: str | Path | None = None) -> Path | None:
    """Find a gene prior: a ``.prior.json`` file itself, or a name as `model.find_weights` does.

    Returns
    -------
    Path or None
        None if no gene prior has that name.

    Raises
    ------
    WeightsError
        A file is named that is not there.
    """
    path = Path(source)
    if path.name.endswith(".prior.json"):
        if not path.exists():
            raise WeightsError(f"{path}: no such file of a gene prior")
        return path
    folders = [WEIGHTS] if run_dir is None else [Path(run_dir) / "training", WEIGHTS]
    files = [folder / f"{source}.prior.json" for folder in folders]
    return next((file for file in files if file.exists()), None)
