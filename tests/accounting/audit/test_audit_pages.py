"""The audit pages: whether it is intact, wallets, transfers, one row, and who sees what of it."""

import json
import re
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tchavi_studio.accounting import tasks
from tchavi_studio.accounting.audit import queries
from tchavi_studio.accounting.integrity.runs import start_run, verify_now
from tchavi_studio.accounting.integrity.stages import STAGES
from tchavi_studio.accounting.models import Origin, VerificationFinding, VerificationRun
from tchavi_studio.generations.models import Generation, RemoteJob
from tchavi_studio.generations.services import cancel_generation
from tchavi_studio.ledger.models import Account, Transfer
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.workspaces.activity import Kind
from tchavi_studio.workspaces.models import ActivityRow, Membership, Role, User, Workspace
from tests.accounting.conftest import bob_browser, start_clip, text
from tests.ledger.test_verification import tamper
from tests.plans import listed_by_index

__all__ = ["bob_browser", "start_clip"]
"""Fixtures of the Credits page's tests."""

SITE = "/site/audit/"
HERE = "/w/alices-studio/audit/"
ALICES = "workspace_id = (SELECT id FROM workspaces_workspace WHERE slug = 'alices-studio')"

StartClip = Callable[..., Generation]


@pytest.fixture
def site_auditor(bob: User) -> User:
    """Bob audits the site, and is no member of Alice's workspace."""
    User.objects.filter(pk=bob.pk).update(is_site_auditor=True)
    return bob


def page(browser: Client, path: str) -> str:
    response = browser.get(path)
    assert response.status_code == 200
    main = response.content.decode().partition("<main")[2].partition("</main>")[0]
    return text(re.sub(r"</(?:dt|dd|td|th|p|li|label)>", " ", main))


def rows_in(browser: Client, path: str) -> list[str]:
    """The transfers that a page lists, as text."""
    body = browser.get(path).content.decode().partition('id="transfers"')[2]
    return [text(row) for row in re.findall(r'<tr role="row" class=.*?</tr>', body, re.DOTALL)]


def row_of(transfer: Transfer) -> str:
    """A transfer's page in the site's audit."""
    return f"{SITE}rows/{transfer.workspace_id}/{transfer.book}/{transfer.sequence}/"


def test_the_answer_comes_first(bob_browser: Client, site_auditor: User, workspace: Workspace) -> None:
    assert "Not verified yet" in page(bob_browser, SITE)
    bob_browser.post(f"{SITE}verify/", {"full": "1"})
    waiting = bob_browser.get(SITE).content.decode()
    assert 'hx-trigger="every 2s"' in waiting
    assert "Verifying everything Waiting for a worker" in text(waiting)
    tasks.verify()
    done = bob_browser.get(f"{SITE}integrity/").content.decode()
    assert "hx-trigger" not in done
    assert re.search(r"Intact Verified .* UTC · Bob · everything, from the first row · \d+ rows", text(done))
    assert text(done).count("Passed:") == len(STAGES)
    assert VerificationRun.objects.get().started_by == site_auditor
    kinds = list(ActivityRow.objects.filter(workspace=None).order_by("sequence").values_list("kind", flat=True))
    assert kinds == [Kind.AUDIT_OPENED, Kind.VERIFICATION_STARTED]


def test_findings_are_named_with_expected_and_found(
    alice_browser: Client,
    bob_browser: Client,
    site_auditor: User,
    workspace: Workspace,
) -> None:
    verify_now(is_full=True)
    tamper(f"UPDATE ledger_account SET balance_credits = 10100 WHERE name = 'wallet' AND {ALICES}")
    verify_now(is_full=True)
    said = "The balance of account wallet is 10,100, but its transfers add up to 10,000. Expected 10,000 Found 10,100"
    on_site = page(bob_browser, SITE)
    assert "2 findings" in on_site
    assert f"Alice's studio · Sandbox {said}" in on_site
    assert "The whole site All balances add up to 100 instead of 0. Expected 0 Found 100" in on_site
    in_workspace = page(alice_browser, HERE)
    assert "Something is wrong in this workspace" in in_workspace
    assert said in in_workspace
    assert "All balances" not in in_workspace
    # What is wrong elsewhere is no part of it.
    others = page(bob_browser, "/w/bobs-studio/audit/")
    assert "Intact" in others
    assert others.count("Passed:") == len(STAGES)
    # A finding in a row leads to it.
    tamper(f"UPDATE ledger_transfer SET reason = 'x' WHERE sequence = 1 AND {ALICES}")
    verify_now(is_full=True)
    body = bob_browser.get(SITE).content.decode()
    assert f'href="{row_of(Transfer.objects.get(workspace=workspace, sequence=1))}"' in body
    body = bob_browser.get(SITE, headers={"Accept-Language": "fr"}).content.decode()
    assert '<dd class="bad">10\xa0100</dd>' in body


def test_a_workspaces_audit_is_its_own(
    alice_browser: Client, workspace: Workspace, start_clip: StartClip, bob: User
) -> None:
    clip = start_clip("Words of Alice's")
    cancel_generation(generation=clip)
    found = page(alice_browser, HERE)
    assert "Verify" not in found.replace("Verified", "")
    assert "Wallets Workspace Balance Granted, net Charged, net Rows Head Alice's studio 10,000 10,000 0 3" in found
    assert "Bob's studio" not in found
    assert [re.sub(r"^.* UTC ", "", row) for row in rows_in(alice_browser, HERE)] == [
        "#3 Refund – +1,300 Balance 10,000",
        "#2 Charge Alice −1,300 Balance 8,700",
        "#1 Grant Alice +10,000 Balance 10,000",
    ]
    assert [row.split(" UTC ")[1] for row in rows_in(alice_browser, f"{HERE}?kind=grant")] == [
        "#1 Grant Alice +10,000 Balance 10,000"
    ]
    opened = ActivityRow.objects.filter(workspace=workspace, kind=Kind.AUDIT_OPENED)
    assert opened.count() == 1
    assert alice_browser.get(f"{HERE}rows/4/").status_code == 404


@pytest.mark.parametrize(("role", "status"), [(Role.AUDITOR, 200), (Role.CREATOR, 403), (Role.VIEWER, 403)])
def test_roles(bob_browser: Client, bob: User, workspace: Workspace, role: Role, status: int) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=role)
    for path in ("", "integrity/", "rows/1/"):
        assert bob_browser.get(f"{HERE}{path}").status_code == status


def test_the_site_lists_all_transfers_newest_first(
    alice_browser: Client, workspace: Workspace, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        grant_credits(workspace=workspace, book="sandbox", amount_credits=100 + number, reason="more")
    monkeypatch.setattr(queries, "ROWS_PER_PAGE", 3)
    first = rows_in(alice_browser, SITE)
    assert [row.split(" UTC ")[1].rpartition("+")[2] for row in first] == [
        "102 Balance 10,303",
        "101 Balance 10,201",
        "100 Balance 10,100",
    ]
    body = alice_browser.get(SITE).content.decode()
    older = re.search(r'href="(\?before=\d+)#transfers"', body)
    assert older
    assert len(rows_in(alice_browser, SITE + older[1])) == 2
    bobs = rows_in(alice_browser, f"{SITE}?workspace=bobs-studio&kind=grant")
    assert [row.split(" UTC ")[1] for row in bobs] == ["Bob's studio #1 Grant Bob +10,000 Balance 10,000"]
    assert "There is no workspace of this name." in page(alice_browser, f"{SITE}?workspace=nobodys")


def test_a_row_shows_what_is_tied_to_it(
    alice_browser: Client,
    bob_browser: Client,
    site_auditor: User,
    start_clip: StartClip,
) -> None:
    clip = start_clip("Words of Alice's")
    cancel_generation(generation=clip)
    RemoteJob.objects.create(
        reference=clip.pk, generation=clip, attempt_id=clip.submission_id, sent_at=timezone.now(), remote_id="job_7",
        billed_credits=1_300,
    )  # fmt: skip
    refund = Transfer.objects.get(reference=clip.pk, kind="refund")
    own = page(alice_browser, f"{HERE}rows/{refund.sequence}/")
    assert "Refund · row #3 of Alice's studio +1,300" in own
    assert "Balance 8,700 → 10,000 From, to Spent → Wallet Book Sandbox" in own
    assert refund.previous_hash in own
    assert refund.hash in own
    for happened in ("Charge #2 Alice −1,300", "Refund #3 +1,300", "Cancelled", "Sent to the provider job_7"):
        assert happened in own
    assert "Words of Alice's Model Seedance 2" in own
    assert "Charged 1,300 1,300 Refunded 1,300 unknown" in own
    others = page(bob_browser, row_of(refund))
    assert "Words of Alice's" not in others
    assert "Its words and pictures are for those who may see the clip. Model Seedance 2" in others
    assert "Open the clip" not in others


def test_heads_are_exported_and_checked(bob_browser: Client, site_auditor: User, workspace: Workspace) -> None:
    answer = bob_browser.get(f"{SITE}heads/")
    body = b"".join(answer)
    heads = json.loads(body)["heads"]
    wallet = Account.objects.get(workspace=workspace, book="sandbox", name="wallet")
    assert f"{workspace.pk}:sandbox:{wallet.last_hash}" in heads
    assert ActivityRow.objects.filter(kind=Kind.HEADS_EXPORTED, actor=site_auditor).count() == 1

    def checked(content: bytes) -> tuple[int, str]:
        file = SimpleUploadedFile("heads.json", content, content_type="application/json")
        response = bob_browser.post(f"{SITE}heads/check/", {"heads": file})
        return response.status_code, text(response.content.decode())

    status, said = checked(body)
    assert (status, f"All {len(heads)} heads are in their chains" in said) == (200, True)
    status, said = checked(json.dumps({"heads": [f"{workspace.pk}:sandbox:{'a' * 64}"]}).encode())
    assert (status, "The chain no longer holds the exported head aaaa" in said) == (200, True)
    for nonsense in (b"{}", b"\xff", b"[" * 5_000):
        status, said = checked(nonsense)
        assert (status, "This isn't a file of heads that the studio exported." in said) == (422, True)
    status, said = checked(b"x" * 900_001)
    assert (status, "too large to be checked here" in said) == (422, True)


def test_a_second_verification_is_refused_in_words(alice_browser: Client) -> None:
    start_run(origin=Origin.NIGHT, is_full=False)
    answer = alice_browser.post(f"{SITE}verify/", follow=True)
    assert "A verification is already under way" in text(answer.content.decode())
    assert VerificationRun.objects.count() == 1


def test_pages_cost_the_same_however_long_the_lists_are(
    alice_browser: Client,
    workspace: Workspace,
    start_clip: StartClip,
) -> None:
    counts = list[list[int]]()
    for number in (1, 2):
        for _clip in range(number):
            clip = start_clip()
        Workspace.objects.create(slug=f"more-{number}", name="More")
        tamper(f"UPDATE ledger_transfer SET reason = 'x' WHERE kind = 'charge' AND {ALICES}")
        verify_now(is_full=True)
        charge = Transfer.objects.get(reference=clip.pk)
        paths = (SITE, HERE, f"{SITE}integrity/", row_of(charge), f"{HERE}rows/{charge.sequence}/")
        for path in (SITE, HERE):
            alice_browser.get(path)
        counted = list[int]()
        for path in paths:
            with CaptureQueriesContext(connection) as statements:
                alice_browser.get(path)
            counted.append(len(statements))
        counts.append(counted)
    assert counts[0] == counts[1]


def test_lists_are_read_by_their_indexes(alice: User, workspace: Workspace, start_clip: StartClip) -> None:
    start_clip()
    tamper(f"UPDATE ledger_transfer SET reason = 'x' WHERE kind = 'charge' AND {ALICES}")
    verify_now(is_full=True)
    last = Transfer.objects.latest("id")
    with listed_by_index(Transfer, Account, VerificationRun, VerificationFinding, ActivityRow, RemoteJob):
        for kind in ("", "charge"):
            queries.transfer_page(workspace=None, kind=kind, before=last.pk + 1)
            queries.transfer_page(workspace=workspace, kind=kind, before=3)
            queries.transfer_page(workspace=workspace, kind=kind)
        queries.wallet_page(after="a")
        for of in (None, workspace):
            assert len(queries.integrity_of(of, after=0).findings) == 1
        assert queries.transfer_details(viewer=alice, transfer=last).events
