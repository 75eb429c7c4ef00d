"""Standard streams that are closed, full or gone: results that cannot be written are an error, words are dropped."""

import os
import sys

TYPE_CHECKING = False  # imported before the command's own imports, which take long
if TYPE_CHECKING:
    from typing import Any


def reopen_closed() -> None:
    """Give each standard stream that the process was started without a file of its own.

    Otherwise the next file that is opened would take its number, and receive what C code writes there. Standard output
    gets one that cannot be written to, so that a result is not lost unnoticed.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the lowest free number: those below are open by now
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - a number, open to the end
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def silence() -> None:
    """Discard what Python would still write to standard output at its end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        return


class StandardError:
    """Standard error as it is at each moment. What cannot be written there, because it is gone or full, is dropped."""

    @property
    def rich_proxied_file(self) -> "StandardError":
        """What Rich writes to while it has a progress bar in place of `sys.stderr`."""
        return self

    def write(self, text: str) -> int:
        """Write to standard error, or drop it."""
        try:
            self._stream.write(text)
        except (OSError, ValueError):
            return len(text)
        return len(text)

    def flush(self) -> None:
        """Flush standard error, if it can be."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return

    @property
    def _stream(self) -> "Any":
        return getattr(sys.stderr, "rich_proxied_file", sys.stderr)

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._stream, name)
