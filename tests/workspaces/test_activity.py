"""Activity: written with the act, in order, chained, and never changed."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from tchavi_studio.records.chain import GENESIS_HASH
from tchavi_studio.workspaces.activity import ACTIVITY, Kind, record_activity, row_hash
from tchavi_studio.workspaces.models import ActivityHead, ActivityRow, User, Workspace
from tchavi_studio.workspaces.verification import verify_activity


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


# --- Verification -----------------------------------------------------------------------------------------------------


def drop_triggers() -> None:
    # PostgreSQL can't drop a trigger while deferred foreign keys of its table are unchecked.
    connection.check_constraints()
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        for name in [ACTIVITY.postgresql_trigger] if is_postgresql else ACTIVITY.sqlite_triggers:
            cursor.execute(f"DROP TRIGGER {name}" + (f" ON {ACTIVITY.name}" if is_postgresql else ""))


@pytest.fixture
def scope(workspace: Workspace, alice: User) -> str:
    """The name of a chain of four rows, whose triggers are gone. The site has one of two."""
    for _number in range(4):
        record_activity(workspace=workspace, kind=Kind.MEMBER_LEFT, actor=alice)
    for _number in range(2):
        record_activity(workspace=None, kind=Kind.PERSON_UNBLOCKED, actor=alice)
    assert list(verify_activity()) == []
    drop_triggers()
    return str(workspace.pk.hex)


def found() -> list[str]:
    return [str(finding) for finding in verify_activity()]


def test_a_changed_row_is_found(scope: str, workspace: Workspace) -> None:
    ActivityRow.objects.filter(workspace=workspace, sequence=2).update(kind="credits.granted")
    assert found() == [f"{workspace.pk}:activity #2 hash: It was changed: its hash doesn't match its contents."]


def test_a_rewritten_row_is_found_at_the_next(scope: str, workspace: Workspace) -> None:
    row = ActivityRow.objects.get(workspace=workspace, sequence=2)
    row.kind = "credits.granted"
    row.hash = row_hash(row)
    row.save()
    assert found() == [f"{workspace.pk}:activity #3 chain: Its previous hash doesn't match the row before it."]


def test_a_missing_row_is_found(scope: str, workspace: Workspace) -> None:
    ActivityRow.objects.filter(workspace=workspace, sequence=2).delete()
    assert found() == [f"{workspace.pk}:activity #3 sequence: A row is missing: #3 follows #1."]


def test_a_missing_end_is_found(scope: str, workspace: Workspace) -> None:
    ActivityRow.objects.filter(workspace=workspace, sequence=4).delete()
    ActivityRow.objects.filter(workspace=None).delete()
    assert set(found()) == {
        f"{workspace.pk}:activity head: The chain counts 4 rows, but the last one found is #3.",
        "site:activity head: The chain counts 2 rows, but the last one found is #0.",
    }


def test_rows_that_nothing_counts_are_found(scope: str, workspace: Workspace) -> None:
    ActivityHead.objects.filter(scope=scope).delete()
    assert found() == [f"{workspace.pk}:activity wallet: There is activity, but nothing counts it."]


def test_the_command_says_so(scope: str, workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    ActivityRow.objects.filter(workspace=workspace, sequence=2).update(kind="credits.granted")
    connection.check_constraints()
    ACTIVITY.create_triggers(connection)
    with pytest.raises(CommandError, match="1 findings"):
        call_command("verify_ledger")
    assert "#2 hash: It was changed" in capsys.readouterr().err
