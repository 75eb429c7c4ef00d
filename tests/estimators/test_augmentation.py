"""Augmentation in the estimators: of rows of features, and of the images that lie in rows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits

import deltarule as dr

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_digits(return_X_y=True)
X, Y = X[:300] / 16, Y[:300]


def small(**parameters):
    return dr.MLPClassifier(**{"hidden_layer_sizes": (16,), "max_iter": 4, "random_state": 0} | parameters)


CONFIGURATIONS = [
    {"augmentation": ["rotation", dr.Translation(1)], "image_shape": (8, 8)},
    {"augmentation": {"name": "elastic", "alpha": 8.0, "sigma": 2.0}, "image_shape": [8, 8]},
    {"augmentation": dr.FeatureNoise(0.2), "early_stopping": True},
    {"augmentation": "mixup", "solver": "sgd", "learning_rate": "invscaling"},
]


@pytest.mark.parametrize("parameters", CONFIGURATIONS)
def test_both_engines_change_the_samples_alike(parameters):
    compiled, reference = (clone(small(**parameters, engine=engine)).fit(X, Y) for engine in ("compiled", "reference"))
    assert_allclose(compiled.coefs_[0], reference.coefs_[0], atol=1e-11)
    assert not np.allclose(compiled.coefs_[0], small(**parameters | {"augmentation": None}).fit(X, Y).coefs_[0])


def test_samples_are_changed_anew_from_one_call_to_the_next():
    whole = small(**CONFIGURATIONS[0], shuffle=False, batch_size=300, max_iter=3).fit(X, Y)
    stepped = small(**CONFIGURATIONS[0], shuffle=False, batch_size=300)
    for _ in range(3):
        stepped.partial_fit(X, Y, classes=np.unique(Y))
    assert not np.array_equal(stepped.coefs_[0], small(shuffle=False, batch_size=300, max_iter=3).fit(X, Y).coefs_[0])
    assert stepped.loss_curve_[1] != stepped.loss_curve_[0]
    assert len(whole.loss_curve_) == len(stepped.loss_curve_)


def test_networks_of_an_ensemble_meet_different_changes():
    ensemble = small(**CONFIGURATIONS[0], n_ensemble=2).fit(X, Y)
    assert not np.array_equal(ensemble.estimators_[0].coefs_[0], ensemble.estimators_[1].coefs_[0])


def test_it_is_kept_in_the_model(tmp_path):
    network = small(**CONFIGURATIONS[0]).fit(X, Y)
    model = dr.load_model(network.to_model().save(tmp_path / "digits.safetensors"))
    assert [each.name for each in model.recipe.augmentation] == ["rotation", "translation"]
    assert_array_equal(model.predict(X), network.predict(X))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"augmentation": "rotation"}, r"the shape of the images for rotation.*Try: image_shape=\(8, 8\)"),
        ({"augmentation": "rotation", "image_shape": (8, 7)}, r"rows of 56 numbers.*got 64 features"),
        ({"augmentation": "rotatio"}, "Try: 'rotation'"),
        ({"image_shape": 8}, "height and width, or height, width and channels for image_shape, got 8"),
        ({"augmentation": "colour", "image_shape": (8, 8)}, "for colour, got images of shape"),
        (
            {"augmentation": "rotation", "image_shape": (8, 8), "solver": "lbfgs"},
            'same objective .* solver="lbfgs"',
        ),
        ({"augmentation": ["mixup", "mixup"]}, "at most one mixture"),
    ],
)
def test_what_cannot_be_meant_is_told(parameters, message):
    with pytest.raises(ValueError, match=message):
        small(**parameters).fit(X, Y)
