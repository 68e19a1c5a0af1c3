"""What notices say, in the language that is active, in the page and in mails. No words of clips."""

from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tchavi_studio.workspaces.roles import Role

from .models import Notice, NoticeKind


@dataclass(frozen=True, kw_only=True)
class NoticeText:
    """What happened, in a few words; what there is to know about it; and what the link to it says."""

    title: str
    text: str
    action: str


def text_of(notice: Notice) -> NoticeText:
    """The notice's text. Reads `actor` and `workspace`: use select_related for lists."""
    named: dict[str, Any] = {
        **{name: number_format(value) if isinstance(value, int) else value for name, value in notice.details.items()},
        "role": Role(notice.details["role"]).label if "role" in notice.details else "",
        "name": _one_line(notice.actor.display_name) if notice.actor else "",
        "workspace": _one_line(notice.workspace.name) if notice.workspace else "",
    }
    title, text, action = (part % named for part in _parts(notice))
    return NoticeText(title=title, text=text, action=action)


def _parts(notice: Notice) -> tuple[str, str, str]:
    details = notice.details
    match NoticeKind(notice.kind):
        case NoticeKind.CLIP_DONE:
            return _("Your clip is ready"), _("%(model)s, %(duration_seconds)s s, in %(workspace)s."), _("Watch it")
        case NoticeKind.CLIP_FAILED:
            text = _("%(model)s, %(duration_seconds)s s, in %(workspace)s. It was free: no credits moved.")
            if credits := details["refunded_credits"]:
                text = ngettext(
                    "%(model)s, %(duration_seconds)s s, in %(workspace)s. %(refunded_credits)s credit was refunded.",
                    "%(model)s, %(duration_seconds)s s, in %(workspace)s. %(refunded_credits)s credits were refunded.",
                    credits,
                )
            return _("A clip failed"), text, _("See why and retry")
        case NoticeKind.APPROVAL_ASKED:
            text = ngettext(
                "%(clip_count)s clip for %(price_credits)s credits, over budget, in %(workspace)s.",
                "%(clip_count)s clips for %(price_credits)s credits, over budget, in %(workspace)s.",
                details["clip_count"],
            )
            return _("%(name)s asks for approval"), text, _("Answer")
        case NoticeKind.APPROVAL_ANSWERED if details["is_approved"]:
            text = ngettext(
                "%(clip_count)s clip for %(price_credits)s credits is being made in %(workspace)s.",
                "%(clip_count)s clips for %(price_credits)s credits are being made in %(workspace)s.",
                details["clip_count"],
            )
            return _("%(name)s approved your request"), text, _("See it")
        case NoticeKind.APPROVAL_ANSWERED:
            text = ngettext(
                "%(clip_count)s clip for %(price_credits)s credits in %(workspace)s. No credits moved.",
                "%(clip_count)s clips for %(price_credits)s credits in %(workspace)s. No credits moved.",
                details["clip_count"],
            )
            return _("%(name)s declined your request"), text, _("See it")
        case NoticeKind.INVITATION:
            title = _("%(name)s invites you to %(workspace)s")
            return title, _("Your role would be: %(role)s."), _("See the invitation")
        case NoticeKind.BUDGET_80:
            title = _("%(name)s has spent 80%% of a monthly budget")
            title = title if notice.actor else _("80%% of your monthly budget is spent")
        case NoticeKind.BUDGET_100:
            title = _("%(name)s has used up a monthly budget")
            title = title if notice.actor else _("Your monthly budget is used up")
        case NoticeKind.LOW_BALANCE:
            left = details["balance_credits"]
            text = ngettext("%(balance_credits)s credit is left.", "%(balance_credits)s credits are left.", left)
            return _("Credits are running low in %(workspace)s"), text, _("See the credits")
        case NoticeKind.LEDGER_FINDINGS:
            text = ngettext(
                "The verification found %(finding_count)s thing that is wrong.",
                "The verification found %(finding_count)s things that are wrong.",
                details["finding_count"],
            )
            return _("The ledger isn't intact"), text, _("See the audit")
    text = _("%(spent_credits)s of %(budget_credits)s credits this month, in %(workspace)s.")
    return title, text, _("See the budget")


def _one_line(text: str) -> str:
    return " ".join(text.split())
