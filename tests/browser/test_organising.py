"""Two people who mark, tag and collect the clips of one workspace."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tchavi_studio.generations.models import Collection, Generation
from tchavi_studio.generations.organising.collections import collect_clips, create_collection
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.browser.conftest import OpenAs
from tests.conftest import make_person

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

PROMPTS = ("A kite over the harbour", "A lighthouse in a storm", "Bicycles along the road")


LEAVE_WHILE_ASKING = """section => {
  htmx.trigger(section, "outdated");
  document.getElementById(section.id.replace("organise", "favourite")).remove();
  section.remove();
}"""


@pytest.fixture
def made(composer: Page, person: User) -> Page:
    """Three finished clips that the workspace shares."""
    for prompt in PROMPTS:
        composer.get_by_label("Prompt", exact=True).fill(prompt)
        composer.get_by_role("button", name="Generate").click()
        expect(composer.locator(".card", has_text=prompt)).to_be_visible()
    expect(composer.locator(".card.is-completed")).to_have_count(3, timeout=120_000)
    return composer


def test_what_one_tags_and_collects_the_other_sees(made: Page, person: User, open_as: OpenAs) -> None:
    workspace = Workspace.objects.get(memberships__user=person)
    viewer = make_person(f"Chloe-{User.objects.count()}")
    Membership.objects.create(workspace=workspace, user=viewer, role=Role.VIEWER)
    home = f"/w/{workspace.slug}"
    made.goto(f"{home}/gallery/")
    favourites = made.context.new_page()
    favourites.goto(f"{home}/gallery/?scope=favourites")

    # F on the card that has the focus, and the heart of another one.
    kite = made.locator(".card", has_text=PROMPTS[0])
    kite.locator(".meta [data-clip]").focus()
    made.keyboard.press("f")
    expect(kite.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
    lighthouse = made.locator(".card", has_text=PROMPTS[1])
    lighthouse.hover()
    lighthouse.get_by_role("button", name="Favourite").click()
    expect(lighthouse.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "true")
    expect(favourites.locator(".card")).to_have_count(2)
    made.keyboard.press("f")
    expect(lighthouse.get_by_role("button", name="Favourite")).to_have_attribute("aria-pressed", "false")
    # Another tab shows what is marked, and leaves what no longer is where it was, so that it can be marked again.
    unmarked = favourites.locator(".card", has_text=PROMPTS[1]).get_by_role("button", name="Favourite")
    expect(unmarked).to_have_attribute("aria-pressed", "false")
    favourites.close()

    # Stars, a tag and a collection, in the dialog, while the player goes on.
    kite.locator(".meta [data-clip]").click()
    dialog = made.locator("#clip-dialog")
    dialog.locator("video").evaluate("video => { video.dataset.same = 'yes'; }")
    dialog.get_by_role("button", name="4 stars").click()
    expect(dialog.get_by_text("4.0 from 1 rating")).to_be_visible()
    dialog.get_by_label("Add a tag").fill("Golden hour")
    made.keyboard.press("Enter")
    expect(dialog.get_by_role("link", name="Golden hour")).to_be_visible()
    dialog.get_by_text("Add to a collection").click()
    dialog.get_by_label("Name of the new collection").fill("Reel")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog.get_by_role("link", name="Reel")).to_be_visible()
    expect(dialog.locator("video[data-same]")).to_have_count(1)
    expect(kite.locator(".tag", has_text="4.0")).to_have_count(1)

    # Whoever watches may rate and mark, but neither tag nor collect.
    theirs = open_as(viewer)
    theirs.goto(f"{home}/gallery/?scope=workspace")
    expect(theirs.locator(".card", has_text=PROMPTS[0]).locator(".tag", has_text="4.0")).to_be_visible()
    expect(theirs.locator(".card", has_text=PROMPTS[0]).get_by_role("button", name="Favourite")).to_have_attribute(
        "aria-pressed", "false"
    )
    theirs.get_by_text("More filters").click()
    theirs.locator(".rare-filter > summary", has_text="Tag").click()
    theirs.get_by_role("link", name="Golden hour").click()
    expect(theirs.locator(".card")).to_have_count(1)
    theirs.locator(".card .meta [data-clip]").click()
    their_dialog = theirs.locator("#clip-dialog")
    their_dialog.get_by_role("button", name="3 stars").click()
    expect(their_dialog.get_by_text("3.5 from 2 ratings")).to_be_visible()
    # Whoever has the page open learns of it.
    made.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(kite.locator(".tag", has_text="3.5")).to_have_count(1)
    expect(dialog.get_by_text("3.5 from 2 ratings")).to_be_visible()
    expect(dialog.locator("video[data-same]")).to_have_count(1)
    expect(their_dialog.get_by_label("Add a tag")).to_have_count(0)
    expect(their_dialog.get_by_text("Add to a collection")).to_have_count(0)
    their_dialog.get_by_role("link", name="Reel").click()
    expect(theirs.get_by_role("heading", name="Reel")).to_be_visible()
    expect(theirs.locator(".card")).to_have_count(1)
    expect(theirs.locator("[data-move]")).to_have_count(0)

    # An answer for what has left the page meanwhile is no error: the page's complaints fail the test.
    with made.expect_response(re.compile("/organised/$")) as answered:
        dialog.locator(".organise").evaluate(LEAVE_WHILE_ASKING)
    answered.value.finished()

    # What is a favourite is one's own.
    made.goto(f"{home}/gallery/?scope=favourites")
    expect(made.locator(".card")).to_have_count(1)
    theirs.goto(f"{home}/gallery/?scope=favourites")
    expect(theirs.get_by_role("heading", name="No favourites yet")).to_be_visible()


def order_of(page: Page) -> list[str]:
    """The first words of the cards, as they stand."""
    return [re.split(r"\s", text)[1] if text[0] == "A" else text.split()[0] for text in prompts_of(page)]


def prompts_of(page: Page) -> list[str]:
    return page.locator(".card .meta [data-clip]").all_inner_texts()


def test_the_order_of_a_collection(made: Page, person: User) -> None:
    workspace = Workspace.objects.get(memberships__user=person)
    membership = Membership.objects.get(workspace=workspace, user=person)
    reel = create_collection(membership=membership, name="Reel")
    clips = Generation.objects.filter(workspace=workspace, created_at__gt=timezone.now() - timedelta(hours=1))
    collect_clips(
        membership=membership,
        collection_id=reel.pk,
        generation_ids=list(clips.order_by("created_at").values_list("pk", flat=True)),
    )
    made.goto(f"/w/{workspace.slug}/collections/")
    made.get_by_role("link", name="Reel").last.click()
    assert order_of(made) == ["kite", "lighthouse", "Bicycles"]

    def moved(expected: list[str]) -> None:
        """The page shows it, and so does a new one."""
        expect(made.locator(".card").first.locator(".meta [data-clip]")).to_contain_text(expected[0])
        expect(made.locator(".htmx-request")).to_have_count(0)
        assert order_of(made) == expected
        made.reload()
        assert order_of(made) == expected

    made.locator(".card").first.get_by_role("button", name="Later").click()
    moved(["lighthouse", "kite", "Bicycles"])
    made.locator(".card").nth(2).locator(".meta [data-clip]").focus()
    made.keyboard.press("Alt+ArrowLeft")
    made.keyboard.press("Alt+ArrowLeft")
    moved(["Bicycles", "lighthouse", "kite"])
    cards = made.locator(".card")
    cards.nth(2).locator(".media").drag_to(cards.nth(0).locator(".media"), target_position={"x": 20, "y": 60})
    moved(["kite", "Bicycles", "lighthouse"])
    made.locator(".card").first.get_by_label("In this collection").click()
    made.get_by_role("button", name="To the end").click()
    moved(["Bicycles", "lighthouse", "kite"])
    made.locator(".card").nth(1).get_by_label("In this collection").click()
    made.get_by_role("button", name="Use as the cover").click()
    toasts = made.locator("#toasts")
    expect(toasts.get_by_text("This clip is the collection's cover now.")).to_be_visible()
    made.locator(".card").first.get_by_label("In this collection").click()
    made.get_by_role("button", name="Take out of the collection").click()
    expect(toasts.get_by_text("Taken out of the collection.")).to_be_visible()
    expect(made.locator(".card:visible")).to_have_count(2)

    made.get_by_text("Edit", exact=True).click()
    made.get_by_label("Name").fill("Friday")
    made.get_by_role("button", name="Save").click()
    expect(made.get_by_role("heading", name="Friday")).to_be_visible()
    made.get_by_text("Edit", exact=True).click()
    made.get_by_role("link", name="Delete the collection").click()
    made.get_by_role("button", name="Delete the collection").click()
    expect(toasts.get_by_text("The collection is deleted. Its clips are still there.")).to_be_visible()
    assert not Collection.objects.filter(workspace=workspace).exists()
