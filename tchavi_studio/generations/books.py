"""Clips and books compared: what each clip costs and how it ended against its charge and its refund.

The ledger verifies itself (`ledger/verification.py`) without knowing clips. A clip that was permanently deleted leaves
a `PurgedClip`, so that a clip which somebody made disappear can be told from one that its owner threw away.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.db.models.signals import pre_delete
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from tchavi_studio.ledger.findings import Finding
from tchavi_studio.ledger.models import Kind, StatementEntry, Transfer

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
        )


def watch_deletions() -> None:
    """Call `keep_what_was_charged` for every deletion from now on."""
    pre_delete.connect(keep_what_was_charged, sender=Generation)


def verify_clips() -> Iterator[Finding]:
    """Yield every clip whose charge and refund don't fit it, and every charge whose clip is gone without a trace.

    Rows are read in ranges of their primary keys, each in one statement with what it is compared with: memory doesn't
    grow, and what is written meanwhile is never seen by half.
    """
    yield from _verify_charges(Generation.objects.all())
    yield from _verify_charges(PurgedClip.objects.all())
    for purged in PurgedClip.objects.filter(state__in=OPEN_STATES).iterator(chunk_size=CHUNK_SIZE):
        yield _gone(purged.workspace_id, purged.book, purged.reference)
    known = (Generation.objects.filter(pk=OuterRef("reference")), PurgedClip.objects.filter(pk=OuterRef("reference")))
    charges = Transfer.objects.filter(kind=Kind.CHARGE)
    for rows in _ranges(charges):
        lost = rows.filter(*(~Exists(clips) for clips in known))
        for workspace_id, book, reference in lost.values_list("workspace_id", "book", "reference"):
            yield _gone(workspace_id, book, reference)


def verify_causes() -> Iterator[Finding]:
    """Yield every charge whose row in the statement names another model or API key than its clip."""
    for clips in _ranges(Generation.objects.all()):
        made = {pk: cause for pk, *cause in clips.filter(price_credits__gt=0).values_list("pk", "model", "key_id")}
        entries = StatementEntry.objects.filter(transfer__reference__in=list(made), transfer__kind=Kind.CHARGE)
        told = entries.values_list(
            "transfer__reference", "model", "key_id", "row_number", "wallet__workspace", "wallet__book"
        )
        for reference, model, key_id, row_number, workspace_id, book in told:
            if [model, key_id] != made[reference]:
                wanted_model, wanted_key = made[reference]
                yield Finding(
                    code="clip-cause",
                    message=_(
                        "The statement says model %(model)s, key %(key)s of clip %(reference)s; expected "
                        "%(wanted_model)s, %(wanted_key)s."
                    )
                    % {
                        "model": model or "–",
                        "key": key_id or "–",
                        "reference": reference,
                        "wanted_model": wanted_model,
                        "wanted_key": wanted_key or "–",
                    },
                    workspace_id=workspace_id,
                    book=book,
                    sequence=row_number,
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
    for rows in _ranges(compared):
        for clip in rows.filter(wrong):
            yield from _findings(clip)


def _findings(clip: Any) -> Iterator[Finding]:
    said = {"reference": clip.pk, "price": number_format(clip.price_credits), "state": clip.state}

    def finding(code: str, message: str) -> Finding:
        return Finding(code=code, message=message % said, workspace_id=clip.workspace_id, book=clip.book)

    if clip.price_credits and not clip.is_charged:
        yield finding("clip-charge", _("Clip %(reference)s costs %(price)s, but was never charged."))
    elif clip.is_charged and not clip.is_charged_its_price:
        yield finding("clip-price", _("Clip %(reference)s costs %(price)s, but its charge is another."))
    if clip.state in REFUNDED_STATES and clip.is_charged and not clip.is_refunded:
        yield finding("clip-refund", _("Clip %(reference)s is %(state)s, but wasn't refunded."))
    if clip.state not in REFUNDED_STATES and clip.is_refunded:
        yield finding("clip-refund", _("Clip %(reference)s is %(state)s, but was refunded."))


def _gone(workspace_id: Any, book: str, reference: Any) -> Finding:
    message = _("Clip %(reference)s was charged, but is gone without having been thrown away.")
    return Finding(code="clip-gone", message=message % {"reference": reference}, workspace_id=workspace_id, book=book)


def _ranges(rows: QuerySet[Any]) -> Iterator[QuerySet[Any]]:
    """The rows in ranges of their primary keys."""
    in_order = rows.model._default_manager.order_by("pk").values_list("pk", flat=True)
    last = in_order.first()
    if last is not None:
        yield rows.filter(pk=last)
    while last is not None:
        keys = list(in_order.filter(pk__gt=last)[:CHUNK_SIZE])
        if keys:
            yield rows.filter(pk__gt=last, pk__lte=keys[-1]).order_by("pk")
        last = keys[-1] if keys else None
