"""Starting, cancelling and deleting clips, and the credits that move."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.test import TestCase
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from tchavi_studio.assets.models import Asset
from tchavi_studio.generations import lifecycle, services, tasks
from tchavi_studio.generations.models import (
    Discard,
    DiscardKind,
    Generation,
    GenerationReference,
    RemoteJob,
    State,
)
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.params import GenerationParams, MediaReference
from tchavi_studio.generations.queries import Freed, bin_for_viewer, freed_by
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.services import InsufficientCreditsError
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tchavi_studio.workspaces.ownership import archive_workspace
from tests.assets.conftest import make_asset
from tests.conftest import PutInForce
from tests.plans import listed_by_index

from .conftest import make_params, write_clip

SUBMISSION = UUID(int=42)


def balance(workspace: Workspace) -> int:
    return wallet_balance(workspace=workspace, book="sandbox")


def rows(generation: Generation) -> list[tuple[str, int]]:
    transfers = Transfer.objects.filter(reference=generation.pk).order_by("sequence")
    return list(transfers.values_list("kind", "amount_credits"))


def test_starting_charges_and_queues_together(workspace: Workspace, alice: User, params: GenerationParams) -> None:
    started = services.start_generation(
        Order(workspace=workspace, creator=alice, params=params, submission_id=SUBMISSION)
    )
    [generation] = started.generations
    assert started.is_replay is False
    assert (generation.state, generation.price_credits, generation.width, generation.height) == (
        State.QUEUED,
        1_300,
        864,
        496,
    )
    assert rows(generation) == [("charge", 1_300)]
    assert balance(workspace) == 8_700


def test_repeating_a_submission_creates_and_charges_nothing(
    workspace: Workspace, alice: User, params: GenerationParams
) -> None:
    first = services.start_generation(
        Order(workspace=workspace, creator=alice, params=params, submission_id=SUBMISSION)
    )
    again = services.start_generation(
        Order(workspace=workspace, creator=alice, params=params, submission_id=SUBMISSION)
    )
    assert again.is_replay is True
    assert again.generations == first.generations
    assert Generation.objects.count() == 1
    assert balance(workspace) == 8_700


def test_variations_differ_only_in_their_seeds(workspace: Workspace, alice: User) -> None:
    started = services.start_generation(
        Order(
            workspace=workspace,
            creator=alice,
            params=make_params(seed=2**32 - 2),
            submission_id=SUBMISSION,
            variations=4,
            expected_total_credits=5_200,
        )
    )
    assert [generation.seed for generation in started.generations] == [2**32 - 2, 2**32 - 1, 0, 1]
    assert [generation.variation for generation in started.generations] == [0, 1, 2, 3]
    assert balance(workspace) == 4_800


def test_random_seeds_are_recorded_and_different(workspace: Workspace, alice: User, params: GenerationParams) -> None:
    started = services.start_generation(
        Order(workspace=workspace, creator=alice, params=params, submission_id=SUBMISSION, variations=4)
    )
    assert len({generation.seed for generation in started.generations}) == 4


def test_too_few_credits_create_nothing_and_name_the_total(workspace: Workspace, alice: User) -> None:
    with pytest.raises(InsufficientCreditsError) as refusal:
        services.start_generation(
            Order(
                workspace=workspace,
                creator=alice,
                params=make_params(duration=10, resolution="720p"),
                submission_id=SUBMISSION,
                variations=2,
            )
        )
    assert (refusal.value.needed_credits, refusal.value.available_credits) == (11_600, 10_000)
    assert Generation.objects.count() == 0
    assert balance(workspace) == 10_000


def test_a_changed_price_must_be_confirmed(
    workspace: Workspace, alice: User, params: GenerationParams, put_in_force: PutInForce
) -> None:
    put_in_force({"seedance-2": {"480p": 300}})
    with pytest.raises(services.PriceChangedError) as refusal:
        services.start_generation(
            Order(
                workspace=workspace,
                creator=alice,
                params=params,
                submission_id=SUBMISSION,
                expected_total_credits=1_300,
            )
        )
    assert refusal.value.total_credits == 1_500
    assert Generation.objects.count() == 0
    assert balance(workspace) == 10_000


def test_a_free_clip_writes_no_ledger_row(
    workspace: Workspace, alice: User, params: GenerationParams, put_in_force: PutInForce
) -> None:
    put_in_force({"seedance-2": {"480p": 0}})
    [generation] = services.start_generation(
        Order(workspace=workspace, creator=alice, params=params, submission_id=SUBMISSION)
    ).generations
    assert rows(generation) == []
    services.cancel_generation(generation=generation)
    assert rows(generation) == []


@pytest.mark.parametrize("is_test", [False, True], ids=["charged", "free"])
def test_a_workspace_archived_since_the_page_was_opened_starts_nothing(
    workspace: Workspace, alice: User, *, is_test: bool
) -> None:
    order = order_of(workspace, alice, is_test=is_test)
    archive_workspace(workspace=workspace, owner=alice)
    with pytest.raises(services.WorkspaceArchivedError) as refused:
        services.start_generation(order)
    assert refused.value.message == (
        "This workspace is archived: it can only be read. No credits moved. One of its owners can take it out of the "
        "archive."
    )
    assert (Generation.objects.count(), balance(workspace)) == (0, 10_000)


def test_another_workspaces_asset_cannot_be_used(workspace: Workspace, alice: User, bob: User) -> None:
    asset = Asset.objects.create(
        workspace=bob.workspaces.get(),
        kind="image",
        origin="upload",
        content_type="image/png",
        width=800,
        height=600,
        byte_count=1,
        source_sha256="0" * 64,
        content_sha256="0" * 64,
        file="x/y/file.png",
    )
    stolen = MediaReference(kind="image", asset_id=asset.pk, width=800, height=600)
    with pytest.raises(ValueError, match="does not belong"):
        services.start_generation(
            Order(workspace=workspace, creator=alice, params=make_params(image_url=stolen), submission_id=SUBMISSION)
        )
    assert Generation.objects.count() == 0


def test_one_unread_wake_up_is_enough(
    workspace: Workspace,
    alice: User,
    params: GenerationParams,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    async_task("tchavi_studio.operations.tasks.beat", "render", cluster="render")
    for _turn in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            services.start_generation(Order(workspace=workspace, creator=alice, params=params, submission_id=uuid4()))
    assert [row.func() for row in OrmQ.objects.order_by("pk")] == [
        "tchavi_studio.operations.tasks.beat",
        "tchavi_studio.generations.tasks.render_waiting",
    ]


def test_a_waiting_clip_can_be_cancelled_once_with_a_full_refund(
    start: Callable[..., Generation], workspace: Workspace
) -> None:
    generation = start()
    services.cancel_generation(generation=generation)
    generation.refresh_from_db()
    assert generation.state == State.CANCELLED
    assert rows(generation) == [("charge", 1_300), ("refund", 1_300)]
    with pytest.raises(services.NotCancellableError, match=r"^This clip has already ended\.") as refused:
        services.cancel_generation(generation=generation)
    assert refused.value.has_ended is True
    assert balance(workspace) == 10_000


def test_a_clip_in_progress_cannot_be_cancelled(start: Callable[..., Generation], workspace: Workspace) -> None:
    generation = start()
    assert lifecycle.claim_next_render() is not None
    with pytest.raises(services.NotCancellableError, match=r"^This clip is already being made") as refused:
        services.cancel_generation(generation=generation)
    assert refused.value.has_ended is False
    assert balance(workspace) == 8_700


def test_only_failed_and_cancelled_clips_can_be_dismissed(start: Callable[..., Generation], tmp_path: Path) -> None:
    completed, cancelled = start(), start()
    with pytest.raises(services.StillOpenError):
        services.dismiss_failure(generation=completed)
    claimed = lifecycle.claim_next_render()
    assert claimed is not None
    assert lifecycle.finish_generation(claimed, path=write_clip(tmp_path / "clip.mp4"))
    with pytest.raises(services.NotAFailureError, match=r"^This clip is finished"):
        services.dismiss_failure(generation=completed)
    services.cancel_generation(generation=cancelled)
    services.dismiss_failure(generation=cancelled)
    assert list(Generation.objects.filter(dismissed_at=None)) == [completed]


def test_only_finished_clips_can_be_deleted_and_restored(start: Callable[..., Generation]) -> None:
    generation = start()
    with pytest.raises(services.StillOpenError):
        services.delete_clip(generation=generation, actor=generation.creator)
    services.cancel_generation(generation=generation)
    services.delete_clip(generation=generation, actor=generation.creator)
    generation.refresh_from_db()
    assert generation.deleted_at is not None
    services.restore_clip(generation=generation, actor=generation.creator)
    assert Generation.objects.filter(deleted_at=None, purge_at=None).exists()


def test_a_clip_stays_in_the_bin_as_long_as_was_promised_when_it_was_deleted(
    start: Callable[..., Generation], workspace: Workspace, membership: Membership
) -> None:
    kept: dict[int, Generation] = {}
    for days in (3, 60):
        workspace.bin_days = days
        workspace.save()
        kept[days] = Generation.objects.get(pk=start().pk)
        services.cancel_generation(generation=kept[days])
        services.delete_clip(generation=kept[days], actor=kept[days].creator)
        kept[days].refresh_from_db()
    workspace.bin_days = None
    workspace.save()
    for days, clip in kept.items():
        assert clip.deleted_at is not None
        assert clip.purge_at == clip.deleted_at + timedelta(days=days)
    Generation.objects.filter(pk=kept[3].pk).update(purge_at=timezone.now())
    assert list(bin_for_viewer(membership=membership)) == [kept[60]]


def test_purging_keeps_the_ledger(start: Callable[..., Generation]) -> None:
    kept, expired = start(), start()
    for generation in (kept, expired):
        services.cancel_generation(generation=generation)
        services.delete_clip(generation=generation, actor=generation.creator)
    Generation.objects.filter(pk=expired.pk).update(purge_at=timezone.now())
    with listed_by_index(Generation, Asset, RemoteJob):
        assert services.purge_bin() == 1
    assert list(Generation.objects.all()) == [kept]
    assert rows(expired) == [("charge", 1_300), ("refund", 1_300)]


@pytest.mark.parametrize("dies", [False, True])
def test_the_files_of_purged_clips_are_gone_from_the_disk(
    start: Callable[..., Generation], workspace: Workspace, dies: bool
) -> None:
    """At once; or with the next clean-up, if the worker dies between the commit and the files."""
    generation = start()
    output = make_asset(workspace, "video", origin="output")
    Generation.objects.filter(pk=generation.pk).update(
        state=State.COMPLETED, output=output, finished_at=timezone.now(), purge_at=timezone.now()
    )
    paths = [Path(file.path) for file in (output.file, output.thumbnail, output.poster)]
    with TestCase.captureOnCommitCallbacks(execute=not dies):
        assert services.purge_bin() == 1
    assert [path.exists() for path in paths] == [dies] * 3
    tasks.clean_up()
    assert not any(path.exists() for path in paths)
    assert not Asset.objects.exists()


def test_an_unreviewed_exposure_is_not_purged(
    start: Callable[..., Generation], alice: User, membership: Membership
) -> None:
    generation = start()
    lifecycle.fail_generation(generation.pk, code="upstream_unknown", message="", needs_review=True)
    job = RemoteJob.objects.create(
        reference=generation.pk, generation=generation, attempt_id=uuid4(), sent_at=timezone.now()
    )
    services.delete_clip(generation=generation, actor=generation.creator)
    Generation.objects.update(purge_at=timezone.now())
    assert services.purge_bin() == 0
    assert list(bin_for_viewer(membership=membership)) == []
    services.review_exposure(job=job, admin=alice)
    assert services.purge_bin() == 1
    job.refresh_from_db()
    assert (job.generation, job.reviewed_by) == (None, alice)


@pytest.mark.parametrize("meanwhile", ["restored", "deleted"])
def test_a_clip_is_looked_at_again_before_it_is_deleted(
    start: Callable[..., Generation], monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """While the first clip of a batch is deleted, its owner restores the second, or another worker deletes it."""
    first, second = start(), start()
    for generation in (first, second):
        services.cancel_generation(generation=generation)
        services.delete_clip(generation=generation, actor=generation.creator)
    Generation.objects.update(purge_at=timezone.now())
    Generation.objects.filter(pk=first.pk).update(purge_at=timezone.now() - timedelta(days=1))

    def delete(generation: Generation) -> tuple[int, dict[str, int]]:
        if generation.pk == first.pk:
            if meanwhile == "restored":
                services.restore_clip(generation=second, actor=second.creator)
            else:
                real_delete(Generation.objects.get(pk=second.pk))
        return real_delete(generation)

    real_delete = Generation.delete
    monkeypatch.setattr(Generation, "delete", delete)
    services.purge_bin()
    assert list(Generation.objects.all()) == ([second] if meanwhile == "restored" else [])


# --- Free clips -------------------------------------------------------------------------------------------------------


def order_of(workspace: Workspace, creator: User, *, variations: int = 1, is_test: bool = True) -> Order:
    return Order(
        workspace=workspace,
        creator=creator,
        params=make_params(),
        submission_id=uuid4(),
        variations=variations,
        is_test=is_test,
    )


def test_clips_that_the_provider_makes_for_nothing_are_no_free_previews(
    workspace: Workspace, alice: User, settings: Settings, put_in_force: PutInForce
) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    put_in_force({"seedance-2": {"480p": 0}})
    settings.STUDIO_MAX_FREE_PER_WORKSPACE = 4
    services.start_generation(order_of(workspace, alice, variations=4))
    clips = [services.start_generation(order_of(workspace, alice, is_test=False)).generations[0] for _ in range(2)]
    assert {(clip.engine, clip.price_credits) for clip in clips} == {("tchavi", 0)}


def test_a_workspace_has_few_free_clips_in_the_making(
    workspace: Workspace, alice: User, bob: User, settings: Settings
) -> None:
    settings.STUDIO_MAX_FREE_PER_WORKSPACE = 4
    first = order_of(workspace, alice, variations=3)
    clips = services.start_generation(first).generations
    with pytest.raises(services.TooManyFreeClipsError) as refused, listed_by_index(Generation):
        services.start_generation(order_of(workspace, alice, variations=2))
    assert refused.value.message == (
        "A workspace can have 4 free clips in the making, so no more were started. No credits moved. Wait until some "
        "are finished, then try again."
    )
    assert services.start_generation(first).is_replay
    services.start_generation(order_of(workspace, alice))
    services.start_generation(order_of(workspace, alice, is_test=False))
    services.start_generation(order_of(Workspace.objects.get(memberships__user=bob), bob, variations=4))
    services.cancel_generation(generation=clips[0])
    services.start_generation(order_of(workspace, alice))
    assert Generation.objects.count() == 10


def test_over_quota_only_paid_clips_are_started(workspace: Workspace, alice: User, settings: Settings) -> None:
    settings.STUDIO_WORKSPACE_QUOTA_BYTES = 0
    with pytest.raises(services.NoRoomForFreeClipsError) as refused:
        services.start_generation(order_of(workspace, alice))
    assert refused.value.message == (
        "The workspace has used up its storage, so no free clip was started. No credits moved. Empty the bin or "
        "delete unused files, then try again."
    )
    services.start_generation(order_of(workspace, alice, is_test=False))
    settings.STUDIO_MIN_FREE_BYTES = 2**62
    with pytest.raises(services.NoRoomForFreeClipsError) as refused:
        services.start_generation(order_of(workspace, alice))
    assert refused.value.message == (
        "The studio's disk is almost full, so no free clip was started. No credits moved. Ask the site's admin to "
        "free space."
    )
    services.start_generation(order_of(workspace, alice, is_test=False))


def test_forty_free_clips_of_one_workspace_delay_nobody_elses(
    workspace: Workspace, alice: User, bob: User, settings: Settings
) -> None:
    settings.STUDIO_MAX_FREE_PER_WORKSPACE = 40
    theirs = Workspace.objects.get(memberships__user=bob)
    for _order in range(10):
        services.start_generation(order_of(workspace, alice, variations=4))
    [free] = services.start_generation(order_of(theirs, bob)).generations
    [paid] = services.start_generation(order_of(theirs, bob, is_test=False)).generations
    with listed_by_index(Generation):
        claimed = [claim.pk for _claim in range(3) if (claim := lifecycle.claim_next_render())]
    assert claimed[0] == paid.pk
    assert free.pk in claimed[1:]


# --- Discards ---------------------------------------------------------------------------------------------------------


def test_a_large_bin_keeps_no_other_waiting(
    start: Callable[..., Generation], membership: Membership, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _number in range(3):
        clip = start()
        services.cancel_generation(generation=clip)
        services.delete_clip(generation=clip, actor=clip.creator)
    services.discard(membership=membership, kind=DiscardKind.BIN)
    services.discard(membership=Membership.objects.get(user=bob), kind=DiscardKind.BIN)
    ordered = Discard.objects.order_by("-requested_at")
    monkeypatch.setattr(Discard.objects, "order_by", lambda key: ordered if key == "?" else Discard.objects.none())
    assert services.discard_some(max_count=1)
    assert [wanted.user for wanted in Discard.objects.all()] == [membership.user], "Bob's turn came first"


def test_an_emptied_bin_is_empty_at_once_and_deleted_in_slices(
    start: Callable[..., Generation],
    complete: Callable[[Generation], None],
    membership: Membership,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    clips = [start() for _number in range(4)]
    for clip in clips:
        complete(clip)
    for clip in clips[:3]:
        services.delete_clip(generation=clip, actor=clip.creator)
    with listed_by_index(Generation):
        assert freed_by(DiscardKind.BIN, membership=membership) == Freed(file_count=3, byte_count=3, is_partial=False)
    with django_capture_on_commit_callbacks(execute=True):
        services.discard(membership=membership, kind=DiscardKind.BIN)
    assert [task.func() for task in OrmQ.objects.all()] == ["tchavi_studio.generations.tasks.discard_waiting"]
    assert list(bin_for_viewer(membership=membership)) == []
    # Whoever saved a clip from its page keeps it, and what is deleted later can be restored.
    services.restore_clip(generation=clips[0], actor=clips[0].creator)
    services.delete_clip(generation=clips[3], actor=clips[3].creator)
    assert services.discard_some(max_count=1)
    assert Generation.objects.count() == 3
    tasks.discard_waiting()
    assert not Discard.objects.exists()
    assert set(Generation.objects.all()) == {clips[0], clips[3]}
    assert list(bin_for_viewer(membership=membership)) == [clips[3]]
    assert Asset.objects.count() == 2


def test_only_ones_own_unused_files_are_deleted(
    workspace: Workspace, alice: User, bob: User, membership: Membership, start: Callable[..., Generation]
) -> None:
    _mine, used, theirs, later = (make_asset(workspace, created_by=owner) for owner in (alice, alice, bob, alice))
    Asset.objects.filter(pk=later.pk).update(created_at=timezone.now() + timedelta(minutes=1))
    GenerationReference.objects.create(generation=start(), role="first_frame", position=1, asset=used)
    with listed_by_index(Asset):
        freed = freed_by(DiscardKind.FILES, membership=membership)
    assert freed == Freed(file_count=2, byte_count=2_048, is_partial=False)
    services.discard(membership=membership, kind=DiscardKind.FILES)
    tasks.discard_waiting()
    assert set(Asset.objects.all()) == {used, theirs, later}
    assert not Discard.objects.exists()


def test_what_is_freed_is_added_up_to_a_bound(
    workspace: Workspace, alice: User, membership: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tchavi_studio.generations.queries.MAX_WEIGHED", 2)
    for _number in range(3):
        make_asset(workspace, created_by=alice)
    freed = freed_by(DiscardKind.FILES, membership=membership)
    assert freed == Freed(file_count=2, byte_count=2_048, is_partial=True)
