"""Kill runs at random moments, or let their disk fill, and check that they resume to the bits of an undisturbed run.

Each disturbed run is a process forked from this one. It is killed after a random part of the processor time that an
undisturbed run takes; or it writes to a file system, or to files, that become full after a random number of bytes.
Afterwards another process continues in the same folder, and its result has to be that of the undisturbed run.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import deltarule as dr
from deltarule.experiments.reproduce import Given, changed, experiment
from deltarule.training import checkpoints
from deltarule.training.checkpoints import NEWEST, PREVIOUS, Checkpoints

LONG = {
    "dropout_schedule": "cosine",
    "averaging": dr.ExponentialAverage(0.9),
    "schedule": dr.ReduceOnPlateau(patience=2),
}
IRIS = dr.load_dataset("iris")
LAST_LINE = "nothing lost"


def recipe(epochs: int, hidden: int = 32) -> dr.Recipe:
    """A run with state of every kind: slots, an average, early stopping, a schedule that watches, normalization."""
    network = dr.Network(hidden=(hidden,), dropout=0.2, normalization="batch", input_scale=True)
    return dr.Recipe(network=network, batch_size=32, epochs=epochs, stopping=dr.EarlyStopping(patience=None), **LONG)


def trained(folder: Path, *, epochs: int = 150, hidden: int = 32, cost: float = 0.1) -> bytes:
    """Train with checkpoints, which take up to so much of the time."""
    checkpoints._COST = cost
    run = dr.train(recipe(epochs, hidden), IRIS, checkpoint=folder, checkpoint_seconds=0.0)
    return run.model.parameters.tobytes() + run.history.table[:, :7].tobytes() + bytes([run.best_epoch % 256])


def checkpointed(folder: Path) -> bytes:
    """Write checkpoints without end while training."""
    return trained(folder, epochs=30, hidden=1000, cost=1e9)


def compared(folder: Path) -> bytes:
    """Compare two recipes over three seeds."""
    two = {name: recipe(10).replace(optimizer=name) for name in ("adam", "sgd")}
    networks = dr.compare(two, IRIS, seeds=3, folder=folder, keep_models=True, n_threads=1).networks
    return repr(sorted((each.variant, each.seed, each.score, each.loss, each.epochs) for each in networks)).encode()


def fitted(folder: Path) -> bytes:
    """Fit the networks of five folds."""
    checkpoints._COST = 0.1
    classifier = dr.TabularClassifier(preset=recipe(30), checkpoint=folder, n_threads=1).fit(IRIS.train.x, IRIS.train.y)
    return np.asarray(classifier.oof_predictions_).tobytes()


def reproduced(folder: Path) -> bytes:
    """Run a founding experiment as a fair comparison, as `deltarule reproduce moons --fair` does."""
    settings = ["seeds=2", "epochs=20", "rates=published", "fresh=100"]
    folder.mkdir(exist_ok=True)
    found = changed(experiment("moons", fair=True), settings).run(Given(folder=folder)).comparison
    return repr(sorted((each.variant, each.seed, each.score, each.loss) for each in found.networks)).encode()


KINDS: dict[str, Callable[[Path], bytes]] = {
    "training": trained, "checkpointing": checkpointed, "comparing": compared, "fitting": fitted,
    "reproducing": reproduced,
}  # fmt: skip


def started(kind: str, folder: Path, bytes_at_most: int | None = None) -> tuple[int, int]:
    """Fork a process that works in a folder; its number, and a pipe with the digest of its result, or its error."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork of a process with threads
        child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    try:
        os.close(reader)
        warnings.simplefilter("ignore")
        if bytes_at_most is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_at_most, bytes_at_most))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        os.write(writer, hashlib.sha256(KINDS[kind](folder)).hexdigest().encode())
        os._exit(0)
    except BaseException as error:  # noqa: BLE001 - told to the parent
        os.write(writer, f"{type(error).__name__}: {error}".encode()[:1000])
        os._exit(1)


def ended(child: int, reader: int) -> str:
    """Wait for a process; its digest or its error, nothing where it was killed."""
    os.waitpid(child, 0)
    with os.fdopen(reader) as stream:
        return stream.read()


def used(child: int) -> float:
    """The seconds of processor time of a process; infinity once it has ended."""
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return float("inf") if fields[0] == "Z" else (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def undisturbed(kind: str) -> tuple[str, float]:
    """The digest of a run without disturbance, and the processor time of a forked one, when all code is compiled."""
    with tempfile.TemporaryDirectory() as parent, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        digest = hashlib.sha256(KINDS[kind](Path(parent) / "first")).hexdigest()
        before = os.times()
        forked = ended(*started(kind, Path(parent) / "run"))
        after = os.times()
    if forked != digest:
        raise SystemExit(f"{kind}: {forked}")
    return digest, after.children_user + after.children_system - before.children_user - before.children_system


def killed(kind: str, folder: Path, moment: float) -> str:
    """Kill a run after so many seconds of processor time; what it left."""
    child, reader = started(kind, folder)
    while used(child) < moment:
        time.sleep(0.001)
    time.sleep(random.random() / os.sysconf("SC_CLK_TCK"))
    os.kill(child, signal.SIGKILL)
    if ended(child, reader):
        return "had ended"
    parts = list(folder.rglob(".*.part")) if folder.exists() else []
    return "killed while it wrote" if parts else "killed"


@contextlib.contextmanager
def disk(parent: Path, size: int) -> Iterator[Callable[[], None] | None]:
    """Mount a file system of so many bytes; what makes it large enough. None where mounting is not permitted."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(parent)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield lambda: subprocess.run(["mount", "-o", "remount,size=64m", str(parent)], check=True) and None
    finally:
        subprocess.run(["umount", "-l", str(parent)], check=True)


def filled(kind: str, parent: Path, size: int) -> tuple[str, str]:
    """Let the disk of a run fill, make it larger, and continue; what happened, and the digest in the end."""
    with disk(parent, size) as enlarge:
        folder = parent / "run"
        first = ended(*started(kind, folder, None if enlarge else size))
        check_folder(kind, folder)
        if enlarge is not None:
            enlarge()
        what = "trained on a full disk" if len(first) == 64 else first.partition(":")[0]
        return what, ended(*started(kind, folder))


def check_folder(kind: str, folder: Path) -> None:
    """Raise an error where a run's folder has checkpoints of which none is valid."""
    for found in {path.parent for name in (NEWEST, PREVIOUS) for path in folder.rglob(name)}:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert Checkpoints(found).newest() is not None, (kind, found)


def disturbed(kills: int, disks: int, seed: int, say: Callable[[str], None]) -> list[str]:
    """Disturb so many runs; the faults."""
    random.seed(seed)
    lives = {kind: undisturbed(kind) for kind in KINDS}
    say("processor time: " + ", ".join(f"{kind} {seconds:.2f} s" for kind, (_, seconds) in lives.items()))
    seen: Counter[str] = Counter()
    faults = []
    for number in range(kills + disks):
        kind = list(KINDS)[number % len(KINDS)]
        digest, seconds = lives[kind]
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent) / "run"
            try:
                if number < kills:
                    for _ in range(random.choice([1, 1, 2, 3])):
                        seen[f"{kind}: {killed(kind, folder, random.uniform(0, seconds))}"] += 1
                        check_folder(kind, folder)
                    result = ended(*started(kind, folder))
                else:
                    size = random.choice([4096 * random.randint(1, 30), 4096 * random.randint(1, 300)])
                    what, result = filled(kind, Path(parent), size)
                    seen[f"{kind} on a disk of few bytes: {what}"] += 1
            except (AssertionError, dr.DeltaruleError, Warning) as error:
                result = f"{type(error).__name__}: {error}"
        if result != digest:
            faults.append(f"{kind}, number {number}: {result}")
            say(faults[-1])
        if (number + 1) % 50 == 0:
            say(f"{number + 1} of {kills + disks}: {len(faults)} faults")
    for what, count in sorted(seen.items()):
        say(f"  {what}: {count}")
    return faults


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="runs that are killed (default: 200)")
    parser.add_argument("--disks", type=int, default=50, help="runs whose disk fills (default: 50)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and sizes (default: 0)")
    given = parser.parse_args()
    faults = disturbed(given.kills, given.disks, given.seed, say)
    say(f"{given.kills} kills, {given.disks} full disks: {f'{len(faults)} faults' if faults else LAST_LINE}")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
