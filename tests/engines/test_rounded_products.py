"""Products of operands rounded to bfloat16: to the bit what NumPy's definition says; on other processors too."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engines.processors import PROCESSORS, repeat
from tests.engines.test_products import SENTINEL, at, at_the_end, close, matrix, padded, row

from deltarule.native import rounded_products as products
from deltarule.native.bfloat16 import multiply_in_pairs, paired, rounded
from deltarule.native.processor import compile_functions, processor
from deltarule.native.products import GROUP
from deltarule.native.tiles import tiles

forward, backward, gradient = products.entry_points()
CODE = compile_functions({"keep_pairs": (products.keep_pairs, *[int] * 6)}, vectorized=False)
keep_pairs = CODE.function("keep_pairs", 6)


def result(rows, columns):
    return np.full((rows, padded(columns) + GROUP), SENTINEL, np.float32)


def within(array, columns):
    assert (array[:, padded(columns) :] == SENTINEL).all()
    return array[:, :columns]


def room(rows, columns, fill=255):
    return np.full(products.workspace_bytes(table(), rows, columns), fill, np.uint8)


def table():
    return tiles("bfloat16").address


def run_forward(a, w, bias, fan_in, columns):
    z, space, start = result(len(a), columns), room(len(a), columns), 0 if bias is None else at(bias)
    forward(table(), at(z), row(z), start, at(a), row(a), at(w), row(w), len(a), fan_in, columns, at(space), 0)
    return within(z, columns)


def run_forward_of_pairs(a, w, bias, fan_in, columns):
    z, space, pairs = result(len(a), columns), room(len(a), columns), np.zeros_like(w)
    keep_pairs(table(), at(w), row(w), fan_in, columns, at(pairs))
    assert (pairs[: (fan_in + 1) // 2, :columns].view(np.uint32) == paired(w[:fan_in, :columns])).all()
    sizes = len(a), fan_in, columns
    forward(table(), at(z), row(z), at(bias), at(a), row(a), 0, row(w), *sizes, at(space), at(pairs))
    return within(z, columns)


def run_backward(d, w, columns, fan_out):
    da, space = result(len(d), columns), room(len(d), columns)
    sizes = len(d), columns, fan_out
    backward(table(), at(da), row(da), at(d), row(d), at(w), row(w), *sizes, at(space), 0)
    assert not da[:, columns : padded(columns)].any()
    return within(da, columns)


def run_gradient(a, d, rows, columns, slices=1):
    g, space = result(rows, columns), room(len(a), columns)
    for number in range(slices):
        first, stop = rows * number // slices, rows * (number + 1) // slices
        of_g, of_a = at(g) + first * row(g), at(a) + 4 * first
        sizes = len(a), stop - first, columns
        gradient(table(), of_g, row(g), of_a, row(a), at(d), row(d), *sizes, at(space), number > 0, rows)
    return within(g, columns)


def equal(got, a, b, bias=0.0):
    """To the bit where multiply-adds are rounded once; otherwise within the bound of a sum."""
    if processor().fused:
        return (got == multiply_in_pairs(a, b, bias)).all()
    return close(got, rounded(a), rounded(b), bias)


def check(batch, fan_in, fan_out, extra=0):
    a, d = matrix(batch, fan_in, "float32", 1, extra), matrix(batch, fan_out, "float32", 2, extra)
    w, bias = matrix(fan_in, fan_out, "float32", 3, extra), matrix(1, fan_out, "float32", 4)
    A, D, W, b = a[:, :fan_in], d[:, :fan_out], w[:, :fan_out], bias[:, :fan_out]
    assert equal(run_forward(a, w, bias, fan_in, fan_out), A, W, b)
    assert equal(run_forward(a, w, None, fan_in, fan_out), A, W)
    if fan_in >= products.LEAST_KEPT:
        assert equal(run_forward_of_pairs(a, w, bias, fan_in, fan_out), A, W, b)
    assert equal(run_gradient(a, d, fan_in, fan_out, 1 + fan_in % 3), A.T, D)
    assert equal(run_backward(d, w, fan_in, fan_out), D, W.T)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.integers(1, 40), st.integers(1, 70), st.integers(1, 150), st.integers(0, 2))
def test_products_are_their_definition(batch, fan_in, fan_out, extra):
    check(batch, fan_in, fan_out, extra)


@pytest.mark.parametrize(("batch", "fan_in", "fan_out"), [(10, 1301, 50), (530, 40, 1101), (1, 9, 400), (1031, 20, 17)])
def test_products_of_several_blocks_are_their_definition(batch, fan_in, fan_out):
    check(batch, fan_in, fan_out)


@settings(deadline=None, max_examples=20, derandomize=True)
@given(data=st.data())
def test_bits_do_not_depend_on_shares(data):
    batch, fan_in, fan_out = data.draw(st.sampled_from([(64, 91, 112), (13, 40, 256), (129, 33, 10), (20, 1101, 64)]))
    a, d, w = (
        matrix(*sizes, "float32", sum(sizes)) for sizes in ((batch, fan_in), (batch, fan_out), (fan_in, fan_out))
    )
    z, da, g = (
        run_forward(a, w, None, fan_in, fan_out),
        run_backward(d, w, fan_in, fan_out),
        run_gradient(a, d, fan_in, fan_out),
    )
    split = data.draw(st.integers(1, batch - 1))
    for part in (slice(0, split), slice(split, batch)):
        assert (run_forward(a[part], w, None, fan_in, fan_out) == z[part]).all()
        assert (run_backward(d[part], w, fan_in, fan_out) == da[part]).all()
    first = data.draw(st.integers(0, fan_in - 1))
    assert (run_gradient(a[:, first:], d, fan_in - first, fan_out) == g[first:]).all()
    if fan_out > GROUP:
        left = GROUP * data.draw(st.integers(1, (fan_out - 1) // GROUP))
        assert (run_forward(a, w[:, left:], None, fan_in, fan_out - left) == z[:, left:]).all()
        assert (run_gradient(a, d[:, left:], fan_in, fan_out - left) == g[:, left:]).all()


def test_numbers_are_rounded_as_defined_wherever_they_are():
    bits = np.random.default_rng(0).integers(0, 2**32, 3000, np.uint32)
    # Halfway between two, just beside it, the largest number, infinity, a NaN, the smallest normal number, and less.
    special = [
        0x3F808000,
        0x3F818000,
        0x3F808001,
        0x3F817FFF,
        0x7F7FFFFF,
        0x7F800000,
        0x7F800001,
        0x00800000,
        0x007FFFFF,
    ]
    x = np.concatenate([bits, special, np.array(special) | 0x80000000]).astype(np.uint32).view(np.float32)
    expected = rounded(x)
    # A single column of each operand; the other is 1, and what is beside it no number of the product.
    numbers, one = matrix(len(x), 1, "float32"), matrix(1, 1, "float32")
    numbers[:, 0], one[0, 0] = x, 1.0
    across = matrix(1, len(x), "float32")
    across[0, : len(x)] = x
    for got in (
        run_forward(numbers, one, None, 1, 1)[:, 0],
        run_forward(one, across, None, 1, len(x))[0],
        run_gradient(across, one, len(x), 1)[:, 0],
        run_gradient(one, across, 1, len(x))[0],
        run_backward(one, numbers, len(x), 1)[0],
    ):
        np.testing.assert_array_equal(got, expected)
    assert np.abs(expected[np.isfinite(expected)] - x[np.isfinite(expected)]).max() > 0


@pytest.mark.skipif(sys.platform == "win32", reason="protects memory as POSIX does")
@pytest.mark.parametrize("fan_in", [1, 3, 7, 20, 100])
def test_nothing_beyond_a_matrix_is_read(fan_in):
    a, d, w = (at_the_end(matrix(*shape, "float32")) for shape in ((9, fan_in), (9, 21), (fan_in, 21)))
    assert equal(run_forward(a, w, None, fan_in, 21), a[:, :fan_in], w[:, :21])
    assert equal(run_gradient(a, d, fan_in, 21), a[:, :fan_in].T, d[:, :21])
    assert equal(run_backward(d, w, fan_in, 21), d[:, :21], w[:, :21].T)


def test_a_row_of_ones_is_summed_in_float32():
    one, d = np.ones(1, np.float32), matrix(37, 40, "float32", 1)
    g, space = result(1, 40), room(37, 40)
    gradient(table(), at(g), row(g), at(one), 0, at(d), row(d), 37, 1, 40, at(space), 0, 1)
    total = np.zeros(40, np.float32)
    for each in d[:, :40]:
        total += each
    assert (within(g, 40) == total).all()


@pytest.mark.parametrize("name", PROCESSORS)
def test_products_on_another_processor(name):
    repeat(__file__, name, "not another_processor")
