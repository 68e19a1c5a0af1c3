"""The searches that people keep under a name."""

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from tchavi_studio.gallery.answers import redirect_back, refused
from tchavi_studio.generations.library.models import NamedSearch
from tchavi_studio.generations.library.named_searches import (
    delete_search,
    named_searches,
    rename_search,
    save_search,
)
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view

from .address import read_browse


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@workspace_view()
def search_list(request: WorkspaceRequest) -> HttpResponse:
    """The viewer's searches, to open, rename and delete; for htmx, those to open from the page with this `query`."""
    context = {"searches": named_searches(request.membership), "query": request.GET.get("query", "")}
    return render(request, "gallery/_search_items.html" if request.htmx else "gallery/searches.html", context)


@require_POST
@workspace_view()
def save(request: WorkspaceRequest) -> HttpResponse:
    """Keep the search of a gallery page."""
    browse = read_browse(QueryDict(request.POST.get("query", "")), user_id=request.user.pk)
    name = request.POST.get("name", "")
    try:
        saved = save_search(membership=request.membership, name=name, query=browse.query)
    except UserFacingError as error:
        return refused(request, error.message)
    messages.success(request, _("Saved as %(name)s. It is in the menu Searches.") % {"name": saved.name})
    return redirect_back(request)


@require_POST
@workspace_view()
def rename(request: WorkspaceRequest, search_id: int) -> HttpResponse:
    """Give a search another name."""
    return _change(request, partial(rename_search, search_id=search_id, name=request.POST.get("name", "")))


@require_POST
@workspace_view()
def delete(request: WorkspaceRequest, search_id: int) -> HttpResponse:
    """Forget a search."""
    return _change(request, partial(delete_search, search_id=search_id))


def _change(request: WorkspaceRequest, act: Callable[..., None]) -> HttpResponse:
    try:
        act(membership=request.membership)
    except NamedSearch.DoesNotExist:
        raise Http404 from None
    except UserFacingError as error:
        messages.error(request, error.message)
    return redirect("gallery:searches", request.workspace.slug)
