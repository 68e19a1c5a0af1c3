"""Signals to the apps above this one, which it can't import."""

from django.dispatch import Signal

workspace_created = Signal()
"""Sent inside the transaction that creates a workspace, with `workspace` and `owner`."""
