"""What the estimators have beyond scikit-learn's, and how they behave among its other parts."""

from __future__ import annotations

import pickle
import threading
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes, load_iris, make_classification
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import deltarule as dr
from deltarule.engines.objective import Objective
from deltarule.engines.problem import Problem, Samples
from deltarule.engines.threads import allowed_threads
from deltarule.errors import RecipeError
from deltarule.estimators.inputs import UNSCALED
from deltarule.estimators.parameters import class_loss, number_loss, recipe_of

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
NAMES = np.array(["setosa", "versicolor", "virginica"], dtype=object)[Y]
PATIENTS, NUMBERS = load_diabetes(return_X_y=True)
PATIENTS, NUMBERS = PATIENTS * 20, (NUMBERS - NUMBERS.mean()) / NUMBERS.std()


def small(**parameters):
    return dr.MLPClassifier(**{"hidden_layer_sizes": (12,), "learning_rate_init": 0.02, "random_state": 0} | parameters)


def small_regressor(**parameters):
    usual = {"hidden_layer_sizes": (12,), "learning_rate_init": 0.01, "random_state": 0, "max_iter": 60}
    return dr.MLPRegressor(**usual | parameters)


# --- What scikit-learn's test_gradient checks by a private name -----------------------------------------------------


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("task", ["two", "three", "labels", "squared_error", "poisson"])
def test_the_gradient_is_the_derivative(task, activation):
    drawn = np.random.default_rng(1)
    x, outputs = drawn.normal(size=(7, 4)), {"two": 1, "three": 3}.get(task, 2)
    if task in ("two", "three"):
        y, loss = np.arange(7) % max(outputs, 2), class_loss("log_loss", several=task == "three")
    elif task == "labels":
        y, loss = (drawn.random((7, 2)) < 0.5) * 1.0, class_loss("log_loss", several=False)
    else:
        y, loss = drawn.random((7, 2)), number_loss(task)
    parameters = small(activation=activation, alpha=0.3, l1=0.1, hidden_layer_sizes=(5,)).get_params()
    samples = Samples(x, y, outputs, drawn.random(7) + 0.1)
    theta = drawn.normal(size=5 * 5 + 6 * outputs)
    recipe = recipe_of(parameters, loss, batch_size=7)
    objective = Objective(Problem(recipe, (4, 5, outputs), UNSCALED, samples, None, theta))
    _, gradient = objective(theta)
    steps = 1e-6 * np.eye(len(theta))
    numerical = [(objective(theta + step)[0] - objective(theta - step)[0]) / 2e-6 for step in steps]
    assert_allclose(gradient, numerical, rtol=1e-5, atol=1e-7)


# --- Beyond scikit-learn's parameters -------------------------------------------------------------------------------


def test_dropout_changes_training_and_not_prediction():
    plain, dropped = (small(dropout=rate, max_iter=150).fit(X, Y) for rate in (0.0, 0.3))
    assert not np.allclose(plain.coefs_[0], dropped.coefs_[0])
    assert dropped.score(X, Y) > 0.93
    assert_array_equal(dropped.predict_proba(X), dropped.predict_proba(X))
    assert_array_equal(dropped.coefs_[0], small(dropout=[0.0, 0.3], max_iter=150).fit(X, Y).coefs_[0])


def test_l1_makes_weights_small():
    loose, tight = (small(l1=strength, max_iter=100).fit(X, Y) for strength in (0.0, 2.0))
    assert np.mean(np.abs(tight.coefs_[0]) < 1e-2) > np.mean(np.abs(loose.coefs_[0]) < 1e-2) + 0.2


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_normalised_layers(normalization, tmp_path):
    network = small(normalization=normalization, max_iter=100).fit(X, NAMES)
    assert network.score(X, NAMES) > 0.93
    assert len(network.coefs_) == 2
    again = pickle.loads(pickle.dumps(network))
    assert_array_equal(again.predict_proba(X), network.predict_proba(X))
    model = dr.load_model(small(normalization=normalization).fit(X, Y).to_model().save(tmp_path / "m.safetensors"))
    assert_array_equal(model.predict(X), small(normalization=normalization).fit(X, Y).predict(X))
    whole = small(normalization=normalization, warm_start=True, max_iter=5)
    assert whole.fit(X, Y).fit(X, Y).score(X, Y) > 0.3
    watched = small(normalization=normalization, early_stopping=True, max_iter=30)
    assert watched.fit(X, Y).best_validation_score_ == max(watched.validation_scores_)


def test_layer_normalisation_by_lbfgs():
    assert small(normalization="layer", solver="lbfgs", max_iter=100).fit(X, Y).score(X, Y) > 0.95


def test_weights_are_held_within_a_norm():
    network = small(max_norm=0.8, max_iter=60).fit(X, Y)
    assert np.linalg.norm(network.coefs_[0], axis=0).max() <= 0.8 + 1e-9
    assert np.linalg.norm(small(max_iter=60).fit(X, Y).coefs_[0], axis=0).max() > 0.8


def test_schedules_are_factors_on_the_rate():
    still = small(schedule=dr.StepDecay(1e-12, every=5), max_iter=30, batch_size=30).fit(X, Y)
    short = small(max_iter=1, batch_size=30).fit(X, Y)
    assert_allclose(still.coefs_[0], short.coefs_[0], atol=1e-9)
    with pytest.raises(ValueError, match="for the schedule to monitor"):
        small(schedule="reduce_on_plateau").fit(X, Y)
    watched = small(schedule="reduce_on_plateau", max_iter=60).fit(X, Y, X_val=X, y_val=Y)
    assert watched.score(X, Y) > 0.8


def test_class_weights_are_sample_weights():
    weights = {"setosa": 1.0, "versicolor": 5.0, "virginica": 0.5}
    by_class = small(max_iter=20, class_weight=weights).fit(X, NAMES)
    by_sample = small(max_iter=20).fit(X, NAMES, sample_weight=[weights[name] for name in NAMES])
    assert_array_equal(by_class.coefs_[0], by_sample.coefs_[0])
    few = np.r_[0:50, 50:60]
    balanced = small(max_iter=20, class_weight="balanced").fit(X[few], Y[few])
    as_weights = small(max_iter=20, class_weight={0: 60 / 100, 1: 60 / 20}).fit(X[few], Y[few])
    assert_allclose(balanced.coefs_[0], as_weights.coefs_[0])
    with pytest.raises(ValueError, match="as a dictionary"):
        small(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])


def test_balanced_weights_count_what_samples_weigh():
    twice = np.r_[0:150, 50:100]
    weights = np.where(Y == 1, 2.0, 1.0)
    settings = {"class_weight": "balanced", "shuffle": False, "max_iter": 10, "batch_size": 200}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        repeated = small(**settings).fit(X[twice], Y[twice])
        weighted = small(**settings).fit(X, Y, sample_weight=weights)
    assert_allclose(repeated.predict_proba(X), weighted.predict_proba(X), rtol=1e-9)


def test_formulas_of_any_kind():
    network = small(
        hidden_layer_sizes=(8, 6),
        activation=("tanh", dr.formula("activation", "gelu")),
        solver=dr.AdamW(0.02, weight_decay=0.001),
        loss="softmax_focal",
        initializer="he",
        max_iter=100,
    ).fit(X, NAMES)
    assert network.score(X, NAMES) > 0.9
    assert_allclose(network.predict_proba(X).sum(axis=1), 1.0)
    assert small(solver="rmsprop", max_iter=100).fit(X, Y).score(X, Y) > 0.9
    numbers = small(loss="half_squared_error", solver="lbfgs")
    assert numbers.fit(X, Y).predict_proba(X).min() >= 0.0
    several = numbers.fit(X, Y[:, None] > [0, 1])
    assert several._outputs(3 * X).min() < 0.0 < 1.0 < several._outputs(3 * X).max()
    assert_allclose(several.predict_proba(3 * X), several.to_model().predict_proba(3 * X))
    two = small(loss="softmax_cross_entropy", max_iter=100).fit(X[:100], Y[:100])
    assert (two.n_outputs_, two.predict_proba(X).shape) == (2, (150, 2))
    assert small_regressor(loss="huber").fit(PATIENTS, NUMBERS).score(PATIENTS, NUMBERS) > 0.4


@pytest.mark.parametrize("scoring", [None, "accuracy", "loss", "f1_macro"])
def test_early_stopping_goes_back_to_the_best_epoch(scoring):
    network = small(scoring=scoring, early_stopping=True, validation_fraction=0.3, max_iter=80, learning_rate_init=0.1)
    network.fit(X, NAMES)
    scores = network.validation_scores_
    assert len(scores) == len(network.validation_loss_curve_) == len(network.history_) == network.n_iter_
    assert network.best_validation_score_ == max(scores)
    best = small(max_iter=int(np.argmax(scores)) + 1, early_stopping=True, validation_fraction=0.3, scoring=scoring)
    best.set_params(learning_rate_init=0.1, n_iter_no_change=np.inf).fit(X, NAMES)
    for one, other in zip(network.coefs_, best.coefs_, strict=True):
        assert_array_equal(one, other)


def test_the_best_epoch_survives_a_smaller_rate():
    settings = {"solver": "sgd", "learning_rate": "adaptive", "early_stopping": True, "n_iter_no_change": 2}
    network = small_regressor(**settings, tol=0.05, learning_rate_init=0.3, max_iter=200).fit(PATIENTS, NUMBERS)
    assert network._fit_state.optimizer.learning_rate < 0.3
    own = small_regressor(**settings, tol=0.05, learning_rate_init=0.3, scoring="neg_mean_squared_error", max_iter=200)
    own.fit(PATIENTS, NUMBERS)
    # Scored by the engine and by a scorer: R² and the squared error like the same epoch best.
    assert_allclose(own.predict(PATIENTS), network.predict(PATIENTS))


def test_a_validation_part_of_ones_own():
    rows, held = np.arange(0, 150, 2), np.arange(1, 150, 2)
    part = {"X_val": X[held], "y_val": NAMES[held]}
    watched = small(max_iter=30).fit(X[rows], NAMES[rows], **part)
    alone = small(max_iter=30).fit(X[rows], NAMES[rows])
    assert_array_equal(watched.coefs_[0], alone.coefs_[0])
    assert watched.validation_scores_[-1] == pytest.approx(watched.score(X[held], NAMES[held]))
    proba = watched.predict_proba(X[held])[np.arange(75), Y[held]]
    assert watched.validation_loss_curve_[-1] == pytest.approx(-np.log(proba).mean())
    weights = np.linspace(0.1, 2.0, 75)
    weighted = small(max_iter=30).fit(X[rows], NAMES[rows], **part, sample_weight_val=weights)
    assert weighted.validation_scores_[-1] == pytest.approx(weighted.score(X[held], NAMES[held], weights))
    stopped = small(early_stopping=True, max_iter=300, tol=1e-3).fit(X[rows], NAMES[rows], **part)
    assert stopped.n_iter_ < 300
    assert stopped.t_ == 75 * stopped.n_iter_


def test_the_history_has_epochs():
    network = small_regressor(max_iter=12, early_stopping=True).fit(PATIENTS, NUMBERS)
    last = network.history_[-1]
    assert isinstance(last, dr.Epoch)
    assert last.number == 12
    assert last.validation_score == pytest.approx(network.validation_scores_[-1])


def test_the_precision_is_that_of_the_data_or_a_chosen_one():
    single, double = (np.asarray(X, kind) for kind in (np.float32, np.float64))

    def weights(data, precision):
        return small(max_iter=3, precision=precision).fit(data, NAMES).coefs_[0]

    for data, own in ((single, "float32"), (double, "float64")):
        assert_array_equal(weights(data, None), weights(data, own))
    rounded = weights(single, "bfloat16")
    assert (rounded != weights(single, "float32")).any()
    assert_allclose(rounded, weights(single, "float32"), atol=0.02)
    assert_array_equal(rounded, weights(np.asarray(single, np.float64), "bfloat16"))


def test_an_ensemble_is_the_mean_of_its_networks():
    together = small(n_ensemble=3, max_iter=30).fit(X, NAMES)
    assert len(together.estimators_) == 3
    each = [network.predict_proba(X) for network in together.estimators_]
    assert not np.allclose(each[0], each[1])
    assert_allclose(together.predict_proba(X), np.mean(each, axis=0))
    assert_array_equal(together.coefs_[0], together.estimators_[0].coefs_[0])
    assert_array_equal(together.coefs_[0], small(n_ensemble=3, max_iter=30, n_threads=1).fit(X, NAMES).coefs_[0])
    numbers = small_regressor(n_ensemble=2, max_iter=5).fit(PATIENTS, NUMBERS)
    mean = np.mean([network.predict(PATIENTS) for network in numbers.estimators_], axis=0)
    assert_allclose(numbers.predict(PATIENTS), mean)
    bit_by_bit = small(n_ensemble=2)
    for _ in range(40):
        bit_by_bit.partial_fit(X, NAMES, classes=np.unique(NAMES))
    assert bit_by_bit.score(X, NAMES) > 0.9
    assert not hasattr(together.set_params(n_ensemble=1).fit(X, NAMES), "estimators_")


@pytest.mark.parametrize("incremental", [False, True])
def test_the_networks_of_an_ensemble_continue_with_the_present_parameters(incremental):
    rates = {"max_iter": 2, "tol": 0, "shuffle": False, "batch_size": 150, "solver": "sgd", "momentum": 0.0}
    network = small(n_ensemble=2, warm_start=not incremental, **rates)

    def train():
        return network.partial_fit(X, Y, classes=[0, 1, 2]) if incremental else network.fit(X, Y)

    first = [each.random_state for each in train().estimators_]
    network.set_params(max_iter=5, alpha=1.0)
    assert [each.alpha for each in train().estimators_] == [1.0, 1.0]
    assert [each.random_state for each in network.estimators_] == first != [0, 0]
    assert incremental or network.n_iter_ == 5
    for other in (1, 3):
        network.set_params(n_ensemble=other)
        with pytest.raises(RecipeError, match="Expected the 2 of the previous call for n_ensemble, got"):
            train()


def test_verbose_tells(capsys):
    small(max_iter=3, verbose=True, early_stopping=True).fit(X, Y)
    assert capsys.readouterr().out.count("Iteration") == 3
    small(max_iter=3, verbose="bar").fit(X, Y)
    assert "3/3" in capsys.readouterr().out
    small(solver="lbfgs", max_iter=5, verbose=True).fit(X, Y)
    assert "Objective" in capsys.readouterr().out


# --- Wrong input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"hidden_layer_sizes": (0,)}, "integer of at least 1 for hidden_layer_sizes"),
        ({"activation": "rleu"}, "Try: activation='relu'"),
        ({"activation": ("relu", "tanh", "relu")}, "one activation, or one for each of 1 hidden layers"),
        ({"activation": ("rleu",)}, "for activation, got 'rleu'. Try: 'relu'"),
        ({"solver": "adm"}, "for solver, got 'adm'. Try: solver='adam'"),
        ({"solver": 3}, "another optimizer"),
        ({"alpha": -1}, "at least 0 for alpha"),
        ({"l1": "much"}, "at least 0 for l1"),
        ({"batch_size": 0}, "batch_size"),
        ({"hidden_layer_sizes": "100"}, "for hidden_layer_sizes, got '100'"),
        ({"learning_rate": "falling"}, "'adaptive'"),
        ({"learning_rate": "adaptiv"}, "Try: learning_rate='adaptive'"),
        ({"learning_rate": 0.01}, "Try: learning_rate_init=0.01"),
        ({"learning_rate_init": 0}, "above 0 for learning_rate_init"),
        ({"max_iter": 1.5}, "integer of at least 1 for max_iter"),
        ({"shuffle": "no"}, "True or False for shuffle"),
        ({"momentum": 1.0}, "below 1 for momentum"),
        ({"n_iter_no_change": 0}, "n_iter_no_change"),
        ({"verbose": "loud"}, '"bar"'),
        ({"dropout": 1.0}, "below 1 for dropout"),
        ({"dropout": 0.5, "solver": "lbfgs"}, "dropout=0.5"),
        ({"normalization": "batch", "solver": "lbfgs"}, "normalization='batch'"),
        ({"normalization": "group"}, "group"),
        ({"max_norm": 0.0}, "above 0 for max_norm"),
        ({"schedule": "cosin"}, "cosine"),
        ({"loss": "poisson"}, "a loss for classification"),
        ({"engine": "gpu"}, "'compiled'"),
        ({"precision": "half"}, "'bfloat16' for precision"),
        ({"n_threads": 0}, "n_threads"),
        ({"initializer": "hee"}, "Try: initializer='he'"),
        ({"scoring": "acuracy"}, "scoring='accuracy'"),
        ({"class_weight": "even"}, "a dictionary for class_weight"),
        ({"loss": "log_los"}, "Try: 'log_loss'"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_what_cannot_be_meant_is_refused(parameters, words):
    with pytest.raises(ValueError, match="(?s)" + words):
        small(**parameters).fit(X, Y)


def test_data_that_cannot_be_learnt_from_are_refused():
    with pytest.raises(ValueError, match="X_val and y_val together"):
        small().fit(X, Y, X_val=X)
    with pytest.raises(ValueError, match="classes among"):
        small(max_iter=1).fit(X[:100], Y[:100], X_val=X, y_val=Y)
    with pytest.raises(ValueError, match="y_val of 1 outputs"):
        small_regressor(max_iter=1).fit(PATIENTS, NUMBERS, X_val=PATIENTS, y_val=np.c_[NUMBERS, NUMBERS])
    with pytest.raises(ValueError, match="all classes of this and later calls"):
        small().partial_fit(X, Y)
    with pytest.raises(ValueError, match="the classes of earlier calls"):
        small().partial_fit(X, Y, classes=[0, 1, 2]).partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match="targets of at least 0"):
        small_regressor(loss="poisson").fit(PATIENTS, NUMBERS)
    with pytest.raises(ValueError, match="several labels"):
        small().fit(X, np.c_[Y, Y])
    with pytest.raises(NotFittedError):
        small().predict(X)
    begun = small().partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="of the first partial_fit"):
        begun.set_params(solver="sgd").partial_fit(X, Y)
    fitted = small(max_iter=1).fit(X, Y)
    with pytest.raises(ValueError, match="features"):
        fitted.predict(X[:, :3])
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            fitted.predict(np.where(X[0, 0] == X, bad, X))


def test_weights_cannot_be_changed_where_predictions_would_not_follow():
    network = small(max_iter=2).fit(X, Y)
    before = network.predict_proba(X)
    for each in (network, pickle.loads(pickle.dumps(network))):
        with pytest.raises(ValueError, match="read-only"):
            each.coefs_[0][0, 0] = 7.0
    network.coefs_[0] = network.coefs_[0] * 2.0
    assert not np.allclose(network.predict_proba(X), before)


# --- A good citizen -------------------------------------------------------------------------------------------------


def test_pickles_and_clones():
    network = small(max_iter=5, n_ensemble=2, early_stopping=True).fit(X, NAMES)
    network.predict(X)
    again = pickle.loads(pickle.dumps(network))
    assert_array_equal(again.predict_proba(X), network.predict_proba(X))
    assert not hasattr(clone(network), "coefs_")
    half_way = small().partial_fit(X, Y, classes=[0, 1, 2])
    again = pickle.loads(pickle.dumps(half_way)).partial_fit(X, Y)
    assert_array_equal(again.coefs_[0], half_way.partial_fit(X, Y).coefs_[0])


def test_data_frames():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame(X, columns=list("abcd"))
    network = small(max_iter=20, early_stopping=True, scoring="f1_macro").fit(frame, pd.Series(NAMES))
    assert network.feature_names_in_.tolist() == list("abcd")
    assert set(network.predict(frame)) <= set(NAMES)
    with pytest.raises(ValueError, match="feature names"):
        network.predict(frame[["b", "a", "c", "d"]])
    with pytest.warns(UserWarning, match="feature names"):
        network.predict(X)
    assert network.to_model().feature_names == tuple("abcd")


def test_as_a_model(tmp_path):
    network = small(max_iter=20).fit(X, NAMES.astype(str))
    model = dr.load_model(network.to_model().save(tmp_path / "iris.safetensors"))
    assert_array_equal(model.predict(X), network.predict(X))
    assert_allclose(model.predict_proba(X), network.predict_proba(X))
    numbers = small_regressor(loss="log_cosh", max_iter=3).fit(PATIENTS, NUMBERS)
    assert_allclose(numbers.to_model().predict(PATIENTS), numbers.predict(PATIENTS))


def test_it_shows_itself_as_html():
    assert "MLPClassifier" in small()._repr_html_()


def test_in_a_pipeline_with_routed_weights():
    weights = np.linspace(0.5, 1.5, 150)
    with config_context(enable_metadata_routing=True):
        network = small(max_iter=10).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), network)
        pipeline.fit(X, Y, sample_weight=weights)
    alone = small(max_iter=10).fit(StandardScaler().fit_transform(X), Y, sample_weight=weights)
    assert_array_equal(pipeline.predict_proba(X), alone.predict_proba(StandardScaler().fit_transform(X)))


def test_searches():
    grid = {"mlpclassifier__alpha": [1e-4, 1.0], "mlpclassifier__hidden_layer_sizes": [(4,), (8,)]}
    pipeline = make_pipeline(StandardScaler(), small(max_iter=15))
    usual = GridSearchCV(pipeline, grid, cv=3).fit(X, Y)
    ours = dr.NetworkSearchCV(pipeline, grid, cv=3).fit(X, Y)
    for name in ("mean_test_score", "rank_test_score", "split0_test_score"):
        assert_array_equal(ours.cv_results_[name], usual.cv_results_[name])
    assert ours.best_params_ == usual.best_params_
    assert_array_equal(ours.predict_proba(X), usual.predict_proba(X))
    assert clone(ours).n_jobs is None
    halving = HalvingGridSearchCV(small(max_iter=10), {"alpha": [1e-4, 1e-2, 1.0]}, cv=2, random_state=0).fit(X, Y)
    assert halving.best_score_ > 0.3


def test_a_searchs_networks_share_the_cores():
    seen = []

    class Seen(dr.MLPClassifier):
        def fit(self, X, y):
            seen.append((threading.current_thread() is threading.main_thread(), allowed_threads()))
            return super().fit(X, y)

    dr.NetworkSearchCV(Seen((3,), max_iter=1), {"alpha": [0.1, 1.0]}, cv=2, n_jobs=2).fit(X, Y)
    assert [threads for main, threads in seen if not main] == [1] * 4
    assert [main for main, _ in seen].count(True) == 1


def test_calibration_importance_and_cross_prediction():
    x, y = make_classification(200, 6, n_informative=3, shuffle=False, random_state=0)
    calibrated = CalibratedClassifierCV(small(max_iter=40), cv=2).fit(x, y)
    assert_allclose(calibrated.predict_proba(x).sum(axis=1), 1.0)
    assert cross_val_predict(small(max_iter=40), x, y, cv=3, method="predict_proba").shape == (200, 2)
    importance = permutation_importance(small(max_iter=100).fit(x, y), x, y, n_repeats=3, random_state=0)
    assert importance.importances_mean[:3].max() > importance.importances_mean[3:].max()


def test_callbacks_hear_of_epochs_and_end_training():
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")

    class EndsAfterFour:
        def __init__(self):
            self.scores = []

        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
            if context.parent is not None:
                self.scores.append(fitted_estimator.score(X, y))
            return len(self.scores) == 4

    callback = EndsAfterFour()
    network = small(max_iter=20).set_callbacks(callback).fit(X, Y)
    assert (network.n_iter_, len(callback.scores)) == (4, 4)
    assert callback.scores[-1] == network.score(X, Y)
    assert_array_equal(network.coefs_[0], small(max_iter=4).fit(X, Y).coefs_[0])


def test_training_may_be_interrupted():
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")

    class Interrupts:
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            if estimator.n_iter_ == 3 and context.parent is not None:
                raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        network = small(max_iter=20).set_callbacks(Interrupts()).fit(X, Y)
    assert_array_equal(network.coefs_[0], small(max_iter=3).fit(X, Y).coefs_[0])
