"""Routes each `/v1` request to its handler, after checking key, rate limit and scope. The answer is always JSON."""

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast, get_args, get_type_hints

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from tchavi_studio.generations.services import WorkspaceArchivedError
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.outages import is_outage, unless_outage
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.access import FileRule
from tchavi_studio.workspaces.models import Membership, Permission

from . import queries, services
from .errors import (
    ApiError,
    as_api_error,
    internal_error,
    invalid_key,
    method_not_allowed,
    not_found,
    unavailable,
    unreadable_request,
)
from .idempotency import delete_expired_answers
from .models import ApiKey, Scope
from .parameters import Parameter, read_query
from .rate_limits import Budgets, caller_address, count_request

logger = logging.getLogger(__name__)

Record = TypeVar("Record")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request with a valid key."""

    request: HttpRequest
    key: ApiKey
    membership: Membership


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[Record]):
    """A handler's answer to a successful request. It may know `credits_remaining` without another query."""

    record: Record
    credits_used: int = 0
    credits_remaining: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of the API: its handler, who may call it, and its description.

    The handler takes the `Call`, and the path and query parameters by name; the type of its `Answer` is the schema of
    the answer. A public operation needs no key, and its handler takes the plain request. `content_type` is the body's,
    "" for none; with `max_file_bytes` it may be larger than JSON. `errors` are statuses beyond those that follow from
    the rest; `links` are the ids of operations to continue with, using the `id` in the answer.
    """

    method: str
    path: str
    handler: Callable[..., Answer[Any]]
    status: int = 200
    scope: Scope = Scope.READ
    is_public: bool = False
    parameters: tuple[Parameter, ...] = ()
    content_type: str = ""
    max_file_bytes: int = 0
    errors: tuple[int, ...] = ()
    links: tuple[str, ...] = ()
    tag: str = ""
    summary: str | Promise = ""
    description: str | Promise = ""
    success: str | Promise = ""

    @property
    def id(self) -> str:
        """`createGeneration` for the handler `create_generation`."""
        first, *rest = self.handler.__name__.split("_")
        return first + "".join(word.title() for word in rest)

    @property
    def answer_type(self) -> type:
        """The type of the record in its answer."""
        answer: type = get_args(get_type_hints(self.handler)["return"])[0]
        return answer

    @property
    def error_statuses(self) -> list[int]:
        """All statuses of its errors."""
        may_be_invalid = self.content_type or any(parameter.place == "query" for parameter in self.parameters)
        return sorted(
            {
                *self.errors,
                *([400] if may_be_invalid else []),
                *([413, 415] if self.content_type else []),
                *([403] if self.scope == Scope.GENERATE else []),
                *([404] if "{" in self.path else []),
                *(401, 429, 500, 503),
            }
        )


def dispatcher(operations: Iterable[Operation]) -> Callable[..., HttpResponseBase]:
    """The view for one path, which may have one operation per method.

    Whatever happens inside, the answer is the contract's JSON with its headers. Sessions and cookies are ignored, so
    CSRF doesn't apply.
    """
    by_method = {operation.method: operation for operation in operations}

    @csrf_exempt
    def view(request: HttpRequest, **path_arguments: str) -> HttpResponseBase:
        return _Exchange(request).respond(by_method, path_arguments)

    if max_bytes := max((operation.max_file_bytes for operation in by_method.values()), default=0):
        rule = FileRule(max_bytes=max_bytes, may_send=_may_send_files)
        view.file_rule = rule  # type: ignore[attr-defined]  # read by the web server
    return view


def _found_key(request: HttpRequest) -> tuple[ApiKey, Membership | None] | None:
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    return queries.key_by_text(text.strip()) if scheme.lower() == "bearer" else None


def _may_send_files(request: HttpRequest, **_path_arguments: str) -> bool:
    key, membership = _found_key(request) or (None, None)
    return key is not None and membership is not None and not (key.is_revoked or key.has_expired)


def new_request_id() -> str:
    """A new request id, which also appears in the log."""
    return f"req_{secrets.token_hex(12)}"


class _Exchange:
    """One request and its response."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.request_id = new_request_id()
        self.key: ApiKey | None = None
        self.membership: Membership | None = None
        self.budgets: Budgets | None = None
        self.credits_remaining: int | None = None

    def respond(self, operations: Mapping[str, Operation], path_arguments: dict[str, str]) -> HttpResponseBase:
        response: HttpResponseBase
        try:
            self._identify()
            response = self._handled(self._chosen(operations), path_arguments)
        except UserFacingError as refusal:
            response = as_api_error(refusal).response()
        except Http404:
            response = not_found(_("There is nothing at this address.")).response()
        except RequestDataTooBig:
            response = ApiError(413, "payload_too_large", _("The body is too large. No credits moved.")).response()
        except (SuspiciousOperation, MultiPartParserError):
            response = unreadable_request(_("The request can't be read.")).response()
        except Exception as error:
            logger.exception("%s: %s %s failed", self.request_id, self.request.method, self.request.path)
            response = (unavailable() if is_outage(error) else internal_error()).response()
        return self._with_headers(response)

    def _identify(self) -> None:
        """Find the key and count the request. Refuses invalid keys and too many requests."""
        key, membership = _found_key(self.request) or (None, None)
        with self._writes_may_fail():
            self.budgets = count_request(address=caller_address(self.request), key=key)
        if self.budgets is not None:
            self.budgets.check()
        if key is None:
            if self.request.headers.get("Authorization"):
                raise invalid_key(_("This API key is not known. No credits moved: check that it was copied whole."))
            return
        if key.is_revoked:
            raise invalid_key(_("This API key was revoked. No credits moved: use another, or create a new one."))
        if key.has_expired:
            raise invalid_key(_("This API key has expired. No credits moved: create a new one."))
        if membership is None:
            raise invalid_key(_("The person behind this API key is no longer in the workspace. No credits moved."))
        self.key, self.membership = key, membership
        if self.budgets is None:
            return
        with self._writes_may_fail():
            if services.note_use(key=key):
                delete_expired_answers()

    def _writes_may_fail(self) -> AbstractContextManager[None, bool]:
        """In an outage of the writes, requests that only read aren't counted; the others fail here."""
        manager = unless_outage() if self.request.method in ("GET", "HEAD") else nullcontext()
        # `bool` tells the type checker that the code after it may run although the code inside failed.
        return cast(AbstractContextManager[None, bool], manager)

    def _chosen(self, operations: Mapping[str, Operation]) -> Operation:
        if not operations:
            raise not_found(_("There is nothing at this address. The API reference lists all addresses."))
        method = "GET" if self.request.method == "HEAD" else str(self.request.method)
        if method not in operations:
            raise method_not_allowed(list(operations))
        return operations[method]

    def _handled(self, operation: Operation, path_arguments: dict[str, str]) -> JsonResponse:
        if operation.is_public:
            answer = operation.handler(self.request)
        else:
            if self.key is None or self.membership is None:
                raise invalid_key(_("Send an API key: Authorization: Bearer sk-tch_…. No credits moved."))
            _check_scope(self.key, self.membership, operation)
            query = read_query(operation.parameters, self.request.GET)
            call = Call(request=self.request, key=self.key, membership=self.membership)
            answer = operation.handler(call, **path_arguments, **query)
        self.credits_remaining = answer.credits_remaining
        headers = {**answer.headers, "X-Credits-Used": str(answer.credits_used)} if self.key else answer.headers
        return JsonResponse(answer.record, status=operation.status, headers=headers)

    def _with_headers(self, response: HttpResponseBase) -> HttpResponseBase:
        response["X-Request-Id"] = self.request_id
        response["Cache-Control"] = "no-store"
        if self.budgets is not None:
            budget = self.budgets.key or self.budgets.address
            response["X-RateLimit-RPM-Limit"] = str(budget.limit)
            response["X-RateLimit-RPM-Remaining"] = str(budget.remaining)
        if self.key is not None:
            response.headers.setdefault("X-Credits-Used", "0")
            if self.credits_remaining is None:
                self.credits_remaining = wallet_balance(workspace=self.key.workspace, book=settings.STUDIO_BOOK)
            response["X-Credits-Remaining"] = str(self.credits_remaining)
        return response


def _check_scope(key: ApiKey, membership: Membership, operation: Operation) -> None:
    if operation.scope == Scope.GENERATE and membership.workspace.archived_at:
        raise WorkspaceArchivedError
    may_generate = key.scope == Scope.GENERATE and membership.can(Permission.CREATE)
    if operation.scope == Scope.GENERATE and not may_generate:
        message = _("This API key may only read. No credits moved: use a key that may generate.")
        raise ApiError(403, "insufficient_scope", message)
