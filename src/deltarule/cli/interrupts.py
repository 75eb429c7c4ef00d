"""Handling of the signals that end a command: Ctrl-C (SIGINT), SIGTERM, and SIGHUP.

A signal can arrive at any moment; its effect depends on the state of the command:

- before `begin()` the process exits at once, also in the middle of an import;
- then `Signalled`, a KeyboardInterrupt, is raised in the command, which cleans up and ends;
- in `noted()` nothing is raised: the command checks `requested()` and ends by itself;
- in `essential()` likewise, and the process does not exit before the block has ended.

Signals after the first raise nothing. Outside `essential()` the process exits `GRACE` seconds after the first signal,
even inside a call of C code; in `unhurried()` it exits at the next signal instead.

Only the process of the command handles signals, from its first line on (`deltarule.__main__`); the package itself
installs no handlers. A signal that is ignored when the process starts, as under nohup, stays ignored.
"""

import os
import sys
import time
from _thread import allocate_lock, start_new_thread

# Until `answer` has run, Ctrl-C shows a traceback, so slow imports are avoided here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType, TracebackType
else:
    import _signal as signal  # `signal` without its enumerations, the slowest import here

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")

GRACE = 2.0
"""Seconds from the first signal to the exit of the process."""

APART = 0.5
"""Minimum seconds between two distinct signals: stopping a container may send several at once."""


class Signalled(KeyboardInterrupt):
    """Raised in the command when a signal requests its end."""


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
    """Signal handling of a command's process. Without `answer()` nothing here has any effect."""

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
        """Whether a signal has requested the end of the command."""
        return self._received is not None

    def check(self) -> None:
        """Raise `Signalled` where a signal has asked the command to end, and was only noted."""
        if self.requested():
            raise Signalled

    def begin(self) -> None:
        """Mark the start of the command, which from here on cleans up after a signal."""
        self._starting = False

    def said(self) -> None:
        """Mark the interruption as reported, so that it is not reported again."""
        self._said = True

    def end(self, code: int) -> None:
        """Mark the command as ended with this exit code; nothing is raised while the interpreter shuts down.

        After a signal the process exits without the interpreter's shutdown, which can be slow.
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
        """Raise nothing in this block, which checks `requested()`."""
        return _Setting(self, _noted=True)

    def essential(self) -> _Setting:
        """Prevent the process from exiting in this block, which saves results."""
        return _Setting(self, _noted=True, _essential=True)

    def unhurried(self) -> _Setting:
        """Allow this block unlimited time after a signal, until the next one arrives."""
        return _Setting(self, _grace=float("inf"))

    def answer(self) -> None:
        """Handle signals in this process until it exits."""
        self._starting, self._noted = True, False
        numbers = {getattr(signal, name) for name in NAMES if hasattr(signal, name)}
        self._answered = frozenset(number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN)
        before = sys.unraisablehook
        # Unraisable exceptions, for example in destructors, are shown unless a signal may have caused them.
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
        """Exit within the grace period after the first signal; runs in a thread.

        The interpreter calls `_arrived` between two bytecodes only; the pipe is written when the signal arrives.
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
        self._exiting.acquire()  # never released: only one thread exits
        if not self._said:
            try:  # noqa: SIM105 - contextlib takes long to import
                os.write(2, b"Interrupted.\n")
            except OSError:
                pass
        os._exit(code)


interrupts = Interrupts()
"""The signal handling of this process."""
