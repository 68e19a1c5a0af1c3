"""What a statement is filtered by. All of it is in the address."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.core.validators import MinValueValidator
from django.db.models import Q, QuerySet
from django.db.models.functions import Abs
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tchavi_studio.generations.params import MODELS
from tchavi_studio.ledger.models import MAX_AMOUNT_CREDITS, Kind, StatementEntry

MAX_NUMBER = 2**62
MAX_SEARCH_LENGTH = 200
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""There are no credits before."""

CLIP_ID = re.compile(r"(?:job_)?([0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12})", re.IGNORECASE | re.ASCII)

KINDS = {
    Kind.GRANT.value: gettext_lazy("Grants"),
    Kind.CHARGE.value: gettext_lazy("Charges"),
    Kind.REFUND.value: gettext_lazy("Refunds"),
    Kind.ADJUSTMENT.value: gettext_lazy("Adjustments"),
}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which rows of a statement: None, or an empty text, asks for nothing.

    `since` and `until` are days in UTC, both included. `amount_credits` is exact, into the wallet or out of it. `text`
    is a clip's id, or words of its prompt. `up_to` is the row that the statement ends with.
    """

    only_own: bool = False
    kind: str = ""
    member_id: int | None = None
    model: str = ""
    key_id: UUID | None = None
    amount_credits: int | None = None
    since: date | None = None
    until: date | None = None
    text: str = ""
    up_to: int | None = None

    @property
    def facets(self) -> list[Q]:
        """A condition for each filter that an index serves; the one that usually leads furthest is first."""
        wanted: dict[str, Any] = {
            "key_id": self.key_id,
            "size": self.amount_credits,
            "member": self.member_id,
            "model": self.model or None,
            "kind": self.kind or None,
        }
        return [Q(**{name: value}) for name, value in wanted.items() if value is not None]

    @property
    def clip_id(self) -> UUID | None:
        """The clip whose id `text` is."""
        found = CLIP_ID.fullmatch(self.text.strip())
        return UUID(found[1]) if found else None

    def within(self, rows: QuerySet[StatementEntry]) -> QuerySet[StatementEntry]:
        """Those of the rows of a wallet that are of the days asked for: a range of row numbers."""
        rows = rows.alias(size=Abs("change_credits"))
        if self.up_to is not None:
            rows = rows.filter(row_number__lte=self.up_to)
        if self.since is not None:
            later = rows.filter(created_at__gte=_midnight(self.since)).order_by("created_at", "row_number")
            first = later.values_list("row_number", flat=True).first()
            rows = rows.filter(row_number__gte=first) if first is not None else rows.none()
        if self.until is not None and self.until < date.max:
            end = _midnight(self.until + timedelta(days=1))
            earlier = rows.filter(created_at__lt=end).order_by("-created_at", "-row_number")
            last = earlier.values_list("row_number", flat=True).first()
            rows = rows.filter(row_number__lte=last) if last is not None else rows.none()
        return rows


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


class StatementQuery(forms.Form):
    """The query string of the Credits page."""

    scope = forms.ChoiceField(choices=[("mine", "")], required=False)
    kind = forms.ChoiceField(choices=Kind, required=False)
    member = forms.IntegerField(min_value=1, max_value=MAX_NUMBER, required=False)
    model = forms.ChoiceField(choices=list(MODELS.items()), required=False)
    key = forms.UUIDField(required=False)
    amount = forms.IntegerField(min_value=1, max_value=MAX_AMOUNT_CREDITS, required=False, localize=True)
    since = forms.DateField(required=False)
    until = forms.DateField(required=False)
    q = forms.CharField(max_length=MAX_SEARCH_LENGTH, required=False)
    month = forms.DateField(input_formats=["%Y-%m"], required=False, validators=[MinValueValidator(BEGINNING.date())])
    as_of = forms.DateTimeField(required=False, validators=[MinValueValidator(BEGINNING)])
    row = forms.IntegerField(min_value=0, max_value=MAX_NUMBER, required=False)
    before = forms.IntegerField(min_value=1, max_value=MAX_NUMBER, required=False)
    after = forms.IntegerField(min_value=0, max_value=MAX_NUMBER, required=False)

    @property
    def filters(self) -> Filters:
        """The filters of a valid form."""
        cleaned = self.cleaned_data
        return Filters(
            only_own=cleaned["scope"] == "mine",
            kind=cleaned["kind"],
            member_id=cleaned["member"],
            model=cleaned["model"],
            key_id=cleaned["key"],
            amount_credits=cleaned["amount"],
            since=cleaned["since"],
            until=cleaned["until"],
            text=cleaned["q"],
            up_to=cleaned["row"],
        )


FILTERS = ("kind", "member", "model", "key", "amount", "since", "until", "q")
PLACES = ("before", "after")
"""Parameters that aren't filters: where the page of the statement is."""


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A filter on the page: its choices, each with its address, or what is chosen and the address without it."""

    label: str
    value: str
    without: str
    choices: list[tuple[str, str]]


def address(asked: QueryDict, **changes: object) -> str:
    """The query string with these changes, at the statement's beginning; None or "" drops a parameter."""
    query = asked.copy()
    for name in (*PLACES, *changes):
        query.pop(name, None)
    for name, value in changes.items():
        if value not in (None, ""):
            query[name] = str(value)
    for name in [name for name, value in query.items() if not value]:
        del query[name]
    return f"?{query.urlencode()}"


def chip(asked: QueryDict, name: str, label: str, choices: dict[str, str], *, chosen: str) -> Chip:
    """The chip of a filter with these choices, by their values in the address."""
    return Chip(
        label=label,
        value=(choices.get(chosen) or _("another")) if chosen else "",
        without=address(asked, **{name: None}),
        choices=[(address(asked, **{name: value}), text) for value, text in choices.items()],
    )
