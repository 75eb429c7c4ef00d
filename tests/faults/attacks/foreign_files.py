"""Attacks on the files of other libraries that are imported: ONNX, and PyTorch's state_dict."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from tests.faults.attacks import Attack, packed

HUGE = 2**40


def varint(value: int) -> bytes:
    """A number of a protocol buffer."""
    made = bytearray()
    value %= 2**64
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])


def field(number: int, value: int | float | bytes | str) -> bytes:
    """A field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name: str, values: Any, *, dims: Sequence[int] | None = None, kind: int = 1, further: bytes = b"") -> bytes:
    """A tensor; other sizes and another type than those of its numbers may be claimed."""
    array = np.asarray(values, "<f4")
    sizes = b"".join(field(1, size) for size in (array.shape if dims is None else dims))
    return sizes + field(2, kind) + field(8, name) + field(9, array.tobytes()) + further


def node(op: str, inputs: Sequence[str], output: str, attributes: bytes = b"") -> bytes:
    """An operation."""
    return b"".join(field(1, each) for each in inputs) + field(2, output) + field(4, op) + attributes


def perceptron(
    *, nodes: Sequence[bytes] | None = None, tensors: Sequence[bytes] | None = None, inputs: Sequence[str] = ("x",),
    graph: bytes = b"", model: bytes = b"",
) -> bytes:  # fmt: skip
    """An ONNX file of a perceptron 2-3-2 with a softmax, with other parts."""
    sound = [
        node("MatMul", ["x", "w0"], "a"), node("Add", ["a", "b0"], "z"), node("Relu", ["z"], "h"),
        node("Gemm", ["h", "w1", "b1"], "o"), node("Softmax", ["o"], "p"),
    ]  # fmt: skip
    weights = np.arange(6.0).reshape(2, 3) / 7
    constants = [tensor("w0", weights), tensor("b0", [0.1, 0.2, -0.3]), tensor("w1", weights.T), tensor("b1", [0.5, 0])]
    parts = b"".join(field(1, each) for each in (sound if nodes is None else nodes))
    parts += b"".join(field(5, each) for each in (constants if tensors is None else tensors))
    parts += b"".join(field(11, field(1, name)) for name in inputs) + field(12, field(1, "p"))
    return field(1, 8) + field(2, "tests") + model + field(7, parts + graph)


def onnx() -> Iterator[tuple[str, bytes, str]]:
    """ONNX files."""
    sound = perceptron()
    yield "empty", b"", "one graph"
    yield "a pickle", b"\x80\x04cos\nsystem\n(S'true'\ntR.", "ONNX"
    yield "a picture", b"\x89PNG\r\n\x1a\n" + bytes(100), "ONNX"
    yield "zeros", bytes(1000), "one graph"
    yield "a length of 2⁶⁴ − 1", b"\x3a" + b"\xff" * 9 + b"\x01", "claims more than its bytes hold"
    yield "a number of 20 bytes", b"\x08" + b"\xff" * 20, "more than 64 bits"
    yield "groups, which protocol buffers had", b"\x0b\x0c", "no protocol buffer"
    yield "two graphs", sound + sound, "2 graphs"
    yield "a number in the place of the graph", field(7, 3), "in the place of a message"
    yield "12 MB of empty nodes", field(7, b"\x0a\x00" * 6_000_000), "50,000 fields"
    yield (
        "a tensor in another file",
        perceptron(graph=field(5, tensor("e", [1.0], further=field(14, 1)))),
        "another file",
    )
    entry = field(13, field(1, "location") + field(2, "../../etc/passwd"))
    yield "a path out of the folder", perceptron(graph=field(5, tensor("e", [1.0], further=entry))), "another file"
    yield "a tensor of 2⁴⁰ numbers", perceptron(graph=field(5, tensor("e", [1.0], dims=[HUGE]))), "for shape"
    yield "sizes whose product overflows", perceptron(graph=field(5, tensor("e", [1.0], dims=[HUGE] * 5))), "for shape"
    yield "a negative size", perceptron(graph=field(5, tensor("e", [1.0], dims=[-1, -1]))), "sizes of at least 0"
    yield "an unknown type", perceptron(graph=field(5, tensor("e", [1.0], kind=99))), "a tensor of numbers or text"
    yield "a tensor that is cut short", perceptron(graph=field(5, tensor("e", [1.0])[:-2])), "cut short"
    yield "a sparse tensor", perceptron(graph=field(15, b"")), "sparse"
    yield "functions", perceptron(model=field(25, b"")), "functions of the model's own"
    yield "two inputs", perceptron(inputs=("x", "y")), "one input"
    yield "no nodes", perceptron(nodes=[]), "a perceptron"
    yield "NaN", perceptron(tensors=[tensor("w0", np.full((2, 3), np.nan)), *_rest()]), "finite weights and biases"
    yield "an infinite bias", perceptron(tensors=[*_rest(0), tensor("b1", [np.inf, 0])]), "finite weights and biases"
    yield "weights of another shape", perceptron(tensors=[tensor("w0", np.ones((2, 5))), *_rest()]), "(Add)"
    loop = [node("Relu", ["h"], "h"), node("Softmax", ["h"], "p")]
    yield "a circle", perceptron(nodes=loop), "of the unknown input h"
    yield "an unknown operation", perceptron(nodes=[node("Evil", ["x"], "p")]), "(Evil)"
    yield "a convolution", perceptron(nodes=[node("Conv", ["x", "w0"], "p")]), "(Conv)"
    branch = [node("If", ["x"], "p", field(5, field(1, "then") + field(6, b"\x0a\x00") + field(20, 5)))]
    yield "a branch", perceptron(nodes=branch), "(If)"
    powers = [node("MatMul", ["x", "w0"], "a"), *(node("Mul", ["a", "a"], "a") for _ in range(50))]
    yield (
        "an activation that there is not",
        perceptron(nodes=[*powers, node("MatMul", ["a", "w1"], "p")]),
        "an activation",
    )
    chain = [node("MatMul", ["x", "w0"], "h0"), *(node("Tanh", [f"h{i}"], f"h{i + 1}") for i in range(3000))]
    yield "3,000 functions of functions", perceptron(nodes=[*chain, node("Relu", ["h3000"], "p")]), ""
    square = tensor("w", np.ones((300, 300)))
    many = [node("MatMul", ["x" if i == 0 else f"h{i}", "w"], f"h{i + 1}") for i in range(3000)]
    integers = field(2, 7) + field(8, "e") + field(7, b"\1" * 8_000_000)
    many_times = perceptron(nodes=[*many, node("Relu", ["h3000"], "p")], tensors=[square])
    yield "a matrix 3,000 times", many_times, "many times the weights"
    yield "8 MB of integers", perceptron(graph=field(5, integers)), "50,000 integers"
    grown = [node("Mul", ["w0", "w0"], "c0"), *(node("Add", [f"c{i}", f"c{i}"], f"c{i + 1}") for i in range(3000))]
    yield "constants that grow", perceptron(nodes=[*grown, node("MatMul", ["x", "c3000"], "p")]), "finite"
    yield "a product with itself", perceptron(nodes=[node("MatMul", ["x", "x"], "p")]), "(MatMul)"
    yield "a name of 1 MB", perceptron(nodes=[node("E" * 1_000_000, ["x"], "p")]), "(EEE"
    yield "text that is no UTF-8", perceptron(nodes=[node("Relu", ["x"], "p"), field(4, b"\xff\xfe")]), ""


def _rest(until: int = 3) -> list[bytes]:
    """The constants beside w0, or beside b1."""
    weights = np.arange(6.0).reshape(2, 3) / 7
    rest = [tensor("b0", [0.1, 0.2, -0.3]), tensor("w1", weights.T)]
    return [*rest, tensor("b1", [0.5, 0])] if until else [tensor("w0", weights), *rest]


def state_dict(**tensors: Any) -> bytes:
    """A safetensors file of some tensors."""
    header, body = {}, b""
    for name, values in tensors.items():
        array = np.asarray(values, "<f4")
        places = [len(body), len(body) + array.nbytes]
        header[name.replace("_", ".")] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": places}
        body += array.tobytes()
    return packed(header, None, body)


def state_dicts() -> Iterator[tuple[str, bytes, str]]:
    """Files of PyTorch."""
    yield "a pickle of torch.save", b"PK\x03\x04" + bytes(200), "safetensors"
    yield "no tensors", packed({}, None, b""), "linear layers"
    yield "a convolution", state_dict(conv_weight=np.ones((2, 3, 5, 5))), "a linear layer"
    yield "biases alone", state_dict(fc_bias=np.ones(3)), "a linear layer"
    yield "an infinite weight", state_dict(fc_weight=[[np.inf]]), "finite numbers for fc.weight"
    yield "layers that do not follow each other", state_dict(a_weight=np.ones((3, 2)), b_weight=np.ones((2, 4))), "b"
    yield "biases of another length", state_dict(a_weight=np.ones((3, 2)), a_bias=np.ones(2)), "for a"
    number = "1" * 5000
    yield "a name of 5,000 digits", state_dict(**{f"{number}_weight": np.ones((3, 2))}), ""
    half = packed({"a.weight": {"dtype": "F16", "shape": [1, 1], "data_offsets": [0, 2]}}, None, b"\x00\x7c")
    yield "an infinite half", half, "finite numbers for a.weight"


def attacks() -> Iterator[Attack]:
    """All files."""
    harmless = {"text that is no UTF-8", "a name of 5,000 digits"}
    for kind, made in (("onnx", onnx()), ("state_dict", state_dicts())):
        yield from (Attack(kind, name, content, says, name in harmless) for name, content, says in made)
