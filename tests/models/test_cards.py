"""Model cards: what they say, in the shell and as Markdown, with names that mean harm; and imports in the shell."""

import json
import re

import numpy as np
import pytest

import deltarule as dr
from deltarule.models.record import Record, Score


def front_matter(text):
    return text.split("---\n")[1]


def test_the_card_of_a_run_says_scores_and_diagnosis(tmp_path):
    data = dr.load_dataset("iris")
    run = dr.train(dr.Recipe(network=dr.Network(hidden=(8,)), epochs=30), data)
    card = dr.load_model(run.save(tmp_path / "m.safetensors")).card()
    test = next(score for score in card.record.scores if score.part == "test")
    assert test.value == run.evaluate()["test"].score
    assert test.low < test.value <= test.high
    assert card.record.diagnosis == run.diagnose(short=True).sentences
    assert str(card) == str(run.card())
    text = card.markdown()
    assert f'- type: "accuracy"\n      value: {test.value:.6g}\n' in front_matter(text)
    assert f"| Test | 15 | Accuracy | {test} |" in text
    assert "pipeline_tag: tabular-classification" in front_matter(text)
    assert json.loads(re.search(r"```json\n(.*)\n```", text, re.DOTALL)[1]) == run.recipe.to_json()
    assert "95 % interval" in card._repr_html_()
    assert run.model.card().scores.rows == ()


def test_regression_has_intervals_of_r2_and_rmse():
    run = dr.train(dr.Recipe(epochs=20), dr.load_dataset("diabetes"))
    scores = {score.metric: score for score in run.card().record.scores if score.part == "test"}
    assert scores["r2"].value == pytest.approx(run.evaluate()["test"].score)
    assert scores["rmse"].value == pytest.approx(run.evaluate()["test"].metrics.rmse)
    assert all(score.low < score.value < score.high for score in scores.values())
    assert "tabular-regression" in run.card().markdown()


def test_names_that_mean_harm_have_no_effect():
    names = ["<script>alert(1)</script>", "a|b\n# head", "[x](http://e)"]
    model = dr.train(dr.Recipe(epochs=1, stopping=None), np.eye(3), np.array(names)).model
    record = Record(data='x"\n---\nlicense: mit', scores=(Score("test", "a: b\n- c", 0.5, None, None, 3),))
    card = type(model).of(model).card()
    assert "<script>" not in card.markdown().replace(json.dumps(card.recipe), "")
    hostile = type(card)(**{**vars(card), "record": record}).markdown()
    assert hostile.count("\n---\n") == 1
    assert "license: mit" not in hostile.split("\n")


def test_the_shell_shows_and_writes_cards(shell, tmp_path):
    shell("train", "iris", "--epochs", "3", "--out", "run", "--quiet")
    out, _ = shell("show", "run")
    assert "95 % interval" in out
    assert "training error" in out
    assert shell("show", "run", "--markdown")[0].startswith("---\nlibrary_name: deltarule\n")
    shell("show", "run", "--card", "card")
    assert dr.load_model(tmp_path / "card" / "model.safetensors").record.data == "iris"
    assert (tmp_path / "card" / "README.md").read_text().startswith("---\n")
    assert "not empty" in shell("show", "run", "--card", "card", code=2)[1]
    assert json.loads(shell("show", "run", "--json")[0])["record"]["samples"]["train"] == 120


def test_the_card_of_an_estimator_for_tables(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(60, 3)), np.array(["a", "b"] * 30)
    estimator = dr.TabularClassifier(dr.Recipe(epochs=2), folds=2).fit(x, y)
    card = estimator.ensemble_.load(estimator.save(tmp_path / "e.safetensors")).card()
    entry = next(each for each in estimator.leaderboard_ if each.used)
    assert [(score.part, score.value) for score in card.record.scores] == [("out of fold", entry.score)]
    assert "dr.TabularClassifier.load" in card.markdown()


def test_the_shell_imports_networks(shell, tmp_path):
    from tests.faults.attacks.foreign_files import node, perceptron

    (tmp_path / "n.onnx").write_bytes(perceptron())
    _, err = shell("import", "n.onnx", "--out", "n.safetensors")
    assert "Model(2-3-2" in err
    out, _ = shell("show", "n.safetensors")
    assert "Imported from" in out
    assert "Optimizer" not in out
    (tmp_path / "c.onnx").write_bytes(perceptron(nodes=[node("Conv", ["x", "w0"], "p")]))
    assert "(Conv)" in shell("import", "c.onnx", "--out", "c.safetensors", code=2)[1]
    assert ".safetensors file" in shell("import", "n.onnx", "--out", "n.json", code=2)[1]
    assert "nothing of that name" in shell("import", "none.onnx", "--out", "m.safetensors", code=2)[1]
