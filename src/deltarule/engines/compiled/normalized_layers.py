"""Writes what normalised layers do, forwards and backwards. What is compiled for them alone is loaded with them."""

from __future__ import annotations

from collections.abc import Iterator

from deltarule.engines.compiled import formula_kernels
from deltarule.engines.compiled.division import Division
from deltarule.engines.compiled.layout import Share, padded
from deltarule.engines.compiled.lines import Line, call_of
from deltarule.engines.compiled.matrix_lines import apply
from deltarule.engines.compiled.memory import Arena, Passage
from deltarule.formulas import Normalization

__all__ = ["Normalizations"]


class Normalizations:
    """The kernels of the hidden layers' normalisation, and the lines that call them.

    Statistics over the batch (axis 0) need all rows of a column, so a thread takes whole columns; those over the units
    (axis 1) need whole rows, and γ and β of all columns beside each other.
    """

    def __init__(self, arena: Arena, formula: Normalization, threads: int) -> None:
        dtype = arena.dtype
        self._by_rows, self._keeps = formula.axis == 1, formula.keeps
        self._forwards = arena.constants(formula_kernels.normalized(formula, dtype))
        self._backwards = arena.constants(formula_kernels.normalized_back(formula, dtype))
        self._keep = formula_kernels.statistics_kept(formula, dtype) if formula.keeps else None
        self._keep_rooms = [arena.room(self._keep) if self._keep else (0, 0) for _ in range(threads)]

    def training(
        self, to: Division, layer: int, passage: Passage, values: tuple[int, int], room: int, copy: int
    ) -> Iterator[Line]:
        """Weighted sums into z and a, by the batch's own statistics.

        values : the activation. room : where the thread has room for three numbers of each column. copy : bytes to
        where kept statistics are written once more, or 0.
        """
        if self._by_rows:
            yield from self._rows(to, layer, passage, to.rows(), values, room)
            return
        from deltarule.engines.compiled import normalizing

        scalars, keep_constants = self._keep_rooms[to.thread]
        met = not to.leaves_columns(layer)
        for each in to.columns(layer):
            # Own columns come first; of those left over the other threads have rows.
            if not met and each not in to.shares(layer):
                yield from to.meet()
                met = True
            yield call_of(
                normalizing.BY_COLUMNS,
                normalizing.BY_COLUMNS_WORDS,
                **self._place(to, layer, passage, each),
                room=passage.rooms[layer] + 32 * each.first,
                body=self._forwards[0],
                constants=self._forwards[1],
                prologue=0 if self._keep is None else self._keep.prologue,
                scalars=scalars,
                keep=0 if self._keep is None else self._keep.body,
                keep_constants=keep_constants,
                copy=copy,
            )
            yield apply(values, (passage.z[layer], passage.a[layer]), each)
        if not met:
            yield from to.meet()

    def predicting(
        self,
        to: Division,
        layer: int,
        passage: Passage,
        shares: list[Share],
        rows: Share,
        values: tuple[int, int],
        room: int,
    ) -> Iterator[Line]:
        """Weighted sums into z and a, by the statistics that are kept, where there are any."""
        if not self._keeps:
            yield from self._rows(to, layer, passage, rows, values, room)
            return
        from deltarule.engines.compiled import normalizing

        for each in shares:
            yield call_of(
                normalizing.KEPT,
                normalizing.KEPT_WORDS,
                **self._place(to, layer, passage, each),
                body=self._forwards[0],
                constants=self._forwards[1],
                part=each.part,
                parts=each.parts,
            )
            yield apply(values, (passage.z[layer], passage.a[layer]), each)

    def back(self, to: Division, layer: int, passage: Passage, room: int, region: int) -> Iterator[Line]:
        """∂C/∂h into ∂C/∂z of a layer, and the gradients of γ and β into a region of the parameters' memory."""
        from deltarule.engines.compiled import normalizing

        d, x = passage.d[layer], passage.normalized[layer]
        body, constants = self._backwards
        met = False if self._by_rows else not to.leaves_columns(layer)
        if self._by_rows:
            yield from to.meet()
        for each in to.columns(layer):
            if not self._by_rows and not met and each not in to.shares(layer):
                yield from to.meet()
                met = True
            block = to.block(layer, each)
            columns = {"d": d.column(each.first), "x": x.column(each.first), "row": d.row, "width": each.width}
            gradient, state_row = to.address(block, block.fan_in + 1, region), to.row_bytes(block)
            of_columns = passage.rooms[layer] + 32 * each.first
            yield call_of(
                normalizing.LEARNT,
                normalizing.LEARNT_WORDS,
                **columns,
                gradient=gradient,
                state_row=state_row,
                room=of_columns,
            )
            if not self._by_rows:
                yield call_of(
                    normalizing.BACK_BY_COLUMNS,
                    normalizing.BACK_BY_COLUMNS_WORDS,
                    **columns,
                    state=to.address(block, block.fan_in + 1),
                    gradient=gradient,
                    state_row=state_row,
                    room=of_columns,
                    body=body,
                    constants=constants,
                )
        if self._by_rows:
            yield from to.meet()
            rows = to.rows()
            yield call_of(
                normalizing.BACK_BY_ROWS,
                normalizing.BACK_BY_ROWS_WORDS,
                d=d.address,
                x=x.address,
                row=d.row,
                units=to.layout.sizes[layer + 1],
                width=d.columns,
                state=passage.learnt[layer].address,
                room=room,
                body=body,
                constants=constants,
                part=rows.part,
                parts=rows.parts,
                statistics=passage.statistics[layer],
            )
        elif not met:
            yield from to.meet()

    def _rows(
        self, to: Division, layer: int, passage: Passage, rows: Share, values: tuple[int, int], room: int
    ) -> Iterator[Line]:
        """Whole rows, by the statistics of each."""
        from deltarule.engines.compiled import normalizing

        x, z, learnt = passage.normalized[layer], passage.z[layer], passage.learnt[layer]
        several = rows.parts > 1
        for block in to.layout.blocks[layer]:
            each = Share(block.first, block.width)
            if not several or each in to.columns(layer):
                yield call_of(
                    normalizing.TOGETHER,
                    normalizing.TOGETHER_WORDS,
                    state=to.address(block, block.fan_in + 1),
                    state_row=to.row_bytes(block),
                    width=block.width,
                    target=learnt.column(block.first),
                    target_row=learnt.row,
                )
        if several:
            yield from to.meet()
        yield call_of(
            normalizing.BY_ROWS,
            normalizing.BY_ROWS_WORDS,
            x=x.address,
            h=z.address,
            row=x.row,
            units=to.layout.sizes[layer + 1],
            width=x.columns,
            state=learnt.address,
            state_row=learnt.row,
            room=room,
            body=self._forwards[0],
            constants=self._forwards[1],
            part=rows.part,
            parts=rows.parts,
            statistics=passage.statistics[layer],
        )
        whole = Share(0, padded(to.layout.sizes[layer + 1]), rows.part, rows.parts)
        yield apply(values, (z, passage.a[layer]), whole)

    def _place(self, to: Division, layer: int, passage: Passage, each: Share) -> dict[str, int]:
        """Some columns of the weighted sums and of z, and what the layer learns and keeps for them."""
        block, x = to.block(layer, each), passage.normalized[layer]
        return {
            "x": x.column(each.first),
            "h": passage.z[layer].column(each.first),
            "row": x.row,
            "width": each.width,
            "state": to.address(block, block.fan_in + 1),
            "state_row": to.row_bytes(block),
        }
