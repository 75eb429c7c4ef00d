"""One part of the data as plans read it: raw rows, targets and weights, where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.codegen.gather import gatherable, gatherer
from deltarule.engines.compiled.plan.batches import AddToSums, CountErrors, Gather, Prefetch, RecordLoss, Target
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.memory import Arena, Matrix, Passage
from deltarule.engines.compiled.plan.tables import RUN_ORDER, MatrixAt, Rows, Targets
from deltarule.engines.problem import Problem, Samples
from deltarule.native.structs import Address, Count, Stride
from deltarule.recipes import Affine

if TYPE_CHECKING:
    from deltarule.engines.compiled.plan.augmenter import Augmenter

__all__ = ["Source"]


class Source:
    """A data set in the order of the run or in stored order. The data are not copied."""

    def __init__(
        self, arena: Arena, samples: Samples, scaling: Affine, *, shuffled: bool, problem: Problem | None = None
    ) -> None:
        """Give the `problem` where its recipe's augmentations are meant."""
        x = gatherable(samples.x)
        self._arena = arena
        self._augmenter: Augmenter | None = None
        if problem is not None and problem.raw is not None:
            # Compiling what few recipes need is left until one does.
            from deltarule.engines.compiled.plan.augmenter import Augmenter

            self._augmenter = Augmenter(arena, problem.recipe, problem.raw, x, scaling)
        self._unmixed: dict[tuple[int, int], Matrix] = {}
        self._gathering = arena.gathering(gatherer(x.dtype, arena.dtype, scaling))
        rows = Address(0) if samples.rows is None else arena.keep(samples.rows, "rows")
        self.shuffled = shuffled
        self.order = RUN_ORDER if shuffled else rows
        self.columns, self.outputs = x.shape[1], samples.outputs
        self._x = MatrixAt(arena.keep(x, "data"), Stride(x.strides[0]))
        self._bytes = x.shape[1] * x.itemsize
        self.classes = samples.classes
        kind: npt.DTypeLike = np.int64 if samples.classes else np.float64
        targets: npt.NDArray[Any] = np.ascontiguousarray(samples.targets, kind)
        address, outputs = arena.keep(targets, "targets"), Count(samples.outputs)
        self._targets = Targets(*((address, Address(0)) if samples.classes else (Address(0), address)), outputs)
        self.weights = Address(0)
        if samples.weights is not None:
            self.weights = arena.keep(np.ascontiguousarray(samples.weights, np.float64), "weights of samples")

    @property
    def counted(self) -> bool:
        """Whether a wrong answer is another class's largest output, rather than what the loss's kernel adds up."""
        return self.classes and self.outputs > 1

    def batch_weights(self, passage: Passage) -> Address:
        """Where the batch's weights are, or 0 where all samples count the same."""
        return passage.weights if self.weights else Address(0)

    @property
    def mixed(self) -> bool:
        """Whether the rows of a batch, once all of them are there, are to be mixed with each other."""
        return self._augmenter is not None and self._augmenter.mixing

    def gather(self, passage: Passage, rows: Rows) -> Instruction:
        """Build rows of the batch."""
        x = passage.x
        if self._augmenter is not None:
            target = self._apart(passage) if self.mixed else x
            return self._augmenter.augment(self.order, target, rows, passage.rows)
        return Gather(self._gathering, self.order, self._x, x.part(), Count(self.columns), rows)

    def mix(self, passage: Passage, rows: Rows) -> Instruction:
        """Mix rows of the batch with others, inputs and targets."""
        assert self._augmenter is not None
        return self._augmenter.mix(self.order, self._apart(passage), passage.x, passage.y, self._targets, rows)

    def _apart(self, passage: Passage) -> Matrix:
        """Return memory for the rows that are to be mixed into the batch, one for all threads."""
        key = passage.x.address, passage.rows
        if key not in self._unmixed:
            self._unmixed[key] = self._arena.matrix(passage.rows, passage.x.columns, "unmixed x")
        return self._unmixed[key]

    def prefetch(self, rows: Rows) -> Instruction:
        """Fetch the raw rows of the next batch."""
        return Prefetch(self.order, self._x, Count(self._bytes), rows)

    def target(self, passage: Passage, rows: Rows) -> Instruction:
        """Write rows of y, and weights."""
        y = passage.y.part()
        return Target(self.order, self._targets, self.weights, y, passage.weights, rows)

    def count(self, passage: Passage, rows: Rows) -> Instruction:
        """Count wrong answers among several classes."""
        z, targets = passage.outputs.part(), self._targets
        return CountErrors(z, targets.outputs, self.order, targets.codes, passage.errors, rows)

    def add(self, passage: Passage) -> Instruction:
        """Add the batch to the sums."""
        return AddToSums(passage.losses, passage.errors, self.batch_weights(passage))

    def record(self, passage: Passage) -> Instruction:
        """Record the batch's loss."""
        return RecordLoss(passage.losses, self.batch_weights(passage))
