"""Files of other species: registered, found in a folder, else downloaded from a local server."""

from __future__ import annotations

import hashlib
import tarfile
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from toy_species import toy_archive, toy_codes, toy_row

from genoattn.data import datasets, species_files
from genoattn.data.datasets import Dataset
from genoattn.data.species import (
    ARCHIVE,
    WHOLE_GENOMES,
    WholeGenome,
    read_promoter_tables,
    read_whole_genome,
)
from genoattn.genome.files import AnnotationError
from genoattn.genome.formats import write_fasta
from genoattn.genome.sequence import Genome

LISTED = b"Species,Lineage,Genome accession,GC content (%),Detection method\nToy,L,T_1.1,0.5,d\n"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server of a list and a table, an empty cache, and no folder of data."""
    toy_archive(tmp_path / "toy.tar.gz", {"Toy": [toy_row(toy_codes(2000), 500, "+")]})
    with tarfile.open(tmp_path / "toy.tar.gz") as packed:
        table = packed.extractfile("Toy.tsv").read()
    served = {"/Genome_List.csv": LISTED, "/Toy%20one.tsv": table}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path not in served:
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(served[self.path])

        def log_message(self, *args):
            """Say nothing."""

    asked: list[str] = []
    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GENOATTN_DATA", str(tmp_path / "none"))
    for module in (datasets, species_files):
        monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    address = f"http://127.0.0.1:{found.server_address[1]}"
    registered = [
        Dataset(f"species/{name}", address + path, hashlib.sha256(content).hexdigest(), "", "", "")
        for name, (path, content) in zip(
            ("Genome_List.csv", "Toy.tsv"), served.items(), strict=True
        )
    ]
    monkeypatch.setattr(species_files, "species_files", lambda: registered)
    yield registered, asked
    found.shutdown()
    found.server_close()
    thread.join()


def test_every_file_has_a_pinned_address_and_a_checksum_of_its_own():
    every = species_files.species_files()
    assert len(every) == 49 + 1 + 2 * len(WHOLE_GENOMES)
    for one in every:
        commit = one.address.split("/")[5]
        assert one.address.startswith("https://raw.githubusercontent.com/")
        assert len(bytes.fromhex(commit)) == 20
        assert " " not in one.address
        assert len(bytes.fromhex(one.sha256)) == 32
        assert one.licence
    for values in ("file", "address", "sha256"):
        assert len({getattr(one, values) for one in every}) == len(every)
    names = {one.file.removeprefix("species/") for one in every}
    for one in WHOLE_GENOMES:
        assert {one.sequence.removesuffix(".gz"), one.sites} <= names


def test_the_files_at_hand_are_those_registered(data_dir):
    folder = data_dir / "species"
    if not folder.is_dir():
        pytest.skip("the tables of other species are not there")
    here = {one.sites for one in WHOLE_GENOMES}
    registered = {one.file.removeprefix("species/"): one for one in species_files.species_files()}
    for name in here:
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert found == registered[name].sha256


def test_files_are_downloaded_once_verified_and_read(server):
    _, asked = server
    for _ in range(2):
        folder = species_files.species_folder()
        (table,) = read_promoter_tables(folder)
    assert (table.species, len(table)) == ("Toy", 1)
    assert asked == ["/Genome_List.csv", "/Toy%20one.tsv"]


def test_a_folder_with_the_archive_comes_before_a_download(server, tmp_path, monkeypatch):
    _, asked = server
    mine = tmp_path / "mine"
    assert species_files.species_folder(mine) == mine
    (mine / "species").mkdir(parents=True)
    toy_archive(mine / "species" / ARCHIVE, {"Mine": [toy_row(toy_codes(2000), 500, "+")]})
    monkeypatch.setenv("GENOATTN_DATA", str(mine))
    assert read_promoter_tables(species_files.species_folder())[0].species == "Mine"
    assert asked == []


def test_a_file_that_cannot_be_had_is_named_with_the_reason(server):
    registered, _ = server
    registered[1] = replace(registered[1], address=registered[1].address + "x")
    with pytest.raises(
        FileNotFoundError,
        match=r"file 2 of 2 of other species cannot be downloaded: .*x \(the server answered 404\)",
    ):
        species_files.species_folder()


def test_a_file_with_other_bytes_is_refused(server):
    registered, _ = server
    registered[0] = replace(registered[0], sha256="0" * 64)
    with pytest.raises(ValueError, match=f"but {'0' * 64} is registered"):
        species_files.species_folder()


def test_a_folder_without_tables_or_list_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"{ARCHIVE}: no such file"):
        read_promoter_tables(tmp_path)
    (tmp_path / "Genome_List.csv").write_bytes(LISTED)
    assert read_promoter_tables(tmp_path) == []
    (tmp_path / "Other.tsv").write_text("")
    with pytest.raises(AnnotationError, match=r"Other\.tsv is of a species that is not in"):
        read_promoter_tables(tmp_path)


def test_a_genome_is_read_packed_or_plain(tmp_path):
    codes = toy_codes(2000)
    (tmp_path / "g.bed").write_text("g\t5\t6\t.\t0\t+\n")
    write_fasta(Genome("g", codes), tmp_path / "g.fasta")
    genome, sites = read_whole_genome(WholeGenome("G", "L", "g.fasta.gz", "g.bed"), tmp_path)
    assert (genome.codes == codes).all()
    assert sites["position"].tolist() == [5]
