"""The picture of a run's predictions: its name says what it shows, its axes the target, and no two ticks collide."""

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import deltarule as dr
from deltarule.cli.main import app
from deltarule.cli.pictures import predictions_picture
from deltarule.figures.samples import confusion_matrix, image_samples, predicted_against_true, probabilities_of_labels
from deltarule.figures.variants import image_variants

LONG = [f"occupation {number} of people" for number in range(14)]


def collisions(picture):
    """The pairs of neighbouring tick labels that overlap."""
    FigureCanvasAgg(picture).draw()
    found = []
    for axes in picture.axes:
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            shown = [label for label in labels if label.get_text()]
            pairs = itertools.pairwise((label.get_text(), label.get_window_extent()) for label in shown)
            found += [(a, b) for (a, box), (b, other) in pairs if box.overlaps(other)]
    return found


@pytest.mark.parametrize(
    "picture_of", [lambda x: image_samples(x, ["a"], ["a"]), lambda x: image_variants(x[None], ["a"])]
)
def test_images_are_drawn_as_they_are(picture_of):
    """A photograph's bright pixels are bright."""
    image = np.array([[[0, 255], [128, 64]]], dtype=np.uint8)
    picture = picture_of(image)
    (drawn,) = picture.axes[0].images
    shown = drawn.to_rgba(drawn.get_array())[:, :, 0]
    assert shown == pytest.approx(image[0] / 255, abs=0.01)


@pytest.mark.parametrize("names", [["no", "yes"], LONG, [str(number) for number in range(60)], ["a" * 40] * 100])
def test_classes_do_not_collide(names):
    assert not collisions(confusion_matrix(np.eye(len(names), dtype=int), names))


@pytest.mark.parametrize("scale", [1e-5, 1.0, 44_753.0, 2e6, 3e9])
def test_numbers_do_not_collide(scale):
    y = scale * np.random.default_rng(0).lognormal(size=(50, 2))
    assert not collisions(predicted_against_true(y, 1.1 * y, names=["price", "rent"]))


def test_labels_are_drawn_as_probabilities():
    y = np.arange(200).reshape(100, 2) % 3 % 2
    picture = probabilities_of_labels(y, np.abs(y - 0.2), names=["red", "big"], title="Test set, 100 samples")
    assert not collisions(picture)
    assert [axes.get_ylabel() for axes in picture.axes] == ["Probability of red", "Probability of big"]
    assert [each.get_text() for each in picture.axes[0].get_xticklabels()] == ["no", "yes"]


@pytest.mark.parametrize(
    ("target", "name", "labels"),
    [
        ("kind", "confusion.png", ("Predicted kind", "True kind")),
        ("price", "predictions.png", ("True price", "Predicted price")),
    ],
)
def test_pictures_of_tables_are_named_by_what_they_show(target, name, labels, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = [f"{k % 9},{k % 5},{'a' if k % 2 else 'b'},{k * 1000.5}" for k in range(60)]
    (tmp_path / "rooms.csv").write_text("\n".join(["size,floor,kind,price", *rows]))
    with pytest.raises(SystemExit) as ended:
        app(["train", "rooms.csv", "--target", target, "--epochs", "2", "--out", "run"])
    assert ended.value.code == 0
    assert {path.name for path in (tmp_path / "run").glob("*.png")} == {"curves.png", name}
    assert f"model, curves.png, {name}." in capsys.readouterr().err
    data = dr.load_dataset("rooms.csv", target=target)
    axes = predictions_picture(dr.load_model("run/model.safetensors"), data.test, "Test").axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == labels
