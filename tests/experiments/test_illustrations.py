"""Each illustration shows what it says: the fact in it is asserted, from the data that its picture is drawn from."""

import json
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr
from deltarule.data import Dataset
from deltarule.data.generated import moons
from deltarule.experiments.descent import steps_of
from deltarule.experiments.illustrations import ILLUSTRATIONS, illustrate
from deltarule.experiments.illustrations.batches import SAMPLES, SIZES
from deltarule.experiments.illustrations.early_stopping import PATIENCE
from deltarule.experiments.illustrations.learning_curve import _order
from deltarule.experiments.illustrations.local_minimum import slope, two_valleys
from deltarule.experiments.illustrations.strong_l2 import _raw_output
from deltarule.figures.style import save
from deltarule.formulas.random import kept


@pytest.fixture(scope="module")
def made():
    """Each illustration, made once."""
    kept = {}

    def one(name):
        if name not in kept:
            kept[name] = illustrate(name)
        return kept[name]

    return one


def test_a_large_rate_diverges_a_small_one_creeps(made):
    paths = made("learning-rate").paths
    sizes = {rate: np.abs(path) for rate, path in paths.items()}
    start = sizes[0.5][0]
    assert (np.diff(sizes[2.1]) > 0).all()
    assert (np.diff(sizes[0.05]) < 0).all()
    assert sizes[0.5][-1] < 1e-3 * start < sizes[0.05][-1]
    assert (paths[1.9][1:] * paths[1.9][:-1] < 0).all()
    for rate, path in paths.items():  # the law: each step multiplies by 1 − η
        np.testing.assert_allclose(path, start * (1 - rate) ** np.arange(len(path)))


def test_batches_are_the_same_neuron_with_more_and_more_steps(made):
    found = made("batches")
    assert {name: len(path) - 1 for name, path in found.paths.items()} == {
        name: 12 * SAMPLES // size for name, size in SIZES.items()
    }
    x, y, path = found.x, found.y, found.paths["Batch"]
    residual = path[0, 0] * x + path[0, 1] - y
    step = -0.15 * np.array([(residual * x).mean(), residual.mean()])
    np.testing.assert_allclose(path[1] - path[0], step)
    above = found.facts["loss_above_the_lowest"]
    assert 0 < above["Mini-batch"] < above["Stochastic"] < above["Batch"]
    losses = found.loss(*path.T)
    assert (np.diff(losses) < 0).all()
    raised = found.facts["steps_that_raise_the_loss"]
    assert raised["Batch"] == 0 < raised["Mini-batch"] < raised["Stochastic"] < 768


def test_momentum_and_noise_leave_the_local_minimum_and_descent_does_not(made):
    found = made("local-minimum")
    plain, rolled, noisy = (path[-1] for path in found.paths.values())
    assert plain == pytest.approx(1.33, abs=0.01)
    assert rolled == pytest.approx(-1.48, abs=0.01)
    assert noisy < 0
    assert two_valleys(rolled) < two_valleys(plain)
    assert 0.2 < np.mean(found.noisy_ends < 0) < 0.9
    h = 1e-6
    assert slope(0.7) == pytest.approx((two_valleys(0.7 + h) - two_valleys(0.7 - h)) / (2 * h))


def test_the_bare_network_overfits_and_l2_helps(made):
    found = made("overfitting")
    bare, l2, _ = found.fresh
    assert found.training[bare] == 1.0
    assert found.training[bare] - found.fresh[bare] > 0.1
    assert found.fresh[l2] > found.fresh[bare]
    assert found.training[l2] - found.fresh[l2] < found.training[bare] - found.fresh[bare]
    steepest = {name: np.abs(np.diff(each.probabilities, axis=1)).max() for name, each in found.maps.items()}
    assert steepest[l2] < steepest[bare]


def test_proximal_l1_makes_exact_zeros_and_l2_makes_none(made):
    facts = made("weights").facts
    bare, l2, l1, dropout = facts["fraction_of_zeros"]
    zeros, size = facts["fraction_of_zeros"], facts["mean_size"]
    assert zeros[l1] > 0.1
    assert zeros[bare] == zeros[l2] == zeros[dropout] == 0.0
    assert size[l2] < size[bare]
    assert size[l1] < size[bare]


def test_early_stopping_keeps_the_lowest_point_and_waits_its_patience(made):
    found = made("early-stopping")
    assert found.best == int(np.argmin(found.validation[: found.stopped])) + 1
    assert found.stopped == found.best + PATIENCE
    assert found.validation[-1] > 1.2 * found.validation[found.best - 1]
    assert found.training[-1] < 0.5 * found.training[found.best - 1]
    assert found.kept_score > found.last_score


def test_the_absolute_errors_line_stays_with_the_others(made):
    found = made("outlier")
    far = found.facts["distance_from_the_others"]
    assert far["Absolute error"] < 0.6 * far["Squared error"]
    w, b = np.polyfit(found.x, found.y, 1)  # the squared error has one lowest point
    assert found.lines["Squared error"] == pytest.approx((w, b), abs=1e-3)
    w, b = found.lines["Absolute error"]
    above = np.sum(found.y > w * found.x + b + 1e-2), np.sum(found.y < w * found.x + b - 1e-2)
    assert max(above) <= len(found.x) / 2  # a line of least absolute error halves the points


def test_one_neuron_cannot_do_exclusive_or(made):
    found = made("xor")
    assert found.accuracy["4 hidden units"] == 1.0
    assert found.accuracy["One neuron"] <= 0.75
    assert found.loss["One neuron"] == pytest.approx(np.log(2), abs=1e-3)


def test_the_difference_is_off_by_h_squared_and_then_by_rounding(made):
    found = made("gradient-check")
    best = int(np.argmin(found.errors))
    assert found.errors[best] < 1e-8
    assert 1e-7 < found.steps[best] < 1e-3
    assert found.errors[2] / found.errors[3] == pytest.approx(100, rel=0.1)
    assert found.errors[-1] > 1e4 * found.errors[best]


def test_sgd_crosses_the_valley_and_adagrad_does_not(made):
    crossings = {name.partition(",")[0]: number for name, number in made("optimizers").facts["crossings"].items()}
    assert crossings["SGD"] == 30
    assert crossings["AdaGrad"] == crossings["RMSProp"] == 0
    assert 0 < crossings["Adam"] < crossings["Momentum"] < 10


def test_the_quadratic_cost_learns_ten_times_as_slowly_from_saturation(made):
    facts = made("slowdown").facts
    assert facts["quadratic, start 2"] > 10 * facts["cross-entropy, start 2"]


def test_too_few_units_underfit_and_too_many_overfit(made):
    found = made("underfitting")
    (low, some, high), (small, right, large) = found.training.values(), found.fresh.values()
    assert low < some < high == 1.0
    assert right > max(small, large)


def test_a_growing_penalty_makes_the_network_linear(made):
    facts = made("strong-l2").facts
    weak, *_, strong = facts["nonlinear_fraction"].values()
    assert strong < 0.01 < 0.2 < weak
    sizes = list(facts["mean_absolute_weight"].values())
    assert sizes == sorted(sizes, reverse=True)


def test_the_nonlinear_fraction_is_that_of_the_model_s_own_output(made):
    """The raw output computed for it has the sign of the model's decision everywhere."""
    recipe = dr.Recipe(network=dr.Network(hidden=(5,), activation="tanh"), loss="sigmoid_cross_entropy", epochs=20)
    recipe = recipe.replace(scaling="none", stopping=None)
    x, y = moons(100, 0.2, 0)
    model = dr.train(recipe, Dataset(train=(x, y))).model
    raw = _raw_output(model, x)
    np.testing.assert_allclose(1 / (1 + np.exp(-raw)), model.predict_proba(x)[:, 1], rtol=1e-4)


def test_dropout_does_not_shrink_the_weights_as_l2_does(made):
    sizes = made("dropout-weights").sizes
    bare, l2, dropout = sizes.values()
    assert (l2 < bare).all()
    assert (dropout > bare).all()
    assert bare.shape == (10, 2)


def test_a_perceptron_learns_shifted_images_from_shifted_images(made):
    before, after = (each.mean(axis=1) for each in made("augmentation").accuracy.values())
    assert before[2] > 0.9 > 0.7 > before[3]
    assert after[3] > before[3] + 0.2
    assert after[1] > before[1] + 0.2


def test_more_data_close_the_gap(made):
    found = made("learning-curve")
    test, gap = found.test.mean(axis=1), (found.training - found.test).mean(axis=1)
    assert test[0] < test[2] < test[-1]
    assert gap[-1] < 0.5 * gap[0]


def test_every_part_of_the_learning_curve_has_all_classes():
    labels = np.array([0] * 500 + [1] * 3 + [2] * 500)
    for seed in range(20):
        order = _order(labels, seed)
        assert sorted(order.tolist()) == list(range(len(labels)))
        assert {*labels[order[:3]].tolist()} == {0, 1, 2}


def test_width_approximates_inside_the_interval_only(made):
    facts = made("approximation").facts
    inside, beyond = facts["largest_error"], facts["largest_error_beyond"]
    assert inside["128"] < 0.2 < 1 < inside["2"]
    assert all(beyond[width] > 1 for width in beyond)


def test_depth_is_not_always_better(made):
    relu, sigmoid = (each.mean(axis=1) for each in made("depth").accuracy.values())
    assert relu[-1] < relu.max() - 0.02
    assert sigmoid[-1] < 0.2 < 0.85 < sigmoid[0]


def test_dropped_units_are_those_of_training(made):
    found = made("network")
    assert found.kept[0].all()
    assert found.kept[-1].all()
    assert [mask.size for mask in found.kept] == found.facts["sizes"]
    for layer in (1, 2):
        assert (found.kept[layer] == kept(0, layer, 1, 1, 6, 0.5)[0]).all()
    assert 0 < found.facts["weights_in_use"] < found.facts["weights"] == 4 * 6 + 6 * 6 + 6 * 3
    left, right = (len(axes.lines) for axes in found.picture().axes)
    assert left - right == found.facts["weights"] - found.facts["weights_in_use"]


def test_steps_of_a_rule_are_those_of_its_formula():
    rule = dr.Momentum(0.1, 0.5)
    w, v, expected = 3.0, 0.0, [3.0]
    for t in (1, 2, 3):
        w, v = rule.step(w, 2 * w, t, v)
        expected.append(w)
    assert steps_of(rule, lambda w: 2 * w, 3.0, 3).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("name", ILLUSTRATIONS)
def test_each_has_a_picture_of_a_page_s_width_a_sentence_and_facts(made, name, tmp_path):
    found = made(name)
    picture = found.picture()
    assert 6 <= picture.get_size_inches()[0] <= 7
    if name != "network":  # a graph has no axes
        assert any(axes.get_xlabel() for axes in picture.axes)
        assert any(axes.get_ylabel() for axes in picture.axes)
    save(picture, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000
    assert 60 < len(found.sentence) < 500
    assert "nan" not in found.sentence
    json.dumps(found.facts, allow_nan=False)
    assert found.shows


@pytest.mark.parametrize(
    "name", ["batches", "local-minimum", "xor", "outlier", "optimizers", "learning-rate", "network"]
)
def test_the_seed_decides_everything(name, made):
    assert illustrate(name).facts == made(name).facts
    assert illustrate(name, seed=1).facts != made(name).facts


def test_the_figures_in_the_page_on_the_texts_are_these(made):
    page = (Path(__file__).parents[2] / "docs" / "texts.md").read_text(encoding="utf-8")
    bare, l2, dropout = (each[0] for each in made("dropout-weights").facts["mean_square"].values())
    assert f"{bare:.3f} without regularization, {l2:.3f} with L2, {dropout:.3f} with dropout" in page
    relu, sigmoid = made("depth").facts["accuracy"].values()
    assert f"{100 * relu['1']:.1f} % with 1 hidden layer of ReLU units, {100 * relu['16']:.1f} % with 16" in page
    assert f"with sigmoid units {100 * sigmoid['1']:.1f} % and {100 * sigmoid['16']:.1f} %" in page
    raised = made("batches").facts["steps_that_raise_the_loss"]
    assert f"{raised['Mini-batch']} of 96 steps" in page
    assert f"{raised['Stochastic']} of 768" in page
    before, after = made("augmentation").facts["accuracy"].values()
    assert f"from {100 * before['0']:.1f} to {100 * before['1']:.1f} %" in page
    assert f"it has {100 * after['1']:.1f} % there" in page
