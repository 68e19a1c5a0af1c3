"""Favourites, ratings, tags and collections.

All of them point to entries of the gallery's index, whose keys rise with the time of making: so the index of each table
here is a list in the gallery's order.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from tchavi_studio.generations.library.models import LibraryEntry
from tchavi_studio.workspaces.models import Workspace

TAG_MAX_LENGTH = 40
COLLECTION_NAME_MAX_LENGTH = 80
DESCRIPTION_MAX_LENGTH = 2_000
MAX_STARS = 5


class Favourite(models.Model):
    """A clip that somebody marked for themselves. Nobody else learns of it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    entry = models.ForeignKey(LibraryEntry, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "workspace", "entry"], name="one_favourite_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.entry_id}"


class Rating(models.Model):
    """How many stars somebody gave a clip. The entry's `rating` is the mean of them all."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    entry = models.ForeignKey(LibraryEntry, on_delete=models.CASCADE, related_name="+")
    stars = models.PositiveSmallIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "entry"], name="one_rating_per_person"),
            models.CheckConstraint(condition=Q(stars__range=(1, MAX_STARS)), name="rating_has_stars"),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.stars}"


class Tag(models.Model):
    """A word that a workspace's clips are sorted by. `folded` is its name as a search reads it: one tag, one spelling.

    `creator` is whoever used it first, None if nobody knows.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=TAG_MAX_LENGTH)
    folded = models.TextField()
    creator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "folded"], name="one_tag_per_spelling"),
        ]

    def __str__(self) -> str:
        return self.name


class Tagging(models.Model):
    """That a clip has a tag."""

    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="taggings", db_index=False)
    entry = models.ForeignKey(LibraryEntry, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tag", "entry"], name="one_tagging_per_clip"),
        ]

    def __str__(self) -> str:
        return f"{self.tag_id}: {self.entry_id}"


class Collection(models.Model):
    """Clips of a workspace that belong together, in an order of their own.

    Everybody sees those of its clips that they may see anyway. `cover` is the clip whose picture stands for it; None
    takes the first. `updated_at` is when it or its clips last changed.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=COLLECTION_NAME_MAX_LENGTH)
    description = models.CharField(max_length=DESCRIPTION_MAX_LENGTH, blank=True)
    creator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    cover = models.ForeignKey(LibraryEntry, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["workspace", "-updated_at", "-id"], name="collections_in_order")]

    def __str__(self) -> str:
        return self.name


class CollectionItem(models.Model):
    """A clip's place in a collection. Positions have gaps, so that moving a clip writes one row (see `order.py`)."""

    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="items", db_index=False)
    entry = models.ForeignKey(LibraryEntry, on_delete=models.CASCADE, related_name="+")
    position = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["collection", "entry"], name="once_in_a_collection"),
            models.UniqueConstraint(fields=["collection", "position"], name="one_clip_per_position"),
        ]

    def __str__(self) -> str:
        return f"{self.collection_id}: {self.entry_id}"
