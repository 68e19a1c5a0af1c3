"""One batch of demo clips: drawn, then written with their files, references and transfers."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from tchavi_studio.assets.models import Asset, Origin, ReferenceWord
from tchavi_studio.assets.models import Kind as FileKind
from tchavi_studio.engines.base import AUTO_DURATION_SECONDS
from tchavi_studio.engines.formats import ADAPTIVE, FRAMES_PER_SECOND, billed_seconds, pixel_size
from tchavi_studio.generations.library.models import LibraryEntry, Outcome, first_key_at
from tchavi_studio.generations.models import (
    OPEN_STATES,
    Engine,
    Generation,
    GenerationReference,
    ReferenceRole,
    Remix,
    State,
)
from tchavi_studio.generations.params import SEED_MAX
from tchavi_studio.generations.price_list import credits_per_second
from tchavi_studio.generations.price_versions.queries import version_in_force
from tchavi_studio.ledger.models import Book
from tchavi_studio.ledger.posting import Cause
from tchavi_studio.words import words_of
from tchavi_studio.workspaces.time_zones import month_of

from .plan import Demo, drawn_id
from .prompts import demo_prompt
from .rows import Row, insert_rows
from .samples import SAMPLE_SECONDS, Sample, store_link
from .statement import Statement

STILL_OPEN = (State.SAVING, State.PROCESSING, State.PROCESSING, State.QUEUED, State.QUEUED, State.QUEUED)
"""The states of the newest clips, the newest last."""

OPEN_INTERVAL = timedelta(seconds=20)

T = TypeVar("T")


def spread(weights: Mapping[T, int]) -> Sequence[T]:
    """Each value as often as its weight, to choose from at random."""
    return [value for value, weight in weights.items() for _ in range(weight)]


ENDED = spread({State.COMPLETED: 93, State.FAILED: 5, State.CANCELLED: 2})
FAILURE_CODES = ("render_failed", "render_timed_out", "render_stopped", "render_interrupted")
MODELS = spread({"seedance-2": 7, "kling-v3": 3})
RESOLUTIONS = spread({"480p": 2, "720p": 1})
RATIOS = spread({"16:9": 10, "9:16": 5, "1:1": 2, "4:3": 2, "3:4": 1})
DURATIONS = spread({5: 45, 8: 15, 10: 15, 3: 8, 15: 6, 4: 4, 12: 3, AUTO_DURATION_SECONDS: 4})
VARIATIONS = spread({1: 42, 2: 5, 4: 3})
ROLES = spread(
    {
        (ReferenceRole.FIRST_FRAME,): 8,
        (ReferenceRole.FIRST_FRAME, ReferenceRole.LAST_FRAME): 3,
        (ReferenceRole.IMAGE,): 6,
        (ReferenceRole.IMAGE, ReferenceRole.IMAGE): 3,
    }
)

KEY_PERCENT, TEST_KEY_PERCENT = 20, 3
REMIX_PERCENT, REFERENCE_PERCENT = 8, 20
BIN_PERCENT, DISMISSED_PERCENT = 4, 30
REUSED_PERCENT = 60
"""How many references are pictures that were used before."""

RECENT = 200
"""How many of the latest clips and pictures remixes and references are taken from."""

REMIXES = (Remix.EVERYTHING.value, Remix.NO_SEED.value, Remix.PROMPT.value)

SHARED_ONE_IN = 3
"""One in so many submissions is shared with the workspace."""

BIN_SECONDS = 25 * 24 * 3600
VERSIONS = dict.fromkeys(State, 2) | {State.QUEUED: 1, State.SAVING: 3, State.COMPLETED: 4, State.FAILED: 3}
"""How many times the row of a clip in each state was written."""

CLIP_COLUMNS = (
    "id", "workspace_id", "creator_id", "submission_id", "variation", "parent_id", "remix", "model", "prompt",
    "duration_seconds", "resolution", "aspect_ratio", "generate_audio", "seed", "width", "height", "engine", "book",
    "key_id", "is_test", "price_credits", "price_version_id", "state", "progress_percent", "error_code",
    "error_figures", "output_id", "content_hash", "version", "attempt_count", "created_at", "started_at",
    "finished_at", "updated_at", "deleted_at", "purge_at", "dismissed_at", "leased_until", "is_shared", "shared_at",
)  # fmt: skip
ASSET_COLUMNS = (
    "id", "workspace_id", "created_by_id", "kind", "origin", "original_name", "content_type", "width", "height",
    "duration_seconds", "frame_rate", "has_audio", "byte_count", "source_sha256", "content_sha256", "file",
    "thumbnail", "poster", "created_at", "first_shared_at",
)  # fmt: skip
ENTRY_COLUMNS = (
    "key", "generation_id", "workspace_id", "creator_id", "month", "is_shared", "is_listed", "outcome", "model",
    "aspect_ratio", "resolution", "billed_seconds", "has_sound", "has_references", "price_credits", "words",
)  # fmt: skip
OUTCOMES = dict.fromkeys(OPEN_STATES, Outcome.OPEN) | {
    State.COMPLETED: Outcome.DONE,
    State.FAILED: Outcome.FAILED,
    State.CANCELLED: Outcome.CANCELLED,
}
REFERENCE_COLUMNS = ("generation_id", "role", "position", "asset_id")


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What the clips of one press of Generate, or of one API request, have in common."""

    id: UUID
    made_at: datetime
    parent_id: UUID | None
    remix: str
    key_id: UUID | None
    is_test: bool
    is_shared: bool
    model: str
    prompt: str
    duration_seconds: int
    resolution: str
    aspect_ratio: str
    shown_ratio: str
    generate_audio: bool
    first_seed: int
    references: list[tuple[ReferenceRole, int, UUID]]
    price_credits: int


class Batch:
    """The clips with these numbers, counted from 0 over the whole demo."""

    def __init__(self, demo: Demo, numbers: range) -> None:
        self._demo, self._numbers = demo, numbers
        self._chance = demo.chance(numbers.start)
        self._version = version_in_force()
        self._prices = self._version.price_list
        self._statement = Statement(demo.workspace, demo.creator)
        self._clips: list[Row] = []
        self._entries: list[Row] = []
        self._assets: list[Row] = []
        self._words: list[Row] = []
        self._first_shared: dict[UUID, datetime] = {}
        self._references: list[Row] = []
        self._recent_clips: deque[UUID] = deque(maxlen=RECENT)
        self._recent_stills: deque[tuple[UUID, str]] = deque(maxlen=RECENT)

    def write(self) -> None:
        """Write everything. Links to files are made first; if the transaction fails, the next run finds them there."""
        # The plan recognises a batch by its first clip's id, so that is drawn before anything else.
        clip_id = drawn_id(self._chance)
        number = self._numbers.start
        while number < self._numbers.stop:
            submission, count = self._submission(number)
            for variation in range(min(count, self._numbers.stop - number)):
                self._add_clip(clip_id, number, submission, variation)
                clip_id = drawn_id(self._chance)
                number += 1
        insert_rows(Asset, ASSET_COLUMNS, [(*row, self._first_shared.get(row[0])) for row in self._assets])
        insert_rows(ReferenceWord, ("asset_id", "word"), self._words)
        insert_rows(Generation, CLIP_COLUMNS, self._clips)
        insert_rows(LibraryEntry, ENTRY_COLUMNS, self._entries)
        insert_rows(GenerationReference, REFERENCE_COLUMNS, self._references)
        self._statement.write()

    def _submission(self, number: int) -> tuple[Submission, int]:
        """What is asked for from clip `number` on, and how many clips of it."""
        chance, demo = self._chance, self._demo
        still_open = number - (demo.clip_count - len(STILL_OPEN))
        if still_open >= 0:
            made_at = demo.ended_at - OPEN_INTERVAL * (len(STILL_OPEN) - still_open)
        else:
            made_at = demo.made_at(number)
        source = chance.random() * 100
        is_test = source < TEST_KEY_PERCENT
        is_live_key = not is_test and source < TEST_KEY_PERCENT + KEY_PERCENT
        is_from_browser = not (is_test or is_live_key)
        roles = chance.choice(ROLES) if chance.random() * 100 < REFERENCE_PERCENT else ()
        ratio = shown_ratio = chance.choice(RATIOS)
        references, positions = [], Counter[ReferenceRole]()
        for role in roles:
            positions[role] += 1
            still_id, still_ratio = self._still(made_at)
            references.append((role, positions[role], still_id))
            if ReferenceRole.FIRST_FRAME in roles:
                ratio, shown_ratio = ADAPTIVE, still_ratio
        prompt = demo_prompt(chance)
        if positions[ReferenceRole.IMAGE]:
            prompt += " Keep the look of [Image1]."
        model, resolution, generate_audio = chance.choice(MODELS), chance.choice(RESOLUTIONS), chance.random() < 0.7
        duration_seconds = chance.choice(DURATIONS)
        per_second_credits = credits_per_second(
            self._prices, model=model, resolution=resolution, with_audio=generate_audio
        )
        is_remix = is_from_browser and self._recent_clips and chance.random() * 100 < REMIX_PERCENT
        submission_id = drawn_id(chance)
        submission = Submission(
            id=submission_id,
            made_at=made_at,
            parent_id=chance.choice(self._recent_clips) if is_remix else None,
            remix=REMIXES[submission_id.int % len(REMIXES)] if is_remix else "",
            key_id=demo.key_ids[is_test] if not is_from_browser else None,
            is_test=is_test,
            is_shared=not is_test and submission_id.int % SHARED_ONE_IN == 0,
            model=model,
            prompt=prompt,
            duration_seconds=duration_seconds,
            resolution=resolution,
            aspect_ratio=ratio,
            shown_ratio=shown_ratio,
            generate_audio=generate_audio,
            first_seed=chance.randrange(SEED_MAX - max(VARIATIONS)),
            references=references,
            price_credits=0 if is_test else per_second_credits * billed_seconds(duration_seconds),
        )
        return submission, chance.choice(VARIATIONS) if is_from_browser and still_open < 0 else 1

    def _add_clip(self, clip_id: UUID, number: int, submission: Submission, variation: int) -> None:
        chance, made_at = self._chance, submission.made_at
        still_open = number - (self._demo.clip_count - len(STILL_OPEN))
        state = STILL_OPEN[still_open] if still_open >= 0 else chance.choice(ENDED)
        is_failed = state in (State.FAILED, State.CANCELLED)
        error_code = chance.choice(FAILURE_CODES) if state == State.FAILED else ""
        waited = timedelta(seconds=round(chance.expovariate(1 / 4), 6))
        took = timedelta(seconds=round(billed_seconds(submission.duration_seconds) * chance.uniform(0.8, 2.4), 6))
        is_started = state not in (State.QUEUED, State.CANCELLED)
        finished_at = made_at + waited + (took if is_started else timedelta()) if state not in OPEN_STATES else None
        dismissed_at = deleted_at = output_id = None
        if finished_at and is_failed and chance.random() * 100 < DISMISSED_PERCENT:
            dismissed_at = finished_at + timedelta(seconds=chance.randrange(5, 600))
        elif finished_at and not submission.is_test and chance.random() * 100 < BIN_PERCENT:
            deleted_at = max(finished_at, self._demo.ended_at - timedelta(seconds=chance.randrange(BIN_SECONDS)))
        if state == State.COMPLETED:
            assert finished_at
            output_id = self._output(submission.shown_ratio, finished_at)
            if not submission.is_test:
                self._recent_clips.append(clip_id)
        self._clips.append(
            (
                clip_id, self._demo.workspace.pk, self._demo.creator.pk, submission.id, variation,
                submission.parent_id, submission.remix, submission.model, submission.prompt,
                submission.duration_seconds, submission.resolution, submission.aspect_ratio, submission.generate_audio,
                submission.first_seed + variation,
                *pixel_size(resolution=submission.resolution, aspect_ratio=submission.shown_ratio),
                Engine.PREVIEW.value, Book.SANDBOX.value, submission.key_id, submission.is_test,
                submission.price_credits, None if submission.is_test else self._version.number,
                state.value, 40 if state == State.PROCESSING else None,
                error_code or ("cancelled" if state == State.CANCELLED else ""),
                '{"count": 3}' if error_code == "render_interrupted" else "{}", output_id,
                f"{chance.getrandbits(256):064x}" if output_id else "",
                VERSIONS[state] + bool(deleted_at or dismissed_at), int(is_started), made_at,
                made_at + waited if is_started else None, finished_at,
                deleted_at or dismissed_at or finished_at or made_at, deleted_at,
                deleted_at and deleted_at + timedelta(days=self._demo.workspace.days_in_bin), dismissed_at,
                # Work that somebody gave up: the next sweep takes it over.
                made_at if state in (State.PROCESSING, State.SAVING) else None,
                submission.is_shared, made_at if submission.is_shared else None,
            )
        )  # fmt: skip
        if not submission.is_test:
            self._entries.append(
                (
                    # Variations were made at one moment.
                    first_key_at(made_at) + variation, clip_id, self._demo.workspace.pk, self._demo.creator.pk,
                    month_of(self._demo.workspace, made_at), submission.is_shared, not (deleted_at or dismissed_at),
                    OUTCOMES[state].value, submission.model, submission.aspect_ratio, submission.resolution,
                    billed_seconds(submission.duration_seconds),
                    output_id is not None or submission.generate_audio, bool(submission.references),
                    submission.price_credits, " ".join(words_of(submission.prompt)),
                )
            )  # fmt: skip
        if submission.is_shared:
            for _role, _place, asset_id in submission.references:
                self._first_shared.setdefault(asset_id, made_at)
        self._references += [(clip_id, role.value, place, asset_id) for role, place, asset_id in submission.references]
        if submission.price_credits:
            cause = Cause(self._demo.creator.pk, submission.key_id, submission.model)
            self._statement.charge(at=made_at, reference=clip_id, amount_credits=submission.price_credits, cause=cause)
            if is_failed:
                assert finished_at
                self._statement.refund(
                    at=finished_at,
                    reference=clip_id,
                    amount_credits=submission.price_credits,
                    reason=error_code or "cancelled",
                    cause=cause,
                )

    def _output(self, ratio: str, stored_at: datetime) -> UUID:
        """Add a finished clip's file; returns its id."""
        asset_id, sample = drawn_id(self._chance), self._demo.samples[ratio]
        content = sample.clip
        self._assets.append(
            (
                asset_id, self._demo.workspace.pk, self._demo.creator.pk, FileKind.VIDEO.value, Origin.OUTPUT.value, "",
                "video/mp4", content.width, content.height, float(SAMPLE_SECONDS), float(FRAMES_PER_SECOND), True,
                content.byte_count, content.sha256, content.sha256, self._stored(sample, "file", asset_id, "file.mp4"),
                self._stored(sample, "thumbnail", asset_id, "thumbnail.webp"),
                self._stored(sample, "poster", asset_id, "poster.webp"), stored_at,
            )
        )  # fmt: skip
        return asset_id

    def _still(self, used_at: datetime) -> tuple[UUID, str]:
        """The id and aspect ratio of a picture to refer to: a recent one, or a new upload."""
        chance = self._chance
        if self._recent_stills and chance.random() * 100 < REUSED_PERCENT:
            return chance.choice(self._recent_stills)
        asset_id, ratio = drawn_id(chance), chance.choice(RATIOS)
        sample = self._demo.samples[ratio]
        content, name = sample.still, f"IMG_{chance.randrange(10_000):04}.jpg"
        self._words += [(asset_id, word.encode()) for word in dict.fromkeys(words_of(name))]
        self._assets.append(
            (
                asset_id, self._demo.workspace.pk, self._demo.creator.pk, FileKind.IMAGE.value, Origin.UPLOAD.value,
                name, "image/webp", content.width, content.height, None, None,
                # What was received differs in its metadata: the same bytes are never stored twice.
                False, content.byte_count, f"{chance.getrandbits(256):064x}", content.sha256,
                self._stored(sample, "poster", asset_id, "file.webp"),
                self._stored(sample, "thumbnail", asset_id, "thumbnail.webp"), "", used_at,
            )
        )  # fmt: skip
        self._recent_stills.append((asset_id, ratio))
        return asset_id, ratio

    def _stored(self, sample: Sample, role: str, asset_id: UUID, name: str) -> str:
        """The name under which a link to one of the sample's files is stored."""
        # Not a folder for each asset, as for other files: a million folders take gigabytes.
        stored = f"{self._demo.workspace.pk}/demo/{asset_id.hex[:3]}/{asset_id.hex}-{name}"
        if sample.files:
            store_link(sample.files[role], stored)
        return stored
