"""The language of the shell's messages: English, or Chinese by `--lang zh` or by the environment.

English texts are the keys of one catalogue, `chinese.py`; what it does not have stays English. Results that programs
read (JSON, files) are never translated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["count_of", "language_of", "message", "paragraphs", "speaking", "without_language"]

_LANGUAGE: ContextVar[str] = ContextVar("language", default="en")


def language_of(name: str | None, environment: Mapping[str, str]) -> str:
    """Return "zh" or "en" for the name of a language or a locale; without one, for the environment's locale.

    >>> language_of(None, {"LANG": "zh_CN.UTF-8"}), language_of("en", {"LANG": "zh_CN.UTF-8"}), language_of("fr", {})
    ('zh', 'en', 'en')
    """
    if name is None:
        name = next(filter(None, (environment.get(each) for each in ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "zh" if name.lower().startswith("zh") else "en"


def without_language(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the value of `--lang`, wherever it is in a command line, and the other arguments.

    >>> without_language(["train", "--lang", "zh", "iris"])
    ('zh', ['train', 'iris'])
    """
    given, name, place = list(arguments), None, 0
    while place < len(given) and given[place] != "--":
        flag, equals, value = given[place].partition("=")
        if flag.lower() != "--lang" or (not equals and place + 1 == len(given)):
            place += 1
            continue
        name = value if equals else given[place + 1]
        del given[place : place + (1 if equals else 2)]
    return name, given


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Give messages in a language within this context."""
    before = _LANGUAGE.set(language)
    try:
        yield
    finally:
        _LANGUAGE.reset(before)


def message(english: str, **values: object) -> str:
    """Return a message in the chosen language, its fields filled in.

    >>> message("{n} epochs", n=3)
    '3 epochs'
    >>> with speaking("zh"):
    ...     message("Interrupted.")
    '已中断。'
    """
    text = _catalogue().get(english, english)
    return text.format(**values) if values else text


def count_of(n: int, noun: str) -> str:
    """Return a number of things in English: the noun in the singular for one.

    >>> count_of(1, "epoch"), count_of(1200, "validation sample")
    ('1 epoch', '1,200 validation samples')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def paragraphs(english: str) -> str:
    """Return a help text in the chosen language, paragraph by paragraph."""
    known = _catalogue()
    if not known:
        return english
    return "\n\n".join(known.get(" ".join(each.split()), each) for each in english.split("\n\n"))


def _catalogue() -> Mapping[str, str]:
    if _LANGUAGE.get() != "zh":
        return {}
    from deltarule.chinese import MESSAGES

    return MESSAGES
