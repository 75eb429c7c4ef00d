"""What exports compute, each run where its language is: onnxruntime, a C compiler, Node.js, a Python module."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import math
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deltarule.models import Model
from deltarule.models.ensemble import Ensemble
from deltarule.models.export import described
from deltarule.models.export.c_interface import interface_of
from deltarule.models.export.evaluation import raw_rows

COMPILE = ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
MAIN = """\
import { readFileSync } from "node:fs";
import * as model from "./model.mjs";
const rows = JSON.parse(readFileSync(new URL("rows.json", import.meta.url)));
console.log(JSON.stringify([model.predict(rows), model.predictProba?.(rows) ?? null]));
"""


class Outputs(NamedTuple):
    """Predictions, and the probabilities of a classifier."""

    predictions: Any
    probabilities: Any


def missing_tool(target: str) -> str | None:
    """Return why an export cannot be run here, or None."""
    if target == "onnx":
        found = all(importlib.util.find_spec(each) is not None for each in ("onnx", "onnxruntime"))
        return None if found else "onnx and onnxruntime are not installed"
    tool = {"c": "cc", "javascript": "node"}.get(target)
    return f"no {tool}" if tool is not None and shutil.which(tool) is None else None


def own_outputs(model: Model | Ensemble, x: Any) -> Outputs:
    """Return what the model itself predicts."""
    probabilities = model.predict_proba(x, strict=None) if model.labelled else None
    return Outputs(model.predict(x, strict=None), probabilities)


def of_onnx(model: Model | Ensemble, x: Any, folder: Path) -> Outputs:
    """Run an ONNX export in onnxruntime."""
    import onnxruntime

    (path,) = model.export(folder / "model.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rows = _rows(model, x)
    feed = {"X": rows["x"].astype(np.float32)} if "x" in rows and model.encoding is None else _columns(rows)
    names = [each.name for each in session.get_outputs()]
    values = dict(zip(names, session.run(None, feed), strict=True))
    if "variable" in values:
        return Outputs(values["variable"][:, 0] if model.single else values["variable"], None)
    label = values["output_label"]
    return Outputs(label[:, 0] if model.single and label.ndim == 2 else label, values["output_probability"])


def _columns(rows: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: (values.astype(object) if values.dtype.kind == "U" else values)[:, None] for name, values in rows.items()
    }


def of_c(model: Model | Ensemble, x: Any, folder: Path) -> Outputs:
    """Compile a C export and call it row by row."""
    source, header = model.export(folder / "model.c")
    library = folder / f"{source.stem}.so"
    subprocess.run([*COMPILE, "-fPIC", "-shared", "-o", library, source, "-lm"], check=True)
    assert len(header.read_text(encoding="utf-8").splitlines()) < 100
    description, functions = model.description(), ctypes.CDLL(str(library))
    interface, rows = interface_of(description, "model"), _rows(model, x)
    node = description.outputs.get("probabilities", description.outputs.get("numbers"))
    outputs, codes = np.zeros((len(x), node.size), np.float32), np.zeros(len(x), np.int64)
    for place in range(len(x)):
        row = _c_row(description, interface, functions, rows, place)
        call = functions.model_predict_proba if description.labelled else functions.model_predict
        call.restype = None
        call(row, outputs[place].ctypes.data_as(ctypes.c_void_p))
        if "code" in description.outputs:
            codes[place] = functions.model_predict(row)
    if description.classes is not None:
        return Outputs(description.classes[codes], outputs)
    if description.multilabel:
        labels = (outputs > 0.5).astype(np.int64)
        return Outputs(labels[:, 0] if description.single else labels, outputs)
    return Outputs(outputs[:, 0] if description.single else outputs, None)


def _c_row(description: Any, interface: Any, functions: Any, rows: Mapping[str, Any], place: int) -> Any:
    if not description.columns:
        return np.ascontiguousarray(rows["x"][place], np.float32).ctypes.data_as(ctypes.c_void_p)
    fields = [
        (interface.fields[each.name], ctypes.c_int if each.text else ctypes.c_double) for each in description.columns
    ]
    row = type("Row", (ctypes.Structure,), {"_fields_": fields})()
    for column in description.columns:
        own, value = interface.fields[column.name], rows[column.name][place]
        setattr(row, own, getattr(functions, f"model_code_{own}")(str(value).encode()) if column.text else float(value))
    return ctypes.byref(row)


def of_javascript(model: Model | Ensemble, x: Any, folder: Path) -> Outputs:
    """Run an ES module in Node.js, with rows from JSON."""
    model.export(folder / "model.mjs")
    (folder / "main.mjs").write_text(MAIN, encoding="utf-8")
    rows = _rows(model, x)
    given = rows["x"].tolist() if model.encoding is None else _records(rows)
    (folder / "rows.json").write_text(json.dumps(given), encoding="utf-8")
    done = subprocess.run(["node", folder / "main.mjs"], capture_output=True, text=True, check=True)
    predictions, probabilities = json.loads(done.stdout)
    return Outputs(np.array(predictions), None if probabilities is None else np.array(probabilities))


def _records(rows: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = list(rows)
    records = zip(*(each.tolist() for each in rows.values()), strict=True)
    plain = (
        {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in zip(names, row, strict=True)
        }
        for row in records
    )
    return list(plain)


def of_numpy(model: Model | Ensemble, x: Any, folder: Path) -> Outputs:
    """Import a Python export and call it with the raw rows, a frame or an array."""
    (path,) = model.export(folder / "model.py")
    text = path.read_text(encoding="utf-8")
    assert "deltarule." not in text.replace("by deltarule", "")
    names: dict[str, Any] = {}
    exec(compile(text, str(path), "exec"), names)
    return Outputs(names["predict"](x), names["predict_proba"](x) if model.labelled else None)


RUN: dict[str, Callable[[Model | Ensemble, Any, Path], Outputs]] = {
    "onnx": of_onnx, "c": of_c, "javascript": of_javascript, "numpy": of_numpy,
}  # fmt: skip


def _rows(model: Model | Ensemble, x: Any) -> dict[str, Any]:
    return raw_rows(model.description(), x, model.encoding)


def difference(own: Outputs, exported: Outputs) -> float:
    """Return the largest difference of probabilities, or of numbers in standard deviations of the predictions.

    Raises AssertionError where a predicted class differs that is not as probable as another one, to rounding.
    """
    if own.probabilities is None:
        assert exported.predictions.shape == own.predictions.shape
        scale = max(float(np.abs(own.predictions).max()), 1e-3)
        return float(np.abs(exported.predictions - own.predictions).max()) / scale
    assert exported.probabilities.shape == own.probabilities.shape
    if own.predictions.ndim == 1:
        ordered = np.sort(own.probabilities, axis=1)
        clear = ordered[:, -1] - (ordered[:, -2] if ordered.shape[1] > 1 else 0.5) > 1e-4
        assert (exported.predictions == own.predictions)[clear & (np.abs(ordered[:, -1] - 0.5) > 1e-4)].all()
    return float(np.abs(exported.probabilities - own.probabilities).max())


__all__ = ["RUN", "described", "difference", "missing_tool", "own_outputs"]
