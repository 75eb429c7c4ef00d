"""The engines by name. A new engine is one entry here; nothing outside this package imports a particular engine.

The dependencies of an engine are imported when it is first used.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Protocol

import numpy.typing as npt

from deltarule.engines.full_batch import FullBatch
from deltarule.engines.objective import EngineObjective, Objective
from deltarule.engines.parameters import Shape
from deltarule.engines.predicting import NumPyPredictor
from deltarule.engines.prefixes import NumPyPrefixes
from deltarule.engines.problem import Engine, Problem
from deltarule.engines.reference import Reference
from deltarule.errors import EngineWarning
from deltarule.formulas import Embedding
from deltarule.recipes import Affine, Network
from deltarule.recipes.checks import integer, one_of
from deltarule.types import Indices

__all__ = [
    "ENGINES",
    "PRECISIONS",
    "Predictor",
    "Prefixes",
    "engine_of",
    "objective_of",
    "predictor_of",
    "prefixes_of",
    "tail_of",
]

PRECISIONS = ("float32", "float64", "bfloat16")


class Predictor(Protocol):
    """A function that computes raw outputs (n, outputs) of raw inputs (n, d) of one type."""

    def __call__(self, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Compute the raw outputs, in the parameters' precision; raise ModelError if they overflow."""
        ...

    def write(self, x: npt.NDArray[Any], target: npt.NDArray[Any]) -> None:
        """Write the raw outputs, which may overflow, to a target (n, outputs)."""
        ...

    def load(self, parameters: npt.NDArray[Any]) -> None:
        """Compute with other parameters of the same network from now on."""
        ...


class Prefixes(Protocol):
    """The raw outputs of a network for prefixes of permutations of the features, for one thread at a time."""

    def take(self, terms: npt.NDArray[Any], full: npt.NDArray[Any]) -> None:
        """Take samples: their terms (features, n, units), and their sums (n, units)."""
        ...

    def __call__(self, own: npt.NDArray[Any], empty: npt.NDArray[Any], order: Indices) -> npt.NDArray[Any]:
        """Return raw outputs (features − 1, 2, n, outputs): of the samples with 1, 2, ... features, and of the rest."""
        ...


def _reference(problem: Problem, precision: str, n_threads: int | None) -> Engine:  # noqa: ARG001 - unused
    return Reference(problem)


def _compiled(problem: Problem, precision: str, n_threads: int | None) -> Engine:
    from deltarule.engines.compiled import Compiled

    return Compiled(problem, precision, n_threads)


ENGINES: dict[str, Callable[[Problem, str, int | None], Engine]] = {"compiled": _compiled, "reference": _reference}
"""Functions that create an engine from a problem, a precision and a number of threads, by name."""


def engine_of(problem: Problem, name: str, precision: str, n_threads: int | None) -> Engine:
    """Create the engine of this name for a problem."""
    name = one_of("engine", name, tuple(ENGINES))
    precision = one_of("precision", precision, PRECISIONS)
    if n_threads is not None:
        integer("n_threads", n_threads, 1, "n_threads=None, which lets the engine choose")
    if name == "compiled" and (missing := _only_in_reference(problem)):
        came = f"The compiled engine has no {', '.join(missing)} yet: the reference engine trains, slowly, in float64."
        warnings.warn(came, EngineWarning, stacklevel=2)
        name = "reference"
    if problem.recipe.optimizer.granularity == "full-batch":
        return FullBatch(problem, lambda posed: objective_of(posed, name, n_threads))
    return ENGINES[name](problem, precision, n_threads)


def objective_of(problem: Problem, name: str, n_threads: int | None) -> Objective:
    """Create the objective of all training samples, computed in float64 by the engine of this name."""
    if name == "reference":
        return Objective(problem)
    from deltarule.engines.compiled import Compiled

    return EngineObjective(problem, lambda posed: Compiled(posed, "float64", n_threads))


def predictor_of(
    shape: Shape, network: Network, parameters: npt.NDArray[Any], scaling: Affine, kind: npt.DTypeLike
) -> Predictor:
    """Create a predictor with a network's parameters, for raw inputs of the type `kind`."""
    if not _has(network.embedding):
        return NumPyPredictor(shape, network, parameters, scaling)
    from deltarule.engines.compiled import Predictor as Compiled

    return Compiled(shape, network, parameters, scaling, kind)


def tail_of(shape: Shape, network: Network, parameters: npt.NDArray[Any]) -> Predictor:
    """Create a function from the first layer's weighted sums (n, units), in the parameters' precision, to raw outputs.

    Each belongs to one thread at a time; several members' sums and outputs are side by side.
    """
    if not _has_tail(shape, network):
        return NumPyPredictor(shape, network, parameters, None)
    from deltarule.engines.compiled import Predictor as Compiled

    return Compiled(shape, network, parameters, None, parameters.dtype)


def prefixes_of(shape: Shape, network: Network, parameters: npt.NDArray[Any], samples: int) -> Prefixes:
    """Create what computes the outputs of up to so many samples for prefixes of permutations of their features."""
    if not _has_tail(shape, network):
        return NumPyPrefixes(NumPyPredictor(shape, network, parameters, None))
    from deltarule.engines.compiled import CompiledPrefixes

    return CompiledPrefixes(shape, network, parameters, samples)


def _only_in_reference(problem: Problem) -> list[str]:
    """Return the fields of a recipe whose values the compiled engine does not have."""
    return [] if _has(problem.recipe.network.embedding) else ["network.embedding"]


def _has_tail(shape: Shape, network: Network) -> bool:
    """Return whether the compiled engine has the network after the first layer's sums by itself."""
    return shape.members == 1 and len(shape.sizes) > 2 and _has(network.embedding)


def _has(embedding: Embedding | None) -> bool:
    """Return whether the compiled engine has an embedding."""
    if embedding is None:
        return True
    from deltarule.engines.compiled.codegen.embedding_code import is_compiled

    return is_compiled(embedding)
