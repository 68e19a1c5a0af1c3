"""Everything the client raises on purpose, in one tree.

    TchaviError
    ├── UsageError                  the client was used in a way that can't work; nothing was sent
    │   └── MissingKeyError
    ├── APIError                    the server answered, and the answer is an error
    │   ├── AuthenticationError     401
    │   ├── InsufficientCreditsError 402
    │   ├── PermissionDeniedError   403
    │   ├── InvalidRequestError     400 and any other 4xx
    │   │   ├── NotFoundError       404
    │   │   ├── ConflictError       409
    │   │   └── UnprocessableError  422
    │   ├── RateLimitError          429
    │   ├── ServerError             500 and any other 5xx
    │   ├── UpstreamError           502, 503, 504
    │   ├── NotOfferedError         this server doesn't know the call (404, 405, 501)
    │   └── UnreadableAnswerError   the answer isn't what the API promises
    ├── APIConnectionError          no answer came
    │   └── APITimeoutError         … in time (a builtin `TimeoutError` too)
    ├── JobFailedError              the job ended as failed
    ├── JobNotFinishedError         there is nothing to download yet
    ├── JobTimeoutError             the job didn't finish in time, and goes on (a builtin `TimeoutError` too)
    └── DownloadError               the clip couldn't be downloaded completely

Your own disk raises `OSError`, as always.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tchavi_studio.client.results import Job, ResponseInfo

WITHOUT_EXPLANATION = "The server answered {status} without an explanation."
"""What an error's message is where the server gave none."""


class TchaviError(Exception):
    """Base of the tree. `message` is for people.

    `outcome_unknown` is True if a request that costs credits may have been carried out although no usable answer came.
    Sending it again could bill it twice: look in `jobs.list()` first, or repeat it with the same `idempotency_key` at a
    server that honours such keys. `job_id` is the job that the error is about, if there is one: after
    `create_and_wait` has raised, that job may still be running.
    """

    outcome_unknown: bool = False
    idempotency_key: str = ""
    job_id: str = ""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message


class UsageError(TchaviError, ValueError):
    """The client was used in a way that can't work; nothing was sent."""


class MissingKeyError(UsageError):
    """No API key was given."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong with a request. `param` is "" if the server names no parameter.

    `index` is the position, from 0, in a parameter that is a list.
    """

    param: str = ""
    message: str = ""
    code: str = ""
    index: int | None = None


class APIError(TchaviError):
    """The server answered with an error.

    `details` is what the server sent, as it came; `problems` is the readable form of it.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int = 0,
        code: str = "",
        param: str = "",
        details: object = None,
        retry_after_seconds: float | None = None,
        response: ResponseInfo | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.details = details
        self.retry_after_seconds = retry_after_seconds
        self.response = response or ResponseInfo()

    @property
    def request_id(self) -> str:
        return self.response.request_id

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem that the server listed, or the error itself if it listed none."""
        listed = tuple(_read_problems(self.details))
        return listed or (Problem(param=self.param, message=self.message, code=self.code),)

    def __str__(self) -> str:
        facts = " ".join(part for part in (str(self.status or ""), self.code) if part)
        if self.request_id:
            facts = f"{facts}, request {self.request_id}" if facts else f"request {self.request_id}"
        return f"{self.message} ({facts})" if facts else self.message


class AuthenticationError(APIError):
    """401: the key is unknown, revoked or missing."""


class InsufficientCreditsError(APIError):
    """402: there aren't enough credits for this request. Nothing was charged."""


class PermissionDeniedError(APIError):
    """403: the key is valid, but isn't allowed to do this (use this model, for instance)."""


class InvalidRequestError(APIError):
    """The request itself is wrong, and `problems` lists how. Nothing was charged."""


class NotFoundError(InvalidRequestError):
    """404: no such job for this key."""


class ConflictError(InvalidRequestError):
    """409: the request conflicts with another, such as one with the same idempotency key that is still running."""


class UnprocessableError(InvalidRequestError):
    """422: well-formed but refused, for instance because its idempotency key was used for another request."""


class RateLimitError(APIError):
    """429: too many requests. Wait `retry_after_seconds` (None if the server gives no time). Nothing was charged."""


class ServerError(APIError):
    """500: the server failed."""


class UpstreamError(APIError):
    """502, 503, 504: the server is overloaded, or something behind it didn't answer."""


class NotOfferedError(APIError):
    """This server doesn't know the call, which only a Studio offers."""


class UnreadableAnswerError(APIError):
    """The server answered, but not with what the API promises (no JSON, no job id, a redirect)."""


class APIConnectionError(TchaviError):
    """No answer came: there was no connection, or it broke. `is_transient` is False if trying again can't help."""

    def __init__(self, message: str = "", *, is_transient: bool = True) -> None:
        super().__init__(message)
        self.is_transient = is_transient


class APITimeoutError(APIConnectionError, TimeoutError):
    """No answer came in time."""


class JobFailedError(TchaviError):
    """The job failed. `code` and `message` are the job's own. The server refunds its credits."""

    def __init__(self, job: Job) -> None:
        super().__init__((job.error.message if job.error else "") or "no reason was given")
        self.args = (job,)
        self.job = job
        self.job_id = job.id
        self.code = job.error.code if job.error else ""
        self.credits_refunded = job.credits_refunded

    def __str__(self) -> str:
        code = f" ({self.code})" if self.code else ""
        refund = f" {self.credits_refunded:,} credits were refunded." if self.credits_refunded is not None else ""
        return f"Job {self.job_id} failed: {self.message.rstrip('.')}{code}.{refund}"


class JobNotFinishedError(TchaviError):
    """The job has no clip to download yet."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"Job {job.id} is {job.status or 'in an unknown state'}: there is no clip to download yet.")
        self.args = (job,)
        self.job = job
        self.job_id = job.id


class JobTimeoutError(TchaviError, TimeoutError):
    """The job didn't finish in time. It goes on: `jobs.wait(error.job_id)` waits for it again."""

    def __init__(self, job: Job, timeout_seconds: float) -> None:
        super().__init__(
            f"Job {job.id} is still {job.status or 'open'} after {timeout_seconds:g} s. It goes on and "
            f"stays charged. Ask for it again by its id."
        )
        self.args = (job, timeout_seconds)
        self.job = job
        self.job_id = job.id
        self.timeout_seconds = timeout_seconds


class DownloadError(TchaviError):
    """The clip couldn't be downloaded completely, and no file was left behind. The job itself isn't affected."""


def api_error(
    *, status: int, body: object, retry_after_seconds: float | None = None, response: ResponseInfo
) -> APIError:
    """The error for an answer outside 2xx. `body` is the decoded JSON, or None if it wasn't JSON."""
    envelope = body if isinstance(body, dict) else {}
    error = envelope.get("error", envelope)
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        error = {}
    message = error.get("message")
    code = error.get("code")
    param = error.get("param")
    return _error_class(status)(
        message if isinstance(message, str) and message else WITHOUT_EXPLANATION.format(status=status),
        status=status,
        code=code if isinstance(code, str) else "",
        param=param if isinstance(param, str) else "",
        details=error.get("details"),
        retry_after_seconds=retry_after_seconds,
        response=response,
    )


def _error_class(status: int) -> type[APIError]:
    known: dict[int, type[APIError]] = {
        401: AuthenticationError,
        402: InsufficientCreditsError,
        403: PermissionDeniedError,
        404: NotFoundError,
        409: ConflictError,
        422: UnprocessableError,
        429: RateLimitError,
        502: UpstreamError,
        503: UpstreamError,
        504: UpstreamError,
    }
    if status in known:
        return known[status]
    if 400 <= status < 500:
        return InvalidRequestError
    return ServerError if status >= 500 else UnreadableAnswerError


def _read_problems(details: object) -> list[Problem]:
    if isinstance(details, str):
        return [Problem(message=details)]
    if isinstance(details, list):
        return [problem for entry in details for problem in _read_problems(entry)]
    if isinstance(details, Mapping):
        texts = {name: value if isinstance(value, str) else "" for name, value in details.items()}
        if texts.get("message"):
            index = details.get("index")
            return [
                Problem(
                    param=texts.get("param", ""),
                    message=texts["message"],
                    code=texts.get("code", ""),
                    index=index if isinstance(index, int) else None,
                )
            ]
        # The other common shape: {"duration": ["must be …"], "seed": "must be …"}.
        return [
            Problem(param=str(name), message=problem.message)
            for name, value in details.items()
            for problem in _read_problems(value)
        ]
    return []
