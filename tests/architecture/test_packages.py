"""The house keeps its shape: who may import whom, what is imported late, how files are named and how long they are."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SOURCE = CHECKOUT / "src" / "deltarule"
FILES = sorted(SOURCE.rglob("*.py"))

INNER = ("data", "formulas", "recipes", "engines", "models", "training", "figures", "studies")
DOORS = ("estimators", "cli", "web")
ROOMS = INNER + DOORS
"""Each room may import the rooms before it; nobody imports a door, not even another door."""

HEAVY = {"numba", "llvmlite", "scipy", "sklearn", "matplotlib", "pooch", "safetensors", "pandas", "torch"}
HEAVY |= {"narwhals", "pyarrow", "polars", "PIL"}
"""Imported where it is used, inside a function: `import deltarule` must not pay for what is not asked for."""
AT_HOME = {
    "numba": "engines/compiled",
    "llvmlite": "engines/compiled",
    "typer": "cli",
    "rich": "cli",
    "sklearn": "estimators",
}
"""Where a library may be imported at the head of a module."""

NO_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "base", "misc", "manager", "stuff", "tools"}
LONGEST = 400


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that the tree imports, with the names taken from it: "deltarule.data.Dataset"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_the_head(tree: ast.Module) -> ast.Module:
    """The statements that run when the module is imported: neither functions' bodies nor `if TYPE_CHECKING`."""

    class Head(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
            return None

        def visit_If(self, node: ast.If) -> ast.AST:
            return ast.Pass() if ast.unparse(node.test).endswith("TYPE_CHECKING") else self.generic_visit(node)

    return Head().visit(tree)


def place(file: Path) -> str:
    """The file as the house knows it: "engines/reference.py"."""
    return file.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("file", FILES, ids=place)
def test_a_room_imports_only_the_rooms_above_it(file):
    room, _, inside = place(file).partition("/")
    room = room if inside else Path(room).stem
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for module in imported(tree):
        parts = module.split(".")
        if parts[0] != "deltarule" or parts[1:2] == ["errors"]:
            continue
        other = parts[1] if len(parts) > 1 else ""
        if room == "__init__":
            assert other in (*INNER, "estimators"), f"the front of the house imports {module}"
        elif room == "__main__":
            assert other == "cli", f"python -m deltarule is the shell's door, and imports {module}"
        elif room in DOORS:
            assert other == room or other not in DOORS, f"{place(file)} imports another door, {module}"
        else:
            assert room in ROOMS, f"{place(file)} stands in no room"
            assert other in ROOMS, f"{place(file)} imports {module}: from a room's own module, not from the front"
            assert ROOMS.index(other) <= ROOMS.index(room), f"{place(file)} imports {module}, of a room below it"


@pytest.mark.parametrize("file", FILES, ids=place)
def test_what_is_heavy_is_imported_where_it_is_used(file):
    for module in imported(at_the_head(ast.parse(file.read_text(encoding="utf-8")))):
        library = module.partition(".")[0]
        home = AT_HOME.get(library)
        if home is not None:
            assert place(file).startswith(home), f"{place(file)} imports {library} at its head"
        else:
            assert library not in HEAVY, f"{place(file)} imports {library} at its head"


def test_importing_the_package_imports_nothing_heavy():
    program = "import sys, deltarule; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not (HEAVY | set(AT_HOME)) & set(done.stdout.split())


@pytest.mark.parametrize("file", FILES, ids=place)
def test_a_file_is_short_and_named_after_something(file):
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{place(file)} has {lines} lines: split it by kind"
    for part in Path(place(file)).with_suffix("").parts:
        assert not NO_NAMES & set(re.split(r"_+", part)), f"{place(file)}: a thing without a name of the field"


def test_the_rooms_are_those_of_the_list():
    rooms = {folder.name for folder in SOURCE.iterdir() if any(folder.glob("*.py"))}
    assert rooms <= set(ROOMS)
