"""Threads of compiled code: one call that starts them, runs a function in all and joins them; and a barrier.

Threads are started, set going and joined in compiled code, by the system's own functions. The interpreter sees a single
call, so no exception, no signal and no failing thread can come between the start of a thread and its end: memory that
threads use may be freed as soon as the call has returned. Between calls there are no threads.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deltarule.native.memory import (
    add_atomically,
    address_of,
    call,
    call_int32,
    call_int64,
    load_atomically,
    pause,
    store_atomically,
    struct_at,
)  # fmt: skip
from deltarule.native.processor import MachineCode, compile_functions, lasting
from deltarule.native.structs import Address, Pointer, Record, Struct, size_of

__all__ = ["Barrier", "System", "barrier", "system", "together", "wait"]

_WINDOWS = sys.platform == "win32"
_WORK, _LEAVE = 1, 2  # what the gate says, once it is not 0


@dataclass
class System(Struct):
    """Addresses of the system's functions that give way to other threads, and that start, join and close one."""

    give_way: Address
    start: Address
    join: Address
    close: Address


@dataclass
class Crew(Struct):
    """What the threads of one call share. gate : whether they wait, work or leave; worker : what each of them runs."""

    gate: int
    system: System
    worker: Address
    function: Address
    argument: Address


@dataclass
class Worker(Struct):
    """A thread that is not the caller's, and the system's handle of it."""

    crew: Pointer[Crew]
    number: int
    handle: int


def work(worker: Worker) -> None:
    """Wait for the gate to open; then call the function, or leave."""
    crew = worker.crew
    gate = load_atomically(address_of(crew))
    while gate == 0:
        call(crew.system.give_way)
        gate = load_atomically(address_of(crew))
    if gate == _WORK:
        call(crew.function, crew.argument, worker.number)


def run_together(crew: Crew, workers: int, threads: int, first: int) -> int:
    """Call the function in threads 0 to `threads` - 1, of which those from `first` on are started; how many there are.

    Where the system refuses one, those that were started leave, and the function is not called.
    """
    started = first
    while started < threads:
        worker = struct_at(Worker, workers + size_of(Worker) * started)
        worker.crew, worker.number = crew, started
        if not _start(crew, worker):
            break
        started += 1
    store_atomically(address_of(crew), _WORK if started == threads else _LEAVE)
    if started == threads and first > 0:
        call(crew.function, crew.argument, 0)
    for number in range(first, started):
        _join(crew, struct_at(Worker, workers + size_of(Worker) * number))
    return started


def _start(crew: Crew, worker: Worker) -> bool:
    """Start a thread; False where the system has none left."""
    if _WINDOWS:
        worker.handle = call_int64(crew.system.start, 0, 0, crew.worker, worker, 0, 0)
        return worker.handle != 0
    handle = address_of(worker) + size_of(Worker) - 8
    return call_int32(crew.system.start, handle, 0, crew.worker, worker) == 0


def _join(crew: Crew, worker: Worker) -> None:
    if _WINDOWS:
        call_int32(crew.system.join, worker.handle, 0xFFFFFFFF)
        call_int32(crew.system.close, worker.handle)
    else:
        call_int32(crew.system.join, worker.handle, 0)


@lasting
def system() -> Record[System]:
    """The functions of this system."""
    if sys.platform == "win32":
        library, names = (
            ctypes.windll.kernel32,
            ("SwitchToThread", "CreateThread", "WaitForSingleObject", "CloseHandle"),
        )
    else:
        # There is nothing to close.
        library, names = ctypes.CDLL(None), ("sched_yield", "pthread_create", "pthread_join", "pthread_join")
    give_way, start, join, close = (ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for name in names)
    return Record(System, give_way=give_way, start=start, join=join, close=close)


@lasting
def _code() -> MachineCode:
    """The compiled functions, compiled when several threads are first requested."""
    return compile_functions({"work": (work, Worker), "run_together": (run_together, Crew, int, int, int)})


_Function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)
_Together = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 4)


def together(function: int, argument: int, threads: int, *, aside: bool = False) -> bool:
    """Call function(argument, thread) in so many threads at once, and wait until all have ended.

    Thread 0 is the caller's own; `aside` all of them are others. Returns False where the system refused to start one:
    then the function was not called.
    """
    if threads == 1 and not aside:
        _Function(function)(argument, 0)
        return True
    code = _code()
    crew = Record(Crew, worker=code.address("work"), function=function, argument=argument)
    crew.put("system", system().value())
    workers = np.zeros(threads * size_of(Worker) // 8, np.int64)
    started = _Together(code.address("run_together"))(crew.address, workers.ctypes.data, threads, 0 if aside else 1)
    return bool(started == threads)


@dataclass
class Barrier(Struct):
    """Where threads wait for one another: addresses of two words, in separate cache lines, and of a function.

    arrived : how many threads wait. round : how often all of them came. give_way : offers the core to others.
    """

    arrived: Address
    round: Address
    give_way: Address


_APART = 16  # words between two that are in separate cache lines


def barrier() -> tuple[npt.NDArray[np.int64], Record[Barrier]]:
    """A barrier's words in memory, and the record that says where they are; keep both while threads use it."""
    words = np.zeros(2 * _APART, np.int64)
    address = words.ctypes.data
    return words, Record(Barrier, arrived=address, round=address + 8 * _APART, give_way=system()["give_way"])


_SPINS = 4096  # some 50 µs: longer than a layer of a small network takes, shorter than a time slice


def wait(barrier: Barrier, threads: int) -> None:
    """Wait until `threads` threads have called this; what any of them wrote before, all see after.

    A waiting thread spins a bounded number of times and then, at each further look, offers its core to others,
    so threads may outnumber cores.
    """
    if threads <= 1:
        return
    current = load_atomically(barrier.round)
    if add_atomically(barrier.arrived, 1) == threads - 1:
        store_atomically(barrier.arrived, 0)
        store_atomically(barrier.round, current + 1)
        return
    spins = 0
    while load_atomically(barrier.round) == current:
        if spins < _SPINS:
            spins += 1
            pause()
        else:
            call(barrier.give_way)
