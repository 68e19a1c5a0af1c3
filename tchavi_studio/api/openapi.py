"""The OpenAPI 3.1 description of `/v1`, made from the core's own tables, so that it cannot disagree with them."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _

from tchavi_studio.assets.models import Kind
from tchavi_studio.engines.base import AUTO_DURATION_SECONDS
from tchavi_studio.engines.formats import ASPECT_RATIOS, RESOLUTIONS
from tchavi_studio.generations.models import Engine
from tchavi_studio.generations.params import (
    DEFAULTS,
    MAX_DURATION_SECONDS,
    MAX_REFERENCE_AUDIOS,
    MAX_REFERENCE_IMAGES,
    MAX_REFERENCE_VIDEO_SECONDS,
    MAX_REFERENCE_VIDEOS,
    MIN_DURATION_SECONDS,
    MODELS,
    PROMPT_MAX_LENGTH,
    SEED_MAX,
)
from tchavi_studio.generations.prices import AUDIO_SURCHARGE
from tchavi_studio.ledger.models import Book
from tchavi_studio.ledger.models import Kind as TransferKind

from .addresses import public_origin
from .examples import JOB_ID, REQUEST, answer_examples
from .idempotency import HEADER as IDEMPOTENCY_HEADER
from .queries import DEFAULT_PAGE_LENGTH, MAX_OFFSET, MAX_PAGE_LENGTH, MAX_SEQUENCE, STATUSES
from .samples import samples
from .waiting import MAX_WAIT_SECONDS

Schema = dict[str, Any]


def serve(request: HttpRequest) -> JsonResponse:
    """`GET /v1/openapi.json`: for anybody, so that tools can read it."""
    return JsonResponse(document(origin=public_origin(request)))


def document(*, origin: str) -> Schema:
    """The whole description, in the active language. `origin` is the studio's own address."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tchavi Studio",
            "version": "1",
            "description": _(
                "Video clips from prompts and references. A program written for Tchavi's API works here with another "
                "base URL and key."
            ),
        },
        "servers": [{"url": f"{origin}/v1"}, {"url": f"{origin}/api/v1"}],
        "security": [{"key": []}],
        "tags": [
            {"name": "videos", "description": _("Ask for clips")},
            {"name": "jobs", "description": _("Follow what was asked for")},
            {"name": "files", "description": _("Bring references")},
            {"name": "account", "description": _("Credits and models")},
        ],
        "paths": _paths(origin),
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": _("A key from the Developers page.")}
            },
            "schemas": _schemas(),
            "headers": _headers(),
            "responses": _error_responses(),
        },
    }


# --- Addresses --------------------------------------------------------------------------------------------------------


def _paths(origin: str) -> Schema:
    paths: Schema = {
        "/videos/generations": {"post": _create_generation()},
        "/videos/quote": {"post": _quote()},
        "/jobs": {"get": _list_jobs()},
        "/jobs/{id}": {"get": _retrieve_job(), "delete": _cancel_job()},
        "/files": {"post": _upload_file()},
        "/credits": {"get": _credits()},
        "/models": {"get": _models()},
    }
    for operations in paths.values():
        for operation in operations.values():
            operation["x-codeSamples"] = samples(operation["operationId"], f"{origin}/v1")
    return paths


def _create_generation() -> Schema:
    return {
        "operationId": "createGeneration",
        "tags": ["videos"],
        "summary": _("Generate a clip"),
        "description": _(
            "Checks the whole request, charges its price and queues the job. Nothing is charged for a request that is "
            "refused, and a job that fails is refunded in full, by itself."
        ),
        "parameters": [_idempotency_key(), _prefer()],
        "requestBody": _json_body("GenerationRequest"),
        "responses": {
            "202": {
                **_json_answer(_("Accepted and charged."), "AcceptedJob", replayed=True),
                "links": _links_to_job(),
            },
            **_errors(400, 401, 402, 403, 409, 413, 415, 422, 429, 500),
        },
    }


def _quote() -> Schema:
    return {
        "operationId": "quoteGeneration",
        "tags": ["videos"],
        "summary": _("Ask for the price"),
        "description": _(
            "Takes the same body, makes nothing and costs nothing: the answer is the price and what to know, or every "
            "problem at once."
        ),
        "requestBody": _json_body("GenerationRequest"),
        "responses": {
            "200": _json_answer(_("The request is in order."), "Quote"),
            **_errors(400, 401, 403, 413, 415, 429, 500),
        },
    }


def _list_jobs() -> Schema:
    return {
        "operationId": "listJobs",
        "tags": ["jobs"],
        "summary": _("List jobs"),
        "description": _("The jobs that this key started, newest first."),
        "parameters": [
            _query("status", {"type": "string", "enum": list(STATUSES)}, _("Only jobs of this status.")),
            _query("limit", {**_whole(1, MAX_PAGE_LENGTH), "default": DEFAULT_PAGE_LENGTH}, _("How many jobs.")),
            _query("offset", {**_whole(0, MAX_OFFSET), "default": 0}, _("How many to skip.")),
        ],
        "responses": {"200": _json_answer(_("One page of jobs."), "JobList"), **_errors(400, 401, 429, 500)},
    }


def _retrieve_job() -> Schema:
    return {
        "operationId": "retrieveJob",
        "tags": ["jobs"],
        "summary": _("Look at a job"),
        "description": _("Each answer of a completed job has a fresh address of the clip, which works without a key."),
        "parameters": [_job_id(), _prefer()],
        "responses": {"200": _json_answer(_("The job."), "Job"), **_errors(401, 404, 429, 500)},
    }


def _cancel_job() -> Schema:
    return {
        "operationId": "cancelJob",
        "tags": ["jobs"],
        "summary": _("Cancel a job"),
        "description": _(
            "Possible while the job still waits; it is refunded in full. Once work on it began it can't be stopped, "
            "and the answer is 409."
        ),
        "parameters": [_job_id()],
        "responses": {
            "200": _json_answer(_("The job, cancelled and refunded."), "Job"),
            **_errors(401, 403, 404, 409, 429, 500),
        },
    }


def _upload_file() -> Schema:
    return {
        "operationId": "uploadFile",
        "tags": ["files"],
        "summary": _("Upload a reference"),
        "description": _(
            "Photos (JPEG, PNG, WebP, BMP, TIFF, GIF, HEIC), videos (MP4, MOV) and audio (WAV, MP3). The url in the "
            "answer goes wherever a request takes a URL."
        ),
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
                    }
                }
            },
        },
        "responses": {
            "201": _json_answer(_("Stored."), "File"),
            **_errors(400, 401, 403, 413, 415, 429, 500),
        },
    }


def _credits() -> Schema:
    return {
        "operationId": "readCredits",
        "tags": ["account"],
        "summary": _("Read the balance and the statement"),
        "parameters": [
            _query("limit", {**_whole(1, MAX_PAGE_LENGTH), "default": DEFAULT_PAGE_LENGTH}, _("How many rows.")),
            _query("before", _whole(1, MAX_SEQUENCE), _("Only rows before this sequence, to read on.")),
        ],
        "responses": {
            "200": _json_answer(_("What the workspace's wallet holds, and how it came to that."), "Credits"),
            **_errors(400, 401, 429, 500),
        },
    }


def _models() -> Schema:
    return {
        "operationId": "listModels",
        "tags": ["account"],
        "summary": _("List models"),
        "description": _("What each model takes, what it costs, and where it is at home."),
        "responses": {"200": _json_answer(_("All models."), "ModelList"), **_errors(401, 429, 500)},
    }


# --- Parts of operations ----------------------------------------------------------------------------------------------


def _json_body(schema: str) -> Schema:
    return {"required": True, "content": {"application/json": {"schema": _ref(schema)}}}


def _json_answer(description: str, schema: str, *, replayed: bool = False) -> Schema:
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _headers()}
    if not replayed:
        del headers["Idempotent-Replayed"]
    content = {"application/json": {"schema": _ref(schema), "example": answer_examples()[schema]}}
    return {"description": description, "headers": headers, "content": content}


def _links_to_job() -> Schema:
    """What can be done next with the job of an answer."""
    parameters = {"id": "$response.body#/id"}
    return {name: {"operationId": name, "parameters": parameters} for name in ("retrieveJob", "cancelJob")}


def _errors(*statuses: int) -> Schema:
    return {str(status): {"$ref": f"#/components/responses/Error{status}"} for status in statuses}


def _ref(schema: str) -> Schema:
    return {"$ref": f"#/components/schemas/{schema}"}


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _job_id() -> Schema:
    schema = {"type": "string", "pattern": "^job_[0-9a-f]{32}$", "examples": [JOB_ID]}
    return {"name": "id", "in": "path", "required": True, "schema": schema, "description": _("The job's id.")}


def _idempotency_key() -> Schema:
    return {
        "name": IDEMPOTENCY_HEADER,
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "description": _(
            "Makes it safe to send a request again: for 24 hours the same key with the same body gets the first "
            "answer again, and is not billed a second time."
        ),
    }


def _prefer() -> Schema:
    return {
        "name": "Prefer",
        "in": "header",
        "schema": {"type": "string", "examples": ["wait=30"]},
        "description": _(
            "“wait=N” holds the answer back until the job has ended, for at most N seconds (no more than %(most)s), "
            "if the server has room for it; then Preference-Applied says so."
        )
        % {"most": MAX_WAIT_SECONDS},
    }


# --- Schemas ----------------------------------------------------------------------------------------------------------


def _schemas() -> Schema:
    return {
        "GenerationRequest": _generation_request(),
        "Job": _object(_job_properties(), optional=("output", "error")),
        "AcceptedJob": _object(
            {
                **_job_properties(),
                "job": _object(
                    {"id": _string(_("The job's id again.")), "status": _status()},
                    description=_("The same id and status once more, for programs that look here."),
                ),
                "warnings": _list(_ref("Note"), _("Fields that are not known and were ignored.")),
                "hints": _list(_ref("Note"), _("What the model may do differently from what was asked.")),
            },
            optional=("output", "error"),
        ),
        "JobList": _object(
            {"data": _list(_ref("Job"), ""), "has_more": _boolean(_("Whether there are jobs after these."))}
        ),
        "Quote": _quote_schema(),
        "File": _file(),
        "Credits": _object(
            {
                "balance": _integer(_("Credits in the wallet."), minimum=0),
                "book": {"type": "string", "enum": Book.values, "description": _("Play credits, or real ones.")},
                "is_test": _boolean(_("Whether the key is a test key, which spends nothing.")),
                "statement": _list(_ref("Transfer"), _("The wallet's rows, newest first.")),
                "has_more": _boolean(_("Whether there are rows before these.")),
            }
        ),
        "Transfer": _object(
            {
                "sequence": _integer(_("The row's number in this workspace's ledger."), minimum=1),
                "kind": {"type": "string", "enum": TransferKind.values},
                "amount": _integer(_("What it did to the wallet: negative for a charge.")),
                "balance_after": _integer(_("Credits in the wallet afterwards."), minimum=0),
                "job_id": {"type": ["string", "null"], "description": _("The job charged or refunded.")},
                "reason": _string(""),
                "created_at": _moment(""),
            }
        ),
        "ModelList": _object({"data": _list(_ref("Model"), "")}),
        "Model": _object(
            {
                "id": {"type": "string", "enum": list(MODELS)},
                "name": _string(_("Its name for people.")),
                "parameters": {"type": "object", "description": _("Limits and defaults, by parameter.")},
                "pricing": _object(
                    {
                        "unit": {"type": "string", "const": "credits_per_second"},
                        **{name: _integer("", minimum=0) for name in RESOLUTIONS},
                        AUDIO_SURCHARGE: _integer(_("More per second with sound."), minimum=0),
                    }
                ),
                "hints": _list({"type": "string"}, _("Where the model is at home.")),
            }
        ),
        "Note": _object(
            {
                "param": _string(_("The field.")),
                "index": _integer(_("The place in the field's list, from 0."), minimum=0),
                "code": _string(_("Stable, for programs.")),
                "message": _string(_("For people.")),
            },
            optional=("index",),
        ),
        "Error": _error(),
    }


def _generation_request() -> Schema:
    url = {"type": "string", "format": "uri"}
    properties: Schema = {
        "model": {
            "type": "string",
            "enum": list(MODELS),
            "description": "; ".join(f"{key}: {name}" for key, name in MODELS.items()),
        },
        "prompt": {
            "type": "string",
            "minLength": 1,
            "maxLength": PROMPT_MAX_LENGTH,
            "description": _("The scene and its motion. References are named [Image1], [Video1], [Audio1]."),
        },
        "duration": {
            "type": "integer",
            "default": DEFAULTS["duration"],
            "minimum": AUTO_DURATION_SECONDS,
            "maximum": MAX_DURATION_SECONDS,
            "not": {"const": 0},
            "description": _("Whole seconds, %(least)s to %(most)s; −1 lets the model choose and is billed as 10 s.")
            % {"least": MIN_DURATION_SECONDS, "most": MAX_DURATION_SECONDS},
        },
        "resolution": {"type": "string", "enum": list(RESOLUTIONS), "default": DEFAULTS["resolution"]},
        "aspect_ratio": {
            "type": "string",
            "enum": list(ASPECT_RATIOS),
            "default": DEFAULTS["aspect_ratio"],
            "description": _("“adaptive” follows the first picture."),
        },
        "generate_audio": {
            "type": "boolean",
            "default": DEFAULTS["generate_audio"],
            "description": _("Dialogue, effects and music."),
        },
        "seed": _integer(
            _("The same seed makes a similar clip again; drawn if left out."), minimum=0, maximum=SEED_MAX
        ),
        "image_url": {**url, "description": _("First frame. Not together with reference_images.")},
        "last_frame_image_url": {**url, "description": _("Last frame. Needs image_url.")},
        "reference_images": _urls(MAX_REFERENCE_IMAGES, _("Named in the prompt as [Image1], [Image2], …")),
        "reference_videos": _urls(
            MAX_REFERENCE_VIDEOS, _("Together at most %(most)s s.") % {"most": MAX_REFERENCE_VIDEO_SECONDS}
        ),
        "reference_audios": _urls(MAX_REFERENCE_AUDIOS, _("Need image_url or reference_images.")),
    }
    required = ["model", "prompt"]
    return {
        "type": "object",
        "required": required,
        "properties": {name: schema if name in required else _or_null(schema) for name, schema in properties.items()},
        "examples": [REQUEST],
    }


def _job_properties() -> Schema:
    return {
        "id": _string(_("Names the job."), examples=[JOB_ID]),
        "status": _status(),
        "model": {"type": "string", "enum": list(MODELS)},
        "created_at": _moment(_("When it was accepted.")),
        "output": _object(
            {
                "video_url": {"type": "string", "format": "uri", "description": _("The MP4, for anybody, for a day.")},
                "duration": {"type": "number", "description": _("Seconds.")},
                "resolution": {"type": "string", "enum": list(RESOLUTIONS)},
                "file_size_mb": {"type": "number", "description": _("Millions of bytes.")},
                "url_expires_at": _moment(_("Until when video_url works. Ask again for a fresh one.")),
            },
            description=_("There once the job is completed."),
        ),
        "error": _object(
            {"code": _string(_("Stable, for programs.")), "message": _string(_("The whole reason, for people."))},
            description=_("There once the job has failed."),
        ),
        "tchavi": _object(
            {
                "credits_used": _integer(_("What was charged."), minimum=0),
                "credits_refunded": _integer(_("What came back; there once the job has failed."), minimum=0),
            },
            optional=("credits_refunded",),
        ),
        "studio": _object(
            {
                "engine": {"type": "string", "enum": Engine.values, "description": _("What makes the clip.")},
                "seed": _integer(_("The seed asked for or drawn."), minimum=0, maximum=SEED_MAX),
                "is_test": _boolean(_("Whether a test key asked for it.")),
            },
            description=_("What only Studio tells."),
        ),
    }


def _quote_schema() -> Schema:
    return _object(
        {
            "credits": _integer(_("What the request would cost with this key; 0 with a test key."), minimum=0),
            "credits_per_second": _integer("", minimum=0),
            "billed_seconds": _integer(_("The seconds that are paid for."), minimum=1),
            "balance": _integer(_("Credits in the wallet."), minimum=0),
            "is_affordable": _boolean(_("Whether the wallet holds enough now.")),
            "warnings": _list(_ref("Note"), _("Fields that are not known and would be ignored.")),
            "hints": _list(_ref("Note"), _("What the model may do differently from what was asked.")),
        }
    )


def _file() -> Schema:
    nullable = {"type": ["integer", "null"], "minimum": 1}
    return _object(
        {
            "id": _string(_("Names the file.")),
            "url": {"type": "string", "format": "uri", "description": _("Usable as any reference, for a day.")},
            "url_expires_at": _moment(_("Until when url works. Uploading the same file again gives a fresh one.")),
            "kind": {"type": "string", "enum": Kind.values},
            "content_type": _string(_("As it is kept: photos may be converted.")),
            "byte_count": _integer(_("As it is kept."), minimum=1),
            "width": {**nullable, "description": _("Pixels; null for audio.")},
            "height": {**nullable, "description": _("Pixels; null for audio.")},
            "duration": {"type": ["number", "null"], "description": _("Seconds; null for photos.")},
            "needs_trim": _boolean(_("Longer than the models take: it must be trimmed in the studio first.")),
        }
    )


def _error() -> Schema:
    return _object(
        {
            "error": _object(
                {
                    "code": _string(_("Stable, for programs.")),
                    "message": _string(_("What happened, whether credits moved, and what to do next.")),
                    "status": _integer(_("The HTTP status again."), minimum=400, maximum=599),
                    "param": _string(_("The first field that is wrong.")),
                    "details": _list(_ref("Note"), _("Every problem of the request.")),
                },
                optional=("param", "details"),
            )
        }
    )


def _error_responses() -> Schema:
    descriptions = {
        400: _("invalid_request: all problems are listed in details. Or references_unreachable: see the message."),
        401: _("invalid_api_key: missing, unknown, revoked or expired."),
        402: _("insufficient_credits, or spending_limit_reached: nothing was created."),
        403: _("insufficient_scope: this key may only read."),
        404: _("not_found: nothing here for this key."),
        409: _("idempotency_in_progress, or not_cancellable."),
        413: _("payload_too_large."),
        415: _("unsupported_media_type."),
        422: _("idempotency_key_reused: the key was used with another body."),
        429: _("rate_limit_exceeded (per address) or user_rate_limit_exceeded (per key): wait Retry-After seconds."),
        500: _("internal_error."),
    }
    responses: Schema = {}
    for status, description in descriptions.items():
        headers: Schema = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
        if status == 429:
            headers["Retry-After"] = {"schema": {"type": "integer"}, "description": _("Seconds to wait.")}
        content = {"application/json": {"schema": _ref("Error")}}
        responses[f"Error{status}"] = {"description": description, "headers": headers, "content": content}
    return responses


def _headers() -> Schema:
    whole = {"type": "integer", "minimum": 0}
    return {
        "X-Request-Id": {
            "schema": {"type": "string"},
            "description": _("Names this exchange, for questions about it."),
        },
        "X-Credits-Used": {"schema": whole, "description": _("What this request was charged.")},
        "X-Credits-Remaining": {"schema": whole, "description": _("What the wallet holds now.")},
        "X-RateLimit-RPM-Limit": {"schema": whole, "description": _("Requests a minute for this key.")},
        "X-RateLimit-RPM-Remaining": {"schema": whole, "description": _("How many are left of this minute.")},
        "Idempotent-Replayed": {
            "schema": {"type": "string", "const": "true"},
            "description": _("There when this is the first answer again."),
        },
    }


def _object(properties: Schema, *, optional: tuple[str, ...] = (), description: str = "") -> Schema:
    """An object of exactly these fields, as answers are; all but `optional` are always there."""
    required = [name for name in properties if name not in optional]
    return _described({"type": "object", "required": required, "properties": properties}, description)


def _or_null(schema: Schema) -> Schema:
    """A field that may be null, which is the same as leaving it out."""
    nullable = {**schema, "type": [schema["type"], "null"]}
    return {**nullable, "enum": [*schema["enum"], None]} if "enum" in schema else nullable


def _list(items: Schema, description: str) -> Schema:
    return _described({"type": "array", "items": items}, description)


def _urls(most: int, description: str) -> Schema:
    return _described({"type": "array", "maxItems": most, "items": {"type": "string", "format": "uri"}}, description)


def _string(description: str, **more: Any) -> Schema:
    return _described({"type": "string", **more}, description)


def _integer(description: str, **bounds: int) -> Schema:
    return _described({"type": "integer", **bounds}, description)


def _boolean(description: str) -> Schema:
    return _described({"type": "boolean"}, description)


def _moment(description: str) -> Schema:
    return _described({"type": "string", "format": "date-time"}, description)


def _status() -> Schema:
    return {"type": "string", "enum": list(STATUSES)}


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description} if description else schema
