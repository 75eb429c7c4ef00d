"""The command `deltarule`: its commands, and what becomes of errors.

Exit codes: 0; 1 where training diverged; 2 for a usage or input error, and where a result could not be written; 130
after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP. An error is one sentence on standard error, never a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from deltarule import __version__
from deltarule.cli import data
from deltarule.cli.augment import augment
from deltarule.cli.compare import compare
from deltarule.cli.formulas import formulas
from deltarule.cli.gradient_check import gradient_check
from deltarule.cli.illustrate import illustrate
from deltarule.cli.interrupts import interrupts
from deltarule.cli.learning_rate_range import learning_rate_range
from deltarule.cli.plan import plan
from deltarule.cli.predict import predict, show
from deltarule.cli.reproduce import reproduce
from deltarule.cli.streams import silence
from deltarule.cli.terminal import console, say
from deltarule.cli.train import train
from deltarule.errors import DeltaruleError, Diverged, OutOfMemory, OutputError

_UsageError: Any = typer.BadParameter.__mro__[1]
"""What is wrong with a command line; where Typer keeps this class has changed between its versions."""

BROKEN_PIPE = 141
"""What a shell reports of a program whose reader left."""


class Door(TyperGroup):
    """All commands together, and what their errors turn into."""

    def main(  # type: ignore[override]  # what else there is comes in `extra`
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; with `standalone_mode`, end the process with its exit code."""
        prog_name = prog_name or "deltarule"
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except _UsageError as error:
            code = _usage(error)
        except BrokenPipeError:
            silence()
            code = BROKEN_PIPE
        except OSError as error:
            silence()
            code = _complain(OutputError("a standard output that can be written to", error.strerror or str(error)))
        except (KeyboardInterrupt, typer.Abort):
            code = _interrupted()
        code = code if isinstance(code, int) else 0
        interrupts.end(code)
        sys.exit(code)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for; an error becomes a sentence and an exit code."""
        try:
            interrupts.begin()
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(_interrupted()) from None
        except BrokenPipeError:
            silence()
            raise typer.Exit(BROKEN_PIPE) from None
        except DeltaruleError as error:
            raise typer.Exit(_complain(error)) from None
        except MemoryError as error:
            needed = "fewer samples, smaller batches or a smaller network; a .npy file is read as it is needed"
            short = OutOfMemory("enough memory", str(error).rstrip(".") or "none left", needed)
            raise typer.Exit(_complain(short)) from None
        except OSError as error:
            raise typer.Exit(_complain(DeltaruleError("files that can be read and written", str(error)))) from None


def _interrupted() -> int:
    """Say so, and the exit code."""
    interrupts.said()
    say("Interrupted.", style="bold")
    return interrupts.code


def _complain(error: DeltaruleError) -> int:
    """Say what is wrong, and the exit code."""
    _say_error(str(error))
    return 1 if isinstance(error, Diverged) else 2


def _say_error(sentence: str) -> None:
    say(" ".join(sentence.split()), console, style="red")


def _usage(error: Any) -> int:
    """Say what is wrong with the command line; without any command, say how it is used."""
    if type(error).__name__ == "NoArgsIsHelpError":
        if error.format_message():
            say(error.format_message(), console)
        return 2
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "deltarule"
    sentence = error.format_message().rstrip()
    ended = sentence if sentence.endswith((".", "?")) else f"{sentence}."
    _say_error(f"{ended} See: {path} --help")
    return 2


app = typer.Typer(cls=Door, no_args_is_help=True, add_completion=False, rich_markup_mode="rich")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"deltarule {__version__}")
        raise typer.Exit


@app.callback()
def deltarule(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Train deep feedforward networks, and say how good they are and what would help.

    Start with this; it takes seconds, and the data are there already:

    \b
    deltarule train digits

    Then look at runs/digits-1, and ask the model:

    \b
    deltarule show runs/digits-1
    deltarule predict runs/digits-1 digits
    """  # noqa: D301 - Typer keeps the lines after \b apart


app.command("train")(train)
data.commands.command("augment")(augment)
app.command("compare")(compare)
app.command("predict")(predict)
app.command("show")(show)
app.command("plan")(plan)
app.add_typer(data.commands, name="data", help="The data sets that have a name: list them, fetch them, describe them.")
app.command("formulas")(formulas)
app.command("gradient-check")(gradient_check)
app.command("lr-range")(learning_rate_range)
app.command("reproduce")(reproduce)
app.command("illustrate")(illustrate)


def main() -> None:
    """Run the command line of this process; `deltarule.__main__` answers signals beside."""
    app()
