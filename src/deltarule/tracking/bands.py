"""Mean and band over the seeds of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["BAND", "Band", "band", "seed_bands"]

BAND = (0.1, 0.9)
"""The quantiles at the ends of a band: it contains 80 % of the networks, as in the pictures of a comparison."""


@dataclass(frozen=True)
class Band:
    """A value of each epoch over the networks of a variant.

    epochs : numbers of the epochs, from 1; those in which at least one network has a finite value.
    mean, lower, upper : of each of these epochs.
    """

    variant: str
    name: str
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]


def band(variant: str, name: str, curves: Sequence[Sequence[float]]) -> Band:
    """Return the band of some networks' values by epoch; networks that have ended earlier are left out of later epochs.

    >>> band("adam", "loss", [[3.0, 1.0], [1.0], [2.0, float("nan")]])
    Band(variant='adam', name='loss', epochs=(1, 2), mean=(2.0, 1.0), lower=(1.2, 1.0), upper=(2.8, 1.0))
    """
    values = np.full((len(curves), max(map(len, curves), default=0)), np.nan)
    for row, curve in zip(values, curves, strict=True):
        row[: len(curve)] = curve
    values[~np.isfinite(values)] = np.nan
    kept = np.flatnonzero(~np.isnan(values).all(axis=0))
    known = values[:, kept]
    lower, upper = np.nanquantile(known, BAND, axis=0) if kept.size else (np.zeros(0), np.zeros(0))
    mean = np.nanmean(known, axis=0) if kept.size else np.zeros(0)
    made = (tuple(np.round(each, 12).tolist()) for each in (mean, lower, upper))
    return Band(variant, name, tuple((kept + 1).tolist()), *made)


def seed_bands(curves: Mapping[str, Sequence[Mapping[str, Sequence[float]]]]) -> list[Band]:
    """Return the bands of all values of a comparison: for each variant the curves of its networks by name.

    >>> [each.name for each in seed_bands({"adam": [{"loss": [1.0]}, {"loss": [2.0]}]})]
    ['loss']
    """
    return [
        band(variant, name, [each[name] for each in networks if name in each])
        for variant, networks in curves.items()
        for name in dict.fromkeys(name for each in networks for name in each)
    ]
