"""Log lines without secrets. A path is logged for every 404 and 500, and a media link's path is the key to its file."""

import logging
import re

SECRETS = re.compile(
    r"(/media/|/confirm-email/|/invitations/|/password/reset/key/)[^\s/?&\"'<>]+"
    r"|(sk-tch_(?:test_)?|whsec_|(?i:bearer) )[\w+/=.~-]+"
)
"""Links that work without signing in, API keys, and webhooks' keys: the part in brackets may be seen, the rest not."""


class DiscreetFormatter(logging.Formatter):
    """Cuts secrets out of whole lines, tracebacks included, whoever logged them."""

    def format(self, record: logging.LogRecord) -> str:
        return SECRETS.sub(lambda found: f"{found[1] or found[2]}…", super().format(record))


HEALTH_CHECKS = {"/healthz", "/readyz"}


class HealthCheckFilter(logging.Filter):
    """Drops what Django logs of a health check that says no: that is its answer, not an error.

    Whoever asked tells somebody. At a start, that is the studio itself, which asks until it is ready.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        path = getattr(getattr(record, "request", None), "path", "")
        return path not in HEALTH_CHECKS or getattr(record, "status_code", 0) != 503
