"""What is public is in order, explained, and in the documentation."""

from __future__ import annotations

import inspect
import re
import runpy
from pathlib import Path

import pytest

import deltarule
from deltarule import errors, formulas

CHECKOUT = Path(__file__).parents[2]
PAGES = "\n".join(page.read_text(encoding="utf-8") for page in sorted((CHECKOUT / "docs").glob("*.md")))
PUBLIC = {name: getattr(deltarule, name) for name in deltarule.__all__ if name != "__version__"}


def in_the_documentation(name: str) -> bool:
    """Whether a page has the name as code: `name`, dr.name, name(…)."""
    return re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", PAGES) is not None


def test_public_names_are_sorted_as_the_linter_sorts_them():
    constants = sorted(name for name in deltarule.__all__ if name.isupper())
    classes = sorted(name for name in deltarule.__all__ if not name.isupper() and name.lstrip("_")[0].isupper())
    others = sorted(name for name in deltarule.__all__ if name not in {*constants, *classes})
    assert deltarule.__all__ == [*constants, *classes, *others]
    assert len(set(deltarule.__all__)) == len(deltarule.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_explained(name):
    thing = PUBLIC[name]
    assert inspect.getdoc(thing), f"{name} has no docstring"
    if inspect.isclass(thing):
        for method, found in vars(thing).items():
            if not method.startswith("_") and (inspect.isfunction(found) or isinstance(found, property)):
                explained = inspect.getdoc(getattr(thing, method))
                assert explained, f"{name}.{method} has no docstring, of its own or inherited"


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_in_the_documentation(name):
    assert in_the_documentation(name), f"no page of docs/ speaks of {name}"


GENERATED = runpy.run_path(str(CHECKOUT / "docs" / "generate.py"))["generated"]()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_generated_files_are_up_to_date(path):
    assert path.read_text(encoding="utf-8") == GENERATED[path], "run scripts/generate: what it is read from has changed"


@pytest.mark.parametrize("kind", formulas.kinds())
def test_every_formula_of_the_package_is_in_the_documentation(kind):
    page = (CHECKOUT / "docs" / "formulas.md").read_text(encoding="utf-8")
    for each in formulas.registered(kind):
        if each.__module__.startswith("deltarule."):
            assert f"\n### {each.__name__}\n" in page
            for name in (each.name, *each.aliases):
                assert f"`{name}`" in page, f"docs/formulas.md lacks {name} ({each.__name__})"


def test_every_error_is_drawn_in_the_tree():
    assert errors.__doc__ is not None
    for name, thing in vars(errors).items():
        if inspect.isclass(thing) and issubclass(thing, errors.DeltaruleError):
            assert name in errors.__doc__
            assert name in errors.__all__
