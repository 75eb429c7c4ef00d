"""Export to C99: one source file with the weights as constants, and one header; no allocation, libm alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.tracing.arrays import Node
from deltarule.models.export.c_interface import Interface, comment, interface_of
from deltarule.models.export.description import Description
from deltarule.models.export.loops import LoopPrinter, statements
from deltarule.models.export.quantization import Quantized

__all__ = ["c_files"]

_FUNCTIONS = {
    "absolute": "fabs", "sqrt": "sqrt", "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p", "tanh": "tanh",
    "sinh": "sinh", "cosh": "cosh", "sin": "sin", "cos": "cos", "power": "pow", "erf": "erf", "erfc": "erfc",
    "floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "rint", "copysign": "copysign",
}  # fmt: skip
_MACROS = {"isnan": "isnan", "isinf": "isinf", "isfinite": "isfinite"}
_OWN = {
    "maximum": "static {0} maximum{1}({0} a, {0} b) {{ return a < b ? b : a; }}",
    "minimum": "static {0} minimum{1}({0} a, {0} b) {{ return b < a ? b : a; }}",
    "sign": "static {0} sign{1}({0} a) {{ return ({0})((a > 0) - (a < 0)); }}",
    "xor": "static int xor{1}(int a, int b) {{ return !a != !b; }}",
}
_TYPES = {"float32": "float", "float64": "double", "boolean": "float"}
_DENSE = """\
/* z = b + x w, for w of shape (inputs, outputs): four rows of w at a time. */
static void dense(int inputs, int outputs, const float *restrict x, const {type} *restrict w,{scales}
                  const float *restrict b, float *restrict z)
{{
    int i, j;
    for (j = 0; j < outputs; ++j)
        z[j] = {first};
    for (i = 0; i + 4 <= inputs; i += 4) {{
        const float x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];
        const {type} *restrict w1 = w + outputs, *restrict w2 = w1 + outputs, *restrict w3 = w2 + outputs;
        for (j = 0; j < outputs; ++j)
            z[j] += x0 * {cast}w[j] + x1 * {cast}w1[j] + x2 * {cast}w2[j] + x3 * {cast}w3[j];
        w = w3 + outputs;
    }}
    for (; i < inputs; ++i, w += outputs)
        for (j = 0; j < outputs; ++j)
            z[j] += x[i] * {cast}w[j];{last}
}}
"""
_SCALE = """
    for (j = 0; j < outputs; ++j)
        z[j] = z[j] * scale[j] + b[j];"""
_ARGMAX = """\
static int argmax(int n, const float *a)
{
    int i, best = 0;
    for (i = 1; i < n; ++i)
        if (a[i] > a[best])
            best = i;
    return best;
}
"""


@dataclass
class _C:
    """The syntax of C, and the declarations that the statements need.

    names : of the inputs and codes in the row.
    quantized : of weights as integers.
    bytes : of all constant arrays.
    """

    names: Mapping[str, str]
    quantized: Mapping[Node, Quantized]
    functions: dict[str, str] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    locals: list[str] = field(default_factory=list)
    arrays: dict[str, tuple[str, int]] = field(default_factory=dict)
    free: list[str] = field(default_factory=list)
    bytes: int = 0
    _known: dict[tuple[Any, ...], str] = field(default_factory=dict)

    def loop(self, index: str, size: int) -> str:
        """Return the head of a loop over an index."""
        return f"for (int {index} = 0; {index} < {size}; ++{index})"

    def local(self, precision: str, name: str, value: str) -> str:
        """Return the declaration of a local value."""
        return f"const {_TYPES[precision]} {name} = {value};"

    def accumulator(self, precision: str, name: str, value: str) -> str:
        """Return the declaration of a local value that changes."""
        return f"{_TYPES[precision]} {name} = {value};"

    def literal(self, value: float, precision: str) -> str:
        """Return a number."""
        return _decimal(value, _TYPES[precision])

    def call(self, operation: str, precision: str, arguments: Sequence[str]) -> str | None:
        """Return a call of a function of libm, or of a function that is declared then."""
        given = ", ".join(arguments)
        suffix = "f" if precision == "float32" else ""
        if operation in _FUNCTIONS:
            return f"{_FUNCTIONS[operation]}{suffix}({given})"
        if operation in _MACROS:
            return f"{_MACROS[operation]}({given})"
        if operation == "single":
            return f"(float)({given})"
        if operation not in _OWN:
            return None
        self.functions[operation + suffix] = _OWN[operation].format(_TYPES[precision], suffix) + "\n"
        return f"{operation}{suffix}({given})"

    def table(self, value: npt.NDArray[Any], precision: str) -> str:
        """Return the name of a constant array, which is declared once, of a precision or of "integer"."""
        key = (precision, value.tobytes())
        if key not in self._known:
            self._known[key] = name = f"{'places' if precision == 'integer' else 'numbers'}_{len(self._known) + 1}"
            small = "unsigned short" if value.max(initial=0) < 65536 else "int"
            self.declare(name, small if precision == "integer" else _TYPES[precision], value)
        return self._known[key]

    def declare(self, name: str, kind: str, value: npt.NDArray[Any]) -> None:
        """Declare a constant array."""
        words = [_decimal(each, kind) for each in value.ravel().tolist()]
        width = 8 if kind == "float" else 20
        rows = [", ".join(words[start : start + width]) for start in range(0, len(words), width)]
        body = ",\n    ".join(rows)
        self.bytes += len(words) * {"double": 8, "unsigned short": 2, "signed char": 1}.get(kind, 4)
        self.tables.append(f"static const {kind} {name}[{max(1, len(words))}] = {{\n    {body}\n}};\n")

    def stored(self, node: Node, precision: str) -> str:
        """Return the name of an array for a value, or of a variable for a value without axes."""
        kind = "int" if precision == "integer" else _TYPES[precision]
        if not node.shape:
            name = f"v{len(self.arrays) + len(self.locals) + 1}"
            self.locals.append(f"{kind} {name};")
            return name
        fitting = [name for name in self.free if self.arrays[name][0] == kind and self.arrays[name][1] >= node.size]
        if fitting:
            name = min(fitting, key=lambda each: self.arrays[each][1])
            self.free.remove(name)
            return name
        name = f"v{len(self.arrays) + len(self.locals) + 1}"
        self.arrays[name] = (kind, node.size)
        return name

    def release(self, name: str) -> None:
        """Give an array back, which no later value needs."""
        if name in self.arrays:
            self.free.append(name)

    @property
    def stack(self) -> int:
        """The bytes of all arrays."""
        return sum(size * (8 if kind == "double" else 4) for kind, size in self.arrays.values())

    def dense(self, node: Node, x: str, z: str) -> list[str]:
        """Return the statements of weighted sums."""
        _, W, b = node.arguments
        inputs, outputs = W.shape
        assert W.value is not None
        assert b.value is not None
        number = len([name for name in self._known.values() if name.startswith("weights")]) + 1
        key = ("weights", id(W))
        integers = self.quantized.get(W)
        if key not in self._known:
            self._known[key] = name = f"weights_{number}"
            if integers is None:
                self.declare(name, "float", W.value)
            else:
                self.declare(name, "signed char", integers.integers)
                self.declare(f"{name}_scale", "float", integers.scales)
        name, biases = self._known[key], self.table(np.broadcast_to(b.value, (outputs,)), "float32")
        kind, scales = ("float", "") if integers is None else ("signed char", f" {name}_scale,")
        form = {
            "type": kind,
            "scales": scales and " const float *restrict scale,",
            "cast": "" if not scales else "(float)",
        }
        form |= {"first": "0.0f" if scales else "b[j]", "last": _SCALE if scales else ""}
        self.functions["dense"] = _DENSE.format(**form)
        rows = node.size // outputs
        call = f"dense({inputs}, {outputs}, {{}}, {name},{scales} {biases}, {{}});"
        x = x.removesuffix("[0]")
        if rows == 1:
            return [call.format(x, z)]
        return [f"{self.loop('i', rows)} {{", "    " + call.format(f"{x} + i * {inputs}", f"{z} + i * {outputs}"), "}"]

    def argmax(self, source: str, size: int, target: str) -> str:
        """Return the statement for the place of the largest number."""
        self.functions["argmax"] = _ARGMAX
        return f"{target} = argmax({size}, {source});"

    def given(self, node: Node) -> str:
        """Return an input: an array, or one number; or the code of one that is a text."""
        if node.operation == "code":
            return f"row->{self.names[node.arguments[0].name]}"
        if node.detail == "text":
            return ""
        if node.name in self.names:
            return f"row->{self.names[node.name]}"
        return "x[0]" if node.size == 1 else "x"

    def conversion(self, value: str) -> str:
        """Return a number converted to an integer, for use as an index."""
        return value if value.startswith("row->") else f"(int){value}"


def c_files(
    description: Description, name: str, header: str, quantized: Mapping[Node, Quantized] | None = None
) -> tuple[str, str]:
    """Return the source file and the header of a model, whose public names begin with `name`.

    header : the name of the header's file. quantized : weights as integers of 8 bits.
    """
    interface = interface_of(description, name)
    syntax = _C(interface.fields, quantized or {})
    printer = LoopPrinter(syntax)
    values = dict(zip(description.outputs, printer.printed(description.roots), strict=True))
    source = "\n".join([_head(description, header), *_body(description, interface, syntax, printer, values)])
    return source, interface.header(description, syntax.bytes, syntax.stack)


def _head(description: Description, header: str) -> str:
    lines = [f"/* {comment(description.title)}. Written by deltarule; see {header}. */"]
    return "\n".join([*lines, "#include <math.h>", "#include <stddef.h>", "", f'#include "{header}"', ""])


def _body(
    description: Description, interface: Interface, syntax: _C, printer: LoopPrinter, values: Mapping[str, str]
) -> list[str]:
    """Return the parts of the source file after its head."""
    first = description.outputs.get("probabilities", description.outputs.get("numbers"))
    assert first is not None
    code = values.get("code")
    compute = [
        f"static {'int' if code else 'void'} compute({interface.row}, float *out)",
        "{",
        *statements([f"{kind} {name}[{size}];" for name, (kind, size) in syntax.arrays.items()] + syntax.locals, 1),
        *statements(printer.lines, 1),
    ]
    value = values["probabilities" if description.labelled else "numbers"]
    compute += statements([f"for (int i = 0; i < {first.size}; ++i)", f"    out[i] = (float){value}[i];"], 1)
    compute += [f"    return {code};"] if code else []
    compute.append("}\n")
    return [*syntax.tables, *syntax.functions.values(), "\n".join(compute), *interface.functions(description)]


def _decimal(value: float, kind: str) -> str:
    """Return a number as C writes it: the shortest digits of its precision, with a point or an exponent."""
    if kind not in ("float", "double"):
        return str(int(value))
    with np.errstate(over="ignore"):
        own = np.float32(value) if kind == "float" else np.float64(value)
    if np.isinf(own):
        return "-INFINITY" if value < 0 else "INFINITY"
    text = str(own)
    text = text if "." in text or "e" in text else f"{text}.0"
    return f"{text}f" if kind == "float" else text
