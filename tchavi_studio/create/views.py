"""The Create page and the parts of it that come and go."""

from http import HTTPStatus
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.services import MediaRefusedError, store_upload, store_url, trim_asset
from tchavi_studio.gallery.views import feed_context
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.orders import Order, is_free
from tchavi_studio.generations.queries import clip_for_viewer
from tchavi_studio.generations.services import (
    PriceChangedError,
    ReferencesUnreachableError,
    Started,
    start_generation,
)
from tchavi_studio.ledger.services import InsufficientCreditsError, SpendingLimitError
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission

from .composer import EXAMPLES, Composer, Summary, nothing_done, out_of_reach
from .forms import GenerationForm, Values, fresh_submission_id, values_of_clip
from .queries import draft_for_viewer
from .references import SLOTS, Chip, Slot, move_reference, remove_reference, slot_for, swap_frames
from .services import save_draft, settle_draft

# --- The page ---------------------------------------------------------------------------------------------------------


@require_GET
@never_cache
@workspace_view()
def page(request: WorkspaceRequest) -> HttpResponse:
    """The composer beside the latest clips. Never cached: going back must not bring back a submission already sent."""
    values = _opening_values(request)
    composer = Composer(
        _new_form(request, values),
        membership=request.membership,
        is_unsaved=bool(request.GET.keys() & {"example", "remix"}),
    )
    return _page(request, composer)


def _opening_values(request: WorkspaceRequest) -> Values:
    """An example, a remix, or what the person left here. Only looked at, not kept, until they touch it."""
    draft = draft_for_viewer(workspace=request.workspace, viewer=request.user)
    if "example" in request.GET:
        number = request.GET["example"]
        if number not in map(str, range(len(EXAMPLES))):
            raise Http404
        return EXAMPLES[int(number)].values
    if "remix" in request.GET:
        clip = _clip(request, request.GET["remix"])
        keep = request.GET.get("keep", "everything")
        if clip is None or keep not in ("everything", "no-seed", "prompt"):
            raise Http404
        if keep == "prompt":
            draft["prompt"] = clip.prompt
            draft["parent"] = str(clip.pk)
            return draft
        return values_of_clip(clip, with_seed=keep == "everything")
    return draft


def _new_form(request: WorkspaceRequest, values: Values) -> GenerationForm:
    """The form of one more submission: with an id of its own, so that it can be told from the last one."""
    values = values.copy()
    values["submission_id"] = fresh_submission_id()
    return GenerationForm(values, workspace=request.workspace)


def _page(request: WorkspaceRequest, composer: Composer, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    context = {
        # Whoever may only look sees the feed alone.
        "composer": composer if request.membership.can(Permission.CREATE) else None,
        "parent": _clip(request, composer.form.values.get("parent", "")),
        "examples": EXAMPLES,
        **feed_context(request),
    }
    return render(request, "create/page.html", context, status=status)


def _clip(request: WorkspaceRequest, generation_id: str) -> Generation | None:
    try:
        return clip_for_viewer(membership=request.membership, generation_id=UUID(generation_id))
    except (ValueError, Generation.DoesNotExist):
        return None


# --- Generate ---------------------------------------------------------------------------------------------------------


@require_POST
@workspace_view(can=Permission.CREATE)
def submit(request: WorkspaceRequest) -> HttpResponseBase:
    """Start the clips. What can't be started comes back with everything in its place, and no credits moved."""
    values, refusals = _sent_values(request)
    form = GenerationForm(values, workspace=request.workspace)
    is_preview = is_free(form.engine_in_force)
    if refusals or not form.is_valid() or form.params is None:
        again = (
            _("Look at what is marked, then press Preview again.")
            if is_preview
            else _("Look at what is marked, then press Generate again.")
        )
        return _refuse(request, form, nothing_done(again), refusals)
    parent = None
    if form.cleaned_data["parent"]:
        parent = _clip(request, str(form.cleaned_data["parent"]))
        if parent is None:
            message = _(
                "The clip that this is a remix of is gone. Take away the link to it, then press Generate again."
            )
            return _refuse(request, form, nothing_done(message))
    # A preview's price needs no confirming.
    seen_credits = 0 if is_preview else form.cleaned_data["price_credits"]
    try:
        if seen_credits is None:
            raise PriceChangedError(form.total_credits or 0)
        order = Order(
            workspace=request.workspace,
            creator=request.user,
            params=form.params,
            submission_id=form.cleaned_data["submission_id"],
            variations=form.cleaned_data["variations"],
            expected_total_credits=seen_credits,
            parent=parent,
            engine=form.engine_in_force,
        )
        started = start_generation(order)
    except ReferencesUnreachableError:
        return _refuse(request, form, nothing_done(_("Look at what is marked beside your files.")), [out_of_reach()])
    except PriceChangedError as error:
        summary = Summary(title=_("Look at the price once more"), message=error.message)
        return _refuse(request, form, summary)
    except InsufficientCreditsError as error:
        summary = Summary(title=_("Not enough credits"), message=error.message)
        return _refuse(request, form, summary)
    except SpendingLimitError as error:
        summary = Summary(title=_("Monthly limit reached"), message=str(error))
        return _refuse(request, form, summary)
    settled = settle_draft(workspace=request.workspace, user=request.user, values=values)
    return _started(request, started, settled)


def _started(request: WorkspaceRequest, started: Started, settled: Values) -> HttpResponseBase:
    if not request.htmx:
        return redirect("create:page", request.workspace.slug)
    summary = None
    if started.is_replay:
        summary = Summary(
            title=_("Already started"),
            message=_("This was sent before and is not charged again. Press Generate once more for another take.")
            if any(clip.was_charged for clip in started.generations)
            else _("This was sent before and is here already. Press again for another take."),
            is_error=False,
        )
    composer = Composer(_new_form(request, settled), membership=request.membership, summary=summary)
    context = {"composer": composer, "started": started, "is_update": True, **feed_context(request)}
    return render(request, "create/_started.html", context)


def _refuse(
    request: WorkspaceRequest, form: GenerationForm, summary: Summary, refusals: list[str] | None = None
) -> HttpResponse:
    save_draft(workspace=request.workspace, user=request.user, values=form.values)
    composer = Composer(
        form,
        membership=request.membership,
        errors_shown=True,
        summary=summary,
        refusals=refusals or [],
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if request.htmx:
        return render(request, "create/_refused.html", {"composer": composer, "is_update": True}, status=status)
    return _page(request, composer, status)


# --- While somebody writes --------------------------------------------------------------------------------------------


@require_POST
@workspace_view(can=Permission.CREATE)
def quote(request: WorkspaceRequest) -> HttpResponse:
    """The price, the balance after it and the notes, for the composer as it is now; which is kept as the draft."""
    form = GenerationForm(request.POST, workspace=request.workspace)
    save_draft(workspace=request.workspace, user=request.user, values=request.POST)
    composer = Composer(form, membership=request.membership)
    return render(request, "create/_parts.html", {"composer": composer, "is_update": True})


@require_POST
@workspace_view(can=Permission.CREATE)
def upload(request: WorkspaceRequest) -> HttpResponse:
    """Store one file (`file`) or what an address (`url`) leads to; answer its chip, or why it was refused."""
    wanted_field = request.POST.get("field", "")
    file, url = request.FILES.get("file"), request.POST.get("url", "").strip()
    try:
        if isinstance(file, UploadedFile):
            asset = store_upload(workspace=request.workspace, user=request.user, upload=file)
        else:
            asset = store_url(workspace=request.workspace, user=request.user, url=url)
    except MediaRefusedError as error:
        return _refused_part(request, error)
    slot = slot_for(asset.kind, wanted_field)
    return _chip_part(request, slot, asset)


@require_POST
@workspace_view(can=Permission.CREATE)
def trim(request: WorkspaceRequest) -> HttpResponse:
    """Cut the part that fits out of a too long video or audio; answer the chip of the cut."""
    form = GenerationForm(request.POST, workspace=request.workspace)
    try:
        chip, asset = _trim(request, form)
    except MediaRefusedError as error:
        return _refused_part(request, error)
    return _chip_part(request, chip.slot, asset)


def _chip_part(request: WorkspaceRequest, slot: Slot, asset: Asset) -> HttpResponse:
    """One chip, as it would stand behind those the composer has already; the page numbers it anew."""
    values = request.POST.copy()
    values.appendlist(slot.field, str(asset.pk))
    chips = GenerationForm(values, workspace=request.workspace).chips(slot.field)
    return render(request, "create/_chip.html", {"chip": next(chip for chip in reversed(chips) if chip.asset == asset)})


def _refused_part(request: WorkspaceRequest, error: MediaRefusedError) -> HttpResponse:
    context = {"message": error.message}
    return render(request, "create/_refusal.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _trim(request: WorkspaceRequest, form: GenerationForm) -> tuple[Chip, Asset]:
    """Trim the asset that the pressed button names, from the start its slider shows. 404 for what is not there."""
    field, _colon, asset_id = request.POST.get("trim", "").partition(":")
    chips = form.chips(field) if field in SLOTS else []
    chip = next((chip for chip in chips if str(chip.asset.pk) == asset_id), None)
    if chip is None or chip.trim_seconds is None:
        raise Http404
    try:
        start_seconds = float(request.POST.get(f"trim_start-{asset_id}", "0"))
    except ValueError:
        raise Http404 from None
    asset = trim_asset(
        asset=chip.asset,
        user=request.user,
        start_seconds=min(max(start_seconds, 0.0), chip.last_start_seconds),
        duration_seconds=chip.trim_seconds,
    )
    return chip, asset


# --- Without JavaScript -----------------------------------------------------------------------------------------------


@require_POST
@workspace_view(can=Permission.CREATE)
def arrange(request: WorkspaceRequest) -> HttpResponse:
    """One change of the composer by a plain button: add files, remove, move, swap, trim, or just tell the price."""
    values, refusals = _sent_values(request)
    for action in ("remove", "earlier", "later"):
        field, _colon, asset_id = request.POST.get(action, "").partition(":")
        if field in SLOTS:
            if action == "remove":
                remove_reference(values, field, asset_id)
            else:
                move_reference(values, field, asset_id, by=-1 if action == "earlier" else 1)
    if "swap" in request.POST:
        swap_frames(values)
    if "detach" in request.POST:
        values["parent"] = ""
    if "trim" in request.POST:
        try:
            chip, asset = _trim(request, GenerationForm(values, workspace=request.workspace))
        except MediaRefusedError as error:
            refusals.append(error.message)
        else:
            _replace(values, chip, asset)
    save_draft(workspace=request.workspace, user=request.user, values=values)
    if not refusals:
        return redirect("create:page", request.workspace.slug)
    form = _new_form(request, values)
    composer = Composer(form, membership=request.membership, refusals=refusals)
    return _page(request, composer, HTTPStatus.UNPROCESSABLE_ENTITY)


def _sent_values(request: WorkspaceRequest) -> tuple[Values, list[str]]:
    """The form's fields, with its file inputs and pasted address stored and put where they belong; and refusals.

    With JavaScript files are up before the form is sent, and this finds none.
    """
    values: Values = request.POST.copy()
    refusals: list[str] = []
    sent = [(name, file) for name in ("files", *SLOTS) for file in request.FILES.getlist(f"new-{name}")]
    for name, file in sent:
        try:
            asset = store_upload(workspace=request.workspace, user=request.user, upload=file)
        except MediaRefusedError as error:
            refusals.append(f"{file.name}: {error.message}")
        else:
            _put(values, slot_for(asset.kind, name), asset)
    if url := values.get("new-url", "").strip():
        try:
            asset = store_url(workspace=request.workspace, user=request.user, url=url)
        except MediaRefusedError as error:
            refusals.append(error.message)
        else:
            _put(values, slot_for(asset.kind, ""), asset)
    return values, refusals


def _put(values: Values, slot: Slot, asset: Asset) -> None:
    there = values.getlist(slot.field) if slot.is_list else []
    if str(asset.pk) not in there:
        values.setlist(slot.field, [*there, str(asset.pk)])


def _replace(values: Values, chip: Chip, asset: Asset) -> None:
    ids = values.getlist(chip.slot.field)
    values.setlist(chip.slot.field, [str(asset.pk) if text == str(chip.asset.pk) else text for text in ids])
