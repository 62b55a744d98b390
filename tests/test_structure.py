"""The files of the package import one another in one direction, functions and `TYPE_CHECKING` blocks included: there is no circle. And one
file alone applies the networks of the players."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import ganexp

ROOT = Path(ganexp.__file__).parent


def modules(root: Path) -> dict[str, Path]:
    """Every file by the name of its module; a package is its `__init__.py`."""
    paths = {path.relative_to(root.parent).with_suffix(""): path for path in sorted(root.rglob("*.py"))}
    return {".".join(name.parts).removesuffix(".__init__"): path for name, path in paths.items()}


def imported(path: Path, known: dict[str, Path]) -> set[str]:
    """The modules among `known` that a file names in its imports, wherever these stand."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # What is imported from a package is a file of it, or something that its `__init__.py` holds.
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inside & {*known} or {str(node.module)}
    return found & {*known}


def circle(root: Path) -> list[str]:
    """A circle of modules below `root`, the first of which is also the last; empty where there is none."""
    known = modules(root)
    graph = {name: imported(path, known) for name, path in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_files_import_one_another_in_a_circle():
    found = circle(ROOT)
    assert not found, " <- ".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "from package import one",
        "import package.one",
        "def later():\n    from package.one import name",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from package.one import name",
    ],
)
def test_a_circle_is_found_wherever_its_imports_stand(text, tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("from package.other import name\n")
    (package / "other.py").write_text(f"{text}\n")
    assert {*circle(package)} == {"package.one", "package.other"}
    (package / "other.py").write_text("name = 1\n")
    assert circle(package) == []


def naming(attribute: str) -> set[str]:
    """The modules that name this attribute of anything."""
    return {
        name
        for name, path in modules(ROOT).items()
        if any(
            isinstance(node, ast.Attribute) and node.attr == attribute for node in ast.walk(ast.parse(path.read_text()))
        )
    }


def test_the_game_is_the_only_file_that_applies_a_network_of_a_player():
    architectures = {name for name in naming("net") if not name.startswith("ganexp.nets.")}
    assert architectures == {"ganexp.experiment"}
    holders = naming("networks")
    assert holders == {"ganexp.experiment", "ganexp.game", "ganexp.training"}
    assert holders & naming("apply") == {"ganexp.game"}
