"""Fitting of the preprocessing of tables: scikit-learn's transformers, stored as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from deltarule.data import Table
from deltarule.data.columns import Column
from deltarule.errors import DataError
from deltarule.mapped import forget, is_mapped
from deltarule.models.encoding import CategoryEncoding, Encoding, NumberEncoding
from deltarule.recipes import Preparation
from deltarule.recipes.scaling import robust
from deltarule.types import Floats

CLIP = 3.0
"""Limit of the smooth clipping of robustly scaled inputs."""
_QUANTILES = 100
_ROWS_AT_MOST = 100_000


def fit_encoding(preparation: Preparation, table: Table, target: str | tuple[str, ...] | None = None) -> Encoding:
    """Fit the encoding of a training set's usable columns.

    For a table on disk, 100,000 evenly spaced rows are used.

    Raises DataError if no column is usable.

    >>> from deltarule.data import table_of
    >>> encoding = fit_encoding(Preparation(), table_of({"age": [30, 50, None], "sex": ["F", "M", "M"]}))
    >>> encoding.inputs
    ('age', 'age missing', 'sex=F', 'sex=M')
    """
    if is_mapped(table) and len(table) > _ROWS_AT_MOST:
        whole = table
        table = whole[np.linspace(0, len(whole) - 1, _ROWS_AT_MOST).astype(np.intp)]
        forget(whole)
    numbers = [column for column in table.usable if not column.coded]
    fitted: dict[str, NumberEncoding | CategoryEncoding] = {}
    if numbers:
        fitted |= {each.name: each for each in _numbers(preparation, numbers)}
    for column in table.usable:
        if column.coded:
            found = _ordinal(column) if preparation.categories == "ordinal" else _one_hot(column, preparation)
            if found is not None:
                fitted[column.name] = found
    if not fitted:
        raise DataError("a column of numbers, categories, booleans or dates", f"{table}")
    return Encoding(tuple(fitted[column.name] for column in table.usable if column.name in fitted), target)


def _numbers(preparation: Preparation, columns: Sequence[Column]) -> list[NumberEncoding]:
    x = np.stack([column.values for column in columns], axis=1)
    missing = np.isnan(x).any(axis=0)
    fills = np.array([_fill(column, preparation.missing) for column in x.T])
    filled = np.where(np.isnan(x), fills, x)
    d = len(columns)
    shift, factor, quantiles = np.zeros(d), np.ones(d), np.zeros((0, d))
    clip = 0.0
    flags: list[tuple[float, ...]] = [()] * d
    if preparation.numbers == "robust":
        with np.errstate(over="ignore"):
            scaling, clip = robust(filled), CLIP
        if preparation.robust_categories:
            flags = _scales(np.isnan(x).astype(np.float64))
        shift, factor = scaling.shift, scaling.factor
    elif preparation.numbers == "standard":
        from sklearn.preprocessing import StandardScaler

        with np.errstate(over="ignore", invalid="ignore"):
            scaler = StandardScaler().fit(filled)
        shift, factor = scaler.mean_, 1.0 / scaler.scale_
        for place in np.flatnonzero(~np.isfinite(shift * factor)).tolist():
            got = f"{np.abs(filled[:, place]).max():.3g}"
            instead = 'Preparation(numbers="quantiles")'
            raise DataError("numbers small enough to be squared", got, instead, field=columns[place].name)
    elif preparation.numbers == "quantiles":
        from sklearn.preprocessing import QuantileTransformer

        steps = min(_QUANTILES, len(filled))
        # The transformer needs at least two quantiles, so a single sample is repeated.
        ranks = QuantileTransformer(n_quantiles=max(2, steps), output_distribution="normal", subsample=None)
        quantiles = ranks.fit(filled if len(filled) > 1 else np.repeat(filled, 2, axis=0)).quantiles_
    return [
        NumberEncoding(
            column.name,
            column.kind,
            float(fills[place]),
            bool(missing[place]),
            float(shift[place]),
            float(factor[place]),
            tuple(quantiles[:, place].tolist()),
            column.categories,
            column.notation,
            _range(column),
            clip,
            flags[place] if missing[place] else (),
        )
        for place, column in enumerate(columns)
    ]


def _fill(values: Floats, by: str) -> float:
    """Return what replaces the missing values of a column (n,), as scikit-learn's SimpleImputer: 0 if all are."""
    known = values[~np.isnan(values)]
    if not len(known):
        return 0.0
    if by == "most_frequent":
        different, counts = np.unique(known, return_counts=True)
        return float(different[counts.argmax()])
    with np.errstate(over="ignore"):
        return float(np.median(known) if by == "median" else known.mean())


def _scales(x: Floats) -> list[tuple[float, ...]]:
    """Return the shift and the factor of each column of x (n, d) under robust scaling."""
    scaling = robust(x)
    return list(zip(scaling.shift.tolist(), scaling.factor.tolist(), strict=True))


def _range(column: Column) -> tuple[float, ...]:
    known = column.values[~column.missing]
    return (float(known.min()), float(known.max())) if len(known) else ()


def _one_hot(column: Column, preparation: Preparation) -> CategoryEncoding | None:
    from sklearn.preprocessing import OneHotEncoder

    codes: Any = column.values[column.values >= 0]
    missing = len(codes) < len(column)
    if not len(codes):
        return None
    encoder = OneHotEncoder(max_categories=preparation.categories_at_most).fit(codes[:, np.newaxis])
    rare = encoder.infrequent_categories_[0]
    rare = set() if rare is None else set(rare.tolist())
    words = tuple(column.categories[code] for code in encoder.categories_[0].tolist() if code not in rare)
    others = tuple(column.categories[code] for code in sorted(rare))
    signs = preparation.categories == "signed"
    above = preparation.embedded_above
    if above is not None and len(words) + bool(rare) > above:
        return CategoryEncoding(column.name, words, bool(rare), others=others, zero_missing=missing, coded=True)
    made = CategoryEncoding(
        column.name,
        words,
        bool(rare),
        missing and not signs,
        others=others,
        signed=signs and not rare and len(words) <= 2,
        zero_missing=missing and signs,
    )
    return _robust_inputs(made, column) if preparation.robust_categories else made


def _robust_inputs(made: CategoryEncoding, column: Column) -> CategoryEncoding:
    """Return the encoding with robust scaling and smooth clipping of its inputs."""
    inputs = np.empty((len(column), len(made.inputs)), np.float32)
    made.write(column, inputs)
    scales = _scales(inputs.astype(np.float64))
    return replace(
        made, shifts=tuple(shift for shift, _ in scales), factors=tuple(factor for _, factor in scales), clip=CLIP
    )


def _ordinal(column: Column) -> CategoryEncoding | None:
    from sklearn.preprocessing import OrdinalEncoder, StandardScaler

    codes: Any = column.values[column.values >= 0]
    if not len(codes):
        return None
    encoder = OrdinalEncoder()
    places = encoder.fit_transform(codes[:, np.newaxis])
    scaler = StandardScaler().fit(places)
    names = tuple(column.categories[code] for code in encoder.categories_[0].tolist())
    shift, factor = float(scaler.mean_[0]), float(1.0 / scaler.scale_[0])
    return CategoryEncoding(column.name, names, ordinal=True, shift=shift, factor=factor)
