"""Two people in one workspace: what one of them shares appears on the other's open page."""

import pytest
from playwright.sync_api import Page, expect

from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.browser.composing import choose
from tests.browser.conftest import Complaints, OpenAs
from tests.conftest import make_person

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

IDLE_POLL = 21_000
"""Milliseconds; the watching page has a clock of its own."""


def test_what_one_shares_the_other_sees(composer: Page, person: User, open_as: OpenAs, complaints: Complaints) -> None:
    workspace = Workspace.objects.get(memberships__user=person)
    viewer = make_person(f"Chloe-{User.objects.count()}")
    Membership.objects.create(workspace=workspace, user=viewer, role=Role.VIEWER)
    watching = open_as(viewer)
    watching.clock.install()
    watching.goto(f"/w/{workspace.slug}/gallery/?scope=workspace")
    expect(watching.get_by_role("heading", name="Nothing is shared here yet")).to_be_visible()

    # A private clip first, then one for everybody.
    composer.get_by_label("Prompt", exact=True).fill("A kite over the harbour at noon")
    choose(composer, "visibility", "private")
    composer.get_by_role("button", name="Generate").click()
    expect(composer.locator(".card.is-completed")).to_have_count(1, timeout=60_000)
    composer.get_by_label("Prompt", exact=True).fill("A lighthouse in a storm at night")
    choose(composer, "visibility", "workspace")
    composer.get_by_role("button", name="Generate").click()

    # Without a reload, within 30 seconds.
    expect(composer.locator(".card")).to_have_count(2)
    watching.clock.fast_forward(IDLE_POLL)
    card = watching.locator(".card", has_text="A lighthouse in a storm at night")
    expect(card).to_be_visible()
    expect(watching.locator(".card")).to_have_count(1)
    expect(watching.get_by_role("heading", name="Nothing is shared here yet")).to_be_hidden()
    expect(watching.locator(".card.is-completed")).to_have_count(1, timeout=60_000)
    expect(watching.get_by_role("button", name="Cancel")).to_have_count(0)
    address = watching.locator(".card .meta a").get_attribute("href")
    assert address is not None

    # Made private on its page, it vanishes from the other's.
    composer.locator(".card", has_text="A lighthouse").locator(".meta a").click()
    dialog = composer.locator("#clip-dialog")
    dialog.get_by_role("button", name="Make private").click()
    expect(dialog.get_by_role("button", name="Share")).to_be_visible()
    watching.clock.fast_forward(IDLE_POLL)
    expect(card).to_have_count(0)
    complaints.expect("404")
    answer = watching.goto(address)
    assert answer is not None
    assert answer.status == 404
