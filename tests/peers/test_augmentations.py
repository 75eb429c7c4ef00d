"""Augmentations beside those of torchvision and timm, each written out in NumPy with the numbers drawn here."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import deltarule as dr
from deltarule.formulas.augmentations.composition import Drawn, RawValues, augment

ROWS, CLASSES = 24, 3
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(9, 8), (9, 8, 3)])
def test_random_crop_with_padding_and_random_horizontal_flip(shape):
    """`Compose([RandomCrop(size, padding=2), RandomHorizontalFlip()])`, the smallest value being 0."""
    images, (height, width) = RNG.integers(0, 256, (ROWS, *shape)).astype(np.uint8), shape[:2]
    images[0, 0, 0] = 0
    flat, drawn = images.reshape(ROWS, -1), Drawn(seed=4, step=9)
    crop, flip = dr.PadAndCrop(2), dr.HorizontalFlip()
    met = augment(flat, None, [crop, flip], RawValues(flat, shape), drawn)[0].reshape(images.shape)
    _, *offsets = drawn.numbers(0, ROWS, 2)
    flipped = drawn.numbers(1, ROWS, 0)[0] < 0.5
    top, left = (np.floor(5 * each).astype(int) for each in offsets)
    for row, image in enumerate(images):
        padded = np.pad(image, [(2, 2), (2, 2), (0, 0)][: image.ndim])
        expected = padded[top[row] : top[row] + height, left[row] : left[row] + width]
        assert_array_equal(met[row], expected[:, ::-1] if flipped[row] else expected)
    assert {*top} == {*left} == {*range(5)}
    assert {*flipped} == {True, False}


def one_hot(labels, smoothing):
    """The targets of `timm.data.mixup.one_hot` as `mixup_target` calls it: smoothed before they are mixed."""
    off = smoothing / CLASSES
    return np.where(np.eye(CLASSES)[labels] == 1, 1.0 - smoothing + off, off)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_mixup_with_label_smoothing(engine, smoothing):
    """A step of `timm.data.Mixup(mixup_alpha=1, mode="elem", label_smoothing=ε)` with `SoftTargetCrossEntropy`."""
    x, labels = RNG.normal(size=(ROWS, 5)), np.arange(ROWS) % CLASSES
    recipe = dr.Recipe(
        network=dr.Network(hidden=()),
        loss=dr.SoftmaxCrossEntropy(label_smoothing=smoothing),
        optimizer=dr.SGD(0.5),
        augmentation=dr.Mixup(1.0),
        scaling="none",
        batch_size=ROWS,
        epochs=1,
        stopping=None,
    )
    w, b = RNG.normal(size=(5, CLASSES)), RNG.normal(size=CLASSES)
    one_step = {"batches": [[np.arange(ROWS)]], "initial_parameters": [(w, b)]}
    precision = {"precision": "float64"} if engine == "compiled" else {}
    run = dr.train(recipe, dr.Dataset(train=(x, labels)), engine=engine, **one_step, **precision)

    # The shares with which each sample counts in each mixture: a row has two, and the first is its own.
    _, shares = augment(x, np.eye(ROWS), recipe.augmentation, RawValues(x, (5,)), Drawn(recipe.seed, 1))
    own, other = np.diag(shares)[:, None], np.argmax(shares - np.diag(np.diag(shares)), axis=1)
    mixed = own * x + (1 - own) * x[other]
    targets = own * one_hot(labels, smoothing) + (1 - own) * one_hot(labels[other], smoothing)
    z = mixed @ w + b
    error = (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - targets) / ROWS
    ((met_w, met_b),) = run.model.layers
    assert_allclose(met_w, w - 0.5 * mixed.T @ error, rtol=1e-12)
    assert_allclose(met_b, b - 0.5 * error.sum(axis=0), rtol=1e-12)
    assert (own > 0.5).all()
    assert (own < 0.999).any()
