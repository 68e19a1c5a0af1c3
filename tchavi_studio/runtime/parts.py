"""Periodic work in parts that don't depend on each other."""

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)


def run_each(**parts: Callable[[], object]) -> None:
    """Run every part, even if one fails. Their names are for the log."""
    for name, part in parts.items():
        try:
            part()
        except Exception:
            logger.exception("The %s failed; the next one runs soon.", name.replace("_", " "))
