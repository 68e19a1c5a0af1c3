"""Writes of the composer: drafts, files on their way in, and the clips that a form asks for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import UploadedFile

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.services import MediaRefusedError, store_upload, store_url, trim_asset
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.orders import Order, is_free
from tchavi_studio.generations.services import PriceChangedError
from tchavi_studio.workspaces.models import User, Workspace

from .arrangement import NoRoomError, place_file
from .forms import GenerationForm
from .media import Chip
from .models import Draft
from .values import Values

NOT_KEPT = frozenset({"submission_id", "price_credits", "engine"})
"""What belongs to one page or one press, not to the draft: a new page is a new submission, at the price it shows."""

MAX_VALUES_PER_FIELD = 20
MAX_VALUE_LENGTH = 20_000
"""Bounds of what a draft keeps: room for any request that could be valid, and then some."""

# --- Drafts -----------------------------------------------------------------------------------------------------------


def save_draft(*, workspace: Workspace, user: User, values: Values) -> None:
    """Keep the composer's fields as they are, right or wrong, in place of the person's earlier draft."""
    kept = {
        name: [value.replace("\0", "")[:MAX_VALUE_LENGTH] for value in values.getlist(name)[:MAX_VALUES_PER_FIELD]]
        for name in GenerationForm.base_fields
        if name not in NOT_KEPT
    }
    Draft.objects.update_or_create(workspace=workspace, user=user, defaults={"values": kept})


def settle_draft(*, workspace: Workspace, user: User, values: Values) -> Values:
    """The draft after its clips were started: scene and settings stay for the next take.

    A seed that isn't locked was for that one run, and the next clip is no remix unless somebody says so.
    """
    settled = values.copy()
    if not settled.get("seed_locked"):
        settled["seed"] = ""
    settled.setlist("parent", [])
    settled.setlist("remix", [])
    save_draft(workspace=workspace, user=user, values=settled)
    return settled


def delete_drafts_of_person(*, user: User, **signal: Any) -> None:
    """Handle the signal `account_deleted`."""
    Draft.objects.filter(user=user).delete()


# --- Files ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file on its way into the composer: sent, or at a URL. `key` is where it is meant to go, if anywhere."""

    file: "UploadedFile[bytes] | None" = None
    url: str = ""
    key: str = ""


def store_source(*, workspace: Workspace, user: User, source: Source) -> Asset:
    """Take a file into the workspace. Raises MediaRefusedError, whose message names the file if it has a name."""
    if source.file is None:
        return store_url(workspace=workspace, user=user, url=source.url)
    return store_upload(workspace=workspace, user=user, upload=source.file)


def add_sources(*, workspace: Workspace, user: User, values: Values, sources: Iterable[Source]) -> list[str]:
    """Store files and put each into its slot in `values`; return why some were refused."""
    refusals = []
    for source in sources:
        try:
            asset = store_source(workspace=workspace, user=user, source=source)
            place_file(values, asset, key=source.key)
        except (MediaRefusedError, NoRoomError) as error:
            refusals.append(f"{source.file.name}: {error.message}" if source.file else error.message)
    return refusals


def trim_chip(*, chip: Chip, user: User, start_seconds: float) -> Asset:
    """Cut what fits out of a file that is too long, from `start_seconds` or as near as it can be.

    Raises MediaRefusedError, and ValueError for a chip that needs no trim.
    """
    if chip.trim_seconds is None:
        raise ValueError(f"{chip.key} needs no trim.")
    return trim_asset(
        asset=chip.asset,
        user=user,
        start_seconds=min(max(start_seconds, 0.0), chip.last_start_seconds),
        duration_seconds=chip.trim_seconds,
    )


# --- Clips ------------------------------------------------------------------------------------------------------------


def order_of_form(*, form: GenerationForm, creator: User, parent: Generation | None) -> Order:
    """The clips that a valid form asks for, at the price it shows.

    Raises PriceChangedError where the form shows no price. A free preview's price needs no confirming.
    """
    assert form.params is not None, "the form must be valid"
    seen_credits = 0 if is_free(form.chosen_engine) else form.cleaned_data["price_credits"]
    if seen_credits is None:
        raise PriceChangedError(form.total_credits or 0)
    return Order(
        workspace=form.workspace,
        creator=creator,
        params=form.params,
        submission_id=form.cleaned_data["submission_id"],
        variations=form.cleaned_data["variations"],
        expected_total_credits=seen_credits,
        parent=parent,
        remix=form.chosen_remix,
        engine=form.chosen_engine,
        visibility=form.chosen_visibility,
    )
