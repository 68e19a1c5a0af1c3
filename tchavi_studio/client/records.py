"""The JSON of the API, each field declared once.

The server builds these records, makes its OpenAPI description from them and sends them to webhooks; this client reads
its results by them. Texts are marked with `_` for translation: the server translates them when it serves them.
"""

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import Annotated, Literal, NotRequired, TypedDict


def _(text: str) -> str:
    return text


class Doc:
    """What a field's type doesn't say: its meaning, and the JSON Schema keywords that go with it."""

    def __init__(self, description: str = "", /, **keywords: object) -> None:
        self.description = description
        self.keywords: Mapping[str, object] = keywords


class Values(Enum):
    """Marks a field whose values the server defines. This client takes whatever comes."""

    MODEL = auto()
    RESOLUTION = auto()
    SEED = auto()
    ENGINE = auto()
    BOOK = auto()
    FILE_KIND = auto()
    TRANSFER_KIND = auto()


class JobStatus(StrEnum):
    """The four states of the contract. `Job.status` stays a plain string, because a server may know more."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


EXAMPLE_JOB_ID = "job_5f0c1d0e8a5b4c0f9d3a7e2b6c1f4a90"

Url = Annotated[str, Doc(format="uri")]
Moment = Annotated[str, Doc(format="date-time")]
"""ISO 8601 in UTC, to the second: 2026-11-23T14:00:00Z."""
WholeCredits = Annotated[int, Doc(minimum=0)]


# --- Jobs -------------------------------------------------------------------------------------------------------------


class OutputRecord(TypedDict):
    video_url: Annotated[Url, Doc(_("The MP4. This link needs no key and works for a day."))]
    duration: Annotated[float, Doc(_("Seconds."))]
    resolution: Annotated[str, Values.RESOLUTION]
    file_size_mb: Annotated[float, Doc(_("Millions of bytes."))]
    url_expires_at: Annotated[Moment, Doc(_("When video_url stops working. Get the job again for a new one."))]


class JobErrorRecord(TypedDict):
    code: Annotated[str, Doc(_("Stable, for programs."))]
    message: Annotated[str, Doc(_("The full reason, for people."))]


class BillingRecord(TypedDict):
    credits_used: Annotated[WholeCredits, Doc(_("What was charged."))]
    credits_refunded: NotRequired[
        Annotated[WholeCredits, Doc(_("What was refunded. Present once the job has failed."))]
    ]


class StudioRecord(TypedDict):
    engine: Annotated[str, Values.ENGINE, Doc(_("What makes the clip."))]
    seed: Annotated[int, Values.SEED, Doc(_("The seed that was requested or drawn."))]
    is_test: Annotated[bool, Doc(_("Whether it was requested with a test key."))]


class JobFacts(TypedDict):
    """What both the API and a webhook say of a job."""

    id: Annotated[str, Doc(_("The job's id."), examples=[EXAMPLE_JOB_ID])]
    status: JobStatus
    model: Annotated[str, Values.MODEL]
    created_at: Annotated[Moment, Doc(_("When it was accepted."))]
    tchavi: BillingRecord
    error: NotRequired[Annotated[JobErrorRecord, Doc(_("Present once the job has failed."))]]


class JobRecord(JobFacts):
    studio: Annotated[StudioRecord, Doc(_("What Studio adds to Tchavi's API."))]
    output: NotRequired[Annotated[OutputRecord, Doc(_("Present once the job is completed."))]]


class JobReferenceRecord(TypedDict):
    id: Annotated[str, Doc(_("The job's id."))]
    status: JobStatus


class NoteRecord(TypedDict):
    """A problem, a warning or a hint about one field of a request."""

    param: Annotated[str, Doc(_("The field."))]
    index: NotRequired[Annotated[int, Doc(_("The position in the field's list, from 0."), minimum=0)]]
    code: Annotated[str, Doc(_("Stable, for programs."))]
    message: Annotated[str, Doc(_("For people."))]


Warnings = Annotated[list[NoteRecord], Doc(_("Unknown fields, which are ignored."))]
Hints = Annotated[list[NoteRecord], Doc(_("What the model may do differently from what was asked."))]


class AcceptedJobRecord(JobRecord):
    """The answer to a request for a clip. `job` is there because both readings of the contract exist."""

    job: Annotated[JobReferenceRecord, Doc(_("The same id and status again, for programs that look for them here."))]
    warnings: Warnings
    hints: Hints


class JobListRecord(TypedDict):
    data: list[JobRecord]
    has_more: Annotated[bool, Doc(_("Whether there are older jobs."))]


class EndedStudioRecord(StudioRecord):
    source: Literal["api", "browser"]


class EndedJobRecord(JobFacts):
    """What a webhook is sent when a job ends. It has no output: links expire, and a message may come late."""

    finished_at: Moment
    studio: EndedStudioRecord


# --- Everything else --------------------------------------------------------------------------------------------------


class QuoteRecord(TypedDict):
    credits: Annotated[WholeCredits, Doc(_("What the request would cost with this key; 0 with a test key."))]
    credits_per_second: WholeCredits
    billed_seconds: Annotated[int, Doc(_("The seconds that are billed."), minimum=1)]
    balance: Annotated[WholeCredits, Doc(_("Credits in the wallet."))]
    is_affordable: Annotated[bool, Doc(_("Whether the wallet holds enough now."))]
    warnings: Warnings
    hints: Hints


class FileRecord(TypedDict):
    id: Annotated[str, Doc(_("The file's id."))]
    url: Annotated[Url, Doc(_("Works as any reference, for a day."))]
    url_expires_at: Annotated[Moment, Doc(_("When url stops working. Upload the same file again for a new one."))]
    kind: Annotated[str, Values.FILE_KIND]
    content_type: Annotated[str, Doc(_("As stored: photos may be converted."))]
    byte_count: Annotated[int, Doc(_("As stored."), minimum=1)]
    width: Annotated[int | None, Doc(_("Pixels; null for audio."), minimum=1)]
    height: Annotated[int | None, Doc(_("Pixels; null for audio."), minimum=1)]
    duration: Annotated[float | None, Doc(_("Seconds; null for photos."))]
    needs_trim: Annotated[
        bool, Doc(_("Whether it is too long for the models and must first be trimmed in the studio."))
    ]


class TransferRecord(TypedDict):
    sequence: Annotated[int, Doc(_("The row's number in this workspace's ledger."), minimum=1)]
    kind: Annotated[str, Values.TRANSFER_KIND]
    amount: Annotated[int, Doc(_("The change to the wallet: negative for a charge."))]
    balance_after: Annotated[WholeCredits, Doc(_("Credits in the wallet afterwards."))]
    job_id: Annotated[str | None, Doc(_("The job that was charged or refunded."))]
    reason: str
    created_at: Moment


class CreditsRecord(TypedDict):
    balance: Annotated[WholeCredits, Doc(_("Credits in the wallet."))]
    book: Annotated[str, Values.BOOK, Doc(_("Play credits or real ones."))]
    is_test: Annotated[bool, Doc(_("Whether the key is a test key, which spends nothing."))]
    statement: Annotated[list[TransferRecord], Doc(_("The wallet's transfers, newest first: all, or one's own."))]
    has_more: Annotated[bool, Doc(_("Whether there are older transfers."))]


PricingRecord = TypedDict(
    "PricingRecord",
    {
        "unit": Literal["credits_per_second"],
        "480p": WholeCredits,
        "720p": WholeCredits,
        "audio_surcharge": Annotated[WholeCredits, Doc(_("More per second with sound."))],
    },
)


class ModelRecord(TypedDict):
    id: Annotated[str, Values.MODEL]
    name: Annotated[str, Doc(_("Its name for people."))]
    parameters: Annotated[dict[str, dict[str, object]], Doc(_("Limits and defaults, by parameter."))]
    pricing: PricingRecord
    hints: Annotated[list[str], Doc(_("What the model does best."))]


class ModelListRecord(TypedDict):
    data: list[ModelRecord]


class ErrorDetailsRecord(TypedDict):
    code: Annotated[str, Doc(_("Stable, for programs."))]
    message: Annotated[str, Doc(_("What happened, whether credits moved, and what to do next."))]
    status: Annotated[int, Doc(_("The HTTP status again."), minimum=400, maximum=599)]
    param: NotRequired[Annotated[str, Doc(_("The first field with a problem."))]]
    details: NotRequired[Annotated[list[NoteRecord], Doc(_("All the request's problems."))]]


class ErrorRecord(TypedDict):
    error: ErrorDetailsRecord
