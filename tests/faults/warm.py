"""A process that has imported everything and forks for each command, which then runs as the command's own process does.

Run as a program it reads a JSON object for each command: its arguments, folder, and the signals that it ignores.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import deltarule

SOURCE = str(Path(deltarule.__file__).parents[1])
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Exited(NamedTuple):
    """How a command ended: its exit code, negative for a signal; and the seconds since `wait` was called."""

    code: int
    seconds: float
    out: str
    err: str


class Warm:
    """The forking process, seen from a test."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, __file__], env=os.environ | {"PYTHONPATH": SOURCE}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == "ready\n"
        self._running: int | None = None

    def start(self, folder: Path, *arguments: str, ignored: tuple[int, ...] = ()) -> Command:
        """Fork a command. One that a failed test has left is killed."""
        self.kill()
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        asked = {"arguments": arguments, "folder": str(folder), "ignored": [int(number) for number in ignored]}
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        self._running = int(self._server.stdout.readline())
        return Command(self, self._running, folder)

    def reaped(self) -> int:
        """The exit code of the command, when it has ended."""
        assert self._server.stdout is not None
        code = int(self._server.stdout.readline())
        self._running = None
        return code

    def kill(self) -> None:
        """Kill the command under way, if there is one."""
        if self._running is not None:
            os.kill(self._running, signal.SIGKILL)
            self.reaped()

    def close(self) -> None:
        """End the server."""
        self.kill()
        self._server.communicate()


class Command:
    """A command under way."""

    def __init__(self, warm: Warm, process: int, folder: Path) -> None:
        self._warm, self._process, self._folder = warm, process, folder

    def send(self, number: int) -> None:
        """Send a signal."""
        os.kill(self._process, number)

    def wait(self) -> Exited:
        """Wait for its end."""
        began = time.monotonic()
        code = self._warm.reaped()
        told = [(self._folder / name).read_text() for name in ("out.txt", "err.txt")]
        return Exited(code, time.monotonic() - began, *told)


def serve() -> None:
    """Train once, which imports all that takes long; then fork for each line of standard input, one at a time."""
    from deltarule.cli.main import app

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        os.chdir(folder)
        with contextlib.suppress(SystemExit):
            app(["train", "digits", "--epochs", "1", "--hidden", "16", "--quiet", "--json"])
        os.chdir("/")
    tell("ready")
    for line in sys.stdin:
        asked = json.loads(line)
        process = os.fork()
        if not process:
            become(**asked)
        tell(process)
        tell(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))


def tell(answer: object) -> None:
    """Answer in a line."""
    sys.stdout.write(f"{answer}\n")
    sys.stdout.flush()


def become(arguments: list[str], folder: str, ignored: list[int]) -> None:
    """Run a command as its own process would: standard streams, signals, and the end of the interpreter."""
    from deltarule.__main__ import main

    os.setsid()
    os.chdir(folder)
    for number, name in ((1, "out.txt"), (2, "err.txt")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
    if signal.SIGINT not in ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["deltarule", *arguments]
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    sys.stdout.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    serve()
