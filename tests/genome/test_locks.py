"""A lock has one holder; one that was killed holds it no longer."""

from __future__ import annotations

import errno
import os
import re

import pytest

from genoattn.genome import locks
from genoattn.genome.locks import LockedError, hold, holding


@pytest.fixture
def holder(tmp_path, held):
    """Another process that holds the lock."""
    return held(tmp_path / "a.lock")


def test_the_second_is_told_who_holds_it_and_what_to_do(tmp_path, holder):
    path = tmp_path / "a.lock"
    with pytest.raises(LockedError) as caught:
        hold(path, "the folder x", "name another folder")
    said = str(caught.value)
    assert re.fullmatch(
        rf"the folder x is being written by process {holder.pid} on \S+ since "
        r"\d{4}-\d\d-\d\d \d\d:\d\d; wait until it has ended, or name another folder\. If no such "
        rf"process runs any more, remove {re.escape(str(path))}",
        said,
    )
    assert path.exists()


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / "a.lock").exists(), "it had no time to remove it"
    with holding(tmp_path / "a.lock", "it", "go"):
        assert (tmp_path / "a.lock").read_text().startswith(f"{os.getpid()}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_another_process_has_got_since_is_no_holder(tmp_path, holder):
    """Init runs, but did not start when the holder of this lock did."""
    name, machine, started = (tmp_path / "a.lock").read_text().split()
    assert int(name) == holder.pid
    (tmp_path / "a.lock").write_text(f"1\n{machine}\n{int(started) - 1}\n")
    with holding(tmp_path / "a.lock", "it", "go"):
        pass


def test_a_holder_on_another_machine_is_believed(tmp_path):
    (tmp_path / "a.lock").write_text("999999\nnode-17\n5\n")
    with pytest.raises(LockedError, match="by process 999999 on node-17 since"):
        hold(tmp_path / "a.lock", "it", "go")


@pytest.mark.parametrize(("age", "taken"), [(0, False), (60, True)])
def test_a_lock_file_without_a_name_is_kept_until_nobody_can_be_writing_it(tmp_path, age, taken):
    path = tmp_path / "a.lock"
    path.touch()
    then = path.stat().st_mtime - age
    os.utime(path, (then, then))
    if taken:
        hold(path, "it", "go").release()
    else:
        with pytest.raises(LockedError, match="it is being written by another process; wait"):
            hold(path, "it", "go")


def test_who_holds_it_may_take_it_again(tmp_path):
    first = hold(tmp_path / "folder/a.lock", "it", "go")
    assert hold(tmp_path / "folder/a.lock", "it", "go") is first
    first.release(force=True)
    assert not first.is_locked
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_block_that_fails_gives_the_lock_back(tmp_path):
    with pytest.raises(ZeroDivisionError), holding(tmp_path / "a.lock", "it", "go"):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []


def test_a_holder_that_goes_while_it_is_asked_about_is_no_traceback(tmp_path):
    assert locks._holder(tmp_path / "gone") == "another process"


def test_a_lock_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("filelock._soft.os.write", full)
    with pytest.raises(OSError, match=r"cannot be written: No space.*run\.lock"):
        hold(tmp_path / "run.lock", "it", "go elsewhere")
    assert list(tmp_path.iterdir()) == []
