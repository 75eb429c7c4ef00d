"""Compiles expressions into functions that a compiled loop calls by their address.

A kernel is two functions of words. The prologue turns scalars (float64: hyperparameters, t) into what all elements
share, rounded once to the kernel's precision; the body works on arrays. Changing a hyperparameter compiles nothing.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.bodies import Program, Scope, largest, print_body
from deltarule.engines.tracing.evaluation import evaluate
from deltarule.engines.tracing.trace import Expression, Symbol, ValueShape, constant, expression
from deltarule.native.ir import Lanes, Text
from deltarule.native.processor import MachineCode, assemble, load, processor
from deltarule.native.products import GROUP
from deltarule.native.tuning import tuned_tiles

__all__ = ["Kernel", "compile_kernel", "compiled"]


def _printed(program: Program) -> tuple[str, tuple[Expression, ...], tuple[Expression, ...]]:
    """A kernel's LLVM IR, the constants that its prologue hands to the body, and the outputs as they are computed.

    prologue(float64 *scalars, T *constants)
    body(count, T *constants, T **operands)                    elementwise, total: count is a multiple of 16
    body(rows, width, stride, T *constants, T **operands)      rowwise: stride is a multiple of 16
    """
    outputs = _with_reciprocals(program.outputs) if program.bits == 32 else program.outputs
    # What is the same for all elements and not literal is computed once.
    same = largest(outputs, lambda node: node.shape == ValueShape.SCALAR)
    shared = {node: place for place, node in enumerate(each for each in same if each.operation != "constant")}
    texts = Text(), Text()
    _print_prologue(program, texts[0], shared)
    print_body(program, texts[1], outputs, shared)
    sizes = ["rows", "width", "stride"] if program.granularity == "rowwise" else ["count"]
    prologue = texts[0].function("prologue", ["scalars", "constants"])
    body = texts[1].function("body", [*sizes, "constants", "operands"])
    called = texts[0].functions | texts[1].functions
    declared = sorted(texts[0].declared | texts[1].declared)
    return "\n".join([*declared, *called.values(), prologue, body]), tuple(shared), outputs


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


_COMPILED: dict[bytes, MachineCode] = {}
# One register in so many holds a number in flight: enough of them hide latencies, more would spill what is between.
_SHARE_IN_FLIGHT = 8


def compiled(text: str) -> MachineCode:
    """The functions of some LLVM IR, compiled once for each text and kept for the life of the process.

    Of two threads that compile the same text, both get what the first has made.
    """
    key = sha256(text.encode()).digest()
    return _COMPILED.get(key) or _COMPILED.setdefault(key, load(assemble(text)))


@dataclass(frozen=True)
class Kernel:
    """A compiled formula: addresses for `memory.call`, and what they must be given.

    call(prologue, (scalars, constants))                              scalars: float64, as many as `scalars` names
    call(body, (count, constants, operands))                          granularity elementwise and total
    call(body, (rows, width, stride, constants, operands))            granularity rowwise

    The prologue fills `constants` numbers of `dtype`. `operands` is an array of addresses, one for each of `inputs`
    and then of `outputs`; an output may be an input's memory. count and stride are multiples of 16. Arrays are
    C-contiguous and of `dtype`: (count,), (rows, stride), or (rows,) for what is one number a row; a total is one
    float64. `values` are the scalars as the formulas have them, beginning with those that change from step to step.

    `name` is the formula's; `constant_expressions` and `output_expressions` are what the two functions compute, and
    `define_constants` and `define` compute it in NumPy.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    scalars: tuple[str, ...]
    values: tuple[float, ...]
    granularity: str
    dtype: np.dtype[np.floating]
    prologue: int
    body: int
    name: str = field(compare=False)
    constant_expressions: tuple[Expression, ...] = field(repr=False, compare=False)
    output_expressions: tuple[Expression, ...] = field(repr=False, compare=False)

    @property
    def constants(self) -> int:
        """How many numbers the prologue hands to the body."""
        return len(self.constant_expressions)

    def define_constants(self, scalars: Sequence[float]) -> list[Any]:
        """What the prologue computes."""
        return evaluate(self.constant_expressions, dict(zip(self.scalars, scalars, strict=True)))

    def define(self, constants: Sequence[Any], operands: Sequence[npt.NDArray[Any]]) -> list[Any]:
        """What the body computes, in new arrays; inputs, and outputs, of one number a row are (n, 1)."""
        known = {
            node: number != 0 if node.boolean else number
            for node, number in zip(self.constant_expressions, constants, strict=True)
        }
        results = evaluate(self.output_expressions, dict(zip(self.inputs, operands, strict=True)), known)
        if self.granularity == "total":
            return [np.sum(result, dtype=np.float64) for result in results]
        return [
            np.array(result)[:, None] if node.shape == ValueShape.SAMPLES else np.array(result)
            for node, result in zip(self.output_expressions, results, strict=True)
        ]

    def shared(self, **changed: float) -> npt.NDArray[np.floating]:
        """The prologue's constants, for the formulas' own scalars or `changed` ones."""
        scalars = np.array([changed.get(name, value) for name, value in zip(self.scalars, self.values, strict=True)])
        constants = np.zeros(max(1, self.constants), self.dtype)
        _call(self.prologue, scalars.ctypes.data, constants.ctypes.data)
        return constants

    def run(self, arrays: Sequence[npt.NDArray[np.floating]], width: int | None = None, **changed: float) -> None:
        """Call both functions on arrays (inputs, then outputs) from Python; `width` is how many columns are real."""
        constants = self.shared(**changed)
        operands = np.array([array.ctypes.data for array in arrays], np.int64)
        sizes: tuple[int, ...] = (arrays[0].size,)
        if self.granularity == "rowwise":
            rows, stride = arrays[0].shape
            sizes = rows, stride if width is None else width, stride
        _call(self.body, *sizes, constants.ctypes.data, operands.ctypes.data)


def _call(address: int, *words: int) -> None:
    ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(words))(address)(*words)


def compile_kernel(
    inputs: Sequence[str] | Mapping[str, ValueShape],
    outputs: Mapping[str, Symbol],
    scalars: Mapping[str, float],
    dtype: npt.DTypeLike,
    granularity: str = "elementwise",
    name: str = "kernel",
) -> Kernel:
    """A kernel that computes `outputs` of operands and scalars by these names, in one pass over memory.

    Inputs without a shape are elements. Those that no output depends on are given all the same, and never read.
    `scalars` go into `Kernel.values`.
    """
    kind: np.dtype[Any] = np.dtype(dtype)
    bits, target = 8 * kind.itemsize, processor()
    shapes = inputs if isinstance(inputs, Mapping) else dict.fromkeys(inputs, ValueShape.ELEMENT)
    program = Program(
        inputs=shapes,
        outputs=tuple(symbol.expression for symbol in outputs.values()),
        scalars=tuple(scalars),
        granularity=granularity,
        bits=bits,
        fused=target.fused,
        together=max(GROUP, target.registers // _SHARE_IN_FLIGHT * target.vector_bytes // kind.itemsize),
        estimated=tuned_tiles(kind.name).tiling.estimates if granularity == "elementwise" else (),
    )
    text, constants, computed = _printed(program)
    code = compiled(text)
    return Kernel(
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        scalars=program.scalars,
        values=tuple(scalars.values()),
        granularity=granularity,
        dtype=kind,
        prologue=code.address("prologue"),
        body=code.address("body"),
        name=name,
        constant_expressions=constants,
        output_expressions=computed,
    )
