"""Attacks on recipes, comparisons and the splits of runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.faults import formats
from tests.faults.attacks import Attack


def recipes() -> Iterator[tuple[str, bytes, str]]:
    """Recipes as files."""
    sound = json.loads(formats.recipe()[0])

    def changed(**fields: Any) -> bytes:
        return json.dumps(sound | fields).encode()

    yield "empty", b"", "JSON"
    yield "no JSON", b"import os", "JSON"
    yield "a number", b"3", "recipe"
    yield "deep", b"[" * 1_000_000, "JSON"
    yield "deep objects", b'{"network":' * 100 + b"1" + b"}" * 100, "64 nested levels"
    yield "NaN", json.dumps(sound).replace("0.001", "NaN").encode(), "NaN is no number"
    yield "infinity", json.dumps(sound).replace("0.001", "1e999").encode(), "beyond the range"
    yield "a field twice", b'{"epochs": 5, "epochs": 6}', "'epochs' twice"
    yield "5,000 digits", b'{"epochs": ' + b"9" * 5000 + b"}", "JSON"
    yield "an unknown field", changed(exec="import os"), "exec"
    yield "an unknown formula", changed(optimizer="os.system"), "os.system"
    yield "a module as a formula", changed(optimizer={"name": "deltarule.formulas.optimizers.Adam"}), "optimizer"
    yield "a private field of a formula", changed(optimizer={"name": "adam", "__class__": "x"}), "__class__"
    yield "a negative batch", changed(batch_size=-1), "batch_size"
    yield "epochs as text", changed(epochs="5"), "epochs"
    yield "a network that is a list", changed(network=[1]), "Network"
    yield "a rate of 10⁴⁰⁰", changed(optimizer={"name": "adam", "learning_rate": 10**400}), "learning_rate"
    yield "a name of 1 MB", changed(optimizer="x" * 1_000_000), "optimizer"
    yield "12 MB of lists", b'{"penalty": [' + b"[]," * 4_000_000 + b"[]]}", "300,000 lists"


def comparisons() -> Iterator[tuple[str, bytes, str]]:
    """The plan of a comparison."""
    text = formats.plan()[0].decode()
    yield "no JSON", b"\x80\x04.", "comparison"
    yield "another format", text.replace("comparison-1", "comparison-9").encode(), "another format"
    yield "other data", text.replace(formats.DIGEST, "e" * 64).encode(), "same data"
    yield "data that are a list", b'{"format": "deltarule-comparison-1", "data": []}', "same data"
    yield "a field twice", text.replace('"format"', '"tune": 1, "format"').encode(), "twice"
    yield "deep", b'{"format":' * 1_000_000, "comparison"


def networks() -> Iterator[tuple[str, bytes]]:
    """Lines of a comparison: what is wrong is a network that is trained again."""
    line = formats.network_line()
    yield "no JSON", b"\x80\x04.\n"
    yield "deep", b"[" * 1_000_000 + b"\n"
    yield "a score as text", json.dumps(line | {"score": "high"}).encode()
    yield "an infinite score", json.dumps(line).replace('"score": 0.9', '"score": 1e999').encode()
    yield "curves of other lengths", json.dumps(line | {"epochs": 10**9}).encode()
    yield "a path in a key", json.dumps(line | {"key": "../../../etc/passwd", "variant": "../../x"}).encode()
    yield "a line that is cut short", json.dumps(line).encode()[:-40]


def attacks() -> Iterator[Attack]:
    """All files."""
    yield from (Attack("recipe", name, content, says) for name, content, says in recipes())
    yield from (Attack("plan", name, content, says) for name, content, says in comparisons())
    yield from (Attack("networks", name, content, accepted=True) for name, content in networks())
    yield Attack("split", "a list", b"[]", "a split")
    yield Attack("split", "deep", b'{"data":' * 1_000_000, "a split")
    yield Attack("split", "numbers", b'{"data": 3, "validation": [1], "test": null}', "a split")
