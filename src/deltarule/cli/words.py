"""Names for help texts, and numbers as typed in the shell."""

from __future__ import annotations

from typing import Any

from deltarule.formulas import registered


def names_of(kind: str) -> str:
    """Return the names of the formulas of a kind, for help texts.

    >>> "relu" in names_of("activation"), "softmax" in names_of("activation")
    (True, False)
    """
    return ", ".join(cls.name for cls in registered(kind) if cls.name != "softmax")


def number_of(text: str) -> Any:
    """Parse an integer or a number; return other text unchanged, which the recipe then rejects."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text.strip()
