"""Results as numbers, as a Markdown table, and as a part of a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.workloads import Workload

__all__ = ["OURS", "markdown", "picture_of", "summary", "write_page"]

OURS = "deltarule"
_HEADING = "### "
BEGIN, END = "<!-- results: written by `python -m benchmarks --page` -->", "<!-- end of results -->"


def summary(workload: Workload, found: dict[str, Any]) -> dict[str, Any]:
    """What was measured on a workload, and what follows: medians, quartiles, ratios to ours, ours of the floor."""
    for figures in found["rivals"].values():
        q1, median, q3 = np.percentile(figures["microseconds"], [25, 50, 75])
        figures |= {"median": median, "q1": q1, "q3": q3, "n": len(figures["microseconds"])}
        figures["gflops"] = workload.flops / median / 1e3
    ours = found["rivals"].get(OURS)
    for figures in found["rivals"].values():
        figures["ratio"] = figures["median"] / ours["median"] if ours else None
    floor: dict[str, Any] = {
        part: float(np.median([probe[part] for probe in found["floor"]])) for part in found["floor"][0]
    }
    return {
        "key": workload.key,
        "title": workload.title,
        "words": workload.words,
        "cores": workload.cores,
        "samples": workload.samples,
        "flops": workload.flops,
        **found,
        "floor": {**floor, "probes": found["floor"]},
        "of_floor": floor["total"] / ours["median"] if ours and workload.precision == "float32" else None,
    }


def _number(microseconds: float) -> str:
    if microseconds >= 1000:
        return f"{microseconds:,.0f}"
    digits = 0 if microseconds >= 100 else 1 if microseconds >= 10 else 2
    return f"{microseconds:.{digits}f}"


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """Every rival that took part, ours first."""
    names = dict.fromkeys(name for row in rows for name in row["rivals"])
    return sorted(names, key=lambda name: (not name.startswith(OURS), name != OURS, name.lower()))


def _cell(row: dict[str, Any], name: str) -> str:
    figures = row["rivals"].get(name)
    if figures is None:
        return "–"
    spread = f"{_number(figures['median'])} ({_number(figures['q1'])}–{_number(figures['q3'])})"
    return f"**{spread}**" if name == OURS else f"{spread} **× {figures['ratio']:.2f}**"


def _steps(rows: list[dict[str, Any]]) -> list[str]:
    names = _columns(rows)
    lines = [
        f"| workload | cores | {' | '.join(names)} | floor | ours of the floor |",
        f"| --- | --- |{' --- |' * len(names)} --- | --- |",
    ]
    for row in rows:
        cells = " | ".join(_cell(row, name) for name in names)
        share = "" if row["of_floor"] is None or row["key"] == "W2" else f"{row['of_floor']:.0%}"
        # The floor is that of float32's multiply-adds.
        floor = "" if row["key"] == "W2" or row["key"].endswith("bfloat16") else _number(row["floor"]["total"])
        title = ", ".join(filter(None, [f"**{row['key'].partition('-')[0]}** {row.get('words', '')}", row["title"]]))
        lines.append(f"| {title} | {row['cores']} | {cells} | {floor} | {share} |")
    return lines


def _floors(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| workload | cores | peak, GFLOP/s | products, µs | update, µs | gathering, µs | ours, GFLOP/s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        floor = row["floor"]
        parts = " | ".join(_number(floor[part]) for part in ("products", "update", "gathering"))
        ours = f"{row['rivals'][OURS]['gflops']:.0f}" if OURS in row["rivals"] else ""
        lines.append(f"| {row['key']} | {row['cores']} | {floor['peak_gflops']:.0f} | {parts} | {ours} |")
    return lines


def _many(rows: list[dict[str, Any]]) -> list[str]:
    lines = ["| networks | one core, s | all cores, s | throughput |", "| --- | --- | --- | --- |"]
    for row in rows:
        if "absent" in row:
            lines.append(f"| 64 of {row['workload']} | | | {row['absent']} |")
            continue
        one, together = (float(np.median(row[name])) for name in ("one_core_seconds", "all_cores_seconds"))
        title = f"{row['networks']} of {row['workload']}"
        lines.append(f"| {title} | {one:.2f} | {together:.2f} | × {row['throughput']:.2f} |")
    return lines


def _avx2(rows: list[dict[str, Any]]) -> list[str]:
    lines = ["| product | batch × inputs × outputs | ours, GFLOP/s | OpenBLAS, GFLOP/s | ratio |",
             "| --- | --- | --- | --- | --- |"]  # fmt: skip
    for row in rows:
        shape = " × ".join(map(str, row["shape"]))
        figures = f"{row['ours_gflops']:.0f} | {row['blas_gflops']:.0f} | × {row['ratio']:.2f}"
        lines.append(f"| {row['product']} | {shape} | {figures} |")
    return lines


def _machine(results: dict[str, Any]) -> str:
    machine = results["machine"]
    joined = f" Joined from {results['joined']} runs." if "joined" in results else ""
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, vectors of {machine['vector_bits']} bits, "
        f"{machine['system']}. {versions}. {results['date']}.{joined}"
    )


def markdown(results: dict[str, Any]) -> str:
    """The tables of a run."""
    rows, parts = results["workloads"], [_machine(results)]
    if rows:
        counts = sorted({figures["n"] for row in rows for figures in row["rivals"].values()})
        aside = sum(len(figures["set_aside"]) for row in rows for figures in row["rivals"].values())
        n = "–".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
        parts.append(
            f"Microseconds a training step: median (quartiles) of n = {n} samples each; × times as long as ours. "
            f"{aside} more samples were disturbed by other processes and set aside."
        )
        parts += [
            "\n".join(_steps(rows)),
            "What the floors are made of, and the rate of our whole step:",
            "\n".join(_floors(rows)),
        ]
        sources = dict.fromkeys(figures["data"] for row in rows for figures in row["rivals"].values())
        parts.append(f"Data: {', '.join(sources)}.")
    if results.get("many"):
        parts += ["64 networks, `train_many` against one core that trains them one by one, whole calls:"]
        parts.append("\n".join(_many(results["many"])))
    if results.get("avx2"):
        parts += ["AVX2 alone, one core, against NumPy's OpenBLAS with its Haswell kernels:"]
        parts.append("\n".join(_avx2(results["avx2"])))
    return "\n\n".join(parts) + "\n"


def picture_of(results: dict[str, Any]) -> str:
    """The file name of the picture of a kind of processor."""
    return f"benchmarks-{'-'.join(re.findall('[a-z0-9]+', results['machine']['processor'].lower()))}.png"


def write_page(page: Path, results: dict[str, Any]) -> None:
    """Put the tables and the picture into the section of the processor, between the page's marks.

    A section is headed with the processor and the date. Those of other processors stay as they are.
    """
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    given, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"{page.name} has no marks for the results")
    processor = results["machine"]["processor"]
    sections = [f"{_HEADING}{section.strip()}" for section in given.split(_HEADING)[1:]]
    image = f"![Time of a training step, each rival's over ours](pictures/{picture_of(results)})"
    made = f"{_HEADING}{processor}, {results['date']}\n\n{image}\n\n{markdown(results).strip()}"
    old = [place for place, section in enumerate(sections) if section.startswith(f"{_HEADING}{processor}, ")]
    sections[slice(old[0], old[0] + 1) if old else slice(len(sections), None)] = [made]
    whole = "\n\n".join([BEGIN, *sections, END])
    page.write_text(f"{before}{whole}{after}", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """The results of an earlier run."""
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return results
