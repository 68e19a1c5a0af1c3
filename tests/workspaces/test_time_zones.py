"""Which time zone a workspace follows when, and when a change begins."""

from datetime import UTC, date, datetime

import pytest

from tchavi_studio.workspaces.activity import Kind
from tchavi_studio.workspaces.models import ActivityRow, User, Workspace
from tchavi_studio.workspaces.time_zones import change_begins, month_of, time_zone_names, zone_at
from tchavi_studio.workspaces.workspace_settings import change_time_zone


@pytest.mark.parametrize(
    ("old", "new", "begins"),
    [
        ("UTC", "Africa/Abidjan", datetime(2026, 12, 1, tzinfo=UTC)),
        # In the east the month has begun already, in the west it begins a little later.
        ("UTC", "Africa/Nairobi", datetime(2026, 12, 1, tzinfo=UTC)),
        ("UTC", "America/New_York", datetime(2026, 12, 1, 5, tzinfo=UTC)),
        ("Pacific/Kiritimati", "Pacific/Pago_Pago", datetime(2026, 12, 1, 11, tzinfo=UTC)),
    ],
)
def test_a_change_begins_with_the_next_month_in_both_zones(old: str, new: str, begins: datetime) -> None:
    workspace = Workspace(time_zone=old)
    moment = datetime(2026, 11, 25, 18, 20, tzinfo=UTC)
    assert change_begins(workspace, new, moment) == begins
    workspace.next_time_zone, workspace.next_time_zone_at = new, begins
    just_before = begins - datetime.resolution
    assert [zone_at(workspace, at).key for at in (moment, just_before, begins)] == [old, old, new]
    assert month_of(workspace, begins) == date(2026, 12, 1)


def test_a_month_is_the_zones() -> None:
    new_year = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert month_of(Workspace(time_zone="UTC"), new_year) == date(2026, 12, 1)
    assert month_of(Workspace(time_zone="Africa/Lagos"), new_year) == date(2027, 1, 1)


def test_the_last_choice_before_the_month_counts(alice: User, workspace: Workspace) -> None:
    for name in ("Africa/Lagos", "Africa/Abidjan", "Africa/Abidjan", "UTC"):
        change_time_zone(workspace=workspace, actor=alice, name=name)
        workspace.refresh_from_db()
        assert (workspace.time_zone, workspace.next_time_zone) == ("UTC", "" if name == "UTC" else name)
    rows = ActivityRow.objects.filter(kind=Kind.SETTINGS_CHANGED).order_by("sequence").values_list("details", flat=True)
    assert [(row["setting"], row["old"], row["new"]) for row in rows] == [
        ("time_zone", "UTC", "Africa/Lagos"),
        ("time_zone", "Africa/Lagos", "Africa/Abidjan"),
        ("time_zone", "Africa/Abidjan", "UTC"),
    ]


def test_once_a_change_has_begun_the_next_replaces_it(alice: User, workspace: Workspace) -> None:
    Workspace.objects.update(next_time_zone="Africa/Lagos", next_time_zone_at=datetime(2026, 1, 1, tzinfo=UTC))
    change_time_zone(workspace=workspace, actor=alice, name="Africa/Abidjan")
    workspace.refresh_from_db()
    assert (workspace.time_zone, workspace.next_time_zone) == ("Africa/Lagos", "Africa/Abidjan")


def test_places_can_be_chosen_and_other_spellings_cannot() -> None:
    names = time_zone_names()
    assert names[0] == "UTC"
    assert {"Africa/Abidjan", "Europe/Paris"} < set(names)
    assert not {"GMT", "US/Eastern", "Etc/GMT+3", "localtime"} & set(names)
