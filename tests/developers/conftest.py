"""A webhook, and a real receiver that it leads to."""

from tests.webhooks.conftest import endpoint, receiver

__all__ = ["endpoint", "receiver"]
