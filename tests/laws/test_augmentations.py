"""Laws of augmentations, over all of them: nothing changes nothing, the numbers are the row's own, SciPy agrees."""

import inspect

import numpy as np
import pytest
from scipy import ndimage, stats

import deltarule as dr
from deltarule.errors import DataError
from deltarule.formulas import registered
from deltarule.formulas.augmentations import Displacement, Geometric, Mixing, Pixelwise
from deltarule.formulas.augmentations.composition import Drawn, RawValues, augment, composed
from deltarule.formulas.augmentations.geometric import cosine_and_sine
from deltarule.formulas.random import Purpose, words

ALL = list(registered("augmentation"))
STILL = [
    dr.Rotation(0), dr.Translation(0), dr.PadAndCrop(0), dr.Zoom(0), dr.Shear(0), dr.RandomCrop(1),
    dr.Elastic(alpha=0), dr.Contrast(0), dr.Brightness(0), dr.GaussianNoise(0), dr.Colour(0), dr.FeatureNoise(0),
]  # fmt: skip
SHAPE = (9, 14, 3)


@pytest.fixture
def raw():
    x = np.random.default_rng(0).integers(3, 250, (40, int(np.prod(SHAPE)))).astype(np.uint8)
    return RawValues(x, SHAPE)


def names(formula):
    return repr(formula) if not inspect.isclass(formula) else formula.name


def changed(raw, *formulas, step=1, first=0, rows=40):
    y = np.eye(rows)
    return augment(raw.x[first : first + rows], y, formulas, raw, Drawn(7, step, first))


@pytest.mark.parametrize("formula", [*STILL, *(cls(probability=0.0) for cls in ALL)], ids=names)
def test_a_change_of_no_size_or_no_probability_changes_nothing(raw, formula):
    x, y = changed(raw, formula)
    if formula.probability == 0 or isinstance(formula, (Geometric, Displacement)):
        np.testing.assert_array_equal(x, raw.x)
    np.testing.assert_allclose(x, raw.x, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(y, np.eye(40))


@pytest.mark.parametrize("cls", ALL, ids=names)
def test_every_augmentation_changes_samples_within_their_range_and_keeps_their_targets(raw, cls):
    x, y = changed(raw, cls(probability=1.0))
    assert (np.abs(x - raw.x).max(axis=1) > 0).mean() > 0.9
    assert x.min() >= raw.low or cls.samples == "any"
    assert x.max() <= raw.high or cls.samples == "any"
    np.testing.assert_allclose(y.sum(axis=1), 1)
    assert np.array_equal(y, np.eye(40)) != issubclass(cls, Mixing)


@pytest.mark.parametrize("cls", ALL, ids=names)
def test_its_probability_is_the_share_of_samples_changed(cls):
    x = np.random.default_rng(0).normal(size=(4000, 27))
    raw = RawValues(x, (3, 3, 3))
    new, _ = augment(x, np.zeros((4000, 1)), [cls(probability=0.3)], raw, Drawn(0, 1))
    # A small cutout may meet a border, a flip a symmetry: never in numbers that are all different.
    assert (new != x).any(axis=1).mean() == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("cls", ALL, ids=names)
def test_json_both_ways(cls):
    formula = cls(probability=0.25)
    assert dr.formula("augmentation", formula.to_json()) == formula


@pytest.mark.parametrize("flip", [dr.HorizontalFlip(probability=1.0), dr.VerticalFlip(probability=1.0)], ids=names)
def test_a_flip_is_numpys_and_twice_it_is_nothing(raw, flip):
    images = raw.x.reshape(-1, *SHAPE)
    axis = 2 if flip.name == "horizontal_flip" else 1
    np.testing.assert_array_equal(changed(raw, flip)[0].reshape(images.shape), np.flip(images, axis))
    np.testing.assert_array_equal(changed(raw, flip, flip)[0], raw.x)


@pytest.mark.parametrize("cls", [cls for cls in ALL if not issubclass(cls, Mixing)], ids=names)
def test_a_rows_numbers_are_its_own(raw, cls):
    """However a batch is cut, and in any order, a row is changed alike; another step changes it otherwise."""
    formula = cls(probability=0.7)
    whole = changed(raw, formula)[0]
    parts = [changed(raw, formula, first=first, rows=rows)[0] for first, rows in ((0, 7), (7, 1), (8, 32))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert not np.array_equal(changed(raw, formula, step=2)[0], whole)


def test_pad_and_crop_is_numpys_with_every_offset_alike():
    """The offsets are recovered from the crops, of which each must be one of the padded image."""
    p, n, shape = 2, 5000, (6, 7, 3)
    x = np.random.default_rng(0).integers(3, 250, (n, int(np.prod(shape)))).astype(np.uint8)
    raw = RawValues(x, shape)
    new = augment(x, None, [dr.PadAndCrop(p)], raw, Drawn(7, 1))[0].reshape(-1, *shape)
    padded = np.pad(x.reshape(-1, *shape), ((0, 0), (p, p), (p, p), (0, 0)), constant_values=int(raw.low))
    crops = np.lib.stride_tricks.sliding_window_view(padded, shape, axis=(1, 2, 3))[:, :, :, 0]
    same = (crops == new[:, None, None]).all(axis=(3, 4, 5))
    assert (same.sum(axis=(1, 2)) == 1).all()
    assert stats.chisquare(same.sum(axis=0).ravel()).pvalue > 0.01


def test_affine_maps_compose_into_scipys(raw):
    """The first of the list acts first; SciPy is given the one matrix that they make."""
    formulas = [dr.Rotation(40), dr.Shear(20), dr.Zoom(0.3), dr.RandomCrop(0.6), dr.Translation(3)]
    new = changed(raw, *formulas)[0].reshape(-1, *SHAPE)
    height, width, channels = SHAPE
    centre = (np.array([height, width]) - 1) / 2
    for row in range(5):
        matrix, shift = np.eye(2), np.zeros(2)
        for place, each in enumerate(formulas):
            u = words(7, Purpose.AUGMENTATION, (row + 1, 1 + each.draws), place, 1)[row, 1:]
            a, b, c, d, e, f = each.affine(height, width, *(u + 0.5) / 2**32)
            matrix, shift = matrix @ [[a, b], [c, d]], matrix @ [e, f] + shift
        for channel in range(channels):
            image = raw.x[row].reshape(SHAPE)[..., channel].astype(float)
            expected = ndimage.affine_transform(
                image, matrix, centre + shift - matrix @ centre, order=1, mode="grid-constant", cval=raw.low
            )
            np.testing.assert_allclose(new[row, ..., channel], expected, atol=1e-9)


@pytest.mark.parametrize("turned", [False, True])
def test_elastic_deformation_is_scipys(turned):
    """Simard's recipe: fields smoothed by `gaussian_filter`, the image read by `map_coordinates`.

    The fields are added first, wherever in the list they stand: the affine maps move what is drawn on the rubber.
    """
    shape = (28, 30)
    x = np.random.default_rng(1).random((6, 28 * 30))
    raw, elastic, rotation = RawValues(x, shape), dr.Elastic(alpha=30, sigma=3.3), dr.Rotation(40)
    new, _ = augment(x, None, [elastic, rotation] if turned else [elastic], raw, Drawn(3, 9))
    drawn = words(3, Purpose.PIXELS, (6, 28 * 32), 0, 9).reshape(6, 28, 32)[..., :30]
    for row in range(6):
        fields = [
            elastic.alpha * ndimage.gaussian_filter((2.0 * half + 1) / 2**16 - 1, elastic.sigma, mode="constant")
            for half in (drawn[row] & 0xFFFF, drawn[row] >> 16)
        ]
        places = np.indices(shape) + fields
        if turned:
            u = words(3, Purpose.AUGMENTATION, (6, 2), 1, 9)[row, 1]
            a, b, c, d, _, _ = rotation.affine(*shape, (u + 0.5) / 2**32)
            centre = np.array([13.5, 14.5])[:, None, None]
            places = np.tensordot([[a, b], [c, d]], places - centre, 1) + centre
        expected = ndimage.map_coordinates(x[row].reshape(shape), places, order=1, mode="grid-constant", cval=raw.low)
        np.testing.assert_allclose(new[row].reshape(shape), expected, atol=1e-12)


def test_the_order_of_maps_matters():
    turn, shift = (0.0, 1.0, -1.0, 0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 1.0, 3.0, 0.0)
    assert composed(turn, shift) != composed(shift, turn)
    # Turned first, then shifted by 3 rows: the new place (y, x) = (0, 0) shows what the turn had at (3, 0).
    assert composed(turn, shift)[4:] == (0.0, -3.0)


def test_cosine_and_sine_are_numpys():
    degrees = np.linspace(-180, 180, 1001)
    cosine, sine = cosine_and_sine(degrees)
    np.testing.assert_allclose(cosine, np.cos(np.radians(degrees)), atol=2e-15)
    np.testing.assert_allclose(sine, np.sin(np.radians(degrees)), atol=2e-15)


def test_noise_is_normal_and_in_its_unit():
    x = np.random.default_rng(0).random((400, 100)) * np.arange(1, 101)
    raw = RawValues(x, (100,))
    new, _ = augment(x, None, [dr.FeatureNoise(0.2)], raw, Drawn(0, 1))
    noise = (new - x) / (0.2 * x.std(axis=0))
    assert stats.kstest(noise.ravel(), "norm").pvalue > 0.01
    image = RawValues(x, (10, 10))
    new, _ = augment(np.full((400, 100), 50.0), None, [dr.GaussianNoise(0.05)], image, Drawn(0, 1))
    assert new.std() == pytest.approx(0.05 * (image.high - image.low), rel=0.02)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_mixtures_are_beta_distributed(alpha):
    u = np.random.default_rng(0).random(20_000)
    b = np.random.default_rng(1).beta(alpha, alpha, 20_000)
    assert stats.ks_2samp(dr.Mixup(alpha).share(u), np.maximum(b, 1 - b)).pvalue > 0.01


def test_a_mixture_is_of_two_samples_and_each_is_the_other_part_once(raw):
    x, y = changed(raw, dr.Mixup(1.0))
    assert (np.count_nonzero(y, axis=1) == 2).all()
    assert (np.count_nonzero(y, axis=0) == 2).all()
    assert (np.diag(y) >= 0.5).all()
    np.testing.assert_allclose(x, y @ raw.x)
    assert np.array_equal(augment(raw.x[:1], np.ones((1, 1)), [dr.Mixup()], raw, Drawn(0, 1))[0], raw.x[:1])


@pytest.mark.parametrize(
    ("given", "words_"),
    [
        ("rotation", "images"),
        (["elastic", "elastic"], "at most one"),
        (["mixup", dr.Mixup(1.0)], "at most one"),
        ("turn", "for augmentation, got"),
        ({"name": "rotation", "angle": 3}, "a field of Rotation"),
        (dr.Adam(), "kind augmentation"),
        (5, "for augmentation, got"),
    ],
)
def test_what_cannot_be_meant_is_refused(given, words_):
    with pytest.raises(dr.DeltaruleError, match=words_):
        dr.train(dr.Recipe(augmentation=given, epochs=1), dr.load_dataset("iris"))


def test_colour_wants_three_channels():
    with pytest.raises(dr.DeltaruleError, match="3"):
        dr.train(dr.Recipe(augmentation="colour", epochs=1), dr.load_dataset("digits"))


def test_a_larger_data_set_keeps_its_type_its_labels_and_the_other_parts():
    digits = dr.load_dataset("digits")
    larger = dr.augmented(digits, [dr.Rotation(20), "brightness"], copies=2, seed=3)
    n = len(digits.train)
    assert larger.train.x.dtype == np.uint8
    assert larger.validation is digits.validation
    np.testing.assert_array_equal(larger.train.x[:n], digits.train.x)
    np.testing.assert_array_equal(larger.train.y, np.tile(digits.train.y, 3))
    assert not np.array_equal(larger.train.x[n : 2 * n], larger.train.x[2 * n :])
    alone = dr.augmented(digits.train, [dr.Rotation(20), "brightness"], copies=2, seed=3, originals=False)
    np.testing.assert_array_equal(alone.x, larger.train.x[n:])
    weighted = dr.Part(digits.train.x[:3], digits.train.y[:3], [1, 2, 3])
    assert dr.augmented(weighted, "rotation").weights.tolist() == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    ("given", "how"), [("mixup", {}), ([], {}), ("rotation", {"copies": 0}), ("rotation", {"originals": 1})]
)
def test_what_makes_no_larger_data_set_is_refused(given, how):
    with pytest.raises(dr.DeltaruleError):
        dr.augmented(dr.load_dataset("digits"), given, **how)


def test_only_samples_with_their_targets_are_augmented():
    with pytest.raises(DataError, match="a Dataset or a Part"):
        dr.augmented((np.zeros((3, 8, 8)), [0, 1, 0]), "rotation")


def test_kinds_are_those_that_engines_know():
    assert all(issubclass(cls, (Geometric, Displacement, Pixelwise, Mixing)) for cls in ALL)
