"""Budgets of members, the limits that they set themselves, and the requests for approval of what exceeds a budget."""

from http import HTTPStatus
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tchavi_studio.generations.approvals import approve_request, decline_request, request_to_answer
from tchavi_studio.generations.models import ApprovalRequest
from tchavi_studio.ledger.queries import budget_of_member
from tchavi_studio.ledger.services import SpendingLimitError, set_member_budget, set_own_limit
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.site.redirects import return_url
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Membership, Permission

from .forms import ApproveForm, BudgetForm, DeclineForm, RaiseForm, RequestsPosition
from .queries import requests_page


@require_safe
@never_cache
@workspace_view(can=Permission.MANAGE)
def requests(request: WorkspaceRequest) -> HttpResponse:
    """What exceeds somebody's budget and waits for an answer."""
    asked = RequestsPosition(request.GET)
    if not asked.is_valid():
        raise BadRequest("There is no such page.")
    before, last = asked.cleaned_data["before"], asked.cleaned_data["request"]
    page = requests_page(membership=request.membership, after=(before, last) if before and last else ())
    return render(request, "teams/budgets/requests.html", {"page": page, "decline_form": DeclineForm()})


@require_POST
@workspace_view(can=Permission.MANAGE)
def set_budget(request: WorkspaceRequest, member_id: int) -> HttpResponse:
    """Change what a member may spend in a month. htmx gets the member's budget as it is now."""
    members = Membership.objects.select_related("workspace", "user").filter(workspace=request.workspace)
    member = get_object_or_404(members, pk=member_id)
    form = BudgetForm(request.POST)
    if form.is_valid():
        budget_credits = form.cleaned_data["budget_credits"]
        set_member_budget(
            workspace=request.workspace, user=member.user, budget_credits=budget_credits, actor=request.user
        )
    if request.htmx:
        context = {
            "member": member,
            "budget": budget_of_member(member, book=settings.STUDIO_BOOK),
            "problems": form.errors.get("budget_credits", []),
        }
        status = HTTPStatus.OK if form.is_valid() else HTTPStatus.UNPROCESSABLE_ENTITY
        return render(request, "teams/people/_budget.html", context, status=status)
    if form.is_valid():
        messages.success(request, _("%(name)s's budget was changed.") % {"name": member.user.display_name})
    else:
        problem = str(form.errors["budget_credits"][0])
        messages.error(request, _("%(problem)s The budget wasn't changed.") % {"problem": problem})
    return redirect(return_url(request, default=reverse("teams:requests", args=[request.workspace.slug])))


@require_POST
@workspace_view(can=Permission.CREATE)
def limit_myself(request: WorkspaceRequest) -> HttpResponse:
    """Change what the viewer allows themselves in a month, within their budget."""
    form = BudgetForm(request.POST)
    if form.is_valid():
        limit_credits = form.cleaned_data["budget_credits"]
        set_own_limit(workspace=request.workspace, user=request.user, limit_credits=limit_credits)
        said = _("Your own limit is gone.") if limit_credits is None else _("Your own limit is saved.")
        messages.success(request, said)
    else:
        problem = str(form.errors["budget_credits"][0])
        messages.error(request, _("%(problem)s Your limit wasn't changed.") % {"problem": problem})
    return redirect("teams:team", request.workspace.slug)


# --- Answers ----------------------------------------------------------------------------------------------------------


def _request(request: WorkspaceRequest, request_id: UUID) -> ApprovalRequest:
    try:
        return request_to_answer(membership=request.membership, request_id=request_id)
    except ApprovalRequest.DoesNotExist:
        raise Http404 from None


def _answered(request: WorkspaceRequest) -> HttpResponse:
    return redirect("teams:requests", request.workspace.slug)


@require_POST
@workspace_view(can=Permission.MANAGE)
def approve(request: WorkspaceRequest, request_id: UUID) -> HttpResponse:
    """Approve one order, which may exceed its asker's budget this once."""
    parked, form = _request(request, request_id), ApproveForm(request.POST)
    if not form.is_valid():
        raise BadRequest("The price is missing.")
    try:
        approve_request(request=parked, approver=request.user, seen_credits=form.cleaned_data["price_credits"])
    except UserFacingError as error:
        messages.error(request, error.message)
    else:
        text = _("Approved. %(name)s's clip has been started.")
        messages.success(request, text % {"name": parked.asker.display_name})
    return _answered(request)


@require_POST
@workspace_view(can=Permission.MANAGE)
def raise_budget(request: WorkspaceRequest, request_id: UUID) -> HttpResponse:
    """Raise the asker's budget, and start the order within it; neither if it doesn't fit."""
    parked, form = _request(request, request_id), RaiseForm(request.POST)
    if "price_credits" in form.errors:
        raise BadRequest("The price is missing.")
    budget_credits = form.cleaned_data.get("budget_credits")
    if budget_credits is None:
        messages.error(request, _("Enter the new budget in whole credits. Nothing changed and no credits moved."))
        return _answered(request)
    try:
        approve_request(
            request=parked,
            approver=request.user,
            seen_credits=form.cleaned_data["price_credits"],
            new_budget_credits=budget_credits,
        )
    except SpendingLimitError as error:
        text = _(
            "A budget of %(budget)s would leave only %(left)s credits, and this needs %(needed)s. Nothing changed and "
            "no credits moved. Enter a higher one."
        )
        figures = {"budget": budget_credits, "left": error.available_credits, "needed": error.needed_credits}
        messages.error(request, text % {name: number_format(figure) for name, figure in figures.items()})
    except UserFacingError as error:
        messages.error(request, error.message)
    else:
        text = _("The budget is %(budget)s credits a month now. %(name)s's clip has been started.")
        figures = {"budget": number_format(budget_credits), "name": parked.asker.display_name}
        messages.success(request, text % figures)
    return _answered(request)


@require_POST
@workspace_view(can=Permission.MANAGE)
def decline(request: WorkspaceRequest, request_id: UUID) -> HttpResponse:
    """Decline a request, with a word on why if there is one."""
    parked, form = _request(request, request_id), DeclineForm(request.POST)
    if not form.is_valid():
        messages.error(request, str(form.errors["word"][0]))
        return _answered(request)
    try:
        decline_request(request=parked, approver=request.user, word=form.cleaned_data["word"])
    except UserFacingError as error:
        messages.error(request, error.message)
    else:
        text = _("Declined. %(name)s is told. No credits moved.")
        messages.success(request, text % {"name": parked.asker.display_name})
    return _answered(request)
