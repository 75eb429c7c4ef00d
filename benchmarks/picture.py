"""The picture: a line for each workload, a dot for each rival, at how many times our time it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.report import OURS
from deltarule.figures import style

__all__ = ["draw"]

# Colours that everyone can tell apart, and a shape for each besides.
LOOKS = {
    OURS: (style.BLUE, "o"),
    "JAX scan": (style.VERMILION, "D"),
    "JAX scan over many epochs": (style.SKY, "d"),
    "Keras": (style.GREEN, "s"),
    "PyTorch": (style.PURPLE, "^"),
    "scikit-learn": (style.ORANGE, "v"),
}


_FLOOR = (
    "Floor: how long a step would take if the matrix products, the optimizer's update and the copying of a batch\n"
    "ran at the rates that loops made for each of them alone reach on this processor, and nothing else took time."
)


def _time(microseconds: float) -> str:
    return f"{microseconds / 1000:.1f} ms" if microseconds >= 1000 else f"{microseconds:.3g} µs"


def _label(row: dict[str, Any]) -> str:
    sizes, _, rest = row["title"].partition(", ")
    cores = "one core" if row["cores"] == 1 else f"{row['cores']} cores"
    name = f"{row['key'].partition('-')[0]}  {row.get('words', '')}".strip()
    return f"{name}\n{sizes}, {rest}, {cores}\nours {_time(row['rivals'][OURS]['median'])}"


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw the rows in which ours took part."""
    rows = [row for row in results["workloads"] if OURS in row["rivals"]]
    if not rows:
        return
    from matplotlib.ticker import FuncFormatter, NullFormatter

    picture = style.figure(9.0, 1.8 + 0.66 * len(rows))
    axes = picture.subplots()
    for place, row in enumerate(rows):
        _line(axes, place, row)
    axes.set_yticks(range(len(rows)), [_label(row) for row in rows], fontsize=7.5)
    axes.set_ylim(len(rows) - 0.4, -0.75)
    axes.set_xscale("log")
    most = max(figures["ratio"] for row in rows for figures in row["rivals"].values())
    least = min((row["of_floor"] or 1.0 for row in rows if row["key"] != "W2"), default=1.0)
    axes.set_xlim(min(0.55, 0.7 * least), most * 1.4)
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200) if tick < most * 1.4]
    axes.set_xticks(ticks)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g} ×"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    style.tidy(axes, x="time of a training step, as a multiple of deltarule's (logarithmic)")
    picture.supxlabel(_FLOOR, fontsize=7.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.axvline(1.0, color=style.BLUE, linewidth=1.0, zorder=1)
    _legend(picture, {name for row in rows for name in row["rivals"]})
    style.save(picture, path)


def _line(axes: Any, place: int, row: dict[str, Any]) -> None:
    others = {name: figures for name, figures in row["rivals"].items() if name in LOOKS}
    end = max(figures["ratio"] for figures in others.values())
    axes.plot([1, end], [place, place], color="#CCCCCC", linewidth=1.2, zorder=1)
    floor = row["of_floor"]
    if row["key"] != "W2" and floor is not None:
        axes.plot([floor, floor], [place - 0.22, place + 0.22], color=style.BLACK, linewidth=1.8, zorder=2)
        axes.annotate(f"{floor:.0%}", (floor, place), (-4, 0), textcoords="offset points", fontsize=7.5, ha="right",
                      va="center")  # fmt: skip
    below = False
    for name, figures in sorted(others.items(), key=lambda item: item[1]["ratio"]):
        colour, shape = LOOKS[name]
        ours = figures["median"] / figures["ratio"]
        axes.plot([figures["q1"] / ours, figures["q3"] / ours], [place, place], color=colour, linewidth=4, alpha=0.35)
        axes.plot([figures["ratio"]], [place], shape, color=colour, markersize=6.5, zorder=3)
        if name != OURS:
            # Neighbours' labels stand above and below in turn.
            offset = (0, -12) if below else (0, 6)
            axes.annotate(f"{figures['ratio']:.3g}", (figures["ratio"], place), offset, textcoords="offset points",
                          fontsize=7.5, ha="center", color=style.BLACK)  # fmt: skip
            below = not below


def _legend(picture: Any, present: set[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, marker=shape, linestyle="", markersize=6.5, label=name)
        for name, (colour, shape) in LOOKS.items()
        if name in present
    ]
    handles.append(Line2D([], [], color=style.BLACK, marker="|", linestyle="", markersize=11, markeredgewidth=1.8,
                          label="floor (and ours as a share of its speed)"))  # fmt: skip
    picture.legend(handles=handles, loc="outside upper center", ncols=len(handles), fontsize=8, frameon=False,
                   columnspacing=1.2, handletextpad=0.3)  # fmt: skip
