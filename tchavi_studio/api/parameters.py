"""The parameters of `/v1` outside the body. Query parameters are parsed from the same descriptions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tchavi_studio.client.records import EXAMPLE_JOB_ID, JobStatus
from tchavi_studio.generations.params import Problem

from .errors import invalid_request
from .idempotency import HEADER as IDEMPOTENCY_HEADER
from .queries import JOB_PATTERN
from .records import note_record
from .waiting import MAX_WAIT_SECONDS


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of an operation. `place` is "path", "query" or "header"; `schema` is its JSON Schema."""

    name: str
    place: str
    schema: Mapping[str, Any]
    description: str | Promise


JOB_ID = Parameter(
    name="id",
    place="path",
    schema={"type": "string", "pattern": f"^{JOB_PATTERN.pattern}$", "examples": [EXAMPLE_JOB_ID]},
    description=gettext_lazy("The job's id."),
)
IDEMPOTENCY_KEY = Parameter(
    name=IDEMPOTENCY_HEADER,
    place="header",
    schema={"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    description=gettext_lazy(
        "Makes it safe to send a request again: for 24 hours, the same key with the same body gets the first answer "
        "again and isn't charged a second time."
    ),
)
PREFER = Parameter(
    name="Prefer",
    place="header",
    schema={"type": "string", "examples": ["wait=30"]},
    description=format_lazy(
        gettext_lazy(
            "“wait=N” holds the answer back until the job has ended, for up to N seconds (at most {max_seconds}), if "
            "the server has room for it. If it did, Preference-Applied says so."
        ),
        max_seconds=MAX_WAIT_SECONDS,
    ),
)
STATUS = Parameter(
    name="status",
    place="query",
    schema={"type": "string", "enum": list(JobStatus)},
    description=gettext_lazy("Only jobs with this status."),
)
OFFSET = Parameter(
    name="offset",
    place="query",
    schema={"type": "integer", "minimum": 0, "maximum": 1_000_000, "default": 0},
    description=gettext_lazy("How many to skip."),
)
AFTER = Parameter(
    name="after",
    place="query",
    schema=JOB_ID.schema,
    description=gettext_lazy(
        "Only jobs older than this one: the last job's id gets the next page, however many new jobs came meanwhile. "
        "The offset is then ignored."
    ),
)
BEFORE = Parameter(
    name="before",
    place="query",
    schema={"type": "integer", "minimum": 1, "maximum": 999_999_999},
    description=gettext_lazy("Only transfers before this sequence number, to get the next page."),
)


def limit(description: str | Promise) -> Parameter:
    """The `limit` parameter of a list, with its own description."""
    schema = {"type": "integer", "minimum": 1, "maximum": 50, "default": 20}
    return Parameter(name="limit", place="query", schema=schema, description=description)


def read_query(parameters: Sequence[Parameter], query: Mapping[str, str]) -> dict[str, Any]:
    """The values of the query parameters by name; None for a missing one without a default.

    Raises the 400 that lists every problem.
    """
    problems: list[Problem] = []
    values = {
        parameter.name: _read(parameter, query.get(parameter.name), problems)
        for parameter in parameters
        if parameter.place == "query"
    }
    if problems:
        raise invalid_request([note_record(problem) for problem in problems])
    return values


def _read(parameter: Parameter, text: str | None, problems: list[Problem]) -> str | int | None:
    name, schema = parameter.name, parameter.schema
    if "pattern" in schema and text is not None:
        if re.fullmatch(schema["pattern"], text, re.ASCII):
            return text
        message = _("%(field)s must be the id of a job.") % {"field": name}
        problems.append(Problem(field=name, code="not_a_job_id", message=message))
        return None
    if not text:
        default: int | None = schema.get("default")
        return default
    if "enum" in schema:
        if text in schema["enum"]:
            return text
        message = _("Choose one of: %(allowed)s.") % {"allowed": ", ".join(schema["enum"])}
        problems.append(Problem(field=name, code="not_a_choice", message=message))
        return None
    lowest, highest = schema["minimum"], schema["maximum"]
    # int() would also accept "+5", " 5" and other scripts' digits.
    if text.isascii() and text.isdecimal() and len(text) <= 9 and lowest <= int(text) <= highest:
        return int(text)
    message = _("%(field)s must be a whole number from %(min)s to %(max)s.") % {
        "field": name,
        "min": lowest,
        "max": highest,
    }
    problems.append(Problem(field=name, code="out_of_range", message=message))
    return None
