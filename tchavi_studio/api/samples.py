"""Each call as a program would write it, for the reader's own address: with curl, in Python and in JavaScript."""

from string import Template

from .examples import JOB_ID

LANGUAGES = {"curl": "Shell", "python": "Python", "javascript": "JavaScript"}
"""Ids of the languages, with their names in `x-codeSamples`."""

# The base URL is put in as a plain text: it comes from the settings or from a host name that Django has checked.
SAMPLES: dict[str, dict[str, str]] = {
    "createGeneration": {
        "curl": """\
curl $base/videos/generations \\
  -H "Authorization: Bearer $$TCHAVI_API_KEY" \\
  -H "Content-Type: application/json" \\
  -H "Idempotency-Key: $$(uuidgen)" \\
  -d '{
    "model": "seedance-2",
    "prompt": "A paper boat drifts down a rain-filled street at golden hour",
    "duration": 5
  }'""",
        "python": """\
from tchavi_studio.client import Tchavi

# The key is read from TCHAVI_API_KEY.
with Tchavi(base_url="$base") as client:
    job = client.videos.generations.create_and_wait(
        model="seedance-2",
        prompt="A paper boat drifts down a rain-filled street at golden hour",
        duration=5,
    )
    client.download(job, "boat.mp4")""",
        "javascript": """\
const answer = await fetch("$base/videos/generations", {
  method: "POST",
  headers: {
    Authorization: `Bearer $${process.env.TCHAVI_API_KEY}`,
    "Content-Type": "application/json",
    "Idempotency-Key": crypto.randomUUID(),
  },
  body: JSON.stringify({
    model: "seedance-2",
    prompt: "A paper boat drifts down a rain-filled street at golden hour",
    duration: 5,
  }),
});
const job = await answer.json();
if (!answer.ok) throw new Error(job.error.message);
console.log(job.id, job.status);""",
    },
    "quoteGeneration": {
        "curl": """\
curl $base/videos/quote \\
  -H "Authorization: Bearer $$TCHAVI_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "kling-v3", "prompt": "Fishermen pull their nets at dawn", "resolution": "720p"}'""",
        "python": """\
quote = client.videos.quote(model="kling-v3", prompt="Fishermen pull their nets at dawn", resolution="720p")
print(quote.amount_credits)""",
        "javascript": """\
const answer = await fetch("$base/videos/quote", {
  method: "POST",
  headers: { Authorization: `Bearer $${process.env.TCHAVI_API_KEY}`, "Content-Type": "application/json" },
  body: JSON.stringify({ model: "kling-v3", prompt: "Fishermen pull their nets at dawn", resolution: "720p" }),
});
const { credits, hints } = await answer.json();""",
    },
    "listJobs": {
        "curl": """\
curl "$base/jobs?status=completed&limit=50" \\
  -H "Authorization: Bearer $$TCHAVI_API_KEY\"""",
        "python": """\
for job in client.jobs.list(status="completed", limit=50):
    print(job.id, job.output.video_url)""",
        "javascript": """\
const answer = await fetch("$base/jobs?status=completed&limit=50", {
  headers: { Authorization: `Bearer $${process.env.TCHAVI_API_KEY}` },
});
const { data } = await answer.json();""",
    },
    "retrieveJob": {
        "curl": """\
curl $base/jobs/$job \\
  -H "Authorization: Bearer $$TCHAVI_API_KEY" \\
  -H "Prefer: wait=30\"""",
        "python": """\
job = client.jobs.retrieve("$job")
print(job.status)""",
        "javascript": """\
const answer = await fetch("$base/jobs/$job", {
  headers: { Authorization: `Bearer $${process.env.TCHAVI_API_KEY}`, Prefer: "wait=30" },
});
const job = await answer.json();""",
    },
    "cancelJob": {
        "curl": """\
curl -X DELETE $base/jobs/$job \\
  -H "Authorization: Bearer $$TCHAVI_API_KEY\"""",
        "python": """\
job = client.jobs.cancel("$job")
print(job.credits_refunded)""",
        "javascript": """\
const answer = await fetch("$base/jobs/$job", {
  method: "DELETE",
  headers: { Authorization: `Bearer $${process.env.TCHAVI_API_KEY}` },
});""",
    },
    "uploadFile": {
        "curl": """\
curl $base/files \\
  -H "Authorization: Bearer $$TCHAVI_API_KEY" \\
  -F file=@first-frame.jpg""",
        "python": """\
file = client.files.upload("first-frame.jpg")
job = client.videos.generations.create(model="seedance-2", prompt="The waves roll in", image_url=file.url)""",
        "javascript": """\
const form = new FormData();
form.append("file", await openAsBlob("first-frame.jpg"), "first-frame.jpg"); // import { openAsBlob } from "node:fs"
const answer = await fetch("$base/files", {
  method: "POST",
  headers: { Authorization: `Bearer $${process.env.TCHAVI_API_KEY}` },
  body: form,
});
const { url } = await answer.json();""",
    },
    "readCredits": {
        "curl": """\
curl $base/credits \\
  -H "Authorization: Bearer $$TCHAVI_API_KEY\"""",
        "python": """\
print(client.credits.retrieve().balance_credits)""",
        "javascript": """\
const answer = await fetch("$base/credits", {
  headers: { Authorization: `Bearer $${process.env.TCHAVI_API_KEY}` },
});
const { balance } = await answer.json();""",
    },
    "listModels": {
        "curl": """\
curl $base/models \\
  -H "Authorization: Bearer $$TCHAVI_API_KEY\"""",
        "python": """\
for model in client.models.list():
    print(model.id, model.name)""",
        "javascript": """\
const answer = await fetch("$base/models", {
  headers: { Authorization: `Bearer $${process.env.TCHAVI_API_KEY}` },
});
const { data } = await answer.json();""",
    },
}


def samples(operation_id: str, base_url: str) -> list[dict[str, str]]:
    """The `x-codeSamples` of one operation, as documentation tools read them."""
    return [
        {"lang": LANGUAGES[language], "source": Template(text).substitute(base=base_url, job=JOB_ID)}
        for language, text in SAMPLES[operation_id].items()
    ]
