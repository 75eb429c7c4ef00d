"""The Open Inference Protocol, version 2 (KServe, Triton, MLServer): tensors in, tensors out, as JSON.

A model of arrays takes one tensor `x` of shape (n, d) or (n, …); a model of a table takes one tensor for each column,
of shape (n) or (n, 1), named after it. Results are `predictions` and, of classes, `probabilities`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from deltarule import __version__
from deltarule.data import table_of
from deltarule.errors import DataError
from deltarule.web.guard import Headers, Refusal
from deltarule.web.rows import JSONAnswer, checked_count, content_type, read_object
from deltarule.web.served_model import Array, ServedModel
from deltarule.web.service import Service

_NUMBERS: dict[str, Any] = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64,
}  # fmt: skip
_OF_KINDS = {"number": "FP64", "boolean": "BOOL"}
_OF_DTYPES = {"b": "BOOL", "i": "INT64", "u": "UINT64", "f": "FP64"}


class InferenceProtocol:
    """The protocol's routes."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def live(self, request: Request) -> Response:  # noqa: ARG002 - a route
        """Answer whether the server runs."""
        return JSONResponse({"live": True})

    async def ready(self, request: Request) -> Response:  # noqa: ARG002 - a route
        """Answer whether the server's models are ready to predict."""
        return JSONResponse({"ready": self._service.ready}, 200 if self._service.ready else 503)

    async def server(self, request: Request) -> Response:  # noqa: ARG002 - a route
        """Describe the server."""
        return JSONResponse({"name": "deltarule", "version": __version__, "extensions": []})

    async def model(self, request: Request) -> Response:
        """Describe a model."""
        served = self._service.batcher(request.path_params["model"]).served
        return JSONResponse(metadata(served))

    async def model_ready(self, request: Request) -> Response:
        """Answer whether a model is ready to predict."""
        served = self._service.batcher(request.path_params["model"]).served
        return JSONResponse({"name": served.name, "ready": True})

    async def infer(self, headers: Headers, query: bytes, body: bytes, model: str) -> Response:  # noqa: ARG002
        """Predict."""
        batcher = self._service.batcher(model)
        if content_type(headers) != "application/json" or b"inference-header-content-length" in headers:
            raise Refusal(415, "Expected application/json; binary tensors are not supported.")
        asked = read_object(body)
        inputs = batcher.served.encoded(rows_of(asked, batcher.served))
        checked_count(len(inputs), self._service.limits.rows)
        wanted = _requested(asked)
        results = await batcher.predict(inputs)
        unknown = wanted - results.keys()
        if unknown:
            raise Refusal(400, f"Expected outputs among {', '.join(results)}, got {', '.join(sorted(unknown))}.")
        outputs = [_tensor(name, values) for name, values in results.items() if not wanted or name in wanted]
        answer: dict[str, Any] = {"model_name": batcher.served.name, "outputs": outputs}
        if "id" in asked:
            answer["id"] = asked["id"]
        return JSONAnswer(answer)


def metadata(served: ServedModel) -> dict[str, Any]:
    """Return a model's description in the protocol's form."""
    inputs = [
        {"name": name, "datatype": _OF_KINDS.get(kind, "BYTES"), "shape": [-1]} for name, kind in served.kinds.items()
    ] or [{"name": "x", "datatype": "FP32", "shape": [-1, *served.model.input_shape]}]
    classes = served.classes
    k = served.network.shape.outputs
    if classes is None:
        several = [] if served.model.single else [k]
        outputs = [{"name": "predictions", "datatype": "FP64", "shape": [-1, *several]}]
    else:
        shape = [-1, k] if served.model.multilabel else [-1]
        kind = "INT64" if served.model.multilabel else _datatype(np.array(classes))
        outputs = [
            {"name": "predictions", "datatype": kind, "shape": shape},
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, len(classes)]},
        ]
    return {
        "name": served.name, "versions": ["1"], "platform": "deltarule", "inputs": inputs, "outputs": outputs,
        "parameters": {} if classes is None else {"classes": classes},
    }  # fmt: skip


def rows_of(asked: Mapping[str, Any], served: ServedModel) -> Any:
    """Return the rows that a request's tensors hold: an array (n, …), or a table's columns."""
    tensors = asked.get("inputs")
    if not isinstance(tensors, list) or not tensors or not all(isinstance(each, dict) for each in tensors):
        raise Refusal(400, "Expected inputs, a list of tensors with name, shape, datatype and data.")
    columns = served.columns
    if not columns:
        if len(tensors) != 1:
            raise Refusal(400, f"Expected one tensor x, got {len(tensors)}.")
        return _array(tensors[0])
    found = {str(each.get("name")): _array(each) for each in tensors}
    missing = [name for name in columns if name not in found]
    if missing:
        raise Refusal(400, f"Expected a tensor for each column, got none for {', '.join(missing)[:300]}.")
    for name in columns:
        if found[name].ndim > 1 and found[name].size != len(found[name]):
            raise Refusal(400, f"Expected the shape [n] or [n, 1] for {name}, got {list(found[name].shape)}.")
    return table_of({name: found[name].reshape(-1).tolist() for name in columns}, served.kinds)


def _array(tensor: Mapping[str, Any]) -> Array:
    """Return a tensor as an array of its shape."""
    shape, datatype, data = tensor.get("shape"), tensor.get("datatype"), tensor.get("data")
    if not isinstance(shape, list) or not shape or not all(type(each) is int and each >= 0 for each in shape):
        raise Refusal(400, "Expected a shape: a list of integers of at least 0.")
    if datatype not in [*_NUMBERS, "BYTES"]:  # a list: what a client sends may have no hash
        raise Refusal(400, f"Expected a datatype ({', '.join(_NUMBERS)}, BYTES), got {str(datatype)[:80]!r}.")
    if not isinstance(data, list):
        raise Refusal(400, "Expected data, a list.")
    try:
        values = np.array(data, dtype=object if datatype == "BYTES" else None)
    except ValueError:
        raise Refusal(400, "Expected data with as many values in each row.") from None
    if values.size != math.prod(shape):
        raise Refusal(400, f"Expected {math.prod(shape):,} values for the shape {shape}, got {values.size:,}.")
    if datatype == "BYTES":
        if not all(each is None or isinstance(each, str) for each in values.ravel()):
            raise Refusal(400, "Expected text in a tensor of BYTES.")
        return values.reshape(shape)
    if values.dtype.kind not in "biuf" and values.size:
        raise Refusal(400, f"Expected numbers in a tensor of {datatype}.")
    if datatype != "BOOL" and values.dtype.kind == "b":
        raise Refusal(400, f"Expected numbers in a tensor of {datatype}, got booleans.")
    _check_range(values, datatype)
    with np.errstate(over="ignore"):  # infinity is refused with the row
        return values.astype(_NUMBERS[datatype]).reshape(shape)


def _check_range(values: Array, datatype: str) -> None:
    """Refuse numbers that are outside the range of their datatype, or no integers where it has only these."""
    kind = np.dtype(_NUMBERS[datatype])
    if kind.kind == "b" and values.dtype.kind != "b":
        raise Refusal(400, "Expected true and false in a tensor of BOOL.")
    if kind.kind not in "iu" or not values.size:
        return
    bounds = np.iinfo(_NUMBERS[datatype])
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and (values == np.floor(values)).all()):
        raise Refusal(400, f"Expected integers in a tensor of {datatype}.")
    if int(values.min()) < bounds.min or int(values.max()) > bounds.max:
        raise Refusal(400, f"Expected integers from {bounds.min} to {bounds.max} in a tensor of {datatype}.")


def _requested(asked: Mapping[str, Any]) -> set[str]:
    """Return the names of the requested outputs; none stands for all."""
    outputs = asked.get("outputs", [])
    if not isinstance(outputs, list) or not all(isinstance(each, dict) for each in outputs):
        raise Refusal(400, "Expected outputs, a list of objects with a name.")
    if not isinstance(asked.get("id", ""), str):
        raise DataError("a text", type(asked["id"]).__name__, field="id")
    return {str(each.get("name")) for each in outputs}


def _tensor(name: str, values: Array) -> dict[str, Any]:
    data = values.ravel().tolist()
    datatype = _datatype(values)
    if datatype == "FP64":
        data = [each if math.isfinite(each) else None for each in data]
    return {"name": name, "datatype": datatype, "shape": list(values.shape), "data": data}


def _datatype(values: Array) -> str:
    return _OF_DTYPES.get(values.dtype.kind, "BYTES")
