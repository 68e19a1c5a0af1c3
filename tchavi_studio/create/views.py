"""The Create page and the parts of it that come and go."""

from http import HTTPStatus
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from tchavi_studio.assets.limits import MAX_BYTES
from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.services import MediaRefusedError, StudioBusyError, store_frame
from tchavi_studio.gallery.answers import refused
from tchavi_studio.gallery.file_names import frame_file_name
from tchavi_studio.gallery.views import feed_context
from tchavi_studio.generations.approvals import (
    RequestEndedError,
    TooManyRequestsError,
    ask_for_approval,
    request_of_asker,
)
from tchavi_studio.generations.models import ApprovalRequest, Generation, Remix
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.queries import clip_for_viewer
from tchavi_studio.generations.services import (
    NoRoomForFreeClipsError,
    PriceChangedError,
    ReferencesUnreachableError,
    Started,
    TooManyFreeClipsError,
    WorkspaceArchivedError,
    start_generation,
)
from tchavi_studio.generations.visibility import files_visible_to
from tchavi_studio.ledger.services import InsufficientCreditsError, LimitKind, SpendingLimitError
from tchavi_studio.site.redirects import return_url
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission

from .arrangement import NoRoomError, move_file, place_file, remove_file, swap_frames
from .composer import Composer, Summary, nothing_done, out_of_reach
from .examples import EXAMPLES
from .forms import GenerationForm
from .media import SLOTS
from .queries import draft_for_viewer
from .services import Source, add_sources, order_of_form, save_draft, settle_draft, store_source, trim_chip
from .values import Values, values_of_clip, values_of_request, values_to_continue, with_fresh_submission

FORM_BYTES = 1024 * 1024
"""For the form's other fields, which are sent along with its files."""
MAX_FILE_BYTES = max(MAX_BYTES.values()) + FORM_BYTES
MAX_FILES_BYTES = 4 * max(MAX_BYTES.values()) + FORM_BYTES
"""Without scripts, a form sends all new files at once."""

# --- The page ---------------------------------------------------------------------------------------------------------


@require_GET
@never_cache
@workspace_view()
def page(request: WorkspaceRequest) -> HttpResponse:
    """The composer beside the latest clips. Never cached: going back must not bring back a submission already sent."""
    form = _form(request, with_fresh_submission(_opening_values(request)))
    # "file" says that one was just put into the draft: on a phone, the composer opens as for the others.
    is_unsaved = bool(request.GET.keys() & {"example", "remix", "request", "file"})
    return _page(request, Composer(form, membership=request.membership, is_unsaved=is_unsaved))


def _opening_values(request: WorkspaceRequest) -> Values:
    """An example, a remix, a parked order, or what the person left here. Nothing is saved until they touch it."""
    draft = draft_for_viewer(membership=request.membership)
    if "example" in request.GET:
        number = request.GET["example"]
        if number not in map(str, range(len(EXAMPLES))):
            raise Http404
        return EXAMPLES[int(number)].values
    if "request" in request.GET:
        try:
            parked = request_of_asker(membership=request.membership, request_id=UUID(request.GET["request"]))
        except (ValueError, ApprovalRequest.DoesNotExist):
            raise Http404 from None
        return values_of_request(parked)
    if "remix" in request.GET:
        clip = _clip(request, request.GET["remix"])
        keep = request.GET.get("keep", Remix.EVERYTHING)
        if clip is None or keep not in Remix.values:
            raise Http404
        if keep == Remix.PROMPT:
            draft["prompt"], draft["parent"], draft["remix"] = clip.prompt, str(clip.pk), keep
            return draft
        if keep == Remix.LAST_FRAME:
            frame = _asset(request, request.GET.get("frame", ""))
            return values_to_continue(clip, frame, viewer=request.user)
        return values_of_clip(clip, viewer=request.user, remix=Remix(keep))
    return draft


def _form(request: WorkspaceRequest, values: Values) -> GenerationForm:
    return GenerationForm(values, membership=request.membership)


def _page(request: WorkspaceRequest, composer: Composer, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    context = {
        # Viewers see the feed alone.
        "composer": composer if request.membership.can(Permission.CREATE) else None,
        "parent": _clip(request, composer.form.values.get("parent", "")),
        "remix": composer.form.chosen_remix,
        "examples": [
            (number, example) for number, example in enumerate(EXAMPLES) if example.model in composer.form.model_names
        ],
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
@workspace_view(can=Permission.CREATE, max_file_bytes=MAX_FILES_BYTES)
def submit(request: WorkspaceRequest) -> HttpResponseBase:
    """Start the clips. What can't be started comes back with everything in its place, and no credits moved."""
    values = request.POST.copy()
    refusals = add_sources(
        workspace=request.workspace, user=request.user, values=values, sources=_sent_sources(request)
    )
    form = _form(request, values)
    if not form.is_valid() or refusals:
        return _refuse(request, form, nothing_done(_("Fix the highlighted fields and try again.")), refusals)
    parent = None
    if form.cleaned_data["parent"]:
        parent = _clip(request, str(form.cleaned_data["parent"]))
        if parent is None:
            message = _("The clip that this is a remix of is gone. Remove the link to it and try again.")
            return _refuse(request, form, nothing_done(message))
    try:
        order = order_of_form(form=form, creator=request.user, parent=parent)
        started = start_generation(order)
    except ReferencesUnreachableError:
        return _refuse(request, form, nothing_done(_("See the note beside your files.")), [out_of_reach()])
    except PriceChangedError as error:
        title = ngettext(
            "The price is now %(credits)s credit", "The price is now %(credits)s credits", error.total_credits
        ) % {"credits": number_format(error.total_credits)}
        return _refuse(request, form, Summary(title=title, message=error.message))
    except InsufficientCreditsError as error:
        return _refuse(request, form, Summary(title=_("Not enough credits"), message=error.message))
    except SpendingLimitError as error:
        if error.kind == LimitKind.BUDGET and "ask" in request.POST:
            return _ask(request, form, order)
        ask_credits = error.needed_credits if error.kind == LimitKind.BUDGET else None
        summary = Summary(title=_("Monthly limit reached"), message=error.message, ask_credits=ask_credits)
        return _refuse(request, form, summary)
    except WorkspaceArchivedError as error:
        return _refuse(request, form, Summary(title=_("Nothing was started"), message=error.message))
    except (TooManyFreeClipsError, NoRoomForFreeClipsError) as error:
        return _refuse(request, form, Summary(title=_("No free clip was started"), message=error.message))
    settled = settle_draft(workspace=request.workspace, user=request.user, values=values)
    return _started(request, started, settled)


def _ask(request: WorkspaceRequest, form: GenerationForm, order: Order) -> HttpResponseBase:
    """Park what exceeds the budget, as the pressed button says. The composer goes on with the next clip."""
    try:
        ask_for_approval(order)
    except (TooManyRequestsError, RequestEndedError) as error:
        return _refuse(request, form, Summary(title=_("Nobody was asked"), message=error.message))
    settled = settle_draft(workspace=request.workspace, user=request.user, values=form.values)
    if not request.htmx:
        return redirect("create:page", request.workspace.slug)
    summary = Summary(
        title=_("Waiting for approval"),
        message=_("Owners and admins have been asked. No credits moved. The clip starts once one of them approves it."),
        is_error=False,
    )
    composer = Composer(_form(request, with_fresh_submission(settled)), membership=request.membership, summary=summary)
    context = {"composer": composer, "is_update": True, **feed_context(request)}
    return render(request, "create/_asked.html", context)


def _started(request: WorkspaceRequest, started: Started, settled: Values) -> HttpResponseBase:
    if not request.htmx:
        return redirect("create:page", request.workspace.slug)
    summary = None
    if started.is_replay:
        summary = Summary(
            title=_("Already started"),
            message=_("This was already sent and isn't charged again. Press Generate once more for another take.")
            if any(clip.was_charged for clip in started.generations)
            else _("This was already sent. Press again for another take."),
            is_error=False,
        )
    composer = Composer(_form(request, with_fresh_submission(settled)), membership=request.membership, summary=summary)
    context = {"composer": composer, "started": started, "is_update": True, **feed_context(request)}
    return render(request, "create/_started.html", context)


def _refuse(
    request: WorkspaceRequest, form: GenerationForm, summary: Summary, refusals: list[str] | None = None
) -> HttpResponse:
    save_draft(workspace=request.workspace, user=request.user, values=form.values)
    composer = Composer(
        form, membership=request.membership, errors_shown=True, summary=summary, refusals=refusals or []
    )
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if request.htmx:
        return render(request, "create/_refused.html", {"composer": composer, "is_update": True}, status=status)
    return _page(request, composer, status)


# --- While somebody writes --------------------------------------------------------------------------------------------


@require_POST
@workspace_view(can=Permission.CREATE)
def quote(request: WorkspaceRequest) -> HttpResponse:
    """The price, the balance after it and the notes, for the composer as it is now; which is saved as the draft."""
    save_draft(workspace=request.workspace, user=request.user, values=request.POST)
    composer = Composer(_form(request, request.POST), membership=request.membership)
    return render(request, "create/_parts.html", {"composer": composer, "is_update": True})


# --- Files ------------------------------------------------------------------------------------------------------------


@require_POST
@workspace_view(can=Permission.CREATE, max_file_bytes=MAX_FILES_BYTES)
def arrange(request: WorkspaceRequest) -> HttpResponseBase:
    """One change to the files in the composer, or just the files and the URL sent along.

    A plain button gets the page again; a script gets what may have changed.
    """
    values = request.POST.copy()
    refusals = add_sources(
        workspace=request.workspace, user=request.user, values=values, sources=_sent_sources(request)
    )
    announcement = ""
    try:
        announcement = _rearrange(request, values)
    except (MediaRefusedError, NoRoomError) as error:
        refusals.append(error.message)
    save_draft(workspace=request.workspace, user=request.user, values=values)
    if request.htmx:
        return _arranged(request, values, announcement, refusals)
    if not refusals:
        return redirect("create:page", request.workspace.slug)
    composer = Composer(_form(request, with_fresh_submission(values)), membership=request.membership, refusals=refusals)
    return _page(request, composer, HTTPStatus.UNPROCESSABLE_ENTITY)


def _rearrange(request: WorkspaceRequest, values: Values) -> str:
    """Do to `values` what the pressed button asks for; return what to announce. Raises what the changes raise."""
    sent = request.POST
    if "add" in sent:
        return place_file(values, _asset(request, sent["add"]), key=sent.get("to", ""))
    if "trim" in sent:
        return place_file(values, _trim(request, values), key=sent["trim"])
    if "remove" in sent:
        return remove_file(values, sent["remove"])
    if "move" in sent:
        key, _colon, places = sent["move"].rpartition(":")
        try:
            return move_file(values, key, by=int(places))
        except ValueError:
            raise Http404 from None
    if "swap" in sent:
        return swap_frames(values)
    if "detach" in sent:
        values["parent"] = values["remix"] = ""
    return ""


def _arranged(request: WorkspaceRequest, values: Values, announcement: str, refusals: list[str]) -> JsonResponse:
    form = _form(request, values)
    chips = {
        field: render_to_string("create/_chips.html", {"chips": chips}, request) for field, chips in form.chips.items()
    }
    return JsonResponse(
        {
            "chips": chips,
            "mode": values.get("mode", ""),
            "prompt": form.raw["prompt"],
            "announcement": announcement,
            "refusals": refusals,
        }
    )


@require_POST
@workspace_view(can=Permission.CREATE, max_file_bytes=MAX_FILE_BYTES)
def upload(request: WorkspaceRequest) -> HttpResponseBase:
    """Store one file, as the form would send it; answer its id, for `arrange` to put it in its slot, or why not.

    Apart from `arrange` because it takes long: meanwhile the composer goes on changing. The page of references sends
    its files here too; its plain form gets that page again.
    """
    source = next(iter(_sent_sources(request)), Source())
    if "next" in request.POST:
        return _keep(request, source)
    try:
        asset = store_source(workspace=request.workspace, user=request.user, source=source)
    except MediaRefusedError as error:
        return _refused_file(error)
    return JsonResponse({"asset": str(asset.pk)})


def _keep(request: WorkspaceRequest, source: Source) -> HttpResponse:
    try:
        asset = store_source(workspace=request.workspace, user=request.user, source=source)
    except MediaRefusedError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("%(name)s is uploaded.") % {"name": asset})
    return redirect(return_url(request, default=reverse("references:references", args=[request.workspace.slug])))


@require_POST
@workspace_view(can=Permission.CREATE)
def use(request: WorkspaceRequest) -> HttpResponse:
    """Put a file of the workspace into the viewer's draft, where the composer would put it, and open the composer."""
    values = draft_for_viewer(membership=request.membership)
    try:
        announcement = place_file(values, _asset(request, request.POST.get("add", "")))
    except NoRoomError as error:
        messages.error(request, error.message)
    else:
        save_draft(workspace=request.workspace, user=request.user, values=values)
        messages.success(request, announcement)
    return redirect(f"{reverse('create:page', args=[request.workspace.slug])}?file")


@require_POST
@workspace_view(can=Permission.CREATE)
def continue_clip(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Open the composer for the clip that goes on where another one ends: its last frame becomes the first frame."""
    clip = _clip(request, str(generation_id))
    if clip is None or clip.output is None:
        raise Http404
    name = frame_file_name(clip, clip.output, at_seconds=None)
    try:
        frame = store_frame(asset=clip.output, user=request.user, at_seconds=None, name=name)
    except MediaRefusedError as error:
        return refused(request, error.message)
    query = urlencode({"remix": clip.pk, "keep": Remix.LAST_FRAME, "frame": frame.pk})
    return redirect(f"{reverse('create:page', args=[request.workspace.slug])}?{query}")


@require_POST
@workspace_view(can=Permission.CREATE)
def trim(request: WorkspaceRequest) -> JsonResponse:
    """Cut the part that fits out of a video or audio that is too long; answer as `upload` does."""
    try:
        asset = _trim(request, request.POST)
    except MediaRefusedError as error:
        return _refused_file(error)
    return JsonResponse({"asset": str(asset.pk)})


def _refused_file(error: MediaRefusedError) -> JsonResponse:
    if isinstance(error, StudioBusyError):
        return JsonResponse(
            {"refusal": error.message, "may_retry": True},
            status=HTTPStatus.TOO_MANY_REQUESTS,
            headers={"Retry-After": str(error.retry_after_seconds)},
        )
    return JsonResponse({"refusal": error.message}, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _sent_sources(request: WorkspaceRequest) -> list[Source]:
    """The files and the URL in the form's inputs, whose names say where each is meant to go."""
    sources = [
        Source(file=file, key=key)
        for key in ("files", *SLOTS)
        for file in request.FILES.getlist(f"new-{key}")
        if isinstance(file, UploadedFile)
    ]
    if url := request.POST.get("new-url", "").strip():
        sources.append(Source(url=url))
    return sources


def _asset(request: WorkspaceRequest, asset_id: str) -> Asset:
    try:
        return get_object_or_404(files_visible_to(request.membership), pk=UUID(asset_id))
    except ValueError:
        raise Http404 from None


def _trim(request: WorkspaceRequest, values: Values) -> Asset:
    """Trim the file that the pressed button names, from where its slider stands. 404 if there is none to trim."""
    chips = [chip for chips in _form(request, values).chips.values() for chip in chips if chip.trim_seconds is not None]
    chip = next((chip for chip in chips if chip.key == request.POST.get("trim")), None)
    if chip is None:
        raise Http404
    try:
        start_seconds = float(request.POST.get(f"trim_start-{chip.asset.pk}", "0"))
    except ValueError:
        raise Http404 from None
    return trim_chip(chip=chip, user=request.user, start_seconds=start_seconds)
