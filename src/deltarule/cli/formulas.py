"""`deltarule formulas`: list the formulas with their equations, fields and sources."""

from __future__ import annotations

import pydoc
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import typer

from deltarule.cli.option_groups import json_option
from deltarule.cli.terminal import print_json, print_lines
from deltarule.errors import UnknownName, nearest
from deltarule.formulas import Description, FieldDescription, describe, kinds, registered
from deltarule.formulas.formula import normalized

WIDTH = min(80, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 80


def formulas(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="Kind to list: activation, loss, optimizer, … (default: all).", metavar="KIND", show_default=False
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Argument(help="Name or alias of one formula to show in full.", metavar="NAME", show_default=False),
    ] = None,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """List the formulas with their equations, fields and sources, or show one in full.

    Examples:

    \b
    deltarule formulas
    deltarule formulas schedule
    deltarule formulas optimizer adam
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    kind = next((each for each in kinds() if kind is not None and normalized(each) == normalized(kind)), kind)
    if kind is not None and kind not in kinds():
        raise _unknown_kind(kind)
    chosen = [describe(cls) for each in kinds() if kind in (None, each) for cls in registered(each)]
    if name is not None:
        chosen = [each for each in chosen if _is_called(each, name)] or _nothing(str(kind), name, chosen)
    if as_json:
        print_json({"formulas": [each.to_json() for each in chosen]})
    elif name is not None:
        print_lines(_whole(chosen[0]))
    elif kind is None and sys.stdout.isatty():
        pydoc.pager("\n".join(_listed(chosen)))
    else:
        print_lines(_listed(chosen))


def _is_called(each: Description, name: str) -> bool:
    return normalized(name) in map(normalized, (each.name, *each.aliases))


def _unknown_kind(kind: str) -> UnknownName:
    """Return the error for an unknown kind; it suggests the nearest kind, or the kind of the formula of that name."""
    owners = [(owner, each) for owner in kinds() for cls in registered(owner) for each in (cls.name, *cls.aliases)]
    whose = next((f"{owner} {kind}" for owner, each in owners if each == kind), None) or nearest(kind, kinds())
    return UnknownName(
        f"one of the kinds {', '.join(kinds())}",
        repr(kind),
        f"deltarule formulas {whose}" if whose else "deltarule formulas",
    )


def _nothing(kind: str, name: str, known: Iterable[Description]) -> Any:
    names = [each for described in known for each in (described.name, *described.aliases)]
    guess = nearest(name, names)
    raise UnknownName(
        f"one of the {kind} names {', '.join(names)}",
        repr(name),
        f"deltarule formulas {kind} {guess}" if guess else f"deltarule formulas {kind}",
    )


def _listed(chosen: Iterable[Description]) -> Iterator[str]:
    """Yield the lines of all formulas, grouped by kind: summary, equations, fields and source."""
    kind = ""
    for each in chosen:
        if each.kind != kind:
            kind = each.kind
            yield from (kind.upper(), "")
        yield _names(each)
        yield from _filled(each.summary, 4)
        yield from _equations(each.equations, 8)
        yield from _fields(each.fields, 4)
        if each.source:
            yield from _filled(f"Source: {each.source}", 4)
        yield ""


def _whole(each: Description) -> Iterator[str]:
    """Yield the lines of one formula with its full documentation."""
    yield from (_names(each), "")
    yield from _filled(each.summary, 0)
    yield from ("", *_equations(each.equations, 4))
    for paragraph in each.notes.split("\n\n"):
        yield from ("", *_filled(paragraph, 0))
    if each.source:
        yield from ("", *_filled(f"Source: {each.source}", 0))
    if each.fields:
        yield from ("", "Fields, their defaults, and what they may be:", *_fields(each.fields, 4))
    if each.example:
        yield from ("", "Example:", *textwrap.indent(each.example, "    ").splitlines())
    yield from ("", f"In Python: {each.class_name} of deltarule.formulas. In a recipe: {each.name!r}.")


def _names(each: Description) -> str:
    return each.name + (f"  (also {', '.join(each.aliases)})" if each.aliases else "")


def _filled(text: str, margin: int) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=" " * margin, subsequent_indent=" " * (margin + 2 * (margin > 0)))


def _fields(fields: Iterable[FieldDescription], margin: int) -> Iterator[str]:
    """Yield a line for each field, in aligned columns."""
    rows = [(field.name, str(field.default), field.domain) for field in fields]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    for name, default, domain in rows:
        head = f"{'':<{margin}}{name:<{widths[0]}} = {default:<{widths[1]}}  "
        yield from textwrap.wrap(domain, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)) or [head]


def _equations(lines: Iterable[str], margin: int) -> Iterator[str]:
    """Yield equations; a line that is too long is broken into several."""
    for line in lines:
        if len(line) + margin <= WIDTH:
            yield " " * margin + line if line else ""
            continue
        indent = len(line) - len(line.lstrip())
        for place, part in enumerate(_parts(line.strip(), WIDTH - margin - indent)):
            yield " " * (margin + indent + 2 * (place > 0)) + part.strip()


def _parts(line: str, room: int, cuts: Sequence[str] = (r"(?=\s{3,})", r"(?= = )", r"(?= )")) -> Iterator[str]:
    """Break a line into parts that fit: at wide gaps first, then before an equals sign, then at spaces."""
    held = ""
    for part in re.split(cuts[0], line):
        if held and len(held + part) > room:
            yield from _parts(held, room, cuts[1:]) if len(held) > room and cuts[1:] else (held,)
            held = part.lstrip()
        else:
            held += part
    yield from _parts(held, room, cuts[1:]) if len(held) > room and cuts[1:] else (held,)
