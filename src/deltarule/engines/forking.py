"""What a forked child process must renew: a thread of the parent may have held it, and that thread is not there."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["Forked", "renewed_when_forked"]


class Forked(Protocol):
    """An object that a forked child process inherits."""

    def after_fork(self) -> None:
        """Make it usable in the child, whatever the parent's threads were doing."""
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
