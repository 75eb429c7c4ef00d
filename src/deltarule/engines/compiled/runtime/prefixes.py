"""Outputs for all prefixes of a permutation of the features: for sampled Shapley values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.formula_kernels import moved
from deltarule.engines.compiled.plan.instruction import follow, number, put, run_kernel
from deltarule.engines.compiled.plan.memory import Arena, Passage
from deltarule.engines.compiled.plan.tables import KernelCall, MatrixAt, Run, Thread
from deltarule.engines.compiled.runtime.epochs import SingleThread
from deltarule.engines.compiled.runtime.predictor import PackedParameters, plan_from
from deltarule.engines.parameters import Shape
from deltarule.engines.predicting import checked_outputs
from deltarule.native import memory
from deltarule.native.memory import load_int64, struct_at
from deltarule.native.processor import MachineCode, compile_functions, lasting
from deltarule.native.products import padded
from deltarule.native.structs import Address, Count, Record, Stride, Struct
from deltarule.recipes import Network

__all__ = ["CompiledPrefixes"]


@dataclass
class Walk(Struct):
    """A permutation that the samples' features are added along, one after the other, to those of a background sample.

    order : the features. terms : of the samples, (features, samples, width); `own` : of the background sample,
    (features, width); rows are `row` bytes long. sums : of the samples, and below of as many complements.
    inputs : the same for the plan, elsewhere if it writes there. results : where the plan leaves its outputs.
    made : (steps, 2 samples, outputs).
    """

    steps: Count
    samples: Count
    width: Count
    row: Stride
    order: Address
    terms: Address
    own: Address
    sums: MatrixAt
    inputs: MatrixAt
    kernel: KernelCall
    results: MatrixAt
    outputs: Count
    made: Address


def walk_along(run: Run, walk: Walk) -> None:
    """Add one feature after the other; after each, follow the plan and keep its outputs."""
    thread, item = struct_at(Thread, run.table), run.item_bytes
    samples, made = walk.samples, int(walk.made)
    thread.first, thread.size = 0, 2 * samples
    mode = memory.flush_subnormals()
    for step in range(walk.steps):
        feature = load_int64(walk.order + 8 * step)
        own, term = walk.own + feature * walk.row, walk.terms + feature * walk.row * samples
        for sample in range(samples):
            forward, backward = walk.sums.at(sample), walk.sums.at(samples + sample)
            there, below = walk.inputs.at(sample), walk.inputs.at(samples + sample)
            run_kernel(
                walk.kernel,
                walk.width,
                thread.operands,
                (forward, backward, term, own, forward, backward, there, below),
            )
            term += walk.row
        follow(thread.training, thread)
        for row in range(2 * samples):
            result = walk.results.at(row)
            for output in range(walk.outputs):
                put(made, output, item, number(result, output, item))
            made += walk.outputs * item
    memory.restore_float_mode(mode)


@lasting
def _code() -> MachineCode:
    """The compiled function."""
    return compile_functions({"walk_along": (walk_along, Run, Walk)})


class CompiledPrefixes:
    """The outputs of a network with one member for prefixes of permutations; for one thread at a time.

    Adding a feature changes the first layer's sums by the difference of its terms, so each step costs an addition and
    the rest of the network; that of the complement, which has the background's terms in its place, a subtraction more.
    """

    def __init__(self, shape: Shape, network: Network, parameters: npt.NDArray[Any], samples: int) -> None:
        dtype = parameters.dtype
        self._arena = arena = Arena(dtype)
        self._outputs, self._units = shape.outputs, shape.sizes[1]
        passage = Passage(arena, 2 * samples, shape, [0.0] * len(shape.sizes), backward=False)
        kernel = arena.constants(moved(dtype))
        weights = PackedParameters(arena, shape, parameters)
        self._follow = SingleThread(arena, plan_from(arena, shape, network, weights, passage, summed=True))
        inputs = passage.sums(0)
        sums = inputs if shape.normalization is None else arena.matrix(2 * samples, self._units, "sums")
        self._sums = sums.view(2 * samples)[:, : self._units]
        width = padded(self._units)
        self._walk = Record(Walk, width=width, row=width * dtype.itemsize, outputs=self._outputs)
        self._walk.put("sums", sums.part())
        self._walk.put("inputs", inputs.part())
        self._walk.put("results", passage.z[-1].part())
        self._walk.put("kernel", kernel)
        self._call = _code().function("walk_along", 2)

    def take(self, terms: npt.NDArray[Any], sums: npt.NDArray[Any]) -> None:
        """Take samples: their terms (features, n, units), and their sums (n, units)."""
        features, n, _ = terms.shape
        self._terms, self._own = (np.zeros((features, *rows, self._walk["width"]), terms.dtype) for rows in ((n,), ()))
        self._terms[..., : self._units], self._full = terms, sums
        self._walk.set(samples=n, steps=features - 1, terms=self._terms.ctypes.data, own=self._own.ctypes.data)

    def __call__(self, own: npt.NDArray[Any], empty: npt.NDArray[Any], order: npt.NDArray[np.int64]) -> Any:
        """Return raw outputs (features − 1, 2, n, outputs): of the samples with 1, 2, ... features, and of the rest.

        own, empty : the terms (features, units) and the sums (units,) of a background sample.
        """
        n = len(self._full)
        made = np.empty((len(order) - 1, 2, n, self._outputs), self._terms.dtype)
        self._own[:, : self._units], self._sums[:n], self._sums[n : 2 * n] = own, empty, self._full
        order = np.ascontiguousarray(order, np.int64)
        self._walk.set(order=order.ctypes.data, made=made.ctypes.data)
        self._call(self._follow.run, self._walk.address)
        return checked_outputs(made)
