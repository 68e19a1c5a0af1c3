"""Writes of the composer: its drafts."""

from collections.abc import Mapping

from tchavi_studio.workspaces.models import User, Workspace

from .forms import GenerationForm, Values
from .models import Draft

NOT_KEPT = frozenset({"submission_id", "price_credits", "engine"})
"""What belongs to one page or one press, not to the draft: a new page is a new submission, at the price it shows."""

MAX_VALUES_PER_FIELD = 20
MAX_VALUE_LENGTH = 20_000
"""Bounds of what a draft keeps: room for any request that could be valid, and then some."""


def save_draft(*, workspace: Workspace, user: User, values: Values) -> None:
    """Keep the composer's fields as they are, right or wrong, in place of the person's earlier draft."""
    kept: Mapping[str, list[str]] = {
        name: [value.replace("\0", "")[:MAX_VALUE_LENGTH] for value in values.getlist(name)[:MAX_VALUES_PER_FIELD]]
        for name in GenerationForm.base_fields
        if name not in NOT_KEPT
    }
    Draft.objects.update_or_create(workspace=workspace, user=user, defaults={"values": kept})


def settle_draft(*, workspace: Workspace, user: User, values: Values) -> Values:
    """The draft after its clips were started: scene and settings stay for the next take.

    A seed that is not locked was for that one run, and what the next one grows from is open again.
    """
    settled = values.copy()
    if not settled.get("seed_locked"):
        settled["seed"] = ""
    settled.setlist("parent", [])
    save_draft(workspace=workspace, user=user, values=settled)
    return settled
