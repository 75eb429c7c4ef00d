"""A table of a study as text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextTable:
    """A table with formatted numbers.

    words : columns of text in addition to the first one, which are left-aligned.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the title, the columns and the rows as aligned plain text."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.columns))]
        to = ["<" if place == 0 or name in self.words else ">" for place, name in enumerate(self.columns)]
        aligned = (
            "  ".join(f"{text:{side}{width}}" for text, side, width in zip(line, to, widths, strict=True)).rstrip()
            for line in lines
        )
        return "\n".join([*([self.title] if self.title else []), *aligned])
