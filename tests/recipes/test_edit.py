"""The one grammar for changing a recipe: the shell's options, `--set`, `--vary` and `dr.vary` agree."""

import pytest

import deltarule as dr
from deltarule.errors import UnknownName
from deltarule.recipes.edit import edited, option_of, path_of, read, read_several, value_of
from deltarule.recipes.options import OPTIONS

BASE = dr.Recipe(network=dr.Network(hidden=(7, 5)), optimizer="momentum", stopping=dr.EarlyStopping(patience=3))

SAME = {
    "hidden": ("128,64", "network.hidden", (128, 64), lambda recipe: recipe.network.hidden),
    "activation": ("tanh,Relu", "network.activation", ("tanh", "relu"), lambda recipe: recipe.network.activation),
    "dropout": ("0.1,0.2,0.3", "network.dropout", (0.1, 0.2, 0.3), lambda recipe: recipe.network.dropout),
    "learning-rate": ("0.3", "optimizer.lr", 0.3, lambda recipe: recipe.optimizer.learning_rate),
    "loss": ("MSE", "Loss", "squared_error", lambda recipe: recipe.loss),
    "patience": ("none", "stopping.patience", None, lambda recipe: recipe.stopping),
    "monitor": ("Score", "stopping.monitor", "score", lambda recipe: recipe.stopping.monitor),
    "class_weight": ("yes=2,no=1", "Class-Weight", {"yes": 2, "no": 1}, lambda recipe: recipe.class_weight),
    "augment": ("cutout=6", "augmentation", dr.Cutout(6), lambda recipe: recipe.augmentation),
    "batch_size": ("8", "Batch-Size", 8, lambda recipe: recipe.batch_size),
    "scaling": ("none", "scaling", "none", lambda recipe: recipe.scaling),
    "target_scaling": ("none", "target-scaling", "none", lambda recipe: recipe.target_scaling),
    "normalization": ("none", "network.normalization", None, lambda recipe: recipe.network.normalization),
    "evaluate_train": ("true", "evaluate_train", True, lambda recipe: recipe.evaluate_train),
    "drop_last": ("true", "Drop-Last", True, lambda recipe: recipe.drop_last),
    "ties": ("last", "stopping.ties", "last", lambda recipe: recipe.stopping.ties),
    "embedding": ("PBLD", "network.embedding", "pbld", lambda recipe: recipe.network.embedding),
    "parametric_activation": ("1", "network.parametric_activation", 1, lambda made: made.network.parametric_activation),
    "initializer": (
        "he,auto,zeros",
        "network.initializer",
        ["he", "auto", "zeros"],
        lambda made: made.network.initializer,
    ),
    "decay_schedule": ("coslog", "decay_schedule", "cosine_log", lambda recipe: recipe.decay_schedule),
}


@pytest.mark.parametrize("name", SAME)
def test_text_path_and_value_mean_the_same(name):
    text, path, value, field = SAME[name]
    by_option = edited(BASE, {name: read(name, text)})
    by_path = edited(BASE, {path: read(path, text)})
    (varied,) = dr.vary(BASE, **{name.replace("-", "_"): (value,)})
    assert by_option == by_path == varied.recipe
    (varied,) = dr.vary(BASE, **{path.replace(".", "__"): f"{text}/"})
    assert varied.recipe == by_option
    assert (field(by_option) != field(BASE)) or name in ("normalization", "loss")


def test_every_option_has_an_example_that_the_recipe_takes():
    for option in OPTIONS:
        text = "true" if option.flag else option.example
        recipe = edited(BASE, {option.name: option.value(text)})
        assert option.otherwise is None or edited(BASE, {option.name: option.value(option.otherwise[0])}) != recipe
        assert "{" not in option.described


def test_a_formula_comes_before_its_fields_in_any_order():
    assert edited(BASE, {"beta1": 0.8, "lr": 0.1, "optimizer": "Adam"}).optimizer == dr.Adam(0.1, beta1=0.8)
    assert edited(BASE, {"hidden": (3,), "dropout": (0.1, 0.2)}).network.dropout == (0.1, 0.2)
    assert edited(BASE, {"l1": 0.1, "l2": 0.3}).penalty == dr.ElasticNet(0.4, 0.25)
    assert edited(BASE, {"l2": 0}).penalty is None
    assert edited(edited(BASE, {"clip_norm": 1}), {"clip_norm": None}).clipping is None
    assert edited(BASE.replace(stopping=None), {"monitor": "score"}).stopping == dr.EarlyStopping(monitor="score")


def test_factors_of_groups_have_paths():
    groups = edited(BASE, {"groups.biases": 0.1, "groups.scale.decay": 6.0, "groups.weights": [1, 2, 3]}).groups
    assert groups.biases == dr.ParameterGroup(0.1)
    assert (groups.scale, groups.weights[2]) == (dr.ParameterGroup(decay=6.0), dr.ParameterGroup(3.0))
    assert value_of(BASE.replace(groups=groups), "groups.scale.decay") == 6.0
    assert "groups" not in BASE.to_json()
    with pytest.raises(UnknownName, match=r"a field of groups\.scale"):
        edited(BASE, {"groups.scale.rate": 2.0})


def test_early_stopping_that_never_stops():
    assert edited(BASE, {"patience": read("patience", "never")}).stopping == dr.EarlyStopping(patience=None)


def test_a_slash_separates_values_that_have_commas():
    assert read_several("hidden", "128,64/64,32") == [[128, 64], [64, 32]]
    assert read_several("hidden", "128x64,30,none") == [[128, 64], [30], []]
    assert read_several("augment", "none/elastic=34,4/contrast=1e+1+cutout") == [
        [],
        [{"name": "elastic", "alpha": 34, "sigma": 4}],
        [{"name": "contrast", "share": 10.0}, {"name": "cutout"}],
    ]
    assert read_several("optimizer", '{"name": "sgd"}/adam') == [{"name": "sgd"}, "adam"]


@pytest.mark.parametrize(
    ("values", "words", "field"),
    [
        ({"optimizer.bta1": 1}, "a field of momentum", None),
        ({"optimizer": "adam", "bta1": 1}, "Try: beta1", None),
        ({"learnig_rate": 1}, "Try: learning_rate", None),
        ({"nothing.like": 1}, "'nothing'", None),
        ({"penalty.strength": 1}, "a penalty before a field of it.* Try: l2=", None),
        ({"epochs.more": 1}, "which epochs is not", None),
        ({"optimizer": "sgd", "beta1": 1}, "got .beta1.", None),
        ({"patience": None, "monitor": "loss"}, "beside other fields of early stopping", "patience"),
        ({"patience": 0}, "at least 1 for patience, got 0. Try: .*, or stopping=None to run all epochs", "patience"),
        ({"hidden": [0]}, "at least 1 for hidden", "hidden"),
        ({"lr": -1}, "above 0 for Momentum.learning_rate", "Momentum.learning_rate"),
        ({"l1": -1, "l2": 1}, "at least 0 for L1.strength", "L1.strength"),
        ({"scaling": "big"}, "for scaling, got 'big'", "scaling"),
        ({"augment": [{"name": "rotaton"}]}, "for augmentation, got 'rotaton'. Try: 'rotation'", "augmentation"),
    ],
)
def test_errors_name_the_field(values, words, field):
    with pytest.raises(dr.DeltaruleError, match=words) as caught:
        edited(BASE, values)
    assert caught.value.field == field


def test_fields_in_errors_have_options_and_paths():
    names = {"SGD.learning_rate": "learning_rate", "L2.strength": "l2", "MaxNorm.limit": "max_norm"}
    names |= {"Rotation.degrees": "augment", "ClipByNorm.limit": "clip_norm", "hidden": "hidden"}
    assert {field: option_of(field).name for field in names} == names
    assert option_of("Adam.beta1") is None
    assert path_of("Adam.beta1") == "optimizer.beta1"
    assert value_of(BASE, "optimizer.lr") == value_of(BASE, "lr") == 0.01
    assert (value_of(BASE, "l2"), value_of(BASE, "Patience")) == (0.0, 3)


def test_an_unknown_name_keeps_the_nearest_one():
    error = UnknownName("a name", "'adm'", field="optimizer", nearest="adam")
    changed = error.replace(field="--optimizer")
    assert (changed.nearest, changed.field, changed.suggestion) == ("adam", "--optimizer", "'adam'")


@pytest.mark.parametrize(
    "name", ["target_scaling", "numbers", "categories", "missing", "ties", "patience", "drop_last"]
)
def test_a_misspelt_field_is_answered_with_the_nearest(name):
    with pytest.raises(UnknownName) as caught:
        edited(BASE, {f"{name}x": "none"})
    assert caught.value.nearest == name


def test_a_field_of_a_formula_below_a_part_is_found_in_any_case():
    recipe = dr.Recipe(network=dr.Network(embedding="pbld"))
    assert edited(recipe, {"network.embedding.FREQUENCIES": 8}).network.embedding == dr.formulas.PBLD(frequencies=8)
