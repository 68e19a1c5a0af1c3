"""The crash points to die at, and the situation at each. Nothing here needs Django."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from tchavi_studio.runtime.crashpoints import CrashPoint
from tests.upstream.faults import chance

LEASE_SECONDS = 2
UNKNOWN_DEADLINE_SECONDS = 4
EXCLUSIVE_DEADLINE_SECONDS = 15
"""Longer, because a worker that replaces a killed one needs time to find jobs whose answers were lost."""

FAILURE_RATE = 0.3


def _seed_where_the_second_job_fails() -> int:
    """An upstream seed with which, of the first seven jobs accepted, only the second fails."""
    for seed in count():
        failing = [number for number in range(1, 8) if chance(seed, "failure", number) < FAILURE_RATE]
        if failing == [2]:
            return seed
    raise AssertionError


UPSTREAM_SEED = _seed_where_the_second_job_fails()


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A clip to request. Its prompt identifies it in both sides' books; no two cost the same at the provider."""

    prompt: str
    person: str
    duration_seconds: int = 1
    is_preview: bool = False
    has_reference: bool = False


MIXED = (
    Clip(prompt="A paper boat in the rain", person="Alice", duration_seconds=1),
    Clip(prompt="Dawn over the lagoon", person="Bob", duration_seconds=2),
    Clip(prompt="A tailor at work", person="Carol", duration_seconds=3),
    Clip(prompt="A drummer at night", person="Alice", duration_seconds=4),
    Clip(prompt="A free preview", person="Bob", is_preview=True),
)
"""Three people's clips: four for the provider, of which one fails there, and a free preview rendered here."""

REMOTE = tuple(clip for clip in MIXED if not clip.is_preview)
PREVIEWS = (
    Clip(prompt="A free preview", person="Alice", is_preview=True),
    Clip(prompt="Another free preview", person="Bob", is_preview=True),
    Clip(prompt="A paper boat in the rain", person="Carol"),
)
WITH_REFERENCE = (replace(REMOTE[0], has_reference=True), *REMOTE[1:])


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to die.

    The worker dies when it reaches `point` for the `nth` time; with `deaths` above 1, so do those that replace it.
    `loses_answer`: the upstream accepts the first submission and then drops the connection. `is_exclusive` is
    STUDIO_PROVIDER_EXCLUSIVE: the job of a lost answer can be found. `cancels`: the person cancels the first clip right
    after requesting it. `review_count`: how many clips site admins must review in the end; None if that varies.
    """

    point: CrashPoint
    story: str
    nth: int = 1
    deaths: int = 1
    clips: Sequence[Clip] = MIXED
    loses_answer: bool = False
    is_exclusive: bool = False
    cancels: bool = False
    review_count: int | None = 0

    @property
    def name(self) -> str:
        return f"{self.point.name} {self.story}"

    @property
    def worker_counts(self) -> tuple[int, ...]:
        """The numbers of concurrent workers to run with. With two, only one of them can die."""
        return (1, 2) if self.deaths == 1 else (1,)

    @property
    def takes_files(self) -> bool:
        return any(clip.has_reference for clip in self.clips)

    @property
    def unknown_deadline_seconds(self) -> int:
        return EXCLUSIVE_DEADLINE_SECONDS if self.is_exclusive else UNKNOWN_DEADLINE_SECONDS


_IN_FLIGHT = "four submissions are in flight"
_ADOPTS = "the account is exclusive"

CASES = (
    Case(point=CrashPoint.IN_ACCEPTING, story="the third of five clips is being accepted", nth=3),
    Case(point=CrashPoint.ACCEPTED, story="three of five clips are accepted", nth=3),
    Case(point=CrashPoint.REFERENCE_UPLOADED, story="a clip uses a photo", clips=WITH_REFERENCE),
    Case(point=CrashPoint.IN_WRITING_DOWN, story="the second of four clips is being sent", nth=2, review_count=1),
    Case(point=CrashPoint.WRITTEN_DOWN, story="two of four clips are about to be sent", nth=2, review_count=2),
    Case(point=CrashPoint.ANSWERED, story=_IN_FLIGHT, review_count=None),
    Case(point=CrashPoint.ANSWERED, story=f"{_IN_FLIGHT}; {_ADOPTS}", is_exclusive=True, review_count=None),
    Case(point=CrashPoint.IN_RECORDING, story=_IN_FLIGHT, review_count=None),
    Case(point=CrashPoint.IN_RECORDING, story=f"{_IN_FLIGHT}; {_ADOPTS}", is_exclusive=True, review_count=None),
    Case(point=CrashPoint.RECORDED, story="the last of four answers is recorded", nth=4),
    Case(point=CrashPoint.LOST, story="the first answer was lost", loses_answer=True, review_count=None),
    Case(
        point=CrashPoint.LOST,
        story=f"the first answer was lost; {_ADOPTS}",
        loses_answer=True,
        is_exclusive=True,
        review_count=None,
    ),
    Case(
        point=CrashPoint.IN_ADOPTING,
        story=f"the lost job was found; {_ADOPTS}",
        loses_answer=True,
        is_exclusive=True,
    ),
    Case(point=CrashPoint.IN_GIVING_UP, story="a lost answer reached its deadline", loses_answer=True, review_count=1),
    Case(point=CrashPoint.POLL_CLAIMED, story="jobs run at the provider"),
    Case(point=CrashPoint.PAGE_ARRIVED, story="jobs run at the provider"),
    Case(point=CrashPoint.PAGE_ARRIVED, story="and the next two workers die there too", deaths=3),
    Case(point=CrashPoint.IN_NOTING_COMPLETED, story="jobs are completed"),
    Case(point=CrashPoint.NOTED_COMPLETED, story="jobs are completed"),
    Case(point=CrashPoint.IN_FAILING, story="the provider failed a job"),
    Case(point=CrashPoint.IN_FAILING, story="somebody cancels", cancels=True),
    Case(
        point=CrashPoint.IN_FAILING,
        story="a lost answer reached its deadline",
        clips=REMOTE[:1],
        loses_answer=True,
        review_count=1,
    ),
    Case(point=CrashPoint.FAILED, story="the provider failed a job"),
    Case(point=CrashPoint.FAILED, story="somebody cancelled", cancels=True),
    Case(point=CrashPoint.DOWNLOAD_CLAIMED, story="clips wait for download"),
    Case(point=CrashPoint.DOWNLOADED, story="clips wait for download"),
    Case(point=CrashPoint.DOWNLOADED, story="and the next two workers die there too", deaths=3),
    Case(point=CrashPoint.RENDER_CLAIMED, story="a preview starts", clips=PREVIEWS),
    Case(point=CrashPoint.RENDERED, story="a preview is being rendered", clips=PREVIEWS),
    Case(point=CrashPoint.RENDERED, story="and the next two workers die there too", clips=PREVIEWS, deaths=3),
    Case(point=CrashPoint.STORED, story="a clip was downloaded", clips=REMOTE),
    Case(point=CrashPoint.STORED, story="a preview was rendered", clips=PREVIEWS[:2]),
    Case(point=CrashPoint.IN_COMPLETING, story="a clip was downloaded", clips=REMOTE),
    Case(point=CrashPoint.IN_COMPLETING, story="a preview was rendered", clips=PREVIEWS[:2]),
    Case(point=CrashPoint.COMPLETED, story="a clip was downloaded", clips=REMOTE),
    Case(point=CrashPoint.COMPLETED, story="a preview was rendered", clips=PREVIEWS[:2]),
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """A worker process's instructions. Paths are strings, for JSON.

    The worker first requests `clips`, if any, and notes each in `accepted_path`. When it reaches `strike_at` (""
    means never) for the `nth` time, it sends itself the signal `strike` if it can create the file `marker_path`, so
    that only one of two workers is struck. It is done when no clip is open and the marker exists, and then writes its
    books to `report_path`. Only the last worker (`is_last`) also simulates the next day's sweep, when no files are in
    use.
    """

    clips: list[Clip]
    cancels: bool
    takes_files: bool
    strike_at: str
    strike: str
    nth: int
    marker_path: str
    accepted_path: str
    report_path: str
    is_last: bool
    limit_seconds: float


@dataclass(frozen=True, kw_only=True)
class Entry:
    """The studio's books for one clip. `transfers` are kinds and amounts, in order."""

    generation_id: str
    prompt: str
    state: str
    is_preview: bool
    price_credits: int
    needs_review: bool
    error_code: str
    remote_id: str | None
    holds_lease: bool
    transfers: list[tuple[str, int]]
    byte_count: int | None
    sha256: str | None
    is_playable: bool


@dataclass(frozen=True, kw_only=True)
class Report:
    """The studio's books when no clip is open any more, or time is up.

    `passed` counts the points that this worker reached, by name. What a killed worker left behind is counted before and
    (`…_later`) after a sweep a day later.
    """

    passed: dict[str, int]
    entries: list[Entry]
    findings: list[str]
    stray_transfer_count: int
    held_job_count: int
    held_slot_count: int
    unowned_outputs: int
    unowned_outputs_later: int
    incoming_files: int
    incoming_files_later: int
    unknown_media_files: int
    unknown_media_files_later: int
