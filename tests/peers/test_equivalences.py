"""Every line of docs/equivalences.md: what a setting elsewhere is here."""

from __future__ import annotations

import inspect
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.neural_network import MLPClassifier, MLPRegressor

import deltarule as dr
from deltarule import formulas
from deltarule.engines import parameters

SAMPLES, BATCH, EPOCHS = 60, 20, 4
ROWS = np.arange(SAMPLES).reshape(-1, BATCH)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(SAMPLES, 5))
CLASSES = RNG.integers(0, 3, SAMPLES)
NUMBERS = X @ RNG.normal(size=5)
GRADIENTS = RNG.normal(size=(50, 7))
START = RNG.normal(size=7)


def steps(optimizer):
    """The parameters after each step along the same gradients."""
    w, slots, path = START, [np.zeros_like(START) for _ in optimizer.slots], []
    for t, g in enumerate(GRADIENTS, start=1):
        w, *slots = optimizer.step(w, g, t, *slots)
        path.append(w)
    return np.array(path)


def steps_of(rule, slots=1):
    """The same for a rule written out: rule(w, g, t, *slots) → w, slots."""
    w, held, path = START, [np.zeros_like(START)] * slots, []
    for t, g in enumerate(GRADIENTS, start=1):
        w, *held = rule(w, g, t, *held)
        path.append(w)
    return np.array(path)


# --- The rules of the four experiments, each written out as its text has it ----------------------------------------


def test_momentum_as_a_moving_average():
    def rule(w, g, t, v):
        v = 0.9 * v + 0.1 * g
        return w - 0.0007 * v, v

    assert_allclose(steps(dr.Momentum(0.0007, momentum=0.9, dampening=0.9)), steps_of(rule), rtol=1e-12)


def test_adam_with_epsilon_inside_the_root():
    def rule(w, g, t, m, v):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        return w - 0.0007 * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - 0.999**t) + 1e-8), m, v

    assert_allclose(steps(dr.Adam(0.0007, epsilon_place="inside")), steps_of(rule, 2), rtol=1e-12)


def test_from_scratch_sgd():
    assert_allclose(steps(dr.SGD(0.01)), steps_of(lambda w, g, t: (w - 0.01 * g,), 0), rtol=1e-12)


def test_from_scratch_momentum():
    def rule(w, g, t, v):
        v = 0.9 * v - 0.01 * g
        return w + v, v

    assert_allclose(steps(dr.Momentum(0.01, momentum=0.9)), steps_of(rule), rtol=1e-12)


def test_from_scratch_adagrad():
    def rule(w, g, t, h):
        h = h + g * g
        return w - 0.01 * g / (np.sqrt(h) + 1e-7), h

    assert_allclose(steps(dr.AdaGrad(0.01)), steps_of(rule), rtol=1e-12)


def test_from_scratch_rmsprop():
    def rule(w, g, t, h):
        h = 0.99 * h + 0.01 * g * g
        return w - 0.01 * g / (np.sqrt(h) + 1e-7), h

    assert_allclose(steps(dr.RMSProp(0.01)), steps_of(rule), rtol=1e-12)


def test_from_scratch_adam():
    def rule(w, g, t, m, v):
        m, v = m + 0.1 * (g - m), v + 0.001 * (g**2 - v)
        rate = 0.001 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        return w - rate * m / (np.sqrt(v) + 1e-7), m, v

    assert_allclose(steps(dr.Adam(epsilon=1e-7, epsilon_place="before_correction")), steps_of(rule, 2), rtol=1e-12)


def test_both_velocities_of_momentum_are_one_rule():
    classical, modern = (steps(dr.Momentum(0.1, velocity=form)) for form in ("steps", "gradients"))
    assert_allclose(classical, modern, rtol=1e-12)


# --- Nielsen's network2 ----------------------------------------------------------------------------------------------


def layers(sizes, seed):
    """First weights and biases, drawn."""
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(a, b)), rng.normal(size=b)) for a, b in pairwise(sizes)]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("cost", ["QuadraticCost", "CrossEntropyCost"])
def test_network2(cost):
    """w ← (1 − ηλ/n) w − (η/m) Σ ∇w, biases not decayed: n samples in training, m in the batch."""
    eta, lmbda, sizes = 0.5, 3.0, (5, 4, 3)
    (w1, b1), (w2, b2) = start = layers(sizes, 1)
    targets = np.eye(3)[CLASSES]
    for _ in range(EPOCHS):
        for rows in ROWS:
            x, y = X[rows], targets[rows]
            a1 = sigmoid(x @ w1 + b1)
            a2 = sigmoid(a1 @ w2 + b2)
            d2 = (a2 - y) * (a2 * (1 - a2) if cost == "QuadraticCost" else 1)
            d1 = d2 @ w2.T * a1 * (1 - a1)
            keep, rate = 1 - eta * lmbda / SAMPLES, eta / BATCH
            w2, b2 = keep * w2 - rate * a1.T @ d2, b2 - rate * d2.sum(axis=0)
            w1, b1 = keep * w1 - rate * x.T @ d1, b1 - rate * d1.sum(axis=0)
    loss = {"QuadraticCost": dr.HalfSquaredError(inverse_link="sigmoid"), "CrossEntropyCost": dr.SigmoidCrossEntropy()}[
        cost
    ]
    recipe = dr.Recipe(
        network=dr.Network(hidden=(4,), activation="sigmoid"),
        loss=loss,
        optimizer=dr.SGD(eta),
        penalty=dr.L2(lmbda / SAMPLES),
        batch_size=BATCH,
        epochs=EPOCHS,
        stopping=None,
        scaling="none",
    )
    data = dr.Dataset(train=(X, CLASSES))
    model = dr.train(recipe, data, initial_parameters=start, batches=[ROWS] * EPOCHS, engine="reference").model
    for ours, theirs in zip(model.layers, [(w1, b1), (w2, b2)], strict=True):
        assert_allclose(ours[0], theirs[0], rtol=1e-10)
        assert_allclose(ours[1], theirs[1], rtol=1e-10)


def test_the_penalties_that_are_divided():
    w, lmbda, samples = START, 3.0, 20
    assert_allclose(np.sum(dr.L2(lmbda / samples).value(w)), lmbda / (2 * samples) * np.sum(w**2), rtol=1e-12)


def test_log_likelihood():
    """Nielsen's C = −ln a of the right class, a the softmax."""
    z = RNG.normal(size=(SAMPLES, 3))
    a = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    wanted = -np.log(a[np.arange(SAMPLES), CLASSES])
    assert_allclose(dr.SoftmaxCrossEntropy().value(z, np.eye(3)[CLASSES]), wanted, rtol=1e-12)


def test_network2_first_weights():
    assert formulas.LeCun().scale(784, 30) == pytest.approx(1 / np.sqrt(784))
    assert formulas.StandardNormal().scale(784, 30) == 1.0


# --- scikit-learn's MLPClassifier and MLPRegressor -------------------------------------------------------------------

ALPHA = 0.8
SOLVERS = {
    "sgd": ({"solver": "sgd", "learning_rate_init": 0.1, "momentum": 0.0}, dr.SGD(0.1)),
    "momentum": (
        {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0.9, "nesterovs_momentum": False},
        dr.Momentum(0.05, momentum=0.9),
    ),
    "nesterov": (
        {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0.9},
        dr.Nesterov(0.05, momentum=0.9),
    ),
    "adam": ({"solver": "adam", "learning_rate_init": 0.01}, dr.Adam(0.01, epsilon_place="before_correction")),
}


def theirs(kind, y, activation, **settings):
    """The weights of scikit-learn's network after the same batches in the same order."""
    usual = {"hidden_layer_sizes": (4,), "alpha": ALPHA, "batch_size": BATCH, "shuffle": False, "tol": 0.0}
    usual |= settings
    network = kind(**usual, activation=activation, max_iter=EPOCHS, random_state=0)
    network.fit(X, y)
    return list(zip(network.coefs_, network.intercepts_, strict=True))


def ours(y, start, loss, activation, optimizer):
    recipe = dr.Recipe(
        network=dr.Network(hidden=(4,), activation=activation),
        loss=loss,
        optimizer=optimizer,
        penalty=dr.L2(ALPHA / BATCH),
        batch_size=BATCH,
        epochs=EPOCHS,
        stopping=None,
        scaling="none",
        target_scaling="none",
    )
    return dr.train(
        recipe, dr.Dataset(train=(X, y)), initial_parameters=start, batches=[ROWS] * EPOCHS, engine="reference"
    ).model.layers


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("kind", "y", "loss"),
    [
        (MLPClassifier, CLASSES, dr.SoftmaxCrossEntropy()),
        (MLPClassifier, CLASSES > 0, dr.SigmoidCrossEntropy()),
        (MLPRegressor, NUMBERS, dr.HalfSquaredError()),
    ],
    ids=["classes", "two classes", "numbers"],
)
@pytest.mark.parametrize(("named", "activation"), [("relu", "relu"), ("tanh", "tanh"), ("logistic", "sigmoid")])
def test_scikit_learn(kind, y, loss, solver, named, activation):
    settings, optimizer = SOLVERS[solver]
    start = theirs(kind, y, named, **{**settings, "learning_rate_init": 1e-300})  # moves nothing: the first weights
    wanted = theirs(kind, y, named, **settings)
    for (w, b), (w_theirs, b_theirs) in zip(ours(y, start, loss, activation, optimizer), wanted, strict=True):
        assert_allclose(w, w_theirs, rtol=1e-8, atol=1e-12)
        assert_allclose(b, b_theirs, rtol=1e-8, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_scikit_learn_divides_alpha_by_each_batch():
    """A last batch that is smaller is decayed more."""
    start = theirs(MLPClassifier, CLASSES, "relu", solver="sgd", learning_rate_init=1e-300)
    usual = {"hidden_layer_sizes": (4,), "alpha": 5.0, "shuffle": False, "max_iter": 1, "random_state": 0, "tol": 0.0}
    network = MLPClassifier(**usual, batch_size=50, solver="sgd", learning_rate_init=0.1, momentum=0.0).fit(X, CLASSES)
    recipe = dr.Recipe(
        network=dr.Network(hidden=(4,)),
        optimizer=dr.SGD(0.1),
        penalty=dr.L2(5.0, per_batch=True),
        epochs=1,
        stopping=None,
        scaling="none",
    )
    batches = [[np.arange(50), np.arange(50, 60)]]
    run = dr.train(
        recipe, dr.Dataset(train=(X, CLASSES)), initial_parameters=start, batches=batches, precision="float64"
    )
    for (weights, biases), w, b in zip(run.model.layers, network.coefs_, network.intercepts_, strict=True):
        assert_allclose(weights, w, rtol=1e-10, atol=1e-12)
        assert_allclose(biases, b, rtol=1e-10, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.skipif("sample_weight" not in inspect.signature(MLPClassifier.fit).parameters, reason="before 1.7")
def test_scikit_learn_sample_weights():
    """alpha is divided by the batch's weights: with the same sum in every batch there is a λ."""
    weights = np.tile([0.5, 1.0, 1.5, 3.0], SAMPLES // 4)
    total = weights[:BATCH].sum()
    usual = {"hidden_layer_sizes": (4,), "alpha": ALPHA, "batch_size": BATCH, "shuffle": False, "tol": 0.0}
    usual |= {"max_iter": EPOCHS, "random_state": 0}
    first = MLPClassifier(**usual, learning_rate_init=1e-300).fit(X, CLASSES, sample_weight=weights)
    last = MLPClassifier(**usual, learning_rate_init=0.01).fit(X, CLASSES, sample_weight=weights)
    recipe = dr.Recipe(
        network=dr.Network(hidden=(4,)),
        optimizer=dr.Adam(0.01, epsilon_place="before_correction"),
        penalty=dr.L2(ALPHA / total),
        batch_size=BATCH,
        epochs=EPOCHS,
        stopping=None,
        scaling="none",
    )
    start = list(zip(first.coefs_, first.intercepts_, strict=True))
    data = dr.Dataset(train=(X, CLASSES, weights))
    layers = dr.train(recipe, data, initial_parameters=start, batches=[ROWS] * EPOCHS, engine="reference").model.layers
    for (w, b), w_theirs, b_theirs in zip(layers, last.coefs_, last.intercepts_, strict=True):
        assert_allclose(w, w_theirs, rtol=1e-8, atol=1e-12)
        assert_allclose(b, b_theirs, rtol=1e-8, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_scikit_learn_as_it_is_made():
    """MLPClassifier(): one hidden layer of 100 rectified units, Adam, alpha = 10⁻⁴, batches of min(200, n)."""
    usual = {"shuffle": False, "random_state": 0, "max_iter": 5}
    first, last = (MLPClassifier(**usual, **rate).fit(X, CLASSES) for rate in ({"learning_rate_init": 1e-300}, {}))
    recipe = dr.Recipe(
        network=dr.Network(hidden=(100,), activation="relu"),
        optimizer=dr.Adam(0.001, epsilon_place="before_correction"),
        penalty=dr.L2(1e-4 / SAMPLES),
        batch_size=min(200, SAMPLES),
        epochs=5,
        stopping=None,
        scaling="none",
    )
    start = list(zip(first.coefs_, first.intercepts_, strict=True))
    order = [[np.arange(SAMPLES)]] * 5
    model = dr.train(
        recipe, dr.Dataset(train=(X, CLASSES)), initial_parameters=start, batches=order, engine="reference"
    ).model
    for (w, b), w_theirs, b_theirs in zip(model.layers, last.coefs_, last.intercepts_, strict=True):
        assert_allclose(w, w_theirs, rtol=1e-8, atol=1e-12)
        assert_allclose(b, b_theirs, rtol=1e-8, atol=1e-12)
    assert (model.predict(X) == last.predict(X)).all()


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(("named", "gain"), [("relu", 1.0), ("tanh", 1.0), ("logistic", 1 / np.sqrt(3))])
def test_scikit_learn_first_weights(named, gain):
    """Biases are as wide as the weights of their layer there."""
    start = theirs(MLPClassifier, CLASSES, named, solver="sgd", learning_rate_init=1e-300, hidden_layer_sizes=(3000,))
    same = formulas.GlorotUniform(gain=gain)
    network = dr.Network(hidden=(3000,), initializer=same, bias_initializer=same)
    for drawn in (start[0], parameters.layers(parameters.first(network, (5, 3000, 3), 0), (5, 3000, 3))[0]):
        for numbers in drawn:
            assert np.abs(numbers).max() == pytest.approx(same.scale(5, 3000), rel=1e-2)


# --- Dropout's names -------------------------------------------------------------------------------------------------


def test_dropout_is_one_minus_the_share_kept():
    from deltarule.formulas.random import kept

    assert kept(0, 1, 1, 1000, 100, rate=0.2).mean() == pytest.approx(0.8, abs=0.01)
