"""Plans as text: names of memory, and a line for each instruction with the names of what is at its addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, get_type_hints

from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.pieces import Take
from deltarule.engines.compiled.plan.tables import KernelCall, MatrixAt, Rows
from deltarule.native.structs import Address

__all__ = ["SCRATCH", "Named", "Names", "Printer"]

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
    """What was named, by address; memory named later takes the place of what was there before.

    things : what else is known by an address, for example the kernel whose constants are there.
    """

    def __init__(self, named: Iterable[Named] = ()) -> None:
        self.things: dict[int, Any] = {}
        self._named = {each.begin: each for each in named}

    def add(self, named: Named) -> None:
        """Name some memory."""
        self._named[named.begin] = named

    def find(self, address: int) -> Named | None:
        """Return the named memory that contains an address."""
        begin = max((begin for begin in self._named if begin <= address), default=None)
        found = None if begin is None else self._named[begin]
        return found if found is not None and address < found.begin + found.rows * found.row else None


_NOTHING = "∅"


class Printer:
    """Prints instructions whose memory is among some names."""

    def __init__(self, names: Sequence[Names]) -> None:
        self._names = names

    def line(self, instruction: Instruction) -> str:
        """One instruction: its class, and its equation with names for addresses."""
        equation = instruction.equation().format_map(_Field(self, instruction, instruction))
        equation = re.sub(f"{_NOTHING}, |, {_NOTHING}", "", equation)
        return f"{type(instruction).__name__:<20}{equation}".rstrip()

    def text(self, plans: Iterable[tuple[str, Sequence[Sequence[Instruction]]]]) -> str:
        """Plans under their headings, each of them given thread by thread; threads that do the same share a heading."""
        return "\n\n".join(section for heading, threads in plans for section in self._sections(heading, threads))

    def _sections(self, heading: str, threads: Sequence[Sequence[Instruction]]) -> Iterator[str]:
        alike: dict[str, list[int]] = {}
        for number, plan in enumerate(threads, start=1):
            alike.setdefault("\n".join(f"  {line}" for each in plan for line in self._lines(each)), []).append(number)
        for lines, numbers in alike.items():
            which = "" if len(threads) == 1 else f", thread{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
            yield f"{heading}{which}\n\n{lines}"

    def _lines(self, instruction: Instruction) -> Iterator[str]:
        """An instruction; below a list of the thread's own pieces, what is done in each."""
        yield self.line(instruction)
        if isinstance(instruction, Take) and not instruction.spare:
            for piece in self._thing(instruction.pieces):
                yield from (f"  {self.line(each)}" for each in piece)

    def _thing(self, address: int) -> Any:
        """What is known by an address, or None."""
        return next((names.things[address] for names in self._names if address in names.things), None)

    def place(self, address: int, rows: str | int, width: int) -> str:
        """What lies at an address."""
        if not address:
            return _NOTHING
        found = next((found for names in self._names if (found := names.find(address)) is not None), None)
        if found is not None:
            return found.part(address, rows, width) if found.name != SCRATCH else SCRATCH
        return self.kernel(address) or "memory"

    def kernel(self, constants: int) -> str:
        """The name of the kernel with these constants."""
        return str(getattr(self._thing(constants), "name", ""))


class _Field:
    """A field of an instruction, by name; `{z:rows,width}` has as many rows and columns as the fields named say."""

    def __init__(self, printer: Printer, instruction: Instruction, value: Any, kind: Any = None) -> None:
        self._printer, self._instruction, self._value, self._kind = printer, instruction, value, kind

    def __getattr__(self, name: str) -> _Field:
        owner = type(self._value)
        described = getattr(owner, name, None)
        kind = get_type_hints(described.fget)["return"] if isinstance(described, property) else None
        return _Field(self._printer, self._instruction, getattr(self._value, name), kind or get_type_hints(owner)[name])

    __getitem__ = __getattr__

    def __format__(self, spec: str) -> str:
        if self._kind is KernelCall:
            return self._printer.kernel(self._value.constants)
        if self._kind not in (Address, MatrixAt):
            return str(self._value)
        rows, width = (attrgetter(name)(self._instruction) if name else 0 for name in (spec + ",").split(",")[:2])
        if isinstance(rows, Rows):
            rows = "" if rows.parts == 1 else str(rows)
        address = self._value if self._kind is Address else self._value.address
        return self._printer.place(address, rows, width)
