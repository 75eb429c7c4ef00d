"""The command `deltarule`: its subcommands and its error handling.

Exit codes: 0 for success; 1 if training diverged; 2 for a usage or input error, or if a result cannot be written; 130
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
from deltarule.cli.doctor import doctor
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
"""The class of usage errors; the module that contains it differs between versions of Typer."""

BROKEN_PIPE = 141
"""The exit code that a shell reports for a program killed by SIGPIPE."""


class CommandGroup(TyperGroup):
    """The group of all commands, which converts their errors to messages and exit codes."""

    def main(  # type: ignore[override]  # further arguments are in `extra`
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
        """Run the requested command; print an error as one sentence and exit with its code."""
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
        except ImportError:
            if not interrupts.requested():
                raise
            # The signal came while a module of C code was imported, which reports an error of its own.
            raise typer.Exit(_interrupted()) from None
        except OSError as error:
            raise typer.Exit(_complain(DeltaruleError("files that can be read and written", str(error)))) from None


def _interrupted() -> int:
    """Report the interruption and return the exit code."""
    interrupts.said()
    say("Interrupted.", style="bold")
    return interrupts.code


def _complain(error: DeltaruleError) -> int:
    """Report an error and return the exit code."""
    _say_error(str(error))
    return 1 if isinstance(error, Diverged) else 2


def _say_error(sentence: str) -> None:
    say(" ".join(sentence.split()), console, style="red")


def _usage(error: Any) -> int:
    """Report a usage error, or print the help text if no command was given; return the exit code."""
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


app = typer.Typer(cls=CommandGroup, no_args_is_help=True, add_completion=False, rich_markup_mode="rich")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"deltarule {__version__}")
        raise typer.Exit


@app.callback()
def deltarule(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Train deep feedforward networks, evaluate them, and suggest improvements.

    Start with this command, which takes seconds and needs no download:

    \b
    deltarule train digits

    Then look at the results in runs/digits-1 and use the model:

    \b
    deltarule show runs/digits-1
    deltarule predict runs/digits-1 digits
    """  # noqa: D301 - Typer does not join the lines after \b


app.command("train")(train)
data.commands.command("augment")(augment)
app.command("compare")(compare)
app.command("predict")(predict)
app.command("show")(show)
app.command("plan")(plan)
app.add_typer(data.commands, name="data", help="List, download, describe and augment data sets.")
app.command("formulas")(formulas)
app.command("gradient-check")(gradient_check)
app.command("lr-range")(learning_rate_range)
app.command("reproduce")(reproduce)
app.command("illustrate")(illustrate)
app.command("doctor")(doctor)


def main() -> None:
    """Run the command line of this process; `deltarule.__main__` installs the signal handlers."""
    app()
