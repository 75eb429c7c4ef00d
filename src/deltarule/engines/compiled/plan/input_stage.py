"""Writes the stage before the first layer: embeddings of numbers and of categories, forwards and backwards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deltarule.engines.compiled.codegen.periodic import Periodic, periodic
from deltarule.engines.compiled.plan.embeddings import (
    CategoryGradient,
    EmbedCategories,
    Embedded,
    EmbeddingGradient,
    EmbedNumbers,
    PassInputs,
    SpreadErrors,
)
from deltarule.engines.compiled.plan.instruction import Instruction
from deltarule.engines.compiled.plan.layout import EMBEDDING, Division
from deltarule.engines.compiled.plan.memory import Arena, Passage
from deltarule.engines.compiled.plan.tables import Rows
from deltarule.engines.input_stage import InputStage
from deltarule.formulas import PBLD
from deltarule.native.structs import Address, Count

__all__ = ["InputStagePlan"]


class InputStagePlan:
    """What an input stage's instructions point at, and the instructions.

    The first layer's inputs are those of the embedding, those that pass unchanged, and the categories' vectors.
    """

    def __init__(self, arena: Arena, stage: InputStage) -> None:
        self._stage = stage
        self._embedded, self._others = (
            (arena.keep(np.array(places, np.int64)), len(places)) for places in (stage.embedded, stage.others)
        )
        self._periodic: Periodic | None = None
        if isinstance(stage.embedding, PBLD) and stage.embedded:
            self._periodic = periodic(stage.embedding, arena.dtype)
            arena.hold(self._periodic, self._periodic.forward)

    def forward(self, to: Division, passage: Passage, rows: Rows) -> Iterator[Instruction]:
        """Write rows of the first layer's inputs, before their factors."""
        x, e = passage.x.part(), passage.unscaled
        place = self._width
        if self._periodic is not None:
            of, (places, _) = self._of_numbers(to, passage), self._embedded
            yield EmbedNumbers(of, x, places, e.part(), Count(place), rows)
        others, many = self._others
        if many:
            yield PassInputs(x, e.part(place), others, Count(many), rows)
        place += many
        for number, (column, codes) in enumerate(self._stage.columns.categories):
            width = Count(self._stage.category_outputs)
            (table,) = to.layout.of(EMBEDDING - 1 - number)
            yield EmbedCategories(x, Count(column), to.matrix(table), Count(codes), e.part(place), width, rows)
            place += width

    def spread(self, to: Division, passage: Passage, rows: Rows) -> Iterator[Instruction]:
        """Bring the errors of rows into the order of the gradients."""
        if self._periodic is not None:
            yield SpreadErrors(self._of_numbers(to, passage), passage.back.part(), rows)

    def gradients(self, to: Division, passage: Passage, room: Address, region: int) -> Iterator[Instruction]:
        """The gradients of a thread's frequencies and tables, into a region of the parameters' memory."""
        thread, threads = to.thread, to.layout.threads
        if self._periodic is not None:
            (block,) = to.layout.of(EMBEDDING)
            k = self._periodic.formula.frequencies
            first, last = (Count(k * each // threads) for each in (thread, thread + 1))
            gradient = to.matrix(block, 0, region)
            if last > first:
                yield EmbeddingGradient(self._of_numbers(to, passage), gradient, first, last, room)
        place = self._width + self._others[1]
        width = Count(self._stage.category_outputs)
        for number, (column, codes) in enumerate(self._stage.columns.categories):
            layer = EMBEDDING - 1 - number
            if to.columns(layer):
                (table,) = to.layout.of(layer)
                d, gradient = passage.back.part(place), to.matrix(table, 0, region)
                yield CategoryGradient(passage.x.part(), Count(column), d, gradient, Count(codes), width)
            place += width

    @property
    def _width(self) -> int:
        """The inputs of the first layer that are the embedding's."""
        embedding = self._stage.embedding
        return 0 if embedding is None else len(self._stage.embedded) * embedding.width

    def _of_numbers(self, to: Division, passage: Passage) -> Embedded:
        assert self._periodic is not None
        (block,) = to.layout.of(EMBEDDING)
        formula = self._periodic.formula
        return Embedded(
            forward=Address(self._periodic.forward),
            backward=Address(self._periodic.backward),
            parameters=to.matrix(block),
            rows=Count(block.rows),
            x=passage.numbers.part(),
            v=passage.embedded.part(),
            many=Count(self._embedded[1]),
            columns=Count(block.width),
            outputs=Count(formula.outputs),
            frequencies=Count(formula.frequencies),
        )
