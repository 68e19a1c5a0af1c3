"""The pages of a workspace: create, settings, hand over, archive, leave."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from tchavi_studio.workspaces.activity import Kind
from tchavi_studio.workspaces.models import ActivityRow, Membership, Role, User, Workspace

SETTINGS = "/w/alices-studio/settings/"
FORM = {"default_visibility": "workspace", "allowed_models": ["seedance-2", "kling-v3"]}


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def changes() -> list[tuple[str, object, object]]:
    rows = ActivityRow.objects.filter(kind=Kind.SETTINGS_CHANGED).order_by("sequence").values_list("details", flat=True)
    return [(row["setting"], row["old"], row["new"]) for row in rows]


# --- Create -----------------------------------------------------------------------------------------------------------


def test_a_workspace_is_created_without_credits(alice_browser: Client, alice: User, settings: Settings) -> None:
    assert "it starts without credits" in text_of(alice_browser.get("/workspaces/new/"))
    answer = alice_browser.post("/workspaces/new/", {"name": "Lagune Films"})
    assert answer["Location"] == "/w/lagune-films/create/"
    assert said(answer) == ["“Lagune Films” is yours. Invite people when you like."]
    assert '/credits/">0 <span>' in text_of(alice_browser.get("/w/lagune-films/gallery/"))
    settings.STUDIO_WORKSPACES_PER_PERSON = 2
    refused = alice_browser.post("/workspaces/new/", {"name": "One more"})
    assert refused.status_code == 422
    assert "You own 2 workspaces, and nobody may own more here. Nothing was created." in text_of(refused)


def test_where_only_site_admins_create_others_cannot(bob: User, client: Client, settings: Settings) -> None:
    settings.STUDIO_WORKSPACE_CREATION = "admins"
    client.force_login(bob)
    assert client.post("/workspaces/new/", {"name": "Lagune"}).status_code == 403
    assert "New workspace" not in text_of(client.get("/w/bobs-studio/gallery/"))
    assert Workspace.objects.count() == 2


# --- Settings ---------------------------------------------------------------------------------------------------------


def test_each_changed_setting_is_a_row_with_the_old_and_the_new_value(
    alice_browser: Client, workspace: Workspace
) -> None:
    form = {
        "default_visibility": "private",
        "allowed_models": ["kling-v3"],
        "default_budget_credits": "20,000",
        "bin_days": "90",
    }
    for _press in range(2):
        assert alice_browser.post(SETTINGS, form)["Location"] == SETTINGS
    workspace.refresh_from_db()
    assert (
        workspace.default_visibility,
        workspace.allowed_models,
        workspace.default_budget_credits,
        workspace.bin_days,
    ) == ("private", ["kling-v3"], 20_000, 90)
    assert changes() == [
        ("default_visibility", "workspace", "private"),
        ("allowed_models", [], ["kling-v3"]),
        ("default_budget_credits", None, 20_000),
        ("bin_days", None, 90),
    ]
    # All models and empty fields are the studio's own defaults.
    alice_browser.post(SETTINGS, FORM)
    workspace.refresh_from_db()
    assert (workspace.allowed_models, workspace.default_budget_credits, workspace.bin_days) == ([], None, None)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"bin_days": "0"}, "Ensure this value is greater than or equal to 1."),
        ({"bin_days": "91"}, "Ensure this value is less than or equal to 90."),
        ({"default_budget_credits": "-1"}, "Ensure this value is greater than or equal to 0."),
        ({"allowed_models": []}, "Allow at least one model."),
        ({"allowed_models": ["sora"]}, "Select a valid choice. sora is not one of the available choices."),
        ({"default_visibility": "everybody"}, "Select a valid choice. everybody is not one of the available choices."),
    ],
)
def test_wrong_settings_change_nothing(alice_browser: Client, wrong: dict[str, str | list[str]], problem: str) -> None:
    refused = alice_browser.post(SETTINGS, {**FORM, **wrong})
    assert refused.status_code == 422
    assert problem in text_of(refused)
    assert changes() == []


def test_the_composer_offers_the_allowed_models_only(alice_browser: Client) -> None:
    Workspace.objects.update(allowed_models=["kling-v3"])
    page = text_of(alice_browser.get("/w/alices-studio/create/"))
    assert re.findall(r'name="model" value="([^"]+)"[^>]*?(checked)?>', page) == [("kling-v3", "checked")]
    assert re.findall(r"\?example=(\d)", page) == ["1"]


def test_the_address_changes_and_the_old_one_leads_there(alice_browser: Client, bob: User) -> None:
    answer = alice_browser.post(f"{SETTINGS}name/", {"name": "Lagune Films", "slug": "lagune"})
    assert answer["Location"] == "/w/lagune/settings/"
    assert alice_browser.get(SETTINGS)["Location"] == "/w/lagune/settings/"
    taken = alice_browser.post("/w/lagune/settings/name/", {"name": "Lagune Films", "slug": "bobs-studio"})
    assert taken.status_code == 422
    assert "The address “bobs-studio” is taken. Nothing was changed. Choose another." in text_of(taken)
    for slug in ("Été", "a--b", "-a", "a_b", "a" * 41):
        assert alice_browser.post("/w/lagune/settings/name/", {"name": "L", "slug": slug}).status_code == 422


def test_a_new_time_zone_is_announced(
    alice_browser: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 11, 25, 18, 20, tzinfo=UTC)
    with monkeypatch.context() as patched:
        patched.setattr(timezone, "now", lambda: now)
        alice_browser.force_login(workspace.members.get())
        assert "Months and days follow UTC. A change begins with the next month." in text_of(
            alice_browser.get(SETTINGS)
        )
        alice_browser.post(f"{SETTINGS}time-zone/", {"time_zone": "America/New_York"})
        page = text_of(alice_browser.get(SETTINGS))
        assert "Months and days follow UTC. From Dec. 1, 2026 on they follow America/New_York." in page
    assert alice_browser.post(f"{SETTINGS}time-zone/", {"time_zone": "Mars/Olympus"}).status_code == 422
    assert changes() == [("time_zone", "UTC", "America/New_York")]


def test_the_settings_page_costs_a_fixed_number_of_queries(
    alice_browser: Client, bob: User, workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    alice_browser.get(SETTINGS)
    # Session, user, membership, storage, menu of workspaces, balance.
    with django_assert_num_queries(8):
        alice_browser.get(SETTINGS)


# --- The end ----------------------------------------------------------------------------------------------------------


def test_handing_over_takes_the_name_and_a_member(alice_browser: Client, workspace: Workspace, bob: User) -> None:
    url = f"{SETTINGS}ownership/hand-over/"
    refused = alice_browser.post(url, {"email": "bob@example.org", "name": "Alice's"})
    assert refused.status_code == 422
    assert "No other member has this email address. Nothing was changed." in text_of(refused)
    assert "This workspace is called “Alice&#x27;s studio”. Nothing was changed." in text_of(refused)
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    assert '<option value="bob@example.org">Bob</option>' in text_of(alice_browser.get(f"{SETTINGS}ownership/"))
    answer = alice_browser.post(url, {"email": "Bob@example.org", "name": "alice's STUDIO"})
    assert said(answer) == ["Bob is the owner now. You are an admin."]
    assert dict(workspace.memberships.values_list("user__name", "role")) == {"Alice": "admin", "Bob": "owner"}
    assert alice_browser.get(f"{SETTINGS}ownership/").status_code == 403


def test_an_archived_workspace_says_so_and_can_be_taken_out(alice_browser: Client, workspace: Workspace) -> None:
    alice_browser.post(f"{SETTINGS}ownership/archive/")
    page = text_of(alice_browser.get("/w/alices-studio/gallery/"))
    assert "This workspace can only be read. Its clips, credits and members stay." in page
    refused = alice_browser.post("/w/alices-studio/credits/play/")
    assert refused.status_code == 403
    assert "It can only be read. Nothing was changed and no credits moved." in text_of(refused)
    assert "Take out of the archive" in text_of(alice_browser.get(f"{SETTINGS}ownership/"))
    alice_browser.post(f"{SETTINGS}ownership/unarchive/")
    assert alice_browser.post("/w/alices-studio/credits/play/").status_code == 302


def test_whoever_leaves_is_told_what_stays_and_lands_elsewhere(
    alice_browser: Client, workspace: Workspace, bob: User, client: Client
) -> None:
    browser = Client()
    browser.force_login(bob)
    Membership.objects.create(workspace=workspace, user=bob, role=Role.VIEWER)
    page = text_of(browser.get(f"{SETTINGS}leave/"))
    assert "Clips and files that you made here stay here, and so do credits." in page
    answer = browser.post(f"{SETTINGS}leave/")
    assert (answer["Location"], said(answer)) == ("/", ["You have left “Alice&#x27;s studio”.".replace("&#x27;", "'")])
    assert browser.get("/w/alices-studio/gallery/").status_code == 404
    assert browser.get("/")["Location"] == "/w/bobs-studio/create/"
    alone = alice_browser.post(f"{SETTINGS}leave/")
    assert alone.status_code == 422
    assert "You are the only owner of this workspace, so you can&#x27;t leave it." in text_of(alone)
