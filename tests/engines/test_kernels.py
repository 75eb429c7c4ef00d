"""Compiled formulas equal their NumPy methods: every registered one and a user's own, by element, by row, in total."""

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from deltarule.engines.compiled.codegen import formula_kernels
from deltarule.engines.compiled.codegen.kernels import _call, compile_kernel
from deltarule.engines.compiled.codegen.random_numbers import dropout
from deltarule.engines.tracing.trace import ValueShape, operand, scalar
from deltarule.formulas import L1, L2, SGD, Activation, Adam, ReLU, random, registered

PRECISIONS = (np.float64, np.float32)
ORDINARY = {np.float64: 1e-13, np.float32: 4e-6}
EXTREMES = [0.0, -0.0, 1e4, -1e4, np.inf, -np.inf, np.nan, 1e-30, -1e-30, 20.0, -20.0, 1.0, -1.0, 0.5, 3e38, -3e38]


def every(kind, granularity="elementwise"):
    return [made() for made in registered(kind) if granularity in (made.granularity, "any")]


def numbers(dtype, count=80, scale=4.0, seed=0):
    drawn = np.random.default_rng(seed).normal(size=count) * scale
    return np.concatenate([drawn, EXTREMES]).astype(dtype)


def element(inputs, output, dtype, **scalars):
    """A kernel's output for arrays by name."""
    symbols = {name: operand(name) for name in inputs}
    symbols |= {name: scalar(name) for name in scalars}
    kernel = compile_kernel(dict.fromkeys(inputs, ValueShape.ELEMENT), {"out": output(**symbols)}, scalars, dtype)
    out = np.full_like(next(iter(inputs.values())), 7.0)
    kernel.run([*inputs.values(), out])
    return out


def agree(came, wanted, dtype, rtol=None, atol=0.0):
    tiny = np.finfo(dtype).tiny
    wanted = np.where(np.abs(wanted) < tiny, 0.0, wanted)
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(came, wanted.astype(dtype), rtol=rtol or ORDINARY[dtype], atol=max(tiny, atol))


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("activation", every("activation"), ids=lambda each: each.name)
def test_activations(activation, dtype):
    z = numbers(dtype)
    with np.errstate(all="ignore"):
        value = activation.value(z)
        slope = activation.slope(z, value)
    a, dz = np.empty_like(z), np.full_like(z, 2.0)
    formula_kernels.activation_value(activation, dtype).run([z, a])
    agree(a, value, dtype)
    formula_kernels.activation_slope(activation, dtype).run([dz, z, value, dz])
    # Some slopes pass through 0 (SiLU's, GELU's, Mish's): there they are differences of numbers near 1.
    agree(dz, 2.0 * slope, dtype, atol=8 * np.finfo(dtype).eps)


def padded(dtype, rows, width, stride, seed=0):
    full = np.full((rows, stride), np.nan, dtype)
    full[:, :width] = np.random.default_rng(seed).normal(size=(rows, width)) * 3
    return full


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("width", [1, 2, 10, 16, 17, 100])
@pytest.mark.parametrize("loss", every("loss", "any"), ids=lambda each: each.name)
def test_losses(loss, width, dtype):
    stride = -(-width // 16) * 16 + 16
    z, y = padded(dtype, 5, width, stride), padded(dtype, 5, width, stride, seed=1) ** 2
    weights = np.array([0.5, 1.0, 2.0, 0.0, 3.0], dtype)
    real = [array[:, :width].astype(np.float64) for array in (z, y)]
    gradient = loss.gradient(*real) * 0.25
    losses, again, dz = np.empty(5, dtype), np.empty(5, dtype), np.full_like(z, 9.0)
    kernel = formula_kernels.loss(loss, dtype, weighted=True)
    kernel.run([z, y, weights, dz, losses], width=width, scale=0.25)
    size = np.abs(loss.value(*real)).max() + np.abs(gradient).max()
    exact = {"rtol": 20 * np.finfo(dtype).eps, "atol": 20 * np.finfo(dtype).eps * size}
    np.testing.assert_allclose(dz[:, :width], gradient * weights[:, None], **exact)
    assert (dz[:, width:] == 0).all()
    np.testing.assert_allclose(losses, loss.value(*real), **exact)
    formula_kernels.loss(loss, dtype, gradient=False).run([z, y, again], width=width)
    np.testing.assert_array_equal(losses, again)
    formula_kernels.loss(loss, dtype).run([z, y, z, losses], width=width, scale=0.25)
    np.testing.assert_allclose(z[:, :width], gradient, **exact)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("width", [2, 16, 17, 1000])
def test_softmax_bears_large_numbers_and_adds_up_to_one(width, dtype):
    (softmax,) = every("activation", "rowwise")
    z = padded(dtype, 3, width, -(-width // 16) * 16)
    z[0, 0], z[1, 1] = 1e4, -1e4
    a = np.empty_like(z)
    formula_kernels.activation_value(softmax, dtype).run([z, a], width=width)
    agree(
        a[:, :width], softmax.value(z[:, :width].astype(np.float64)), dtype, rtol={np.float64: 1e-12}.get(dtype, 1e-5)
    )
    np.testing.assert_allclose(a.sum(axis=1), 1.0, rtol=1e-6)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("penalty", [None, L2(0.1), L1(0.1), L1(0.1, proximal=True)], ids=repr)
@pytest.mark.parametrize("optimizer", [*every("optimizer"), Adam(epsilon_place="inside")], ids=repr)
def test_updates_in_place(optimizer, penalty, dtype):
    generator = np.random.default_rng(3)
    w, g = generator.normal(size=(2, 112)).astype(dtype)
    slots = [generator.random(112).astype(dtype) for _ in optimizer.slots]
    kernel = formula_kernels.update(optimizer, penalty, dtype)
    assert kernel.scalars[:2] == ("t", "rate")
    slower = optimizer.replace(learning_rate=0.5 * optimizer.learning_rate)
    exact = [array.astype(np.float64) for array in (w, g, *slots)]
    direction = exact[1] if penalty is None or penalty.takes_prox else exact[1] + penalty.gradient(exact[0])
    wanted = list(slower.step(exact[0], direction, 7, *exact[2:]))
    if penalty is not None and penalty.takes_prox:
        wanted[0] = penalty.prox(wanted[0], slower.learning_rate)
    kernel.run([w, g, *slots, w, *slots], t=7.0, rate=0.5)
    for came, expected in zip([w, *slots], wanted, strict=True):
        np.testing.assert_allclose(came, expected, rtol=ORDINARY[dtype], atol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("t", [1, 2, 1000, 10**6, 10**9])
def test_adam_late_in_training(t):
    w, g, m, v = np.random.default_rng(0).random((4, 16))
    optimizer = Adam(beta2=0.9999999)
    wanted = optimizer.step(w, g, t, m, v)
    formula_kernels.update(optimizer, None, np.float64).run([w, g, m, v, w, m, v], t=float(t))
    for came, expected in zip((w, m, v), wanted, strict=True):
        np.testing.assert_allclose(came, expected, rtol=1e-11)


@pytest.mark.parametrize("optimizer", every("optimizer"), ids=lambda each: each.name)
def test_padding_of_zeros_stays_zero(optimizer):
    arrays = np.zeros((2 + len(optimizer.slots), 16))
    formula_kernels.update(optimizer, L2(0.1), np.float64).run([*arrays, arrays[0], *arrays[2:]])
    assert (arrays == 0).all()


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("penalty", every("penalty"), ids=lambda each: each.name)
def test_penalties(penalty, dtype):
    w, total = np.random.default_rng(5).normal(size=160).astype(dtype), np.zeros(1)
    formula_kernels.penalty_value(penalty, dtype).run([w, total])
    assert total[0] == pytest.approx(penalty.value(w.astype(np.float64)).sum(), rel=ORDINARY[dtype])


@dataclass(frozen=True)
class Huge(Activation):
    """A user's own: every kind of function that a formula may call, in one expression."""

    width: float = 1.5
    sharp: bool = True

    def value(self, z):
        size, near = np.abs(z), (np.abs(z) < self.width) & ~np.isnan(z)
        bent = np.where(near, 0.5 * z**2, self.width * (size - 0.5 * self.width))
        soft = np.logaddexp(0.0, z) + np.clip(z, -1.0, self.width) + np.floor(z) + (z > 1)
        return (bent if self.sharp else soft) + special.erf(z) * np.abs(z) ** self.width + z**-3

    def slope(self, z, a):
        return np.square(a) + np.full_like(z, 2.0)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("sharp", [True, False])
def test_a_users_own_formula(sharp, dtype):
    z = np.random.default_rng(1).normal(size=96).astype(dtype)
    formula, a = Huge(width=1.25, sharp=sharp), np.empty_like(z)
    formula_kernels.activation_value(formula, dtype).run([z, a])
    exact = formula.value(z.astype(np.float64))
    np.testing.assert_allclose(a, exact, rtol=100 * np.finfo(dtype).eps, atol=100 * np.finfo(dtype).eps)


FUNCTIONS = {
    "exp": (np.exp, -80, 80),
    "expm1": (np.expm1, -30, 80),
    "log": (np.log, 1e-30, 1e30),
    "log1p": (np.log1p, -0.999, 1e6),
    "tanh": (np.tanh, -25, 25),
    "erf": (special.erf, -7, 7),
    "sinh": (np.sinh, -80, 80),
    "cosh": (np.cosh, -80, 80),
    "sin": (np.sin, -1e6, 1e6),
    "cos": (np.cos, -1e6, 1e6),
}


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_within_three_units_in_the_last_place(name, dtype):
    function, low, high = FUNCTIONS[name]
    generator = np.random.default_rng(2)
    x = generator.uniform(low, high, 8000)
    near = generator.normal(size=7984) * 10.0 ** generator.uniform(-12, 0.5, 7984)
    near = np.abs(near) if name == "log" else np.where(near <= low, 0.5, near)
    x = np.concatenate([x, near, generator.uniform(max(low, 0.01), 2.0, 16)]).astype(dtype)
    came = element({"z": x}, lambda z: function(z), dtype)
    # SciPy's erf has no longer precision; it is within a unit itself.
    exact = function(x.astype(np.longdouble if name != "erf" and dtype == np.float64 else np.float64))
    error = np.abs(came - exact) / np.spacing(np.abs(exact).astype(dtype))
    assert error.max() <= 3.0


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("function", [np.sin, np.cos])
def test_sine_and_cosine_near_their_zeros_and_beyond_their_range(function, dtype):
    x = (np.arange(-4000, 4000) * (np.pi / 2)).astype(dtype)
    exact = function(x.astype(np.longdouble))
    error = np.abs(element({"z": x}, lambda z: function(z), dtype) - exact) / np.spacing(np.abs(exact).astype(dtype))
    assert error.max() <= 3.0
    ends = np.array([0.0, -0.0, 1e-30, -1e-30, *[np.inf, -np.inf, np.nan, 3e38, -2e6, 1.7e6] * 2], dtype)
    came = element({"z": ends}, lambda z: function(z), dtype)
    np.testing.assert_array_equal(came[:4], function(ends[:4]))
    assert (np.signbit(came[:4]) == np.signbit(function(ends[:4]))).all()
    assert np.isnan(came[4:]).all()


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize(
    "name",
    [
        *(name for name in FUNCTIONS if name not in ("sin", "cos")),
        *["sqrt", "sign", "floor", "ceil", "trunc", "rint", "isfinite", "isnan", "isinf"],
    ],
)
def test_functions_at_the_ends(name, dtype):
    function = FUNCTIONS[name][0] if name in FUNCTIONS else getattr(np, name)
    largest, smallest = float(np.finfo(dtype).max), float(np.finfo(dtype).tiny)
    ends = [largest, -largest, smallest, -smallest, 88.8, -87.4, 709.9, -708.5, 710.3, 89.2]
    ends += [2.5, 3.5, -2.5, 2.0**60, 1e9, 1.5]
    x = np.array(EXTREMES + ends, np.float64).astype(dtype)
    with np.errstate(all="ignore"):
        agree(element({"z": x}, lambda z: function(z) * 1.0, dtype), function(x) * 1.0, dtype)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize(
    "function",
    ["power", "maximum", "minimum", "copysign", "add", "divide", "greater", "less_equal", "not_equal", "logaddexp"],
)
def test_functions_of_two_numbers(function, dtype):
    function = getattr(np, function)
    special_numbers = [0.0, -0.0, 1.0, -1.0, 2.0, 3.0, -3.0, 0.5, 2.5, -2.5, np.inf, np.nan, 1e-5, 300.0, 7.0, -0.3]
    x, y = (array.ravel().astype(dtype) for array in np.meshgrid(special_numbers, special_numbers))
    with np.errstate(all="ignore"):
        wanted = function(x, y) * 1.0
    agree(element({"x": x, "y": y}, lambda x, y: function(x, y) * 1.0, dtype), wanted, dtype)


def test_powers_of_scalars_are_exact_to_rounding():
    bases = np.array([0.9, 0.999, 0.9999999, 1.0000001, 3.7, 1e-3, 123.456])
    for base in bases:
        for exponent in (1.0, 2.0, 17.0, 1000.5, -3.25, 1e5):
            with np.errstate(all="ignore"):
                wanted = np.power(np.longdouble(base), np.longdouble(exponent))
            if 1e-300 < wanted < 1e300:
                came = element({"z": np.ones(16)}, lambda z, b, e: z * b**e, np.float64, b=base, e=exponent)
                assert abs(came[0] / wanted - 1) < 3e-16


def test_choices_and_extremes_of_scalars():
    z = np.linspace(-2, 2, 16)
    for limit in (-0.5, 0.5):
        came = element({"z": z}, lambda z, c: np.where(c > 0, np.maximum(z, c), np.minimum(c, z)), np.float64, c=limit)
        np.testing.assert_array_equal(came, np.where(limit > 0, np.maximum(z, limit), np.minimum(limit, z)))


def test_a_changed_hyperparameter_compiles_nothing():
    one, other = (formula_kernels.update(SGD(rate), L2(rate), np.float32) for rate in (0.1, 0.2))
    assert one.body == other.body
    assert one.values != other.values


def test_an_operand_that_is_not_used_is_not_read():
    dz = np.ones(16, np.float32)
    kernel = formula_kernels.activation_slope(ReLU(), np.float32)
    operands = np.array([dz.ctypes.data, dz.ctypes.data, 0, dz.ctypes.data])
    constants = kernel.shared()
    _call(kernel.body, 16, constants.ctypes.data, operands.ctypes.data)
    assert (dz == 1).all()


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize(
    "rows, units, first, rate", [(5, 10, 0, 0.5), (3, 100, 4, 0.2), (8, 256, 0, 0.9), (2, 64, 1, 0.0)]
)
def test_dropout_keeps_what_the_reference_keeps(rows, units, first, rate, dtype):
    seed, layer, step, stride = 0x0123456789ABCDEF, 2, 17, -(-units // 16) * 16
    x = np.random.default_rng(0).normal(size=(rows, stride)).astype(dtype)
    forwards, backwards, mask = x.copy(), x.copy(), np.zeros((rows, stride // 16), np.uint16)
    scale, entry = np.array([1 / (1 - rate)], dtype), dropout(dtype)
    key = seed & 0xFFFFFFFF, seed >> 32, int(random.dropped_below(rate))
    place = scale.ctypes.data, forwards.ctypes.data, mask.ctypes.data
    _call(entry.draw, first, rows, stride, step, layer, *key, *place)
    kept = random.kept(seed, layer, step, first + rows, units, rate)[first:]
    np.testing.assert_array_equal(forwards[:, :units], np.where(kept, x[:, :units] * scale[0], 0))
    _call(entry.repeat, x.size, scale.ctypes.data, backwards.ctypes.data, mask.ctypes.data)
    np.testing.assert_array_equal(forwards, backwards)


SCRIPT = """
import hashlib, sys
import numpy as np
from scipy import special
from deltarule.engines.compiled.codegen import formula_kernels
from deltarule.native import processor
from deltarule.engines.compiled.codegen.random_numbers import dropout
from deltarule.engines.compiled.codegen.kernels import compile_kernel, _call
from deltarule.engines.tracing.trace import ValueShape, operand
from deltarule.formulas import L2, Adam, SoftmaxCrossEntropy, Tanh
bits = hashlib.sha256()
for dtype in (np.float32, np.float64):
    tight = 1e-13 if dtype == np.float64 else 1e-5
    z = np.linspace(-9, 9, 160).astype(dtype)
    composed = lambda z: np.log(np.abs(z)), lambda z: np.abs(z) ** 1.3
    for function in (np.exp, np.tanh, np.expm1, special.erf, np.floor, np.sinh, *composed):
        out = np.empty_like(z)
        compile_kernel({"z": ValueShape.ELEMENT}, {"a": function(operand("z"))}, {}, dtype).run([z, out])
        np.testing.assert_allclose(out, function(z.astype(np.float64)), rtol=tight)
        bits.update(out.tobytes())
    rows, y = z.reshape(5, 32).copy(), np.eye(5, 32, dtype=dtype)
    dz, losses = np.empty((5, 32), dtype), np.empty(5, dtype)
    formula_kernels.loss(SoftmaxCrossEntropy(), dtype).run([rows, y, dz, losses], width=21)
    np.testing.assert_allclose(losses, SoftmaxCrossEntropy().value(rows[:, :21], y[:, :21]), rtol=tight)
    w, g, m, v = np.random.default_rng(0).random((4, 96)).astype(dtype)
    wanted = Adam().step(w, g + L2(0.1).gradient(w), 9, m, v)
    formula_kernels.update(Adam(), L2(0.1), dtype).run([w, g, m, v, w, m, v], t=9.0)
    np.testing.assert_allclose(w, wanted[0], rtol=tight)
    mask, scale, entry = np.zeros((5, 2), np.uint16), np.ones(1, dtype), dropout(dtype)
    _call(entry.draw, 0, 5, 32, 3, 1, 4, 5, 1 << 31, scale.ctypes.data, rows.ctypes.data, mask.ctypes.data)
    for array in (dz, losses, w, m, v, rows, mask):
        bits.update(array.tobytes())
print(processor.processor().vector_bytes, processor.processor().fused, bits.hexdigest())
"""
PROCESSORS = {
    "avx2": ("haswell", "+sse4.2,+avx,+avx2,+fma,+bmi,+bmi2", "32 True"),
    "sse2": ("x86-64", "+sse2", "16 False"),
}


def on_processor(name="", features=""):
    source = str(Path(formula_kernels.__file__).parents[4])
    environment = {**os.environ, "PYTHONPATH": source}
    if name:
        environment |= {"DELTARULE_CPU": name, "DELTARULE_CPU_FEATURES": features}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().rsplit(" ", 1)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names of x86")
@pytest.mark.parametrize("target", PROCESSORS)
def test_other_processors(target):
    *processor, expected = PROCESSORS[target]
    kind, bits = on_processor(*processor)
    assert kind == expected
    here_kind, here = on_processor()
    if kind.endswith("True") and here_kind.endswith("True"):
        assert bits == here
