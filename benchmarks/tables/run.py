"""The command: fit what is not in the store, then report."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.process import Failed, Process
from benchmarks.run import processor
from benchmarks.tables import report
from benchmarks.tables.process import opened
from benchmarks.tables.protocol import Rival, rivals
from benchmarks.tables.store import Fit, Store
from benchmarks.tables.tables import TABLES

__all__ = ["main"]


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the CSV files; without it their tables are left out")
    parser.add_argument("--tables", default="", help=f"comma-separated, of {', '.join(TABLES)} (default: all)")
    parser.add_argument("--rivals", default="", help=f"comma-separated, of {', '.join(rivals())} (default: all)")
    parser.add_argument("--splits", type=int, default=5, help="splits of each table (default: 5)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each fit (default: 1)")
    parser.add_argument("--limit", type=float, default=1800, help="seconds for a fit, at most (default: 1800)")
    parser.add_argument("--python", type=Path, action="append", default=[], metavar="PATH",
                        help="a further Python, for packages that this one lacks; repeatable")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("runs/tables"),
                        help="folder of the results; a later run continues in it (default: runs/tables)")  # fmt: skip
    parser.add_argument("--again", default="", help="models whose stored results are replaced, comma-separated")
    parser.add_argument("--retry", action="store_true", help="repeat failed fits")
    parser.add_argument("--report", action="store_true", help="fit nothing, report what is stored")
    parser.add_argument("--page", type=Path, help="a page of the documentation whose results are replaced")
    return parser.parse_args(given)


def _named(names: str, known: dict[str, Any], what: str) -> dict[str, Any]:
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in known]:
        raise SystemExit(f"unknown {what} {', '.join(unknown)}: there are {', '.join(known)}")
    return {name: value for name, value in known.items() if name in wanted} if wanted else dict(known)


def _revision() -> str:
    """The commit of this checkout, or "" outside of one."""
    found = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.stdout.strip()


def _load() -> float:
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else float("nan")


def _missing(store: Store, key: str, tables: Sequence[str], splits: int) -> Iterator[tuple[str, int]]:
    for split in range(splits):
        for table in tables:
            if not store.has(key, table, split):
                yield table, split


def _fit_all(key: str, rival: Rival, arguments: argparse.Namespace, store: Store) -> None:
    """Fit a model on all tables and splits that the store lacks."""
    tables = list(_named(arguments.tables, TABLES, "table"))
    missing = list(_missing(store, key, tables, arguments.splits))
    if not missing:
        return
    pythons = [Path(sys.executable), *arguments.python]
    common: dict[str, Any] = {
        "rival": key,
        "processor": processor(),
        "threads": arguments.threads,
        "revision": _revision() if rival.family == "deltarule" else "",
    }
    process: Process | None = None
    try:
        for table, split in missing:
            if process is None:
                process, common["versions"] = opened(pythons, key, arguments.data, arguments.threads)
                process.ask("warm", limit=arguments.limit)
            common |= {"date": dt.datetime.now(dt.UTC).date().isoformat(), "load": _load()}
            try:
                found = process.ask("fit", limit=arguments.limit, table=table, split=split)
            except Failed as failure:
                found = {"error": str(failure)}
                process.__exit__()
                process = None
            if "absent" in found:
                continue
            store.write(Fit(table=table, split=split, **common, **found))
            _tell(rival, table, split, found)
    except Failed as failure:
        print(f"without {rival.name}: {failure}", flush=True)
    finally:
        if process is not None:
            process.__exit__()


def _tell(rival: Rival, table: str, split: int, found: dict[str, Any]) -> None:
    figures = found.get("error") or f"{found['score']:.4f}, {found['fit_cpu_seconds']:.2f} s of the processor"
    print(f"{rival.name}, {table}, split {split}: {figures}", flush=True)


def main(given: Sequence[str] | None = None) -> None:
    """Fit and report what the options say."""
    arguments = _arguments(given)
    team: dict[str, Rival] = _named(arguments.rivals, rivals(), "model")
    store = Store(arguments.out)
    for key in _named(arguments.again, rivals(), "model") if arguments.again else ():
        store.remove(key)
    for key, rival in {} if arguments.report else team.items():
        if arguments.retry:
            store.remove(key, failed_only=True)
        _fit_all(key, rival, arguments, store)
    tables = _named(arguments.tables, TABLES, "table")
    report.write(store, list(team), tables, arguments.threads, arguments.out, arguments.page)
