"""Signals to the apps above this one, which it can't import."""

from django.dispatch import Signal

account_deleted = Signal()
"""Sent inside the transaction that deletes an account, with its `user`: whoever has data of theirs deletes it."""

person_welcomed = Signal()
"""Sent inside the transaction that gives somebody who signed up their own workspace, with `workspace` and `owner`."""

person_invited = Signal()
"""Sent inside the transaction that invites somebody who has an account, with the `invitation` and their `user`."""

invitation_mailed = Signal()
"""Sent inside the transaction that mails an invitation to somebody who has an account, with their `user`: a receiver
answers False if they don't want the mail."""

invitation_ended = Signal()
"""Sent inside the transaction in which the `invitation` is accepted or withdrawn, with the `users` who knew of it."""

membership_ended = Signal()
"""Sent inside the transaction in which somebody leaves a workspace or is removed, with its `workspace` and `user`."""

workspace_archived = Signal()
"""Sent inside the transaction that archives a workspace, with `workspace` and `actor`."""
