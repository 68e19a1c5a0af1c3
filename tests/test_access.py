"""Every URL × everyone who might request it. Generated from the URLconf, so an unclassified URL fails."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qs, urljoin, urlsplit
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from tchavi_studio.generations.models import State
from tchavi_studio.generations.services import delete_clip
from tchavi_studio.workspaces.members import remove_member
from tchavi_studio.workspaces.models import Membership, Permission, Role, User, Visibility, Workspace
from tchavi_studio.workspaces.roles import RANKS, ROLE_PERMISSIONS
from tests.gallery.conftest import MakeClip, make_clip

__all__ = ["make_clip"]
"""A fixture of the gallery's tests."""

# Which guard a view has is the same on every database.
pytestmark = pytest.mark.one_database

PUBLIC_PREFIXES = {
    "healthz": "for load balancers",
    "readyz": "for load balancers",
    "accounts/": "django-allauth guards its own pages",
    "account/mail-failed/": "says that no mail was sent",
    "invitations/": "needs a secret link, or the session in which it was opened",
    "i18n/": "sets a cookie",
    "notices/unsubscribe/": "protected by a signed token",
    "notices/news/": "has nothing to tell a visitor",
    "service-worker.js": "a script, the same for everybody",
    "theme/": "sets a cookie",
    "media/": "protected by a signed token",
    "v1/": "protected by an API key",
    "api/v1/": "protected by an API key",
}
SIGNED_IN = {
    "",
    "account/data/",
    "account/data/delete/",
    "account/data/export/",
    "account/invitations/",
    "account/invitations/<uuid:invitation_id>/accept/",
    "account/keys/",
    "account/keys/<uuid:key_id>/revoke/",
    "account/notices/",
    "account/sessions/",
    "account/sessions/end/",
    "account/sessions/end-others/",
    "account/shortcuts/",
    "notices/",
    "notices/<int:notice_id>/",
    "notices/seen/",
    "workspaces/",
    "workspaces/new/",
}
SITE = "site/"
WORKSPACE = "w/<slug:workspace_slug>/"
PERMISSIONS: dict[str, list[str]] = {
    Permission.VIEW: [
        "clips/<uuid:generation_id>/",
        "clips/<uuid:generation_id>/download/",
        "clips/<uuid:generation_id>/frame/",
        "clips/<uuid:generation_id>/organised/",
        "clips/<uuid:generation_id>/sound/",
        "collections/",
        "collections/<int:collection_id>/",
        "create/",
        "credits/",
        "credits/<slug:name>.<slug:extension>",
        "gallery/",
        "gallery/older/",
        "gallery/bin/",
        "gallery/bulk/<slug:name>/",
        "gallery/jobs/<uuid:job_id>/",
        "gallery/jobs/<uuid:job_id>/hide/",
        "gallery/jobs/<uuid:job_id>/stop/",
        "gallery/jobs/<uuid:job_id>/undo/",
        "gallery/searches/",
        "gallery/searches/save/",
        "gallery/searches/<int:search_id>/delete/",
        "gallery/searches/<int:search_id>/rename/",
        "gallery/selected/",
        "gallery/tags/",
        "gallery/zip/",
        "media/<uuid:asset_id>/<str:variant>",
        "references/",
        "references/<uuid:asset_id>/clips/",
        # And then only by whoever sent the file, or by admins.
        "references/<uuid:asset_id>/delete/",
        "requests/<uuid:request_id>/dismiss/",
        "requests/<uuid:request_id>/withdraw/",
        "settings/leave/",
        "storage/",
        "team/",
        "updates/",
        # For site admins among the members.
        "credits/exposure/",
        "credits/exposure/<uuid:reference>/reviewed/",
        "credits/grant/",
        "credits/grant/<uuid:recipient_id>/",
        "credits/provider/try-again/",
    ],
    Permission.COMMENT: [
        "clips/<uuid:generation_id>/favourite/",
        "clips/<uuid:generation_id>/rate/",
        "clips/<uuid:generation_id>/unfavourite/",
    ],
    Permission.CREATE: [
        "clips/<uuid:generation_id>/cancel/",
        "clips/<uuid:generation_id>/collect/",
        "clips/<uuid:generation_id>/delete/",
        "clips/<uuid:generation_id>/dismiss/",
        "clips/<uuid:generation_id>/frame/keep/",
        "clips/<uuid:generation_id>/poster/",
        "clips/<uuid:generation_id>/restore/",
        "clips/<uuid:generation_id>/share/",
        "clips/<uuid:generation_id>/tags/<int:tag_id>/remove/",
        "clips/<uuid:generation_id>/tags/add/",
        "clips/<uuid:generation_id>/unshare/",
        "collections/<int:collection_id>/clips/<uuid:generation_id>/cover/",
        "collections/<int:collection_id>/clips/<uuid:generation_id>/drop/",
        "collections/<int:collection_id>/clips/<uuid:generation_id>/move/",
        "collections/<int:collection_id>/delete/",
        "collections/<int:collection_id>/describe/",
        "collections/create/",
        "gallery/choose-collection/",
        "create/arrange/",
        "create/continue/<uuid:generation_id>/",
        "create/quote/",
        "create/submit/",
        "create/trim/",
        "create/upload/",
        "create/use/",
        "credits/play/",
        "developers/",
        "developers/keys/",
        "developers/keys/<uuid:key_id>/revoke/",
        "developers/reference/",
        "gallery/bin/empty/",
        "gallery/bin/unused/",
        "gallery/cancel-waiting/",
        "tags/",
        "team/budgets/own/",
    ],
    Permission.MANAGE: [
        "developers/webhooks/",
        "developers/webhooks/<uuid:endpoint_id>/",
        "developers/webhooks/<uuid:endpoint_id>/delete/",
        "developers/webhooks/<uuid:endpoint_id>/disable/",
        "developers/webhooks/<uuid:endpoint_id>/edit/",
        "developers/webhooks/<uuid:endpoint_id>/enable/",
        "developers/webhooks/<uuid:endpoint_id>/messages/<str:message_id>/",
        "developers/webhooks/<uuid:endpoint_id>/messages/<str:message_id>/redeliver/",
        "developers/webhooks/<uuid:endpoint_id>/rotate/",
        "developers/webhooks/<uuid:endpoint_id>/test/",
        "developers/webhooks/add/",
        "settings/",
        "settings/name/",
        "settings/time-zone/",
        "team/budgets/",
        "team/budgets/<int:member_id>/",
        "team/budgets/requests/<uuid:request_id>/approve/",
        "team/budgets/requests/<uuid:request_id>/decline/",
        "team/budgets/requests/<uuid:request_id>/raise/",
        "team/invitations/<uuid:invitation_id>/again/",
        "team/invitations/<uuid:invitation_id>/withdraw/",
        "team/invite/",
        "team/invite/link/",
        "team/members/<int:member_id>/remove/",
        "team/members/<int:member_id>/role/",
    ],
    Permission.AUDIT: [
        "audit/",
        "audit/integrity/",
        "audit/rows/<int:sequence>/",
        "team/activity/",
        "team/activity/export.<str:extension>",
    ],
    Permission.OWN: [
        "settings/ownership/",
        "settings/ownership/archive/",
        "settings/ownership/hand-over/",
        "settings/ownership/unarchive/",
    ],
}
"""What each page of a workspace takes, written down apart from the views, so that no guard is loosened by the way."""

WRONG_METHOD = (405, "")
"""Returned before permissions are checked; it reveals nothing about the workspace."""
MADE_UP = {"uuid": str(UUID(int=7)), "str": "something", "slug": "something", "int": "7", "path": "something"}


def routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route, pattern


ROUTES = dict(routes(get_resolver().url_patterns))
WORKSPACE_ROUTES = {route: pattern for route, pattern in ROUTES.items() if route.startswith(WORKSPACE)}
SITE_ROUTES = {route: pattern for route, pattern in ROUTES.items() if route.startswith(SITE)}


def path_of(route: str, slug: str) -> str:
    """A URL of this route, in the workspace called `slug`, with made-up ids."""
    path = "/" + route.replace("<slug:workspace_slug>", slug)
    while "<" in path:
        before, _opening, rest = path.partition("<")
        argument, _closing, after = rest.partition(">")
        converter = argument.partition(":")[0] if ":" in argument else "str"
        name = argument.rpartition(":")[2]
        path = before + ("file" if name == "variant" else MADE_UP.get(converter, "something")) + after
    return path


def permission_of(pattern: URLPattern) -> str:
    return str(getattr(pattern.callback, "workspace_permission"))  # noqa: B009  # set by `workspace_view`


def test_every_url_is_classified() -> None:
    unclassified = [
        route
        for route, pattern in ROUTES.items()
        if route not in SIGNED_IN
        and not any(route.startswith(prefix) for prefix in PUBLIC_PREFIXES)
        and not (route.startswith(WORKSPACE) and hasattr(pattern.callback, "workspace_permission"))
        and not (route.startswith(SITE) and hasattr(pattern.callback, "site_access"))
    ]
    assert unclassified == []


def test_each_page_asks_for_the_permission_that_is_agreed() -> None:
    agreed = {f"{WORKSPACE}{route}": str(permission) for permission in PERMISSIONS for route in PERMISSIONS[permission]}
    assert {route: permission_of(pattern) for route, pattern in WORKSPACE_ROUTES.items()} == agreed


def answers_to(client: Client, route: str, workspace: Workspace) -> set[int]:
    """The statuses of a GET and a POST, without the one that says which of them the route takes."""
    path = path_of(route, workspace.slug)
    return {client.get(path).status_code, client.post(path).status_code} - {405}


def test_signed_out_visitors_are_asked_to_sign_in(workspace: Workspace, client: Client) -> None:
    for route in [*SIGNED_IN, *SITE_ROUTES, *WORKSPACE_ROUTES]:
        path = path_of(route, workspace.slug)
        answers = {
            (answer.status_code, answer.headers.get("Location", "").partition("?")[0])
            for answer in (client.get(path), client.post(path))
        }
        assert answers - {WRONG_METHOD} == {(302, "/accounts/login/")}, route


@pytest.mark.parametrize("who", ["member of another workspace", "removed member", "site admin", "site auditor"])
def test_non_members_get_404(workspace: Workspace, alice: User, bob: User, client: Client, who: str) -> None:
    if who == "removed member":
        joined = Membership.objects.create(workspace=workspace, user=bob, role=Role.ADMIN)
        remove_member(manager=Membership.objects.get(workspace=workspace, user=alice), member_id=joined.pk)
    User.objects.filter(pk=bob.pk).update(is_staff=who == "site admin", is_site_auditor=who == "site auditor")
    client.force_login(bob)
    for route in WORKSPACE_ROUTES:
        assert answers_to(client, route, workspace) == {404}, route


@pytest.mark.parametrize("route", WORKSPACE_ROUTES)
def test_members_can_do_what_their_role_allows(workspace: Workspace, bob: User, client: Client, route: str) -> None:
    client.force_login(bob)
    permission = permission_of(WORKSPACE_ROUTES[route])
    allowed = [role for role in Role if permission in ROLE_PERMISSIONS[role]]
    # Of those who may, the lowest and the highest.
    for role in [*sorted(allowed, key=lambda role: RANKS[role])[:1], Role.OWNER, *(set(Role) - set(allowed))]:
        # Again each time: one of the routes ends it.
        membership, _is_new = Membership.objects.update_or_create(
            workspace=workspace, user=bob, defaults={"role": role}
        )
        Workspace.objects.update(archived_at=None)
        statuses = answers_to(client, route, workspace)
        if membership.can(permission):
            # The view may refuse for its own reasons (an unknown clip, an empty form), but never fails.
            assert all(status < 500 for status in statuses), role
        else:
            assert statuses == {403}, role


@pytest.mark.parametrize("role", Role.values)
def test_whatever_a_page_links_to_can_be_opened(
    workspace: Workspace, bob: User, make_clip: MakeClip, client: Client, role: str
) -> None:
    """No list is laxer than what it leads to."""
    Membership.objects.create(workspace=workspace, user=bob, role=role)
    for visibility in Visibility:
        make_clip(visibility=visibility)
        make_clip(visibility=visibility, creator=bob)
        make_clip(State.FAILED, visibility=visibility)
    delete_clip(generation=make_clip(visibility=Visibility.WORKSPACE), actor=None)
    client.force_login(bob)
    home = f"/w/{workspace.slug}/"
    waiting = [f"{home}{page}" for page in ("create/", "gallery/", "gallery/?scope=workspace", "credits/", "team/")]
    waiting += [f"{home}{page}" for page in ("references/", "references/?scope=workspace", "storage/")]
    opened: set[str] = set()
    seen: set[tuple[str, str]] = set()
    while waiting:
        path = waiting.pop()
        opened.add(path)
        response = client.get(path)
        body = b"".join(response)
        assert response.status_code == 200, path
        if not response["Content-Type"].startswith("text/html"):
            continue
        for found in re.findall(r'href="([^"#]+)', body.decode()):
            address = urljoin(path, unescape(found))
            # Every page, and of each kind one with each parameter: filters together make more than anybody can open.
            parts = urlsplit(address)
            kinds = {(resolve(parts.path).route, name) for name in parse_qs(parts.query)} or {(parts.path, "")}
            if address.startswith(home) and not kinds <= seen:
                seen |= kinds
                waiting.append(address)
    assert sum("/clips/" in path for path in opened) >= 6


FOR_SITE_ADMINS = {
    f"{WORKSPACE}credits/exposure/",
    f"{WORKSPACE}credits/exposure/<uuid:reference>/reviewed/",
    f"{WORKSPACE}credits/grant/",
    f"{WORKSPACE}credits/grant/<uuid:recipient_id>/",
    f"{WORKSPACE}credits/provider/try-again/",
}


def test_site_admin_pages_are_listed() -> None:
    marked = {
        route for route, pattern in WORKSPACE_ROUTES.items() if getattr(pattern.callback, "is_for_site_admins", False)
    }
    assert marked == FOR_SITE_ADMINS


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("route", sorted(FOR_SITE_ADMINS))
def test_site_admin_pages_are_hidden_from_everyone_else(
    workspace: Workspace, bob: User, client: Client, route: str, role: str
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=role)
    client.force_login(bob)
    assert answers_to(client, route, workspace) == {404}
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    assert answers_to(client, route, workspace) <= {200, 302}


FOR_SITE_AUDITORS = {
    "site/activity/",
    "site/audit/",
    "site/audit/heads/",
    "site/audit/heads/check/",
    "site/audit/integrity/",
    "site/audit/verify/",
    "site/prices/",
    "site/workspaces/",
}
"""And rows of the ledger, one by one: the made-up one doesn't exist."""


def test_pages_of_the_site_are_hidden_from_everyone_but_site_admins_and_some_from_site_auditors(
    workspace: Workspace, bob: User, client: Client
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=Role.OWNER)
    client.force_login(bob)
    for route in SITE_ROUTES:
        assert answers_to(client, route, workspace) == {404}, route
    User.objects.filter(pk=bob.pk).update(is_site_auditor=True)
    seen = {route for route in SITE_ROUTES if answers_to(client, route, workspace) != {404}}
    assert seen == FOR_SITE_AUDITORS
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    for route in SITE_ROUTES:
        # Made-up people and workspaces don't exist for them either, and a form that is sent empty comes back.
        assert answers_to(client, route, workspace) <= {200, 302, 404, 422}, route
