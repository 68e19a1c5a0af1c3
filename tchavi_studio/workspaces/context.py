"""What every template may know."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from .models import User
from .queries import home_workspace, workspaces_for_viewer

THEMES = ("dark", "light")


def studio(request: HttpRequest) -> dict[str, Any]:
    """The studio's mode, the chosen theme ("" follows the system) and, for signed-in people, the workspace around them.

    On pages outside a workspace (account settings) `workspace` is the one that `/` leads to. `workspaces` are all of
    the viewer's, read only when a template asks for them.
    """
    theme = request.COOKIES.get("theme", "")
    workspace = getattr(request, "workspace", None)
    user = getattr(request, "user", None)
    if workspace is None and isinstance(user, User):
        workspace = home_workspace(user)
    return {
        "studio_mode": settings.STUDIO_MODE,
        "theme": theme if theme in THEMES else "",
        "workspace": workspace,
        "workspaces": workspaces_for_viewer(user) if isinstance(user, User) else (),
        "membership": getattr(request, "membership", None),
    }
