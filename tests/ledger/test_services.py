"""What each kind of transfer does to the accounts, and what is refused."""

import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.ledger.models import (
    MAX_AMOUNT_CREDITS,
    Account,
    LimitedCharge,
    SpendingLimit,
    StatementEntry,
    Transfer,
)
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.services import (
    AlreadyChargedError,
    InsufficientCreditsError,
    SpendingLimitError,
    adjust_credits,
    charge_credits,
    grant_credits,
    open_accounts,
    refund_charge,
    set_member_budget,
)
from tchavi_studio.records.chain import GENESIS_HASH
from tchavi_studio.workspaces.models import User, Workspace
from tests.plans import listed_by_index

from .conftest import MakeWorkspace

CLIP = uuid.UUID("11111111-1111-4111-8111-111111111111")


def balances(workspace: Workspace, book: str = "live") -> dict[str, int]:
    accounts = Account.objects.filter(workspace=workspace, book=book)
    return dict(accounts.values_list("name", "balance_credits"))


def rows(workspace: Workspace, book: str = "live") -> list[tuple[int, str, int, int]]:
    """Newest first: sequence, kind, change to the wallet, balance after it."""
    entries = StatementEntry.objects.filter(wallet__workspace=workspace, wallet__book=book).order_by("-row_number")
    return list(entries.values_list("row_number", "kind", "change_credits", "balance_after_credits"))


def give(workspace: Workspace, amount_credits: int, book: str = "live") -> Transfer | None:
    return grant_credits(workspace=workspace, book=book, amount_credits=amount_credits, reason="for the tests")


def charge(
    workspace: Workspace,
    amount_credits: int,
    reference: uuid.UUID = CLIP,
    book: str = "live",
    actor: User | None = None,
) -> Transfer | None:
    return charge_credits(
        workspace=workspace, book=book, amount_credits=amount_credits, reference=reference, actor=actor
    )


def test_accounts_are_opened_once(lagune: Workspace) -> None:
    first = open_accounts(workspace=lagune, book="live")
    assert open_accounts(workspace=lagune, book="live") == first
    assert balances(lagune) == {"wallet": 0, "granted": 0, "spent": 0}
    assert balances(lagune, "sandbox") == {}


def test_grant_fills_the_wallet(lagune: Workspace, alice: User) -> None:
    transfer = grant_credits(workspace=lagune, book="live", amount_credits=5000, reason="Invoice 17", actor=alice)
    assert transfer is not None
    transfer.refresh_from_db()
    assert (transfer.kind, transfer.debit_account.name, transfer.credit_account.name) == ("grant", "granted", "wallet")
    assert (transfer.sequence, transfer.amount_credits, transfer.balance_after_credits) == (1, 5000, 5000)
    assert (transfer.reference, transfer.reason, transfer.actor) == (None, "Invoice 17", alice)
    assert transfer.previous_hash == GENESIS_HASH
    assert balances(lagune) == {"wallet": 5000, "granted": -5000, "spent": 0}


def test_charge_spends_and_refund_gives_back(lagune: Workspace) -> None:
    give(lagune, 5000)
    charge(lagune, 1300)
    assert balances(lagune) == {"wallet": 3700, "granted": -5000, "spent": 1300}
    refund = refund_charge(reference=CLIP, reason="upstream_error")
    assert refund is not None
    assert (refund.kind, refund.reference, refund.amount_credits) == ("refund", CLIP, 1300)
    assert balances(lagune) == {"wallet": 5000, "granted": -5000, "spent": 0}
    assert rows(lagune) == [(3, "refund", 1300, 5000), (2, "charge", -1300, 3700), (1, "grant", 5000, 5000)]


def test_second_refund_returns_the_first(lagune: Workspace) -> None:
    give(lagune, 5000)
    charge(lagune, 1300)
    first = refund_charge(reference=CLIP)
    assert refund_charge(reference=CLIP) == first
    assert Transfer.objects.filter(kind="refund").count() == 1
    assert wallet_balance(workspace=lagune, book="live") == 5000


def test_uncharged_clip_is_not_refunded(lagune: Workspace) -> None:
    assert refund_charge(reference=CLIP) is None
    assert Transfer.objects.count() == 0


def test_clip_is_charged_once(lagune: Workspace, make_workspace: MakeWorkspace) -> None:
    other = make_workspace("other")
    give(lagune, 5000)
    give(other, 5000)
    charge(lagune, 1300)
    for workspace in (lagune, other):
        with pytest.raises(AlreadyChargedError) as refused:
            charge(workspace, 1300)
        assert str(refused.value) == "This clip has already been charged. No credits moved."
    assert (wallet_balance(workspace=lagune, book="live"), wallet_balance(workspace=other, book="live")) == (3700, 5000)


def test_wallet_cannot_be_overdrawn(lagune: Workspace) -> None:
    give(lagune, 1299)
    with pytest.raises(InsufficientCreditsError) as refused:
        charge(lagune, 1300)
    assert (refused.value.needed_credits, refused.value.available_credits) == (1300, 1299)
    with translation.override("en"):
        assert str(refused.value) == "This needs 1,300 credits, but the wallet holds only 1,299. No credits moved."
    assert rows(lagune) == [(1, "grant", 1299, 1299)]
    assert balances(lagune) == {"wallet": 1299, "granted": -1299, "spent": 0}


def test_wallet_can_be_emptied(lagune: Workspace) -> None:
    give(lagune, 1300)
    charge(lagune, 1300)
    assert balances(lagune) == {"wallet": 0, "granted": -1300, "spent": 1300}


def test_unopened_wallet_cannot_be_charged(lagune: Workspace) -> None:
    with pytest.raises(InsufficientCreditsError) as refused:
        charge(lagune, 1)
    assert (refused.value.needed_credits, refused.value.available_credits) == (1, 0)


def test_adjustments_never_go_below_zero(lagune: Workspace) -> None:
    adjust_credits(workspace=lagune, book="live", amount_credits=700, reason="goodwill")
    adjust_credits(workspace=lagune, book="live", amount_credits=-200, reason="typed twice")
    with pytest.raises(InsufficientCreditsError) as refused:
        adjust_credits(workspace=lagune, book="live", amount_credits=-501, reason="too much")
    assert (refused.value.needed_credits, refused.value.available_credits) == (501, 500)
    assert rows(lagune) == [(2, "adjustment", -200, 500), (1, "adjustment", 700, 700)]
    assert balances(lagune) == {"wallet": 500, "granted": -500, "spent": 0}


def test_zero_amounts_write_no_row(lagune: Workspace) -> None:
    assert give(lagune, 0) is None
    assert charge(lagune, 0) is None
    assert adjust_credits(workspace=lagune, book="live", amount_credits=0, reason="nothing") is None
    assert Transfer.objects.count() == 0


@pytest.mark.parametrize("amount_credits", [-1, MAX_AMOUNT_CREDITS + 1])
def test_amounts_out_of_range_are_refused(lagune: Workspace, amount_credits: int) -> None:
    for move in (give, charge):
        with pytest.raises(ValueError, match="an amount must be 0 to 1000000000000 credits"):
            move(lagune, amount_credits)
    assert Transfer.objects.count() == 0


def test_books_and_workspaces_are_separate(lagune: Workspace, make_workspace: MakeWorkspace) -> None:
    other = make_workspace("other")
    give(lagune, 10, "sandbox")
    give(lagune, 20, "live")
    give(other, 40, "live")
    assert [balances(lagune, "sandbox")["wallet"], balances(lagune)["wallet"], balances(other)["wallet"]] == [
        10,
        20,
        40,
    ]
    assert list(Transfer.objects.values_list("sequence", flat=True)) == [1, 1, 1]
    with pytest.raises(InsufficientCreditsError):
        charge(lagune, 21)
    for transfer in Transfer.objects.select_related("debit_account", "credit_account"):
        for account in (transfer.debit_account, transfer.credit_account):
            assert (account.workspace_id, account.book) == (transfer.workspace_id, transfer.book)


def test_refund_goes_to_the_book_of_the_charge(lagune: Workspace) -> None:
    give(lagune, 100, "sandbox")
    charge(lagune, 60, book="sandbox")
    refund = refund_charge(reference=CLIP)
    assert refund is not None
    assert (refund.workspace, refund.book) == (lagune, "sandbox")
    assert balances(lagune, "live") == {}


def test_transfer_rolls_back_with_the_callers_transaction(lagune: Workspace) -> None:
    give(lagune, 100)

    def charge_and_fail() -> None:
        with transaction.atomic():
            charge(lagune, 60)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        charge_and_fail()
    assert rows(lagune) == [(1, "grant", 100, 100)]
    assert charge(lagune, 60) is not None
    assert rows(lagune)[0] == (2, "charge", -60, 40)


def test_charge_takes_five_statements_by_index(
    lagune: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    give(lagune, 10_000)
    with listed_by_index(Transfer, Account, SpendingLimit), django_assert_num_queries(5):
        charge(lagune, 1300)


def test_counting_what_a_member_spends_takes_three_more(
    workspace: Workspace, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    give(workspace, 5000)
    charge(workspace, 100, uuid.uuid4(), actor=alice)
    with listed_by_index(Transfer, Account, SpendingLimit, LimitedCharge), django_assert_num_queries(8):
        charge(workspace, 100, uuid.uuid4(), actor=alice)


def test_refusals_leave_the_callers_transaction_as_it_was(lagune: Workspace, alice: User) -> None:
    give(lagune, 5000)
    set_member_budget(workspace=lagune, user=alice, budget_credits=1000)
    charge(lagune, 1300)
    with transaction.atomic():
        with pytest.raises(AlreadyChargedError):
            charge(lagune, 1300)
        with pytest.raises(InsufficientCreditsError):
            charge(lagune, 3701, uuid.uuid4())
        with pytest.raises(SpendingLimitError):
            charge(lagune, 1300, uuid.uuid4(), actor=alice)
        charge(lagune, 100, uuid.uuid4(), actor=alice)
    assert rows(lagune) == [(3, "charge", -100, 3600), (2, "charge", -1300, 3700), (1, "grant", 5000, 5000)]
    assert SpendingLimit.objects.get(workspace=lagune, user=alice).spent_credits == 100


@pytest.mark.parametrize(
    "wrong",
    [
        {"book": "play"},
        {"kind": "gift"},
        {"amount_credits": 0},
        {"amount_credits": -5},
        {"amount_credits": MAX_AMOUNT_CREDITS + 1},
        {"balance_after_credits": -1},
        {"sequence": 0},
        {"sequence": 1},
        {"reference": None},
        {"reference": CLIP},
        {"kind": "grant"},
        {"credit_account": "wallet"},
    ],
    ids=str,
)
def test_database_refuses_invalid_rows(lagune: Workspace, wrong: dict[str, Any]) -> None:
    give(lagune, 5000)
    charge(lagune, 1300)
    accounts = open_accounts(workspace=lagune, book="live")
    right = {
        "workspace": lagune,
        "book": "live",
        "sequence": 3,
        "kind": "charge",
        "debit_account": accounts["wallet"],
        "credit_account": accounts["spent"],
        "amount_credits": 100,
        "balance_after_credits": 3600,
        "reference": uuid.uuid4(),
        "created_at": timezone.now(),
        "previous_hash": "b" * 64,
        "hash": "c" * 64,
    }
    if "credit_account" in wrong:
        wrong = {"credit_account": accounts[wrong["credit_account"]]}
    with pytest.raises(IntegrityError), transaction.atomic():
        Transfer.objects.create(**{**right, **wrong})
    Transfer.objects.create(**right)


def test_database_refuses_negative_wallets(lagune: Workspace) -> None:
    give(lagune, 100)
    with pytest.raises(IntegrityError), transaction.atomic():
        Account.objects.filter(name="wallet").update(balance_credits=-1)
    assert Account.objects.filter(name="spent").update(balance_credits=-1) == 1
