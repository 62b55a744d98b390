"""What the environment may not change: taken out of it before JAX, Flax and matplotlib are imported, which read it then."""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import suppress

from ganexp.paths import home

STARTED = time.perf_counter()  # of the command: this file is the first that it imports
PINNED = "ganexp chooses it, so that training has the same numbers everywhere"
OFF = ("", "n", "no", "f", "false", "off", "0")
REASONS = {
    "JAX_ENABLE_X64": "training is in 32 bits",
    "JAX_DEBUG_NANS": "debug=divergence says what stopped being finite",
    "JAX_DEBUG_INFS": "debug=divergence says what stopped being finite",
}
FILES = 10_000  # each run of a sweep has its folder open; shells often allow 256 or 1024

# What JAX is told that changes no number: where it works, what it keeps, what it says; with the values that it does not stop
# at, and what they are. Everything else that begins with JAX_ or FLAX_ is ignored.
TEXT = (r"(?s).*", "text")
TRUTH = (r"(?i)y|yes|t|true|on|1|n|no|f|false|off|0", "true or false")
KEPT = {
    "JAX_PLATFORMS": TEXT,
    "JAX_PLATFORM_NAME": TEXT,
    "JAX_CUDA_VISIBLE_DEVICES": TEXT,
    "JAX_ROCM_VISIBLE_DEVICES": TEXT,
    "JAX_NUM_CPU_DEVICES": (r"[1-9]\d*", "a whole number from 1"),
    "JAX_COMPILATION_CACHE_DIR": TEXT,
    "JAX_ENABLE_COMPILATION_CACHE": TRUTH,
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": (r"\d+\.?\d*|\.\d+", "a number of seconds"),
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": (r"-?\d+", "a whole number"),
    "JAX_LOG_COMPILES": TRUTH,
    "JAX_EXPLAIN_CACHE_MISSES": TRUTH,
}


def pin() -> list[str]:
    """Take out of the environment what would change a number or a picture; sentences on what a person may have meant by it."""
    # Notebooks name a backend of their own; pictures are drawn without one. Of a matplotlibrc the empty file is read.
    os.environ.pop("MPLBACKEND", None)
    os.environ["MATPLOTLIBRC"] = os.devnull
    if home() is None and not os.environ.get("MPLCONFIGDIR"):
        # No folder: matplotlib then makes one that lasts as long as the process.
        os.environ["MPLCONFIGDIR"] = os.devnull
    notes: dict[str, list[str]] = {}
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        # It would be another folder wherever one stands.
        if not os.path.isabs(os.environ.get(name) or os.sep):
            del os.environ[name]
            notes.setdefault("it must be an absolute path", []).append(name)
    for name in sorted(os.environ):
        if name.startswith(("JAX_", "FLAX_")) and name not in KEPT:
            value = os.environ.pop(name)
            if value and not (name in REASONS and value.lower() in OFF):
                notes.setdefault(REASONS.get(name, PINNED), []).append(name)
    return [f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} ignored: {why}" for why, names in notes.items()]


def unreadable(word: str) -> bool:
    """Whether a word that was typed has bytes that are no characters in this locale: no file of a run could hold it."""
    return any("\ud800" <= character <= "\udfff" for character in word)


def refusal(device: bool) -> str | None:
    """What the environment asks of JAX, or lacks, that keeps a command from running, in a sentence; `device`: a platform that
    this machine lacks is such a thing."""
    for name, (pattern, what) in KEPT.items():
        value = os.environ.get(name)
        if value is not None and not re.fullmatch(pattern, value):
            if value:
                return f"{name}={value}: must be {what}; set it anew, or unset it"
            del os.environ[name]
    return refusal_of_pictures() or _bad_flags() or (_missing_platform() if device else None)


def settle() -> None:
    """Let as many files be open as a large sweep needs, and matplotlib keep to itself what it logs of fonts and folders."""
    import logging
    import resource

    logging.getLogger("matplotlib").setLevel("ERROR")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if resource.RLIM_INFINITY != soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def refusal_of_pictures() -> str | None:
    """What keeps matplotlib from being imported, in a sentence."""
    # matplotlib reads a file of this name wherever it is started, and stops at one that is not text.
    try:
        with open("matplotlibrc", encoding="utf-8") as file:
            file.read()
    except (FileNotFoundError, IsADirectoryError):
        pass
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        return f"matplotlibrc in this folder cannot be read ({why}), and matplotlib stops at it; mend it or remove it"
    import tempfile

    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        return "there is no folder for temporary files that can be written, which pictures need; set TMPDIR to one"
    return None


def _bad_flags() -> str | None:
    flags = os.environ.get("XLA_FLAGS", "")
    if not flags.strip():
        return None
    import subprocess

    # XLA ends the process at a flag that it does not know: another process tries first.
    code = "from jaxlib import xla_client; xla_client.CompileOptions()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    said = re.search(r"^[EF]\d+ .*?\] (.*?)\.?$", done.stderr.decode(errors="replace"), re.MULTILINE)
    if done.returncode == 0 or said is None:
        return None
    return f"XLA_FLAGS={flags}: XLA stops at them ({said[1]}); mend them, or unset XLA_FLAGS"


def _missing_platform() -> str | None:
    name = next((name for name in ("JAX_PLATFORMS", "JAX_PLATFORM_NAME") if os.environ.get(name)), None)
    if name is None or os.environ[name] == "cpu":
        return None
    import jax

    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:
        said = str(error).partition("\n")[0].partition(" (set JAX_PLATFORMS")[0].rstrip(".")
        why = f" ({said})" if said else ""
        return f"{name}={os.environ[name]}: JAX finds no such device on this machine{why}; set {name}=cpu, or unset it"
    return None
