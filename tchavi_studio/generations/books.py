"""Clips and books compared: what each clip costs and how it ended against its charge and its refund.

The ledger verifies itself (`ledger/verification.py`) without knowing clips. A clip that was permanently deleted leaves
a `PurgedClip`, so that a clip which somebody made disappear can be told from one that its owner threw away.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.db.models.signals import pre_delete
from django.utils.translation import gettext_noop

from tchavi_studio.ledger.models import Kind, StatementEntry, Transfer
from tchavi_studio.long_lists import ranges_of
from tchavi_studio.records.verification import Finding, Mark, Scalar, Step, findings_in

from .models import OPEN_STATES, Generation, PurgedClip, State

CHUNK_SIZE = 2000
REFUNDED_STATES = [State.FAILED, State.CANCELLED]


def keep_what_was_charged(sender: type[Model], instance: Generation, using: str, **signal: Any) -> None:
    """Handle `pre_delete`: whoever deletes a clip that cost credits leaves a `PurgedClip`, in the same transaction."""
    if instance.was_charged:
        PurgedClip.objects.using(using).create(
            reference=instance.pk,
            workspace_id=instance.workspace_id,
            book=instance.book,
            state=instance.state,
            price_credits=instance.price_credits,
            price_version_id=instance.price_version_id,
        )


def watch_deletions() -> None:
    """Call `keep_what_was_charged` for every deletion from now on."""
    pre_delete.connect(keep_what_was_charged, sender=Generation)


def verify_clips() -> Iterator[Finding]:
    """Yield every clip whose charge and refund don't fit it, and every charge whose clip is gone without a trace."""
    return findings_in(clip_steps())


def clip_steps(position: Any = None) -> Iterator[Step]:
    """What `verify_clips` yields, with marks, from the start or from a mark's position.

    Rows are read in ranges of their primary keys, each in one statement with what it is compared with: memory doesn't
    grow, and what is written meanwhile is never seen by half.
    """
    parts: list[tuple[QuerySet[Any], Callable[[QuerySet[Any]], Iterator[Finding]]]] = [
        (Generation.objects.all(), _verify_clips),
        (PurgedClip.objects.all(), _verify_purged),
        (Transfer.objects.all(), _find_lost),
    ]
    first, after = position or (0, None)
    for number, (rows, verify) in enumerate(parts[first:], start=first):
        for part in ranges_of(rows, length=CHUNK_SIZE, after=after if number == first else None):
            yield from verify(part.rows)
            yield Mark(position=[number, str(part.last)], row_count=part.length)


def count_clips() -> int:
    """How many clips there are to compare, those that were thrown away among them."""
    return Generation.objects.count() + PurgedClip.objects.count()


def _verify_clips(clips: QuerySet[Generation]) -> Iterator[Finding]:
    yield from _verify_charges(clips)
    yield from _verify_causes(clips)


def _verify_causes(clips: QuerySet[Generation]) -> Iterator[Finding]:
    """Every charge whose row in the statement names another model or API key than its clip."""
    made = {clip.pk: clip for clip in clips.filter(price_credits__gt=0).only("model", "key_id")}
    entries = StatementEntry.objects.filter(transfer__reference__in=list(made), transfer__kind=Kind.CHARGE)
    for entry in entries.select_related("wallet", "transfer"):
        # By the transfer's reference: the entry's own may be wrong too.
        clip = made[cast(UUID, entry.transfer.reference)]
        wanted, told = (clip.model, str(clip.key_id or "–")), (entry.model or "–", str(entry.key_id or "–"))
        if told != wanted:
            yield Finding(
                code="clip-cause",
                text=gettext_noop(
                    "The statement says model %(model)s, key %(key)s of clip %(reference)s; expected "
                    "%(wanted_model)s, %(wanted_key)s."
                ),
                values={
                    "model": told[0],
                    "key": told[1],
                    "reference": str(clip.pk),
                    "wanted_model": wanted[0],
                    "wanted_key": wanted[1],
                },
                workspace_id=entry.wallet.workspace_id,
                book=entry.wallet.book,
                sequence=entry.row_number,
                expected=", ".join(wanted),
                found=", ".join(told),
            )


def _verify_charges(clips: QuerySet[Any]) -> Iterator[Finding]:
    transfers = Transfer.objects.filter(reference=OuterRef("pk"))
    charge = transfers.filter(kind=Kind.CHARGE)
    same = {"workspace": OuterRef("workspace"), "book": OuterRef("book"), "amount_credits": OuterRef("price_credits")}
    compared = clips.annotate(
        is_charged=Exists(charge),
        is_charged_its_price=Exists(charge.filter(**same)),
        is_refunded=Exists(transfers.filter(kind=Kind.REFUND)),
    )
    is_free, must_be_refunded = Q(price_credits=0), Q(state__in=REFUNDED_STATES, is_charged=True)
    wrong = (
        Q(is_free, is_charged=True)
        | Q(~is_free, is_charged_its_price=False)
        | Q(must_be_refunded, is_refunded=False)
        | Q(~Q(state__in=REFUNDED_STATES), is_refunded=True)
    )
    for clip in compared.filter(wrong):
        yield from _findings(clip)


def _verify_purged(clips: QuerySet[PurgedClip]) -> Iterator[Finding]:
    yield from _verify_charges(clips)
    for purged in clips.filter(state__in=OPEN_STATES):
        yield _gone(purged.workspace_id, purged.book, purged.reference)


def _find_lost(transfers: QuerySet[Transfer]) -> Iterator[Finding]:
    """The charges of clips that are neither there nor thrown away."""
    known = (Generation.objects.filter(pk=OuterRef("reference")), PurgedClip.objects.filter(pk=OuterRef("reference")))
    lost = transfers.filter(*(~Exists(clips) for clips in known), kind=Kind.CHARGE)
    for charge in lost.values_list("workspace_id", "book", "reference", "sequence"):
        yield _gone(*charge)


def _findings(clip: Any) -> Iterator[Finding]:
    def finding(code: str, text: str, *, expected: Scalar, found: Scalar) -> Finding:
        return Finding(
            code=code,
            text=text,
            values={"reference": str(clip.pk), "price": clip.price_credits, "state": clip.state},
            workspace_id=clip.workspace_id,
            book=clip.book,
            expected=expected,
            found=found,
        )

    if clip.price_credits and not clip.is_charged:
        text = gettext_noop("Clip %(reference)s costs %(price)s, but was never charged.")
        yield finding("clip-charge", text, expected=clip.price_credits, found=None)
    elif clip.is_charged and not clip.is_charged_its_price:
        charge = Transfer.objects.filter(reference=clip.pk, kind=Kind.CHARGE).values_list("amount_credits", flat=True)
        text = gettext_noop("Clip %(reference)s costs %(price)s, but its charge is another.")
        yield finding("clip-price", text, expected=charge.first(), found=clip.price_credits)
    if clip.state in REFUNDED_STATES and clip.is_charged and not clip.is_refunded:
        text = gettext_noop("Clip %(reference)s is %(state)s, but wasn't refunded.")
        yield finding("clip-refund", text, expected=clip.price_credits, found=None)
    if clip.state not in REFUNDED_STATES and clip.is_refunded:
        text = gettext_noop("Clip %(reference)s is %(state)s, but was refunded.")
        yield finding("clip-refund", text, expected=None, found=clip.price_credits)


def _gone(workspace_id: UUID, book: str, reference: UUID | None, sequence: int | None = None) -> Finding:
    return Finding(
        code="clip-gone",
        text=gettext_noop("Clip %(reference)s was charged, but is gone without having been thrown away."),
        values={"reference": str(reference)},
        workspace_id=workspace_id,
        book=book,
        sequence=sequence,
        expected=str(reference),
    )
