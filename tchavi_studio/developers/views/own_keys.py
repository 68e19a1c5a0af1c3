"""A person's API keys in all workspaces. A new password doesn't end them, so changing it leads here."""

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tchavi_studio.api.models import ApiKey
from tchavi_studio.api.queries import usable_keys_of_person
from tchavi_studio.api.services import revoke_key
from tchavi_studio.workspaces.models import User


@require_safe
@login_required
def own_keys(request: HttpRequest) -> HttpResponse:
    """The viewer's usable keys."""
    return render(request, "developers/own_keys.html", {"keys": usable_keys_of_person(cast(User, request.user))})


@require_POST
@login_required
def revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Revoke one of them."""
    key = get_object_or_404(ApiKey, pk=key_id, user=cast(User, request.user))
    revoke_key(key=key, actor=key.user)
    messages.success(request, revoked_text(key))
    return redirect("own_keys:list")


def revoked_text(key: ApiKey) -> str:
    """What to tell whoever revoked a key."""
    return _("Key “%(name)s” revoked. Requests that use it are refused from now on.") % {"name": key.name}
