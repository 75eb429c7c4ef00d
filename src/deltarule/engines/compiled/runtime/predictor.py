"""Prediction: rows through a trained network, by the instructions that trained it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.gather import gatherable, gatherer
from deltarule.engines.compiled.plan.batches import Gather
from deltarule.engines.compiled.plan.formulas import Predicting
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layout import Division, Layout, Share
from deltarule.engines.compiled.plan.memory import Arena, Passage
from deltarule.engines.compiled.plan.step import inputs_predicted, predicted
from deltarule.engines.compiled.plan.tables import ALL_ROWS, NO_MATRIX
from deltarule.engines.compiled.runtime.epochs import SingleThread
from deltarule.engines.forking import renewed_when_forked
from deltarule.engines.parameters import Shape
from deltarule.engines.predicting import checked_outputs
from deltarule.native.products import padded
from deltarule.native.structs import Address, Count
from deltarule.recipes import Affine, Network

__all__ = ["Predictor"]

_BLOCK = 256
_UNSCALED = Affine(np.array(0.0), np.array(1.0))


class Predictor:
    """The last layer's weighted sums for raw inputs of one type, in the parameters' precision.

    shape, network, parameters, scaling : of the model; `kind` is the type of the raw inputs. Without a scaling, the
        inputs are the weighted sums of the first layer, of a network with one member.
    """

    def __init__(
        self, shape: Shape, network: Network, parameters: npt.NDArray[Any], scaling: Affine | None, kind: npt.DTypeLike
    ) -> None:
        dtype = parameters.dtype
        self._arena = arena = Arena(dtype)
        self._outputs, self._members, item = shape.outputs, shape.members, dtype.itemsize
        layout = Layout(shape, 1, item)
        packed = np.zeros(layout.items, dtype)
        layout.pack(parameters, packed)
        to = Division(layout, 0, arena.keep(packed), 0, item)
        formulas = Predicting(arena, network, shape)
        passage = Passage(arena, _BLOCK, shape, [0.0] * len(shape.sizes), backward=False)
        rows = gatherer(gatherable(np.zeros((1, 1), kind)).dtype, dtype, _UNSCALED if scaling is None else scaling)
        x, columns = passage.x.part(), Count(shape.inputs)
        if scaling is None:
            x, columns = passage.sums(0).part(), Count(shape.sizes[1])
        gather = Gather(arena.gathering(rows), Address(0), NO_MATRIX, x, columns, ALL_ROWS)
        room = arena.numbers(6 * max(map(padded, shape.sizes)))
        plan: list[Instruction] = [gather]
        if scaling is not None:
            plan += inputs_predicted(formulas, to, passage, ALL_ROWS)
        for layer, blocks in enumerate(layout.blocks):
            shares = [Share(block.first, block.width) for block in blocks]
            if formulas.members is not None:
                plan += formulas.members.inputs(to, layer, passage, ALL_ROWS)
            summed = layer == 0 and scaling is None
            plan += predicted(formulas, to, layer, passage, shares, ALL_ROWS, room, summed=summed)
        self._z = passage.z[-1].view(_BLOCK * shape.members)
        self._follow = SingleThread(arena, plan, ascending=arena.keep(np.arange(_BLOCK)))
        # Written in place for each block: for one row, a `put` of a `MatrixAt` takes as long as the arithmetic.
        self._source = self._follow.gather.words_of("source")
        # One passage serves one caller at a time.
        self._lock = threading.Lock()
        renewed_when_forked(self)

    def after_fork(self) -> None:
        """In a child process: whoever held the passage is not there, and what it left there is written over."""
        self._lock = threading.Lock()

    def __call__(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Weighted sums (n, members · outputs) of raw inputs (n, d), of the type that was promised."""
        made = np.empty((len(x), self._members * self._outputs), self._z.dtype)
        self.write(x, made)
        return checked_outputs(made)

    def write(self, x: npt.NDArray[Any], target: npt.NDArray[Any]) -> None:
        """Write the weighted sums of raw inputs (n, d), which may overflow, to a target (n, members · outputs)."""
        x, n = gatherable(x), len(x)
        first, row = x.ctypes.data, x.strides[0]
        with self._lock:
            for start in range(0, n, _BLOCK):
                rows = min(_BLOCK, n - start)
                self._source[:] = first + start * row, row
                self._follow(rows)
                made = self._z[: rows * self._members, : self._outputs]
                target[start : start + rows] = made if self._members == 1 else made.reshape(rows, -1)
