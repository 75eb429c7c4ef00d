"""The compiled engine equals the reference, and itself for any number of threads."""

import dataclasses
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from tests.engines.recipes import problems

import deltarule as dr
from deltarule.engines.compiled.plan import layout

EXAMPLES = int(os.environ.get("DELTARULE_TEST_EXAMPLES", "30"))
"""Random recipes for each law; `scripts/guard` takes a thousand."""
RELAXED = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
    "derandomize": True,
}


def figures(run):
    """The figures of all epochs, without the metrics of the recipe, of which there are none here."""
    assert not any(epoch.metrics for epoch in run.history)
    return np.array([dataclasses.astuple(dataclasses.replace(epoch, seconds=0.0))[:-1] for epoch in run.history], float)


def trained(recipe, data, **how):
    """The run, also where it diverges."""
    try:
        return dr.train(recipe, data, **how)
    except dr.Diverged as error:
        return error.run


def smooth(recipe):
    """Whether rounding cannot grow at a jump: a sign, a kink, or a count of right answers."""
    bent = {"relu", "leaky_relu", "hard_sigmoid", "selu"}
    return not bent & {a.name for a in recipe.network.activations} and recipe.loss.name not in (
        "absolute_error",
        "quantile",
    )


@settings(max_examples=EXAMPLES, **RELAXED)
@given(problems())
def test_it_equals_the_reference_in_float64(problem):
    recipe, data = problem
    expected = trained(recipe, data, engine="reference", record="batch")
    met = trained(recipe, data, engine="compiled", precision="float64", n_threads=1, record="batch")
    assert met.status == expected.status
    assert met.best_epoch == expected.best_epoch
    assert met.model.parameters == pytest.approx(expected.model.parameters, rel=1e-11, abs=1e-11)
    assert figures(met) == pytest.approx(figures(expected), rel=1e-10, abs=1e-11, nan_ok=True)
    assert met.batch_losses == pytest.approx(expected.batch_losses, rel=1e-10, abs=1e-11)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_normalization_over_few_samples_or_units(normalization, batch_size):
    x = np.random.default_rng(0).normal(size=(6, 5))
    network = dr.Network(hidden=(2, 1, 3), activation="tanh", normalization=normalization)
    recipe = dr.Recipe(network=network, optimizer=dr.SGD(0.01), epochs=1, batch_size=batch_size, stopping=None)
    data = dr.Dataset(train=(x, np.arange(6) % 2))
    expected = dr.train(recipe, data, engine="reference").model.parameters
    met = dr.train(recipe, data, engine="compiled", precision="float64").model.parameters
    assert met == pytest.approx(expected, rel=1e-10, abs=1e-11)


@settings(max_examples=EXAMPLES, **RELAXED)
@given(problems())
def test_it_equals_the_reference_in_float32_to_rounding(problem):
    recipe, data = problem
    # Plain steps: an optimizer that divides by a gradient's size makes much of the rounding of a small one.
    recipe = recipe.replace(stopping=None, epochs=1, optimizer=dr.SGD(0.01))
    expected = trained(recipe, data, engine="reference", record="batch_after")
    met = trained(recipe, data, engine="compiled", n_threads=1, record="batch_after")
    if smooth(recipe):
        assert met.model.parameters == pytest.approx(expected.model.parameters, rel=1e-3, abs=1e-3)
        assert met.batch_losses == pytest.approx(expected.batch_losses, rel=1e-3, abs=1e-3)
    assert met.model.theta.dtype == np.float32


@settings(max_examples=EXAMPLES, **RELAXED)
@given(problems())
def test_one_thread_equals_many_to_the_last_bit(problem):
    recipe, data = problem
    precision = ("float64", "float32", "bfloat16", "float32")[recipe.seed % 4]
    with pytest.MonkeyPatch.context() as patched:
        if recipe.seed % 3:
            patched.setattr(layout, "by_rows", lambda *_: recipe.seed % 3 == 1)
        one, two, three = (
            trained(recipe, data, engine="compiled", precision=precision, n_threads=threads, record="batch_after")
            for threads in (1, 2, 3)
        )
    for run in (two, three):
        assert run.model.parameters.tobytes() == one.model.parameters.tobytes()
        assert figures(run).tobytes() == figures(one).tobytes()
        assert run.batch_losses.tobytes() == one.batch_losses.tobytes()


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_ones_own_start_and_order(engine):
    """Repeated rows, batches of several sizes, more epochs in the recipe than in the order."""
    x, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    start = [(np.full((3, 4), 0.1), np.zeros(4)), (np.eye(4, 2), np.ones(2))]
    order = [[[0, 0, 1], range(5, 20)], [np.arange(20)], [[3], [4], [5, 6]]]
    order = [[np.array(rows) for rows in batches] for batches in order]
    recipe = dr.Recipe(network=dr.Network(hidden=(4,), activation="tanh"), epochs=10, stopping=None, batch_size=4)
    expected = dr.train(
        recipe, dr.Dataset(train=(x, y)), engine="reference", initial_parameters=start, batches=iter(order)
    )
    run = dr.train(
        recipe,
        dr.Dataset(train=(x, y)),
        engine=engine,
        precision="float64",
        initial_parameters=start,
        batches=iter(order),
        record="batch",
    )
    assert len(run.history) == 3
    assert len(run.batch_losses) == 6
    assert run.model.parameters == pytest.approx(expected.model.parameters, rel=1e-12)


@pytest.mark.parametrize("trained", [dr.train, lambda *given, **how: dr.epochs(*given, **how).run])
def test_start_and_order_are_former_names_that_warn(trained):
    data = dr.Dataset(train=(np.zeros((4, 3)), np.arange(4) % 2))
    recipe = dr.Recipe(network=dr.Network(hidden=()), epochs=1, stopping=None)
    with pytest.warns(DeprecationWarning, match="start= is deprecated.* Use: initial_parameters="):
        former = trained(recipe, data, engine="reference", start=7)
    with pytest.warns(DeprecationWarning, match="order= is deprecated.* Use: batches="):
        trained(recipe, data, engine="reference", order=[[np.arange(4)]])
    present = trained(recipe, data, engine="reference", initial_parameters=7)
    assert former.model.theta.tobytes() == present.model.theta.tobytes()
    with (
        pytest.warns(DeprecationWarning, match="Use: batches="),
        pytest.raises(TypeError, match="both batches= and its former name order="),
    ):
        trained(recipe, data, order=[], batches=[])


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("rows", [[20], [-1], [], [0.5], [[1, 2]]])
def test_an_order_outside_of_the_data_is_refused(engine, rows):
    data = dr.Dataset(train=(np.zeros((20, 3)), np.arange(20) % 2))
    with pytest.raises(dr.DeltaruleError):
        dr.train(dr.Recipe(epochs=1, stopping=None), data, engine=engine, batches=[[np.array(rows)]])


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_epochs_are_delivered_before_the_next_begins(engine):
    met = []

    def order():
        for epoch in range(4):
            met.append(epoch)
            yield [np.arange(20)]

    data = dr.Dataset(train=(np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2))
    recipe = dr.Recipe(network=dr.Network(hidden=(4,)), epochs=4, stopping=None)
    training = dr.epochs(recipe, data, engine=engine, batches=order())
    thetas = []
    for epoch in training:
        assert len(met) == epoch.number
        thetas.append(training.model.theta)
        assert training.run.status == ("interrupted" if epoch.number < 4 else "finished")
    assert len(thetas) == 4
    assert (thetas[0] != thetas[1]).any()


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_a_run_that_diverges_says_so_and_keeps_the_last_good_weights(engine):
    x = np.random.default_rng(0).normal(size=(40, 3))
    data = dr.Dataset(train=(x, x @ [1.0, 2.0, 3.0]))
    recipe = dr.Recipe(
        network=dr.Network(hidden=(4,)), optimizer=dr.SGD(0.5), epochs=500, stopping=None, batch_size=8, scaling=1e-3
    )
    with pytest.raises(dr.Diverged, match="learning rate") as caught:
        dr.train(recipe, data, engine=engine)
    run = caught.value.run
    assert run.status == "diverged"
    assert np.isfinite(run.model.theta).all()


@pytest.mark.parametrize("engine", ["reference", "compiled"])
@pytest.mark.parametrize("stopping", [None, dr.EarlyStopping()])
def test_weights_that_overflow_at_the_end_of_an_epoch_are_a_divergence(engine, stopping):
    x = np.random.default_rng(0).normal(size=(64, 3))
    linear = dr.Network(hidden=())
    recipe = dr.Recipe(network=linear, optimizer=dr.SGD(1.7e308), batch_size=64, epochs=1, stopping=stopping)
    with np.errstate(over="ignore"), pytest.raises(dr.Diverged, match="finite, got overflow in epoch 1") as caught:
        dr.train(recipe, x, 1e3 * x[:, 0], engine=engine, precision="float64")
    assert caught.value.run.status == "diverged"
    assert np.isfinite(caught.value.run.history[-1].train_loss)
    assert np.isfinite(caught.value.run.model.theta).all()


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_an_epoch_whose_weights_overflow_is_never_the_best(engine):
    """Its score may be finite: the class of the largest of infinite outputs."""
    x = 1000 * np.random.default_rng(0).normal(size=(64, 3))
    linear, rule = dr.Network(hidden=()), dr.EarlyStopping(monitor="score")
    recipe = dr.Recipe(
        network=linear, optimizer=dr.SGD(1.7e308), epochs=2, batch_size=64, stopping=rule, scaling="none"
    )
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(dr.Diverged) as caught:
        dr.train(recipe, x, (x[:, 0] > 0).astype(int), engine=engine, precision="float64")
    assert np.isfinite(caught.value.run.model.theta).all()


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i4", "u8", "f2", "f4", "f8", ">f8", "?"])
def test_any_real_type_is_read_where_it_lies(kind):
    x = (np.random.default_rng(0).random((30, 21)) * 100).astype(kind)
    data = dr.Dataset(train=(x, np.arange(30) % 3))
    network = dr.Network(hidden=(5,), activation="tanh")
    recipe = dr.Recipe(network=network, optimizer="sgd", epochs=2, stopping=None)
    one = dr.train(recipe, data, engine="reference")
    other = dr.train(recipe, data, engine="compiled", precision="float64")
    assert other.model.parameters == pytest.approx(one.model.theta, rel=1e-10, abs=1e-12)


def test_rows_and_columns_may_lie_in_any_way():
    base = np.random.default_rng(0).normal(size=(40, 60))
    y = np.arange(20) % 2
    network = dr.Network(hidden=(5,), activation="tanh")
    recipe = dr.Recipe(network=network, epochs=2, stopping=None, scaling="none")
    for x in (base[::2, ::3], base[::-2, :20], np.asfortranarray(base[:20, :20])):
        plain = dr.train(recipe, dr.Dataset(train=(x.copy(), y)), engine="compiled", precision="float64")
        viewed = dr.train(recipe, dr.Dataset(train=(x, y)), engine="compiled", precision="float64")
        assert viewed.model.theta.tobytes() == plain.model.theta.tobytes()


def test_threads_that_only_evaluate_wait_for_the_steps(monkeypatch):
    """Where a step is small and the evaluated parts are large, one thread steps and all evaluate."""
    from deltarule.engines.compiled.runtime import engine

    monkeypatch.setattr(engine, "threads_for", lambda _: (1, 3))
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(2000, 12)), np.arange(2000) % 3
    recipe = dr.Recipe(network=dr.Network(hidden=(9,)), epochs=4, stopping=None, evaluate_train=True, optimizer="sgd")
    data = dr.Dataset(train=(x[:200], y[:200]), validation=(x, y))
    alone, helped = (dr.train(recipe, data, n_threads=n) for n in (1, None))
    assert figures(helped).tobytes() == figures(alone).tobytes()
    assert helped.model.theta.tobytes() == alone.model.theta.tobytes()
