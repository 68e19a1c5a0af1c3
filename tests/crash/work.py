"""What a worker process of the crash suite does: the studio's real tasks, one after the other, until nothing is open.

There is no queue of wake-ups here, so every one is lost: whatever is found is found by the sweep and the tasks.
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
from pathlib import Path
from uuid import UUID, uuid4

import av
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from tchavi_studio.assets.models import Asset, Origin
from tchavi_studio.assets.services import store_upload
from tchavi_studio.generations import orders, tasks
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
"""One worker does everything here, so each task gives way to the next one soon."""

CREDITS = 50_000
LIMIT_PER_MINUTE = 6_000


def work(order: Order) -> None:
    """Ask for the clips, if there are any, and see them through; or die on the way."""
    tasks.PUMP_SECONDS = tasks.SLICE_SECONDS = SLICE_SECONDS  # type: ignore[assignment]
    deadline = time.monotonic() + order.limit_seconds
    people: dict[str, tuple[User, Workspace]] = {}
    photo: MediaReference | None = None
    if order.clips:
        people = _welcome({clip.person for clip in order.clips}, takes_files=order.takes_files)
        photo = _photo(people[order.clips[0].person]) if order.takes_files else None
    passed = strike_as_told(order)
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


def strike_as_told(order: Order) -> Counter[str]:
    """Have this process killed, or paused, at the point that it is told, unless another one was first.

    Returns the count of each point that it comes to, which goes on growing.
    """
    passed: Counter[str] = Counter()

    def hook(point: CrashPoint) -> None:
        passed[point.name] += 1
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
    """People with credits, in a studio that has been running for a while: it knows its budget at the provider."""
    people = {}
    for name in sorted(names):
        user = User.objects.create_user(f"{name.lower()}@example.org", None, name=name)
        workspace = welcome_person(user=user)
        grant_credits(workspace=workspace, book=settings.STUDIO_BOOK, amount_credits=CREDITS, reason="to begin with")
        people[name] = (user, workspace)
    known = {"limit_per_minute": LIMIT_PER_MINUTE, "tokens": LIMIT_PER_MINUTE // 10, "takes_files": takes_files}
    UpstreamAccount.objects.update_or_create(pk=1, defaults={"base_url": settings.TCHAVI_BASE_URL, **known})
    return people


def _photo(person: tuple[User, Workspace]) -> MediaReference:
    user, workspace = person
    picture = BytesIO()
    Image.new("RGB", (640, 480), "orange").save(picture, "JPEG")
    upload = SimpleUploadedFile("orange.jpg", picture.getvalue(), content_type="image/jpeg")
    asset = store_upload(workspace=workspace, user=user, upload=upload)
    return MediaReference(kind="image", asset_id=asset.pk, width=asset.width, height=asset.height)


def accept(clip: Clip, person: tuple[User, Workspace], *, photo: MediaReference | None, noted_in: str) -> None:
    """Ask for a clip, and note that it was accepted."""
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
    """What a person does who has changed their mind; too late, perhaps."""
    try:
        cancel_generation(generation=Generation.objects.get(prompt=clip.prompt))
    except NotCancellableError:
        return


# --- The books --------------------------------------------------------------------------------------------------------


def report(passed: Counter[str], *, is_last: bool) -> Report:
    """What the studio's own books and folders say now, and after the sweep of a day later if it `is_last`."""
    held_slots, held_jobs = _leases_that_stay_held()
    transfers: dict[UUID | None, list[tuple[str, int]]] = defaultdict(list)
    for row in Transfer.objects.filter(kind__in=[Kind.CHARGE, Kind.REFUND]).order_by("workspace", "sequence"):
        transfers[row.reference].append((row.kind, row.amount_credits))
    entries = [_entry(generation, transfers.pop(generation.pk, [])) for generation in Generation.objects.all()]
    findings = [str(finding) for finding in verify_ledger()]
    unowned, incoming, unknown = _unowned_outputs(), _incoming_files(), _unknown_media_files()
    if is_last:
        _let_a_day_pass()
        tasks.sweep()
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
    """Whether every frame can be decoded, and as many as the file says there are."""
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        return stream.frames == sum(1 for _ in film.decode(stream)) > 0


def _leases_that_stay_held() -> tuple[int, int]:
    """How many slots and jobs are held even when every lease of a dead worker has run out."""
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
    """Files in the storage that no row names."""
    names = Asset.objects.values_list("file", "thumbnail", "poster")
    known = {name for row in names for name in row if name}
    media = settings.STUDIO_DATA / "media"
    return sum(str(path.relative_to(media)) not in known for path in media.rglob("*") if path.is_file())


def _let_a_day_pass() -> None:
    """Age what a killed worker may have left behind, so that the sweep takes it as it would tomorrow."""
    past = timezone.now() - timedelta(days=2)
    Asset.objects.filter(origin=Origin.OUTPUT, generation=None).update(created_at=past)
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        os.utime(path, (past.timestamp(), past.timestamp()))
