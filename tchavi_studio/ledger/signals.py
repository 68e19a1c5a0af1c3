"""Signals to the apps above this one, which it can't import."""

from django.dispatch import Signal

budget_reached = Signal()
"""Sent inside the transaction of the charge with which a member has spent `percent` (`ALERT_PERCENTS`) of their budget
for the first time this month, with `workspace`, `user` and `limit`, which has the figures."""
