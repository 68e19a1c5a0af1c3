"""Faults by name: their kinds, which one is next, and how each changes a reply."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.upstream.wire import Fate, Reply, error_reply, html_reply, json_reply

CREATE, LIST, JOB, UPLOAD, OUTPUT = ROUTES = ("create", "list", "job", "upload", "output")
_API = (CREATE, LIST, JOB, UPLOAD)
_RECORDS = (CREATE, LIST, JOB)
_READS = (LIST, JOB)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a kind of fault does, the routes it can hit, and the range that a seed draws its seconds from."""

    says: str
    routes: tuple[str, ...] = _API
    seconds: tuple[float, float] = (0.0, 0.0)


KINDS: dict[str, Kind] = {
    # The request isn't processed: it only leaves a line in the log.
    "drop_before_commit": Kind(says="the connection breaks", routes=ROUTES),
    "stall_before_commit": Kind(says="an answer never comes", routes=ROUTES),
    "outage": Kind(says="drop_before_commit, and for `seconds` nobody listens", routes=ROUTES, seconds=(1, 60)),
    "invalid_api_key": Kind(says="401"),
    "insufficient_credits": Kind(says="402"),
    "model_not_allowed": Kind(says="403"),
    "rate_limit_exceeded": Kind(says="429, Retry-After: `seconds`", seconds=(1, 30)),
    "user_rate_limit_exceeded": Kind(says="429, Retry-After: `seconds`", seconds=(1, 30)),
    "tpm_rate_limit_exceeded": Kind(says="429, Retry-After: `seconds`", seconds=(1, 30)),
    "rate_limit_without_retry_after": Kind(says="429 without Retry-After"),
    "request_timeout": Kind(says="408"),
    "internal_error": Kind(says="500", routes=ROUTES),
    "upstream_error": Kind(says="502", routes=ROUTES),
    "html_502": Kind(says="a proxy's page", routes=ROUTES),
    "html_503": Kind(says="a proxy's page", routes=ROUTES),
    "html_504": Kind(says="a proxy's page", routes=ROUTES),
    "redirect": Kind(says="302 to a sign-in page"),
    # The request is processed; then the answer goes wrong.
    "delay": Kind(says="the answer comes `seconds` late", routes=ROUTES, seconds=(0.5, 20)),
    "drop_after_commit": Kind(says="the connection breaks", routes=ROUTES),
    "stall_after_commit": Kind(says="the answer never comes", routes=ROUTES),
    "request_timeout_after_commit": Kind(says="408"),
    "internal_error_after_commit": Kind(says="500"),
    "upstream_error_after_commit": Kind(says="502"),
    "html_502_after_commit": Kind(says="a proxy's page"),
    "html_503_after_commit": Kind(says="a proxy's page"),
    "html_504_after_commit": Kind(says="a proxy's page"),
    "cut_answer": Kind(says="the connection ends in the middle of the body"),
    "malformed_json": Kind(says="the body isn't JSON"),
    "truncated_json": Kind(says="half the body, with a matching Content-Length"),
    "html_200": Kind(says="an HTML page instead of JSON or a video", routes=ROUTES),
    "json_list": Kind(says="a list instead of an object"),
    "json_null": Kind(says="null"),
    "missing_id": Kind(says="records have no id"),
    "missing_fields": Kind(says="records have only their id"),
    "unknown_fields": Kind(says="records have more than is documented"),
    "unknown_state": Kind(says="every status is `state`", routes=_RECORDS),
    "reordered_list": Kind(says="oldest first", routes=(LIST,)),
    "duplicated_list": Kind(says="each job twice", routes=(LIST,)),
    # The answer is well-formed but wrong.
    "lagging": Kind(says="as things were `seconds` ago: new jobs missing, states old", routes=_READS, seconds=(1, 30)),
    "clock_skew": Kind(says="times are off by `seconds`", routes=_RECORDS, seconds=(-300, 300)),
    "output_elsewhere": Kind(says="the video's URL has another host or port", routes=_READS),
    "expired_link": Kind(says="the video's URL has already expired", routes=_READS),
    # Videos.
    "expired_url": Kind(says="`status`, 403 or 410", routes=(OUTPUT,)),
    "stalled_download": Kind(says="half the video, then silence", routes=(OUTPUT,)),
    "slow_download": Kind(says="`seconds` before each of its eight pieces", routes=(OUTPUT,), seconds=(1, 30)),
    "cut_file": Kind(says="half of what Content-Length says", routes=(OUTPUT,)),
    "cut_file_without_length": Kind(says="half, and no Content-Length", routes=(OUTPUT,)),
    "short_file": Kind(says="half, with a matching Content-Length", routes=(OUTPUT,)),
}

_ERRORS = {
    "invalid_api_key": (401, "The API key is not valid."),
    "insufficient_credits": (402, "The account has too few credits."),
    "model_not_allowed": (403, "This model is not allowed for the account."),
    "rate_limit_exceeded": (429, "Too many requests."),
    "user_rate_limit_exceeded": (429, "Too many requests of this user."),
    "tpm_rate_limit_exceeded": (429, "Too many tokens."),
    "request_timeout": (408, "The request took too long."),
    "internal_error": (500, "Something broke."),
    "upstream_error": (502, "The provider did not answer."),
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault with its parameters; those that its kind doesn't use have no effect.

    `how` is how a dropped connection ends: "reset" (an RST) or "close". The seed never draws a final `state` such as
    "cancelled", because that would be a lie about credits; tests can set one on purpose.
    """

    kind: str
    seconds: float = 5.0
    how: str = "reset"
    state: str = "queued"
    status: int = 410

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}")
        if self.how not in ("reset", "close") or self.status not in (403, 410):
            raise ValueError(f"invalid fault: {self}")


def chance(*what: object) -> float:
    """A fraction in [0, 1) that depends only on `what`, not on the order of calls or on restarts."""
    digest = hashlib.blake2b(repr(what).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56


# --- Choosing faults --------------------------------------------------------------------------------------------------

Odds = Mapping[str, Mapping[str, float]]
"""Probabilities by route and kind: {"create": {"drop_after_commit": 0.05}}."""

ROUGH_WEATHER: Odds = {
    CREATE: {
        "delay": 0.04,
        **dict.fromkeys(("drop_before_commit", "drop_after_commit", "stall_after_commit"), 0.03),
        **dict.fromkeys(("rate_limit_exceeded", "rate_limit_without_retry_after"), 0.02),
        **dict.fromkeys(("internal_error", "upstream_error", "html_503", "stall_before_commit"), 0.01),
        **dict.fromkeys(("internal_error_after_commit", "html_504_after_commit", "cut_answer", "missing_id"), 0.01),
        **dict.fromkeys(("malformed_json", "json_null", "unknown_fields"), 0.01),
        "outage": 0.01,
    },
    LIST: {
        "delay": 0.04,
        "lagging": 0.10,
        **dict.fromkeys(("reordered_list", "duplicated_list", "unknown_fields", "clock_skew"), 0.02),
        **dict.fromkeys(("drop_before_commit", "stall_before_commit", "html_502", "rate_limit_exceeded"), 0.02),
        **dict.fromkeys(("json_list", "truncated_json", "unknown_state", "missing_fields", "missing_id"), 0.01),
        **dict.fromkeys(("output_elsewhere", "expired_link", "internal_error"), 0.01),
    },
    JOB: {
        "delay": 0.04,
        **dict.fromkeys(("lagging", "drop_before_commit", "html_503", "rate_limit_exceeded"), 0.02),
        **dict.fromkeys(("malformed_json", "unknown_state", "missing_fields", "expired_link"), 0.01),
    },
    OUTPUT: {
        **dict.fromkeys(("stalled_download", "cut_file", "short_file", "html_200", "expired_url"), 0.03),
        **dict.fromkeys(("slow_download", "cut_file_without_length", "drop_before_commit", "html_502"), 0.02),
    },
}
"""A bad day: about one request in four hits a fault."""


@dataclass
class Armed:
    """A fault for the next `times_left` requests of a route; None: for all requests."""

    number: int
    route: str
    fault: Fault
    times_left: int | None


@dataclass
class FaultScript:
    """Armed faults come first, in order; then the odds, by the seed and the request's number."""

    seed: int
    odds: Odds = field(default_factory=dict)
    armed: list[Armed] = field(default_factory=list)
    _armed_count: int = 0

    def arm(self, route: str, fault: Fault, *, times: int | None) -> None:
        self._armed_count += 1
        self.armed.append(Armed(self._armed_count, route, fault, times))

    def fault_for(self, route: str, number: int) -> tuple[Fault | None, int]:
        """The fault for request `number` of a route, and the number of its `Armed` (0 if drawn from the seed)."""
        for armed in self.armed:
            if armed.route == route:
                return armed.fault, armed.number
        return self.drawn(route, number), 0

    def spend(self, armed_number: int) -> None:
        """Note that a request has hit an armed fault."""
        for armed in self.armed:
            if armed.number == armed_number and armed.times_left is not None:
                armed.times_left -= 1
        self.armed = [armed for armed in self.armed if armed.times_left != 0]

    def drawn(self, route: str, number: int) -> Fault | None:
        """The fault that the seed draws for request `number` of a route. Depends on nothing else."""
        odds = self.odds.get(route)
        if not odds:
            return None
        roll = chance(self.seed, "fault", route, number)
        for kind, probability in odds.items():
            if roll < probability:
                low, high = KINDS[kind].seconds
                turn = chance(self.seed, "particulars", route, number)
                return Fault(
                    kind=kind,
                    seconds=round(low + (high - low) * turn, 3),
                    how=("reset", "close")[int(turn * 2)],
                    state=("queued", "paused", "")[int(turn * 3)],
                    status=(410, 403)[int(turn * 2)],
                )
            roll -= probability
        return None


def check_route(route: str, kind: str) -> None:
    """Raise ValueError if the fault can't hit this route."""
    if kind not in KINDS or route not in KINDS[kind].routes:
        raise ValueError(f"{kind!r} can't hit {route!r}")


def check_odds(odds: Odds) -> None:
    for route, kinds in odds.items():
        for kind in kinds:
            check_route(route, kind)
        if sum(kinds.values()) > 1:
            raise ValueError(f"the odds of {route!r} add up to more than 1")


# --- Applying faults to replies ---------------------------------------------------------------------------------------


def instead(fault: Fault) -> Reply | None:
    """The reply to a request that isn't processed; None if this fault lets it be processed."""
    kind = fault.kind
    if kind in ("drop_before_commit", "outage"):
        return Reply(status=0, fate=Fate(fault.how))
    if kind == "stall_before_commit":
        return Reply(status=0, fate=Fate.STALL)
    if kind == "redirect":
        return replace(html_reply(302), headers={"Location": "/sign-in", "Content-Length": "0"}, body=b"")
    if kind == "rate_limit_without_retry_after":
        return _error("rate_limit_exceeded")
    if kind in _ERRORS:
        waits = {"Retry-After": str(max(1, round(fault.seconds)))} if kind.endswith("rate_limit_exceeded") else {}
        return _error(kind, **waits)
    if kind == "expired_url":
        return error_reply(fault.status, "expired", "This URL has expired.")
    return html_reply(int(kind[-3:])) if kind in ("html_502", "html_503", "html_504") else None


def _error(code: str, **headers: str) -> Reply:
    status, message = _ERRORS[code]
    return error_reply(status, code, message, headers=headers)


def afterwards(fault: Fault, reply: Reply) -> Reply:
    """The reply to a processed request, changed by this fault."""
    kind, half = fault.kind, len(reply.body) // 2
    if kind == "delay":
        return replace(reply, latency_seconds=reply.latency_seconds + fault.seconds)
    if kind == "drop_after_commit":
        return replace(reply, fate=Fate(fault.how))
    if kind == "stall_after_commit":
        return replace(reply, fate=Fate.STALL)
    if kind.endswith("_after_commit"):
        broken = instead(Fault(kind=kind.removesuffix("_after_commit")))
        assert broken is not None
        return replace(broken, latency_seconds=reply.latency_seconds)
    if reply.status >= 300:
        return reply  # The rest only changes successful replies.
    if kind in ("cut_answer", "cut_file"):
        return replace(reply, fate=Fate.CLOSE, sent_byte_count=half)
    if kind == "cut_file_without_length":
        headers = {name: value for name, value in reply.headers.items() if name != "Content-Length"}
        return replace(reply, headers=headers, fate=Fate.CLOSE, sent_byte_count=half)
    if kind == "stalled_download":
        return replace(reply, fate=Fate.STALL, sent_byte_count=half)
    if kind == "slow_download":
        return replace(reply, pause_seconds=fault.seconds)
    if kind == "malformed_json":
        return _with_body(reply, b'{"id": job_1, }')
    if kind in ("truncated_json", "short_file"):
        return _with_body(reply, reply.body[:half])
    if kind == "html_200":
        page = html_reply(200)
        return _with_body(reply, page.body, content_type=page.headers["Content-Type"])
    if kind in _JSON:
        payload = _JSON[kind](json.loads(reply.body), fault)
        return _with_body(reply, json_reply(payload).body)
    return reply


def _with_body(reply: Reply, body: bytes, *, content_type: str = "") -> Reply:
    headers = {**reply.headers, "Content-Length": str(len(body))}
    if content_type:
        headers["Content-Type"] = content_type
    return replace(reply, headers=headers, body=body)


Change = Callable[[dict[str, Any]], dict[str, Any]]


def _each_record(payload: dict[str, Any], change: Change) -> dict[str, Any]:
    """Change every job record in an answer: the answer itself, its copy under "job", or the entries of a list."""
    if isinstance(payload.get("data"), list):
        return {**payload, "data": [change(record) for record in payload["data"]]}
    if isinstance(payload.get("job"), dict):
        twin = {"job": change(payload["job"])}
        rest = {name: value for name, value in payload.items() if name != "job"}
        return {**change(rest), **twin} if rest else twin
    return change(payload)


def _unknown_fields(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "progress": 0.5, "region": None, "x_trace": {"hops": [1, 2]}}


_JSON: dict[str, Callable[[dict[str, Any], Fault], Any]] = {
    "json_list": lambda payload, fault: [payload],
    "json_null": lambda payload, fault: None,
    "missing_id": lambda payload, fault: _each_record(
        payload, lambda record: {name: value for name, value in record.items() if name != "id"}
    ),
    "missing_fields": lambda payload, fault: _each_record(payload, lambda record: {"id": record["id"]}),
    "unknown_fields": lambda payload, fault: _each_record(payload, _unknown_fields),
    "unknown_state": lambda payload, fault: _each_record(payload, lambda record: {**record, "status": fault.state}),
    "reordered_list": lambda payload, fault: {**payload, "data": payload["data"][::-1]},
    "duplicated_list": lambda payload, fault: {
        **payload,
        "data": [twice for one in payload["data"] for twice in (one, one)],
    },
}
