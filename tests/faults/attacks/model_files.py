"""Attacks on models: the header, the table of tensors, the JSON inside, the recipe, the encoding, the record."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from tests.faults import formats
from tests.faults.attacks import Attack, packed, parts_of

from deltarule.models.files import ENSEMBLE_FORMATS, FORMATS

HUGE = 10**12
KEPT = Path(__file__).parents[2] / "models" / "formats"


@cache
def seed(name: str = "classes", formats: tuple[str, ...] = FORMATS) -> bytes:
    """A sound file of the newest format."""
    return (KEPT / f"{formats[-1]}-{name}.safetensors").read_bytes()


def changed(**fields: Any) -> bytes:
    """A sound file with other fields in its JSON; a field ... is left out."""
    header, inside, body = parts_of(seed())
    inside = {name: value for name, value in (inside | fields).items() if value is not ...}
    return packed(header, inside, body)


def tensor(name: str = "layer.0.weights", **fields: Any) -> bytes:
    """A sound file with other fields of a tensor."""
    header, _, body = parts_of(seed())
    header[name] = header[name] | fields
    return packed(header, None, body)


def number(value: float, name: str = "layer.0.weights") -> bytes:
    """A sound file with a number in a tensor."""
    header, _, body = parts_of(seed())
    start, kind = header[name]["data_offsets"][0], {"F32": "<f", "F64": "<d"}[header[name]["dtype"]]
    written = struct.pack(kind, value)
    return packed(header, None, body[:start] + written + body[start + len(written) :])


def network(**fields: Any) -> bytes:
    """A sound file with other fields of the recipe's network."""
    recipe = parts_of(seed())[1]["recipe"]
    return changed(recipe=recipe | {"network": recipe["network"] | fields})


def recipe(**fields: Any) -> bytes:
    """A sound file with other fields of the recipe."""
    return changed(recipe=parts_of(seed())[1]["recipe"] | fields)


def column(place: int = 0, **fields: Any) -> bytes:
    """A sound file of a table with other fields of a column's encoding."""
    header, inside, body = parts_of(seed("table"))
    inside["encoding"]["columns"][place] |= fields
    return packed(header, inside, body)


def record(**fields: Any) -> bytes:
    """A sound file with other fields of its record."""
    return changed(record=parts_of(seed())[1]["record"] | fields)


def headers() -> Iterator[tuple[str, bytes, str]]:
    """The first bytes, and the header as JSON."""
    header, inside, body = parts_of(seed())
    text = json.dumps(header)
    yield "empty", b"", "no safetensors file"
    yield "a pickle", b"\x80\x04cos\nsystem\n(S'true'\ntR.", "no safetensors file"
    yield "a picture", b"\x89PNG\r\n\x1a\n" + bytes(100), "no safetensors file"
    yield "a zip archive", b"PK\x03\x04" + bytes(200), "safetensors"
    for length in (0, 1, 2**31, 2**63, 2**64 - 1):
        yield f"a header of {length} bytes", struct.pack("<Q", length) + seed()[8:], "no safetensors file"
    yield "a header that is no JSON", packed("x" * 400, None, body), "strict JSON"
    yield "a header that is a list", packed("[]", None, b""), "JSON object"
    yield "a header that is no UTF-8", struct.pack("<Q", 40) + b"\xff" * 40, "strict JSON"
    yield "a deep header", packed('{"a":' * 100_000, None, b""), "strict JSON"
    yield "a header of 16 MB of objects", packed("{" + '"a":{},' * 2_300_000 + '"b":{}}', None, b""), "strict JSON"
    yield "a header of 16 MB of numbers", packed('{"a":[' + "1.5," * 4_000_000 + "1]}", None, b""), "strict JSON"
    yield "two tensors of one name", packed(text.replace("layer.1.weights", "layer.0.weights"), None, body), "twice"
    yield "two fields of one name", packed(text.replace('"shape"', '"dtype": "F32", "shape"', 1), None, body), "twice"
    yield "metadata of numbers", packed(header | {"__metadata__": {"deltarule": 3}}, None, body), "texts"
    yield "metadata that are a list", packed(header | {"__metadata__": []}, None, body), "texts"
    yield "no metadata", packed({k: v for k, v in header.items() if k[0] == "l"}, None, body), "without 'deltarule'"
    yield "JSON inside that is deep", packed(header, "[" * 1_000_000, body), "strict JSON"
    yield "JSON inside with NaN", packed(header, '{"format": NaN}', body), "NaN is no number"
    yield "JSON inside beyond float64", packed(header, '{"format": -1e999}', body), "beyond the range"
    yield "JSON inside with 5,000 digits", packed(header, '{"format": ' + "9" * 5000 + "}", body), "strict JSON"
    twice = json.dumps(inside)[:-1] + ', "classes": null}'
    yield "JSON inside with two fields of one name", packed(header, twice, body), "'classes' twice"


def tables() -> Iterator[tuple[str, bytes, str]]:
    """The table of tensors, and their numbers."""
    header, _, body = parts_of(seed())
    shape, (start, end) = header["layer.0.weights"]["shape"], header["layer.0.weights"]["data_offsets"]
    yield "a tensor larger than the file", tensor(shape=[HUGE, 3], data_offsets=[0, 24 * HUGE]), "overlap"
    yield "a shape whose product overflows", tensor(shape=[2**32, 2**32, 2**32]), "layer.0.weights"
    yield "a negative size", tensor(shape=[-2, -3]), "integers of at least 0"
    yield "a boolean as a size", tensor(shape=[True, 6]), "integers of at least 0"
    yield "a shape of a million sizes", tensor(shape=[1] * 1_000_000), "integers of at least 0"
    yield "sizes that differ from the bytes", tensor(shape=[shape[0] + 1, shape[1]]), "bytes for layer.0.weights"
    yield "no size", tensor(shape=[0, 3], data_offsets=[start, start]), "overlap"
    yield "offsets that fall", tensor(data_offsets=[end, start]), "bytes for layer.0.weights"
    yield "offsets below 0", tensor(data_offsets=[-8, end - start - 8]), "integers of at least 0"
    yield "offsets as text", tensor(data_offsets=["0", "8"]), "integers of at least 0"
    other, shared = (
        header["layer.1.weights"],
        header["layer.1.biases"] | {"data_offsets": header["layer.0.biases"]["data_offsets"]},
    )
    yield "tensors that overlap", packed(header | {"layer.1.biases": shared}, None, body), "without overlap"
    yield "a hole between tensors", packed({k: v for k, v in header.items() if k != "layer.0.biases"}, None, body), ""
    yield "bytes after the last tensor", seed() + bytes(8), "claims more"
    for kind in ("F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "f32", "", None, [], {}):
        yield f"type {kind!r}", tensor(dtype=kind), "a tensor of F32 or F64"
    for value in (np.nan, np.inf, -np.inf):
        yield f"a weight that is {value}", number(value), "finite numbers for layer.0.weights"
    yield "a scaling that is NaN", number(np.nan, "input.factor"), "finite numbers for input.factor"
    yield (
        "another tensor",
        packed(header | {"evil": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}, None, body),
        "",
    )
    named = {("../../etc/passwd" if k == "layer.0.biases" else k): v for k, v in header.items()}
    yield "a tensor with the name of a path", packed(named, None, body), "layer.0.biases"
    yield "a matrix with more axes", tensor(shape=[*shape, 1]), "not matrices"
    swapped = {**header, "layer.0.weights": other, "layer.1.weights": header["layer.0.weights"]}
    yield "layers that do not follow each other", packed(swapped, None, body), "layers"
    yield "a layer less", packed({k: v for k, v in header.items() if "layer.1" not in k}, None, body), ""


def contents() -> Iterator[tuple[str, bytes, str]]:
    """The JSON inside: its fields, the recipe, the encoding of a table, the record."""
    yield "a later format", changed(format="deltarule-model-99"), "a newer version of deltarule"
    yield "no format", changed(format=...), "deltarule-model-2 for format"
    yield "a field more", changed(run="import os"), "others: run"
    yield "a field less", changed(classes=...), "others: classes"
    yield "a record in a file of format 1", changed(format="deltarule-model-1"), "others: record"
    yield "inputs beyond memory", changed(input_shape=[HUGE]), "for input_shape"
    yield "inputs in a million axes", changed(input_shape=[1] * 1_000_000), "for input_shape"
    yield "inputs as text", changed(input_shape="22"), "for input_shape"
    yield "classes of two kinds", changed(classes=["a", "b", 1]), "classes of one kind"
    yield "classes that are deep", changed(classes=[[[["a"]]], "b", "c"]), "classes of one kind"
    yield "a million classes", changed(classes=[str(i) for i in range(300_000)]), "different classes"
    yield "classes in another order", changed(classes=["c", "b", "a"]), "sorted order"
    yield "single as text", changed(single="yes"), "true or false for single"
    yield "names that are numbers", changed(feature_names=[1, 2]), "a list of names for feature_names"
    yield "a layer more in the recipe", network(hidden=[3, 3]), "a recipe for layers"
    yield "layers beyond memory in the recipe", network(hidden=[HUGE]), "a recipe for layers"
    yield "layers of no units", network(hidden=[0]), "hidden"
    yield "members beyond memory", network(members=HUGE), ""
    yield "an embedding beyond memory", network(embedding={"name": "pbld", "frequencies": HUGE, "width": HUGE}), ""
    yield "an activation that is code", network(activation="__import__('os')"), "activation"
    yield "an activation of a million letters", network(activation="a" * 1_000_000), "activation"
    yield "an unknown optimizer", recipe(optimizer={"name": "os.system"}), "os.system"
    yield "a hyperparameter beyond float64", recipe(optimizer={"name": "sgd", "learning_rate": 10**400}), ""
    yield "a hyperparameter that is a list", recipe(optimizer={"name": "sgd", "learning_rate": [1]}), "learning_rate"
    yield "no loss", recipe(loss="auto"), "recipe.loss"
    yield "a field of the recipe that is unknown", recipe(momentun=1), "momentun"
    yield "a recipe that is a list", changed(recipe=[]), "deltarule"
    yield "a seed that is a path", recipe(seed="/dev/random"), "seed"
    yield "a column of another name twice", column(1, name="age"), "columns of different names"
    yield "a column of an unknown kind", column(0, kind="code"), ""
    yield "a column with a field more", column(0, run=1), "the fields of a NumberEncoding"
    yield "categories that are numbers", column(1, categories=[1, 2]), ""
    yield "quantiles that fall", column(0, quantiles=[2.0, 1.0]), "rising quantiles"
    yield "more categories than inputs", column(1, categories=[str(i) for i in range(100_000)]), ""
    yield "a record of another kind", changed(record=[1]), "for record"
    yield "a record with a field more", record(run=1), "for record"
    yield "scores that are text", record(scores=[{"part": "test"}]), "record.scores"
    yield "a diagnosis of objects", record(diagnosis=[{"a": 1}]), "record.diagnosis"
    yield "a best epoch after the last", record(best_epoch=10**30), "record.best_epoch"


def ensembles() -> Iterator[tuple[str, bytes, str]]:
    """Files of the estimators for tables."""
    content = seed("classifier", ENSEMBLE_FORMATS)
    header, inside, body = parts_of(content)
    yield "no networks", packed(header, inside | {"networks": []}, body), "a list of networks"
    yield (
        "a network less",
        packed(header, inside | {"networks": inside["networks"][:1]}, body),
        "tensors of each network",
    )
    yield (
        "a network more",
        packed(header, inside | {"networks": inside["networks"] * 2}, body),
        "tensors of each network",
    )
    yield "a temperature of 0", packed(header, inside | {"temperature": 0.0}, body), "temperature"
    yield "columns that are missing", packed(header, inside | {"columns": ["x"]}, body), "different columns"
    yield "a later format", packed(header, inside | {"format": "deltarule-ensemble-7"}, body), "a newer version"
    networks = [each | {"encoding": inside["encoding"]} for each in inside["networks"]]
    yield "an encoding of one network", packed(header, inside | {"networks": networks}, body), "networks without"
    other = [inside["networks"][0], inside["networks"][1] | {"classes": ["a", "z"]}]
    yield "other classes in one network", packed(header, inside | {"networks": other}, body), "classes"


def committees() -> Iterator[tuple[str, bytes, str]]:
    """Files of several networks for arrays."""
    content = seed("committee", ENSEMBLE_FORMATS)
    header, inside, body = parts_of(content)
    first, second = inside["networks"]

    def changed(**fields: Any) -> bytes:
        return packed(header, inside | fields, body)

    def second_with(**fields: Any) -> bytes:
        return changed(networks=[first, second | fields])

    yield "no encoding in an earlier format", changed(format="deltarule-ensemble-2"), ""
    yield "columns without an encoding", changed(columns=["x", "y"]), "columns with an encoding"
    yield "an encoding of one network for arrays", second_with(encoding=None), "networks without encoding"
    yield "samples of another shape in one network", second_with(input_shape=[1, 2]), "samples of one shape"
    yield "numbers among classes", second_with(classes=None), ""
    yield "classes of another kind", second_with(classes=[1, 2, 3]), "the same classes"
    yield "a network that is a list", changed(networks=[first, []]), "networks without"
    yield "a network of a later format", second_with(format="deltarule-model-9"), "a newer version"
    yield "an infinite temperature", changed(temperature=1e300), "temperature"


def readable() -> Iterator[tuple[str, bytes, str]]:
    """Readable JSON of sigmoid networks."""
    text = formats.readable()[0].decode()
    sound = json.loads(text)
    yield "sizes beyond memory", json.dumps(sound | {"sizes": [HUGE, HUGE, 1]}).encode(), "weights"
    yield "an infinite weight", text.replace("0.5", "1e999").encode(), "beyond the range"
    yield "NaN", text.replace("0.5", "NaN").encode(), "NaN is no number"
    yield "a weight as text", text.replace("0.5", '"x"').encode(), "weights"
    yield "rows of other lengths", text.replace("[0.5, 1]", "[0.5]").encode(), "weights"
    yield "fields twice", text.replace('"cost"', '"sizes": [2, 2, 1], "cost"').encode(), "twice"
    yield "another cost", text.replace("QuadraticCost", "os.system").encode(), "cost"
    yield "a list", b"[1, 2]", "JSON object"
    yield "12 MB of empty lists", b'{"sizes": [' + b"[]," * 4_000_000 + b"[]]}", "300,000 lists"
    yield "12 MB of numbers", b'{"sizes": [' + b"1," * 6_000_000 + b"1]}", "2,000,000 values"
    yield "UTF-16", text.encode("utf-16"), "JSON"


def attacks() -> Iterator[Attack]:
    """All files."""
    kinds = {"model": (headers, tables, contents), "ensemble": (ensembles, committees), "readable": (readable,)}
    for kind, makers in kinds.items():
        for make in makers:
            yield from (Attack(kind, name, content, says) for name, content, says in make())
