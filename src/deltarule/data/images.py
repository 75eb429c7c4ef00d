"""Folders of images by class: `class/….png`, with or without `train/`, `validation/` and `test/` above."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from deltarule.data.arrays import Array
from deltarule.data.dataset import Dataset
from deltarule.data.limits import BYTES_AT_MOST, grows_too_much
from deltarule.data.parts import Part
from deltarule.errors import DataFileError
from deltarule.regular_files import opened, reason

__all__ = ["ENDINGS", "ImageSize", "is_image_folder", "read_image_folder", "read_images"]

ENDINGS = frozenset([".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"])
ImageSize: TypeAlias = tuple[int, int]
"""Height and width."""

_PIXELS_AT_MOST = 1 << 26
_PIXELS_FREE, _PIXELS_A_BYTE = 1 << 24, 1000
"""A file may claim so many pixels however small it is, and more in proportion to its size."""
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
_PARTS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation"}
_PARTS |= {"test": "test", "testing": "test"}
_GREY = {"1", "L", "LA", "I;16", "I", "F"}


def is_image_folder(folder: Path) -> bool:
    """Return whether a folder contains images, in subfolders or not."""
    return next(_images_below(folder, 3), None) is not None


def read_image_folder(folder: Path, size: ImageSize | None = None) -> Dataset:
    """The data set of a folder with a folder of images for each class; the folders' names are the labels.

    x is (n, height, width) uint8 where all images are grey, otherwise (n, height, width, 3); y (n,) text.
    A folder of parts has `train/`, and `validation/` or `test/` or both, with the classes in each.
    size : height and width that all are brought to; None: they must be of one size already.

    Raises DataFileError, naming the file: no image, damaged, of another size, too large.
    """
    parts = _folders_of_parts(folder) or {"train": folder}
    found = {part: _by_class(place) for part, place in parts.items()}
    paths = [path for files in found.values() for path, _ in files]
    x = read_images(paths, size)
    made: dict[str, Any] = {}
    start = 0
    for part, files in found.items():
        made[part] = Part(x[start : start + len(files)], np.array([label for _, label in files]))
        start += len(files)
    return Dataset(**made, name=folder.resolve().name, source=f"images in {folder}")


def read_images(paths: Sequence[Path], size: ImageSize | None = None, *, grey: bool | None = None) -> NDArray[np.uint8]:
    """Images as one array: (n, height, width) where all are grey, otherwise (n, height, width, 3).

    grey : True and False say which of the two it has to be.

    Raises DataFileError, naming the file.
    """
    if not paths:
        raise DataFileError("at least one image", "none")
    first, all_grey, on_disk = size, True, 0
    for path in paths:
        with _opened(path) as image:
            on_disk += os.fstat(image.fp.fileno()).st_size
            there = (image.height, image.width)
            all_grey = all_grey and image.mode in _GREY
        if first is None:
            first = there
        elif size is None and there != first:
            came = f"{path}: {there[0]} × {there[1]}, and {paths[0].name}: {first[0]} × {first[1]}"
            raise DataFileError("images of one size", came, "--image-size 28x28, or image_size=(28, 28)")
    assert first is not None
    grey = all_grey if grey is None else grey
    shape = (len(paths), *first) if grey else (len(paths), *first, 3)
    claimed = math.prod(shape)
    if claimed > BYTES_AT_MOST or (size is None and grows_too_much(claimed, on_disk)):
        came = f"{len(paths):,} images of {first[0]} × {first[1]}, {claimed:,} bytes out of {on_disk:,}"
        raise DataFileError(
            "images that stay in proportion to their files, and below 4 GiB together", came, "--image-size 64x64"
        )
    x = np.empty(shape, np.uint8)
    for place, path in enumerate(paths):
        x[place] = _pixels(path, first, grey=grey)
    return x


def _pixels(path: Path, size: ImageSize, *, grey: bool) -> Array:
    from PIL import Image

    try:
        with _opened(path) as image:
            mode = "L" if grey else "RGB"
            if image.mode in {"I;16", "I", "F"}:
                image = Image.fromarray(_eight_bits(np.asarray(image))).convert(mode)
            elif image.mode != mode:
                image = image.convert(mode)
            if (image.height, image.width) != size:
                image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR, reducing_gap=3.0)
            return np.asarray(image, dtype=np.uint8)
    except DataFileError:
        raise
    except Exception as error:  # a decoder for each format, each with different errors
        raise DataFileError("a whole image", f"{path}: {reason(error)}") from error


def _eight_bits(values: Array) -> NDArray[np.uint8]:
    """Grey values of 16 bits, or floats, as 0 to 255; a few rows at a time take little memory."""
    if not np.isfinite(values).all():
        raise ValueError("NaN or infinity among the pixels")
    top = 65535.0 if values.max(initial=0) > 255 else 255.0
    made = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), 64):
        rows = values[start : start + 64].astype(np.float64)
        made[start : start + 64] = np.clip(rows * (255.0 / top), 0, 255)
    return made


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """An image whose header has been read and not yet its pixels."""
    from PIL import Image, UnidentifiedImageError

    with ExitStack() as stack:
        try:
            file = stack.enter_context(opened(path))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of Pillow's own limit, which is another one
                image = stack.enter_context(Image.open(file, formats=_FORMATS))
        except UnidentifiedImageError as error:
            raise DataFileError("an image", f"{path}, which is damaged or something else") from error
        except Image.DecompressionBombError as error:
            wanted = f"an image of at most {_PIXELS_AT_MOST:,} pixels"
            raise DataFileError(wanted, f"{path}: {reason(error)}") from error
        except Exception as error:  # a decoder for each format, each with different errors
            raise DataFileError("an image", f"{path}: {reason(error)}") from error
        pixels, size = image.width * image.height, os.fstat(file.fileno()).st_size
        most = min(_PIXELS_AT_MOST, max(_PIXELS_FREE, _PIXELS_A_BYTE * size))
        if not 0 < pixels <= most:
            came = f"{path}, whose header claims {image.width:,} × {image.height:,} in {size:,} bytes"
            raise DataFileError(f"an image of at most {most:,} pixels", came)
        yield image


def _folders_of_parts(folder: Path) -> dict[str, Path] | None:
    """The folders of parts in a folder, by the parts' own names; None where its folders are classes."""
    below = {each.name.lower(): each for each in _folders(folder)}
    if "train" not in {_PARTS.get(name) for name in below} or len(below) < 2 or not set(below) <= set(_PARTS):
        return None
    parts = {_PARTS[name]: place for name, place in below.items()}
    return {part: parts[part] for part in ("train", "validation", "test") if part in parts}


def _by_class(folder: Path) -> list[tuple[Path, str]]:
    files = [(path, place.name) for place in _folders(folder) for path in sorted(_images_below(place, 1))]
    if not files:
        instead = f"{folder}/cat/1.png, {folder}/dog/1.png"
        raise DataFileError("a folder of images for each class", f"{folder} without any", instead)
    return files


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))


def _images_below(folder: Path, depth: int) -> Any:
    for each in folder.iterdir():
        if each.suffix.lower() in ENDINGS and each.is_file() and not each.name.startswith("."):
            yield each
        elif depth > 1 and each.is_dir() and not each.is_symlink():
            yield from _images_below(each, depth - 1)


def image_files(folder: Path) -> list[Path]:
    """Return the images directly in a folder, by name."""
    return sorted(_images_below(folder, 1))
