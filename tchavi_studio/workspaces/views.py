"""The way in."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from .models import User
from .queries import home_workspace


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """`/`: on to the remembered workspace's Create page."""
    assert isinstance(request.user, User)
    workspace = home_workspace(request.user)
    if workspace is None:
        raise Http404
    return redirect("create:page", workspace.slug)
