"""The time zone of a workspace, which its months, days and closings follow."""

from datetime import UTC, date, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from .models import Workspace

AREAS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


@cache
def time_zone_names() -> tuple[str, ...]:
    """The names that may be chosen: UTC first, then the IANA list's places by area."""
    return ("UTC", *sorted(name for name in available_timezones() if name.partition("/")[0] in AREAS))


def zone_at(workspace: Workspace, moment: datetime) -> ZoneInfo:
    """The workspace's time zone at `moment`. Of changes before the last one, nothing is known any more."""
    if workspace.next_time_zone_at is not None and moment >= workspace.next_time_zone_at:
        return ZoneInfo(workspace.next_time_zone)
    return ZoneInfo(workspace.time_zone)


def month_of(workspace: Workspace, moment: datetime) -> date:
    """The first day of the month that `moment` belongs to in this workspace."""
    return moment.astimezone(zone_at(workspace, moment)).date().replace(day=1)


def beginning_of(month: date, zone: ZoneInfo) -> datetime:
    """The moment at which the month that `month` is the first day of begins in `zone`."""
    return datetime(month.year, month.month, 1, tzinfo=zone).astimezone(UTC)


def change_begins(workspace: Workspace, name: str, moment: datetime) -> datetime:
    """When a change to the zone `name`, decided at `moment`, begins: once the next month has begun in both zones.

    So that month begins when everybody was told, and the zone that follows has no moment of the month before.
    """
    month = month_of(workspace, moment)
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return max(beginning_of(following, zone) for zone in (zone_at(workspace, moment), ZoneInfo(name)))
