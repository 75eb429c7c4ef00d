"""What a server starts with: its models, loaded and warmed up, and the views of its page."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from deltarule.data import Dataset, load_dataset
from deltarule.data.download import cached
from deltarule.data.idx import find_idx_files
from deltarule.data.sources import SOURCES
from deltarule.errors import DeltaruleError
from deltarule.models.ensemble import load_predictor
from deltarule.regular_files import read_json
from deltarule.training.folder import SPLIT, model_path
from deltarule.web.application import application
from deltarule.web.drawing import Drawing, sees_digits
from deltarule.web.guard import Guard
from deltarule.web.limits import Limits
from deltarule.web.racing import Racing
from deltarule.web.run_listing import RunListing
from deltarule.web.served_model import ServedModel
from deltarule.web.service import Service


@dataclass
class Server:
    """An application with what runs beside it, which starts and ends as a context."""

    app: Guard
    limits: Limits
    views: tuple[Drawing | Racing, ...]
    beside: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Server:
        for view in self.views:
            self.beside.callback(view.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what runs beside the application: streams, races, trainings."""
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
    known: Callable[[], Dataset] | None = None if models else offline_digits(data_dir)
    for name, path in models.items():
        served = ServedModel(name, load_predictor(model_path(path)))
        served.warm()
        service.offer([served])
        if known is None and sees_digits(served):
            known = training_data(path, data_dir)
    drawing = Drawing(service, known)
    if not models:
        drawing.start()
    racing = Racing(service, data_dir)
    routes = {**drawing.routes, **racing.routes, **RunListing(runs).routes}
    return Server(application(service, token, routes), limits, (drawing, racing))


def offline_digits(data_dir: Path | None) -> Callable[[], Dataset]:
    """Return what loads handwritten digits without a download: MNIST where it is here, otherwise the bundled digits."""
    if data_dir is not None and (find_idx_files(data_dir) or find_idx_files(data_dir / "mnist")):
        return functools.partial(load_dataset, "mnist", data_dir=data_dir)
    if data_dir is None and cached(SOURCES["mnist"]) is not None:
        return functools.partial(load_dataset, "mnist")
    return functools.partial(load_dataset, "digits")


def training_data(folder: Path, data_dir: Path | None) -> Callable[[], Dataset] | None:
    """Return what loads the training data of a run's folder, where these are digits by their name."""
    try:
        data = read_json(folder / SPLIT).get("data")
    except (OSError, ValueError, AttributeError, DeltaruleError):
        return None
    return functools.partial(load_dataset, data, data_dir=data_dir) if data in {"digits", "mnist"} else None
