"""Which moments there are to die at, and what is going on at each. Nothing here needs Django."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from tchavi_studio.runtime.crashpoints import CrashPoint
from tests.upstream.faults import chance

LEASE_SECONDS = 2
UNKNOWN_DEADLINE_SECONDS = 4
EXCLUSIVE_DEADLINE_SECONDS = 15
"""Where lost answers can be found again, a worker that was killed meanwhile must have the time to do so."""

FAILURE_RATE = 0.3


def _seed_where_the_second_job_fails() -> int:
    """A seed of the upstream with which the second job that it accepts fails, and the next five do not."""
    for seed in count():
        failing = [number for number in range(1, 8) if chance(seed, "failure", number) < FAILURE_RATE]
        if failing == [2]:
            return seed
    raise AssertionError


UPSTREAM_SEED = _seed_where_the_second_job_fails()


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One clip to ask for. Its prompt is its name in both sides' books; no two cost the same at the provider."""

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
"""Three people's clips: of the four for the provider one fails there; the last is rendered here, for nothing."""

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

    The worker dies when it comes to `point` for the `nth` time; with `deaths` above 1 the workers that follow die
    there as well. `loses_answer`: the upstream takes the first submission and breaks the connection. `is_exclusive`
    is TCHAVI_ACCOUNT_EXCLUSIVE: such an answer can be found again. `cancels`: the person cancels the first clip right
    after asking for it. `review_count`: how many clips the admins are to review in the end, where that is certain.
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
        """How many workers are alive at once: with two of them one dies, and then nobody is left to die again."""
        return (1, 2) if self.deaths == 1 else (1,)

    @property
    def takes_files(self) -> bool:
        return any(clip.has_reference for clip in self.clips)

    @property
    def unknown_deadline_seconds(self) -> int:
        return EXCLUSIVE_DEADLINE_SECONDS if self.is_exclusive else UNKNOWN_DEADLINE_SECONDS


_IN_FLIGHT = "four submissions under way"
_ADOPTS = "the account is this studio's alone"

CASES = (
    Case(point=CrashPoint.IN_ACCEPTING, story="the third of five clips is being accepted", nth=3),
    Case(point=CrashPoint.ACCEPTED, story="three of five clips were asked for", nth=3),
    Case(point=CrashPoint.REFERENCE_UPLOADED, story="a clip refers to a photo", clips=WITH_REFERENCE),
    Case(point=CrashPoint.IN_WRITING_DOWN, story="the second of four clips is being sent", nth=2, review_count=1),
    Case(point=CrashPoint.WRITTEN_DOWN, story="two of four clips are about to be sent", nth=2, review_count=2),
    Case(point=CrashPoint.ANSWERED, story=_IN_FLIGHT, review_count=None),
    Case(point=CrashPoint.ANSWERED, story=f"{_IN_FLIGHT}; {_ADOPTS}", is_exclusive=True, review_count=None),
    Case(point=CrashPoint.IN_RECORDING, story=_IN_FLIGHT, review_count=None),
    Case(point=CrashPoint.IN_RECORDING, story=f"{_IN_FLIGHT}; {_ADOPTS}", is_exclusive=True, review_count=None),
    Case(point=CrashPoint.RECORDED, story="the last of four submissions is recorded", nth=4),
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
        story=f"a lost job was found; {_ADOPTS}",
        loses_answer=True,
        is_exclusive=True,
    ),
    Case(point=CrashPoint.IN_GIVING_UP, story="an answer was lost for too long", loses_answer=True, review_count=1),
    Case(point=CrashPoint.POLL_CLAIMED, story="jobs run at the provider"),
    Case(point=CrashPoint.PAGE_ARRIVED, story="jobs run at the provider"),
    Case(point=CrashPoint.PAGE_ARRIVED, story="and so die the next two workers", deaths=3),
    Case(point=CrashPoint.IN_NOTING_COMPLETED, story="jobs have ended"),
    Case(point=CrashPoint.NOTED_COMPLETED, story="jobs have ended"),
    Case(point=CrashPoint.IN_FAILING, story="the provider failed a job"),
    Case(point=CrashPoint.IN_FAILING, story="a person cancels", cancels=True),
    Case(
        point=CrashPoint.IN_FAILING,
        story="an answer was lost for too long",
        clips=REMOTE[:1],
        loses_answer=True,
        review_count=1,
    ),
    Case(point=CrashPoint.FAILED, story="the provider failed a job"),
    Case(point=CrashPoint.FAILED, story="a person cancelled", cancels=True),
    Case(point=CrashPoint.DOWNLOAD_CLAIMED, story="clips wait to be fetched"),
    Case(point=CrashPoint.DOWNLOADED, story="clips wait to be fetched"),
    Case(point=CrashPoint.DOWNLOADED, story="and so die the next two workers", deaths=3),
    Case(point=CrashPoint.RENDER_CLAIMED, story="a preview begins", clips=PREVIEWS),
    Case(point=CrashPoint.RENDERED, story="a preview is rendered", clips=PREVIEWS),
    Case(point=CrashPoint.RENDERED, story="and so die the next two workers", clips=PREVIEWS, deaths=3),
    Case(point=CrashPoint.STORED, story="a clip was fetched", clips=REMOTE),
    Case(point=CrashPoint.STORED, story="a preview was rendered", clips=PREVIEWS[:2]),
    Case(point=CrashPoint.IN_COMPLETING, story="a clip was fetched", clips=REMOTE),
    Case(point=CrashPoint.IN_COMPLETING, story="a preview was rendered", clips=PREVIEWS[:2]),
    Case(point=CrashPoint.COMPLETED, story="a clip was fetched", clips=REMOTE),
    Case(point=CrashPoint.COMPLETED, story="a preview was rendered", clips=PREVIEWS[:2]),
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What one worker process is told; paths are strings, so that it is JSON.

    It asks for `clips` first, if there are any, and notes each in `accepted_path`. When it comes to `strike_at` ("":
    nowhere) for the `nth` time, it sends itself the signal `strike`, if it can make the file `marker_path`: of two
    workers one is struck. It is done when nothing is open any more and the marker is there, and writes its books to
    `report_path`. Only one that `is_last` lets a day pass then: the files of the others must be nobody's by now.
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
    """What the studio's books say of one clip. `transfers` are kinds and amounts, in order."""

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
    """The studio's books when nothing is open any more, or the time is up.

    `passed` counts the points that this worker came to, by name. The three counts of what a killed worker left are from
    before and (`…_later`) after a sweep a day later.
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
