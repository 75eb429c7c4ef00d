"""`deltarule train`, from the shell: what it prints where, what it leaves behind, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr

FILES = ["curves.png", "history.jsonl", "model.safetensors", "recipe.json", "samples.png", "split.json"]
KEYS = {"train_accuracy", "validation_accuracy", "test_accuracy", "train_loss", "validation_loss", "test_loss"}
KEYS |= {"metrics", "epochs", "best_epoch", "seconds", "status", "seed", "diagnosis", "out"}
ADULT = Path(__file__).parents[3] / "shared" / "data" / "tabular" / "adult_train.csv"
PNG = b"\x89PNG\r\n\x1a\n"


def process(*arguments, **options):
    """The command as a process of its own."""
    source = str(Path(dr.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": source, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "deltarule", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen(command, env=environment, text=True, **pipes)


def files(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def test_the_precision_is_that_of_the_products(shell):
    losses = {}
    for precision in ("bfloat16", "float32"):
        out, _ = shell("train", "digits", "--epochs", "1", "--precision", precision, "--json")
        losses[precision] = json.loads(out)["train_loss"]
    assert losses["bfloat16"] != losses["float32"]
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)


def test_one_json_object_on_standard_output(shell):
    out, err = shell("train", "digits", "--epochs", "3", "--json")
    assert out.count("\n") == 1
    result = json.loads(out)
    assert set(result) == KEYS
    assert result["epochs"] == 3
    assert result["seed"] == 0
    assert result["status"] == "finished"
    assert 0.7 < result["test_accuracy"] <= 1
    assert set(result["diagnosis"]) == {"findings", "sentences", "errors", "references", "remedies", "attempts"}
    assert set(result["diagnosis"]["errors"]) == {
        "sentences", "variance", "bias", "remedies", "changes", "gap", "baselines"
    }  # fmt: skip
    assert "Accuracy" in err
    assert result["diagnosis"]["sentences"][0] in err


def test_words_go_to_standard_error(shell):
    out, err = shell("train", "iris", "--epochs", "3")
    assert out == ""
    for word in ("Training", "Validation", "Test", "Loss", "Accuracy", "3 epochs", "runs/iris-1"):
        assert word in err
    assert "\x1b" not in err


def test_quiet_says_nothing(shell):
    assert shell("train", "iris", "--epochs", "3", "--quiet") == ("", "")
    assert files("runs/iris-1") == sorted({*FILES, "confusion.png"} - {"samples.png"})


def test_the_figures_are_the_final_models_over_whole_parts(shell):
    out, _ = shell("train", "digits", "--epochs", "4", "--dropout", "0.3", "--quiet", "--json", "--seed", "3")
    result = json.loads(out)
    model = dr.load_model(Path(result["out"]) / "model.safetensors")
    data = dr.load_dataset("digits", seed=3)
    for name, part in data.parts.items():
        assert result[f"{name}_accuracy"] == pytest.approx(model.score(part.x, part.y), abs=1e-12)
        z = model.raw_outputs(part.x).astype(np.float64)
        one_hot = np.eye(10)[part.y]
        assert result[f"{name}_loss"] == pytest.approx(float(model.loss.value(z, one_hot).mean()), rel=1e-9)


def test_the_folder_holds_the_run(shell):
    shell("train", "digits", "--epochs", "3", "--l2", "0.01", "--hidden", "20", "--out", "here", "--quiet")
    assert files("here") == FILES
    recipe = dr.Recipe.from_json(Path("here/recipe.json").read_text())
    assert recipe.penalty == dr.L2(0.01)
    assert recipe.network.hidden == (20,)
    history = [json.loads(line) for line in Path("here/history.jsonl").read_text().splitlines()]
    expected = dr.train(recipe, dr.load_dataset("digits"))
    assert [epoch["number"] for epoch in history] == [1, 2, 3]
    assert [epoch["validation_loss"] for epoch in history] == [epoch.validation_loss for epoch in expected.history]
    model = dr.load_model("here/model.safetensors")
    np.testing.assert_array_equal(model.theta, expected.model.theta)
    for picture in ("curves.png", "samples.png"):
        content = Path("here", picture).read_bytes()
        assert content.startswith(PNG)
        assert len(content) > 5_000


def test_a_run_never_overwrites_another(shell):
    for _ in range(2):
        shell("train", "xor", "--epochs", "1", "--quiet")
    Path("runs/xor-3").mkdir()
    shell("train", "xor", "--epochs", "1", "--quiet")
    assert sorted(path.name for path in Path("runs").iterdir()) == ["xor-1", "xor-2", "xor-3", "xor-4"]
    assert files("runs/xor-3") == []
    before = Path("runs/xor-1/model.safetensors").read_bytes()
    out, err = shell("train", "iris", "--out", "runs/xor-1", code=2)
    assert out == ""
    assert "not empty" in err
    assert Path("runs/xor-1/model.safetensors").read_bytes() == before


def test_numbers_in_place_of_classes(shell):
    out, err = shell("train", "diabetes", "--hidden", "8", "--epochs", "5", "--json")
    result = json.loads(out)
    assert set(result) == KEYS | {"train_r2", "validation_r2", "test_r2"}
    assert result["test_accuracy"] is None
    assert -1 < result["test_r2"] < 1
    assert "R²" in err


@pytest.mark.parametrize(
    ("data", "picture"),
    [
        ("moons", "samples.png"),
        ("wine", "confusion.png"),
        ("breast_cancer", "confusion.png"),
        ("xor", "samples.png"),
        ("diabetes", "predictions.png"),
    ],
)
def test_every_kind_of_data_has_its_pictures(shell, data, picture):
    shell("train", data, "--epochs", "2", "--quiet")
    assert files(f"runs/{data}-1") == sorted({*FILES, picture} - {"samples.png"} | {picture})


def test_without_validation(shell):
    out, err = shell("train", "iris", "--validation", "0", "--epochs", "2", "--json")
    result = json.loads(out)
    assert result["validation_accuracy"] is None
    assert result["validation_loss"] is None
    assert "there is no validation set" in err


def test_shares_and_numbers_of_samples(shell):
    _, err = shell("train", "iris", "--validation", "0.2", "--test", "30", "--epochs", "1")
    assert "90 training samples, 30 validation samples" in err


def test_every_option_reaches_the_recipe(shell):
    options = {
        "--hidden": "9,7",
        "--activation": "tanh,sigmoid",
        "--dropout": "0.1,0.2,0.3",
        "--loss": "sigmoid_cross_entropy",
        "--optimizer": "momentum",
        "--learning-rate": "0.02",
        "--l1": "0.001",
        "--batch-size": "16",
        "--epochs": "2",
        "--patience": "4",
        "--monitor": "score",
        "--scaling": "16",
        "--initializer": "glorot_normal",
        "--seed": "5",
        "--engine": "reference",
    }
    flat = [word for pair in options.items() for word in pair]
    shell(
        "train", "digits", *flat, "--set", "optimizer.momentum=0.5", "--set", "stopping.min_improvement=0.01",
        "--evaluate-train", "--out", "o", "--quiet",
    )  # fmt: skip
    assert dr.Recipe.from_json(Path("o/recipe.json").read_text()) == dr.Recipe(
        network=dr.Network(
            hidden=(9, 7), activation=("tanh", "sigmoid"), dropout=(0.1, 0.2, 0.3), initializer="glorot_normal"
        ),
        loss="sigmoid_cross_entropy",
        optimizer=dr.Momentum(0.02, 0.5),
        penalty=dr.L1(0.001),
        batch_size=16,
        epochs=2,
        stopping=dr.EarlyStopping(4, "score", 0.01),
        scaling=16,
        task="classification",
        evaluate_train=True,
        seed=5,
    )


def test_a_recipe_from_a_run_gives_the_same_model(shell):
    shell("train", "iris", "--hidden", "none", "--epochs", "3", "--patience", "none", "--out", "a", "--quiet")
    for source in ("a", "a/recipe.json"):
        shell("train", "iris", "--recipe", source, "--out", f"b-{Path(source).name}", "--quiet")
        again = Path(f"b-{Path(source).name}")
        assert (again / "model.safetensors").read_bytes() == Path("a/model.safetensors").read_bytes()
    recipe = dr.Recipe.from_json(Path("a/recipe.json").read_text())
    assert recipe.network.hidden == ()
    assert recipe.stopping is None


def test_the_same_seed_gives_the_same_pictures(shell):
    for name in ("a", "b"):
        shell("train", "moons", "--epochs", "2", "--quiet", "--out", name)
    assert Path("a/samples.png").read_bytes() == Path("b/samples.png").read_bytes()


def test_a_run_that_diverges_keeps_its_last_good_model(shell):
    command = ["train", "moons", "--optimizer", "sgd", "--learning-rate", "1e9", "--scaling", "none"]
    out, err = shell(*command, "--json", code=1)
    result = json.loads(out)
    assert result["status"] == "diverged"
    assert result["diagnosis"]["errors"] is None
    assert result["diagnosis"]["findings"][0]["check"] == "divergence"
    assert "stays finite" in err.splitlines()[-1]
    assert "Traceback" not in err
    assert files("runs/moons-1") == FILES
    assert np.isfinite(dr.load_model("runs/moons-1/model.safetensors").theta).all()
    assert json.loads(Path("runs/moons-1/history.jsonl").read_text().splitlines()[-1])["train_loss"] is None


def fraud(path, *, fraction=0.01, n=3000):
    """A table of payments, a few of which are fraud; most of these can be told by their amount."""
    rng = np.random.default_rng(0)
    is_fraud = rng.uniform(size=n) < fraction
    amount = rng.lognormal(3, 1, n) * np.where(is_fraud, 8, 1)
    hour, country = rng.integers(0, 24, n), rng.choice(["de", "fr", "ch"], n)
    rows = zip(amount, hour, country, np.where(is_fraud, "fraud", "normal"), strict=True)
    path.write_text("amount,hour,country,kind\n" + "".join(f"{a:.2f},{h},{c},{k}\n" for a, h, c, k in rows))


def test_rare_classes_are_reported_beside_the_baseline(shell, tmp_path):
    fraud(tmp_path / "fraud.csv")
    out, err = shell("train", "fraud.csv", "--target", "kind", "--metric", "roc_auc", "--metric", "f1", "--json")
    result = json.loads(out)
    of_test = result["metrics"]["test"]
    assert of_test["baseline"]["accuracy"] == pytest.approx(0.99, abs=0.005)
    assert [each["label"] for each in of_test["classes"]] == ["fraud", "normal"]
    assert 0 <= of_test["classes"][0]["recall"] <= 1
    assert {"roc_auc", "f1", "balanced_accuracy", "average_precision", "log_loss"} <= set(of_test)
    for word in ("always 'normal'", "Balanced accuracy", "ROC AUC", "By class, on the test set", "Recall", "Precision"):
        assert word in err
    said = " ".join(result["diagnosis"]["sentences"])
    assert "Good" not in said
    assert "always answering 'normal'" in said
    epoch = json.loads(Path("runs/fraud-1/history.jsonl").read_text().splitlines()[-1])
    assert set(epoch["metrics"]) == {"roc_auc", "f1"}


def test_numbers_are_reported_in_the_targets_units(shell):
    out, err = shell("train", "diabetes", "--epochs", "5", "--json", "--monitor", "mae")
    result = json.loads(out)
    assert result["metrics"]["test"]["rmse"] < result["metrics"]["test"]["baseline"]["rmse"]
    assert result["metrics"]["test"]["mae"] > 10
    for word in ("RMSE", "MAE", "R²", "always the mean"):
        assert word in err
    assert dr.Recipe.from_json(Path("runs/diabetes-1/recipe.json").read_text()).stopping.monitor == "mae"


def test_a_small_loss_is_not_printed_as_zero(shell):
    rows = "".join(f"{i % 2 * 2 - 1},{'left' if i % 2 else 'right'}\n" for i in range(100))
    Path("sides.csv").write_text(f"x,side\n{rows}")
    out, err = shell("train", "sides.csv", "--target", "side", "--lr", "0.01", "--patience", "none", "--json")
    losses = next(line for line in err.splitlines() if line.startswith("Loss ")).split()[1:]
    assert all(0 < float(each) < 5e-5 for each in losses)
    assert float(losses[0]) == pytest.approx(json.loads(out)["train_loss"], rel=1e-3)


def test_metrics_need_a_validation_set(shell):
    _, err = shell("train", "iris", "--validation", "0", "--metric", "f1", code=2)
    assert "a validation set for metrics" in err


@pytest.mark.skipif(not ADULT.exists(), reason="needs adult_train.csv among the shared data")
def test_the_advice_on_adult_is_a_smaller_network_and_not_longer_training(shell):
    out, err = shell("train", str(ADULT), "--target", "income", "--json")
    result = json.loads(out)
    assert result["best_epoch"] < 4
    assert result["diagnosis"]["errors"]["changes"] == [{"remedy": "a smaller network", "change": {"hidden": [16]}}]
    assert "more epochs would not help" in err
    assert "add --hidden 16" in err
    assert "longer" not in err


def test_a_reference_error_is_heard(shell):
    _, err = shell("train", "digits", "--epochs", "1", "--reference-error", "0.5")
    assert "the reference of 50 %" in err or "Good" in err or "Variance" in err
    assert "no reference error was given" not in err


def wait_for(path, seconds=40):
    end = time.monotonic() + seconds
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="SIGINT to a process is a matter of POSIX")
def test_control_c_keeps_what_was_learnt(tmp_path):
    running = process("train", "digits", "--epochs", "100000", "--patience", "none", "--json", cwd=tmp_path)
    folder = tmp_path / "runs" / "digits-1"
    wait_for(folder / "history.jsonl")
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=40)
    assert running.returncode == 130
    kept = set(files(folder))
    assert "checkpoint.safetensors" in kept
    kept -= {"checkpoint.safetensors", "checkpoint.previous.safetensors"}
    assert set(FILES) - {"curves.png", "samples.png"} <= kept <= set(FILES)  # pictures where there is time for them
    result = json.loads(out)
    assert result["status"] == "interrupted"
    assert result["epochs"] == len((folder / "history.jsonl").read_text().splitlines())
    assert 0 < result["best_epoch"] <= result["epochs"]
    assert dr.load_model(folder / "model.safetensors").sizes == (64, 128, 64, 10)
    assert "the model so far is in" in err
    assert "To continue: the command with --resume runs" in err
    assert "Traceback" not in err


@pytest.mark.skipif(os.name == "nt", reason="pipes break differently there")
def test_a_broken_pipe_is_silent(tmp_path):
    running = process("train", "xor", "--epochs", "1", "--json", "--quiet", cwd=tmp_path)
    running.stdout.close()
    err = running.stderr.read()
    running.stderr.close()
    assert running.wait(timeout=40) != 0
    assert err == ""
    assert files(tmp_path / "runs" / "xor-1") == FILES


def test_the_default_recipe_learns_the_digits():
    accuracies = []
    for seed in range(2):
        data = dr.load_dataset("digits", seed=seed)
        accuracies.append(dr.train(dr.Recipe(seed=seed), data).model.score(data.test.x, data.test.y))
    assert np.mean(accuracies) >= 0.965


def test_a_preset_is_the_recipe_to_start_from(shell):
    lines = [f"{x}.25,{'ab'[x % 2]},{3 * x % 7}.5" for x in range(80)]
    Path("table.csv").write_text("\n".join(["x,c,y", *lines]))
    command = ("train", "table.csv", "--target", "y", "--epochs", "3", "--hidden", "9,8,7")
    out, err = shell(*command, "--preset", "RealMLP-S", "--output", "one", "--seed", "3")
    assert "Preset realmlp-s: RealMLP-TD-S of Holzmüller" in " ".join((out + err).split())
    recipe = dr.Recipe.from_json(Path("one/recipe.json").read_text())
    expected = dr.preset("realmlp-s", "regression", 64).replace(network=recipe.network, epochs=3, seed=3)
    assert recipe.replace(loss="auto", batch_size=64) == expected
    assert recipe.network.hidden == (9, 8, 7)
    model = dr.load_model("one/model.safetensors")
    assert model.encoding.inputs == ("x", "c")
    _, err = shell(*command, "--preset", "best", code=2)
    assert "for --preset, got 'best'" in " ".join(err.split())
    _, err = shell(*command, "--preset", "plain", "--recipe", "one", code=2)
    assert "Expected a preset or a recipe for --preset, got both" in " ".join(err.split())


def test_metrics_alone_come_without_diagnosis_and_pictures(shell):
    options = ("train", "iris", "--hidden", "4", "--epochs", "3", "--json")
    whole = json.loads(shell(*options, "--output", "whole")[0])
    out, err = shell(*options, "--metrics-only", "--output", "bare")
    bare = json.loads(out)
    assert whole["diagnosis"]["sentences"]
    assert bare["diagnosis"] is None
    assert bare["metrics"] == whole["metrics"]
    assert "Bias" not in err
    written = {each.name for each in Path("bare").iterdir()}
    assert {each.name for each in Path("whole").iterdir()} - written == {"curves.png", "confusion.png"}
    records = [dr.load_model(f"{name}/model.safetensors").record for name in ("whole", "bare")]
    assert records[0].diagnosis
    assert records[1].diagnosis == ()
    assert records[0].scores == records[1].scores
