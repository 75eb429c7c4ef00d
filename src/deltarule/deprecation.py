"""Former names of arguments, which keep working for one version."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def renamed_arguments(**present: str) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Let a function take arguments by their former names too, with a DeprecationWarning.

    present : the present name of each former one.

    >>> @renamed_arguments(order="batches")
    ... def train(*, batches: int = 0) -> int:
    ...     return batches
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     train(order=3)
    3
    """

    def decorated(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        @functools.wraps(function)
        def accepting(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
            for former in named.keys() & present.keys():
                name = present[former]
                message = f"{former}= is deprecated and will be removed in the next version. Use: {name}="
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                if name in named:
                    raise TypeError(f"{function.__name__}() got both {name}= and its former name {former}=")
                named[name] = named.pop(former)
            return function(*arguments, **named)

        return accepting

    return decorated
