"""Prediction: rows through a trained network, by the machine that trained it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled import fork_join, machine
from deltarule.engines.compiled.division import WHOLE, Division
from deltarule.engines.compiled.formulas import Predicting
from deltarule.engines.compiled.gather import gatherable, gatherer
from deltarule.engines.compiled.instructions import ARGUMENTS, Operation, Own, Setting
from deltarule.engines.compiled.layout import Layout, Share, padded
from deltarule.engines.compiled.lines import line, table
from deltarule.engines.compiled.memory import Arena, Passage
from deltarule.engines.compiled.program import predicted
from deltarule.engines.compiled.tiles import tiles
from deltarule.engines.forking import renewed_when_forked
from deltarule.engines.parameters import Shape
from deltarule.errors import ModelError
from deltarule.recipes import Affine, Network

__all__ = ["Predictor"]

_BLOCK = 256
_SOURCE = 1 + ARGUMENTS[Operation.GATHER].index("source")
_SOURCE_ROW = 1 + ARGUMENTS[Operation.GATHER].index("source_row")


class Predictor:
    """The last layer's weighted sums for raw inputs of one type, in the parameters' precision.

    sizes, network, parameters, scaling : of the model; `kind` is the type of the raw inputs.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        network: Network,
        parameters: npt.NDArray[Any],
        scaling: Affine,
        kind: npt.DTypeLike,
    ) -> None:
        dtype = parameters.dtype
        self._arena = arena = Arena(dtype)
        self._outputs, item = sizes[-1], dtype.itemsize
        layout = Layout(Shape(tuple(sizes), network.normalization), 1, item)
        packed = np.zeros(layout.items, dtype)
        layout.pack(parameters, packed)
        to = Division(layout, 0, arena.keep(packed), 0, item)
        formulas = Predicting(arena, network)
        normalized = formulas.normalization is not None
        passage = Passage(arena, _BLOCK, sizes, [0.0] * len(sizes), backward=False, normalized=normalized)
        rows = gatherer(gatherable(np.zeros((1, 1), kind)).dtype, dtype, scaling)
        arena.hold(rows)
        lines = [
            line(
                Operation.GATHER,
                gather=rows.address,
                order=0,
                source=0,
                source_row=0,
                target=passage.x.address,
                target_row=passage.x.row,
                columns=sizes[0],
                shift=arena.keep(rows.shift),
                factor=arena.keep(rows.factor),
                part=0,
                parts=1,
            )
        ]
        room = arena.numbers(6 * max(map(padded, sizes)))
        for layer, blocks in enumerate(layout.blocks):
            shares = [Share(block.first, block.width) for block in blocks]
            lines += predicted(formulas, to, layer, passage, shares, WHOLE, room)
        self._program = table(lines)
        self._z = passage.z[-1].view(_BLOCK)
        own = np.zeros(Own.COUNT, np.int64)
        own[Own.PROGRAM], own[Own.LINES] = self._program.ctypes.data, len(self._program)
        own[Own.OPERANDS] = arena.words(formulas.operands)
        self._settings = np.zeros(Setting.COUNT, np.int64)
        self._settings[Setting.OWN] = arena.keep(own)
        self._settings[Setting.TABLE] = arena.hold(tiles(dtype.name)).address
        self._settings[Setting.EXECUTE] = machine.EXECUTE
        self._settings[Setting.ITEM_BYTES] = item
        self._settings[Setting.ASCENDING] = arena.keep(np.arange(_BLOCK))
        self._address, self._run = self._settings.ctypes.data, fork_join.call(machine.RUN)
        # One passage serves one caller at a time.
        self._lock = threading.Lock()
        renewed_when_forked(self)

    def after_fork(self) -> None:
        """In a child process: whoever held the passage is not there, and what it left there is written over."""
        self._lock = threading.Lock()

    def __call__(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Weighted sums (n, outputs) of raw inputs (n, d), of the type that was promised."""
        x, n = gatherable(x), len(x)
        row, made = x.strides[0], np.empty((n, self._outputs), self._z.dtype)
        with self._lock:
            self._program[0, _SOURCE_ROW] = row
            for start in range(0, n, _BLOCK):
                rows = min(_BLOCK, n - start)
                self._program[0, _SOURCE] = x.ctypes.data + start * row
                self._settings[Setting.FOLLOWED] = rows
                self._run(self._address, 0)
                made[start : start + rows] = self._z[:rows, : self._outputs]
        finite = np.isfinite(made)
        if not np.logical_and.reduce(finite, axis=None):
            row = int(np.argmin(finite.all(axis=1)))
            came = f"row {row} (counting from 0), whose outputs overflow"
            raise ModelError(f"inputs within the range of {made.dtype}", came, "inputs like those of training")
        return made
