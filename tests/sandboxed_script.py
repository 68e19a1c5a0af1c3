"""What the tests run in a sandboxed process: any script."""

from typing import Any

from tchavi_studio.sandbox import Answer


def work(task: dict[str, Any], answer: Answer) -> None:
    """Run the task's `script`, which may call `answer` and look into `task`."""
    exec(task["script"], {"task": task, "answer": answer})
