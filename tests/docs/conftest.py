"""The running API, shared with the client's tests."""

from tests.client.conftest import api, api_database, clip

__all__ = ["api", "api_database", "clip"]
