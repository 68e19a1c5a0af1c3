"""The API keys page."""

from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tchavi_studio.api import queries, services
from tchavi_studio.api.models import ApiKey, Scope
from tchavi_studio.api.samples import samples
from tchavi_studio.developers.forms import KeyForm
from tchavi_studio.developers.reference import Sample
from tchavi_studio.ledger.queries import spending_of_keys
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.addresses import public_origin
from tchavi_studio.workspaces.models import Permission

from .own_keys import revoked_text


@require_safe
@workspace_view(can=Permission.CREATE)
def keys_page(request: WorkspaceRequest) -> HttpResponse:
    """The member's keys, a form to create one, and a first call to copy."""
    return _keys_page(request, KeyForm())


def _keys_page(
    request: WorkspaceRequest,
    form: KeyForm,
    *,
    created: services.CreatedKey | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    keys = list(queries.keys_for_viewer(membership=request.membership))
    key_ids = [key.pk for key in keys]
    usage = queries.usage_of_keys(workspace=request.workspace, key_ids=key_ids)
    spending = spending_of_keys(key_ids, book=settings.STUDIO_BOOK)
    rows = [(key, usage[key.pk], spending.get(key.pk)) for key in keys]
    base_url = f"{public_origin(request)}/v1"
    context = {
        "usable_keys": [row for row in rows if row[0].is_usable],
        "other_keys": [row for row in rows if not row[0].is_usable],
        "form": form,
        "created": created,
        "base_url": base_url,
        "samples": [
            Sample(language=sample["lang"], slug=sample["lang"].lower(), source=sample["source"])
            for sample in samples("createGeneration", base_url)
        ],
    }
    return render(request, "developers/keys.html", context, status=status)


@never_cache
@require_POST
@workspace_view(can=Permission.CREATE)
def create(request: WorkspaceRequest) -> HttpResponse:
    """Create a key. The response is the only page that ever shows it.

    A live key spends credits, so it takes the password, even of somebody who is signed in.
    """
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _keys_page(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    answer: Callable[..., HttpResponse] = (
        _create_key if form.cleaned_data["is_test"] else reauthentication_required(_create_key)
    )
    return answer(request, form)


def _create_key(request: WorkspaceRequest, form: KeyForm) -> HttpResponse:
    fields = form.cleaned_data
    if ApiKey.objects.filter(pk=fields["key_id"]).exists():
        messages.info(request, _("That key already exists and was shown only once. If you lost it, revoke it."))
        return redirect("developers:keys", request.workspace.slug)
    try:
        created = services.create_key(
            key_id=fields["key_id"],
            workspace=request.workspace,
            user=request.user,
            name=fields["name"],
            is_test=fields["is_test"],
            scope=Scope(fields["scope"]),
            expires_at=fields["expires_at"],
            monthly_limit_credits=fields["monthly_limit_credits"],
        )
    except services.TooManyKeysError as error:
        form.add_error(None, error.message)
        return _keys_page(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return _keys_page(request, KeyForm(), created=created)


@require_POST
@workspace_view(can=Permission.CREATE)
def revoke(request: WorkspaceRequest, key_id: UUID) -> HttpResponse:
    """Revoke a key. Members revoke their own; managers revoke anyone's."""
    key = get_object_or_404(queries.keys_for_viewer(membership=request.membership), pk=key_id)
    services.revoke_key(key=key, actor=request.user)
    messages.success(request, revoked_text(key))
    return redirect("developers:keys", request.workspace.slug)
