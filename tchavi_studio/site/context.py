"""Context for every template."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from tchavi_studio.workspaces.devices import workspace_on_device
from tchavi_studio.workspaces.models import User
from tchavi_studio.workspaces.queries import home_membership

THEMES = ("dark", "light")


def studio(request: HttpRequest) -> dict[str, Any]:
    """The studio's mode, the chosen theme ("" follows the system) and, when signed in, the current workspace.

    On pages outside a workspace (account settings) `membership` and `workspace` are those `/` redirects to. Both are
    None for whoever is in no workspace.
    """
    theme = request.COOKIES.get("theme", "")
    membership = getattr(request, "membership", None)
    user = getattr(request, "user", None)
    if membership is None and isinstance(user, User):
        membership = home_membership(user, on_device=workspace_on_device(request))
    return {
        "studio_mode": settings.STUDIO_MODE,
        "theme": theme if theme in THEMES else "",
        "workspace": membership.workspace if membership else None,
        "membership": membership,
    }
