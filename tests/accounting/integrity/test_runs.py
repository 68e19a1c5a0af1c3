"""Runs of the verification: what they find, and that nothing they are interrupted by loses or repeats anything."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from tchavi_studio.accounting import tasks
from tchavi_studio.accounting.integrity import runs
from tchavi_studio.accounting.integrity.heads import exported_heads, heads_from, lost_heads
from tchavi_studio.accounting.integrity.runs import RunUnderWayError, go_on, start_run, verify_now
from tchavi_studio.accounting.integrity.stages import STAGES
from tchavi_studio.accounting.models import Origin, VerificationRun, VerifiedHead
from tchavi_studio.generations.models import Generation, LibraryEntry
from tchavi_studio.ledger import verification
from tchavi_studio.ledger.append_only import TRANSFERS
from tchavi_studio.ledger.models import Account, Transfer
from tchavi_studio.ledger.services import grant_credits
from tchavi_studio.notices.models import Notice, NoticeKind
from tchavi_studio.notices.queries import preferences_for_viewer
from tchavi_studio.runtime.leases import ClaimLostError, claim_first
from tchavi_studio.site.targets import path_of
from tchavi_studio.workspaces.models import User, Workspace
from tests.ledger.test_append_only import drop_triggers
from tests.ledger.test_verification import HERE, rewrite_from, tamper
from tests.plans import listed_by_index

Start = Callable[..., Generation]
Found = list[tuple[str, str, int | None]]


def found(*, is_full: bool = True) -> Found:
    """Stage, code and row of everything that a run finds."""
    return found_by(verify_now(is_full=is_full))


def found_by(run: VerificationRun) -> Found:
    return list(run.findings.order_by("number").values_list("stage", "code", "sequence"))


def test_a_sound_ledger_has_a_run_without_findings(history: Workspace) -> None:
    full = verify_now(is_full=True)
    assert (full.finding_count, full.row_count, full.row_total) == (0, 20, 20)
    assert full.stages_done == [stage.name for stage in STAGES]
    assert not full.is_under_way
    assert full.ended_at is not None
    again = verify_now(is_full=False)
    # Only clips, and what each transfer is for.
    assert (again.finding_count, again.row_count, again.row_total) == (0, 2 + 6, 2 + 6)
    head = VerifiedHead.objects.get(scope=history.pk.hex, book="live")
    assert (head.sequence, head.balances) == (5, {"wallet": 2000, "granted": -4600, "spent": 2600})


def test_a_changed_row_is_found_until_it_is_mended(history: Workspace) -> None:
    verify_now(is_full=True)
    tamper(f"UPDATE ledger_transfer SET reason = 'Invoice 18' WHERE sequence = 1 AND {HERE}")
    # It lies before the verified head.
    assert found(is_full=False) == []
    assert found() == [("chains", "hash", 1)]
    assert found(is_full=False) == [("chains", "hash", 1)]
    tamper(f"UPDATE ledger_transfer SET reason = 'Invoice 17' WHERE sequence = 1 AND {HERE}")
    assert found(is_full=False) == []


def test_whoever_sees_to_the_site_is_told_once_a_run(history: Workspace, alice: User, bob: User) -> None:
    auditor = User.objects.create_user("auditor@example.org", is_site_auditor=True)
    verify_now(is_full=True)
    assert not Notice.objects.exists()
    tamper(f"UPDATE ledger_transfer SET reason = 'Invoice 18' WHERE sequence IN (1, 2) AND {HERE}")
    run = verify_now(is_full=True)
    told = Notice.objects.order_by("user").values_list("user", "kind", "reference", "details")
    assert list(told) == [(person.pk, "ledger_findings", run.pk, {"finding_count": 2}) for person in (alice, auditor)]
    paths = [path_of(notice) for notice in Notice.objects.select_related("user").order_by("user")]
    assert paths == ["/site/audit/"] * 2
    User.objects.filter(pk=auditor.pk).update(is_site_auditor=False)
    assert path_of(Notice.objects.get(user=auditor)) is None
    kinds = {preference.kind for preference in preferences_for_viewer(bob)}
    assert kinds == set(NoticeKind.values) - {"ledger_findings"}


def test_what_is_found_is_kept_with_what_was_expected(history: Workspace) -> None:
    tamper(f"UPDATE ledger_account SET balance_credits = 2100 WHERE name = 'wallet' AND {HERE}")
    run = verify_now(is_full=True)
    total, balance = run.findings.order_by("number")
    assert (total.code, total.expected, total.found) == ("total", 0, 100)
    assert (balance.code, balance.workspace_id, balance.book) == ("balance", history.pk, "live")
    assert (balance.expected, balance.found) == (2000, 2100)
    assert str(balance) == (
        f"{history.pk}:live balance: The balance of account wallet is 2,100, but its transfers add up to 2,000."
    )


@pytest.mark.parametrize("is_full", [True, False])
def test_a_dropped_and_an_added_trigger_are_found(history: Workspace, is_full: bool) -> None:
    drop_triggers()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            TRANSFERS.create_triggers(connection)
            cursor.execute("DROP TRIGGER ledger_transfer_no_update")
            cursor.execute("CREATE TRIGGER hidden AFTER UPDATE ON workspaces_activityhead BEGIN SELECT 1; END")
        else:
            cursor.execute(
                "CREATE TRIGGER hidden BEFORE UPDATE ON workspaces_activityhead "
                "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
            )
    run = verify_now(is_full=is_full)
    missing = "ledger_transfer_" + ("no_update" if connection.vendor == "sqlite" else "append_only")
    found = run.findings.order_by("number").values_list("stage", "expected", "found")
    assert list(found) == [("triggers", missing, None), ("triggers", None, "hidden")]


@pytest.mark.parametrize("is_full", [True, False])
def test_a_deleted_tail_is_found(history: Workspace, is_full: bool) -> None:
    verify_now(is_full=True)
    tamper(f"DELETE FROM ledger_transfer WHERE sequence = 5 AND {HERE}")
    expected: Found = [("heads", "head", 5), ("chains", "head", None), ("chains", "balance", None)]
    expected += [("chains", "balance", None), ("chains", "head", 4)]
    # A chain that has lost its verified head is verified from its beginning, as long as it has.
    assert found(is_full=is_full) == expected
    assert found(is_full=False) == expected


def test_a_consistent_rewrite_is_found_against_an_export_and_an_earlier_run(history: Workspace) -> None:
    kept = "".join(exported_heads())
    assert list(lost_heads(heads_from(kept))) == []
    verify_now(is_full=True)
    tamper(f"UPDATE ledger_transfer SET reason = 'Invoice 18' WHERE sequence = 1 AND {HERE}")
    rewrite_from(1)
    (lost,) = lost_heads(heads_from(kept))
    assert (lost.code, lost.workspace_id, lost.book) == ("head", history.pk, "live")
    for is_full in (False, True, False):
        assert ("heads", "head", 5) in found(is_full=is_full), is_full


def test_what_was_appended_wrongly_since_is_found(history: Workspace) -> None:
    verify_now(is_full=True)
    for reason in ("Invoice 18", "Invoice 19"):
        grant_credits(workspace=history, book="live", amount_credits=100, reason=reason)
    tamper(f"UPDATE ledger_transfer SET reason = '' WHERE sequence = 7 AND {HERE}")
    run = verify_now(is_full=False)
    assert found_by(run) == [("chains", "hash", 7)]
    assert run.row_count == 2 + 2 + (2 + 8)


@pytest.mark.parametrize("is_full", [True, False])
def test_clips_are_compared_with_their_charges(start: Start, is_full: bool) -> None:
    edited, deleted = start(), start()
    verify_now(is_full=True)
    Generation.objects.filter(pk=edited.pk).update(price_credits=1)
    LibraryEntry.objects.filter(generation=deleted).delete()
    # Past Django, as somebody with access to the database would.
    Generation.objects.filter(pk=deleted.pk)._raw_delete(using="default")
    charge = Transfer.objects.get(reference=deleted.pk)
    run = verify_now(is_full=is_full)
    assert found_by(run) == [("clips", "clip-price", None), ("clips", "clip-gone", charge.sequence)]
    price = run.findings.get(code="clip-price")
    assert (price.expected, price.found, price.values["reference"]) == (1_300, 1, str(edited.pk))


# --- Slices -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every mark is saved, and chains are read two rows at a time."""
    monkeypatch.setattr(runs, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(verification, "CHUNK_SIZE", 2)


def test_a_run_goes_on_slice_by_slice(history: Workspace, small_slices: None) -> None:
    tamper(
        f"UPDATE ledger_transfer SET reason = 'x' WHERE sequence = 1 AND {HERE}",
        f"UPDATE ledger_transfer SET reason = 'x' WHERE sequence = 4 AND {HERE}",
    )
    run = start_run(origin=Origin.NIGHT, is_full=True)
    slice_count, has_ended = 0, False
    while not has_ended:
        claim = claim_first(runs.runs_under_way())
        assert claim is not None
        has_ended = go_on(claim, is_over=lambda: True)
        claim.release()
        slice_count += 1
    run.refresh_from_db()
    # Three ranges of transfers; two statements and the end of each; 3 ranges and the end of one chain, 1 and the end of
    # the other; clips that were thrown away, and what transfers are for; and the rest.
    assert slice_count == 3 + 4 + 4 + 2 + 2 + 1
    assert found_by(run) == [("chains", "hash", 1), ("chains", "hash", 4)]
    assert (run.row_count, run.row_total) == (20, 20)
    assert set(VerifiedHead.objects.values_list("scope", flat=True)) == {
        Workspace.objects.get(slug="other").pk.hex,
    }


def test_a_killed_run_goes_on_where_it_was(
    history: Workspace, small_slices: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper(f"UPDATE ledger_transfer SET reason = 'x' WHERE sequence IN (1, 3) AND {HERE}")
    run = start_run(origin=Origin.NIGHT, is_full=True)
    claim = claim_first(runs.runs_under_way())
    assert claim is not None
    add, added = verification._Chain.add, list[int]()

    def die_at_the_fourth(chain: verification._Chain, row: verification._Row) -> object:
        added.append(row.sequence)
        if len(added) == 4:
            raise KeyboardInterrupt
        return add(chain, row)

    monkeypatch.setattr(verification._Chain, "add", die_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        go_on(claim, is_over=lambda: False)
    monkeypatch.setattr(verification._Chain, "add", add)
    # Until the lease ends, nobody goes on with it.
    tasks.verify()
    assert VerificationRun.objects.get().is_under_way
    VerificationRun.objects.update(leased_until=timezone.now())
    tasks.clean_up()
    tasks.verify()
    run.refresh_from_db()
    assert not run.is_under_way
    assert found_by(run) == [("chains", "hash", 1), ("chains", "hash", 3)]
    assert run.row_count == 20
    with pytest.raises(ClaimLostError):
        go_on(claim, is_over=lambda: False)


def test_one_runs_at_a_time(history: Workspace, alice: User) -> None:
    first = start_run(origin=Origin.PERSON, is_full=False, by=alice)
    with pytest.raises(RunUnderWayError):
        start_run(origin=Origin.PERSON, is_full=True, by=alice)
    assert runs.start_nightly_run_if_due() is None
    # The command helps the one under way to its end, then does its own.
    own = verify_now(is_full=True)
    first.refresh_from_db()
    assert (first.is_under_way, first.origin, own.origin) == (False, "person", "command")


def test_only_the_first_findings_are_kept(history: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MAX_FINDINGS", 2)
    tamper(f"UPDATE ledger_transfer SET reason = 'x' WHERE sequence > 1 AND {HERE}")
    run = verify_now(is_full=True)
    assert (run.finding_count, found_by(run)) == (4, [("chains", "hash", 2), ("chains", "hash", 3)])
    assert not VerifiedHead.objects.filter(book="live").exists()


def test_a_night_has_one_run_and_a_week_a_full_one(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tchavi_studio.runtime.wakeups.async_task", lambda *args, **kwargs: None)
    zone = ZoneInfo("Africa/Porto-Novo")
    started = list[tuple[int, int, bool]]()

    def look(day: int, hour: int) -> None:
        moment = datetime(2026, 11, day, hour, tzinfo=zone)
        monkeypatch.setattr("django.utils.timezone.now", lambda: moment)
        with timezone.override(zone):
            if run := runs.start_nightly_run_if_due():
                started.append((day, hour, run.is_full))
                tasks.verify()

    for day, hour in [(1, 2), (1, 3), (1, 23), (2, 2), (2, 3), (2, 4), (5, 12), (6, 1), (6, 3), (9, 3)]:
        look(day, hour)
    assert started == [
        (1, 2, True), (1, 3, False), (2, 3, False), (5, 12, False), (6, 3, False), (9, 3, True),
    ]  # fmt: skip


def test_looking_for_the_night_reads_an_index(db: None) -> None:
    runs.start_nightly_run_if_due()
    with listed_by_index(VerificationRun):
        assert runs.start_nightly_run_if_due() is None


def test_chains_written_to_meanwhile_are_sound(history: Workspace, small_slices: None) -> None:
    start_run(origin=Origin.NIGHT, is_full=True)
    written = 0
    while (claim := claim_first(runs.runs_under_way())) and not go_on(claim, is_over=lambda: True):
        claim.release()
        if written < 4:
            grant_credits(workspace=history, book="live", amount_credits=100, reason="more")
            written += 1
    assert VerificationRun.objects.get().finding_count == 0
    head = VerifiedHead.objects.get(scope=history.pk.hex)
    assert head.sequence <= Account.objects.get(workspace=history, name="wallet").last_sequence
