"""What is trained: the rows of the table, as data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

__all__ = ["MANY", "OPTIMIZERS", "WORKLOADS", "Workload", "chosen"]

OPTIMIZERS = {"sgd": 0.05, "momentum": 0.01, "adagrad": 0.01, "rmsprop": 0.001, "adam": 0.001}
"""Each optimizer's learning rate."""


@dataclass(frozen=True)
class Workload:
    """A network, how it is trained, on what, and on how many cores. Samples are a multiple of the batch.

    words : what it stands for, for a reader who does not know its number.
    precision : "float32", or "bfloat16" where the operands of the products are rounded to that.
    epochs_before : how many epochs are trained before the first sample, beside those that warm up.
    """

    key: str
    sizes: tuple[int, ...]
    optimizer: str
    batch: int
    samples: int
    cores: int
    data: str = "mnist"
    activation: str = "relu"
    loss: str = "softmax_cross_entropy"
    learning_rate: float = 0.0
    penalty: float = 0.0
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    decay: float = 0.99
    epsilon: float = 1e-8
    precision: str = "float32"
    words: str = ""
    epochs_before: int = 0

    def __post_init__(self) -> None:
        if self.samples % self.batch:
            raise ValueError(f"{self.key}: {self.samples} samples are no multiple of the batch of {self.batch}")
        if not self.learning_rate:
            object.__setattr__(self, "learning_rate", OPTIMIZERS[self.optimizer])

    @property
    def group(self) -> str:
        """The name to choose it by: W3 stands for five workloads."""
        return self.key.partition("-")[0]

    @property
    def steps(self) -> int:
        """Training steps in an epoch."""
        return self.samples // self.batch

    @property
    def hidden(self) -> tuple[int, ...]:
        """The hidden layers."""
        return self.sizes[1:-1]

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each layer."""
        return list(pairwise(self.sizes))

    @property
    def slots(self) -> int:
        """Numbers that the optimizer remembers of each parameter."""
        return {"sgd": 0, "adam": 2}.get(self.optimizer, 1)

    @property
    def flops(self) -> int:
        """Floating-point operations in the products of a step; none for the errors of the inputs."""
        return sum(2 * self.batch * i * o * (2 if place == 0 else 3) for place, (i, o) in enumerate(self.layers))

    @property
    def title(self) -> str:
        """The row's name."""
        names = {"sgd": "SGD", "adagrad": "AdaGrad", "rmsprop": "RMSProp"}
        optimizer = names.get(self.optimizer, self.optimizer.title()) + (" with L2" if self.penalty else "")
        rounded = "" if self.precision == "float32" else f", {self.precision}"
        late = f", from epoch {self.epochs_before + 2} on" if self.epochs_before else ""
        return f"{'-'.join(map(str, self.sizes))}, {self.activation}, {optimizer}, batch {self.batch}{rounded}{late}"

    def one_batch(self) -> Workload:
        """The same step, with a single batch for data, so that its order plays no part."""
        return replace(self, samples=self.batch, epochs_before=0)


_W1, _W3 = (784, 256, 128, 10), (784, 100, 100, 100, 100, 10)
_DIGITS, _WIDE = "digits of MNIST, two hidden layers", "layers of 1,024 units"
WORKLOADS = (
    Workload("W1", _W1, "adam", 64, 51_200, 2, words=_DIGITS),
    Workload("W1-late", _W1, "adam", 64, 51_200, 2, words=_DIGITS + ", late", epochs_before=38),
    Workload("W1-bfloat16", _W1, "adam", 64, 51_200, 2, words=_DIGITS, precision="bfloat16"),
    *(Workload(f"W3-{name}", _W3, name, 128, 51_200, 2, words="digits, four hidden layers") for name in OPTIMIZERS),
    Workload(
        "W4", (784, 30, 10), "sgd", 10, 50_000, 1,
        activation="sigmoid", loss="sigmoid_cross_entropy", learning_rate=0.5, penalty=1e-4,
        words="digits, a small layer and batches of 10",
    ),
    Workload(
        "W2", (2, 5, 2, 1), "adam", 64, 320, 1,
        data="moons", loss="sigmoid_cross_entropy", learning_rate=0.01, words="two moons, a tiny network",
    ),
    Workload("W5", (1024, 1024, 1024, 10), "sgd", 512, 5_120, 2, data="normal", words=_WIDE),
    Workload(
        "W5-bfloat16", (1024, 1024, 1024, 10), "sgd", 512, 5_120, 2, data="normal", words=_WIDE, precision="bfloat16"
    ),
    Workload("W6", (4096, 4096, 10), "sgd", 512, 2_560, 2, data="normal", words="a layer of 4,096 units"),
)  # fmt: skip
"""Every row, in the order of the table."""

MANY = {"W4": (10_000, 4), "W2": (320, 2_000)}
"""Which workloads are trained 64 times at once: samples and epochs of each network."""


def chosen(names: str) -> list[Workload]:
    """The workloads named, by key or by group, parted by commas; all where none is."""
    if not names:
        return list(WORKLOADS)
    wanted = [name.strip() for name in names.split(",")]
    unknown = [name for name in wanted if not any(name in (each.key, each.group) for each in WORKLOADS)]
    if unknown:
        raise SystemExit(f"no workload {', '.join(unknown)}: there are {', '.join(w.key for w in WORKLOADS)}")
    return [each for each in WORKLOADS if each.key in wanted or each.group in wanted]
