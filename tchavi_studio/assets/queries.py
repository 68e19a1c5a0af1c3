"""Reads on stored files."""

from django.db.models import QuerySet, Sum

from tchavi_studio.workspaces.models import Workspace

from .models import Asset, Origin
from .signing import SignedMedia, read_token


def assets_for_workspace(*, workspace: Workspace) -> QuerySet[Asset]:
    """All files of a workspace, newest first: references and finished clips."""
    return Asset.objects.filter(workspace=workspace).order_by("-created_at", "-id")


def references_for_workspace(*, workspace: Workspace) -> QuerySet[Asset]:
    """What people uploaded, linked or trimmed, newest first, without finished clips."""
    return assets_for_workspace(workspace=workspace).exclude(origin=Origin.OUTPUT)


def asset_by_signed_token(token: str) -> tuple[Asset, SignedMedia] | None:
    """The asset that `token` opens, with the token's contents, or None if it opens nothing (any more)."""
    signed = read_token(token)
    asset = Asset.objects.filter(pk=signed.asset_id).first() if signed else None
    return (asset, signed) if asset and signed else None


def stored_bytes(*, workspace: Workspace) -> int:
    """How many bytes a workspace's files take, not counting thumbnails and posters."""
    return Asset.objects.filter(workspace=workspace).aggregate(total=Sum("byte_count"))["total"] or 0
