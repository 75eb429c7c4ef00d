"""How many threads to go on with: the number that has lately been faster, tried out while training."""

from __future__ import annotations

__all__ = ["Pace"]

# Calls of the machine between two trials of the other number, and how much slower a call may be before one is due.
_PATIENCE, _SLOWER = 60, 1.5


class Pace:
    """Chooses between numbers of threads by the seconds that a step has taken with each.

    On a busy machine a step waits for whichever thread has lost its core, and one thread may be faster than many. The
    weights are the same for any number, so it may change between two calls of the machine.

    >>> pace = Pace([2, 1])
    >>> for seconds in (9.0, 1.0, 1.8):
    ...     pace.took(seconds)
    >>> pace.threads
    2
    >>> pace.took(8.0)
    >>> pace.threads
    1
    """

    def __init__(self, numbers: list[int]) -> None:
        self._numbers = numbers
        self._seconds = dict.fromkeys(numbers, float("inf"))
        self._calls, self._since = 0, 0
        self.threads = numbers[0]

    @property
    def untold(self) -> bool:
        """Whether nothing is known yet, or nothing is to be chosen."""
        return self._calls == 0

    def took(self, seconds: float) -> None:
        """A step took so many seconds on average, in a call with the number of threads that was chosen last."""
        self._calls += 1
        before, self._seconds[self.threads] = self._seconds[self.threads], seconds
        if len(self._numbers) == 1 or self._calls == 1:
            # The first call finds everything cold: it tells nothing.
            self._seconds[self.threads] = float("inf")
            return
        self._since += 1
        other = next(number for number in self._numbers if number != self.threads)
        untried = self._seconds[other] == float("inf")
        if untried or self._since >= _PATIENCE or seconds > _SLOWER * before:
            self._since, self.threads = 0, other
        elif self._seconds[other] < seconds:
            self.threads = other
