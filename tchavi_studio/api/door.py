"""The frame around every `/v1` view: who calls, how often, what they may do; and an answer that is always JSON."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.models import Membership, Permission

from . import queries, services
from .errors import (
    ApiError,
    as_api_error,
    internal_error,
    invalid_key,
    method_not_allowed,
    not_found,
    unreadable_request,
)
from .models import ApiKey, Scope
from .rate_limits import Budgets, caller_address, count_request

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request by a key that is good."""

    request: HttpRequest
    key: ApiKey
    membership: Membership


Handler = Callable[..., JsonResponse]


def new_request_id() -> str:
    """A name for one exchange, by which its line is found in the log."""
    return f"req_{secrets.token_hex(12)}"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """What answers one method of an address: `handler(call, **path_arguments)`, for keys of `scope`.

    A public one needs no key: `handler(request, **path_arguments)`.
    """

    handler: Handler
    scope: Scope = Scope.READ
    is_public: bool = False


def answer(body: Any, *, status: int = 200, credits_used: int = 0) -> JsonResponse:
    """A JSON answer that tells in its headers how many credits it took."""
    return JsonResponse(body, status=status, headers={"X-Credits-Used": str(credits_used)})


def door(**endpoints: Endpoint) -> Callable[..., HttpResponseBase]:
    """A view that lets keys through to the endpoint of the request's method (`get=…, post=…`).

    Whatever happens inside, the answer is the contract's JSON with its headers. Sessions and cookies count for nothing
    here, so there is nothing for a foreign page to forge.
    """

    @csrf_exempt
    def view(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        return _Passage(request).answer(endpoints, arguments)

    view.endpoints = endpoints  # type: ignore[attr-defined]  # read by the tests that walk all addresses
    return view


class _Passage:
    """The way of one request through the door."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.request_id = new_request_id()
        self.key: ApiKey | None = None
        self.membership: Membership | None = None
        self.budgets: Budgets | None = None

    def answer(self, endpoints: dict[str, Endpoint], arguments: dict[str, Any]) -> HttpResponseBase:
        response: HttpResponseBase
        try:
            self._identify()
            response = self._answered(self._endpoint(endpoints), arguments)
        except UserFacingError as refusal:
            response = as_api_error(refusal).response()
        except Http404:
            response = not_found(_("There is nothing at this address.")).response()
        except RequestDataTooBig:
            response = ApiError(413, "payload_too_large", _("The body is too large. No credits moved.")).response()
        except (SuspiciousOperation, MultiPartParserError):
            response = unreadable_request(_("The request can't be read.")).response()
        except Exception:
            logger.exception("%s: %s %s failed", self.request_id, self.request.method, self.request.path)
            response = internal_error().response()
        return self._with_headers(response)

    def _identify(self) -> None:
        """Find the key, count the request, and refuse both a bad key and too many requests."""
        given = self.request.headers.get("Authorization", "")
        scheme, _space, text = given.partition(" ")
        found = queries.key_by_text(text.strip()) if scheme.lower() == "bearer" else None
        self.budgets = count_request(address=caller_address(self.request), key=found)
        self.budgets.check()
        if found is None:
            if given:
                raise invalid_key(_("This API key is not known. No credits moved: check that it was copied whole."))
            return
        if found.is_revoked:
            raise invalid_key(_("This API key was revoked. No credits moved: use another, or create a new one."))
        if found.has_expired:
            raise invalid_key(_("This API key has expired. No credits moved: create a new one."))
        self.membership = queries.membership_of_key(found)
        if self.membership is None:
            raise invalid_key(_("The person behind this API key is no longer in the workspace. No credits moved."))
        self.key = found
        services.note_use(key=found)

    def _endpoint(self, endpoints: dict[str, Endpoint]) -> Endpoint:
        if not endpoints:
            raise not_found(_("There is nothing at this address. The reference lists all there are."))
        method = "get" if self.request.method == "HEAD" else str(self.request.method).lower()
        if method not in endpoints:
            raise method_not_allowed([name.upper() for name in endpoints])
        return endpoints[method]

    def _answered(self, endpoint: Endpoint, arguments: dict[str, Any]) -> JsonResponse:
        if endpoint.is_public:
            return endpoint.handler(self.request, **arguments)
        if self.key is None or self.membership is None:
            raise invalid_key(_("Send an API key: Authorization: Bearer sk-tch_…. No credits moved."))
        self._check_scope(self.key, self.membership, endpoint)
        return endpoint.handler(Call(request=self.request, key=self.key, membership=self.membership), **arguments)

    def _check_scope(self, key: ApiKey, membership: Membership, endpoint: Endpoint) -> None:
        may_create = membership.can(Permission.CREATE)
        if endpoint.scope == Scope.GENERATE and not (key.scope == Scope.GENERATE and may_create):
            message = _("This API key may only read. No credits moved: use a key that may generate.")
            raise ApiError(403, "insufficient_scope", message)

    def _with_headers(self, response: HttpResponseBase) -> HttpResponseBase:
        response["X-Request-Id"] = self.request_id
        response["Cache-Control"] = "no-store"
        if self.budgets is not None:
            budget = self.budgets.key or self.budgets.address
            response["X-RateLimit-RPM-Limit"] = str(budget.limit)
            response["X-RateLimit-RPM-Remaining"] = str(budget.remaining)
        if self.key is not None:
            response.headers.setdefault("X-Credits-Used", "0")
            balance = wallet_balance(workspace=self.key.workspace, book=settings.STUDIO_BOOK)
            response["X-Credits-Remaining"] = str(balance)
        return response
