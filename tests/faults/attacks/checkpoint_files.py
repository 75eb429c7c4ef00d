"""Attacks on checkpoints: with a wrong checksum, and with a right one."""

from __future__ import annotations

import json
import struct
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from tests.faults.attacks import Attack, packed, parts_of

import deltarule as dr
from deltarule.training import checkpoint
from deltarule.training.checkpoints import NEWEST

HUGE = 10**12


@cache
def seed() -> bytes:
    """A sound file."""
    data = dr.Dataset((np.arange(12.0).reshape(6, 2), np.array(["a", "b"] * 3)))
    recipe = dr.Recipe(network=dr.Network(hidden=(3,)), epochs=1, batch_size=6, stopping=None)
    with tempfile.TemporaryDirectory() as folder:
        dr.train(recipe, data, engine="reference", checkpoint=folder)
        return (Path(folder) / NEWEST).read_bytes()


def tensors_of(content: bytes) -> dict[str, Any]:
    """The tensors of a file."""
    from safetensors.numpy import load

    return load(content)


def signed(text: str | None = None, **tensors: Any) -> bytes:
    """A file with other JSON or other tensors, and the checksum of these; a tensor ... is left out."""
    header, inside, _ = parts_of(seed())
    del header
    text = json.dumps(inside) if text is None else text
    made = {name: each for name, each in (tensors_of(seed()) | tensors).items() if each is not ...}
    from deltarule.models.tensor_file import tensor_file_bytes

    return tensor_file_bytes(made, {"deltarule": text, "sha256": checkpoint._checksum(text, made)})


def changed(**fields: Any) -> bytes:
    """A file with other fields in its JSON, and the right checksum."""
    return signed(json.dumps(parts_of(seed())[1] | fields))


def checkpoints() -> Iterator[tuple[str, bytes, str]]:
    """Checkpoints."""
    header, _, body = parts_of(seed())
    yield "empty", b"", "no safetensors file"
    yield "a pickle", b"\x80\x04cos\nsystem\n(S'true'\ntR.", "no safetensors file"
    yield "a header of 2⁶³ bytes", struct.pack("<Q", 2**63) + seed()[8:], "no safetensors file"
    yield "a bit of the weights", seed()[:-9] + bytes([seed()[-9] ^ 1]) + seed()[-8:], "checksum"
    yield "other JSON with the old checksum", seed().replace(b'\\"epoch\\": 1', b'\\"epoch\\": 2'), "checksum"
    wrong = header | {"__metadata__": header["__metadata__"] | {"sha256": "0" * 64}}
    yield "another checksum", packed(wrong, None, body), "checksum"
    without = header | {"__metadata__": {"deltarule": header["__metadata__"]["deltarule"]}}
    yield "no checksum", packed(without, None, body), "checksum"
    yield "a model", _model(), ""
    yield "deep JSON", signed("[" * 100_000), "JSON"
    yield "a field twice", signed('{"format": 1, "format": 2}'), "twice"
    yield "a later format", changed(format="deltarule-checkpoint-99"), "format"
    yield "a field more", changed(run_this="import os"), "the fields"
    yield "a negative epoch", changed(epoch=-1), "for epoch"
    yield "an epoch of 10⁴⁰", changed(epoch=10**40), "for epoch"
    yield "an epoch that is true", changed(epoch=True), "for epoch"
    yield "more epochs than metrics", changed(epoch=HUGE), "epochs"
    yield "finished as text", changed(finished="yes"), "for finished"
    yield "a run that is a list", changed(run=[]), ""
    yield "a tensor less", signed(parameters=...), "the tensors"
    yield "a tensor more", signed(evil=np.zeros(1)), "the tensors"
    yield "numbers of another shape", signed(numbers=np.zeros(2)), "for numbers"
    yield "batches beyond the losses", signed(batches=np.full(3, 1e18)), "losses of batches"
    yield "batches below 0", signed(batches=np.array([-1.0])), "losses of batches"


def _model() -> bytes:
    from tests.faults.attacks import model_files

    return model_files.seed()


def attacks() -> Iterator[Attack]:
    """All files."""
    yield from (Attack("checkpoint", name, content, says) for name, content, says in checkpoints())
