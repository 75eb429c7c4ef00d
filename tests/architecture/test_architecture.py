"""The page of the architecture: its steps name functions that exist, and its picture shows them."""

import ast
import re
import runpy
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PAGE = CHECKOUT / "docs" / "architecture.md"
DRAWN = runpy.run_path(str(CHECKOUT / "docs" / "pictures" / "architecture.py"))
TEXT = PAGE.read_text(encoding="utf-8")
STEPS = DRAWN["steps"](TEXT)


def defined(tree):
    """The functions, classes and methods of a module."""
    kinds = ast.FunctionDef | ast.ClassDef
    for node in (node for node in tree.body if isinstance(node, kinds)):
        yield node.name
        yield from (f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, kinds))


def test_the_steps_are_numbered_and_no_more_than_twelve():
    assert [int(number) for number, *_ in STEPS] == list(range(1, len(STEPS) + 1))
    assert len(STEPS) == len(re.findall(r"^\d+\. ", TEXT, re.MULTILINE)) <= 12


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[1])
def test_a_step_names_a_function_of_its_file(step):
    _, _, function, file = step
    source = (PAGE.parent / file).resolve()
    assert source.is_relative_to(CHECKOUT / "src" / "deltarule")
    assert function in set(defined(ast.parse(source.read_text(encoding="utf-8"))))


def test_the_picture_is_that_of_the_page():
    assert DRAWN["PICTURE"].read_text(encoding="utf-8") == DRAWN["picture"](TEXT), (
        "python docs/pictures/architecture.py"
    )
