"""The encoding of a table's columns as a recorded computation, from raw values to a network's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltarule.data.columns import Column
from deltarule.data.kinds import MISSING
from deltarule.engines.tracing.arrays import Codes, Recorded, given, rows_of, text_codes
from deltarule.formulas.random import quantile
from deltarule.models.column_encodings import CategoryEncoding, NumberEncoding
from deltarule.models.encoding import Encoding
from deltarule.recipes.scaling import smooth_clip
from deltarule.types import Floats

__all__ = ["RawColumn", "encoded"]

_LEAST = 1e-7  # the lowest rank: see `column_encodings`


@dataclass(frozen=True)
class RawColumn:
    """A column of the raw rows that a model takes.

    kind : "number"; "date", a number of days since 1970-01-01; "boolean" or "category", a text.
    words : of texts: those with a code, in the order of the codes; the next code is for all others, and the last one
        for missing values.
    codes : the code of every accepted text, also of other spellings of a boolean.
    notation : how a number or a date is written in files; "" for 1234.5 and 2024-12-31.
    bounds : the least and the greatest number of the training set.
    """

    name: str
    kind: str
    words: tuple[str, ...] = ()
    codes: Codes | None = None
    notation: str = ""
    bounds: tuple[float, ...] = ()

    @property
    def text(self) -> bool:
        """Whether its values are texts."""
        return self.codes is not None


def encoded(encoding: Encoding) -> tuple[tuple[RawColumn, ...], Recorded]:
    """Return the raw columns, and the network's inputs (n, d) computed from them, rounded to float32."""
    columns, parts, places = [], [], np.zeros(len(encoding.inputs), np.int64)
    numbers: dict[tuple[float, int], list[tuple[NumberEncoding, int]]] = {}
    start = width = 0
    for column in encoding.columns:
        raw = _raw_column(column)
        columns.append(raw)
        own = len(column.inputs)
        if raw.codes is not None:
            parts.append(_looked_up(column, raw.codes))
            places[start : start + own] = width + np.arange(own)
            width += own
        elif isinstance(column, NumberEncoding):
            numbers.setdefault((column.clip, len(column.quantiles)), []).append((column, start))
        start += own
    for group in numbers.values():
        k = len(group)
        values, flags = _numbers([each for each, _ in group])
        parts.append(values)
        places[[place for _, place in group]] = width + np.arange(k)
        width += k
        flagged = [place + 1 for each, place in group if each.flag]
        if flags is not None:
            parts.append(flags)
            places[flagged] = width + np.arange(len(flagged))
            width += len(flagged)
    joined: Any = np.concatenate(parts, axis=1)
    return tuple(columns), joined[:, places].astype(np.float32)


def _raw_column(column: NumberEncoding | CategoryEncoding) -> RawColumn:
    if isinstance(column, CategoryEncoding):
        return _of_words(column.name, "category", column.categories)
    if column.kind == "boolean":
        pair = column.words or ("false", "true")
        return _of_words(column.name, "boolean", pair)
    return RawColumn(column.name, column.kind, notation=column.notation, bounds=column.bounds)


def _of_words(name: str, kind: str, words: tuple[str, ...]) -> RawColumn:
    codes: dict[str, int] = {}
    if kind == "boolean":
        lower = tuple(word.lower() for word in words)
        spelt = (str.lower, str.capitalize, str.upper)
        codes |= {form(word): place for place, word in enumerate(lower) for form in spelt}
    codes |= {word: place for place, word in enumerate(words)}
    return RawColumn(name, kind, words, Codes(codes, tuple(sorted(MISSING)), len(words), len(words) + 1))


def _looked_up(column: NumberEncoding | CategoryEncoding, codes: Codes) -> Recorded:
    """Return the inputs of a column of texts: a row of a table of the inputs of every code."""
    if isinstance(column, CategoryEncoding):
        words = len(column.categories)
        unknown = next(f"\0{place}" for place in range(words + 1) if f"\0{place}" not in column.categories)
        values = np.array([*range(words + 1), -1], np.int32)
        every = Column(column.name, "category", values, (*column.categories, unknown))
    else:  # an unknown text counts as a missing value
        every = Column(column.name, "boolean", np.array([0.0, 1.0, np.nan, np.nan]), column.words or ("false", "true"))
    table = np.zeros((len(every), len(column.inputs)), np.float32)
    column.write(every, table)
    return rows_of(table.astype(np.float64), text_codes(given(column.name, (), "text"), codes))


def _numbers(columns: Sequence[NumberEncoding]) -> tuple[Recorded, Recorded | None]:
    """Return the inputs of columns that are treated alike, (n, k), and the indicators of missing values, if any."""
    x = np.concatenate([given(column.name, (1,), "float64") for column in columns], axis=1)
    filled: Any = np.where(np.isnan(x), np.array([column.fill for column in columns]), x)
    if columns[0].quantiles:
        values = _ranked(filled, np.array([column.quantiles for column in columns]))
    else:
        shift = np.array([column.shift for column in columns])
        factor = np.array([column.factor for column in columns])
        values = smooth_clip((filled - shift) * factor, columns[0].clip)
    flagged = [place for place, column in enumerate(columns) if column.flag]
    if not flagged:
        return values, None
    present, absent = np.array([columns[place].flag_values for place in flagged]).T
    return values, np.where(np.isnan(x[:, flagged]), absent, present)


def _ranked(x: Recorded, knots: Floats) -> Any:
    """Return numbers (n, k) as normal quantiles of their ranks among the k sorted rows of `knots`.

    Between two different knots a rank rises linearly; at repeated ones it is the middle of their ranks.
    """
    low, high = knots[:, :-1], knots[:, 1:]
    flat = high == low
    e: Any = x[:, :, None]
    rising = np.clip((e - low) / np.where(flat, 1.0, high - low), 0.0, 1.0)
    stepping = 0.5 * (e >= low) + 0.5 * (e > low)
    ranks = np.where(flat, stepping, rising).sum(axis=2) / float(low.shape[1])
    ranks = np.where(np.equal(x, knots[:, -1]), 1.0, np.where(np.equal(x, knots[:, 0]), 0.0, ranks))
    within = np.clip(ranks, _LEAST, 1.0 - _LEAST)
    return quantile(within - 0.5, np.minimum(within, 1.0 - within), np.log)
