"""The stages of a verification, in their order. A check of anything else becomes one more line of `STAGES`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from tchavi_studio.accounting.models import VerifiedHead
from tchavi_studio.generations import books
from tchavi_studio.ledger import verification as ledger
from tchavi_studio.ledger.statement_verification import statement_steps
from tchavi_studio.long_lists import ranges_of
from tchavi_studio.records.verification import ACTIVITY_BOOK, Finding, Mark, Step, VerifiedHeads, verify_triggers
from tchavi_studio.workspaces import verification as activity

from .heads import lost_heads

HEADS_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One check of a verification.

    `steps` yields what it finds, and marks: it is called with the position of the last mark, None at the start, and
    with the heads that chains may start from. `walks_chains` says that a finding makes its chain's verified head one
    to go on from no more.
    """

    name: str
    label: Any
    steps: Callable[[Any, VerifiedHeads], Iterator[Step]]
    walks_chains: bool = False


def _at_once(check: Callable[[], Iterator[Finding]]) -> Callable[[Any, VerifiedHeads], Iterator[Step]]:
    return lambda _position, _verified: check()


def _in_parts(check: Callable[[Any], Iterator[Step]]) -> Callable[[Any, VerifiedHeads], Iterator[Step]]:
    return lambda position, _verified: check(position)


def _head_steps(position: Any) -> Iterator[Step]:
    for part in ranges_of(VerifiedHead.objects.all(), length=HEADS_AT_ONCE, after=position):
        yield from lost_heads(head.as_head() for head in part.rows)
        yield Mark(position=part.last, row_count=0)


STAGES = (
    Stage(name="triggers", label=_("Database triggers"), steps=_at_once(verify_triggers)),
    Stage(name="total", label=_("Balances add up to 0"), steps=_at_once(ledger.verify_total)),
    Stage(name="references", label=_("One charge, one refund"), steps=_in_parts(ledger.reference_steps)),
    Stage(name="wallets", label=_("A wallet for every transfer"), steps=_at_once(ledger.find_orphans)),
    Stage(name="budgets", label=_("Budgets recounted"), steps=_in_parts(ledger.limit_steps)),
    Stage(name="heads", label=_("Chains as verified earlier"), steps=_in_parts(_head_steps), walks_chains=True),
    # Before the chains, which move the verified heads on.
    Stage(name="statements", label=_("Statements and daily sums"), steps=statement_steps, walks_chains=True),
    Stage(name="chains", label=_("Hash chains and balances"), steps=ledger.chain_steps, walks_chains=True),
    Stage(name="clips", label=_("Clips and their charges"), steps=_in_parts(books.clip_steps)),
    Stage(name="activity-heads", label=_("Activity counted"), steps=_at_once(activity.find_activity_orphans)),
    Stage(name="activity", label=_("Chains of activity"), steps=activity.activity_steps, walks_chains=True),
)


def count_rows(*, is_full: bool) -> int:
    """How many rows a run that begins now compares."""
    transfers = ledger.count_transfers()
    # Transfers are compared with their statements, along their chains, and with their clips.
    rows = 3 * transfers + activity.count_activity() + books.count_clips()
    return rows - (0 if is_full else _verified_count())


def _verified_count() -> int:
    """Rows that an incremental run leaves out."""
    sound = VerifiedHead.objects.filter(is_sound=True)
    of_activity, of_ledger = (
        heads.aggregate(count=Sum("sequence"))["count"] or 0
        for heads in (sound.filter(book=ACTIVITY_BOOK), sound.exclude(book=ACTIVITY_BOOK))
    )
    return of_activity + 2 * of_ledger
