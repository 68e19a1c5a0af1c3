"""The site's people, workspaces and activity, for site admins."""

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.api.services import create_key
from tchavi_studio.ledger.models import Account
from tchavi_studio.workspaces.models import ActivityRow, Membership, Role, Session, User, Workspace
from tests.conftest import PASSWORD, make_person
from tests.plans import listed_by_index


def text_of(response: Any) -> str:
    return " ".join(response.content.decode().split())


def site_activity() -> list[tuple[str, str | None, dict[str, object]]]:
    rows = ActivityRow.objects.filter(workspace=None).order_by("sequence").select_related("subject")
    return [(row.kind, row.subject.name if row.subject else None, row.details) for row in rows]


def names(response: Any) -> list[str]:
    return re.findall(r"<b>([^<]+)</b><small", text_of(response))


# --- People -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def people(bob: User) -> list[User]:
    made = [("zoe@lagune.films", "Awa Koné"), ("awa.2@lagune.films", "awa"), ("koffi@lagune.films", "Koffi Mensah")]
    return [User.objects.create_user(email, name=name) for email, name in made]


def test_people_are_found_by_the_start_of_an_address_or_a_name(alice_browser: Client, people: list[User]) -> None:
    with listed_by_index(User):
        everybody = alice_browser.get("/site/people/")
    assert names(everybody) == ["Alice", "awa", "Bob", "Koffi Mensah", "Awa Koné"]
    with listed_by_index(User):
        by_address = alice_browser.get("/site/people/", {"by": "email", "q": "AWA"})
        by_name = alice_browser.get("/site/people/", {"by": "name", "q": "Awa"})
    assert (names(by_address), names(by_name)) == (["awa"], ["awa", "Awa Koné"])
    assert "Nobody found." in text_of(alice_browser.get("/site/people/", {"q": "nobody"}))
    assert alice_browser.get("/site/people/", {"by": "password"}).status_code == 400


@pytest.mark.parametrize("by", ["email", "name"])
def test_pages_of_people_have_no_gaps(
    alice_browser: Client, by: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # Many have the same name.
    User.objects.bulk_create(User(email=f"p{number:03}@example.org", name="Awa") for number in range(60))
    User.objects.bulk_create([User(email="p000x@example.org", name="Awa", deleted_at=timezone.now())])
    first = alice_browser.get("/site/people/", {"by": by})
    following = re.search(r'rel="next" href="\?([^"]+)"', text_of(first))
    assert following is not None
    with listed_by_index(User), django_assert_num_queries(9):
        second = alice_browser.get(f"/site/people/?{following.group(1).replace('&amp;', '&')}")
    found = [person for page in (first, second) for person in re.findall(r"/site/people/(\d+)/", text_of(page))]
    assert len(found) == len(set(found)) == 61


def test_blocking_signs_out_stops_keys_and_says_so(alice_browser: Client, bob: User) -> None:
    bobs = Client()
    bobs.force_login(bob)
    key = create_key(workspace=Workspace.objects.get(slug="bobs-studio"), user=bob, name="Nightly").key
    call = {"Authorization": f"Bearer {key}"}
    assert bobs.get("/v1/jobs", headers=call).status_code == 200
    url = f"/site/people/{bob.pk}"
    refused = alice_browser.post(f"{url}/block/", {"reason": " "})
    assert (refused.status_code, site_activity()) == (422, [])
    assert alice_browser.post(f"{url}/block/", {"reason": "Stolen account"})["Location"] == f"{url}/"
    assert not Session.objects.filter(user=bob).exists()
    assert bobs.get("/w/bobs-studio/gallery/")["Location"].startswith("/accounts/login/")
    assert bobs.get("/v1/jobs", headers=call).status_code == 401
    kept_out = bobs.post("/accounts/login/", {"login": "bob@example.org", "password": PASSWORD}, follow=True)
    assert "This account is blocked" in text_of(kept_out)
    assert "Ask a site admin to unblock it." in text_of(kept_out)
    alice_browser.post(f"{url}/unblock/")
    assert bobs.get("/v1/jobs", headers=call).status_code == 200
    assert site_activity() == [
        ("person.blocked", "Bob", {"reason": "Stolen account"}),
        ("person.unblocked", "Bob", {}),
    ]
    page = text_of(alice_browser.get("/site/activity/"))
    assert "<b>Alice</b> blocked Bob<small" in page
    assert "Stolen account" in page


def test_nobody_blocks_themselves(alice_browser: Client, alice: User) -> None:
    refused = alice_browser.post(f"/site/people/{alice.pk}/block/", {"reason": "Try"})
    assert refused.status_code == 422
    assert "You can&#x27;t do this to your own account. Nothing was changed." in text_of(refused)


def test_sessions_are_ended_and_two_factor_authentication_is_reset(alice_browser: Client, bob: User) -> None:
    Client().force_login(bob)
    TOTP.activate(bob, generate_totp_secret())
    RecoveryCodes.activate(bob)
    url = f"/site/people/{bob.pk}"
    alice_browser.post(f"{url}/end-sessions/")
    assert not Session.objects.filter(user=bob).exists()
    assert alice_browser.post(f"{url}/reset-two-factor/", {}).status_code == 422
    for _press in range(2):
        alice_browser.post(f"{url}/reset-two-factor/", {"reason": "Lost phone"})
    assert not Authenticator.objects.filter(user=bob).exists()
    assert site_activity() == [
        ("person.sessions_ended", "Bob", {"count": 1}),
        ("person.two_factor_reset", "Bob", {"reason": "Lost phone"}),
    ]


def test_site_roles_change_but_never_the_last_admins(alice_browser: Client, alice: User, bob: User) -> None:
    alone = alice_browser.post(f"/site/people/{alice.pk}/roles/", {"is_auditor": "on"})
    assert alone.status_code == 422
    assert "This is the only site admin. Nothing was changed." in text_of(alone)
    alice_browser.post(f"/site/people/{bob.pk}/roles/", {"is_admin": "on", "is_auditor": "on"})
    bob.refresh_from_db()
    assert (bob.is_staff, bob.is_superuser, bob.is_site_auditor) == (True, True, True)
    assert alice_browser.post(f"/site/people/{alice.pk}/roles/", {})["Location"] == "/"
    assert alice_browser.get("/site/people/").status_code == 404
    rows = site_activity()
    assert rows[0][2] == {"old_admin": False, "old_auditor": False, "new_admin": True, "new_auditor": True}
    assert [(kind, name) for kind, name, _details in rows] == [
        ("person.site_role_changed", "Bob"),
        ("person.site_role_changed", "Alice"),
    ]


def test_a_persons_page_shows_their_account_and_nothing_of_what_they_made(alice_browser: Client, bob: User) -> None:
    page = text_of(alice_browser.get(f"/site/people/{bob.pk}/"))
    assert "bob@example.org" in page
    assert "Bob&#x27;s studio" in page
    assert alice_browser.get("/w/bobs-studio/gallery/").status_code == 404
    assert alice_browser.get("/site/people/999999/").status_code == 404


# --- Workspaces -------------------------------------------------------------------------------------------------------


def test_workspaces_are_listed_with_their_figures(
    alice_browser: Client, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    alice_browser.get("/site/workspaces/")
    for number in range(2):
        with listed_by_index(Workspace, Account), django_assert_num_queries(12):
            page = text_of(alice_browser.get("/site/workspaces/"))
        assert page.count('<td class="num">10,000</td>') == 2 + number
        assert page.count('<td class="num">1</td>') == 2 + number
        make_person(f"Person{number}")


def test_only_site_admins_change_a_quota(alice_browser: Client, bob: User) -> None:
    bobs = Workspace.objects.get(slug="bobs-studio")
    url = f"/site/workspaces/{bobs.pk}/"
    alice_browser.post(url, {"quota_gb": "2.5"})
    bobs.refresh_from_db()
    assert (bobs.quota_bytes, bobs.max_bytes) == (2_500_000_000, 2_500_000_000)
    assert alice_browser.post(url, {"quota_gb": "-1"}).status_code == 422
    alice_browser.post(url, {"quota_gb": ""})
    details = {"setting": "quota_bytes", "old": None, "new": 2_500_000_000, "workspace": "Bob's studio"}
    assert site_activity()[0] == ("settings.changed", None, details)
    assert [row.details["new"] for row in ActivityRow.objects.filter(workspace=bobs).order_by("sequence")] == [
        2_500_000_000,
        None,
    ]
    assert "changed the quota of Bob&#x27;s studio from the studio&#x27;s setting to 2.3" in text_of(
        alice_browser.get("/site/activity/")
    )


def test_the_account_menu_leads_there(alice_browser: Client, bob: User) -> None:
    paths = ["/site/people/", "/site/workspaces/", "/site/activity/", "/w/alices-studio/credits/grant/"]
    page = alice_browser.get("/w/alices-studio/gallery/").content.decode()
    assert [path for path in paths if f'<a class="item" href="{path}"' in page] == paths
    bobs = Client()
    bobs.force_login(bob)
    Membership.objects.filter(user=bob).update(role=Role.OWNER)
    assert "/site/" not in bobs.get("/w/bobs-studio/gallery/").content.decode()


def test_site_activity_is_read_by_its_index(alice_browser: Client, bob: User) -> None:
    for number in range(51):
        alice_browser.post(f"/site/people/{bob.pk}/{'unblock' if number % 2 else 'block'}/", {"reason": "Try"})
    with listed_by_index(ActivityRow):
        page = text_of(alice_browser.get("/site/activity/"))
    assert page.count('<li class="act">') == 50
    assert 'rel="next" href="?before=2"' in page
    with listed_by_index(ActivityRow):
        assert text_of(alice_browser.get("/site/activity/?before=2")).count('<li class="act">') == 1
