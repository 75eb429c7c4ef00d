"""What all formulas share: fields that are checked, a name, JSON both ways, and the register they stand in."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Self, TypeAlias, TypeVar, get_args, get_type_hints

from deltarule.errors import RecipeError, UnknownName, nearest

Values: TypeAlias = Any
"""A number, an array, or a symbol that stands for one: a formula does not care which."""

Spec: TypeAlias = str | Mapping[str, Any]
"""A formula by its registered name, or as its JSON: what `formula` turns into the formula itself."""


@dataclass(frozen=True)
class Domain:
    """The numbers that a field may hold, in words and as a test."""

    words: str
    holds: Callable[[float], bool]


Positive = Annotated[float, Domain("a number above 0", lambda x: x > 0)]
NonNegative = Annotated[float, Domain("a number of at least 0", lambda x: x >= 0)]
Fraction = Annotated[float, Domain("a number of at least 0 and below 1", lambda x: 0 <= x < 1)]
Share = Annotated[float, Domain("a number from 0 to 1", lambda x: 0 <= x <= 1)]
Between = Annotated[float, Domain("a number above 0 and below 1", lambda x: 0 < x < 1)]
Count = Annotated[int, Domain("a whole number of at least 1", lambda x: x >= 1)]
Whole = Annotated[int, Domain("a whole number of at least 0", lambda x: x >= 0)]


@dataclass(frozen=True)
class Formula:
    """A piece of mathematics whose fields are its hyperparameters.

    Numbers are held as floats, checked against the domain that the field's type names. `bool`, `str` and `int`
    fields choose between forms of the formula; the choices of a `str` field stand in its `Literal` type. A field may be
    a formula itself, and then takes whatever `formula` does.
    """

    kind: ClassVar[str] = "formula"
    name: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    reach: ClassVar[str] = "element"

    def __post_init__(self) -> None:
        for field, hint in hints(type(self)).items():  # type: ignore[arg-type]
            checked = _checked(self, field, hint, getattr(self, field))
            object.__setattr__(self, field, checked)

    def to_json(self) -> dict[str, Any]:
        """The formula as data: its name and its fields."""
        values = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return {"name": self.name} | {
            name: value.to_json() if isinstance(value, Formula) else value for name, value in values
        }

    def replace(self, **fields: Any) -> Self:
        """The same formula with other values for some of its fields."""
        unknown_field(type(self), fields)
        return dataclasses.replace(self, **fields)


F = TypeVar("F", bound=Formula)
_REGISTER: dict[str, dict[str, type[Formula]]] = {}


def register(name: str, *aliases: str) -> Callable[[type[F]], type[F]]:
    """Make a formula known by `name` to every engine, law, door and file. One's own formulas too.

    >>> @register("bent_identity")
    ... @dataclass(frozen=True)
    ... class BentIdentity(Formula):
    ...     kind = "example"
    >>> formula("example", "bent_identity")
    BentIdentity()
    """

    def add(cls: type[F]) -> type[F]:
        cls.name, cls.aliases = name, aliases
        names = _REGISTER.setdefault(cls.kind, {})
        for each in (name, *aliases):
            known = names.get(each)
            if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise RecipeError(f"a new name for this {cls.kind}", f"{each!r}, which is {known.__qualname__}'s")
            names[each] = cls
        return cls

    return add


def kinds() -> tuple[str, ...]:
    """The kinds of which a formula is registered."""
    return tuple(_REGISTER)


def registered(kind: str) -> Iterator[type[Any]]:
    """Every formula of a kind, each once, in the order in which they were registered."""
    return iter(dict.fromkeys(_REGISTER.get(kind, {}).values()))


def formula(kind: str, spec: str | Mapping[str, Any] | Formula) -> Any:
    """The formula that `spec` means: a formula itself, a registered name, or the JSON of one.

    >>> formula("optimizer", {"name": "sgd", "learning_rate": 0.5})
    SGD(learning_rate=0.5)
    """
    if isinstance(spec, Formula):
        if spec.kind != kind:
            raise RecipeError(f"a formula of kind {kind}", f"{spec!r}, of kind {spec.kind}")
        return spec
    if isinstance(spec, Mapping):
        fields = dict(spec)
        name = fields.pop("name", None)
    else:
        name, fields = spec, {}
    names = _REGISTER.get(kind, {})
    if not isinstance(name, str) or name not in names:
        guess = nearest(str(name), names)
        raise UnknownName(f"one of the {kind} names {', '.join(names)}", repr(name), repr(guess) if guess else None)
    cls = names[name]
    unknown_field(cls, fields)
    return cls(**fields)


def unknown_field(cls: type[Any], fields: Mapping[str, Any]) -> None:
    """Refuse a field that the dataclass `cls` does not have, and offer the nearest that it has."""
    known = [field.name for field in dataclasses.fields(cls)]
    for field in fields:
        if field not in known:
            guess = nearest(str(field), known)
            raise UnknownName(f"a field of {cls.__name__} ({', '.join(known)})", repr(field), guess)


@cache
def hints(cls: type[Formula]) -> dict[str, Any]:
    """The type of each field, with its domain."""
    found = get_type_hints(cls, include_extras=True)
    return {field.name: found[field.name] for field in dataclasses.fields(cls)}


def _checked(owner: Formula, field: str, hint: Any, value: Any) -> Any:
    """The value of a field, as a float where a number is due, or a RecipeError."""
    label = f"{type(owner).__name__}.{field}"
    base, *extras = (get_args(hint)[0], *hint.__metadata__) if hasattr(hint, "__metadata__") else (hint,)
    if isinstance(base, type) and issubclass(base, Formula):
        return formula(base.kind, value)
    if base is float or (base is int and extras):
        return _number(label, owner, field, base, extras, value)
    choices = get_args(base)
    if base is not str and choices and value not in choices:
        guess = nearest(str(value), map(str, choices))
        instead = f"{field}={guess!r}" if guess else None
        raise RecipeError(f"one of {', '.join(map(repr, choices))} for {label}", repr(value), instead)
    if base is bool and not isinstance(value, bool):
        raise RecipeError(f"True or False for {label}", repr(value))
    return value


def _number(label: str, owner: Formula, field: str, base: Any, extras: list[Any], value: Any) -> float:
    """A number of the field's domain: a float, or a whole number where the field is one."""
    domain = next((extra for extra in extras if isinstance(extra, Domain)), None)
    words = domain.words if domain is not None else "a finite number"
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise RecipeError(f"{words if base is int else 'a number'} for {label}", repr(value))
    number = float(value)
    whole = base is float or number.is_integer()
    if not whole or not math.isfinite(number) or (domain is not None and not domain.holds(number)):
        default = next(f.default for f in dataclasses.fields(owner) if f.name == field)
        usual = f"{type(owner).__name__}({field}={default})" if isinstance(default, (int, float)) else None
        raise RecipeError(f"{words} for {label}", f"{value}", usual)
    return base(number)  # type: ignore[no-any-return]
