"""The Credits page."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from tchavi_studio.accounting.queries import play_allowance
from tchavi_studio.generations.params import MODELS
from tchavi_studio.generations.queries import exposures
from tchavi_studio.ledger.models import Account, Book
from tchavi_studio.ledger.queries import budget_of_member
from tchavi_studio.ledger.statements import sees_all_credits, wallet_of
from tchavi_studio.site.downloads import in_active_language, only_download
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.activity import Kind, record_activity
from tchavi_studio.workspaces.models import Permission
from tchavi_studio.workspaces.queries import site_admin_names

from .as_of import NoSuchRowError, NotPastError, as_of_row, row_at
from .chart import chart_of, model_label
from .export import CONTENTS, FORMATS
from .filters import BEGINNING, FILTERS, KINDS, PLACES, Chip, StatementQuery, address, chip
from .queries import keys_to_choose, people_to_choose, statement_page
from .totals import last_top_up, month_totals, next_month, pace_of, people_named


@require_safe
@workspace_view()
def credits_page(request: WorkspaceRequest) -> HttpResponse:
    """The balance, what was spent, the statement and the forms the viewer may use; or all of it as of a moment."""
    query = _query(request)
    wallet = wallet_of(workspace=request.workspace, book=settings.STUDIO_BOOK)
    moment, row_number = query.cleaned_data["as_of"], query.cleaned_data["row"]
    if moment is not None and row_number is None:
        return _redirect_to_row(request, wallet, moment)
    keys = keys_to_choose(request.membership)
    context = {
        "filters": query.filters,
        "sees_all": sees_all_credits(request.membership),
        "may_create": request.membership.can(Permission.CREATE),
        **_statement(request, query, wallet, keys),
    }
    if row_number is None:
        spending = _spending(request, query, wallet, keys)
        context |= {**spending, **_wallet(request, wallet, is_short=spending["pace"].is_short)}
    else:
        try:
            context["as_of"] = as_of_row(row_number, wallet=wallet, moment=moment)
        except NoSuchRowError as unknown:
            raise BadRequest("There is no such row.") from unknown
        context["now_address"] = address(request.GET, as_of=None, row=None)
    return render(request, "accounting/credits.html", context)


def _query(request: WorkspaceRequest) -> StatementQuery:
    query = StatementQuery(request.GET)
    if not query.is_valid():
        raise BadRequest("There is no such page.")
    return query


def _redirect_to_row(request: WorkspaceRequest, wallet: Account | None, moment: datetime) -> HttpResponse:
    """Lead to the address with the row that was the last one at `moment`."""
    page = reverse("accounting:page", args=[request.workspace.slug])
    try:
        row_number = row_at(moment, wallet=wallet)
    except NotPastError as refused:
        messages.error(request, refused.message)
        return redirect(page + address(request.GET, as_of=None))
    return redirect(page + address(request.GET, row=str(row_number)))


@require_GET
@never_cache
@workspace_view()
def export(request: WorkspaceRequest, name: str, extension: str) -> HttpResponseBase:
    """The statement that the filters let through, or the months, as a file that is written while it is read.

    The statement ends with the row that is the last one now, or with that of the address: asked for again with it, it
    is the same. Each download is a row of the activity.
    """
    if name not in CONTENTS or extension not in FORMATS:
        raise Http404
    query = _query(request)
    wallet = wallet_of(workspace=request.workspace, book=settings.STUDIO_BOOK)
    filters = query.filters
    if filters.up_to is None:
        filters = replace(filters, up_to=wallet.last_sequence if wallet else 0)
    columns, records_of = CONTENTS[name]
    content_type, write = FORMATS[extension]
    download = only_download(
        user=request.user,
        parts=in_active_language(write(columns, records_of(request.membership, wallet, filters))),
        content_type=content_type,
        filename=f"{request.workspace.slug}-{name}-{timezone.localdate()}.{extension}",
    )
    if download is None:
        messages.error(request, _("You are already downloading something. Wait until that ends, then try again."))
        return redirect("accounting:page", request.workspace.slug)
    record_activity(
        workspace=request.workspace,
        kind=Kind.CREDITS_EXPORTED,
        actor=request.user,
        details={"what": name, "format": extension, "row": filters.up_to},
    )
    return download


def _wallet(request: WorkspaceRequest, wallet: Account | None, *, is_short: bool) -> dict[str, Any]:
    """The balance, and how credits get into the wallet."""
    in_sandbox = settings.STUDIO_BOOK == Book.SANDBOX
    balance_credits = wallet.balance_credits if wallet else 0
    return {
        "balance_credits": balance_credits,
        "top_up": last_top_up(membership=request.membership, wallet=wallet),
        "in_sandbox": in_sandbox,
        "play": play_allowance(workspace=request.workspace) if in_sandbox else None,
        # Only site admins can fill a live wallet.
        "people_to_ask": site_admin_names() if not in_sandbox and (is_short or not balance_credits) else [],
        "exposure_count": exposures().count() if request.user.is_staff and not in_sandbox else None,
    }


def _spending(
    request: WorkspaceRequest, query: StatementQuery, wallet: Account | None, keys: dict[UUID, str]
) -> dict[str, Any]:
    """The month's chart and totals, the pace, and the viewer's budget."""
    membership, only_own, now = request.membership, query.filters.only_own, timezone.now()
    today = now.astimezone(UTC).date()
    this_month = today.replace(day=1)
    first: date = min(query.cleaned_data["month"] or this_month, this_month)
    totals = month_totals(membership=membership, wallet=wallet, first=first, only_own=only_own)
    pace = pace_of(membership=membership, wallet=wallet, now=now, only_own=only_own)
    people = people_named(totals.by_member)
    is_own = only_own or not sees_all_credits(membership)
    breakdowns = [
        (_("By member"), [] if is_own else [
            (people[pk].display_name if pk else _("The studio"), credits, _filtered(request, member=pk))
            for pk, credits in totals.by_member.items()
        ]),
        (_("By API key"), [
            (keys.get(key_id, _("Another key")) if key_id else _("In the browser"), credits,
             _filtered(request, key=key_id))
            for key_id, credits in totals.by_key.items()
        ] if set(totals.by_key) - {None} else []),
    ]  # fmt: skip
    return {
        "totals": totals,
        "chart": chart_of(
            totals, today=today, pace=pace, address_of=lambda day: _filtered(request, since=day, until=day)
        ),
        "breakdowns": [(title, rows, max(1, rows[0][1])) for title, rows in breakdowns if rows],
        "legend": [
            (hue, model_label(model), totals.by_model.get(model, 0), _filtered(request, model=model))
            for hue, model in enumerate(totals.models, 1)
        ],
        "pace": pace,
        "budget": budget_of_member(membership, book=settings.STUDIO_BOOK)
        if membership.can(Permission.CREATE)
        else None,
        "earlier_month": address(request.GET, month=f"{first - timedelta(days=1):%Y-%m}")
        if first > BEGINNING.date()
        else "",
        "later_month": address(request.GET, month=f"{next_month(first):%Y-%m}") if first < this_month else "",
    }


def _filtered(request: WorkspaceRequest, **changes: object) -> str:
    """The address of the statement with another filter; "" for what no filter stands for."""
    return f"{address(request.GET, **changes)}#statement" if all(changes.values()) else ""


def _statement(
    request: WorkspaceRequest, query: StatementQuery, wallet: Account | None, keys: dict[UUID, str]
) -> dict[str, Any]:
    """The page of the statement, and what it can be filtered by."""
    membership, filters = request.membership, query.filters
    return {
        "statement": statement_page(
            membership=membership,
            wallet=wallet,
            filters=filters,
            before=query.cleaned_data["before"],
            after=query.cleaned_data["after"],
        ),
        "query": address(request.GET).removeprefix("?"),
        "exports": [
            (_("Statement"), "statement", list(FORMATS)),
            (_("Months by member and model"), "months", list(FORMATS)),
        ],
        "kept": {name: value for name, value in request.GET.items() if name not in PLACES},
        "chips": _chips(request, query, keys),
        "is_filtered": any([filters.facets, filters.since, filters.until, filters.text]),
        "unfiltered": address(request.GET, **dict.fromkeys(FILTERS)),
        "is_own": filters.only_own or not sees_all_credits(membership),
        "scopes": [
            (address(request.GET, scope=value), label, filters.only_own == bool(value))
            for value, label in (("", _("Workspace")), ("mine", _("Only mine")))
        ],
    }


def _chips(request: WorkspaceRequest, query: StatementQuery, keys: dict[UUID, str]) -> list[Chip]:
    membership, asked = request.membership, request.GET
    people = {str(pk): user.display_name for pk, user in people_to_choose(membership).items()}
    key_names = {str(pk): name for pk, name in keys.items()}
    chips = [
        chip(
            asked,
            "kind",
            _("Kind"),
            {value: str(label) for value, label in KINDS.items()},
            chosen=asked.get("kind", ""),
        ),
        chip(asked, "member", _("Member"), people, chosen=asked.get("member", "")),
        chip(asked, "model", _("Model"), dict(MODELS), chosen=asked.get("model", "")),
        chip(asked, "key", _("API key"), key_names, chosen=str(query.cleaned_data["key"] or "")),
    ]
    return [each for each in chips if each.value or len(each.choices) > 0]
