"""Reading a formula by calling its method once on symbols: the result is an expression of what it computes.

A formula's methods are plain NumPy. A `Symbol` stands for a number, an array or a hyperparameter and records every
ufunc that is applied to it in an `Expression`. Equal expressions are one object, so common parts
are computed once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NoReturn
from weakref import WeakValueDictionary

import numpy as np

from deltarule.engines.tracing.vocabulary import BOOLEAN, COMPOSED, LOGICAL, PRIMITIVE, integer_power
from deltarule.errors import RecipeError
from deltarule.formulas.formula import Formula

__all__ = ["Expression", "Symbol", "ValueShape", "constant", "hyperparameters", "operand", "scalar", "trace", "twin"]


class ValueShape(IntEnum):
    """Shape of a value: one for all, one for each row, one for each row and unit."""

    SCALAR = 0
    """(): hyperparameters, the step t, and what is computed from these alone."""
    SAMPLES = 1
    """(n,): a row's loss, its weight."""
    COLUMN = 2
    """(n, 1): a row's largest number, kept broadcastable over the row."""
    ELEMENT = 3
    """(n, k), or any shape of which no row is known."""


@dataclass(frozen=True, eq=False)
class Expression:
    """Expression of one value. Created by `expression`, so that equal ones are identical.

    `operation` is "constant" (`detail` is its number), "scalar" or "operand" (`detail` is its name), "row_sum",
    "row_max", or the name of a ufunc in `vocabulary.PRIMITIVE`, taken of `arguments`.
    """

    operation: str
    arguments: tuple[Expression, ...]
    detail: float | str
    shape: ValueShape
    boolean: bool

    def within(self) -> set[Expression]:
        """Return the expression and all its operands, recursively."""
        found: set[Expression] = set()
        waiting = [self]
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting.extend(node.arguments)
        return found


_KNOWN: WeakValueDictionary[tuple[object, ...], Expression] = WeakValueDictionary()


def expression(
    operation: str, arguments: tuple[Expression, ...] = (), detail: float | str = "", shape: ValueShape | None = None
) -> Expression:
    """The one expression of these parts."""
    if shape is None:
        shape = _joined([argument.shape for argument in arguments])
    # repr tells −0.0 from 0.0 and finds one NaN in another.
    key = (operation, arguments, repr(detail), shape)
    known = _KNOWN.get(key)
    if known is None:
        known = _KNOWN[key] = Expression(operation, arguments, detail, shape, operation in BOOLEAN)
    return known


def _joined(shapes: list[ValueShape]) -> ValueShape:
    """Return the shape that values of these shapes broadcast to."""
    widest = max(shapes)
    if ValueShape.SAMPLES in shapes and widest > ValueShape.SAMPLES:
        raise RecipeError(
            "values that broadcast along rows",
            "a sum or maximum (n,) beside rows (n, k)",
            "np.sum(..., axis=-1, keepdims=True)",
        )
    return widest


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """Stands for a value while a formula is read: NumPy's functions and Python's operators make larger ones of it."""

    def __init__(self, meant: Expression) -> None:
        self.expression = meant

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            _refuse(f"np.{ufunc.__name__}" + (f".{method}" if method != "__call__" else f" with {', '.join(options)}"))
        return _apply(ufunc.__name__, inputs)

    def __array_function__(self, function: Any, _types: Any, arguments: Any, options: Any) -> Any:
        offered = _FUNCTIONS.get(function)
        if offered is None:
            _refuse(f"np.{function.__name__}")
        try:
            return offered(*arguments, **options)
        except TypeError as error:
            raise RecipeError(f"fewer arguments of np.{function.__name__}", str(error)) from error

    def alone(self) -> Symbol:
        """The same for rows of one number: its sum and its maximum are the number itself."""
        made: dict[Expression, Expression] = {}

        def rewritten(node: Expression) -> Expression:
            if node not in made:
                arguments = tuple(map(rewritten, node.arguments))
                if node.operation in ("row_sum", "row_max"):
                    made[node] = arguments[0]
                elif node.operation == "operand":
                    made[node] = expression("operand", (), node.detail, ValueShape.ELEMENT)
                else:
                    made[node] = expression(node.operation, arguments, node.detail, None if arguments else node.shape)
            return made[node]

        return Symbol(rewritten(self.expression))

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        _refuse("an array made of a symbol")

    def __bool__(self) -> NoReturn:
        raise RecipeError(
            "a choice made for each number",
            "Python's if, and, or, not, min or max on numbers",
            "np.where(z > 0, a, b), np.maximum(a, b)",
        )

    def __float__(self) -> NoReturn:
        raise RecipeError("NumPy's functions", "float() or a function of math", "np.exp(z), not math.exp(z)")

    __int__ = __index__ = __complex__ = __float__

    def __iter__(self) -> NoReturn:
        raise RecipeError("one expression for all numbers", "a loop over a value")

    __getitem__ = __len__ = __iter__

    def __repr__(self) -> str:
        return f"Symbol({self.expression.operation} {self.expression.detail})"


def _refuse(came: str) -> NoReturn:
    known = ", ".join(["where", "clip", "sum", "max", *sorted(PRIMITIVE | COMPOSED.keys())])
    raise RecipeError("functions that the compiled engine supports", came, f'{known}, or engine="reference"')


def lift(value: Any) -> Expression:
    """The expression that a formula's value means: a symbol's own, or a constant."""
    if isinstance(value, Symbol):
        return value.expression
    array = np.asarray(value)
    if array.ndim or array.dtype.kind not in "fiub":
        raise RecipeError("one number", f"{type(value).__name__} {value!r}", "a float field of the formula")
    return expression("constant", (), float(array), ValueShape.SCALAR)


def _apply(name: str, inputs: tuple[Any, ...]) -> Any:
    """A ufunc of some values, at least one of which is a symbol."""
    if name in COMPOSED:
        return COMPOSED[name](*inputs)
    if name == "power":
        return _power(inputs[0], inputs[1])
    arguments = tuple(map(lift, inputs))
    logical = all(argument.boolean for argument in arguments)
    if name in LOGICAL:
        if not name.startswith("logical") and not logical:
            _refuse(f"np.{name} of numbers")
        return Symbol(expression(LOGICAL[name], tuple(map(_truth, arguments))))
    if name not in PRIMITIVE:
        _refuse(f"np.{name}")
    return Symbol(expression(name, tuple(map(_number, arguments))))


def _number(value: Expression) -> Expression:
    """True and False as 1 and 0."""
    if not value.boolean:
        return value
    return expression("where", (value, lift(1.0), lift(0.0)))


def _truth(value: Expression) -> Expression:
    return value if value.boolean else expression("not_equal", (value, lift(0.0)))


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(exponent, Symbol):
        return Symbol(expression("power", (_number(lift(base)), _number(lift(exponent)))))
    value = float(exponent)
    found = integer_power(base, value)
    return Symbol(expression("power", (_number(lift(base)), lift(value)))) if found is None else found


def _where(condition: Any, chosen: Any, otherwise: Any) -> Symbol:
    arguments = (_truth(lift(condition)), _number(lift(chosen)), _number(lift(otherwise)))
    return Symbol(expression("where", arguments))


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:  # noqa: A002
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    a = a if low is None else np.maximum(a, low)
    return a if high is None else np.minimum(a, high)


def _full_like(a: Any, fill_value: Any) -> Symbol:
    """A value as wide as `a`, though none of it is used."""
    return Symbol(expression("filled", (lift(fill_value),), shape=lift(a).shape))


def _along_row(operation: str) -> Callable[..., Symbol]:
    def reduce(a: Any, axis: Any = None, *, keepdims: bool = False) -> Symbol:
        value = _number(lift(a))
        if axis != -1 or value.shape != ValueShape.ELEMENT:
            raise RecipeError("a sum or maximum along each row", f"axis={axis}", "np.sum(z, axis=-1)")
        return Symbol(expression(operation, (value,), shape=ValueShape.COLUMN if keepdims else ValueShape.SAMPLES))

    return reduce


def _row_min(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return -_FUNCTIONS[np.max](-a, axis=axis, keepdims=keepdims)


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.where: _where,
    np.clip: _clip,
    np.sum: _along_row("row_sum"),
    np.max: _along_row("row_max"),
    np.min: _row_min,
    np.full_like: _full_like,
    np.ones_like: lambda a: _full_like(a, 1.0),
    np.zeros_like: lambda a: _full_like(a, 0.0),
}


def constant(number: float) -> Symbol:
    """A symbol that means one number."""
    return Symbol(lift(number))


def scalar(name: str) -> Symbol:
    """A symbol for a number that is the same for all elements and is known at run time."""
    return Symbol(expression("scalar", (), name, ValueShape.SCALAR))


def operand(name: str, shape: ValueShape = ValueShape.ELEMENT) -> Symbol:
    """A symbol for an array that is given at run time."""
    return Symbol(expression("operand", (), name, shape))


def hyperparameters(formula: Formula, prefix: str = "") -> dict[str, float]:
    """The fields that are numbers at run time: floats, by name. All others choose code."""
    values = ((each.name, getattr(formula, each.name)) for each in dataclasses.fields(formula))
    return {prefix + name: value for name, value in values if isinstance(value, float)}


def twin(formula: Formula, fields: Mapping[str, Symbol]) -> Any:
    """The same formula with symbols for some fields. `__post_init__` is not run: symbols cannot be checked."""
    made = object.__new__(type(formula))
    for each in dataclasses.fields(formula):
        object.__setattr__(made, each.name, fields.get(each.name, getattr(formula, each.name)))
    return made


def trace(
    formula: Formula, method: str, *arguments: Any, prefix: str = "", fields: Mapping[str, Symbol] | None = None
) -> Any:
    """Return `formula.method(*arguments)` on symbols: a symbol, or a tuple where the method returns one.

    Float fields are scalars named `prefix` + field, unless `fields` says otherwise.

    >>> from deltarule.formulas import L2
    >>> sorted(node.detail for node in trace(L2(0.1), "gradient", operand("w")).expression.within() if node.detail)
    ['strength', 'w']
    """
    symbols = {name: scalar(prefix + name) for name in hyperparameters(formula)} | dict(fields or {})
    try:
        result = getattr(twin(formula, symbols), method)(*arguments)
        if isinstance(result, tuple):
            return tuple(Symbol(_number(lift(each))) for each in result)
        return Symbol(_number(lift(result)))
    except RecipeError as error:
        place = f"{error.expected} in {type(formula).__name__}.{method}"
        raise RecipeError(place, error.value, error.suggestion) from error
    except (TypeError, AttributeError) as error:
        place = f"a {type(formula).__name__}.{method} of NumPy's elementwise functions"
        raise RecipeError(place, str(error), 'engine="reference", which calls any function') from error
