"""A second member."""

from tests.generations.library.conftest import bob_here

__all__ = ["bob_here"]
