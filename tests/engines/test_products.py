"""The matrix products: against NumPy in float64; their bits, however the work is cut; on other processors."""

from __future__ import annotations

import ctypes
import mmap
import sys
import threading

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.engines.processors import repeat

from deltarule.native import products
from deltarule.native.memory import load_int64, store, struct_at
from deltarule.native.processor import compile_functions, processor
from deltarule.native.products import GROUP, row_stride
from deltarule.native.threads import Barrier, barrier, wait
from deltarule.native.tiles import tiles
from deltarule.native.tiling import NEVER, candidates, default_tiling

CODE = compile_functions(
    {
        "forward": (products.gemm_nn, *[int] * 12),
        "backward": (products.gemm_nt, *[int] * 12),
        "gradient": (products.gemm_tn, *[int] * 13),
    },
    vectorized=False,  # as for training
)
forward, backward, gradient = (
    CODE.function(name, count) for name, count in (("forward", 12), ("backward", 12), ("gradient", 13))
)
DTYPES = ["float32", "float64"]
SENTINEL = 777.0


def padded(columns):
    return -(-columns // GROUP) * GROUP


def matrix(rows, columns, dtype, seed=0, extra=0):
    """Normal numbers in (rows, columns), the padding beyond full of others that no product may let through."""
    whole = np.full((rows, padded(columns) + GROUP * extra), SENTINEL, dtype)
    whole[:, :columns] = np.random.default_rng(seed).normal(size=(rows, columns))
    return whole


def at_the_end(array):
    """A copy whose last byte is the last before memory that cannot be read."""
    library = ctypes.CDLL(None)
    whole = mmap.mmap(-1, -(-array.nbytes // mmap.PAGESIZE) * mmap.PAGESIZE + mmap.PAGESIZE)
    memory = np.frombuffer(whole, np.uint8)
    last = memory.ctypes.data + len(whole) - mmap.PAGESIZE
    assert library.mprotect(ctypes.c_void_p(last), ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
    made = memory[len(whole) - mmap.PAGESIZE - array.nbytes :][: array.nbytes].view(array.dtype).reshape(array.shape)
    made[:] = array
    return made


def at(array):
    return array.ctypes.data


def row(array):
    return array.strides[0]


def run_forward(a, w, bias, fan_in, columns, tiling=None):
    z = np.full((len(a), padded(columns) + GROUP), SENTINEL, a.dtype)
    table = tiles(a.dtype.name, tiling).address
    start = 0 if bias is None else at(bias)
    workspace = np.full(products.WORKSPACE_BYTES, 255, np.uint8)
    sizes = len(a), fan_in, columns
    forward(table, at(z), row(z), start, at(a), row(a), at(w), row(w), *sizes, at(workspace))
    assert (z[:, padded(columns) :] == SENTINEL).all()
    return z[:, : padded(columns)]


def run_backward(d, w, columns, fan_out, tiling=None):
    da = np.full((len(d), padded(columns) + GROUP), SENTINEL, d.dtype)
    workspace = np.full(products.WORKSPACE_BYTES, 255, np.uint8)
    table = tiles(d.dtype.name, tiling).address
    sizes = len(d), columns, fan_out
    backward(table, at(da), row(da), at(d), row(d), at(w), row(w), *sizes, at(workspace), 0)
    assert (da[:, padded(columns) :] == SENTINEL).all()
    return da[:, : padded(columns)]


def run_gradient(a, d, rows, columns, tiling=None, slices=1):
    g = np.full((rows, padded(columns) + GROUP), SENTINEL, a.dtype)
    table = tiles(a.dtype.name, tiling).address
    workspace = np.full(products.workspace_bytes(a.itemsize, len(a), columns), 255, np.uint8)
    for number in range(slices):
        first, stop = rows * number // slices, rows * (number + 1) // slices
        target, source = at(g) + first * row(g), at(a) + first * a.itemsize
        sizes = len(a), stop - first, columns
        gradient(table, target, row(g), source, row(a), at(d), row(d), *sizes, at(workspace), number > 0, rows)
    assert (g[:, padded(columns) :] == SENTINEL).all()
    return g[:, : padded(columns)]


def close(got, a, b, bias=0.0):
    """Within the bound of a sum taken in order: depth × ε × Σ |a| |b|."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    bound = (a.shape[1] + 2) * np.finfo(got.dtype).eps * (np.abs(a) @ np.abs(b) + np.abs(bias))
    return (np.abs(got - (a @ b + bias)) <= bound).all()


def in_order(a, b, start):
    """A B, one rounded multiply-add after the other (exact products where float64 holds those of float32)."""
    total = np.broadcast_to(start, (len(a), b.shape[1])).astype(np.float32)
    for k in range(a.shape[1]):
        exact = a[:, k : k + 1].astype(np.float64) * b[k].astype(np.float64)
        total = (exact + total).astype(np.float32)
    return total


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(DTYPES), st.integers(1, 40), st.integers(1, 70), st.integers(1, 150), st.integers(0, 2))
def test_products_are_numpys(dtype, batch, fan_in, fan_out, extra):
    a, d = matrix(batch, fan_in, dtype, 1, extra), matrix(batch, fan_out, dtype, 2, extra)
    w, bias = matrix(fan_in, fan_out, dtype, 3, extra), matrix(1, fan_out, dtype, 4)
    A, D, W, b = a[:, :fan_in], d[:, :fan_out], w[:, :fan_out], bias[:, :fan_out]
    assert close(run_forward(a, w, bias, fan_in, fan_out)[:, :fan_out], A, W, b)
    assert close(run_forward(a, w, None, fan_in, fan_out)[:, :fan_out], A, W)
    assert close(run_gradient(a, d, fan_in, fan_out)[:, :fan_out], A.T, D)
    da = run_backward(d, w, fan_in, fan_out)
    assert close(da[:, :fan_in], D, W.T)
    assert not da[:, fan_in:].any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("batch", "fan_in", "fan_out"), [(10, 1300, 50), (530, 40, 1100), (1, 9, 400), (1030, 20, 17)])
def test_products_of_several_blocks_are_numpys(dtype, batch, fan_in, fan_out):
    a, d, w = matrix(batch, fan_in, dtype, 1), matrix(batch, fan_out, dtype, 2), matrix(fan_in, fan_out, dtype, 3)
    A, D, W = a[:, :fan_in], d[:, :fan_out], w[:, :fan_out]
    assert close(run_forward(a, w, None, fan_in, fan_out)[:, :fan_out], A, W)
    assert close(run_gradient(a, d, fan_in, fan_out)[:, :fan_out], A.T, D)
    assert close(run_backward(d, w, fan_in, fan_out)[:, :fan_in], D, W.T)


@pytest.mark.skipif(sys.platform == "win32", reason="protects memory as POSIX does")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fan_in", [1, 3, 7, 20, 100])
def test_nothing_beyond_a_matrix_is_read(dtype, fan_in):
    a, d, w = (at_the_end(matrix(*shape, dtype)) for shape in ((9, fan_in), (9, 21), (fan_in, 21)))
    assert close(run_forward(a, w, None, fan_in, 21)[:, :21], a[:, :fan_in], w[:, :21])
    assert close(run_gradient(a, d, fan_in, 21)[:, :21], a[:, :fan_in].T, d[:, :21])
    assert close(run_backward(d, w, fan_in, 21)[:, :fan_in], d[:, :21], w[:, :21].T)


@pytest.mark.skipif(sys.platform == "win32", reason="protects memory as POSIX does")
@pytest.mark.parametrize("dtype", DTYPES)
def test_copies_of_panels_read_nothing_beyond_a_matrix(dtype):
    a, d, w = (at_the_end(matrix(*shape, dtype)) for shape in ((130, 141), (130, 530), (141, 530)))
    assert close(run_forward(a, w, None, 141, 530)[:, :530], a[:, :141], w[:, :530])
    assert close(run_gradient(a, d, 141, 530)[:, :530], a[:, :141].T, d[:, :530])


@pytest.mark.skipif(not processor().fused, reason="sums are rounded twice without fused multiply-add")
def test_sums_are_taken_in_order_whatever_the_blocks():
    # The sum of an exact product is rounded to float64 before float32 here: a bit in half a billion may differ.
    a, w, bias = matrix(7, 1100, "float32", 1), matrix(1100, 33, "float32", 2), matrix(1, 33, "float32", 3)
    across, down = matrix(40, 1100, "float32", 4), matrix(1100, 9, "float32", 5)
    assert (run_forward(a, w, bias, 1100, 33)[:, :33] == in_order(a[:, :1100], w, bias)[:, :33]).all()
    assert (run_backward(a, across, 40, 1100)[:, :40] == in_order(a[:, :1100], across[:, :1100].T, 0)).all()
    assert (run_gradient(down, w, 9, 33)[:, :33] == in_order(down[:, :9].T, w, 0)[:, :33]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_bits_do_not_depend_on_shares(dtype, data):
    batch, fan_in, fan_out = data.draw(st.sampled_from([(64, 90, 112), (13, 40, 256), (128, 33, 10), (20, 1100, 64)]))
    a, d, w = matrix(batch, fan_in, dtype, 1), matrix(batch, fan_out, dtype, 2), matrix(fan_in, fan_out, dtype, 3)
    bias = matrix(1, fan_out, dtype, 4)
    row = data.draw(st.integers(1, batch - 1))
    z, da, g = (
        run_forward(a, w, bias, fan_in, fan_out),
        run_backward(d, w, fan_in, fan_out),
        run_gradient(a, d, fan_in, fan_out),
    )
    for part in (slice(0, row), slice(row, batch)):
        assert (run_forward(a[part], w, bias, fan_in, fan_out) == z[part]).all()
        assert (run_backward(d[part], w, fan_in, fan_out) == da[part]).all()
    first = data.draw(st.integers(0, fan_in - 1))
    assert (run_gradient(a[:, first:], d, fan_in - first, fan_out) == g[first:]).all()
    if fan_out > GROUP:
        left = GROUP * data.draw(st.integers(1, (fan_out - 1) // GROUP))
        assert (run_forward(a, w[:, left:], bias[:, left:], fan_in, fan_out - left) == z[:, left:]).all()
        assert (run_gradient(a, d[:, left:], fan_in, fan_out - left) == g[:, left:]).all()
    if fan_in > GROUP:
        assert (run_backward(d, w[GROUP:], fan_in - GROUP, fan_out) == da[:, GROUP:]).all()


def every_tiling():
    """The default with each candidate's changes, and with the last of each question together."""
    questions = candidates(processor().registers, processor().fused)
    last = {name: value for changes in questions.values() for name, value in changes[-1].items()}
    changes = [change for changes in questions.values() for change in changes]
    return [default_tiling(processor().registers, processor().fused).replace(**change) for change in [*changes, last]]


@pytest.mark.parametrize("dtype", DTYPES)
@settings(deadline=None, max_examples=25)
@example((37, 2100, 50))  # deeper than any block is uncut
@example((530, 300, 20))  # several blocks of rows
@example((25, 600, 230))  # deeper than the smallest block
@example((300, 29, 130))  # a gradient deep and wide enough to copy an operand
@example((260, 1030, 500))  # rows far apart, of which panels are copied
@given(st.tuples(st.integers(1, 45), st.integers(1, 90), st.integers(1, 160)))
def test_bits_do_not_depend_on_tilings(dtype, shape):
    batch, fan_in, fan_out = shape
    a, d, w = matrix(batch, fan_in, dtype, 1), matrix(batch, fan_out, dtype, 2), matrix(fan_in, fan_out, dtype, 3)
    bias = matrix(1, fan_out, dtype, 4)

    def results(tiling):
        z = run_forward(a, w, bias, fan_in, fan_out, tiling)
        da = run_backward(d, w, fan_in, fan_out, tiling)
        return [each.tobytes() for each in (z, da, run_gradient(a, d, fan_in, fan_out, tiling))]

    expected = results(None)
    for tiling in every_tiling():
        assert results(tiling) == expected, tiling


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("slices", [1, 2, 9])
def test_bits_of_a_gradient_do_not_depend_on_slices_of_its_rows(dtype, slices):
    """Of a wide right matrix, later slices find the copies that the first has made."""
    default = default_tiling(processor().registers, processor().fused)
    a, d = matrix(131, 143, dtype, 1), matrix(131, 530, dtype, 2)
    expected = run_gradient(a, d, 143, 530, default.replace(copied=NEVER))
    assert (run_gradient(a, d, 143, 530, default, slices) == expected).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [1, 5, 8, 9, 100])
def test_whole_vectors_of_padding_are_zeros(dtype, columns):
    lanes = processor().vector_bytes // np.dtype(dtype).itemsize
    a, d, w = matrix(7, 3, dtype), matrix(7, columns, dtype), matrix(3, columns, dtype)
    for product in (run_forward(a, w, None, 3, columns), run_gradient(a, d, 3, columns)):
        assert not product[:, -(-columns // lanes) * lanes :].any()


def test_row_strides_keep_clear_of_the_period():
    for columns in range(1, 5000, 37):
        for item_bytes in (4, 8):
            for period in (1024, 4096):
                numbers = row_stride(columns, item_bytes, period)
                assert columns <= numbers < columns + 2 * GROUP
                assert numbers % GROUP == 0
                assert numbers * item_bytes % period


def _take_turns(block, threads, number, slots, rounds):
    """Each thread writes to its slot; after a barrier all must see every slot; the errors seen."""
    errors = 0
    meeting = struct_at(Barrier, block)
    for turn in range(rounds):
        store(slots + 8 * number, turn)
        wait(meeting, threads)
        for other in range(threads):
            errors += int(load_int64(slots + 8 * other) != turn)
        wait(meeting, threads)
    store(slots + 8 * (threads + number), errors)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_barrier_holds_even_with_more_threads_than_cores(threads):
    (words, block), slots = barrier(), np.full(2 * threads, -1, np.int64)
    take_turns = compile_functions({"take_turns": (_take_turns, *[int] * 5)}).function("take_turns", 5)
    workers = [
        threading.Thread(target=take_turns, args=(block.address, threads, number, at(slots), 200), daemon=True)
        for number in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=20)
        assert not worker.is_alive()
    assert not slots[threads:].any()
    assert words[0] == 0


@pytest.mark.parametrize("name", ["AVX2", "SSE2 without fused multiply-add"])
def test_products_on_another_processor(name):
    repeat(
        __file__,
        name,
        "products_are_numpys or several_blocks or shares or tilings or in_order or beyond or slices or padding",
    )
