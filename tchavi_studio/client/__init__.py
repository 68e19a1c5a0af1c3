"""A Python client for Tchavi's video API, and for any Studio. It needs httpx and nothing else.

    from tchavi_studio.client import Tchavi

    with Tchavi(api_key="sk-tch_…") as client:
        job = client.videos.generations.create_and_wait(model="seedance-2", prompt="A paper boat in the rain")
        client.download(job, "boat.mp4")

`AsyncTchavi` is the same with `await`. Everything it raises on purpose is a `TchaviError`; `errors.py` has the tree.
"""

from tchavi_studio.client.async_client import AsyncTchavi
from tchavi_studio.client.client import Tchavi
from tchavi_studio.client.connection import DEFAULT_BASE_URL, Clock
from tchavi_studio.client.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    ConflictError,
    DownloadError,
    InsufficientCreditsError,
    InvalidRequestError,
    JobFailedError,
    JobNotFinishedError,
    JobTimeoutError,
    MissingKeyError,
    NotFoundError,
    NotOfferedError,
    PermissionDeniedError,
    Problem,
    RateLimitError,
    ServerError,
    TchaviError,
    UnprocessableError,
    UnreadableAnswerError,
    UpstreamError,
    UsageError,
)
from tchavi_studio.client.parameters import GenerationParams, MediaSource
from tchavi_studio.client.records import JobStatus
from tchavi_studio.client.results import (
    Credits,
    Job,
    JobError,
    JobPage,
    Quote,
    ResponseInfo,
    Transfer,
    UploadedFile,
    VideoModel,
    VideoOutput,
)

__all__ = [
    "DEFAULT_BASE_URL",
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "AsyncTchavi",
    "AuthenticationError",
    "Clock",
    "ConflictError",
    "Credits",
    "DownloadError",
    "GenerationParams",
    "InsufficientCreditsError",
    "InvalidRequestError",
    "Job",
    "JobError",
    "JobFailedError",
    "JobNotFinishedError",
    "JobPage",
    "JobStatus",
    "JobTimeoutError",
    "MediaSource",
    "MissingKeyError",
    "NotFoundError",
    "NotOfferedError",
    "PermissionDeniedError",
    "Problem",
    "Quote",
    "RateLimitError",
    "ResponseInfo",
    "ServerError",
    "Tchavi",
    "TchaviError",
    "Transfer",
    "UnprocessableError",
    "UnreadableAnswerError",
    "UploadedFile",
    "UpstreamError",
    "UsageError",
    "VideoModel",
    "VideoOutput",
]
