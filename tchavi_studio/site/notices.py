"""The viewer's notices, which of them they want, and the link in mails that turns a kind off."""

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tchavi_studio.notices.mails import read_unsubscribe_token
from tchavi_studio.notices.models import Notice, NoticeKind
from tchavi_studio.notices.queries import news_for, notice_for_viewer, notice_page, preferences_for_viewer, unseen_count
from tchavi_studio.notices.services import mark_seen, set_preference, stop_mails
from tchavi_studio.notices.texts import NoticeText, text_of
from tchavi_studio.workspaces.models import User
from tchavi_studio.workspaces.sessions import SessionStore

from .bell import bell_of
from .targets import path_of

SERVICE_WORKER = Path(settings.BASE_DIR) / "static" / "js" / "service-worker.js"

ICONS: dict[str, str] = {
    NoticeKind.CLIP_DONE: "clapperboard",
    NoticeKind.CLIP_FAILED: "circle-alert",
    NoticeKind.APPROVAL_ASKED: "hand",
    NoticeKind.APPROVAL_ANSWERED: "circle-check",
    NoticeKind.INVITATION: "user-plus",
    NoticeKind.BUDGET_80: "gauge",
    NoticeKind.BUDGET_100: "gauge",
    NoticeKind.LOW_BALANCE: "coins",
    NoticeKind.LEDGER_FINDINGS: "shield-alert",
}
"""Lucide names."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A notice as the page shows it."""

    notice: Notice
    text: NoticeText

    @property
    def icon(self) -> str:
        return ICONS[self.notice.kind]


class NoticesPage(forms.Form):
    """The query string of the list of notices: the id of the one to go on from."""

    before = forms.IntegerField(min_value=1, max_value=2**62, required=False)


@require_safe
@never_cache
@login_required
def notices(request: HttpRequest) -> HttpResponse:
    """The viewer's notices, newest first, older than the one with the id `before`."""
    user, page = cast(User, request.user), NoticesPage(request.GET)
    if not page.is_valid():
        raise BadRequest("There is no such page.")
    before = page.cleaned_data["before"]
    found, older = notice_page(user=user, before=before)
    rows = [Row(notice=notice, text=text_of(notice)) for notice in found]
    context = {"rows": rows, "older": older, "before": before, "unseen_count": unseen_count(user)}
    return render(request, "site/notices.html", context)


@require_safe
@never_cache
@login_required
def notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Lead on to what a notice is about, in the page or from a mail, if the viewer may still see it."""
    user = cast(User, request.user)
    try:
        found = notice_for_viewer(user=user, notice_id=notice_id)
    except (Notice.DoesNotExist, OverflowError):
        raise Http404 from None
    mark_seen(user=user, notice_id=found.pk)
    path = path_of(found)
    if path is None:
        messages.error(request, _("What this notice is about is gone, or you may no longer see it."))
        return redirect("site:notices")
    return redirect(path)


class NewsQuery(forms.Form):
    """What a page's bell shows: the latest notice that it knows, and how many are unseen."""

    after = forms.IntegerField(min_value=0, max_value=2**62)
    count = forms.CharField(max_length=10, required=False)


@require_safe
@never_cache
def news(request: HttpRequest) -> HttpResponse:
    """What an open page's bell has to show now, and what is new to it; 204 if nothing is. No use of the session."""
    user, asked = request.user, NewsQuery(request.GET)
    if not asked.is_valid():
        raise BadRequest("There is no such page.")
    if not isinstance(user, User):
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    session = request.session
    assert isinstance(session, SessionStore)
    # Whoever only has a page open isn't here: their clips shall tell them by a notice.
    session.counts_as_use = False
    after, now = asked.cleaned_data["after"], bell_of(user)
    if (now.latest, now.count) == (after, asked.cleaned_data["count"]):
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    found = [(each, text_of(each)) for each in news_for(user=user, after=after)]
    return JsonResponse(
        {
            "bell": render_to_string("site/_bell.html", request=request),
            "latest": now.latest,
            "news": [
                {"id": each.pk, "title": text.title, "text": text.text, "url": reverse("site:notice", args=[each.pk])}
                for each, text in found
            ],
        }
    )


@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script that shows browser notifications, at an address that lets it lead to any page."""
    return HttpResponse(SERVICE_WORKER.read_bytes(), content_type="text/javascript; charset=utf-8")


@require_POST
@login_required
def see_all(request: HttpRequest) -> HttpResponse:
    """Mark all of the viewer's notices as read."""
    mark_seen(user=cast(User, request.user))
    return redirect("site:notices")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def preferences(request: HttpRequest) -> HttpResponse:
    """Which notices the viewer wants, and where."""
    user = cast(User, request.user)
    if request.method != "POST":
        context = {"preferences": preferences_for_viewer(user), "sends_mail": settings.SENDS_MAIL}
        return render(request, "site/notice_preferences.html", context)
    in_page, mail = set(request.POST.getlist("in_page")), set(request.POST.getlist("mail"))
    for preference in preferences_for_viewer(user):
        # A page without mail doesn't ask.
        wants_mail = preference.kind in mail if settings.SENDS_MAIL else preference.mail
        set_preference(user=user, kind=NoticeKind(preference.kind), in_page=preference.kind in in_page, mail=wants_mail)
    messages.success(request, _("Your preferences are saved."))
    return redirect("site:notice_preferences")


@csrf_exempt  # mail programs send this form for people, and the token only turns mails off
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Turn one kind of mail off, signed in or not: asks on GET, since mail programs look at links."""
    try:
        user_id, kind = read_unsubscribe_token(token)
    except ValueError:
        raise Http404 from None
    is_done = request.method == "POST"
    if is_done:
        stop_mails(user_id=user_id, kind=kind)
    return render(request, "site/unsubscribe.html", {"kind": kind.label, "is_done": is_done})
