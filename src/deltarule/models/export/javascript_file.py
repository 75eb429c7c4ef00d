"""Export to JavaScript: one ES module without dependencies, with the weights in it."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data.kinds import MISSING
from deltarule.engines.tracing.arrays import Node
from deltarule.models.export.c_interface import comment
from deltarule.models.export.description import Description
from deltarule.models.export.loops import LoopPrinter, statements

__all__ = ["javascript_module"]

_FUNCTIONS = {
    "absolute": "abs", "sqrt": "sqrt", "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p", "tanh": "tanh",
    "sinh": "sinh", "cosh": "cosh", "sin": "sin", "cos": "cos", "power": "pow", "floor": "floor", "ceil": "ceil",
    "trunc": "trunc", "maximum": "max", "minimum": "min", "sign": "sign", "single": "fround",
}  # fmt: skip
_NAMED = {"isnan": "Number.isNaN", "isfinite": "Number.isFinite"}
_OWN = {
    "erfc": """\
/** The complementary error function, to a relative error of 1.2e-7. */
function erfc(x) {
    const t = 1 / (1 + 0.5 * Math.abs(x));
    const terms = [0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
        1.00002368, -1.26551223];
    const value = t * Math.exp(terms.reduce((sum, term) => sum * t + term) - x * x);
    return x >= 0 ? value : 2 - value;
}
""",
    "erf": "const erf = (x) => 1 - erfc(x);\n",
    "rint": "const rint = (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));\n",
    "copysign": "const copysign = (a, b) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a));\n",
    "isinf": "const isinf = (x) => x === Infinity || x === -Infinity;\n",
    "xor": "const xor = (a, b) => !a !== !b;\n",
}
_DENSE = """\
function dense(inputs, outputs, x, w, b, z) {
    for (let j = 0; j < outputs; ++j) z[j] = b[j];
    for (let i = 0; i < inputs; ++i) {
        const own = x[i];
        for (let j = 0, k = i * outputs; j < outputs; ++j, ++k) z[j] += own * w[k];
    }
}
"""
_ARGMAX = """\
function argmax(a) {
    let best = 0;
    for (let i = 1; i < a.length; ++i) if (a[i] > a[best]) best = i;
    return best;
}
"""
_READ = """\
/** The value of a column: of an object by its name, of an array by its place; missing ones are null. */
function cell(row, name, place) {
    const value = Array.isArray(row) ? row[place] : row[name];
    return value === undefined || value === null || value === "" || Number.isNaN(value) ? null : value;
}

function number(value) {
    return value === null ? NaN : Number(value);
}

/** Days since 1970-01-01 of a Date, an ISO 8601 text (UTC where it has no time zone), or a number of days. */
function days(value) {
    if (value === null || typeof value === "number") return number(value);
    if (value instanceof Date) return value.getTime() / 86400000;
    const text = String(value).replace(" ", "T");
    return Date.parse(/T.*(Z|[+-]\\d\\d:?\\d\\d)$/.test(text) || !text.includes("T") ? text : `${text}Z`) / 86400000;
}

const absent = new Set({absent});

function code(words, unknown, value) {
    const text = value === true ? "True" : value === false ? "False" : String(value ?? "");
    return words.get(text) ?? (absent.has(text) ? unknown + 1 : unknown);
}
"""


@dataclass
class _JavaScript:
    """The syntax of JavaScript, and the declarations that the statements need."""

    places: Mapping[str, int]
    kinds: Mapping[str, str]
    functions: dict[str, str] = field(default_factory=dict)
    arrays: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    numbers: dict[str, list[npt.NDArray[Any]]] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    _known: dict[Any, str] = field(default_factory=dict)

    def loop(self, index: str, size: int) -> str:
        """Return the head of a loop over an index."""
        return f"for (let {index} = 0; {index} < {size}; ++{index})"

    def local(self, precision: str, name: str, value: str) -> str:  # noqa: ARG002 - all are float64
        """Return the declaration of a local value."""
        return f"const {name} = {value};"

    def accumulator(self, precision: str, name: str, value: str) -> str:  # noqa: ARG002 - all are float64
        """Return the declaration of a local value that changes."""
        return f"let {name} = {value};"

    def literal(self, value: float, precision: str) -> str:  # noqa: ARG002 - all are float64
        """Return a number."""
        if math.isinf(value):
            return "-Infinity" if value < 0 else "Infinity"
        return repr(value).removesuffix(".0")

    def call(self, operation: str, precision: str, arguments: Sequence[str]) -> str | None:  # noqa: ARG002
        """Return a call of a function of `Math`, or of one that is declared then."""
        given = ", ".join(arguments)
        if operation in _FUNCTIONS:
            return f"Math.{_FUNCTIONS[operation]}({given})"
        if operation in _NAMED:
            return f"{_NAMED[operation]}({given})"
        if operation not in _OWN:
            return None
        for name in ("erfc", operation) if operation == "erf" else (operation,):
            self.functions[name] = _OWN[name]
        return f"{operation}({given})"

    def table(self, value: npt.NDArray[Any], precision: str) -> str:
        """Return the name of a constant array, which is declared once."""
        key = (precision, value.tobytes())
        if key not in self._known:
            self._known[key] = name = f"w{len(self._known) + 1}"
            kind = {"integer": "Int32", "float64": "Float64"}.get(precision, "Float32")
            parts = self.numbers.setdefault(kind, [])
            start = sum(part.size for part in parts)
            parts.append(value)
            shape = " × ".join(map(str, value.shape))
            self.tables.append(f"const {name} = all{kind}.subarray({start}, {start + value.size}); // {shape}")
        return self._known[key]

    def stored(self, node: Node, precision: str) -> str:  # noqa: ARG002 - all are float64
        """Return the name of an array for a value, or of a variable for a value without axes."""
        name = f"v{len(self.arrays) + 1}"
        self.arrays.append(f"const {name} = new Float64Array({node.size});" if node.shape else f"let {name};")
        return name

    def release(self, name: str) -> None:
        """Keep the array: each value has a separate one."""

    def dense(self, node: Node, x: str, z: str) -> list[str]:
        """Return the statements of weighted sums."""
        _, W, b = node.arguments
        inputs, outputs = W.shape
        assert W.value is not None
        assert b.value is not None
        self.functions["dense"] = _DENSE
        weights = self.table(W.value, "float32")
        biases = self.table(np.broadcast_to(b.value, (outputs,)), "float32")
        call = f"dense({inputs}, {outputs}, {{}}, {weights}, {biases}, {{}});"
        rows = node.size // outputs
        x = x.removesuffix("[0]")
        if rows == 1:
            return [call.format(x, z)]
        part = "{}.subarray(i * {}, (i + 1) * {})"
        own = call.format(part.format(x, inputs, inputs), part.format(z, outputs, outputs))
        return [f"{self.loop('i', rows)} {{", f"    {own}", "}"]

    def argmax(self, source: str, size: int, target: str) -> str:  # noqa: ARG002 - an array knows its size
        """Return the statement for the place of the largest number."""
        self.functions["argmax"] = _ARGMAX
        return f"{target} = argmax({source});"

    def given(self, node: Node) -> str:
        """Return an input: an array, or one number; or the code of one that is a text."""
        if node.operation == "code":
            name = node.arguments[0].name
            own = f"words{len(self.words) + 1}"
            self.words.append(f"const {own} = new Map({json.dumps([*node.detail.words.items()])});")
            return f"code({own}, {node.detail.unknown}, {self._cell(name)})"
        if node.detail == "text":
            return ""
        if node.name in self.places:
            return f"{'days' if self.kinds[node.name] == 'date' else 'number'}({self._cell(node.name)})"
        return "x[0]" if node.size == 1 else "x"

    def conversion(self, value: str) -> str:
        """Return a number converted to an integer, for use as an index."""
        return value if value.startswith("code(") else f"Math.trunc({value})"

    def _cell(self, name: str) -> str:
        return f"cell(row, {json.dumps(name)}, {self.places[name]})"


def javascript_module(description: Description) -> str:
    """Return the ES module of a model: `predict(rows)`, and `predictProba(rows)` of classes and labels."""
    columns = description.columns
    syntax = _JavaScript({each.name: place for place, each in enumerate(columns)}, {c.name: c.kind for c in columns})
    printer = LoopPrinter(syntax)
    values = dict(zip(description.outputs, printer.printed(description.roots), strict=True))
    compute = ["/** The outputs of one raw row. */", f"function compute({'row' if columns else 'x'}) {{"]
    result = ", ".join(
        f"{name}: {value if name == 'code' else f'Array.from({value})'}" for name, value in values.items()
    )
    compute += [*statements(printer.lines, 1), f"    return {{ {result} }};", "}"]
    parts = [
        _head(description), _constants(syntax), "\n".join(syntax.words),
        _READ.replace("{absent}", json.dumps(sorted(MISSING))) if columns else "",
        *syntax.functions.values(), "\n".join(syntax.arrays), "\n".join(compute), _public(description),
    ]  # fmt: skip
    text = "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"
    return re.sub(r"^(?: {4})+", lambda match: " " * (len(match[0]) // 2), text, flags=re.MULTILINE)


def _head(description: Description) -> str:
    lines = [f"// {comment(description.title, 200)}. Written by deltarule."]
    if description.columns:
        lines.append("// A row is an object with the columns, or an array in this order. Missing: null.")
        shown = [
            {"name": each.name, "kind": each.kind} | ({"words": list(each.words)} if each.text else {})
            for each in description.columns
        ]
        lines.append(f"export const columns = {json.dumps(shown)};")
    else:
        shape = " × ".join(map(str, description.input_shape))
        lines.append(f"// A row is an array of {math.prod(description.input_shape)} raw numbers ({shape}).")
    if description.classes is not None:
        lines.append(f"export const classes = {json.dumps(description.classes.tolist())};")
    if description.class_names:
        lines.append(f"export const classNames = {json.dumps(list(description.class_names))};")
    if description.targets:
        lines.append(f"export const targets = {json.dumps(list(description.targets))};")
    return "\n".join(lines)


def _constants(syntax: _JavaScript) -> str:
    lines = [
        "function decoded(text) {",
        "    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;",
        "}",
    ]
    types = {"Int32": "<i4", "Float32": "<f4", "Float64": "<f8"}
    for kind, parts in syntax.numbers.items():
        content = b"".join(np.ascontiguousarray(part, types[kind]).tobytes() for part in parts)
        lines.append(f'const all{kind} = new {kind}Array(decoded("{base64.b64encode(content).decode()}"));')
    return "\n".join([*lines, *syntax.tables])


def _public(description: Description) -> str:
    if not description.labelled:
        what = "compute(row).numbers[0]" if description.single else "compute(row).numbers"
        head = "/** The predicted number of each raw row, or numbers. */\nexport function predict(rows) {"
        return f"{head}\n    return rows.map((row) => {what});\n}}"
    if description.multilabel:
        label = "compute(row).probabilities.map((p) => (p > 0.5 ? 1 : 0))" + ("[0]" if description.single else "")
    else:
        label = "classes[compute(row).code]"
    return "\n".join(
        [
            "/** The class of each raw row, or 0 and 1 for each label. */",
            "export function predict(rows) {",
            f"    return rows.map((row) => {label});",
            "}",
            "",
            "/** The probability of each class, or of each label, for each raw row. */",
            "export function predictProba(rows) {",
            "    return rows.map((row) => compute(row).probabilities);",
            "}",
        ]
    )
