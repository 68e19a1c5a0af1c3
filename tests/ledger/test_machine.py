"""The ledger against a simple model: after any operations in any order, both agree."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tchavi_studio.ledger.models import Account, DailySpending, StatementEntry, Transfer
from tchavi_studio.ledger.queries import budget_of_member, transfers_for_reference, wallet_balance
from tchavi_studio.ledger.services import (
    AlreadyChargedError,
    InsufficientCreditsError,
    SpendingLimitError,
    adjust_credits,
    charge_credits,
    grant_credits,
    refund_charge,
    set_member_budget,
)
from tchavi_studio.ledger.verification import verify_ledger
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace

NAMES = ["abidjan", "lome", "dakar"]
PEOPLE = ["awa", "koffi"]
KEY = uuid.UUID(int=99)
Cause = tuple[str | None, uuid.UUID | None, str]
Place = tuple[str, str]

places = st.tuples(st.sampled_from(NAMES), st.sampled_from(["sandbox", "live"]))
amounts = st.integers(0, 3000)
people = st.sampled_from(PEOPLE)


class LedgerMachine(RuleBasedStateMachine):
    """Three workspaces with two books each, and two people who are members of all.

    The model: balances by place, charges by clip, refunded clips, what they were for, and each member's budgets.
    """

    clips = Bundle("clips")

    def __init__(self) -> None:
        super().__init__()
        self._transaction = transaction.atomic()
        self._transaction.__enter__()
        self.workspaces = {name: Workspace.objects.create(slug=name, name=name) for name in NAMES}
        self.balances: defaultdict[Place, int] = defaultdict(int)
        self.lengths: defaultdict[Place, int] = defaultdict(int)
        self.charges: dict[uuid.UUID, tuple[Place, int]] = {}
        self.people = [User.objects.create_user(f"{name}@example.org", name=name) for name in PEOPLE]
        for workspace in self.workspaces.values():
            for person in self.people:
                Membership.objects.create(workspace=workspace, user=person, role=Role.CREATOR)
        self.spenders: dict[uuid.UUID, str] = {}
        self.causes: dict[uuid.UUID, Cause] = {}
        self.charged: Counter[tuple[Place, Cause]] = Counter()
        self.given_back: Counter[tuple[Place, Cause]] = Counter()
        self.budgets: dict[tuple[str, str], int | None] = {}
        self.refunded: set[uuid.UUID] = set()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._transaction.__exit__(None, None, None)

    def moved(self, transfer: Transfer | None, place: Place, change_credits: int) -> None:
        """Apply a move to the model and compare the row with it."""
        if change_credits == 0:
            assert transfer is None
            return
        self.balances[place] += change_credits
        self.lengths[place] += 1
        assert transfer is not None
        assert (transfer.workspace.slug, transfer.book) == place
        assert (transfer.sequence, transfer.change_credits) == (self.lengths[place], change_credits)
        assert transfer.balance_after_credits == self.balances[place]
        entry = transfer.entry
        assert (entry.row_number, entry.change_credits) == (self.lengths[place], change_credits)
        assert (entry.balance_after_credits, entry.created_at) == (self.balances[place], transfer.created_at)

    def refused(self, move: Callable[[], Transfer | None], place: Place, needed_credits: int) -> None:
        """Ask for more than there is; the ledger must say how much there is."""
        with pytest.raises(InsufficientCreditsError) as refused:
            move()
        assert (refused.value.needed_credits, refused.value.available_credits) == (needed_credits, self.balances[place])

    @initialize(target=clips)
    def some_clips(self) -> object:
        return multiple(*(uuid.UUID(int=number) for number in range(4)))

    @rule(place=places, amount=amounts)
    def grant(self, place: Place, amount: int) -> None:
        transfer = grant_credits(
            workspace=self.workspaces[place[0]], book=place[1], amount_credits=amount, reason="grant"
        )
        self.moved(transfer, place, amount)

    @rule(place=places, amount=st.integers(-3000, 3000))
    def adjust(self, place: Place, amount: int) -> None:
        def adjust() -> Transfer | None:
            return adjust_credits(
                workspace=self.workspaces[place[0]], book=place[1], amount_credits=amount, reason="adjust"
            )

        if -amount > self.balances[place]:
            self.refused(adjust, place, needed_credits=-amount)
        else:
            self.moved(adjust(), place, amount)

    @rule(name=st.sampled_from(NAMES), person=people, budget=st.none() | amounts)
    def set_budget(self, name: str, person: str, budget: int | None) -> None:
        earlier = set_member_budget(workspace=self.workspaces[name], user=self.user(person), budget_credits=budget)
        assert earlier == self.budgets.get((name, person))
        self.budgets[name, person] = budget

    def user(self, person: str) -> User:
        return self.people[PEOPLE.index(person)]

    def spent(self, place: Place, person: str) -> int:
        """What the model says that a person has spent in a book of a workspace."""
        return sum(
            amount
            for clip, (where, amount) in self.charges.items()
            if where == place and clip not in self.refunded and self.spenders.get(clip) == person
        )

    @rule(
        place=places,
        amount=amounts,
        clip=clips,
        person=st.none() | people,
        is_approved=st.booleans(),
        key_id=st.sampled_from([None, KEY]),
        model=st.sampled_from(["seedance-2", "kling-v3"]),
    )
    def charge(
        self,
        place: Place,
        amount: int,
        clip: uuid.UUID,
        person: str | None,
        is_approved: bool,
        key_id: uuid.UUID | None,
        model: str,
    ) -> None:
        def charge() -> Transfer | None:
            return charge_credits(
                workspace=self.workspaces[place[0]],
                book=place[1],
                amount_credits=amount,
                reference=clip,
                actor=self.user(person) if person else None,
                key_id=key_id,
                model=model,
                is_approved=is_approved,
            )

        def is_over_budget() -> bool:
            budget = self.budgets.get((place[0], person)) if person and not is_approved else None
            return budget is not None and self.spent(place, person or "") + amount > budget

        if amount and clip in self.charges:
            with pytest.raises(AlreadyChargedError):
                charge()
        elif amount > self.balances[place]:
            self.refused(charge, place, needed_credits=amount)
        elif amount and is_over_budget():
            with pytest.raises(SpendingLimitError):
                charge()
        else:
            self.moved(charge(), place, -amount)
            if amount:
                self.charges[clip] = (place, amount)
                self.causes[clip] = (person, key_id, model)
                self.charged[place, self.causes[clip]] += amount
            if amount and person:
                self.spenders[clip] = person

    @rule(clip=clips)
    def refund(self, clip: uuid.UUID) -> None:
        transfer = refund_charge(reference=clip)
        if clip not in self.charges:
            assert transfer is None
        elif clip in self.refunded:
            assert [row.kind for row in transfers_for_reference(clip)] == ["charge", "refund"]
            assert transfers_for_reference(clip)[1] == transfer
        else:
            place, amount = self.charges[clip]
            self.moved(transfer, place, amount)
            self.refunded.add(clip)
            self.given_back[place, self.causes[clip]] += amount

    @rule()
    def verify(self) -> None:
        assert list(verify_ledger()) == []

    @invariant()
    def wallets_match_the_model(self) -> None:
        for name, workspace in self.workspaces.items():
            for book in ("sandbox", "live"):
                assert wallet_balance(workspace=workspace, book=book) == self.balances[name, book]
                entries = StatementEntry.objects.filter(wallet__workspace=workspace, wallet__book=book)
                changes = list(entries.values_list("change_credits", flat=True))
                assert len(changes) == self.lengths[name, book]
                assert sum(changes) == self.balances[name, book]

    @invariant()
    def daily_sums_match_the_model(self) -> None:
        charged: Counter[tuple[Place, Cause]] = Counter()
        given_back: Counter[tuple[Place, Cause]] = Counter()
        for row in DailySpending.objects.select_related("wallet__workspace", "member"):
            cause = (row.member.name if row.member else None, row.key_id, row.model)
            where = (row.wallet.workspace.slug, row.wallet.book)
            charged[where, cause] += row.charged_credits
            given_back[where, cause] += row.refunded_credits
        assert (+charged, +given_back) == (self.charged, self.given_back)

    @invariant()
    def entries_tell_what_for(self) -> None:
        entries = StatementEntry.objects.filter(reference__isnull=False)
        for clip, *cause in entries.values_list("reference", "member__name", "key_id", "model"):
            assert clip is not None
            assert tuple(cause) == self.causes[clip]

    @invariant()
    def budgets_match_the_model(self) -> None:
        memberships = Membership.objects.select_related("workspace", "user").filter(user__in=self.people)
        for membership in memberships:
            name, person = membership.workspace.slug, membership.user.name
            budget = budget_of_member(membership, book="live")
            assert budget.limit_credits == self.budgets.get((name, person))
            # The row counts the book that was charged last.
            if budget.spent_credits:
                assert budget.spent_credits == self.spent((name, "live"), person)

    @invariant()
    def accounts_add_up_to_zero(self) -> None:
        assert sum(Account.objects.values_list("balance_credits", flat=True)) == 0

    @invariant()
    def charges_and_refunds_match_the_model(self) -> None:
        for clip, (_place, amount) in self.charges.items():
            expected = [-amount, amount] if clip in self.refunded else [-amount]
            assert [row.change_credits for row in transfers_for_reference(clip)] == expected


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("examples", [6, pytest.param(60, marks=pytest.mark.long)])
def test_ledger_matches_its_model(examples: int) -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            derandomize=True,
        ),
    )
