"""Names of memory: what lies at an address, so that a plan can be printed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["SCRATCH", "Named", "Names"]

SCRATCH = "scratch"
"""The name of memory whose numbers mean nothing after a step, or after the instruction that writes them."""


@dataclass(frozen=True)
class Named:
    """A matrix in memory, or a vector as its one row.

    row : bytes from one row to the next. first : column of the whole matrix that is the first here; `columns` has all.
    """

    name: str
    begin: int
    rows: int
    columns: int
    row: int
    item_bytes: int
    first: int = 0

    def part(self, address: int, rows: str | int = 0, width: int = 0) -> str:
        """What begins at an address: so many columns of it, and so many rows, or a part of them in words.

        >>> z1 = Named("z1", begin=1000, rows=32, columns=100, row=512, item_bytes=4)
        >>> z1.part(1000, "", 100), z1.part(1000 + 4 * 96, "1/2", 16), z1.part(1000, 4, 10)
        ('z1', 'z1[1/2, 96:100]', 'z1[0:4, 0:10]')
        """
        row, offset = divmod(address - self.begin, self.row)
        column = self.first + offset // self.item_bytes
        stop = min(column + width, self.columns) if width else self.columns
        columns = "" if (column, stop) == (0, self.columns) else f"{column}:{stop}"
        if isinstance(rows, int):
            below = row + rows if rows else self.rows
            rows = "" if (row, below) == (0, self.rows) else f"{row}:{below}"
        if self.rows == 1:
            return f"{self.name}[{columns}]" if columns else self.name
        if columns:
            return f"{self.name}[{rows or ':'}, {columns}]"
        return f"{self.name}[{rows}]" if rows else self.name


class Names:
    """What was named, by address; memory named later takes the place of what lay there before."""

    def __init__(self, named: Iterable[Named] = ()) -> None:
        self._named: dict[int, Named] = {}
        self._begins: list[int] = []
        for each in named:
            self.add(each)

    def add(self, named: Named) -> None:
        """Name some memory."""
        self._named[named.begin] = named
        self._begins = []

    def find(self, address: int) -> Named | None:
        """What an address lies in."""
        self._begins = self._begins or sorted(self._named)
        place = bisect_right(self._begins, address)
        found = self._named[self._begins[place - 1]] if place else None
        return found if found is not None and address < found.begin + found.rows * found.row else None
