"""ONNX files: the parts of the protocol buffer that a perceptron has, read strictly, without the onnx package.

The fields and their numbers are those of onnx.proto. Nothing outside the file is read: tensors in other files are
refused. https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.errors import ModelFileError
from deltarule.regular_files import read_bytes

__all__ = ["Graph", "Node", "read_onnx"]

_BYTES_AT_MOST = 2**31 - 1
"""The limit of protocol buffers."""
_FIELDS_AT_MOST = 50_000
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_TYPES: Mapping[int, str] = {
    1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2", 11: "<f8", 12: "<u4",
    13: "<u8",
}  # fmt: skip
_TEXT = 8
_CUT = "one that is cut short, or claims more than its bytes hold"


@dataclass(frozen=True)
class Node:
    """An operation: its type, the names of its inputs and outputs, and its attributes."""

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def __str__(self) -> str:
        return f"node {self.name or self.outputs[0] if self.outputs else self.name} ({self.op})"


@dataclass(frozen=True)
class Graph:
    """The graph of a file.

    constants : the initializers by name.
    inputs : the shapes of the inputs by name; None for a size that may vary, and for no shape at all.
    outputs : the names of the outputs.
    producer : the program that wrote the file.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, npt.NDArray[Any]]
    inputs: Mapping[str, tuple[int | None, ...] | None]
    outputs: tuple[str, ...]
    producer: str = ""


@dataclass
class _Reader:
    """Reads messages and counts their fields, so that a small file cannot become many objects."""

    count: int = field(default=0)

    def fields(self, message: memoryview) -> Iterator[tuple[int, Any]]:
        """Yield the number and the value of each field: an integer, or bytes."""
        place, end = 0, len(message)
        while place < end:
            self.count += 1
            if self.count > _FIELDS_AT_MOST:
                raise ModelFileError(f"at most {_FIELDS_AT_MOST:,} fields", "more")
            key, place = _varint(message, place)
            kind, number = key & 7, key >> 3
            value: Any
            if kind == _VARINT:
                value, place = _varint(message, place)
            elif kind in {_EIGHT, _FOUR, _BYTES}:
                size = 8 if kind == _EIGHT else 4
                if kind == _BYTES:
                    size, place = _varint(message, place)
                if size > end - place:
                    raise ModelFileError("a whole ONNX file", _CUT)
                value, place = message[place : place + size], place + size
            else:
                raise ModelFileError("an ONNX file", "bytes that are no protocol buffer")
            yield number, value

    def message(self, content: Any) -> dict[int, list[Any]]:
        """Return the values of each field."""
        if not isinstance(content, memoryview):
            raise ModelFileError("an ONNX file", "a number in the place of a message")
        found: dict[int, list[Any]] = {}
        for number, value in self.fields(content):
            found.setdefault(number, []).append(value)
        return found


def read_onnx(path: Path) -> Graph:
    """Return the graph in an ONNX file. Raises ModelFileError."""
    reader = _Reader()
    model = reader.message(memoryview(read_bytes(path, _BYTES_AT_MOST)))
    if 25 in model:
        raise ModelFileError("operations of ONNX alone", "functions of the model's own", "an export that inlines them")
    if len(model.get(7, [])) != 1:
        raise ModelFileError("an ONNX file, with one graph", f"{len(model.get(7, []))} graphs")
    graph = reader.message(model[7][0])
    if 15 in graph:
        raise ModelFileError("dense tensors", "sparse ones")
    constants = dict(_tensor(reader, each) for each in graph.get(5, []))
    inputs = dict(_input(reader, each) for each in graph.get(11, []))
    nodes = tuple(_node(reader, each) for each in graph.get(1, []))
    return Graph(
        nodes,
        constants,
        {name: shape for name, shape in inputs.items() if name not in constants},
        tuple(_text(reader.message(each), 1) for each in graph.get(12, [])),
        _text(model, 2)[:40],
    )


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise ModelFileError("a whole ONNX file", "one that is cut short")
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ModelFileError("an ONNX file", "a number of more than 64 bits")


def _signed(value: Any) -> int:
    if not isinstance(value, int):
        raise ModelFileError("an ONNX file", "bytes in the place of a number")
    return value - 2**64 if value >= 2**63 else value


def _text(message: Mapping[int, list[Any]], number: int) -> str:
    values = message.get(number, [b""])
    if isinstance(values[-1], int):
        raise ModelFileError("an ONNX file", "a number in the place of text")
    return bytes(values[-1]).decode("utf-8", errors="replace")


def _texts(message: Mapping[int, list[Any]], number: int) -> tuple[str, ...]:
    return tuple(_text({number: [each]}, number) for each in message.get(number, []))


def _integers(values: list[Any]) -> list[int]:
    """Return repeated integers, packed or not."""
    found: list[int] = []
    for each in values:
        if isinstance(each, int):
            found.append(_signed(each))
            continue
        place = 0
        while place < len(each):
            if len(found) > _FIELDS_AT_MOST:
                raise ModelFileError(f"at most {_FIELDS_AT_MOST:,} integers in a list", "more")
            value, place = _varint(each, place)
            found.append(_signed(value))
    return found


def _floats(values: list[Any], kind: str) -> npt.NDArray[Any]:
    """Return repeated floating-point numbers, packed or not."""
    content = b"".join(b"" if isinstance(each, int) else bytes(each) for each in values)
    if len(content) % np.dtype(kind).itemsize:
        raise ModelFileError("a whole ONNX file", "a list of numbers that is cut short")
    return np.frombuffer(content, kind)


def _node(reader: _Reader, content: Any) -> Node:
    message = reader.message(content)
    attributes = dict(_attribute(reader, each) for each in message.get(5, []))
    return Node(_text(message, 3)[:80], _text(message, 4)[:80], _texts(message, 1), _texts(message, 2), attributes)


def _attribute(reader: _Reader, content: Any) -> tuple[str, Any]:
    """Return the name and the value of an attribute; None for a graph, which no operation of a perceptron has."""
    message = reader.message(content)
    value: Any = None
    if 5 in message:
        value = _tensor(reader, message[5][-1])[1]
    elif 2 in message and not isinstance(message[2][-1], int):
        value = struct.unpack("<f", message[2][-1])[0] if len(message[2][-1]) == 4 else math.nan
    elif 3 in message:
        value = _signed(message[3][-1])
    elif 4 in message:
        value = _text(message, 4)
    elif 7 in message:
        value = _floats(message[7], "<f4").tolist()
    elif 8 in message:
        value = _integers(message[8])
    elif 9 in message:
        value = list(_texts(message, 9))
    return _text(message, 1), value


def _tensor(reader: _Reader, content: Any) -> tuple[str, npt.NDArray[Any]]:
    message = reader.message(content)
    name = _text(message, 8)
    if 13 in message or message.get(14, [0])[-1] == 1:
        hint = "onnx.save(onnx.load(path), path), which includes them"
        raise ModelFileError("tensors within the file", "one in another file", hint, field=name[:80])
    shape = _integers(message.get(1, []))
    kind = message.get(2, [0])[-1]
    if any(size < 0 for size in shape) or len(shape) > 8:
        raise ModelFileError("a shape of sizes of at least 0", f"{shape}"[:80], field=name[:80])
    if kind == _TEXT:
        values: npt.NDArray[Any] = np.array(_texts(message, 6), dtype=object)
    elif isinstance(kind, int) and kind in _TYPES:
        values = _numbers(message, _TYPES[kind])
    else:
        raise ModelFileError("a tensor of numbers or text", f"type {kind}"[:80], field=name[:80])
    if math.prod(shape) != values.size:
        raise ModelFileError(f"{math.prod(shape)} values for shape {shape}"[:120], f"{values.size}", field=name[:80])
    return name, values.reshape(shape)


def _numbers(message: Mapping[int, list[Any]], kind: str) -> npt.NDArray[Any]:
    if 9 in message:
        return _floats(message[9], kind)
    if kind in {"<f4", "<f8"}:
        return _floats(message.get(4 if kind == "<f4" else 10, []), kind)
    if kind == "<f2":
        raise ModelFileError("half-precision numbers as bytes", "as integers")
    integers = _integers(message.get(5, []) + message.get(7, []) + message.get(11, []))
    return np.array([each % 2**64 if kind == "<u8" else each for each in integers], dtype=object).astype(kind)


def _input(reader: _Reader, content: Any) -> tuple[str, tuple[int | None, ...] | None]:
    """Return the name of an input and its shape."""
    message = reader.message(content)
    name = _text(message, 1)
    for number in (2, 1):  # its type, and that of a tensor
        if number not in message:
            return name, None
        message = reader.message(message[number][-1])
    if 2 not in message:
        return name, None
    dimensions = [reader.message(each) for each in reader.message(message[2][-1]).get(1, [])]
    sizes = [_signed(each[1][-1]) if 1 in each else None for each in dimensions]
    return name, tuple(size if size is not None and size > 0 else None for size in sizes)
