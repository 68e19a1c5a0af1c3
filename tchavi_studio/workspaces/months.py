"""A workspace's months: budgets, days and closings follow its time zone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from .models import Workspace


def zone_at(workspace: Workspace, moment: datetime) -> ZoneInfo:
    """The time zone that is in force in the workspace at `moment`."""
    is_new = workspace.next_time_zone_at is not None and moment >= workspace.next_time_zone_at
    return ZoneInfo(workspace.next_time_zone if is_new else workspace.time_zone)


@dataclass(frozen=True, kw_only=True)
class Month:
    """A calendar month of a workspace: its first moment, and the first one after it."""

    starts_at: datetime
    ends_at: datetime

    def share_elapsed(self, moment: datetime) -> float:
        """How much of the month is over at `moment`, from 0.0 to 1.0."""
        return min(max((moment - self.starts_at) / (self.ends_at - self.starts_at), 0.0), 1.0)


def month_at(workspace: Workspace, moment: datetime) -> Month:
    """The workspace's month that `moment` is in."""
    first = moment.astimezone(zone_at(workspace, moment)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Month(starts_at=first, ends_at=(first + timedelta(days=32)).replace(day=1))
