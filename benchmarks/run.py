"""The command: measure, then write results.json, results.md and results.png."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.avx2 import avx2
from benchmarks.conductor import Settings, measured
from benchmarks.many import many
from benchmarks.process import Failed
from benchmarks.protocol import Rival, rivals
from benchmarks.workloads import chosen

__all__ = ["main", "processor"]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--workloads", default="", help="such as W1,W3 or W3-adam; all where none is named")
    parser.add_argument("--rivals", default="", help="names of files in benchmarks/rivals, parted by commas")
    parser.add_argument("--repetitions", type=int, default=15, help="samples of each rival (15)")
    parser.add_argument("--patience", type=float, default=30.0, help="seconds to wait for a quiet machine (30)")
    parser.add_argument("--many", action="store_true", help="also 64 networks at once")
    parser.add_argument("--avx2", action="store_true", help="also the products with AVX2 alone, against OpenBLAS")
    parser.add_argument("--only-extras", action="store_true", help="none of the workloads, only --many and --avx2")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="folder to write into")
    parser.add_argument("--page", type=Path, help="a page of the documents whose tables and picture are renewed")
    parser.add_argument("--again", type=Path, nargs="+", help="measure nothing: report earlier results.json")
    return parser.parse_args()


def _team(names: str) -> dict[str, Rival]:
    everyone = rivals()
    wanted = [name.strip() for name in names.split(",") if name.strip()] or list(everyone)
    if unknown := [name for name in wanted if name not in everyone]:
        raise SystemExit(f"no rival {', '.join(unknown)}: there are {', '.join(everyone)}")
    return {name: everyone[name] for name in wanted}


def processor() -> str:
    """The processor's name, and its family as LLVM names it."""
    from llvmlite import binding as llvm

    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name} ({llvm.get_host_cpu_name()})"


def _about(team: dict[str, Rival]) -> dict[str, Any]:
    from llvmlite import binding as llvm

    versions = {name: version for rival in team.values() for name, version in rival.versions().items() if version}
    features = llvm.get_host_cpu_features()
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "vector_bits": 512 if features.get("avx512f") else 256 if features.get("avx") else 128,
            "system": platform.system(),
        },
        "versions": {"Python": platform.python_version(), **dict(sorted(versions.items()))},
    }


def _load() -> float:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else float("nan")


def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    team = _team(arguments.rivals)
    settings = Settings(arguments.repetitions, arguments.patience)
    results: dict[str, Any] = {**_about(team), "load": {"begin": _load()}, "workloads": [], "many": [], "avx2": []}
    for workload in [] if arguments.only_extras else chosen(arguments.workloads):
        row = report.summary(workload, measured(workload, team, settings))
        results["workloads"].append(row)
        _tell(row)
        _write(arguments.out, results)
    if arguments.many:
        results["many"] = many(settings)
    if arguments.avx2:
        settings.wait_until_quiet()
        try:
            results["avx2"] = avx2(arguments.repetitions)
        except Failed as failure:
            print(f"AVX2: {failure}")
    results["load"]["end"] = _load()
    return results


def _tell(row: dict[str, Any]) -> None:
    times = ", ".join(
        f"{name} {figures['median']:,.4g}" + ("" if name == report.OURS else f" (× {figures['ratio'] or 0:.2f})")
        for name, figures in sorted(row["rivals"].items(), key=lambda item: item[1]["median"])
    )
    share = f"; ours at {row['of_floor']:.0%} of the floor" if row["of_floor"] else ""
    print(f"{row['key']}, µs a step: {times}{share}", flush=True)
    for name, why in row["absent"].items():
        print(f"    without {name}: {why}", flush=True)


def _write(folder: Path, results: dict[str, Any]) -> None:
    from benchmarks.picture import draw

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    (folder / "results.md").write_text(report.markdown(results), encoding="utf-8")
    draw(results, folder / "results.png")


def _joined(paths: list[Path]) -> dict[str, Any]:
    """The first run's results, and what later ones on the same kind of machine have that it lacks."""
    first, *others = [report.read(path) for path in paths]
    if kinds := {str(other["machine"]) for other in others} - {str(first["machine"])}:
        raise SystemExit(f"results of {first['machine']} are not mixed with those of {', '.join(kinds)}")
    for other in others:
        have = {row["key"] for row in first["workloads"]}
        first["workloads"] += [row for row in other["workloads"] if row["key"] not in have]
        first["joined"] = len(paths)
        for part in ("many", "avx2"):
            first[part] = first[part] or other[part]
    order = [workload.key for workload in chosen("")]
    first["workloads"].sort(key=lambda row: order.index(row["key"]))
    return first


def main() -> None:
    """Measure what the options say."""
    arguments = _arguments()
    results = _joined(arguments.again) if arguments.again else _measure(arguments)
    _write(arguments.out, results)
    print(f"written: {', '.join(str(arguments.out / f'results.{kind}') for kind in ('json', 'md', 'png'))}")
    if arguments.page:
        from benchmarks.picture import draw

        draw(results, arguments.page.parent / "pictures" / report.picture_of(results))
        report.write_page(arguments.page, results)


if __name__ == "__main__":
    main()
