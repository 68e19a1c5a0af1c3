"""What this room tells the rooms above it, which it does not know."""

from django.dispatch import Signal

workspace_created = Signal()
"""Sent inside the transaction that creates a workspace, with `workspace` and `owner`."""
