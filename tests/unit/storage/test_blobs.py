"""Files by their hash: what every store of them promises, and what a folder must do to keep it."""

import errno
import hashlib
import os

import pytest
from doubles import InMemoryBlobs

from grader.domain.ids import BlobKey
from grader.errors import NotFound, StorageDamaged, StorageFull
from grader.storage.blobs import FolderBlobs


@pytest.fixture(params=["folder", "in memory"])
def blobs(request, tmp_path):
    return FolderBlobs(tmp_path / "a folder") if request.param == "folder" else InMemoryBlobs()


@pytest.fixture
def folder(tmp_path):
    return FolderBlobs(tmp_path)


def files_of(path):
    return sorted(each for each in path.rglob("*") if each.is_file())


@pytest.mark.parametrize("data", [b"", b"x", "課題".encode(), bytes(range(256)) * 4096], ids=len)
def test_what_was_put_comes_back(blobs, data):
    key = blobs.put(data)
    assert key == hashlib.sha256(data).hexdigest()
    assert blobs.get(key) == data


def test_the_same_bytes_are_kept_once(blobs):
    assert blobs.put(b"same") == blobs.put(b"same")


@pytest.mark.parametrize("key", ["0" * 64, "", "../../etc/passwd", "A" * 64], ids=["unknown", "empty", "path", "case"])
def test_what_was_never_put_is_not_found_and_takes_no_room(blobs, key):
    with pytest.raises(NotFound):
        blobs.get(BlobKey(key))
    assert blobs.measure(BlobKey(key)) == 0


def test_what_was_put_takes_as_much_room_as_it_has_bytes(blobs):
    assert blobs.measure(blobs.put(b"12345")) == 5


def test_a_changed_file_is_told_from_the_one_that_was_put(folder, tmp_path):
    key = folder.put(b"original")
    files_of(tmp_path)[0].write_bytes(b"changed")
    with pytest.raises(StorageDamaged):
        folder.get(key)


def test_files_are_for_the_service_alone(folder, tmp_path):
    folder.put(b"private")
    assert [path.stat().st_mode & 0o777 for path in files_of(tmp_path)] == [0o600]


def test_nothing_is_named_before_it_is_on_the_disk(folder, tmp_path, monkeypatch):
    steps = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(handle):
        steps.append(("fsync", os.path.realpath(f"/proc/self/fd/{handle}")))
        real_fsync(handle)

    def rename(source, target, **rest):
        steps.append(("rename", str(target)))
        real_replace(source, target, **rest)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", rename)
    folder.put(b"data")
    (target,) = files_of(tmp_path)
    kinds = [(step, name) for step, name in steps if name != str(tmp_path)]
    assert kinds[0][0] == "fsync"
    assert "incoming" in kinds[0][1]
    assert kinds[1:] == [("rename", str(target)), ("fsync", str(target.parent))]


def test_a_file_that_is_there_already_is_made_durable_all_the_same(folder, tmp_path, monkeypatch):
    folder.put(b"data")
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.path.realpath(f"/proc/self/fd/{handle}")))
    folder.put(b"data")
    assert str(files_of(tmp_path)[0].parent) in synced


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT], ids=["disk full", "quota used up"])
def test_a_full_disk_is_told_as_such_and_leaves_nothing(folder, tmp_path, monkeypatch, code):
    def refuse(handle):
        raise OSError(code, "no room")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageFull):
        folder.put(b"data")
    assert files_of(tmp_path) == []


def test_another_failure_of_the_disk_is_not_called_full(folder, monkeypatch):
    def break_down(handle):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fsync", break_down)
    with pytest.raises(OSError, match="broken"):
        folder.put(b"data")


def test_what_a_killed_process_left_unfinished_is_taken_away_later(folder, tmp_path):
    key = folder.put(b"kept")
    old, fresh = (tmp_path / "incoming" / name for name in ("old", "fresh"))
    for path in (old, fresh):
        path.touch()
    os.utime(old, (0, 0))
    os.utime(tmp_path / key[:2] / key[2:], (0, 0))
    again = FolderBlobs(tmp_path)
    assert (old.exists(), fresh.exists()) == (False, True)
    assert again.get(key) == b"kept"


def test_the_free_share_of_the_disk_is_a_share(folder):
    assert 0 <= folder.free_share() <= 1
