"""Options that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, get_type_hints


def shares(other: Callable[..., Any], names: Iterable[str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add some options of another command to a command, which receives them in its `**shared` by name.

    >>> def train(data: str, epochs: int = 100, seed: int = 0) -> None: ...
    >>> @shares(train, ["epochs", "seed"])
    ... def compare(data: str, seeds: int = 10, **shared: int) -> None: ...
    >>> list(inspect.signature(compare).parameters)
    ['data', 'seeds', 'epochs', 'seed']
    """

    def extended(command: Callable[..., Any]) -> Callable[..., Any]:
        hints = get_type_hints(command, include_extras=True)
        others = get_type_hints(other, include_extras=True)
        own = inspect.signature(command).parameters.values()
        parameters = [each for each in own if each.kind is not inspect.Parameter.VAR_KEYWORD]
        theirs = [inspect.signature(other).parameters[name] for name in names]
        annotated = {each.name: hints.get(each.name) for each in parameters}
        annotated |= {each.name: others[each.name] for each in theirs}
        every = [each.replace(annotation=annotated[each.name]) for each in (*parameters, *theirs)]
        command.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
        command.__annotations__ = {**annotated, "return": None}
        return command

    return extended
