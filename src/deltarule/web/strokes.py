"""Strokes of a pen as the images that a network was trained on: size, place, width and grey values normalized.

The images of MNIST were made by scaling a digit into a box of 20 × 20 pixels, its proportions kept, and moving its
centre of mass to the centre of 28 × 28 pixels (LeCun, Cortes, Burges, 1998). Those of the UCI digits fill 32 × 32
pixels in height, in black and white, and are counted in blocks of 4 × 4: 8 × 8 numbers from 0 to 16 (Alpaydin,
Kaynak, 1998).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from deltarule.errors import DataError
from deltarule.types import Floats

STROKES, POINTS = 64, 4096
"""Maximum number of strokes, and of their points together."""
_PIECES = 120
"""Line segments that a drawing is resampled to."""


def image_of(strokes: Any, shape: tuple[int, int]) -> Floats:
    """Return the image (height, width) of strokes as a network of this input shape has seen images, in raw values.

    strokes : lists of points [x, y] in any unit, y downwards.

    >>> image_of([[[5, 0], [5, 9]]], (8, 8)).max(axis=0).tolist()
    [0.0, 0.0, 0.0, 12.0, 12.0, 0.0, 0.0, 0.0]
    """
    segments = _segments(checked(strokes))
    return _digits_image(segments) if shape == (8, 8) else _mnist_image(segments, shape)


def checked(strokes: Any) -> list[Floats]:
    """Return strokes as arrays (points, 2); raise DataError for anything else."""
    if not isinstance(strokes, list) or not strokes or len(strokes) > STROKES:
        raise DataError(f"1 to {STROKES} strokes", type(strokes).__name__, field="strokes")
    if not all(isinstance(each, list) for each in strokes) or sum(map(len, strokes)) > POINTS:
        raise DataError(f"lists of at most {POINTS} points together", "others", field="strokes")
    found = []
    for stroke in strokes:
        numbers = all(isinstance(p, list) and len(p) == 2 and {type(v) for v in p} <= {int, float} for p in stroke)
        if not stroke or not numbers or not all(abs(v) < 1e6 for p in stroke for v in p):
            raise DataError("points [x, y] of numbers", "others", field="strokes")
        found.append(np.array(stroke, np.float64))
    return found


def _segments(strokes: list[Floats]) -> Floats:
    """Return strokes as line segments (n, 2 ends, 2 coordinates) of a box with its longer side 1, around 0."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    size = max(float((high - low).max()), 1e-6)
    strokes = [(each - (low + high) / 2) / size for each in strokes]
    length = sum(float(np.hypot(*np.diff(each, axis=0).T).sum()) for each in strokes)
    return np.concatenate([_resampled(each, max(length, 1e-6) / _PIECES) for each in strokes])


def _resampled(stroke: Floats, step: float) -> Floats:
    """Return the segments of a stroke, about `step` long; a point is a segment of length 0."""
    lengths = np.hypot(*np.diff(stroke, axis=0).T) if len(stroke) > 1 else np.zeros(0)
    total = float(lengths.sum())
    if total < 1e-9:
        return np.array([[stroke[0], stroke[0]]])
    at = np.concatenate([[0.0], lengths.cumsum()])
    places = np.linspace(0.0, total, max(2, math.ceil(total / step - 1e-6) + 1))
    points = np.stack([np.interp(places, at, stroke[:, axis]) for axis in (0, 1)], axis=1)
    return np.stack([points[:-1], points[1:]], axis=1)


def _distances(segments: Floats, shape: tuple[int, int]) -> Floats:
    """Return the distance of each pixel's centre (height, width) to the nearest segment."""
    height, width = shape
    pixels = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1).reshape(-1, 1, 2)
    starts, along = segments[:, 0], segments[:, 1] - segments[:, 0]
    squared = np.maximum((along**2).sum(axis=1), 1e-12)
    t = np.clip(((pixels - starts) * along).sum(axis=2) / squared, 0.0, 1.0)
    nearest = starts + t[..., np.newaxis] * along
    return np.asarray(np.sqrt(((pixels - nearest) ** 2).sum(axis=2).min(axis=1)).reshape(shape))


def _digits_image(segments: Floats) -> Floats:
    """Return 8 × 8 numbers from 0 to 16."""
    radius = 2.7
    extent = np.ptp(segments.reshape(-1, 2), axis=0)
    scale = min((32 - 2 * radius) / max(extent[1], 1e-6), (28 - 2 * radius) / max(extent[0], 1e-6))
    black = _distances(segments * scale + 16.0, (32, 32)) <= radius
    return np.asarray(black.reshape(8, 4, 8, 4).sum(axis=(1, 3)), np.float64)


def _mnist_image(segments: Floats, shape: tuple[int, int]) -> Floats:
    """Return an image with values from 0 to 255: in a box of 20/28 of its sides, centred by its mass."""
    unit = min(shape) / 28
    radius = 1.25 * unit
    centre = np.array([shape[1], shape[0]]) / 2
    placed = segments * (20 * unit - 2 * radius) + centre
    ink = np.clip(radius + 0.5 - _distances(placed, shape), 0.0, 1.0)
    rows, columns = np.indices(shape) + 0.5
    mass = np.array([(ink * columns).sum(), (ink * rows).sum()]) / max(float(ink.sum()), 1e-9)
    return np.asarray(255 * np.clip(radius + 0.5 - _distances(placed + centre - mass, shape), 0.0, 1.0))
