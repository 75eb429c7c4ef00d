"""Mutations of files: of their bytes, of the numbers in them, and of what they mean (JSON, tables, archives)."""

from __future__ import annotations

import gzip
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

_EDGES = (
    0,
    1,
    2,
    3,
    127,
    128,
    255,
    256,
    32767,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**40,
    2**63 - 1,
    2**64 - 1,
)
_CELLS = (
    "", "?", "nan", "inf", "-inf", "1e999", "1e308", "-0", "0x10", "1_000", "٣", "1.2.3", "9" * 400, "true", "no",
    "=1+1", "@x", "2020-02-30", "9999-12-31T23:59:59+14:00", "0001-01-01 00:00:00-12:00", '"', '""', '"a', "a\nb",
    "\r", "\0", "\ud7ff", "\ufeff", "é" * 50, ",", ";;;", "{}", "[1]", "a" * 3000,
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 0.5, -0.0, 1e308, 1e-320, 10**30, -(10**400), 2**63, 2**64, "", "a", "adam",
    "relu", "\ud800", "$\\frac{$", "x" * 2000, [], {}, [[]], [1, "a"], {"name": "sgd"}, {"name": []}, [None], {"": 0},
    [[1, 2], [3]], [0] * 300,
)  # fmt: skip
_SHAPES = (
    "(0,)",
    "()",
    "(2, 3)",
    "(-1,)",
    "(0, 2**40)",
    "(4294967296, 4294967296)",
    "(True,)",
    "(2.0,)",
    "[1]",
    "(12,)",
)
_KINDS = (
    "<f8", ">f4", "|O", "|V8", "<U3", "|S4", "<c16", "<M8[ns]", "<m8[s]", "|b1", "<u8", "<f2", "<U0", "|V0", "f16", "T",
    "(2,)<f4", "<M8[25s]", "<U1073741824",
)  # fmt: skip
_DEEP = (
    "[" * 100 + "]" * 100,
    "[" * 3000,
    '{"a":' * 3000,
    '{"a":' * 200 + "1" + "}" * 200,
    "NaN",
    "-Infinity",
    "1e999",
    "9" * 5000,
)
_TOKENS = (
    b"\0", b"\xff" * 4, b"\x1f\x8b\x08", b"PK\x03\x04", b"ARROW1\0\0", b"PAR1", b"\x93NUMPY",
    b"\xff\xff\xff\xff\0\0\0\0", b"IEND", b"'descr': '|O'", b"'descr': '<U0'", b"(0, 4294967295)",
    b"\xff\xd8\xff\xc4", b"\x89PNG", b"GIF89a", b"II*\0", b"MM\0*", b"\r\n", b"\n", b",", b";", b'"', b"{", b"[",
    b"}", b"]", b":", b"null", b"-1", b"1e999", b"__metadata__", b"F64", b"data_offsets",
)  # fmt: skip

Mutation = Callable[[bytes, Random, Sequence[bytes]], bytes]


def mutated(seeds: Sequence[bytes], random: Random) -> bytes:
    """A sound file with one to four mutations."""
    content = random.choice(seeds)
    deep = _by_meaning(content)
    for _ in range(random.choice((1, 1, 1, 1, 1, 2, 2, 3, 4))):
        mutation = random.choice(deep) if deep and random.random() < 0.5 else random.choice(_BYTES)
        with suppress(ValueError, OverflowError, RecursionError, struct.error):  # of files that are far from sound
            content = mutation(content, random, seeds)
    return content[: 1 << 16]


def flipped(seeds: Sequence[bytes], random: Random) -> bytes:
    """A sound file with one bit changed."""
    made = bytearray(random.choice(seeds))
    made[random.randrange(len(made))] ^= 1 << random.randrange(8)
    return bytes(made)


def _flip(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    made = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4, 8)) if made else 0):
        made[random.randrange(len(made))] ^= 1 << random.randrange(8)
    return bytes(made)


def _replace(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    place = random.randrange(len(content) + 1)
    return content[:place] + random.randbytes(random.choice((1, 1, 2, 4, 16))) + content[place + 1 :]


def _cut(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _longer(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    size = random.choice((1, 4, 8, 100, 2000))
    return content + random.choice((bytes(size), random.randbytes(size), content[-size:]))


def _take_out(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    place, size = random.randrange(len(content) + 1), random.choice((1, 2, 4, 8, 40))
    return content[:place] + content[place + size :]


def _copy(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    start, place, size = (random.randrange(len(content) + 1) for _ in range(3))
    part = content[start : start + min(size, 200)]
    return content[:place] + part + content[place + len(part) * random.randrange(2) :]


def _splice(content: bytes, random: Random, seeds: Sequence[bytes]) -> bytes:
    other = random.choice(seeds)
    if random.random() < 0.5:
        place = random.randrange(min(len(content), len(other)) + 1)
        return content[:place] + other[place:]
    return content[: random.randrange(len(content) + 1)] + other[random.randrange(len(other) + 1) :]


def _number(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    """Write a number that lengths and offsets go wrong with; or change the one that is there by a little."""
    size = random.choice((1, 2, 4, 4, 8))
    if len(content) < size:
        return content
    place = random.randrange(len(content) - size + 1)
    if random.random() < 0.5:
        place -= place % size
    order = random.choice(("little", "big"))
    number = int.from_bytes(content[place : place + size], order)  # type: ignore[arg-type]
    number = random.choice((*_EDGES, number + 1, number - 1, number * 2, -number, len(content)))
    return content[:place] + (number % 256**size).to_bytes(size, order) + content[place + size :]  # type: ignore[arg-type]


def _token(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    place, token = random.randrange(len(content) + 1), random.choice(_TOKENS)
    return content[:place] + token + content[place + len(token) * random.randrange(2) :]


def _digits(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    """Another number where digits stand."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?", content[: 1 << 13]))
    if not found:
        return content
    one = random.choice(found)
    number = random.choice(
        (b"-1", b"0", b"1e999", b"-0.0", b"99999999999999999999", b"9" * 400, b"1e-400", b"4294967296")
    )
    return content[: one.start()] + number + content[one.end() :]


_BYTES: tuple[Mutation, ...] = (
    _flip,
    _flip,
    _replace,
    _cut,
    _longer,
    _take_out,
    _copy,
    _splice,
    _number,
    _number,
    _token,
    _digits,
)


def _by_meaning(content: bytes) -> tuple[Mutation, ...]:
    """The mutations that know what such a file means."""
    if content[:2] == b"\x1f\x8b":
        return (_in_gzip,)
    if content[:4] == b"PK\x03\x04":
        return (_in_zip,)
    if content[:6] == b"\x93NUMPY":
        return (_in_npy,)
    if content[:4] == b"PAR1":
        return (_varint,)
    if content[:8] == b"\x89PNG\r\n\x1a\n":
        return (_in_png,)
    if content[:1] in {b"{", b"["}:
        return (_json, _json, _json, _json_text)
    if content[8:9] == b"{":
        return (_in_safetensors,)
    if b"\0" not in content and content.count(b"\n") > 1:
        return (_cell, _cell, _line)
    return ()


def _varint(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    """A number of several bytes in the place of one, as Parquet's headers write them."""
    place = random.randrange(len(content) + 1)
    number = random.choice(
        (b"\xfe\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x02", b"\x80\x80\x04", b"\x01")
    )
    return content[:place] + number + content[place + 1 :]


def _json(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    """Another value at some place of a JSON document, or in a line of several."""
    lines = content.split(b"\n")
    one = random.randrange(len(lines)) if lines[0][-1:] == b"}" else None
    try:
        document = json.loads(content if one is None else lines[one])
    except (ValueError, RecursionError):
        return content
    text = json.dumps(_changed(document, random)).encode()
    if one is None:
        return text
    lines[one] = text
    return b"\n".join(lines)


def _changed(document: Any, random: Random) -> Any:
    """The document with one of its values changed: any may be, the deeper ones too."""
    if isinstance(document, dict) and document and random.random() < 0.85:
        key = random.choice(list(document))
        if random.random() < 0.2:
            left = {name: value for name, value in document.items() if name != key}
            return left | random.choice(({}, {random.choice(("", "x", "name", key.upper())): document[key]}))
        return document | {key: _changed(document[key], random)}
    if isinstance(document, list) and document and random.random() < 0.85:
        place = random.randrange(len(document))
        if random.random() < 0.2:
            return random.choice((document[:place], document * 2, document[::-1], [*document, document[place]]))
        return [*document[:place], _changed(document[place], random), *document[place + 1 :]]
    if isinstance(document, (int, float)) and random.random() < 0.3:
        return random.choice((document + 1, -document, document * 1e6, str(document), [document]))
    return random.choice(_VALUES)


def _json_text(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    """What no writer of JSON would write, in the place of a value."""
    found = [match.start() + 1 for match in re.finditer(rb"[:,\[] ?", content)]
    place = random.choice(found) if found else 0
    return content[:place] + random.choice(_DEEP).encode() + content[place + random.randrange(3) :]


def _cell(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    """Another cell in a table."""
    found = list(re.finditer(rb"[^,;\t\n]+", content))
    if not found:
        return content
    one = random.choice(found)
    return content[: one.start()] + random.choice(_CELLS).encode() + content[one.end() :]


def _line(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    """A line more, a line less, or one where another was."""
    lines = content.splitlines(keepends=True)
    if not lines:
        return content
    one, place = random.choice(lines), random.randrange(len(lines))
    lines[place : place + random.randrange(2)] = random.choice(([one] * random.choice((1, 3, 30)), [], [b"\n", one]))
    return b"".join(lines)


def _any(content: bytes, random: Random) -> bytes:
    deep = _by_meaning(content)
    return random.choice((*deep, *deep, *_BYTES))(content, random, (content,))


def _in_gzip(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    try:
        inside = zlib.decompressobj(31).decompress(content, 1 << 16)
    except zlib.error:
        return content
    return gzip.compress(_any(inside, random), 1, mtime=0)


def _in_zip(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    """A sound archive whose members are not, or have other names."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(info.filename, archive.read(info)) for info in archive.infolist() if info.file_size < 1 << 16]
    except Exception:  # noqa: BLE001 - an archive that has been mutated already
        return content
    if not members:
        return content
    place = random.randrange(len(members))
    name, inside = members[place]
    names = (name, name, name, "x.npy", "../x", "", "a" * 300, "x\n", "é.npy", "y", "x/", ".npy", "$x")
    members[place] = (random.choice(names), _any(inside, random))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for each, inside in members:
            archive.writestr(zipfile.ZipInfo(each), inside)
    return stream.getvalue()


def _in_npy(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    """Another header of the right length, or the array's own bytes changed."""
    size = struct.unpack("<H", content[8:10])[0] if len(content) > 10 else 0
    header, data = content[10 : 10 + size], content[10 + size :]
    if random.random() < 0.3:
        return content[: 10 + size] + _flip(data, random, ())
    kind = random.choice(_KINDS)
    shape = random.choice(_SHAPES)
    edits = (
        (rb"'descr': [^,]*", f"'descr': '{kind}'"),
        (rb"'shape': \([^)]*\)", f"'shape': {shape}"),
        (rb"'fortran_order': \w*", f"'fortran_order': {random.choice(('True', 'None', '1', '__import__', '(' * 50))}"),
        (rb"'descr': [^,]*", "'descr': [('a', '<f4'), ('a', '<f4')]"),
        (rb"'descr': [^,]*", "'descr': [('', '<f8'), ('y', [('z', '<i4')])]"),
    )
    pattern, text = random.choice(edits)
    header = re.sub(pattern, lambda _: text.encode(), header, count=1).rstrip() + b"\n"
    return content[:8] + struct.pack("<H", len(header)) + header + data


def _in_png(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    """A chunk changed, its checksum right."""
    chunks, place = [], 8
    while place + 8 <= len(content) and len(chunks) < 50:
        size = struct.unpack(">I", content[place : place + 4])[0]
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + size]))
        place += 12 + size
    if not chunks:
        return content
    one = random.randrange(len(chunks))
    kind, inside = chunks[one]
    if kind == b"IDAT" and random.random() < 0.5:
        inside = zlib.compress(random.randbytes(random.choice((1, 72, 500))), 1)
    chunks[one : one + random.choice((0, 1, 1, 1))] = [
        (kind, random.choice((_flip, _number, _cut))(inside, random, ()))
    ]
    return content[:8] + b"".join(
        struct.pack(">I", len(each)) + name + each + struct.pack(">I", zlib.crc32(name + each)) for name, each in chunks
    )


def _in_safetensors(content: bytes, random: Random, _: Sequence[bytes]) -> bytes:
    """The header changed, or the recipe in its metadata; its length is right."""
    size = struct.unpack("<Q", content[:8])[0]
    try:
        header = json.loads(content[8 : 8 + size])
        inside = json.loads(header["__metadata__"]["deltarule"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return content
    if random.random() < 0.6:
        header["__metadata__"]["deltarule"] = json.dumps(_changed(inside, random))
    else:
        header = _changed(header, random)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + size :]
