"""Public data sets: their addresses and checksums."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from deltarule.data.idx import IDX_NAMES, md5_of_idx
from deltarule.errors import DataFileError
from deltarule.regular_files import opened

__all__ = ["SOURCES", "DatasetSource", "SourceFile"]


@dataclass(frozen=True)
class SourceFile:
    """A file of a public set.

    name     as the mirrors have it
    gzip     the checksum of the compressed file, "md5:…" or "sha256:…"
    content  the MD5 of the uncompressed bytes, where it is known: a mirror or a user may have compressed it again
    """

    name: str
    gzip: str
    content: str | None = None

    def matches(self, path: Path) -> bool:
        """Is this the official file? Its compressed bytes decide, or else its uncompressed ones."""
        algorithm, _, wanted = self.gzip.partition(":")
        try:
            with opened(path) as stream:
                made = hashlib.file_digest(cast("Any", stream), lambda: hashlib.new(algorithm, usedforsecurity=False))
                found = made.hexdigest()
        except OSError:
            return False
        if found == wanted:
            return True
        if self.content is None:
            return False
        try:
            return md5_of_idx(path) == self.content
        except DataFileError:
            return False


@dataclass(frozen=True)
class DatasetSource:
    """A public set: folders that hold its files, the best one first, and the four files in the order of `IDX_NAMES`."""

    name: str
    mirrors: tuple[str, ...]
    files: tuple[SourceFile, ...]
    class_names: tuple[str, ...]
    credit: str


def _files(gzip: tuple[str, ...], content: tuple[str, ...] | tuple[None, ...] = (None,) * 4) -> tuple[SourceFile, ...]:
    rows = zip(IDX_NAMES, gzip, content, strict=True)
    return tuple(SourceFile(f"{name}.gz", checksum, md5) for name, checksum, md5 in rows)


SOURCES: dict[str, DatasetSource] = {
    "mnist": DatasetSource(
        name="mnist",
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        files=_files(
            (
                "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
            (
                "6bbc9ace898e44ae57da46a324031adb",
                "a25bea736e30d166cdddb491f175f624",
                "2646ac647ad5339dbf082846283269ea",
                "27ae3e4e09519cfbb04c329615203637",
            ),
        ),
        class_names=tuple("0123456789"),
        credit="MNIST, Y. LeCun and C. Cortes",
    ),
    "fashion": DatasetSource(
        name="fashion",
        mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        files=_files(
            (
                "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "md5:25c81989df183df01b3e8a0aad5dffbe",
                "md5:bef4ecab320f06d8554ea6380940ec79",
                "md5:bb300cfdad3c16e7a12a480ee83cd310",
            ),
            (
                "f4a8712d7a061bf5bd6d2ca38dc4d50a",
                "9018921c3c673c538a1fc5bad174d6f9",
                "8181f5470baa50b63fa0f6fddb340f0a",
                "15d484375f8d13e6eb1aabb0c3f46965",
            ),
        ),
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        credit="Fashion-MNIST, Zalando SE",
    ),
    "kmnist": DatasetSource(
        name="kmnist",
        mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        files=_files(
            (
                "md5:bdb82020997e1d708af4cf47b453dcf7",
                "md5:e144d726b3acfaa3e44228e80efcd344",
                "md5:5c965bf0a639b31b8f53240b1b52f4d7",
                "md5:7320c461ea6c1c855c0b718fb2a4b134",
            )
        ),
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        credit="KMNIST, Center for Open Data in the Humanities",
    ),
}
"""Every set that can be downloaded, by its name."""
