"""Writes the stage before the first layer: embeddings of numbers and of categories, forwards and backwards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deltarule.engines.compiled.codegen.embedding_code import EmbeddingCode, embedding_code
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
        self._code: EmbeddingCode | None = None
        if stage.embedding is not None and stage.embedded:
            self._code = embedding_code(stage.embedding, arena.dtype)
            arena.hold(self._code, self._code.forward)

    def forward(self, to: Division, passage: Passage, rows: Rows) -> Iterator[Instruction]:
        """Write rows of the first layer's inputs, before their factors."""
        x, e = passage.x.part(), passage.unscaled
        place = self._width
        if self._code is not None:
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
        if self._code is not None:
            yield SpreadErrors(self._of_numbers(to, passage), passage.back.part(), rows)

    def gradients(self, to: Division, passage: Passage, room: Address, region: int) -> Iterator[Instruction]:
        """The gradients of a thread's parts of the embedding and of its tables, into a region of memory."""
        thread, threads = to.thread, to.layout.threads
        if self._code is not None:
            (block,) = to.layout.of(EMBEDDING)
            first, last = (Count(self._code.parts * each // threads) for each in (thread, thread + 1))
            of, gradient = self._of_numbers(to, passage), to.matrix(block, 0, region)
            yield EmbeddingGradient(of, gradient, first, last, thread == threads - 1, room)
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
        assert self._code is not None
        (block,) = to.layout.of(EMBEDDING)
        return Embedded(
            forward=Address(self._code.forward),
            backward=Address(self._code.backward),
            parameters=to.matrix(block),
            rows=Count(block.rows),
            x=passage.numbers.part(),
            v=passage.embedded.part(),
            many=Count(self._embedded[1]),
            columns=Count(block.width),
            outputs=Count(self._code.outputs),
            width=Count(self._code.formula.width),
            rectified=self._code.rectified,
            biases=self._code.biases,
            linear=self._code.linear,
        )
