"""The learning-rate range test: what it makes of known curves, and what it finds on real data."""

from __future__ import annotations

import json

import numpy as np
import pytest

import deltarule as dr
from deltarule.cli.main import app
from deltarule.errors import RecipeError
from deltarule.figures.rates import range_curve
from deltarule.studies.learning_rate_range import found_in

RATES = np.geomspace(1e-5, 10, 300)
SMALL = dr.Recipe(network=dr.Network(hidden=(16,)), optimizer="sgd")


def curve(centre=1e-2, valley=0.3):
    """A loss that falls from 3 to 1, fastest at `centre`, and leaps up beyond `valley`."""
    return np.where(valley > RATES, 2 - np.tanh(2 * np.log10(RATES / centre)), 1 + 50 * np.log10(RATES / valley))


@pytest.mark.parametrize("centre", [1e-3, 1e-2, 3e-2])
@pytest.mark.parametrize("noise", [0.0, 0.1, 0.4])
def test_the_steepest_rate_of_a_known_curve_is_found(centre, noise):
    losses = curve(centre) + noise * np.random.default_rng(0).normal(size=(3, len(RATES)))
    found = found_in(RATES, losses)
    assert abs(np.log10(found.steepest / centre)) < 0.15 + 0.3 * (noise > 0.2)
    assert found.steepest < found.suggestion < found.largest < 0.5
    assert found.suggestion**2 == pytest.approx(found.steepest * found.largest)
    assert found.rises
    assert f"Take learning rate {found.suggestion:.2g}, or one that decays from {found.largest:.2g}" in str(found)
    assert f"fastest at {found.steepest:.2g} and is lowest at {found.largest:.2g}, then it rises" in str(found)


def test_how_far_the_end_leaps_changes_nothing():
    small, large = curve(), curve()
    large[RATES > 0.5] = 1e30
    gone = curve()
    gone[RATES > 0.5] = np.nan
    ends = [found_in(RATES, losses) for losses in (small, large, gone)]
    assert len({found.steepest for found in ends}) == 1
    assert len({found.largest for found in ends}) == 1
    assert all(np.isfinite(found.smoothed).all() for found in ends)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_of_the_loss_and_a_constant_change_nothing(unit):
    noisy = curve() + 0.1 * np.random.default_rng(1).normal(size=len(RATES))
    one, other = found_in(RATES, noisy), found_in(RATES, unit * (noisy - 5))
    assert (one.steepest, one.largest, one.rises) == (other.steepest, other.largest, other.rises)


@pytest.mark.parametrize(("share", "rises"), [(0.2, False), (0.3, True)])
def test_the_loss_rises_where_it_regains_a_quarter_of_its_fall(share, rises):
    losses = np.where(RATES > 0.3, 1 + 2 * share, curve(valley=100.0))
    assert found_in(RATES, losses).rises == rises


def test_a_loss_that_does_not_fall_suggests_nothing():
    flat = 2 + 0.3 * np.random.default_rng(2).normal(size=(2, len(RATES)))
    found = found_in(RATES, flat)
    assert found.suggestion is found.steepest is found.largest is None
    assert "falls at none of these learning rates" in str(found)
    assert found_in(RATES, np.full(len(RATES), np.nan)).suggestion is None


def test_a_loss_that_never_rises_says_so():
    found = found_in(RATES, curve(valley=100.0))
    assert not found.rises
    assert "nothing shows that larger ones are worse" in str(found)


def test_of_a_flat_valley_the_near_side_is_meant_and_a_second_valley_is_not():
    losses = np.where((RATES > 0.3) & (RATES < 2), 4.0, np.where(RATES >= 2, 0.5, curve(valley=100.0)))
    assert 0.02 < found_in(RATES, losses).largest < 0.3


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_real_data(engine):
    found = dr.learning_rate_range(SMALL, dr.load_dataset("iris"), steps=150, seeds=2, engine=engine)
    assert found.losses.shape == (2, 150)
    assert found.rates[0] == pytest.approx(1e-6)
    assert found.rates[-1] == pytest.approx(10.0)
    assert np.diff(np.log(found.rates)) == pytest.approx(np.log(1e7) / 149)
    assert 1e-4 < found.suggestion < 1.0
    assert json.dumps(found.to_json(), allow_nan=False)


def test_the_rates_are_really_those_of_the_steps():
    """With one batch, every loss is that of a run whose steps are taken one by one at these rates."""
    data = dr.Dataset(train=(np.random.default_rng(0).normal(size=(32, 4)), np.arange(32) % 2))
    found = dr.learning_rate_range(SMALL, data, lowest=1e-3, highest=0.1, steps=20, seeds=1, engine="reference")
    layers = dr.train(SMALL.replace(optimizer=dr.SGD(1e-300), epochs=1, stopping=None), data).model.layers
    for rate, loss in zip(found.rates, found.losses[0], strict=True):
        recipe = SMALL.replace(optimizer=dr.SGD(float(rate)), epochs=1, stopping=None)
        run = dr.train(recipe, data, engine="reference", initial_parameters=layers, record="batch")
        assert run.batch_losses[0] == pytest.approx(loss, rel=1e-5)
        layers = run.model.layers


def test_the_same_call_gives_the_same_and_another_seed_another():
    data = dr.load_dataset("wine")
    one, again, other = (dr.learning_rate_range(SMALL.replace(seed=seed), data, seeds=1) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.losses, again.losses)
    assert (one.losses[:, 0] != other.losses[:, 0]).any()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"steps": 5}, "at least 20"),
        ({"seeds": 0}, "seeds"),
        ({"lowest": 1.0, "highest": 5.0}, "at most a tenth of the highest for lowest"),
        ({"highest": float("inf")}, "finite number above 0 for highest"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields, words):
    with pytest.raises(RecipeError, match=words):
        dr.learning_rate_range(SMALL, dr.load_dataset("iris"), **fields)


def test_the_picture_marks_both_rates():
    found = found_in(RATES, np.stack([curve(), np.where(RATES > 0.5, np.nan, curve())]))
    axes = range_curve(found.rates, found.losses, found.smoothed, steepest=found.steepest, largest=found.largest).axes[
        0
    ]
    labels = axes.get_legend_handles_labels()[1]
    assert f"Steepest: {found.steepest:.2g}" in labels
    assert f"Lowest, before the increase: {found.largest:.2g}" in labels
    assert axes.get_ylim()[1] < 8


def test_the_command(tmp_path, capsys):
    picture = tmp_path / "range.png"
    asked = ["lr-range", "iris", "--hidden", "8", "--optimizer", "sgd", "--steps", "100", "--set", "batch_size=16"]
    with pytest.raises(SystemExit) as ended:
        app([*asked, "--output", str(picture), "--json"])
    assert ended.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["rates"]) == 100
    assert found["steepest"] < found["suggestion"] < found["largest"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    for wrong, words in (
        (["--output", "x.txt"], "--output range.png"),
        (["--optimizer", "sdg"], "--optimizer sgd"),
        (["--lowest", "1", "--highest", "2"], "Try: --lowest 1e-06"),
        (["--highest", "-1"], "Try: --highest 10.0"),
        (["--seeds", "0"], "Try: --seeds 3"),
        (["--optimizer", "lbfgs"], "Try: --optimizer adam"),
    ):
        with pytest.raises(SystemExit) as ended:
            app([*asked, *wrong])
        assert ended.value.code == 2
        assert words in capsys.readouterr().err
