"""Ctrl-C and errors in `fit` of the estimators for tables, and how an interrupted fit continues."""

from __future__ import annotations

import io
import os
import signal
import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import deltarule as dr

RECIPE = dr.preset("plain", "regression", 80).replace(network=dr.Network(hidden=(8,)), epochs=60)
LONG = RECIPE.replace(epochs=1_000_000, stopping=None)
X = np.random.default_rng(0).normal(size=(100, 4))
Y = X[:, 0] + X[:, 1]


class InterruptedOutput(io.StringIO):
    """Standard output that sends Ctrl-C when the line of a network is written."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self._at = at

    def write(self, text: str) -> int:
        if self._at in text:
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


def test_ctrl_c_keeps_the_networks_that_have_ended(monkeypatch):
    monkeypatch.setattr("sys.stdout", InterruptedOutput("network 2 of 10"))
    with pytest.warns(UserWarning, match="interrupted; what is fitted is that of the 2 trained networks"):
        model = dr.TabularRegressor(RECIPE, networks=2, verbose=True, n_threads=1).fit(X, Y)
    assert len(model.ensemble_.networks) == model.leaderboard_[0].networks == 2
    assert np.isnan(model.oof_predictions_).sum() == len(X) * 3 // 5
    assert np.isfinite(model.predict(X)).all()
    monkeypatch.setattr("sys.stdout", InterruptedOutput("network 3 of 3"))
    with pytest.warns(UserWarning, match="that of the 3 trained networks"):
        model = dr.TabularRegressor([RECIPE, LONG], folds=3, verbose=True).fit(X, Y)
    assert [entry.networks for entry in model.leaderboard_] == [3]


def test_ctrl_c_during_the_race_keeps_what_it_has(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.stdout", InterruptedOutput("network 1 of 3"))
    with pytest.warns(UserWarning, match="that of the 1 trained networks"):
        model = dr.TabularRegressor(folds=2, verbose=True, n_threads=1, checkpoint=tmp_path).fit(X, Y)
    assert [(entry.networks, entry.used) for entry in model.leaderboard_] == [(1, False), (1, True)]
    monkeypatch.undo()
    continued = dr.TabularRegressor(folds=2, n_threads=1, checkpoint=tmp_path).fit(X, Y)
    assert_array_equal(continued.predict(X), dr.TabularRegressor(folds=2).fit(X, Y).predict(X))
    assert {path.name for path in tmp_path.iterdir()} == {"preset-1", "preset-1-realmlp-ple"}


def test_ctrl_c_before_a_network_has_ended_leaves_the_estimator_as_it_was():
    fitted = dr.TabularRegressor(RECIPE, folds=2).fit(X, Y).set_params(preset=LONG)
    for model in (dr.TabularRegressor(LONG), fitted):
        before = dict(vars(model))
        sender = threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT])
        sender.start()
        with pytest.raises(KeyboardInterrupt):
            model.fit(X[:, :2], Y[:, np.newaxis])
        sender.join()
        assert vars(model) == before
    assert fitted.predict(X).shape == Y.shape


def test_invalid_data_leave_the_estimator_as_it_was():
    model = dr.TabularRegressor(RECIPE, folds=2)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, Y[1:])
    assert vars(model) == vars(dr.TabularRegressor(RECIPE, folds=2))


@pytest.mark.parametrize("estimator", [dr.TabularClassifier, dr.TabularRegressor])
def test_an_interrupted_fit_continues_from_its_folder(estimator, tmp_path, monkeypatch):
    classes = estimator is dr.TabularClassifier
    y = np.where(Y > 0, "high", "low") if classes else Y
    recipe = dr.preset("plain", "classification", 80).replace(network=RECIPE.network, epochs=60) if classes else RECIPE
    with monkeypatch.context() as patched:
        patched.setattr("sys.stdout", InterruptedOutput("network 2 of 5"))
        with pytest.warns(UserWarning, match="that of the 2 trained networks"):
            estimator(recipe, checkpoint=tmp_path, verbose=True, n_threads=1).fit(X, y)
    ended = {path: path.stat() for name in ("1", "2") for path in (tmp_path / "preset-1" / f"network-{name}").iterdir()}
    assert len(ended) >= 2
    continued = estimator(recipe, checkpoint=tmp_path, n_threads=2).fit(X, y)
    whole = estimator(recipe).fit(X, y)
    assert len(continued.ensemble_.networks) == 5
    assert continued.oof_predictions_.tobytes() == whole.oof_predictions_.tobytes()
    outputs = [model.predict_proba(X) if classes else model.predict(X) for model in (continued, whole)]
    assert outputs[0].tobytes() == outputs[1].tobytes()
    # A network that is trained writes checkpoints, each a new file.
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in ended} == {
        path: (before.st_ino, before.st_mtime_ns) for path, before in ended.items()
    }


def test_a_fit_of_other_data_does_not_continue(tmp_path):
    dr.TabularRegressor(RECIPE, folds=2, checkpoint=tmp_path).fit(X, Y)
    with pytest.raises(dr.errors.CheckpointError, match="samples of the run"):
        dr.TabularRegressor(RECIPE, folds=2, checkpoint=tmp_path).fit(X, -Y)
