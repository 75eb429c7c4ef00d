"""The options that several commands have: single ones, and groups that a command takes as one argument."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from deltarule.engines.registry import ENGINES, PRECISIONS

RESULT = "Output"

DATA_HELP = (
    "Name of a data set (see `deltarule data list`); openml:NAME; a file (CSV, TSV, JSON lines, Parquet, Feather, .npy "
    "or .npz); or a folder of IDX files or of images by class."
)

Data = Annotated[str, typer.Argument(help=DATA_HELP, metavar="DATA", show_default=False)]


ModelPath = Annotated[
    Path,
    typer.Argument(
        help="Model file (.safetensors or .json), or the folder of a run.", metavar="MODEL", show_default=False
    ),
]


def option(flag: str, text: str, panel: str | None = None, metavar: str | None = None, **more: Any) -> Any:
    """Return the declaration of an option whose help says its default in words."""
    return typer.Option(flag, help=text, rich_help_panel=panel, metavar=metavar, **{"show_default": False, **more})


def json_option(panel: str | None = None) -> Any:
    """Return the declaration of `--json`."""
    return typer.Option("--json", help="Print the result as one JSON object.", rich_help_panel=panel)


def quiet_option(panel: str | None = None) -> Any:
    """Return the declaration of `--quiet`."""
    return typer.Option("--quiet", "-q", help="Suppress messages and progress.", rich_help_panel=panel)


ENGINE, PRECISION = next(iter(ENGINES)), PRECISIONS[0]


def engine_option(panel: str | None = None) -> Any:
    """Return the declaration of `--engine`."""
    return option("--engine", f"Engine (default: {ENGINE}): {', '.join(ENGINES)}.", panel, "NAME")


def precision_option(panel: str | None = None) -> Any:
    """Return the declaration of `--precision`."""
    text = f"Precision of the compiled engine (default: {PRECISION}): {', '.join(PRECISIONS)}."
    return option("--precision", text, panel, "NAME")


DataFolder = Annotated[
    Path | None, option("--data-dir", "Folder with the files of mnist, fashion or kmnist.", metavar="FOLDER")
]
AverageOver = Annotated[
    str | None,
    option(
        "--average-over",
        "Average the predictions for images over transformed copies: mirror, shifts=PIXELS, or both, comma-separated.",
        metavar="COPIES",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Random seed.", metavar="NUMBER")]


@dataclass(frozen=True)
class Group:
    """Options that a command takes as one argument: `source: Annotated[DataChoice, DATA_OPTIONS]`.

    parameters : of the command's function as Typer sees it, one for each option.
    make : of what was typed, by the parameters' names, to the argument.
    """

    parameters: tuple[inspect.Parameter, ...]
    make: Callable[[Mapping[str, Any]], Any]


def parameter(name: str, annotation: Any, default: Any = None) -> inspect.Parameter:
    """Return the parameter of a command's function for an option, whose declaration is in the annotation."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def group_of(choice: type[Any]) -> Group:
    """Return the options that the fields of a dataclass declare, each `Annotated` with its declaration."""
    hints = get_type_hints(choice, include_extras=True)
    fields = dataclasses.fields(choice)
    parameters = (parameter(each.name, hints[each.name], default=each.default) for each in fields)
    return Group(tuple(parameters), lambda typed: choice(**typed))


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command's function the options of its groups, in place of the arguments annotated with them.

    >>> numbers = Group((parameter("first", Annotated[int, option("--first", "A number.")]),), dict)
    >>> def add(data: str, given: Annotated[dict[str, int], numbers], json: bool = False) -> None: ...
    >>> add.__annotations__ = {"data": str, "given": Annotated[dict[str, int], numbers], "json": bool}
    >>> list(inspect.signature(with_groups(add)).parameters)
    ['data', 'first', 'json']
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Group] = {}
    parameters: list[inspect.Parameter] = []
    for each in inspect.signature(command).parameters.values():
        metadata = getattr(hints[each.name], "__metadata__", ())
        group = next((extra for extra in metadata if isinstance(extra, Group)), None)
        if group is None:
            parameters.append(each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY))
        else:
            groups[each.name] = group
            parameters.extend(group.parameters)

    def run(**typed: Any) -> None:
        for name, group in groups.items():
            typed[name] = group.make({each.name: typed.pop(each.name) for each in group.parameters})
        command(**typed)

    run.__doc__, run.__name__ = command.__doc__, command.__name__
    run.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run
