"""How many threads a training step can use, and how many to go on with: what has lately been faster."""

from __future__ import annotations

from itertools import pairwise
from math import inf

from deltarule.engines.problem import Problem
from deltarule.engines.threads import allowed_threads

__all__ = ["Pace", "threads_for"]

# Multiply-adds of a step below which meeting the other threads costs more than they save.
_WORTH_MEETING = 400_000
# Multiply-adds that take about as long as changing one input number of a sample.
_AUGMENTED = 100
# Multiply-adds of an evaluation below which it is not worth a thread that waits for it while others take steps.
_WORTH_WAITING = 20_000_000

# Calls of the compiled loop before the other number is tried again, at first and at most; how much slower a call
# may be before it is tried at once.
_SOON, _LATE, _SLOWER = 8, 64, 1.5


def threads_for(problem: Problem) -> tuple[int, int]:
    """How many threads take a step, and how many evaluate: all allowed where there is enough to gain, otherwise one."""
    rows = min(problem.recipe.batch_size, len(problem.train))
    *hidden, last = (fan_in * fan_out for fan_in, fan_out in pairwise(problem.sizes))
    products = problem.recipe.network.members * sum(hidden) + last
    if problem.raw is not None:
        products += _AUGMENTED * problem.sizes[0]
    trained = len(problem.train)
    evaluated = trained * problem.recipe.evaluate_train
    if problem.validation is not None:
        evaluated += len(problem.validation)
    stepping = rows * products >= _WORTH_MEETING
    evaluating = evaluated * products >= _WORTH_WAITING and evaluated >= trained
    allowed = allowed_threads() if stepping or evaluating else 1
    return allowed if stepping else 1, allowed


class Pace:
    """Chooses between numbers of threads by the seconds that a step has taken with each.

    On a busy machine a step waits for whichever thread has lost its core, and one thread may be faster than many. The
    weights are the same for any number, so it may change between two calls of the compiled loop. A choice that has just
    been made is doubted soon, one that has proved itself late.

    >>> pace = Pace([2, 1])
    >>> for seconds in (9.0, 1.0, 1.0, 8.0):
    ...     pace.took(seconds)
    >>> pace.threads, pace.trying
    (1, True)
    >>> pace.took(1.8)
    >>> pace.threads, pace.trying
    (1, False)
    """

    def __init__(self, numbers: list[int]) -> None:
        self._numbers = numbers
        self._seconds = dict.fromkeys(numbers, inf)
        self._calls, self._since, self._patience = 0, 0, _SOON
        self._chosen = self.threads = numbers[0]

    @property
    def trying(self) -> bool:
        """Whether the number of threads is one that is only tried."""
        return self.threads != self._chosen

    def took(self, seconds: float, *, short: bool = False) -> None:
        """A step took so many seconds on average, in a call with the number of threads that was chosen last.

        A short call says more of the call than of the steps; of these only the first counts.
        """
        if short and self._calls:
            return
        self._calls += 1
        if len(self._numbers) == 1 or self._calls == 1:
            # The first call finds everything cold: it tells nothing.
            return
        before, self._seconds[self.threads] = self._seconds[self.threads], seconds
        other = next(number for number in self._numbers if number != self.threads)
        if self.trying:
            self._decide()
            return
        self._since += 1
        if self._since >= self._patience or seconds > _SLOWER * before:
            self.threads = other

    def _decide(self) -> None:
        """After a trial: the faster number, and how long it is to be trusted."""
        fastest = min(self._numbers, key=self._seconds.__getitem__)
        self._patience = min(2 * self._patience, _LATE) if fastest == self._chosen else _SOON
        self._since, self._chosen, self.threads = 0, fastest, fastest
