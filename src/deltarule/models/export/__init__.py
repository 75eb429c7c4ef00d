"""Trained models for other programs: ONNX, C, a NumPy file, an ES module, JSON."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from deltarule.errors import ModelError, UnknownName, nearest
from deltarule.models.export.c_file import c_files
from deltarule.models.export.c_interface import identifier
from deltarule.models.export.description import Description, described
from deltarule.models.export.javascript_file import javascript_module
from deltarule.models.export.json_file import json_text
from deltarule.models.export.numpy_file import numpy_module
from deltarule.models.export.onnx_file import onnx_bytes
from deltarule.models.export.quantization import quantized
from deltarule.models.model_data import ModelData
from deltarule.writing import write_whole

__all__ = ["ENDINGS", "Description", "described", "export_networks", "target_of"]

ENDINGS = {"onnx": ".onnx", "c": ".c", "numpy": ".py", "javascript": ".mjs", "json": ".json"}
"""The kinds of exports, with the endings of their files."""

_OTHER_ENDINGS = {".js": "javascript", ".h": "c"}
_TEXTS: dict[str, Callable[[Description], str]] = {
    "numpy": numpy_module,
    "javascript": javascript_module,
    "json": json_text,
}


def target_of(path: Path, to: str | None) -> str:
    """Return the kind of an export: the given one, or that of the path's ending.

    >>> target_of(Path("digits.mjs"), None), target_of(Path("digits"), "ONNX")
    ('javascript', 'onnx')
    """
    if to is None:
        endings = {ending: name for name, ending in ENDINGS.items()} | _OTHER_ENDINGS
        found = endings.get(path.suffix.lower())
        if found is None:
            raise UnknownName(f"one of {', '.join(ENDINGS)}", None, 'to="onnx"', field="to")
        return found
    name = to.lower()
    if name not in ENDINGS:
        guess = nearest(name, ENDINGS)
        raise UnknownName(f"one of {', '.join(ENDINGS)}", repr(to), field="to", nearest=guess)
    return name


def export_networks(
    networks: Sequence[ModelData],
    temperature: float | None,
    path: str | os.PathLike[str],
    to: str | None = None,
    *,
    name: str | None = None,
    int8: bool = False,
) -> list[Path]:
    """Write what networks compute together; see `Model.export`. A `.c` file comes with a header beside it."""
    file = Path(path)
    target = target_of(file, to)
    if int8 and target != "c":
        raise ModelError("weights as integers in C alone", f"to={target!r}", 'to="c"', field="int8")
    description = described(networks, temperature)
    if target == "onnx":
        write_whole(file, onnx_bytes(description))
        return [file]
    if target != "c":
        write_whole(file, _TEXTS[target](description).encode())
        return [file]
    own = identifier(name or file.stem)
    source, header = c_files(description, own, file.with_suffix(".h").name, quantized(description) if int8 else None)
    files = [file.with_suffix(".c"), file.with_suffix(".h")]
    for each, text in zip(files, (source, header), strict=True):
        write_whole(each, text.encode())
    return files
