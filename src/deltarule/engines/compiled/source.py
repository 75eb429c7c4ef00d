"""One part of the data as programs read it: raw rows, targets and weights, where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.compiled.gather import Gatherer, gatherable, gatherer
from deltarule.engines.compiled.instructions import Operation
from deltarule.engines.compiled.layout import Share
from deltarule.engines.compiled.lines import Line, line
from deltarule.engines.compiled.memory import Arena, Matrix, Passage
from deltarule.engines.problem import Problem, Samples
from deltarule.recipes import Affine

if TYPE_CHECKING:
    from deltarule.engines.compiled.augmentation import Augmenter

__all__ = ["Source"]


class Source:
    """A part under the run's order, or taken as it lies. The data are not copied."""

    def __init__(
        self, arena: Arena, samples: Samples, scaling: Affine, *, shuffled: bool, problem: Problem | None = None
    ) -> None:
        """Give the `problem` where its recipe's augmentations are meant."""
        x = gatherable(samples.x)
        self._arena = arena
        self._augmenter: Augmenter | None = None
        if problem is not None and problem.raw is not None:
            # Compiling what few recipes need is left until one does.
            from deltarule.engines.compiled.augmentation import Augmenter

            self._augmenter = Augmenter(arena, problem.recipe, problem.raw, x, scaling)
        self._unmixed: dict[tuple[int, int], Matrix] = {}
        self._gatherer: Gatherer = gatherer(x.dtype, arena.dtype, scaling)
        rows = 0 if samples.rows is None else arena.keep(samples.rows)
        self.shuffled = shuffled
        self.order = 1 if shuffled else rows
        self.columns, self.outputs = x.shape[1], samples.outputs
        self._x, self._row = arena.keep(x), x.strides[0]
        self._bytes = x.shape[1] * x.itemsize
        self._shift, self._factor = arena.keep(self._gatherer.shift), arena.keep(self._gatherer.factor)
        self.classes = samples.classes
        kind: npt.DTypeLike = np.int64 if samples.classes else np.float64
        targets: npt.NDArray[Any] = np.ascontiguousarray(samples.targets, kind)
        self.targets = arena.keep(targets)
        self.weights = 0 if samples.weights is None else arena.keep(np.ascontiguousarray(samples.weights, np.float64))

    @property
    def counted(self) -> bool:
        """Whether a wrong answer is another class's largest output, rather than what the loss's kernel adds up."""
        return self.classes and self.outputs > 1

    def batch_weights(self, passage: Passage) -> int:
        """Where the batch's weights are, or 0 where all samples count the same."""
        return passage.weights if self.weights else 0

    @property
    def mixed(self) -> bool:
        """Whether the rows of a batch, once all of them are there, are to be mixed with each other."""
        return self._augmenter is not None and self._augmenter.mixing

    def gather(self, passage: Passage, rows: Share) -> Line:
        """Build rows of the batch."""
        x = passage.x
        if self._augmenter is not None:
            target = self._apart(passage) if self.mixed else x
            return self._augmenter.augment(self.order, target, rows, passage.rows)
        return line(
            Operation.GATHER,
            gather=self._gatherer.address,
            order=self.order,
            source=self._x,
            source_row=self._row,
            target=x.address,
            target_row=x.row,
            columns=self.columns,
            shift=self._shift,
            factor=self._factor,
            part=rows.part,
            parts=rows.parts,
        )

    def mix(self, passage: Passage, rows: Share) -> Line:
        """Mix rows of the batch with others, inputs and targets."""
        from deltarule.engines.compiled.augmentation import Targets

        assert self._augmenter is not None
        codes, numbers = (self.targets, 0) if self.classes else (0, self.targets)
        targets = Targets(codes, numbers, self.outputs)
        return self._augmenter.mix(self.order, self._apart(passage), passage.x, passage.y, targets, rows)

    def _apart(self, passage: Passage) -> Matrix:
        """Room for the rows that are to be mixed into the batch, one for all threads."""
        whose = passage.x.address, passage.rows
        if whose not in self._unmixed:
            self._unmixed[whose] = self._arena.matrix(passage.rows, passage.x.columns)
        return self._unmixed[whose]

    def prefetch(self, rows: Share) -> Line:
        """Ask for the raw rows of the next batch."""
        return line(
            Operation.PREFETCH,
            order=self.order,
            source=self._x,
            source_row=self._row,
            bytes=self._bytes,
            part=rows.part,
            parts=rows.parts,
        )

    def target(self, passage: Passage, rows: Share) -> Line:
        """Write rows of y, and weights."""
        return line(
            Operation.TARGET,
            order=self.order,
            codes=self.targets if self.classes else 0,
            numbers=0 if self.classes else self.targets,
            weights=self.weights,
            y=passage.y.address,
            y_row=passage.y.row,
            outputs=self.outputs,
            batch_weights=passage.weights,
            part=rows.part,
            parts=rows.parts,
        )

    def count(self, passage: Passage, rows: Share) -> Line:
        """Count wrong answers among several classes."""
        z = passage.z[-1]
        return line(
            Operation.COUNT,
            z=z.address,
            z_row=z.row,
            outputs=self.outputs,
            order=self.order,
            codes=self.targets,
            errors=passage.errors,
            part=rows.part,
            parts=rows.parts,
        )

    def add(self, passage: Passage) -> Line:
        """Add the batch to the sums."""
        return line(
            Operation.ADD,
            losses=passage.losses,
            errors=passage.errors,
            batch_weights=self.batch_weights(passage),
        )
