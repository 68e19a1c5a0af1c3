"""The OpenAPI 3.1 description of `/v1`, made from its operations and from the types of their answers."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from tchavi_studio.client.records import ErrorRecord
from tchavi_studio.workspaces.addresses import public_origin

from .dispatcher import Answer, Operation
from .examples import answer_example
from .operations import OPERATIONS
from .parameters import IDEMPOTENCY_KEY, Parameter
from .samples import samples
from .schemas import Components, Schema


def serve(request: HttpRequest) -> Answer[dict[str, Any]]:
    """`GET /v1/openapi.json`: public, so that tools can read it."""
    return Answer(record=document(origin=public_origin(request)))


def document(*, origin: str) -> Schema:
    """The whole description, in the active language. `origin` is the studio's own address."""
    components = Components()
    paths: Schema = {}
    for operation in OPERATIONS:
        described = _operation(operation, components, base_url=f"{origin}/v1")
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
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
            {"name": "videos", "description": _("Generate clips")},
            {"name": "jobs", "description": _("Follow jobs")},
            {"name": "files", "description": _("Upload references")},
            {"name": "account", "description": _("Credits and models")},
        ],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": _("A key from the Developers page.")}
            },
            "responses": _error_responses(components),
            "schemas": components.schemas,
            "headers": _headers(),
        },
    }


def _operation(operation: Operation, components: Components, *, base_url: str) -> Schema:
    success = _success(operation, components)
    errors = {str(status): {"$ref": f"#/components/responses/Error{status}"} for status in operation.error_statuses}
    described = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": str(operation.summary),
        "description": str(operation.description),
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "requestBody": _body(operation),
        "responses": {str(operation.status): success, **errors},
        "x-codeSamples": samples(operation.id, base_url),
    }
    return {name: value for name, value in described.items() if value}


def _parameter(parameter: Parameter) -> Schema:
    described = {
        "name": parameter.name,
        "in": parameter.place,
        "schema": parameter.schema,
        "description": str(parameter.description),
    }
    return {**described, "required": True} if parameter.place == "path" else described


def _body(operation: Operation) -> Schema:
    if not operation.content_type:
        return {}
    schemas: Schema = {
        "application/json": {"$ref": "#/components/schemas/GenerationRequest"},
        "multipart/form-data": {
            "type": "object",
            "required": ["file"],
            "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
        },
    }
    return {"required": True, "content": {operation.content_type: {"schema": schemas[operation.content_type]}}}


def _success(operation: Operation, components: Components) -> Schema:
    record = operation.answer_type
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _headers()}
    if IDEMPOTENCY_KEY not in operation.parameters:
        del headers["Idempotent-Replayed"]
    response = {
        "description": str(operation.success),
        "headers": headers,
        "content": {
            "application/json": {"schema": components.reference(record), "example": answer_example(record)},
        },
    }
    links = {name: {"operationId": name, "parameters": {"id": "$response.body#/id"}} for name in operation.links}
    return {**response, "links": links} if links else response


def _headers() -> Schema:
    count = {"type": "integer", "minimum": 0}
    return {
        "X-Request-Id": {
            "schema": {"type": "string"},
            "description": _("The request's id. Quote it if you ask for help."),
        },
        "X-Credits-Used": {"schema": count, "description": _("What this request was charged.")},
        "X-Credits-Remaining": {"schema": count, "description": _("Credits in the wallet now.")},
        "X-RateLimit-RPM-Limit": {"schema": count, "description": _("Requests a minute for this key.")},
        "X-RateLimit-RPM-Remaining": {"schema": count, "description": _("Requests left in this minute.")},
        "Idempotent-Replayed": {
            "schema": {"type": "string", "const": "true"},
            "description": _("Present if this is the first answer again."),
        },
    }


def _error_responses(components: Components) -> Schema:
    descriptions = {
        400: _(
            "invalid_request: details lists every problem. Or references_unreachable or request_loop: see the message."
        ),
        401: _("invalid_api_key: missing, unknown, revoked or expired."),
        402: _("insufficient_credits or spending_limit_reached: nothing was created."),
        403: _("insufficient_scope: this key may only read."),
        404: _("not_found: this key has nothing there."),
        409: _("idempotency_in_progress, not_cancellable or no_room (for free clips)."),
        413: _("payload_too_large."),
        415: _("unsupported_media_type."),
        422: _("idempotency_key_reused: the key was used with another body."),
        429: _(
            "rate_limit_exceeded (per address or person), user_rate_limit_exceeded (per key) or too_many_free_clips: "
            "wait Retry-After seconds."
        ),
        500: _("internal_error."),
        503: _("service_unavailable: the studio can't save anything now. Wait Retry-After seconds."),
    }
    request_id = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
    retry_after = {"Retry-After": {"schema": {"type": "integer"}, "description": _("Seconds to wait.")}}
    return {
        f"Error{status}": {
            "description": description,
            "headers": {**request_id, **(retry_after if status in {429, 503} else {})},
            "content": {"application/json": {"schema": components.reference(ErrorRecord)}},
        }
        for status, description in descriptions.items()
    }
