"""scikit-learn's MLPClassifier: `fit` with a warm start, so that its own loop runs all epochs of a call."""

from __future__ import annotations

import warnings
from typing import Any

from benchmarks.protocol import Rival
from benchmarks.samples import Samples, first_weights
from benchmarks.workloads import Workload

_SOLVERS = {"sgd": "sgd", "momentum": "sgd", "adam": "adam"}


class _Classifier:
    def __init__(self, workload: Workload, samples: Samples, threads: int) -> None:
        from sklearn.neural_network import MLPClassifier
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads)
        self._x, self._y = samples.floats, samples.y
        if workload.loss == "sigmoid_cross_entropy" and samples.outputs > 1:
            self._y = samples.targets.astype(int)  # labels that may be true together: sigmoid outputs
        self._model = MLPClassifier(
            hidden_layer_sizes=workload.hidden,
            activation={"relu": "relu", "sigmoid": "logistic"}[workload.activation],
            solver=_SOLVERS[workload.optimizer],
            alpha=workload.penalty * workload.batch,  # scikit-learn divides it by the batch's weight
            batch_size=workload.batch,
            learning_rate_init=workload.learning_rate,
            max_iter=1,
            shuffle=True,
            tol=0.0,
            n_iter_no_change=10**9,
            warm_start=True,
            momentum=workload.momentum if workload.optimizer == "momentum" else 0.0,
            nesterovs_momentum=False,
            beta_1=workload.beta1,
            beta_2=workload.beta2,
            epsilon=workload.epsilon,
        )
        self.run(1)
        for layer, (weights, biases) in enumerate(first_weights(workload)):
            self._model.coefs_[layer][:] = weights
            self._model.intercepts_[layer][:] = biases

    def run(self, epochs: int) -> None:
        self._model.max_iter = epochs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            self._model.fit(self._x, self._y)

    def weights(self) -> list[tuple[Any, Any]]:
        return list(zip(self._model.coefs_, self._model.intercepts_, strict=True))


def _lacks(workload: Workload) -> str:
    return "" if workload.optimizer in _SOLVERS else f"has no {workload.optimizer}"


RIVAL = Rival("scikit-learn", ("scikit-learn", "threadpoolctl"), _Classifier, _lacks)
