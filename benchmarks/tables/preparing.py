"""What the models that take arrays of numbers get: standardized numbers and one-hot categories."""

from __future__ import annotations

from typing import Any

__all__ = ["standardized"]


def standardized(model: Any) -> Any:
    """A pipeline of scikit-learn that standardizes numbers, encodes categories one-hot, and ends with the model."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), make_column_selector(dtype_include="category")),
    )
    return make_pipeline(columns, model)
