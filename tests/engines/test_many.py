"""Many networks at once are what each is alone."""

import time

import numpy as np
import pytest

import deltarule as dr

IRIS = dr.load_dataset("iris")


def recipes(n, **fields):
    return [dr.Recipe(network=dr.Network(hidden=(7,), dropout=0.1), epochs=4, seed=seed, **fields) for seed in range(n)]


def same(one, other):
    return one.model.theta.tobytes() == other.model.theta.tobytes() and len(one.history) == len(other.history)


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_they_are_what_each_is_alone(engine):
    mixed = [
        *recipes(3),
        dr.Recipe(network=dr.Network(hidden=(3, 3), activation="tanh"), optimizer="rmsprop", epochs=3),
    ]
    for recipe, run in zip(mixed, dr.train_many(mixed, IRIS, engine=engine), strict=True):
        assert same(run, dr.train(recipe, IRIS, engine=engine))


def test_one_data_set_for_each():
    sets = [IRIS, dr.load_dataset("wine")]
    for recipe, data, run in zip(recipes(2), sets, dr.train_many(recipes(2), sets), strict=True):
        assert same(run, dr.train(recipe, data))


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_rows_are_what_a_copy_of_them_is(engine):
    train = IRIS.train
    bootstrap = np.random.default_rng(0).integers(0, len(train), 80)
    fold = np.arange(len(train))[::2]
    chosen = [bootstrap, fold, np.arange(len(train)) % 3 > 0, None]
    runs = dr.train_many(
        recipes(4, evaluate_train=True), IRIS, rows=chosen, engine=engine, precision="float64", n_threads=2
    )
    for recipe, rows, run in zip(recipes(4, evaluate_train=True), chosen, runs, strict=True):
        part = train if rows is None else dr.Part(train.x[rows], train.y[rows])
        alone = dr.train(recipe, dr.Dataset(part, IRIS.validation), engine=engine, precision="float64")
        assert run.model.theta == pytest.approx(alone.model.theta, rel=1e-12)
        assert run.history[-1].train_loss == pytest.approx(alone.history[-1].train_loss, rel=1e-10)
        assert run.history[-1].validation_loss == pytest.approx(alone.history[-1].validation_loss, rel=1e-10)


def test_rows_for_validation_are_held_out_of_the_rows():
    data = dr.Dataset(train=IRIS.train)
    rows = np.concatenate([np.arange(60), np.arange(60)])
    run = dr.train_many(recipes(1), data, rows=[rows])[0]
    assert np.isfinite(run.history[0].validation_loss)


def test_weights_and_numbers_with_rows():
    generator = np.random.default_rng(0)
    x, y, w = generator.normal(size=(50, 3)), generator.normal(size=50), generator.random(50) + 0.5
    rows = generator.integers(0, 50, 40)
    recipe = dr.Recipe(network=dr.Network(hidden=(4,), activation="tanh"), epochs=3, stopping=None)
    run = dr.train_many([recipe], dr.Dataset(train=(x, y, w)), rows=[rows], precision="float64")[0]
    alone = dr.train(recipe, dr.Dataset(train=(x[rows], y[rows], w[rows])), precision="float64")
    assert run.model.theta == pytest.approx(alone.model.theta, rel=1e-12)
    assert run.history[-1].train_score == pytest.approx(alone.history[-1].train_score)


def test_a_diverged_one_does_not_stop_the_others():
    x = np.random.default_rng(0).normal(size=(60, 3))
    data = dr.Dataset(train=(x, x @ [1.0, 2.0, 3.0]))
    calm = dr.Recipe(network=dr.Network(hidden=(4,)), epochs=200, stopping=None, batch_size=8, scaling=1e-3)
    wild = calm.replace(optimizer=dr.SGD(0.5))
    runs = dr.train_many([calm, wild, calm], data)
    assert [run.status for run in runs] == ["finished", "diverged", "finished"]
    assert all(np.isfinite(run.model.theta).all() for run in runs)


def test_bad_input_is_refused():
    with pytest.raises(dr.DeltaruleError, match="data sets"):
        dr.train_many(recipes(2), [IRIS])
    with pytest.raises(dr.DeltaruleError, match="rows"):
        dr.train_many(recipes(2), IRIS, rows=[None])
    for rows in ([1000], [-1], [], [0.5], [[1]]):
        with pytest.raises(dr.DeltaruleError, match="row numbers"):
            dr.train_many(recipes(1), IRIS, rows=[np.array(rows)])


def test_no_networks_are_no_runs():
    assert dr.train_many([], IRIS) == []


def test_each_is_handed_over_as_it_ends():
    long, short = recipes(2)
    ended = list(dr.training.train_each([long.replace(epochs=30_000, stopping=None), short], IRIS, n_threads=2))
    assert [place for place, run in ended] == [1, 0]
    assert same(ended[0][1], dr.train(short, IRIS))


def test_those_under_way_end_as_they_stand_and_the_rest_never_begins():
    endless = [each.replace(epochs=10**6, stopping=None) for each in recipes(20)]
    began = time.monotonic()
    stopped = list(dr.training.train_each(endless, IRIS, n_threads=2, interrupted=lambda: time.monotonic() > began + 1))
    assert [run.status for _, run in stopped] == ["interrupted"] * 2
    runs = dr.training.train_each([recipes(1)[0], *endless], IRIS, n_threads=2)
    next(runs)
    runs.close()
    assert time.monotonic() < began + 30


def test_a_start_may_have_a_seed_of_its_own():
    recipe, other = recipes(2)
    runs = dict(dr.training.train_each([recipe] * 3, IRIS, starts=[None, other.seed, recipe.seed]))
    assert same(runs[0], runs[2])
    assert not same(runs[0], runs[1])
    assert same(runs[1], dr.train(recipe, IRIS, initial_parameters=other.seed))
    drawn = dr.train(other.replace(optimizer=dr.SGD(1e-30), epochs=1), IRIS, precision="float64").model
    assert same(
        dr.train(recipe, IRIS, initial_parameters=drawn.layers, precision="float64"),
        dr.train(recipe, IRIS, initial_parameters=other.seed, precision="float64"),
    )
