"""Predictions of a binary classifier over the plane of its two inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from deltarule.models import Model
from deltarule.types import Floats


@dataclass(frozen=True)
class PlaneMap:
    """The predicted probability of the second class over a rectangle.

    span : left, right, bottom, top. probabilities : (rows, columns), the first row at the bottom.
    """

    span: tuple[float, float, float, float]
    probabilities: Floats

    @classmethod
    def of(cls, model: Model, span: tuple[float, float, float, float], points: int = 201) -> Self:
        """Evaluate a binary classifier at `points` × `points` positions."""
        left, right, bottom, top = span
        x, y = np.meshgrid(np.linspace(left, right, points), np.linspace(bottom, top, points))
        places = np.stack([x.ravel(), y.ravel()], axis=1)
        return cls(span, model.predict_proba(places)[:, 1].reshape(points, points))
