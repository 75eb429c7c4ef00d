"""Errors in the syntax of the shell: the field at fault and the suggestion as options of the command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from typer.core import TyperCommand

from deltarule.cli.help_texts import typeless_flags
from deltarule.cli.interrupts import interrupts
from deltarule.cli.terminal import engine_messages, messages_of
from deltarule.errors import RecipeError

EXAMPLES = {
    "against": '"adam vs sgd"',
    "budget": "60s",
    "preset": "realmlp",
    "reference_error": "0.02",
    "seeds": "10",
    "scheduler": "tcp://host:8786",
    "seeds_vary": "start,order",
    "set": "optimizer.beta1=0.8",
    "tune": "learning_rate",
    "vary": "optimizer=sgd,momentum,adam",
}
"""Valid text for options that are not fields of a recipe and have no default."""


class ReportingCommand(TyperCommand):
    """A command whose errors name its options, and whose help text is the same in all versions of Typer."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the arguments and options, with flags that show no type."""
        return typeless_flags(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the parts of the usage line: `[OPTIONS] MODEL [DATA]`."""
        arguments = [each for each in self.get_params(ctx) if each.param_type_name == "argument"]
        names = ((each.metavar, each.required, "" if each.nargs == 1 else "...") for each in arguments)
        shown = [f"{name}{more}" if required else f"[{name}]{more}" for name, required, more in names]
        return [self.options_metavar or "", *shown]

    def invoke(self, ctx: Any) -> Any:
        """Run the command; from here on it cleans up after a signal."""
        interrupts.begin()
        try:
            with engine_messages(messages_of(ctx.params.get("quiet", False))):
                return super().invoke(ctx)
        except RecipeError as error:
            raise in_the_shell(error, _options(self.params)) from error.__cause__


def in_the_shell(error: RecipeError, options: Mapping[str, Any]) -> RecipeError:
    """Return the error with its field and its suggestion as options; `options` has the defaults of those that exist.

    >>> in_the_shell(RecipeError("a number above 0", "-1", field="SGD.learning_rate"), {"learning_rate": None})
    RecipeError('Expected a number above 0 for --learning-rate, got -1. Try: --learning-rate 0.001')
    >>> print(in_the_shell(RecipeError("a number above 0", "-1", field="Adam.epsilon"), {"set": None}))
    Expected a number above 0 for optimizer.epsilon, got -1. Try: --set optimizer.epsilon=1e-08
    """
    from deltarule.recipes.edit import option_of, path_of

    if error.field is None:
        return error
    nearest = getattr(error, "nearest", None)
    option = option_of(error.field)
    if option is not None and option.name in options:
        flag = _flag(option.name)
        owner = error.field.partition(".")[0] if option.repeatable else None
        tries = f"{flag} {option.hint(nearest or owner)}"
        if option.otherwise is not None and nearest is None:
            tries += f", or {flag} {option.otherwise[0]} {option.otherwise[1]}"
        return error.replace(field=_place(error.field, flag, option.repeatable), suggestion=tries)
    if error.field in options:
        flag = _flag(error.field)
        return error.replace(field=flag, suggestion=_own_suggestion(error, options[error.field], nearest))
    if option is not None or path_of(error.field) != error.field:
        path = path_of(error.field) if option is None else option.path
        value = _default(error.field)
        if "set" in options and (nearest or value):
            return error.replace(field=path, suggestion=f"--set {path}={nearest or value}")
        return error.replace(field=path)
    return error


def _place(field: str, flag: str, of_several: bool) -> str:
    """Return the option at fault; with the field of the formula where the option takes several."""
    return f"{flag} ({field})" if of_several and "." in field else flag


def _own_suggestion(error: RecipeError, default: Any, nearest: str | None) -> str | None:
    """Return the suggestion for an option that is not a field of a recipe."""
    flag = _flag(str(error.field))
    if error.field in ("set", "vary") and error.suggestion:
        return f"{flag} {error.suggestion}"
    example = nearest or default or EXAMPLES.get(str(error.field))
    return error.suggestion if example is None else f"{flag} {example}"


def _default(field: str) -> str | None:
    """Return the default of a formula's field as text, by the field of an error: "Adam.epsilon"."""
    from deltarule.recipes.edit import default_of
    from deltarule.recipes.options import text_of

    value = default_of(field)
    return None if value is None else text_of(value)


def _options(parameters: Iterable[Any]) -> dict[str, Any]:
    """Return the defaults of a command's options by their names, with underscores."""
    return {each.opts[0].lstrip("-").replace("-", "_"): each.default for each in parameters}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
