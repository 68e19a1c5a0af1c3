"""Opens files in the tests' own process."""

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Self

from tchavi_studio.sandbox import SandboxError


class InThisProcess:
    """Stands in for a sandboxed process: the same work, orders and messages, without the sandbox.

    Starting a process takes twenty times longer than probing a photo does.
    """

    stderr = ""

    is_alive = True

    def __init__(self, module: str, task: Mapping[str, Any] | None, **options: Any) -> None:
        self._module = module
        if task is not None:
            self.give(task)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def give(self, task: Mapping[str, Any]) -> None:
        """Give it its task, as from outside."""
        self._task = json.loads(json.dumps(task))

    def messages(self, **options: Any) -> Iterator[dict[str, Any]]:
        """What the module's `work` has sent, once it is done."""
        sent: list[str] = []
        import_module(self._module).work(self._task, lambda message: sent.append(json.dumps(message)))
        yield from map(json.loads, sent)
        raise SandboxError(f"{self._module} ended.")

    def answer(self) -> dict[str, Any]:
        """The first message."""
        return next(self.messages())
