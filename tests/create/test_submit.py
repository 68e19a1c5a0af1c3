"""Generate: what is created, which credits move, and what comes back when nothing may."""

from collections.abc import Callable
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from tchavi_studio.create.models import Draft
from tchavi_studio.generations.models import Generation, GenerationReference, State
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.services import set_member_budget
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tests.conftest import PutInForce

from .conftest import MakeAsset, make_values, sent

Url = Callable[[str], str]
HTMX = {"HX-Request": "true"}


def balance(workspace: Workspace) -> int:
    return wallet_balance(workspace=workspace, book="sandbox")


def charges() -> list[int]:
    return list(Transfer.objects.filter(kind="charge").order_by("sequence").values_list("amount_credits", flat=True))


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def test_generate_charges_what_was_shown_and_queues_one_clip(
    alice_browser: Client, workspace: Workspace, alice: User, url: Url
) -> None:
    values = make_values(seed="77", aspect_ratio="9:16")
    response = alice_browser.post(url("submit"), sent(values))
    assert (response.status_code, response["Location"]) == (302, url("page"))
    clip = Generation.objects.get()
    assert (clip.workspace, clip.creator, str(clip.submission_id)) == (workspace, alice, values["submission_id"])
    assert (clip.state, clip.seed, clip.width, clip.height, clip.price_credits) == (State.QUEUED, 77, 496, 864, 1_300)
    assert charges() == [1_300]
    assert balance(workspace) == 8_700


def test_with_htmx_the_cards_come_with_a_fresh_submission_and_the_new_balance(
    alice_browser: Client, workspace: Workspace, url: Url
) -> None:
    values = make_values()
    response = alice_browser.post(url("submit"), sent(values), headers=HTMX)
    body = text_of(response)
    clip = Generation.objects.get()
    assert response.status_code == 200
    assert str(clip.pk) in body
    assert 'name="submission_id"' in body
    assert str(values["submission_id"]) not in body
    assert "Balance after: 7,400" in body


def test_a_double_click_makes_and_bills_one_clip(alice_browser: Client, workspace: Workspace, url: Url) -> None:
    values = sent(make_values())
    alice_browser.post(url("submit"), values, headers=HTMX)
    again = alice_browser.post(url("submit"), values, headers=HTMX)
    assert again.status_code == 200
    assert "This was already sent and isn't charged again." in text_of(again)
    assert Generation.objects.count() == 1
    assert charges() == [1_300]


def test_variations_are_as_many_clips_with_different_seeds(
    alice_browser: Client, workspace: Workspace, url: Url
) -> None:
    values = make_values(variations="4", price_credits="5200", seed="10")
    alice_browser.post(url("submit"), sent(values))
    assert list(Generation.objects.order_by("variation").values_list("seed", flat=True)) == [10, 11, 12, 13]
    assert charges() == [1_300] * 4
    assert balance(workspace) == 4_800


def test_variations_that_cost_too_much_together_make_none(
    alice_browser: Client, workspace: Workspace, url: Url
) -> None:
    values = make_values(variations="4", duration="10", price_credits="10400")
    response = alice_browser.post(url("submit"), sent(values), headers=HTMX)
    body = text_of(response)
    assert response.status_code == 422
    assert "This needs 10,400 credits, but the wallet holds only 10,000. No credits moved." in body
    assert "10,400 needed, 10,000 available" in body
    assert "Add play credits" in body
    assert Generation.objects.count() == 0
    assert charges() == []


def test_a_members_monthly_limit_binds_in_the_browser_too(
    alice_browser: Client, workspace: Workspace, alice: User, url: Url
) -> None:
    set_member_budget(workspace=workspace, user=alice, budget_credits=2_000)
    assert alice_browser.post(url("submit"), sent(make_values()), headers=HTMX).status_code == 200
    refused = alice_browser.post(url("submit"), sent(make_values()), headers=HTMX)
    assert refused.status_code == 422
    assert "Monthly limit reached" in text_of(refused)
    assert "This needs 1,300 credits, but only 700 of your budget of 2,000 for this month are left." in text_of(refused)
    assert charges() == [1_300]


def test_in_live_mode_the_sites_admins_are_named_for_only_they_grant_credits(
    client: Client, bob: User, settings: Settings
) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    client.force_login(bob)
    body = text_of(client.post("/w/bobs-studio/create/submit/", sent(make_values()), headers=HTMX))
    assert "1,300 needed, 0 available · <span>Ask Alice for more</span>" in body
    assert "Add play credits" not in body


def test_in_live_mode_an_admin_is_led_to_grant_credits(alice_browser: Client, url: Url, settings: Settings) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    body = text_of(alice_browser.post(url("submit"), sent(make_values()), headers=HTMX))
    assert '1,300 needed, 0 available · <a href="/w/alices-studio/credits/#grant">Grant credits</a>' in body


@pytest.mark.parametrize("seen", ["1299", "0", "", "abc"])
def test_another_price_than_was_shown_asks_again(
    alice_browser: Client, workspace: Workspace, url: Url, seen: str
) -> None:
    response = alice_browser.post(url("submit"), sent(make_values(price_credits=seen)), headers=HTMX)
    assert response.status_code == 422
    assert Generation.objects.count() == 0
    assert balance(workspace) == 10_000
    assert 'value="1300"' in text_of(response)


def test_an_operators_new_price_is_shown_before_it_is_charged(
    alice_browser: Client, workspace: Workspace, url: Url, put_in_force: PutInForce
) -> None:
    values = make_values()
    put_in_force({"seedance-2": {"480p": 300}})
    refused = alice_browser.post(url("submit"), sent(values), headers=HTMX)
    assert "The price has changed. Nothing was created and no credits moved" in text_of(refused)
    assert "The price is now 1,500 credits" in text_of(refused)
    assert charges() == []
    values["price_credits"] = "1500"
    assert alice_browser.post(url("submit"), sent(values), headers=HTMX).status_code == 200
    assert charges() == [1_500]


def test_without_javascript_an_error_brings_the_whole_composer_back(
    alice_browser: Client, url: Url, make_asset: MakeAsset
) -> None:
    photo = make_asset()
    values = make_values(prompt="", mode="references", reference_images=[photo.pk], seed="5", duration="9")
    response = alice_browser.post(url("submit"), sent(values))
    body = text_of(response)
    assert response.status_code == 422
    assert "Describe the scene: the prompt is empty." in body
    assert "Nothing was created, no credits moved" in body
    assert f'name="reference_images" value="{photo.pk}"' in body
    assert 'name="seed"' in body
    assert 'value="5"' in body
    assert f'value="{values["submission_id"]}"' in body


def test_references_are_kept_in_their_order(alice_browser: Client, url: Url, make_asset: MakeAsset) -> None:
    first, second, speech = make_asset(), make_asset(), make_asset("audio")
    values = make_values(
        mode="references", reference_images=[second.pk, first.pk], reference_audios=[speech.pk], image_url=[first.pk]
    )
    alice_browser.post(url("submit"), sent(values))
    assert list(GenerationReference.objects.values_list("role", "position", "asset_id")) == [
        ("reference_audio", 1, speech.pk),
        ("reference_image", 1, second.pk),
        ("reference_image", 2, first.pk),
    ]


def test_another_workspaces_file_makes_nothing(
    alice_browser: Client, workspace: Workspace, bob: User, url: Url, make_asset: MakeAsset
) -> None:
    theirs = make_asset(workspace=Workspace.objects.get(memberships__user=bob))
    values = make_values(mode="frames", image_url=[theirs.pk])
    response = alice_browser.post(url("submit"), sent(values), headers=HTMX)
    assert response.status_code == 422
    assert "A file that was here is no longer in this workspace. Add it again." in text_of(response)
    assert Generation.objects.count() == 0
    assert balance(workspace) == 10_000


def test_a_remix_names_its_parent(alice_browser: Client, url: Url) -> None:
    alice_browser.post(url("submit"), sent(make_values()))
    parent = Generation.objects.get()
    alice_browser.post(url("submit"), sent(make_values(parent=parent.pk, remix="no-seed")))
    child = Generation.objects.exclude(pk=parent.pk).get()
    assert (child.parent, child.remix, parent.remix) == (parent, "no-seed", "")
    # The next clip is no remix unless somebody says so.
    assert (Draft.objects.get().values["parent"], Draft.objects.get().values["remix"]) == ([], [])


def test_what_is_no_remix_took_nothing_over(alice_browser: Client, url: Url) -> None:
    alice_browser.post(url("submit"), sent(make_values(remix="no-seed")))
    assert (Generation.objects.get().parent, Generation.objects.get().remix) == (None, "")


def test_a_clip_of_somebody_else_is_no_parent(alice_browser: Client, bob: User, url: Url, client: Client) -> None:
    response = alice_browser.post(url("submit"), sent(make_values(parent=uuid4())), headers=HTMX)
    assert response.status_code == 422
    assert "The clip that this is a remix of is gone." in text_of(response)
    assert Generation.objects.count() == 0


def test_after_a_start_the_scene_and_settings_stay_and_the_seed_goes(
    alice_browser: Client, alice: User, url: Url
) -> None:
    values = make_values(seed="5", duration="7", price_credits="1820")
    body = text_of(alice_browser.post(url("submit"), sent(values), headers=HTMX))
    draft = Draft.objects.get(user=alice).values
    assert (draft["prompt"], draft["duration"], draft["seed"]) == ([values["prompt"]], ["7"], [""])
    assert 'id="composer-seed" min="0" max="4294967295" step="1" inputmode="numeric" value=""' in body


def test_a_locked_seed_stays(alice_browser: Client, alice: User, url: Url) -> None:
    alice_browser.post(url("submit"), sent(make_values(seed="5", seed_locked="on")))
    assert Draft.objects.get(user=alice).values["seed"] == ["5"]


def test_a_viewer_can_start_nothing(alice_browser: Client, workspace: Workspace, url: Url) -> None:
    Membership.objects.filter(workspace=workspace).update(role="viewer")
    assert alice_browser.post(url("submit"), sent(make_values())).status_code == 403
    assert Generation.objects.count() == 0


def test_an_expired_session_leads_to_sign_in_and_back_to_the_composer(
    client: Client, workspace: Workspace, url: Url
) -> None:
    response = client.post(
        url("submit"), sent(make_values()), headers={**HTMX, "HX-Current-URL": f"http://testserver{url('page')}"}
    )
    assert response["HX-Redirect"] == f"/accounts/login/?next={url('page')}"
    assert Generation.objects.count() == 0
