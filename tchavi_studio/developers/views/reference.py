"""The reference of the API."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tchavi_studio.api.addresses import public_origin
from tchavi_studio.developers.reference import reference_groups
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission


@require_safe
@workspace_view(can=Permission.CREATE)
def reference_page(request: WorkspaceRequest) -> HttpResponse:
    """Every call of the API, with examples to copy and to try."""
    origin = public_origin(request)
    groups = reference_groups(origin=origin)
    context = {
        "groups": groups,
        "base_url": f"{origin}/v1",
        # What a page tries goes to where the page came from: the browser lets it talk to nobody else.
        "try_base": "/v1",
        "languages": groups[0].operations[0].samples,
    }
    return render(request, "developers/reference.html", context)
