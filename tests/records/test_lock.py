"""One process at a time in a run's folder."""

import fcntl
import os

import pytest

from ganexp.component import SettingError
from ganexp.records.lock import locked


def test_a_claimed_folder_is_refused_with_a_sentence_and_free_again_afterward(tmp_path):
    sentence = "another process is training this run"
    with locked(tmp_path), pytest.raises(SettingError, match=sentence), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_a_process_that_died_holds_nothing(tmp_path):
    dead = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(dead, fcntl.LOCK_EX)
    os.close(dead)
    with locked(tmp_path):
        pass


def test_a_file_system_without_locks_keeps_nobody_out(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with locked(tmp_path), locked(tmp_path):
        pass
