"""Random recipes, interruptions and refused memory under guard pages, in a child process that a parent watches.

    python -m tests.faults.guarded --recipes 10000 --interruptions 500 --seed 0

The child says what it begins; where it dies or goes silent, that is a fault or a hang, and the next child goes on.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import select
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

SOURCE = Path(__file__).with_name("guardalloc.c")
SILENCE = 120
"""Seconds without a word after which a child hangs: formulas are compiled meanwhile, on a busy machine."""
THREADS = (1, 2, 8)
LONGEST_EXIT = 3.0
"""Seconds from a signal to the end of what was interrupted, and of its threads."""


def built(folder: Path) -> Path | None:
    """The folder with the compiled handler; None where there is no compiler or no headers."""
    import numpy as np

    target = folder / f"guardalloc{sysconfig.get_config_var('EXT_SUFFIX')}"
    includes = [sysconfig.get_paths()["include"], np.get_include()]
    command = [os.environ.get("CC", "cc"), "-shared", "-fPIC", "-O1", "-w", *(f"-I{each}" for each in includes)]
    with suppress(OSError):
        done = subprocess.run([*command, str(SOURCE), "-o", str(target)], capture_output=True, check=False)
        if done.returncode == 0:
            return folder
    return None


def guard(folder: str, front: int):
    """Have every array of this process from now on guarded, those of further threads too; the handler's module."""
    sys.path.insert(0, folder)
    import guardalloc
    import numpy as np

    from deltarule.engines.compiled import memory

    def aligned(items, dtype):
        # As the engine's own, but with nothing left over behind it.
        size = items * np.dtype(dtype).itemsize
        return np.zeros(-(-size // 64) * 64, np.uint8)[:size].view(dtype)

    memory.aligned = aligned
    run = threading.Thread.run

    def guarded(thread):
        guardalloc.enable(front)
        run(thread)

    threading.Thread.run = guarded
    guardalloc.enable(front)
    return guardalloc


def say(*words) -> None:
    """One line to whoever started this."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


# ---------------------------------------------------------------------------------------------------- random recipes


def recipes(count: int, seed: int) -> None:
    """Train and predict with so many random recipes."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from tests.engines.recipes import runs

    @seeded(seed)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(runs())
    def all_of_them(run):
        say("recipe")
        say(trained(run))

    all_of_them()


def trained(run) -> str:
    """Train and predict; what came of it."""
    import numpy as np

    import deltarule as dr

    try:
        if run.rows is None:
            done = dr.train(run.recipe, run.data, **run.options)
        else:
            options = {name: run.options[name] for name in ("precision", "n_threads")}
            done = dr.train_many([run.recipe] * 2, run.data, rows=[run.rows, run.rows], **options)[0]
    except dr.errors.DeltaruleError as error:
        return type(error).__name__
    with suppress(dr.errors.ModelError):
        for x in run.asked:
            assert len(done.model.predict(x)) == len(x)
    assert np.isfinite(done.model.theta).all()
    return "trained"


# ----------------------------------------------------------------------------------------------------- interruptions


def works(n_threads: int):
    """What is interrupted: each way to train, with so many threads."""
    import numpy as np

    import deltarule as dr

    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(300, 40)), np.arange(300) % 3
    data = dr.Dataset(train=(x, y), validation=(x[:50], y[:50]), test=(x[:50], y[:50]))
    # More threads than cores wait for each other most of the time.
    epochs_ = 60 if n_threads <= 2 else 8
    recipe = dr.Recipe(network=dr.Network(hidden=(64, 32)), batch_size=50, epochs=epochs_, stopping=None)
    estimator = dr.MLPClassifier((64, 32), max_iter=epochs_, n_iter_no_change=epochs_, n_threads=n_threads)

    def epochs():
        for epoch in dr.epochs(recipe, data, n_threads=n_threads):
            assert epoch.number > 0

    return {
        "train": lambda: dr.train(recipe, data, n_threads=n_threads),
        "epochs": epochs,
        "muon": lambda: dr.train(recipe.replace(optimizer="muon", epochs=5), data, n_threads=n_threads),
        "train_many": lambda: dr.train_many([recipe] * 4, data, n_threads=n_threads),
        "compare": lambda: dr.compare({"a": recipe, "b": recipe.replace(seed=1)}, data, seeds=2, n_threads=n_threads),
        "estimator": lambda: estimator.fit(x, y),
        "ensemble": lambda: estimator.set_params(n_ensemble=3).fit(x, y),
        "training": lambda: go_on(dr.epochs(recipe, data, n_threads=n_threads)),
    }


def go_on(training) -> None:
    """A run that is interrupted and then used again."""
    import numpy as np

    import deltarule as dr

    try:
        training.finish()
    finally:
        assert np.isfinite(training.run.model.theta).all()
        with suppress(dr.errors.Interrupted):
            next(training.ahead(), None)


class Alarm:
    """KeyboardInterrupt after a while, and again soon after, as somebody impatient presses Ctrl-C."""

    def __init__(self, seconds: float, times: int) -> None:
        self.seconds, self.left = seconds, times
        self.first = 0.0

    def interrupt(self, work) -> None:
        """Do the work until it ends or is interrupted."""
        signal.signal(signal.SIGALRM, self._ring)
        with suppress(KeyboardInterrupt):
            try:
                signal.setitimer(signal.ITIMER_REAL, self.seconds, 0.002)
                work()
            finally:
                self.left = 0
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, *_) -> None:
        if self.left > 0:
            self.left -= 1
            self.first = self.first or time.perf_counter()
            raise KeyboardInterrupt


def threads() -> int:
    """The threads of this process, whoever started them."""
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else threading.active_count()


def interruptions(count: int, seed: int) -> None:
    """Interrupt so many trainings at random moments; the line for each says how long it took to end."""
    import warnings

    warnings.simplefilter("ignore")
    chance = random.Random(seed)
    all_works = {(name, n): work for n in THREADS for name, work in works(n).items()}
    names = list(all_works)
    chance.shuffle(names)
    reach = dict.fromkeys(names, 0.03)
    for (_, n), work in all_works.items():
        if n == 1:
            work()  # libraries start threads of their own when they are first used
    done = 0
    for number in range(10**9):
        if done == count:
            break
        key = names[number % len(names)]
        before = threads()
        alarm = Alarm(chance.random() * reach[key] + 1e-4, chance.choice([1, 1, 2, 3]))
        alarm.interrupt(all_works[key])
        # Most signals are to come before the end, and some close to it.
        reach[key] *= 1.2 if alarm.first else 0.6
        if not alarm.first:
            continue
        done += 1
        while threads() > before and time.perf_counter() - alarm.first < LONGEST_EXIT:
            time.sleep(0.001)
        seconds = time.perf_counter() - alarm.first
        say("interruption", key[0], key[1])
        say("late" if seconds > LONGEST_EXIT else "ended", f"{seconds:.4f}")
        gc.collect()


# --------------------------------------------------------------------------------------------------- refused memory


def refusals(stride: int, guardalloc) -> None:
    """Refuse each allocation of an array in turn, or every so many-th, while a network is trained and predicts."""
    import numpy as np

    import deltarule as dr

    x, y = np.random.default_rng(0).normal(size=(40, 6)), np.arange(40) % 3
    recipe = dr.Recipe(network=dr.Network(hidden=(20,)), batch_size=10, epochs=3, stopping=None)
    data = dr.Dataset(train=(x, y))

    def work():
        return dr.train(recipe, data, n_threads=2).model.predict(x)

    expected = work()
    for place in range(1, 10**9, stride):
        say("refusal", place)
        guardalloc.refuse(place)
        try:
            made = work()
        except dr.errors.OutOfMemory:
            made = None
        left = guardalloc.stats()[2]
        guardalloc.refuse(0)
        assert made is None or (made == expected).all()
        say("OutOfMemory" if made is None else "trained")
        if left:
            break


# -------------------------------------------------------------------------------------------------------- the parent


def watched(arguments: list[str], until: float) -> tuple[Counter, str | None, list[float]]:
    """Run a child: what it said, how it failed if it did, and the seconds that interruptions took."""
    command = [sys.executable, "-m", "tests.faults.guarded", "--child", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        said: Counter = Counter()
        seconds: list[float] = []
        doing = failed = None
        while failed is None:
            ready, _, _ = select.select([child.stdout], [], [], SILENCE)
            line = child.stdout.readline() if ready else None
            if line is None:
                failed = f"hang in {doing}"
            elif not line:
                break
            elif time.monotonic() > until:
                child.kill()
                return said, None, seconds
            else:
                word, *rest = line.split()
                doing = line.strip() if word in ("recipe", "interruption", "refusal") else doing
                said[word] += 1
                seconds += [float(rest[0])] if word in ("ended", "late") else []
        child.kill() if failed else None
        _, errors = child.communicate()
        if failed is None and child.returncode:
            failed = f"exit {child.returncode} in {doing}: {' | '.join(errors.strip().splitlines()[-1:])}"
        return said, failed, seconds


def campaign(kind: str, count: int, seed: int, chunk: int, until: float, options: list[str]) -> tuple[str, int]:
    """Have children do so many of a kind, saying at once what fails; the summary in a line, and how many failed."""
    said: Counter = Counter()
    failures: list[str] = []
    seconds: list[float] = []
    unit = {"recipes": "recipe", "interruptions": "interruption", "refusals": "refusal"}[kind]
    began = time.monotonic()
    while said[unit] < count and time.monotonic() < until and len(failures) < 20:
        wanted = min(chunk, count - said[unit])
        front = str(seed % 2)
        more, failed, took = watched(
            ["--kind", kind, str(wanted), "--seed", str(seed), "--front", front, *options], until
        )
        said += more
        seconds += took
        if failed:
            failures.append(f"seed {seed}, front {front}: {failed}")
            say(failures[-1])
        if kind == "refusals":
            break
        seed += 1
    hangs = sum("hang" in each for each in failures)
    rest = ", ".join(f"{number} {word}" for word, number in sorted(said.items()) if word != unit)
    summary = f"{kind}: {said[unit]}, {len(failures) - hangs} faults, {hangs} hangs; {rest}"
    if seconds:
        summary += f"; from the signal to the end {1e3 * sorted(seconds)[len(seconds) // 2]:.1f} ms, "
        summary += f"at the longest {1e3 * max(seconds):.0f} ms"
    summary += f"; {time.monotonic() - began:.0f} s"
    return summary, len(failures) + said["late"]


def main() -> int:
    """Parent or child."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipes", type=int, default=10_000, help="random recipes under guard pages")
    parser.add_argument("--interruptions", type=int, default=500, help="interruptions under guard pages, and without")
    parser.add_argument("--refusals", type=int, default=1, help="1 to refuse each allocation in turn, 0 for none")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="time limit")
    parser.add_argument("--chunk", type=int, default=250, help="recipes or interruptions for a child")
    parser.add_argument("--stride", type=int, default=1, help="refuse every so many-th allocation")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--kind", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--front", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--folder", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    return child(given) if given.child else parent(given)


def child(given: argparse.Namespace) -> int:
    """Do what the parent asks for."""
    kind, count = given.kind[0], int(given.kind[1])
    guardalloc = guard(given.folder, given.front) if given.folder else None
    if kind == "recipes":
        recipes(count, given.seed)
    elif kind == "interruptions":
        interruptions(count, given.seed)
    else:
        refusals(given.stride, guardalloc)
    return 0


def parent(given: argparse.Namespace) -> int:
    """Build the handler, and have children do everything that is asked for."""
    import tempfile

    until = time.monotonic() + given.seconds
    with tempfile.TemporaryDirectory() as folder:
        if built(Path(folder)) is None:
            say("There is no C compiler, or no headers of Python or NumPy: nothing can be guarded.")
            return 2
        guards = ["--folder", folder]
        asked = [
            ("under guard pages: ", "recipes", given.recipes, guards),
            ("under guard pages: ", "interruptions", given.interruptions, guards),
            ("plain memory: ", "interruptions", given.interruptions, []),
            ("under guard pages: ", "refusals", given.refusals, [*guards, "--stride", str(given.stride)]),
        ]
        failed = 0
        for where, kind, count, options in asked:
            if count:
                summary, failures = campaign(kind, count, given.seed, given.chunk, until, options)
                say(where + summary)
                failed += failures
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
