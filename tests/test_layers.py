"""Who may import whom: a module imports from layers below its own, and no part imports a sibling."""

import ast
from pathlib import Path

import ganexp

ROOT = Path(ganexp.__file__).parent
LAYERS = [
    ["spelling", "values", "blocks", "paths", "version"],
    ["ranking"],
    ["component"],
    ["description"],
    ["types"],
    ["parts"],
    [
        "nets",
        "conditioning",
        "datasets",
        "priors",
        "losses",
        "penalties",
        "gradients",
        "inputs",
        "averages",
        "optimizers",
        "schedules",
        "updates",
        "outputs",
    ],
    ["experiment"],
    ["game", "classifier"],
    ["observe"],
    ["job"],
    ["training", "records"],
    ["cache"],
    ["metrics"],
    ["views"],
    ["provenance", "size"],
    ["checkpoints", "report"],
    ["runner"],
    ["sweeps"],
    ["config"],
    ["cli", "hydra_plugin"],
    ["api"],
    ["__init__"],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# The one part of a layer above that says something about a part of one below: which libraries have which door.
DOORS = {
    "flax": {"nets"},
    "optax": {"optimizers"},
    "hydra": {"config", "hydra_plugin"},
    "omegaconf": {"config", "hydra_plugin"},
    "tensorboard": {"records"},
    "matplotlib": {"views", "report"},
    "jinja2": {"views"},
    "markupsafe": {"views"},
    "tensorflow_datasets": {"datasets"},
}


def imports(path):
    """Every module that the file imports when it is loaded or run, with the line, but not for type checking alone."""
    tree = ast.parse(path.read_text())
    skipped = {
        node
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and "TYPE_CHECKING" in ast.dump(test.test)
        for body in test.body
        for node in ast.walk(body)
    }
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def files():
    return sorted(ROOT.rglob("*.py"))


def layer(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def test_every_module_has_a_layer():
    assert {layer(path) for path in files()} <= set(RANK)


def test_modules_import_only_from_layers_below():
    wrong = []
    for path in files():
        own = layer(path)
        for name, line in imports(path):
            parts = name.split(".")
            if parts[0] != "ganexp" or len(parts) < 2 or parts[1] not in RANK:
                continue
            other = parts[1]
            if other != own and RANK[other] >= RANK[own]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_libraries_are_imported_at_their_doors_only():
    wrong = []
    for path in files():
        for name, line in imports(path):
            allowed = DOORS.get(name.split(".")[0])
            if allowed is not None and layer(path) not in allowed:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)
