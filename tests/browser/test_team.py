"""A team at work, each person in a browser of their own: invited, limited, asking, answered, removed."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tchavi_studio.ledger.models import Transfer
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tests.browser.conftest import Complaints, OpenAs

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

CLIP_WITHIN = 60_000
ANSWER_WITHIN = 30_000


def prompt(page: Page, text: str) -> None:
    page.get_by_label("Prompt", exact=True).fill(text)


def test_from_the_invitation_to_the_removal(
    signed_up_page: Page, person: User, open_as: OpenAs, complaints: Complaints
) -> None:
    workspace = Workspace.objects.get(memberships__user=person)
    owner, team = signed_up_page, f"/w/{workspace.slug}/team/"

    # Invited by a link, and joined with a new account.
    owner.goto(team)
    owner.get_by_role("button", name="Make a link").click()
    link = owner.get_by_label("Link", exact=True).input_value()
    member = open_as(None)
    member.goto(link)
    expect(member.get_by_role("heading", name=f"{person.name} invites you")).to_be_visible()
    member.get_by_role("link", name="Create an account and join").click()
    email = f"{uuid4().hex}@example.org"
    member.get_by_label("Your name").fill("Koffi Mensah")
    member.get_by_label("Email").fill(email)
    member.get_by_label("Password", exact=True).fill("golden hour 17")
    member.get_by_role("button", name="Create account").click()
    expect(member.get_by_label("Prompt", exact=True)).to_be_visible()
    assert f"/w/{workspace.slug}/" in member.url
    complaints.expect("status of 410")
    late = open_as(None)
    late.goto(link)
    expect(late.get_by_role("heading", name="This link was used already")).to_be_visible()

    # A budget, set by a click on the figure.
    owner.goto(team)
    row = owner.get_by_role("row").filter(has_text="Koffi Mensah")
    row.get_by_text("spent").click()
    row.get_by_label("Credits a month").fill("1500")
    row.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("1,500 left")

    # Within it, a clip is made; beyond it, the card asks.
    member.reload()
    expect(member.get_by_text("Left of my budget: 200")).to_be_visible()
    prompt(member, "A fishing boat leaves the harbour at dawn")
    member.get_by_role("button", name="Generate").click()
    expect(member.locator(".card.is-completed")).to_have_count(1, timeout=CLIP_WITHIN)
    complaints.expect("status of 422 .*/create/submit/")

    def ask(text: str) -> None:
        prompt(member, text)
        member.get_by_role("button", name="Generate").click()
        expect(member.locator("#composer-summary")).to_contain_text("Monthly limit reached")
        member.get_by_role("button", name="Ask for approval").click()
        expect(member.locator(".card.is-parked")).to_contain_text("Waiting for approval")

    ask("The boat returns with gulls around it")
    owner.reload()
    owner.get_by_role("link", name=re.compile("request waits for your answer")).click()
    expect(owner.locator(".ask")).to_contain_text("The boat returns with gulls around it")
    owner.get_by_role("button", name="Approve once").click()
    # Without a reload, the card becomes the clip.
    expect(member.locator(".card.is-parked")).to_have_count(0, timeout=ANSWER_WITHIN)
    expect(member.locator(".card.is-completed")).to_have_count(2, timeout=CLIP_WITHIN)

    # The next one is declined, with a word.
    ask("A market at noon")
    owner.goto(f"{team}budgets/")
    owner.locator("summary", has_text="Decline").click()
    owner.get_by_label("Why (optional)").fill("Next month, please")
    owner.get_by_role("button", name="Decline").click()
    declined = member.locator(".card", has_text="Next month, please")
    expect(declined).to_contain_text("Nothing was created, no credits moved", timeout=ANSWER_WITHIN)
    charged = Transfer.objects.filter(kind="charge", actor__email=email).values_list("amount_credits", flat=True)
    assert list(charged) == [1300, 1300]

    # Removed in the middle of it all: the next click finds nothing.
    owner.goto(team)
    row.get_by_label("More about Koffi Mensah").click()
    row.get_by_role("button", name="Remove from the workspace").click()
    owner.get_by_role("button", name="Remove", exact=True).click()
    expect(owner.get_by_role("row").filter(has_text="Koffi Mensah")).to_have_count(0)
    assert not Membership.objects.filter(workspace=workspace, user__email=email).exists()
    complaints.expect("404")
    member.get_by_role("link", name="Gallery").first.click()
    expect(member.get_by_text("a workspace you're not a member of")).to_be_visible()

    # All of it is in the activity.
    owner.goto(f"{team}activity/")
    for text in (
        "removed Koffi Mensah, who was Creator",
        "declined 1,300 credits for Koffi Mensah",
        "approved 1,300 credits for Koffi Mensah",
        "asked for approval of 1,300 credits",
        "changed the budget of Koffi Mensah from no limit to 1,500 credits",
        "Koffi Mensah joined as Creator",
        "made an invitation link for one Creator",
    ):
        expect(owner.locator(".act", has_text=text).first).to_be_visible()
