"""Reads for budgets and for the list of requests for approval."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from tchavi_studio.generations.approvals import price_today, waiting_requests
from tchavi_studio.generations.models import ApprovalRequest
from tchavi_studio.ledger.queries import Budget, budgets_of_members
from tchavi_studio.long_lists import page_of
from tchavi_studio.notices.models import Notice
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.models import Membership, Permission

REQUESTS_PER_PAGE = 20
ROUND_CREDITS = 1_000


@dataclass(frozen=True, kw_only=True)
class RequestRow:
    """A request that waits: what it costs now, None if it can't be made any more, and its asker's budget."""

    request: ApprovalRequest
    price_credits: int | None
    problem: str
    budget: Budget | None

    @property
    def has_new_price(self) -> bool:
        return self.price_credits not in (None, self.request.total_credits)

    @property
    def enough_credits(self) -> int:
        """A budget that the order would fit in, in whole thousands."""
        needed = (self.budget.spent_credits if self.budget else 0) + (self.price_credits or 0)
        return -(-needed // ROUND_CREDITS) * ROUND_CREDITS


@dataclass(frozen=True, kw_only=True)
class RequestsPage:
    """Requests that wait, newest first. `last` is the row to go on from, None on the last page."""

    rows: Sequence[RequestRow]
    last: ApprovalRequest | None


def requests_page(*, membership: Membership, after: tuple[object, ...] = ()) -> RequestsPage:
    """A page of what the viewer has to answer, in a fixed number of queries."""
    waiting = waiting_requests(membership=membership).prefetch_related("references__asset")
    found, has_more = page_of(waiting, length=REQUESTS_PER_PAGE, after=after)
    askers = Membership.objects.select_related("workspace").filter(
        workspace=membership.workspace_id, user__in=[request.asker_id for request in found]
    )
    budgets = budgets_of_members(askers, book=settings.STUDIO_BOOK) if found else {}
    rows = [_row(request, budgets.get(request.asker_id)) for request in found]
    return RequestsPage(rows=rows, last=found[-1] if has_more else None)


def _row(request: ApprovalRequest, budget: Budget | None) -> RequestRow:
    try:
        return RequestRow(request=request, price_credits=price_today(request), problem="", budget=budget)
    except UserFacingError as error:
        return RequestRow(request=request, price_credits=None, problem=error.message, budget=budget)


def path_of_requests(notice: Notice, membership: Membership) -> str | None:
    """Where a notice of a request leads: to those that wait for an answer, if the reader may give one."""
    if not membership.can(Permission.MANAGE):
        return None
    return reverse("teams:requests", args=[membership.workspace.slug])
