"""`deltarule serve`: models over HTTP, and a page in the browser."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from deltarule.errors import ModelError, ModelFileError, RecipeError
from deltarule.language import message

_NEEDED = ("starlette", "uvicorn")


def _option(flag: str, text: str, metavar: str | None = None, **more: Any) -> Any:
    return typer.Option(flag, help=text, metavar=metavar, **{"show_default": False, **more})


_Models = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Model files (.safetensors or .json) or folders of runs; NAME=MODEL names one. Without any, a network is "
        "trained on handwritten digits at the start.",
        metavar="MODEL",
        show_default=False,
    ),
]
_Port = Annotated[int, _option("--port", "Port; 0 chooses a free one (default: 8000).", "NUMBER", min=0)]
_Host = Annotated[str, _option("--host", "Address to listen on (default: 127.0.0.1); others need --token.", "ADDRESS")]
_Token = Annotated[str, _option("--token", "Secret that every request must carry.", "TEXT", envvar="DELTARULE_TOKEN")]
_Runs = Annotated[Path, _option("--runs", "Folder of the runs that are shown (default: runs).", "FOLDER")]
_DataDir = Annotated[Path | None, _option("--data-dir", "Folder with the files of mnist, fashion or kmnist.", "FOLDER")]


def serve(
    models: _Models = None,
    port: _Port = 8000,
    host: _Host = "127.0.0.1",
    token: _Token = "",
    runs: _Runs = Path("runs"),
    data_dir: _DataDir = None,
    open_page: Annotated[bool, _option("--open", "Open the page in the browser.")] = False,
    as_json: Annotated[bool, _option("--json", "Print the address as one JSON object.")] = False,
) -> None:
    """Serve models over HTTP, with a page to draw digits, race networks, watch runs.

    The server listens on this machine only. Ctrl-C ends it.
    POST /predict takes rows as JSON or CSV; /v2/models/NAME/infer is the
    Open Inference Protocol; /api describes both.

    Examples:

    \b
    deltarule serve
    deltarule serve runs/digits-1 --open
    deltarule serve churn=runs/churn-3/model.safetensors --port 9000
    curl localhost:8000/predict --json '{"rows": [[5.1, 3.5, 1.4, 0.2]]}'
    """  # noqa: D301, D412 - Typer does not join the lines after \b
    _check_installed()
    from deltarule.web.serving import Address
    from deltarule.web.serving import serve as run
    from deltarule.web.start import prepared

    address = Address(host, port, token)
    named = _named(models or [])
    listening = address.bound()
    server = prepared(named, token=token, runs=runs, data_dir=data_dir)
    url = address.url(listening.getsockname()[1])

    def started() -> None:
        if as_json:
            print(json.dumps({"url": url, "models": list(named)}), flush=True)  # noqa: T201 - the command's result
        else:
            print(message("Serving on {url} (Ctrl-C ends it)", url=url), file=sys.stderr, flush=True)  # noqa: T201 - a message
        if open_page:
            typer.launch(url)

    with server:
        run(server.app, listening, server.limits, started, server.close)


def _check_installed() -> None:
    missing = [each for each in _NEEDED if importlib.util.find_spec(each) is None]
    if missing:
        raise ModelError(
            "Starlette and uvicorn to serve over HTTP", f"no {' and '.join(missing)}", "pip install 'deltarule[serve]'"
        )


def _named(models: list[Path]) -> dict[str, Path]:
    """Return the models' files by their names: given as NAME=MODEL, or that of the run's folder or of the file."""
    found: dict[str, Path] = {}
    for each in models:
        name, equals, rest = str(each).partition("=")
        path = Path(rest) if equals and not each.exists() else each
        if path is each:
            name = each.resolve().name if each.is_dir() else each.stem
            name = each.resolve().parent.name if name == "model" and not each.is_dir() else name
        if not path.exists():
            raise ModelFileError("a model file or the folder of a run", str(path))
        if not name or "/" in name or name in found:
            raise RecipeError("a different name for each model", repr(name), f"second={path}", field="MODEL")
        found[name] = path
    return found
