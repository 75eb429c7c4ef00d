"""The shell and Python say the same of the same data: task, columns, warnings and scores."""

import json
import math
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import deltarule as dr
from deltarule.cli.main import app
from deltarule.studies.diagnose.amounts import bare
from deltarule.studies.diagnose.estimates import ErrorEstimate

N = 240
RECIPE = {"hidden": (8,), "epochs": 3}
SHELL = ["--hidden", "8", "--epochs", "3", "--json"]


def _columns(generator):
    return {name: generator.normal(size=N) for name in "abc"}


def _adult(generator):
    frame = pd.DataFrame(_columns(generator))
    frame["job"] = generator.choice(["clerk", "smith", "baker"], N)
    frame.loc[::9, "job"] = None
    frame["record"] = np.arange(N)[::-1] + 5000
    return frame.assign(income=np.where(frame.a + generator.normal(size=N) > 0.5, ">50K", "<=50K"))


def _fraud(generator):
    frame = pd.DataFrame(_columns(generator))
    return frame.assign(fraud=(np.arange(N) % 30 == 0).astype(int), b=frame.b + 4 * (np.arange(N) % 30 == 0))


def _labels(generator):
    frame = pd.DataFrame(_columns(generator))
    return frame.assign(red=(frame.a > 0).astype(int), big=(frame.b + frame.c > 0).astype(int))


def _targets(generator):
    frame = pd.DataFrame(_columns(generator))
    return frame.assign(y1=frame.a - frame.b, y2=3 * frame.b + frame.c)


def _sales(generator):
    days = pd.Timestamp("2023-01-20") + pd.to_timedelta(generator.integers(0, 600, N), "D")
    pieces = generator.integers(1, 90, N)
    paid = pieces * 20 + days.month * 100 + generator.normal(size=N)
    return pd.DataFrame(
        {"day": days.strftime("%d/%m/%Y"), "pieces": pieces, "paid": [f"${each:,.2f}" for each in paid]}
    )


TABLES = {
    "adult": (_adult, ("income",), "classification"),
    "fraud": (_fraud, ("fraud",), "classification"),
    "labels": (_labels, ("red", "big"), "multilabel"),
    "targets": (_targets, ("y1", "y2"), "regression"),
    "sales": (_sales, ("paid",), "regression"),
}


EXACT = {"float_precision": "round_trip"} if int(pd.__version__.partition(".")[0]) < 3 else {}
"""Has pandas read a number to its last digit, as later versions do by default."""


def in_the_shell(capsys, *arguments):
    """Train by the command; return its result, its notes without suggestions, and the task."""
    with pytest.raises(SystemExit) as ended:
        app(["train", *map(str, arguments), *SHELL])
    out, err = capsys.readouterr()
    assert ended.value.code == 0, err
    result = json.loads(out)
    notes = [_plain(line.removeprefix("Note: ")) for line in err.splitlines() if line.startswith("Note: ")]
    model = dr.load_model(Path(result["out"]) / "model.safetensors")
    return result, notes, model


def in_python(data, target):
    """Train by the function; return the run, the evaluations and the warnings without suggestions."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dataset = dr.load_dataset(data, target=target)
        run = dr.train(dr.Recipe(network=dr.Network(hidden=RECIPE["hidden"]), epochs=RECIPE["epochs"]), dataset)
    return run, run.evaluate(), [_plain(str(each.message)) for each in caught]


def _plain(note):
    return re.sub(r" Try: .*", "", note)


def same(shell, python):
    """Assert that the command and the function have said the same."""
    (result, notes, model), (run, found, warned) = shell, python
    assert notes == warned
    assert model.recipe.task == run.model.recipe.task
    assert model.sizes == run.model.sizes
    assert model.encoding == run.model.encoding
    for name in ("train", "validation", "test"):
        expected = found[name].to_json()
        assert result[f"{name}_loss"] == expected["loss"]
        theirs = {key: value for key, value in result["metrics"][name].items() if key != "baseline"}
        assert theirs == expected["metrics"]
    assert result["diagnosis"]["sentences"][:2] == list(run.diagnose(short=True).sentences[:2])


@pytest.mark.parametrize("name", TABLES)
def test_a_file_and_its_frame(name, tmp_path, monkeypatch, capsys):
    make, targets, task = TABLES[name]
    monkeypatch.chdir(tmp_path)
    make(np.random.default_rng(3)).to_csv(f"{name}.csv", index=False)
    target = targets[0] if len(targets) == 1 else list(targets)
    frame = pd.read_csv(f"{name}.csv", **EXACT)
    frame.to_parquet(f"{name}.parquet")
    chosen = [text for each in targets for text in ("--target", each)]
    shell = in_the_shell(capsys, f"{name}.csv", *chosen)
    assert shell[2].recipe.task == task
    for data in (f"{name}.csv", f"{name}.parquet", frame):
        same(shell, in_python(data, target))
    same(in_the_shell(capsys, f"{name}.parquet", *chosen), in_python(frame, target))


def test_a_folder_of_images(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for label in ("cat", "dog"):
        Path("pets", label).mkdir(parents=True)
        for number in range(20):
            pixels = generator.integers(0, 80, (6, 6), dtype=np.uint8) + np.uint8(100 * (label == "dog"))
            Image.fromarray(pixels).save(f"pets/{label}/{number}.png")
    same(in_the_shell(capsys, "pets"), in_python("pets", None))


def test_a_frame_and_its_targets_are_warned_of_as_a_file():
    frame = _adult(np.random.default_rng(3))
    for y, given in (("y", (frame.drop(columns="income"), frame.income)), ("income", (frame, "income"))):
        with pytest.warns(dr.errors.DataWarning, match="Column record has a different integer in nearly ev") as seen:
            dr.train(dr.Recipe(epochs=1), *given)
        assert f"Try: train(recipe, load_dataset(frame, target={y!r}, types={{'record': " in str(seen[0].message)
        assert seen[0].filename == __file__
    with pytest.raises(dr.errors.UnknownArgument, match=re.escape('load_dataset(frame, target="y", types=')):
        dr.train(dr.Recipe(epochs=1), frame.drop(columns="income"), frame.income, types={"record": "ignored"})


def test_labels_have_the_names_of_their_columns(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _labels(np.random.default_rng(3)).to_csv("labels.csv", index=False)
    result, _, _ = in_the_shell(capsys, "labels.csv", "--target", "red", "--target", "big")
    assert [each["label"] for each in result["metrics"]["test"]["classes"]] == ["red", "big"]


def test_the_baseline_of_several_targets_is_in_the_units_of_the_metric(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _targets(np.random.default_rng(3)).to_csv("targets.csv", index=False)
    result, _, _ = in_the_shell(capsys, "targets.csv", "--target", "y1", "--target", "y2")
    data = dr.load_dataset("targets.csv", target=["y1", "y2"])
    rmse = math.sqrt(np.mean((data.test.y - data.train.y.mean(axis=0)) ** 2))
    assert result["metrics"]["test"]["baseline"]["rmse"] == pytest.approx(rmse, rel=1e-6)
    assert result["metrics"]["validation"]["rmse"] > 0
    shown = bare(
        result["metrics"]["validation"]["rmse"] ** 2, ErrorEstimate.of_squares([1.0])
    )  # one definition in the table and in the diagnosis
    assert f"the validation RMSE {shown} (" in result["diagnosis"]["sentences"][0]
