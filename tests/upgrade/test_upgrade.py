"""What an upgrade must keep: every record as it reads, every address, every promise, and all that was under way."""

import hashlib
import json
import re
import time
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.mail import EmailMessage
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from pytest_django import Settings

from tchavi_studio.generations import tasks as generation_tasks
from tchavi_studio.generations.library.text_index import missing_parts
from tchavi_studio.generations.models import Generation, LibraryEntry, PriceVersion
from tchavi_studio.generations.price_list import published_prices
from tchavi_studio.generations.upstream import transfers
from tchavi_studio.notices import tasks as notice_tasks
from tchavi_studio.operations.tasks import sweep
from tchavi_studio.webhooks import tasks as webhook_tasks
from tchavi_studio.workspaces.models import Workspace
from tests.generations.conftest import write_clip
from tests.generations.upstream.conftest import Drive, LocalNetwork
from tests.upstream.service import Settings as UpstreamSettings
from tests.upstream.service import Upstream
from tests.webhooks.conftest import Receiver

from .conftest import OWN_PRICES, Studio, cards_in, choices_in, clips_in, failure_in, page, state_in

# One worker has them all, so that the migration is run once.
pytestmark = pytest.mark.processes

OWN_REASONS = {
    "failed_first_frame": ("first frame",),
    "failed_reference_image": ("image 2",),
    "failed_timed_out": ("preview", "too long"),
    "failed_render": ("preview",),
    "failed_interrupted": ("3 times",),
    "failed_damaged": ("damaged",),
    "failed_by_provider": ("provider",),
    "failed_timeout": ("provider", "time"),
    "failed_unknown": ("provider", "answer", "lost"),
    "failed_unknown_and_reviewed": ("provider", "answer", "lost"),
    "failed_account": ("account", "provider"),
    "failed_damaged_on_arrival": ("damaged",),
    "failed_test_job": ("preview", "too long"),
    "cancelled": ("cancel",),
    "cancelled_live": ("cancel",),
}
"""What the studio itself says of a failure must still say at least this; people read it in their language."""

PROVIDERS_REASONS = {
    "failed_refused": ("content_policy_violation", "The prompt was refused by the model's safety system."),
    "failed_reference_refused": ("reference_refused", "Reference image 1: the address took too long."),
}
"""What the provider says stays as it came, with its code."""

UNDER_WAY_AT_PROVIDER = {
    "processing_at_provider": "completed",
    "processing_being_looked_at": "completed",
    "saving_from_provider": "completed",
    "submitting_to_provider": "failed",
    "unknown_at_provider": "failed",
    "queued_live": "processing",
    "queued_over_the_api": "processing",
    "queued_kling": "processing",
    "queued_with_photo": "processing",
}
"""What becomes of what was on its way to, at or from the provider."""


def assert_holds(old: Any, new: Any) -> None:
    """That everything in an old answer is in the new one, the same. There may be more in it."""
    if isinstance(old, dict):
        assert set(old) <= set(new)
        for name in old:
            assert_holds(old[name], new[name])
    elif isinstance(old, list):
        assert len(old) == len(new)
        for old_item, new_item in zip(old, new, strict=True):
            assert_holds(old_item, new_item)
    else:
        assert old == new


def fetched(browser: Client, address: str) -> tuple[str, str]:
    """Content type and SHA-256 of a file that must be there."""
    answer = browser.get(address)
    assert answer.status_code == 200, address
    # Read to its end, it is closed by Django's client, which leaves the test's transaction open.
    return answer["Content-Type"], hashlib.sha256(b"".join(cast(Iterable[bytes], answer))).hexdigest()


def is_said(words: tuple[str, ...], text: str) -> bool:
    return all(word in text.lower() for word in words)


def facts_of(studio: Studio, name: str) -> Any:
    """What the recipe says of `name`; skips the test if the old code knew no such thing."""
    if name not in studio.facts:
        pytest.skip(f"the old code had no {name.replace('_', ' ')}")
    return studio.facts[name]


def post(studio: Studio, key: str, body: dict[str, Any], **headers: str) -> Any:
    program = studio.program(key, **headers)
    return program.post("/v1/videos/generations", body, content_type="application/json")


# --- The database -----------------------------------------------------------------------------------------------------


def test_the_database_is_sound_and_the_ledger_is_the_one_that_was_left(studio: Studio) -> None:
    call_command("check", databases=["default"], fail_level="WARNING", stdout=StringIO())
    call_command("migrate", check_unapplied=True, stdout=StringIO())
    call_command("makemigrations", check_changes=True, dry_run=True, stdout=StringIO())
    call_command("verify_ledger", expect_head=studio.facts["heads"], stdout=StringIO())
    call_command("verify_storage", stdout=StringIO())


@pytest.mark.parametrize("table", ["ledger_transfer", "workspaces_activityrow"])
def test_rows_of_the_books_can_still_not_be_changed(studio: Studio, table: str) -> None:
    if table == "workspaces_activityrow":
        facts_of(studio, "activity")
    for statement in (f"UPDATE {table} SET sequence = sequence", f"DELETE FROM {table}"):
        refused = pytest.raises(DatabaseError, match="rows never change or vanish")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_the_first_version_of_the_prices_is_what_was_charged(studio: Studio) -> None:
    [version] = PriceVersion.objects.all()
    assert (version.number, version.author, version.price_list) == (1, None, published_prices(OWN_PRICES))
    # Nobody knows which prices older charges were made by.
    assert set(Generation.objects.values_list("price_version", flat=True)) == {None}
    with pytest.raises(DatabaseError, match="price versions never change or vanish"), transaction.atomic():
        PriceVersion.objects.update(reason="None")


# --- Clips ------------------------------------------------------------------------------------------------------------


def test_every_clip_is_shown_as_it_was_left(studio: Studio) -> None:
    # What a test key asked for is not shown in the browser.
    seen = {name: clip for name, clip in studio.facts["clips"].items() if clip["key"] != "test"}
    for name, clip in seen.items():
        shown = studio.clip_page(name)
        assert state_in(shown) == clip["state"], name
        if clip["state"] == "failed" and name in OWN_REASONS:
            assert is_said(OWN_REASONS[name], failure_in(shown)), name
        if name in PROVIDERS_REASONS:
            assert PROVIDERS_REASONS[name][1] in failure_in(shown), name
        if clip["output"]:
            browser, media = studio.browser(clip["creator"]), f"/w/{clip['workspace']}/media/{clip['output']}"
            film = ("video/mp4", clip["output_sha256"])
            assert f"{media}/file" in shown
            assert (
                fetched(browser, f"{media}/file") == fetched(browser, f"{studio.clip_address(name)}download/") == film
            )
            content_type, poster_sha256 = fetched(browser, f"{media}/poster")
            assert content_type == "image/webp"
            assert poster_sha256 == clip.get("poster_sha256", poster_sha256)
    assert {clip["state"] for clip in seen.values()} == {
        "queued",
        "submitting",
        "unknown",
        "processing",
        "saving",
        "completed",
        "failed",
        "cancelled",
    }


def test_every_clip_from_before_there_was_sharing_is_private(studio: Studio) -> None:
    if "clips_seen" in studio.facts:
        pytest.skip("there was sharing")
    assert set(Generation.objects.values_list("is_shared", "shared_at")) == {(False, None)}
    assert set(Workspace.objects.values_list("default_visibility", flat=True)) == {"private"}


def test_every_clip_is_in_the_gallerys_index(studio: Studio) -> None:
    clips = {clip["id"] for clip in studio.facts["clips"].values() if clip["key"] != "test"}
    assert {str(pk) for pk in LibraryEntry.objects.values_list("generation", flat=True)} == clips
    call_command("verify_library", stdout=StringIO())
    assert missing_parts(connection) == []


def test_jobs_read_as_before(studio: Studio) -> None:
    names = {clip["job_id"]: name for name, clip in studio.facts["clips"].items()}
    for key, kept in studio.facts["keys"].items():
        program = studio.program(key)
        answer = program.get("/v1/jobs?limit=50")
        assert answer.status_code == kept["status"]
        jobs = answer.json()["data"] if answer.status_code == 200 else []
        for old, new in zip(kept.get("jobs", []), jobs, strict=True):
            name = names[old["id"]]
            # The words may get better, which the next test is about.
            expected = {**old, "error": new["error"]} if name in OWN_REASONS else old
            assert_holds(expected, new)
            single = program.get(f"/v1/jobs/{old['id']}").json()
            assert_holds(expected, single)
            if old["status"] == "completed":
                film = ("video/mp4", studio.clip(name)["output_sha256"])
                assert fetched(Client(), single["output"]["video_url"]) == film


def test_reasons_of_failures_are_read_in_both_languages(studio: Studio) -> None:
    in_french = cards_in(page(studio.browser(), f"{studio.home}/gallery/?state=failed", language="fr"))
    in_english = cards_in(page(studio.browser(), f"{studio.home}/gallery/?state=failed"))
    assert set(in_french) == set(in_english)
    for name in (*OWN_REASONS, *PROVIDERS_REASONS):
        clip = studio.clip(name)
        english, french = (
            studio.program(clip["key"], **{"Accept-Language": language})
            .get(f"/v1/jobs/{clip['job_id']}")
            .json()["error"]
            for language in ("en", "fr")
        )
        if name in OWN_REASONS:
            assert english["code"] == french["code"] != ""
            assert french["message"] != english["message"]
            assert is_said(OWN_REASONS[name], english["message"])
        else:
            code, message = PROVIDERS_REASONS[name]
            assert english == french == {"code": code, "message": message}
        if clip["state"] == "failed" and clip["key"] != "test":
            shown = failure_in(in_french[clip["id"]])
            assert (
                PROVIDERS_REASONS[name][1] in shown
                if name in PROVIDERS_REASONS
                else shown != failure_in(in_english[clip["id"]])
            )


def test_signed_links_still_open(studio: Studio) -> None:
    signed = studio.facts["signed"]
    assert fetched(Client(), signed["file"]) == ("video/mp4", studio.clip("completed")["output_sha256"])
    assert fetched(Client(), signed["poster"])[0] == "image/webp"


def test_files_are_still_there(studio: Studio) -> None:
    for kept in studio.facts["files"].values():
        media = f"{studio.home}/media/{kept['id']}"
        assert fetched(studio.browser(), f"{media}/file")[1] == kept["sha256"]
        for variant in kept["variants"]:
            assert fetched(studio.browser(), f"{media}/{variant}")


def test_remixes_and_references_are_still_linked(studio: Studio) -> None:
    remix = studio.clip_page("completed_remix")
    assert studio.clip_address("completed") in remix
    assert studio.clip("completed")["children"] == [studio.clip("completed_remix")["id"]]
    assert studio.clip_address("completed_remix") in studio.clip_page("completed")
    for name in ("photo60.png", "photo120.png", "trimmed", "wind.wav"):
        assert f"/media/{studio.facts['files'][name]['id']}/file" in remix
    assert re.findall(r"Image ?1|Image ?2|Video ?1|Audio ?1", remix)


def test_the_bin_and_dismissed_failures(studio: Studio) -> None:
    binned, dismissed = studio.clip("completed_and_binned")["id"], studio.clip("failed_and_dismissed")["id"]
    shown = page(studio.browser(), f"{studio.home}/gallery/") + page(studio.browser(), f"{studio.home}/create/")
    assert f'id="clip-{studio.clip("failed_just_now")["id"]}"' in shown
    assert binned not in shown
    assert dismissed not in shown
    in_bin = page(studio.browser(), f"{studio.home}/gallery/bin/")
    assert binned in in_bin
    assert dismissed not in in_bin
    assert studio.browser().post(f"{studio.clip_address('completed_and_binned')}restore/").status_code == 302
    assert binned not in page(studio.browser(), f"{studio.home}/gallery/bin/")


# --- Credits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("book", ["sandbox", "live"])
def test_balances_and_statements_are_the_same(studio: Studio, settings: Settings, book: str) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = book
    kept = studio.facts["credits"][book]
    assert_holds(kept, studio.program("plain").get("/v1/credits?limit=50").json())
    shown = page(studio.browser(), f"{studio.home}/credits/")
    assert f"{kept['balance']:,}" in shown
    rows = dict(re.findall(r'<tr[^>]* id="transfer-(\d+)"(.*?)</tr>', shown, re.DOTALL))
    assert len(rows) == len(kept["statement"])
    for transfer in kept["statement"]:
        row = rows[str(transfer["sequence"])]
        assert f"{'+' if transfer['amount'] > 0 else '−'}{abs(transfer['amount']):,}" in row
        assert f"{transfer['balance_after']:,}" in row
        if transfer["kind"] == "refund":
            # A code was written down for ever; people read words, and with them the provider's own code.
            (words,) = re.findall(r"<small>Refund · (.*?) ·", row)
            assert words != transfer["reason"]
            assert ("_" in words) == (transfer["reason"] == "content_policy_violation")


def test_exposures_wait_for_the_admins_as_before(studio: Studio, live: None) -> None:
    shown = page(studio.browser(), f"{studio.home}/credits/exposure/")
    listed = {name for name, clip in studio.facts["clips"].items() if clip["id"] in shown}
    assert listed == {"failed_timeout", "failed_unknown", "failed_damaged_on_arrival"}
    assert "job_failed_timeout" in shown
    assert "job_failed_damaged_on_arrival" in shown


def test_the_pause_of_the_provider_is_told(studio: Studio, live: None) -> None:
    assert "This account may not use kling-v3." in page(studio.browser(), f"{studio.home}/create/")


# --- Programs ---------------------------------------------------------------------------------------------------------


def test_a_monthly_limit_still_binds_and_counts_what_was_spent(studio: Studio, live: None) -> None:
    assert studio.facts["limit_text"] == "1,040 of 2,000 credits"
    assert studio.facts["limit_text"] in page(studio.browser(), f"{studio.home}/developers/")
    body = {"model": "seedance-2", "prompt": "As much as the limit leaves", "generate_audio": False}
    refused = post(studio, "limited", {**body, "duration": 4})
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "spending_limit_reached")
    assert post(studio, "limited", {**body, "duration": 3}).status_code == 202
    assert post(studio, "limited", {**body, "duration": 1}).status_code == 402
    assert post(studio, "plain", {**body, "duration": 4}).status_code == 202


def test_what_a_limited_key_gets_back_may_be_spent_again(studio: Studio, live: None) -> None:
    address = f"/v1/jobs/{studio.clip('queued_live')['job_id']}"
    assert studio.program("limited").delete(address).json()["status"] == "failed"
    assert studio.statement("queued_live") == [("charge", -260), ("refund", 260)]
    assert "780 of 2,000 credits" in page(studio.browser(), f"{studio.home}/developers/")


def test_keys_may_do_what_they_might_before(studio: Studio, live: None) -> None:
    body = {"model": "seedance-2", "prompt": "A free one", "duration": 1}
    assert post(studio, "reading", body).status_code == 403
    assert post(studio, "revoked", body).status_code == 401
    free = post(studio, "test", body)
    assert (free.status_code, free.json()["tchavi"]["credits_used"]) == (202, 0)
    shown = page(studio.browser(), f"{studio.home}/developers/")
    assert all(key["name"] in shown for key in studio.facts["keys"].values())


def test_a_finished_request_is_answered_again(studio: Studio, live: None) -> None:
    finished = studio.facts["finished"]
    again = post(studio, "limited", finished["body"], **{"Idempotency-Key": finished["key"]})
    assert (again.status_code, again.json()) == (202, finished["answer"])
    assert again["Idempotent-Replayed"] == "true"


def test_a_request_in_flight_is_taken_over_and_made_once(studio: Studio, live: None) -> None:
    in_flight = studio.facts["in_flight"]
    balance = studio.facts["credits"]["live"]["balance"]
    first, second = (
        post(studio, "limited", in_flight["body"], **{"Idempotency-Key": in_flight["key"]}) for _time in range(2)
    )
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert second["Idempotent-Replayed"] == "true"
    assert studio.program("limited").get("/v1/credits").json()["balance"] == balance - 260


# --- Webhooks ---------------------------------------------------------------------------------------------------------


def test_webhooks_keep_their_addresses_secrets_and_messages(studio: Studio) -> None:
    hooks = studio.facts["webhooks"]
    listed = page(studio.browser(), f"{studio.home}/developers/webhooks/")
    for hook in hooks.values():
        assert hook["url"] in listed
    told = page(studio.browser(), f"{studio.home}/developers/webhooks/{hooks['told']['id']}/")
    assert hooks["told"]["secret"] in told
    for state, expected in {
        "pending": {"retried", "waiting", "sending"},
        "delivered": {"delivered"},
        "failed": {"failed"},
    }.items():
        log = page(studio.browser(), f"{studio.home}/developers/webhooks/{hooks['told']['id']}/?state={state}")
        assert {name for name, message in studio.facts["messages"].items() if message["id"] in log} == expected
    for message in studio.facts["messages"].values():
        hook = hooks[message["webhook"]]
        shown = page(studio.browser(), f"{studio.home}/developers/webhooks/{hook['id']}/messages/{message['id']}/")
        for attempt in message["attempts"]:
            assert str(attempt["status_code"] or "") in shown
        assert json.loads(message["payload"])["data"]["id"] in shown


def test_messages_under_way_are_delivered_byte_for_byte(studio: Studio, live: None, receiver: Receiver) -> None:
    hook = studio.facts["webhooks"]["told"]
    edit = {"url": receiver.url, "events": ["job.completed", "job.failed"]}
    edited = studio.browser().post(f"{studio.home}/developers/webhooks/{hook['id']}/edit/", edit)
    assert edited.status_code == 302
    webhook_tasks.deliver_due()
    due = [studio.facts["messages"][name] for name in ("retried", "waiting", "sending")]
    received = {request.headers["webhook-id"]: request for request in receiver.requests}
    assert set(received) == {message["id"] for message in due}
    for message in due:
        request = received[message["id"]]
        assert request.body == message["payload"].encode()
        for secret in (hook["secret"], hook["previous_secret"]):
            assert request.verified(secret) == json.loads(message["payload"])
    log = page(studio.browser(), f"{studio.home}/developers/webhooks/{hook['id']}/?state=delivered")
    assert all(message["id"] in log for message in due)


# --- People -----------------------------------------------------------------------------------------------------------


def test_every_page_opens_for_whom_it_did(studio: Studio, live: None) -> None:
    for name, statuses in studio.facts["pages"].items():
        browser = studio.browser(name)
        assert {path: browser.get(path).status_code for path in statuses} == statuses, name


def test_people_stay_signed_in_and_may_sign_in(studio: Studio, settings: Settings) -> None:
    browser = Client()
    browser.cookies[settings.SESSION_COOKIE_NAME] = studio.facts["session"]
    assert browser.get("/", follow=True).redirect_chain[-1][0] == f"{studio.home}/create/"
    bruno = {"login": studio.facts["people"]["Bruno"], "password": studio.facts["password"]}
    assert Client().post("/accounts/login/", bruno).status_code == 302


def test_the_composer_is_as_it_was_left(studio: Studio) -> None:
    draft = studio.facts["draft"]
    composer = page(studio.browser(), f"{studio.home}/create/")
    assert draft["prompt"] in composer
    places = [composer.index(f'value="{file}"') for file in draft["files"]]
    assert places == sorted(places)
    for field, value in {
        "model": "kling-v3",
        "resolution": "720p",
        "aspect_ratio": "9:16",
        "mode": "references",
    }.items():
        (chosen,) = re.findall(rf'<input[^>]*name="{field}"[^>]*checked[^>]*>', composer)
        assert f'value="{value}"' in chosen


# --- Teams ------------------------------------------------------------------------------------------------------------


def test_clips_are_seen_by_whom_they_were(studio: Studio) -> None:
    for name, statuses in facts_of(studio, "clips_seen").items():
        browser = studio.browser(name)
        assert {clip: browser.get(studio.clip_address(clip)).status_code for clip in statuses} == statuses


def test_lists_have_the_same_clips_in_the_same_order(studio: Studio) -> None:
    for name, lists in facts_of(studio, "lists").items():
        shown = {path: clips_in(page(studio.browser(name), f"{studio.home}/{path}")) for path in lists}
        assert shown == lists, name


LATER_NOTICES = {"ledger_findings"}
"""Kinds of notices since the newest fixture. Nobody has chosen, so they are on."""


def test_what_people_chose_is_chosen(studio: Studio, settings: Settings) -> None:
    settings.SENDS_MAIL = True
    for name, forms in facts_of(studio, "choices").items():
        for path, choices in forms.items():
            shown = choices_in(page(studio.browser(name), path))
            assert [choice for choice in shown if choice.partition("=")[2] not in LATER_NOTICES] == choices, path


def test_former_addresses_still_lead_there(studio: Studio) -> None:
    for former, address in facts_of(studio, "former_addresses").items():
        assert studio.browser("Bruno").get(former, follow=True).redirect_chain[-1][0] == address


def test_an_invitation_is_accepted(studio: Studio) -> None:
    link, fatou, gallery = facts_of(studio, "invitation"), studio.browser("Fatou"), f"{studio.home}/gallery/"
    assert fatou.get(gallery).status_code == 404
    assert fatou.get(link).headers["Location"] == "/invitations/accept/"
    assert fatou.post("/invitations/accept/").status_code == 302
    assert fatou.get(gallery).status_code == 200
    assert Client().get(link, follow=True).status_code == 410


def test_a_request_above_a_budget_is_approved(studio: Studio, live: None) -> None:
    asked = facts_of(studio, "budgets")
    body = {"mode": "text", "prompt": "More", "model": "seedance-2", "duration": "3", "resolution": "480p"}
    refused = studio.browser(asked["asker"]).post(f"{studio.home}/create/submit/", {**body, "aspect_ratio": "1:1"})
    assert asked["budget"] in refused.content.decode()
    assert asked["word"] in page(studio.browser(asked["asker"]), f"{studio.home}/create/")
    assert f"{asked['price_credits']} " in page(studio.browser(), f"{studio.home}/team/budgets/")
    balance = studio.program("plain").get("/v1/credits").json()["balance"]
    for _time in range(2):
        answer = studio.browser().post(
            f"{studio.home}/team/budgets/requests/{asked['request']}/approve/",
            {"price_credits": asked["price_credits"]},
        )
        assert answer.status_code == 302
    assert studio.program("plain").get("/v1/credits").json()["balance"] == balance - asked["price_credits"]
    clips = Generation.objects.filter(prompt="Dawn over the lagoon: asked for", creator__name=asked["asker"])
    assert clips.count() == asked["clip_count"]


def test_activity_is_exported_as_it_was(studio: Studio) -> None:
    kept = facts_of(studio, "activity")
    export = studio.browser().get(f"{studio.home}/team/activity/export.jsonl")
    lines = b"".join(cast(Iterable[bytes], export)).decode().splitlines()
    assert_holds(kept, [json.loads(line) for line in lines])


def test_notices_are_kept_and_the_unseen_ones_are_new(studio: Studio) -> None:
    for name, notices in facts_of(studio, "notices").items():
        shown = page(studio.browser(name), "/notices/")
        links = re.findall(r'<a href="/notices/(\d+)/"( class="unseen")?>', shown)
        assert {int(pk) for pk, unseen in links if unseen} == set(notices["unseen"])
        assert {int(pk) for pk, unseen in links if not unseen} == set(notices["seen"])


def test_due_notices_are_mailed_once(studio: Studio, settings: Settings, mailoutbox: list[EmailMessage]) -> None:
    due = facts_of(studio, "mails")
    settings.SENDS_MAIL = True
    for _time in range(2):
        notice_tasks.mail_due()
        assert sorted(address for message in mailoutbox for address in message.to) == due


def test_acts_on_many_clips_are_undone_and_finished(studio: Studio) -> None:
    bulk = facts_of(studio, "bulk")

    def binned(job: str) -> set[bool]:
        in_bin = page(studio.browser(), f"{studio.home}/gallery/bin/")
        return {studio.clip(name)["id"] in in_bin for name in bulk[job]["clips"]}

    assert (binned("done"), binned("under_way")) == ({True}, {False})
    undone = studio.browser().post(f"{studio.home}/gallery/jobs/{bulk['done']['id']}/undo/")
    assert undone.status_code in (200, 302)
    generation_tasks.work_on_bulk_jobs()
    assert (binned("done"), binned("under_way")) == ({False}, {True})


# --- What was under way -----------------------------------------------------------------------------------------------


@pytest.mark.own_database
def test_previews_under_way_are_finished_or_refunded(studio: Studio) -> None:
    cancelled = studio.browser().post(f"{studio.clip_address('queued_preview')}cancel/")
    assert cancelled.status_code == 302
    assert studio.program("test").delete(f"/v1/jobs/{studio.clip('queued_test_job')['job_id']}").status_code == 200
    sweep()
    generation_tasks.render_waiting()
    names = ("processing_preview", "saving_preview", "processing_for_the_last_time", "queued_preview")
    assert studio.states(names) == {
        "processing_preview": "completed",
        "saving_preview": "completed",
        "processing_for_the_last_time": "failed",
        "queued_preview": "cancelled",
    }
    assert "3 times" in studio.clip_page("processing_for_the_last_time")
    assert {name: studio.statement(name) for name in names} == {
        "processing_preview": [("charge", -260)],
        "saving_preview": [("charge", -260)],
        "processing_for_the_last_time": [("charge", -260), ("refund", 260)],
        "queued_preview": [("charge", -260), ("refund", 260)],
    }
    for name in names[:2]:
        assert fetched(studio.browser(), f"{studio.clip_address(name)}download/")[0] == "video/mp4"
    call_command("verify_ledger", expect_head=studio.facts["heads"], stdout=StringIO())
    call_command("verify_storage", stdout=StringIO())


def provider_with(jobs: list[str], film: bytes) -> Upstream:
    """The provider as the old code left it: these jobs are being made."""
    events: list[dict[str, Any]] = []
    provider_settings = UpstreamSettings(job_seconds=None)
    before = Upstream(time.time, settings=provider_settings, clip=film, journal=events.append)
    for job in jobs:
        before.add_job(model="seedance-2", prompt="Dawn over the lagoon", duration=1)
        events[-1]["job"]["id"] = job
    return Upstream(time.time, settings=provider_settings, clip=film, past=events)


@pytest.mark.own_database
def test_clips_at_the_provider_are_finished_sent_or_refunded(
    studio: Studio, live: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_clip(tmp_path / "film.mp4").read_bytes()
    at_work = ["job_processing_at_provider", "job_processing_being_looked_at"]
    provider = provider_with(at_work, film)
    for job in at_work:
        provider.finish(job)
    monkeypatch.setattr(transfers, "fetch_output", lambda url, path, **_more: path.write_bytes(film))
    network = LocalNetwork(provider)

    sweep()
    Drive(studio.clock, network, provider)(4)
    network.close()
    generation_tasks.transfer_waiting()
    sweep()

    assert studio.states(UNDER_WAY_AT_PROVIDER) == UNDER_WAY_AT_PROVIDER
    # Nothing was sent twice, and nothing that may have been sent already.
    sent = {name for name, state in UNDER_WAY_AT_PROVIDER.items() if state == "processing"}
    prompts = {f"Dawn over the lagoon: {name.replace('_', ' ')}" for name in sent - {"queued_over_the_api"}}
    made = {job.prompt: job for job in provider.jobs() if job.id not in at_work}
    assert set(made) == {*prompts, studio.facts["finished"]["body"]["prompt"]}
    assert len(provider.jobs()) == len(at_work) + len(sent)
    # What had been uploaded for it is used, and not uploaded again.
    assert made["Dawn over the lagoon: queued with photo"].params["image_url"] == studio.facts["remote_file"]
    for name, state in UNDER_WAY_AT_PROVIDER.items():
        refund = [("refund", 260)] if state == "failed" else []
        assert studio.statement(name) == [("charge", -260), *refund]
    exposure = page(studio.browser(), f"{studio.home}/credits/exposure/")
    for name in ("submitting_to_provider", "unknown_at_provider"):
        assert is_said(("provider", "answer", "lost"), studio.clip_page(name))
        assert studio.clip(name)["id"] in exposure
    call_command("verify_ledger", expect_head=studio.facts["heads"], stdout=StringIO())
    call_command("verify_storage", stdout=StringIO())
