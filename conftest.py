"""What holds for the tests and for the examples in the source.

Files that are not collected where an optional library is missing, as their imports would fail; and the garbage
collector, which is off during collection and afterwards passes over what was collected: 12,000 tests and all modules.
"""

import gc
from collections.abc import Generator
from importlib.util import find_spec

import pytest

collect_ignore_glob = [] if find_spec("starlette") and find_spec("uvicorn") else ["src/deltarule/web/*"]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the garbage collector."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
