"""Plans as text: a line for each instruction, with the names of what lies at its addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, get_type_hints

from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.memory import Arena
from deltarule.engines.compiled.plan.names import SCRATCH, Names
from deltarule.engines.compiled.plan.tables import KernelCall, Rows
from deltarule.native.structs import Address

__all__ = ["Printer"]

_NOTHING = "∅"


class Printer:
    """Prints instructions whose memory the arenas handed out, or is among further `names`."""

    def __init__(self, arenas: Sequence[Arena], names: Names) -> None:
        self._arenas, self._names = arenas, [names, *(arena.names for arena in arenas)]

    def line(self, instruction: Instruction) -> str:
        """One instruction: its class, and its equation with names for addresses."""
        equation = instruction.equation().format_map(_Fields(self, instruction))
        equation = re.sub(f"{_NOTHING}, |, {_NOTHING}", "", equation)
        return f"{type(instruction).__name__:<20}{equation}".rstrip()

    def text(self, plans: Iterable[tuple[str, Sequence[Sequence[Instruction]]]]) -> str:
        """Plans under their headings, each of them given thread by thread; threads that do the same share a heading."""
        return "\n\n".join(section for heading, threads in plans for section in self._sections(heading, threads))

    def _sections(self, heading: str, threads: Sequence[Sequence[Instruction]]) -> Iterator[str]:
        alike: dict[str, list[int]] = {}
        for number, plan in enumerate(threads, start=1):
            alike.setdefault("\n".join(f"  {self.line(each)}" for each in plan), []).append(number)
        for lines, numbers in alike.items():
            which = "" if len(threads) == 1 else f", thread{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
            yield f"{heading}{which}\n\n{lines}"

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
        thing = next((thing for arena in self._arenas if (thing := arena.found(constants)) is not None), None)
        return str(getattr(thing, "name", ""))


class _Fields(Mapping[str, Any]):
    """An instruction's fields, as `str.format_map` asks for them."""

    def __init__(self, printer: Printer, instruction: Instruction) -> None:
        self._printer, self._instruction = printer, instruction

    def __getitem__(self, name: str) -> Any:
        return getattr(_Field(self._printer, self._instruction, self._instruction, None), name)

    def __iter__(self) -> Iterator[str]:
        return iter(get_type_hints(type(self._instruction)))

    def __len__(self) -> int:
        return len(list(iter(self)))


class _Field:
    """A field, or a field of one; `{z:rows,width}` has as many rows and columns as the fields of these names say."""

    def __init__(self, printer: Printer, instruction: Instruction, value: Any, kind: Any) -> None:
        self._printer, self._instruction, self._value, self._kind = printer, instruction, value, kind

    def __getattr__(self, name: str) -> _Field:
        owner = type(self._value)
        described = getattr(owner, name, None)
        kind = get_type_hints(described.fget)["return"] if isinstance(described, property) else None
        return _Field(self._printer, self._instruction, getattr(self._value, name), kind or get_type_hints(owner)[name])

    def __format__(self, spec: str) -> str:
        if self._kind is KernelCall:
            return self._printer.kernel(self._value.constants)
        if self._kind is not Address:
            return str(self._value)
        sizes = [attrgetter(name)(self._instruction) if name else 0 for name in (spec + ",").split(",")[:2]]
        rows, width = sizes
        if isinstance(rows, Rows):
            rows = "" if rows.parts == 1 else str(rows)
        return self._printer.place(self._value, rows, width)
