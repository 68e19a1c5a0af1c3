"""The work of a worker process in the crash tests: run the studio's real tasks in turn until no clip is open.

There is no queue here, so all wake-ups are lost: the sweep and the tasks have to find all work.
"""

import hashlib
import json
import os
import signal
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from io import BytesIO
from itertools import chain
from pathlib import Path
from uuid import UUID, uuid4

import av
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from PIL import Image

from tchavi_studio.assets.models import Asset, Origin
from tchavi_studio.assets.services import store_upload
from tchavi_studio.generations import orders, tasks
from tchavi_studio.generations.books import verify_clips
from tchavi_studio.generations.models import (
    OPEN_STATES,
    Engine,
    Generation,
    PumpSlot,
    RemoteJob,
    State,
    UpstreamAccount,
)
from tchavi_studio.generations.params import MediaReference
from tchavi_studio.generations.services import NotCancellableError, cancel_generation, start_generation
from tchavi_studio.generations.validation import validate
from tchavi_studio.ledger.models import Kind, Transfer
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.ledger.verification import verify_ledger
from tchavi_studio.runtime import crashpoints
from tchavi_studio.runtime.crashpoints import CrashPoint
from tchavi_studio.runtime.leases import taken
from tchavi_studio.workspaces.models import User, Workspace
from tchavi_studio.workspaces.services import welcome_person

from .cases import Clip, Entry, Order, Report

SLICE_SECONDS = 1.0
"""Short, because one worker runs all tasks in turn."""

CREDITS = 50_000
FULL = 2
"""SQLite's `synchronous`: every commit waits for the disk."""

LIMIT_PER_MINUTE = 6_000


def work(order: Order) -> None:
    """Request the clips, if any, and finish them, or die on the way."""
    tasks.PUMP_SECONDS = tasks.SLICE_SECONDS = SLICE_SECONDS  # type: ignore[assignment]
    deadline = time.monotonic() + order.limit_seconds
    people: dict[str, tuple[User, Workspace]] = {}
    photo: MediaReference | None = None
    if order.clips:
        people = _welcome({clip.person for clip in order.clips}, takes_files=order.takes_files)
        photo = _photo(people[order.clips[0].person]) if order.takes_files else None
    passed = install_strike(order)
    for clip in order.clips:
        accept(clip, people[clip.person], photo=photo if clip.has_reference else None, noted_in=order.accepted_path)
    if order.clips and order.cancels:
        cancel(order.clips[0])
    while time.monotonic() < deadline:
        tasks.sweep()
        tasks.pump_upstream()
        tasks.transfer_waiting()
        tasks.render_waiting()
        if Path(order.marker_path).exists() and not Generation.objects.filter(state__in=OPEN_STATES).exists():
            break
        time.sleep(0.05)
    Path(order.report_path).write_text(json.dumps(asdict(report(passed, is_last=order.is_last))))


def install_strike(order: Order) -> Counter[str]:
    """Make this process kill or pause itself at the point in `order`, unless another worker gets there first.

    Returns a live count of the points that it reaches.
    """
    passed: Counter[str] = Counter()

    def hook(point: CrashPoint) -> None:
        passed[point.name] += 1
        if point == CrashPoint.IN_WRITING_DOWN and connection.vendor == "sqlite":
            # The connection that submits: a power cut must not take back what this transaction says.
            with connection.cursor() as cursor:
                assert cursor.execute("PRAGMA synchronous").fetchone() == (FULL,)
        if point.name != order.strike_at or passed[point.name] < order.nth:
            return
        with suppress(FileExistsError):
            with Path(order.marker_path).open("x") as marker:
                marker.write(point.name)
            os.kill(os.getpid(), signal.Signals[order.strike])

    crashpoints.hook = hook
    return passed


# --- What people do ---------------------------------------------------------------------------------------------------


def _welcome(names: set[str], *, takes_files: bool) -> dict[str, tuple[User, Workspace]]:
    """People with credits, in a studio that already knows the provider's rate limit."""
    people = {}
    for name in sorted(names):
        user = User.objects.create_user(f"{name.lower()}@example.org", None, name=name)
        workspace = welcome_person(user=user)
        grant_credits(workspace=workspace, book=settings.STUDIO_BOOK, amount_credits=CREDITS, reason="opening balance")
        people[name] = (user, workspace)
    known = {"limit_per_minute": LIMIT_PER_MINUTE, "tokens": LIMIT_PER_MINUTE // 10, "takes_files": takes_files}
    UpstreamAccount.objects.update_or_create(pk=1, defaults={"base_url": settings.STUDIO_PROVIDER_URL, **known})
    return people


def _photo(person: tuple[User, Workspace]) -> MediaReference:
    user, workspace = person
    picture = BytesIO()
    Image.new("RGB", (640, 480), "orange").save(picture, "JPEG")
    upload = SimpleUploadedFile("orange.jpg", picture.getvalue(), content_type="image/jpeg")
    asset = store_upload(workspace=workspace, user=user, upload=upload)
    return MediaReference(kind="image", asset_id=asset.pk, width=asset.width, height=asset.height)


def accept(clip: Clip, person: tuple[User, Workspace], *, photo: MediaReference | None, noted_in: str) -> None:
    """Request a clip, and note that it was accepted."""
    user, workspace = person
    asked = {"model": "seedance-2", "prompt": clip.prompt, "duration": clip.duration_seconds, "seed": 7}
    params = validate({**asked, **({"image_url": photo} if photo else {})}).params
    assert params is not None
    start_generation(
        orders.Order(
            workspace=workspace,
            creator=user,
            params=params,
            submission_id=uuid4(),
            engine=Engine.PREVIEW if clip.is_preview else None,
        )
    )
    with Path(noted_in).open("a") as notes:
        notes.write(f"{clip.prompt}\n")


def cancel(clip: Clip) -> None:
    """Cancel a clip; it may be too late."""
    try:
        cancel_generation(generation=Generation.objects.get(prompt=clip.prompt))
    except NotCancellableError:
        return


# --- The books --------------------------------------------------------------------------------------------------------


def report(passed: Counter[str], *, is_last: bool) -> Report:
    """The studio's books and files now and, if it `is_last`, after the next day's sweep."""
    held_slots, held_jobs = _held_after_lease()
    transfers: dict[UUID | None, list[tuple[str, int]]] = defaultdict(list)
    for row in Transfer.objects.filter(kind__in=[Kind.CHARGE, Kind.REFUND]).order_by("workspace", "sequence"):
        transfers[row.reference].append((row.kind, row.amount_credits))
    entries = [_entry(generation, transfers.pop(generation.pk, [])) for generation in Generation.objects.all()]
    findings = [str(finding) for finding in chain(verify_ledger(), verify_clips())]
    unowned, incoming, unknown = _unowned_outputs(), _incoming_files(), _unknown_media_files()
    if is_last:
        _let_a_day_pass()
        tasks.sweep()
        tasks.clean_up()
    return Report(
        passed=dict(passed),
        entries=entries,
        findings=findings,
        stray_transfer_count=len(transfers),
        held_job_count=held_jobs,
        held_slot_count=held_slots,
        unowned_outputs=unowned,
        unowned_outputs_later=_unowned_outputs(),
        incoming_files=incoming,
        incoming_files_later=_incoming_files(),
        unknown_media_files=unknown,
        unknown_media_files_later=_unknown_media_files(),
    )


def _entry(generation: Generation, transfers: list[tuple[str, int]]) -> Entry:
    job = RemoteJob.objects.filter(reference=generation.pk).first()
    path = Path(generation.output.file.path) if generation.output else None
    content = path.read_bytes() if path and path.exists() else None
    return Entry(
        generation_id=str(generation.pk),
        prompt=generation.prompt,
        state=generation.state,
        is_preview=generation.engine == Engine.PREVIEW,
        price_credits=generation.price_credits,
        needs_review=generation.needs_review,
        error_code=generation.error_code,
        remote_id=job.remote_id if job else None,
        holds_lease=generation.leased_until is not None and generation.state in {*OPEN_STATES, State.COMPLETED},
        transfers=transfers,
        byte_count=generation.output.byte_count if generation.output else None,
        sha256=hashlib.sha256(content).hexdigest() if content is not None else None,
        is_playable=path is not None and content is not None and _plays(path),
    )


def _plays(path: Path) -> bool:
    """Whether all frames can be decoded, as many as the file says it has."""
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        return stream.frames == sum(1 for _ in video.decode(stream)) > 0


def _held_after_lease() -> tuple[int, int]:
    """How many slots and jobs are still held after all leases of dead workers have run out."""
    until = time.monotonic() + settings.STUDIO_LEASE_SECONDS
    while True:
        now = timezone.now()
        held = (
            PumpSlot.objects.filter(taken(now)).count(),
            RemoteJob.objects.filter(taken(now)).count(),
        )
        if held == (0, 0) or time.monotonic() > until:
            return held
        time.sleep(0.1)


def _unowned_outputs() -> int:
    return Asset.objects.filter(origin=Origin.OUTPUT, generation=None).count()


def _incoming_files() -> int:
    return len(list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()))


def _unknown_media_files() -> int:
    """Stored files that no row refers to."""
    names = Asset.objects.values_list("file", "thumbnail", "poster")
    known = {name for row in names for name in row if name}
    media = settings.STUDIO_DATA / "media"
    return sum(str(path.relative_to(media)) not in known for path in media.rglob("*") if path.is_file())


def _let_a_day_pass() -> None:
    """Backdate what a killed worker may have left behind, so that the sweep treats it as it would tomorrow."""
    past = timezone.now() - timedelta(days=2)
    Asset.objects.filter(unowned_since__isnull=False).update(unowned_since=past)
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        os.utime(path, (past.timestamp(), past.timestamp()))
