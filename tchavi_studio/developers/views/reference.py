"""The API reference page."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tchavi_studio.developers.reference import reference_groups
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.addresses import public_origin
from tchavi_studio.workspaces.models import Permission


@require_safe
@workspace_view(can=Permission.CREATE)
def reference_page(request: WorkspaceRequest) -> HttpResponse:
    """Every API call, with examples to copy and try."""
    origin = public_origin(request)
    groups = reference_groups(origin=origin)
    context = {
        "groups": groups,
        "base_url": f"{origin}/v1",
        # Relative, because the content security policy only allows requests to the page's own origin.
        "try_base": "/v1",
        "languages": groups[0].operations[0].samples,
    }
    return render(request, "developers/reference.html", context)
