"""Credits granted at sign-up, by site admins and by the operator."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pytest_django import Settings

from tchavi_studio.accounting.services import top_up_wallet
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tchavi_studio.workspaces.ownership import found_workspace
from tchavi_studio.workspaces.queries import workspaces_found
from tchavi_studio.workspaces.services import create_workspace
from tests.conftest import make_person
from tests.plans import listed_by_index

GRANT = "/w/alices-studio/credits/grant/"


def latest() -> tuple[str, str, int, str, str | None]:
    transfer = Transfer.objects.select_related("workspace", "actor").latest("pk")
    who = transfer.actor.name if transfer.actor else None
    return transfer.workspace.slug, transfer.book, transfer.amount_credits, transfer.reason, who


# --- At sign-up -------------------------------------------------------------------------------------------------------


def test_first_workspace_gets_welcome_credits(alice: User, bob: User) -> None:
    assert latest() == ("bobs-studio", "sandbox", 10_000, "sign-up", "Bob")
    assert Transfer.objects.count() == 2


def test_workspaces_that_people_create_get_none(alice: User) -> None:
    second = found_workspace(name="Second", user=alice)
    assert wallet_balance(workspace=second, book="sandbox") == 0
    # Not even the first one of somebody whom sign-up gave none.
    invited = User.objects.create_user("bob@example.org", name="Bob")
    found_workspace(name="Bob's own", user=invited)
    assert Transfer.objects.count() == 1


def test_welcome_credits_can_be_switched_off(db: None, settings: Settings) -> None:
    settings.STUDIO_SIGNUP_CREDITS = 0
    make_person("Alice")
    assert Transfer.objects.count() == 0


def test_welcome_credits_are_live_in_live_mode(db: None, settings: Settings) -> None:
    settings.STUDIO_BOOK, settings.STUDIO_SIGNUP_CREDITS = "live", 500
    make_person("Alice")
    assert latest() == ("alices-studio", "live", 500, "sign-up", "Alice")


# --- By an admin ------------------------------------------------------------------------------------------------------


def grant_path(name: str = "Bob's studio") -> str:
    return f"{GRANT}{Workspace.objects.get(name=name).pk}/"


def grant(browser: Client, **changes: str) -> Any:
    fields = {"name": "Bob's studio", "amount_credits": "2500", "reason": "Invoice 17", **changes}
    return browser.post(grant_path(), fields)


@pytest.mark.parametrize("name", ["Bob's studio", " bob's STUDIO "])
def test_admin_grants_to_a_workspace_confirmed_by_its_name(alice_browser: Client, bob: User, name: str) -> None:
    page = alice_browser.get(grant_path()).content.decode()
    assert "Grant credits to Bob&#x27;s studio" in page
    assert "Its wallet has 10,000 credits. Its URL name is bobs-studio." in page
    response = grant(alice_browser, name=name)
    assert (response.status_code, response["Location"]) == (302, "/w/alices-studio/credits/")
    (message,) = get_messages(response.wsgi_request)
    assert (message.level_tag, str(message)) == ("success", "2,500 credits granted to Bob's studio.")
    assert latest() == ("bobs-studio", "sandbox", 2500, "Invoice 17", "Alice")


@pytest.mark.parametrize("is_closed", [False, True])
def test_workspace_that_is_gone_gets_nothing(alice_browser: Client, bob: User, is_closed: bool) -> None:
    recipient = UUID(int=7)
    if is_closed:
        recipient = Workspace.objects.get(slug="bobs-studio").pk
        Workspace.objects.filter(pk=recipient).update(closed_at=timezone.now())
    response = alice_browser.post(f"{GRANT}{recipient}/", {"name": "Bob's studio"}, follow=True)
    assert response.redirect_chain == [(GRANT, 302)]
    assert "That workspace doesn&#x27;t exist any more. No credits moved." in response.content.decode()


# --- The list to pick from --------------------------------------------------------------------------------------------


def listed(browser: Client, query: str = "") -> list[str]:
    page = browser.get(f"{GRANT}{query}").content.decode()
    return re.findall(rf'<a href="{GRANT}[0-9a-f-]{{36}}/">\s*<b>([^<]*)</b>', page)


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("", ["Alice&#x27;s studio", "Bob&#x27;s studio", "Été à Lomé", "Lagune", "Lagune Films"]),
        ("lag", ["Lagune", "Lagune Films"]),
        ("Lagune F", ["Lagune Films"]),
        ("ÉTÉ", ["Été à Lomé"]),
        ("une", []),
        ("★", []),
        ("bob@example.org", ["Bob&#x27;s studio", "Lagune Films"]),
        (" Bob@Example.org", ["Bob&#x27;s studio", "Lagune Films"]),
        ("nobody@example.org", []),
    ],
)
def test_workspaces_are_found_by_name_or_owner(
    alice_browser: Client, alice: User, bob: User, search: str, names: list[str]
) -> None:
    for name, owner in (("Lagune Films", bob), ("Lagune", alice), ("Été à Lomé", alice)):
        create_workspace(name=name, owner=owner)
    Membership.objects.create(workspace=Workspace.objects.get(name="Lagune"), user=bob, role=Role.CREATOR)
    assert listed(alice_browser, f"?{urlencode({'q': search})}") == names


def test_any_number_of_workspaces_is_listed_page_by_page(
    alice_browser: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tchavi_studio.workspaces.queries.WORKSPACES_PER_PAGE", 2)
    for name in ("Lagune 10", "Lagune 9", "Lagune-1", "Laguna"):
        create_workspace(name=name, owner=alice)
    seen, query = [], "?q=lagun"
    while query:
        seen += listed(alice_browser, query)
        page = alice_browser.get(f"{GRANT}{query}").content.decode()
        query = "".join(re.findall(r'rel="next" href="([^"]+)"', page)).replace("&amp;", "&")
    assert seen == ["Laguna", "Lagune-1", "Lagune 10", "Lagune 9"]


@pytest.mark.parametrize(("search", "after"), [("", ""), ("", "bobs-studio"), ("lag", ""), ("lag", "lagune")])
def test_workspaces_are_listed_by_their_index(alice: User, search: str, after: str) -> None:
    with listed_by_index(Workspace):
        workspaces_found(search=search, after=after)


@pytest.mark.parametrize("query", ["?after=%00", "?q=%00", "?after=a/b", f"?q={'x' * 255}"])
def test_odd_queries_are_refused(alice_browser: Client, query: str) -> None:
    assert alice_browser.get(f"{GRANT}{query}").status_code == 400


# --- What a grant does ------------------------------------------------------------------------------------------------


def test_grants_are_live_in_live_mode(alice_browser: Client, bob: User, settings: Settings) -> None:
    settings.STUDIO_BOOK = settings.STUDIO_MODE = "live"
    grant(alice_browser)
    assert latest() == ("bobs-studio", "live", 2500, "Invoice 17", "Alice")


@pytest.mark.parametrize(("written", "meant"), [("10,000", 10_000), ("1", 1), ("1000000000000", 10**12)])
def test_amounts_may_have_thousands_separators(alice_browser: Client, bob: User, written: str, meant: int) -> None:
    assert grant(alice_browser, amount_credits=written).status_code == 302
    assert latest()[2] == meant


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"name": "Alice's studio"}, "name", "This workspace is called “Bob's studio”. No credits moved."),
        ({"name": "bobs-studio"}, "name", "This workspace is called “Bob's studio”. No credits moved."),
        ({"name": ""}, "name", "This field is required."),
        ({"amount_credits": "0"}, "amount_credits", "Ensure this value is greater than or equal to 1."),
        ({"amount_credits": "-5"}, "amount_credits", "Ensure this value is greater than or equal to 1."),
        ({"amount_credits": "2.5"}, "amount_credits", "Enter a whole number."),
        (
            {"amount_credits": "1000000000001"},
            "amount_credits",
            "Ensure this value is less than or equal to 1000000000000.",
        ),
        ({"reason": "  "}, "reason", "This field is required."),
        ({"reason": "x" * 201}, "reason", "Ensure this value has at most 200 characters (it has 201)."),
        ({"reason": "a\x00b"}, "reason", "Null characters are not allowed."),
    ],
)
def test_errors_are_shown_beside_their_field(
    alice_browser: Client, bob: User, changes: dict[str, str], field: str, problem: str
) -> None:
    response = grant(alice_browser, **changes)
    assert response.status_code == 422
    assert response.context["form"].errors == {field: [problem]}
    page = response.content.decode()
    assert escape(problem) in page
    assert page.count('aria-invalid="true"') == 1
    assert 'value="Invoice 17"' in page or field == "reason"
    assert Transfer.objects.count() == 2


def test_double_click_grants_once(alice_browser: Client, bob: User) -> None:
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=1)
    with patch("django.utils.timezone.now", return_value=noon):
        assert grant(alice_browser).status_code == 302
        again = grant(alice_browser)
        assert again.status_code == 422
        assert again.context["form"].non_field_errors() == [
            "You made the same grant less than a minute ago, so no credits were added this time. To grant them again, "
            "enter a different reason."
        ]
        assert grant(alice_browser, reason="Invoice 18").status_code == 302
    with patch("django.utils.timezone.now", return_value=noon + timedelta(seconds=61)):
        assert grant(alice_browser).status_code == 302
    assert Transfer.objects.filter(reason="Invoice 17").count() == 2


def test_only_site_admins_can_grant(bob: User, workspace: Workspace, client: Client) -> None:
    client.force_login(bob)
    assert grant(client).status_code == 404
    Membership.objects.create(workspace=workspace, user=bob, role=Role.OWNER)
    assert grant(client).status_code == 404
    assert client.get(GRANT).status_code == 404
    assert Transfer.objects.count() == 2


# --- By the operator --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "balance", "rows"), [(15_000, 15_000, 2), (10_000, 10_000, 1), (0, 10_000, 1)])
def test_top_up_never_takes_credits_away(workspace: Workspace, target: int, balance: int, rows: int) -> None:
    assert top_up_wallet(workspace=workspace, target_credits=target) == balance
    assert wallet_balance(workspace=workspace, book="sandbox") == balance
    assert Transfer.objects.count() == rows
