"""The outputs of several networks for the same inputs, side by side in threads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from deltarule.engines.predicting import checked_outputs
from deltarule.engines.threads import allowed_threads
from deltarule.models.model import Model

_WORTH_THREADS = 256
"""Rows from which on the networks predict in separate threads."""


def outputs_of_networks(
    networks: Sequence[Model], inputs: npt.NDArray[Any], *, alike: bool
) -> npt.NDArray[Any] | list[npt.NDArray[Any]]:
    """Return the weighted sums (n, outputs) of each network for inputs (n, d).

    alike : whether all have as many outputs; theirs are one array (networks, n, outputs).

    Raises ModelError if they overflow.
    """
    n, several = len(inputs), len(networks)
    made: Any
    if alike:
        precision = np.result_type(*(network.parameters.dtype for network in networks))
        made = np.empty((several, n, networks[0].shape.outputs), precision)
    else:
        made = [np.empty((n, network.shape.outputs), network.parameters.dtype) for network in networks]
    threads = min(allowed_threads(), several) if n >= _WORTH_THREADS else 1
    if threads == 1:
        for network, target in zip(networks, made, strict=True):
            network.write_outputs(inputs, target)
        return checked_outputs(made) if alike else [checked_outputs(z) for z in made]
    # Parts of the rows, so that the threads end at the same time; neighbours are of different networks.
    parts = threads // math.gcd(threads, several)
    rows = [slice(n * part // parts, n * (part + 1) // parts) for part in range(parts)]

    def write(some: slice, place: int) -> None:
        networks[place].write_outputs(inputs[some], made[place][some])

    with ThreadPoolExecutor(threads) as pool:
        for ended in [pool.submit(write, some, place) for some in rows for place in range(several)]:
            ended.result()
    return checked_outputs(made) if alike else [checked_outputs(z) for z in made]
