"""Conversion of the estimators by skl2onnx, alone or as the last step of a Pipeline."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.errors import DeltaruleError, ModelError
from deltarule.estimators.classifier import MLPClassifier
from deltarule.estimators.regressor import MLPRegressor
from deltarule.estimators.tabular_classifier import TabularClassifier
from deltarule.estimators.tabular_regressor import TabularRegressor
from deltarule.models.export import Description, described
from deltarule.models.export.onnx_file import label_values
from deltarule.models.export.onnx_nodes import Printer

__all__ = ["description_of", "register_onnx_converters"]


def register_onnx_converters() -> None:
    """Let skl2onnx convert the estimators, also within Pipelines.

    >>> register_onnx_converters()  # doctest: +SKIP
    >>> skl2onnx.to_onnx(make_pipeline(StandardScaler(), MLPClassifier()).fit(X, y), X[:1])  # doctest: +SKIP
    """
    try:
        from skl2onnx import update_registered_converter
    except ImportError as error:
        raise DeltaruleError("the package skl2onnx", "none", "pip install 'deltarule[onnx]'") from error
    classifier = {"zipmap": [True, False, "columns"], "nocl": [True, False], "output_class_labels": [False, True]}
    for cls in (MLPClassifier, TabularClassifier, MLPRegressor, TabularRegressor):
        options = classifier if hasattr(cls, "predict_proba") else None
        update_registered_converter(cls, f"Deltarule{cls.__name__}", _shapes, _convert, options=options, overwrite=True)


def description_of(estimator: Any) -> Description:
    """Return what a fitted estimator computes from raw rows.

    >>> from sklearn.datasets import load_iris
    >>> from deltarule import MLPClassifier
    >>> classifier = MLPClassifier((4,), max_iter=5, random_state=0, tol=0)
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     classifier = classifier.fit(*load_iris(return_X_y=True))
    >>> description_of(classifier).outputs["probabilities"].shape
    (3,)
    """
    if hasattr(estimator, "ensemble_"):
        made: Description = estimator.ensemble_.description()
    else:
        members = [each.to_model() for each in estimator._members()]
        if estimator._columns is not None:
            encoding = estimator._columns.encoding
            members = [dataclasses.replace(each, encoding=encoding) for each in members]
        made = described(members)
    classes = getattr(estimator, "classes_", None)
    return made if made.classes is None else dataclasses.replace(made, classes=np.asarray(classes))


def _names(estimator: Any) -> Sequence[str]:
    """Return the names of the columns of `fit`, in their order; none for arrays of numbers."""
    columns = estimator._columns if hasattr(estimator, "_columns") else None
    return () if columns is None else columns.names


def _shapes(operator: Any) -> None:
    """Set the types and the shapes of an operator's outputs."""
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    description, rows = description_of(operator.raw_operator), operator.inputs[0].get_first_dimension()
    if not description.labelled:
        operator.outputs[0].type = FloatTensorType([rows, description.outputs["numbers"].size])
        return
    k = description.outputs["probabilities"].size
    text = description.classes is not None and description.classes.dtype.kind in "UO"
    kind = StringTensorType if text else Int64TensorType
    operator.outputs[0].type = kind([rows, k] if description.multilabel else [rows])
    operator.outputs[1].type = FloatTensorType([rows, k])


class _Container:
    """Writes operators and constants into skl2onnx's container."""

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope, self._container = scope, container

    def operator(self, kind: str, version: int, inputs: Sequence[str], output: str, **attributes: Any) -> None:
        """Write an operator."""
        domain = attributes.pop("domain", "")
        name = self._scope.get_unique_operator_name("deltarule")
        self._container.add_node(
            kind, list(inputs), [output], op_domain=domain, op_version=version, name=name, **attributes
        )

    def tensor(self, name: str, value: npt.NDArray[Any]) -> None:
        """Write a constant."""
        from onnx import helper

        dtype = np.dtype(str) if value.dtype == object else value.dtype
        content = [each.encode() for each in value.ravel()] if value.dtype == object else value.ravel().tolist()
        self._container.add_initializer(name, helper.np_dtype_to_tensor_dtype(dtype), list(value.shape), content)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Write the operators of an estimator."""
    estimator = operator.raw_operator
    description, writer = description_of(estimator), _Container(scope, container)
    prefix = scope.get_unique_variable_name("deltarule") + "/"
    printer = Printer(writer, {}, prefix, opset=container.target_opset)
    printer.inputs = _inputs(description, _names(estimator), operator.inputs, printer)
    values = dict(zip(description.outputs, printer.printed(description.roots), strict=True))
    outputs = label_values(description, values, printer)
    for variable, value in zip(operator.outputs, outputs, strict=True):
        writer.operator("Identity", 1, [value], variable.full_name)


def _inputs(
    description: Description, names: Sequence[str], variables: Sequence[Any], printer: Printer
) -> dict[str, str]:
    """Return the names of the values of each column, or of "x", from variables that have one or more columns each."""
    widths = [variable.type.shape[1] if len(variable.type.shape) > 1 else 1 for variable in variables]
    if not description.columns:
        parts = [printer.emit("Cast", 9, variable.full_name, to=1) for variable in variables]
        return {"x": parts[0] if len(parts) == 1 else printer.emit("Concat", 4, *parts, axis=1)}
    if None in widths:
        widths = [len(names)] if len(variables) == 1 else [1] * len(variables)
    if sum(widths) != len(names):
        raise ModelError(f"{len(names)} columns: {', '.join(names)}"[:300], f"{sum(widths)}", field="initial_types")
    numbers, found = count(), {}
    for variable, width in zip(variables, widths, strict=True):
        for place in range(width):
            name = names[next(numbers)]
            column = next((each for each in description.columns if each.name == name), None)
            if column is None:  # without usable information
                continue
            index = printer.tensor(np.array([place]))
            value = variable.full_name if width == 1 else printer.emit("Gather", 1, variable.full_name, index, axis=1)
            found[name] = printer.emit("Cast", 9, value, to=8 if column.text else 11)
    return found
