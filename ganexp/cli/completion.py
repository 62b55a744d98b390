"""Shell completion, which is Hydra's own."""

from __future__ import annotations

import sys

from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra

from ganexp.config.compose import ROOT, prepare
from ganexp.config.options import conf_dir


def complete(what: str) -> int:
    """Install, uninstall or answer a shell's query, as `what` says; the exit status."""
    prepare()
    GlobalHydra.instance().clear()
    hydra = Hydra.create_main_hydra2("ganexp", create_config_search_path(str(conf_dir())))
    hydra.shell_completion(ROOT, [what])
    sys.stdout.flush()
    return 0
