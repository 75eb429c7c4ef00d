"""Groups of commands that are imported when they are used, and names of options in any spelling."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from deltarule.cli.help_texts import typeless_flags
from deltarule.errors import nearest
from deltarule.language import message, paragraphs

_ALIASES = {"lr": "learning-rate", "out": "output", "l-r": "learning-rate"}
"""Other names of options, without hyphens before them."""

_LIKE = {"lambda": "l2", "weight-decay": "l2", "layers": "hidden", "units": "hidden", "y": "target", "label": "target"}
"""What is suggested for names that other programs use."""


def normalized_token(token: str) -> str:
    """Return an option's or a command's name as it is declared: in any case, with hyphens or underscores.

    >>> normalized_token("Learning_Rate"), normalized_token("lr")
    ('learning-rate', 'learning-rate')
    """
    name = token.lower().replace("_", "-")
    return _ALIASES.get(name, name)


def nearest_option(typed: str, known: Sequence[str]) -> str | None:
    """Return the option that was meant: one that begins like it or has it as a word, or else the most similar one.

    >>> nearest_option("--val", ["--seed", "--validation"]), nearest_option("--weight-decay", ["--l1", "--l2"])
    ('--validation', '--l2')
    """
    name = normalized_token(typed.lstrip("-"))
    if f"--{_LIKE.get(name)}" in known:
        return f"--{_LIKE[name]}"
    begin = [each for each in known if each.startswith(f"--{name}")] or [each for each in known if f"-{name}" in each]
    close = difflib.get_close_matches(name[:100], [each.lstrip("-") for each in known], n=1, cutoff=0.6)
    return next(iter([*(begin if len(name) > 1 else []), *(f"--{each}" for each in close)]), None)


class Source(NamedTuple):
    """Where a command is defined, and the first line of its help.

    target : the function of a command, or the `typer.Typer` of a group: "deltarule.cli.train:train".
    """

    target: str
    help: str


class LazyCommand(TyperCommand):
    """A command that is imported when its context is made: help texts list it without."""

    def __init__(self, name: str, source: Source) -> None:
        super().__init__(name, help=message(source.help))
        self._source = source

    def make_context(self, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
        """Import the command, and make its context."""
        return self._imported().make_context(info_name, args, parent, **extra)

    def _imported(self) -> Any:
        module, _, attribute = self._source.target.partition(":")
        found = getattr(importlib.import_module(module), attribute)
        app = found
        if not isinstance(found, typer.Typer):
            app = typer.Typer(add_completion=False, rich_markup_mode="rich")
            app.command(self.name, cls=_command_class())(found)
        made: Any = typer.main.get_command(app)
        made.help = made.help and paragraphs(made.help)
        for each in made.params:
            each.help = getattr(each, "help", None) and message(each.help)
        return made


def _command_class() -> type[TyperCommand]:
    from deltarule.cli.error_messages import ReportingCommand

    return ReportingCommand


class LazyGroup(TyperGroup):
    """A group of commands that are imported when they are used."""

    sources: Mapping[str, Source] = {}

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the options, with flags that show no type."""
        return typeless_flags(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names in the order of help texts."""
        return list(self.sources)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the requested command; an unknown one is an error with the most similar name."""
        name = args[0] if args else ""
        if name[:1] != "-" and self.get_command(ctx, name) is None:
            close = nearest(normalized_token(name), self.sources)
            ctx.fail(f"No such command '{name[:100]}'." + (f" Try: {ctx.command_path} {close}." if close else ""))
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Return the command of a name, in any spelling."""
        name = cmd_name if cmd_name in self.sources else normalized_token(cmd_name)
        return LazyCommand(name, self.sources[name]) if name in self.sources else None
