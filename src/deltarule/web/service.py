"""What the routes share: the models that are served, the limits, the counters and the jobs."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from deltarule.web.batching import Batcher
from deltarule.web.guard import Refusal
from deltarule.web.limits import Limits
from deltarule.web.metrics import Metrics
from deltarule.web.served_model import ServedModel


@dataclass
class Service:
    """The state of one server, which only its event loop changes; but `offer` is called in the threads of jobs, too."""

    limits: Limits = field(default_factory=Limits)
    metrics: Metrics = field(default_factory=Metrics)
    batchers: dict[str, Batcher] = field(default_factory=dict)
    ready: bool = True

    def offer(self, models: Iterable[ServedModel]) -> None:
        """Serve these models, in place of others with their names.

        A new model makes a new dictionary, as the event loop may be iterating over the present one.
        """
        for served in models:
            if served.name in self.batchers:
                self.batchers[served.name].served = served
            else:
                batcher = Batcher(served, self.limits.queued_rows, self.metrics)
                self.batchers = {**self.batchers, served.name: batcher}

    def batcher(self, name: str | None) -> Batcher:
        """Return the batcher of a model; without a name, of the first one."""
        if name is None and self.batchers:
            return next(iter(self.batchers.values()))
        if name not in self.batchers:
            known = ", ".join(self.batchers) or "none yet"
            raise Refusal(404, f"Expected the name of a model ({known}), got {str(name)[:100]!r}.")
        return self.batchers[name]

    def gauges(self) -> dict[str, float]:
        """Return the numbers of this moment for the metrics."""
        return {"deltarule_models": len(self.batchers), "deltarule_jobs": self.jobs.running}

    jobs: Jobs = field(init=False)
    explanations: Jobs = field(init=False)

    def __post_init__(self) -> None:
        self.jobs = Jobs(self.limits.jobs, "trainings")
        self.explanations = Jobs(self.limits.jobs, "explanations")


class Jobs:
    """Jobs in threads, at most so many at a time; a further one is refused with 429.

    what : they are, for the refusal.
    """

    def __init__(self, at_most: int, what: str) -> None:
        self._at_most, self._what = at_most, what
        self._pool = ThreadPoolExecutor(at_most, thread_name_prefix="deltarule_job")
        self._started: list[Future[Any]] = []

    @property
    def running(self) -> int:
        """The number of jobs that have not ended."""
        return sum(not each.done() for each in self._started)

    def start(self, work: Any, *arguments: Any) -> Future[Any]:
        """Run a function in a thread."""
        self._started = [each for each in self._started if not each.done()]
        if len(self._started) >= self._at_most:
            raise Refusal(429, f"Expected at most {self._at_most} {self._what} at a time. Try: wait, or stop one")
        future = self._pool.submit(work, *arguments)
        self._started.append(future)
        return future

    def close(self) -> None:
        """Wait for no further job; running ones are stopped by their owners."""
        self._pool.shutdown(wait=False, cancel_futures=True)
