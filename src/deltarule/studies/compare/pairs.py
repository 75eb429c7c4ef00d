"""The pairs of variants that a comparison tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from deltarule.errors import RecipeError, UnknownName, nearest
from deltarule.studies.compare.variants import Variant

Pair: TypeAlias = tuple[str, str]
Against: TypeAlias = str | Sequence[Pair] | None
"""What a comparison tests: all pairs, each other variant against one, or chosen pairs."""

VERSUS = " vs "
_EXAMPLE = 'against="sgd" or against=[("adam", "sgd")]'


def pairs_of(against: Against, variants: Sequence[Variant]) -> tuple[Pair, ...]:
    """Return the pairs to test, by the names of the variants; empty for all pairs.

    Raises RecipeError for something else than names of two variants.

    >>> from deltarule.recipes import Recipe
    >>> pairs_of("sgd", [Variant(name, Recipe()) for name in ("sgd", "momentum", "adam")])
    (('momentum', 'sgd'), ('adam', 'sgd'))
    """
    names = [variant.name for variant in variants]
    if against is None:
        return ()
    if isinstance(against, str):
        _known(against, names)
        return tuple((name, against) for name in names if name != against)
    pairs = [_pair(each, names) for each in against] if isinstance(against, Sequence) else []
    if not pairs or len({frozenset(pair) for pair in pairs}) < len(pairs):
        raise RecipeError(
            "the name of a variant, or different pairs of names", repr(against), _EXAMPLE, field="against"
        )
    return tuple(pairs)


def against_of(texts: Sequence[str], variants: Sequence[Variant]) -> Against:
    """Read what the shell's option names: variants, or pairs such as "adam vs sgd".

    >>> from deltarule.recipes import Recipe
    >>> three = [Variant(name, Recipe()) for name in ("sgd", "momentum", "adam")]
    >>> against_of(["sgd", "adam vs momentum"], three)
    [('momentum', 'sgd'), ('adam', 'sgd'), ('adam', 'momentum')]
    """
    names = [variant.name for variant in variants]
    pairs: list[Pair] = []
    for text in texts:
        if text in names or VERSUS not in text:
            pairs += pairs_of(text, variants)
        else:
            first, _, second = text.partition(VERSUS)
            pairs.append((first.strip(), second.strip()))
    unique = {frozenset(pair): pair for pair in pairs}
    return list(unique.values()) if pairs else None


def _pair(given: Any, names: Sequence[str]) -> Pair:
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 2 or given[0] == given[1]:
        raise RecipeError("a pair of two variants", repr(given), _EXAMPLE, field="against")
    first, second = (_known(each, names) for each in given)
    return first, second


def _known(name: Any, names: Sequence[str]) -> str:
    if name not in names:
        guess = nearest(str(name), names)
        raise UnknownName(f"a variant ({', '.join(names)})", repr(name), guess, field="against", nearest=guess)
    return str(name)
