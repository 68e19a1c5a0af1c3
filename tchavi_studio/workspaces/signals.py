"""Signals to the apps above this one, which it can't import."""

from django.dispatch import Signal

account_deleted = Signal()
"""Sent inside the transaction that deletes an account, with its `user`: whoever has data of theirs deletes it."""

workspace_created = Signal()
"""Sent inside the transaction that creates a workspace, with `workspace` and `owner`."""

person_invited = Signal()
"""Sent inside the transaction that invites somebody who has an account, with the `invitation` and their `user`."""
