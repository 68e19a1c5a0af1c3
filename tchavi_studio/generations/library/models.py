"""One row per clip that people see: slim and rarely changed, so that it can have an index for each way to browse."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from tchavi_studio.workspaces.models import Workspace

KEYS_PER_MICROSECOND = 1024
SEARCH_NAME_MAX_LENGTH = 80
EPOCH = datetime.fromtimestamp(0, tz=UTC)


def first_key_at(moment: datetime) -> int:
    """The lowest key that a clip made at `moment` can have."""
    return (moment - EPOCH) // timedelta(microseconds=1) * KEYS_PER_MICROSECOND


def moment_of(key: int) -> datetime:
    """When the clip with this key was made."""
    return EPOCH + timedelta(microseconds=key // KEYS_PER_MICROSECOND)


class Outcome(models.TextChoices):
    """What became of a clip."""

    OPEN = "open", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


IS_LISTED = Q(is_listed=True)
IS_LISTED_FOR_ALL = IS_LISTED & Q(is_shared=True)
"""The rows of the workspace's list; in the words of partial indexes, like IS_LISTED."""

FACETS = (
    "outcome",
    "model",
    "aspect_ratio",
    "resolution",
    "billed_seconds",
    "has_sound",
    "has_references",
    "rating",
)
"""What any list can be filtered by, each with an index of its own."""

SORTED_BY = ("billed_seconds", "price_credits", "rating")
"""What a list can be sorted by, highest first and then newest first, besides the time of making."""


STARS = Func(F("rating"), template="((%(expressions)s + 50) / 100)", output_field=models.PositiveSmallIntegerField())
"""The rating in whole stars. SQLite finds an expression in an index only with the same literals, so no parameters."""


def _indexes() -> list[models.Index]:
    """An index for each list, each filter of it alone, and each order of it. They are read backward, newest first."""
    scopes = {
        "mine": (["workspace", "creator"], IS_LISTED, ("is_shared",)),
        "shared": (["workspace"], IS_LISTED_FOR_ALL, ("creator",)),
    }
    indexes = []
    for name, (fields, condition, own_facets) in scopes.items():
        indexes.append(models.Index(fields=[*fields, "key"], condition=condition, name=f"library_{name}"))
        indexes += [
            models.Index(fields=[*fields, facet, "key"], condition=condition, name=f"library_{name}_{facet}"[:30])
            for facet in dict.fromkeys([*FACETS, *SORTED_BY, *own_facets])
        ]
        indexes.append(models.Index(*fields, STARS, "key", condition=condition, name=f"library_{name}_stars"))
    return indexes


class LibraryEntry(models.Model):
    """What the gallery knows of a clip, kept up with it in the same transaction (see `entries.py`).

    `key` rises with the time of making: microseconds since 1970 times KEYS_PER_MICROSECOND, plus a few bits to keep it
    unique. Everything is sorted by it, and the text index's rows have it as their id. `month` is the first day of the
    month that the clip was made in, in the workspace's time zone at that time.

    `creator` outlives the person's account. `is_listed` is False in the bin and for dismissed failures. `rating` is the
    mean of the members' stars in hundredths, 0 without any. `words` are those of the prompt, separated by spaces; the
    database itself keeps the text index in line with them (see `text_index.py`).
    """

    key = models.BigIntegerField(primary_key=True)
    generation = models.OneToOneField("generations.Generation", on_delete=models.CASCADE, related_name="entry")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
        db_index=False,
    )
    month = models.DateField()
    is_shared = models.BooleanField()
    is_listed = models.BooleanField()
    outcome = models.CharField(max_length=10, choices=Outcome)
    model = models.CharField(max_length=20)
    aspect_ratio = models.CharField(max_length=10)
    resolution = models.CharField(max_length=10)
    billed_seconds = models.PositiveSmallIntegerField()
    has_sound = models.BooleanField()
    has_references = models.BooleanField()
    price_credits = models.PositiveIntegerField()
    rating = models.PositiveSmallIntegerField(default=0, db_default=0)
    words = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="library_outcome_known"),
            models.CheckConstraint(condition=Q(rating=0) | Q(rating__range=(100, 500)), name="library_rating_in_range"),
        ]
        indexes: ClassVar = _indexes()

    def __str__(self) -> str:
        return f"{self.key} ({self.generation_id})"

    @property
    def made_at(self) -> datetime:
        return moment_of(self.key)

    @property
    def spent_credits(self) -> int:
        """What the clip cost in the end: what fails is refunded."""
        return self.price_credits if self.outcome in (Outcome.OPEN, Outcome.DONE) else 0


class LibraryMonth(models.Model):
    """How many clips a list has of one month, and what they cost. Maintained, since counting a million takes seconds.

    `owner_id` is a member's id, or 0 for the clips that the workspace shares.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    owner_id = models.BigIntegerField()
    month = models.DateField()
    clip_count = models.BigIntegerField()
    spent_credits = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "owner_id", "month"], name="one_library_month"),
            models.CheckConstraint(condition=Q(clip_count__gte=0, spent_credits__gte=0), name="library_month_counts"),
        ]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.month:%Y-%m}: {self.clip_count}"


class NamedSearch(models.Model):
    """A search that somebody keeps for themselves: the query of a gallery's address, as its page wrote it.

    `folded` is the name without case, so that each is there once.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=SEARCH_NAME_MAX_LENGTH)
    folded = models.TextField()
    query = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "workspace", "folded"], name="one_search_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


def counted_lists(entry: Any) -> list[int]:
    """The `owner_id` of each list that a clip counts in."""
    if not entry.is_listed:
        return []
    return [*([entry.creator_id] if entry.creator_id is not None else []), *([0] if entry.is_shared else [])]
