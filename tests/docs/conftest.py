"""The live API, as the client's tests have it."""

from tests.client.conftest import api, api_database, clip

__all__ = ["api", "api_database", "clip"]
