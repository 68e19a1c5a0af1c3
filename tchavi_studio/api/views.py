"""The request handlers of `/v1`. They only translate to HTTP and JSON; rules and prices are in the apps below."""

from typing import Any, TypedDict
from uuid import uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http.request import UnreadablePostError
from django.utils.translation import gettext as _

from tchavi_studio.assets.limits import MAX_BYTES
from tchavi_studio.assets.services import MediaRefusedError, StudioBusyError, store_upload
from tchavi_studio.client.records import (
    AcceptedJobRecord,
    CreditsRecord,
    FileRecord,
    JobListRecord,
    JobRecord,
    JobStatus,
    ModelListRecord,
    NoteRecord,
    QuoteRecord,
)
from tchavi_studio.engines.tchavi import VIA_HEADER
from tchavi_studio.generations.models import Engine, Generation, State
from tchavi_studio.generations.orders import Order, default_engine
from tchavi_studio.generations.params import GenerationParams, Problem
from tchavi_studio.generations.prices import price_list, quote
from tchavi_studio.generations.records import STATUSES
from tchavi_studio.generations.services import (
    NotCancellableError,
    ReferencesUnreachableError,
    cancel_generation,
    start_generation,
)
from tchavi_studio.generations.upstream.references import Route, reference_route
from tchavi_studio.generations.validation import validate
from tchavi_studio.generations.via import checked_via
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.statements import entries_for_viewer, wallet_of

from .bodies import check_content_length, read_json_object
from .dispatcher import Answer, Call
from .errors import ApiError, invalid_request, not_found, unreadable_request
from .idempotency import HEADER as IDEMPOTENCY_HEADER
from .idempotency import Claim, StoredAnswer, claim_request
from .queries import job_for_key, job_page
from .records import accepted_record, file_record, job_record, model_records, note_record, transfer_record
from .references import ReferenceFetch, names_references
from .waiting import requested_wait_seconds, wait_for_end

MULTIPART_OVERHEAD_BYTES = 64 * 1024
MAX_UPLOAD_BYTES = max(MAX_BYTES.values()) + MULTIPART_OVERHEAD_BYTES


# --- Generations ------------------------------------------------------------------------------------------------------


def create_generation(call: Call) -> Answer[AcceptedJobRecord]:
    """`POST /v1/videos/generations`: accept a clip, charge for it, answer 202."""
    body = read_json_object(call.request)
    via = checked_via(call.request.headers.get(VIA_HEADER, ""))
    key = call.request.headers.get(IDEMPOTENCY_HEADER)
    if key is None:
        return _accept(call, body, via, claim=None)
    claim = claim_request(caller=call.key, key=key, body=body)
    if isinstance(claim, StoredAnswer):
        record: AcceptedJobRecord = claim.body
        return Answer(
            record=record,
            credits_used=record["tchavi"]["credits_used"],
            headers={"Idempotent-Replayed": "true"},
        )
    try:
        return _accept(call, body, via, claim=claim)
    except BaseException:
        # If nothing was committed, the key can be used again.
        claim.release()
        raise


def _accept(call: Call, body: dict[str, Any], via: str, *, claim: Claim | None) -> Answer[AcceptedJobRecord]:
    """Start the clip, and answer after any wait requested by `Prefer: wait=N`."""
    params, notes = _validated(call, body, claim=claim)
    order = Order(
        workspace=call.key.workspace,
        creator=call.key.user,
        params=params,
        submission_id=claim.submission_id if claim else uuid4(),
        key_id=call.key.pk,
        via=via,
        is_test=call.key.is_test,
    )

    records: list[AcceptedJobRecord] = []

    def answer(generations: list[Generation]) -> None:
        """Make the answer, and store it in the transaction of the job it describes."""
        records.append(accepted_record(generations[0], call.request, **notes))
        if claim:
            claim.finish(status=202, body=records[-1])

    started = start_generation(order, before_commit=answer)
    if started.is_replay:
        answer(started.generations)
    [generation] = started.generations
    seconds = requested_wait_seconds(call.request.headers.get("Prefer", ""))
    waited = wait_for_end(generation.pk, wait_seconds=seconds)
    if waited:
        generation.refresh_from_db()
        records.append(accepted_record(generation, call.request, **notes))
    return Answer(
        record=records[-1],
        credits_used=generation.price_credits,
        credits_remaining=None if waited else started.balance_credits,
        headers=_preference_applied(waited, seconds),
    )


def _preference_applied(waited: bool, seconds: int) -> dict[str, str]:
    return {"Preference-Applied": f"wait={seconds}"} if waited else {}


def quote_generation(call: Call) -> Answer[QuoteRecord]:
    """`POST /v1/videos/quote`: what the same body would cost, or why it is invalid. Creates and charges nothing."""
    body = read_json_object(call.request)
    params, notes = _validated(call, body, claim=None)
    goes_to_provider = not call.key.is_test and default_engine() == Engine.TCHAVI
    if names_references(body) and goes_to_provider and reference_route() == Route.NONE:
        raise ReferencesUnreachableError
    price = quote(params)
    credits = 0 if call.key.is_test else price.total_credits
    balance = wallet_balance(workspace=call.key.workspace, book=settings.STUDIO_BOOK)
    return Answer(
        record=QuoteRecord(
            credits=credits,
            credits_per_second=0 if call.key.is_test else price.per_second_credits,
            billed_seconds=price.billed_seconds,
            balance=balance,
            is_affordable=credits <= balance,
            **notes,
        )
    )


class _Notes(TypedDict):
    """Notes on a valid request."""

    warnings: list[NoteRecord]
    hints: list[NoteRecord]


def _validated(call: Call, body: dict[str, Any], *, claim: Claim | None) -> tuple[GenerationParams, _Notes]:
    """The validated request, with its `warnings` and `hints`. Raises the 400 that lists every problem."""
    fetch = ReferenceFetch(caller=call.key, request=call.request, before_each=claim.renew if claim else lambda: None)
    validated = validate(fetch.resolved(body), allowed_models=call.membership.workspace.allowed_models)
    details = [
        *(note_record(problem) for problem in validated.errors),
        *(note_record(problem, index) for problem, index in fetch.problems),
    ]
    if details:
        raise invalid_request(details)
    assert validated.params is not None
    warnings = [
        Problem(field=name, code="unknown_field", message=_("Unknown field %(name)s: it was ignored.") % {"name": name})
        for name in validated.ignored_fields
    ]
    return validated.params, {
        "warnings": [note_record(problem) for problem in warnings],
        "hints": [note_record(problem) for problem in validated.hints],
    }


# --- Jobs -------------------------------------------------------------------------------------------------------------


def list_jobs(
    call: Call, *, status: JobStatus | None, limit: int, offset: int, after: str | None
) -> Answer[JobListRecord]:
    """`GET /v1/jobs`: this key's jobs, newest first."""
    jobs, has_more = job_page(
        call.key,
        call.membership,
        states=STATUSES[status] if status is not None else set(State),
        length=limit,
        offset=offset,
        after=None if after is None else _job(call, after),
    )
    data = [job_record(job, call.request) for job in jobs]
    return Answer(record=JobListRecord(data=data, has_more=has_more))


def retrieve_job(call: Call, id: str) -> Answer[JobRecord]:
    """`GET /v1/jobs/{id}`."""
    generation = _job(call, id)
    seconds = requested_wait_seconds(call.request.headers.get("Prefer", ""))
    waited = generation.is_open and wait_for_end(generation.pk, wait_seconds=seconds)
    if waited:
        generation = _job(call, id)
    return Answer(record=job_record(generation, call.request), headers=_preference_applied(waited, seconds))


def cancel_job(call: Call, id: str) -> Answer[JobRecord]:
    """`DELETE /v1/jobs/{id}`: take a job that is still waiting out of the queue, with a full refund; else 409."""
    try:
        cancel_generation(generation=_job(call, id))
    except NotCancellableError as error:
        if not error.has_ended:
            raise
        if _job(call, id).state != State.CANCELLED:
            raise ApiError(409, "not_cancellable", _("This job has already ended. No credits moved.")) from error
    return Answer(record=job_record(_job(call, id), call.request))


def _job(call: Call, job_id: str) -> Generation:
    generation = job_for_key(call.key, call.membership, job_id)
    if generation is None:
        raise not_found(_("This key has no such job. A key only sees jobs that it started."))
    return generation


# --- Everything else --------------------------------------------------------------------------------------------------


def upload_file(call: Call) -> Answer[FileRecord]:
    """`POST /v1/files`: store a file as a reference. Its `url` can be used wherever a request takes a URL."""
    if call.request.content_type != "multipart/form-data":
        message = _("Send the file as multipart/form-data, in a part named “file”. Nothing was stored.")
        raise ApiError(415, "unsupported_media_type", message)
    check_content_length(call.request, MAX_UPLOAD_BYTES)
    try:
        upload = call.request.FILES.get("file")
    except UnreadablePostError as error:
        raise unreadable_request(_("The body arrived incomplete.")) from error
    if not isinstance(upload, UploadedFile):
        raise unreadable_request(_("The part named “file” is missing or empty. Nothing was stored."), param="file")
    try:
        asset = store_upload(workspace=call.key.workspace, user=call.key.user, upload=upload)
    except StudioBusyError:
        raise
    except MediaRefusedError as refusal:
        problem = note_record(Problem(field="file", code=refusal.code, message=refusal.message))
        raise ApiError(400, "invalid_request", refusal.message, param="file", details=[problem]) from refusal
    return Answer(record=file_record(asset, call.request))


def read_credits(call: Call, *, limit: int, before: int | None) -> Answer[CreditsRecord]:
    """`GET /v1/credits`: the wallet's balance, and the rows of its statement that the key's person may see."""
    book = settings.STUDIO_BOOK
    wallet = wallet_of(workspace=call.key.workspace, book=book)
    rows = entries_for_viewer(call.membership, wallet).select_related("transfer")
    if before is not None:
        rows = rows.filter(row_number__lt=before)
    page = list(rows[: limit + 1])
    return Answer(
        record=CreditsRecord(
            balance=wallet.balance_credits if wallet else 0,
            book=book,
            is_test=call.key.is_test,
            statement=[transfer_record(row) for row in page[:limit]],
            has_more=len(page) > limit,
        )
    )


def list_models(call: Call) -> Answer[ModelListRecord]:
    """`GET /v1/models`: the models, their parameters and prices."""
    allowed_models = call.membership.workspace.allowed_models
    return Answer(record=ModelListRecord(data=model_records(price_list(), allowed_models=allowed_models)))
