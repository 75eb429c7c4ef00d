"""The files of the estimators for tables in the shell: predict, score, describe."""

import json

import numpy as np
import pandas as pd
import pytest

import deltarule as dr

DRAWN = np.random.default_rng(0)
FRAME = pd.DataFrame({"age": DRAWN.uniform(18, 80, 120).round(3), "city": DRAWN.choice(["Oslo", "Lima"], 120)})
FRAME["pay"] = np.where(FRAME["age"] + 20 * (FRAME["city"] == "Oslo") > 60, "high", "low")
FRAME["sum"] = FRAME["age"] * 2.0
X = FRAME[["age", "city"]]
RECIPE = dr.Recipe(network=dr.Network(hidden=(16,)), epochs=20, batch_size=16)


@pytest.fixture(autouse=True)
def _people(tmp_path):
    FRAME.to_csv(tmp_path / "people.csv", index=False)


def test_the_shell_predicts_what_the_classifier_does(shell):
    classifier = dr.TabularClassifier(RECIPE, folds=3).fit(X, FRAME["pay"])
    classifier.save("people.safetensors")
    out, err = shell("predict", "people.safetensors", "people.csv")
    assert out.split() == classifier.predict(X).tolist()
    assert f"Accuracy {100 * classifier.score(X, FRAME['pay']):.2f} % on 120 samples." in err
    found = json.loads(shell("predict", "people.safetensors", "people.csv", "--proba", "--json")[0])
    assert found["probabilities"] == classifier.predict_proba(X).tolist()
    shell("predict", "people.safetensors", "people.csv", "--output", "out.csv")
    assert list(pd.read_csv("out.csv").columns) == ["prediction", "probability_high", "probability_low"]
    X.assign(city="Rome", more=1)[["more", "city", "age"]][:1].to_csv("new.csv", index=False)
    _, err = shell("predict", "people.safetensors", "new.csv")
    assert "Note: Column city: an unseen category, for example 'Rome'" in err
    assert "the command without --strict" in shell("predict", "people.safetensors", "new.csv", "--strict", code=2)[1]
    assert "without --part" in shell("predict", "people.safetensors", "people.csv", "--part", "test", code=2)[1]


def test_the_shell_predicts_what_the_regressor_does(shell):
    one = dr.TabularRegressor(RECIPE, folds=2).fit(X, FRAME["sum"])
    one.save("one.safetensors")
    out, err = shell("predict", "one.safetensors", "people.csv")
    np.testing.assert_allclose([float(line) for line in out.split()], one.predict(X), rtol=1e-9)
    assert f"R² {one.score(X, FRAME['sum']):.4f}" in err
    two = dr.TabularRegressor(RECIPE, folds=2).fit(X, FRAME[["sum", "age"]].rename(columns={"age": "years"}))
    two.save("two.safetensors")
    assert shell("predict", "two.safetensors", "people.csv")[0].splitlines()[0] == "sum\tyears"
    unnamed = dr.TabularRegressor(RECIPE, folds=2).fit(X["age"].to_numpy()[:, None], FRAME["sum"].to_numpy())
    unnamed.save("unnamed.safetensors")
    np.save("x.npy", X["age"].to_numpy()[:, None])
    assert len(shell("predict", "unnamed.safetensors", "x.npy")[0].split()) == 120


def test_the_shell_describes_an_ensemble(shell):
    groups = {"weights": [1.0, 0.5], "biases": {"learning_rate": 0.1, "decay": 0}, "scale": 6.0}
    dr.TabularClassifier(RECIPE.replace(groups=groups), folds=3).fit(X, FRAME["pay"]).save("people.safetensors")
    out, _ = shell("show", "people.safetensors", "--picture", "network.svg")
    assert "3; the mean of their predictions is the model's, the first is shown" in out
    assert "from 120 out-of-fold samples" in out
    assert "pay: 2 classes: high, low" in out
    assert "weights (× 1 | learning rate × 0.5, layer by layer); biases learning rate × 0.1, decay × 0; scale" in out
    shown = json.loads(shell("show", "people.safetensors", "--json")[0])
    assert shown["networks"] == 3
    assert shown["encoding"]["target"] == "pay"
    assert 0 < shown["temperature"] <= 1


def test_a_target_that_is_also_a_column_is_not_named():
    regressor = dr.TabularRegressor(RECIPE, folds=2).fit(X, FRAME["age"])
    assert regressor.ensemble_.encoding.targets == ()


def test_the_shell_joins_runs(shell):
    images = np.random.default_rng(2).integers(0, 256, (60, 4, 4), dtype=np.uint8)
    labels = (images.mean(axis=(1, 2)) > 128).astype(int)
    np.savez("images.npz", x_train=images[:40], y_train=labels[:40], x_test=images[40:], y_test=labels[40:])
    for seed in (0, 1):
        shell("train", "images.npz", "--seed", seed, "--epochs", 2, "--output", f"run-{seed}", "--quiet")
    _, err = shell("ensemble", "run-0", "run-1", "--output", "two.safetensors")
    assert "2 networks, " in err
    found = json.loads(shell("ensemble", "two.safetensors", "run-0", "--output", "three.safetensors", "--json")[0])
    assert found == {"networks": 3, "parameters": found["parameters"], "output": "three.safetensors"}
    networks = [dr.load_model(f"run-{seed}/model.safetensors") for seed in (0, 1)]
    expected = dr.Ensemble(networks).score(images[40:], labels[40:], average_over="mirror")
    _, err = shell("predict", "two.safetensors", "images.npz", "--average-over", "mirror", "--part", "test")
    assert f"Accuracy {100 * expected:.2f} % on 20 samples." in err
    _, err = shell("predict", "two.safetensors", "images.npz", "--part", "validation", code=2)
    assert "seeds 0 and 1 split differently" in err
    assert json.loads(shell("show", "two.safetensors", "--json")[0])["networks"] == 2
    assert "a new file" in shell("ensemble", "run-0", "--output", "two.safetensors", code=2)[1]
    assert ".safetensors file" in shell("ensemble", "run-0", "--output", "two.json", code=2)[1]
