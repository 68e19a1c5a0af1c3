"""The audit of the whole site, for site admins and site auditors."""

from http import HTTPStatus
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tchavi_studio.accounting.integrity.heads import exported_heads, lost_heads
from tchavi_studio.accounting.integrity.runs import RunUnderWayError
from tchavi_studio.ledger.models import Kind
from tchavi_studio.outages import unless_outage
from tchavi_studio.workspaces.access import SignedInRequest, site_view
from tchavi_studio.workspaces.models import Workspace

from .forms import HeadsForm
from .queries import (
    ROWS_PER_PAGE,
    finding_rows,
    integrity_of,
    transfer_details,
    transfer_page,
    transfers_with_accounts,
    wallet_page,
)
from .services import note_heads_exported, note_opened, start_verification
from .views import asked_of


@require_safe
@site_view(for_auditors=True)
def audit_page(request: SignedInRequest) -> HttpResponse:
    """The whole page."""
    with unless_outage():
        note_opened(viewer=request.user, workspace=None)
    return _page(request)


def _page(request: SignedInRequest, *, status: HTTPStatus = HTTPStatus.OK, **more: Any) -> HttpResponse:
    asked = asked_of(request)
    workspace = Workspace.objects.filter(slug=asked["workspace"]).first() if asked["workspace"] else None
    wallets, wallets_after = wallet_page(after=asked["wallets"])
    is_unknown = bool(asked["workspace"]) and workspace is None
    context = {
        "integrity": integrity_of(None, after=asked["findings"]),
        "wallets": wallets,
        "wallets_after": wallets_after,
        "transfers": None
        if is_unknown
        else transfer_page(workspace=workspace, kind=asked["kind"], before=asked["before"]),
        "kind": asked["kind"],
        "kinds": Kind.choices,
        "wanted": asked["workspace"],
        "is_site": True,
        **more,
    }
    return render(request, "accounting/audit/site.html", context, status=status)


@require_safe
@site_view(for_auditors=True)
def integrity(request: SignedInRequest) -> HttpResponse:
    """The part that says whether it is intact, for a page that waits for a verification."""
    return render(request, "accounting/audit/_integrity.html", {"integrity": integrity_of(None), "is_site": True})


@require_POST
@site_view(for_auditors=True)
def verify(request: SignedInRequest) -> HttpResponse:
    """Start a verification: of what is new, or of everything."""
    try:
        start_verification(viewer=request.user, is_full="full" in request.POST)
    except RunUnderWayError as refused:
        messages.error(request, refused.message)
    return redirect("site_audit:page")


@require_safe
@site_view(for_auditors=True)
def export_heads(request: SignedInRequest) -> HttpResponseBase:
    """Download the heads of all chains."""
    note_heads_exported(viewer=request.user)
    name = f"heads-{timezone.localdate():%Y-%m-%d}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return StreamingHttpResponse(exported_heads(), content_type="application/json", headers=headers)


@require_POST
@site_view(for_auditors=True)
def check_heads(request: SignedInRequest) -> HttpResponse:
    """Look for the heads of an earlier export in their chains."""
    form = HeadsForm(request.POST, request.FILES)
    if not form.is_valid():
        problems = form.errors.get("heads") or [_("Choose a file.")]
        return _page(request, status=HTTPStatus.UNPROCESSABLE_ENTITY, heads_problems=problems)
    lost = list(islice(lost_heads(form.found), ROWS_PER_PAGE))
    return _page(request, heads_checked=len(form.found), heads_lost=finding_rows(iter(lost)))


@require_safe
@site_view(for_auditors=True)
def transfer(request: SignedInRequest, workspace_id: UUID, book: str, sequence: int) -> HttpResponse:
    """One transfer with everything that is tied to it."""
    found = get_object_or_404(transfers_with_accounts(), workspace=workspace_id, book=book, sequence=sequence)
    context = {"details": transfer_details(viewer=request.user, transfer=found), "is_site": True}
    return render(request, "accounting/audit/transfer.html", context)
