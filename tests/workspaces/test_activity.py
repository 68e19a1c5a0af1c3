"""Activity: written with the act, in order, chained, and never changed."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from tchavi_studio.records.chain import GENESIS_HASH
from tchavi_studio.workspaces.activity import ACTIVITY, Kind, record_activity, row_hash
from tchavi_studio.workspaces.models import ActivityHead, ActivityRow, User, Workspace


def test_rows_are_numbered_and_chained_within_a_workspace(workspace: Workspace, alice: User, bob: User) -> None:
    before = ActivityHead.objects.filter(pk=workspace.pk.hex).values_list("last_sequence", flat=True).first() or 0
    first = record_activity(
        workspace=workspace, kind=Kind.ROLE_CHANGED, actor=alice, subject=bob, details={"role": "admin"}
    )
    site = record_activity(workspace=None, kind=Kind.PERSON_BLOCKED, actor=alice, subject=bob)
    second = record_activity(workspace=workspace, kind=Kind.MEMBER_LEFT, actor=bob)
    assert (first.sequence, second.sequence) == (before + 1, before + 2)
    assert second.previous_hash == first.hash
    assert (site.sequence, site.previous_hash) == (1, GENESIS_HASH)
    for row in ActivityRow.objects.all():
        assert row.hash == row_hash(row)


def test_a_row_is_never_older_than_the_one_before(workspace: Workspace, alice: User) -> None:
    record_activity(workspace=workspace, kind=Kind.MEMBER_LEFT, actor=alice)
    ahead = timezone.now() + timedelta(hours=1)
    ActivityHead.objects.filter(pk=workspace.pk.hex).update(last_at=ahead)
    assert record_activity(workspace=workspace, kind=Kind.MEMBER_LEFT, actor=alice).created_at == ahead


@pytest.mark.parametrize("statement", ["UPDATE {} SET kind = 'x'", "DELETE FROM {}"])
@pytest.mark.parametrize("of_site", [True, False])
def test_rows_never_change_or_vanish(workspace: Workspace, alice: User, of_site: bool, statement: str) -> None:
    record_activity(workspace=None if of_site else workspace, kind=Kind.MEMBER_LEFT, actor=alice)
    with (
        pytest.raises(IntegrityError, match="activity rows never change or vanish"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(ACTIVITY.name))
    assert ACTIVITY.missing_triggers(connection) == []


def test_what_is_rolled_back_leaves_no_row(workspace: Workspace, alice: User) -> None:
    before = ActivityRow.objects.count()
    with transaction.atomic():
        record_activity(workspace=workspace, kind=Kind.MEMBER_LEFT, actor=alice)
        transaction.set_rollback(True)
    assert ActivityRow.objects.count() == before
