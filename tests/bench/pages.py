"""What pages, `/v1` and background work cost with many clips, against what they cost with a thousand."""

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tchavi_studio.assets.models import Kind
from tchavi_studio.assets.probe import ProbedFile
from tchavi_studio.generations import tasks as generation_tasks
from tchavi_studio.generations.library.models import Outcome
from tchavi_studio.generations.models import Engine, Generation, LibraryEntry, State
from tchavi_studio.generations.queries import clips_for_viewer, provider_waits
from tchavi_studio.generations.records import public_job_id
from tchavi_studio.generations.upstream import submission
from tchavi_studio.generations.visibility import Scope, entries_in_scope
from tchavi_studio.operations.demo.samples import CLIP_BYTE_COUNT
from tchavi_studio.webhooks import tasks as webhook_tasks
from tchavi_studio.workspaces.models import Membership
from tests.conftest import make_person

from .measuring import Work, medians
from .plans import plan_remarks
from .report import Row
from .studios import SMALL, Studio, studios

HTMX = {"HX-Request": "true"}
DEEP = 0.9
"""How far down the deep page is."""

JOBS_OFFSET = 100_000
QUEUED, QUEUES = 5_000, 25
PLACES = 24
EPOCH = datetime.fromtimestamp(0, tz=UTC)
PNG_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


@dataclass(frozen=True, kw_only=True)
class Case:
    """Something that people, programs or the studio itself do; `prepare` finds out how in one studio."""

    name: str
    before: str
    prepare: Callable[[Studio], Work]
    goal: float = 1.1


def rows(size: int) -> Iterator[Row]:
    """Measure each case in a studio with 1,000 clips and in one with `size`, in turns."""
    with studios(SMALL, size) as (small, large):
        for case in CASES:
            yield compare(case, small, large)
        with large.in_use():
            yield from places_in_line()


def compare(case: Case, small: Studio, large: Studio) -> Row:
    works = []
    for studio in (small, large):
        with studio.in_use():
            works.append(used(studio, case.prepare(studio)))
    few_seconds, many_seconds = medians(*works)
    with CaptureQueriesContext(large.connection) as captured:
        works[1]()
    remarks = plan_remarks(captured, large.connection)
    return Row(
        name=case.name,
        before=case.before,
        measured=many_seconds / few_seconds,
        goal=case.goal,
        unit="×",
        statements=len(captured),
        note="; ".join([f"{few_seconds * 1000:.1f} → {many_seconds * 1000:.1f} ms", *remarks]),
    )


def used(studio: Studio, work: Work) -> Work:
    """`work` on this studio's database. Switching to it is no part of what is measured: it takes a microsecond."""

    def on_its_database() -> None:
        with studio.in_use():
            work()

    return on_its_database


# --- Pages ------------------------------------------------------------------------------------------------------------


def page(path: str) -> Callable[[Studio], Work]:
    return lambda studio: getting(studio, studio.home + path)


def getting(studio: Studio, path: str, **headers: str) -> Work:
    def get() -> None:
        answer = studio.browser.get(path, headers=headers)
        assert answer.status_code == 200, (path, answer.status_code)

    return get


def floor(studio: Studio) -> Work:
    """A page's entries alone: the least that any list of the gallery can cost."""
    listed = entries_in_scope(studio.membership, Scope.MINE).order_by("-key")[:PLACES]
    return lambda: list(listed.all())


def deep_page(studio: Studio) -> Work:
    """The part of the gallery that scrolling has brought there after nine of ten clips."""
    listed = entries_in_scope(studio.membership, Scope.MINE).order_by("-key").values_list("key", flat=True)
    return getting(studio, f"{studio.home}gallery/?after={listed[int(listed.count() * DEEP)]}", **HTMX)


def month_jump(studio: Studio) -> Work:
    """The page of a month in the middle of the rail."""
    shown = studio.browser.get(studio.home + "gallery/").content.decode()
    months = re.findall(r'<a href="([^"]+)" data-month=', shown)
    return getting(studio, unescape(months[len(months) // 2]))


def rare_word(studio: Studio) -> Work:
    """A search for a word that three clips have, from the beginning, the middle and the end of the list."""
    listed = entries_in_scope(studio.membership, Scope.MINE).order_by("-key").values_list("key", flat=True)
    count = listed.count()
    for place in (0, count // 2, count - 1):
        rare = LibraryEntry.objects.filter(key=listed[place]).exclude(words__endswith=" zanzibar")
        rare.update(words=Concat("words", Value(" zanzibar")))
    return getting(studio, f"{studio.home}gallery/?q=zanzibar")


def changes(studio: Studio) -> Work:
    """An open page's question, after one of its clips has changed."""
    shown = studio.browser.get(studio.home + "gallery/").content.decode()
    (path,) = re.findall(r'id="updates" hidden hx-get="([^"]+)"', shown)
    newest = clips_for_viewer(membership=studio.membership).filter(state=State.COMPLETED)[0]
    # Later than the clips that `seed_demo` has just made.
    moment = timezone.now() + timedelta(minutes=1)
    Generation.objects.filter(pk=newest.pk).update(version=F("version") + 1, updated_at=moment)
    return getting(studio, unescape(path), **HTMX)


def clip_page(studio: Studio) -> Work:
    """A clip with remixes, from the middle of the list."""
    clips = clips_for_viewer(membership=studio.membership)
    middle = clips[clips.count() // 2].created_at
    parent = clips.exclude(children=None).filter(created_at__gte=middle).order_by("created_at")[0]
    return getting(studio, f"{studio.home}clips/{parent.pk}/")


def zip_of_500(studio: Studio) -> Work:
    """The 500 newest finished clips of the list, with files of 60 kB, read to the last byte."""
    newest = entries_in_scope(studio.membership, Scope.MINE).filter(outcome=Outcome.DONE).order_by("-key")[:500]
    clips = list(Generation.objects.filter(entry__in=newest.values_list("key", flat=True)).select_related("output"))
    for clip in clips:
        assert clip.output is not None
        clip.output.file.storage.save(clip.output.file.name, ContentFile(bytes(CLIP_BYTE_COUNT)))
    named = [str(clip.pk) for clip in clips]

    def download() -> None:
        answer = studio.browser.post(f"{studio.home}gallery/zip/", {"clips": named})
        byte_count = sum(map(len, answer))
        assert byte_count == int(answer["Content-Length"]) > len(named) * CLIP_BYTE_COUNT

    return download


# --- The API ----------------------------------------------------------------------------------------------------------


def uploads(studio: Studio) -> Work:
    """Different files each time. What a sandboxed process finds in them isn't measured."""
    numbers = itertools.count()
    return uploading(studio, lambda: f"{next(numbers)}-{uuid4()}".encode())


def same_upload(studio: Studio) -> Work:
    return uploading(studio, lambda: b"the same")


def uploading(studio: Studio, content: Callable[[], bytes]) -> Work:
    def upload() -> None:
        file = SimpleUploadedFile("photo.png", PNG_HEAD + content(), "image/png")
        with patch("tchavi_studio.assets.probe.take_upload", probed):
            answer = studio.program.upload("/files", file=file)
        assert answer.status_code in (200, 201), answer.content

    return upload


def probed(source: Path, directory: Path) -> ProbedFile:
    made = directory / "file.webp"
    made.write_bytes(source.read_bytes())
    return ProbedFile(kind=Kind.IMAGE, content_type="image/webp", file=made, width=640, height=640)


def jobs(query: str) -> Callable[[Studio], Work]:
    return lambda studio: asking(studio, f"/jobs?limit=50{query}")


def jobs_at_offset(studio: Studio) -> Work:
    count = Generation.objects.filter(is_test=False).exclude(key_id=None).count()
    return asking(studio, f"/jobs?limit=50&offset={min(JOBS_OFFSET, count // 2)}")


def jobs_after(studio: Studio) -> Work:
    """The same page as `jobs_at_offset`, asked for by the last job that was seen."""
    own = Generation.objects.filter(is_test=False).exclude(key_id=None).order_by("-created_at", "-id")
    last = own[min(JOBS_OFFSET, own.count() // 2)]
    return asking(studio, f"/jobs?limit=50&after={public_job_id(last.pk)}")


def asking(studio: Studio, path: str) -> Work:
    def get() -> None:
        answer = studio.program.get(path)
        assert answer.status_code == 200, answer.content

    return get


# --- Background work --------------------------------------------------------------------------------------------------


def sweeping(studio: Studio) -> Work:
    """What happens every few seconds."""

    def sweep() -> None:
        generation_tasks.sweep()
        webhook_tasks.sweep()

    return sweep


def cleaning(studio: Studio) -> Work:
    """What happens once a minute."""

    def clean_up() -> None:
        generation_tasks.clean_up()
        webhook_tasks.clean_up()

    return clean_up


def places_in_line() -> Iterator[Row]:
    """With thousands of clips waiting for the provider: a page's places, and a pump's step."""
    members = [make_person(f"Member{number}").memberships.get() for number in range(QUEUES)]
    Generation.objects.bulk_create(waiting_clip(members[number % QUEUES]) for number in range(QUEUED))
    shown = list(Generation.objects.filter(creator=members[0].user, state=State.QUEUED)[:PLACES])
    with override_settings(STUDIO_MODE="live", STUDIO_BOOK="live", STUDIO_PROVIDER_API_KEY="sk-tch_bench"):
        assert len(provider_waits(shown)) == PLACES
        page_seconds, pump_seconds = medians(
            lambda: provider_waits(shown), lambda: next(iter(submission.sendable(now=timezone.now())))
        )
    for name, seconds in (("a page", page_seconds), ("a step of the pump", pump_seconds)):
        yield Row(f"place in line, {QUEUED:,} queued: {name}", "37 ms", seconds * 1000, 5, "ms")


def waiting_clip(member: Membership) -> Generation:
    return Generation(
        workspace=member.workspace, creator=member.user, model="seedance-2", prompt="Dawn over the lagoon",
        duration_seconds=5, resolution="480p", aspect_ratio="16:9", generate_audio=True, seed=1, width=864, height=496,
        engine=Engine.TCHAVI, book="live", price_credits=1300,
    )  # fmt: skip


CASES = (
    Case(name="create/", before="12–119 ×", prepare=page("create/")),
    Case(name="floor: 24 rows of the gallery's index", before="–", prepare=floor),
    Case(name="gallery/", before="12–119 ×", prepare=page("gallery/")),
    *(
        Case(name=f"gallery/?{query}", before=before, goal=goal, prepare=page(f"gallery/?{query}"))
        for query, before, goal in (
            ("state=running", "12–119 ×", 1.1),
            ("state=failed", "12–119 ×", 1.1),
            ("state=done", "12–119 ×", 1.1),
            ("sort=longest", "–", 1.1),
            ("model=kling-v3&state=failed&seconds=12&ratio=3:4", "–", 1.1),
            ("q=lagoon", "–", 2),
            ("q=la", "–", 2),
        )
    ),
    Case(name="gallery/, rare word", before="–", goal=2, prepare=rare_word),
    Case(name="gallery/, month jump", before="–", prepare=month_jump),
    Case(name="gallery/?scope=workspace", before="–", prepare=page("gallery/?scope=workspace")),
    Case(name="updates/ after one change", before="107 ×", prepare=changes),
    Case(name="90 % deep page", before="11 ×", prepare=deep_page),
    Case(name="zip of 500", before="–", prepare=zip_of_500),
    Case(name="clip page", before="14–54 ×", prepare=clip_page),
    Case(name="bin", before="14–54 ×", prepare=page("gallery/bin/")),
    Case(name="credits/", before="14–54 ×", prepare=page("credits/")),
    Case(name="POST /v1/files", before="3.3 ×", prepare=uploads),
    Case(name="POST /v1/files, same bytes", before="3.3 ×", prepare=same_upload),
    Case(name="/v1/jobs", before="–", prepare=jobs("")),
    Case(name="/v1/jobs?offset=100000", before="37 ×", goal=5, prepare=jobs_at_offset),
    Case(name="/v1/jobs?after=", before="–", prepare=jobs_after),
    Case(name="background sweep", before="349 ×, with the clean-up", prepare=sweeping),
    Case(name="clean-up once a minute", before="–", prepare=cleaning),
    Case(name="developers/", before="2.3 ×", prepare=page("developers/")),
)
