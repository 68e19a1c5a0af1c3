"""The addresses of workspaces. One that was ever used stays its workspace's, so that links keep leading there."""

import secrets

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from tchavi_studio.refusals import UserFacingError

from .models import FormerSlug, Workspace

SLUG_LENGTH = 40
MAX_FORMER_SLUGS = 20


class SlugTakenError(UserFacingError):
    """Another workspace has this address, or had it before."""

    def __init__(self, slug: str) -> None:
        super().__init__(_("The address “%(slug)s” is taken. Nothing was changed. Choose another.") % {"slug": slug})


class TooManySlugsError(UserFacingError):
    """The workspace has had MAX_FORMER_SLUGS other addresses, which all still lead to it."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "This workspace has had %(count)s other addresses, and all of them still lead here, so it can't have "
                "another. Nothing was changed. You can go back to one of them."
            )
            % {"count": MAX_FORMER_SLUGS}
        )


def is_taken(slug: str, *, by_other_than: Workspace | None = None) -> bool:
    """Whether another workspace has this address or had it before."""
    current, former = Workspace.objects.filter(slug=slug), FormerSlug.objects.filter(slug=slug)
    if by_other_than is not None:
        current, former = current.exclude(pk=by_other_than.pk), former.exclude(workspace=by_other_than)
    # In this order: a rename that commits between the two questions makes a current one a former one.
    return current.exists() or former.exists()


def insert_workspace(*, name: str) -> Workspace:
    """Create a workspace whose address comes from its name, with a random suffix if that one is taken."""
    base = slugify(name)[:SLUG_LENGTH].strip("-") or "workspace"
    slug = base
    while True:
        if not is_taken(slug):
            try:
                with transaction.atomic():
                    return Workspace.objects.create(name=name[:80], slug=slug)
            except IntegrityError:
                # Somebody else took it a moment ago.
                pass
        slug = f"{base}-{secrets.token_hex(3)}"


def change_slug(*, workspace: Workspace, slug: str) -> None:
    """Give the workspace another address, in the caller's transaction, which has locked it. The old one leads to it.

    Raises SlugTakenError, TooManySlugsError.
    """
    if is_taken(slug, by_other_than=workspace):
        raise SlugTakenError(slug)
    former = workspace.former_slugs.exclude(slug=slug)
    if former.count() >= MAX_FORMER_SLUGS:
        raise TooManySlugsError
    workspace.former_slugs.filter(slug=slug).delete()
    FormerSlug.objects.create(slug=workspace.slug, workspace=workspace)
    try:
        with transaction.atomic():
            workspace.slug = slug
            workspace.save(update_fields=["slug"])
    except IntegrityError:
        raise SlugTakenError(slug) from None
