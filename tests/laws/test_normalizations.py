"""Normalisations: what they make of a layer, their gradients, and what they keep."""

import itertools

import numpy as np
import pytest

import deltarule as dr
from deltarule.formulas import registered
from deltarule.studies.gradient_check import gradient_check

FORMULAS = [cls() for cls in registered("normalization")]


def data(n=40):
    x = np.random.default_rng(1).normal(size=(n, 5)) * 3 + 1
    return dr.Dataset(train=(x, np.arange(n) % 3), validation=(x[:10], np.arange(10) % 3))


def recipe(formula, **fields):
    network = dr.Network(hidden=(9, 6), activation=fields.pop("activation", "tanh"), normalization=formula)
    return dr.Recipe(network=network, stopping=None, epochs=6, batch_size=10, **fields)


LOSSES = [dr.SoftmaxCrossEntropy(), dr.SigmoidCrossEntropy(label_smoothing=0.1), dr.SquaredError()]


@pytest.mark.parametrize(
    ("formula", "activation", "loss"), list(itertools.product(FORMULAS, ["tanh", "gelu", "sigmoid"], LOSSES)), ids=repr
)
def test_backpropagation_is_the_derivative(formula, activation, loss):
    check = gradient_check(recipe(formula, activation=activation, loss=loss, penalty=dr.L2(0.01)), data())
    assert check.largest_relative_error < 1e-6


@pytest.mark.parametrize("formula", FORMULAS, ids=repr)
def test_mean_0_and_variance_1_along_its_axis(formula):
    z = np.random.default_rng(0).normal(size=(30, 8)) * 4 + 2
    m, v = z.mean(axis=formula.axis, keepdims=True), z.var(axis=formula.axis, keepdims=True)
    x = formula.normalized(z, m, v)
    assert x.mean(axis=formula.axis) == pytest.approx(0, abs=1e-12)
    assert x.var(axis=formula.axis) == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("formula", FORMULAS, ids=repr)
@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_the_scale_of_the_weights_does_not_matter(formula, engine):
    """Weights ten times as large give the same sums after normalisation, but for ε."""
    exact = formula.replace(epsilon=1e-12)
    start = [
        (np.random.default_rng(k).normal(size=shape), np.zeros(shape[1]))
        for k, shape in enumerate([(5, 9), (9, 6), (6, 3)])
    ]
    larger = [*((10 * W, b) for W, b in start[:-1]), start[-1]]
    still = recipe(exact, optimizer=dr.SGD(1e-300)).replace(epochs=1, batch_size=40)
    ends = [
        dr.train(still, data(), initial_parameters=each, engine=engine, precision="float64") for each in (start, larger)
    ]
    assert ends[0].history[0].train_loss == pytest.approx(ends[1].history[0].train_loss, rel=1e-9)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_predictions_use_what_was_kept_and_do_not_depend_on_the_neighbours(engine):
    run = dr.train(recipe("batch"), data(), engine=engine, precision="float64")
    model, x = run.model, data().validation.x
    one_by_one = np.concatenate([model.raw_outputs(x[k : k + 1]) for k in range(len(x))])
    assert one_by_one == pytest.approx(model.raw_outputs(x), rel=1e-12)
    held = dr.evaluate(model, data().validation)
    assert run.history[-1].validation_loss == pytest.approx(held.loss, rel=1e-12)


def test_the_kept_statistics_come_to_those_of_the_data():
    chosen = recipe(dr.BatchNormalization(momentum=0.99), optimizer=dr.SGD(1e-300)).replace(epochs=600, scaling="none")
    model = dr.train(chosen, data(), precision="float64").model
    W, b = model.layers[0]
    z = data().train.x @ W + b
    state = model.states[0]
    assert state.mean == pytest.approx(z.mean(axis=0), rel=0.1, abs=0.2)
    assert state.variance == pytest.approx(z.var(axis=0), rel=0.2)
    assert (model.biases[0] == 0).all()


@pytest.mark.parametrize("formula", FORMULAS, ids=repr)
def test_a_normalised_model_goes_through_its_file(formula, tmp_path):
    model = dr.train(recipe(formula), data()).model
    again = dr.load_model(model.save(tmp_path / "model.safetensors"))
    assert again.parameters.tobytes() == model.parameters.tobytes()
    assert again.raw_outputs(data().train.x).tobytes() == model.raw_outputs(data().train.x).tobytes()


def test_a_file_without_its_statistics_or_with_negative_variances_is_refused(tmp_path):
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    path = dr.train(recipe("batch"), data()).model.save(tmp_path / "model.safetensors")
    with safe_open(path, "numpy") as opened:
        metadata = opened.metadata()
    tensors = load_file(path)
    for broken, match in (
        ({**tensors, "layer.0.variance": -tensors["layer.0.variance"]}, "variances"),
        ({name: tensor for name, tensor in tensors.items() if name != "layer.1.gamma"}, "layer.1.gamma"),
        ({**tensors, "layer.0.beta": tensors["layer.0.beta"][:3]}, "layer.0.beta"),
    ):
        save_file(broken, path, metadata)
        with pytest.raises(dr.DeltaruleError, match=match):
            dr.load_model(path)


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_batch_of_one_and_a_single_unit_are_finite(engine):
    for formula in FORMULAS:
        network = dr.Network(hidden=(1,), normalization=formula)
        run = dr.train(dr.Recipe(network=network, batch_size=1, epochs=2, stopping=None), data(), engine=engine)
        assert np.isfinite(run.model.parameters).all()
