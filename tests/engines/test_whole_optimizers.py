"""Optimizers that see a matrix or the whole run, and what stands around the step: on both engines."""

import numpy as np
import pytest

import deltarule as dr
from deltarule.formulas.optimizers.whole import orthogonal


def data(n=60):
    x = np.random.default_rng(1).normal(size=(n, 5))
    y = np.digitize(x[:, 0] + x[:, 1] * x[:, 2], [-0.5, 0.5])
    return dr.Dataset(train=(x[: n // 2], y[: n // 2]), validation=(x[n // 2 :], y[n // 2 :]))


def recipe(**fields):
    network = dr.Network(hidden=(7, 20), activation="tanh", normalization=fields.pop("normalization", None))
    return dr.Recipe(network=network, batch_size=8, epochs=4, stopping=None, **fields)


MUON = [
    recipe(optimizer="muon"),
    recipe(optimizer=dr.Muon(0.1, nesterov=False, scale="rms", weight_decay=0.1, others=dr.SGD(0.1))),
    recipe(optimizer="muon", clipping="norm", averaging=dr.ExponentialAverage(0.5), constraint=dr.MaxNorm(1.0)),
    recipe(optimizer="muon", schedule="linear_to_zero", penalty=dr.L1(0.01, proximal=True), normalization="batch"),
    recipe(optimizer="muon", penalty=[None, dr.L2(0.1), dr.L1(0.1)], normalization="layer", clipping="value"),
]


@pytest.mark.parametrize("chosen", MUON, ids=repr)
def test_muon_is_the_same_on_both_engines(chosen):
    expected = dr.train(chosen, data(), engine="reference")
    met = [dr.train(chosen, data(), precision="float64", n_threads=threads) for threads in (1, 2)]
    assert met[0].model.parameters == pytest.approx(expected.model.parameters, rel=1e-9, abs=1e-11)
    assert met[0].model.parameters.tobytes() == met[1].model.parameters.tobytes()
    single = dr.train(chosen, data())
    assert single.model.parameters == pytest.approx(expected.model.parameters, rel=1e-2, abs=1e-3)


@pytest.mark.parametrize("shape", [(3, 8), (8, 3), (5, 5), (1, 4)])
def test_muons_direction_is_nearly_orthogonal(shape):
    d = np.random.default_rng(0).normal(size=shape)
    left, _, right = np.linalg.svd(d, full_matrices=False)
    made = orthogonal(d)
    sizes = np.diag(left.T @ made @ right.T)
    assert ((sizes > 0.6) & (sizes < 1.3)).all()
    assert left * sizes @ right == pytest.approx(made)
    assert (orthogonal(np.zeros(shape)) == 0).all()


def test_a_formula_that_fails_in_the_midst_of_a_run_says_so():
    from dataclasses import dataclass
    from typing import ClassVar

    from deltarule.formulas import Optimizer

    @dataclass(frozen=True)
    class Broken(Optimizer):
        name = "broken"
        granularity: ClassVar[str] = "matrix"
        slots: ClassVar[tuple[str, ...]] = ("m",)
        others: Optimizer = dr.SGD()  # noqa: RUF009

        def step(self, w, g, t, m):
            return (w / 0, m) if t < 3 else undefined  # noqa: F821

    with np.errstate(divide="ignore", invalid="ignore"), pytest.raises(NameError, match="undefined"):
        dr.train(recipe(optimizer=Broken()), data())


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_lbfgs_finds_the_bottom(engine):
    """Logistic regression with L2 has one minimum: the gradient vanishes there."""
    from deltarule.engines.definition import add_penalties, gradient
    from deltarule.training.preparing import prepared

    bowl = dr.Recipe(
        network=dr.Network(hidden=()), optimizer=dr.LBFGS(tolerance=0.0, gradient_tolerance=1e-9), penalty=dr.L2(0.01),
        epochs=500, stopping=None,
    )  # fmt: skip
    run = dr.train(bowl, data(), engine=engine)
    problem, _ = prepared(bowl, data())
    g, _, _ = gradient(problem, run.model.theta, slice(None))
    add_penalties(problem, run.model.theta, g, float(len(problem.train)))
    assert np.abs(g).max() < 1e-6
    assert run.status == "stopped"
    assert run.model.theta.dtype == np.float64
    objectives = [epoch.train_objective for epoch in run.history]
    assert objectives == sorted(objectives, reverse=True)


def test_lbfgs_comes_to_where_scikit_learn_comes():
    from sklearn.neural_network import MLPClassifier

    x, y = data().train.x, data().train.y
    theirs = MLPClassifier((6,), activation="tanh", solver="lbfgs", alpha=0.5, max_iter=1000, tol=1e-10, random_state=0)
    theirs.fit(x, y)
    # A little beside where theirs ended, in the same valley.
    start = [(1.01 * W, b) for W, b in zip(theirs.coefs_, theirs.intercepts_, strict=True)]
    ours = dr.Recipe(
        network=dr.Network(hidden=(6,), activation="tanh"), optimizer="lbfgs", penalty=dr.L2(0.5 / len(x)),
        scaling="none", epochs=50, stopping=None,
    )  # fmt: skip
    run = dr.train(ours, dr.Dataset(train=(x, y)), initial_parameters=start)
    assert run.history[-1].train_objective == pytest.approx(theirs.loss_, rel=1e-6)


def test_lbfgs_stops_early_records_and_is_delivered_an_iteration_at_a_time():
    chosen = recipe(optimizer="lbfgs").replace(epochs=200, stopping=dr.EarlyStopping(patience=3))
    training = dr.epochs(chosen, data(), record="batch_after")
    first = next(iter(training))
    assert first.number == 1
    assert training.run.status == "interrupted"
    run = dr.train(chosen, data(), record="batch_after")
    assert run.status == "stopped"
    assert len(run.history) - run.best_epoch <= 3
    assert run.batch_losses == pytest.approx([epoch.train_loss for epoch in run.history])


@pytest.mark.parametrize(
    "fields",
    [
        {"schedule": "cosine"},
        {"clipping": "norm"},
        {"averaging": "ema"},
        {"constraint": "max_norm"},
        {"penalty": dr.L1(0.1, proximal=True)},
        {"network": dr.Network(dropout=0.5)},
        {"network": dr.Network(noise=0.5)},
        {"network": dr.Network(normalization="batch")},
    ],
    ids=repr,
)
def test_what_lbfgs_cannot_have_is_refused(fields):
    with pytest.raises(dr.DeltaruleError, match="under lbfgs"):
        dr.train(dr.Recipe(optimizer="lbfgs", **fields), data())


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_norm_is_kept(engine):
    chosen = recipe(optimizer=dr.SGD(1.0), constraint=dr.MaxNorm(0.5))
    weights = dr.train(chosen, data(), engine=engine, precision="float64").model.weights
    for hidden in weights[:-1]:
        assert (np.linalg.norm(hidden, axis=0) <= 0.5 + 1e-12).all()
    assert np.linalg.norm(weights[-1], axis=0).max() > 0.5


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_clipped_gradient_is_as_long_as_its_limit(engine):
    moved = []
    for clipping in (None, dr.ClipByNorm(0.01), dr.ClipByValue(1e-4)):
        chosen = recipe(optimizer=dr.SGD(1.0), clipping=clipping, penalty=dr.L2(0.1)).replace(epochs=1, batch_size=30)
        still = chosen.replace(optimizer=dr.SGD(1e-300))
        ends = [dr.train(each, data(), engine=engine, precision="float64").model.theta for each in (chosen, still)]
        moved.append(ends[0] - ends[1])
    assert moved[1] == pytest.approx(moved[0] * 0.01 / np.linalg.norm(moved[0]))
    assert moved[2] == pytest.approx(np.clip(moved[0], -1e-4, 1e-4))


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_the_mean_of_the_weights_predicts(engine):
    """After two steps with decay ½ the mean lies half-way between the weights of the first and of the second."""
    chosen = recipe(optimizer=dr.SGD(0.5)).replace(batch_size=15)
    how = {"engine": engine, "precision": "float64", "batches": [[np.arange(15), np.arange(15, 30)]]}
    one = dr.train(chosen, data(), **{**how, "batches": [[np.arange(15)]]}).model.theta
    two = dr.train(chosen, data(), **how).model.theta
    mean = dr.train(chosen.replace(averaging=dr.ExponentialAverage(0.5)), data(), **how)
    assert mean.model.theta == pytest.approx((one + two) / 2, rel=1e-12)
    held = dr.evaluate(mean.model, data().validation)
    assert mean.history[-1].validation_loss == pytest.approx(held.loss, rel=1e-12)


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_weights_of_classes_are_weights_of_samples(engine):
    weighted = data()
    of_classes = np.array([1.0, 2.5, 0.5])
    weights = of_classes[weighted.train.y]
    by_samples = dr.Dataset(train=(weighted.train.x, weighted.train.y, weights), validation=weighted.validation)
    one = dr.train(recipe(class_weight={1: 2.5, 2: 0.5}), weighted, engine=engine)
    other = dr.train(recipe(), by_samples, engine=engine)
    assert one.model.theta.tobytes() == other.model.theta.tobytes()
    with pytest.raises(dr.DeltaruleError, match="labels among"):
        dr.train(recipe(class_weight={7: 2.0}), weighted, engine=engine)
    assert dr.Recipe.from_json(one.recipe.to_json()) == one.recipe


def test_a_penalty_for_each_layer():
    chosen = recipe(penalty=[dr.L2(10.0), None, "l1"], optimizer=dr.SGD(0.05)).replace(epochs=50)
    run = dr.train(chosen, data())
    first, second, _ = (float(np.abs(weights).max()) for weights in run.model.weights)
    assert first < 0.1 < 0.3 < second
    assert dr.Recipe.from_json(chosen.to_json()) == chosen
    with pytest.raises(dr.DeltaruleError, match="3 penalties"):
        recipe(penalty=["l1"])
