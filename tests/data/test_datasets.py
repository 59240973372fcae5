from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from genoattn.data import datasets
from genoattn.data.datasets import DATASETS, Dataset, fetch, fetch_all

CONTENT = b"position\tstrand\n" * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers /whole, breaks off /broken after half of it, knows nothing else."""

    def do_GET(self) -> None:
        if self.path not in ("/whole", "/broken"):
            self.send_error(404)
            return
        self.server.asked += 1  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT if self.path == "/whole" else CONTENT[: len(CONTENT) // 2])

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = 0  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no data folder and no proxy."""
    monkeypatch.delenv("GENOATTN_DATA", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(datasets, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def register(
    monkeypatch: pytest.MonkeyPatch, address: str, name: str = "table", sha256: str = SHA256
) -> None:
    entry = Dataset(f"{name}.tsv", address, sha256, "cited", "licensed", f"an invented {name}")
    monkeypatch.setitem(DATASETS, name, entry)


def address(server: ThreadingHTTPServer, path: str) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{path}"


def held(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_the_registry_is_complete() -> None:
    assert len(DATASETS) == 17
    for dataset in DATASETS.values():
        assert dataset.address.startswith("https://")
        assert len(bytes.fromhex(dataset.sha256)) == 32
        assert dataset.citation
        assert dataset.licence
        assert dataset.what
    for values in ("file", "address", "sha256"):
        assert len({getattr(dataset, values) for dataset in DATASETS.values()}) == len(DATASETS)


def test_a_download_is_verified_and_kept(
    server: ThreadingHTTPServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, address(server, "whole"))
    for _ in range(3):
        path = fetch("table")
        assert path == cache / "table.tsv"
        assert path.read_bytes() == CONTENT
    assert server.asked == 1  # type: ignore[attr-defined]
    assert held(cache) == ["table.tsv"]


def test_folders_come_before_the_cache_and_the_callers_first(
    server: ThreadingHTTPServer, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, address(server, "whole"))
    fetch("table")
    for name in ("mine", "environment"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("GENOATTN_DATA", str(tmp_path / "environment"))
    assert fetch("table", tmp_path / "mine").parent == cache
    (tmp_path / "environment" / "table.tsv").write_bytes(CONTENT)
    assert fetch("table", tmp_path / "mine").parent == tmp_path / "environment"
    (tmp_path / "mine" / "table.tsv").write_bytes(CONTENT)
    assert fetch("table", tmp_path / "mine").parent == tmp_path / "mine"
    assert fetch("table").parent == tmp_path / "environment"


def test_a_wrong_checksum_names_file_expected_and_found(
    server: ThreadingHTTPServer, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, address(server, "whole"), sha256="0" * 64)
    with pytest.raises(ValueError, match=f"whole .*SHA-256 is {SHA256}, but {'0' * 64}"):
        fetch("table")
    assert held(cache) == []
    (tmp_path / "table.tsv").write_bytes(b"other")
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(ValueError, match=rf"table\.tsv: SHA-256 is {found}, but {'0' * 64}"):
        fetch("table", tmp_path)
    assert held(tmp_path) == ["cache", "table.tsv"]


def test_an_interrupted_download_leaves_nothing(
    server: ThreadingHTTPServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, address(server, "broken"))
    with pytest.raises(FileNotFoundError, match=r"missing: table\.tsv .* the download broke off"):
        fetch("table")
    assert held(cache) == []
    register(monkeypatch, address(server, "whole"))  # and the next attempt succeeds
    assert fetch("table").read_bytes() == CONTENT


def test_a_cached_file_is_not_trusted_when_it_changed(
    server: ThreadingHTTPServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, address(server, "whole"))
    path = fetch("table")
    path.chmod(0o644)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ValueError, match=r"table\.tsv: SHA-256 is .* Remove it, or replace it"):
        fetch("table")


def test_a_file_is_hashed_once_a_process(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, "https://nowhere.invalid/")
    (tmp_path / "table.tsv").write_bytes(CONTENT)
    fetch("table", tmp_path)

    def refuse(*args: object) -> str:
        raise AssertionError("hashed again")

    monkeypatch.setattr(datasets._pooch(), "file_hash", refuse)
    assert fetch("table", tmp_path) == tmp_path / "table.tsv"


def test_offline_it_names_every_missing_file_and_both_ways(
    server: ThreadingHTTPServer, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.server_close()  # nobody listens there any more
    for name in ("one", "two", "three"):
        register(monkeypatch, address(server, name), name)
    monkeypatch.setenv("GENOATTN_DATA", str(tmp_path))
    (tmp_path / "two.tsv").write_bytes(CONTENT)
    with pytest.raises(FileNotFoundError) as caught:
        fetch_all(["one", "two", "three"])
    message = str(caught.value)
    assert message.count("missing: ") == 2
    for part in ("one.tsv", "three.tsv", "no connection", str(tmp_path), "GENOATTN_DATA"):
        assert part in message
    assert address(server, "one") in message
    assert "two.tsv" not in message
    assert "go online" in message
    assert "put it" in message
    assert held(cache) == []


def test_a_server_that_lacks_the_file_is_named(
    server: ThreadingHTTPServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(monkeypatch, address(server, "gone"))
    with pytest.raises(FileNotFoundError, match="the server answered 404: http://127"):
        fetch("table")


def test_names_and_folders_are_checked(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="no file 'sendsq' is registered; did you mean 'sendseq"):
        fetch("sendsq")
    with pytest.raises(FileNotFoundError, match=r"data_dir names .*none, which is not a folder"):
        fetch("sendseq", tmp_path / "none")
    monkeypatch.setenv("GENOATTN_DATA", str(tmp_path / "none"))
    with pytest.raises(
        FileNotFoundError, match=r"GENOATTN_DATA names .*none, which is not a folder"
    ):
        fetch("sendseq")


def test_the_real_files_are_the_registered_ones(data_dir: Path) -> None:
    paths = fetch_all(DATASETS, data_dir)
    assert {path.parent for path in paths.values()} == {data_dir}
