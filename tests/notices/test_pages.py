"""The bell, the list, where a notice leads, and the preferences."""

import re
from uuid import UUID, uuid4

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from tchavi_studio.notices.models import Notice, NoticeKind
from tchavi_studio.notices.queries import PAGE_LENGTH, unseen_count
from tchavi_studio.notices.services import set_preference
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.notices.telling import tell
from tests.plans import listed_by_index

CLIP = UUID("11111111-2222-3333-4444-555555555555")


def bell(client: Client) -> tuple[str, str]:
    """The bell's number, and what it is called."""
    page = client.get("/account/sessions/").content.decode()
    [found] = re.findall(r'<a id="bell"[^>]* data-count="(.*?)".*?<span class="sr">(.*?)</span></a>', page, re.DOTALL)
    return str(found[0]), str(found[1])


def titles(page: str) -> list[str]:
    return re.findall(r"<b>(.*?)</b>", page.partition("<h1>")[2])


def test_bell_counts_up_to_a_bound(alice: User, alice_browser: Client) -> None:
    assert bell(alice_browser) == ("", "Notices")
    tell(alice, NoticeKind.LOW_BALANCE)
    assert bell(alice_browser) == ("1", "Notices: 1 unread")
    Notice.objects.bulk_create(Notice(user=alice, kind=NoticeKind.LOW_BALANCE) for _number in range(98))
    assert bell(alice_browser) == ("99", "Notices: 99 unread")
    Notice.objects.bulk_create(Notice(user=alice, kind=NoticeKind.LOW_BALANCE) for _number in range(2))
    assert bell(alice_browser) == ("99+", "Notices: 99+ unread")


def test_list_by_pages(
    alice: User,
    bob: User,
    workspace: Workspace,
    alice_browser: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    alice_browser.get("/notices/")
    for count in (1, 3):
        Notice.objects.all().delete()
        for _number in range(count):
            tell(alice, NoticeKind.APPROVAL_ASKED, workspace=workspace, actor=bob)
        with django_assert_num_queries(9):
            page = alice_browser.get("/notices/").content.decode()
        text = '<span class="sr"> (unread)</span>'
        assert titles(page) == [f"Bob asks for approval{text}"] * count
    for _number in range(PAGE_LENGTH - 2):
        tell(alice, NoticeKind.LOW_BALANCE, workspace=workspace)
    with listed_by_index(Notice):
        first = alice_browser.get("/notices/").content.decode()
    [older] = re.findall(r'href="(\?before=\d+)"', first)
    second = alice_browser.get(f"/notices/{older}").content.decode()
    assert (len(titles(first)), len(titles(second))) == (PAGE_LENGTH, 1)
    assert "Older notices" not in second
    assert "There are no older notices." in alice_browser.get("/notices/?before=1").content.decode()
    for odd in ("x", "1.5", "9" * 30):
        assert alice_browser.get(f"/notices/?before={odd}").status_code == 400


def test_marking_all_as_read(alice: User, alice_browser: Client) -> None:
    assert "Mark all as read" not in alice_browser.get("/notices/").content.decode()
    for _number in range(2):
        tell(alice, NoticeKind.LOW_BALANCE)
    assert "Mark all as read" in alice_browser.get("/notices/").content.decode()
    assert alice_browser.post("/notices/seen/")["Location"] == "/notices/"
    assert unseen_count(alice) == 0
    assert titles(alice_browser.get("/notices/").content.decode()) == ["Credits are running low in "] * 2


def test_a_notice_leads_to_what_it_is_about(
    alice: User, bob: User, workspace: Workspace, alice_browser: Client
) -> None:
    expected = {
        NoticeKind.BUDGET_80: f"/w/{workspace.slug}/credits/",
        NoticeKind.BUDGET_100: f"/w/{workspace.slug}/credits/",
        NoticeKind.LOW_BALANCE: f"/w/{workspace.slug}/credits/",
        NoticeKind.APPROVAL_ANSWERED: f"/w/{workspace.slug}/create/",
    }
    for kind, path in expected.items():
        notice = tell(alice, kind, workspace=workspace, actor=bob)
        assert notice is not None
        assert alice_browser.get(f"/notices/{notice.pk}/")["Location"] == path, kind
        notice.refresh_from_db()
        assert notice.seen_at is not None


def test_a_notice_leads_nowhere_its_reader_may_not_go(
    alice: User, bob: User, workspace: Workspace, alice_browser: Client, client: Client
) -> None:
    gone = tell(alice, NoticeKind.CLIP_DONE, workspace=workspace, reference=CLIP)
    bobs = Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    removed = tell(bob, NoticeKind.LOW_BALANCE, workspace=workspace)
    bobs.delete()
    assert gone is not None
    assert removed is not None
    assert alice_browser.get(f"/notices/{removed.pk}/").status_code == 404
    assert alice_browser.get(f"/notices/{10**30}/").status_code == 404
    bob_browser = Client()
    bob_browser.force_login(bob)
    for browser, notice in ((alice_browser, gone), (bob_browser, removed)):
        answer = browser.get(f"/notices/{notice.pk}/", follow=True)
        assert answer.redirect_chain == [("/notices/", 302)]
        assert "What this notice is about is gone, or you may no longer see it." in answer.content.decode()


def test_choosing_what_to_be_told(alice: User, alice_browser: Client, settings: Settings) -> None:
    settings.SENDS_MAIL = True
    page = alice_browser.get("/account/notices/").content.decode()
    assert page.count("checked") == 2 * len(NoticeKind.values)
    chosen = {"in_page": ["clip_done", "invitation", "made_up"], "mail": ["clip_failed"]}
    assert alice_browser.post("/account/notices/", chosen)["Location"] == "/account/notices/"
    stored = {each.kind: (each.in_page, each.mail) for each in alice.notice_preferences.all()}
    assert stored == {
        **dict.fromkeys(NoticeKind.values, (False, False)),
        "clip_done": (True, False),
        "invitation": (True, False),
        "clip_failed": (False, True),
    }
    page = alice_browser.get("/account/notices/").content.decode()
    assert re.findall(r'name="(\w+)" value="(\w+)" checked', page) == [
        ("in_page", "clip_done"),
        ("mail", "clip_failed"),
        ("in_page", "invitation"),
    ]
    assert "Your preferences are saved." in page


def test_without_mail_its_column_cannot_be_used(alice: User, alice_browser: Client) -> None:
    set_preference(user=alice, kind=NoticeKind.CLIP_DONE, in_page=True, mail=False)
    page = alice_browser.get("/account/notices/").content.decode()
    assert page.count("disabled") == len(NoticeKind.values)
    assert "This studio sends no mail. Its admin can set that up." in page
    alice_browser.post("/account/notices/", {"in_page": ["clip_done"]})
    stored = {each.kind: each.mail for each in alice.notice_preferences.all()}
    assert stored == {kind: kind != "clip_done" for kind in NoticeKind.values}


@pytest.mark.parametrize("path", ["/notices/", "/account/notices/"])
def test_pages_in_french(alice: User, alice_browser: Client, workspace: Workspace, path: str) -> None:
    tell(alice, NoticeKind.CLIP_DONE, workspace=workspace, reference=uuid4())
    page = alice_browser.get(path, HTTP_ACCEPT_LANGUAGE="fr").content.decode()
    assert "<h1>Notifications</h1>" in page
    assert "Un clip est prêt" in page or "Votre clip est prêt" in page
