"""`deltarule predict`, `show`, `data`, `gradient-check`, the help and the version."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr


def saved(name, **fields):
    """A model trained on a data set, saved in the working folder."""
    recipe = dr.Recipe(**{"epochs": 2, "stopping": None} | fields)
    model = dr.train(recipe, dr.load_dataset(name, seed=recipe.seed)).model
    model.save(f"{name}.safetensors")
    return model


def test_parts_are_those_of_the_run(shell):
    """A model that was trained on another split is asked of the samples that it has not seen."""
    shell("train", "iris", "--test", "0.4", "--validation", "0.2", "--epochs", "2", "--quiet", "--out", "run")
    assert len(shell("predict", "run", "iris")[0].splitlines()) == 60
    assert len(shell("predict", "run", "iris", "--part", "validation")[0].splitlines()) == 30
    assert len(shell("predict", "run/model.safetensors", "iris")[0].splitlines()) == 15


def test_a_rows_file_is_dealt_out_as_in_training(shell):
    rows = [f"{k},{k % 7},{'yes' if k % 3 else 'no'},{k // 10}" for k in range(100)]
    Path("rows.csv").write_text("\n".join(["a,b,answer,day", *rows]))
    options = ["--target", "answer", "--order-by", "day", "--test", "0.3"]
    shell("train", "rows.csv", *options, "--epochs", "2", "--quiet", "--out", "run")
    assert len(shell("predict", "run", "rows.csv", "--part", "test")[0].splitlines()) == 30


@pytest.mark.parametrize("text", ["{", "[]", '{"data": "iris"}', '{"data": 1, "validation": null}'])
def test_a_split_that_was_not_written_by_training_is_refused(shell, tmp_path, text):
    shell("train", "iris", "--epochs", "1", "--quiet", "--out", "run")
    (tmp_path / "run" / "split.json").write_text(text)
    assert "a split" in shell("predict", "run", "iris", code=2)[1]


def test_one_label_a_line_by_name(shell):
    model = saved("iris", seed=2)
    test = dr.load_dataset("iris", seed=2).test
    lines = shell("predict", "iris.safetensors", "iris")[0].splitlines()
    assert lines == [("setosa", "versicolor", "virginica")[label] for label in model.predict(test.x)]


def test_json_with_accuracy(shell):
    model = saved("iris")
    for part, samples in dr.load_dataset("iris").parts.items():
        result = json.loads(shell("predict", "iris.safetensors", "iris", "--part", part, "--json")[0])
        assert result["predictions"] == model.predict(samples.x).tolist()
        assert result["accuracy"] == pytest.approx(model.score(samples.x, samples.y))
        assert set(result["names"]) <= {"setosa", "versicolor", "virginica"}


def test_probabilities(shell):
    model = saved("iris")
    x = dr.load_dataset("iris").test.x
    header, *rows = shell("predict", "iris.safetensors", "iris", "--proba")[0].splitlines()
    assert header.split("\t") == ["setosa", "versicolor", "virginica"]
    shares = [[float(cell) for cell in row.split("\t")] for row in rows]
    np.testing.assert_allclose(shares, model.predict_proba(x), atol=1e-6)
    result = json.loads(shell("predict", "iris.safetensors", "iris", "--proba", "--json")[0])
    np.testing.assert_array_equal(result["probabilities"], model.predict_proba(x))


def test_files_of_samples(shell):
    model = saved("iris")
    x = dr.load_dataset("iris").test.x
    expected = [model.name_of(label) for label in model.predict(x).tolist()]
    np.save("x.npy", x)
    np.savetxt("x.csv", x, delimiter=",")
    np.savetxt("named.csv", x, delimiter=",", header="a,b,c,d", comments="")
    for name in ("x.npy", "x.csv", "named.csv"):
        assert shell("predict", "iris.safetensors", name)[0].splitlines() == expected
    assert "accuracy" not in json.loads(shell("predict", "iris.safetensors", "x.npy", "--json")[0])


def test_images_in_a_file(shell):
    model = saved("digits")
    x = dr.load_dataset("digits").test.x
    np.save("x.npy", x)
    assert shell("predict", "digits.safetensors", "x.npy")[0].split() == [str(label) for label in model.predict(x)]


def test_numbers(shell):
    model = saved("diabetes")
    test = dr.load_dataset("diabetes").test
    lines = shell("predict", "diabetes.safetensors", "diabetes")[0].split()
    np.testing.assert_allclose([float(line) for line in lines], model.predict(test.x), rtol=1e-9)
    result = json.loads(shell("predict", "diabetes.safetensors", "diabetes", "--json")[0])
    assert result["r2"] == pytest.approx(model.score(test.x, test.y))


def test_the_folder_of_a_run_is_a_model_too(shell):
    shell("train", "xor", "--epochs", "1", "--out", "run", "--quiet")
    assert len(shell("predict", "run", "xor")[0].splitlines()) == 4
    assert "hidden 1" in shell("show", "run")[0]


def test_show_draws_the_network(shell, tmp_path):
    shell("train", "iris", "--epochs", "2", "--out", "drawn")
    shell("show", "drawn", "--picture", "network.svg")
    text = (tmp_path / "network.svg").read_text()
    for label in ("Input", "Hidden 1", "Output", "positive weight"):
        assert f"<!-- {label} -->" in text or label in text


def test_show(shell):
    saved("iris", network=dr.Network(hidden=(7,), dropout=0.5), penalty=dr.L2(0.01))
    text = shell("show", "iris.safetensors")[0]
    for word in ("hidden 1", "4 × 7", "relu", "35", "7 × 3", "24", "59", "softmax", "adam", "l2", "0.5", "virginica"):
        assert word in text
    data = json.loads(shell("show", "iris.safetensors", "--json")[0])
    assert data["parameters"] == 59
    assert [layer["parameters"] for layer in data["layers"]] == [35, 24]
    assert dr.Recipe.from_json(data["recipe"]).penalty == dr.L2(0.01)


def test_data(shell):
    names = [each["name"] for each in json.loads(shell("data", "list", "--json")[0])["datasets"]]
    assert names == list(dr.dataset_names())
    text = shell("data", "list")[0]
    assert all(name in text for name in names)
    assert "…" not in text
    found = json.loads(shell("data", "info", "digits", "--json")[0])
    assert found["parts"] == {"train": 1437, "validation": 180, "test": 180}
    assert found["classes"] == 10
    assert "1,437" in shell("data", "info", "digits")[0]
    assert json.loads(shell("data", "info", "mnist", "--json")[0])["samples"] == 70_000


def test_gradient_check(shell):
    found = json.loads(shell("gradient-check", "moons", "--hidden", "5,2", "--activation", "tanh", "--json")[0])
    assert found["parameters"] == 33
    assert found["numerical_passes"] == 66
    assert found["largest_relative_error"] < 1e-6
    assert "33 parameters" in shell("gradient-check", "moons", "--hidden", "5,2", "--activation", "tanh")[0]


def test_help_and_version(shell):
    assert shell("--version")[0] == f"deltarule {dr.__version__}\n"
    text = shell("--help")[0]
    for command in ("train", "predict", "show", "data", "gradient-check"):
        assert command in text
        assert "Examples" in shell(command, "--help")[0] or command in {"data", "show"}
    help_of_train = shell("train", "--help")[0]
    assert "deltarule train digits" in help_of_train
    for name in ("rmsprop", "softmax_cross_entropy", "tanh", "glorot_uniform"):
        assert name in help_of_train


def test_help_loads_nothing_heavy():
    code = (
        "import sys; sys.argv = ['deltarule', '--help']\n"
        "from deltarule.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'matplotlib', 'sklearn', 'scipy', 'numba', 'pooch', 'safetensors'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(dr.__file__).parents[1])}
    began = time.perf_counter()
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ended.stderr == "[]\n"
    assert time.perf_counter() - began < 10


PETS = "weight,noise,kind\n" + "\n".join(
    f"{3 + k % 2 * 9 + k % 5},{k % 3},{'dog' if k % 2 else 'cat'}" for k in range(60)
)


def piped(text, *arguments):
    """What a process prints and complains of when rows come on its standard input."""
    environment = os.environ | {"PYTHONPATH": str(Path(dr.__file__).parents[1])}
    command = [sys.executable, "-m", "deltarule", "predict", *arguments]
    ended = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.fixture
def pets(shell):
    Path("pets.csv").write_text(PETS)
    shell("train", "pets.csv", "--target", "kind", "--epochs", "30", "--patience", "none", "--quiet", "--out", "run")
    return shell


@pytest.fixture
def fed(pets, tmp_path, monkeypatch):
    """Predict with this text on standard input, in this process: standard output and error."""

    def run(text, *arguments, code=0):
        (tmp_path / "input").write_text(text)
        with (tmp_path / "input").open() as rows:
            monkeypatch.setattr(sys, "stdin", rows)
            return pets("predict", *arguments, code=code)

    return run


def test_quiet_prints_the_predictions_alone(pets, fed):
    expected = pets("predict", "run", "pets.csv")[0]
    unfamiliar = PETS.replace("3", "30000")
    for text in (PETS, unfamiliar):
        assert fed(text, "run", "-", "-q")[1] == ""
    assert fed(PETS, "run", "-", "--quiet")[0] == expected
    assert fed(unfamiliar, "run", "-")[1].count("Note: ") == 1
    assert piped(unfamiliar, "run", "-", "-q")[::2] == (0, "")


def test_rows_from_standard_input(pets, fed):
    expected = pets("predict", "run", "pets.csv")[0]
    code, out, said = piped(PETS, "run", "-")
    assert (code, out) == (0, expected)
    assert "on 60 samples" in said
    assert fed('{"weight": 3, "noise": 0}\n{"weight": 14, "noise": 1}\n', "run", "-")[0] == "cat\ndog\n"
    for text, words in (("", "standard input.csv"), ("weight\n1\n", "noise"), (PETS.replace("3", "x", 1), "standard")):
        out, said = fed(text, "run", "-", code=2)
        assert (out, said.count("\n")) == ("", 1)
        assert words.partition(".")[0] in said
        assert "/tmp" not in said
    fed(PETS, "run", "-", "--part", "test", code=2)


def test_predictions_in_a_file(pets, capsys):
    lines = pets("predict", "run", "pets.csv")[0].splitlines()
    assert pets("predict", "run", "pets.csv", "--output", "out.csv")[0] == ""
    rows = [line.split(",") for line in Path("out.csv").read_text().splitlines()]
    assert rows[0] == ["prediction", "probability_cat", "probability_dog"]
    assert [row[0] for row in rows[1:]] == lines
    shares = np.array([row[1:] for row in rows[1:]], float)
    assert shares.sum(axis=1) == pytest.approx(1.0)
    assert [("cat", "dog")[place] for place in shares.argmax(axis=1)] == lines
    saved("diabetes")
    pets("predict", "diabetes.safetensors", "diabetes", "--out", "numbers.csv")
    numbers = Path("numbers.csv").read_text().splitlines()
    assert numbers[0] == "prediction"
    printed = pets("predict", "diabetes.safetensors", "diabetes")[0].splitlines()
    assert np.array(numbers[1:], float) == pytest.approx(np.array(printed, float))
    for arguments, words in (
        (["pets.csv", "--output", "out.txt"], ".csv or .parquet"),
        (["pets.csv", "--output", "pets.csv"], "another file"),
        (["pets.csv", "--output", "no/such.csv"], "such.csv"),
    ):
        assert words in pets("predict", "run", *arguments, code=2)[1]
    assert Path("pets.csv").read_text() == PETS


def test_predictions_in_a_parquet_file(pets):
    parquet = pytest.importorskip("pyarrow.parquet")
    lines = pets("predict", "run", "pets.csv")[0].splitlines()
    pets("predict", "run", "pets.csv", "--output", "out.parquet")
    table = parquet.read_table("out.parquet").to_pydict()
    assert list(table) == ["prediction", "probability_cat", "probability_dog"]
    assert table["prediction"] == lines
    assert all(isinstance(share, float) for share in table["probability_cat"])


def test_one_thing_is_in_the_singular(shell):
    Path("pets.csv").write_text("weight,sound\n" + "".join(f"{4 + 26 * (n % 2)},{'ab'[n % 2]}\n" for n in range(40)))
    Path("pet.csv").write_text("weight,sound\n4,a\n")
    said = "".join(shell("train", "pets.csv", "--target", "sound", "--epochs", "1", "--hidden", "4", "--output", "run"))
    assert "\n1 epoch in " in said
    assert "at most 1 epoch\n" in shell("show", "run")[0]
    _, err = shell("predict", "run", "pet.csv", "--output", "pet.out.csv")
    assert "% on 1 sample.\nThe prediction of one sample is in pet.out.csv.\n" in err
    assert shell("data", "info", "pet.csv")[0].startswith("pet.csv: 1 row, 2 columns\n")
    assert repr(dr.train(dr.Recipe(epochs=1, stopping=None), dr.load_dataset("iris")).history) == "History(1 epoch)"
