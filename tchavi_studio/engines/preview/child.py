"""Rendering, in the sandboxed process: takes one order, and reports progress and then a clip or a failure (wire.py)."""

import time
import traceback
from typing import Any

from tchavi_studio.engines.base import RenderFailedError
from tchavi_studio.engines.preview import wire
from tchavi_studio.engines.preview.render import render_clip
from tchavi_studio.sandbox import Answer

REPORT_INTERVAL_SECONDS = 0.1


def work(task: dict[str, Any], answer: Answer) -> None:
    """Render one order and say how it ended."""
    order = wire.decode_order(task)
    reported_at = 0.0

    def report(done: float) -> None:
        nonlocal reported_at
        now = time.monotonic()
        if now - reported_at >= REPORT_INTERVAL_SECONDS:
            reported_at = now
            answer(wire.encode_answer(wire.Progress(done=done)))

    try:
        clip = render_clip(order.request, order.output_path, report)
    except RenderFailedError as error:
        traceback.print_exc()
        answer(wire.encode_answer(wire.Failure(code=error.code, figures=error.figures)))
    except Exception:
        traceback.print_exc()
        answer(wire.encode_answer(wire.Failure(code=wire.RENDER_FAILED)))
    else:
        answer(wire.encode_answer(clip))
