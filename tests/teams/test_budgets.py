"""Budgets and requests for approval in the browser: asked in the composer, answered on Team, seen on the card."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.template.loader import render_to_string
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.generations.approvals import approve_request, decline_request
from tchavi_studio.generations.models import ApprovalRequest, Generation
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.queries import budget_of_member, budgets_of_members
from tchavi_studio.ledger.services import charge_credits, set_member_budget, set_own_limit
from tchavi_studio.workspaces.models import ActivityRow, Membership, Role, User, Workspace
from tests.conftest import PutInForce
from tests.create.conftest import make_values, sent
from tests.gallery.conftest import cards_of
from tests.plans import listed_by_index

Page = Callable[[str], str]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def bobs(workspace: Workspace, bob: User) -> Membership:
    """Bob is a creator in Alice's workspace, with a budget of 1,000 credits: less than one clip costs."""
    membership = Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    set_member_budget(workspace=workspace, user=bob, budget_credits=1_000)
    return Membership.objects.select_related("workspace", "user").get(pk=membership.pk)


@pytest.fixture
def bobs_browser(bobs: Membership) -> Client:
    browser = Client()
    browser.force_login(bobs.user)
    return browser


@pytest.fixture
def at(workspace: Workspace) -> Page:
    """The address of a page of Alice's workspace."""
    return lambda path: f"/w/{workspace.slug}/{path}"


def text_of(response: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


def poller_of(response: Any) -> str:
    [address] = re.findall(r'id="updates" hidden hx-get="([^"]*)"', response.content.decode())
    return unescape(address)


def charges() -> list[int]:
    return list(Transfer.objects.filter(kind="charge").values_list("amount_credits", flat=True))


def ask(browser: Client, at: Page, **changes: str) -> ApprovalRequest:
    answer = browser.post(at("create/submit/"), {**sent(make_values(**changes)), "ask": "1"}, headers=HTMX)
    assert answer.status_code == 200
    return ApprovalRequest.objects.latest("created_at")


# --- In the composer --------------------------------------------------------------------------------------------------


def test_the_composer_says_what_is_left_before_it_bites(
    bobs_browser: Client, bobs: Membership, at: Page, workspace: Workspace
) -> None:
    assert "Only 1,000 left of my budget" in text_of(bobs_browser.get(at("create/")))
    set_member_budget(workspace=workspace, user=bobs.user, budget_credits=5_000)
    assert "Balance after: 8,700 Left of my budget: 3,700" in text_of(bobs_browser.get(at("create/")))
    set_own_limit(workspace=workspace, user=bobs.user, limit_credits=2_000)
    assert "Balance after: 8,700 Left of my limit: 700" in text_of(bobs_browser.get(at("create/")))
    set_own_limit(workspace=workspace, user=bobs.user, limit_credits=500)
    assert "Only 500 left of my limit" in text_of(bobs_browser.get(at("create/")))


def test_nothing_is_parked_before_the_button_that_says_so(bobs_browser: Client, at: Page) -> None:
    values = sent(make_values())
    refused = bobs_browser.post(at("create/submit/"), values, headers=HTMX)
    assert refused.status_code == 422
    assert (
        "Monthly limit reached This needs 1,300 credits, but only 1,000 of your budget of 1,000 for this month are "
        "left. No credits moved. Ask an owner or an admin of the workspace, or wait for the next month. "
        "Ask for approval · 1,300 credits Owners and admins will see the prompt and the files."
    ) in text_of(refused)
    assert not ApprovalRequest.objects.exists()
    asked = bobs_browser.post(at("create/submit/"), {**values, "ask": "1"}, headers=HTMX)
    assert asked.status_code == 200
    assert "Waiting for approval Owners and admins have been asked. No credits moved." in text_of(asked)
    request = ApprovalRequest.objects.get()
    assert (str(request.submission_id), request.total_credits) == (values["submission_id"][0], 1_300)
    assert f'id="request-{request.pk}"' in asked.content.decode()
    assert str(request.submission_id) not in asked.content.decode()
    assert not Generation.objects.exists()


def test_asking_works_without_scripts(bobs_browser: Client, at: Page) -> None:
    answer = bobs_browser.post(at("create/submit/"), {**sent(make_values()), "ask": "1"})
    assert (answer.status_code, answer["Location"]) == (302, at("create/"))
    page = text_of(bobs_browser.get(at("create/")))
    assert "Waiting for approval 1,300 credits, over your budget" in page


def test_what_fits_the_budget_by_now_simply_starts(bobs_browser: Client, bobs: Membership, at: Page) -> None:
    set_member_budget(workspace=bobs.workspace, user=bobs.user, budget_credits=2_000)
    bobs_browser.post(at("create/submit/"), {**sent(make_values()), "ask": "1"}, headers=HTMX)
    assert not ApprovalRequest.objects.exists()
    assert charges() == [1_300]


def test_ones_own_limit_needs_nobodys_approval(bobs_browser: Client, bobs: Membership, at: Page) -> None:
    set_member_budget(workspace=bobs.workspace, user=bobs.user, budget_credits=None)
    set_own_limit(workspace=bobs.workspace, user=bobs.user, limit_credits=500)
    refused = bobs_browser.post(at("create/submit/"), {**sent(make_values()), "ask": "1"}, headers=HTMX)
    assert refused.status_code == 422
    assert "only 500 of the 500 that you allow yourself this month are left" in text_of(refused)
    assert "Ask for approval" not in text_of(refused)
    assert not ApprovalRequest.objects.exists()


# --- On the card ------------------------------------------------------------------------------------------------------


def test_the_approved_card_becomes_the_clips_without_a_reload(bobs_browser: Client, at: Page, alice: User) -> None:
    request = ask(bobs_browser, at)
    page = bobs_browser.get(at("create/"))
    assert 'data-poll="on"' in page.content.decode()
    assert bobs_browser.get(poller_of(page)).status_code == 204
    [clip] = approve_request(request=request, approver=alice, seen_credits=1_300).generations
    answer = bobs_browser.get(poller_of(page))
    assert cards_of(answer) == [str(clip.pk)]
    assert '<div class="requests" id="requests" hx-swap-oob="true"></div>' in answer.content.decode()


def test_a_declined_card_says_why_until_it_is_dismissed(bobs_browser: Client, at: Page, alice: User) -> None:
    request = ask(bobs_browser, at)
    page = bobs_browser.get(at("create/"))
    decline_request(request=request, approver=alice, word="Use the take from Monday")
    answer = text_of(bobs_browser.get(poller_of(page)))
    assert (
        "Declined This request has been declined. Use the take from Monday Nothing was created, no credits moved "
        "Edit and retry Dismiss"
    ) in answer
    again = bobs_browser.get(at(f"create/?request={request.pk}")).content.decode()
    assert request.prompt in again
    gone = bobs_browser.post(at(f"requests/{request.pk}/dismiss/"), headers=HTMX)
    assert gone.content.decode().strip() == '<div class="requests" id="requests" hx-swap-oob="true"></div>'


def test_only_the_asker_withdraws(bobs_browser: Client, alice_browser: Client, at: Page) -> None:
    request = ask(bobs_browser, at)
    assert alice_browser.post(at(f"requests/{request.pk}/withdraw/")).status_code == 404
    assert alice_browser.get(at(f"create/?request={request.pk}")).status_code == 404
    assert "Withdrawn" in text_of(bobs_browser.post(at(f"requests/{request.pk}/withdraw/"), headers=HTMX))
    refused = bobs_browser.post(at(f"requests/{request.pk}/withdraw/"), headers=HTMX)
    assert refused.status_code == 422
    assert "This request has been withdrawn. Nothing changed and no credits moved." in text_of(refused)


# --- On Team ----------------------------------------------------------------------------------------------------------


def test_who_manages_sees_the_count_and_approves(
    bobs_browser: Client, alice_browser: Client, at: Page, bobs: Membership
) -> None:
    request = ask(bobs_browser, at)
    assert "1 request waits for your answer" in text_of(alice_browser.get(at("create/")))
    assert "waits for your answer" not in text_of(bobs_browser.get(at("create/")))
    assert bobs_browser.get(at("team/budgets/")).status_code == 403
    page = text_of(alice_browser.get(at("team/budgets/")))
    assert "Bob 0 of 1,000 spent this month" in page
    assert "Approve once · 1,300 credits" in page
    answer = alice_browser.post(
        at(f"team/budgets/requests/{request.pk}/approve/"), {"price_credits": "1300"}, follow=True
    )
    assert "Approved. Bob's clip has been started." in text_of(answer)
    assert "Nothing waits for you" in text_of(answer)
    assert charges() == [1_300]
    assert budget_of_member(bobs, book="sandbox").spent_credits == 1_300


def test_a_changed_price_is_shown_before_it_is_approved(
    bobs_browser: Client, alice_browser: Client, at: Page, put_in_force: PutInForce
) -> None:
    request = ask(bobs_browser, at)
    put_in_force({"seedance-2": {"480p": 300}})
    answer = alice_browser.post(
        at(f"team/budgets/requests/{request.pk}/approve/"), {"price_credits": "1300"}, follow=True
    )
    assert "The price has changed. Nothing was created and no credits moved." in text_of(answer)
    assert "The price has changed from 1,300 to 1,500 credits since it was asked for." in text_of(answer)
    assert 'name="price_credits" value="1500"' in answer.content.decode()
    assert charges() == []


def test_raising_the_budget_approves_if_it_is_enough(
    bobs_browser: Client, alice_browser: Client, at: Page, bobs: Membership
) -> None:
    request = ask(bobs_browser, at)
    address = at(f"team/budgets/requests/{request.pk}/raise/")
    low = alice_browser.post(address, {"price_credits": "1300", "budget_credits": "1,200"}, follow=True)
    assert (
        "A budget of 1,200 would leave only 1,200 credits, and this needs 1,300. Nothing changed and no credits moved. "
        "Enter a higher one."
    ) in text_of(low)
    none = alice_browser.post(address, {"price_credits": "1300", "budget_credits": ""}, follow=True)
    assert "Enter the new budget in whole credits." in text_of(none)
    assert budget_of_member(bobs, book="sandbox").limit_credits == 1_000
    done = alice_browser.post(address, {"price_credits": "1300", "budget_credits": "2,000"}, follow=True)
    assert "The budget is 2,000 credits a month now. Bob's clip has been started." in text_of(done)
    assert budget_of_member(bobs, book="sandbox").left_credits == 700


def test_declining_says_so(bobs_browser: Client, alice_browser: Client, at: Page) -> None:
    request = ask(bobs_browser, at)
    address = at(f"team/budgets/requests/{request.pk}/decline/")
    assert "Declined. Bob is told." in text_of(alice_browser.post(address, {"word": "Next month"}, follow=True))
    again = alice_browser.post(address, {"word": ""}, follow=True)
    assert "This request has been declined. Nothing changed and no credits moved." in text_of(again)


def test_the_list_takes_a_fixed_number_of_queries(
    bobs_browser: Client, alice_browser: Client, at: Page, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    alice_browser.get(at("team/budgets/"))
    for _number in range(3):
        ask(bobs_browser, at)
        with listed_by_index(ApprovalRequest), django_assert_num_queries(11):
            alice_browser.get(at("team/budgets/"))


def test_a_request_of_another_workspace_is_not_found(
    bobs_browser: Client, alice_browser: Client, at: Page, bob: User
) -> None:
    request = ask(bobs_browser, at)
    for act in ("approve", "raise", "decline"):
        address = f"/w/bobs-studio/team/budgets/requests/{request.pk}/{act}/"
        assert bobs_browser.post(address, {"price_credits": "1300"}).status_code == 404


# --- A member's budget ------------------------------------------------------------------------------------------------


def shown(member: Membership, viewer: Membership) -> str:
    budget = budgets_of_members([member], book="sandbox")[member.user_id]
    context = {"member": member, "budget": budget, "membership": viewer, "workspace": member.workspace}
    return " ".join(re.sub(r"<[^>]*>", " ", render_to_string("teams/people/_budget.html", context)).split())


def test_a_budget_shows_spent_left_and_turns_coral(bobs: Membership, workspace: Workspace) -> None:
    assert shown(bobs, bobs) == "0 of 1,000 1,000 left"
    charge_credits(workspace=workspace, book="sandbox", amount_credits=900, reference=uuid4(), actor=bobs.user)
    # There is no pace yet on the first days of a month.
    assert re.fullmatch(r"900 of 1,000 (pace [\d,]+ )?100 left", shown(bobs, bobs))
    budget = budget_of_member(bobs, book="sandbox")
    html = render_to_string(
        "teams/people/_budget.html", {"member": bobs, "budget": budget, "membership": bobs, "workspace": workspace}
    )
    assert '<meter class="bar bad"' in html
    set_member_budget(workspace=workspace, user=bobs.user, budget_credits=None)
    assert re.fullmatch(r"900 spent (pace [\d,]+ )?No limit", shown(bobs, bobs))
    for role, text in {"viewer": "Watches and comments", "auditor": "Reads credits and audit"}.items():
        bobs.role = role
        assert shown(bobs, bobs) == text


def test_a_member_limits_themselves(bobs: Membership, bobs_browser: Client, at: Page, workspace: Workspace) -> None:
    set_member_budget(workspace=workspace, user=bobs.user, budget_credits=60_000)
    page = bobs_browser.post(at("team/budgets/own/"), {"budget_credits": "1,000"}, follow=True)
    assert "Your own limit is saved." in text_of(page)
    assert "Left of my budget 60,000 of 60,000" in text_of(page)
    assert 'value="1,000"' in page.content.decode()
    budget = budget_of_member(bobs, book="sandbox")
    assert (budget.limit_credits, budget.own_limit_credits) == (60_000, 1_000)
    # What exceeds it is not to be asked for: the limit is the member's own to change.
    refused = bobs_browser.post(at("create/submit/"), sent(make_values()), headers=HTMX)
    assert refused.status_code == 422
    assert "You can change your own limit on the Team page." in text_of(refused)
    assert "Ask for approval" not in text_of(refused)
    assert charges() == []
    wrong = bobs_browser.post(at("team/budgets/own/"), {"budget_credits": "-1"}, follow=True)
    assert "Your limit wasn't changed." in text_of(wrong)
    assert budget_of_member(bobs, book="sandbox").own_limit_credits == 1_000
    bobs_browser.post(at("team/budgets/own/"), {"budget_credits": ""})
    assert budget_of_member(bobs, book="sandbox").own_limit_credits is None


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_who_makes_no_clips_has_no_limit_to_set(bobs: Membership, bobs_browser: Client, at: Page, role: str) -> None:
    Membership.objects.filter(pk=bobs.pk).update(role=role)
    assert bobs_browser.post(at("team/budgets/own/"), {"budget_credits": "1"}).status_code == 403
    assert "My budget" not in text_of(bobs_browser.get(at("team/")))


def test_who_manages_changes_a_budget_in_place(alice_browser: Client, bobs: Membership, at: Page, alice: User) -> None:
    address = at(f"team/budgets/{bobs.pk}/")
    changed = alice_browser.post(address, {"budget_credits": "60,000"}, headers=HTMX)
    assert text_of(changed).startswith("0 of 60,000 ")
    assert text_of(changed).endswith(" 60,000 left")
    row = ActivityRow.objects.filter(kind="budget.changed").latest("sequence")
    assert (row.actor, row.subject) == (alice, bobs.user)
    assert row.details == {"old_credits": 1_000, "new_credits": 60_000}
    wrong = alice_browser.post(address, {"budget_credits": "lots"}, headers=HTMX)
    assert (wrong.status_code, "Enter a whole number." in text_of(wrong)) == (422, True)
    plain = alice_browser.post(address, {"budget_credits": ""}, follow=True)
    assert "Bob's budget was changed." in text_of(plain)
    assert budget_of_member(bobs, book="sandbox").limit_credits is None
    wrong = alice_browser.post(address, {"budget_credits": "-1"}, follow=True)
    assert "The budget wasn't changed." in text_of(wrong)


def test_creators_change_nobodys_budget(bobs_browser: Client, bobs: Membership, at: Page) -> None:
    assert bobs_browser.post(at(f"team/budgets/{bobs.pk}/"), {"budget_credits": "1"}).status_code == 403
