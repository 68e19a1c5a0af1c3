"""A webhook endpoint, and the real receiver it posts to."""

from tests.webhooks.conftest import endpoint, receiver

__all__ = ["endpoint", "receiver"]
