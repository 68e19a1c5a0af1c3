"""Account pages of our own; django-allauth has the others."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.workspaces.models import Session, User
from tchavi_studio.workspaces.queries import sessions_for_viewer, workspaces_of_one
from tchavi_studio.workspaces.services import (
    OnlyOwnerError,
    OnlySiteAdminError,
    delete_account,
    end_other_sessions,
    end_session,
    use_letter_keys,
)

from .devices import device_label
from .downloads import only_download
from .export import exported_data
from .forms import DeletionForm

MAX_WORKSPACES_SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class SessionRow:
    """A session as the page shows it."""

    session: Session
    is_current: bool

    @property
    def device(self) -> str:
        return device_label(self.session.device)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def shortcuts(request: HttpRequest) -> HttpResponse:
    """The keyboard's shortcuts, and whether single characters are among them."""
    if request.method != "POST":
        return render(request, "site/shortcuts.html")
    use_letter_keys(user=cast(User, request.user), is_wanted="letters" in request.POST)
    messages.success(request, _("Your preferences are saved."))
    return redirect("site:shortcuts")


@require_safe
@never_cache
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """Where the viewer is signed in."""
    current = request.session.session_key
    rows = [
        SessionRow(session=session, is_current=session.pk == current)
        for session in sessions_for_viewer(cast(User, request.user))
    ]
    rows.sort(key=lambda row: not row.is_current)
    return render(request, "site/sessions.html", {"rows": rows})


@require_POST
@login_required
def end(request: HttpRequest) -> HttpResponse:
    """Sign out in one of these sessions; if it is this one, as the button "Sign out" does."""
    if end_session(user=cast(User, request.user), public_id=request.POST.get("session", "")):
        messages.success(request, _("Signed out there."))
    return redirect("site:sessions")


@require_POST
@login_required
def end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere else."""
    count = end_other_sessions(user=cast(User, request.user), kept_key=request.session.session_key)
    text = ngettext("Signed out in %(count)s other session.", "Signed out in %(count)s other sessions.", count)
    messages.success(request, text % {"count": count})
    return redirect("site:sessions")


@require_safe
def mail_failed(request: HttpRequest) -> HttpResponse:
    """What somebody reads who needs a mail while none can be sent."""
    return render(request, "site/mail_failed.html", status=HTTPStatus.SERVICE_UNAVAILABLE)


# --- Leaving ----------------------------------------------------------------------------------------------------------


@require_safe
@never_cache
@login_required
def data(request: HttpRequest) -> HttpResponse:
    """Take one's data along, and delete the account."""
    return _data_page(request, DeletionForm(user=cast(User, request.user)))


def _data_page(request: HttpRequest, form: DeletionForm, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    closing = [
        (workspace, wallet_balance(workspace=workspace, book=settings.STUDIO_BOOK))
        for workspace in workspaces_of_one(cast(User, request.user))[:MAX_WORKSPACES_SHOWN]
    ]
    return render(request, "site/data.html", {"form": form, "closing": closing}, status=status)


@require_POST
@login_required
def export(request: HttpRequest) -> HttpResponseBase:
    """The viewer's data as a ZIP file; the password, or a stolen session would be enough to take it."""
    confirmed: Callable[..., HttpResponseBase] = reauthentication_required(_export)
    return confirmed(request)


def _export(request: HttpRequest) -> HttpResponseBase:
    user = cast(User, request.user)
    download = only_download(
        user=user,
        parts=exported_data(user),
        content_type="application/zip",
        filename=f"tchavi-studio-{timezone.localdate()}.zip",
    )
    if download is None:
        messages.error(request, _("Your data is already being downloaded. Wait until that ends, then try again."))
        return redirect("site:data")
    return download


@require_POST
@login_required
def delete(request: HttpRequest) -> HttpResponse:
    """Delete the account, once its address is typed and, a moment ago, the password."""
    form = DeletionForm(request.POST, user=cast(User, request.user))
    if not form.is_valid():
        return _data_page(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    confirmed: Callable[..., HttpResponse] = reauthentication_required(_delete)
    return confirmed(request, form)


def _delete(request: HttpRequest, form: DeletionForm) -> HttpResponse:
    try:
        delete_account(user=cast(User, request.user))
    except (OnlyOwnerError, OnlySiteAdminError) as refused:
        form.add_error(None, refused.message)
        return _data_page(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    logout(request)
    messages.success(request, _("Your account is deleted."))
    return redirect("account_login")
