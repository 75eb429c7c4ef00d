"""What type checkers say of users' code, and that the constructors written for them have the classes' fields."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import deltarule
from deltarule.formulas import Muon, WarmUp
from deltarule.recipes import Network, Recipe

CODE = Path(__file__).with_name("user_code.py")
SOURCE = Path(deltarule.__file__).parents[1]


def test_mypy_finds_nothing_wrong_in_users_code(tmp_path):
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    # Followed silently: what is said of the package itself is `scripts/check`'s.
    options = ["--strict", "--follow-imports", "silent", "--ignore-missing-imports", "--cache-dir", str(tmp_path)]
    done = checked([sys.executable, "-m", "mypy", "--config-file", "", *options, str(CODE)])
    assert done.returncode == 0, done.stdout + done.stderr


def test_pyright_finds_nothing_wrong_in_users_code():
    if shutil.which("pyright") is None:
        pytest.skip("pyright is not installed")
    done = checked(["pyright", "--pythonpath", sys.executable, str(CODE)])
    assert done.returncode == 0, done.stdout


WRONG = {
    "dr.Recipe(lr=0.1)": "lr",
    "dr.Recipe().replace(netwrok=dr.Network())": "netwrok",
    "dr.Recipe().replace(epochs='ten')": "epochs",
    "dr.Network().replace(hiden=(3,))": "hiden",
    "dr.Network(activation=3)": "activation",
    "dr.train(dr.Recipe(), ([[0.0]], [1]), callbacks=[])": "callbacks",
    "MLPClassifier(activation=3)": "activation",
}
"""Calls that a type checker must refuse, and what its message names."""


def test_mypy_refuses_misspelled_and_invalid_arguments(tmp_path):
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    code = tmp_path / "wrong.py"
    code.write_text("import deltarule as dr\nfrom deltarule import MLPClassifier\n" + "\n".join(WRONG) + "\n")
    options = ["--follow-imports", "silent", "--ignore-missing-imports", "--cache-dir", str(tmp_path)]
    done = checked([sys.executable, "-m", "mypy", "--config-file", "", *options, str(code)])
    for line, (call, name) in enumerate(WRONG.items(), 3):
        assert re.search(rf"wrong.py:{line}: error: .*{name}", done.stdout), f"{call}\n{done.stdout}"


def checked(command):
    environment = {**os.environ, "MYPYPATH": str(SOURCE), "PYTHONPATH": str(SOURCE)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=CODE.parents[2])


@pytest.mark.parametrize("name", ["named", "mixed", "several", "namespaces"])
def test_users_code_runs(name):
    spec = importlib.util.spec_from_file_location("user_code", CODE)
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    made = getattr(code, name)()
    if isinstance(made, Recipe):
        assert len(list(code.attributes(made))) == 3


@pytest.mark.parametrize("cls", [Recipe, Network, WarmUp, Muon], ids=lambda cls: cls.__name__)
def test_a_constructor_written_for_type_checkers_has_the_fields_of_the_class(cls):
    tree = ast.parse(Path(sys.modules[cls.__module__].__file__).read_text(encoding="utf-8"))
    (node,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == cls.__name__)
    (written,) = (each for each in ast.walk(node) if isinstance(each, ast.FunctionDef) and each.name == "__init__")
    arguments = written.args
    assert not [*arguments.posonlyargs, *arguments.kwonlyargs]
    assert [each.arg for each in arguments.args[1:]] == [field.name for field in dataclasses.fields(cls)]
    assert len(arguments.defaults) == len(arguments.args) - 1


@pytest.mark.parametrize("cls", [Recipe, Network], ids=lambda cls: cls.__name__)
def test_replace_is_typed_by_the_fields_of_the_class(cls):
    tree = ast.parse(Path(sys.modules[cls.__module__].__file__).read_text(encoding="utf-8"))
    classes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    (init,) = (node for node in ast.walk(classes[cls.__name__]) if getattr(node, "name", "") == "__init__")
    typed = {node.target.id: ast.unparse(node.annotation) for node in classes[f"{cls.__name__}Fields"].body[1:]}
    assert typed == {each.arg: ast.unparse(each.annotation) for each in init.args.args[1:]}
