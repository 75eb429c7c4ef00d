"""Read every hostile file, and every one cut short, and print a line of JSON for each that is not handled as it has to.

    python -m tests.faults.attacks FOLDER [EVERY]

EVERY : of the files cut short, every so many-th is read (default: 1, all of them); above 1 the memory that files
of more than 1 MiB take is not counted.

The last line has the numbers. A file has to give one sentence that names it, or be read, within a second of the
processor and 100 MB.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.faults import fuzz
from tests.faults.attacks import Attack, cache_files, checkpoint_files, foreign_files, model_files, recipe_files
from tests.faults.formats import FORMATS

from deltarule.errors import DeltaruleError

SECONDS, MEGABYTES = 1.0, 100.0


def all_attacks() -> Iterator[Attack]:
    """The attacks of every kind."""
    for module in (model_files, checkpoint_files, recipe_files, foreign_files, cache_files):
        yield from module.attacks()


def truncated() -> Iterator[Attack]:
    """Every beginning of a small file of each kind."""
    names = ("checkpoint", "readable", "recipe", "onnx", "state_dict")
    smallest = {"model": model_files.seed()} | {name: min(FORMATS[name].seeds(), key=len) for name in names}
    for name, content in smallest.items():
        for length in range(len(content)):
            yield Attack(name, f"the first {length} bytes", content[:length])


def reader(name: str, folder: Path) -> tuple[Path, Callable[[Path], Any]]:
    """The path and the reader of a format, with what lies beside the file."""
    if name == "cache":
        return folder / cache_files.NAME, cache_files.read
    return fuzz.prepared(name, folder) / FORMATS[name].file, FORMATS[name].read


def fault(attack: Attack, folder: Path, peaks: dict[str, float], *, traced: bool) -> str:
    """What is wrong with how a file is read; nothing for one that is handled as it has to.

    traced : count its memory, which makes it slower, rather than its time.
    """
    path, read = reader(attack.format, folder / attack.format)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(attack.content)
    path.chmod(0o600)
    beside = sorted(os.listdir(path.parent))  # noqa: PTH208 - faster
    if traced:
        tracemalloc.start()
    said, began = "", time.process_time()
    try:
        read(path)
    except DeltaruleError as error:
        said = str(error)
    except BaseException:  # noqa: BLE001 - what the readers promise never to raise
        return traceback.format_exc()
    finally:
        taken = {"seconds": 0.0 if traced else time.process_time() - began}
        taken["megabytes"] = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
    peaks.update({name: max(peaks[name], value) for name, value in taken.items()})
    faults = {
        "was read": not said and not attack.accepted,
        f"without {attack.says!r}: {said}": bool(said) and attack.says not in said,
        f"more than one line: {said}": "\n" in said or len(said) > 2000,
        f"does not name the file: {said}": bool(said) and path.name not in said and str(path.parent) not in said,
        f"took {taken['seconds']:.1f} s": taken["seconds"] > SECONDS,
        f"took {taken['megabytes']:.0f} MB": taken["megabytes"] > MEGABYTES,
        "wrote a file": beside != sorted(os.listdir(path.parent)),  # noqa: PTH208
    }
    return "; ".join(what for what, is_so in faults.items() if is_so)


def main(folder: Path, every: int = 1) -> int:
    """Read all hostile files, and every so many-th of those cut short."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    fuzz._imported()
    attacks, short = list(all_attacks()), list(truncated())[::every]
    # Counting takes ten times as long.
    counted = [each for each in attacks if every == 1 or len(each.content) <= 1 << 20]
    peaks, faults = {"seconds": 0.0, "megabytes": 0.0}, 0
    for traced, files in ((False, [*attacks, *short]), (True, counted)):
        for each in files:
            what = fault(each, folder, peaks, traced=traced)
            if what:
                faults += 1
                print(json.dumps({"format": each.format, "name": each.name, "fault": what}), flush=True)  # noqa: T201
    print(json.dumps({"attacks": len(attacks), "truncated": len(short), "faults": faults, **peaks}))  # noqa: T201
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
