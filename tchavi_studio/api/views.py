"""The addresses of `/v1`. Rules, prices and lifecycle are the core's; here they are only put into HTTP and JSON."""

from contextlib import nullcontext
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import JsonResponse
from django.http.request import UnreadablePostError
from django.utils.translation import gettext as _

from tchavi_studio.assets.limits import MAX_BYTES
from tchavi_studio.assets.services import MediaRefusedError, store_upload
from tchavi_studio.generations.models import Engine, Generation
from tchavi_studio.generations.orders import Order, default_engine
from tchavi_studio.generations.params import GenerationParams, Problem, validate
from tchavi_studio.generations.prices import quote
from tchavi_studio.generations.services import (
    NotCancellableError,
    ReferencesUnreachableError,
    cancel_generation,
    start_generation,
)
from tchavi_studio.generations.upstream.references import Route, reference_route
from tchavi_studio.ledger.queries import statement, wallet_balance

from . import models_list
from .bodies import check_content_length, read_json_object
from .door import Call, answer
from .errors import ApiError, invalid_request, not_found, problem_record, unreadable_request
from .idempotency import HEADER as IDEMPOTENCY_HEADER
from .idempotency import Claim, StoredAnswer, claim_request
from .queries import DEFAULT_PAGE_LENGTH, MAX_OFFSET, MAX_PAGE_LENGTH, MAX_SEQUENCE, STATUSES, job_for_key, jobs_for_key
from .records import accepted_record, file_record, job_record, transfer_record
from .references import LIST_FIELDS, SINGLE_FIELDS, ReferenceFetch, room_to_fetch
from .waiting import asked_wait_seconds, wait_for_end

MULTIPART_OVERHEAD_BYTES = 64 * 1024
MAX_UPLOAD_BYTES = max(MAX_BYTES.values()) + MULTIPART_OVERHEAD_BYTES


# --- Generations ------------------------------------------------------------------------------------------------------


def create_generation(call: Call) -> JsonResponse:
    """`POST /v1/videos/generations`: accept a clip, charge for it, answer 202."""
    body = read_json_object(call.request)
    key = call.request.headers.get(IDEMPOTENCY_HEADER)
    if key is None:
        return _waited(call, *_accept(call, body, claim=None))
    claim = claim_request(caller=call.key, key=key, body=body)
    if isinstance(claim, StoredAnswer):
        replay = answer(claim.body, status=claim.status, credits_used=claim.body["tchavi"]["credits_used"])
        replay["Idempotent-Replayed"] = "true"
        return replay
    try:
        accepted = _accept(call, body, claim=claim)
    except BaseException:
        # Refused or broken, nothing was committed: the key is free for another try.
        claim.release()
        raise
    return _waited(call, *accepted)


def _accept(call: Call, body: dict[str, Any], *, claim: Claim | None) -> tuple[Generation, dict[str, Any]]:
    params, notes = _validated(call, body, claim=claim)
    # The answer to repeat is committed together with what it speaks of.
    with transaction.atomic():
        order = Order(
            workspace=call.key.workspace,
            creator=call.key.user,
            params=params,
            submission_id=claim.submission_id if claim else uuid4(),
            key_id=call.key.pk,
            is_test=call.key.is_test,
        )
        started = start_generation(order)
        record = accepted_record(started.generations[0], call.request, **notes)
        if claim:
            claim.finish(status=202, body=record)
    return started.generations[0], record


def _waited(call: Call, generation: Generation, record: dict[str, Any]) -> JsonResponse:
    """The 202, after the wait that `Prefer: wait=N` asks for."""
    seconds = asked_wait_seconds(call.request.headers.get("Prefer", ""))
    waited = wait_for_end(generation.pk, wait_seconds=seconds)
    if waited:
        generation.refresh_from_db()
        notes = {name: record[name] for name in ("warnings", "hints")}
        record = accepted_record(generation, call.request, **notes)
    response = answer(record, status=202, credits_used=generation.price_credits)
    if waited:
        response["Preference-Applied"] = f"wait={seconds}"
    return response


def quote_generation(call: Call) -> JsonResponse:
    """`POST /v1/videos/quote`: what the same body would cost, or why it is refused. Nothing is made or charged."""
    body = read_json_object(call.request)
    params, notes = _validated(call, body, claim=None)
    uses_files = any(body.get(field) for field in (*SINGLE_FIELDS, *LIST_FIELDS))
    if uses_files and not call.key.is_test and default_engine() == Engine.TCHAVI and reference_route() == Route.NONE:
        raise ReferencesUnreachableError
    price = quote(params)
    credits = 0 if call.key.is_test else price.total_credits
    balance = wallet_balance(workspace=call.key.workspace, book=settings.STUDIO_BOOK)
    return answer(
        {
            "credits": credits,
            "credits_per_second": 0 if call.key.is_test else price.per_second_credits,
            "billed_seconds": price.billed_seconds,
            "balance": balance,
            "is_affordable": credits <= balance,
            **notes,
        }
    )


def _validated(
    call: Call, body: dict[str, Any], *, claim: Claim | None
) -> tuple[GenerationParams, dict[str, list[dict[str, Any]]]]:
    """The request behind a body, and its `warnings` and `hints`. Raises the 400 with every problem at once."""
    fetch = ReferenceFetch(caller=call.key, request=call.request, before_each=claim.renew if claim else lambda: None)
    with room_to_fetch() if any(body.get(field) for field in (*SINGLE_FIELDS, *LIST_FIELDS)) else nullcontext():
        raw = fetch.resolved(body)
    validated = validate(raw)
    details = [
        *(problem_record(problem) for problem in validated.errors),
        *(problem_record(problem, index) for problem, index in fetch.problems),
    ]
    if details:
        raise invalid_request(details)
    assert validated.params is not None
    warnings = [
        Problem(
            field=name, code="unknown_field", message=_("There is no field %(name)s; it was ignored.") % {"name": name}
        )
        for name in validated.ignored_fields
    ]
    return validated.params, {
        "warnings": [problem_record(problem) for problem in warnings],
        "hints": [problem_record(problem) for problem in validated.hints],
    }


# --- Jobs -------------------------------------------------------------------------------------------------------------


def retrieve_job(call: Call, job_id: str) -> JsonResponse:
    """`GET /v1/jobs/{id}`."""
    generation = _job(call, job_id)
    seconds = asked_wait_seconds(call.request.headers.get("Prefer", ""))
    waited = generation.is_open and wait_for_end(generation.pk, wait_seconds=seconds)
    if waited:
        generation = _job(call, job_id)
    response = answer(job_record(generation, call.request))
    if waited:
        response["Preference-Applied"] = f"wait={seconds}"
    return response


def list_jobs(call: Call) -> JsonResponse:
    """`GET /v1/jobs?status=&limit=&offset=`: this key's jobs, newest first."""
    query = call.request.GET
    problems: list[Problem] = []
    status = query.get("status") or None
    if status is not None and status not in STATUSES:
        message = _("Choose one of: %(allowed)s.") % {"allowed": ", ".join(STATUSES)}
        problems.append(Problem(field="status", code="not_a_choice", message=message))
    limit = _whole_number(query.get("limit"), "limit", DEFAULT_PAGE_LENGTH, 1, MAX_PAGE_LENGTH, problems)
    offset = _whole_number(query.get("offset"), "offset", 0, 0, MAX_OFFSET, problems)
    if problems:
        raise invalid_request([problem_record(problem) for problem in problems])
    jobs = jobs_for_key(call.key, call.membership)
    if status is not None:
        jobs = jobs.filter(state__in=STATUSES[status])
    # One more than is shown tells whether there are more.
    page = list(jobs[offset : offset + limit + 1])
    return answer({"data": [job_record(job, call.request) for job in page[:limit]], "has_more": len(page) > limit})


def cancel_job(call: Call, job_id: str) -> JsonResponse:
    """`DELETE /v1/jobs/{id}`: take a job that still waits out of the queue, with a full refund; else 409."""
    generation = _job(call, job_id)
    try:
        cancel_generation(generation=generation)
    except NotCancellableError as error:
        current = _job(call, job_id)
        if current.state == "cancelled":
            return answer(job_record(current, call.request))
        if current.is_open:
            raise
        raise ApiError(409, "not_cancellable", _("This job has ended already. No credits moved.")) from error
    return answer(job_record(_job(call, job_id), call.request))


def _job(call: Call, job_id: str) -> Generation:
    generation = job_for_key(call.key, call.membership, job_id)
    if generation is None:
        raise not_found(_("This key has no such job. A key sees only the jobs that it started itself."))
    return generation


def _whole_number(text: str | None, field: str, default: int, least: int, most: int, problems: list[Problem]) -> int:
    if not text:
        return default
    if text.isascii() and text.isdecimal() and len(text) <= 9 and least <= int(text) <= most:
        return int(text)
    message = _("%(field)s must be a whole number from %(least)s to %(most)s.")
    figures = {"field": field, "least": least, "most": most}
    problems.append(Problem(field=field, code="out_of_range", message=message % figures))
    return default


# --- What else there is -----------------------------------------------------------------------------------------------


def upload_file(call: Call) -> JsonResponse:
    """`POST /v1/files`: take a file as a reference; its `url` goes wherever a request takes a URL."""
    if call.request.content_type != "multipart/form-data":
        message = _("Send the file as multipart/form-data, in a part named “file”. Nothing was stored.")
        raise ApiError(415, "unsupported_media_type", message)
    check_content_length(call.request, MAX_UPLOAD_BYTES)
    try:
        upload = call.request.FILES.get("file")
    except UnreadablePostError as error:
        raise unreadable_request(_("The body did not arrive whole.")) from error
    if not isinstance(upload, UploadedFile):
        raise unreadable_request(_("There is no file in the part named “file”. Nothing was stored."), param="file")
    try:
        asset = store_upload(workspace=call.key.workspace, user=call.key.user, upload=upload)
    except MediaRefusedError as refusal:
        problem = problem_record(Problem(field="file", code=refusal.code, message=refusal.message))
        raise ApiError(400, "invalid_request", refusal.message, param="file", details=[problem]) from refusal
    return answer(file_record(asset, call.request), status=201)


def read_credits(call: Call) -> JsonResponse:
    """`GET /v1/credits?limit=&before=`: the wallet's balance, and its statement, newest row first."""
    query = call.request.GET
    problems: list[Problem] = []
    limit = _whole_number(query.get("limit"), "limit", DEFAULT_PAGE_LENGTH, 1, MAX_PAGE_LENGTH, problems)
    before = _whole_number(query.get("before"), "before", MAX_SEQUENCE, 1, MAX_SEQUENCE, problems)
    if problems:
        raise invalid_request([problem_record(problem) for problem in problems])
    workspace, book = call.key.workspace, settings.STUDIO_BOOK
    rows = list(statement(workspace=workspace, book=book).filter(sequence__lt=before)[: limit + 1])
    return answer(
        {
            "balance": wallet_balance(workspace=workspace, book=book),
            "book": book,
            "is_test": call.key.is_test,
            "statement": [transfer_record(row) for row in rows[:limit]],
            "has_more": len(rows) > limit,
        }
    )


def list_models(call: Call) -> JsonResponse:
    """`GET /v1/models`: what there is to ask for, and what it costs."""
    return answer({"data": models_list.model_records()})
