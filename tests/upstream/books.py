"""The upstream's own books: double entry for all credits, and a log of requests. Independent of the studio's code."""

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum


class Account(StrEnum):
    FUNDING = "funding"
    WALLET = "wallet"
    REVENUE = "revenue"


class BooksError(AssertionError):
    """The books are inconsistent, or were asked to do something that must never happen."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A transfer of `amount_credits` (above 0) from the account `source` to the account `target`."""

    at: float
    kind: str
    source: Account
    target: Account
    amount_credits: int
    job_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A received request. `job_id` is the job that it created or named, whatever the answer.

    `status` is what the client saw: 0 if no response head was sent. `fault` is the kind of fault applied, or "".
    `created` means that this request created a job, and so was charged.
    """

    number: int
    at: float
    route: str
    method: str
    target: str
    status: int
    fault: str = ""
    job_id: str = ""
    created: bool = False
    idempotency_key: str = ""


@dataclass(frozen=True, kw_only=True)
class Totals:
    """The totals of an audit. `accepted_post_count` counts requests, so it excludes jobs added by the test."""

    job_count: int
    accepted_post_count: int
    deposited_credits: int
    charged_credits: int
    refunded_credits: int
    balance_credits: int


@dataclass
class Books:
    entries: list[Entry] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    balance_credits: int = 0
    charged_credits: dict[str, int] = field(default_factory=dict)
    """By job."""
    refunded_credits: dict[str, int] = field(default_factory=dict)
    """By job, if refunded."""

    def deposit(self, amount_credits: int, *, at: float) -> None:
        """Add credits to the wallet; a negative amount takes some out."""
        source, target = Account.FUNDING, Account.WALLET
        if amount_credits < 0:
            source, target = target, source
        if amount_credits:
            self._enter(Entry(at=at, kind="deposit", source=source, target=target, amount_credits=abs(amount_credits)))

    def charge(self, job_id: str, amount_credits: int, *, at: float) -> None:
        if job_id in self.charged_credits:
            raise BooksError(f"{job_id} would be charged twice")
        if amount_credits > self.balance_credits:
            raise BooksError(f"{job_id} would cost {amount_credits} of {self.balance_credits} credits")
        self.charged_credits[job_id] = amount_credits
        self._enter(
            Entry(
                at=at,
                kind="charge",
                source=Account.WALLET,
                target=Account.REVENUE,
                amount_credits=amount_credits,
                job_id=job_id,
            )
        )

    def refund(self, job_id: str, *, at: float) -> None:
        """Refund everything that a job cost."""
        if job_id not in self.charged_credits or job_id in self.refunded_credits:
            raise BooksError(f"{job_id} has no charge to refund")
        amount_credits = self.refunded_credits[job_id] = self.charged_credits[job_id]
        self._enter(
            Entry(
                at=at,
                kind="refund",
                source=Account.REVENUE,
                target=Account.WALLET,
                amount_credits=amount_credits,
                job_id=job_id,
            )
        )

    def audit(self) -> Totals:
        """The totals, computed from the entries alone. Raises `BooksError` if they are inconsistent."""
        balances = dict.fromkeys(Account, 0)
        sums: dict[str, int] = defaultdict(int)
        for entry in self.entries:
            if entry.amount_credits <= 0:
                raise BooksError(f"an entry moves nothing: {entry}")
            balances[entry.source] -= entry.amount_credits
            balances[entry.target] += entry.amount_credits
            sums[entry.kind] += entry.amount_credits
        if sum(balances.values()):
            raise BooksError(f"the accounts don't balance: {balances}")
        if balances[Account.WALLET] != self.balance_credits or self.balance_credits < 0:
            raise BooksError(f"the wallet says {self.balance_credits}, its entries {balances[Account.WALLET]}")
        if balances[Account.REVENUE] != sums["charge"] - sums["refund"]:
            raise BooksError("the revenue isn't the charges minus the refunds")
        moves: dict[str, list[tuple[str, int]]] = {job_id: [] for job_id in self.charged_credits}
        for entry in self.entries:
            if entry.job_id:
                moves[entry.job_id].append((entry.kind, entry.amount_credits))
        for job_id, moved in moves.items():
            charged = self.charged_credits[job_id]
            if moved not in ([("charge", charged)], [("charge", charged), ("refund", charged)]):
                raise BooksError(f"{job_id} cost {charged}, but its entries are {moved}")
        return Totals(
            job_count=len(self.charged_credits),
            accepted_post_count=sum(exchange.created for exchange in self.exchanges),
            deposited_credits=-balances[Account.FUNDING],
            charged_credits=sums["charge"],
            refunded_credits=sums["refund"],
            balance_credits=self.balance_credits,
        )

    def _enter(self, entry: Entry) -> None:
        self.entries.append(entry)
        if entry.source is Account.WALLET:
            self.balance_credits -= entry.amount_credits
        if entry.target is Account.WALLET:
            self.balance_credits += entry.amount_credits
