"""`deltarule explain`: what it prints and writes, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr
from deltarule.cli.main import app


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a trained run, runs/iris-1."""
    path = tmp_path_factory.mktemp("explain")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        with pytest.raises(SystemExit):
            app(["train", "iris", "--epochs", "10", "--quiet"])
    return path


@pytest.fixture
def shell(folder, monkeypatch, capsys):
    """The command in that folder: its exit code, standard output and standard error."""
    monkeypatch.chdir(folder)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            app(list(arguments))
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return run


def test_contributions_are_printed_by_importance(shell):
    code, out, err = shell("explain", "runs/iris-1", "iris")
    assert code == 0, err
    assert "Mean absolute contribution to the prediction, 15 samples (shapley)" in out
    rows = [line.split() for line in out.splitlines() if "(cm)" in line]
    contributions = [float(row[-1]) for row in rows]
    assert len(rows) == 4
    assert contributions == sorted(contributions, reverse=True)
    assert "Exact Shapley values over 50 background samples." in out


def test_values_in_json_add_up_for_the_chosen_samples_and_background(shell):
    code, out, err = shell("explain", "runs/iris-1", "iris", "--part", "train", "--rows", "7", "--raw", "--json")
    assert code == 0, err
    found = {name: np.array(values) for name, values in json.loads(out).items()}
    assert found["values"].shape == (7, 4, 3)
    assert found["method"] == "shapley"
    changes = found["predictions"] - found["base_values"]
    np.testing.assert_allclose(found["values"].sum(axis=1), changes, rtol=0, atol=1e-6)
    np.save("one.npy", np.array([[5.0, 3.0, 4.0, 1.0]], np.float32))
    code, out, err = shell("explain", "runs/iris-1", "iris", "--background", "one.npy", "--json")
    assert code == 0, err
    assert json.loads(out)["background"] == 1


def test_missing_values_are_null_in_json(shell):
    rows = [{"age": float(n), "town": "AB"[n % 2], "pay": 2.0 * n} for n in range(40)]
    for name, columns in (("mixed", ("age", "town")), ("numbers", ("age",))):
        table = [{column: row[column] for column in (*columns, "pay")} for row in rows]
        model = dr.train(dr.Recipe(network=dr.Network(hidden=(4,)), epochs=2, stopping=None), table, "pay").model
        model.save(f"{name}.safetensors")
        lines = [",".join(columns), *(("3,A", ",B", "5,") if name == "mixed" else ("3", "NA", "5"))]
        Path(f"{name}.csv").write_text("\n".join(lines) + "\n")
        code, out, err = shell("explain", f"{name}.safetensors", f"{name}.csv", "--json", "--quiet")
        assert code == 0, err
        found = json.loads(out)
        assert [row[0] for row in found["data"]] == [3.0, None, 5.0]
        assert np.isfinite(found["values"]).all()


@pytest.mark.parametrize("extra", [[], ["--row", "0"]])
def test_a_picture_of_all_samples_or_of_one(shell, extra):
    code, _, err = shell("explain", "runs/iris-1", "iris", "--class", "setosa", *extra, "--picture", "why.png")
    assert code == 0, err
    assert "The picture is in why.png." in err
    assert Path("why.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["runs/none", "iris"], "runs/none"),
        (["runs/iris-1", "iris", "--method", "lime"], "deeplift"),
        (["runs/iris-1", "iris", "--method", "deeplift"], "raw"),
        (["runs/iris-1", "iris", "--rows", "0"], "at least 1 sample"),
        (["runs/iris-1", "iris", "--class", "rose", "--picture", "why.png"], "setosa"),
        (["runs/iris-1", "iris", "--row", "15", "--picture", "why.png"], "a row from 0 to 14"),
        (["runs/iris-1", "iris", "--picture", "why.txt"], ".png"),
        (["runs/iris-1", "iris", "--row", "1"], "--picture"),
        (["runs/iris-1", "iris", "--class", "setosa"], "--picture"),
        (["runs/iris-1", "moons"], "4"),
    ],
)
def test_wrong_input_is_refused(shell, arguments, expected):
    code, out, err = shell("explain", *arguments)
    assert code == 2, (code, err)
    assert expected in err
    assert "Traceback" not in err
    assert out == ""
    assert not Path("why.txt").exists()
