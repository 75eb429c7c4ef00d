"""The estimators for tables: raw data frames in, predictions with their uncertainty out."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, check_is_fitted

from deltarule.errors import DataError, Diverged, ModelFileError, OutOfMemory, RecipeError
from deltarule.estimators.bagging import Bagged, Candidate, TableProblem, bagged
from deltarule.estimators.fitting import seed_from
from deltarule.estimators.fold_plan import planned_folds
from deltarule.estimators.fold_training import Resources
from deltarule.estimators.inputs import RawColumns, table_of_inputs
from deltarule.estimators.leaderboard import Entry, Judged, Leaderboard
from deltarule.estimators.reporting import NetworkReporter
from deltarule.models.ensemble import Ensemble
from deltarule.recipes import Recipe, preset
from deltarule.recipes.checks import integer
from deltarule.recipes.presets import DEFAULT_PRESET, RACE
from deltarule.types import Floats, SingleFloats


class TabularEstimator(BaseEstimator):  # type: ignore[misc]
    """Networks for tables as a scikit-learn estimator; subclasses define targets and predictions.

    `ensemble_` holds the networks and what was fitted out of fold, `_columns` the columns of `fit`.
    """

    ensemble_: Ensemble
    oof_predictions_: Floats
    leaderboard_: Leaderboard
    _columns: RawColumns

    def __init__(
        self,
        preset: str | Recipe | Sequence[str | Recipe] = "auto",
        *,
        folds: int = 5,
        networks: int = 1,
        time_limit: float | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: bool | int | str = False,
        engine: str = "compiled",
        precision: str = "float32",
        n_threads: int | None = None,
    ) -> None:
        self.preset = preset
        self.folds = folds
        self.networks = networks
        self.time_limit = time_limit
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
        self.engine = engine
        self.precision = precision
        self.n_threads = n_threads

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on X (n, d), a data frame or an array of raw columns, and y.

        sample_weight : (n,), weights of the samples in training, and in fitting the temperature.

        After Ctrl-C the networks trained so far predict, with a warning; before the first of them has been trained,
        KeyboardInterrupt is raised. After any exception the estimator is what it was before.

        Raises RecipeError for invalid parameters, ValueError for invalid data.
        """
        before = dict(self.__dict__)
        try:
            return self._fit(X, y, sample_weight)
        except BaseException as error:
            self.__dict__.clear()
            self.__dict__.update(before)
            if isinstance(error, MemoryError):
                raise OutOfMemory.of(error) from error
            raise

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        began = time.time()
        names, limit = self._checked_parameters()
        table = table_of_inputs(self, X)
        if len(table) < 2:
            raise DataError("at least 2 samples", "1 sample", field="X")
        targets, labels = self._fit_targets(y)
        check_consistent_length(np.empty((len(table), 0)), targets)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, np.empty((len(table), 1)))
        seed = seed_from(check_random_state(self.random_state))
        folds = planned_folds(targets, self.folds, seed, classes=labels is not None)
        problem = TableProblem(table, targets, weights, labels, folds)
        races = [_candidates(each, problem, seed) for each in names]
        self._set_fitted(self._tried(races, problem, None if limit is None else began + limit), problem)
        self.ensemble_ = self.ensemble_.of_columns(
            table.names, _target_name(y, table.names), named=hasattr(self, "feature_names_in_")
        )
        assert self.ensemble_.encoding is not None
        self._columns = RawColumns(table.names, self.ensemble_.encoding)
        return self

    def _tried(self, races: Sequence[Sequence[Candidate]], problem: TableProblem, until: float | None) -> list[Bagged]:
        """Train the networks of the best candidate of each race; one without networks at Ctrl-C is left out.

        A race whose networks diverge is left out with a warning; Diverged is raised where no other is left.

        until : the time, by `time.time`, at which training ends; races share what is left.
        """
        tried: list[Bagged] = []
        diverged: list[tuple[str, Diverged]] = []
        networks = sum(len(problem.folds) * self.networks + len(race) - 1 for race in races)
        with NetworkReporter(self.verbose, networks) as progress:
            for place, race in enumerate(races):
                share = None if until is None else time.time() + (until - time.time()) / (len(races) - place)
                resources = Resources(self.engine, self.precision, self.n_threads, share)
                try:
                    tried += bagged(
                        self._kept(race, place + 1), problem, self.networks, resources, progress, self._loss(problem)
                    )
                except Diverged as error:
                    diverged.append((f"{race[0].name} (preset {place + 1})", error))
                except KeyboardInterrupt:
                    if not tried:
                        raise
                    tried[-1] = replace(tried[-1], interrupted=True)
                if tried and tried[-1].interrupted:
                    trained = sum(len(each.networks) for each in tried if not each.raced)
                    message = f"Training was interrupted; what is fitted is that of the {trained} trained networks."
                    warnings.warn(message, stacklevel=4)
                    break
        if not tried:
            raise diverged[0][1]
        for name, _ in diverged:
            warnings.warn(f"All networks of {name} diverged; it is left out.", stacklevel=4)
        return tried

    def _kept(self, race: Sequence[Candidate], number: int) -> list[Candidate]:
        """Return the candidates with the folders that keep their networks' states, where there is a checkpoint."""
        if self.checkpoint is None:
            return list(race)
        names = [f"preset-{number}", *(f"preset-{number}-{each.name}" for each in race[1:])]
        return [replace(each, folder=Path(self.checkpoint) / name) for each, name in zip(race, names, strict=True)]

    def _loss(self, problem: TableProblem) -> Callable[[Floats], float]:
        return lambda outputs: self._judged(outputs, problem).loss

    def _set_fitted(self, tried: Sequence[Bagged], problem: TableProblem) -> None:
        """Keep the recipe with the lowest out-of-fold loss, and learn from its out-of-fold predictions."""
        judged = [self._judged(each.out_of_fold, problem) for each in tried]
        whole = [place for place, each in enumerate(tried) if not each.raced]
        best = min(whole, key=lambda place: np.nan_to_num(judged[place].loss, nan=np.inf))
        self.ensemble_, self.oof_predictions_ = self._calibrated(tried[best], problem)
        known = judged[best]
        if math.isfinite(known.score):
            self.ensemble_ = self.ensemble_.of_score(known.score, (known.low, known.high), len(problem.y))
        entries = []
        for place, (each, found) in enumerate(zip(tried, judged, strict=True)):
            used, parts = place == best, each.outputs if len(each.outputs) > 1 else ()
            name = f"{each.name}, first fold" if each.raced else each.name
            entries.append(Entry.of(name, found, len(each.networks), each.seconds, used=used))
            for number, outputs in enumerate(parts, 1):
                own, seconds = self._judged(outputs, problem), each.seconds / len(parts)
                name = f"{each.name}, network {number} of each fold"
                entries.append(Entry.of(name, own, len(problem.folds), seconds, used=used))
        self.leaderboard_ = Leaderboard(entries)

    def _checked_parameters(self) -> tuple[list[str | Recipe], float | None]:
        """Return the presets and the time limit."""
        integer("folds", self.folds, 2, "folds=5")
        integer("networks", self.networks, 1, "networks=1")
        if self.n_threads is not None:
            integer("n_threads", self.n_threads, 1, "n_threads=None, for all cores")
        if isinstance(self.verbose, str) and self.verbose != "bar":
            raise RecipeError('True, False or "bar"', repr(self.verbose), 'verbose="bar"', field="verbose")
        limit: Any = self.time_limit
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, Real) or not float(limit) > 0):
            raise RecipeError("a number of seconds above 0, or None", repr(limit), "time_limit=60", field="time_limit")
        given: Any = [self.preset] if isinstance(self.preset, str | Recipe) else self.preset
        several = isinstance(given, Sequence) and len(given) > 0
        if not several or not all(isinstance(each, str | Recipe) for each in given):
            expected = "the name of a preset, a Recipe, or a list of those"
            raise RecipeError(expected, repr(self.preset), f'preset="{DEFAULT_PRESET}"', field="preset")
        return list(given), None if limit is None or math.isinf(limit) else float(limit)

    def _inputs(self, X: Any) -> SingleFloats:
        """Return the networks' inputs (n, d) for raw columns."""
        fitted = vars(self)
        plain = type(X) is np.ndarray and X.ndim == 2 and X.dtype.kind == "f" and "feature_names_in_" not in fitted
        if plain and len(X) and X.shape[1] == fitted.get("n_features_in_"):
            return self._columns.inputs_of_array(X)
        check_is_fitted(self, "ensemble_")
        return self._columns.inputs(self, X)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write all that predictions need, without the out-of-fold predictions and the leaderboard, as one file."""
        check_is_fitted(self, "ensemble_")
        return self.ensemble_.save(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Return the fitted estimator in a file that `save` wrote, with default parameters. Nothing is unpickled.

        Raises ModelFileError for any other file.
        """
        ensemble = Ensemble.load(path)
        if ensemble.encoding is None:
            raise ModelFileError(f"the model of a {cls.__name__}", f"{path}, without columns", "Ensemble.load(path)")
        loaded = cls()
        if (ensemble.classes is not None) != hasattr(loaded, "predict_proba"):
            other = "TabularRegressor" if ensemble.classes is None else "TabularClassifier"
            raise ModelFileError(f"the model of a {cls.__name__}", f"{path}", f"{other}.load(path)")
        loaded.ensemble_, loaded.n_features_in_ = ensemble, len(ensemble.columns)
        loaded._columns = RawColumns(ensemble.columns, ensemble.encoding)
        if ensemble.named:
            loaded.feature_names_in_ = np.array(ensemble.columns, dtype=object)
        loaded._set_loaded(ensemble)
        return loaded

    def _fit_targets(self, y: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        """Return the codes of the classes (n,) and the classes as a file stores them, or numbers (n, k) and None."""
        raise NotImplementedError

    def _judged(self, outputs: Floats, problem: TableProblem) -> Judged:
        """Return the score of out-of-fold predictions, which are NaN where there are none."""
        raise NotImplementedError

    def _calibrated(self, best: Bagged, problem: TableProblem) -> tuple[Ensemble, Floats]:
        """Return the ensemble, with what was fitted out of fold, and the out-of-fold predictions."""
        raise NotImplementedError

    def _set_loaded(self, ensemble: Ensemble) -> None:
        """Set the fitted attributes of a subclass from a file."""
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags


def _target_name(y: Any, columns: Sequence[str]) -> str | tuple[str, ...] | None:
    """Return the name of y, a pandas or Polars series, or those of a frame; None where it has none."""
    several = getattr(y, "columns", None)
    names = [getattr(y, "name", None)] if several is None else list(several)
    if not names or not all(isinstance(name, str) and name and name not in columns for name in names):
        return None
    return str(names[0]) if len(names) == 1 else tuple(map(str, names))


def _candidates(given: str | Recipe, problem: TableProblem, seed: int) -> list[Candidate]:
    """Return the recipe of a preset, or a user's own; for "auto" those that race, shorter on large tables.

    Embeddings of numbers race, so that there is one candidate where no column has numbers.
    """
    if isinstance(given, Recipe):
        return [Candidate("recipe", given)]
    rows = len(problem.folds[0].train)
    if given != "auto":
        return [Candidate(given, preset(given, problem.task, rows).replace(seed=seed))]
    numbers = any(kind in ("number", "date") for kind in problem.table.kinds.values())
    recipes = {name: preset(name, problem.task, rows).replace(seed=seed) for name in RACE[: None if numbers else 1]}
    return [Candidate(name, each.replace(epochs=epochs_for(rows, each.epochs))) for name, each in recipes.items()]


def epochs_for(rows: int, most: int) -> int:
    """Return the epochs of each network where no preset is named: `most`, or fewer on large tables.

    Those see a million rows, but each at least 32 times; docs/tables.md has the figures.

    >>> [epochs_for(rows, 128) for rows in (800, 16_000, 1_000_000)]
    [128, 62, 32]
    """
    return min(most, max(_FEWEST_EPOCHS, _ROWS_SEEN // rows))


_FEWEST_EPOCHS = 32
_ROWS_SEEN = 1_000_000
