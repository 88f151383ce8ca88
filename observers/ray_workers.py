"""An observer on several machines: every worker of a Ray cluster makes one like it and answers a share of the trials.

Trials travel as rows and images as paths, which every machine must see; responses come back one by one, so that the one
log of the session holds each as soon as it is given, and what a lost worker has not answered goes to another.
"""

from __future__ import annotations

import itertools
import logging
import os
import queue
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from visavis.experiments import Experiment, Observer, ObserverError, Response, Trial

from .api import ApiObserver
from .api.workers import handed_over
from .registry import create_observer

CHUNK = 50
"""Trials that a worker gets at once."""
MOST_LOSSES = 3
"""So many times a worker is replaced."""
BESIDE = "beside"
"""Ray's name for the thread of a worker that interruptions come to."""
REACHED_WITHIN_S = 5.0
"""So long a cluster's address may take to answer."""


class RayObserver(Observer):
    """An observer that is made and asked on the workers of a Ray cluster.

    Parameters
    ----------
    spec : str
        As for `create_observer`.
    options : mapping, optional
    name : str, optional
    workers : int
    gpus_per_worker : float
        Ray gives each worker so many.
    address : str, optional
        Of a cluster that runs; by default one is started on this machine.

    Raises
    ------
    ObserverError
        If the observer cannot be made, is one that workers would not help, or Ray is not installed.
    """

    def __init__(
        self,
        spec: str,
        options: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        workers: int = 2,
        gpus_per_worker: float = 0.0,
        address: str | None = None,
    ) -> None:
        try:
            import ray  # noqa: F401 - only to see that it is there
        except ImportError as error:
            raise ObserverError("several workers need Ray: pip install 'visavis[ray]'") from error
        self._made_by = spec, dict(options or {}), name
        self._one = create_observer(spec, options, name=name)
        if self._one.kind == "human":
            raise ObserverError(f"{self._one.name}: people answer at a window, not on workers: leave --workers out")
        if isinstance(self._one, ApiObserver):
            raise ObserverError(
                f"{self._one.name} is asked over the network, and every worker would keep limits and a budget of its "
                "own: leave --workers out, and set --concurrency, or name several servers by 'base_url'"
            )
        self.kind = self._one.kind  # type: ignore[misc]
        self.name, self.capabilities = self._one.name, self._one.capabilities
        self._count, self._gpus, self._address = workers, gpus_per_worker, address
        self._experiment: Experiment | None = None
        self._workers: list[Any] = []
        self._runs = itertools.count(1)
        self._started_ray = False
        self._described: dict[str, Any] = {}

    def prepare(self, experiment: Experiment) -> list[str]:
        """Start the workers and have each get ready."""
        import ray

        if not ray.is_initialized():
            elsewhere = self._address or os.environ.get("RAY_ADDRESS")
            try:
                if elsewhere:
                    _check_reachable(elsewhere)
                ray.init(
                    address=self._address,
                    num_cpus=None if elsewhere else max(self._count, os.cpu_count() or 1),
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
            except (OSError, OverflowError, ValueError, RuntimeError) as error:
                raise ObserverError(
                    f"no Ray cluster at {elsewhere or 'this machine'}: start one ('ray start --head') or check the "
                    f"address ({str(error).splitlines()[0]})"
                ) from error
            self._started_ray = True
        self._experiment = experiment
        try:
            warnings = self._check_resources()
            self._workers = [self._new_worker() for _ in range(self._count)]
            prepared = ray.get([worker.prepare.remote(experiment) for worker in self._workers])
        except ray.exceptions.RayError as error:
            self.close()
            raise self._failure(error) from error
        except ObserverError:
            self.close()
            raise
        of_one, self._described = prepared[0]
        return [*warnings, *of_one]

    def _check_resources(self) -> list[str]:
        """Refuse to wait without end for what the cluster does not have; warn of what it has and workers do not get."""
        import ray

        there: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        cpus, gpus = there.get("CPU", 0), there.get("GPU", 0)
        if self._count > cpus or self._count * self._gpus > gpus:
            raise ObserverError(
                f"{self.name}: {self._count} workers need {self._count} CPUs and {self._count * self._gpus:g} GPUs, "
                f"and the Ray cluster has {cpus:g} and {gpus:g}: ask for fewer by --workers or --gpus-per-worker, or "
                "add machines"
            )
        if gpus and not self._gpus and self.kind == "vlm":
            return [f"the Ray cluster has {gpus:g} GPUs, and the workers get none: add --gpus-per-worker 1"]
        return []

    def _failure(self, error: Exception) -> ObserverError:
        """Say what went wrong on a worker."""
        cause = getattr(error, "cause", None) or str(error).strip().splitlines()[0]
        return ObserverError(f"{self.name}, on a worker: {cause}")

    def estimate(self, experiment: Experiment, trials: Sequence[Trial]) -> list[str]:
        """Return what one such observer says."""
        return self._one.estimate(experiment, trials)

    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        """Hand out the trials and yield responses as they come.

        After Ctrl-C each worker hands over what it has and what is under way there, before this ends.
        """
        if not self._workers:
            raise ObserverError(f"{self.name}: prepare comes before respond")
        size = max(1, min(CHUNK, -(-len(trials) // (2 * self._count))))
        chunks: queue.SimpleQueue[Sequence[Trial]] = queue.SimpleQueue()
        for begin in range(0, len(trials), size):
            chunks.put(trials[begin : begin + size])
        done: queue.SimpleQueue[Response | BaseException | None] = queue.SimpleQueue()
        stop, abandoned, run = threading.Event(), threading.Event(), next(self._runs)
        threads = [
            threading.Thread(target=self._serve, args=(place, run, chunks, done, stop, abandoned), daemon=True)
            for place in range(self._count)
        ]
        for thread in threads:
            thread.start()

        def interrupt() -> None:
            stop.set()
            for worker in self._workers:
                worker.interrupt.options(concurrency_group=BESIDE).remote(run)

        try:
            yield from handed_over(done, len(threads), interrupt)
        finally:
            stop.set()
            abandoned.set()

    def describe(self) -> dict[str, Any]:
        """Return what the first worker says of itself, and how many there are."""
        return {**self._described, "executor": "ray", "workers": self._count}

    def close(self) -> None:
        """Release the workers; a cluster that was started here ends."""
        import ray

        for worker in self._workers:
            ray.kill(worker)
        self._workers = []
        if self._started_ray:
            ray.shutdown()
            self._started_ray = False

    def _serve(
        self,
        place: int,
        run: int,
        chunks: queue.SimpleQueue[Sequence[Trial]],
        done: queue.SimpleQueue[Response | BaseException | None],
        stop: threading.Event,
        abandoned: threading.Event,
    ) -> None:
        """Give one worker chunk after chunk, from a thread of its own; a worker that is lost is replaced."""
        import ray

        losses = 0
        try:
            while not stop.is_set():
                unanswered = {trial.id: trial for trial in chunks.get_nowait()}
                while unanswered and not stop.is_set():
                    try:
                        responses = (
                            self._workers[place]
                            .respond.options(num_returns="streaming")
                            .remote(list(unanswered.values()), run)
                        )
                        for reference in responses:
                            response = ray.get(reference)
                            if unanswered.pop(response.trial, None) is not None:
                                done.put(response)
                            if abandoned.is_set():
                                return
                        break  # what the observer left out, it has left out
                    except ray.exceptions.RayActorError:
                        if stop.is_set():
                            return
                        losses += 1
                        if losses > MOST_LOSSES:
                            raise ObserverError(
                                f"{self.name}: a worker was lost {losses} times: see Ray's logs"
                            ) from None
                        self._workers[place] = self._new_worker()
                        ray.get(self._workers[place].prepare.remote(self._experiment))
        except queue.Empty:
            pass
        except ray.exceptions.RayError as error:
            done.put(self._failure(error))
        except BaseException as error:
            done.put(error)
        finally:
            done.put(None)

    def _new_worker(self) -> Any:
        import ray

        # A thread beside that of the trials, so that an interruption arrives while they are answered.
        remote: Any = ray.remote  # whose types know of no groups
        made = remote(num_cpus=1, num_gpus=self._gpus, concurrency_groups={BESIDE: 1})(_Worker)
        return made.remote(*self._made_by, self.session)


def _check_reachable(address: str) -> None:
    """Raise OSError if no server listens at HOST:PORT, for which Ray itself would wait for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():  # not 'auto' or 'local'
        socket.create_connection((host.strip("[]"), int(port)), REACHED_WITHIN_S).close()


class _Worker:
    """What runs on a worker: one observer of its own."""

    def __init__(self, spec: str, options: Mapping[str, Any], name: str | None, session: str) -> None:
        self.observer = create_observer(spec, options, name=name)
        self.observer.session = session
        self.interrupted = 0

    def prepare(self, experiment: Experiment) -> tuple[list[str], dict[str, Any]]:
        return self.observer.prepare(experiment), self.observer.describe()

    def respond(self, trials: Sequence[Trial], run: int) -> Iterator[Response]:
        """Answer trials; once interrupted, pass Ctrl-C on to the observer, which may hand over what is under way."""
        responses = self.observer.respond(trials)
        draw: Callable[[], Response] = partial(next, responses)
        passed_on = False
        while True:
            try:
                response = draw()
            except (StopIteration, KeyboardInterrupt):
                return
            draw = partial(next, responses)
            yield response
            if self.interrupted >= run and not passed_on:
                if not isinstance(responses, Generator):
                    return
                passed_on, draw = True, partial(responses.throw, KeyboardInterrupt())

    def interrupt(self, run: int) -> None:
        self.interrupted = run

    def process(self) -> int:
        import os

        return os.getpid()
