"""Registry of every published file, and how to get it; may read folders, download and cache.

No raw table is part of this project: some sources allow academic use but no redistribution. Each
file is taken from a folder that you name, or downloaded from a pinned address; either way its
SHA-256 must be the registered one.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

import requests

__all__ = [
    "DATASETS",
    "FOLDER_VARIABLE",
    "Dataset",
    "cache_folder",
    "download",
    "fetch",
    "fetch_all",
    "why_not",
]


FOLDER_VARIABLE = "GENOATTN_DATA"  # environment variable that names a folder with the files

_RAW = "https://raw.githubusercontent.com/"
_MCB = f"{_RAW}iankorf/MCB185/fc3c33ed5dacad55e15ba971178b42b08bff2825/data/"
_TSS = f"{_RAW}Ettwiller/TSS/5382267dc89460b2ec30e33508dff4479c71c3ef/datasets/"
_SETS = f"{_RAW}rioualen/Feature_set/a901bac88cffe07b22525a316d6f90ca32bcd92b/"
_ENDS = (
    f"{_RAW}BioinformaticsLabAtMUN/BacTermFinder/d3e0a6546f3b8055c0b2cfeebdfb62920dceda80/"
    "data/Bacteria/duplicated/15_PMC6131387/"
)
_REGULON = (
    f"{_RAW}LeonelValencia/curso-langchain-qa-documents/8452319bb7aba67db5a1f5d13908d1ed1e531250/"
    "data/"
)
_MOTIFS = f"{_RAW}rsa-tools/motif_databases/dfc2555cef693d399a1d08d89fb0304719646e19/REGULONDB/"

_REFSEQ = (
    "NCBI RefSeq GCF_000005845.2 (ASM584v2); "
    "Blattner et al. 1997, Science 277:1453, doi:10.1126/science.277.5331.1453"
)
_ETTWILLER = "Ettwiller et al. 2016, BMC Genomics 17:199, doi:10.1186/s12864-016-2539-z"
_YAN = "Yan et al. 2018, Nature Communications 9:3676, doi:10.1038/s41467-018-05997-6"
_JU = "Ju et al. 2019, Nature Microbiology 4:1907, doi:10.1038/s41564-019-0500-z"
_REGULON_10 = "Santos-Zavaleta et al. 2019, Nucleic Acids Research 47:D212, doi:10.1093/nar/gky1077"
_REGULON_13 = "Salgado et al. 2024, Nucleic Acids Research 52:D255, doi:10.1093/nar/gkad1072"
_THOMASON = "Thomason et al. 2015, Journal of Bacteriology 197:18, doi:10.1128/JB.02096-14"

_FREE = "public sequence record, no restriction by NCBI"
_CC_BY = "article under CC BY 4.0"
_ACADEMIC = "RegulonDB: free for academic use, no redistribution"
_NONE = "no redistribution granted; for your own use"


@dataclass(frozen=True)
class Dataset:
    """One published file.

    Attributes
    ----------
    file : str
        Its name in a data folder and in the cache.
    address : str
        Pinned address to download it from.
    sha256 : str
        SHA-256 of its bytes, in hexadecimal.
    citation : str
        Whom to cite for it.
    licence : str
        Under what terms it may be used.
    what : str
        What it holds, with its coordinates.
    """

    file: str
    address: str
    sha256: str
    citation: str
    licence: str
    what: str


DATASETS: dict[str, Dataset] = {
    "genome": Dataset(
        "GCF_000005845.2_ASM584v2_genomic.fna.gz",
        f"{_MCB}GCF_000005845.2_ASM584v2_genomic.fna.gz",
        "254606e2722f64ca0906dfc1d41bceac41be72c335627c23f831b007939c8a48",
        _REFSEQ,
        _FREE,
        "Escherichia coli K-12 MG1655, NC_000913.3, 4,641,652 nt, circular",
    ),
    "annotation": Dataset(
        "GCF_000005845.2_ASM584v2_genomic.gff.gz",
        f"{_MCB}GCF_000005845.2_ASM584v2_genomic.gff.gz",
        "f7da4447a53cd85a86438553cf28ac000f0cb36c4d9b01f41fee00715cc789e8",
        _REFSEQ,
        _FREE,
        "RefSeq annotation of NC_000913.3, 1-based",
    ),
    "regulondb": Dataset(
        "PromoterSet_10.6.3.txt",
        f"{_RAW}RPGroup-PBoC/RegSeq/d7d7dc107a7a1fcb60a664d4ec8fdb491989ba29/PromoterSet.txt",
        "f8b0a0f6f2e730ab5621f3d5ea2e8f4c0a73a3c9201433acedf1e51a81936cf9",
        _REGULON_10,
        _ACADEMIC,
        "RegulonDB 10.6.3 promoters with evidence level, NC_000913.3, 1-based",
    ),
    "cappable": Dataset(
        "TSS_enriched_cluster_5.gtf",
        f"{_TSS}TSS_enriched_cluster_5.gtf",
        "c17fdf501add8e8ea5727ced3b5fd266bcf1c75a44736215c87bd701d985f786",
        _ETTWILLER,
        _CC_BY,
        "Cappable-seq start sites, U00096.2 (to be lifted over), 1-based",
    ),
    "old_genes": Dataset(
        "U00096_protein_coding.gtf",
        f"{_TSS}U00096_protein_coding.gtf",
        "1cfa17d755e252f1ddfab962f69f6c4912cffc225058bc6718db453b892fe88e",
        _ETTWILLER,
        _CC_BY,
        "genes of U00096.2 by b-number, anchors of the liftover, 1-based",
    ),
    "smrt_m9": Dataset(
        "M9_RegulonDB_TU_longestRead",
        f"{_SETS}HT_data_source/Yan/M9_RegulonDB_TU_longestRead",
        "4dc7ab7d81254422f9fa1b3c237153bd172c31e005715ea28acf5cf28a903562",
        _YAN,
        _CC_BY,
        "SMRT-Cappable-seq transcription units in M9 medium, NC_000913.3, BED-like ends",
    ),
    "smrt_rich": Dataset(
        "Rich_RegulonDB_TU_longestRead",
        f"{_SETS}HT_data_source/Yan/Rich_RegulonDB_TU_longestRead",
        "c02fccb0081650815d952daa1da52928c3ffdeefab8a51eeb25da6a3b6e976c2",
        _YAN,
        _CC_BY,
        "SMRT-Cappable-seq transcription units in rich medium, NC_000913.3, BED-like ends",
    ),
    "sendseq": Dataset(
        "41564_2019_500_MOESM3_ESM.tsv",
        f"{_SETS}HT_data_source/Ju/41564_2019_500_MOESM3_ESM.tsv",
        "8235f3015477f2a510c7a2237683e3ddfd8a82be1fe63f8699a539ca0fd110ff",
        _JU,
        _NONE,
        "SEnd-seq start sites, NC_000913.3, 0-based on plus and 1-based on minus",
    ),
    "sendseq_terminators": Dataset(
        "41564_2019_500_MOESM4_ESM.tsv",
        f"{_SETS}HT_data_source/Ju/41564_2019_500_MOESM4_ESM.tsv",
        "cb67229bcc0afaa17e3bd2b14baf67d24381e6a5a4f4842b0eb6b69b14b1d192",
        _JU,
        _NONE,
        "SEnd-seq termination sites with fold and type, NC_000913.3",
    ),
    "drnaseq": Dataset(
        "HT_TSS_13.tsv",
        f"{_SETS}RegulonDB_HT/TSS/HT_TSS_13.tsv",
        "d5cacb3fac162413c29d8111eaea0386065d89622815a359da657190135bd12f",
        _THOMASON,
        _ACADEMIC,
        "dRNA-seq start sites in LB at an OD of 0.4, NC_000913.3, 1-based",
    ),
    "smrt_terminators_m9": Dataset(
        "Yan2018_TTS_M9.bed",
        f"{_ENDS}EscherichiaColi_K12-MG1655(m9)_NC000913.3.bed",
        "5187cd71e9f9d35a1788a4bfe3a3aafd76714092989eee9ed2912b93b3e775c1",
        _YAN,
        _CC_BY,
        "SMRT-Cappable-seq termination sites in M9 medium, NC_000913.3, BED",
    ),
    "smrt_terminators_rich": Dataset(
        "Yan2018_TTS_Rich.bed",
        f"{_ENDS}EscherichiaColi_K12-MG1655(rich)_NC000913.3.bed",
        "d2b4f5b27a861fd292874fb9dd76fcef6a58006466165e1e2f37f684004338b1",
        _YAN,
        _CC_BY,
        "SMRT-Cappable-seq termination sites in rich medium, NC_000913.3, BED",
    ),
    "regulondb_promoters": Dataset(
        "RegulonDB_PromoterSet.tsv",
        f"{_REGULON}PromoterSet.tsv",
        "70bfe615e7768384d8b1c5008503d9ba83e35a87173451435e8ad0f866890915",
        _REGULON_13,
        _ACADEMIC,
        "RegulonDB 13 promoters with their sigma factor, NC_000913.3, 1-based",
    ),
    "regulondb_operons": Dataset(
        "RegulonDB_OperonSet.tsv",
        f"{_REGULON}OperonSet.tsv",
        "952afda616ea901277a7817a14c53d34395a817a3947fcce07fa01dc8570ecd9",
        _REGULON_13,
        _ACADEMIC,
        "RegulonDB 13 operons, NC_000913.3, 1-based",
    ),
    "regulondb_terminators": Dataset(
        "RegulonDB_TerminatorSet.tsv",
        f"{_REGULON}TerminatorSet.tsv",
        "92fa0d7fefb8f341a4662b5ff4347a01762af6128d2778b0fe60480203a7f3dc",
        _REGULON_13,
        _ACADEMIC,
        "RegulonDB 13 terminators, NC_000913.3, 1-based",
    ),
    "regulondb_interactions": Dataset(
        "RegulonDB_RISet.tsv",
        f"{_REGULON}RISet.tsv",
        "ffc3d6b6495b74cef7ab0a9352e5350e4ee6bd051f035dbeb1768af30e75cc4f",
        _REGULON_13,
        _ACADEMIC,
        "RegulonDB 13 regulatory interactions: factor, site, start site, NC_000913.3, 1-based",
    ),
    "regulondb_matrices": Dataset(
        "regulonDB_2025-05.tf",
        f"{_MOTIFS}regulonDB_2025-05.tf",
        "fe9da7315ef6c8e5f5a3aab35af28be2316f387ca1797b47eff2ff4090d1d627",
        _REGULON_13,
        _ACADEMIC,
        "RegulonDB transcription-factor matrices, TRANSFAC format",
    ),
}

_verified: set[tuple[str, int, int, str]] = set()  # path, size, time of change, hash: seen right


def _pooch() -> ModuleType:
    """The library of downloads, which only they need."""
    with warnings.catch_warnings():  # tqdm, which pooch imports, asks for widgets in a notebook
        warnings.simplefilter("ignore")
        import pooch
    return pooch


def cache_folder() -> Path:
    """Folder of the user's cache that downloads are kept in."""
    return Path(_pooch().os_cache("genoattn"))


def fetch(name: str, data_dir: str | Path | None = None) -> Path:
    """Find or download one registered file and verify its checksum.

    It is looked for in `data_dir`, then in the folder that the environment variable
    GENOATTN_DATA names, then in the user's cache; failing that it is downloaded to the cache. A
    download that breaks off or has the wrong bytes leaves nothing behind.

    Parameters
    ----------
    name : str
        Key of `DATASETS`.
    data_dir : str or Path, optional
        Folder to look in first.

    Returns
    -------
    Path
        The verified file. It is not to be changed.

    Raises
    ------
    ValueError
        `name` is not registered, or the bytes are not the registered ones.
    FileNotFoundError
        A named folder does not exist, or the file is nowhere and cannot be downloaded.
    """
    return fetch_all([name], data_dir)[name]


def fetch_all(names: Iterable[str], data_dir: str | Path | None = None) -> dict[str, Path]:
    """Fetch several files, see `fetch`; when some cannot be had, one error lists them all.

    Parameters
    ----------
    names : iterable of str
        Keys of `DATASETS`.
    data_dir : str or Path, optional
        Folder to look in first.

    Returns
    -------
    dict of str to Path
        The verified files, by name.

    Raises
    ------
    ValueError, FileNotFoundError
        As `fetch`.
    """
    names = list(names)
    wanted = {name: _registered(name) for name in names}
    folders = _folders(data_dir)
    found: dict[str, Path] = {}
    lacking: dict[str, str] = {}
    for name, dataset in wanted.items():
        path = next((p for f in folders if (p := f / dataset.file).is_file()), None)
        if path is not None:
            _verify(path, dataset)
            found[name] = path
    offline = ""
    for name in [name for name in names if name not in found]:
        if offline and not (cache_folder() / wanted[name].file).is_file():
            lacking[name] = offline
            continue
        try:
            found[name] = download(wanted[name])
        except OSError as error:
            lacking[name] = why_not(error)
            if isinstance(error, (requests.ConnectionError, requests.Timeout)):
                offline = lacking[name]
    if lacking:
        raise FileNotFoundError(_how_to_get([wanted[name] for name in lacking], lacking, folders))
    return {name: found[name] for name in names}


def _registered(name: str) -> Dataset:
    """Look a file up, or say which names there are."""
    if name not in DATASETS:
        near = get_close_matches(name, DATASETS, n=1)
        guess = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"no file {name!r} is registered; {guess}{', '.join(DATASETS)} are")
    return DATASETS[name]


def _folders(data_dir: str | Path | None) -> list[Path]:
    """List the folders that the caller and the environment name; each must exist."""
    folders = []
    variable = os.environ.get(FOLDER_VARIABLE, "")
    for folder, origin in ((data_dir, "data_dir"), (variable, FOLDER_VARIABLE)):
        if folder:
            if not Path(folder).is_dir():
                raise FileNotFoundError(f"{origin} names {folder}, which is not a folder")
            folders.append(Path(folder))
    return folders


def _verify(path: Path, dataset: Dataset) -> None:
    """Compare a file's SHA-256 with the registered one, once a process as long as it stays."""
    state = path.stat()
    key = (str(path.resolve()), state.st_size, state.st_mtime_ns, dataset.sha256)
    if key not in _verified:
        _compare(str(path), _pooch().file_hash(str(path)), dataset)
        _verified.add(key)


def _compare(where: str, found: str, dataset: Dataset) -> None:
    """Raise ValueError unless the hash is the registered one."""
    if found != dataset.sha256:
        raise ValueError(
            f"{where}: SHA-256 is {found}, but {dataset.sha256} is registered; the file is "
            f"damaged or of another version. Remove it, or replace it from {dataset.address}"
        )


def download(dataset: Dataset) -> Path:
    """Return the file from the cache, after downloading it when the cache lacks it."""
    path = cache_folder() / dataset.file
    if path.is_file():
        _verify(path, dataset)
        return path

    pooch = _pooch()

    def checked(url: str, output: str, pup: Any) -> None:
        pooch.HTTPDownloader()(url, output, pup)
        _compare(f"{url} (downloaded)", pooch.file_hash(output), dataset)

    pooch.retrieve(
        dataset.address,
        known_hash=f"sha256:{dataset.sha256}",
        fname=path.name,
        path=path.parent,
        downloader=checked,
    )
    return path


def why_not(error: OSError) -> str:
    """Say in a few words why a download failed."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the download broke off"
    if isinstance(error, requests.ConnectionError):
        return "no connection to the server"
    return str(error)


def _how_to_get(lacking: list[Dataset], reasons: dict[str, str], folders: list[Path]) -> str:
    """Name the files that are missing and both ways to get them."""
    searched = ", ".join(map(str, folders)) or f"no folder ({FOLDER_VARIABLE} is not set)"
    lines = [
        f"missing: {dataset.file} ({dataset.what}); {reason}: {dataset.address}"
        for dataset, reason in zip(lacking, reasons.values(), strict=True)
    ]
    return "\n".join(
        [
            *lines,
            f"Looked in {searched} and in the cache, {cache_folder()}. Either go online and run "
            "again, which downloads and verifies it; or put it, under exactly this name, into a "
            f"folder and name that folder in the environment variable {FOLDER_VARIABLE}.",
        ]
    )
