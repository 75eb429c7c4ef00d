"""The command `deltarule`: its subcommands and its error handling.

Exit codes: 0 for success; 1 if training diverged; 2 for a usage or input error, or if a result cannot be written; 130
after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP. An error is one sentence on standard error, never a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from deltarule import __version__
from deltarule.cli.command_groups import LazyGroup, Source, nearest_option, normalized_token
from deltarule.cli.interrupts import interrupts
from deltarule.cli.streams import silence
from deltarule.cli.terminal import console, say
from deltarule.errors import DeltaruleError, Diverged, OutOfMemory, OutputError

_UsageError: Any = typer.BadParameter.__mro__[1]
"""The class of usage errors; the module that contains it differs between versions of Typer."""

BROKEN_PIPE = 141
"""The exit code that a shell reports for a program killed by SIGPIPE."""


COMMANDS = {
    "train": Source("deltarule.cli.train:train", "Train a network on a data set and report its performance."),
    "compare": Source(
        "deltarule.cli.compare:compare",
        "Compare variants of a recipe over several seeds: differences, confidence intervals and significance.",
    ),
    "diagnose": Source(
        "deltarule.cli.diagnose:diagnose",
        "Diagnose a trained network: what is wrong, how it is known, and what may help.",
    ),
    "predict": Source(
        "deltarule.cli.predict:predict", "Predict with a model and print one line for each sample, or write a file."
    ),
    "ensemble": Source(
        "deltarule.cli.ensemble:ensemble",
        "Join trained networks in one model file, a committee that predicts the mean of their predictions.",
    ),
    "explain": Source(
        "deltarule.cli.explain:explain_predictions", "Explain predictions: how much each feature contributes to them."
    ),
    "show": Source(
        "deltarule.cli.show:show",
        "Show a model: its layers, how it was trained, its scores with intervals, and the diagnosis.",
    ),
    "import": Source(
        "deltarule.cli.import_model:import_", "Convert a network of ONNX, PyTorch, Keras or network2 to a model file."
    ),
    "export": Source(
        "deltarule.cli.export:export",
        "Export a model: a raw row in, probabilities or numbers out, without deltarule.",
    ),
    "plan": Source("deltarule.cli.plan:plan", "Show what each thread does in a training step and in evaluation."),
    "formulas": Source(
        "deltarule.cli.formulas:formulas",
        "List the formulas with their equations, fields and sources, or show one in full.",
    ),
    "gradient-check": Source(
        "deltarule.cli.gradient_check:gradient_check",
        "Compare the gradient of backpropagation with finite differences, in accuracy and cost.",
    ),
    "lr-range": Source(
        "deltarule.cli.learning_rate_range:learning_rate_range",
        "Suggest a learning rate by a range test: increase it with each batch and record the loss.",
    ),
    "reproduce": Source(
        "deltarule.cli.reproduce:reproduce",
        "Rerun a founding experiment and compare its figures with the published ones.",
    ),
    "records": Source(
        "deltarule.cli.records:records",
        "List the records on MNIST and Fashion-MNIST, or run one and compare it with the published errors.",
    ),
    "illustrate": Source(
        "deltarule.cli.illustrate:illustrate",
        "Draw a textbook illustration from real training runs and explain it in a sentence.",
    ),
    "serve": Source(
        "deltarule.web.command:serve", "Serve models over HTTP, with a page to draw digits, race networks, watch runs."
    ),
    "doctor": Source(
        "deltarule.cli.doctor:doctor",
        "Show the processor, the choices measured for it, the cache of compiled code, and versions, for a bug report.",
    ),
    "data": Source("deltarule.cli.data:commands", "List, download, describe and augment data sets."),
}
"""In the order of the help text, with the first lines of the commands' own help texts."""


class CommandGroup(LazyGroup):
    """The group of all commands, which converts their errors to messages and exit codes."""

    sources = COMMANDS

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
            # The signal came while a module of C code was imported, which reports another error.
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
    typed = getattr(error, "option_name", None)
    if context is not None and typed is not None and type(error).__name__ == "NoSuchOption":
        known = [each for option in context.command.params for each in option.opts if each.startswith("--")]
        guess = nearest_option(typed, known)
        _say_error(f"No such option: {typed}. {f'Try: {guess}' if guess else f'See: {path} --help'}")
        return 2
    sentence = error.format_message().rstrip()
    ended = sentence if sentence.endswith((".", "?")) else f"{sentence}."
    _say_error(f"{ended} See: {path} --help")
    return 2


app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": normalized_token},
)


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


def main() -> None:
    """Run the command line of this process; `deltarule.__main__` installs the signal handlers."""
    app()
