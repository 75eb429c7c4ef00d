"""The diagnosis: what it finds in networks of a known fault, that it is quiet about sound ones, what it tries."""

import dataclasses
import json
import math
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import deltarule as dr
from deltarule.cli.main import app
from deltarule.data.frames import table_of
from deltarule.engines.backpropagation import forward
from deltarule.studies.diagnose import CHECKS, Attempt, Measure, Severity
from deltarule.studies.diagnose.attempts import attempted
from deltarule.studies.diagnose.case import Case
from deltarule.studies.diagnose.diagnosing import examined
from deltarule.studies.diagnose.findings.columns import _farthest
from deltarule.studies.diagnose.learning_curve import _doubled
from deltarule.studies.diagnose.replay import replayed
from deltarule.studies.diagnose.report import report
from deltarule.training.preparing import prepared

CHECKOUT = Path(__file__).parents[2]
if str(CHECKOUT) not in sys.path:
    sys.path.append(str(CHECKOUT))

from benchmarks.diagnose.catalogue import Result, made  # noqa: E402
from benchmarks.diagnose.faults import FAULTS  # noqa: E402
from benchmarks.diagnose.samples import SETTINGS  # noqa: E402
from benchmarks.diagnose.tables import BEGIN, END, write_page  # noqa: E402

STRONG, SHORT_CHECKS = 2, {name for name, check in CHECKS.items() if not check.trains}


def ran(setting):
    try:
        return dr.train(setting.recipe, setting.data, n_threads=1)
    except dr.Diverged as error:
        return error.run


def found_in(fault, setting="moons"):
    """The diagnosis of a strong fault of the catalogue, in its short form."""
    (chosen,) = (each for each in FAULTS if each.name == fault)
    name = setting if setting in chosen.settings else chosen.settings[0]
    made_here = made(chosen, name, STRONG, 0)
    return dr.diagnose(ran(made_here), made_here.data, short=True), chosen, made_here


SHORT = [each for each in FAULTS if set(each.expected) <= SHORT_CHECKS]


@pytest.mark.parametrize("fault", SHORT, ids=lambda each: each.name)
def test_a_strong_fault_is_found_by_the_short_form(fault):
    found, chosen, _ = found_in(fault.name)
    names = [each.check for each in found.findings]
    assert set(names) & set(chosen.expected), names


@pytest.mark.parametrize("setting", SETTINGS)
def test_sound_networks_have_no_errors(setting):
    sound = SETTINGS[setting](3)
    found = dr.diagnose(ran(sound), sound.data, short=True)
    assert not [each for each in found.findings if each.severity == Severity.ERROR]


def test_every_check_has_a_fault_in_the_catalogue_or_says_why_not():
    seeded = {name for fault in FAULTS for name in fault.expected}
    consequences = {"dead-units", "still-falling", "reference-is-better", "more-data"}
    assert set(CHECKS) - seeded == consequences
    assert all(check.threshold for check in CHECKS.values())
    assert len(FAULTS) >= 30


def test_the_full_form_trains_beside_the_network_and_the_short_one_does_not(monkeypatch):
    setting = made(next(each for each in FAULTS if each.name == "low learning rate"), "moons", STRONG, 0)
    run = ran(setting)
    found = dr.diagnose(run, setting.data)
    rate = next(each for each in found.findings if each.check == "low-learning-rate")
    assert rate.measures[0].high < 0
    assert rate.remedies[0].change["learning_rate"] > setting.recipe.optimizer.learning_rate
    assert {each.name for each in found.references} == {"the 5 nearest neighbours", "30 boosted trees"}
    assert found.learning_curve.errors.shape == (4, 3)
    for name in ("rates", "references", "learning_curve"):
        monkeypatch.setattr(Case, name, property(lambda self: pytest.fail("trained")))
    assert dr.diagnose(run, setting.data, short=True).references == ()


def test_the_first_finding_is_the_cause_and_not_what_follows_from_it():
    found, _, _ = found_in("equal weights")
    assert found.findings[0].check == "equal-units"
    assert found.findings[0].severity == Severity.ERROR
    assert "nothing-learned" in {each.check for each in found.findings}


def test_a_model_alone_is_diagnosed_without_its_history():
    data = dr.load_dataset("iris")
    run = dr.train(dr.Recipe(epochs=40), data)
    found = dr.diagnose(run.model, run.data, short=True)
    assert found.errors.evidence.course is None
    assert str(found)
    with pytest.raises(dr.DeltaruleError, match="data beside a model"):
        dr.diagnose(run.model)
    with pytest.raises(dr.DeltaruleError, match="a run or a model"):
        dr.diagnose(data)
    with pytest.raises(dr.DeltaruleError, match="try_remedies"):
        dr.diagnose(run, try_remedies=-1)


@pytest.mark.parametrize("rate", [1e9, 300.0])
def test_a_run_that_diverged_says_so_and_nothing_of_bias(rate):
    setting = SETTINGS["moons"](0).edited(optimizer="sgd", learning_rate=rate)
    found = dr.diagnose(ran(setting), setting.data, short=True)
    assert found.findings[0].check == "divergence"
    assert found.errors is None
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["errors"] is None


def test_a_perturbation_that_is_too_large_is_named_before_dropout_and_a_larger_network():
    setting = SETTINGS["moons"](0).edited(adversarial=4.0, dropout=0.5, epochs=30)
    found = dr.diagnose(ran(setting), setting.data)
    assert found.errors.train.value > 0.2
    checks = {each.check: each for each in found.findings}
    assert {"strong-dropout", "divergence", "noisy-labels"}.isdisjoint(checks)
    first = checks["underfitting"].remedies[0]
    assert first.change == {"adversarial": None}


def test_a_model_whose_outputs_overflow_is_diagnosed():
    setting = SETTINGS["moons"](0).edited(epochs=2)
    run = ran(setting)
    wild = dataclasses.replace(run.model, theta=run.model.theta * np.float32(1e20))
    found = examined(Case(wild, setting.data, run.history))
    assert "outputs overflow" in found.findings[0].sentence


def test_tables_images_several_targets_and_labels_can_be_diagnosed():
    rng = np.random.default_rng(0)
    columns = {"age": [float(i % 50) for i in range(120)], "town": ["abc"[i % 3] for i in range(120)]}
    table = dr.Dataset((table_of(columns), ["yn"[(i * 7) % 2] for i in range(120)]))
    several = dr.Dataset((rng.normal(size=(90, 4)), rng.normal(size=(90, 2))))
    labels = dr.Dataset((rng.normal(size=(90, 4)), rng.integers(0, 2, (90, 3))))
    images = dr.Dataset((rng.uniform(size=(60, 6, 6)), rng.integers(0, 3, 60)))
    for data in (table, several, labels, images):
        run = dr.train(dr.Recipe(network=dr.Network(hidden=(8,)), epochs=3), data)
        found = dr.diagnose(run, run.data)
        assert all(math.isfinite(measure.value) for each in found.findings for measure in each.measures)


def test_the_replay_equals_the_definition():
    setting = SETTINGS["digits"](0).edited(activation="tanh")
    problem, _ = prepared(setting.recipe, setting.data)
    seen = replayed(problem, problem.theta)
    rows = np.arange(len(problem.train))
    z = forward(problem, problem.theta, problem.scaling(problem.train.inputs(rows))).z
    sizes = [float(np.sqrt(np.mean(each**2))) for each in z[:-1]]
    assert seen.first.n == len(problem.train)  # the sample is the whole set, in another order
    assert [each.rms for each in seen.first.layers] == pytest.approx(sizes, rel=1e-12)
    flat = [float(np.mean(1 - np.tanh(each) ** 2 < 0.05)) for each in z[:-1]]
    assert [each.saturated for each in seen.first.layers] == pytest.approx(flat, abs=1e-12)
    assert seen.first.loss == seen.last.loss


def test_dead_and_equal_units_are_counted():
    network = dr.Network(hidden=(6,), initializer="zeros", bias_initializer={"name": "constant", "value": -1.0})
    data = dr.Dataset((np.random.default_rng(0).normal(size=(50, 3)), [0, 1] * 25))
    problem, _ = prepared(dr.Recipe(network=network, stopping=None), data)
    (layer,) = replayed(problem, problem.theta).first.layers
    assert (layer.units, layer.dead, layer.equal) == (6, 6, 5)


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_the_gain_of_more_data_covers_a_known_curve(exponent):
    """Errors of a known power law: the change at twice the samples is inside the interval for most draws."""
    sizes, covered = np.array([100.0, 200.0, 400.0, 800.0]), 0
    for draw in range(8):
        rng = np.random.default_rng(draw)
        errors = 0.05 + 2.0 * sizes**-exponent
        losses = (rng.uniform(size=(4, 3, 200)) < errors[:, None, None]).astype(float)
        true = 2.0 * (1600.0**-exponent - 800.0**-exponent)
        _, low, high = _doubled(sizes, losses)
        covered += low <= true <= high
    assert covered >= 6


def test_remedies_are_tried_beside_the_recipe_as_it_is():
    found, _, setting = found_in("dead units")
    remedy = next(each for each in found.changes if "initializer" in each.change)
    useless = dr.Remedy("a metric, which changes nothing", {"metrics": "f1"})
    impossible = dr.Remedy("early stopping of nothing", {"patience": None, "monitor": "loss"})
    tried = attempted([remedy, useless, impossible], setting.recipe, setting.data, seeds=8)
    assert [each.remedy for each in tried] == [remedy, useless]
    assert (tried[0].helped, tried[0].harmed) == (True, False)
    assert (tried[1].helped, tried[1].harmed, tried[1].difference[0]) == (False, False, 0.0)
    assert tried[0].before < tried[0].after
    assert json.dumps(tried[0].to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ({"hidden": (16, 8), "learning_rate": 1e-4}, "--hidden 16,8 --learning-rate 0.0001"),
        ({"initializer": "auto", "bias_initializer": "zeros"}, "--initializer auto --set bias_initializer=zeros"),
        ({"clipping": None}, "--set clipping=none"),
        (
            {"preparation.numbers": "robust", "preparation.arrays": True},
            "--set preparation.numbers=robust --set preparation.arrays=True",
        ),
        (
            {"loss": {"name": "softmax_cross_entropy", "label_smoothing": 0.1}},
            """--loss '{"name": "softmax_cross_entropy", "label_smoothing": 0.1}'""",
        ),
    ],
)
def test_the_options_of_a_remedy_are_options_of_the_shell(change, options, tmp_path, monkeypatch):
    remedy = dr.Remedy("a change", change)
    assert remedy.options == options
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["train", "xor", "--epochs", "1", "--quiet", *shlex.split(options)])
    assert done.exit_code == 0, done.output
    with_it = remedy.applied(dr.Recipe(epochs=1)).to_json(all_fields=True)
    trained = dr.load_model(next(tmp_path.glob("runs/*/model*"))).recipe.to_json(all_fields=True)
    assert {name for name in with_it if with_it[name] != trained[name]} <= {"loss", "task"}  # which are "auto"
    assert "loss" not in change or with_it["loss"] == trained["loss"]


def test_a_column_of_which_most_values_are_equal_has_no_extreme_ones():
    pixels = np.repeat([0.0, 1.0, 5.0, 16.0], [299, 40, 30, 31])  # the third quartile is interpolated: 0.25
    pixels[-9:] = np.arange(2.0, 11.0)
    assert _farthest(pixels) == 0.0
    assert _farthest(np.append(np.random.default_rng(0).normal(size=400), 1e4)) > 50


def test_the_test_set_is_not_used():
    setting = SETTINGS["moons"](0).edited(epochs=5)
    data = dataclasses.replace(setting.data, test=dr.Part(np.full((5, 4), 1e30), np.zeros(5, np.int64)))
    run = dr.train(setting.recipe, setting.data)
    found = dr.diagnose(run, data, try_remedies=1, seeds=2)
    assert found.errors.validation.n == len(setting.held_y)


def test_the_report_is_one_file_that_fetches_nothing():
    found, _, _ = found_in("saturated units")
    attempt = Attempt(found.changes[0], 0.5, 0.9, (0.4, 0.3, 0.5), 0.01, 8)
    page = report(dataclasses.replace(found, attempts=(attempt,)))
    assert page.count("<svg") == 0
    assert "data:image/svg+xml" in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "Take this" in page
    assert "(not tried)" in page
    named = dataclasses.replace(found, name="<script>alert(1)</script>")
    assert "<script>" not in report(named)


def test_noisy_labels_are_found_with_pictures_and_clean_ones_left_alone():
    digits, rng = dr.load_dataset("digits"), np.random.default_rng(0)
    clean = dr.Dataset(digits.train.rows(np.arange(600)), digits.validation or digits.test)
    y = clean.train.y.copy()
    wrong = np.flatnonzero(rng.uniform(size=len(y)) < 0.1)
    y[wrong] = (y[wrong] + rng.integers(1, 10, len(wrong))) % 10
    noisy = dataclasses.replace(clean, train=dr.Part(clean.train.x, y))
    single = dr.Part(clean.train.x, np.where(np.arange(len(y)) == 0, 10, clean.train.y))
    recipe, check = dr.Recipe(epochs=20), CHECKS["noisy-labels"]
    (found,) = check.findings(Case(dr.train(recipe, noisy).model, noisy))
    assert 0.02 < found.measures[0].low < found.measures[0].value < 0.15
    assert found.display is not None
    assert str(int(found.measures[2].value))
    named = [int(row) for row in re.findall(r"\d+", found.remedies[0].text.partition("rows")[2])[:-1]]
    assert np.isin(named, wrong).mean() > 0.5
    assert not list(check.findings(Case(dr.train(recipe, clean).model, clean)))
    alone = dataclasses.replace(clean, train=single)
    assert not list(check.findings(Case(dr.train(recipe, alone).model, alone)))  # no fold knows all classes


def test_a_finding_says_its_numbers():
    assert str(Measure("share", 0.5, percent=True)) == "share: 50 %"
    found, _, _ = found_in("imbalance", "moons")
    text = found.findings[0].to_json()
    assert text["check"] == "imbalance"
    assert text["remedies"][0]["change"] == {"class_weight": "balanced"}
    assert 0.9 <= text["measures"][0]["value"] <= 1


def test_the_catalogue_writes_its_tables(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    results = [
        Result("dead units", "moons", "strong", 0, ("dead-at-start",), ("error",)),
        Result("dead units", "moons", "strong", 1, ("variance", "dead-at-start"), ("warning", "warning")),
        Result("healthy", "moons", "", 0, ("more-data",), ("note",)),
    ]
    write_page(page, results, [])
    text = page.read_text()
    assert "| strong | 2 | 2 | 1 (50.0 %) | 2 (100.0 %) |" in text
    assert "| dead units | dead-at-start |  |  | 1 of 2 | variance 1 |" in text
    assert text.startswith("before") and text.endswith("after\n")  # noqa: PT018
