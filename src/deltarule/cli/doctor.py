"""`deltarule doctor`: the processor, what was chosen for it, and everything else that a bug report needs."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from deltarule import __version__
from deltarule.cli.option_groups import json_option, option
from deltarule.cli.terminal import print_json, print_lines

_FEATURES = ("avx2", "fma", "avx512f", "avx512bf16", "amx-bf16", "neon")
_VARIABLES = ("DELTARULE_", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def doctor(
    tune: Annotated[bool, option("--tune", "Keep the choice that is measured now for later processes.")] = False,
    as_json: Annotated[bool, json_option()] = False,
) -> None:
    """Show the processor, the choices measured for it, the cache of compiled code, and versions, for a bug report.

    All candidates are measured again, which takes a few seconds. Results of training never depend on the choice.

    Examples:

    \b
    deltarule doctor
    deltarule doctor --tune
    deltarule doctor --json
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    facts = {
        "versions": _versions(),
        "processor": _processor(),
        "cores": _cores(),
        "environment": {name: value for name, value in os.environ.items() if name.startswith(_VARIABLES)},
        "tiling": {dtype: _tiling(dtype, tune=tune) for dtype in ("float32", "float64", "bfloat16")},
        "cache": _cache(),
    }
    if as_json:
        print_json(facts)
    else:
        print_lines(_lines(facts))


def _versions() -> dict[str, str]:
    import llvmlite
    import numpy as np
    from llvmlite import binding

    return {
        "deltarule": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "llvmlite": llvmlite.__version__,
        "llvm": ".".join(map(str, binding.llvm_version_info)),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _processor() -> dict[str, Any]:
    """Return the processor as LLVM sees it."""
    from deltarule.native import amx
    from deltarule.native.processor import processor

    machine = processor()
    found = machine.features.split(",")
    return {
        "name": machine.name,
        "vector_bits": 8 * machine.vector_bytes,
        "vector_registers": machine.registers,
        "fused_multiply_add": machine.fused,
        "features": {name: f"+{name}" in found for name in _FEATURES},
        "matrix_unit": amx.state(),
    }


def _cores() -> dict[str, Any]:
    """Return the numbers of cores, the quota of control groups, the threads that training may use, and the load."""
    from deltarule.engines.threads import allowed_threads, quota

    return {
        "machine": os.cpu_count(),
        "affinity": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "quota": quota(),
        "threads": allowed_threads(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _cache() -> dict[str, Any]:
    """Return the folder of compiled code and what it contains, or why there is none."""
    from deltarule.native.cache import cache_folder_or_reason

    folder, reason = cache_folder_or_reason()
    if folder is None:
        return {"folder": None, "reason": reason, "writable": False, "files": 0, "bytes": 0}
    sizes = [entry.stat().st_size for entry in os.scandir(folder) if entry.is_file()]
    return {
        "folder": str(folder),
        "reason": None,
        "writable": os.access(folder, os.W_OK),
        "files": len(sizes),
        "bytes": sum(sizes),
    }


def _tiling(dtype: str, *, tune: bool) -> dict[str, Any]:
    """Return the tiling in use, the peak, and the rate of each candidate, measured now."""
    from dataclasses import asdict

    from deltarule.native.timing import peak_gflops
    from deltarule.native.tuning import chosen_tiling, keep, measure

    _, measurements = measure(dtype)
    if tune:
        keep(dtype, measurements)
    tiling, source = chosen_tiling(dtype)
    return {
        "source": source,
        "in_use": asdict(tiling),
        "peak_gflops": peak_gflops("float64" if dtype == "float64" else "float32"),
        "measurements": [asdict(each) for each in measurements],
    }


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the report."""
    versions, machine, cores, cache = (facts[name] for name in ("versions", "processor", "cores", "cache"))
    yield (
        f"deltarule {versions['deltarule']}, Python {versions['python']}, NumPy {versions['numpy']}, "
        f"llvmlite {versions['llvmlite']}"
    )
    yield f"LLVM {versions['llvm']}, {versions['system']}"
    yield ""
    fused = "" if machine["fused_multiply_add"] else "no "
    registers = f"{machine['vector_registers']} registers of {machine['vector_bits']} bits"
    yield f"Processor   {machine['name']}: {registers}, {fused}fused multiply-add"
    yield f"Features    {', '.join(name for name, present in machine['features'].items() if present) or 'none'}"
    absent = [name for name, present in machine["features"].items() if not present]
    yield f"Without     {', '.join(absent) or 'none'}"
    yield f"Matrix unit {machine['matrix_unit']}"
    yield (
        f"Cores       {cores['machine']} in the machine, {_or(cores['affinity'], 'all')} by affinity, "
        f"quota {_or(cores['quota'], 'none')}, load {_or(cores['load'], 'unknown')}"
    )
    yield f"Threads     {cores['threads']} at most in training"
    if cache["folder"] is None:
        yield f"Cache       none: {cache['reason']}"
    else:
        writable = "writable" if cache["writable"] else "not writable"
        yield f"Cache       {cache['bytes'] / 1e6:.1f} MB in {cache['files']} files, {writable}:"
        yield f"            {cache['folder']}"
    for name, value in facts["environment"].items():
        yield f"Variable    {name}={value}"
    for dtype, tiling in facts["tiling"].items():
        yield from _measured(dtype, tiling)
    yield ""
    yield "*: the fastest, if by 3 % or more; later candidates are measured with it."


def _measured(dtype: str, tiling: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of a precision: the rate of each candidate and its fraction of the peak."""
    peak = tiling["peak_gflops"]
    yield ""
    of = " of float32" if dtype == "bfloat16" else ""
    yield f"Products in {dtype}, one core: peak{of} about {peak:.0f} GFLOP/s"
    yield f"In use ({tiling['source']}):"
    in_use = tiling["in_use"]
    yield f"  {_changes({name: in_use[name] for name in ('addresses', 'heights', 'widest', 'prefetch')})}"
    yield f"  {_changes({name: in_use[name] for name in ('panel_width', 'panel_depth')})}"
    yield f"  {_changes({name: in_use[name] for name in ('block_rows', 'block_depth', 'uncut_depth', 'packed')})}"
    yield f"  {_changes({name: in_use[name] for name in ('pairs', 'estimates')})}"
    yield f"{'Question':<11}{'Candidate':<48}{'GFLOP/s':>9}{'Of peak':>9}"
    for each in tiling["measurements"]:
        rate = each["gflops"]
        name = _changes(each["changes"]) or "as before"
        yield f"{each['question']:<11}{name:<48}{rate:>9.1f}{rate / peak:>7.0%}{' *' if each['chosen'] else ''}"


def _changes(fields: Mapping[str, Any]) -> str:
    """Name fields of a tiling and their values; of heights only those of tiles 1 to 4 vectors wide.

    >>> _changes({"panel_width": 4, "heights": (0, 12, 12, 8, 6, 1, 1, 1, 1), "estimates": ("divide", "sqrt")})
    'panel width 4, heights 12 12 8 6, estimates divide sqrt'
    """
    from deltarule.native.tiling import NEVER

    def text(name: str, value: Any) -> str:
        if isinstance(value, tuple):
            return " ".join(map(str, value[1:5] if name == "heights" else value)) or "none"
        return "never" if value == NEVER else str(value)

    return ", ".join(f"{name.replace('_', ' ')} {text(name, value)}" for name, value in fields.items())


def _or(value: object, otherwise: str) -> object:
    return otherwise if value is None else value
