"""`deltarule data augment`: write an augmented data set to a file, or draw a preview of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from deltarule.cli.data_options import DATA_OPTIONS, DataChoice
from deltarule.cli.option_groups import Data, json_option, option, quiet_option, with_groups
from deltarule.cli.terminal import messages_of, print_json, say
from deltarule.data import Dataset
from deltarule.errors import DataError, OutputError
from deltarule.formulas import Augmentation
from deltarule.recipes.options import OPTIONS
from deltarule.recipes.recipe import augmentations
from deltarule.recipes.text_values import augmentations_of
from deltarule.training.augmenting import augmented, variants
from deltarule.writing import writing

_ROWS, _VARIANTS = 5, 8
_USUAL = ("rotation=15", "translation=2")
_AUGMENT = next(each for each in OPTIONS if each.name == "augment")


@with_groups
def augment(
    data: Data,
    augmentation: Annotated[list[str] | None, option("--augment", _AUGMENT.described, metavar=_AUGMENT.metavar)] = None,
    copies: Annotated[int, option("--copies", "Augmented copies of each training sample.", show_default=True)] = 1,
    output: Annotated[
        Path | None, option("--output", "New .npz file for the augmented data set.", metavar="FILE")
    ] = None,
    preview: Annotated[
        Path | None,
        option(
            "--preview", "Picture of some images and their augmented variants: .png, .svg or .pdf.", metavar="PICTURE"
        ),
    ] = None,
    seed: Annotated[int, option("--seed", "Random seed of the split and the augmentation.", show_default=True)] = 0,
    as_json: Annotated[bool, json_option()] = False,
    quiet: Annotated[bool, quiet_option()] = False,
    *,
    source: Annotated[DataChoice, DATA_OPTIONS],
) -> None:
    """Augment a training set with transformed samples, or draw a preview of them.

    The validation and test sets are not changed.
    The default augmentations are rotation=15 and translation=2.

    Examples:

    \b
    deltarule data augment digits --preview preview.png
    deltarule data augment digits --augment rotation=10 --augment elastic=8,2 --preview preview.png
    deltarule data augment digits --augment translation=1 --copies 4 --output larger.npz
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    if output is None and preview is None:
        raise OutputError("a place for the result", "none", "--preview preview.png, or --output larger.npz")
    formulas = augmentations(augmentations_of("+".join(augmentation or _USUAL)))
    if output is not None:
        _check_output(output)
    dataset = source.load(data, seed=seed, progress=not quiet)
    messages = messages_of(quiet)
    result: dict[str, Any] = {"augmentation": [each.to_json() for each in formulas]}
    if preview is not None:
        _draw(preview, dataset, formulas, seed)
        result |= {"preview": str(preview)}
        say(f"The picture is in {preview}.", messages)
    if output is not None:
        larger = augmented(dataset, formulas, copies=copies, seed=seed)
        _write(output, larger)
        result |= {"output": str(output), "samples": len(larger.train)}
        say(f"{len(dataset.train):,} training samples became {len(larger.train):,}; they are in {output}.", messages)
    if as_json:
        print_json(result)


def _draw(path: Path, dataset: Dataset, formulas: tuple[Augmentation, ...], seed: int) -> None:
    """Draw one image of each of the first classes, or the first images where there are no classes."""
    from deltarule.figures import style
    from deltarule.figures.variants import image_variants

    part = dataset.train
    if part.x.ndim < 3:
        raise DataError("images to draw", f"rows of {part.x.shape[1]} features", "--output larger.npz")
    rows = np.arange(min(_ROWS, len(part)))
    if dataset.task == "classification":
        rows = np.unique(part.y, return_index=True)[1][:_ROWS]
    names = dataset.class_names
    shown = [names[label] if names and part.y.dtype.kind in "iu" else str(label) for label in part.y[rows].tolist()]
    labels = [style.plain(label, 20) for label in shown]
    title = "Augmented by " + ", ".join(each.name.replace("_", " ") for each in formulas)
    images = variants(part, formulas, rows, copies=_VARIANTS, seed=seed)
    style.save(image_variants(images, labels, title=title), path)


def _check_output(path: Path) -> None:
    if path.suffix != ".npz":
        raise OutputError("a file that ends in .npz", str(path), f"--output {path.with_suffix('.npz')}")
    if path.exists():
        raise OutputError("a new file", f"{path}, which exists")


def _write(path: Path, dataset: Dataset) -> None:
    """Write the arrays x_train, y_train, x_test, …; a failed write leaves no file."""
    arrays: dict[str, Any] = {}
    for name, part in dataset.parts.items():
        arrays |= {f"x_{name}": part.x, f"y_{name}": part.y}
        if part.weights is not None:
            arrays[f"weights_{name}"] = part.weights
    if any(each.dtype.hasobject for each in arrays.values()):
        arrays = {name: each.astype(str) if each.dtype.hasobject else each for name, each in arrays.items()}
    with writing(path) as stream:
        np.savez(stream, **arrays)
