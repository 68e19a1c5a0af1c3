"""The one way into a workspace's pages: signed in, a member, and allowed to do what the page does."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from . import queries, services
from .models import Membership, Permission, User, Workspace


class SignedInRequest(HttpRequest):
    """A request whose user is known; a type for views, made by the decorators of this module."""

    user: User
    htmx: HtmxDetails


class WorkspaceRequest(SignedInRequest):
    """A request inside a workspace that its user is a member of."""

    workspace: Workspace
    membership: Membership


P = ParamSpec("P")
WorkspaceView = Callable[Concatenate[WorkspaceRequest, P], HttpResponseBase]


def redirect_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send the browser to the sign-in page and afterwards back to where it was.

    A part asked for by htmx would be swapped into the page, sign-in form and all: there the whole page is redirected,
    and comes back to the address that the person sees, not to the part's.
    """
    details: HtmxDetails | None = getattr(request, "htmx", None)
    if not details:
        return redirect_to_login(request.get_full_path())
    seen = urlsplit(details.current_url_abs_path or "/")
    target = redirect_to_login(seen.path + (f"?{seen.query}" if seen.query else ""))
    return HttpResponseClientRedirect(target["Location"])


def workspace_view(
    *, can: Permission = Permission.VIEW, for_site_admins: bool = False
) -> Callable[[WorkspaceView[P]], Callable[..., HttpResponseBase]]:
    """Guard a view of `/w/<workspace_slug>/…`: signed in, a member, and of a role that allows `can`.

    Whoever is no member gets 404, as if the workspace did not exist; a member whose role does not allow `can` gets 403
    (they know that the workspace is there). `for_site_admins` hides the page from everybody else, whatever their role:
    what it shows is of all workspaces.
    """

    def decorate(view: WorkspaceView[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, workspace_slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not isinstance(request.user, User):
                return redirect_to_sign_in(request)
            membership = queries.membership_for_viewer(user=request.user, slug=workspace_slug)
            if membership is None or (for_site_admins and not request.user.is_staff):
                raise Http404
            if not membership.can(can):
                raise PermissionDenied
            services.remember_workspace(user=request.user, workspace=membership.workspace)
            inside = cast(WorkspaceRequest, request)
            inside.workspace, inside.membership = membership.workspace, membership
            return view(inside, *args, **kwargs)

        guarded.workspace_permission = can  # type: ignore[attr-defined]  # read by the access matrix test
        guarded.is_for_site_admins = for_site_admins  # type: ignore[attr-defined]  # likewise
        return guarded

    return decorate
