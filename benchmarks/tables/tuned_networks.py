"""pytabkit's networks, on one processor, with their defaults: one network, a fifth of the rows for validation."""

from __future__ import annotations

from typing import Any

__all__ = ["PACKAGES", "network"]

PACKAGES = ("pytabkit", "torch")


def network(name: str, task: str, seed: int, threads: int) -> Any:
    """An estimator of pytabkit."""
    import logging
    import warnings

    import pytabkit

    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    kind = {"classification": "Classifier", "regression": "Regressor"}[task]
    return getattr(pytabkit, f"{name}_{kind}")(device="cpu", random_state=seed, n_threads=threads)
