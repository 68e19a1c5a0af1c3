"""Tags about the viewer, their workspace and its pages, for every app's templates."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from django import template
from django.conf import settings
from django.utils.formats import date_format
from django.utils.html import format_html

from tchavi_studio.generations.approvals import waiting_requests
from tchavi_studio.ledger import queries as ledger
from tchavi_studio.long_lists import count_up_to
from tchavi_studio.site import navigation, shortcuts
from tchavi_studio.site.bell import Bell, bell_of
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tchavi_studio.workspaces.ownership import may_create_workspaces
from tchavi_studio.workspaces.queries import memberships_found

register = template.Library()

MAX_REQUEST_COUNT = 99


class Page(NamedTuple):
    """One link in the main navigation; `icon` is a Lucide name."""

    label: str
    url: str
    icon: str
    is_current: bool


@register.simple_tag
def shortcut_groups() -> list[shortcuts.ShortcutGroup]:
    """The keyboard's shortcuts."""
    return shortcuts.shortcut_groups


@register.simple_tag(takes_context=True)
def pages(context: dict[str, Any]) -> list[Page]:
    """The current workspace's main navigation: only the pages the viewer may open."""
    membership: Membership = context["membership"]
    current_app = getattr(getattr(context.get("request"), "resolver_match", None), "app_name", "")
    return [
        Page(
            label=str(entry.label),
            url=entry.url(membership.workspace),
            icon=entry.icon,
            is_current=entry.app_name == current_app,
        )
        for entry in navigation.entries_for_viewer(membership)
    ]


class Switcher(NamedTuple):
    """The viewer's workspaces by name: all, or the first ones if there are more (`has_more`)."""

    workspaces: list[Workspace]
    has_more: bool

    @property
    def is_long(self) -> bool:
        """Whether a search helps."""
        return len(self.workspaces) > 7


@register.simple_tag
def switcher(user: User) -> Switcher:
    """What the viewer can switch between. One query."""
    joined, has_more = memberships_found(user)
    workspaces = sorted((each.workspace for each in joined), key=lambda each: (each.name.casefold(), each.slug))
    return Switcher(workspaces=workspaces, has_more=has_more)


@register.simple_tag
def may_create_workspace(user: User) -> bool:
    """Whether the viewer may create workspaces."""
    return may_create_workspaces(user)


@register.simple_tag
def home_url(workspace: Workspace) -> str:
    """The path of a workspace's home page."""
    return navigation.home_url(workspace)


@register.simple_tag
def wallet_balance(workspace: Workspace) -> int:
    """The credits in the workspace's wallet, in the current mode's book."""
    return ledger.wallet_balance(workspace=workspace, book=settings.STUDIO_BOOK)


@register.simple_tag
def moment(when: datetime, parts: str = "datetime") -> str:
    """A `<time>` that site.js shows in the viewer's own time zone; `parts` is "datetime" or "date".

    Without a script it is UTC, and says so.
    """
    utc = when.astimezone(UTC)
    shown = date_format(utc, "DATE_FORMAT" if parts == "date" else "DATETIME_FORMAT")
    return format_html(
        '<time datetime="{}" data-local="{}">{}{}</time>',
        utc.isoformat(timespec="seconds"),
        parts,
        shown,
        "" if parts == "date" else " UTC",
    )


@register.simple_tag
def bell(user: User) -> Bell:
    """What the bell shows."""
    return bell_of(user)


@register.simple_tag
def requests_to_answer(membership: Membership) -> int:
    """How many requests for approval wait for the viewer, an owner or an admin; MAX_REQUEST_COUNT at most."""
    return count_up_to(waiting_requests(membership=membership), MAX_REQUEST_COUNT)


@register.filter
def may(membership: Membership | None, permission: str) -> bool:
    """Whether the viewer's role in this workspace allows `permission`."""
    return membership is not None and membership.can(permission)
