"""Access to a workspace's pages: for signed-in members whose role allows what the page does."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from importlib import import_module
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from tchavi_studio.outages import unless_outage

from . import queries, services
from .devices import is_page_visit, remember_on_device, workspace_on_device
from .models import Membership, Permission, User, Workspace


class SignedInRequest(HttpRequest):
    """A request from a signed-in user; a type for views, established by this module's decorators."""

    user: User
    htmx: HtmxDetails


class WorkspaceRequest(SignedInRequest):
    """A request inside a workspace, from one of its members."""

    workspace: Workspace
    membership: Membership


@dataclass(frozen=True, kw_only=True)
class FileRule:
    """That a view takes bodies larger than a form's, for files: how large, and from whom.

    The web server judges by it before it reads such a body. `may_send` gets the bare request, without what middleware
    adds, and the view's arguments. It needn't be strict, since the view decides again.
    """

    max_bytes: int
    may_send: Callable[..., bool]


P = ParamSpec("P")
WorkspaceView = Callable[Concatenate[WorkspaceRequest, P], HttpResponseBase]


def redirect_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect to the sign-in page, which leads back here afterwards.

    An htmx request would swap the sign-in form into the page. So the whole page is redirected instead, and returns to
    the URL in the address bar, not to the fragment's.
    """
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    if not htmx:
        return redirect_to_login(request.get_full_path())
    page = urlsplit(htmx.current_url_abs_path or "/")
    redirect = redirect_to_login(page.path + (f"?{page.query}" if page.query else ""))
    return HttpResponseClientRedirect(redirect["Location"])


def workspace_view(
    *, can: Permission = Permission.VIEW, for_site_admins: bool = False, max_file_bytes: int = 0
) -> Callable[[WorkspaceView[P]], Callable[..., HttpResponseBase]]:
    """Restrict a view of `/w/<workspace_slug>/…` to signed-in members whose role allows `can`.

    Non-members get a 404, as if the workspace didn't exist; members whose role doesn't allow `can` get a 403.
    `for_site_admins` also hides the page, with a 404, from everyone but site admins: it shows data of all workspaces.
    `max_file_bytes` lets those who may use the view send it files, that many bytes in all.
    """

    def may_send(request: HttpRequest, *, workspace_slug: str, **arguments: object) -> bool:
        store = import_module(settings.SESSION_ENGINE).SessionStore
        request.session = store(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
        user = get_user(request)
        membership = queries.membership_for_viewer(user=user, slug=workspace_slug) if isinstance(user, User) else None
        return membership is not None and membership.can(can)

    def decorate(view: WorkspaceView[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, workspace_slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not isinstance(request.user, User):
                return redirect_to_sign_in(request)
            membership = queries.membership_for_viewer(user=request.user, slug=workspace_slug)
            if membership is None:
                return _redirect_from_former_slug(request, request.user, workspace_slug)
            if for_site_admins and not request.user.is_staff:
                raise Http404
            workspace_request = cast(WorkspaceRequest, request)
            workspace_request.workspace, workspace_request.membership = membership.workspace, membership
            if not membership.can(can):
                raise PermissionDenied
            comes_from_another = workspace_on_device(request) != membership.workspace_id and is_page_visit(request)
            if comes_from_another:
                with unless_outage():
                    services.remember_workspace(user=request.user, workspace=membership.workspace)
            with unless_outage():
                services.note_visit(membership=membership)
            response = view(workspace_request, *args, **kwargs)
            if comes_from_another:
                remember_on_device(request, response, membership.workspace)
            return response

        guarded.workspace_permission = can  # type: ignore[attr-defined]  # read by the access matrix test
        guarded.is_for_site_admins = for_site_admins  # type: ignore[attr-defined]  # likewise
        if max_file_bytes:
            rule = FileRule(max_bytes=max_file_bytes, may_send=may_send)
            guarded.file_rule = rule  # type: ignore[attr-defined]  # read by the web server
        return guarded

    return decorate


def _redirect_from_former_slug(request: HttpRequest, user: User, slug: str) -> HttpResponseBase:
    """Lead a member to the same page of the workspace that had this slug before. Raises Http404 for everybody else."""
    membership = queries.membership_by_former_slug(user=user, slug=slug)
    if membership is None:
        raise Http404
    path = request.get_full_path().replace(f"/w/{slug}/", f"/w/{membership.workspace.slug}/", 1)
    # The method and the body are kept, so that a form on a page that is still open isn't lost.
    return HttpResponseRedirect(path, preserve_request=True)


SiteView = Callable[Concatenate[SignedInRequest, P], HttpResponseBase]


def site_view(*, for_auditors: bool = False) -> Callable[[SiteView[P]], Callable[..., HttpResponseBase]]:
    """Restrict a view of `/site/…` to site admins, and `for_auditors` also to site auditors. Others get a 404."""

    def decorate(view: SiteView[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not isinstance(request.user, User):
                return redirect_to_sign_in(request)
            if not (request.user.is_staff or (for_auditors and request.user.is_site_auditor)):
                raise Http404
            return view(cast(SignedInRequest, request), *args, **kwargs)

        guarded.site_access = "auditors" if for_auditors else "admins"  # type: ignore[attr-defined]  # likewise
        return guarded

    return decorate
