"""Writers that fail: one sentence with the file, what stood there before, nothing left over."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_pipe import piped

from genoattn import tracks
from genoattn.genome import files
from genoattn.genome.formats import read_fasta
from genoattn.genome.sequence import Genome, GenomeError
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.prediction.predict import predict

LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np, pandas as pd, torch
from genoattn import tracks
from genoattn.genome.files import writing
from genoattn.genome.sequence import Genome
from genoattn.model.annotator import Annotator, AnnotatorConfig
from genoattn.prediction.predict import predict

def limit():
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))

def bigwig(path):
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    copy = tracks.shutil.copyfileobj
    # the limit holds for files in memory too, which a full disk does not touch
    tracks.shutil.copyfileobj = lambda memory, file: (limit(), copy(memory, file))
    tracks.write_bigwig(path, {"a": np.random.default_rng(0).random(200_000)})

def prediction(path):
    torch.set_num_threads(1)
    network = Annotator(AnnotatorConfig(layers=1, heads=1, d_model=4, d_head=4, window=4))
    predict(network, Genome("a", np.zeros(50_000, np.uint8)), out=path, progress=False)

def weights(path):
    Annotator(AnnotatorConfig(layers=2, heads=4)).save(path)

def table(path):
    with writing(path) as partial:
        pd.DataFrame({"a": np.arange(200_000)}).to_csv(partial)

def arrays(path):
    with writing(path) as partial:
        np.savez(partial, a=np.zeros(200_000))

resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, resource.RLIM_INFINITY))
try:
    globals()[sys.argv[1]](Path(sys.argv[2]))
except OSError as error:
    print(error)
    sys.exit(7)
"""
"""Writes with a limit on the size of files, which fails as a full disk does."""


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("bigwig", "a.bw"),
        ("prediction", "a.npy"),
        ("weights", "a.safetensors"),
        ("table", "a.csv"),
        ("arrays", "a.npz"),
    ],
)
def test_a_writer_without_room_says_so_and_leaves_what_was_there(what, name, tmp_path):
    target = tmp_path / name
    target.write_text("before")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, what, str(target)], capture_output=True, text=True
    )
    assert done.returncode == 7, done.stdout + done.stderr
    assert name in done.stdout
    assert len(done.stdout.splitlines()) == 1
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_full_disk_is_told_with_the_file_and_the_space(tmp_path):
    with (
        pytest.raises(OSError, match=r"cannot be written: No space left.* MB are free") as caught,
        files.writing(tmp_path / "new" / "a.txt"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "new" / "a.txt")
    assert list((tmp_path / "new").iterdir()) == []


def test_other_errors_pass_as_they_are(tmp_path):
    with (
        pytest.raises(FileNotFoundError, match=r"elsewhere\.txt"),
        files.writing(tmp_path / "a.txt"),
    ):
        Path("elsewhere.txt").read_text()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"), files.writing(tmp_path / "file" / "a.txt"):
        pass


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path):
    script = (
        "import os, signal, sys\nfrom genoattn.genome.files import writing\n"
        "with writing(sys.argv[1]) as partial:\n"
        "    partial.write_bytes(bytes(1000))\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.npy")])
    left = list(tmp_path.iterdir())
    assert len(left) == 1 and left[0].stat().st_size == 1000
    alive = tmp_path / f".a.{os.getpid()}-x.part.npy"
    other = tmp_path / ".ab.1-x.part.npy"
    alive.touch(), other.touch()
    with files.writing(tmp_path / "a.npy") as partial:
        partial.write_bytes(b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"a.npy", alive.name, other.name}


def test_a_bigwig_that_lost_its_end_is_not_renamed(tmp_path, monkeypatch):
    copy = tracks.shutil.copyfileobj

    def lose_the_end(memory, file):
        copy(memory, file)
        file.truncate(file.tell() // 2)

    monkeypatch.setattr(tracks.shutil, "copyfileobj", lose_the_end)
    values = {"a": np.random.default_rng(0).random(50_000)}
    with pytest.raises(OSError, match=r"not written whole|cannot be written"):
        tracks.write_bigwig(tmp_path / "a.bw", values)
    assert list(tmp_path.iterdir()) == []


def test_a_mapped_prediction_equals_one_in_memory(tmp_path):
    torch.manual_seed(0)
    network = Annotator(AnnotatorConfig(layers=1, heads=1, d_model=4, d_head=4, window=4)).eval()
    genome = Genome("a", np.random.default_rng(0).integers(0, 4, 500).astype(np.uint8))
    mapped = predict(network, genome, out=tmp_path / "a.npy", progress=False)
    np.testing.assert_array_equal(mapped, predict(network, genome, progress=False))
    assert mapped.dtype == np.float32


def test_files_that_belong_together_come_together_or_not_at_all(tmp_path):
    folder = tmp_path / "to"
    with files.writing_together(folder) as new:
        for name in ("a", "b"):
            (new / name).write_text("old")
    with (
        pytest.raises(OSError, match=r"cannot be written: No space.* MB are free") as caught,
        files.writing_together(folder) as new,
    ):
        (new / "a").write_text("new")
        with files.writing(new / "b"):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(folder / "b"), "as it is called in the end"
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a": "old", "b": "old"}


def test_what_a_killed_writer_of_several_files_left_is_removed_by_the_next_one(tmp_path):
    script = (
        "import os, signal, sys\nfrom genoattn.genome.files import writing_together\n"
        "with writing_together(sys.argv[1]) as new:\n"
        "    (new / 'a').write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)])
    assert [path.name[:5] for path in tmp_path.iterdir()] == [".new."]
    with files.writing_together(tmp_path) as new:
        (new / "a").write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_error_in_what_came_from_a_pipe_names_the_pipe(tmp_path):
    with piped(tmp_path / "pipe.fa", b"no header\n") as pipe, files.rereadable(pipe) as copy:
        assert copy != pipe and copy.read_bytes() == b"no header\n"
    (tmp_path / "pipe.fa").unlink()
    with (
        pytest.raises(GenomeError, match=rf"^{tmp_path}/pipe\.fa, line 1: a FASTA file begins"),
        piped(tmp_path / "pipe.fa", b"no header\n") as pipe,
        files.rereadable(pipe) as copy,
    ):
        read_fasta(copy)
