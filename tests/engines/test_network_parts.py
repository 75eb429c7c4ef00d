"""What is trained beside the layers, and groups and schedules: the compiled engine equals the reference."""

import numpy as np
import pytest
from tests.laws.test_network_parts import DATA, X, coded_problem, network_of, recipe_of

import deltarule as dr
from deltarule.engines.compiled import Compiled
from deltarule.engines.reference import Reference

COMPILED = {
    "factors": network_of("scale", parametrization="ntk"),
    "slopes": network_of("slopes", activation=("mish", "selu"), hidden=(33, 20), dropout=0.2),
    "embedding": network_of("pbld", dropout=[0.2, 0.1, 0.0], noise=[0.1, 0.0, 0.0]),
    "bins": network_of("piecewise_linear", dropout=[0.2, 0.1, 0.0], input_scale=True),
    "rectified bins": network_of("rectified", normalization="layer"),
    "periodic": network_of("periodic", noise=[0.1, 0.0, 0.0]),
    "periodic, not rectified": network_of("not rectified", normalization="layer"),
    "all": network_of("all", hidden=(40, 18), normalization="batch", dropout=[0.2, 0.1, 0.0]),
    "all, by rows": network_of("all", hidden=(40, 18), normalization="layer"),
    "members": network_of("members", hidden=(40, 18), dropout=[0.2, 0.1, 0.1], noise=[0.1, 0.1, 0.0]),
    "members with all else": network_of("all", hidden=(33, 20), members=5, dropout=[0.0, 0.2, 0.0]),
    "mini": network_of("mini", hidden=(40, 18), dropout=[0.2, 0.1, 0.1]),
    "mini with all else": network_of("all", hidden=(20, 12), members=2, member_form="mini"),
}
GROUPS = {
    "weights": [0.5, {"epsilon": 3.0}, {"decay": 0.1}], "biases": 0.1, "scale": 6.0, "slopes": 0.2,
    "embeddings": {"learning_rate": 0.5, "decay": 0.1}, "categories": 0.3, "normalization": 2.0,
    "members": {"learning_rate": 2.0, "decay": 0.5},
}  # fmt: skip


def advanced(engine):
    engine.advance(4, 1e9)
    return engine


@pytest.mark.parametrize("name", COMPILED)
def test_numbers_codes_and_groups_equal_the_reference_for_any_number_of_threads(name):
    fields = {
        "decay_schedule": dr.FlatCosine(),
        "dropout_schedule": "cosine",
        "schedule": dr.CosineLog(),
        "groups": GROUPS,
    }
    problem = coded_problem(COMPILED[name], optimizer=dr.AdamW(0.002, weight_decay=0.2), drop_last=True, **fields)
    problem.train.x[7, 5], problem.train.x[8, 5], problem.train.x[9, 1] = -1, 1e9, 0.5
    expected = advanced(Reference(problem))
    met = [advanced(Compiled(problem, "float64", threads)) for threads in (1, 2, 3)]
    assert met[0].theta == pytest.approx(expected.theta, rel=1e-10, abs=1e-11)
    assert all(each.theta.tobytes() == met[0].theta.tobytes() for each in met)
    single = [advanced(Compiled(problem, "float32", threads)) for threads in (1, 2)]
    assert single[0].theta == pytest.approx(expected.theta, abs=1e-3)
    assert single[0].theta.tobytes() == single[1].theta.tobytes()
    for slot, given in zip(met[0].state.slots, expected.state.slots, strict=True):
        assert slot == pytest.approx(given, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("name", COMPILED)
def test_another_engine_continues(name):
    """The state of the compiled engine is that of the reference."""
    network = COMPILED[name]
    problem = coded_problem(network, optimizer=dr.Adam(0.002), groups=GROUPS, schedule="cosine")
    whole, first = (Compiled(problem, "float64", 1) for _ in range(2))
    advanced(whole)
    first.advance(2, 1e9)
    for engine in (Reference(problem), Compiled(problem, "float64", 2)):
        engine.restore(first.state)
        engine.advance(2, 1e9)
        assert engine.theta == pytest.approx(whole.theta, rel=1e-10, abs=1e-11)


@pytest.mark.parametrize("name", COMPILED)
def test_a_model_predicts_what_the_reference_predicts(name):
    recipe = recipe_of(COMPILED[name], epochs=2)
    model = dr.train(recipe, DATA, engine="compiled", precision="float64").model
    expected = dr.train(recipe, DATA, engine="reference").model
    far = np.concatenate([X, 30 * X])
    assert model.raw_outputs(far) == pytest.approx(expected.raw_outputs(far), rel=1e-9, abs=1e-10)
    assert model.raw_outputs(far[:1]).tobytes() == model.raw_outputs(far)[:1].tobytes()


MEMBERS = {
    "softmax_cross_entropy": np.arange(50) % 3,
    "sigmoid_cross_entropy": np.arange(50) % 2,
    "huber": X[:, :1] * X[:, 1:2],
    "poisson": np.arange(50.0)[:, None] % 4,
}


@pytest.mark.parametrize("loss", MEMBERS)
@pytest.mark.parametrize("form", ["batch_ensemble", "mini"])
def test_losses_and_errors_of_members_are_those_of_the_reference(form, loss):
    """In training the mean of the members' losses, in validation the loss of their mean; always the mean's error."""
    y, w = MEMBERS[loss], np.arange(50) % 5 / 2
    data = dr.Dataset(train=(X, y, w), validation=(X[:20] + 0.1, y[:20]))
    network = network_of("members", member_form=form, members=4, dropout=0.1)
    stopping = dr.EarlyStopping(patience=2, monitor="score")
    recipe = dr.Recipe(network=network, loss=loss, optimizer=dr.Adam(0.03), batch_size=16, epochs=6, stopping=stopping)
    for record in ("batch", "batch_after"):
        options = {"record": record, "precision": "float64"}
        expected, *met = [
            dr.train(recipe, data, engine=engine, n_threads=threads, **options)
            for engine, threads in (("reference", None), ("compiled", 1), ("compiled", 2))
        ]
        for run in met:
            assert run.best_epoch == expected.best_epoch
            assert run.batch_losses == pytest.approx(expected.batch_losses, rel=1e-9)
            assert run.model.theta == pytest.approx(expected.model.theta, rel=1e-9, abs=1e-11)
            for epoch, of_reference in zip(run.history, expected.history, strict=True):
                for name in ("train_loss", "train_score", "validation_loss", "validation_score"):
                    assert getattr(epoch, name) == pytest.approx(getattr(of_reference, name), rel=1e-9)
        assert met[0].model.theta.tobytes() == met[1].model.theta.tobytes()


def test_the_last_of_equally_good_epochs_is_the_best():
    """Targets that no network of this size misses: every epoch has the same score."""
    data = dr.Dataset(train=(X, X[:, 0] > 0), validation=(X[:1], np.array([True])))
    for ties in ("first", "last"):
        rule = dr.EarlyStopping(patience=None, monitor="score", ties=ties)
        recipe = dr.Recipe(network=dr.Network(hidden=(8,)), optimizer=dr.Adam(1e-6), epochs=15, stopping=rule)
        runs = [dr.train(recipe, data, engine=engine, precision="float64") for engine in ("reference", "compiled")]
        assert len(runs[1].history) == 15
        assert runs[0].best_epoch == runs[1].best_epoch == (1 if ties == "first" else 15)
