"""The weights of a network's first layer as images of what each hidden unit looks for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from deltarule.engines.first_layer import FirstLayer
from deltarule.errors import ModelError
from deltarule.figures.displays import Picture
from deltarule.figures.style import LIGHT, Theme, figure
from deltarule.models import Model
from deltarule.recipes.checks import integer

_COLUMNS, _CELL = 8, 0.95


def weight_images(model: Model, *, units: int = 32, theme: Theme = LIGHT) -> Picture:
    """Draw the weights of the first layer's units with the largest norms, for a model of images.

    Each image has one scale, symmetric about 0: orange pixels excite the unit, blue ones inhibit it. Of images with
    channels, the mean over the channels is drawn.

    >>> import deltarule as dr
    >>> model = dr.train(dr.Recipe(epochs=1), dr.load_dataset("digits")).model
    >>> len(weight_images(model, units=6).axes_)
    6
    """
    integer("units", units, 1, "units=32")
    shape = model.input_shape
    if len(shape) < 2 or model.shape.stage is not None or model.shape.members > 1:
        raise ModelError("a model of images", repr(model))
    weights = FirstLayer.of(model.shape, model.parameters, model.scaling).weights
    order = np.argsort(-np.linalg.norm(weights, axis=0), kind="stable")[:units]
    images = weights[:, order].T.reshape(len(order), *shape)
    images = images.mean(axis=3) if images.ndim == 4 else images
    columns = min(_COLUMNS, len(order))
    rows = math.ceil(len(order) / columns)
    picture = figure(_CELL * columns, _CELL * rows + 0.2, theme)
    for place, image in enumerate(images):
        axes = picture.add_subplot(rows, columns, place + 1)
        axes.set_axis_off()
        largest = float(np.abs(image).max()) or 1.0
        axes.imshow(image, cmap=_diverging(theme), vmin=-largest, vmax=largest, interpolation="nearest")
    return Picture(picture)


def _diverging(theme: Theme) -> Any:
    """Return a map of colours whose middle is the paper's, so that weights near 0 vanish."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = [theme.colours[0], theme.paper, theme.colours[1]]
    return LinearSegmentedColormap.from_list("weights", colours)
