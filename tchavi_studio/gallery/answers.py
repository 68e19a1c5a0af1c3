"""How actions answer: in place for htmx, otherwise on the page they were sent from."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from tchavi_studio.site.redirects import return_url
from tchavi_studio.workspaces.access import WorkspaceRequest


def refused(request: WorkspaceRequest, text: str) -> HttpResponse:
    """Say why nothing was done."""
    if request.htmx:
        context = {"text": text, "level": "error"}
        return render(request, "gallery/_told.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.error(request, text)
    return redirect_back(request)


def told(request: WorkspaceRequest, text: str) -> HttpResponse:
    """Say what was done, where the page shows it already."""
    if request.htmx:
        return render(request, "gallery/_told.html", {"text": text, "level": "success"})
    messages.success(request, text)
    return redirect_back(request)


def redirect_back(request: WorkspaceRequest) -> HttpResponse:
    """Back to the page that the form was sent from."""
    return redirect(return_url(request, default=gallery_url(request)))


def gallery_url(request: WorkspaceRequest) -> str:
    """Where forms lead that don't say where they were sent from."""
    return reverse("gallery:gallery", args=[request.workspace.slug])
