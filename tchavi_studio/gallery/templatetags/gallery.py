"""What templates of every room need to know about pages, clips and the wallet."""

from typing import Any, NamedTuple

from django import template
from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from tchavi_studio.engines.formats import nearest_aspect_ratio
from tchavi_studio.generations.models import Generation
from tchavi_studio.ledger import queries as ledger
from tchavi_studio.workspaces.models import Membership, Workspace

register = template.Library()


class Page(NamedTuple):
    """One entry of the main navigation; `icon` is a Lucide name."""

    label: str
    url: str
    icon: str
    is_current: bool


@register.simple_tag
def page_url(name: str, workspace: Workspace) -> str:
    """The address of a workspace's page; "" if this installation has no such page."""
    try:
        return reverse(name, args=[workspace.slug])
    except NoReverseMatch:
        return ""


@register.simple_tag(takes_context=True)
def pages(context: dict[str, Any]) -> list[Page]:
    """The main navigation of the workspace around the page: only pages that exist."""
    request, workspace = context.get("request"), context["workspace"]
    app_name = getattr(getattr(request, "resolver_match", None), "app_name", "")
    entries = [
        (_("Create"), "create:page", "wand-sparkles"),
        (_("Gallery"), "gallery:gallery", "images"),
        (_("Credits"), "accounting:page", "coins"),
    ]
    found = [
        Page(label=label, url=page_url(name, workspace), icon=icon, is_current=name.startswith(f"{app_name}:"))
        for label, name, icon in entries
    ]
    return [page for page in found if page.url]


@register.simple_tag
def wallet_balance(workspace: Workspace) -> int:
    """The credits in the workspace's wallet, in the book in force."""
    return ledger.wallet_balance(workspace=workspace, book=settings.STUDIO_BOOK)


@register.filter
def may(membership: Membership | None, permission: str) -> bool:
    """Whether the viewer's role in this workspace allows `permission`."""
    return membership is not None and membership.can(permission)


@register.filter
def is_of_book_in_force(clip: Generation) -> bool:
    """Whether the statement shows this clip's credits: not what was made in the sandbox once the studio is live."""
    return bool(clip.book == settings.STUDIO_BOOK)


@register.filter
def ratio_class(clip: Generation) -> str:
    """The class that gives a card its shape, from the clip's own pixels: "r-16-9 at-480p"."""
    ratio = nearest_aspect_ratio(clip.width, clip.height).replace(":", "-")
    return f"r-{ratio} at-{clip.resolution}"


@register.filter
def clock(seconds: float) -> str:
    """Seconds as people read a player: "0:05", "12:30", "1:02:09"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
