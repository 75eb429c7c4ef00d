"""Standard streams that are closed or full: results that cannot be written are an error, messages are dropped."""

import os
import sys

TYPE_CHECKING = False  # `typing` is slow to import, and this module is imported first
if TYPE_CHECKING:
    from typing import Any


def reopen_closed() -> None:
    """Open a file for each standard stream that was closed when the process started.

    Otherwise the next opened file would take its number and receive the output of C code. Standard output is opened
    read-only, so that writing a result to it raises an error.
    """
    for number, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # takes the lowest free number, as all lower ones are open
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - stays open until exit
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def silence() -> None:
    """Discard what Python would still write to standard output at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        return


class StandardError:
    """The current standard error. Text that cannot be written to it is dropped."""

    @property
    def rich_proxied_file(self) -> "StandardError":
        """The stream that Rich writes to while a progress bar replaces `sys.stderr`."""
        return self

    def write(self, text: str) -> int:
        """Write to standard error, or drop it."""
        try:
            self._stream.write(text)
        except (OSError, ValueError):
            return len(text)
        return len(text)

    def flush(self) -> None:
        """Flush standard error, if possible."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return

    @property
    def _stream(self) -> "Any":
        return getattr(sys.stderr, "rich_proxied_file", sys.stderr)

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._stream, name)
