"""What compiled functions do with memory and processor: each of these becomes an instruction or two.

Their bodies are never run; `compiler` defines their instructions. An address is a number of bytes; nothing is checked.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from deltarule.native.structs import Struct

__all__ = [
    "add_atomically", "address_of", "call", "call_int32", "call_int64", "flush_subnormals", "keep_subnormals",
    "load_atomically", "load_float32", "load_float64", "load_int32", "load_int64", "pause", "prefetch",
    "restore_float_mode", "square_root", "store", "store_atomically", "struct_at",
]  # fmt: skip

T = TypeVar("T", bound=Struct)


class _OnlyCompiled(TypeError):
    def __init__(self) -> None:
        super().__init__("this is an instruction of compiled code, not a function of Python")


def load_int64(address: int) -> int:
    """Read an integer."""
    raise _OnlyCompiled


def load_int32(address: int) -> np.int32:
    """Read an integer of 32 bits."""
    raise _OnlyCompiled


def load_float64(address: int) -> float:
    """Read a float64."""
    raise _OnlyCompiled


def load_float32(address: int) -> np.float32:
    """Read a float32."""
    raise _OnlyCompiled


def store(address: int, value: Any) -> None:
    """Write a number of whatever type it is."""
    raise _OnlyCompiled


def struct_at(struct: type[T], address: int) -> T:
    """Give the struct at an address."""
    raise _OnlyCompiled


def address_of(struct: Struct) -> int:
    """Give the address of a struct."""
    raise _OnlyCompiled


def call(function: int, *arguments: Any) -> None:
    """Call the function at an address with integers and addresses."""
    raise _OnlyCompiled


def call_int32(function: int, *arguments: Any) -> int:
    """Call a function of C that returns an integer of 32 bits."""
    raise _OnlyCompiled


def call_int64(function: int, *arguments: Any) -> int:
    """Call a function of C that returns an integer of 64 bits, or an address."""
    raise _OnlyCompiled


def prefetch(address: int) -> None:
    """Fetch the cache line at an address, which need not be mapped, into the second cache."""
    raise _OnlyCompiled


def add_atomically(address: int, number: int) -> int:
    """Add to the integer at an address; return what it was before."""
    raise _OnlyCompiled


def load_atomically(address: int) -> int:
    """Read an integer, and see all that its writer wrote before it."""
    raise _OnlyCompiled


def store_atomically(address: int, number: int) -> None:
    """Write an integer after all that was written before."""
    raise _OnlyCompiled


def pause() -> None:
    """Tell the processor that this thread is waiting in a loop."""
    raise _OnlyCompiled


def flush_subnormals() -> int:
    """Make subnormal operands and results 0 in this thread; return its floating-point mode before."""
    raise _OnlyCompiled


def keep_subnormals() -> int:
    """Calculate with subnormal numbers in this thread, as IEEE 754 requires; return its floating-point mode before."""
    raise _OnlyCompiled


def restore_float_mode(mode: int) -> None:
    """Restore a floating-point mode that one of the two functions above returned."""
    raise _OnlyCompiled


def square_root(x: float) -> float:
    """√x, rounded as IEEE 754 requires."""
    raise _OnlyCompiled
