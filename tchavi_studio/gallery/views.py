"""Pages of clips, the clip's own page, and what can be done with a clip."""

from typing import Any

from tchavi_studio.workspaces.access import WorkspaceRequest

from .queries import Feed, feed_for_viewer


def feed_context(request: WorkspaceRequest) -> dict[str, Any]:
    """What `gallery/_feed.html` and `gallery/_started.html` ask for: the viewer's clips, filtered by `?show=`."""
    feed: Feed = feed_for_viewer(workspace=request.workspace, viewer=request.user, show=request.GET.get("show", "all"))
    return {"feed": feed}
