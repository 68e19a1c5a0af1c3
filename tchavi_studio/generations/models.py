"""Generations: one row per clip, which is the truth about it."""

import uuid
from collections.abc import Set as AbstractSet
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tchavi_studio.assets.models import Asset
from tchavi_studio.engines.formats import ASPECT_RATIOS, RESOLUTIONS, billed_seconds
from tchavi_studio.runtime.leases import LeasedModel
from tchavi_studio.workspaces.models import Workspace

from .bulk.models import BulkBatch, BulkJob, ZipSlot
from .failures import failure_reason, failure_remedy
from .library.models import LibraryEntry, LibraryMonth, NamedSearch
from .organising.models import Collection, CollectionItem, Favourite, Rating, Tag, Tagging
from .params import MODELS, PROMPT_MAX_LENGTH, SEED_MAX
from .price_versions.models import PriceVersion
from .upstream.models import AccountPause, PumpSlot, RemoteFile, RemoteJob, UpstreamAccount

__all__ = [
    "IS_FOR_PEOPLE",
    "IS_OPEN",
    "IS_SHARED",
    "IS_SHOWN",
    "IS_WAITING",
    "OPEN_STATES",
    "WORD_MAX_LENGTH",
    "AccountPause",
    "ApprovalReference",
    "ApprovalRequest",
    "BulkBatch",
    "BulkJob",
    "Collection",
    "CollectionItem",
    "Discard",
    "DiscardKind",
    "Ending",
    "Engine",
    "Favourite",
    "Generation",
    "GenerationReference",
    "KeyUse",
    "LibraryEntry",
    "LibraryMonth",
    "NamedSearch",
    "PriceVersion",
    "PumpSlot",
    "Rating",
    "ReferenceRole",
    "Remix",
    "RemoteFile",
    "RemoteJob",
    "State",
    "Tag",
    "Tagging",
    "UpstreamAccount",
    "ZipSlot",
]


class State(models.TextChoices):
    """How far a generation is. docs/architecture.md says what each state means in `/v1` and for the credits."""

    QUEUED = "queued", _("Waiting")
    SUBMITTING = "submitting", _("Sending")
    UNKNOWN = "unknown", _("Checking with the provider")
    PROCESSING = "processing", _("Rendering")
    SAVING = "saving", _("Saving")
    COMPLETED = "completed", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


OPEN_STATES = frozenset({State.QUEUED, State.SUBMITTING, State.UNKNOWN, State.PROCESSING, State.SAVING})
"""All other states are final."""

IS_OPEN = Q(finished_at__isnull=True)
"""The rows in OPEN_STATES, in the words of partial indexes: SQLite can't look up a list of states in one."""

IS_FOR_PEOPLE = Q(is_test=False)
"""The rows that the browser shows: only programs see test keys' jobs."""

IS_SHARED = Q(is_shared=True)
"""The rows that the whole workspace sees."""

IS_SHOWN = IS_FOR_PEOPLE & Q(deleted_at__isnull=True, dismissed_at__isnull=True)
"""The rows in the feed: neither in the bin nor dismissed."""


class Engine(models.TextChoices):
    """What makes the clip."""

    PREVIEW = "preview", _("Preview engine")
    TCHAVI = "tchavi", "Tchavi"


class ReferenceRole(models.TextChoices):
    """What a reference is for, in display order."""

    FIRST_FRAME = "first_frame", _("First frame")
    LAST_FRAME = "last_frame", _("Last frame")
    IMAGE = "reference_image", _("Image")
    VIDEO = "reference_video", _("Video")
    AUDIO = "reference_audio", _("Audio")


class Remix(models.TextChoices):
    """What a clip took over from its parent. "" if it has none, or was made before this was kept."""

    EVERYTHING = "everything", _("Everything")
    NO_SEED = "no-seed", _("All but the seed")
    PROMPT = "prompt", _("Only the prompt")
    LAST_FRAME = "last-frame", _("Last frame on")


REMIXES = ("", *Remix.values)


def mode_with(roles: AbstractSet[str]) -> str:
    """The composer's mode for references with these roles: "text", "frames" or "references"."""
    if ReferenceRole.FIRST_FRAME in roles:
        return "frames"
    return "references" if roles else "text"


class Generation(LeasedModel):
    """One clip: the validated request, its price and its outcome.

    `version` grows with every write that a card may show, so that an open page knows whether its card is current.
    `key_id` is the id of the API key it came from, None from the browser; an id only, because keys belong to an app
    higher up. `is_test` marks a test key's clips: made by the preview engine, free, and not shown in the browser.
    `is_shared` shows it to the whole workspace, else its creator alone sees it; `shared_at` is when it was last shared,
    and stays when it becomes private again, so that open pages learn of that.
    `remix` is what it took over from its `parent`; it stays when the parent is gone.
    `price_version` is the price list that the price is from: None if it is free anyway, or older than these versions.
    `error_code` and `error_figures` say why it failed (see failures.py); `error_message` is what the provider said.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="generations")
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="generations"
    )
    submission_id = models.UUIDField(default=uuid.uuid4)
    variation = models.PositiveSmallIntegerField(default=0)
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="children")
    remix = models.CharField(max_length=10, choices=Remix, blank=True, default="", db_default="")

    model = models.CharField(max_length=20)
    prompt = models.TextField(max_length=PROMPT_MAX_LENGTH)
    duration_seconds = models.SmallIntegerField()
    resolution = models.CharField(max_length=10)
    aspect_ratio = models.CharField(max_length=10)
    generate_audio = models.BooleanField()
    seed = models.BigIntegerField()
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()

    engine = models.CharField(max_length=10, choices=Engine)
    book = models.CharField(max_length=10)
    key_id = models.UUIDField(null=True)
    is_test = models.BooleanField(default=False)
    price_credits = models.PositiveIntegerField()
    price_version = models.ForeignKey(
        PriceVersion, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    via = models.CharField(max_length=100, blank=True, default="", db_default="")
    is_shared = models.BooleanField(default=False, db_default=False)
    shared_at = models.DateTimeField(null=True)

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    progress_percent = models.PositiveSmallIntegerField(null=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_figures = models.JSONField(default=dict, blank=True)
    error_message = models.TextField(blank=True)
    needs_review = models.BooleanField(default=False)
    output = models.OneToOneField(Asset, on_delete=models.PROTECT, null=True, related_name="generation")
    content_hash = models.CharField(max_length=64, blank=True)

    version = models.PositiveIntegerField(default=1)
    attempt_count = models.PositiveSmallIntegerField(default=0)

    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True)
    purge_at = models.DateTimeField(null=True)
    dismissed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            *LeasedModel.Meta.constraints,
            models.UniqueConstraint(fields=["workspace", "submission_id", "variation"], name="one_clip_per_submission"),
            models.CheckConstraint(condition=Q(model__in=list(MODELS)), name="generation_model_known"),
            models.CheckConstraint(condition=Q(remix__in=REMIXES), name="generation_remix_known"),
            models.CheckConstraint(condition=Q(resolution__in=RESOLUTIONS), name="generation_resolution_known"),
            models.CheckConstraint(condition=Q(aspect_ratio__in=ASPECT_RATIOS), name="generation_ratio_known"),
            models.CheckConstraint(
                condition=Q(duration_seconds=-1) | Q(duration_seconds__range=(1, 15)), name="generation_duration_known"
            ),
            models.CheckConstraint(condition=Q(seed__range=(0, SEED_MAX)), name="generation_seed_in_range"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="generation_state_known"),
            models.CheckConstraint(
                condition=~Q(state=State.COMPLETED) | Q(output__isnull=False), name="completed_has_output"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_STATES, finished_at__isnull=True)
                | Q(~Q(state__in=OPEN_STATES), finished_at__isnull=False),
                name="final_has_finished_at",
            ),
            models.CheckConstraint(
                condition=Q(progress_percent__isnull=True) | Q(progress_percent__lte=100), name="progress_is_percent"
            ),
            models.CheckConstraint(
                condition=Q(is_shared=False) | Q(is_test=False, shared_at__isnull=False), name="shared_since_a_moment"
            ),
        ]
        indexes: ClassVar = [
            # One index for each list of clips that people read. Each begins with everything that the list is filtered
            # by, so that it is the databases' obvious choice, and goes on with the list's order.
            models.Index(
                fields=["workspace", "creator", "-created_at", "-id"], condition=IS_SHOWN, name="generation_feed"
            ),
            models.Index(
                fields=["workspace", "creator", "state", "-created_at", "-id"],
                condition=IS_SHOWN,
                name="generation_feed_by_state",
            ),
            # With the columns of its condition, without which SQLite would look at each row, and the state: without
            # it, SQLite counts queued ones by a narrower index of all the person's clips.
            models.Index(
                fields=["workspace", "creator", "-created_at", "-id", "is_test", "finished_at", "state"],
                condition=IS_FOR_PEOPLE & IS_OPEN,
                name="generation_running",
            ),
            models.Index(
                fields=["workspace", "creator", "parent", "-created_at", "-id"],
                condition=IS_SHOWN & Q(parent__isnull=False),
                name="generation_children",
            ),
            models.Index(
                fields=["workspace", "creator", "-deleted_at", "-id"],
                condition=IS_FOR_PEOPLE & Q(deleted_at__isnull=False),
                name="generation_bin",
            ),
            models.Index(
                fields=["workspace", "creator", "updated_at", "id"],
                condition=IS_FOR_PEOPLE,
                name="generation_updates",
            ),
            # The same lists of the workspace's shared clips.
            models.Index(
                fields=["workspace", "-shared_at", "-id"], condition=IS_SHOWN & IS_SHARED, name="generation_shared"
            ),
            models.Index(
                fields=["workspace", "state", "-shared_at", "-id"],
                condition=IS_SHOWN & IS_SHARED,
                name="generation_shared_by_state",
            ),
            models.Index(
                fields=["workspace", "-shared_at", "-id", "is_shared", "is_test", "finished_at"],
                condition=IS_FOR_PEOPLE & IS_OPEN & IS_SHARED,
                name="generation_shared_running",
            ),
            models.Index(
                fields=["workspace", "parent", "-created_at", "-id"],
                condition=IS_SHOWN & IS_SHARED & Q(parent__isnull=False),
                name="generation_shared_children",
            ),
            # Those that have become private again are in it too.
            models.Index(
                fields=["workspace", "updated_at", "id"],
                condition=IS_FOR_PEOPLE & Q(shared_at__isnull=False),
                name="generation_shared_updates",
            ),
            # How long clips of a kind took. A clip comes in when it ends, not with each change of its state.
            models.Index(
                fields=["state", "engine", "model", "resolution", "duration_seconds", "-finished_at"],
                condition=~IS_OPEN,
                name="generation_history",
            ),
            # For whoever looks for work. Few clips are open, so it stays small; it has all columns that choosing needs,
            # even finished_at, without which SQLite would look at each row.
            models.Index(
                fields=[
                    "engine",
                    "state",
                    "created_at",
                    "id",
                    "workspace",
                    "creator",
                    "model",
                    "leased_until",
                    "started_at",
                    "finished_at",
                ],
                condition=IS_OPEN,
                name="generation_open",
            ),
            # The queues of all members: `upstream/line.py` goes from one to the next.
            models.Index(
                F("engine"),
                F("state"),
                F("workspace"),
                Coalesce("creator", 0),
                F("created_at"),
                F("id"),
                condition=IS_OPEN,
                name="generation_line",
            ),
            models.Index(fields=["created_at"], condition=Q(needs_review=True), name="generation_review"),
            # The last two fields let a list skip jobs without reading their rows.
            models.Index(
                fields=["workspace", "key_id", "-created_at", "-id", "creator", "is_test"],
                condition=Q(key_id__isnull=False),
                name="generation_jobs_of_key",
            ),
            models.Index(
                fields=["workspace", "key_id", "state", "-created_at", "-id", "creator", "is_test"],
                condition=Q(key_id__isnull=False),
                name="generation_jobs_by_state",
            ),
            # For whoever empties the bins. Its condition keeps it from being taken for a person's.
            models.Index(F("purge_at"), condition=~IS_OPEN & Q(purge_at__isnull=False), name="generation_purge"),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.state})"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def was_charged(self) -> bool:
        """Whether the ledger has a charge for it; a price of 0 writes no row."""
        return self.price_credits > 0

    @property
    def billed_seconds(self) -> int:
        return billed_seconds(self.duration_seconds)

    @property
    def model_label(self) -> str:
        return MODELS[self.model]

    @property
    def failure_reason(self) -> str:
        """Why it failed or was cancelled: the provider's own words, or ours in the active language."""
        return failure_reason(self.error_code, figures=self.error_figures, provider_message=self.error_message)

    @property
    def failure_remedy(self) -> str:
        """What to do next; "" if nothing is known to help."""
        return failure_remedy(self.error_code, provider_message=self.error_message)

    @property
    def failure_message(self) -> str:
        """Why it failed and what to do next."""
        return f"{self.failure_reason} {self.failure_remedy}".rstrip()

    @property
    def elapsed_seconds(self) -> int:
        """Whole seconds from the press of Generate to now, or to the end."""
        return int(((self.finished_at or timezone.now()) - self.created_at).total_seconds())

    @property
    def mode(self) -> str:
        """The composer's mode that this request belongs to: "text", "frames" or "references"."""
        return mode_with({reference.role for reference in self.references.all()})


class Ending(models.TextChoices):
    """How a request for approval ended."""

    APPROVED = "approved", _("Approved")
    DECLINED = "declined", _("Declined")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    EXPIRED = "expired", _("Expired")
    REMOVED = "removed", _("Its asker left")
    ARCHIVED = "archived", _("Workspace archived")
    FILE_DELETED = "file_deleted", _("File deleted")


IS_WAITING = Q(ended_at__isnull=True)
"""Requests that nobody has answered yet, in the words of partial indexes."""

WORD_MAX_LENGTH = 300


class ApprovalRequest(models.Model):
    """An order that exceeds its asker's budget and waits for an owner or an admin. No clip yet, and no credits moved.

    The order is kept as it was (`approvals.order_of`), with the price that was shown. Its references are rows of
    `ApprovalReference`. Once it has ended, `ending` says how, `answered_by` who ended it if a person did, and `word`
    what they had to say. `version` grows with every write, so that an open page knows whether its card is current.
    `dismissed_at` takes the card off the page; an approved request's card gives way to those of its clips.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="approval_requests")
    asker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    submission_id = models.UUIDField()
    variations = models.PositiveSmallIntegerField()
    parent = models.ForeignKey(Generation, on_delete=models.SET_NULL, null=True, related_name="+")
    remix = models.CharField(max_length=10, choices=Remix, blank=True, default="", db_default="")

    model = models.CharField(max_length=20)
    prompt = models.TextField(max_length=PROMPT_MAX_LENGTH)
    duration_seconds = models.SmallIntegerField()
    resolution = models.CharField(max_length=10)
    aspect_ratio = models.CharField(max_length=10)
    generate_audio = models.BooleanField()
    seed = models.BigIntegerField(null=True)
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    engine = models.CharField(max_length=10, choices=Engine)
    is_shared = models.BooleanField(default=False, db_default=False)
    total_credits = models.PositiveBigIntegerField()

    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ending = models.CharField(max_length=20, choices=Ending, blank=True, default="")
    word = models.CharField(max_length=WORD_MAX_LENGTH, blank=True, default="")
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    dismissed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "submission_id"], name="one_request_per_submission"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ending="") | Q(ended_at__isnull=False, ending__in=Ending.values),
                name="ended_request_says_how",
            ),
            models.CheckConstraint(
                condition=Q(answered_by__isnull=True) | Q(ended_at__isnull=False), name="answer_ends_request"
            ),
            models.CheckConstraint(condition=Q(word="") | Q(ending=Ending.DECLINED), name="word_is_of_refusal"),
            models.CheckConstraint(
                condition=Q(dismissed_at__isnull=True) | Q(ended_at__isnull=False), name="only_ended_is_dismissed"
            ),
            models.CheckConstraint(condition=Q(variations__range=(1, 4)), name="request_for_one_to_four"),
            models.CheckConstraint(condition=Q(total_credits__gte=1), name="request_costs_credits"),
            models.CheckConstraint(condition=Q(model__in=list(MODELS)), name="request_model_known"),
            models.CheckConstraint(condition=Q(remix__in=REMIXES), name="request_remix_known"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="request_expires_later"),
        ]
        indexes: ClassVar = [
            # What an asker sees, what owners and admins have to answer, and what a sweep has to end or to forget.
            models.Index(
                fields=["workspace", "asker", "-created_at", "-id"],
                condition=Q(dismissed_at__isnull=True),
                name="requests_shown",
            ),
            models.Index(fields=["workspace", "-created_at", "-id"], condition=IS_WAITING, name="requests_waiting"),
            models.Index(fields=["expires_at"], condition=IS_WAITING, name="requests_expiring"),
            models.Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="requests_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.ending or 'waiting'})"

    @property
    def is_waiting(self) -> bool:
        return self.ended_at is None

    @property
    def model_label(self) -> str:
        return MODELS[self.model]

    @property
    def mode(self) -> str:
        """The composer's mode that this order belongs to."""
        return mode_with({reference.role for reference in self.references.all()})


class ApprovalReference(models.Model):
    """One reference of a parked order. `asset` is None once the file was deleted, which ended the request."""

    request = models.ForeignKey(ApprovalRequest, on_delete=models.CASCADE, related_name="references", db_index=False)
    role = models.CharField(max_length=20, choices=ReferenceRole)
    position = models.PositiveSmallIntegerField()
    asset = models.ForeignKey(Asset, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering: ClassVar = ["request", "role", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "role", "position"], name="one_parked_reference_per_position"),
            models.CheckConstraint(condition=Q(role__in=ReferenceRole.values), name="parked_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.position}"


class DiscardKind(models.TextChoices):
    """What can be discarded all at once."""

    BIN = "bin", _("Bin")
    FILES = "files", _("Unused files")


class Discard(models.Model):
    """A member wants their bin emptied, or their unused files deleted: what was there at `requested_at`.

    Workers do it in slices, and then delete this row.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=5, choices=DiscardKind)
    requested_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "user", "kind"], name="one_discard_of_a_kind"),
            models.CheckConstraint(condition=Q(kind__in=DiscardKind.values), name="discard_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.user_id} in {self.workspace_id}"


class PurgedClip(models.Model):
    """What is kept of a clip that cost credits and was permanently deleted: what its charge is compared with.

    `reference` is the clip's id, as in the ledger.
    """

    reference = models.UUIDField(primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    book = models.CharField(max_length=10)
    state = models.CharField(max_length=10)
    price_credits = models.BigIntegerField()
    price_version = models.ForeignKey(
        PriceVersion, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    purged_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.reference} ({self.state})"


class KeyUse(models.Model):
    """What an API key's ended clips add up to that were started in one month of its workspace (`month`: its first day).

    Each is counted in the transaction that ends it (`events.py`), because counting them all takes longer the more there
    are. `spent_credits` leaves out what was refunded.
    """

    key_id = models.UUIDField()
    month = models.DateField()
    clip_count = models.PositiveIntegerField(default=0)
    spent_credits = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["key_id", "month"], name="one_use_per_key_and_month")]

    def __str__(self) -> str:
        return f"{self.key_id} in {self.month:%Y-%m}: {self.clip_count} clips, {self.spent_credits} credits"


class GenerationReference(models.Model):
    """One reference of one generation. `position` counts from 1 within its role: [Image1] is image 1."""

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="references")
    role = models.CharField(max_length=20, choices=ReferenceRole)
    position = models.PositiveSmallIntegerField()
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="used_in", db_index=False)

    class Meta:
        ordering: ClassVar = ["generation", "role", "position"]
        indexes: ClassVar = [models.Index(fields=["asset", "-id"], name="reference_latest_uses")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["generation", "role", "position"], name="one_reference_per_position"),
            models.CheckConstraint(condition=Q(role__in=ReferenceRole.values), name="reference_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.position}"

    @property
    def token(self) -> str:
        """Its name in the prompt, such as "Image1"; "" for frames, which have none."""
        kinds = {ReferenceRole.IMAGE: "Image", ReferenceRole.VIDEO: "Video", ReferenceRole.AUDIO: "Audio"}
        kind = kinds.get(ReferenceRole(self.role))
        return f"{kind}{self.position}" if kind else ""
