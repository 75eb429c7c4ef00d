"""Bad input from the shell: one clear sentence on standard error, exit code 2, nothing written."""

import gzip
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr
from deltarule.cli.main import app


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Run a command that must be refused; its sentence."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(SystemExit) as ended:
            app(list(arguments))
        out, err = capsys.readouterr()
        assert ended.value.code == 2
        assert out == ""
        err = re.sub(r"^Compiling the engine.*\n", "", err)  # where the cache of compiled code is empty
        assert err.count("\n") == 1, err
        assert "Traceback" not in err
        assert sorted(tmp_path.rglob("*")) == before
        return err

    return run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--hidden", "0"], ["integer of at least 1", "--hidden 128,64", "--hidden none"]),
        (["--hidden", "12,many"], ["'many'", "--hidden"]),
        (["--hidden", "-4"], ["-4"]),
        (["--hidden", "1.5"], ["1.5"]),
        (["--learning-rate", "-1"], ["number above 0", "--learning-rate 0.001"]),
        (["--learning-rate", "nan"], ["number above 0"]),
        (["--learning-rate", "fast"], ["a number for --learning-rate, got 'fast'", "Try: --learning-rate 0.001"]),
        (["--optimizer", "adm"], ["'adm'", "--optimizer adam"]),
        (["--optimizer", "sgd", "--set", "optimizer.beta1=0.9"], ["'beta1'"]),
        (["--activation", "softmax"], ["--activation relu"]),
        (["--activation", "relu,relu,softmax"], ["applied twice"]),
        (["--activation", "relu,relu,relu,relu"], ["one for each of 2 hidden layers"]),
        (["--dropout", "1"], ["below 1", "--dropout 0.2"]),
        (["--dropout", "0.1,0.2"], ["3 dropout rates"]),
        (["--loss", "0"], ["'0'", "--loss auto"]),
        (["--l1", "-1", "--l2", "1"], ["at least 0 for --l1, got -1", "Try: --l1 0.0001"]),
        (["--l2", "-1"], ["at least 0", "--l2"]),
        (["--batch-size", "0"], ["--batch-size 32"]),
        (["--epochs", "0"], ["--epochs 100"]),
        (["--patience", "-1"], ["--patience 10"]),
        (["--patience", "0"], ["at least 1 for --patience, got 0. Try: --patience 10, or --patience none to run all"]),
        (["--patience", "none", "--monitor", "loss"], ["for --patience", "--patience none to run all epochs"]),
        (["--monitor", "luck"], ["'luck'"]),
        (["--scaling", "big"], ["'big'"]),
        (["--scaling", "0"], ["above 0"]),
        (["--seed", "-1"], ["--seed 0"]),
        (["--set", "epochs"], ["field=value"]),
        (["--set", "epochs=ten"], ["'ten'"]),
        (["--set", "optimizer.bta1=0.5"], ["'bta1'", "beta1"]),
        (["--set", "nothing.like=this"], ["'nothing'"]),
        (["--set", "epochs.more=1"], ["epochs is not for --set"]),
        (["--set", "penalty.strength=1"], ["a penalty before"]),
        (["--validation", "2.5"], ["--validation 0.1"]),
        (["--test", "most"], ["--test 0.1"]),
        (["--target", "label"], ["which has its labels already. Try: the data without a target"]),
        (["--preset", "best"], ["for --preset, got 'best'. Try: --preset realmlp\n"]),
        (
            ["--validation", "0.6", "--test", "0.6"],
            ["one sample for training", "--validation 0 --test 0"],
        ),
        (["--validation", "0", "--patience", "3"], ["--validation 0"]),
        (["--reference-error", "3"], ["reference error from 0 to 1"]),
        (["--engine", "steam"], ["'steam'"]),
        (["--recipe", "none.json"], ["none.json"]),
        (["--wrong"], ["--wrong", "See: deltarule train --help"]),
        (["--val", "0.1"], ["No such option: --val. Try: --validation"]),
        (["--lerning-rate", "1"], ["Try: --learning-rate"]),
        (["--weight-decay", "1"], ["Try: --l2"]),
        (["--lr", "-1"], ["above 0 for --learning-rate, got -1. Try: --learning-rate 0.001"]),
        (["--Learning_Rate", "-1"], ["above 0 for --learning-rate"]),
        (["--activation", "Rellu"], ["for --activation, got 'Rellu'. Try: --activation relu"]),
        (["--loss", "mze"], ["Try: --loss mse"]),
        (["--monitor", "scor"], ["Try: --monitor score"]),
        (["--task", "regresion"], ["Try: --task regression"]),
        (["--set", "bta1=0.5"], ["Try: --set beta1=0.9"]),
        (["--set", "optimizer.epsilon=-1"], ["for optimizer.epsilon, got -1. Try: --set optimizer.epsilon=1e-08"]),
        (["--set", "preparation.numbers=quantile"], ["Try: --set preparation.numbers=quantiles"]),
    ],
)
def test_options_that_cannot_be_meant(refused, arguments, words):
    sentence = refused("train", "digits", *arguments)
    for word in words:
        assert word in sentence


TABLE = "age,income,city\n" + "".join(
    f"{20 + i % 50},{1000 + 7.5 * i},{'Rome' if i % 3 else 'Oslo'}\n" for i in range(60)
)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["income", "--type", "foo=number"], "for --type, got 'foo' (t.csv). Try: --type age=number"),
        (["income", "--type", "ag=date"], "for --type, got 'ag' (t.csv). Try: --type age=date"),
        (["incom"], "for --target, got 'incom' (t.csv). Try: --target income"),
        (["city", "--task", "regression"], "targets of text for --task, got 'regression'. Try: --task classification"),
        (["income", "--task", "classification"], "for --task, got 'classification'. Try: --task regression"),
    ],
)
def test_columns_and_tasks_that_cannot_be_meant(refused, tmp_path, arguments, sentence):
    (tmp_path / "t.csv").write_text(TABLE)
    assert sentence in refused("train", "t.csv", "--target", *arguments)


def test_an_unknown_data_set_offers_the_nearest(refused):
    assert "Try: digits; deltarule data list" in refused("train", "digts")
    assert "a file or folder, got 'none.csv', which does not exist. Try: " in refused("train", "none.csv")
    assert "which is bundled. Try: deltarule train digits\n" in refused("data", "fetch", "digits")
    for command, instead in {
        "records": "mnist",
        "illustrate": "xor",
        "reproduce": "fashion",
        "formulas": "deltarule formulas",
        "formulas optimizer": "deltarule formulas optimizer",
    }.items():
        assert refused(*command.split(), "qqqq").endswith(f"Try: {instead}\n")
    assert "Try: fashion; deltarule data list" in refused("data", "info", "fashon")
    assert "mnist, fashion, kmnist" in refused("data", "fetch", "digits")


def test_a_command_line_that_is_no_command(refused):
    assert "No such command 'trian'. Try: deltarule train. See: deltarule --help" in refused("trian", "digits")
    assert "Try: deltarule data list." in refused("data", "lst")
    assert "DATA" in refused("train")


def test_recipe_files(refused):
    Path("a.json").write_text("{")
    assert "not JSON" in refused("train", "digits", "--recipe", "a.json")
    Path("a.json").write_text('{"epoch": 3}')
    assert "'epoch'" in refused("train", "digits", "--recipe", "a.json")
    Path("a.json").write_text("[3]")
    assert "a.json" in refused("train", "digits", "--recipe", "a.json")
    Path("a.json").write_bytes(b"\xff\xfe\xff")
    assert "a.json" in refused("train", "digits", "--recipe", "a.json")


def test_places_that_are_taken_or_cannot_be(refused):
    Path("full").mkdir()
    Path("full/x").touch()
    Path("file").touch()
    assert "not empty" in refused("train", "xor", "--out", "full")
    assert "is a file" in refused("train", "xor", "--out", "file")
    assert "a folder for the run" in refused("train", "xor", "--out", "file/below")
    Path("runs").touch()
    assert "a folder for the run" in refused("train", "xor")


def idx(array):
    kind = {np.dtype(np.uint8): 8}[array.dtype]
    return struct.pack(f">4B{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


def folder_of(images, labels):
    """A folder of four IDX files in the working folder."""
    folder = Path("idx")
    folder.mkdir(exist_ok=True)
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(images)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    return folder


IMAGES = np.zeros((20, 3, 3), np.uint8)
LABELS = np.array([0, 1] * 10, np.uint8)


def test_a_sound_folder_is_trained_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder_of(idx(IMAGES), idx(LABELS))
    with pytest.raises(SystemExit) as ended:
        app(["train", "idx", "--epochs", "1", "--json", "--quiet"])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["test_accuracy"] == 0.5


def test_idx_files(refused):
    folder = folder_of(idx(IMAGES), idx(LABELS))
    (folder / "train-labels-idx1-ubyte").unlink()
    assert "train-labels" in refused("train", "idx")
    folder_of(idx(IMAGES)[:-5], idx(LABELS))
    refused("train", "idx")
    folder_of(b"\1\2" + idx(IMAGES)[2:], idx(LABELS))
    refused("train", "idx")
    folder_of(idx(IMAGES), idx(LABELS[:-1]))
    refused("train", "idx")
    folder_of(idx(IMAGES), idx(np.zeros(20, np.uint8)))
    assert "at least two classes" in refused("train", "idx")
    folder_of(idx(np.zeros((0, 3, 3), np.uint8)), idx(LABELS[:0]))
    refused("train", "idx")
    Path("idx/train-images-idx3-ubyte").unlink()
    bomb = gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 20, 3, 3) + bytes(50_000_000))
    folder_of(idx(IMAGES), idx(LABELS))
    Path("idx/train-images-idx3-ubyte").unlink()
    Path("idx/train-images-idx3-ubyte.gz").write_bytes(bomb)
    refused("train", "idx")
    Path("empty").mkdir()
    refused("train", "empty")
    refused("train", "mnist", "--data-dir", "nowhere")


def test_model_files(refused):
    model = dr.train(dr.Recipe(epochs=1, stopping=None), dr.load_dataset("xor")).model
    whole = model.save("good.safetensors").read_bytes()
    bad = {
        "cut": whole[:-9],
        "foreign": b"GIF89a" + bytes(200),
        "claims": struct.pack("<Q", 2**60) + whole[8:],
        "empty": b"",
    }
    for name, content in bad.items():
        Path(f"{name}.safetensors").write_bytes(content)
        assert f"{name}.safetensors" in refused("predict", f"{name}.safetensors", "xor")
        assert f"{name}.safetensors" in refused("show", f"{name}.safetensors")
    assert "nothing of that name. Try: a model file, or the folder of a run" in refused("show", "none.safetensors")
    Path("runs/empty").mkdir(parents=True)
    for command in (("show", "runs/empty"), ("predict", "runs/empty", "digits")):
        assert "Try: a model file, or the folder of a run" in refused(*command)
    Path("folder").mkdir()
    assert "folder/model.safetensors" in refused("show", "folder").replace(os.sep, "/")


def test_samples_that_a_model_cannot_take(refused):
    dr.train(dr.Recipe(epochs=1, stopping=None), dr.load_dataset("xor")).model.save("m.safetensors")
    assert "(n, 2)" in refused("predict", "m.safetensors", "iris")
    np.save("three.npy", np.zeros((4, 3)))
    assert "(n, 2)" in refused("predict", "m.safetensors", "three.npy")
    np.save("nan.npy", np.array([[0.0, np.nan]]))
    assert "finite" in refused("predict", "m.safetensors", "nan.npy")
    np.save("flat.npy", np.zeros(4))
    assert "(4,)" in refused("predict", "m.safetensors", "flat.npy")
    np.save("none.npy", np.zeros((0, 2)))
    refused("predict", "m.safetensors", "none.npy")
    np.save("text.npy", np.array([["a", "b"]]))
    refused("predict", "m.safetensors", "text.npy")
    np.save("objects.npy", np.array([[{}]]), allow_pickle=True)
    assert "objects" in refused("predict", "m.safetensors", "objects.npy")
    good = Path("three.npy").read_bytes()
    Path("cut.npy").write_bytes(good[:-8])
    assert "cut short" in refused("predict", "m.safetensors", "cut.npy")
    claim = good.replace(b"(4, 3), }" + b" " * 12, b"(4000000000000, 3), }")
    assert len(claim) == len(good)
    Path("large.npy").write_bytes(claim)
    assert "cut short" in refused("predict", "m.safetensors", "large.npy")
    Path("foreign.npy").write_bytes(b"PK\x03\x04" + bytes(50))
    refused("predict", "m.safetensors", "foreign.npy")
    Path("words.csv").write_text("a,b\nc,d\n")
    refused("predict", "m.safetensors", "words.csv")
    Path("ragged.csv").write_text("0,1\n2\n")
    refused("predict", "m.safetensors", "ragged.csv")
    Path("empty.csv").write_text("")
    refused("predict", "m.safetensors", "empty.csv")
    refused("predict", "m.safetensors", "missing.csv")
    assert "--part test" in refused("predict", "m.safetensors", "xor", "--part", "rest")


def test_probabilities_of_numbers(refused):
    dr.train(dr.Recipe(epochs=1, stopping=None), dr.load_dataset("diabetes")).model.save("m.safetensors")
    assert "a classifier for probabilities" in refused("predict", "m.safetensors", "diabetes", "--proba")


def test_a_process_has_no_traceback_either(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(Path(dr.__file__).parents[1])}
    command = [sys.executable, "-m", "deltarule", "train", "digits", "--hidden", "0"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
