"""Searches that people keep under a name, each for themselves in a workspace."""

import unicodedata

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from tchavi_studio.long_lists import count_up_to
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.models import Membership

from .models import SEARCH_NAME_MAX_LENGTH, NamedSearch

MAX_SEARCHES = 100
"""As many may one person have in a workspace."""


class SearchRefusedError(UserFacingError):
    """The name can't be a search's."""

    def __init__(self) -> None:
        super().__init__(
            _("A search needs a name of at most %(max)s characters. Nothing changed. Shorten it, then try again.")
            % {"max": SEARCH_NAME_MAX_LENGTH}
        )


class SearchNameTakenError(UserFacingError):
    """Another search of the person has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            _("You have a search called %(name)s already. Nothing changed. Choose another name.") % {"name": name}
        )


class TooManySearchesError(UserFacingError):
    """The person has MAX_SEARCHES in this workspace."""

    def __init__(self) -> None:
        super().__init__(
            _("You have %(max)s searches in this workspace, and can't have more. Nothing changed. Delete one first.")
            % {"max": MAX_SEARCHES}
        )


def named_searches(membership: Membership) -> list[NamedSearch]:
    """The member's searches in this workspace, by name. One statement."""
    own = NamedSearch.objects.filter(user=membership.user_id, workspace=membership.workspace_id)
    return list(own.order_by("folded"))


@transaction.atomic
def save_search(*, membership: Membership, name: str, query: str) -> NamedSearch:
    """Keep a gallery address's query under a name.

    Raises SearchRefusedError, SearchNameTakenError and TooManySearchesError.
    """
    shown = _read(name)
    # Two at once don't get past the bound.
    Membership.objects.select_for_update(no_key=True).get(pk=membership.pk)
    own = NamedSearch.objects.filter(user=membership.user_id, workspace=membership.workspace_id)
    if count_up_to(own, MAX_SEARCHES) == MAX_SEARCHES:
        raise TooManySearchesError
    search = NamedSearch(
        user_id=membership.user_id, workspace_id=membership.workspace_id, name=shown, folded=_folded(shown), query=query
    )
    _write(search)
    return search


def rename_search(*, membership: Membership, search_id: int, name: str) -> None:
    """Give a search another name.

    Raises NamedSearch.DoesNotExist, SearchRefusedError and SearchNameTakenError.
    """
    shown = _read(name)
    search = _own(membership, search_id)
    search.name, search.folded = shown, _folded(shown)
    _write(search)


def delete_search(*, membership: Membership, search_id: int) -> None:
    """Forget a search. Raises NamedSearch.DoesNotExist."""
    _own(membership, search_id).delete()


def _own(membership: Membership, search_id: int) -> NamedSearch:
    return NamedSearch.objects.get(user=membership.user_id, workspace=membership.workspace_id, pk=search_id)


def _write(search: NamedSearch) -> None:
    try:
        with transaction.atomic():
            search.save()
    except IntegrityError:
        raise SearchNameTakenError(search.name) from None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _read(name: str) -> str:
    shown = " ".join(unicodedata.normalize("NFC", name.replace("\0", "")).split())
    if not shown or len(shown) > SEARCH_NAME_MAX_LENGTH:
        raise SearchRefusedError
    return shown
