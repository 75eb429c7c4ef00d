"""Words and numbers as they are typed."""

from __future__ import annotations

from typing import Any

from deltarule.formulas import registered


def names_of(kind: str) -> str:
    """The names that a kind of formula goes by, for help texts.

    >>> "relu" in names_of("activation"), "softmax" in names_of("activation")
    (True, False)
    """
    return ", ".join(cls.name for cls in registered(kind) if cls.name != "softmax")


def number_of(text: str) -> Any:
    """A whole number, a number, or the text itself where it is neither (the recipe will say what it wanted)."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text.strip()
