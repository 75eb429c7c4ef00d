"""Descriptions of formulas, parsed from their docstrings and fields, for the shell and the documentation."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from deltarule.formulas.formula import Domain, Formula, hints

_YEAR = re.compile(r"\(\d{4}\)")


@dataclass(frozen=True)
class FieldDescription:
    """Name, type, default (None if there is none) and valid values of a field."""

    name: str
    type: str
    default: Any
    domain: str

    def __str__(self) -> str:
        return f"{self.name} = {self.default}  {self.domain}"


@dataclass(frozen=True)
class Description:
    """The description of a formula.

    summary : the first paragraph of the docstring. equations : the indented lines, with their spacing. notes : the
    prose after them, without the source. source : author, year and place, or "". example : a doctest.

    >>> from deltarule.formulas import Momentum
    >>> described = describe(Momentum)
    >>> described.source
    'Polyak (1964); Sutskever, Martens, Dahl and Hinton (2013), equations 1 and 2.'
    >>> str(described.fields[1])
    'momentum = 0.9  a number of at least 0 and below 1'
    """

    kind: str
    name: str
    aliases: tuple[str, ...]
    class_name: str
    summary: str
    equations: tuple[str, ...]
    notes: str
    source: str
    example: str
    fields: tuple[FieldDescription, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the description as plain data."""
        return dataclasses.asdict(self)


def describe(cls: type[Formula]) -> Description:
    """Return the description of a formula's class.

    A docstring consists of a summary, the equations (indented), prose, the source as the last sentence (after two
    spaces or at the start of a line, with its year in parentheses), and an example.
    """
    text, sign, example = (inspect.getdoc(cls) or "").partition(">>> ")
    first, *blocks = [block for block in re.split(r"\n\s*\n", text.rstrip()) if block.strip()] or [""]
    equations = [line for block in blocks if block.startswith("    ") for line in textwrap.dedent(block).splitlines()]
    prose = [block for block in blocks if not block.startswith("    ")]
    notes, source = _source_of(prose)
    fields = tuple(_field(cls, field) for field in dataclasses.fields(cls))
    names = cls.kind, cls.name, cls.aliases, cls.__name__
    return Description(*names, _line(first), tuple(equations), notes, source, (sign + example).rstrip(), fields)


def _source_of(prose: list[str]) -> tuple[str, str]:
    """Split prose into notes and source; the source starts at the last sentence that a year in parentheses follows."""
    for place in range(len(prose) - 1, -1, -1):
        block = prose[place]
        starts = [0, *(found.end() for found in re.finditer(r"\.(?:  +|\n)(?=[A-Z])", block))]
        for start in reversed(starts):
            if _YEAR.search(block[start:]):
                rest = [*prose[:place], block[:start], *prose[place + 1 :]]
                return "\n\n".join(filter(None, map(_line, rest))), _line(block[start:])
    return "\n\n".join(map(_line, prose)), ""


def _line(block: str) -> str:
    return " ".join(block.split())


def _field(cls: type[Formula], field: dataclasses.Field[Any]) -> FieldDescription:
    hint = hints(cls)[field.name]  # type: ignore[arg-type]
    base, *extras = (get_args(hint)[0], *hint.__metadata__) if hasattr(hint, "__metadata__") else (hint,)
    default = None if field.default is dataclasses.MISSING else field.default
    domain = next((extra.words for extra in extras if isinstance(extra, Domain)), field.metadata.get("domain", ""))
    if isinstance(base, type) and issubclass(base, Formula):
        default = default.name if isinstance(default, Formula) else default
        return FieldDescription(field.name, base.kind, default, f"one of kind {base.kind}")
    if get_origin(base) is tuple:
        return FieldDescription(field.name, "numbers", default, f"a list, each {domain or 'a number'}")
    if get_args(base):
        return FieldDescription(field.name, "choice", default, " or ".join(map(str, get_args(base))))
    kind = {float: "number", int: "integer", bool: "boolean", str: "string"}.get(base, str(base))
    usual = {"number": "any number", "boolean": "True or False"}
    return FieldDescription(field.name, kind, default, domain or usual.get(kind, f"a {kind}"))
