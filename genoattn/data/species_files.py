"""Files of other species, and how to get them; may read folders, download and cache.

None is part of this project: no terms that permit redistribution are stated for the tables of 49
species, and the PromoTech collection is under the GPL 3. They are taken from a folder of yours, or
each is downloaded from its authors' repository, at a pinned commit, and compared with the SHA-256
that `species.sha256` registers.
"""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from genoattn.data.datasets import FOLDER_VARIABLE, Dataset, cache_folder, download, why_not
from genoattn.data.species import ARCHIVE

__all__ = ["species_files", "species_folder"]

_RAW = "https://raw.githubusercontent.com/"
_TABLES = (
    f"{_RAW}AntonySTKuo/Promoter_Architecture_Scanner/40ff6e884eb3ad96392ee9050151720318bad3b8/"
)
_PROMOTECH = f"{_RAW}BioinformaticsLabAtMUN/PromoTech/54d5ac4c3f55b43127d3a68003f493b3c5dcdd0f/"
_KUO = "Kuo et al. 2025, doi:10.1101/2025.01.23.634641"
_CHEVEZ = "Chevez-Guardado and Pena-Castillo 2021, doi:10.1186/s13059-021-02514-9"


def species_files() -> list[Dataset]:
    """All files of other species, with the names that they have in the cache."""
    lines = files("genoattn.data").joinpath("species.sha256").read_text("utf-8").splitlines()
    return [_file(*line.split("  ", 1)) for line in lines]


def _file(sha256: str, path: str) -> Dataset:
    """A file of one of the two repositories, told by its path."""
    name = path.rsplit("/", 1)[-1]
    if "whole-genome-and-tss" in path:
        address, name = _PROMOTECH + quote(path), f"promotech_{name}"
        of = _CHEVEZ, "GPL 3", "start sites of a whole genome, or the genome"
    else:
        address = _TABLES + quote(path)
        of = _KUO, "no redistribution granted; for your own use", "start sites, or a genome"
    return Dataset(f"species/{name}", address, sha256, *of)


def species_folder(data_dir: str | Path | None = None) -> Path:
    """Folder of the files of other species, downloaded if there is none.

    Parameters
    ----------
    data_dir : str or Path, optional
        Folder that has them: nothing is downloaded. By default they are in ``species`` of the
        folder that GENOATTN_DATA names, else in the user's cache.

    Raises
    ------
    FileNotFoundError
        One cannot be downloaded; says which, why and what to do.
    ValueError
        The bytes of one are not the registered ones.
    """
    if data_dir is not None:
        return Path(data_dir)
    own = Path(os.environ.get(FOLDER_VARIABLE, "data")) / "species"
    if (own / ARCHIVE).is_file():
        return own
    every = species_files()
    for number, one in enumerate(every, start=1):
        try:
            download(one)
        except OSError as error:
            raise FileNotFoundError(
                f"{own / ARCHIVE} is not here, and file {number} of {len(every)} of other species "
                f"cannot be downloaded: {one.address} ({why_not(error)}); go online and run again, "
                f"or put the files into the folder species of the one that {FOLDER_VARIABLE} names"
            ) from error
    return cache_folder() / "species"
