"""Keras's `.weights.h5`: the weights of dense layers, read by h5py in a separate process.

The C library behind h5py is not made for hostile files. Whatever a file does to it ends with that process, which sends
back tensors alone.
"""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from deltarule.data.limits import grows_too_much
from deltarule.errors import ModelError, ModelFileError
from deltarule.formulas import Activation
from deltarule.models.importing.imported import Imported, Layer, hidden_activations
from deltarule.models.importing.state_dict import in_order
from deltarule.models.tensor_file import Tensors, read_tensors, tensor_file_bytes
from deltarule.regular_files import opened

__all__ = ["from_keras", "send_tensors"]

_SECONDS = 60
_SKIPPED = ("optimizer", "seed_generator", "top_level_model_weights")
_PROGRAM = "import sys; from deltarule.models.importing.keras_weights import send_tensors; send_tensors(sys.argv[1])"


def from_keras(path: Path, activations: list[Activation]) -> Imported:
    """Return the network whose dense layers have a kernel (inputs, units) and a bias, in the order of their names."""
    groups: dict[str, list[Any]] = {}
    tensors = _received(path)
    for name in sorted(tensors, key=in_order):
        if not any(part.startswith(_SKIPPED) for part in name.split("/")):
            groups.setdefault(name.rpartition("/")[0], []).append(tensors[name])
    layers = [_layer(name, parts) for name, parts in groups.items()]
    hidden = hidden_activations(activations, len(layers), "Keras's weights")
    return Imported(layers, hidden, "identity", "Keras's weights", "regression")


def _layer(name: str, parts: list[Any]) -> Layer:
    parts = sorted(parts, key=np.ndim, reverse=True)  # "bias:0" precedes "kernel:0"
    if [part.ndim for part in parts] not in ([2, 1], [2]):
        came = ", ".join(str(part.shape) for part in parts)
        raise ModelError("a dense layer, with a kernel (inputs, units) and a bias (units,)", came[:200], field=name)
    kernel = parts[0]
    return Layer(kernel, parts[1] if len(parts) == 2 else np.zeros(kernel.shape[1], kernel.dtype), name)


def _received(path: Path) -> Tensors:
    """Return the tensors that another process reads."""
    opened(path).close()
    if importlib.util.find_spec("h5py") is None:
        raise ModelError("the package h5py, for Keras's weights", "none", 'pip install "deltarule[keras]"')
    command = [sys.executable, "-P", "-c", _PROGRAM, str(path.resolve())]
    folder = Path(sys.modules["deltarule"].__path__[0]).parent
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False, env=environment)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise ModelFileError("Keras's weights", f"a file that takes more than {_SECONDS} s") from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
        raise ModelFileError("Keras's weights", lines[-1][:200])
    return read_tensors(io.BytesIO(done.stdout), len(done.stdout)).tensors


def send_tensors(path: str) -> None:
    """Write the datasets of an HDF5 file to the standard output as a safetensors file.

    Links, virtual data sets and data in other files are not followed.
    """
    import h5py

    found: Tensors = {}
    size = Path(path).stat().st_size
    with h5py.File(path, "r") as file:
        for name, each in _datasets(file, h5py):
            if each.external or each.is_virtual or each.dtype.kind not in "fiu" or each.ndim > 4:
                sys.exit(f"{name[:80]}: data of another kind, or in another file")
            if grows_too_much(sum(part.nbytes for part in found.values()) + each.nbytes, size):
                sys.exit(f"{name[:80]}: more data than the file can hold")
            found[name] = np.asarray(each, np.float64 if each.dtype == np.float64 else np.float32)
    sys.stdout.buffer.write(tensor_file_bytes(found, {}))


def _datasets(group: Any, h5py: Any, depth: int = 0) -> Any:
    """Yield the datasets of a group and of those within it, that are in the file itself, by their paths."""
    if depth > 16:
        sys.exit("more than 16 nested groups")
    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.HardLink):
            each = group[name]
            if isinstance(each, h5py.Group):
                yield from _datasets(each, h5py, depth + 1)
            elif isinstance(each, h5py.Dataset):
                yield each.name.lstrip("/"), each
