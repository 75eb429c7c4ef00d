"""Notations of numbers and dates beside 1234.5 and 2024-12-31: grouped digits, decimal commas, units, orders of a date.

A column is read in a notation only if it is the only one that fits all of its values.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Protocol, TypeVar

__all__ = [
    "DATES",
    "DateNotation",
    "Notation",
    "NumberNotation",
    "date_notations",
    "different_readings",
    "number_notation",
    "number_notations",
    "only_reading",
]

_UNITS = "$€£¥₹%"
_UNIT = rf"[{_UNITS}]|USD|EUR|GBP|CHF|JPY"
_WORD = re.compile(
    rf"(?P<sign>[+-]?)\s?(?P<before>{_UNIT})?\s?(?P<minus>-?)"
    rf"(?P<digits>\d[\d.,' \u00a0\u202f]*(?:[eE][+-]?\d+)?)(?P<after>{_UNIT})?"
)
_SPACES = str.maketrans("\u00a0\u202f", "  ")
_TIME = r"(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?)?"


class Notation(Protocol):
    """A way in which values of a column are written."""

    @property
    def name(self) -> str:
        """Its name, which is an example or a pattern."""
        ...

    def number(self, word: str) -> float | None:
        """Return the number that a word means, or None where it is not written so."""
        ...


Some = TypeVar("Some", bound=Notation)


@dataclass(frozen=True)
class NumberNotation:
    """Digits in groups of three, a decimal mark, and one unit before or after them.

    example : 1234.5 in this notation, without the unit.
    unit : a currency or "%"; a word may lack it. 12 % is 12.

    >>> NumberNotation("1.234,5", "€").number("€ 1.844,04"), NumberNotation("1,234.5").number("1,84")
    (1844.04, None)
    """

    example: str
    unit: str = ""

    @property
    def name(self) -> str:
        """The example with its unit."""
        return f"{self.example}{self.unit}" if self.unit == "%" else f"{self.unit}{self.example}"

    @property
    def decimal(self) -> str:
        """The decimal mark."""
        return self.example[5]

    def number(self, word: str) -> float | None:
        """Return the number that a word means, or None where it is not written so."""
        found = _parsed(word)
        if found is None or found[2] not in {"", self.unit}:
            return None
        sign, digits, _ = found
        group = self.example[1]
        if not _pattern(group, self.decimal).fullmatch(digits):
            return None
        number = sign * float(digits.replace(group, "").replace(self.decimal, "."))
        return number if math.isfinite(number) else None

    def is_money_in_thousandths(self, word: str) -> bool:
        """Return whether an amount of money has three decimals, as none has."""
        found = _parsed(word)
        return found is not None and found[2] not in {"", "%"} and len(found[1].partition(self.decimal)[2]) == 3


@cache
def _pattern(group: str, decimal: str) -> re.Pattern[str]:
    g, d = re.escape(group), re.escape(decimal)
    return re.compile(rf"(?:[1-9]\d{{0,2}}(?:{g}\d{{3}})+|\d+)(?:{d}\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


def _parsed(word: str) -> tuple[int, str, str] | None:
    """Return the sign, the digits and the unit of a word; None where it has no digits, or two units."""
    found = _WORD.fullmatch(word.strip())
    if found is None or (found["before"] and found["after"]) or (found["sign"] and found["minus"]):
        return None
    sign = -1 if "-" in (found["sign"], found["minus"]) else 1
    return sign, found["digits"].translate(_SPACES).rstrip(), found["before"] or found["after"] or ""


_EXAMPLES = ("1,234.5", "1.234,5", "1'234.5", "1 234,5", "1 234.5")


@dataclass(frozen=True)
class DateNotation:
    """Day, month and year in numbers, in one order and with one separator, with or without a time of day.

    >>> DateNotation("d/m/y").number("18/10/2023"), DateNotation("d/m/y").number("10/18/2023")
    (19648.0, None)
    """

    name: str

    def number(self, word: str) -> float | None:
        """Return the days since 1970-01-01, or None where a word is not written so."""
        found = _date_pattern(self.name).fullmatch(word)
        if found is None:
            return None
        try:
            days = date(int(found["y"]), int(found["m"]), int(found["d"])).toordinal() - date(1970, 1, 1).toordinal()
        except ValueError:
            return None
        hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
        return None if hour > 23 or minute > 59 or second > 59 else days + (hour * 3600 + minute * 60 + second) / 86_400


@cache
def _date_pattern(name: str) -> re.Pattern[str]:
    fields = {"d": r"(?P<d>\d{1,2})", "m": r"(?P<m>\d{1,2})", "y": r"(?P<y>\d{4})"}
    return re.compile(re.escape(name[1]).join(fields[each] for each in name[::2]) + _TIME, re.ASCII)


DATES = tuple(map(DateNotation, ("d/m/y", "m/d/y", "d.m.y", "d-m-y", "m-d-y", "y/m/d", "y.m.d")))
"""The notations of dates beside ISO 8601's."""


def number_notations(words: Collection[str]) -> list[NumberNotation]:
    """Return the notations in which all these words, at least one, are numbers with the same unit.

    >>> [each.name for each in number_notations(["$1,844.04", "$900"])]
    ['$1,234.5']
    >>> [each.name for each in number_notations(["1,234", "5,678"])]
    ['1,234.5', '1.234,5', '1 234,5']
    """
    units = set()
    for word in words:
        found = _parsed(word)
        if found is None:
            return []
        units.add(found[2])
        if len(units) > 1:
            return []
    return _fitting([NumberNotation(example, *units) for example in _EXAMPLES], words)


def date_notations(words: Collection[str]) -> list[DateNotation]:
    """Return the notations in which all these words, at least one, are dates.

    >>> [each.name for each in date_notations(["3/4/2023", "18/10/2023"])]
    ['d/m/y']
    """
    return _fitting(DATES, words)


def number_notation(name: str) -> NumberNotation | None:
    """Return the notation of that name, or None.

    >>> number_notation("1,234.5%")
    NumberNotation(example='1,234.5', unit='%')
    """
    example = next((each for each in _EXAMPLES if each in name), "")
    made = NumberNotation(example, name.replace(example, "")) if example else None
    return made if made is not None and made.name == name and re.fullmatch(f"(?:{_UNIT})?", made.unit) else None


def only_reading(notations: Sequence[Some], words: Collection[str]) -> Some | None:
    """Return the notation to read words in; None if there is none, or several that give different numbers.

    Amounts of money do not have three decimals: $1,234 is 1234.
    """
    plausible = [
        each
        for each in notations
        if not isinstance(each, NumberNotation) or not any(map(each.is_money_in_thousandths, words))
    ]
    if not plausible:
        return None
    first, *others = plausible
    same = all(each.number(word) == first.number(word) for each in others for word in words)
    return first if same else None


def different_readings(notations: Sequence[Some], words: Collection[str]) -> tuple[str, list[Some]]:
    """Return the first word that several notations read as different numbers, and one notation for each number.

    >>> different_readings([DateNotation("d/m/y"), DateNotation("m/d/y")], ["1/1/2023", "1/2/2023"])
    ('1/2/2023', [DateNotation(name='d/m/y'), DateNotation(name='m/d/y')])
    """
    for word in words:
        found = {notation.number(word): notation for notation in reversed(notations)}
        if len(found) > 1:
            return word, sorted(found.values(), key=notations.index)
    return "", []


def _fitting(notations: Sequence[Some], words: Collection[str]) -> list[Some]:
    return [each for each in notations if all(each.number(word) is not None for word in words)]
