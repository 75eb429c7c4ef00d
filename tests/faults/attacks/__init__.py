"""Hostile and broken files, each with the error that it has to give.

Each module makes the files of a kind: `attacks()` yields an `Attack` for each. `python -m tests.faults.attacks` reads
all of them, each within a second and 100 MB, and prints a line of JSON for each that fails.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

__all__ = ["Attack", "packed", "parts_of"]


@dataclass(frozen=True)
class Attack:
    """A file.

    format : the name of its format in tests/faults/formats.py.
    name : what is wrong. content : the file. says : a part of the error, which is one sentence.
    accepted : whether a reader may also take it: it is odd, but harmless.
    """

    format: str
    name: str
    content: bytes
    says: str = ""
    accepted: bool = False


def parts_of(content: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The header of a model's file, the JSON inside, and the bytes of the tensors."""
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    inside = json.loads(header["__metadata__"]["deltarule"]) if "__metadata__" in header else {}
    return header, inside, content[8 + length :]


def packed(header: dict[str, Any] | str, inside: Any, body: bytes) -> bytes:
    """A file of these parts; `inside` may be text, and None leaves the metadata as they are."""
    if isinstance(header, dict) and inside is not None:
        text = inside if isinstance(inside, str) else json.dumps(inside)
        header = header | {"__metadata__": {"deltarule": text}}
    text = header if isinstance(header, str) else json.dumps(header)
    return struct.pack("<Q", len(text.encode())) + text.encode() + body
