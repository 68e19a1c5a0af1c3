"""Play credits; for site admins, grants and the Exposure page."""

from http import HTTPStatus
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tchavi_studio.generations.services import review_exposure
from tchavi_studio.ledger.models import Book
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.site.redirects import return_url
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission, Workspace
from tchavi_studio.workspaces.queries import workspaces_found

from .forms import GrantForm, RecipientSearch
from .queries import exposure_list, exposure_to_review, play_allowance
from .services import (
    PlayCreditsSpentError,
    RepeatedGrantError,
    add_play_credits,
    grant_by_admin,
    retry_provider_account,
)


@require_POST
@workspace_view(can=Permission.CREATE)
def add_play_credits_to_wallet(request: WorkspaceRequest) -> HttpResponse:
    """The button "Add play credits", in the sandbox only."""
    if settings.STUDIO_BOOK != Book.SANDBOX:
        raise Http404
    try:
        transfer = add_play_credits(workspace=request.workspace, actor=request.user)
    except PlayCreditsSpentError as spent:
        messages.error(request, spent.message)
    else:
        left = play_allowance(workspace=request.workspace).left_credits
        messages.success(
            request,
            _("%(added)s play credits added. You can add %(left)s more today.")
            % {"added": number_format(transfer.amount_credits), "left": number_format(left)},
        )
    return redirect("accounting:page", request.workspace.slug)


# --- For site admins --------------------------------------------------------------------------------------------------


@require_safe
@workspace_view(for_site_admins=True)
def recipients(request: WorkspaceRequest) -> HttpResponse:
    """All workspaces, to pick the one that gets credits."""
    asked = RecipientSearch(request.GET)
    if not asked.is_valid():
        raise BadRequest("There is no such page.")
    search = asked.cleaned_data["q"]
    found = workspaces_found(search=search, after=asked.cleaned_data["after"])
    return render(request, "accounting/recipients.html", {"found": found, "search": search})


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_view(for_site_admins=True)
def grant(request: WorkspaceRequest, recipient_id: UUID) -> HttpResponse:
    """Grant credits to a workspace, confirmed by its name."""
    recipient = Workspace.objects.filter(pk=recipient_id, closed_at=None).first()
    if recipient is None:
        messages.error(request, _("That workspace doesn't exist any more. No credits moved."))
        return redirect("accounting:recipients", request.workspace.slug)
    form = GrantForm(*([request.POST] if request.method == "POST" else []), recipient=recipient)
    if form.is_valid():
        try:
            transfer = grant_by_admin(
                workspace=recipient,
                amount_credits=form.cleaned_data["amount_credits"],
                reason=form.cleaned_data["reason"],
                admin=request.user,
            )
        except RepeatedGrantError as repeated:
            form.add_error(None, repeated.message)
        else:
            messages.success(
                request,
                ngettext(
                    "%(amount)s credit granted to %(workspace)s.",
                    "%(amount)s credits granted to %(workspace)s.",
                    transfer.amount_credits,
                )
                % {"amount": number_format(transfer.amount_credits), "workspace": recipient.name},
            )
            return redirect("accounting:page", request.workspace.slug)
    context = {
        "form": form,
        "recipient": recipient,
        "balance_credits": wallet_balance(workspace=recipient, book=settings.STUDIO_BOOK),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    return render(request, "accounting/grant.html", context, status=status)


@require_safe
@workspace_view(for_site_admins=True)
def exposure(request: WorkspaceRequest) -> HttpResponse:
    """Clips from all workspaces that we refunded although the provider may have billed them."""
    return render(request, "accounting/exposure.html", {"exposures": exposure_list()})


@require_POST
@workspace_view(for_site_admins=True)
def mark_reviewed(request: WorkspaceRequest, reference: UUID) -> HttpResponse:
    """Mark one of them as reviewed, which removes it from the list."""
    job = exposure_to_review(reference)
    # Already reviewed by another admin or an earlier click: leave it as it is.
    if job is not None:
        review_exposure(job=job, admin=request.user)
        messages.success(request, _("Marked as reviewed and removed from the list. No credits moved."))
    return redirect("accounting:exposure", request.workspace.slug)


@require_POST
@workspace_view(for_site_admins=True)
def try_provider_again(request: WorkspaceRequest) -> HttpResponse:
    """Send waiting clips now, because the provider account works again."""
    retry_provider_account()
    messages.success(request, _("Trying again. The notice stays if the provider still refuses."))
    return redirect(return_url(request, default=reverse("accounting:page", args=[request.workspace.slug])))
