"""The bytes counted for each workspace and person: right after every write, enforced by the UPDATE, and verifiable."""

import threading
from importlib import import_module
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, connections, transaction
from pytest_django import Settings

from tchavi_studio.assets.limits import RefusedFileError
from tchavi_studio.assets.models import Asset, Origin, PersonStorageUse, StorageUse
from tchavi_studio.assets.queries import received_with, storage_drifts, stored_bytes
from tchavi_studio.assets.services import delete_asset, record_asset
from tchavi_studio.workspaces.models import User, Workspace
from tests.assets.conftest import make_asset
from tests.databases import Database
from tests.plans import listed_by_index


def unwritten(workspace: Workspace, byte_count: int) -> Asset:
    """An asset without a row and without a file."""
    return Asset(
        workspace=workspace,
        kind="image",
        origin=Origin.UPLOAD,
        content_type="image/jpeg",
        width=320,
        height=300,
        byte_count=byte_count,
        source_sha256="ab" * 32,
        content_sha256="ab" * 32,
    )


def test_assets_are_counted_as_they_come_and_go(workspace: Workspace) -> None:
    assert stored_bytes(workspace=workspace) == 0
    first, second = make_asset(workspace), make_asset(workspace, "video")
    assert stored_bytes(workspace=workspace) == 2_048
    delete_asset(asset=first)
    assert stored_bytes(workspace=workspace) == 1_024
    delete_asset(asset=second)
    assert stored_bytes(workspace=workspace) == 0
    assert list(storage_drifts()) == []


def by_person(workspace: Workspace) -> dict[User, int]:
    uses = PersonStorageUse.objects.filter(workspace=workspace).select_related("user")
    return {use.user: use.byte_count for use in uses}


def test_each_persons_files_are_counted(workspace: Workspace, alice: User, bob: User) -> None:
    make_asset(workspace)  # nobody's
    hers = [make_asset(workspace, created_by=alice) for _number in range(2)]
    make_asset(Workspace.objects.get(memberships__user=bob), created_by=bob)
    assert by_person(workspace) == {alice: 2_048}
    his = make_asset(workspace, created_by=bob)
    assert (by_person(workspace), stored_bytes(workspace=workspace)) == ({alice: 2_048, bob: 1_024}, 4_096)
    for asset in (hers[0], his):
        delete_asset(asset=asset)
        delete_asset(asset=asset)
    assert (by_person(workspace), stored_bytes(workspace=workspace)) == ({alice: 1_024, bob: 0}, 2_048)
    assert list(storage_drifts()) == []


def test_what_has_no_room_is_nobodys(workspace: Workspace, alice: User, settings: Settings) -> None:
    settings.STUDIO_WORKSPACE_QUOTA_BYTES = 0
    asset = unwritten(workspace, 1)
    asset.created_by = alice
    with pytest.raises(RefusedFileError):
        record_asset(asset=asset, within_quota=True)
    assert by_person(workspace) == {}


def test_an_asset_that_is_deleted_twice_is_counted_once(workspace: Workspace) -> None:
    make_asset(workspace)
    asset = make_asset(workspace)
    copy = Asset.objects.get(pk=asset.pk)
    assert (delete_asset(asset=asset), delete_asset(asset=copy)) == (True, True)
    assert stored_bytes(workspace=workspace) == 1_024


def test_what_is_rolled_back_is_not_counted(workspace: Workspace) -> None:
    with transaction.atomic():
        make_asset(workspace)
        transaction.set_rollback(True)
    assert stored_bytes(workspace=workspace) == 0


def test_the_quota_may_be_filled_to_the_byte(workspace: Workspace, settings: Settings) -> None:
    settings.STUDIO_WORKSPACE_QUOTA_BYTES = 1_024 + 10
    make_asset(workspace)
    with pytest.raises(RefusedFileError) as refused, transaction.atomic():
        record_asset(asset=unwritten(workspace, 11), within_quota=True)
    assert refused.value.figures == {"used_bytes": 1_024, "quota_bytes": 1_034}
    assert (Asset.objects.count(), stored_bytes(workspace=workspace)) == (1, 1_024)
    record_asset(asset=unwritten(workspace, 10), within_quota=True)
    assert stored_bytes(workspace=workspace) == 1_034


def test_a_workspace_may_have_a_quota_of_its_own(workspace: Workspace, settings: Settings) -> None:
    settings.STUDIO_WORKSPACE_QUOTA_BYTES = 0
    Workspace.objects.filter(pk=workspace.pk).update(quota_bytes=10)
    with pytest.raises(RefusedFileError) as refused:
        record_asset(asset=unwritten(workspace, 11), within_quota=True)
    assert refused.value.figures == {"used_bytes": 0, "quota_bytes": 10}
    record_asset(asset=unwritten(workspace, 10), within_quota=True)


@pytest.mark.own_database
def test_simultaneous_uploads_do_not_exceed_the_quota_together(
    own_database: Database, workspace: Workspace, alice: User, settings: Settings
) -> None:
    settings.STUDIO_WORKSPACE_QUOTA_BYTES = 35
    refusals: list[str] = []
    gate = threading.Barrier(8)

    def upload(number: int) -> None:
        asset = unwritten(workspace, 10)
        asset.source_sha256, asset.created_by = str(number), alice
        try:
            gate.wait()
            record_asset(asset=asset, within_quota=True)
        except RefusedFileError as refusal:
            refusals.append(refusal.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=upload, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refusals == ["workspace_full"] * 5
    assert (Asset.objects.count(), stored_bytes(workspace=workspace)) == (3, 30)
    assert by_person(workspace) == {alice: 30}


def test_the_database_refuses_a_count_below_zero(workspace: Workspace) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        StorageUse.objects.create(workspace=workspace, byte_count=-1)


def test_a_count_that_is_too_low_keeps_no_file_from_being_deleted(workspace: Workspace) -> None:
    asset = make_asset(workspace)
    StorageUse.objects.update(byte_count=7)
    assert delete_asset(asset=asset)
    assert stored_bytes(workspace=workspace) == 0


def test_finding_the_same_bytes_and_the_use_is_by_index(workspace: Workspace) -> None:
    asset = make_asset(workspace)
    with listed_by_index(Asset, StorageUse):
        assert received_with(workspace=workspace, user=None, source_sha256=asset.source_sha256).get() == asset
        assert stored_bytes(workspace=workspace) == 1_024


def test_clips_and_trims_are_no_received_files(workspace: Workspace) -> None:
    for origin in (Origin.OUTPUT, Origin.TRIM):
        asset = unwritten(workspace, 1)
        asset.origin = origin
        record_asset(asset=asset)
    assert not received_with(workspace=workspace, user=None, source_sha256="ab" * 32).exists()


def test_drift_is_reported_and_recounted(workspace: Workspace) -> None:
    make_asset(workspace)
    call_command("verify_storage", stdout=StringIO())
    StorageUse.objects.update(byte_count=7)
    errors = StringIO()
    with pytest.raises(CommandError, match=r"^Storage isn't counted right: 1 workspaces\."):
        call_command("verify_storage", stderr=errors, stdout=StringIO())
    assert errors.getvalue() == f"Workspace {workspace.pk}: counted 7 bytes, stored 1024.\n"
    call_command("verify_storage", recount=True, stderr=StringIO(), stdout=StringIO())
    assert stored_bytes(workspace=workspace) == 1_024
    call_command("verify_storage", stdout=StringIO())


def test_drift_of_people_is_reported_and_recounted(workspace: Workspace, alice: User, bob: User) -> None:
    make_asset(workspace, created_by=alice)
    PersonStorageUse.objects.update(byte_count=7)
    PersonStorageUse.objects.create(workspace=workspace, user=bob, byte_count=5)
    errors = StringIO()
    with pytest.raises(CommandError, match=r"^Storage isn't counted right: 1 workspaces\."):
        call_command("verify_storage", stderr=errors, stdout=StringIO())
    assert errors.getvalue() == (
        f"Workspace {workspace.pk}, person {alice.pk}: counted 7 bytes, stored 1024.\n"
        f"Workspace {workspace.pk}, person {bob.pk}: counted 5 bytes, stored 0.\n"
    )
    call_command("verify_storage", recount=True, stderr=StringIO(), stdout=StringIO())
    assert by_person(workspace) == {alice: 1_024}
    call_command("verify_storage", stdout=StringIO())


def test_files_without_a_count_are_drift_too(workspace: Workspace, alice: User) -> None:
    make_asset(workspace, created_by=alice)
    PersonStorageUse.objects.all().delete()
    (drift,) = storage_drifts()
    assert (drift.user_id, drift.counted_bytes, drift.summed_bytes) == (alice.pk, 0, 1_024)


def test_the_database_refuses_a_persons_count_below_zero(workspace: Workspace, alice: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PersonStorageUse.objects.create(workspace=workspace, user=alice, byte_count=-1)


@pytest.mark.parametrize("batch_length", [1, 2, 20_000])
def test_what_was_stored_before_is_counted_in_batches(
    workspace: Workspace, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch, batch_length: int
) -> None:
    for owner in (alice, bob, alice, None):
        make_asset(workspace, created_by=owner)
    counted = by_person(workspace)
    PersonStorageUse.objects.all().delete()
    migration = import_module("tchavi_studio.assets.migrations.0005_storage_by_person")
    monkeypatch.setattr(migration, "BATCH_LENGTH", batch_length)
    migration.count_by_person(apps, connection.schema_editor())
    assert by_person(workspace) == counted == {alice: 2_048, bob: 1_024}
