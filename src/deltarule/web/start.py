"""What a server starts with: its models, loaded and warmed up, and the views of its page."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np

from deltarule.models.ensemble import load_predictor
from deltarule.training.folder import model_path
from deltarule.web.application import application
from deltarule.web.guard import Guard
from deltarule.web.limits import Limits
from deltarule.web.served_model import ServedModel
from deltarule.web.service import Service


@dataclass
class Server:
    """An application with what runs beside it, which starts and ends as a context."""

    app: Guard
    limits: Limits
    beside: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.beside.close()


def prepared(
    models: Mapping[str, Path],
    *,
    token: str = "",
    runs: Path = Path("runs"),
    data_dir: Path | None = None,
    limits: Limits | None = None,
) -> Server:
    """Return the server of these model files.

    runs : the folder whose runs the page shows.
    data_dir : of mnist, for the network that is trained where no model is given.

    Raises ModelFileError.
    """
    limits = limits or Limits()
    service = Service(limits)
    for name, path in models.items():
        served = ServedModel(name, load_predictor(model_path(path)))
        warm(served)
        service.offer([served])
    return Server(application(service, token), limits)


def warm(served: ServedModel) -> None:
    """Make the first prediction, which compiles, before the first request."""
    served.predicted(np.zeros((1, served.inputs), served.network.theta.dtype))
