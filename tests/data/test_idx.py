"""IDX files, sound and unsound."""

import gzip
import hashlib
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from deltarule.data import read_idx, read_idx_folder
from deltarule.data.idx import IDX_NAMES
from deltarule.errors import DataFileError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def header(shape, code=0x08):
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def idx(a):
    code = CODES[a.dtype.str[1:]]
    return header(a.shape, code) + a.astype(a.dtype.newbyteorder(">")).tobytes()


def fill(folder, images=(6, 2), labels=(6, 2), spelling="-idx", end=""):
    """The four files, with so many images and labels in train and test."""
    folder.mkdir(exist_ok=True)
    for name in IDX_NAMES:
        n = (images if "images" in name else labels)[name.startswith("t10k")]
        a = np.arange(n * 20, dtype="u1").reshape(n, 4, 5) if "images" in name else np.arange(n, dtype="u1") % 3
        content = idx(a)
        (folder / (name.replace("-idx", spelling) + end)).write_bytes(gzip.compress(content) if end else content)
    return folder


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(CODES)).flatmap(
        lambda code: arrays.arrays(np.dtype(code), arrays.array_shapes(max_dims=4, max_side=5))
    ),
    st.booleans(),
)
def test_what_was_written_is_read(tmp_path_factory, a, compressed):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(gzip.compress(idx(a), 1) if compressed else idx(a))
    b = read_idx(path)
    assert b.dtype == a.dtype
    assert b.dtype.isnative
    assert b.shape == a.shape
    assert b.tobytes() == a.tobytes()


def test_no_values_at_all(tmp_path):
    path = tmp_path / "empty"
    path.write_bytes(header((0, 28, 28)))
    assert read_idx(path).shape == (0, 28, 28)


def test_a_file_of_several_gzip_members(tmp_path):
    path = tmp_path / "members.gz"
    content = idx(np.arange(10, dtype="u1"))
    path.write_bytes(gzip.compress(content[:9]) + gzip.compress(content[9:]))
    assert read_idx(path).tolist() == list(range(10))


PIXELS = idx(np.arange(60, dtype="u1").reshape(3, 4, 5))
NOISE = np.random.default_rng(0).integers(0, 256, 5000, dtype="u1")
PACKED = gzip.compress(idx(NOISE))
BAD = {
    "empty": (b"", "header of an IDX file .*0 bytes, cut short"),
    "cut in the magic": (PIXELS[:3], "header .*3 bytes, cut short"),
    "cut in the dimensions": (PIXELS[:10], "header .*10 bytes, cut short"),
    "cut in the values": (PIXELS[:-1], "the 60 bytes .*cut short"),
    "bytes after the end": (PIXELS + b"\0", "after 60 bytes.*more bytes"),
    "a PNG": (b"\x89PNG\r\n\x1a\n" + PIXELS, "begins with 89 50 4e 47"),
    "a CSV": (b"a,b\n1,2\n", "begins with 61 2c 62"),
    "one zero byte": (b"\0\1" + PIXELS[2:], "begins with 00 01"),
    "unknown type": (b"\0\0\7\3" + PIXELS[4:], "begins with 00 00 07 03"),
    "no dimensions": (b"\0\0\10\0", "1 to 8 dimensions.*0"),
    "too many dimensions": (header((1,) * 65) + b"\0", "1 to 8 dimensions.*65"),
    "a claim of 16 EiB": (header((2**32 - 1,) * 2), "at most 4,294,967,296 bytes"),
    "a claim beyond 64 bits": (header((2**32 - 1,) * 8), "at most 4,294,967,296 bytes"),
    "a claim of 1 GiB": (header((2**15, 2**15)), "cannot hold them"),
    "a packed claim of 1 GiB": (gzip.compress(header((2**15, 2**15))), "cannot hold them"),
    "packed and cut in the values": (gzip.compress(PIXELS[:-1]), "the 60 bytes .*cut short"),
    "packed, bytes after the end": (gzip.compress(PIXELS + b"\0"), "more bytes"),
    "packed and empty": (gzip.compress(b""), "0 bytes, cut short"),
    "packed text": (gzip.compress(b"hello"), "begins with 68 65"),
    "cut gzip": (PACKED[:-100], "compressed file that is cut short"),
    "cut checksum of gzip": (PACKED[:-4], "compressed file that is cut short"),
    "gzip's first bytes alone": (b"\x1f\x8b", "compressed file that is cut short"),
    "corrupt values in gzip": (PACKED[:200] + b"\xff" * 9 + PACKED[209:], "sound gzip file"),
    "wrong checksum in gzip": (PACKED[:-8] + bytes(4) + PACKED[-4:], "sound gzip file.*CRC"),
    "unknown method of gzip": (b"\x1f\x8b\x07" + PACKED[3:], "sound gzip file"),
    "bytes after gzip": (PACKED + b"text", "sound gzip file"),
}


@pytest.mark.parametrize("case", BAD)
def test_an_unsound_file_is_refused_and_named(tmp_path, case):
    content, message = BAD[case]
    path = tmp_path / "unsound-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=message) as raised:
        read_idx(path)
    assert str(path) in str(raised.value)


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    """A gigabyte of zeros behind a header of 60 bytes: no more is decompressed than needed to see it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunks = [packer.compress(PIXELS)] + [packer.compress(bytes(1 << 20)) for _ in range(64)] + [packer.flush()]
    path = tmp_path / "bomb.gz"
    path.write_bytes(b"".join(chunks))
    read = 0
    original = gzip.GzipFile.read

    def counted(self, size=-1):
        nonlocal read
        content = original(self, size)
        read += len(content)
        return content

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    with pytest.raises(DataFileError, match="more bytes"):
        read_idx(path)
    assert read == len(PIXELS) + 1


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(PACKED) - 1), st.integers(0, 255), st.booleans())
def test_no_byte_changed_in_silence(tmp_path_factory, place, value, packed):
    """Any byte of a compressed file changed: an error of ours, or the same array (bytes that carry nothing)."""
    path = tmp_path_factory.getbasetemp() / "changed"
    content = bytearray(PACKED)
    content[place] = value
    path.write_bytes(content if packed else content[:place])
    try:
        a = read_idx(path)
    except DataFileError:
        return
    assert np.array_equal(a, NOISE)


def test_no_file(tmp_path):
    with pytest.raises(DataFileError, match="nothing of that name"):
        read_idx(tmp_path / "nothing")
    with pytest.raises(DataFileError, match="a folder"):
        read_idx(tmp_path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="who may read everything is refused nothing")
def test_a_file_that_may_not_be_read(tmp_path):
    path = tmp_path / "closed"
    path.write_bytes(PIXELS)
    path.chmod(0)
    with pytest.raises(DataFileError, match="can be read"):
        read_idx(path)


@pytest.mark.parametrize("spelling", ["-idx", ".idx"])
@pytest.mark.parametrize("end", ["", ".gz"])
def test_a_folder(tmp_path, spelling, end):
    data = read_idx_folder(fill(tmp_path / "own", spelling=spelling, end=end))
    assert data.name == "own"
    assert data.train.x.shape == (6, 4, 5)
    assert data.test.y.tolist() == [0, 1]
    assert data.validation is None


def test_no_checksum_is_computed_that_nobody_asked_for(tmp_path, monkeypatch):
    fill(tmp_path)
    monkeypatch.setattr(hashlib, "md5", None)
    assert len(read_idx_folder(tmp_path).train) == 6


def test_a_folder_that_lacks_files(tmp_path):
    fill(tmp_path)
    (tmp_path / IDX_NAMES[1]).unlink()
    (tmp_path / IDX_NAMES[2]).unlink()
    with pytest.raises(DataFileError, match=f"without {IDX_NAMES[1]}, {IDX_NAMES[2]}"):
        read_idx_folder(tmp_path)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataFileError, match="none of them"):
        read_idx_folder(tmp_path / "nothing")
    with pytest.raises(DataFileError, match="no folder"):
        read_idx_folder(tmp_path / "missing")


def test_a_folder_whose_files_do_not_fit(tmp_path):
    with pytest.raises(DataFileError, match="2 images and 3 labels"):
        read_idx_folder(fill(tmp_path / "a", labels=(6, 3)))
    with pytest.raises(DataFileError, match="at least one sample"):
        read_idx_folder(fill(tmp_path / "b", images=(6, 0), labels=(6, 0)))
    c = fill(tmp_path / "c")
    (c / IDX_NAMES[1]).write_bytes(PIXELS)
    with pytest.raises(DataFileError, match=r"labels in .*shape \(3, 4, 5\)"):
        read_idx_folder(c)
    d = fill(tmp_path / "d")
    (d / IDX_NAMES[2]).write_bytes(idx(np.zeros((2, 3, 3), "u1")))
    with pytest.raises(DataFileError, match="samples of one shape"):
        read_idx_folder(d)
