"""Perturbations: the increase of the loss, the distance, what training with them changes, and what is refused."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

import deltarule as dr
from deltarule.engines.definition import losses, perturbed
from deltarule.errors import RecipeError
from deltarule.formulas import Perturbation, registered
from deltarule.training.preparing import prepared

X = np.random.default_rng(0).normal(size=(60, 7))
Y = np.arange(60) % 3


def problem(perturbation, **changes):
    network = dr.Network(hidden=(9,), activation="tanh", bias_initializer="glorot_uniform", **changes)
    recipe = dr.Recipe(network=network, perturbation=perturbation, scaling="none", stopping=None)
    return prepared(recipe, dr.Dataset(train=(X, Y)))[0]


@pytest.mark.parametrize("changes", [{}, {"input_scale": True}, {"normalization": "layer"}, {"dropout": 0.5}], ids=str)
@pytest.mark.parametrize("cls", [*registered("perturbation")], ids=lambda cls: cls.name)
def test_a_small_perturbation_increases_every_loss_by_the_gradient_times_the_distance(cls, changes):
    from deltarule.engines.backpropagation import forward

    given = problem(cls(1e-6), **changes)
    y, w = given.train.y(slice(None)), given.train.weight(slice(None))
    moved = perturbed(given, given.theta, X, y, w)

    def loss(x):
        return losses(given, forward(given, given.theta, x, training=True).z[-1], y)

    step = 1e-5
    g = np.stack([(loss(X + step * e) - loss(X - step * e)) / (2 * step) for e in np.eye(7)], axis=1)
    by_gradient = 1e-6 * (np.abs(g).sum(axis=1) if cls is dr.FastGradientSign else np.linalg.norm(g, axis=1))
    np.testing.assert_allclose(loss(moved) - loss(X), by_gradient, rtol=1e-3)


def test_the_fast_gradient_moves_each_sample_by_its_distance_and_no_sample_without_a_gradient():
    g = np.array([[3e-25, 4e-25], [0.0, 0.0], [1e20, 0.0]], np.float32)
    moved = dr.FastGradient(0.5).perturbed(np.zeros((3, 2), np.float32), g)
    np.testing.assert_allclose(moved, [[0.3, 0.4], [0.0, 0.0], [0.5, 0.0]], rtol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("classes", [2, 3])
def test_samples_that_are_fitted_to_the_last_digit_move_all_the_same(classes, precision):
    """In float32 a − y is 0 for a margin of 18 and more."""
    recipe = dr.Recipe(
        network=dr.Network(hidden=()),
        loss="sigmoid_cross_entropy" if classes == 2 else "softmax_cross_entropy",
        perturbation=dr.FastGradient(2.0),
        optimizer=dr.SGD(1e-9),
        batch_size=8,
        epochs=1,
        stopping=None,
        scaling="none",
    )
    y = np.arange(8) % classes
    x = np.eye(classes)[y] if classes > 2 else (2.0 * y - 1.0)[:, None] * [1.0, 0.0]
    sizes = (3, 3) if classes > 2 else (2, 1)
    w = 20.0 * np.eye(3) if classes > 2 else np.array([[18.0], [5.0]])
    start = [(w, np.zeros(sizes[1]))]
    found = [
        dr.train(
            recipe, dr.Dataset(train=(x, y)), engine=engine, initial_parameters=start, record="batch", **more
        ).batch_losses
        for engine, more in (("reference", {}), ("compiled", {"precision": precision}))
    ]
    assert found[0][0] > 10.0
    np.testing.assert_allclose(found[1], found[0], rtol=0.02 if precision == "bfloat16" else 1e-5)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_training_makes_a_network_robust_to_what_it_was_trained_against(engine):
    generator = np.random.default_rng(1)
    y = generator.integers(0, 2, 400)
    x = generator.normal(size=(400, 20)) + (2 * y[:, None] - 1) * 0.5
    base = dr.Recipe(network=dr.Network(hidden=(32,)), epochs=30, stopping=None, scaling="none", batch_size=50)
    errors = {}
    for name, perturbation in (("plain", None), ("adversarial", dr.FastGradient(1.0))):
        recipe = base.replace(perturbation=perturbation)
        model = dr.train(recipe, dr.Dataset(train=(x, y)), engine=engine).model
        attacked = prepared(base.replace(perturbation=dr.FastGradient(1.0)), dr.Dataset(train=(x, y)))[0]
        w = np.ones(len(x))
        moved = perturbed(attacked, np.asarray(model.parameters, np.float64), x, attacked.train.y(slice(None)), w)
        errors[name] = np.mean(model.predict(moved) != y)
    assert errors["adversarial"] < errors["plain"] - 0.05


@dataclass(frozen=True)
class Own(Perturbation):
    name: ClassVar[str] = "own"
    form: str = "right"

    def perturbed(self, x, g):
        forms = {"right": x + 0.1 * g, "sums": np.sum(x, axis=-1, keepdims=True), "number": 0.0, "two": (x, g)}
        return forms[self.form]


@pytest.mark.parametrize("form", ["sums", "number", "two"])
@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_own_perturbations_work_and_those_of_another_shape_are_refused(form, engine):
    recipe = dr.Recipe(network=dr.Network(hidden=(9,)), epochs=1, stopping=None)
    data = dr.Dataset(train=(X, Y))
    assert dr.train(recipe.replace(perturbation=Own()), data, engine=engine).model
    with pytest.raises(RecipeError, match="changed inputs"):
        dr.train(recipe.replace(perturbation=Own(form)), data, engine=engine)


def test_what_has_no_gradient_of_its_inputs_is_refused():
    for field, network in {"embedding": dr.Network(embedding="pbld"), "members": dr.Network(members=2)}.items():
        with pytest.raises(RecipeError, match=f"{field}. Try: perturbation=None") as caught:
            dr.Recipe(network=network, perturbation="fgm")
        assert caught.value.field == "perturbation"
    frame = pd.DataFrame({"a": np.arange(40.0), "c": list("wxyz") * 10})
    table = dr.Dataset(train=(frame, np.arange(40) % 2))
    recipe = dr.Recipe(
        network=dr.Network(category_embedding=2),
        preparation=dr.Preparation(embedded_above=2),
        perturbation="fgm",
    )
    with pytest.raises(RecipeError, match="embedded"):
        dr.train(recipe, table)
    assert dr.train(recipe.replace(preparation=dr.Preparation(), network=dr.Network(), epochs=1), table).model
