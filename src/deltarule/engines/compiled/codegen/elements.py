"""Prints a program as two functions: a prologue for what all elements share, a body for elements, rows or a total.

Operands are addresses in an array of words, inputs first, then outputs; an output may be an input's memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from deltarule.engines.compiled.codegen.rows import print_rows
from deltarule.engines.compiled.codegen.scopes import Body, Program, Scope, folded
from deltarule.engines.tracing.trace import Expression, ValueShape, constant, expression
from deltarule.native.ir import Lanes, Text
from deltarule.native.products import GROUP

__all__ = ["Module", "module"]


class Module(NamedTuple):
    """A kernel's LLVM IR; and what it computes: the constants that the prologue hands to the body, and the outputs."""

    text: str
    constants: tuple[Expression, ...]
    outputs: tuple[Expression, ...]


def module(program: Program) -> Module:
    """Print a prologue and a body.

    prologue(float64 *scalars, T *constants)
    body(count, T *constants, T **operands)                    elementwise, total: count is a multiple of 16
    body(rows, width, stride, T *constants, T **operands)      rowwise: stride is a multiple of 16
    """
    outputs = program.outputs
    if program.bits == 32:
        outputs = _with_reciprocals(outputs)
    shared = _shared(outputs)
    texts = Text(), Text()
    _print_prologue(program, texts[0], shared)
    parameters = ["rows", "width", "stride"] if program.granularity == "rowwise" else ["count"]
    {"elementwise": _print_elements, "total": _print_total, "rowwise": print_rows}[program.granularity](
        Body(program, texts[1], outputs, shared)
    )
    declared = sorted(texts[0].declared | texts[1].declared)
    functions = (
        texts[0].function("prologue", ["scalars", "constants"]),
        texts[1].function("body", [*parameters, "constants", "operands"]),
    )
    called = texts[0].functions | texts[1].functions
    return Module("\n".join([*declared, *called.values(), *functions]), tuple(shared), outputs)


def _with_reciprocals(outputs: tuple[Expression, ...]) -> tuple[Expression, ...]:
    """The outputs with x / c, where c is the same for all elements, as x · (1 / c).

    For float32, where speed counts more than the last bit. In float64 the division stays: results equal NumPy's.
    """
    made: dict[Expression, Expression] = {}

    def rewritten(node: Expression) -> Expression:
        if node.shape == ValueShape.SCALAR or not node.arguments:
            return node
        if node not in made:
            operation, arguments = node.operation, tuple(map(rewritten, node.arguments))
            if operation == "divide" and arguments[1].shape == ValueShape.SCALAR:
                reciprocal = expression("divide", (constant(1.0).expression, arguments[1]))
                operation, arguments = "multiply", (arguments[0], reciprocal)
            made[node] = expression(operation, arguments, node.detail, node.shape)
        return made[node]

    return tuple(map(rewritten, outputs))


def _shared(outputs: tuple[Expression, ...]) -> dict[Expression, int]:
    """The largest expressions that are the same for all elements and not literal, numbered as they are met."""
    numbered: dict[Expression, int] = {}
    seen: set[Expression] = set()

    def visit(node: Expression) -> None:
        if node in seen:
            return
        seen.add(node)
        if node.shape != ValueShape.SCALAR:
            for argument in node.arguments:
                visit(argument)
        elif node.operation != "constant":
            numbered[node] = len(numbered)

    for output in outputs:
        visit(output)
    return numbered


def _print_prologue(program: Program, text: Text, shared: Mapping[Expression, int]) -> None:
    scalars = text.pointer("%scalars")
    constants = text.pointer("%constants")
    to = Lanes(text, 64, 1, program.fused)

    def leaf(node: Expression) -> str | None:
        if node.operation != "scalar":
            return None
        return to.load(scalars, str(program.scalars.index(str(node.detail))))

    scope = Scope(to, leaf)
    for node, place in shared.items():
        value = scope.value(node)
        if node.boolean:
            value = to.select(value, to.real(1.0), to.real(0.0))
        if program.bits == 32:
            value = to.narrowed(value)
        program.lanes(text, 1).store(value, constants, str(place))


def _print_elements(body: Body) -> None:
    text, program = body.text, body.program

    def many(count: int, start: str, stop: str) -> None:
        lanes = program.lanes(text, count)
        known = body.shared_on(lanes)

        def round_(index: str, _: list[str]) -> list[str]:
            scope = body.element_scope(lanes, index, known)
            # All is read before anything is written: outputs may be the inputs' memory.
            values = [scope.value(output) for output in body.outputs]
            for value, place in zip(values, body.results, strict=True):
                lanes.store(value, place, index)
            return []

        text.loop(start, stop, count, [], round_)

    whole = text.integer("and", "%count", str(-program.together))
    many(program.together, "0", whole)
    if program.together > GROUP:
        many(GROUP, whole, "%count")


def _print_total(body: Body) -> None:
    text, lanes = body.text, body.group
    wide = lanes.alike(bits=64)
    known = body.shared_on(lanes)

    def round_(index: str, sums: list[str]) -> list[str]:
        value = body.element_scope(lanes, index, known).value(body.outputs[0])
        return [wide.add(sums[0], lanes.widened(value) if lanes.bits == 32 else value)]

    sums = text.loop("0", "%count", GROUP, [(wide.kind, wide.real(0.0))], round_)
    wide.alike(count=1).store(folded(wide, sums[0], Lanes.add), body.results[0], "0")
