"""Namespaces of formulas, filled by importing every file of a package, so that a new formula is one new file."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from types import ModuleType

from deltarule.formulas.formula import Formula, registered

Lookup = tuple[Callable[[str], object], Callable[[], list[str]]]


def public_names(module: ModuleType) -> list[str]:
    """Return the names that a file adds to its namespace: its `__all__`, or the formula classes that it defines.

    >>> from deltarule.formulas.optimizers import adaptive
    >>> public_names(adaptive)
    ['AdaDelta', 'AdaGrad', 'RMSProp']
    """
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    found = ((name, value) for name, value in vars(module).items() if not name.startswith("_"))
    return sorted(
        name
        for name, value in found
        if isinstance(value, type) and issubclass(value, Formula) and value.__module__ == module.__name__
    )


def modules_of(package: str) -> list[ModuleType]:
    """Import the files of a package, in alphabetical order."""
    paths = sys.modules[package].__path__
    return [importlib.import_module(f"{package}.{each.name}") for each in pkgutil.iter_modules(paths)]


def fill(package: str, kind: str) -> Lookup:
    """Give a package the public names of its files; return its `__getattr__` and `__dir__`.

    Both include the classes registered elsewhere, for example user-defined formulas.
    """
    namespace = sys.modules[package]
    own = {name: getattr(module, name) for module in modules_of(package) for name in public_names(module)}
    vars(namespace).update(own, __all__=sorted(own))

    def registered_class(name: str) -> object:
        for each in registered(kind):
            if each.__name__ == name:
                return each
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        return sorted({*own, *(each.__name__ for each in registered(kind))})

    return registered_class, names
