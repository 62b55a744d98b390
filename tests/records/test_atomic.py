"""A file is replaced as a whole or stays as it was, whatever the disk says."""

import errno
import os

import pytest

from ganexp.records.atomic import write_atomically


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_gets_its_room_back(failing, tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    write_atomically(path, b"old", durable=True)

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, failing, full)
        with pytest.raises(OSError, match="No space left on device") as raised:
            write_atomically(path, b"new", durable=True)
    assert raised.value.filename == str(path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"run.json": b"old"}


def test_a_link_in_the_place_of_the_partial_file_is_neither_followed_nor_removed(tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"somebody's")
    (tmp_path / "run.json.partial").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"run\.json"):
        write_atomically(tmp_path / "run.json", b"new", durable=False)
    assert (tmp_path / "elsewhere").read_bytes() == b"somebody's"
    assert (tmp_path / "run.json.partial").is_symlink()
    assert not (tmp_path / "run.json").exists()
