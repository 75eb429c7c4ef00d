"""PyTorch, eager: tensors in memory, batches by `index_select` under a `randperm`, fused optimizers where there are.

In bfloat16 by its automatic mixed precision: weights, losses and optimizers in float32, products in bfloat16.
"""

from __future__ import annotations

from typing import Any

from benchmarks.protocol import Rival
from benchmarks.samples import Samples, first_weights
from benchmarks.workloads import Workload


class _Eager:
    def __init__(self, workload: Workload, samples: Samples, threads: int) -> None:
        import torch
        from torch import nn

        torch.set_num_threads(threads)
        self._torch, self._batch = torch, workload.batch
        self._x = torch.from_numpy(samples.floats)
        functional = nn.functional
        if workload.loss == "softmax_cross_entropy":
            self._y = torch.from_numpy(samples.y)
            self._loss = functional.cross_entropy
        else:
            self._y = torch.from_numpy(samples.targets)
            scale = 1.0 / workload.batch
            self._loss = lambda z, y: functional.binary_cross_entropy_with_logits(z, y, reduction="sum") * scale
        activation = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}[workload.activation]
        modules: list[Any] = []
        for fan_in, fan_out in workload.layers:
            modules += [nn.Linear(fan_in, fan_out), activation()]
        self._model = nn.Sequential(*modules[:-1])
        self._linear = modules[::2]
        with torch.no_grad():
            for linear, (weights, biases) in zip(self._linear, first_weights(workload), strict=True):
                linear.weight.copy_(torch.from_numpy(weights.T.copy()))
                linear.bias.copy_(torch.from_numpy(biases))
        self._optimizer = self._optimizer_of(workload)
        self._rounded = workload.precision == "bfloat16"

    def _optimizer_of(self, workload: Workload) -> Any:
        optim, rate, epsilon = self._torch.optim, workload.learning_rate, workload.epsilon
        groups = [
            {"params": [each.weight for each in self._linear], "weight_decay": workload.penalty},
            {"params": [each.bias for each in self._linear], "weight_decay": 0.0},
        ]
        if workload.optimizer == "adam":
            return optim.Adam(groups, rate, (workload.beta1, workload.beta2), epsilon, fused=True)
        if workload.optimizer == "adagrad":
            return optim.Adagrad(groups, rate, eps=epsilon, fused=True)
        if workload.optimizer == "rmsprop":  # has no fused form
            return optim.RMSprop(groups, rate, workload.decay, epsilon, foreach=True)
        momentum = workload.momentum if workload.optimizer == "momentum" else 0.0
        return optim.SGD(groups, rate, momentum, fused=True)

    def run(self, epochs: int) -> None:
        x, y, model, loss, optimizer = self._x, self._y, self._model, self._loss, self._optimizer
        for _ in range(epochs):
            for rows in self._torch.randperm(len(x)).split(self._batch):
                optimizer.zero_grad()
                with self._torch.autocast("cpu", self._torch.bfloat16, enabled=self._rounded):
                    z = model(x.index_select(0, rows))
                loss(z.float(), y.index_select(0, rows)).backward()
                optimizer.step()

    def weights(self) -> list[tuple[Any, Any]]:
        return [(each.weight.detach().numpy().T, each.bias.detach().numpy()) for each in self._linear]


RIVAL = Rival("PyTorch", ("torch",), _Eager, precisions=("float32", "bfloat16"))
