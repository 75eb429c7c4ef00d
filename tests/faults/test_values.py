"""Values at the edge: weights of 0 or nearly, inputs beyond float32, models whose parts do not fit, many slots."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import DataError, ModelError, OutOfMemory
from deltarule.formulas import Optimizer
from deltarule.recipes import Affine

GENERATOR = np.random.default_rng(0)
X, Y = GENERATOR.normal(size=(40, 5)), np.arange(40) % 3
RECIPE = dr.Recipe(network=dr.Network(hidden=(6,)), epochs=3, batch_size=4, stopping=None)
SOME = np.where(np.arange(40) < 3, 1.0, 0.0)
ENGINES = pytest.mark.parametrize("engine", ["compiled", "reference"])


@ENGINES
@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_weights_that_float32_cannot_hold(engine, size):
    with pytest.raises(DataError, match=r"weights\.mean"):
        dr.train(RECIPE, dr.Dataset(train=(X, Y, np.full(40, size))), engine=engine)


@ENGINES
def test_samples_whose_weights_are_all_0(engine):
    data = dr.Dataset(train=(X, Y, SOME))
    with pytest.raises(DataError, match="at least one weight above 0"):
        dr.train_many([RECIPE], data, rows=[np.arange(20, 40)], engine=engine)
    with pytest.raises(DataError, match="at least one weight above 0"):
        dr.train(RECIPE.replace(class_weight={0: 0, 1: 0, 2: 0}), dr.Dataset(train=(X, Y)), engine=engine)
    with pytest.raises(DataError, match=r"weights\.mean"):
        dr.MLPClassifier((4,), max_iter=2, engine=engine).fit(X, Y, sample_weight=np.full(40, 1e-300))


@pytest.mark.parametrize("optimizer", [dr.SGD(0.1), dr.Adam(0.1), dr.Muon(0.1)])
@pytest.mark.parametrize("penalty", [None, dr.L2(0.1), dr.L2(0.1, per_batch=True), dr.L1(0.1, proximal=True)])
def test_a_batch_of_weight_0_adds_nothing_to_the_gradient(optimizer, penalty):
    """Most batches hold none of the three samples that count; both engines take the same steps."""
    data = dr.Dataset(train=(X, Y, SOME))
    recipe = RECIPE.replace(optimizer=optimizer, penalty=penalty)
    made = dr.train(recipe, data, precision="float64", record="batch")
    defined = dr.train(recipe, data, engine="reference", record="batch")
    np.testing.assert_allclose(made.model.theta, defined.model.theta, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(made.batch_losses, defined.batch_losses, rtol=1e-9)
    assert 0 < np.isnan(made.batch_losses).mean() < 1


def test_sgd_stays_where_it_is_at_a_batch_of_weight_0():
    data = dr.Dataset(train=(X, Y, SOME))
    order = [[np.arange(10, 14)], [np.arange(20, 40)]]
    training = dr.epochs(RECIPE.replace(optimizer="sgd", epochs=2, evaluate_train=True), data, batches=order)
    before = training.model.theta
    training.finish()
    np.testing.assert_array_equal(training.model.theta, before)
    assert training.run.status == "finished"


def test_inputs_beyond_float32():
    model = dr.train(RECIPE, dr.Dataset(train=(X, Y))).model
    with pytest.raises(ModelError, match=r"within the range of float32, got row 1 "):
        model.predict(np.array([[0.0] * 5, [1e39] * 5]))
    with pytest.raises(ModelError, match="within the range of float32"):
        model.predict_proba(np.full((1, 5), 3e38, np.float32))
    wide = dr.train(RECIPE, dr.Dataset(train=(X, Y)), precision="float64").model
    assert np.isfinite(wide.predict_proba(np.full((2, 5), 1e39))).all()
    estimator = dr.MLPClassifier((4,), tol=10.0, n_iter_no_change=1).fit(X.astype(np.float32), Y)
    with pytest.raises(ValueError, match="within the range of float32"):
        estimator.predict(np.full((2, 5), 1e39))


def test_parts_of_a_model_fit_each_other():
    model = dr.train(RECIPE, dr.Dataset(train=(X, Y))).model
    numbers = dr.train(RECIPE, dr.Dataset(train=(X, X[:, :2]))).model
    wrong = [
        (model, "scaling", Affine(np.zeros(2), np.ones(5))),
        (model, "scaling", Affine(np.zeros(5), np.ones(6))),
        (model, "scaling", Affine(np.zeros((5, 1)), np.ones(5))),
        (numbers, "target_scaling", Affine(np.zeros(3), np.ones(3))),
        (model, "classes", np.arange(2)),
        (model, "theta", np.arange(model.theta.size)),
        (model, "theta", model.theta.astype(np.float16)),
        (model, "theta", model.theta[1:]),
    ]
    for made, name, value in wrong:
        with pytest.raises(ModelError):
            dataclasses.replace(made, **{name: value})
    assert (dataclasses.replace(model, scaling=Affine(np.zeros(5), np.ones(5))).predict(X) >= 0).all()


@ENGINES
def test_networks_that_do_not_fit_into_memory(engine):
    data = dr.Dataset(train=(X, Y))
    with pytest.raises(OutOfMemory, match="Unable to allocate"):
        dr.train(RECIPE.replace(network=dr.Network(hidden=(10**7, 10**8))), data, engine=engine)
    with pytest.raises(OutOfMemory, match="Unable to allocate"):
        dr.MLPClassifier((10**7, 10**8), engine=engine).fit(X, Y)


@dataclass(frozen=True)
class ManySlots(Optimizer):
    """A mean of gradients in each of many slots."""

    name: ClassVar[str] = "many_slots"
    slots: ClassVar[tuple[str, ...]] = tuple(f"m{number}" for number in range(40))

    def step(self, w, g, t, *slots):
        made = [0.5 * slot + g * (number + 1) / 100 for number, slot in enumerate(slots)]
        return (w - self.learning_rate * sum(made, 0.0 * w), *made)


@pytest.mark.parametrize("averaging", [None, dr.ExponentialAverage(0.6)])
@pytest.mark.parametrize("clipping", [None, dr.ClipByNorm(0.5)])
def test_an_optimizer_of_forty_slots(averaging, clipping):
    """What a step reads and writes has room, whatever there is: words beyond it were other arrays' once."""
    recipe = RECIPE.replace(optimizer=ManySlots(0.01), averaging=averaging, clipping=clipping)
    data = dr.Dataset(train=(X, Y))
    made = dr.train(recipe, data, precision="float64", n_threads=2)
    defined = dr.train(recipe, data, engine="reference")
    np.testing.assert_allclose(made.model.theta, defined.model.theta, rtol=1e-9, atol=1e-11)
