"""Records in memory: dataclasses whose fields compiled code reads by name.

A field is one word of 64 bits: an integer, an address, a truth value, or a float64. A field that is a struct itself
is stored inside; a `Pointer` to a struct is the address of one elsewhere.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    Generic,
    NewType,
    TypeAlias,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np
import numpy.typing as npt

__all__ = [
    "Address",
    "Count",
    "Field",
    "Pointer",
    "Record",
    "Stride",
    "Struct",
    "fields_of",
    "packed",
    "size_of",
    "zeros",
]

Address = NewType("Address", int)
"""Where something begins in memory."""
Stride = NewType("Stride", int)
"""Bytes from one row, or one number, to the next."""
Count = NewType("Count", int)
"""How many there are of something."""

T = TypeVar("T", bound="Struct")
_POINTER = "pointer"
Pointer: TypeAlias = Annotated[T, _POINTER]
"""The address of a struct."""


class Struct:
    """Base of all records; a subclass is a dataclass."""


@dataclass(frozen=True)
class Field:
    """Where a field is, in words from the struct's beginning, and its type.

    pointer : whether it is the address of a struct elsewhere. nested : whether it is a struct itself.
    """

    offset: int
    type: Any
    pointer: bool = False
    nested: bool = False

    @property
    def words(self) -> int:
        """Words that the field takes."""
        return size_of(self.type) // 8 if self.nested else 1


def is_struct(kind: Any) -> bool:
    """Whether a type is that of a record."""
    return isinstance(kind, type) and issubclass(kind, Struct)


_FIELDS: dict[type[Struct], Mapping[str, Field]] = {}


def fields_of(struct: type[Struct]) -> Mapping[str, Field]:
    """The fields by name."""
    if struct not in _FIELDS:
        _FIELDS[struct] = _found(struct)
    return _FIELDS[struct]


def _found(struct: type[Struct]) -> Mapping[str, Field]:
    fields: dict[str, Field] = {}
    offset = 0
    hints = get_type_hints(struct, include_extras=True)
    for each in dataclasses.fields(struct):  # type: ignore[arg-type]
        hint = hints[each.name]
        pointer = get_origin(hint) is Annotated and _POINTER in get_args(hint)
        kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
        kind = getattr(kind, "__supertype__", kind)
        if not is_struct(kind) and kind not in (int, float, bool):
            raise TypeError(f"{struct.__name__}.{each.name}: {hint} is no field of a struct")
        fields[each.name] = Field(offset, kind, pointer, nested=is_struct(kind) and not pointer)
        offset += fields[each.name].words
    return fields


def size_of(struct: type[Struct]) -> int:
    """Bytes of a struct."""
    fields = fields_of(struct)
    return 8 * sum([field.words for field in fields.values()])


def packed(value: Struct) -> list[int]:
    """The words of a struct."""
    words: list[int] = []
    for name, field in fields_of(type(value)).items():
        given = getattr(value, name)
        if field.nested:
            words += packed(given)
        elif field.type is float:
            words.append(int(np.float64(given).view(np.int64)))
        else:
            words.append(int(given))
    return words


def zeros(struct: type[T]) -> T:
    """A struct whose fields are all 0.

    >>> @dataclass(frozen=True)
    ... class Point(Struct):
    ...     x: float
    ...     label: int
    >>> zeros(Point)
    Point(x=0.0, label=0)
    """
    fields = fields_of(struct).items()
    return struct(**{name: zeros(field.type) if field.nested else field.type(0) for name, field in fields})


class Record(Generic[T]):
    """A struct in memory, all 0 at first, or at the words given; its fields by name from Python."""

    def __init__(self, struct: type[T], at: npt.NDArray[np.int64] | None = None, **values: float) -> None:
        self.struct = struct
        self.words: npt.NDArray[np.int64] = np.zeros(size_of(struct) // 8, np.int64) if at is None else at
        self.address = Address(self.words.ctypes.data)
        self.set(**values)

    def set(self, **values: float) -> None:
        """Write some fields."""
        for name, value in values.items():
            field = fields_of(self.struct)[name]
            self._view(field)[field.offset] = value

    def address_of(self, name: str) -> Address:
        """The address of a field."""
        return Address(self.address + 8 * fields_of(self.struct)[name].offset)

    def put(self, name: str, value: Struct) -> None:
        """Write a field that is a struct inside."""
        self.words_of(name)[:] = packed(value)

    def words_of(self, name: str) -> npt.NDArray[np.int64]:
        """The words of a field, to be written in place."""
        field = fields_of(self.struct)[name]
        return self.words[field.offset : field.offset + field.words]

    def value(self) -> T:
        """The struct as it is now, where no field is a struct itself."""
        return self.struct(**{name: self[name] for name in fields_of(self.struct)})

    def __getitem__(self, name: str) -> Any:
        field = fields_of(self.struct)[name]
        return self._view(field)[field.offset].item()

    def _view(self, field: Field) -> npt.NDArray[Any]:
        return self.words.view(np.float64) if field.type is float else self.words
