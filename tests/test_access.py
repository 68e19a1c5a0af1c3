"""Every URL × everyone who might request it. Generated from the URLconf, so an unclassified URL fails."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tchavi_studio.workspaces.models import Membership, Role, User, Workspace

PUBLIC_PREFIXES = {
    "healthz": "for load balancers",
    "readyz": "for load balancers",
    "accounts/": "django-allauth guards its own pages",
    "account/mail-failed/": "says that no mail was sent",
    "invitations/": "needs a secret link, or the session in which it was opened",
    "i18n/": "sets a cookie",
    "notices/unsubscribe/": "protected by a signed token",
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
    "notices/",
    "notices/<int:notice_id>/",
    "notices/seen/",
    "workspaces/",
    "workspaces/new/",
}
SITE = "site/"
WORKSPACE = "w/<slug:workspace_slug>/"
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


def test_non_members_get_404(workspace: Workspace, bob: User, client: Client) -> None:
    client.force_login(bob)
    for route in WORKSPACE_ROUTES:
        assert answers_to(client, route, workspace) == {404}, route


@pytest.mark.parametrize("route", WORKSPACE_ROUTES)
def test_members_can_do_what_their_role_allows(workspace: Workspace, bob: User, client: Client, route: str) -> None:
    client.force_login(bob)
    permission = permission_of(WORKSPACE_ROUTES[route])
    for role in Role.values:
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


FOR_SITE_AUDITORS = {"site/activity/", "site/workspaces/"}


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
        # Made-up people and workspaces don't exist for them either.
        assert answers_to(client, route, workspace) <= {200, 302, 404}, route
