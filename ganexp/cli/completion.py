"""Shell completion, which is Hydra's own."""

from __future__ import annotations

import os
import re
import sys

from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra

from ganexp.config.compose import ROOT, prepare
from ganexp.config.mistakes import Mistake
from ganexp.config.options import conf_dir


def complete(what: str) -> int:
    """Install, uninstall or answer a shell's query, as `what` says; the exit status. Raises Mistake."""
    asked = re.fullmatch(r"(install|uninstall|query)=(bash|fish|zsh)", what)
    if asked is None:
        raise Mistake(f"-sc {what}: it is install=SHELL or uninstall=SHELL, for bash, fish or zsh")
    if asked[1] == "query" and "COMP_LINE" not in os.environ:
        raise Mistake(f"-sc {what}: is what a shell asks by itself; to have it ask, type -sc install={asked[2]}")
    prepare()
    GlobalHydra.instance().clear()
    hydra = Hydra.create_main_hydra2("ganexp", create_config_search_path(str(conf_dir())))
    hydra.shell_completion(ROOT, [what])
    sys.stdout.flush()
    return 0
