"""The child process: reads one order from stdin, renders it, and answers in JSON lines (wire.py says which).

Heavy libraries are imported after the limits are in force, so that the limits hold for everything they allocate.
"""

import os
import sys
import time
import traceback
from io import FileIO

from tchavi_studio.engines.base import RenderFailedError
from tchavi_studio.engines.preview.confinement import confine_this_process, die_with_parent
from tchavi_studio.engines.preview.wire import RENDER_FAILED, Answer, Failure, Progress, decode_order, encode_answer

REPORT_EVERY_SECONDS = 0.1


def main() -> int:
    """Render one order; 0 when the clip is whole, 1 when an error line says why it is not."""
    confine_this_process()
    answers = _private_stdout()

    def answer(message: Answer) -> None:
        answers.write(encode_answer(message))

    # Unbuffered: a buffering reader would hold on to what comes after the order.
    lifeline = FileIO(0, "rb")
    order = decode_order(_read_line(lifeline))
    die_with_parent(lifeline, unfinished=order.output_path)

    reported_at = 0.0

    def report(done: float) -> None:
        nonlocal reported_at
        now = time.monotonic()
        if now - reported_at >= REPORT_EVERY_SECONDS:
            reported_at = now
            answer(Progress(done=done))

    try:
        from tchavi_studio.engines.preview.render import render_clip

        clip = render_clip(order.request, order.output_path, report)
    except RenderFailedError as error:
        traceback.print_exc()
        answer(Failure(code=error.code, figures=error.figures))
        return 1
    except Exception:
        traceback.print_exc()
        answer(Failure(code=RENDER_FAILED))
        return 1
    answer(clip)
    return 0


def _private_stdout() -> FileIO:
    """Stdout kept for answers alone: whatever a library prints goes to stderr instead."""
    answers = FileIO(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _read_line(stream: FileIO) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        chunk = stream.read(65536)
        if not chunk:
            raise EOFError("The order ended early.")
        line += chunk
    return bytes(line)


if __name__ == "__main__":
    # Leaving hard skips the interpreter's clean-up, which the lifeline's blocked read could hold up.
    status = main()
    sys.stderr.flush()
    os._exit(status)
