"""One's own files in the shell: train, predict, describe; what is doubtful is said; wrong options are one sentence."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import deltarule as dr
from deltarule.errors import DataWarning
from deltarule.recipes.presets import BEST_OF_BENCHMARK, DEFAULT_PRESET, PRESETS
from deltarule.training.plan import plan_text

REAL = Path(__file__).parents[2].parent / "shared" / "data"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not at ../shared/data")


ROWS = [
    "age,sex,zip,pay",
    *(f"{20 + i * 7 % 41}.{i},{'FM'[i % 2]},0{i % 3},{'high' if i * 7 % 41 > 20 else 'low'}" for i in range(200)),
]


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("\n".join(ROWS) + "\n")
    return path


def test_from_a_table_to_predictions(shell, people):
    train = ("train", "people.csv", "--target", "pay", "--type", "zip=category", "--epochs", "40", "--preset", "none")
    out, err = shell(*train, "--json")
    result = json.loads(out)
    assert result["test_accuracy"] > 0.8
    assert "a network 6-" in err
    assert Path("runs/people-1/model.safetensors").is_file()
    out, err = shell("predict", "runs/people-1", "people.csv")
    assert len(out.split()) == 200
    assert set(out.split()) == {"high", "low"}
    assert "Accuracy " in err
    assert "on 200 samples" in err
    found = json.loads(shell("predict", "runs/people-1", "people.csv", "--part", "test", "--json")[0])
    assert found["accuracy"] == result["test_accuracy"]
    Path("new.csv").write_text("zip,sex,age,more\n07,F,59,x\n,,21,x\n")
    out, err = shell("predict", "runs/people-1", "new.csv", "--proba")
    assert out.splitlines()[0] == "high\tlow"
    assert len(out.splitlines()) == 3
    assert "Note: Column zip: an unseen category, for example '07', in 1 of 2 rows, the first is row 1." in err
    Path("new.jsonl").write_text('{"age": 59, "sex": "F", "zip": "01"}\n')
    assert shell("predict", "runs/people-1", "new.jsonl")[0] == "high\n"
    shown, _ = shell("show", "runs/people-1")
    assert "3 columns as 6 inputs: age (number), sex (category), zip (category)" in shown
    assert "pay: 2 classes: high, low" in shown
    assert json.loads(shell("show", "runs/people-1", "--json")[0])["encoding"]["target"] == "pay"


def test_what_is_wrong_is_one_sentence(shell, people):
    shell("train", "people.csv", "--target", "pay", "--epochs", "1", "--out", "run", "--quiet")
    Path("lacks.csv").write_text("age,zip\n1,2\n")
    Path("ragged.csv").write_text("age,sex,zip,pay\n1,F,2\n")
    Path("odd.csv").write_text("age,sex,zip\n30,F,1\nold,F,2\n")
    for arguments, words in (
        (("train", "people.csv"), "Try: --target pay"),
        (("train", "people.csv", "--target", "pya"), "Try: --target pay"),
        (("train", "people.csv", "--target", "pay", "--type", "zip"), "--type zip=category"),
        (("train", "people.csv", "--target", "pay", "--type", "zip=words"), "'words'"),
        (("train", "people.csv", "--target", "pay", "--type", "zap=number"), "Try: --type zip=number"),
        (("train", "people.csv", "--target", "pay", "--type", "sex=number"), "Try: --type sex=category"),
        (("train", "people.csv", "--target", "pay", "--group-by", "none"), "'none'"),
        (("train", "people.csv", "--target", "pay", "--order-by", "sex"), "dates or numbers"),
        (("train", "people.csv", "--target", "pay", "--image-size", "big"), "--image-size 28x28"),
        (("train", "missing.csv", "--target", "pay"), "'missing.csv'"),
        (("train", "ragged.csv", "--target", "pay"), "row 1 (line 2)"),
        (("predict", "run", "lacks.csv"), "the column sex"),
        (("predict", "run", "odd.csv"), "got 'old' in row 2 (odd.csv). Try: a missing value, or a corrected"),
        (("predict", "run", "ragged.csv"), "row 1 (line 2)"),
        (("data", "info", "ragged.csv"), "row 1 (line 2)"),
        (("data", "info", "nothing.csv"), "'nothing.csv'"),
    ):
        out, err = shell(*arguments, code=2)
        assert out == ""
        assert words in err, err
        assert err.count("\n") == 1, err
        assert "Traceback" not in err


def test_the_gradient_on_a_table(shell, people):
    out, _ = shell("gradient-check", "people.csv", "--target", "pay", "--hidden", "4", "--activation", "tanh", "--json")
    assert json.loads(out)["largest_relative_error"] < 1e-6


def test_what_is_doubtful_is_said(shell, people):
    people.write_text("\n".join([ROWS[0], *ROWS[1:20] * 10]) + "\n")
    _, err = shell("train", "people.csv", "--target", "pay", "--epochs", "1")
    assert "Note: 19 of 19 test samples are also training samples.\n" in err
    assert shell("train", "people.csv", "--target", "pay", "--epochs", "1", "--quiet") == ("", "")


def test_data_info(shell, people):
    out, _ = shell("data", "info", "people.csv")
    lines = out.splitlines()
    assert lines[0] == "people.csv: 200 rows, 4 columns"
    assert lines[4].split()[:3] == ["sex", "category", "2:"]
    assert max(map(len, lines)) <= 80
    facts = json.loads(shell("data", "info", "people.csv", "--json")[0])
    assert [column["type"] for column in facts["columns"]] == ["number", "category", "number", "category"]
    assert facts["columns"][1]["categories"] == {"F": 100, "M": 100}
    out, _ = shell("data", "info", "people.csv", "--target", "pay", "--type", "zip=category")
    assert "train 160, validation 20, test 20" in out
    wide = {f"{'long' * 20}{i}": ["word " * 30, "another"] for i in range(3)} | {"d": ["2020-01-01", "2021-01-01"]}
    Path("wide.jsonl").write_text(
        "\n".join(json.dumps(dict(zip(wide, row, strict=True))) for row in zip(*wide.values(), strict=True))
    )
    assert max(map(len, shell("data", "info", "wide.jsonl")[0].splitlines())) <= 80


def test_a_table_takes_the_best_preset_unless_options_choose_otherwise(shell, people):
    train = ("train", "people.csv", "--target", "pay", "--epochs", "1")
    sentence = f"Preset {DEFAULT_PRESET}: {BEST_OF_BENCHMARK}."
    for number, options in enumerate([(), ("--seed", "3"), ("--metric", "f1")], 1):
        _, err = shell(*train, *options)
        assert sentence in " ".join(err.split())
        recipe = dr.load_model(f"runs/people-{number}/model.safetensors").recipe
        expected = dr.preset(DEFAULT_PRESET, "classification", 160)
        assert (recipe.network, recipe.groups, recipe.epochs) == (expected.network, expected.groups, 1)
    for number, options in enumerate([("--hidden", "8"), ("--set", "optimizer.beta1=0.8"), ("--preset", "none")], 4):
        assert "Preset" not in shell(*train, *options)[1]
        assert dr.load_model(f"runs/people-{number}/model.safetensors").recipe.network.parametrization == "standard"
    Path("long.csv").write_text("a,y\n" + "".join(f"{row % 7}.5,{'ab'[row % 2]}\n" for row in range(6_600)))
    assert "Preset" not in shell("train", "long.csv", "--target", "y", "--epochs", "1")[1]


def test_a_plan_takes_the_presets_that_training_takes(shell, people):
    with pytest.warns(DataWarning, match="age alone"):
        data = dr.load_dataset("people.csv", target="pay")
    plan = ("plan", "people.csv", "--target", "pay", "--threads", "1")

    def text(name, **changes):
        recipe = dr.preset(name, "classification", data) if name else dr.Recipe()
        return plan_text(recipe.replace(**changes), data, n_threads=1).strip()

    out, err = shell(*plan)
    assert out.strip() == text(DEFAULT_PRESET)
    assert f"Preset {DEFAULT_PRESET}: {BEST_OF_BENCHMARK}." in " ".join(err.split())
    out, err = shell(*plan, "--preset", "Plain", "--batch-size", "48")
    assert out.strip() == text("plain", batch_size=48) != text("plain")
    said = " ".join(err.split())
    assert "Preset plain: MLP-D of Holzmüller, Grinsztajn, Steinwart (2024); details in docs/tables.md." in said
    assert all("20" in each.source.partition(")")[0][-4:] for each in PRESETS.values())
    assert shell(*plan, "--preset", "none") == shell(*plan, "--batch-size", str(dr.Recipe().batch_size))
    assert shell(*plan, "--preset", "none")[0].strip() == text(None)
    assert "Try: --preset realmlp" in " ".join(shell(*plan, "--preset", "best", code=2)[1].split())


def test_comparisons_and_range_tests_take_the_presets_that_training_takes(shell, people):
    data = ("people.csv", "--target", "pay")
    sentence = f"Preset {DEFAULT_PRESET}: {BEST_OF_BENCHMARK}."
    compared = ("compare", *data, "--seeds", "1", "--epochs", "1", "--output")
    _, err = shell(*compared, "default", "--vary", "class_weight=balanced,none", "--vary", "epochs=1,2")
    assert sentence in " ".join(err.split())
    _, err = shell(*compared, "named", "--vary", "l2=0,1e-4", "--preset", "plain")
    assert "Preset plain: MLP-D" in err
    assert "Preset" not in shell(*compared, "none", "--vary", "l2=0,1e-4")[1]

    def recipes(folder):
        kept = json.loads(Path(folder, "comparison.json").read_text())["variants"]
        return [dr.Recipe.from_json(each) for each in kept.values()]

    for folder, name in {"default": DEFAULT_PRESET, "named": "plain"}.items():
        expected = dr.preset(name, "classification", 160)
        assert all((each.network, each.groups) == (expected.network, expected.groups) for each in recipes(folder))
    assert recipes("none")[0].network == dr.Recipe().network

    ranged = ("lr-range", *data, "--steps", "20", "--seeds", "1")
    assert sentence in " ".join(shell(*ranged)[1].split())
    of_adamw = "optimizer.weight_decay="
    shell("compare", *data, "--seeds", "2", "--epochs", "1", "--preset", "plain", "--vary", f"{of_adamw}0.01,0.1")
    assert "Update" in shell("plan", *data, "--preset", "plain", "--set", f"{of_adamw}0.3")[0]
    _, err = shell("plan", *data, "--preset", "none", "--set", f"{of_adamw}0.3", code=2)
    assert "a field of adam" in " ".join(err.split())
    out, err = shell(*ranged, "--preset", "plain")
    assert "Preset plain: MLP-D" in err
    assert "learning rate of 0.001 was tuned with its schedule" in " ".join(out.split())
    with pytest.warns(DataWarning, match="age alone"):
        loaded = dr.load_dataset("people.csv", target="pay")
    found = dr.learning_rate_range(dr.preset("plain", "classification", loaded), loaded, steps=20, seeds=1)
    out, _ = shell(*ranged, "--preset", "plain", "--json")
    assert json.loads(out)["smoothed"] == found.to_json()["smoothed"]
    assert "preset" not in "".join(shell(*ranged, "--hidden", "8")).lower()


def test_few_rows_and_rare_classes_with_a_preset(shell, people):
    train = ("--target", "y", "--preset", "realmlp-s", "--epochs", "2")
    Path("five.csv").write_text("u,v,y\n" + "".join(f"{row}.5,{row * row},{'ab'[row % 2]}\n" for row in range(5)))
    _, err = shell("train", "five.csv", *train)
    assert "The test set has no sample of class" in " ".join(err.split())
    Path("two.csv").write_text("u,y\n1.5,a\n2.5,b\n")
    _, err = shell("train", "two.csv", *train, code=2)
    assert "at least one sample for training, got 2 samples, 1 for validation and 1 for test" in " ".join(err.split())
    assert "Try: --validation 0 --test 0, or more rows" in " ".join(err.split())
    rows = "".join(f"{row}.5,3,,id{row},{'ab'[row % 2]}\n" for row in range(59))
    Path("odd.csv").write_text("u,same,none,who,y\n" + rows + "0.5,3,,id59,rare\n")
    _, err = shell("train", "odd.csv", *train, "--type", "who=category")
    assert "Left out: none (no values)" in " ".join(err.split())
    Path("new.csv").write_text("u,same,who\n1.5,3,unseen\n")
    out, err = shell("predict", "runs/odd-1", "new.csv")
    assert out.strip() in {"a", "b", "rare"}
    assert "an unseen category, for example 'unseen'" in err


def test_groups_and_times(shell, people):
    train = ("train", "people.csv", "--target", "pay", "--epochs", "1", "--quiet", "--preset", "none")
    shell(*train, "--group-by", "zip")
    shell(*train, "--order-by", "age", "--test", "20")
    assert "2 columns as 3 inputs: age (number), sex (category);" in shell("show", "runs/people-1")[0]
    assert "2 columns as 3 inputs: sex (category), zip (number);" in shell("show", "runs/people-2")[0]


def test_images_from_pngs(shell):
    from PIL import Image

    digits = dr.load_dataset("digits", split="official").train
    for place, (x, y) in enumerate(zip(digits.x, digits.y, strict=True)):
        folder = Path("pictures") / ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"][y]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x * np.uint8(15)).save(folder / f"{place}.png")
    out, _ = shell("train", "pictures", "--epochs", "12", "--json")
    assert json.loads(out)["test_accuracy"] > 0.9
    out, err = shell("predict", "runs/pictures-1", "pictures")
    assert set(out.split()) <= {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
    assert "on 180 samples" in err
    shutil.copytree("pictures/three", "unsorted")
    assert shell("predict", "runs/pictures-1", "unsorted")[0].split().count("three") > 150
    assert shell("predict", "runs/pictures-1", next(Path("pictures/four").iterdir()))[0] == "four\n"


@needs_real
@pytest.mark.filterwarnings("ignore::deltarule.errors.DataWarning")
def test_adult(shell):
    tables = REAL / "tabular"
    shell("train", tables / "adult_train.csv", "--target", "income", "--quiet")
    found = json.loads(shell("predict", "runs/adult_train-1", tables / "adult_test.csv", "--json")[0])
    assert found["accuracy"] >= 0.85
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pandas.read_csv(tables / "adult_train.csv").to_parquet("adult.parquet")
    shell("train", "adult.parquet", "--target", "income", "--quiet")
    again = json.loads(shell("predict", "runs/adult-1", tables / "adult_test.csv", "--json")[0])
    assert again["accuracy"] >= 0.85
    frame = pandas.read_csv(tables / "adult_test.csv")
    assert dr.load_model("runs/adult-1/model.safetensors").predict(frame).tolist() == again["predictions"]


@needs_real
@pytest.mark.parametrize(
    ("name", "target", "score", "least"),
    [
        ("winequality_red", "quality", "test_accuracy", 0.5),
        ("abalone", "rings", "test_r2", 0.5),
        ("banknote_authentication", "class", "test_accuracy", 0.99),
    ],
)
def test_other_real_tables(shell, name, target, score, least):
    out, _ = shell("train", REAL / "tabular" / f"{name}.csv", "--target", target, "--epochs", "12", "--quiet", "--json")
    assert json.loads(out)[score] > least


def test_every_command_takes_a_table(shell, people):
    table = ("people.csv", "--target", "pay", "--type", "zip=category")
    found = json.loads(shell("lr-range", *table, "--steps", "40", "--seeds", "1", "--json")[0])
    assert len(found["rates"]) == 40
    assert "parameters, largest relative error" in shell("gradient-check", *table, "--hidden", "3")[0]
    compare = ("compare", *table, "--vary", "l2=0,0.1", "--seeds", "2", "--epochs", "2", "--json")
    found = json.loads(shell(*compare, "--output", "compared")[0])
    assert set(found["variants"]) == {"l2=0", "l2=0.1"}
    again = json.loads(shell(*compare, "--output", "compared")[0])
    assert again["variants"] == found["variants"]
    # With another type of a column it is another table, and no comparison that could go on.
    other = ("compare", *table[:-1], "zip=number", *compare[6:], "--output", "compared")
    _, err = shell(*other, code=2)
    assert "compared" in err


def test_weights_of_classes_whose_names_hold_an_equals_sign(shell):
    rows = [f"{i}.5,{'<=50K' if i % 3 else '>50K'}" for i in range(90)]
    Path("pay.csv").write_text("\n".join(["age,pay", *rows]))
    shell("train", "pay.csv", "--target", "pay", "--class-weight", "<=50K=2", "--epochs", "1", "--quiet")
    recipe = json.loads(Path("runs/pay-1/recipe.json").read_text())
    assert recipe["class_weight"] == [["<=50K", 2.0]]


def test_other_peoples_words_do_not_reach_the_terminal_as_commands(shell):
    labels = ["\x1b[31mred", "[bold]\u202ex", "$x^ and $y"]
    rows = [f"{i}.5,{labels[i % 3]}" for i in range(60)]
    Path("odd.csv").write_text("\n".join(["a\x1b[2J,y", *rows]))
    name = "odd \x1b]0;name\x07.csv"
    Path(name).write_text(Path("odd.csv").read_text())
    said = [*shell("data", "info", name), *shell("train", name, "--target", "y", "--epochs", "1")]
    said += [*shell("predict", "runs/odd _]0;name_-1", name, "--proba"), *shell("show", "runs/odd _]0;name_-1")]
    said += [*shell("train", name, "--target", "a", code=2)]
    assert not any(control in text for text in said for control in ("\x1b", "\x07", "\u202e"))
    assert "\\x1b[31mred" in said[0]
    assert "$x^ and $y" in said[0]
    assert "[bold]" in said[0]
    assert Path("runs/odd _]0;name_-1/confusion.png").is_file()


def test_a_class_named_in_letters_that_the_font_lacks(shell):
    Path("zh.csv").write_text("\n".join(["a,y", *(f"{i}.5,{'图像'[i % 2]}" for i in range(60))]))
    _, err = shell("train", "zh.csv", "--target", "y", "--epochs", "1")
    assert "Glyph" not in err
