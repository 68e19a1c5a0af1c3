"""A module for sandboxed processes in tests: runs any script."""

from typing import Any

from tchavi_studio.sandbox import Answer


def work(task: dict[str, Any], answer: Answer) -> None:
    """Run the task's `script`, which may use `answer` and `task`."""
    exec(task["script"], {"task": task, "answer": answer})
