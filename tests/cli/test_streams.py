"""Standard output and error: whatever becomes of them, a command goes on to its end."""

from __future__ import annotations

import errno
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from commands import NETS
from rich.console import Console

from ganexp import cli
from ganexp.cli import dispatch, streams
from ganexp.cli.streams import Steady

COMMAND = str(Path(sys.executable).with_name("ganexp"))


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of bash, in which $0 is the command."""
    words = ["bash", "-o", "pipefail", "-c", line, COMMAND]
    return subprocess.run(
        words, capture_output=True, encoding="utf-8", timeout=120, check=False, env=os.environ | environment
    )


@pytest.mark.parametrize(
    "encoding, errors, shown",
    [
        ("ascii", "strict", rb"\xdcbung 5 \u2026 \udcff"),
        ("ascii", "surrogateescape", b"\\xdcbung 5 \\u2026 \xff"),
        ("latin-1", "strict", b"\xdcbung 5 \\u2026 \\udcff"),
        ("utf-8", "strict", "Übung 5 … ".encode() + rb"\udcff"),
    ],
)
def test_what_an_encoding_lacks_is_escaped_and_nothing_else(encoding, errors, shown):
    below = io.BytesIO()
    stream = Steady(io.TextIOWrapper(below, encoding=encoding, errors=errors, write_through=True))
    print("Übung 5 … \udcff", end="", file=stream)
    assert below.getvalue() == shown
    assert stream.lost is None


def test_a_reader_that_leaves_ends_nothing():
    reader, writer = os.pipe()
    stream = Steady(os.fdopen(writer, "w", buffering=1))
    print("first", file=stream)
    os.close(reader)
    for number in range(3):
        print(number, file=stream)
    stream.writelines(["last\n"])
    stream.flush()
    assert stream.lost.errno == errno.EPIPE
    stream.close()  # What waited in it went nowhere.


def test_a_closed_stream_and_a_terminal_that_is_gone_end_nothing():
    closed = Steady(io.StringIO())
    closed.close()
    assert not closed.isatty()
    print("text", file=closed, flush=True)
    assert closed.lost.errno == errno.EBADF
    person, program = pty.openpty()
    terminal = Steady(os.fdopen(program, "w", buffering=1))
    assert terminal.isatty()
    os.close(person)
    print("text", file=terminal)
    assert terminal.lost.errno == errno.EIO
    terminal.close()


def test_a_stream_that_another_program_left_not_to_wait_loses_nothing():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    read = []
    with os.fdopen(reader) as file:
        slow = threading.Thread(target=lambda: read.append(file.read()))
        stream = Steady(os.fdopen(writer, "w"))
        slow.start()
        print("x" * 2**20, file=stream)
        stream.close()
        slow.join()
    assert read == ["x" * 2**20 + "\n"]


def test_rich_draws_on_it_and_a_dumb_terminal_is_none(monkeypatch):
    person, program = pty.openpty()
    with os.fdopen(program, "w") as below:
        for name, draws in (("xterm", True), ("dumb", False)):
            monkeypatch.setenv("TERM", name)
            stream = Steady(below)
            console = Console(file=stream)
            assert (stream.isatty(), console.is_terminal) == (draws, draws)
            assert console.encoding == "utf-8"
            console.print("drawn")
            assert b"drawn" in os.read(person, 100)
    os.close(person)


def test_streams_that_were_closed_before_the_start_take_what_is_printed(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with streams.steady() as lost:
        print("text", flush=True)
        print("text", file=sys.stderr)
        assert not sys.stderr.isatty()
    assert lost() is None
    assert sys.stdout is None


def test_a_command_whose_output_is_lost_says_so_and_one_that_nobody_reads_does_not():
    full = shell('"$0" list >/dev/full')
    assert (full.returncode, full.stdout) == (1, "")
    assert full.stderr == "ganexp: what it printed could not be written (No space left on device)\n"
    for line in ('"$0" list | head -n 1', '"$0" list >&-', '"$0" list >&- 2>&- <&-'):
        done = shell(line)
        assert (done.returncode, done.stderr) == (0, ""), line


def test_a_run_whose_reader_leaves_is_recorded_to_its_end(tmp_path, one_cache):
    words = " ".join(
        [*NETS, "steps=60", "log_every=10", "eval_every=30", "image_every=0", "eval_samples=500", "final_samples=500"]
    )
    # A name that the stream cannot show; and the numbers of the closed streams, which no file of the run must get.
    folder = tmp_path / "Übung5"
    done = shell(f'"$0" {words} out={folder} 2>&1 <&- | head -n 1', PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["status"] == "finished"
    assert (folder / "metrics.csv").read_text(encoding="utf-8").splitlines()[-1].startswith("60,")


def test_what_was_typed_in_another_encoding_is_refused():
    done = shell("\"$0\" out=$'\\xff' --dry-run")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "ganexp: out=\\udcff: has characters that this locale cannot read; set LC_ALL=C.UTF-8, or type others\n"
    )


def _broken_off(arguments):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise ImportError("Encountered an error while initializing the extension.") from None


def test_an_import_that_ctrl_c_broke_off_is_an_interruption(monkeypatch, capsys):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(dispatch, "_main", _broken_off)
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main([])
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")


def test_an_import_that_fails_by_itself_is_not_hidden(monkeypatch):
    def fail(arguments):
        raise ImportError("no such library")

    monkeypatch.setattr(dispatch, "_main", fail)
    with pytest.raises(ImportError, match="no such library"):
        cli.main([])
