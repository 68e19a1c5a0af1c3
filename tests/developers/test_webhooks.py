"""The webhook pages: what they show and do, and who may use them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.webhooks import delivery, queries, services
from tchavi_studio.webhooks.models import DisabledReason, Event, WebhookDelivery, WebhookEndpoint
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.webhooks.conftest import Receiver, attempt, record

ROOT = "/w/alices-studio/developers/webhooks/"
URL = "https://example.org/webhooks"


@pytest.fixture
def hook(workspace: Workspace, alice: User) -> WebhookEndpoint:
    return services.create_endpoint(
        workspace=workspace, creator=alice, url=URL, events=[Event.JOB_COMPLETED, Event.JOB_FAILED]
    )


def path_of(hook: WebhookEndpoint, action: str = "") -> str:
    return f"{ROOT}{hook.pk}/{action}"


def main_text(response: Any) -> str:
    """The text of the page's main part, in one line."""
    main = re.search(r"<main.*?</main>", response.content.decode(), re.DOTALL)
    assert main
    return " ".join(re.sub(r"<[^>]+>", " ", main[0]).split())


def test_added_webhook_shows_its_secret_only_on_its_page(
    alice_browser: Client, workspace: Workspace, alice: User
) -> None:
    assert "No webhooks yet" in main_text(alice_browser.get(ROOT))
    response = alice_browser.post(f"{ROOT}add/", {"url": URL, "events": ["job.failed"]})
    [added] = WebhookEndpoint.objects.all()
    assert (response.status_code, response["Location"]) == (302, path_of(added))
    assert (added.workspace, added.created_by, added.url, added.events) == (workspace, alice, URL, [Event.JOB_FAILED])
    page = alice_browser.get(path_of(added))
    assert added.secret in main_text(page)
    assert "no-store" in page["Cache-Control"]
    listed = alice_browser.get(ROOT)
    assert f'href="{path_of(added)}"' in listed.content.decode()
    assert added.secret not in listed.content.decode()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "Enter the URL to send messages to."),
        ("example.org/hook", "Enter a valid URL, like https://example.org/webhooks."),
        ("https://", "Enter a valid URL, like https://example.org/webhooks."),
        ("https://exa mple.org/", "Enter a valid URL, like https://example.org/webhooks."),
        ("https://example.org:99999/", "Enter a valid URL, like https://example.org/webhooks."),
        ("javascript:alert(1)", "Enter a valid URL, like https://example.org/webhooks."),
        ("https://me:secret@example.org/", "Leave out the username, the password and anything after #."),
        ("https://example.org/#part", "Leave out the username, the password and anything after #."),
        (
            "http://example.org/hook",
            "The URL must start with https://, so that nobody can read messages in transit.",
        ),
        ("https://example.org:8443/hook", "Messages can only be sent to port 443."),
    ],
)
def test_invalid_url_is_refused(alice_browser: Client, url: str, problem: str) -> None:
    response = alice_browser.post(f"{ROOT}add/", {"url": url, "events": ["job.failed"]})
    assert response.status_code == 422
    assert response.context["form"].errors == {"url": [problem]}
    assert problem in main_text(response).replace("&#x27;", "'")
    assert WebhookEndpoint.objects.count() == 0


def test_allowed_peer_may_use_http(alice_browser: Client, settings: Settings) -> None:
    settings.STUDIO_OUTBOUND_ALLOW = ("127.0.0.1:9000",)
    assert (
        alice_browser.post(f"{ROOT}add/", {"url": "http://127.0.0.1:9000/", "events": "job.failed"}).status_code == 302
    )


def test_at_least_one_event_is_required(alice_browser: Client) -> None:
    response = alice_browser.post(f"{ROOT}add/", {"url": URL})
    assert response.context["form"].errors == {"events": ["Choose at least one event."]}
    assert alice_browser.post(f"{ROOT}add/", {"url": URL, "events": "webhook.test"}).status_code == 422


def test_a_workspace_has_at_most_ten_webhooks(
    alice_browser: Client, hook: WebhookEndpoint, workspace: Workspace
) -> None:
    WebhookEndpoint.objects.bulk_create(WebhookEndpoint(workspace=workspace, url=URL) for _number in range(9))
    assert 'action="/w/alices-studio/developers/webhooks/add/"' not in alice_browser.get(ROOT).content.decode()
    response = alice_browser.post(f"{ROOT}add/", {"url": URL, "events": "job.failed"})
    assert response.status_code == 422
    assert "A workspace can have up to 10 webhooks, so nothing was added." in main_text(response)


def test_edit_url_and_events(alice_browser: Client, hook: WebhookEndpoint) -> None:
    alice_browser.post(path_of(hook, "edit/"), {"url": URL + "/2", "events": ["job.completed"]})
    hook.refresh_from_db()
    assert (hook.url, hook.events) == (URL + "/2", [Event.JOB_COMPLETED])
    refused = alice_browser.post(path_of(hook, "edit/"), {"url": "http://example.org", "events": []})
    assert refused.status_code == 422
    hook.refresh_from_db()
    assert hook.url == URL + "/2"


def test_rotate_secret(alice_browser: Client, hook: WebhookEndpoint) -> None:
    old = hook.secret
    alice_browser.post(path_of(hook, "rotate/"))
    hook.refresh_from_db()
    assert (hook.previous_secret, hook.signing_secrets) == (old, [hook.secret, old])
    page = main_text(alice_browser.get(path_of(hook)))
    assert "The previous secret keeps working until" in page
    assert old not in page


def test_disable_enable_and_delete(alice_browser: Client, hook: WebhookEndpoint, workspace: Workspace) -> None:
    waiting = record(workspace)
    alice_browser.post(path_of(hook, "disable/"))
    waiting.refresh_from_db()
    assert waiting.state == "failed"
    page = main_text(alice_browser.get(path_of(hook)))
    assert "It was disabled manually." in page
    assert "Send a test" not in page
    alice_browser.post(path_of(hook, "enable/"))
    hook.refresh_from_db()
    assert (hook.disabled_at, hook.disabled_reason) == (None, "")
    assert alice_browser.post(path_of(hook, "delete/"))["Location"] == ROOT
    assert (WebhookEndpoint.objects.count(), WebhookDelivery.objects.count()) == (0, 0)


def test_page_says_why_the_studio_disabled_it(alice_browser: Client, hook: WebhookEndpoint) -> None:
    services.disable_endpoint(endpoint=hook, reason=DisabledReason.FAILING)
    assert "Every attempt failed for more than a day." in main_text(alice_browser.get(path_of(hook)))
    assert "Disabled" in main_text(alice_browser.get(ROOT))


def test_send_a_test_and_redeliver_it(alice_browser: Client, endpoint: WebhookEndpoint, receiver: Receiver) -> None:
    receiver.status = 500
    alice_browser.post(path_of(endpoint, "test/"))
    message = WebhookDelivery.objects.get()
    assert 'hx-trigger="every 2s"' in alice_browser.get(path_of(endpoint)).content.decode()
    attempt(message)
    page = alice_browser.get(path_of(endpoint))
    assert "It answered 500." in main_text(page)
    assert 'hx-trigger="every 2s"' not in page.content.decode()
    receiver.status = 204
    shown = alice_browser.get(path_of(endpoint, f"messages/{message.message_id}/"))
    assert "&quot;type&quot;: &quot;webhook.test&quot;" in shown.content.decode()
    alice_browser.post(path_of(endpoint, f"messages/{message.message_id}/redeliver/"))
    attempt(message)
    assert message.state == "delivered"
    log = main_text(alice_browser.get(path_of(endpoint, f"messages/{message.message_id}/")))
    assert re.search(r"Attempts 204 [\d,]+ ms \S+ \S+ 500 [\d,]+ ms", log)


def test_payload_is_escaped(alice_browser: Client, hook: WebhookEndpoint, workspace: Workspace) -> None:
    message = record(workspace)
    WebhookDelivery.objects.update(payload='{"data":"<script>alert(1)</script>"}')
    page = alice_browser.get(path_of(hook, f"messages/{message.message_id}/")).content.decode()
    assert "<script>alert" not in page


def test_disabled_webhook_sends_no_tests_or_redeliveries(
    alice_browser: Client, hook: WebhookEndpoint, workspace: Workspace
) -> None:
    message = record(workspace)
    services.disable_endpoint(endpoint=hook, reason=DisabledReason.BY_HAND)
    for action in ("test/", f"messages/{message.message_id}/redeliver/"):
        response = alice_browser.post(path_of(hook, action), follow=True)
        assert "This webhook is disabled, so nothing was sent. Enable it first." in response.content.decode()
    message.refresh_from_db()
    assert (message.state, WebhookDelivery.objects.count()) == ("failed", 1)


def test_log_pages_and_filter(
    alice_browser: Client, hook: WebhookEndpoint, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "ROWS_PER_PAGE", 2)
    ids = [record(workspace, number=number).pk for number in range(5)]

    def get_page(query: str) -> tuple[list[int], dict[str, str]]:
        response = alice_browser.get(path_of(hook) + query)
        links = re.findall(r'rel="(prev|next)" href="([^"]*)"', response.content.decode())
        return [row.pk for row in response.context["log"].rows], dict(links)

    assert get_page("") == ([ids[4], ids[3]], {"next": f"?before={ids[3]}"})
    record(workspace, number=9)
    assert get_page(f"?before={ids[3]}") == (
        [ids[2], ids[1]],
        {"prev": f"?after={ids[2]}", "next": f"?before={ids[1]}"},
    )
    assert get_page(f"?before={ids[1]}") == ([ids[0]], {"prev": f"?after={ids[0]}"})
    assert get_page(f"?after={ids[2]}") == ([ids[4], ids[3]], {"prev": f"?after={ids[4]}", "next": f"?before={ids[3]}"})
    assert get_page("?state=failed") == ([], {})
    WebhookDelivery.objects.filter(pk=ids[0]).update(state="failed", next_attempt_at=None)
    assert get_page("?state=failed") == ([ids[0]], {})


@pytest.mark.parametrize("query", ["state=odd", "before=0", "after=-1", "before=x"])
def test_invalid_log_query_is_400(alice_browser: Client, hook: WebhookEndpoint, query: str) -> None:
    assert alice_browser.get(f"{path_of(hook)}?{query}").status_code == 400


def test_query_count_does_not_grow_with_the_log(
    alice_browser: Client, hook: WebhookEndpoint, workspace: Workspace
) -> None:
    alice_browser.get(path_of(hook))
    counts = []
    for numbers in (range(1, 2), range(2, 12)):
        for number in numbers:
            record(workspace, number=number)
        with CaptureQueriesContext(connection) as captured:
            page = alice_browser.get(path_of(hook))
        assert len(page.context["log"].rows) == numbers[-1]
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_query_count_does_not_grow_with_webhooks(
    alice_browser: Client, hook: WebhookEndpoint, workspace: Workspace
) -> None:
    alice_browser.get(ROOT)
    counts = []
    for added in (0, 5):
        WebhookEndpoint.objects.bulk_create(WebhookEndpoint(workspace=workspace, url=URL) for _number in range(added))
        with CaptureQueriesContext(connection) as captured:
            alice_browser.get(ROOT)
        counts.append(len(captured))
    assert counts[0] == counts[1]


# --- Permissions ------------------------------------------------------------------------------------------------------


def every_request(hook: WebhookEndpoint, message: WebhookDelivery) -> list[tuple[str, str]]:
    actions = [
        "edit/",
        "rotate/",
        "enable/",
        "disable/",
        "delete/",
        "test/",
        f"messages/{message.message_id}/redeliver/",
    ]
    pages = ["", f"messages/{message.message_id}/"]
    return [("get", path_of(hook, page)) for page in pages] + [("post", path_of(hook, action)) for action in actions]


def test_webhooks_of_other_workspaces_are_404(
    alice: User, bob: User, hook: WebhookEndpoint, workspace: Workspace, client: Client
) -> None:
    message = record(workspace)
    client.force_login(bob)
    before = WebhookEndpoint.objects.values().get()
    for method, path in [("get", ROOT), ("post", f"{ROOT}add/"), *every_request(hook, message)]:
        theirs = path.replace("alices-studio", "bobs-studio")
        assert getattr(client, method)(path).status_code == 404, path
        if path not in (ROOT, f"{ROOT}add/"):
            assert getattr(client, method)(theirs).status_code == 404, theirs
    assert WebhookEndpoint.objects.values().get() == before
    assert WebhookDelivery.objects.get().state == "pending"


def test_message_belongs_to_its_webhook(
    alice_browser: Client, hook: WebhookEndpoint, workspace: Workspace, alice: User
) -> None:
    message = record(workspace)
    other = services.create_endpoint(workspace=workspace, creator=alice, url=URL, events=[Event.JOB_FAILED])
    assert alice_browser.get(path_of(hook, f"messages/{message.message_id}/")).status_code == 200
    assert alice_browser.get(path_of(other, f"messages/{message.message_id}/")).status_code == 404


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.OWNER, 200), (Role.ADMIN, 200), (Role.CREATOR, 403), (Role.VIEWER, 403), (Role.AUDITOR, 403)],
)
def test_only_managers_use_the_webhook_pages(
    workspace: Workspace, bob: User, hook: WebhookEndpoint, client: Client, role: Role, status: int
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=role)
    client.force_login(bob)
    message = record(workspace)
    for method, path in [("get", ROOT), *every_request(hook, message)]:
        expected = 403 if status == 403 else {"get": 200, "post": 302}[method]
        if path.endswith("edit/") and status == 200:
            expected = 422
        if path.endswith("delete/") and status == 200:
            continue
        assert getattr(client, method)(path).status_code == expected, path


def test_actions_refuse_get(alice_browser: Client, hook: WebhookEndpoint, workspace: Workspace) -> None:
    message = record(workspace)
    for method, path in every_request(hook, message):
        if method == "post":
            assert alice_browser.get(path).status_code == 405, path


def test_page_says_when_the_next_attempt_is(
    alice_browser: Client, endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver
) -> None:
    receiver.status = 500
    message = record(workspace)
    attempt(message)
    WebhookDelivery.objects.update(next_attempt_at=timezone.now() + timedelta(minutes=30, seconds=5))
    assert "It answered 500. Next attempt in 30 minutes." in main_text(alice_browser.get(path_of(endpoint)))
    redeliver_url = path_of(endpoint, f"messages/{message.message_id}/redeliver/")
    alice_browser.post(redeliver_url)
    assert delivery.claim_next_delivery() is not None
    response = alice_browser.post(redeliver_url, follow=True)
    assert "This message is being sent right now." in response.content.decode()
