"""Addresses of workspaces: renaming, former ones, and races for the same one."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections
from django.test import Client

from tchavi_studio.workspaces.activity import Kind
from tchavi_studio.workspaces.models import ActivityRow, FormerSlug, User, Workspace
from tchavi_studio.workspaces.services import create_workspace
from tchavi_studio.workspaces.slugs import MAX_FORMER_SLUGS, SlugTakenError, TooManySlugsError
from tchavi_studio.workspaces.workspace_settings import rename_workspace
from tests.databases import Database


def rename(workspace: Workspace, actor: User, slug: str, name: str = "Lagune") -> Workspace:
    return rename_workspace(workspace=workspace, actor=actor, name=name, slug=slug)


def former() -> set[tuple[str, str]]:
    return set(FormerSlug.objects.values_list("slug", "workspace__slug"))


def test_old_addresses_lead_to_the_new_one(alice: User, workspace: Workspace, alice_browser: Client) -> None:
    rename(workspace, alice, "lagune")
    rename(workspace, alice, "lagune-films")
    assert former() == {("alices-studio", "lagune-films"), ("lagune", "lagune-films")}
    for old in ("alices-studio", "lagune"):
        answer = alice_browser.get(f"/w/{old}/credits/?kind=grant")
        assert (answer.status_code, answer["Location"]) == (307, "/w/lagune-films/credits/?kind=grant")
    rows = (
        ActivityRow.objects.filter(kind=Kind.WORKSPACE_RENAMED).order_by("sequence").values_list("details", flat=True)
    )
    assert list(rows) == [
        {"old": "Alice's studio", "old_slug": "alices-studio", "new": "Lagune", "new_slug": "lagune"},
        {"old": "Lagune", "old_slug": "lagune", "new": "Lagune", "new_slug": "lagune-films"},
    ]


def test_a_former_address_stays_its_workspaces(alice: User, workspace: Workspace, bob: User) -> None:
    rename(workspace, alice, "lagune")
    assert create_workspace(name="Alice's studio", owner=bob).slug.startswith("alices-studio-")
    bobs = Workspace.objects.get(slug="bobs-studio")
    with pytest.raises(SlugTakenError, match="The address “alices-studio” is taken"):
        rename(bobs, bob, "alices-studio")
    with pytest.raises(SlugTakenError):
        rename(bobs, bob, "lagune")
    rename(workspace, alice, "alices-studio")
    assert former() == {("lagune", "alices-studio")}


def test_nobody_hoards_addresses(alice: User, workspace: Workspace) -> None:
    for number in range(MAX_FORMER_SLUGS):
        rename(workspace, alice, f"lagune-{number}")
    with pytest.raises(TooManySlugsError):
        rename(workspace, alice, "one-more")
    # Back to a former one, which takes none.
    assert rename(workspace, alice, "alices-studio").slug == "alices-studio"
    assert FormerSlug.objects.count() == MAX_FORMER_SLUGS


def test_a_name_alone_changes_no_address_and_nothing_is_no_row(alice: User, workspace: Workspace) -> None:
    rename(workspace, alice, workspace.slug, name="Lagune Films")
    rename(workspace, alice, workspace.slug, name="Lagune Films")
    assert former() == set()
    assert ActivityRow.objects.count() == 1


@pytest.mark.own_database
def test_of_two_who_want_the_same_address_one_gets_it(own_database: Database, alice: User, bob: User) -> None:
    workspaces = [(Workspace.objects.get(memberships__user=user), user) for user in (alice, bob)]
    gate = Barrier(2)

    def race(workspace: Workspace, user: User) -> str:
        gate.wait(60)
        try:
            return rename(workspace, user, "lagune").slug
        except SlugTakenError as taken:
            return type(taken).__name__
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        outcomes = Counter(pool.map(lambda pair: race(*pair), workspaces))
    assert outcomes == {"lagune": 1, "SlugTakenError": 1}
    assert FormerSlug.objects.count() == ActivityRow.objects.count() == 1
