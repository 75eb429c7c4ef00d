"""Augmentation from the shell: in training, as a picture, as a larger file."""

import json

import numpy as np
import pytest

import deltarule as dr


def test_training_takes_augmentations_and_keeps_them_in_the_recipe(shell, tmp_path):
    chosen = [
        "--augment",
        "zoom=0.2,keep_shape=true",
        "--augment",
        "vertical_flip,probability=0.1",
        "--augment=cutout=2",
    ]
    shell("train", "digits", *chosen, "--epochs", "1", "--hidden", "8", "--quiet", "--json")
    recipe = dr.Recipe.from_json((tmp_path / "runs" / "digits-1" / "recipe.json").read_text())
    assert recipe.augmentation == (dr.Zoom(0.2, keep_shape=True), dr.VerticalFlip(probability=0.1), dr.Cutout(2))
    assert "cutout (probability=1, size=2)" in shell("show", "runs/digits-1")[0]
    shell("train", "digits", "--recipe", "runs/digits-1", "--augment", "none", "--epochs", "1", "--quiet")
    again = dr.Recipe.from_json((tmp_path / "runs" / "digits-2" / "recipe.json").read_text())
    assert again.augmentation == ()


def test_a_preview_is_drawn(shell, tmp_path):
    out, err = shell("data", "augment", "digits", "--preview", "seen.png", "--json")
    assert "seen.png" in err
    assert [each["name"] for each in json.loads(out)["augmentation"]] == ["rotation", "translation"]
    assert (tmp_path / "seen.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("name", ["digits", "wine"])
def test_a_larger_data_set_is_written(shell, tmp_path, name):
    how = "feature_noise=0.1" if name == "wine" else "translation=1"
    shell("data", "augment", name, "--augment", how, "--copies", "2", "--output", "larger.npz")
    data = dr.load_dataset(name)
    with np.load(tmp_path / "larger.npz") as arrays:
        assert {"x_train", "y_train", "x_test", "y_test"} <= set(arrays)
        assert len(arrays["x_train"]) == 3 * len(data.train)
        np.testing.assert_array_equal(arrays["x_test"], data.test.x)
        assert arrays["x_train"].dtype == data.train.x.dtype


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "digits", "--augment", "rotatio"], ["'rotatio'", "--augment rotation"]),
        (["train", "digits", "--augment", "rotation=3,4"], ["rotation=3,4", "degrees"]),
        (["train", "digits", "--augment", "rotation=many"], ["many", "Rotation.degrees"]),
        (["train", "digits", "--augment", "rotation=-1"], ["0 to 180", "--augment rotation=15"]),
        (["train", "digits", "--augment", "rotation,degree=3"], ["'degree'", "degrees"]),
        (["train", "digits", "--augment", "zoom,keep_shape=maybe"], ["True or False"]),
        (["train", "digits", "--augment", "elastic", "--augment", "elastic=3"], ["at most one"]),
        (["train", "wine", "--augment", "rotation"], ["images", "13 features"]),
        (["data", "augment", "digits"], ["--preview preview.png"]),
        (["data", "augment", "digits", "--output", "larger.csv"], [".npz"]),
        (["data", "augment", "digits", "--output", "no/such/larger.npz"], ["larger.npz"]),
        (["data", "augment", "digits", "--augment", "mixup", "--output", "larger.npz"], ["mixup"]),
        (["data", "augment", "digits", "--copies", "0", "--output", "larger.npz"], ["at least 1"]),
        (["data", "augment", "wine", "--augment", "feature_noise", "--preview", "a.png"], ["images to draw"]),
        (["data", "augment", "digits", "--preview", "a.txt"], [".png"]),
        (["data", "augment", "digts", "--preview", "a.png"], ["digits"]),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(shell, tmp_path, arguments, words):
    out, err = shell(*arguments, code=2)
    said = " ".join(err.split())
    assert out == ""
    for word in words:
        assert word in said
    assert not list(tmp_path.rglob("*"))


def test_a_file_that_exists_stays(shell, tmp_path):
    (tmp_path / "larger.npz").write_text("mine")
    _, err = shell("data", "augment", "digits", "--output", "larger.npz", code=2)
    assert "exists" in err
    assert (tmp_path / "larger.npz").read_text() == "mine"
