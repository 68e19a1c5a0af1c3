"""The audit of one workspace: its wallet, its transfers, and what the last verification found in them."""

from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from tchavi_studio.ledger.models import Kind
from tchavi_studio.outages import unless_outage
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission

from .forms import AuditQuery
from .queries import integrity_of, transfer_details, transfer_page, transfers_with_accounts, wallets_of
from .services import note_opened


def asked_of(request: HttpRequest) -> dict[str, Any]:
    """The query string. Raises BadRequest if the studio didn't write it."""
    form = AuditQuery(request.GET)
    if not form.is_valid():
        raise BadRequest("There is no such page.")
    cleaned: dict[str, Any] = form.cleaned_data
    return cleaned


@require_safe
@workspace_view(can=Permission.AUDIT)
def audit_page(request: WorkspaceRequest) -> HttpResponse:
    """The whole page."""
    asked = asked_of(request)
    with unless_outage():
        note_opened(viewer=request.user, workspace=request.workspace)
    context = {
        "integrity": integrity_of(request.workspace, after=asked["findings"]),
        "wallets": wallets_of([request.workspace]),
        "transfers": transfer_page(workspace=request.workspace, kind=asked["kind"], before=asked["before"]),
        "kind": asked["kind"],
        "kinds": Kind.choices,
    }
    return render(request, "accounting/audit/workspace.html", context)


@require_safe
@workspace_view(can=Permission.AUDIT)
def integrity(request: WorkspaceRequest) -> HttpResponse:
    """The part that says whether it is intact, for a page that waits for a verification."""
    context = {"integrity": integrity_of(request.workspace)}
    return render(request, "accounting/audit/_integrity.html", context)


@require_safe
@workspace_view(can=Permission.AUDIT)
def transfer(request: WorkspaceRequest, sequence: int) -> HttpResponse:
    """One transfer with everything that is tied to it."""
    own = transfers_with_accounts().filter(workspace=request.workspace, book=settings.STUDIO_BOOK)
    found = get_object_or_404(own, sequence=sequence)
    context = {"details": transfer_details(viewer=request.user, transfer=found)}
    return render(request, "accounting/audit/transfer.html", context)
