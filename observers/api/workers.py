"""Work on several things at once, handing each result over as soon as it is there."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import TypeVar

from .pacing import Stopped

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

GRACE_S = 10.0
"""How long an interrupted run still waits for the replies that are under way, which are paid for."""


def in_parallel(
    work: Callable[[_Item, threading.Event], _Result], items: Sequence[_Item], workers: int
) -> Generator[_Result, None, None]:
    """Apply `work` to `items` in `workers` threads and yield the results as they come.

    Whatever ends this early, the results that are there and those under way are yielded first, where the caller still
    listens: after Ctrl-C for `GRACE_S`, after an error until all workers have ended.

    Parameters
    ----------
    work : callable
        Gets an item and an event that is set when it should give up, by raising `Stopped`.
    items : sequence
    workers : int

    Raises
    ------
    Exception
        The first that `work` raised, `Stopped` aside.
    """
    if not items:
        return
    stop = threading.Event()
    waiting: queue.SimpleQueue[_Item] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    # One place: a worker begins nothing new before its last result has been taken, and so is on disk.
    done: queue.Queue[_Result | BaseException | None] = queue.Queue(maxsize=1)
    abandoned = threading.Event()

    def hand_over(result: _Result | BaseException | None) -> None:
        while not abandoned.is_set():
            try:
                done.put(result, timeout=0.2)
            except queue.Full:
                continue
            return

    def work_on() -> None:
        try:
            while not stop.is_set():
                hand_over(work(waiting.get_nowait(), stop))
        except queue.Empty:
            pass
        except BaseException as error:
            stop.set()
            hand_over(error)
        finally:
            hand_over(None)

    # Daemons: a request that hangs must not keep the program from ending.
    threads = [threading.Thread(target=work_on, daemon=True) for _ in range(min(workers, len(items)))]
    for thread in threads:
        thread.start()
    try:
        yield from handed_over(done, len(threads), stop.set)
    finally:
        stop.set()
        abandoned.set()


def handed_over(
    done: queue.Queue[_Result | BaseException | None] | queue.SimpleQueue[_Result | BaseException | None],
    busy: int,
    stop: Callable[[], None],
) -> Generator[_Result, None, None]:
    """Yield the results that threads put into a queue, until each has put None.

    Ctrl-C, whether it falls here or is thrown in by the caller, stops the threads, and is raised once what is under way
    has been yielded, or after `GRACE_S`.

    Parameters
    ----------
    done : queue
        Of results, and of what went wrong.
    busy : int
        How many threads there are.
    stop : callable
        Has them begin nothing new.

    Raises
    ------
    Exception
        The first in the queue, `Stopped` aside, or else the interruption.
    """
    failure: BaseException | None = None
    deadline: float | None = None
    while busy and (deadline is None or time.monotonic() < deadline):
        try:
            # A wait without end could not be interrupted on Windows.
            result = done.get(timeout=0.2)
            if result is None:
                busy -= 1
            elif isinstance(result, BaseException):
                if failure is None or isinstance(failure, Stopped):
                    failure = result
            else:
                yield result
        except queue.Empty:
            continue
        except KeyboardInterrupt as interrupt:
            if deadline is not None:
                raise
            failure, deadline = interrupt, time.monotonic() + GRACE_S
            stop()
    if failure is not None:
        raise failure


def then(results: Generator[_Result, None, None], look: Callable[[_Result], None]) -> Iterator[_Result]:
    """Yield results, and look at each once it has been taken.

    Ctrl-C, whether it falls here or is thrown in by the caller, is passed on to where the results come from, which
    hands over what is under way: a plain ``for`` would end it there.
    """
    draw: Callable[[], _Result] = partial(next, results)
    try:
        while True:
            try:
                result = draw()
            except StopIteration:
                return
            draw = partial(next, results)
            try:
                yield result
                look(result)
            except KeyboardInterrupt as interrupt:
                draw = partial(results.throw, interrupt)
    finally:
        results.close()
