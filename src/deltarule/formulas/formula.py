"""The base class of formulas: checked fields, names, JSON in both directions, and the registry of names."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from typing import Annotated, Any, ClassVar, Self, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

from deltarule.errors import RecipeError, UnknownArgument, UnknownName, nearest

Values: TypeAlias = Any
"""A number, an array, or a symbol of a traced expression; the methods of a formula accept all three."""

Spec: TypeAlias = str | Mapping[str, Any]
"""The registered name of a formula, or its JSON; `formula` returns the formula itself."""


@dataclass(frozen=True)
class Domain:
    """Valid values of a numeric field: a description for messages, and a predicate."""

    words: str
    holds: Callable[[float], bool]


Positive = Annotated[float, Domain("a number above 0", lambda x: x > 0)]
NonNegative = Annotated[float, Domain("a number of at least 0", lambda x: x >= 0)]
ProperFraction = Annotated[float, Domain("a number of at least 0 and below 1", lambda x: 0 <= x < 1)]
Fraction = Annotated[float, Domain("a number from 0 to 1", lambda x: 0 <= x <= 1)]
Interval = Annotated[float, Domain("a number above 0 and below 1", lambda x: 0 < x < 1)]
Count = Annotated[int, Domain("an integer of at least 1", lambda x: x >= 1)]
Integer = Annotated[int, Domain("an integer of at least 0", lambda x: x >= 0)]

_RENAMED_TYPES = {"Share": "Fraction", "Between": "Interval", "Whole": "Integer"}

_FORMER_GRANULARITIES = {"element": "elementwise", "row": "rowwise", "run": "full-batch"}


def __getattr__(name: str) -> Any:
    if name not in _RENAMED_TYPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _deprecated(f"deltarule.formulas.formula.{name}", _RENAMED_TYPES[name])
    return globals()[_RENAMED_TYPES[name]]


@dataclass(frozen=True)
class Formula:
    """Base class of all formulas; the fields are the hyperparameters.

    Numbers are stored as floats and checked against the `Domain` in the field's type. `bool`, `str` and `int` fields
    select a variant of the formula; the choices of a `str` field are its `Literal` type. A field of type
    `tuple[float, ...]` takes a list of numbers. A field may itself be a formula, and then accepts everything that
    `formula` accepts.

    `granularity` is what one call of a method computes from: one number ("elementwise"), the numbers of a sample
    ("rowwise"), the weights of a layer or all numbers together ("matrix"), or all training samples ("full-batch").

    `field_aliases` are alternative names of fields. `renamed_fields` are former names, which work and warn.
    """

    kind: ClassVar[str] = "formula"
    name: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    field_aliases: ClassVar[Mapping[str, str]] = {}
    renamed_fields: ClassVar[Mapping[str, str]] = {}
    granularity: ClassVar[str] = "elementwise"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "reach" in vars(cls):  # of a user's own formula
            _deprecated(f"{cls.__qualname__}.reach", "granularity", stacklevel=3)
            former = vars(cls)["reach"]
            cls.granularity = _FORMER_GRANULARITIES.get(former, former)

    def __post_init__(self) -> None:
        for field, hint in hints(type(self)).items():  # type: ignore[arg-type]
            checked = _checked(self, field, hint, getattr(self, field))
            object.__setattr__(self, field, checked)

    def to_json(self) -> dict[str, Any]:
        """Return the name and the fields as plain data."""
        values = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return {"name": self.name} | {
            name: value.to_json() if isinstance(value, Formula) else value for name, value in values
        }

    def replace(self, **fields: Any) -> Self:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **named_fields(type(self), fields))


F = TypeVar("F", bound=Formula)
_REGISTER: dict[str, dict[str, type[Formula]]] = {}


def normalized(name: object) -> str:
    """Return a name in the form used for comparison: lower case, without hyphens and underscores.

    >>> normalized("Leaky-ReLU") == normalized("leaky_relu") == normalized("LeakyReLU")
    True
    """
    return str(name).strip().lower().replace("-", "").replace("_", "")


def register(name: str, *aliases: str) -> Callable[[type[F]], type[F]]:
    """Register a formula under `name` for all engines, tests, interfaces and files. Works for user-defined formulas.

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
            known = _lookup(names, each)
            if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise RecipeError(f"a new name for this {cls.kind}", f"{each!r}, which is {known.__qualname__}'s")
            names[each] = cls
        _accept_other_names(cls)
        return cls

    return add


def _lookup(names: Mapping[str, type[Formula]], name: str) -> type[Formula] | None:
    wanted = normalized(name)
    return names.get(name) or next((cls for each, cls in names.items() if normalized(each) == wanted), None)


def _accept_other_names(cls: type[Formula]) -> None:
    """Make the constructor accept fields by their aliases, former names and other spellings; others are errors."""
    construct, own = cls.__init__, {field.name for field in dataclasses.fields(cls)}

    @wraps(construct)
    def accept(self: Formula, *args: Any, **fields: Any) -> None:
        if not fields.keys() <= own:
            fields = named_fields(cls, fields)
        construct(self, *args, **fields)

    setattr(cls, "__init__", accept)  # noqa: B010 - a type checker allows no other constructor


def kinds() -> tuple[str, ...]:
    """Return the kinds that have registered formulas."""
    return tuple(_REGISTER)


def registered(kind: str) -> Iterator[type[Any]]:
    """Iterate over the formulas of a kind, each once, in order of registration."""
    return iter(dict.fromkeys(_REGISTER.get(kind, {}).values()))


def formula(kind: str, spec: str | Mapping[str, Any] | Formula) -> Any:
    """Return the formula given by `spec`: a formula, a registered name, or the JSON of a formula.

    Names and fields are matched regardless of case, hyphens and underscores.

    >>> formula("optimizer", {"name": "sgd", "learning_rate": 0.5})
    SGD(learning_rate=0.5)
    >>> formula("optimizer", {"name": "SGD", "lr": 0.5})
    SGD(learning_rate=0.5)
    """
    if isinstance(spec, Formula):
        if spec.kind != kind:
            raise RecipeError(f"a formula of kind {kind}", f"{spec!r}, of kind {spec.kind}", field=kind)
        return spec
    if isinstance(spec, Mapping):
        fields = dict(spec)
        name = fields.pop("name", None)
    else:
        name, fields = spec, {}
    names = _REGISTER.get(kind, {})
    cls = _lookup(names, name) if isinstance(name, str) else None
    if cls is None:
        guess = nearest(str(name).lower().replace("-", "_"), names)
        raise UnknownName(f"one of {', '.join(names)}", repr(name), field=kind, nearest=guess)
    return cls(**named_fields(cls, fields)) if fields else cls()


def named_fields(cls: type[Formula], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given fields under their canonical names, replacing aliases, former names and other spellings.

    Raises UnknownName for an unknown field and RecipeError for a field given twice.

    >>> from deltarule.formulas import Adam
    >>> named_fields(Adam, {"lr": 0.1, "Beta1": 0.8})
    {'learning_rate': 0.1, 'beta1': 0.8}
    """
    spellings = _spellings(cls)
    fields: dict[str, Any] = {}
    for other, value in given.items():
        name = spellings.get(normalized(other), other)
        if name in fields:
            raise RecipeError(f"{name} of {cls.__name__} once", f"two values, one of them for {other!r}")
        if other in cls.renamed_fields:
            _deprecated(f"{other!r} of {cls.__name__}", name)
        fields[name] = value
    unknown_field(cls, fields)
    return fields


def _spellings(cls: type[Formula]) -> dict[str, str]:
    """Return a map from every normalized name of a field to its canonical name."""
    other = {**cls.field_aliases, **cls.renamed_fields}
    own = {normalized(field.name): field.name for field in dataclasses.fields(cls)}
    return {normalized(alias): name for alias, name in other.items()} | own


def field_name(kind: str, data: Mapping[str, Any], typed: str) -> str:
    """Return the canonical name of a field typed for a formula's JSON, or `typed` if there is no such field.

    >>> field_name("optimizer", {"name": "adam"}, "lr"), field_name("optimizer", {"name": "adam"}, "rate")
    ('learning_rate', 'rate')
    """
    cls = _lookup(_REGISTER.get(kind, {}), str(data.get("name")))
    return typed if cls is None else _spellings(cls).get(normalized(typed), typed)


def _deprecated(former: str, present: str, stacklevel: int = 4) -> None:
    message = f"{former} is deprecated and will be removed in the next version. Use: {present}"
    warnings.warn(message, DeprecationWarning, stacklevel=stacklevel)


def unknown_field(cls: type[Any], fields: Mapping[str, Any]) -> None:
    """Raise UnknownName for a field that the dataclass `cls` does not have, suggesting the nearest name."""
    known = [field.name for field in dataclasses.fields(cls)]
    for field in fields:
        if field not in known:
            guess = nearest(str(field), known)
            raise UnknownArgument(f"a field of {cls.__name__} ({', '.join(known)})", repr(field), guess, nearest=guess)


@cache
def hints(cls: type[Formula]) -> dict[str, Any]:
    """Return the type of each field, including its domain."""
    found = get_type_hints(cls, include_extras=True)
    return {field.name: found[field.name] for field in dataclasses.fields(cls)}


def _checked(owner: Formula, field: str, hint: Any, value: Any) -> Any:
    """Return the value of a field, converted to float if it is a number. Raises RecipeError if it is invalid."""
    label = f"{type(owner).__name__}.{field}"
    base, *extras = (get_args(hint)[0], *hint.__metadata__) if hasattr(hint, "__metadata__") else (hint,)
    if isinstance(base, type) and issubclass(base, Formula):
        return formula(base.kind, value)
    if base is float or (base is int and extras):
        return _number(label, owner, field, base, extras, value)
    if get_origin(base) is tuple:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise RecipeError("a list of numbers", repr(value), field=label)
        return tuple(_number(label, owner, field, float, extras, each) for each in value)
    choices = get_args(base)
    if base is not str and choices:
        return chosen(label, value, choices)
    if base is bool and not isinstance(value, bool):
        raise RecipeError("True or False", repr(value), field=label)
    return value


def chosen(label: str, value: Any, choices: Sequence[str]) -> str:
    """Return the one of `choices` that is meant, in any case and with hyphens or underscores.

    >>> chosen("epsilon_place", "In-Root", ("outside", "in_root"))
    'in_root'
    """
    found = next((each for each in choices if normalized(each) == normalized(value)), None)
    if found is None:
        guess = nearest(str(value).lower(), map(str, choices))
        instead = f"{label.rpartition('.')[2]}={guess or choices[0]!r}"
        expected = f"one of {', '.join(map(repr, choices))}"
        raise UnknownName(expected, repr(value), instead, field=label, nearest=guess)
    return found


def real(value: Any) -> float:
    """Return `value` as a float; NaN if it is not a number or exceeds the range of a float.

    >>> real(3), real("3"), real(10**400)
    (3.0, nan, nan)
    """
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return math.nan
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError):
        return math.nan


def _number(label: str, owner: Formula, field: str, base: Any, extras: list[Any], value: Any) -> float:
    """Return a number within the field's domain, as float or int according to the field."""
    domain = next((extra for extra in extras if isinstance(extra, Domain)), None)
    words = domain.words if domain is not None else "a finite number"
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise RecipeError(words if base is int else "a number", repr(value), field=label)
    number = real(value)
    whole = base is float or number.is_integer()
    if not whole or not math.isfinite(number) or (domain is not None and not domain.holds(number)):
        default = next(f.default for f in dataclasses.fields(owner) if f.name == field)
        usual = f"{type(owner).__name__}({field}={default})" if isinstance(default, (int, float)) else None
        raise RecipeError(words, f"{value}", usual, field=label)
    return base(number)  # type: ignore[no-any-return]
