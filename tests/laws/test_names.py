"""Formulas by name: in every spelling, in the namespace of their kind, and by the names they had before."""

from __future__ import annotations

import copy
import sys
import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import deltarule as dr
from deltarule import formulas
from deltarule.errors import RecipeError, UnknownName
from deltarule.formulas import Formula, formula, kinds, registered

OWN = [(kind, cls) for kind in kinds() for cls in registered(kind) if cls.__module__.startswith("deltarule.")]
EACH = pytest.mark.parametrize(("kind", "cls"), OWN, ids=lambda each: getattr(each, "name", each))
REGISTRY = sys.modules[Formula.__module__]
NAMESPACES = {
    "activation": dr.activations,
    "augmentation": dr.augmentations,
    "averaging": dr.averaging,
    "clipping": dr.clipping,
    "constraint": dr.constraints,
    "copies": dr.copies,
    "embedding": dr.embeddings,
    "initializer": dr.initializers,
    "loss": dr.losses,
    "normalization": dr.normalizations,
    "optimizer": dr.optimizers,
    "penalty": dr.penalties,
    "perturbation": dr.perturbations,
    "schedule": dr.schedules,
}


@pytest.fixture
def own_registry(monkeypatch):
    """A registry that forgets what a test adds."""
    monkeypatch.setattr(REGISTRY, "_REGISTER", copy.deepcopy(REGISTRY._REGISTER))


@EACH
def test_names_are_found_in_every_spelling(kind, cls):
    for name in (cls.name, *cls.aliases):
        for spelling in (name, name.upper(), name.replace("_", "-"), name.title().replace("_", ""), f" {name}"):
            assert type(formula(kind, spelling)) is cls
            assert type(formula(kind, {"name": spelling})) is cls


def test_two_names_that_differ_in_spelling_alone_are_one(own_registry):
    with pytest.raises(RecipeError, match="Adam's"):
        dr.register("A-D_A_M")(dataclass(frozen=True)(type("Other", (dr.optimizers.Optimizer,), {})))


@pytest.mark.parametrize(
    ("alias", "cls"), [("mse", dr.SquaredError), ("MAE", dr.AbsoluteError), ("bce", dr.SigmoidCrossEntropy)]
)
def test_losses_have_their_usual_abbreviations(alias, cls):
    assert dr.Recipe(loss=alias).loss == cls()


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="leaky_relu"):
        formula("activation", "Leaky-Relo")


@pytest.mark.parametrize("field", ["lr", "LR", "learning-rate", "Learning_Rate"])
def test_fields_are_found_in_every_spelling(field):
    assert formula("optimizer", {"name": "sgd", field: 0.5}) == dr.SGD(0.5)
    assert dr.SGD(0.1).replace(**{field: 0.5}) == dr.SGD(0.5)


@pytest.mark.parametrize("cls", [cls for kind, cls in OWN if kind == "optimizer"], ids=lambda cls: cls.name)
def test_lr_is_the_learning_rate_of_every_optimizer(cls):
    assert cls(lr=0.25) == cls(learning_rate=0.25)
    assert "lr" not in cls(lr=0.25).to_json()


def test_a_field_is_given_once_and_has_to_be_one():
    with pytest.raises(RecipeError, match="once"):
        dr.SGD(learning_rate=0.1, lr=0.2)
    with pytest.raises(RecipeError, match="once"):
        formula("optimizer", {"name": "sgd", "learning_rate": 0.1, "lr": 0.2})
    with pytest.raises(UnknownName, match="momentum"):
        formula("optimizer", {"name": "momentum", "momentun": 0.1})


@EACH
def test_every_formula_is_in_the_namespace_of_its_kind(kind, cls):
    namespace = NAMESPACES[kind]
    assert getattr(namespace, cls.__name__) is cls
    assert cls.__name__ in dir(namespace)
    assert cls.__name__ in namespace.__all__
    assert getattr(formulas, cls.__name__) is cls


def test_every_kind_has_a_namespace():
    assert set(kinds()) <= {*NAMESPACES, "example"}  # the example is that of `register`


def test_a_users_own_formula_is_in_the_namespace_too(own_registry):
    @dr.register("stay")
    @dataclass(frozen=True)
    class Stay(dr.optimizers.Optimizer):
        pass

    assert dr.optimizers.Stay is Stay
    assert "Stay" in dir(dr.optimizers)
    assert not hasattr(dr.losses, "Stay")
    with pytest.raises(AttributeError, match="no attribute 'Adm'"):
        dr.optimizers.Adm  # noqa: B018


TABLE = np.random.default_rng(0).normal(size=(40, 3))


@pytest.mark.parametrize(
    ("y", "expected"), [(np.arange(40) % 3, dr.SoftmaxCrossEntropy()), (TABLE[:, :2] > 0, dr.SigmoidCrossEntropy())]
)
def test_cross_entropy_is_that_of_the_task(y, expected):
    recipe = dr.Recipe(loss="Cross-Entropy", epochs=1, task="regression" if y.ndim > 1 else "auto")
    assert dr.Recipe.from_json(recipe.to_json()) == recipe
    assert recipe.to_json()["loss"] == "cross_entropy"
    assert dr.train(recipe, dr.Dataset(train=(TABLE, y)), engine="reference").model.recipe.loss == expected


def test_the_estimators_names_are_those_of_scikit_learn_in_every_spelling():
    from deltarule.estimators.parameters import class_loss, number_loss, optimizer_of

    for name in ("log_loss", "cross_entropy", "Cross-Entropy"):
        assert class_loss(name, several=True) == dr.SoftmaxCrossEntropy()
        assert class_loss(name, several=False) == dr.SigmoidCrossEntropy()
    for name in ("squared_error", "Squared-Error", "mse"):
        assert number_loss(name) == dr.HalfSquaredError()
    for solver in ("sgd", "SGD"):
        assert isinstance(optimizer_of(dr.MLPClassifier(solver=solver).get_params()), dr.Nesterov)
    assert optimizer_of(dr.MLPClassifier(solver="Adam").get_params()).epsilon_place == "before_correction"


def test_names_in_the_shell_and_in_comparisons_are_found_in_every_spelling():
    from deltarule.cli.recipe_options import RecipeChoice

    shell = RecipeChoice({"optimizer": "SGD", "activation": "Leaky-ReLU"}, ["optimizer.lr=0.3"]).recipe()
    assert (shell.optimizer, shell.network.activation) == (dr.SGD(0.3), dr.activations.LeakyReLU())
    varied = dr.vary(dr.Recipe(optimizer="sgd"), lr=(0.1, 0.2))
    assert [each.recipe.optimizer for each in varied] == [dr.SGD(0.1), dr.SGD(0.2)]
    paths = dr.vary(dr.Recipe(optimizer="sgd"), optimizer__lr=(0.1, 0.2))
    assert [each.recipe for each in paths] == [each.recipe for each in varied]


def test_former_names_still_work_and_warn():
    new = dr.HalfSquaredError(inverse_link="sigmoid")
    with pytest.warns(DeprecationWarning, match="Use: inverse_link") as caught:
        assert dr.HalfSquaredError(link="sigmoid") == new
    assert caught[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="inverse_link"):
        assert formula("loss", {"name": "half_squared_error", "link": "sigmoid"}) == new
    data = dr.Recipe(loss=new).to_json()
    data["loss"]["link"] = data["loss"].pop("inverse_link")
    with pytest.warns(DeprecationWarning, match="inverse_link"):
        assert dr.Recipe.from_json(data).loss == new
    with pytest.warns(DeprecationWarning, match="inverse_link"):
        assert (new.link, dr.SoftmaxCrossEntropy().link) == ("sigmoid", "softmax")


def test_former_field_types_still_work_and_warn():
    for former, present in (("Share", "Fraction"), ("Between", "Interval"), ("Whole", "Integer")):
        with pytest.warns(DeprecationWarning, match=present):
            assert getattr(REGISTRY, former) is getattr(REGISTRY, present)
    with pytest.raises(AttributeError):
        REGISTRY.Part  # noqa: B018


def test_a_users_loss_that_says_link_still_works_and_warns():
    with pytest.warns(DeprecationWarning, match="link"):

        class Old(dr.losses.Loss):
            link: ClassVar[str] = "exponential"

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Old().output == dr.activations.Exponential()
        assert Old().inverse_link == "exponential"
