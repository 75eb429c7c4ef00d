"""The compiled engine augments as the definition says, and alike for any number of threads."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import deltarule as dr
from deltarule.engines.compiled.plan.augmenter import Augmenter
from deltarule.engines.compiled.plan.memory import Arena
from deltarule.engines.compiled.plan.tables import Rows
from deltarule.engines.compiled.runtime.epochs import SingleThread
from deltarule.formulas import registered
from deltarule.formulas.augmentations import Displacement, Mixing, Pixelwise, Place
from deltarule.formulas.augmentations.composition import Drawn, RawValues, augment
from deltarule.native.processor import processor
from deltarule.recipes import Scaling

RELAXED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "derandomize": True}
ALL = list(registered("augmentation"))


@st.composite
def images(draw, channels=(1, 3)):
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    shape = (height, width, draw(st.sampled_from(channels)))
    kind = draw(st.sampled_from([np.uint8, np.float32, np.float64]))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    return (generator.random((30, int(np.prod(shape)))) * 200 + 10).astype(kind), shape


@st.composite
def lists(draw, shape, kinds):
    fitting = [cls for cls in kinds if cls.samples != "rgb" or shape[2] == 3]
    chosen = draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=4))
    first = next((cls for cls in chosen if issubclass(cls, Displacement)), None)
    chosen = [cls for cls in chosen if not issubclass(cls, Displacement) or cls is first]
    alike = [cls for place, cls in enumerate(chosen) if not issubclass(cls, Displacement) or cls not in chosen[:place]]
    return [cls(probability=draw(st.sampled_from([0.5, 1.0]))) for cls in alike]


def built(x, shape, augmentations, precision, scaling, step=5, rows=23):
    """A batch as the machine builds it, by one thread: (rows, columns), scaled."""
    raw, arena = RawValues(x, shape), Arena(precision)
    augmenter = Augmenter(arena, dr.Recipe(augmentation=augmentations), raw, x, scaling)
    matrix, order = arena.matrix(rows, x.shape[1]), np.arange(rows)[::-1].copy()
    parts = [augmenter.augment(order.ctypes.data, matrix, Rows(part, 3), rows) for part in range(3)]
    SingleThread(arena, parts, seed_low=11, step=step)(rows)
    expected, _ = augment(x[order], None, augmentations, raw, Drawn(11, step))
    return matrix.view(rows)[:, : x.shape[1]].copy(), scaling(expected)


KINDS = [cls for cls in ALL if not issubclass(cls, Mixing)]


@settings(max_examples=40, **RELAXED)
@given(st.data())
def test_batches_are_those_of_the_definition(data):
    x, shape = data.draw(images())
    augmentations = data.draw(lists(shape, KINDS))
    scaling = Scaling("standard").learn(x, image=False)
    met, expected = built(x, shape, augmentations, "float64", scaling)
    np.testing.assert_allclose(met, expected, rtol=1e-9, atol=1e-9)
    met, expected = built(x, shape, augmentations, "float32", scaling)
    # A place is rounded to some 10⁻⁵ of a pixel, noise far from the mean to some 10⁻⁴ of itself.
    np.testing.assert_allclose(met, expected, rtol=2e-3, atol=2e-3)


def test_large_fields_are_smoothed_in_blocks():
    x = np.random.default_rng(0).random((30, 150 * 70))
    met, expected = built(x, (150, 70), [dr.Elastic(30, 3)], "float64", Scaling("none").learn(x, image=True))
    np.testing.assert_allclose(met, expected, atol=1e-9)


@pytest.mark.parametrize("shape", [(28, 28), (20, 33, 3), (5, 3), (1, 40, 3)])
@pytest.mark.parametrize("augmentations", [[dr.PadAndCrop(2)], [dr.PadAndCrop(45), "vertical_flip", "horizontal_flip"]])
def test_whole_pixels_are_copied(shape, augmentations):
    """In float32, too, to the last bit: nothing is interpolated."""
    x = np.random.default_rng(0).integers(1, 256, (30, int(np.prod(shape)))).astype(np.uint8)
    scaling = Scaling("none").learn(x, image=True)
    for precision in ("float32", "float64"):
        met, expected = built(x, shape, dr.Recipe(augmentation=augmentations).augmentation, precision, scaling)
        np.testing.assert_array_equal(met, expected)


def test_what_changes_nothing_leaves_the_bits():
    x = np.random.default_rng(0).integers(0, 255, (30, 28 * 28)).astype(np.uint8)
    scaling = Scaling("unit").learn(x, image=True)
    plain = scaling(x[np.arange(23)[::-1]]).astype(np.float32)
    for augmentations in ([dr.Rotation(0)], [dr.Elastic(alpha=0)], [dr.HorizontalFlip(probability=0)]):
        met, _ = built(x, (28, 28), augmentations, "float32", scaling)
        np.testing.assert_allclose(met, plain, atol=1e-7)


EVERYTHING = [
    dr.Rotation(20), dr.Elastic(8, 2, probability=0.7), dr.Contrast(), dr.GaussianNoise(), dr.Cutout(2), dr.Mixup(1.0)
]  # fmt: skip


@pytest.mark.parametrize("augmentations", [EVERYTHING, [dr.Translation(1)], [dr.Mixup(1.0)]])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_training_equals_the_reference_and_itself_for_any_threads(augmentations, precision):
    digits = dr.load_dataset("digits")
    data = dr.Dataset(train=digits.train.rows(slice(0, 200)), validation=digits.validation)
    network = dr.Network(hidden=(20,), activation="tanh", dropout=[0.1, 0.1])
    recipe = dr.Recipe(network=network, optimizer="sgd", batch_size=37, epochs=3, augmentation=augmentations, seed=4)
    expected = dr.train(recipe, data, engine="reference", record="batch_after")
    runs = [dr.train(recipe, data, precision=precision, n_threads=n, record="batch_after") for n in (1, 2, 3)]
    tolerance = 1e-9 if precision == "float64" else 1e-4
    assert runs[0].model.theta == pytest.approx(expected.model.theta, rel=tolerance, abs=tolerance)
    assert runs[0].batch_losses == pytest.approx(expected.batch_losses, rel=tolerance, abs=tolerance)
    assert runs[0].history[-1].train_score == pytest.approx(expected.history[-1].train_score, abs=1e-9)
    for run in runs[1:]:
        assert run.model.theta.tobytes() == runs[0].model.theta.tobytes()
        assert run.batch_losses.tobytes() == runs[0].batch_losses.tobytes()


@pytest.mark.parametrize("kind", ["numbers", "two classes"])
def test_mixtures_of_other_targets(kind):
    x = np.random.default_rng(0).normal(size=(60, 5))
    y = x[:, :2] * 3 if kind == "numbers" else np.arange(60) % 2
    loss = "squared_error" if kind == "numbers" else "sigmoid_cross_entropy"
    network = dr.Network(hidden=(6,), activation="tanh")
    recipe = dr.Recipe(network=network, loss=loss, optimizer="sgd", epochs=3, augmentation=["feature_noise", "mixup"])
    data = dr.Dataset(train=(x, y, np.arange(60) + 1.0))
    one, two = (dr.train(recipe, data, engine=engine) for engine in ("reference", "compiled"))
    other = dr.train(recipe, data, precision="float64", n_threads=2)
    assert two.model.theta == pytest.approx(one.model.theta, abs=1e-4)
    assert other.model.theta == pytest.approx(one.model.theta, rel=1e-9)
    assert other.history[-1].train_loss == pytest.approx(one.history[-1].train_loss, rel=1e-9)
    assert other.history[-1].train_score == pytest.approx(one.history[-1].train_score, rel=1e-9)


def test_only_the_training_steps_see_changed_samples():
    """Figures of whole parts are taken of the samples as they are."""
    digits = dr.load_dataset("digits")
    recipe = dr.Recipe(epochs=2, evaluate_train=True, augmentation="rotation", network=dr.Network(hidden=(16,)))
    run = dr.train(recipe, digits, precision="float64")
    for part, score in ((digits.train, "train_score"), (digits.validation, "validation_score")):
        shown = getattr(run.history[run.best_epoch - 1], score)
        assert dr.evaluate(run.model, part).score == pytest.approx(shown, abs=1e-12)


def test_ones_own_augmentation_is_compiled():
    from dataclasses import dataclass

    from deltarule.formulas import formula

    @dr.register("a_gradient_of_light")
    @dataclass(frozen=True)
    class Light(Pixelwise):
        strength: float = 0.5
        draws = 1

        def value(self, x, at: Place, *u):
            return x * (1 + self.strength * u[0] * at.row / at.height)

    recipe = dr.Recipe(augmentation=formula("augmentation", "a_gradient_of_light"), epochs=1, optimizer="sgd")
    one, two = (dr.train(recipe, dr.load_dataset("digits"), engine=engine) for engine in ("reference", "compiled"))
    assert two.model.theta == pytest.approx(one.model.theta, abs=1e-4)


def test_features_far_from_zero_keep_their_digits():
    """In float32, too, noise is added before anything is rounded."""
    x = np.random.default_rng(0).normal(1.6e9, 10.0, (30, 5))
    met, expected = built(x, (5,), [dr.FeatureNoise(0.1)], "float32", Scaling("standard").learn(x, image=False))
    np.testing.assert_allclose(met, expected, atol=1e-5)


BITS = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.engines.test_augmentation import bits
print(bits())
"""


def bits():
    """A hash of a batch under all that is drawn, read and changed."""
    x = np.random.default_rng(0).integers(0, 256, (30, 20 * 20)).astype(np.uint8)
    augmentations = [dr.Rotation(20), dr.Elastic(20, 3), dr.Contrast(), dr.GaussianNoise(), dr.Cutout(3)]
    scaling, copied = Scaling("unit").learn(x, image=True), [dr.PadAndCrop(3), dr.HorizontalFlip()]
    met = [built(x, (20, 20), each, "float32", scaling)[0] for each in (augmentations, copied)]
    return hashlib.sha256(np.array(met).tobytes()).hexdigest()


@pytest.mark.skipif(not processor().features.count("avx512f"), reason="AVX2 is no other processor here")
def test_bits_are_those_of_another_processor():
    environment = os.environ | {"DELTARULE_CPU": "haswell", "DELTARULE_CPU_FEATURES": "+avx2,+fma"}
    command = [sys.executable, "-c", BITS, str(Path(__file__).parents[2])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == bits()


def test_chosen_rows_are_augmented_as_they_stand():
    digits = dr.load_dataset("digits")
    recipe = dr.Recipe(augmentation=["rotation", "brightness"], epochs=2, stopping=None, optimizer="sgd", batch_size=16)
    rows = [np.arange(5, 90, 2), np.arange(40)]
    met = dr.train_many([recipe, recipe.replace(seed=1)], digits, rows=rows)
    for run, chosen, seed in zip(met, rows, (0, 1), strict=True):
        part = dr.Dataset(train=digits.train.rows(chosen))
        expected = dr.train(recipe.replace(seed=seed), part, engine="reference")
        assert run.model.theta == pytest.approx(expected.model.theta, abs=1e-3)
