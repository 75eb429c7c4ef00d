"""The founding experiments in their fair versions, on few samples."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import deltarule as dr
from deltarule.cli.main import app
from deltarule.cli.terminal import Bar
from deltarule.experiments.reproduce import AS_PUBLISHED, FAIR, Given, changed, experiment, reproduce
from deltarule.experiments.reproduce.fair.experiment import claims_table


def fair(name, *settings):
    """The experiment on a few seeds, and what it finds on the small digits."""
    wanted = changed(experiment(name, fair=True), ["seeds=2", *settings])
    digits = replace(dr.load_dataset("digits"), validation=None)  # as the official parts come
    return wanted, reproduce(wanted, Given(digits)).results[0]


def test_each_experiment_has_both_forms():
    assert list(FAIR) == list(AS_PUBLISHED)


@pytest.mark.parametrize("name", FAIR)
def test_all_variants_start_alike_and_seeds_are_enough_for_significance(name):
    wanted = experiment(name, fair=True)
    recipes = list(wanted.variants().values())
    assert len(recipes) > 1
    assert len({recipe.batch_size for recipe in recipes}) == 1
    assert len({recipe.network.hidden for recipe in recipes}) == 1
    pairs = len(recipes) * (len(recipes) - 1) // 2
    assert pairs * 2 / 2**wanted.seeds <= 0.05  # the smallest p after Holm's correction
    assert wanted.repeated(1).seed == wanted.seed + wanted.seeds


def test_moons_are_tuned_and_judged_on_fresh_points():
    wanted, result = fair("moons", "epochs=60", "fresh=500")
    comparison = result.comparison
    assert {sweep.variant for sweep in comparison.sweeps} == {"momentum", "adam"}
    data = wanted.data(Given())
    parts = [{tuple(point) for point in part.x} for part in (data.train, data.validation, data.test)]
    assert [len(part) for part in parts] == [300, 300, 500]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]
    (claim,) = result.further[0].rows
    assert claim[1] == f"{100 * comparison.difference('adam', 'momentum').mean:+.2f}"
    assert claim[-1] == "not significant"  # as no difference can be with two seeds
    assert "training points" in result.further[0].note
    assert comparison.seeds.vary == ("start", "order", "split")


def test_at_the_published_rate_momentum_has_hardly_begun():
    _, result = fair("moons", "epochs=200", "rates=published", "fresh=500")
    means = {name: each.mean for name, each in result.comparison.summaries.items()}
    assert not result.comparison.sweeps
    assert means["adam"] > means["momentum"]


def test_five_optimizers_from_one_start(tmp_path):
    wanted, result = fair("optimizers", "epochs=1", "hidden=16,16")
    digits = wanted.data(Given(replace(dr.load_dataset("digits"), validation=None)))
    comparison = result.comparison
    assert set(comparison.summaries) == {"SGD", "Momentum", "AdaGrad", "RMSProp", "Adam"}
    assert comparison.part == "test"
    assert [len(comparison.of(name)) for name in comparison.summaries] == [2] * 5
    assert {len(network.batch_losses) for network in comparison.networks} == {-(-len(digits.train) // 128)}
    json.dumps(result.to_json(), allow_nan=False)
    assert (tmp_path / "iterations.png") in result.write(tmp_path)


def test_fashion_says_when_overfitting_sets_in(tmp_path):
    _, result = fair("fashion", "epochs=4", "hidden=16,8", "patience=1")
    onset, _ = result.further
    assert [row[0] for row in onset.rows] == [
        "no regularization", "early stopping", "dropout", "L2", "augmentation", "all three",
    ]  # fmt: skip
    bare = result.comparison.of("no regularization").values()
    lowest = [int(np.argmin(each.curves["validation_loss"])) + 1 for each in bare]
    assert onset.rows[0][1] == f"{np.median(lowest):g} ({min(lowest)} to {max(lowest)})"
    assert "of 2 seeds" in onset.note
    names = {path.name for path in result.write(tmp_path)}
    assert {"scores.png", "curves.png", "score_curves.png", "report.html"} <= names


def test_digits_change_one_thing_at_a_time():
    wanted, result = fair("digits", "epochs=2", "hidden=8")
    recipes = wanted.variants()
    cross = recipes["cross-entropy"]
    assert recipes["cross-entropy, L2"].replace(penalty=None) == cross
    assert recipes["cross-entropy, L2"].penalty == dr.L2(5.0 / 50_000)
    assert recipes["cross-entropy, narrow weights"].replace(network=cross.network) == cross
    assert recipes["log-likelihood"].replace(loss=cross.loss) == cross
    assert len(result.comparison.networks) == 12


def test_a_claim_is_held_against_the_difference_of_its_variants():
    few = changed(experiment("moons", fair=True), ["seeds=6", "epochs=200", "rates=published", "fresh=500"])
    comparison = few.run(Given()).comparison
    claims = (("Adam leads", "adam", "momentum"), ("momentum leads", "momentum", "adam"))
    right, wrong = claims_table(claims, comparison).rows
    assert (right[-1], wrong[-1]) == ("holds", "the opposite holds")
    assert (
        float(right[1])
        == -float(wrong[1])
        == pytest.approx(100 * comparison.difference("adam", "momentum").mean, abs=0.01)
    )


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    short = ["reproduce", "moons", "--fair", "--set", "epochs=10", "--set", "rates=published", "--seeds", "2"]
    done = CliRunner().invoke(app, [*short, "--json"])
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["seeds"] == [0, 1]
    assert "fair comparison" in done.stderr
    assert "Conclusions of the text" in done.stderr
    folder = tmp_path / "runs" / "reproduce-moons-1"
    assert (folder / "comparison" / "report.html").is_file()
    assert json.loads((folder / "result.json").read_text())["settings"]["epochs"] == 10
    wrong = CliRunner().invoke(app, ["reproduce", "moons", "--fair", "--set", "rates=fast"])
    assert wrong.exit_code == 2
    assert "published, tuned" in wrong.stderr


def interrupting(after):
    """A report of networks that is interrupted, as by Ctrl-C, after so many of them."""

    def report(done, total, note):
        if done == after:
            raise KeyboardInterrupt

    return report


def test_an_interrupted_comparison_is_kept_and_continued(tmp_path):
    wanted = changed(experiment("moons", fair=True), ["seeds=2", "epochs=20", "rates=published", "fresh=100"])
    with pytest.raises(KeyboardInterrupt):
        wanted.run(Given(folder=tmp_path, networks=interrupting(3)))
    written = tmp_path / "comparison" / "networks.jsonl"
    kept = written.read_text().splitlines()
    assert 3 <= len(kept) <= 4  # the others may have ended meanwhile
    assert (tmp_path / "comparison" / "report.html").is_file()
    seen = []
    given = Given(folder=tmp_path, networks=lambda done, total, note: seen.append((done, total)))
    continued = wanted.run(given).comparison
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert written.read_text().splitlines()[: len(kept)] == kept
    assert len(written.read_text().splitlines()) == 4
    again = wanted.run(Given()).comparison
    scores = [{(each.variant, each.seed): each.score for each in one.networks} for one in (continued, again)]
    assert scores[0] == scores[1]


def test_the_command_keeps_what_it_has_and_continues(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    short = ["reproduce", "moons", "--fair", "--set", "epochs=10", "--set", "rates=published", "--seeds", "2"]
    with monkeypatch.context() as patched:
        patched.setattr(Bar, "reached", lambda self, done, total, note: interrupting(2)(done, total, note))
        stopped = CliRunner().invoke(app, short)
    assert stopped.exit_code == 130
    assert "--output runs/reproduce-moons-1" in stopped.stderr
    networks = tmp_path / "runs" / "reproduce-moons-1" / "comparison" / "networks.jsonl"
    kept = networks.read_text()
    assert kept.count("\n") >= 2
    done = CliRunner().invoke(app, [*short, "--out", "runs/reproduce-moons-1"])
    assert done.exit_code == 0, done.stderr
    assert networks.read_text().startswith(kept)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["reproduce-moons-1"]
    named = done.stderr.rpartition("In runs/reproduce-moons-1: ")[2].strip(" .\n").split(", ")
    assert "comparison/report.html" in named
    assert all((tmp_path / "runs" / "reproduce-moons-1" / name).is_file() for name in named)
    other = CliRunner().invoke(app, ["reproduce", "moons", "--out", "runs/reproduce-moons-1"])
    assert other.exit_code == 2  # the run as published has nothing to continue
