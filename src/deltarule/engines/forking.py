"""Reset of objects in a forked child process, where threads of the parent do not exist."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["Forked", "renewed_when_forked"]


class Forked(Protocol):
    """An object that a forked child process inherits."""

    def after_fork(self) -> None:
        """Make the object usable in the child, in any state of the parent's threads."""
        ...


_INHERITED: WeakSet[Forked] = WeakSet()


def renewed_when_forked(thing: Forked) -> None:
    """Call the object's `after_fork` in every child process that inherits it."""
    _INHERITED.add(thing)


def _renew() -> None:
    for thing in list(_INHERITED):
        thing.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
