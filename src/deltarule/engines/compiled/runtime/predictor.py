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

__all__ = ["PackedParameters", "Predictor", "plan_from"]

_BLOCK = 256
_UNSCALED = Affine(np.array(0.0), np.array(1.0))


class PackedParameters:
    """A network's parameters in the order in which the instructions read them; others can be loaded in their place."""

    def __init__(self, arena: Arena, shape: Shape, parameters: npt.NDArray[Any]) -> None:
        item = parameters.dtype.itemsize
        self.layout = Layout(shape, 1, item)
        self._packed = np.zeros(self.layout.items, parameters.dtype)
        self.division = Division(self.layout, 0, arena.keep(self._packed), 0, item)
        self.load(parameters)

    def load(self, parameters: npt.NDArray[Any]) -> None:
        """Write other parameters of the same network over these."""
        self.layout.pack(parameters, self._packed)


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
        self._outputs, self._members = shape.outputs, shape.members
        self._weights = PackedParameters(arena, shape, parameters)
        passage = Passage(arena, _BLOCK, shape, [0.0] * len(shape.sizes), backward=False)
        rows = gatherer(gatherable(np.zeros((1, 1), kind)).dtype, dtype, _UNSCALED if scaling is None else scaling)
        x, columns = passage.x.part(), Count(shape.inputs)
        if scaling is None:
            x, columns = passage.sums(0).part(), Count(shape.sizes[1])
        gather = Gather(arena.gathering(rows), Address(0), NO_MATRIX, x, columns, ALL_ROWS)
        plan = [gather, *plan_from(arena, shape, network, self._weights, passage, summed=scaling is None)]
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

    def load(self, parameters: npt.NDArray[Any]) -> None:
        """Predict with other parameters of the same network from now on: much faster than a new predictor."""
        with self._lock:
            self._weights.load(parameters)

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


def plan_from(
    arena: Arena, shape: Shape, network: Network, weights: PackedParameters, passage: Passage, *, summed: bool
) -> list[Instruction]:
    """Return the instructions from a passage's inputs to its outputs; from the first layer's sums where `summed`."""
    to = weights.division
    formulas = Predicting(arena, network, shape)
    room = arena.numbers(6 * max(map(padded, shape.sizes)))
    plan = [] if summed else list(inputs_predicted(formulas, to, passage, ALL_ROWS))
    for layer, blocks in enumerate(weights.layout.blocks):
        shares = [Share(block.first, block.width) for block in blocks]
        if formulas.members is not None:
            plan += formulas.members.inputs(to, layer, passage, ALL_ROWS)
        plan += predicted(formulas, to, layer, passage, shares, ALL_ROWS, room, summed=summed and layer == 0)
    return plan
