"""The render worker, with the real preview engine."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import av
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ
from PIL import Image

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.services import store_upload
from tchavi_studio.generations import lifecycle, tasks
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.generations.params import MediaReference
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.runtime import slices
from tchavi_studio.workspaces.models import User, Workspace
from tests.plans import listed_by_index


def photo(workspace: Workspace, user: User, colour: str) -> MediaReference:
    """A real photo, uploaded as a person would."""
    picture = BytesIO()
    Image.new("RGB", (640, 480), colour).save(picture, "JPEG")
    upload = SimpleUploadedFile(f"{colour}.jpg", picture.getvalue(), content_type="image/jpeg")
    asset = store_upload(workspace=workspace, user=user, upload=upload)
    return MediaReference(kind="image", asset_id=asset.pk, width=asset.width, height=asset.height)


def test_two_photos_become_the_requested_clip(
    start: Callable[..., Generation], workspace: Workspace, alice: User
) -> None:
    generation = start(
        image_url=photo(workspace, alice, "red"),
        last_frame_image_url=photo(workspace, alice, "blue"),
        duration=1,
        aspect_ratio="1:1",
    )
    tasks.render_waiting()
    generation.refresh_from_db()
    assert (generation.state, generation.error_message) == (State.COMPLETED, "")
    assert generation.output is not None
    with av.open(generation.output.file.path) as clip:
        video, audio = clip.streams.video[0], clip.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height, video.frames) == ("h264", 640, 640, 24)
        assert audio.codec_context.name == "aac"
        first, *_between, last = [frame.to_ndarray(format="rgb24").mean(axis=(0, 1)) for frame in clip.decode(video)]
    assert first.argmax() == 0
    assert last.argmax() == 2


def test_a_broken_reference_fails_and_refunds_the_clip(
    start: Callable[..., Generation], workspace: Workspace, alice: User
) -> None:
    generation = start(image_url=photo(workspace, alice, "red"), duration=1)
    Path(Asset.objects.get().file.path).write_bytes(b"no longer a picture")
    tasks.render_waiting()
    generation.refresh_from_db()
    assert (generation.state, generation.error_code) == (State.FAILED, "first_frame_unreadable")
    assert (generation.error_message, generation.error_figures) == ("", {})
    assert generation.failure_message == "The first frame couldn't be read. Try again with another file."
    kinds = Transfer.objects.filter(reference=generation.pk).order_by("sequence").values_list("kind", "amount_credits")
    assert list(kinds) == [("charge", 260), ("refund", 260)]


def test_a_slice_leaves_the_rest_to_the_next_wake_up(
    start: Callable[..., Generation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "SLICE_SECONDS", 0.01)
    first, second = start(duration=1), start(duration=1)
    tasks.render_waiting()
    for generation in (first, second):
        generation.refresh_from_db()
    assert (first.state, second.state) == (State.COMPLETED, State.QUEUED)
    assert list(OrmQ.objects.values_list("key", flat=True)) == ["render"]


def test_the_sweep_replaces_a_lost_wake_up(start: Callable[..., Generation]) -> None:
    start(duration=1)
    OrmQ.objects.all().delete()
    tasks.sweep()
    tasks.sweep()
    assert OrmQ.objects.count() == 1


def test_an_idle_sweep_is_two_statements(start: Callable[..., Generation]) -> None:
    lifecycle.cancel_queued(start().pk)
    with listed_by_index(Generation), CaptureQueriesContext(connection) as captured:
        tasks.sweep()
    # For clips to make, and for what somebody has discarded or does to many clips.
    assert len(captured) == 2


def test_a_stopped_render_goes_back_to_the_queue(
    start: Callable[..., Generation], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    generation = start(duration=5)
    claim = lifecycle.claim_next_render()
    assert claim is not None
    monkeypatch.setattr(slices, "stop_file", tmp_path)
    tasks.render_claimed(claim)
    generation.refresh_from_db()
    assert (generation.state, generation.attempt_count) == (State.QUEUED, 0)
    assert (generation.leased_by, generation.leased_until) == (None, None)
    assert not Transfer.objects.filter(reference=generation.pk, kind="refund").exists()
