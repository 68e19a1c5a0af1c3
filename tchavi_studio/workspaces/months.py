"""A workspace's months, which budgets follow."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from .models import Workspace
from .time_zones import beginning_of, month_of, zone_at


@dataclass(frozen=True, kw_only=True)
class Month:
    """A calendar month of a workspace: its first moment, and the first one after it, in the workspace's time zone."""

    starts_at: datetime
    ends_at: datetime

    def share_elapsed(self, moment: datetime) -> float:
        """How much of the month is over at `moment`, from 0.0 to 1.0."""
        return min(max((moment - self.starts_at) / (self.ends_at - self.starts_at), 0.0), 1.0)


def month_at(workspace: Workspace, moment: datetime) -> Month:
    """The workspace's month that `moment` is in."""
    zone, first = zone_at(workspace, moment), month_of(workspace, moment)
    following = (first + timedelta(days=32)).replace(day=1)
    starts_at, ends_at = (beginning_of(day, zone).astimezone(zone) for day in (first, following))
    return Month(starts_at=starts_at, ends_at=ends_at)
