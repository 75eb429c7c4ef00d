"""The perceptron in an ONNX graph: its operations evaluated on a symbol for the input.

A value of the graph that depends on the input is z W + b of another such value, then an elementwise function f, then
a factor and a shift: `Signal`. What is anything else is refused, with the name of the operation, unless nothing that is
needed depends on it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.errors import ModelError
from deltarule.formulas import Activation, Identity
from deltarule.models.importing.elementwise import GRID, OPERATIONS, Function, found_in, identified
from deltarule.models.importing.imported import Imported, Layer
from deltarule.models.importing.onnx_file import Graph, Node
from deltarule.recipes import Affine
from deltarule.types import Floats

__all__ = ["from_onnx"]

_SAME = {"Identity", "Dropout", "Cast", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Normalizer"}
_LABELS = {"ArgMax", "ArrayFeatureExtractor", "ZipMap", "LabelEncoder"}
_SMALL = 10_000
"""Numbers in a constant that is computed."""
_FLOATS = {1, 10, 11, 16}
"""The types of floating-point numbers in a Cast."""
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Pow": np.power, "Max": np.maximum,
    "Min": np.minimum, "PRelu": lambda x, slope: np.where(x > 0, x, slope * x),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Linear:
    """Weighted sums z = x W + b of a signal x; of the graph's input itself without any."""

    source: Signal | None = None
    weights: Any = None
    biases: Any = 0.0
    name: str = ""


@dataclass(frozen=True, eq=False)
class Signal:
    """factor · f(z) + shift, along the last axis; or the softmax of z, or 1 − p and p side by side ("pair").

    values : those of f on `GRID`; None for z itself.
    """

    base: Linear
    values: Floats | None = None
    factor: Any = 1.0
    shift: Any = 0.0
    form: str = ""

    @property
    def numbers(self) -> Floats:
        """The values of factor · f(z) + shift on `GRID`, where they are the same for all units."""
        numbers: Floats = self.factor * (GRID if self.values is None else self.values) + self.shift
        return numbers

    @property
    def plain(self) -> bool:
        """Whether factor and shift are numbers, the same for all units."""
        return np.ndim(self.factor) == np.ndim(self.shift) == 0 and not self.form


class _Refused(Exception):
    """An operation that is not supported: its output is unknown, which matters where it is needed."""


class _Evaluation:
    """The values of a graph by name."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.errors = graph, dict[str, str]()
        self.values: dict[str, Any] = dict(graph.constants)
        self.known: list[Activation] = []
        self.classes: list[Any] | None = None
        self.room = 8 * sum(each.size for each in graph.constants.values()) + _SMALL
        for name in graph.inputs:
            self.values[name] = Signal(Linear())
        with np.errstate(all="ignore"):  # what is infinite is no activation that is known, and no weight
            for node in graph.nodes:
                self._evaluate(node)

    def _evaluate(self, node: Node) -> None:
        given = [self.values.get(name) if name else None for name in node.inputs]
        blocked = [self.errors[name] for name in node.inputs if name in self.errors]
        unknown = [name for name in node.inputs if name and name not in self.values and name not in self.errors]
        came = blocked[0] if blocked else f"{node} of the unknown input {unknown[0][:80]}" if unknown else ""
        if not came:
            try:
                self.values[node.outputs[0]] = self._value(node, given)
            except (_Refused, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
                came = str(error) if isinstance(error, _Refused) else str(node)
        if came:
            self.errors.update(dict.fromkeys(node.outputs, came))

    def _value(self, node: Node, given: Sequence[Any]) -> Any:
        op, attributes = node.op, node.attributes
        if op == "Constant":
            return np.asarray(next(value for value in attributes.values() if value is not None))
        signals = [each for each in given if isinstance(each, Signal)]
        if not signals:
            return _constant(node, given)
        first = signals[0]
        if op in _LABELS or first.form == "label":
            return self._labels(node, given, first)
        if op in _HANDLERS:
            return self._within_bounds(node, _HANDLERS[op](node, given, first), first)
        if op in OPERATIONS:
            self.known += found_in(op, attributes)
            return _applied(node, first, OPERATIONS[op](attributes))
        if op in _ARITHMETIC and len(given) == 2:
            return self._within_bounds(node, _binary(node, *given), first)
        raise _Refused(str(node))

    def _within_bounds(self, node: Node, made: Signal, first: Signal) -> Signal:
        """Return a signal, after a check that its weights are not many times those of the file."""
        weights = made.base.weights
        if weights is not None and made.base is not first.base:
            self.room -= weights.size
            if self.room < 0:
                raise _Refused(f"{node}, with many times the weights of the file")
        return made

    def _labels(self, node: Node, given: Sequence[Any], signal: Signal) -> Signal:
        """Note the classes, which are beside the probabilities."""
        if node.op == "ArgMax":
            return dataclasses.replace(signal, form="label")
        lists = ("classlabels_int64s", "classlabels_strings", "values_strings", "values_int64s")
        found = [node.attributes[name] for name in lists if node.attributes.get(name)]
        found += [each.ravel().tolist() for each in given if isinstance(each, np.ndarray) and node.op[0] == "A"]
        if found:
            self.classes = found[0]
        return signal


def _constant(node: Node, given: Sequence[Any]) -> Any:
    """Return the value of an operation on constants alone: few are needed between weights and their use."""
    if node.op == "Transpose":
        return np.transpose(given[0], node.attributes.get("perm"))
    if node.op in {"Identity", "Cast"}:
        return given[0]
    if node.op == "Reshape" and np.size(given[0]) <= _SMALL:
        return np.reshape(given[0], [int(size) for size in given[1]])
    if node.op in _ARITHMETIC and len(given) == 2 and max(np.size(each) for each in given) <= 64:
        return _ARITHMETIC[node.op](*given)
    raise _Refused(str(node))


def _binary(node: Node, left: Any, right: Any) -> Signal:
    operation = _ARITHMETIC[node.op]
    if isinstance(left, Signal) and isinstance(right, Signal):
        if left.base is not right.base or not (left.plain and right.plain):
            raise _Refused(f"{node}, which joins two paths")
        return Signal(left.base, operation(left.numbers, right.numbers))
    signal, constant = (left, right) if isinstance(left, Signal) else (right, left)
    number = np.asarray(constant, np.float64)
    if number.ndim > 1:
        number = number.reshape(number.shape[-1:])  # an error where it is more than one row
    if node.op == "PRelu" and number.size > 1 and (number != number.flat[0]).any():
        raise _Refused(f"{node} with several slopes")
    if node.op in {"Pow", "Max", "Min", "PRelu"} or (node.op == "Div" and signal is right):
        value = float(number.flat[0]) if number.size == 1 or node.op == "PRelu" else number
        if np.ndim(value):
            raise _Refused(str(node))
        swapped = signal is right
        return _applied(node, signal, lambda x: operation(value, x) if swapped else operation(x, value))
    if signal.form:
        raise _Refused(str(node))
    if node.op in {"Mul", "Div"}:
        return _affine(signal, number if node.op == "Mul" else 1.0 / number, np.array(0.0))
    if node.op == "Sub" and signal is right:
        return _affine(signal, np.array(-1.0), number)
    return _affine(signal, np.array(1.0), number if node.op == "Add" else -number)


def _same(node: Node, given: Sequence[Any], signal: Signal) -> Signal:  # noqa: ARG001 - as all
    """Return the signal of an operation that changes no number."""
    if node.op == "Normalizer" and not (signal.form in {"softmax", "pair"} and node.attributes.get("norm") == "L1"):
        raise _Refused(str(node))
    if node.op == "Cast" and node.attributes.get("to") not in _FLOATS:
        raise _Refused(str(node))
    return signal


def _softmax(node: Node, given: Sequence[Any], signal: Signal) -> Signal:  # noqa: ARG001
    if node.attributes.get("axis", -1) not in {-1, 1}:
        raise _Refused(f"{node} along another axis")
    return Signal(_base(signal, node), form="softmax")


def _normalized(node: Node, given: Sequence[Any], signal: Signal) -> Signal:
    scale, shift, mean, variance = (np.asarray(each, np.float64) for each in given[1:5])
    factor = scale / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    return _affine(signal, factor, shift - mean * factor)


def _scaled(node: Node, given: Sequence[Any], signal: Signal) -> Signal:  # noqa: ARG001
    factor, offset = (np.asarray(node.attributes[name], np.float64) for name in ("scale", "offset"))
    return _affine(signal, factor, -offset * factor)


def _clipped(node: Node, given: Sequence[Any], signal: Signal) -> Signal:
    low, high = (*given[1:], None, None)[:2]
    ends = (node.attributes.get("min", low), node.attributes.get("max", high))
    return _applied(node, signal, lambda x: np.clip(x, *ends))


def _weighted(node: Node, given: Sequence[Any], signal: Signal) -> Signal:
    """Return the signal of a matrix product with constant weights."""
    first, weights, *rest = given
    attributes = node.attributes
    if first is not signal or isinstance(weights, Signal) or signal.form:
        raise _Refused(f"{node} of a signal and constant weights")
    if attributes.get("transA"):
        raise _Refused(f"{node} with transA")
    weights = np.asarray(weights).T if attributes.get("transB") else np.asarray(weights)
    if weights.ndim != 2 or weights.dtype.kind != "f":
        raise _Refused(f"{node} with weights of shape {weights.shape}")
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    weights = weights if alpha == 1.0 else weights * weights.dtype.type(alpha)
    biases = np.zeros(weights.shape[1], weights.dtype)
    if rest and rest[0] is not None:
        if isinstance(rest[0], Signal):
            raise _Refused(str(node))
        biases = biases + np.asarray(rest[0]).reshape(-1) * weights.dtype.type(beta)
    return Signal(Linear(signal, weights, biases, node.name or node.outputs[0][:80]))


def _affine(signal: Signal, factor: npt.NDArray[Any], shift: npt.NDArray[Any]) -> Signal:
    """Return factor · signal + shift. Numbers for each unit become part of the weights, where nothing is between."""
    base = signal.base
    units = base.weights is not None and signal.values is None and max(factor.ndim, shift.ndim) > 0
    if not units:
        return dataclasses.replace(signal, factor=signal.factor * factor, shift=signal.shift * factor + shift)
    dtype = base.weights.dtype
    factor, shift = factor * signal.factor, factor * signal.shift + shift
    weights = base.weights if (factor == 1.0).all() else (base.weights * factor).astype(dtype)
    biases = (np.asarray(base.biases) * factor + shift).astype(dtype)
    return Signal(dataclasses.replace(base, weights=weights, biases=np.broadcast_to(biases, weights.shape[1:])))


def _applied(node: Node, signal: Signal, function: Function) -> Signal:
    if not signal.plain:
        raise _Refused(f"{node} after numbers that differ by unit")
    return Signal(signal.base, np.asarray(function(signal.numbers), np.float64))


def _base(signal: Signal, node: Node) -> Linear:
    """Return the weighted sums that a signal is, with its factor and shift in the weights."""
    if signal.values is not None or signal.form or signal.base.weights is None:
        raise _Refused(f"{node} of other than weighted sums")
    units = np.ones(signal.base.weights.shape[1])
    return _affine(signal, units, 0.0 * units).base


def _pair(node: Node, given: Sequence[Any], signal: Signal) -> Signal:
    """Return the probabilities of two classes, 1 − p and p."""
    second = given[-1]
    if len(given) != 2 or not isinstance(second, Signal) or signal.base is not second.base:
        raise _Refused(str(node))
    if not (signal.plain and second.plain and np.allclose(signal.numbers + second.numbers, 1.0, rtol=0, atol=1e-6)):
        raise _Refused(str(node))
    return dataclasses.replace(second, form="pair")


_HANDLERS: Mapping[str, Callable[[Node, Sequence[Any], Signal], Signal]] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(("MatMul", "Gemm"), _weighted),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _softmax),
    "BatchNormalization": _normalized,
    "Scaler": _scaled,
    "Clip": _clipped,
    "Concat": _pair,
}
"""What other than elementwise operations do to a signal."""


def from_onnx(graph: Graph) -> Imported:
    """Return the perceptron in a graph. Raises ModelError, with the operation that is not supported."""
    if len(graph.inputs) != 1:
        came = f"{len(graph.inputs)}: {', '.join(graph.inputs)}"
        raise ModelError("a network with one input, (n, inputs)", came[:120])
    found = _Evaluation(graph)
    outputs = [found.values.get(name) for name in graph.outputs]
    signals = [each for each in outputs if isinstance(each, Signal) and each.form != "label" and each.base.source]
    if not signals:
        came = next((found.errors[name] for name in graph.outputs if name in found.errors), "none")
        operations = "matrix products with constants, elementwise activations, scalings, and a softmax or sigmoid"
        raise ModelError(f"a perceptron: {operations}", came, "an export of the layers alone")
    output = next((each for each in signals if each.form), signals[0])
    shape = next(iter(graph.inputs.values()))
    source = f"an ONNX file of {graph.producer}" if graph.producer else "an ONNX file"
    return _network(output, found, shape, source)


def _network(output: Signal, found: _Evaluation, shape: tuple[int | None, ...] | None, source: str) -> Imported:
    """Return the layers from the output back to the input."""
    last, after = (Identity(), output) if output.form == "softmax" else _activation(output, found, "the output")
    layers: list[Layer] = []
    activations: list[Activation] = []
    base, scaling = output.base, None
    while base.source is not None:
        signal, weights, biases = base.source, base.weights, base.biases
        if signal.base.weights is None:
            scaling = _scaling(signal, weights.shape[0])
        else:
            activation, signal = _activation(signal, found, base.name)
            activations.insert(0, activation)
            weights, biases = _with_input(weights, biases, signal.factor, signal.shift)
        layers.insert(0, Layer(weights, np.array(np.broadcast_to(biases, weights.shape[1:])), base.name))
        base = base.source.base
    if output.form != "softmax" and (np.any(after.factor != 1.0) or np.any(after.shift != 0.0)):
        layers[-1] = _with_output(layers[-1], last, after)
    outputs = max(layers[-1].weights.shape[1], 2)
    classes = found.classes if found.classes and len(found.classes) == outputs else None
    if output.form and classes is None:
        classes = list(range(outputs))
    sample = () if shape is None else tuple(size or 0 for size in shape[1:])
    return Imported(
        layers,
        activations,
        "softmax" if output.form == "softmax" else last.name,
        source,
        "classification" if output.form else "regression",
        scaling,
        classes if output.form else None,
        sample if math.prod(sample) == layers[0].weights.shape[0] else None,
    )


def _activation(signal: Signal, found: _Evaluation, where: str) -> tuple[Activation, Signal]:
    """Return the activation that a signal applies, and the signal with its own factor and shift included."""
    if signal.values is None:
        return Identity(), signal
    known = identified(signal.values, found.known)
    if known is None:
        raise ModelError("an activation that deltarule has", f"another one before {where}", field=where)
    activation, factor, shift = known
    total = dataclasses.replace(
        signal, factor=signal.factor * factor, shift=np.asarray(signal.factor) * shift + signal.shift
    )
    return activation, total


def _with_input(weights: Any, biases: Any, factor: Any, shift: Any) -> tuple[Any, Any]:
    """Return the weights and biases for inputs without factor and shift."""
    if np.all(np.asarray(factor) == 1.0) and np.all(np.asarray(shift) == 0.0):
        return weights, biases
    n = weights.shape[0]
    exact = weights.astype(np.float64)
    shifted = biases + np.broadcast_to(np.asarray(shift, np.float64), (n,)) @ exact
    scaled = np.broadcast_to(np.asarray(factor, np.float64), (n,))[:, np.newaxis] * exact
    return scaled.astype(weights.dtype), shifted.astype(weights.dtype)


def _with_output(layer: Layer, activation: Activation, signal: Signal) -> Layer:
    """Return the output layer with a factor and a shift after it, which weights alone can have."""
    if not isinstance(activation, Identity):
        raise ModelError("an output without a scaling after its activation", activation.name, field="the output")
    dtype = layer.weights.dtype
    weights, biases = layer.weights * signal.factor, layer.biases * signal.factor + signal.shift
    return Layer(weights.astype(dtype), np.asarray(biases).astype(dtype), layer.name)


def _scaling(signal: Signal, inputs: int) -> Affine | None:
    """Return the scaling of the graph's input."""
    if signal.values is not None or signal.form:
        raise ModelError("inputs that are scaled at most", "another function of them", field="the input")
    factor = np.broadcast_to(np.asarray(signal.factor, np.float64), (inputs,))
    shift = np.broadcast_to(np.asarray(signal.shift, np.float64), (inputs,))
    if (factor == 1.0).all() and (shift == 0.0).all():
        return None
    if (factor == 0.0).any():
        raise ModelError("a scaling with factors other than 0", "0", field="the input")
    return Affine(-shift / factor, np.array(factor))
