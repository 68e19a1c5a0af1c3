"""Code samples for each operation, in curl, Python and JavaScript, with the studio's own address."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from textwrap import indent
from typing import Any

from tchavi_studio.client.records import EXAMPLE_JOB_ID

from .dispatcher import Operation
from .examples import REQUEST
from .operations import OPERATIONS
from .parameters import IDEMPOTENCY_KEY, PREFER

LANGUAGES = {"curl": "Shell", "python": "Python", "javascript": "JavaScript"}
"""Ids of the languages, with their names in `x-codeSamples`."""

MAX_LINE_LENGTH = 100

FORM = """\
const form = new FormData();
form.append("file", await openAsBlob("first-frame.jpg"), "first-frame.jpg"); // import { openAsBlob } from "node:fs\""""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What can't be derived from the operation: the Python code, and what JavaScript does with the answer."""

    python: str
    javascript: tuple[str, ...] = ()
    query: str = ""
    prefer: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)


SAMPLES = {
    "createGeneration": Sample(
        body={name: REQUEST[name] for name in ("model", "prompt", "duration")},
        python="""\
from tchavi_studio.client import Tchavi

# The key is read from TCHAVI_API_KEY.
with Tchavi(base_url="BASE_URL") as client:
    job = client.videos.generations.create_and_wait(
        model="seedance-2",
        prompt="A paper boat drifts down a rain-filled street at golden hour",
        duration=5,
    )
    client.download(job, "boat.mp4")""",
        javascript=(
            "const job = await answer.json();",
            "if (!answer.ok) throw new Error(job.error.message);",
            "console.log(job.id, job.status);",
        ),
    ),
    "quoteGeneration": Sample(
        body={"model": "kling-v3", "prompt": "Fishermen pull their nets at dawn", "resolution": "720p"},
        python="""\
quote = client.videos.quote(model="kling-v3", prompt="Fishermen pull their nets at dawn", resolution="720p")
print(quote.amount_credits)""",
        javascript=("const { credits, hints } = await answer.json();",),
    ),
    "listJobs": Sample(
        query="?status=completed&limit=50",
        python="""\
for job in client.jobs.list(status="completed", limit=50):
    print(job.id, job.output.video_url)""",
        javascript=("const { data } = await answer.json();",),
    ),
    "retrieveJob": Sample(
        prefer="wait=30",
        python=f"""\
job = client.jobs.retrieve("{EXAMPLE_JOB_ID}")
print(job.status)""",
        javascript=("const job = await answer.json();",),
    ),
    "cancelJob": Sample(
        python=f"""\
job = client.jobs.cancel("{EXAMPLE_JOB_ID}")
print(job.credits_refunded)""",
    ),
    "uploadFile": Sample(
        python="""\
file = client.files.upload("first-frame.jpg")
job = client.videos.generations.create(model="seedance-2", prompt="The waves roll in", image_url=file.url)""",
        javascript=("const { url } = await answer.json();",),
    ),
    "readCredits": Sample(
        python="print(client.credits.retrieve().balance_credits)",
        javascript=("const { balance } = await answer.json();",),
    ),
    "listModels": Sample(
        python="""\
for model in client.models.list():
    print(model.id, model.name)""",
        javascript=("const { data } = await answer.json();",),
    ),
}


def samples(operation_id: str, base_url: str) -> list[dict[str, str]]:
    """The `x-codeSamples` of one operation, as documentation tools read them."""
    operation = next(operation for operation in OPERATIONS if operation.id == operation_id)
    sample = SAMPLES[operation_id]
    url = base_url + operation.path.replace("{id}", EXAMPLE_JOB_ID) + sample.query
    sources = {
        "curl": _curl(operation, sample, url),
        "python": sample.python.replace("BASE_URL", base_url),
        "javascript": _javascript(operation, sample, url),
    }
    return [{"lang": name, "source": sources[language]} for language, name in LANGUAGES.items()]


def _headers(operation: Operation, sample: Sample) -> dict[str, tuple[str, str]]:
    """The value of each header as text in a shell, and as an expression in JavaScript."""
    headers = {"Authorization": ("Bearer $TCHAVI_API_KEY", "`Bearer ${process.env.TCHAVI_API_KEY}`")}
    if sample.body:
        headers["Content-Type"] = (operation.content_type, json.dumps(operation.content_type))
    if IDEMPOTENCY_KEY in operation.parameters:
        headers[IDEMPOTENCY_KEY.name] = ("$(uuidgen)", "crypto.randomUUID()")
    if sample.prefer:
        headers[PREFER.name] = (sample.prefer, json.dumps(sample.prefer))
    return headers


def _curl(operation: Operation, sample: Sample, url: str) -> str:
    # With a body, curl posts by default.
    method = "" if operation.method in ("GET", "POST") else f"-X {operation.method} "
    lines = [f"curl {method}{json.dumps(url) if sample.query else url}"]
    lines += [f'-H "{name}: {text}"' for name, (text, _expression) in _headers(operation, sample).items()]
    if sample.body:
        lines.append(f"-d '{_fitted(json.dumps(sample.body), json.dumps(sample.body, indent=2))}'")
    elif operation.content_type:
        lines.append("-F file=@first-frame.jpg")
    return indent(" \\\n".join(lines), "  ").lstrip()


def _javascript(operation: Operation, sample: Sample, url: str) -> str:
    headers = {name: expression for name, (_text, expression) in _headers(operation, sample).items()}
    options = {} if operation.method == "GET" else {"method": json.dumps(operation.method)}
    options["headers"] = _object(headers)
    if sample.body:
        body = {name: json.dumps(value) for name, value in sample.body.items()}
        options["body"] = f"JSON.stringify({_object(body)})"
    elif operation.content_type:
        options["body"] = "form"
    call = [f"const answer = await fetch({json.dumps(url)}, {{"]
    call += [indent(f"{name}: {expression},", "  ") for name, expression in options.items()]
    return "\n".join([*([FORM] if "form" in options.values() else []), *call, "});", *sample.javascript])


def _object(members: Mapping[str, str]) -> str:
    """A JavaScript object literal, with quotation marks only around names that need them."""
    pairs = [f"{name if name.isalpha() else json.dumps(name)}: {value}" for name, value in members.items()]
    return _fitted("{ " + ", ".join(pairs) + " }", "{\n" + "".join(f"  {pair},\n" for pair in pairs) + "}")


def _fitted(one_line: str, several_lines: str) -> str:
    return one_line if len(one_line) <= MAX_LINE_LENGTH else several_lines
