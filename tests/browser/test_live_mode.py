"""A live studio whose provider can't be reached: free previews, places in line, the admins' banner."""

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django import DjangoDbBlocker

from tchavi_studio.generations.models import AccountPause, Engine, Generation, State
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.workspaces.models import User, Workspace
from tests.browser.conftest import Complaints
from tests.databases import Template, connected_to, free_port
from tests.running_studio import RunningStudio

pytestmark = [pytest.mark.browser, pytest.mark.one_database]


@pytest.fixture(scope="module")
def studio(
    database_template: Template, prepared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStudio]:
    """A live studio for this module. Its provider isn't there, so clips wait."""
    address = f"http://127.0.0.1:{free_port()}/v1"
    folder = tmp_path_factory.mktemp("live-studio")
    shutil.copytree(prepared_data, folder / "data")
    with (
        database_template.copy() as database,
        RunningStudio(folder, database, STUDIO_PROVIDER_API_KEY="sk-tch_test", STUDIO_PROVIDER_URL=address) as studio,
    ):
        yield studio


@pytest.fixture
def models(studio: RunningStudio, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Connect Django's models to the live studio's database."""
    with django_db_blocker.unblock(), connected_to(studio.database):
        yield


@pytest.fixture
def workspace(person: User) -> Workspace:
    """The person's workspace, with 10,000 live credits."""
    workspace = Workspace.objects.get(memberships__user=person)
    grant_credits(workspace=workspace, book="live", amount_credits=10_000, reason="for the test")
    return workspace


@pytest.fixture
def composer(workspace: Workspace, signed_up_page: Page) -> Page:
    """The Create page of a person with credits."""
    signed_up_page.reload()
    expect(signed_up_page.locator("form.composer")).to_be_visible()
    return signed_up_page


def mine(person: User) -> list[tuple[str, int, str]]:
    clips = Generation.objects.filter(creator=person).order_by("created_at")
    return list(clips.values_list("engine", "price_credits", "state"))


def test_free_preview_leads_to_the_real_clip(composer: Page, person: User) -> None:
    expect(composer.locator(".banner")).to_have_count(0)
    composer.locator("[name=prompt]").fill("Dawn over the lagoon")
    composer.locator(".preview-free").dblclick()
    card = composer.locator(".card.is-completed")
    expect(card).to_have_count(1)
    expect(card.locator(".tags")).to_contain_text("Preview")
    expect(composer.locator("#balance")).to_contain_text("10,000")
    assert mine(person) == [(Engine.PREVIEW, 0, State.COMPLETED)]
    preview = Generation.objects.get(creator=person)

    card.get_by_role("link", name="Generate for 1,300 credits").click()
    expect(composer.locator("[name=prompt]")).to_have_value("Dawn over the lagoon")
    expect(composer.locator("[name=seed]")).to_have_value(str(preview.seed))
    composer.wait_for_load_state("networkidle")
    composer.locator("[name=prompt]").press("Control+Enter")
    expect(composer.locator(".card.is-queued .phase")).to_contain_text("Next in line")
    real = Generation.objects.get(creator=person, engine=Engine.TCHAVI)
    assert (real.seed, real.parent_id, real.price_credits) == (preview.seed, preview.pk, 1_300)
    expect(composer.locator("#balance")).to_contain_text("8,700")


def test_control_enter_generates_even_with_focus_on_preview(composer: Page, person: User) -> None:
    composer.locator("[name=prompt]").fill("Drums at dusk")
    composer.wait_for_load_state("networkidle")
    composer.locator(".preview-free").focus()
    composer.keyboard.press("Control+Enter")
    expect(composer.locator(".card.is-queued")).to_have_count(1)
    assert [clip[:2] for clip in mine(person)] == [(Engine.TCHAVI, 1_300)]


def test_place_in_line_updates_without_losing_focus(composer: Page, person: User) -> None:
    composer.locator("[name=prompt]").fill("First")
    for count in (1, 2):
        composer.wait_for_load_state("networkidle")
        composer.locator("[name=prompt]").fill(f"Scene {count}")
        composer.wait_for_timeout(600)  # Longer than a double click.
        composer.locator(".generate").click()
        expect(composer.locator(".card.is-queued")).to_have_count(count)
    newest = composer.locator(".card.is-queued").first
    ahead = Generation.objects.filter(engine=Engine.TCHAVI, state=State.QUEUED).count() - 1
    expect(newest.locator(".phase")).to_contain_text(re.compile(f"{ahead} clips? ahead"))
    newest.locator(".phase button").focus()
    composer.locator(".card.is-queued").nth(1).evaluate("card => card.querySelector('form').requestSubmit()")
    expect(newest.locator(".phase")).not_to_contain_text(f"{ahead} clip")
    expect(newest.locator(".phase button")).to_be_focused()
    assert Transfer.objects.filter(workspace__memberships__user=person, kind="refund").count() == 1


@pytest.fixture
def account_pause(models: None) -> Iterator[AccountPause]:
    """The provider refuses the account, with a message that must be escaped."""
    later = timezone.now() + timedelta(hours=1)
    pause = AccountPause.objects.create(
        model="", code="insufficient_credits", message="<img src=x onerror=alert(1)> Top up.", try_again_at=later
    )
    yield pause
    AccountPause.objects.all().delete()


def test_site_admins_see_that_the_account_is_refused(
    composer: Page, person: User, account_pause: AccountPause, complaints: Complaints
) -> None:
    User.objects.filter(pk=person.pk).update(is_staff=True)
    composer.reload()
    banner = composer.locator("aside.alert")
    expect(banner).to_contain_text("<img src=x onerror=alert(1)> Top up.")
    expect(banner.locator("img")).to_have_count(0)
    banner.get_by_role("button", name="Try again now").click()
    expect(composer.locator(".toast")).to_contain_text("Trying again.")
    assert AccountPause.objects.get(pk=account_pause.pk).try_again_at <= timezone.now()


def test_others_read_that_no_credits_are_lost(composer: Page, person: User, account_pause: AccountPause) -> None:
    User.objects.filter(pk=person.pk).update(is_staff=False)
    composer.reload()
    composer.locator("[name=prompt]").fill("Drums at dusk")
    composer.wait_for_load_state("networkidle")
    composer.locator(".generate").click()
    expect(composer.locator(".card.is-queued .phase")).to_contain_text("No credits are lost")
    expect(composer.locator("aside.alert")).to_have_count(0)
    AccountPause.objects.all().delete()
    expect(composer.locator(".card.is-queued .phase")).not_to_contain_text("No credits are lost")
