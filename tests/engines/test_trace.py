"""Formulas read by calling their methods on symbols: what is understood, what is shared, what is refused and how."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from deltarule.engines.tracing.trace import ValueShape, operand, scalar, trace
from deltarule.errors import RecipeError
from deltarule.formulas import SGD, Activation, Adam, HalfSquaredError, Sigmoid, SoftmaxCrossEntropy


def details(symbol):
    return sorted(str(node.detail) for node in symbol.expression.within() if node.operation in ("scalar", "operand"))


def test_float_fields_are_scalars_and_other_fields_choose_code():
    arguments = [operand("w"), operand("g"), scalar("t"), operand("m"), operand("v")]
    outside, *_ = trace(Adam(), "step", *arguments)
    before, *_ = trace(Adam(epsilon_place="before_correction"), "step", *arguments)
    assert details(outside) == ["beta1", "beta2", "epsilon", "g", "learning_rate", "m", "t", "v", "w"]
    assert outside.expression is not before.expression


def test_a_hyperparameters_value_changes_nothing():
    slow, fast = (trace(SGD(rate), "step", operand("w"), operand("g"), scalar("t"))[0] for rate in (0.1, 0.5))
    assert slow.expression is fast.expression


def test_equal_expressions_are_one():
    z = operand("z")
    assert (np.exp(z) + 1.0).expression is (np.exp(operand("z")) + 1.0).expression
    assert (z * 0.0).expression is not (z * -0.0).expression


def test_a_loss_reaches_its_link():
    gradient = trace(HalfSquaredError(inverse_link="sigmoid"), "gradient", operand("z"), operand("y"))
    assert trace(Sigmoid(), "value", operand("z")).expression in gradient.expression.within()


def test_shapes_follow_numpy():
    z, y = operand("z"), operand("y")
    assert trace(SoftmaxCrossEntropy(), "value", z, y).expression.shape == ValueShape.SAMPLES
    assert trace(SoftmaxCrossEntropy(), "gradient", z, y).expression.shape == ValueShape.ELEMENT
    assert np.max(z, axis=-1, keepdims=True).expression.shape == ValueShape.COLUMN
    assert (scalar("t") ** 2).expression.shape == ValueShape.SCALAR


def test_integer_powers_are_products():
    assert {node.operation for node in (operand("z") ** 7).expression.within()} == {"operand", "multiply"}


@dataclass(frozen=True)
class Odd(Activation):
    def value(self, z):
        return self.attempt(z)


REFUSED = {
    "python if": lambda z: z if z > 0 else 0.0,
    "python max": lambda z: max(z, 0.0),
    "chained comparison": lambda z: 0 < z < 1,
    "math": math.exp,
    "int": int,
    "unknown ufunc": np.tan,
    "unknown function": np.cumsum,
    "reduction of a ufunc": lambda z: np.add.reduce(z),
    "sum over all": lambda z: np.sum(z),
    "sum of columns": lambda z: np.sum(z, axis=0),
    "row beside elements": lambda z: z - np.max(z, axis=-1),
    "array": lambda z: np.asarray(z) + 1,
    "array constant": lambda z: z * np.array([1.0, 2.0]),
    "index": lambda z: z[0],
    "loop": lambda z: sum(z),
    "method": lambda z: z.mean(),
    "bits of numbers": lambda z: z & 1,
    "option": lambda z: np.exp(z, where=z > 0),
    "odd option": lambda z: np.sum(z, axis=-1, initial=3.0),
    "text": lambda z: z + "1",
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_meant_is_refused_with_the_formulas_name(case):
    Odd.attempt = staticmethod(REFUSED[case])
    with pytest.raises(RecipeError, match=r"Odd\.value") as caught:
        trace(Odd(), "value", operand("z"))
    assert caught.value.expected


def test_an_unknown_function_is_named():
    Odd.attempt = staticmethod(np.tan)
    with pytest.raises(RecipeError, match=r"np\.tan"):
        trace(Odd(), "value", operand("z"))
