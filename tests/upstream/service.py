"""The upstream itself: requests in, replies out. No socket, no thread, no clock but the one it is given.

All that happens is an event (a plain dict): it is handed to `journal` and then applied, so a journal read back makes
the same upstream again. A request and the job it creates are one event, so no kill can come between them.
"""

import hashlib
import heapq
import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from tests.upstream.books import Books, BooksError, Exchange, Totals
from tests.upstream.clip import make_clip, with_label
from tests.upstream.faults import (
    CREATE,
    JOB,
    LIST,
    OUTPUT,
    UPLOAD,
    Fault,
    FaultScript,
    Odds,
    afterwards,
    chance,
    check_odds,
    check_route,
    instead,
)
from tests.upstream.parameters import MODELS, BadRequestError, billed_seconds, check, price_credits, reference_urls
from tests.upstream.wire import Reply, Request, error_reply, json_reply, reply_with

API_KEY = "sk-tch_upstream_0123456789abcdef"
STATUSES = ("pending", "processing", "completed", "failed")
PENDING_SHARE = 0.2
RATE_WINDOW_SECONDS = 60.0
OPENING_BALANCE_CREDITS = 10_000_000
SELF_MADE_FAILURES = (
    ("content_policy_violation", "The prompt was refused by the model's safety system."),
    ("upstream_error", "The model did not answer."),
    ("timeout", "The generation took too long."),
)

JSON = "application/json"
OTHER = "other"
_BASE = r"/(?:api/)?v1"
_PATHS = {
    _BASE + r"/videos/generations": {"POST": CREATE},
    _BASE + r"/jobs": {"GET": LIST},
    _BASE + r"/jobs/(?P<job_id>[^/]+)": {"GET": JOB},
    _BASE + r"/files": {"POST": UPLOAD},
    r"/outputs/(?P<job_id>[^/]+)/[0-9]+-[0-9a-f]+\.mp4": {"GET": OUTPUT},
}
"""Routes by path and method."""

Event = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How this upstream behaves. `Upstream.set` changes it at run time.

    `job_seconds` is the range that a seed draws a job's duration from, a fifth of it pending; with None, jobs stay
    pending until a test begins, finishes or fails them. `failure_rate` is the share of jobs that fail. `accepted_as` is
    the shape of the 202: "flat" (the record and "job"), only "id", or only "job". `latency_seconds` is the time before
    each answer, plus up to `jitter_seconds`. `list_lag_seconds`, `clock_skew_seconds` and `videos_elsewhere` (videos at
    `other_origin`) are permanent versions of faults, and combine with others. `takes_files` and
    `honours_idempotency_keys` make it behave like a Studio; with `fetches_references` the server fetches the references
    it is sent.
    """

    requests_per_minute: int = 300
    latency_seconds: float = 0.0
    jitter_seconds: float = 0.0
    job_seconds: tuple[float, float] | None = (20.0, 90.0)
    failure_rate: float = 0.0
    accepted_as: str = "flat"
    models_off: tuple[str, ...] = ()
    audio_surcharge_credits: int = 0
    link_seconds: float = 86_400.0
    list_lag_seconds: float = 0.0
    clock_skew_seconds: float = 0.0
    videos_elsewhere: bool = False
    refuses_unknown_fields: bool = True
    api_keys: tuple[str, ...] = (API_KEY,)
    origin: str = "http://upstream.test"
    other_origin: str = "http://media.upstream.test"
    takes_files: bool = False
    honours_idempotency_keys: bool = False
    fetches_references: bool = False

    def changed(self, changes: Mapping[str, Any]) -> "Settings":
        """These settings with `changes`, which may come from JSON. Raises TypeError for unknown names."""
        kept: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()
        }
        settings = replace(self, **kept)
        if settings.accepted_as not in ("flat", "id", "job") or not set(settings.models_off) <= set(MODELS):
            raise ValueError(f"invalid settings: {changes}")
        return settings


@dataclass(kw_only=True)
class Job:
    """A job. Its state depends on the time: `begins_at` and `ends_at` are in seconds, infinite while undecided."""

    id: str
    number: int
    params: dict[str, Any]
    price_credits: int
    accepted_at: float
    begins_at: float = math.inf
    ends_at: float = math.inf
    error_code: str = ""
    error_message: str = ""
    is_foreign: bool = False
    idempotency_key: str = ""
    body_sha256: str = ""

    def status_at(self, at: float) -> str:
        if at < self.begins_at and at < self.ends_at:
            return "pending"
        if at < self.ends_at:
            return "processing"
        return "failed" if self.error_code else "completed"


@dataclass(frozen=True, kw_only=True)
class JobFacts:
    """A job according to the books and the clock. `is_foreign`: created by `add_job`, not by a request.

    `refunded_credits` is None if nothing was refunded. `ends_at` is infinite while undecided.
    """

    id: str
    status: str
    model: str
    prompt: str
    seed: int | None
    params: dict[str, Any]
    accepted_at: float
    ends_at: float
    charged_credits: int
    refunded_credits: int | None
    error_code: str
    is_foreign: bool


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """An upload's details; its content isn't kept."""

    id: str
    name: str
    content_type: str
    byte_count: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ReferenceFetch:
    """The result of fetching a reference; `status` is 0 if there was no answer."""

    job_id: str
    url: str
    status: int
    byte_count: int
    content_type: str = ""


@dataclass(frozen=True, kw_only=True)
class View:
    """The point of view of an answer: the state at the time `at`, by a clock that is `skew_seconds` ahead."""

    at: float
    origin: str
    skew_seconds: float = 0.0
    link_seconds: float


@dataclass(kw_only=True)
class Call:
    """A request being handled. Its effects are collected here and committed as one event."""

    request: Request
    path: str
    query: dict[str, str]
    at: float
    view: View
    is_known: bool
    """Whether the API key is valid."""
    route: str = OTHER
    allowed_methods: tuple[str, ...] = ()
    job_id: str = ""
    job: Job | None = None
    file: StoredFile | None = None
    is_counted: bool = False
    """Whether it counts towards the rate limit."""


def moment(at: float) -> str:
    """A time in the API's format: 2026-11-23T14:00:00Z. `at` is in seconds since 1970."""
    return _moment(math.floor(at))


@lru_cache(maxsize=10_000)
def _moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Upstream:
    """A stand-in for the video API, with its own books.

    `clock` returns seconds since 1970. Everything else that could differ between runs comes from `seed`. `clip` is the
    video of every finished job, with the job's id appended so that no two are equal; encoded when first needed.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        seed: int = 0,
        *,
        settings: Settings | None = None,
        odds: Odds | None = None,
        balance_credits: int = OPENING_BALANCE_CREDITS,
        clip: bytes | None = None,
        journal: Callable[[Event], None] = lambda event: None,
        past: Iterable[Event] = (),
    ) -> None:
        self._clock = clock
        self.seed = seed
        self.settings = settings or Settings()
        self.books = Books()
        self.script = FaultScript(seed)
        self.files: list[StoredFile] = []
        self.reference_fetches: list[ReferenceFetch] = []
        self.unfetched_references: list[tuple[str, str]] = []
        """Pairs of job and URL, for a server that can fetch them."""
        self._jobs: dict[str, Job] = {}
        self._job_of_key: dict[str, Job] = {}
        self._refunds_due: list[tuple[float, str]] = []
        self._window: deque[float] = deque()
        self._route_counts: dict[str, int] = {}
        self._offset_seconds = 0.0
        self._down_until = -math.inf
        if clip is not None:
            self.clip = clip
        self._journal: Callable[[Event], None] = lambda event: None
        for event in past:
            self._apply(event)
        self._journal = journal
        if not self.books.entries:
            self.set_balance(balance_credits)
        if odds is not None:
            self.set_odds(odds)

    @cached_property
    def clip(self) -> bytes:
        return make_clip()

    @property
    def now(self) -> float:
        return self._clock() + self._offset_seconds

    @property
    def is_down(self) -> bool:
        """Whether nobody is listening, because of the fault `outage` or `take_down`."""
        return self.now < self._down_until

    # --- Requests -----------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Reply:
        """Process a request, or let a fault prevent that, and return the reply with its delivery."""
        at = self.now
        self._settle(at)
        while self._window and self._window[0] <= at - RATE_WINDOW_SECONDS:
            self._window.popleft()
        call = self._call(request, at)
        fault, armed_number = self.script.fault_for(call.route, self._route_counts.get(call.route, 0) + 1)
        if fault:
            call.view = self._seen_through(fault, call.view)
        reply = (instead(fault) if fault else None) or self._answer(call)
        number = len(self.books.exchanges) + 1
        reply = self._described(call, reply, number)
        if fault:
            reply = afterwards(fault, reply)
        exchange = Exchange(
            number=number,
            at=at,
            route=call.route,
            method=request.method,
            target=request.target,
            status=reply.status if reply.has_head else 0,
            fault=fault.kind if fault else "",
            job_id=call.job.id if call.job else call.job_id,
            created=call.job is not None,
            idempotency_key=request.headers.get("idempotency-key", ""),
        )
        self._commit(
            {
                "event": "request",
                "at": at,
                "exchange": dict(vars(exchange)),
                "job": dict(vars(call.job)) if call.job else None,
                "file": dict(vars(call.file)) if call.file else None,
                "is_counted": call.is_counted,
                "armed_number": armed_number,
                "down_until": at + fault.seconds if fault and fault.kind == "outage" else None,
            }
        )
        return reply

    def _call(self, request: Request, at: float) -> Call:
        path, _, query = request.target.partition("?")
        call = Call(
            request=request,
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            at=at,
            view=View(
                at=at,
                origin=self.settings.other_origin if self.settings.videos_elsewhere else self.settings.origin,
                skew_seconds=self.settings.clock_skew_seconds,
                link_seconds=self.settings.link_seconds,
            ),
            is_known=request.headers.get("authorization", "").removeprefix("Bearer ") in self.settings.api_keys,
        )
        for pattern, methods in _PATHS.items():
            found = re.fullmatch(pattern, path)
            if found and (methods.get("POST") != UPLOAD or self.settings.takes_files):
                call.job_id = found.groupdict().get("job_id") or ""
                call.allowed_methods = tuple(methods)
                call.route = methods.get(request.method, OTHER)
        if call.route == LIST:
            call.view = replace(call.view, at=at - self.settings.list_lag_seconds)
        return call

    def _seen_through(self, fault: Fault, view: View) -> View:
        if fault.kind == "lagging":
            return replace(view, at=view.at - fault.seconds)
        if fault.kind == "clock_skew":
            return replace(view, skew_seconds=fault.seconds)
        if fault.kind == "output_elsewhere":
            return replace(view, origin=self.settings.other_origin)
        if fault.kind == "expired_link":
            return replace(view, link_seconds=-1.0)
        return view

    def _described(self, call: Call, reply: Reply, number: int) -> Reply:
        """The reply with its latency and, if it comes from the API itself, the usual headers."""
        settings = self.settings
        latency_seconds = settings.latency_seconds
        if settings.jitter_seconds:
            latency_seconds += settings.jitter_seconds * chance(self.seed, "latency", number)
        headers = dict(reply.headers)
        if call.route != OUTPUT and headers.get("Content-Type") == JSON:
            headers["X-Request-Id"] = f"req_{number}"
            if call.is_known and reply.status != 401:
                used_credits = call.job.price_credits if call.job else 0
                left = settings.requests_per_minute - len(self._window) - call.is_counted
                headers["X-Credits-Used"] = str(used_credits)
                headers["X-Credits-Remaining"] = str(self.books.balance_credits - used_credits)
                headers["X-RateLimit-RPM-Limit"] = str(settings.requests_per_minute)
                headers["X-RateLimit-RPM-Remaining"] = str(0 if reply.status == 429 else max(left, 0))
        return replace(reply, headers=headers, latency_seconds=latency_seconds)

    def _answer(self, call: Call) -> Reply:
        if call.route == OUTPUT:
            return self._output(call)
        if not re.match(_BASE, call.path):
            return error_reply(404, "not_found", "There is nothing here.")
        if not call.is_known:
            return error_reply(401, "invalid_api_key", "The API key is not valid.")
        if len(self._window) >= self.settings.requests_per_minute:
            frees_at = self._window[0] + RATE_WINDOW_SECONDS if self._window else call.at + RATE_WINDOW_SECONDS
            wait = {"Retry-After": str(max(1, math.ceil(frees_at - call.at)))}
            return error_reply(429, "user_rate_limit_exceeded", "Too many requests a minute.", headers=wait)
        call.is_counted = True
        if call.route in self._answers:
            return self._answers[call.route](call)
        if call.allowed_methods:
            allow = {"Allow": ", ".join(call.allowed_methods)}
            return error_reply(405, "method_not_allowed", "This address takes other methods.", headers=allow)
        return error_reply(404, "not_found", "There is nothing here.")

    @cached_property
    def _answers(self) -> dict[str, Callable[[Call], Reply]]:
        return {CREATE: self._create, LIST: self._list, JOB: self._retrieve, UPLOAD: self._upload}

    def _create(self, call: Call) -> Reply:
        try:
            body = json.loads(call.request.body)
        except ValueError:
            return error_reply(400, "invalid_request", "The body isn't JSON.")
        try:
            params = check(body, refuses_unknown_fields=self.settings.refuses_unknown_fields)
        except BadRequestError as error:
            return error_reply(400, "invalid_request", str(error), param=error.param)
        key = call.request.headers.get("idempotency-key", "") if self.settings.honours_idempotency_keys else ""
        body_sha256 = hashlib.sha256(call.request.body).hexdigest() if key else ""
        if earlier := self._job_of_key.get(key):
            call.job_id = earlier.id
            if earlier.body_sha256 != body_sha256:
                return error_reply(422, "idempotency_key_reused", "This key was used with another request.")
            return json_reply(self._accepted(earlier, call), status=202, headers={"Idempotent-Replayed": "true"})
        if params["model"] in self.settings.models_off:
            return error_reply(403, "model_not_allowed", "This model is not allowed for the account.")
        job = self._new_job(params, call.at)
        if job.price_credits > self.books.balance_credits:
            return error_reply(402, "insufficient_credits", "The account has too few credits.")
        job.idempotency_key, job.body_sha256 = key, body_sha256
        call.job = job
        return json_reply(self._accepted(job, call), status=202)

    def _new_job(self, params: dict[str, Any], at: float) -> Job:
        number = len(self._jobs) + 1
        job = Job(
            id=f"job_{int(chance(self.seed, 'job', number) * 2**48):012x}",
            number=number,
            params=params,
            price_credits=price_credits(params, audio_surcharge_credits=self.settings.audio_surcharge_credits),
            accepted_at=at,
        )
        if self.settings.job_seconds:
            low, high = self.settings.job_seconds
            seconds = low + (high - low) * chance(self.seed, "length", number)
            job.begins_at, job.ends_at = at + PENDING_SHARE * seconds, at + seconds
            if (roll := chance(self.seed, "failure", number)) < self.settings.failure_rate:
                job.error_code, job.error_message = SELF_MADE_FAILURES[int(roll * 2**20) % len(SELF_MADE_FAILURES)]
        return job

    def _accepted(self, job: Job, call: Call) -> dict[str, Any]:
        record = self._record(job, call.view)
        short = {"id": record["id"], "status": record["status"]}
        shapes = {"flat": {**record, "job": short}, "id": {"id": job.id}, "job": {"job": short}}
        return shapes[self.settings.accepted_as]

    def _list(self, call: Call) -> Reply:
        limit, offset = call.query.get("limit", "20"), call.query.get("offset", "0")
        status = call.query.get("status", "")
        if not re.fullmatch("[1-9]|[1-4][0-9]|50", limit):
            return error_reply(400, "invalid_request", "limit: must be 1 to 50", param="limit")
        if not re.fullmatch("[0-9]{1,9}", offset):
            return error_reply(400, "invalid_request", "offset: must be 0 or more", param="offset")
        if status and status not in STATUSES:
            return error_reply(400, "invalid_request", f"status: must be one of {STATUSES}", param="status")
        at = call.view.at
        newest_first = (job for job in reversed(self._jobs.values()) if job.accepted_at <= at)
        asked = (job for job in newest_first if not status or job.status_at(at) == status)
        page = islice(asked, int(offset), int(offset) + int(limit))
        return json_reply({"data": [self._record(job, call.view) for job in page]})

    def _retrieve(self, call: Call) -> Reply:
        job = self._jobs.get(call.job_id)
        if job is None or job.accepted_at > call.view.at:
            return error_reply(404, "not_found", "There is no such job.")
        return json_reply(self._record(job, call.view))

    def _record(self, job: Job, view: View) -> dict[str, Any]:
        """A job's record as the contract defines it for its status."""
        status = job.status_at(view.at)
        record: dict[str, Any] = {
            "id": job.id,
            "status": status,
            "model": job.params["model"],
            "created_at": moment(job.accepted_at + view.skew_seconds),
            "tchavi": {"credits_used": job.price_credits},
        }
        if status == "completed":
            expires_at = self.now + view.link_seconds
            record["output"] = {
                "video_url": f"{view.origin}/outputs/{job.id}/{self._token(job, expires_at)}.mp4",
                "duration": billed_seconds(job.params),
                "resolution": job.params.get("resolution", "480p"),
                "file_size_mb": round(len(self.clip) / 1_000_000, 2),
                "url_expires_at": moment(expires_at + view.skew_seconds),
            }
        elif status == "failed":
            record["error"] = {"code": job.error_code, "message": job.error_message}
            record["tchavi"]["credits_refunded"] = job.price_credits
        return record

    def _token(self, job: Job, expires_at: float) -> str:
        """A signed expiry time in milliseconds, valid for this job only and across restarts."""
        milliseconds = round(expires_at * 1000)
        return f"{milliseconds}-{int(chance(self.seed, job.id, milliseconds) * 2**48):012x}"

    def _output(self, call: Call) -> Reply:
        job, token = self._jobs.get(call.job_id), call.path.rpartition("/")[2].removesuffix(".mp4")
        expires_at = int(token.partition("-")[0]) / 1000
        if job is None or job.status_at(call.at) != "completed":
            return error_reply(404, "not_found", "There is no such video.")
        if token != self._token(job, expires_at):
            return error_reply(403, "forbidden", "This URL is not valid.")
        if expires_at <= call.at:
            return error_reply(410, "expired", "This URL has expired.")
        return reply_with(self.output_of(job.id), content_type="video/mp4")

    def _upload(self, call: Call) -> Reply:
        part = _file_part(call.request)
        if part is None:
            return error_reply(400, "invalid_request", "file: must be a file in multipart/form-data", param="file")
        name, content_type, content = part
        number = len(self.files) + 1
        call.file = StoredFile(
            id=f"file_{int(chance(self.seed, 'file', number) * 2**48):012x}",
            name=name,
            content_type=content_type,
            byte_count=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        record = {
            "id": call.file.id,
            "url": f"{self.settings.origin}/files/{call.file.id}",
            "url_expires_at": moment(call.at + call.view.link_seconds),
            "kind": content_type.partition("/")[0],
            "content_type": content_type,
            "byte_count": len(content),
            "width": None,
            "height": None,
            "duration": None,
            "needs_trim": False,
        }
        return json_reply(record, status=201)

    # --- Methods for tests: changes -----------------------------------------------------------------------------------

    def arm(self, route: str, kind: str, *, times: int | None = 1, **particulars: Any) -> None:
        """Make the next `times` requests of `route` (None: all) hit a fault; see `faults.KINDS` and `faults.Fault`."""
        check_route(route, kind)
        fault = Fault(kind=kind, **particulars)
        self._commit({"event": "arm", "route": route, "fault": dict(vars(fault)), "times": times})

    def disarm(self) -> None:
        """Remove all armed faults and the odds."""
        self._commit({"event": "disarm"})

    def set_odds(self, odds: Odds) -> None:
        """Replace the probabilities of seeded faults by route and kind."""
        check_odds(odds)
        self._commit({"event": "odds", "odds": {route: dict(kinds) for route, kinds in odds.items()}})

    def set(self, **changes: Any) -> None:
        """Change settings; see `Settings`."""
        self.settings.changed(changes)
        self._commit({"event": "set", "changes": changes})

    def set_balance(self, credits: int) -> None:
        """Deposit or withdraw until the balance is `credits`."""
        self._settle(self.now)
        self._commit({"event": "deposit", "amount_credits": credits - self.books.balance_credits})

    def advance(self, seconds: float) -> None:
        """Move this upstream's clock ahead."""
        self._commit({"event": "advance", "seconds": seconds})

    def take_down(self, seconds: float) -> None:
        """Stop listening for `seconds`; 0 ends it."""
        self._commit({"event": "down", "until": self.now + seconds})

    def add_job(self, **params: Any) -> str:
        """Add a job from another program with the same account, charged like any other; returns its id."""
        job = self._new_job(check(params, refuses_unknown_fields=True), self.now)
        job.is_foreign = True
        self._commit({"event": "job", "job": dict(vars(job))})
        return job.id

    def begin(self, job_id: str) -> None:
        """Make a pending job "processing" now."""
        self._require_open(job_id)
        self._commit({"event": "begin", "job_id": job_id})

    def finish(self, job_id: str) -> None:
        """Complete an open job now."""
        self._require_open(job_id)
        self._commit({"event": "end", "job_id": job_id, "code": "", "message": ""})

    def fail(self, job_id: str, code: str = "upstream_error", message: str = "The model did not answer.") -> None:
        """Fail an open job now, and refund it."""
        self._require_open(job_id)
        self._commit({"event": "end", "job_id": job_id, "code": code, "message": message})

    def note_fetch(self, fetch: ReferenceFetch) -> None:
        """Record the result of fetching a reference."""
        self._commit({"event": "reference", "fetch": dict(vars(fetch))})

    def _require_open(self, job_id: str) -> None:
        if job_id not in self._jobs or self._jobs[job_id].status_at(self.now) not in ("pending", "processing"):
            raise ValueError(f"{job_id} isn't an open job")

    # --- Methods for tests: facts -------------------------------------------------------------------------------------

    def jobs(self, *, prompt: str | None = None, seed: int | None = None) -> list[JobFacts]:
        """All jobs, oldest first, or those with a prompt or seed: every one was accepted and billed."""
        at = self.now
        self._settle(at)
        return [
            JobFacts(
                id=job.id,
                status=job.status_at(at),
                model=job.params["model"],
                prompt=job.params["prompt"],
                seed=job.params.get("seed"),
                params=job.params,
                accepted_at=job.accepted_at,
                ends_at=job.ends_at,
                charged_credits=self.books.charged_credits[job.id],
                refunded_credits=self.books.refunded_credits.get(job.id),
                error_code=job.error_code if job.ends_at <= at else "",
                is_foreign=job.is_foreign,
            )
            for job in self._jobs.values()
            if prompt in (None, job.params["prompt"]) and (seed is None or seed == job.params.get("seed"))
        ]

    def requests(self, route: str | None = None) -> list[Exchange]:
        """All received requests in order, or those of one route."""
        return [exchange for exchange in self.books.exchanges if route in (None, exchange.route)]

    def audit(self) -> Totals:
        """The totals of the books. Raises `BooksError` if they are inconsistent or don't match the jobs."""
        at = self.now
        self._settle(at)
        totals = self.books.audit()
        for job in self._jobs.values():
            if self.books.charged_credits.get(job.id) != job.price_credits:
                raise BooksError(f"{job.id} costs {job.price_credits} but wasn't charged that")
            if (job.id in self.books.refunded_credits) != (job.status_at(at) == "failed"):
                raise BooksError(f"{job.id} is {job.status_at(at)}, but its refund says otherwise")
        foreign = sum(job.is_foreign for job in self._jobs.values())
        if not totals.job_count == len(self._jobs) == totals.accepted_post_count + foreign:
            raise BooksError(f"{len(self._jobs)} jobs, {foreign} of them foreign, don't match {totals}")
        return totals

    def output_of(self, job_id: str) -> bytes:
        """A job's complete video, as served when nothing goes wrong."""
        return with_label(self.clip, job_id)

    # --- Events -------------------------------------------------------------------------------------------------------

    def _commit(self, event: Event) -> None:
        event.setdefault("at", self.now)
        self._journal(event)
        self._apply(event)

    def _apply(self, event: Event) -> None:
        at = event["at"]
        self._settle(at)
        match event["event"]:
            case "request":
                self._apply_request(event)
            case "job":
                self._add_job(Job(**event["job"]))
            case "begin":
                self._jobs[event["job_id"]].begins_at = at
            case "end":
                job = self._jobs[event["job_id"]]
                job.begins_at, job.ends_at = min(job.begins_at, at), at
                job.error_code, job.error_message = event["code"], event["message"]
                self._expect_refund(job)
                self._settle(at)
            case "set":
                self.settings = self.settings.changed(event["changes"])
            case "deposit":
                self.books.deposit(event["amount_credits"], at=at)
            case "advance":
                self._offset_seconds += event["seconds"]
            case "down":
                self._down_until = event["until"]
            case "arm":
                self.script.arm(event["route"], Fault(**event["fault"]), times=event["times"])
            case "disarm":
                self.script.armed, self.script.odds = [], {}
            case "odds":
                self.script.odds = event["odds"]
            case "reference":
                fetch = ReferenceFetch(**event["fetch"])
                self.reference_fetches.append(fetch)
                self.unfetched_references.remove((fetch.job_id, fetch.url))
            case unknown:
                raise ValueError(f"unknown event in the journal: {unknown!r}")

    def _apply_request(self, event: Event) -> None:
        exchange = Exchange(**event["exchange"])
        self.books.exchanges.append(exchange)
        self._route_counts[exchange.route] = self._route_counts.get(exchange.route, 0) + 1
        self.script.spend(event["armed_number"])
        if event["is_counted"]:
            self._window.append(exchange.at)
        if event["job"]:
            self._add_job(Job(**event["job"]))
        if event["file"]:
            self.files.append(StoredFile(**event["file"]))
        if event["down_until"]:
            self._down_until = event["down_until"]

    def _add_job(self, job: Job) -> None:
        self.books.charge(job.id, job.price_credits, at=job.accepted_at)
        self._jobs[job.id] = job
        if job.idempotency_key:
            self._job_of_key[job.idempotency_key] = job
        if self.settings.fetches_references:
            self.unfetched_references += [(job.id, url) for url in dict.fromkeys(reference_urls(job.params))]
        self._expect_refund(job)

    def _expect_refund(self, job: Job) -> None:
        if job.error_code and job.ends_at < math.inf:
            heapq.heappush(self._refunds_due, (job.ends_at, job.id))

    def _settle(self, at: float) -> None:
        """Refund the jobs that have failed by now."""
        while self._refunds_due and self._refunds_due[0][0] <= at:
            failed_at, job_id = heapq.heappop(self._refunds_due)
            job = self._jobs[job_id]
            # If a test ended the job itself, its original end is still queued here.
            if job.ends_at == failed_at and job.error_code and job_id not in self.books.refunded_credits:
                self.books.refund(job_id, at=failed_at)


def _file_part(request: Request) -> tuple[str, str, bytes] | None:
    """Name, content type and content of the "file" part of a multipart body."""
    boundary = re.search(r'boundary="?([^";]+)', request.headers.get("content-type", ""))
    if boundary is None:
        return None
    for part in request.body.split(b"--" + boundary[1].encode())[1:-1]:
        head, found, content = part.partition(b"\r\n\r\n")
        text = head.decode(errors="replace")
        name = re.search(r'name="file"; *filename="([^"]*)"', text)
        if found and name:
            content_type = re.search(r"(?i)content-type: *([^\r\n;]+)", text)
            kind = content_type[1] if content_type else "application/octet-stream"
            return name[1], kind, content.removesuffix(b"\r\n")
    return None
