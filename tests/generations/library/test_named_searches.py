"""Searches under a name: each person's own, in each workspace."""

import pytest
from django.db import IntegrityError

from tchavi_studio.generations.library import named_searches
from tchavi_studio.generations.library.models import NamedSearch
from tchavi_studio.generations.library.named_searches import (
    SearchNameTakenError,
    SearchRefusedError,
    TooManySearchesError,
    delete_search,
    rename_search,
    save_search,
)
from tchavi_studio.workspaces.models import Membership
from tests.generations.library.conftest import bob_here
from tests.plans import listed_by_index

__all__ = ["bob_here"]


def names(membership: Membership) -> list[str]:
    return [search.name for search in named_searches.named_searches(membership)]


def test_they_are_kept_by_name(membership: Membership, bob_here: Membership) -> None:
    save_search(membership=membership, name="  Night \0 boats ", query="q=boat")
    save_search(membership=membership, name="all mine", query="")
    save_search(membership=bob_here, name="NIGHT BOATS", query="q=bob")
    with listed_by_index(NamedSearch):
        assert names(membership) == ["all mine", "Night boats"]
    assert names(bob_here) == ["NIGHT BOATS"]


def test_a_name_is_there_once(membership: Membership) -> None:
    first = save_search(membership=membership, name="Été", query="q=a")
    second = save_search(membership=membership, name="Rain", query="q=b")
    with pytest.raises(SearchNameTakenError):
        save_search(membership=membership, name="ÉTÉ", query="q=c")
    with pytest.raises(SearchNameTakenError):
        rename_search(membership=membership, search_id=second.pk, name="été")
    rename_search(membership=membership, search_id=first.pk, name="ÉTÉ")
    assert names(membership) == ["Rain", "ÉTÉ"]
    with pytest.raises(IntegrityError):
        NamedSearch.objects.create(user=first.user, workspace=first.workspace, name="x", folded="rain")


@pytest.mark.parametrize("name", ["", " \0 ", "x" * 81])
def test_a_name_that_cant_be(membership: Membership, name: str) -> None:
    search = save_search(membership=membership, name="Rain", query="")
    with pytest.raises(SearchRefusedError):
        save_search(membership=membership, name=name, query="")
    with pytest.raises(SearchRefusedError):
        rename_search(membership=membership, search_id=search.pk, name=name)


def test_their_number_is_bounded(membership: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_searches, "MAX_SEARCHES", 2)
    for name in ("one", "two"):
        save_search(membership=membership, name=name, query="")
    with pytest.raises(TooManySearchesError):
        save_search(membership=membership, name="three", query="")
    assert names(membership) == ["one", "two"]


def test_others_searches_are_out_of_reach(membership: Membership, bob_here: Membership) -> None:
    search = save_search(membership=membership, name="Rain", query="")
    with pytest.raises(NamedSearch.DoesNotExist):
        rename_search(membership=bob_here, search_id=search.pk, name="Mine")
    with pytest.raises(NamedSearch.DoesNotExist):
        delete_search(membership=bob_here, search_id=search.pk)
    delete_search(membership=membership, search_id=search.pk)
    assert names(membership) == []
