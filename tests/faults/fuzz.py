"""Read mutated files, each in bounded time and memory, in processes that may crash.

    scripts/fuzz --files 1000000
    scripts/fuzz --format arrow --files 20000 --seed 7
    scripts/fuzz --seconds 600
    scripts/fuzz --flips --format model --format onnx --files 10000

Every file is either read or refused with an error of deltarule's own that names it, and nothing is written. What is
not so is a failure: it is kept under --keep, and belongs into tests/faults/corpus/. Mutated files with an outcome
that was not seen before are mutated in turn.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

SECONDS, MEGABYTES = 1.0, 200
"""What one file may take."""
_HANG = 20.0  # seconds after which a process is killed
_CHUNK = 4_000  # files that a process reads
_GROWN = 300  # mutated files of a format that are mutated in turn
_FAILURES = ("crash", "raw", "slow", "memory", "written")

_forked = multiprocessing.get_context("fork")


class Outcome(NamedTuple):
    """How one file was read.

    kind : "accepted", "refused", or a failure: "raw" (an exception that is not ours, or does not name the file),
        "crash", "slow", "memory", "written" (something was left beside the file).
    where : what tells outcomes apart. said : what the exception said.
    seconds : of the processor, all threads together, which a busy machine does not lengthen.
    megabytes : how far the process's peak is above what it took at its start; 0 for a file that did not raise it.
    """

    kind: str
    where: str
    said: str
    seconds: float = 0.0
    megabytes: float = 0.0


@dataclass
class Tally:
    """What has been counted for one format."""

    kinds: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: float = 0.0
    largest: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Count a file."""
        self.kinds[outcome.kind] += 1
        self.seconds += outcome.seconds
        self.slowest, self.largest = max(self.slowest, outcome.seconds), max(self.largest, outcome.megabytes)


@dataclass(frozen=True)
class Failure:
    """A file that was not read as it should be."""

    format: str
    outcome: Outcome
    content: bytes


def _peak() -> float:
    """The most memory that the process has taken, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def read(name: str, folder: Path, content: bytes, start: float | None = None) -> Outcome:
    """Read one file in a folder of its format; `start` is the process's peak at its start."""
    from tests.faults.formats import FORMATS

    from deltarule.errors import DeltaruleError

    path = folder / FORMATS[name].file
    path.write_bytes(content)
    there = len(os.listdir(folder))  # noqa: PTH208 - five times faster
    before, began = _peak(), time.process_time()
    kind, where, said = "accepted", "", ""
    try:
        FORMATS[name].read(path)
    except DeltaruleError as error:
        kind, where, said = "refused", _place(error), str(error)
        if (path.name not in said and str(folder) not in said) or "\n" in said or len(said) > 2_000:
            kind = "raw"
    except BaseException as error:  # noqa: BLE001 - what the readers promise never to raise
        kind, where, said = "raw", _place(error), "".join(traceback.format_exception(error))
    seconds = time.process_time() - began
    after = _peak()
    megabytes = after - (before if start is None else start) if after > before else 0.0
    if len(os.listdir(folder)) != there and kind != "raw":  # noqa: PTH208
        kind, said = "written", ", ".join(os.listdir(folder))  # noqa: PTH208
    return Outcome(kind, where, said, seconds, megabytes)


def prepared(name: str, folder: Path) -> Path:
    """A folder with all that lies beside a format's file."""
    from tests.faults.formats import FORMATS

    folder.mkdir(parents=True, exist_ok=True)
    for other, content in FORMATS[name].beside.items():
        (folder / other).write_bytes(content)
    return folder


def _place(error: BaseException) -> str:
    """Where an exception comes from, its causes too: what has not been seen before is worth mutating."""
    places = []
    each: BaseException | None = error
    while each is not None:
        trace = each.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        line = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
        said = "".join(letter for letter in str(each)[:60] if letter.isalpha() or letter == " ")
        places.append(f"{type(each).__name__} {line} {said}")
        each = each.__cause__
    return " < ".join(places)


def _work(
    name: str, sound: list[bytes], grown: list[bytes], chunk: int, folder: Path, state: Any, ours: Any, pipe: Any
) -> None:
    """What a process does: read a chunk of mutated files, and say what was new."""
    ours.close()  # or this process would wait for ever where its parent has ended
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    os.dup2(os.open(folder.parent / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666), 2)
    from tests.faults.mutations import flipped, mutated

    random, start = Random(chunk), _peak()
    known: set[str] = set()
    grown = grown.copy()
    for number in range(int(state[1]), int(state[2])):
        change = flipped if state[3] else mutated
        content = change(grown if grown and random.random() < 0.3 else sound, random)
        state[0], state[1] = time.monotonic(), number
        outcome = read(name, folder, content, start)
        fresh = outcome.where not in known
        known.add(outcome.where)
        if fresh and outcome.kind == "refused":
            grown.append(content)
        failed = outcome.kind in {"raw", "written"} or outcome.seconds > SECONDS or outcome.megabytes > MEGABYTES
        pipe.send((outcome if failed or fresh else outcome._replace(said=""), content if failed or fresh else None))
    state[1] = state[2]
    pipe.close()


def _chunk(
    name: str, sound: list[bytes], grown: list[bytes], chunk: int, size: int, folder: Path, *, flips: bool
) -> Iterator[tuple[Outcome, bytes | None]]:
    """The outcome of each file of a chunk; after a crash another process goes on."""
    state = _forked.Array("d", [time.monotonic(), 0, size, float(flips)], lock=False)
    path_of = prepared(name, folder)
    from tests.faults.formats import FORMATS

    attempt = 0
    while state[1] < size:
        ours, theirs = _forked.Pipe(duplex=False)
        arguments = (name, sound, grown, hash((chunk, attempt)), folder, state, ours, theirs)
        process = _forked.Process(target=_work, args=arguments)
        state[0] = time.monotonic()
        process.start()
        theirs.close()
        killed = False
        while True:
            try:
                if ours.poll(1.0):
                    yield ours.recv()
                elif time.monotonic() - state[0] > _HANG:
                    killed = True
                    process.kill()
            except (EOFError, OSError):
                break
        process.join()
        if state[1] < size:
            state[1] += 1
            attempt += 1
            how = "killed as it did not end" if killed else f"exit code {process.exitcode}"
            content = (path_of / FORMATS[name].file).read_bytes()
            yield Outcome("slow" if killed else "crash", how, how, _HANG if killed else 0.0), content


def _alone(name: str, content: bytes, folder: Path, times: int = 1) -> Outcome:
    """The file read by a process of its own, several times; the fastest, and the smallest."""

    def once(pipe: Any) -> None:
        pipe.send(read(name, prepared(name, folder), content))
        pipe.close()

    found = []
    for _ in range(times):
        ours, theirs = _forked.Pipe(duplex=False)
        process = _forked.Process(target=once, args=(theirs,))
        process.start()
        theirs.close()
        try:
            found.append(ours.recv() if ours.poll(_HANG) else Outcome("slow", "", "did not end", _HANG))
        except EOFError:
            found.append(Outcome("crash", "", f"exit code {process.exitcode}"))
        if process.is_alive() and found[-1].kind == "slow":
            process.kill()
        process.join()
        process.close()
    return min(found, key=lambda each: (each.kind not in _FAILURES, each.seconds, each.megabytes))


def _seeds(names: Sequence[str]) -> dict[str, list[bytes]]:
    """The sound files of each format, made by another process: a library's threads do not survive a fork."""

    def make(pipe: Any) -> None:
        from tests.faults.formats import FORMATS

        pipe.send({name: FORMATS[name].seeds() for name in names})
        pipe.close()

    ours, theirs = _forked.Pipe(duplex=False)
    process = _forked.Process(target=make, args=(theirs,))
    process.start()
    theirs.close()
    made = ours.recv()
    process.join()
    return made  # type: ignore[no-any-return]


def fuzz(
    names: Sequence[str], files: int, seed: int, seconds: float, folder: Path, *, flips: bool = False
) -> Iterator[tuple[str, Outcome, bytes | None]]:
    """The outcome of each file, with its content where it failed; a chunk of each format in turn."""
    seeds = _seeds(names)
    from tests.faults.formats import corpus_of

    grown = {name: corpus_of(name) for name in names}
    began, done = time.monotonic(), dict.fromkeys(names, 0)
    share = -(-files // len(names))
    size = min(_CHUNK, share)
    for turn in range(-(-share // size)):
        for name in names:
            many = min(size, share - done[name])
            if many <= 0 or time.monotonic() - began > seconds:
                continue
            chunk = hash((seed, turn, names.index(name)))
            chunks = _chunk(name, seeds[name], grown[name], chunk, many, folder / name, flips=flips)
            for outcome, content in chunks:
                done[name] += 1
                if content is not None and outcome.kind == "refused" and not _too_much(outcome):
                    # Grown by what is new, as long as there is room.
                    if len(grown[name]) < _GROWN:
                        grown[name].append(content)
                    content = None
                elif _too_much(outcome) and outcome.kind in {"accepted", "refused", "slow"}:
                    # Also what was killed: on a busy machine, a process may get no second of the processor in twenty.
                    assert content is not None
                    again = _alone(name, content, folder / name, 3)
                    outcome = again._replace(kind=_judged(again))
                yield name, outcome, content
            shutil.rmtree(folder / name, ignore_errors=True)


def _too_much(outcome: Outcome) -> bool:
    return outcome.seconds > SECONDS or outcome.megabytes > MEGABYTES


def _judged(outcome: Outcome) -> str:
    if outcome.kind in _FAILURES:
        return outcome.kind
    return "slow" if outcome.seconds > SECONDS else "memory" if outcome.megabytes > MEGABYTES else outcome.kind


def _table(tallies: dict[str, Tally], seconds: float) -> str:
    head = f"{'format':<14}{'files':>9}{'accepted':>10}{'refused':>9}" + "".join(f"{each:>9}" for each in _FAILURES)
    lines = [f"{head}{'mean ms':>9}{'slowest s':>11}{'most MB':>9}"]
    total = Tally()
    for name, tally in (*tallies.items(), ("all", total)):
        counts = [tally.kinds.total(), *(tally.kinds[kind] for kind in ("accepted", "refused", *_FAILURES))]
        widths = (9, 10, 9, *(9 for _ in _FAILURES))
        cells = "".join(f"{count:>{width},}" for count, width in zip(counts, widths, strict=True))
        mean = 1000 * tally.seconds / max(1, tally.kinds.total())
        lines.append(f"{name:<14}{cells}{mean:>9.2f}{tally.slowest:>11.2f}{tally.largest:>9.0f}")
        total.kinds.update(tally.kinds)
        total.seconds += tally.seconds
        total.slowest, total.largest = max(total.slowest, tally.slowest), max(total.largest, tally.largest)
    return "\n".join([*lines, f"{seconds:,.0f} s"])


def _say(text: str, stream: Any = None) -> None:
    stream = stream or sys.stdout
    stream.write(f"{text}\n")
    stream.flush()


def _imported() -> None:
    """Import now what every process would import anew."""
    import importlib

    names = (
        "pandas",
        "pyarrow.parquet",
        "pyarrow.ipc",
        "narwhals",
        "PIL.Image",
        "safetensors.numpy",
        "scipy.special",
        "lzma",
        "bz2",
    )
    own = ("deltarule.estimators", "tests.faults.formats", "tests.faults.mutations")
    for name in (*names, *own):
        importlib.import_module(name)
    from PIL import Image

    Image.init()


def main() -> int:
    """Run from the command line; the exit code is 1 where a file failed."""
    from tests.faults.formats import FORMATS

    parser = argparse.ArgumentParser(prog="scripts/fuzz", description="Read mutated files of every format.")
    parser.add_argument("--files", type=int, default=20_000, help="mutated files, of all formats together")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no further chunk after so long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", action="append", choices=FORMATS, help="only this one; may be repeated")
    parser.add_argument("--flips", action="store_true", help="flip a single bit of a sound file, and no other mutation")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="folder for files that fail")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    _imported()
    names = options.format or list(FORMATS)
    tallies, kept, began, told = {name: Tally() for name in names}, set[tuple[str, str]](), time.monotonic(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        found = fuzz(names, options.files, options.seed, options.seconds, Path(folder), flips=options.flips)
        for name, outcome, content in found:
            tallies[name].add(outcome)
            if content is not None and outcome.kind in _FAILURES and (name, outcome.where) not in kept:
                kept.add((name, outcome.where))
                options.keep.mkdir(parents=True, exist_ok=True)
                path = options.keep / f"{name}-{outcome.kind}-{hashlib.sha256(content).hexdigest()[:8]}"
                path.write_bytes(content)
                _say(f"{path}: {outcome.seconds:.1f} s, {outcome.megabytes:.0f} MB: {outcome.said[-1500:]}")
            if time.monotonic() - told > 60:
                told = time.monotonic()
                _say(_table(tallies, told - began), sys.stderr)
    _say(_table(tallies, time.monotonic() - began))
    return int(any(tally.kinds[kind] for tally in tallies.values() for kind in _FAILURES))


if __name__ == "__main__":
    sys.exit(main())
