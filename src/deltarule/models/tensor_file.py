"""Safetensors files, read strictly: every claim of the header is checked before the bytes behind it are read."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from deltarule.errors import ModelFileError
from deltarule.regular_files import json_of, reason

__all__ = ["TensorFile", "Tensors", "object_of", "read_tensor_file", "read_tensors", "tensor_file_bytes"]

Tensors = dict[str, npt.NDArray[Any]]

_LARGEST_HEADER = 16 * 2**20
"""Bytes of a header, with the JSON in its metadata."""
_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
_FURTHER: dict[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "BF16": np.dtype("<u2"), "I64": np.dtype("<i8")}
"""Types that other programs write: half precision, and PyTorch's number of batches."""
_CUT = "a file that is cut short, or claims more than its bytes hold"


@dataclass(frozen=True)
class TensorFile:
    """What a safetensors file holds: texts by name, and tensors by name."""

    metadata: Mapping[str, str]
    tensors: Tensors


@dataclass(frozen=True)
class _Claim:
    """A tensor as the header describes it: its bytes are `start` to `end` of those after the header."""

    name: str
    dtype: np.dtype[Any]
    half: bool
    shape: tuple[int, ...]
    start: int
    end: int


def read_tensor_file(
    stream: BinaryIO, *, field: str | None = None, foreign: bool = False, finite: bool = True
) -> TensorFile:
    """Read a safetensors file.

    field : a field that the metadata must have.
    foreign : accept also the types that other programs write: float16 and bfloat16, which become float32, and int64.
    finite : refuse NaN and infinity.

    Raises ModelFileError for a header that is not strict JSON, and for tensors that overlap, leave gaps, claim other
    sizes than the file has, are of other types, or contain what is not finite.
    """
    size = os.fstat(stream.fileno()).st_size
    return read_tensors(stream, size, field=field, foreign=foreign, finite=finite)


def read_tensors(
    stream: BinaryIO, size: int, *, field: str | None = None, foreign: bool = False, finite: bool = True
) -> TensorFile:
    """Read the content of a safetensors file of so many bytes from a stream; see `read_tensor_file`."""
    start = stream.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else -1
    if not 2 <= length <= min(size - 8, _LARGEST_HEADER):
        raise ModelFileError("a safetensors file", "a file that is cut short, or is no safetensors file")
    table = object_of(stream.read(length), "the header")
    metadata = table.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(each, str) for each in metadata.values()):
        raise ModelFileError("an object of texts", "something else", field="__metadata__")
    if field is not None and field not in metadata:
        raise ModelFileError("a model written by deltarule", f"a safetensors file without {field!r} in its metadata")
    types = _TYPES | _FURTHER if foreign else _TYPES
    claims = sorted((_claim(name, given, types) for name, given in table.items()), key=lambda each: each.start)
    _check_places(claims, size - 8 - length)
    content = stream.read(size - 8 - length)
    if len(content) != size - 8 - length:
        raise ModelFileError("a whole safetensors file", _CUT)
    return TensorFile(metadata, {claim.name: _tensor(claim, content, finite=finite) for claim in claims})


def tensor_file_bytes(tensors: Tensors, metadata: Mapping[str, str]) -> bytes:
    """The bytes of a safetensors file."""
    from safetensors.numpy import save

    return save({name: np.asarray(each, order="C") for name, each in tensors.items()}, metadata=dict(metadata))


def object_of(text: str | bytes, what: str) -> dict[str, Any]:
    """The JSON object in a text; `what` names it in errors."""
    try:
        data = json_of(text)
    except ValueError as error:
        raise ModelFileError("strict JSON", reason(error), field=what) from error
    if not isinstance(data, dict):
        raise ModelFileError("a JSON object", type(data).__name__, field=what)
    return data


def _claim(name: str, given: Any, types: Mapping[str, np.dtype[Any]]) -> _Claim:
    if not isinstance(given, dict) or given.keys() != {"dtype", "shape", "data_offsets"}:
        raise ModelFileError("a tensor with dtype, shape and data_offsets", f"{given!r}"[:80], field=name[:80])
    kind, shape, offsets = given["dtype"], given["shape"], given["data_offsets"]
    if not isinstance(kind, str) or kind not in types:
        raise ModelFileError(f"a tensor of {' or '.join(types)}", f"{kind!r}"[:80], field=name[:80])
    if not _is_sizes(shape) or len(shape) > 4 or not _is_sizes(offsets) or len(offsets) != 2:
        raise ModelFileError("a shape and two offsets of integers of at least 0", f"{given!r}"[:120], field=name[:80])
    size = math.prod(shape) * types[kind].itemsize
    if offsets[1] - offsets[0] != size:
        came = f"{offsets[1] - offsets[0]} bytes for shape {tuple(shape)} of {kind}"
        raise ModelFileError(f"{size} bytes", came[:120], field=name[:80])
    return _Claim(name, types[kind], kind == "BF16", tuple(shape), *offsets)


def _is_sizes(given: Any) -> bool:
    return isinstance(given, list) and all(type(each) is int and 0 <= each < 2**48 for each in given)


def _check_places(claims: list[_Claim], size: int) -> None:
    """Check that tensors sorted by their start fill the bytes after the header, one after the other."""
    end = claims[-1].end if claims else 0
    if end != size:
        raise ModelFileError("a whole safetensors file", f"{_CUT}: {size:,} bytes for tensors of {end:,}")
    for before, after in pairwise([_Claim("", np.dtype("u1"), False, (), 0, 0), *claims]):  # noqa: FBT003
        if before.end != after.start:
            came = f"one from {after.start:,} to {after.end:,} after one that ends at {before.end:,}"
            raise ModelFileError("tensors that follow each other without overlap", came, field=after.name[:80])


def _tensor(claim: _Claim, content: bytes, *, finite: bool) -> npt.NDArray[Any]:
    count = math.prod(claim.shape)
    tensor = np.frombuffer(content, claim.dtype, count, claim.start).reshape(claim.shape)
    if claim.half:
        tensor = (tensor.astype(np.uint32) << 16).view(np.float32)
    elif claim.dtype.itemsize == 2:
        tensor = tensor.astype(np.float32)
    if finite and tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
        raise ModelFileError("finite numbers", "NaN or infinity", field=claim.name[:80])
    return tensor
