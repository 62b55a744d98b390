"""Records are written beside training, by one thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

# How many evaluations, pictures and checkpoints may wait to be written before training waits for them.
WAITING = 3


class Writer:
    """Tasks for the thread of an executor, in their order; of one that raises an error `failed` is told, and no other is begun."""

    def __init__(self, executor: Executor, failed: Callable[[BaseException], None]):
        self._executor, self._failed, self._stopped = executor, failed, False
        self._tasks: deque[tuple[Future[None], bool]] = deque()

    def submit(self, large: bool, task: Callable[..., None], *arguments: Any) -> Future[None]:
        """Have `task(*arguments)` done; where many `large` ones wait, wait for them."""
        while self._tasks and (self._tasks[0][0].done() or sum(size for _, size in self._tasks) >= WAITING):
            self._tasks.popleft()[0].result()
        submitted = self._executor.submit(self._do, task, *arguments)
        self._tasks.append((submitted, large))
        return submitted

    def fail(self, error: BaseException) -> Future[None]:
        """Have `failed` told of an error once the tasks before it are done."""
        return self._executor.submit(self._do, self._failed, error)

    def _do(self, task: Callable[..., None], *arguments: Any) -> None:
        if self._stopped:
            return
        try:
            task(*arguments)
        except Exception as error:
            self._stopped = True
            self._failed(error)
