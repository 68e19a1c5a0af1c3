"""End to end with nothing mocked: a studio whose provider is another studio, each with its own browser page."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django import DjangoDbBlocker

from tchavi_studio.api.services import create_key
from tchavi_studio.generations.models import Generation, RemoteFile
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.ledger.verification import verify_ledger
from tchavi_studio.workspaces.models import User, Workspace
from tests.assets.media import make_image, make_wav
from tests.browser.conftest import VIEWPORT, Complaints, sign_in
from tests.conftest import make_person
from tests.databases import Template, connected_to
from tests.running_studio import RunningStudio

pytestmark = [pytest.mark.browser, pytest.mark.one_database]

CLIP_WITHIN_MILLISECONDS = 90_000
DONE = re.compile(r"\bis-completed\b")
PROMPT = "Fishermen pull a painted boat onto the beach, in the light of [Image1]"


@pytest.fixture
def provider(database_template: Template, prepared_data: Path, tmp_path: Path) -> Iterator[RunningStudio]:
    """A sandbox studio that serves as the provider."""
    shutil.copytree(prepared_data, tmp_path / "provider" / "data")
    with database_template.copy() as database, RunningStudio(tmp_path / "provider", database) as studio:
        yield studio


@pytest.fixture
def provider_key(provider: RunningStudio, django_db_blocker: DjangoDbBlocker) -> str:
    """The API key of Ama, who has the account there."""
    with django_db_blocker.unblock(), connected_to(provider.database):
        ama = make_person("Ama")
        return create_key(workspace=Workspace.objects.get(), user=ama, name="for the other studio").key


@pytest.fixture
def live_studio(
    database_template: Template, prepared_data: Path, tmp_path: Path, provider: RunningStudio, provider_key: str
) -> Iterator[RunningStudio]:
    """A live studio whose clips are made by `provider`."""
    shutil.copytree(prepared_data, tmp_path / "live" / "data")
    at_provider = {"STUDIO_PROVIDER_API_KEY": provider_key, "STUDIO_PROVIDER_URL": f"{provider.address}/v1"}
    with (
        database_template.copy() as database,
        RunningStudio(tmp_path / "live", database, **at_provider) as studio,
    ):
        yield studio


def signed_in(browser: Browser, studio: RunningStudio, user: User, complaints: Complaints) -> Page:
    """`user`'s page at `studio`. The models must be connected to its database."""
    context = browser.new_context(base_url=studio.address, viewport=VIEWPORT, locale="en")
    context.set_default_timeout(15_000)
    sign_in(context, user, studio)
    page = context.new_page()
    complaints.listen_to(page)
    page.goto("/")
    return page


def test_clip_made_by_another_studio(
    provider: RunningStudio,
    live_studio: RunningStudio,
    browser: Browser,
    complaints: Complaints,
    django_db_blocker: DjangoDbBlocker,
    tmp_path: Path,
) -> None:
    with django_db_blocker.unblock():
        with connected_to(live_studio.database):
            awa = make_person("Awa")
            grant_credits(workspace=Workspace.objects.get(), book="live", amount_credits=10_000, reason="paid")
            page = signed_in(browser, live_studio, awa, complaints)
        page.locator("label:has([name=mode][value='references'])").click()
        page.set_input_files(
            ".add-any [name=new-files]",
            [make_image(tmp_path / "light.jpg", 900, 700), make_wav(tmp_path / "sea.wav", seconds=3)],
        )
        expect(page.locator(".chip[data-asset]")).to_have_count(2)
        page.locator("[name=prompt]").fill(PROMPT)
        page.locator("[name=duration]").fill("2")
        expect(page.locator("button.generate .price").first).to_have_text("520 credits")
        page.locator("button.generate").first.click()
        card = page.locator("#clips .card")
        expect(card).to_have_count(1)
        expect(card).to_have_class(DONE, timeout=CLIP_WITHIN_MILLISECONDS)
        expect(page.locator("header .bal")).to_contain_text("9,480")

        with connected_to(live_studio.database):
            ours = Generation.objects.select_related("output", "remote_job").get()
            assert (ours.engine, ours.book, ours.price_credits) == ("tchavi", "live", 520)
            assert ours.output is not None
            our_hash, job = ours.output.content_sha256, ours.remote_job
            assert (job.billed_credits, job.refunded_credits) == (520, None)
            assert list(Transfer.objects.values_list("book", "kind", "amount_credits").filter(book="live")) == [
                ("live", "grant", 10_000),
                ("live", "charge", 520),
            ]
            assert list(verify_ledger()) == []
            assert RemoteFile.objects.count() == 2
        with connected_to(provider.database):
            theirs = Generation.objects.select_related("output").get()
            assert f"job_{theirs.pk.hex}" == job.remote_id
            assert (theirs.prompt, theirs.seed, theirs.engine, theirs.book) == (PROMPT, ours.seed, "preview", "sandbox")
            assert sorted(theirs.references.values_list("role", flat=True)) == ["reference_audio", "reference_image"]
            assert theirs.output is not None
            assert theirs.output.content_sha256 == our_hash
            there = signed_in(browser, provider, User.objects.get(), complaints)
        expect(there.locator("#clips .card")).to_have_class(DONE)
        expect(there.locator("#clips .card")).to_contain_text("Fishermen pull a painted boat")
        expect(there.locator("header .bal")).to_contain_text("9,480")
        stored = live_studio.folder / "data" / "media" / str(ours.output.file.name)
        assert hashlib.sha256(stored.read_bytes()).hexdigest() == our_hash
        page.context.close()
        there.context.close()
    assert complaints.unexpected == []
