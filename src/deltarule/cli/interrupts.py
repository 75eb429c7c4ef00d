"""Signals that end a command: Ctrl-C (SIGINT), SIGTERM, and SIGHUP.

A signal arrives at any moment, and what it does depends on what would be lost:

- before `begin()` the process exits at once, also in the middle of an import;
- then `Signalled`, a KeyboardInterrupt, is raised in the command, which cleans up and ends;
- in `noted()` nothing is raised: the command asks `requested()`, and ends by itself;
- in `essential()` likewise, and nothing ends the process before the block has ended.

Signals after the first raise nothing. Outside `essential()` the process exits `GRACE` seconds after the first signal,
whatever it is doing, also inside a call of C code; in `unhurried()` it exits at another signal instead.

Only the process of the command answers signals, from its first line on (`deltarule.__main__`); the package never
touches them. A signal that the process ignores from its start, as under nohup, stays ignored.
"""

import os
import sys
import time
from _thread import allocate_lock, start_new_thread

# Until `answer` has run, Ctrl-C shows a traceback: nothing that takes long is imported here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType, TracebackType
else:
    import _signal as signal  # `signal` without its enumerations, whose import takes longer than all others here

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")

GRACE = 2.0
"""Seconds from the first signal to the exit of the process."""

APART = 0.5
"""Seconds between two signals that are meant as two: whoever stops a container may send several at once."""


class Signalled(KeyboardInterrupt):
    """A signal asked the command to end."""


class _Setting:
    """A context manager that sets attributes of the interrupts and restores them at its end."""

    def __init__(self, interrupts: "Interrupts", **values: object) -> None:
        self._attributes, self._values = vars(interrupts), values

    def __enter__(self) -> None:
        self._before = {name: self._attributes[name] for name in self._values}
        self._attributes.update(self._values)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self._attributes.update(self._before)


class Interrupts:
    """How the process of a command answers signals. Without `answer()` nothing here has any effect."""

    def __init__(self) -> None:
        self._starting = self._noted = self._essential = self._said = False
        self._received: int | None = None
        self._grace = GRACE
        self._answered: frozenset[int] = frozenset()
        self._exiting = allocate_lock()

    @property
    def code(self) -> int:
        """The exit code after a signal: 128 plus its number; without `answer()`, that of Ctrl-C."""
        return 128 + (self._received or signal.SIGINT)

    def requested(self) -> bool:
        """Whether a signal has asked the command to end."""
        return self._received is not None

    def check(self) -> None:
        """Raise `Signalled` where a signal has asked the command to end, and was only noted."""
        if self.requested():
            raise Signalled

    def begin(self) -> None:
        """From here on the command cleans up after a signal."""
        self._starting = False

    def said(self) -> None:
        """The command has said that it was interrupted: nothing says so again."""
        self._said = True

    def end(self, code: int) -> None:
        """The command has ended, with this exit code. Nothing is raised in what the interpreter has left to do.

        After a signal the process exits without it: where much is loaded, it takes long.
        """
        self._noted = True
        if self._answered and self.requested():
            for stream in (sys.stdout, sys.stderr):
                try:  # noqa: SIM105 - contextlib takes long to import
                    stream.flush()
                except (OSError, ValueError):
                    pass
            self._said = True
            self._exit(code)

    def noted(self) -> _Setting:
        """Raise nothing in this block, which asks `requested()`."""
        return _Setting(self, _noted=True)

    def essential(self) -> _Setting:
        """Let nothing end the process in this block: it saves what would be lost."""
        return _Setting(self, _noted=True, _essential=True)

    def unhurried(self) -> _Setting:
        """Let this block take its time after a signal, until another one comes."""
        return _Setting(self, _grace=float("inf"))

    def answer(self) -> None:
        """Answer signals in this process, until it exits."""
        self._starting, self._noted = True, False
        numbers = {getattr(signal, name) for name in NAMES if hasattr(signal, name)}
        self._answered = frozenset(number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN)
        before = sys.unraisablehook
        # What is raised where Python cannot pass it on, as in a destructor, is shown, but for what a signal has caused.
        sys.unraisablehook = lambda event: None if self.requested() else before(event)
        for number in self._answered:
            signal.signal(number, self._arrived)
        if os.name == "posix":
            reader, writer = os.pipe()
            os.set_blocking(writer, False)
            signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
            start_new_thread(self._watch, (reader,))

    def _arrived(self, number: int, frame: "FrameType | None") -> None:  # noqa: ARG002
        if self.requested():
            return
        self._received = number
        if self._starting:
            self._exit(128 + number)
        if not self._noted:
            raise Signalled

    def _watch(self, reader: int) -> None:
        """Exit in time after the first signal, in a thread.

        The interpreter calls `_arrived` between two bytecodes only; what is read here is written when a signal arrives.
        """
        import select

        first, since = 0, 0.0
        while True:
            ready = select.select([reader], [], [], 0.02 if first else None)[0]
            arrived = self._answered.intersection(os.read(reader, 100) if ready else b"")
            now = time.monotonic()
            if arrived and not first:
                first, since = min(arrived), now
            again = arrived and now > since + APART
            late = now > since + self._grace or self._starting
            if first and not self._essential and (again or late):
                self._exit(128 + first)

    def _exit(self, code: int) -> None:
        self._exiting.acquire()  # for good: one thread exits
        if not self._said:
            try:  # noqa: SIM105 - contextlib takes long to import
                os.write(2, b"Interrupted.\n")
            except OSError:
                pass
        os._exit(code)


interrupts = Interrupts()
"""Those of this process."""
