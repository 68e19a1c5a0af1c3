"""Tampering is detected: every change behind the ledger's back is found and located."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tchavi_studio.ledger import verification
from tchavi_studio.ledger.append_only import ENTRIES, TRANSFERS
from tchavi_studio.ledger.models import Account, SpendingLimit, Transfer
from tchavi_studio.ledger.services import (
    adjust_credits,
    charge_credits,
    grant_credits,
    refund_charge,
    set_member_budget,
)
from tchavi_studio.ledger.verification import ledger_heads, verify_chain, verify_ledger
from tchavi_studio.records.chain import GENESIS_HASH
from tchavi_studio.records.verification import Finding, Head
from tchavi_studio.workspaces.models import User, Workspace
from tests.databases import Database
from tests.plans import listed_by_index, plan_problems

from .conftest import MakeWorkspace, recomputed_hash
from .test_append_only import drop_triggers, every_trigger

CLIPS = [uuid.UUID(int=number) for number in range(1, 4)]


@pytest.fixture
def history(lagune: Workspace, make_workspace: MakeWorkspace) -> Workspace:
    """A workspace with five transfers in its live book, and another without any problems."""
    other = make_workspace("other")
    for workspace in (lagune, other):
        grant_credits(workspace=workspace, book="live", amount_credits=5000, reason="Invoice 17")
    charge_credits(workspace=lagune, book="live", amount_credits=1300, reference=CLIPS[0])
    charge_credits(workspace=lagune, book="live", amount_credits=2600, reference=CLIPS[1])
    refund_charge(reference=CLIPS[0], reason="upstream_error")
    adjust_credits(workspace=lagune, book="live", amount_credits=-400, reason="typed twice")
    return lagune


def tamper(*statements: str) -> None:
    """Change the tables as an attacker would, removing and restoring the triggers."""
    drop_triggers()
    drop_triggers(ENTRIES)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        cursor.execute("DELETE FROM ledger_statemententry WHERE transfer_id NOT IN (SELECT id FROM ledger_transfer)")
    connection.check_constraints()
    TRANSFERS.create_triggers(connection)
    ENTRIES.create_triggers(connection)


def rewrite_from(sequence: int) -> None:
    """Recompute the hashes from row `sequence` on, and the wallet's, to match their contents."""
    drop_triggers()
    for row in Transfer.objects.filter(workspace__slug="lagune", sequence__gte=sequence).order_by("sequence"):
        before = Transfer.objects.filter(workspace=row.workspace, sequence=row.sequence - 1).first()
        row.previous_hash = before.hash if before else GENESIS_HASH
        row.hash = recomputed_hash(row)
        row.save()
        Account.objects.filter(workspace=row.workspace, name="wallet").update(
            last_hash=row.hash, last_sequence=row.sequence
        )
    connection.check_constraints()
    TRANSFERS.create_triggers(connection)


def found(*heads: Head) -> list[tuple[str, int | None]]:
    """What is wrong with the transfers; `test_statement_verification.py` is about the statements made of them."""
    findings = [(finding.code, finding.sequence) for finding in verify_ledger(expected_heads=heads)]
    return [finding for finding in findings if finding[0] not in ("statement", "daily-spending")]


def test_sound_ledger_has_no_findings(history: Workspace) -> None:
    assert list(verify_ledger(expected_heads=ledger_heads())) == []


def test_empty_ledger_has_no_findings(db: None) -> None:
    assert list(verify_ledger()) == []


HERE = "workspace_id = (SELECT id FROM workspaces_workspace WHERE slug = 'lagune')"
OTHER = "(SELECT id FROM workspaces_workspace WHERE slug = 'other')"


@pytest.mark.parametrize(
    ("statements", "findings"),
    [
        ([f"UPDATE ledger_transfer SET reason = 'Invoice 18' WHERE sequence = 1 AND {HERE}"], [("hash", 1)]),
        (
            [f"UPDATE ledger_transfer SET created_at = '2020-01-01 00:00:00+00:00' WHERE sequence = 2 AND {HERE}"],
            [("hash", 2)],
        ),
        ([f"UPDATE ledger_transfer SET hash_version = 2 WHERE sequence = 3 AND {HERE}"], [("hash", 3)]),
        (
            [f"UPDATE ledger_transfer SET reference = '{CLIPS[2].hex}' WHERE sequence = 4 AND {HERE}"],
            [("refund", 4), ("hash", 4)],
        ),
        (
            [f"UPDATE ledger_transfer SET amount_credits = 9999 WHERE sequence = 1 AND {HERE}"],
            [("hash", 1), ("running-balance", 1), ("balance", None), ("balance", None)],
        ),
        (
            [f"UPDATE ledger_transfer SET balance_after_credits = 9 WHERE sequence = 2 AND {HERE}"],
            [("hash", 2), ("running-balance", 2), ("running-balance", 3)],
        ),
        (
            [f"DELETE FROM ledger_transfer WHERE sequence = 5 AND {HERE}"],
            [("head", None), ("balance", None), ("balance", None), ("head", 4)],
        ),
        (
            [f"DELETE FROM ledger_transfer WHERE sequence = 2 AND {HERE}"],
            [
                ("refund", 4),
                ("sequence", 3),
                ("chain", 3),
                ("running-balance", 3),
                ("balance", None),
                ("balance", None),
            ],
        ),
        (
            [f"DELETE FROM ledger_transfer WHERE {HERE}"],
            [("head", None), ("balance", None), ("balance", None), ("balance", None), ("head", None)],
        ),
        (
            [f"UPDATE ledger_account SET balance_credits = balance_credits + 5 WHERE name = 'wallet' AND {HERE}"],
            [("total", None), ("balance", None)],
        ),
        (
            [
                f"UPDATE ledger_account SET balance_credits = balance_credits + 5 WHERE name = 'wallet' AND {HERE}",
                f"UPDATE ledger_account SET balance_credits = balance_credits - 5 WHERE name = 'granted' AND {HERE}",
            ],
            [("balance", None), ("balance", None)],
        ),
        ([f"UPDATE ledger_account SET last_hash = 'x' WHERE name = 'wallet' AND {HERE}"], [("head", 5)]),
        (
            [f"UPDATE ledger_account SET workspace_id = {OTHER}, book = 'sandbox' WHERE name = 'spent' AND {HERE}"],
            [("accounts", 2), ("accounts", 3), ("accounts", 4), ("balance", None)],
        ),
        (
            [f"UPDATE ledger_transfer SET book = 'sandbox' WHERE sequence = 5 AND {HERE}"],
            [("wallet", None), ("head", None), ("balance", None), ("balance", None), ("head", 4)],
        ),
    ],
)
def test_tampering_is_found(history: Workspace, statements: list[str], findings: list[tuple[str, int | None]]) -> None:
    tamper(*statements)
    assert found() == findings
    assert {finding.workspace_id for finding in verify_ledger()} <= {history.pk, None}


def test_changed_row_with_a_new_hash_breaks_the_chain(history: Workspace) -> None:
    tamper(f"UPDATE ledger_transfer SET reason = 'Invoice 18' WHERE sequence = 2 AND {HERE}")
    drop_triggers()
    row = Transfer.objects.get(workspace=history, sequence=2)
    row.hash = recomputed_hash(row)
    row.save()
    connection.check_constraints()
    TRANSFERS.create_triggers(connection)
    assert found() == [("chain", 3)]


def test_row_added_after_the_head_is_found(history: Workspace) -> None:
    last = Transfer.objects.get(workspace=history, sequence=5)
    slipped = Transfer(
        workspace=history,
        book="live",
        sequence=6,
        kind="grant",
        debit_account=last.credit_account,
        credit_account=last.debit_account,
        amount_credits=100,
        balance_after_credits=last.balance_after_credits + 100,
        created_at=timezone.now(),
        previous_hash=last.hash,
    )
    slipped.hash = recomputed_hash(slipped)
    slipped.save()
    assert found() == [("head", 6)]


def test_temporarily_negative_wallet_is_found(lagune: Workspace) -> None:
    charged = 100
    grant_credits(workspace=lagune, book="live", amount_credits=charged, reason="late")
    charge_credits(workspace=lagune, book="live", amount_credits=charged, reference=CLIPS[0])
    # Swap the two: the charge now comes before the grant.
    tamper(
        "UPDATE ledger_transfer SET sequence = 3 WHERE sequence = 1",
        "UPDATE ledger_transfer SET sequence = 1, balance_after_credits = 0 WHERE sequence = 2",
        "UPDATE ledger_transfer SET sequence = 2, balance_after_credits = 100 WHERE sequence = 3",
    )
    rewrite_from(1)
    assert found() == [("running-balance", 1), ("below-zero", 1)]


def test_consistent_rewrite_is_found_with_an_exported_head(history: Workspace) -> None:
    heads = list(ledger_heads())
    tamper(f"UPDATE ledger_transfer SET reason = 'Invoice 18' WHERE sequence = 1 AND {HERE}")
    rewrite_from(1)
    assert found() == []
    old_head = next(head for head in heads if head.workspace_id == history.pk)
    assert list(verify_ledger(expected_heads=heads)) == [
        Finding(
            code="head",
            text="The chain no longer holds the exported head %(hash)s.",
            values={"hash": old_head.hash},
            workspace_id=history.pk,
            book="live",
            expected=old_head.hash,
        )
    ]


def test_exported_head_stays_valid_as_the_chain_grows(history: Workspace) -> None:
    heads = list(ledger_heads())
    grant_credits(workspace=history, book="live", amount_credits=1, reason="later")
    assert found(*heads, Head(workspace_id=history.pk, book="sandbox", hash=GENESIS_HASH)) == []


def test_missing_trigger_is_found(history: Workspace) -> None:
    drop_triggers()
    assert found() == [("trigger", None)] * len(every_trigger())


@pytest.mark.own_database
def test_second_charge_of_a_clip_is_found(
    own_database: Database, history: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    constraint = next(c for c in Transfer._meta.constraints if c.name == "one_charge_and_one_refund")
    monkeypatch.setattr(Transfer._meta, "constraints", [c for c in Transfer._meta.constraints if c != constraint])
    with connection.schema_editor() as editor:
        editor.remove_constraint(Transfer, constraint)
    TRANSFERS.create_triggers(connection)
    tamper(f"UPDATE ledger_transfer SET reference = '{CLIPS[0].hex}' WHERE sequence = 3")
    assert found() == [("repeated", 2), ("repeated", 3), ("hash", 3)]


def test_chains_are_read_in_ranges_of_their_index(history: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "CHUNK_SIZE", 2)
    with listed_by_index(Transfer), CaptureQueriesContext(connection) as statements:
        assert list(verify_chain(workspace_id=history.pk, book="live")) == []
    # The accounts, the first sequence, then for each range its rows and the start of the next.
    assert len(statements) == 1 + 1 + 3 * 2


@pytest.mark.parametrize("size", [1, 2])
def test_ranges_pass_over_nothing(history: Workspace, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(verification, "CHUNK_SIZE", size)
    tamper(
        f"UPDATE ledger_transfer SET sequence = 1000000 WHERE sequence = 3 AND {HERE}",
        f"UPDATE ledger_transfer SET reason = 'upstream' WHERE sequence = 4 AND {HERE}",
    )
    assert found() == [
        ("sequence", 4), ("chain", 4), ("hash", 4), ("running-balance", 4), ("balance", None), ("balance", None),
        ("sequence", 1_000_000), ("chain", 1_000_000), ("hash", 1_000_000), ("running-balance", 1_000_000),
        ("head", 1_000_000),
    ]  # fmt: skip


def test_checks_of_all_rows_sort_nothing(history: Workspace) -> None:
    statements: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        assert list(verify_ledger()) == []
    problems = {problem for sql, params in statements for problem in plan_problems(sql, params, {"ledger_transfer"})}
    assert not [problem for problem in problems if "SORT" in problem.upper() or "GROUP BY" in problem], problems


def test_people_who_moved_credits_cannot_be_deleted(lagune: Workspace, alice: User) -> None:
    grant_credits(workspace=lagune, book="live", amount_credits=1, reason="", actor=alice)
    with pytest.raises(Exception, match="protected foreign keys"):
        alice.delete()


def test_triggers_and_rules_of_others_are_found(history: Workspace) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "CREATE TRIGGER halves AFTER INSERT ON ledger_transfer BEGIN "
                "UPDATE ledger_account SET balance_credits = balance_credits / 2 WHERE id = NEW.credit_account_id; END"
            )
            cursor.execute("CREATE TEMP TRIGGER hidden AFTER UPDATE ON ledger_account BEGIN SELECT 1; END")
        else:
            connection.check_constraints()
            cursor.execute("CREATE RULE halves AS ON INSERT TO ledger_limitedcharge DO INSTEAD NOTHING")
            cursor.execute(
                "CREATE TRIGGER hidden BEFORE UPDATE ON ledger_account "
                "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
            )
    assert [str(finding) for finding in verify_ledger()] == [
        "whole ledger trigger: halves isn't a trigger or rule of ours, and may change what is written.",
        "whole ledger trigger: hidden isn't a trigger or rule of ours, and may change what is written.",
    ]


def test_a_limit_that_counts_wrong_is_found(history: Workspace, alice: User) -> None:
    set_member_budget(workspace=history, user=alice, budget_credits=10_000)
    limit = SpendingLimit.objects.get(workspace=history, user=alice)
    for clip in (CLIPS[2], uuid.UUID(int=9)):
        charge_credits(workspace=history, book="live", amount_credits=500, reference=clip, actor=alice)
    refund_charge(reference=CLIPS[2])
    assert found() == []
    type(limit).objects.filter(pk=limit.pk).update(spent_credits=499)
    [finding] = verify_ledger()
    assert (finding.code, finding.workspace_id) == ("limit", history.pk)
    assert "counts 499 in live" in finding.message
    assert finding.message.endswith("; its charges add up to 500.")


def test_a_limit_goes_on_counting_when_its_period_comes_back(history: Workspace, alice: User) -> None:
    set_member_budget(workspace=history, user=alice, budget_credits=10_000)
    limit = SpendingLimit.objects.get(workspace=history, user=alice)
    grant_credits(workspace=history, book="sandbox", amount_credits=100, reason="play")
    charge_credits(workspace=history, book="live", amount_credits=500, reference=CLIPS[2], actor=alice)
    charge_credits(workspace=history, book="sandbox", amount_credits=7, reference=uuid.UUID(int=8), actor=alice)
    assert found() == []
    charge_credits(workspace=history, book="live", amount_credits=30, reference=uuid.UUID(int=9), actor=alice)
    limit.refresh_from_db()
    assert limit.spent_credits == 530
    assert found() == []
