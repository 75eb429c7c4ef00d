"""Laws of what a network has beside its layers: factors of inputs, slopes, embeddings; and of groups and schedules."""

import dataclasses
import tracemalloc

import numpy as np
import pytest

import deltarule as dr
from deltarule.engines.backpropagation import Draws, forward
from deltarule.engines.definition import gradient, objective
from deltarule.engines.input_stage import Columns
from deltarule.engines.members import combined
from deltarule.engines.parameters import Shape
from deltarule.engines.problem import Problem, Samples
from deltarule.engines.reference import Reference
from deltarule.errors import ModelFileError, RecipeError
from deltarule.formulas import formula, registered
from deltarule.formulas.embeddings.periodic import PBLD
from deltarule.models import layer_table
from deltarule.recipes import Affine
from deltarule.training.preparing import prepared

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(50, 4)), RANDOM.normal(size=(50, 2))
DATA = dr.Dataset(train=(X, Y))
CODED = Columns(6, (0, 2, 3), ((1, 3), (5, 12)))
"""Two columns of codes, and input 4, which is neither a number nor a code."""
PARTS = {
    "scale": {"input_scale": True},
    "slopes": {"parametric_activation": 0.75},
    "ntk": {"parametrization": "ntk"},
    **{cls.name: {"embedding": cls()} for cls in registered("embedding") if cls is not dr.embeddings.Periodic},
    "periodic": {"embedding": dr.embeddings.Periodic(deviation=0.5)},
    "rectified": {"embedding": dr.embeddings.PiecewiseLinear(bins=5, outputs=3, form="rectified")},
    "not rectified": {"embedding": dr.embeddings.Periodic(frequencies=4, outputs=3, deviation=0.5, rectified=False)},
}
PARTS["members"] = {"members": 3}
PARTS["mini"] = {"members": 3, "member_form": "mini"}
PARTS["all"] = PARTS["scale"] | PARTS["slopes"] | PARTS["ntk"] | PARTS["pbld"]


def network_of(part="all", **fields):
    return dr.Network(
        **{"hidden": (6, 5), "activation": "tanh", "bias_initializer": "glorot_uniform"} | PARTS[part] | fields
    )


def recipe_of(network, **fields):
    usual = {"optimizer": dr.Adam(0.01), "epochs": 4, "batch_size": 16, "stopping": None, "scaling": "none"}
    return dr.Recipe(
        network=network, task="regression", **{"loss": "squared_error", "target_scaling": "none"} | usual | fields
    )


def trained(recipe, data=DATA, **how):
    return dr.train(recipe, data, engine="reference", **how).model


def coded_problem(network, **fields):
    """A problem with columns of numbers and of codes, its parameters away from their initial values."""
    random = np.random.default_rng(1)
    x = np.column_stack([X[:, 0], np.arange(50) % 5, X[:, 1:3], random.normal(size=50), random.integers(0, 13, 50)])
    recipe = recipe_of(network, **fields).replace(loss=dr.SquaredError())
    shape = Shape.of(network, CODED, 2)
    theta = random.normal(size=shape.total) * 0.5
    for name, part in shape.stage_fitted(theta).items():
        part[:] = shape.stage.fitted(x)[name]
    samples = Samples(x, Y, 2)
    return Problem(recipe, shape.sizes, Affine(np.array(0.0), np.array(1.0)), samples, None, theta, columns=CODED)


def directional(problem, draws=None):
    """The relative error of the gradient along a random direction."""
    rows = np.arange(len(problem.train))
    direction = np.zeros(problem.shape.total)
    direction[: problem.shape.trained] = RANDOM.normal(size=problem.shape.trained) * ~problem.shape.idle()
    g, _, _ = gradient(problem, problem.theta, rows, draws)
    ahead, back = (objective(problem, problem.theta + h * direction, rows, draws) for h in (1e-6, -1e-6))
    expected = g @ direction[: problem.shape.trained]
    return abs((ahead - back) / 2e-6 - expected) / abs(expected)


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("part", PARTS)
def test_the_gradient_is_the_derivative(part, normalization):
    if normalization and part in ("members", "mini"):
        with pytest.raises(RecipeError, match="Expected 1 with a normalization for members, got"):
            network_of(part, normalization=normalization)
        return
    network = network_of(part, normalization=normalization)
    assert dr.gradient_check(recipe_of(network), DATA, step=5e-6).largest_relative_error < 1e-6


@pytest.mark.parametrize("part", PARTS)
def test_the_gradient_is_the_derivative_with_codes_noise_and_dropout(part):
    problem = coded_problem(network_of(part))
    several = (3,) if problem.shape.members > 1 else ()
    shapes = [(50, *several * (layer > 0), units) for layer, units in enumerate(problem.sizes[:-1])]
    masks = [RANDOM.integers(0, 2, shape) * 2.0 for shape in shapes]
    draws = Draws([RANDOM.normal(size=shape) for shape in shapes], masks)
    assert directional(problem) < 1e-6
    assert directional(problem, draws) < 1e-6


def test_groups_cover_the_parameters_once():
    shape = Shape.of(network_of("all", normalization="batch"), CODED, 2)
    met = np.zeros(shape.trained, dtype=int)
    for _, _, places in shape.groups():
        met[places] += 1
    assert (met == 1).all()


@pytest.mark.parametrize("group", [each.name for each in dataclasses.fields(dr.ParameterGroups)])
def test_a_factor_of_0_on_the_rate_freezes_a_group_alone(group):
    several = {"members": 3, "member_form": "mini"} if group == "members" else {"normalization": "layer"}
    problem = coded_problem(network_of("all", **several), groups={group: 0.0}, optimizer=dr.AdamW(0.01))
    engine = Reference(problem)
    engine.advance(4, 1e9)
    moved = engine.theta != problem.theta
    frozen = np.zeros(problem.shape.total, dtype=bool)
    for name, _, places in problem.shape.groups():
        frozen[places] = name == group
    assert frozen.any()
    assert not moved[frozen].any()
    assert moved[: problem.shape.trained][~frozen[: problem.shape.trained]].mean() > 0.95


def test_each_layer_has_its_own_factors():
    problem = coded_problem(network_of("slopes"), groups={"weights": [1.0, 0.0, {"learning_rate": 2.0}]})
    engine = Reference(problem)
    engine.advance(4, 1e9)
    layers = zip(problem.shape.layers(engine.theta), problem.shape.layers(problem.theta), strict=True)
    assert [bool((after != before).any()) for (after, _), (before, _) in layers] == [True, False, True]
    with pytest.raises(RecipeError, match="3 groups"):
        recipe_of(network_of("slopes"), groups={"weights": [1.0, 0.0]})
    with pytest.raises(RecipeError, match="at least 0"):
        recipe_of(network_of("slopes"), groups={"weights": -1})
    with pytest.raises(RecipeError, match="no groups"):
        recipe_of(network_of("slopes"), groups={"biases": 0.1}, optimizer="muon")


@pytest.mark.parametrize("optimizer", [cls() for cls in registered("optimizer") if cls.degree is not None], ids=repr)
def test_the_neural_tangent_parametrization_is_training_with_divided_inputs(optimizer):
    """z = x W / √d is the standard parametrization on x / √d; V = W / √d is what is trained here."""
    d, fields = X.shape[1], {"weight_decay": 0.3} if hasattr(optimizer, "weight_decay") else {}
    fields |= {"epsilon": 0.1} if hasattr(optimizer, "epsilon") else {}
    optimizer = optimizer.replace(learning_rate=0.05, **fields)
    linear = dr.Network(hidden=(), parametrization="ntk")
    w, b = RANDOM.normal(size=(d, 2)), np.zeros(2)
    one = trained(recipe_of(linear, optimizer=optimizer), initial_parameters=[(w / np.sqrt(d), b)])
    divided = dr.Dataset(train=(X / np.sqrt(d), Y))
    standard = recipe_of(linear.replace(parametrization="standard"), optimizer=optimizer)
    other = trained(standard, divided, initial_parameters=[(w, b)])
    assert one.weights[0] * np.sqrt(d) == pytest.approx(other.weights[0], rel=1e-9)
    assert one.biases[0] == pytest.approx(other.biases[0], rel=1e-9)
    assert np.abs(other.weights[0] - w).max() > 1e-3


@pytest.mark.parametrize("optimizer", ["adadelta", "lbfgs", "muon", {"name": "adagrad", "initial": 0.1}])
def test_the_neural_tangent_parametrization_is_refused_where_no_factor_is_equal(optimizer):
    with pytest.raises(RecipeError, match="standard"):
        recipe_of(network_of("ntk"), optimizer=optimizer)


def test_a_parametric_rectifier_is_a_leaky_one():
    leaky = trained(recipe_of(network_of("ntk", activation={"name": "leaky_relu", "negative_slope": 0.25})))
    fields = {"activation": "relu", "parametric_activation": 0.75, "initializer": leaky.recipe.network.initializers()}
    prelu = trained(recipe_of(network_of("ntk", **fields), groups={"slopes": 0.0}))
    assert prelu.raw_outputs(X) == pytest.approx(leaky.raw_outputs(X), rel=1e-9)


def test_factors_of_1_and_slopes_of_1_change_nothing():
    plain = trained(recipe_of(network_of("ntk")))
    neutral = network_of("ntk", input_scale=True, parametric_activation=1.0)
    model = trained(recipe_of(neutral, groups={"scale": 0.0, "slopes": 0.0}))
    assert model.theta == pytest.approx(plain.theta, rel=1e-9)
    learnt = trained(recipe_of(neutral))
    assert np.abs(learnt.theta - plain.theta).max() > 1e-4


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_noise_before_or_after_the_activation_is_the_same_only_for_the_identity(engine):
    fields = {"hidden": (6, 5), "noise": (0.1, 0.4, 0.3), "dropout": (0.0, 0.2, 0.0), "normalization": "batch"}
    different = []
    for activation in ("identity", "relu"):
        network = dr.Network(**fields, activation=activation)
        recipes = [recipe_of(network.replace(noise_before_activation=before)) for before in (False, True)]
        after, before = (dr.train(recipe, DATA, engine=engine).model.theta for recipe in recipes)
        different.append(np.abs(after - before).max() > 1e-3)
    assert different == [False, True]


def test_codes_that_training_did_not_have_are_code_0():
    problem = coded_problem(network_of("scale"))
    stage, parts = problem.shape.stage, problem.shape.stage_parts(problem.theta)
    x = problem.train.x[:1].repeat(5, axis=0)
    x[:, 5] = [0, -1, 12, 1e9, np.nan]
    made = stage.value(x, parts)
    assert (made == made[0]).all()
    assert (made[0, -8:] == parts["category.5"][0]).all()


class Nothing(dr.schedules.Schedule):
    """A factor of 0 throughout."""

    def rate(self, t, total, *state):
        return np.zeros_like(t)


def test_schedules_of_dropout_and_decay_multiply_them():
    plain = recipe_of(network_of("scale"), optimizer=dr.AdamW(0.01, weight_decay=0.0))
    regular = recipe_of(network_of("scale", dropout=0.3), optimizer=dr.AdamW(0.01, weight_decay=0.5))
    without = regular.replace(dropout_schedule=Nothing(), decay_schedule=Nothing())
    assert (trained(without).theta == trained(plain).theta).all()
    scheduled = regular.replace(dropout_schedule="flat_cosine", decay_schedule=dr.LinearToZero(steps=1))
    assert np.abs(trained(scheduled).theta - trained(regular).theta).max() > 1e-4
    assert dr.Recipe.from_json(scheduled.to_json()) == scheduled
    with pytest.raises(RecipeError, match="validation loss"):
        regular.replace(decay_schedule="reduce_on_plateau")


@pytest.mark.parametrize(("batch_size", "batches"), [(16, 3), (25, 2), (50, 1), (64, 1)])
def test_the_last_incomplete_batch_is_left_out_unless_it_is_the_only_one(batch_size, batches):
    recipe = recipe_of(network_of("scale"), batch_size=batch_size, drop_last=True)
    problem = coded_problem(recipe.network, batch_size=batch_size, drop_last=True)
    assert problem.batches == batches
    assert problem.steps == 4 * batches
    for epoch in problem.epochs():
        assert [len(rows) for rows in epoch] == [min(batch_size, 50)] * batches
    run = dr.train(recipe, DATA, engine="reference", record="batch")
    assert len(run.batch_losses) == 4 * batches


def test_predictions_are_held_within_the_range_of_the_training_targets(tmp_path):
    network = network_of("scale", activation="relu")
    recipe = recipe_of(network, optimizer=dr.Adam(0.1), target_scaling="standard", epochs=20)
    free, held = trained(recipe), trained(recipe.replace(clamp_predictions=True))
    far = 50 * X
    assert (held.raw_outputs(far) == free.raw_outputs(far)).all()
    assert ((free.predict(far) > Y.max(axis=0)) | (free.predict(far) < Y.min(axis=0))).any()
    assert (held.predict(far) == np.clip(free.predict(far), Y.min(axis=0), Y.max(axis=0))).all()
    again = dr.load_model(held.save(tmp_path / "model.safetensors"))
    assert (again.predict(far) == held.predict(far)).all()


@pytest.mark.parametrize("part", PARTS)
def test_a_file_keeps_all_parts(part, tmp_path):
    recipe = recipe_of(network_of(part, **({} if part in ("members", "mini") else {"normalization": "batch"})))
    model = trained(recipe)
    again = dr.load_model(model.save(tmp_path / "model.safetensors"))
    assert sum(parameters for *_, parameters in layer_table(model)) == model.shape.trained
    assert (again.parameters == model.parameters).all()
    assert (again.raw_outputs(X) == model.raw_outputs(X)).all()
    assert again.recipe == model.recipe == dr.Recipe.from_json(model.recipe.to_json())
    if part in ("slopes", "scale", "all"):
        content = (tmp_path / "model.safetensors").read_bytes()
        for name in (b"layer.0.slopes", b"input.scale"):
            if name in content:
                (tmp_path / "other.safetensors").write_bytes(content.replace(name, name[:-1] + b"?"))
                with pytest.raises(ModelFileError, match=r"slopes|scale"):
                    dr.load_model(tmp_path / "other.safetensors")


def test_weights_from_the_data_have_unit_deviation_and_kinks_within_the_data():
    network = network_of("all", initializer="data", bias_initializer="data_points", activation="selu")
    problem, _ = prepared(recipe_of(network), DATA)
    run = forward(problem, problem.theta, X, training=True)
    for z, (_, biases) in zip(run.z, problem.shape.layers(problem.theta), strict=True):
        assert np.std(z, axis=0) == pytest.approx(1.0, rel=1e-9)
        assert (z.min(axis=0) < 0).all()
        assert (z.max(axis=0) > 0).all()
        assert np.abs(biases).max() > 0.01
    again, _ = prepared(recipe_of(network), DATA)
    other, _ = prepared(recipe_of(network, seed=1), DATA)
    assert (again.theta == problem.theta).all()
    assert (other.theta != problem.theta).mean() > 0.5
    with pytest.raises(RecipeError, match="initializer of biases"):
        network.replace(bias_initializer="data")
    with pytest.raises(RecipeError, match="depend on the data"):
        dr.MLPRegressor(initializer="data").fit(X, Y)


@pytest.mark.parametrize("normalization", [None, "batch"])
def test_many_columns_are_embedded_once_for_weights_from_the_data_and_some_rows_at_a_time(normalization, monkeypatch):
    """The layers' weights and biases are those of a pass through all layers before each."""
    x = np.random.default_rng(0).normal(size=(90, 600))
    data = dr.Dataset(train=(x, x[:, 0]))
    recipe = dr.preset("realmlp", "regression", data).replace(stopping=None)
    network = dataclasses.replace(
        recipe.network, hidden=(20, 10), normalization=None if normalization is None else dr.BatchNormalization()
    )
    embedded = []
    value = PBLD.value
    monkeypatch.setattr(PBLD, "value", lambda self, x, parts: embedded.append(len(x)) or value(self, x, parts))
    tracemalloc.start()
    problem, _ = prepared(recipe.replace(network=network), data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(embedded) == len(x)
    assert peak < 3 * 90 * 600 * 4 * 8 + problem.theta.nbytes  # of cosines of all rows alone there are 90 · 600 · 16
    shape, theta = problem.shape, problem.theta.copy()
    rows = problem.scaling(problem.train.inputs(slice(None)))
    for layer, (weights, biases) in enumerate(shape.layers(problem.theta)):
        inputs = forward(problem, theta, rows, training=True).x[layer]
        drawn = network.bias_initializers()[layer].fitted(inputs @ weights, biases[None], problem.recipe.seed, layer)[0]
        np.testing.assert_array_equal(drawn, biases)


def test_piecewise_linear_bins_end_at_the_quantiles():
    embedding = dr.embeddings.PiecewiseLinear(bins=4, outputs=2)
    x = np.array([0.0, 1.0, 2.0, 4.0, 8.0])[:, None]
    edges = embedding.fit(np.hstack([x, np.ones((5, 1)), np.minimum(x, 2.0)]))
    assert edges["edges"].tolist() == [[0, 1, 2, 4, 8], [1] * 5, [0, 1, 2, 2, 2]]
    asked = np.array([[-1.0] * 3, [1.5] * 3, [3.0] * 3, [16.0] * 3])
    made = embedding.encoded(asked, edges)
    assert made[:, 0].tolist() == [[-1, 0, 0, 0], [1, 0.5, 0, 0], [1, 1, 0.5, 0], [1, 1, 1, 3]]
    assert not made[:, 1].any()
    assert made[:, 2].tolist() == [[-1, 0, 0, 0], [1, 0.5, 0, 0], [1, 2, 0, 0], [1, 15, 0, 0]]
    few = embedding.fit(x[:2])["edges"]
    assert few.tolist() == [[0, 1, 1, 1, 1]]


def test_edges_are_those_of_the_training_rows_and_not_trained(tmp_path):
    network = network_of("scale", embedding="ple", initializer="data")
    model = trained(recipe_of(network, scaling="standard"))
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    edges = model.shape.stage_fitted(model.parameters)["edges"]
    assert edges == pytest.approx(np.quantile(scaled, np.linspace(0, 1, 49), axis=0).T)
    again = dr.load_model(model.save(tmp_path / "model.safetensors"))
    assert (again.raw_outputs(X) == model.raw_outputs(X)).all()


MEMBER_LOSSES = ["softmax_cross_entropy", "sigmoid_cross_entropy", dr.HalfSquaredError(inverse_link="tanh"), "poisson"]


@pytest.mark.parametrize("loss", MEMBER_LOSSES, ids=repr)
def test_a_combined_output_predicts_the_mean_of_the_members(loss):
    loss = formula("loss", loss)
    z = RANDOM.normal(size=(20, 5, 3)) * 3
    made = combined(loss, z.reshape(20, 15), 3)
    assert loss.output.value(made) == pytest.approx(loss.output.value(z).mean(axis=1), rel=1e-9)
    extreme = combined(loss, np.array([[50.0, -50.0, -800.0, 50.0, -50.0, -800.0]]), 3)
    assert np.isfinite(extreme).all()


def test_members_with_equal_parameters_are_one_network():
    one = coded_problem(network_of("scale"))
    many = coded_problem(network_of("scale", members=3))
    shape = many.shape
    assert (one.train.x == many.train.x).all()
    vector = shape.with_initial_state(np.zeros(shape.theta))
    for name, part in shape.adapters(vector).items():
        part[:] = one.shape.layers(one.theta)[int(name[0])][1] if name.endswith("c") else 1.0
    for (w, b), (own_w, own_b) in zip(shape.layers(vector), one.shape.layers(one.theta), strict=True):
        w[:], b[:] = np.tile(own_w, w.shape[1] // own_w.shape[1]), np.tile(own_b, b.size // own_b.size)
    shape.scale(vector)[:] = one.shape.scale(one.theta)
    for name, part in shape.stage_parts(vector).items():
        part[:] = one.shape.stage_parts(one.theta)[name]
    rows = np.arange(50)
    assert objective(many, vector, rows) == pytest.approx(objective(one, one.theta, rows), rel=1e-12)


def test_members_of_one_feature_begin_with_one_factor():
    problem = coded_problem(network_of("pbld", members=4))
    vector = problem.shape.with_initial_state(problem.theta[: problem.shape.theta])
    r = problem.shape.adapters(vector)["0.r"]
    assert [len(np.unique(r[:, start : start + 4])) for start in (0, 4, 8)] == [4, 4, 4]
    assert len(np.unique(r)) == 4 * (3 + 1 + 2)
    signs = trained(recipe_of(network_of("mini"), groups={"members": 0.0}))
    assert set(np.unique(signs.shape.adapters(signs.parameters)["0.r"])) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"hidden": (), "activation": "relu"}, "hidden layers"),
        ({"initializer": "data"}, "1 with an initializer that depends on the data"),
        ({"members": 0}, "at least 1"),
    ],
)
def test_what_is_undefined_for_members_is_refused(fields, words):
    with pytest.raises(RecipeError, match=words):
        network_of("members", **fields)
    with pytest.raises(RecipeError, match="has an inverse"):
        trained(recipe_of(network_of("members"), loss=dr.HalfSquaredError(inverse_link="softplus")))
