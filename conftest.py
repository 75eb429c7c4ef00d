"""Files that are not collected where an optional library is missing: their imports would fail."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("starlette") and find_spec("uvicorn") else ["src/deltarule/web/*"]
