"""Marking clips as favourites, and rating them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tchavi_studio.generations.lifecycle import show_anew
from tchavi_studio.generations.models import Favourite, Generation, LibraryEntry, NamedSearch, Rating
from tchavi_studio.generations.organising.models import MAX_STARS
from tchavi_studio.generations.visibility import favourites_of
from tchavi_studio.long_lists import count_up_to
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.models import Membership, User

from .locks import lock_entry, lock_workspace

MAX_FAVOURITES = 10_000
"""As many may one person have in a workspace."""

BATCH_LENGTH = 500


class TooManyFavouritesError(UserFacingError):
    """The member has MAX_FAVOURITES in this workspace."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "You have %(max)s favourites in this workspace, and can't have more. Nothing changed and no credits "
                "moved. Take some of them out first."
            )
            % {"max": number_format(MAX_FAVOURITES)}
        )


@transaction.atomic
def mark_favourite(*, membership: Membership, generation_id: UUID) -> None:
    """Add a clip to the member's favourites. One that is there already stays.

    Raises LibraryEntry.DoesNotExist, TooManyFavouritesError and WorkspaceArchivedError.
    """
    lock_workspace(membership)
    entry = lock_entry(membership, generation_id)
    own = favourites_of(membership)
    if own.filter(entry=entry).exists():
        return
    if count_up_to(own, MAX_FAVOURITES) == MAX_FAVOURITES:
        raise TooManyFavouritesError
    Favourite.objects.create(user_id=membership.user_id, workspace_id=membership.workspace_id, entry=entry)


@transaction.atomic
def unmark_favourite(*, membership: Membership, generation_id: UUID) -> None:
    """Take a clip out of the member's favourites.

    Raises LibraryEntry.DoesNotExist and WorkspaceArchivedError.
    """
    lock_workspace(membership)
    favourites_of(membership).filter(entry=lock_entry(membership, generation_id)).delete()


@transaction.atomic
def rate_clip(*, membership: Membership, generation_id: UUID, stars: int) -> None:
    """Give a clip 1 to 5 stars, instead of those that the member gave before; 0 takes them back.

    Raises LibraryEntry.DoesNotExist and WorkspaceArchivedError, and ValueError for other numbers.
    """
    if not 0 <= stars <= MAX_STARS:
        raise ValueError(f"A clip can't have {stars} stars.")
    lock_workspace(membership)
    entry = lock_entry(membership, generation_id)
    own = Rating.objects.filter(user=membership.user_id, entry=entry)
    if not stars:
        own.delete()
    elif not own.update(stars=stars):
        Rating.objects.create(user_id=membership.user_id, entry=entry, stars=stars)
    _average([entry.key])
    show_anew([generation_id])


@transaction.atomic
def delete_marks_of_person(*, user: User, **signal: Any) -> None:
    """Handle the signal `account_deleted`. Named searches go too; the workspace keeps its tags and collections."""
    Favourite.objects.filter(user=user).delete()
    NamedSearch.objects.filter(user=user).delete()
    own = Rating.objects.filter(user=user)
    rated = list(own.order_by("entry__generation").values_list("entry__generation", "entry"))
    own.delete()
    for start in range(0, len(rated), BATCH_LENGTH):
        batch = rated[start : start + BATCH_LENGTH]
        clip_ids = [clip_id for clip_id, _key in batch]
        list(Generation.objects.filter(pk__in=clip_ids).select_for_update(no_key=True).order_by("pk").values("pk"))
        _average([key for _clip_id, key in batch])
        show_anew(clip_ids)


def _average(keys: Sequence[int]) -> None:
    """Make these entries' `rating` the mean of their stars. The caller holds the clips' locks."""
    stars: QuerySet[Rating, Any] = Rating.objects.filter(entry=OuterRef("key")).order_by().values("entry")
    # Of integers, rounded: both databases divide them alike.
    mean = stars.annotate(mean=(200 * Sum("stars") + Count("pk")) / (2 * Count("pk"))).values("mean")
    LibraryEntry.objects.filter(key__in=keys).update(rating=Coalesce(Subquery(mean, output_field=IntegerField()), 0))
