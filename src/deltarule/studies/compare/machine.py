"""Description of the machine that a comparison ran on."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import numpy as np


def machine() -> dict[str, str]:
    """Return hardware, system and versions, in words.

    >>> sorted(machine())
    ['cores', 'deltarule', 'numpy', 'processor', 'python', 'system']
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": str(cores),
        "system": f"{platform.system()} {platform.machine()}".strip(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "deltarule": version(),
    }


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            names = (line.partition(":")[2].strip() for line in file if line.startswith("model name"))
            name = next(names, "")
    except OSError:
        name = ""
    return name or platform.processor() or platform.machine()


def version() -> str:
    """Return the version of deltarule.

    >>> version() != ""
    True
    """
    try:
        return metadata.version("deltarule")
    except metadata.PackageNotFoundError:  # run from the sources
        return "from its sources"
