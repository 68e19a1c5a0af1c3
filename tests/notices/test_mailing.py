"""Mails about notices: both parts, both languages, once each, bounded, by turns, and with a way out."""

import smtplib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from tchavi_studio.notices import tasks
from tchavi_studio.notices.mailing import MAILS_PER_HOUR, Outcome, mail_next
from tchavi_studio.notices.mails import unsubscribe_token
from tchavi_studio.notices.models import Notice, NoticeKind
from tchavi_studio.notices.services import mark_seen, set_preference
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.notices.telling import tell
from tests.plans import listed_by_index

N = "\N{NO-BREAK SPACE}"
ORIGIN = "https://studio.example.org"
CLIP = UUID("11111111-2222-3333-4444-555555555555")


class Clock:
    """What `timezone.now()` returns."""

    def __init__(self) -> None:
        self.now = timezone.now().replace(microsecond=0)

    def advance(self, **duration: int) -> None:
        self.now += timedelta(**duration)


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    with patch("django.utils.timezone.now", lambda: clock.now):
        yield clock


@pytest.fixture(autouse=True)
def sends_mail(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SENDS_MAIL = True
    settings.STUDIO_PUBLIC_URL = ORIGIN
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = False
    monkeypatch.setattr(tasks, "_paused_until", 0.0)


def sent() -> list[tuple[str, str]]:
    """To whom which subject was sent."""
    return [(each.to[0], str(each.subject)) for each in mail.outbox]


def html_of(message: Any) -> str:
    assert isinstance(message, EmailMultiAlternatives)
    [(content, mimetype)] = message.alternatives
    assert mimetype == "text/html"
    return str(content)


TEXTS: dict[str, list[tuple[NoticeKind, dict[str, Any], str, str]]] = {
    "en": [
        (NoticeKind.CLIP_DONE, {}, "Your clip is ready", "Kling v3, 10 s, in Alice's studio."),
        (
            NoticeKind.CLIP_FAILED,
            {},
            "A clip failed",
            "Kling v3, 10 s, in Alice's studio. 1,300 credits were refunded.",
        ),
        (
            NoticeKind.CLIP_FAILED,
            {"refunded_credits": 0},
            "A clip failed",
            "Kling v3, 10 s, in Alice's studio. It was free: no credits moved.",
        ),
        (
            NoticeKind.APPROVAL_ASKED,
            {},
            "Bob asks for approval",
            "2 clips for 2,600 credits, over budget, in Alice's studio.",
        ),
        (
            NoticeKind.APPROVAL_ANSWERED,
            {"clip_count": 1},
            "Bob approved your request",
            "1 clip for 2,600 credits is being made in Alice's studio.",
        ),
        (
            NoticeKind.APPROVAL_ANSWERED,
            {"is_approved": False},
            "Bob declined your request",
            "2 clips for 2,600 credits in Alice's studio. No credits moved.",
        ),
        (NoticeKind.INVITATION, {}, "Bob invites you to Alice's studio", "Your role would be: Creator."),
        (
            NoticeKind.BUDGET_80,
            {},
            "Bob has spent 80% of a monthly budget",
            "8,000 of 10,000 credits this month, in Alice's studio.",
        ),
        (
            NoticeKind.BUDGET_100,
            {},
            "Bob has used up a monthly budget",
            "8,000 of 10,000 credits this month, in Alice's studio.",
        ),
        (NoticeKind.LOW_BALANCE, {}, "Credits are running low in Alice's studio", "200 credits are left."),
        (
            NoticeKind.LEDGER_FINDINGS,
            {},
            "The ledger isn't intact",
            "The verification found 2 things that are wrong.",
        ),
    ],
    "fr": [
        (NoticeKind.CLIP_DONE, {}, "Votre clip est prêt", f"Kling v3, 10{N}s, dans Alice's studio."),
        (
            NoticeKind.CLIP_FAILED,
            {},
            "Un clip a échoué",
            f"Kling v3, 10{N}s, dans Alice's studio. 1{N}300 crédits ont été remboursés.",
        ),
        (
            NoticeKind.CLIP_FAILED,
            {"refunded_credits": 0},
            "Un clip a échoué",
            f"Kling v3, 10{N}s, dans Alice's studio. Il était gratuit{N}: aucun crédit n’a bougé.",
        ),
        (
            NoticeKind.APPROVAL_ASKED,
            {},
            "Bob demande un accord",
            f"2 clips pour 2{N}600 crédits, au-delà du budget, dans Alice's studio.",
        ),
        (
            NoticeKind.APPROVAL_ANSWERED,
            {"clip_count": 1},
            "Bob a accepté votre demande",
            f"1 clip pour 2{N}600 crédits est en cours de création dans Alice's studio.",
        ),
        (
            NoticeKind.APPROVAL_ANSWERED,
            {"is_approved": False},
            "Bob a refusé votre demande",
            f"2 clips pour 2{N}600 crédits dans Alice's studio. Aucun crédit n’a bougé.",
        ),
        (NoticeKind.INVITATION, {}, "Bob vous invite dans Alice's studio", f"Votre rôle serait{N}: Créateur."),
        (
            NoticeKind.BUDGET_80,
            {},
            f"Bob a dépensé 80{N}% d’un budget mensuel",
            f"8{N}000 crédits sur 10{N}000 ce mois-ci, dans Alice's studio.",
        ),
        (
            NoticeKind.BUDGET_100,
            {},
            "Bob a épuisé un budget mensuel",
            f"8{N}000 crédits sur 10{N}000 ce mois-ci, dans Alice's studio.",
        ),
        (NoticeKind.LOW_BALANCE, {}, "Les crédits s’épuisent dans Alice's studio", "Il reste 200 crédits."),
    ],
}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_each_kind_in_both_parts(alice: User, bob: User, workspace: Workspace, language: str) -> None:
    User.objects.filter(pk=alice.pk).update(language=language)
    for kind, figures, subject, text in TEXTS[language]:
        mail.outbox.clear()
        Notice.objects.all().delete()
        notice = tell(alice, kind, workspace=workspace, actor=bob, reference=CLIP, **figures)
        assert notice is not None
        assert mail_next() is Outcome.SENT
        assert sent() == [("alice@example.org", subject)]
        [message] = mail.outbox
        assert f"\n\n{subject}. {text}\n\n" in message.body
        assert f": {ORIGIN}/notices/{notice.pk}/\n" in message.body
        html = html_of(message).replace("&#x27;", "'")
        assert f">{subject}</h1>" in html
        assert f">{text}</p>" in html
        assert f'href="{ORIGIN}/notices/{notice.pk}/"' in html
        assert html.count("<img") == html.count("<script") == html.count("http://") == 0
        assert f'<html lang="{language}">' in html


def test_own_budgets_and_the_greeting(alice: User, workspace: Workspace) -> None:
    for language, subject, greeting in (
        ("en", "80% of your monthly budget is spent", "Hello Alice,"),
        ("fr", f"80{N}% de votre budget mensuel est dépensé", "Bonjour Alice,"),
    ):
        User.objects.filter(pk=alice.pk).update(language=language)
        tell(alice, NoticeKind.BUDGET_80, workspace=workspace)
        assert mail_next() is Outcome.SENT
        assert mail.outbox[-1].subject == subject
        assert str(mail.outbox[-1].body).startswith(f"{greeting}\n")
    tell(alice, NoticeKind.BUDGET_100, workspace=workspace)
    mail_next()
    assert mail.outbox[-1].subject == "Votre budget mensuel est épuisé"


def test_language_follows_sign_in_and_choice(alice: User, client: Client) -> None:
    client.post("/accounts/login/", {"login": alice.email, "password": "golden hour 17"}, HTTP_ACCEPT_LANGUAGE="fr")
    alice.refresh_from_db()
    assert alice.language == "fr"
    for wanted, expected in (("en", "en"), ("xx", "en"), ("fr", "fr")):
        client.post("/i18n/setlang/", {"language": wanted})
        alice.refresh_from_db()
        assert alice.language == expected


def test_names_do_not_reach_the_headers(alice: User, bob: User, workspace: Workspace) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(name="Lagune\nBcc: eve@example.org")
    tell(alice, NoticeKind.LOW_BALANCE, workspace=Workspace.objects.get(pk=workspace.pk))
    assert mail_next() is Outcome.SENT
    assert mail.outbox[0].subject == "Credits are running low in Lagune Bcc: eve@example.org"
    assert mail.outbox[0].message().get_all("Bcc") is None
    bob.name = "Bob\nTo: eve@example.org"
    bob.save()
    tell(alice, NoticeKind.APPROVAL_ASKED, workspace=workspace, actor=bob)
    assert mail_next() is Outcome.SENT
    assert mail.outbox[1].subject == "Bob To: eve@example.org asks for approval"


def test_a_mail_is_sent_once(
    alice: User,
    clock: Clock,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    woken: list[str] = []
    monkeypatch.setattr("tchavi_studio.notices.services.wake_mailing", lambda: woken.append("mailing"))
    with django_capture_on_commit_callbacks(execute=True):
        notice = tell(alice, NoticeKind.LOW_BALANCE)
    assert woken == ["mailing"]
    assert [mail_next(), mail_next()] == [Outcome.SENT, None]
    assert notice is not None
    notice.refresh_from_db()
    assert (notice.mail_at, notice.mailed_at, notice.leased_by) == (None, clock.now, None)
    assert len(mail.outbox) == 1


def test_whoever_lost_the_claim_writes_nothing(alice: User, clock: Clock) -> None:
    notice = tell(alice, NoticeKind.LOW_BALANCE)
    assert notice is not None
    outcomes: list[Outcome | None] = []

    def send_slowly(self: EmailMultiAlternatives) -> None:
        clock.advance(minutes=2)
        with patch.object(EmailMultiAlternatives, "send"):
            outcomes.append(mail_next())
        clock.advance(minutes=1)

    with patch.object(EmailMultiAlternatives, "send", send_slowly):
        mail_next()
    assert outcomes == [Outcome.SENT]
    notice.refresh_from_db()
    assert notice.mailed_at == clock.now - timedelta(minutes=1)


def test_many_go_together_once_an_hour_is_full(alice: User, clock: Clock) -> None:
    for number in range(MAILS_PER_HOUR + 12):
        tell(alice, NoticeKind.LOW_BALANCE, balance_credits=number)
    outcomes = []
    for _turn in range(MAILS_PER_HOUR):
        outcomes.append(mail_next())
        clock.advance(seconds=1)
    assert outcomes == [Outcome.SENT] * MAILS_PER_HOUR
    assert mail_next() is None
    assert len(mail.outbox) == MAILS_PER_HOUR
    assert f"And 12 more notices: {ORIGIN}/notices/\n" in mail.outbox[-1].body
    assert ">And 12 more notices</a>" in html_of(mail.outbox[-1])
    assert "more notice" not in str(mail.outbox[-2].body) + html_of(mail.outbox[-2])

    tell(alice, NoticeKind.LOW_BALANCE)
    assert [mail_next(), mail_next()] == [Outcome.PUT_OFF, None]
    clock.advance(minutes=59)
    assert mail_next() is None
    clock.advance(minutes=1)
    assert [mail_next(), mail_next()] == [Outcome.SENT, None]


def test_people_take_turns(alice: User, bob: User, clock: Clock) -> None:
    for user in (alice, alice, alice, bob):
        tell(user, NoticeKind.LOW_BALANCE)
        clock.advance(seconds=1)
    for _turn in range(4):
        assert mail_next() is Outcome.SENT
        clock.advance(seconds=1)
    assert [to for to, _subject in sent()] == [f"{name}@example.org" for name in ("alice", "bob", "alice", "alice")]


def test_a_failing_server_is_asked_again(
    alice: User, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    notice = tell(alice, NoticeKind.LOW_BALANCE)
    assert notice is not None
    attempts: list[int] = []

    def fail(self: EmailMultiAlternatives) -> None:
        attempts.append(1)
        raise ConnectionRefusedError

    waits = []
    with patch.object(EmailMultiAlternatives, "send", fail):
        for _attempt in range(5):
            assert mail_next() is Outcome.SERVER_FAILED
            assert mail_next() is None
            notice.refresh_from_db()
            assert notice.mail_at is not None
            waits.append((notice.mail_at - clock.now).total_seconds() / 60)
            clock.now = notice.mail_at
        assert waits == [1, 5, 30, 120, 120]
        tasks.mail_due()
        assert caplog.messages == ["Couldn't send mail: check EMAIL_URL. The studio tries again later."]
        clock.advance(hours=3)
        tasks.mail_due()
        assert len(attempts) == 6, "a worker leaves the server alone for a while"
    monkeypatch.setattr(tasks, "_paused_until", 0.0)
    tasks.mail_due()
    assert sent() == [("alice@example.org", "Credits are running low in ")]


def test_what_the_server_will_never_take_is_given_up(alice: User, clock: Clock) -> None:
    refused: list[tuple[Exception, Outcome]] = [
        (smtplib.SMTPRecipientsRefused({"alice@example.org": (550, b"no such user")}), Outcome.REFUSED),
        (smtplib.SMTPDataError(554, b"no"), Outcome.REFUSED),
        (smtplib.SMTPRecipientsRefused({"alice@example.org": (451, b"later")}), Outcome.SERVER_FAILED),
        (smtplib.SMTPDataError(452, b"full"), Outcome.SERVER_FAILED),
    ]
    for error, expected in refused:
        Notice.objects.all().delete()
        notice = tell(alice, NoticeKind.LOW_BALANCE)
        assert notice is not None
        with patch.object(EmailMultiAlternatives, "send", side_effect=error):
            assert mail_next() is expected
        notice.refresh_from_db()
        assert (notice.mail_at is None, notice.mailed_at) == (expected is Outcome.REFUSED, None)


def test_what_is_no_longer_wanted_is_not_mailed(alice: User, bob: User, workspace: Workspace, clock: Clock) -> None:
    membership = Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)

    def seen() -> None:
        mark_seen(user=bob)

    def turned_off() -> None:
        set_preference(user=bob, kind=NoticeKind.BUDGET_80, in_page=True, mail=False)

    def turned_on_again() -> None:
        set_preference(user=bob, kind=NoticeKind.BUDGET_80, in_page=False, mail=True)

    def late() -> None:
        clock.advance(days=1)

    def removed() -> None:
        membership.delete()

    def blocked() -> None:
        User.objects.filter(pk=bob.pk).update(is_active=False)

    for change in (seen, turned_off, late, removed):
        tell(bob, NoticeKind.BUDGET_80, workspace=workspace)
        change()
        assert [mail_next(), mail_next()] == [Outcome.NOTHING_WANTED, None], change
        if change is turned_off:
            turned_on_again()
    tell(bob, NoticeKind.INVITATION, workspace=workspace, actor=alice)
    assert mail_next() is Outcome.SENT
    tell(bob, NoticeKind.LOW_BALANCE)
    blocked()
    assert mail_next() is Outcome.NOTHING_WANTED
    assert sent() == [("bob@example.org", "Alice invites you to Alice's studio")]


def test_without_mail_none_is_sent(alice: User, settings: Settings) -> None:
    tell(alice, NoticeKind.LOW_BALANCE)
    settings.SENDS_MAIL = False
    assert mail_next() is None
    tasks.sweep()
    tasks.mail_due()
    assert mail.outbox == []


def test_a_mail_costs_few_queries_by_index(
    alice: User, workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (1, 3):
        for number in range(count):
            tell(alice, NoticeKind.LOW_BALANCE, workspace=workspace, balance_credits=number)
        with django_assert_num_queries(11):
            assert mail_next() is Outcome.SENT
        tell(alice, NoticeKind.LOW_BALANCE, workspace=workspace)
        with listed_by_index(Notice):
            assert mail_next() is Outcome.SENT
        Notice.objects.all().delete()


def test_one_click_turns_a_kind_off(alice: User, client: Client) -> None:
    tell(alice, NoticeKind.LOW_BALANCE)
    mail_next()
    [message] = mail.outbox
    path = f"/notices/unsubscribe/{unsubscribe_token(alice, NoticeKind.LOW_BALANCE)}/"
    assert f": {ORIGIN}{path}\n" in message.body
    assert f'href="{ORIGIN}{path}"' in html_of(message)
    parsed = message.message()
    assert parsed["List-Unsubscribe"] == f"<{ORIGIN}{path}>"
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsed["Message-ID"] == f"<notice-{Notice.objects.get().pk}@studio.example.org>"

    strict = Client(enforce_csrf_checks=True)
    page = strict.get(path).content.decode()
    assert "<h1>No more of these mails?</h1>" in page
    assert not alice.notice_preferences.exists()
    for _click in range(2):
        answer = strict.post(path, {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert "<h1>No more of these mails</h1>" in answer.content.decode()
    [preference] = alice.notice_preferences.all()
    assert (preference.kind, preference.in_page, preference.mail) == ("low_balance", True, False)
    assert strict.get("/notices/unsubscribe/made-up/").status_code == 404
    assert strict.post("/notices/unsubscribe/made-up/").status_code == 404
