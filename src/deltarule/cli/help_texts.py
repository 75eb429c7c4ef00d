"""What help texts show of options, in every version of Typer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def typeless_flags(parameters: Iterable[Any]) -> list[Any]:
    """Return the parameters of a command, in whose help text flags show no type, because they take no value."""
    found = list(parameters)
    for each in found:
        if getattr(each, "is_flag", False):
            each.metavar = ""
    return found
