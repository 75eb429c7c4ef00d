"""Export to Python: one file that needs NumPy alone, with the weights in it."""

from __future__ import annotations

import base64
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.data.kinds import MISSING
from deltarule.engines.tracing.arrays import Node, ordered
from deltarule.models.export.c_interface import comment
from deltarule.models.export.description import Description
from deltarule.models.export.folding import precisions
from deltarule.models.export.loops import is_atomic

__all__ = ["numpy_module"]

_INFIX = {
    "add": "{} + {}", "subtract": "{} - {}", "multiply": "{} * {}", "divide": "{} / {}", "negative": "-{}",
    "greater": "{} > {}", "greater_equal": "{} >= {}", "less": "{} < {}", "less_equal": "{} <= {}",
    "equal": "{} == {}", "not_equal": "{} != {}", "and": "{} & {}", "or": "{} | {}", "xor": "{} ^ {}", "not": "~{}",
    "double": "{}",
}  # fmt: skip
_ERFC = '''\
def erfc(x):
    """The complementary error function, to a relative error of 1.2e-7."""
    t = 1 / (1 + 0.5 * np.abs(x))
    terms = [0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
             1.00002368, -1.26551223]
    value = t * np.exp(np.polyval(terms, t) - x * x)
    return np.where(x >= 0, value, 2 - value)
'''
_READ = '''\
def column(rows, name, place):
    """The values of a column: of a frame or a dict by its name, of a list of dicts, or of an array by its place."""
    if hasattr(rows, "columns") or isinstance(rows, dict):
        return list(rows[name])
    return [row.get(name) if isinstance(row, dict) else row[place] for row in rows]


def missing(value):
    return value is None or value == "" or value != value or type(value).__name__ in ("NAType", "NaTType")


def numbers(values):
    return np.array([np.nan if missing(value) else float(value) for value in values])[:, None]


def days(values):
    """Days since 1970-01-01 of numbers of days, dates, or texts in ISO 8601."""
    plain = (str(value) if hasattr(value, "isoformat") else value for value in values)
    found = (value if isinstance(value, float | int) else None if missing(value) else np.datetime64(value, "us")
             for value in plain)
    return numbers([value / np.timedelta64(1, "D") if isinstance(value, np.timedelta64) else value for value in (
        each - np.datetime64(0, "us") if isinstance(each, np.datetime64) else each for each in found)])


def text(value):
    whole = isinstance(value, float | np.floating) and value == value and float(value).is_integer()
    return "" if missing(value) else str(int(value)) if whole else str(value)


absent = {absent}


def codes(values, words, unknown):
    texts = [text(value) for value in values]
    return np.array([words.get(word, unknown + 1 if word in absent else unknown) for word in texts])
'''


@dataclass
class _Python:
    """The lines of a function, and what it needs."""

    description: Description
    lines: list[str] = field(default_factory=list)
    numbers: list[tuple[str, str, npt.NDArray[Any]]] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    _names: dict[Node, str] = field(default_factory=dict)
    _wide: set[Node] = field(default_factory=set)
    _tables: dict[Any, str] = field(default_factory=dict)

    def printed(self, roots: Sequence[Node]) -> list[str]:
        """Print what some nodes need; return the names of their values."""
        uses = Counter(each for node in ordered(roots) for each in node.arguments)
        own = precisions(roots)
        self._wide = {
            each for node in own if "float64" in (own[node], *map(own.get, node.arguments)) for each in node.arguments
        }
        for node in ordered(roots):
            if node.operation == "constant":
                continue
            value = self._value(node)
            if uses[node] == 1 and node not in roots and len(value) < 60:
                self._names[node] = value if is_atomic(value) else f"({value})"
            else:
                self._names[node] = name = f"v{len(self.lines) + 1}"
                self.lines.append(f"{name} = {value}")
        return [self._names[root] for root in roots]

    def table(self, value: npt.NDArray[Any], kind: str) -> str:
        """Return the name of a constant array, which is stored as numbers of a kind."""
        key = (value.shape, kind, value.tobytes())
        if key not in self._tables:
            self._tables[key] = name = f"w{len(self._tables) + 1}"
            self.numbers.append((name, kind, value))
        return self._tables[key]

    def _of(self, node: Node, *, condition: bool = False) -> str:
        if node.operation != "constant":
            return self._names[node]
        assert node.value is not None
        if node.value.size == 1 and node.value.ndim <= 1:
            number = float(node.value.ravel()[0])
            return repr(number) if np.isfinite(number) else f"{'-' if number < 0 else ''}np.inf"
        name = self.table(node.value, "<f8" if node in self._wide else "<f4")
        return f"({name} != 0)" if condition else name

    def _value(self, node: Node) -> str:
        """Return the expression of a node's value."""
        places = {each.name: place for place, each in enumerate(self.description.columns)}
        if node.operation == "input":
            return self._input(node, places)
        if node.operation == "code":
            return f"codes({self._of(node.arguments[0])}, {node.detail.words!r}, {node.detail.unknown})"
        given = [
            self._of(each, condition=node.operation == "where" and not place)
            for place, each in enumerate(node.arguments)
        ]
        if node.operation in _INFIX:
            return _INFIX[node.operation].format(*given)
        if node.operation in ("erf", "erfc"):
            self.functions.add("erfc")
            return f"erfc({given[0]})" if node.operation == "erfc" else f"1 - erfc({given[0]})"
        if node.operation in _STRUCTURES:
            return self._structure(node, given)
        return f"np.{node.operation}({', '.join(given)})"

    def _input(self, node: Node, places: dict[str, int]) -> str:
        if node.name not in places or not self.description.columns:
            return f"np.asarray(rows, float).reshape(-1, {node.size})"
        own = self.description.columns[places[node.name]]
        values = f"column(rows, {node.name!r}, {places[node.name]})"
        return values if own.text else f"{'days' if own.kind == 'date' else 'numbers'}({values})"

    def _structure(self, node: Node, given: list[str]) -> str:
        match node.operation:
            case "dense":
                return f"{given[0]} @ {given[1]} + {given[2]}"
            case "single":
                return f"np.float64(np.float32({given[0]}))"
            case "einsum":
                return self._einsum(node, given)
            case "sum" | "max":
                return f"{given[0]}.{node.operation}(axis={node.detail + 1}, keepdims=True)"
            case "argmax":
                return f"{given[0]}.argmax(axis=1)"
            case "rows":
                return f"{given[0]}[{given[1]}.astype(int)]"
            case "concatenate":
                pairs = zip(given, node.arguments, strict=True)
                parts = ", ".join(
                    name if len(each.shape) == 1 else f"{name}.reshape(-1, {each.size})" for name, each in pairs
                )
                return f"np.hstack([{parts}])"
        return self._taken(node, given[0])

    def _taken(self, node: Node, name: str) -> str:
        (source,) = node.arguments
        shape = ", ".join(map(str, node.shape))
        same = np.array_equal(node.detail.ravel(), np.arange(source.size))
        flat = name if len(source.shape) == 1 else f"{name}.reshape(-1, {source.size})"
        if same:
            return f"{name}.reshape(-1{', ' if shape else ''}{shape})"
        if not node.shape:
            return f"{flat}[:, {int(node.detail)}]"
        whole = node.detail.ravel()
        if np.array_equal(whole, whole[0] + np.arange(whole.size)):
            part = f"{flat}[:, {whole[0]}:{whole[-1] + 1}]"
            return part if len(node.shape) == 1 else f"{part}.reshape(-1, {shape})"
        return f"{flat}[:, {self.table(node.detail, '<i4')}]"

    def _einsum(self, node: Node, given: list[str]) -> str:
        inputs, _, output = node.detail.partition("->")
        rows = next(letter for letter in "zyxwvutsrqponm" if letter not in node.detail)
        parts = zip(inputs.split(","), node.arguments, strict=True)
        equation = ",".join(part if each.operation == "constant" else rows + part for part, each in parts)
        return f'np.einsum("{equation}->{rows}{output}", {", ".join(given)})'


_STRUCTURES = frozenset({"dense", "single", "einsum", "sum", "max", "argmax", "rows", "concatenate", "take"})


def numpy_module(description: Description) -> str:
    """Return a Python file with `predict(rows)`, and `predict_proba(rows)` of classes and labels."""
    printer = _Python(description)
    values = dict(zip(description.outputs, printer.printed(description.roots), strict=True))
    outputs = ", ".join(f'"{name}": {value}' for name, value in values.items())
    compute = ["def compute(rows):", '    """The outputs for raw rows."""']
    compute += [f"    {line}" for line in [*printer.lines, f"return {{{outputs}}}"]]
    parts = [
        _head(description), _constants(printer.numbers),
        _READ.replace("{absent}", repr(sorted(MISSING))) if description.columns else "",
        _ERFC if "erfc" in printer.functions else "", "\n".join(compute), *_public(description),
    ]  # fmt: skip
    return "\n\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def _head(description: Description) -> str:
    lines = [f'"""{comment(description.title, 200)}. Written by deltarule; it needs NumPy alone.', ""]
    if description.columns:
        lines.append(
            "Rows are a data frame, a dict of columns, a list of dicts, or an array with these columns in order:"
        )
        lines.append("")
        for each in description.columns:
            words = f": {', '.join(each.words[:20])}" if each.text else ""
            lines += textwrap.wrap(
                comment(f"{each.name} ({each.kind}{words})", 400),
                110,
                initial_indent="    ",
                subsequent_indent="        ",
            )
    else:
        shape = ", ".join(map(str, description.input_shape))
        lines.append(f"Rows are raw numbers: an array (n, {shape}).")
    lines += ['"""', "", "import base64", "", "import numpy as np"]
    text = "\n".join(lines).replace("\\", "\\\\")
    if description.classes is not None:
        text += f"\n\nclasses = np.array({description.classes.tolist()!r})"
    if description.class_names:
        text += f"\nclass_names = {list(description.class_names)!r}"
    if description.targets:
        text += f"\ntargets = {list(description.targets)!r}"
    return text


def _constants(numbers: Sequence[tuple[str, str, npt.NDArray[Any]]]) -> str:
    lines = [
        "def decoded(text, kind, *shape):",
        '    return np.frombuffer(base64.b64decode(text), kind).reshape(shape).astype(int if kind == "<i4" else float)',
        "", "",
    ]  # fmt: skip
    for name, kind, value in numbers:
        text = base64.b64encode(np.ascontiguousarray(value, kind).tobytes()).decode()
        shape = "".join(f", {size}" for size in value.shape)
        lines.append(f'{name} = decoded("{text}", "{kind}"{shape})')
    return "\n".join(lines)


def _public(description: Description) -> list[str]:
    first = "[:, 0]" if description.single else ""
    if not description.labelled:
        return [
            _function(
                "predict", "The predicted numbers (n,) or (n, k) of raw rows.", f'compute(rows)["numbers"]{first}'
            )
        ]
    label = 'classes[compute(rows)["code"]]'
    if description.multilabel:
        label = f"(predict_proba(rows) > 0.5).astype(int){first}"
    probability = 'compute(rows)["probabilities"]'
    return [
        _function("predict", "The classes (n,) of raw rows, or 0 and 1 for each label.", label),
        _function("predict_proba", "The probability of each class, or label, of raw rows: (n, k).", probability),
    ]


def _function(name: str, explanation: str, value: str) -> str:
    return f'def {name}(rows):\n    """{explanation}"""\n    return {value}'
