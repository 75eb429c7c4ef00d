"""Data sets of openml.org, through scikit-learn, which keeps them in its own cache."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from deltarule.data.dataset import Dataset
from deltarule.data.frames import table_of
from deltarule.data.targets import TargetChoice, dataset_of_table
from deltarule.errors import DataFileError

__all__ = ["PREFIX", "load_openml"]

PREFIX = "openml:"


def load_openml(name: str, target: TargetChoice = None, types: Mapping[str, Any] | None = None) -> Dataset:
    """The data set "openml:NAME", or "openml:NAME@VERSION" ("active", the newest that is in use, otherwise).

    target : its own default target where none is given.
    Raises DataFileError: no such set, or openml.org cannot be reached; pandas is needed to read it.
    """
    plain, _, version = name.removeprefix(PREFIX).partition("@")
    if not plain.strip():
        raise DataFileError("the name of a data set of openml.org", repr(name), f"{PREFIX}credit-g")
    from sklearn.datasets import fetch_openml

    chosen: Any = int(version) if version.isdecimal() else (version or "active")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a second attempt: the error reports its failure
            bunch: Any = fetch_openml(plain, version=chosen, as_frame=True, parser="auto", n_retries=1, delay=0.1)
    except ImportError as error:
        raise DataFileError(
            "pandas, which scikit-learn reads openml.org's sets with", str(error), "pip install pandas"
        ) from error
    except (OSError, ValueError) as error:
        came = f"{' '.join(str(error).split())[:200]}"
        instead = "a name of openml.org, with a connection to it; or a file of the same data"
        raise DataFileError(f"the set {plain!r} of openml.org", came, instead) from error
    chosen_target = target if target is not None else next(iter(bunch.target_names), None)
    return dataset_of_table(table_of(bunch.frame, types), chosen_target, plain, f"openml.org, {plain}", types=types)
