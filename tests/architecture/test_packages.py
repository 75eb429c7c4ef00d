"""The architecture: which package may import which, no circles, late imports, names and lengths of files."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SOURCE = CHECKOUT / "src" / "deltarule"
FILES = sorted(SOURCE.rglob("*.py"))

LOWEST = ("types", "errors", "deprecation", "mapped", "regular_files", "writing", "markup", "chinese", "language")
"""Modules outside any package; everything may import them."""
PACKAGES = (
    "native",
    "formulas",
    "recipes",
    "data",
    "engines",
    "figures",
    "models",
    "training",
    "tracking",
    "studies",
    "experiments",
)
INTERFACES = ("estimators", "cli", "web")
ORDER = LOWEST + PACKAGES + INTERFACES
"""Each package may import those before it. Nothing imports an interface, not even another interface."""

PARTICULAR_ENGINES = ("reference", "full_batch", "compiled")
HEAVY = {"numba", "llvmlite", "scipy", "sklearn", "matplotlib", "pooch", "safetensors", "pandas", "torch"}
HEAVY |= {"narwhals", "pyarrow", "polars", "PIL"}
"""Imported where it is used, inside a function: `import deltarule` must not pay for what is not asked for."""
AT_HOME = {
    "llvmlite": "native",
    "typer": ("cli", "web/command.py"),
    "rich": "cli",
    "starlette": "web",
    "uvicorn": "web",
    "sklearn": "estimators",
}
"""Where a library may be imported at the head of a module."""

NO_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "base", "misc", "manager", "stuff", "tools"}
LONGEST = 400
LONGEST_FUNCTION = 60
REASON = re.compile(r"# Long: .{10,}")


def long_functions(text: str) -> list[str]:
    """The functions of a module that are longer than allowed, without a reason in the line above."""
    lines, found = text.splitlines(), []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if node.end_lineno - node.lineno >= LONGEST_FUNCTION and not REASON.search(lines[first - 2]):
                found.append(f"{node.name} in line {node.lineno}")
    return found


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that the tree imports, with the names taken from it: "deltarule.data.Dataset"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_by(file: Path) -> Iterator[str]:
    """Every import of a file: those inside functions and those for type checkers alone, too."""
    return imported(ast.parse(file.read_text(encoding="utf-8")))


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
    """The file's path inside the package: "engines/reference.py"."""
    return file.relative_to(SOURCE).as_posix()


def module_of(file: Path) -> str:
    """The name under which a file is imported: "deltarule.engines.reference"."""
    return ".".join(["deltarule", *file.relative_to(SOURCE).with_suffix("").parts]).removesuffix(".__init__")


def package_of(module: str) -> str:
    """The package, or the module outside any package, that an import is from; "" for `deltarule` itself."""
    name = (*module.split("."), "")[1]
    return name if name in ORDER else ""


def circle_in(files: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, by what each imports; empty where there is none."""
    modules = set(files)
    graph = {module: {found for each in names if (found := longest(each, modules))} for module, names in files.items()}
    for module, others in graph.items():
        others.discard(module)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def longest(name: str, modules: set[str]) -> str:
    """The module that an imported name is, or is from; "" where it is from elsewhere."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


@pytest.mark.parametrize("file", FILES, ids=place)
def test_a_package_imports_only_those_before_it(file):
    own = package_of(module_of(file))
    for module in imported_by(file):
        if module.partition(".")[0] != "deltarule":
            continue
        other = package_of(module)
        if place(file) == "__init__.py":
            assert other in (*LOWEST, *PACKAGES, "estimators"), f"deltarule imports {module}"
        elif place(file) == "__main__.py":
            assert other == "cli", f"python -m deltarule is the shell's interface, and imports {module}"
        elif own in INTERFACES:
            assert other == own or other not in INTERFACES, f"{place(file)} imports another interface, {module}"
        else:
            assert own, f"{place(file)} belongs to no package"
            assert other, f"{place(file)} imports {module}: import the package's own module instead"
            assert ORDER.index(other) <= ORDER.index(own), f"{place(file)} imports {module}, of a package above it"


def test_no_modules_import_each_other_in_a_circle():
    circle = circle_in({module_of(file): set(imported_by(file)) for file in FILES})
    assert not circle, " -> ".join(circle)


LOADED_BY_NAME = {
    "__init__.py", "cli/command_groups.py", "data/arrow.py", "formulas/namespace.py", "models/model.py",
    "studies/diagnose/findings/__init__.py", "training/run.py",
}  # fmt: skip
"""Files that load modules by their names: the public names and formulas, the shell's commands, PyArrow, the kinds of
findings, and the explanation of a model and the diagnosis of a run, which are studies, above models and training."""


def test_few_files_load_modules_by_their_names():
    calls = ("import_module", "__import__")
    found = {place(file) for file in FILES if any(f"{call}(" in file.read_text(encoding="utf-8") for call in calls)}
    assert found == LOADED_BY_NAME


def test_a_circle_would_be_found():
    late = "def save(self):\n    from deltarule.b import write\n"
    typed = "if TYPE_CHECKING:\n    from deltarule.a import Model\n"
    files = {"deltarule.a": late, "deltarule.b": typed, "deltarule.c": "import numpy, deltarule.a, deltarule.c"}
    imports = {module: set(imported(ast.parse(text))) for module, text in files.items()}
    assert set(circle_in(imports)) == {"deltarule.a", "deltarule.b"}
    assert circle_in({"deltarule.c": imports["deltarule.c"], "deltarule.a": set()}) == []


def test_nothing_outside_engines_imports_a_particular_engine():
    engines = tuple(f"deltarule.engines.{name}" for name in PARTICULAR_ENGINES)
    outside = [file for file in FILES if not place(file).startswith("engines/")]
    assert not {place(file) for file in outside if any(module.startswith(engines) for module in imported_by(file))}


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
        assert not NO_NAMES & set(re.split(r"_+", part)), f"{place(file)}: the name does not say what is inside"


@pytest.mark.parametrize("file", FILES, ids=place)
def test_a_function_is_short_or_says_why_not(file):
    """All lines count, the docstring's too; the reason is a comment `# Long: ...` in the line above the function."""
    text = file.read_text(encoding="utf-8")
    found = long_functions(text)
    assert not found, f"{place(file)}: split {', '.join(found)} ({LONGEST_FUNCTION} lines at most)"


def test_a_long_function_would_be_found():
    long = "def long():\n" + "    f()\n" * LONGEST_FUNCTION
    assert long_functions(long) == ["long in line 1"]
    assert long_functions(f"# Long: one case for each instruction\n{long}") == []


def test_the_packages_are_those_of_the_list():
    packages = {folder.name for folder in SOURCE.iterdir() if any(folder.glob("*.py"))}
    assert packages <= {*PACKAGES, *INTERFACES}


def test_the_design_page_lists_the_packages_in_this_order():
    page = (CHECKOUT / "docs" / "design.md").read_text(encoding="utf-8")
    listed = re.findall(r"^  (\w+)(?:/|\.py) ", page, re.MULTILINE)
    there = [name for name in ORDER if (SOURCE / name).is_dir() or (SOURCE / f"{name}.py").is_file()]
    assert listed == there
