"""Fork and join: one call that runs a compiled function in several threads at once and returns when all have ended.

Threads are started, set going and joined in compiled code, by the system's own functions. The interpreter sees a single
call, so no exception, no signal and no failing thread can come between the start of a thread and its end: memory that
threads use may be freed as soon as the call has returned. Between calls there are no threads.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from deltarule.engines.compiled.processor import MachineCode, assemble, load

__all__ = ["System", "call", "system", "together"]

# Slots of the block that the threads of one call share, then those of each further thread.
_GATE, _FUNCTION, _ARGUMENT, _YIELD, _START, _JOIN, _CLOSE, _SHARED = range(8)
_OWN = 3  # the block's address, the thread's number, the system's handle of it

# Start: pthread_create(handle, attributes, function, argument) is 0, or CreateThread(…) gives a handle.
_POSIX = """
  %failed = call i32 %start(i64 %handle_at, i64 0, i64 %worker, i64 %own)
  %started = icmp eq i32 %failed, 0
"""
_WINDOWS = """
  %made = call i64 %start(i64 0, i64 0, i64 %worker, i64 %own, i64 0, i64 0)
  store i64 %made, ptr %handle_pointer
  %started = icmp ne i64 %made, 0
"""
_JOIN_POSIX = """
  %joined = call i32 %join(i64 %handle, i64 0)
"""
_JOIN_WINDOWS = """
  %joined = call i32 %join(i64 %handle, i32 -1)
  %closed = call i32 %close(i64 %handle)
"""


def _slot(name: str, kind: str = "i64", block: str = "%block_pointer") -> str:
    """Read a slot of the block: an address as `ptr`, or a number."""
    place = {"function": _FUNCTION, "argument": _ARGUMENT, "yield": _YIELD, "start": _START, "join": _JOIN}
    index = {**place, "close": _CLOSE}[name]
    return f"  %{name}_at = getelementptr i64, ptr {block}, i64 {index}\n  %{name} = load {kind}, ptr %{name}_at"


def _module(*, windows: bool) -> str:
    """Print the two functions: what each further thread does, and the call itself."""
    return f"""
define void @worker(i64 %own) {{
entry:
  %own_pointer = inttoptr i64 %own to ptr
  %block_pointer = load ptr, ptr %own_pointer
  %number_at = getelementptr i64, ptr %own_pointer, i64 1
  %number = load i64, ptr %number_at
{_slot("function", "ptr")}
{_slot("argument")}
{_slot("yield", "ptr")}
  br label %wait
wait:
  %gate = load atomic i64, ptr %block_pointer acquire, align 8
  switch i64 %gate, label %done [ i64 0, label %give_way  i64 1, label %work ]
give_way:
  call void %yield()
  br label %wait
work:
  call void %function(i64 %argument, i64 %number)
  br label %done
done:
  ret void
}}

define i64 @together(i64 %block, i64 %threads, i64 %first) {{
entry:
  %block_pointer = inttoptr i64 %block to ptr
{_slot("function", "ptr")}
{_slot("argument")}
{_slot("start", "ptr")}
{_slot("join", "ptr")}
{_slot("close", "ptr")}
  %worker = ptrtoint ptr @worker to i64
  %owns = add i64 %block, {8 * _SHARED}
  br label %next
next:
  %k = phi i64 [ %first, %entry ], [ %k1, %begin ]
  %more = icmp slt i64 %k, %threads
  br i1 %more, label %begin, label %all
begin:
  %distance = mul i64 %k, {8 * _OWN}
  %own = add i64 %owns, %distance
  %own_pointer = inttoptr i64 %own to ptr
  store i64 %block, ptr %own_pointer
  %number_at = getelementptr i64, ptr %own_pointer, i64 1
  store i64 %k, ptr %number_at
  %handle_pointer = getelementptr i64, ptr %own_pointer, i64 2
  %handle_at = ptrtoint ptr %handle_pointer to i64
{_WINDOWS if windows else _POSIX}
  %k1 = add i64 %k, 1
  br i1 %started, label %next, label %refused
all:
  store atomic i64 1, ptr %block_pointer release, align 8
  %aside = icmp eq i64 %first, 0
  br i1 %aside, label %join_next, label %here
here:
  call void %function(i64 %argument, i64 0)
  br label %join_next
refused:
  store atomic i64 2, ptr %block_pointer release, align 8
  br label %join_next
join_next:
  %j = phi i64 [ %first, %all ], [ %first, %here ], [ %first, %refused ], [ %j1, %join_one ]
  %left = icmp slt i64 %j, %k
  br i1 %left, label %join_one, label %done
join_one:
  %j_distance = mul i64 %j, {8 * _OWN}
  %j_own = add i64 %owns, %j_distance
  %j_pointer = inttoptr i64 %j_own to ptr
  %j_handle_at = getelementptr i64, ptr %j_pointer, i64 2
  %handle = load i64, ptr %j_handle_at
{_JOIN_WINDOWS if windows else _JOIN_POSIX}
  %j1 = add i64 %j, 1
  br label %join_next
done:
  ret i64 %k
}}
"""


class System(NamedTuple):
    """Addresses of the system's functions that give way to other threads, and that start, join and close one."""

    give_way: int
    start: int
    join: int
    close: int


@functools.cache
def system() -> System:
    """The functions of this system."""
    if sys.platform == "win32":
        names, library = (
            ("SwitchToThread", "CreateThread", "WaitForSingleObject", "CloseHandle"),
            ctypes.windll.kernel32,
        )
    else:
        # There is nothing to close: the third name stands in its place.
        names, library = ("sched_yield", "pthread_create", "pthread_join", "pthread_join"), ctypes.CDLL(None)
    return System(*(ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for name in names))


@functools.cache
def _code() -> tuple[MachineCode, Callable[[int, int, int], int]]:
    """The compiled call. It is made when several threads are first asked for."""
    code = load(assemble(_module(windows=sys.platform == "win32")))
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 3)
    return code, kind(code.address("together"))


_Function = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)


def call(function: int) -> Callable[[int, int], None]:
    """The function at an address, of an argument and a thread's number, as one that Python may call."""
    return _Function(function)


def together(function: int, argument: int, threads: int, *, aside: bool = False) -> bool:
    """Call function(argument, thread) in so many threads at once, and wait until all have ended.

    Thread 0 is the caller's own; `aside` all of them are others. Returns False where the system refused to start one:
    then the function was not called.
    """
    if threads == 1 and not aside:
        call(function)(argument, 0)
        return True
    found, (_, start) = system(), _code()
    block = np.zeros(_SHARED + _OWN * threads, np.int64)
    block[_FUNCTION], block[_ARGUMENT], block[_YIELD] = function, argument, found.give_way
    block[_START], block[_JOIN], block[_CLOSE] = found.start, found.join, found.close
    return start(block.ctypes.data, threads, 0 if aside else 1) == threads
