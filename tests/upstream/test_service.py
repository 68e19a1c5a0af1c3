"""The upstream follows the contract."""

from typing import Any

import httpx
import pytest

from tests.upstream.books import BooksError
from tests.upstream.conftest import BOAT, CLIP, KEY, START, Clock, Maker, accepted, raw_client
from tests.upstream.service import Upstream

# Accepting


def test_accepted_job_is_described_and_charged(client: httpx.Client, upstream: Upstream) -> None:
    response = client.post("/videos/generations", json={**BOAT, "seed": 5})
    job_id = upstream.jobs(seed=5)[0].id
    assert (response.status_code, response.json()) == (
        202,
        {
            "id": job_id,
            "status": "pending",
            "model": "seedance-2",
            "created_at": "2026-03-01T12:00:00Z",
            "tchavi": {"credits_used": 1300},
            "job": {"id": job_id, "status": "pending"},
        },
    )
    headers = {name: value for name, value in response.headers.items() if name.startswith("x-")}
    assert headers == {
        "x-request-id": "req_1",
        "x-credits-used": "1300",
        "x-credits-remaining": "9998700",
        "x-ratelimit-rpm-limit": "300",
        "x-ratelimit-rpm-remaining": "299",
    }


@pytest.mark.parametrize(("shape", "answer"), [("id", {"id": "?"}), ("job", {"job": {"id": "?", "status": "pending"}})])
def test_other_shapes_of_the_202(client: httpx.Client, upstream: Upstream, shape: str, answer: dict[str, Any]) -> None:
    upstream.set(accepted_as=shape)
    response = client.post("/videos/generations", json=BOAT)
    assert response.text.replace(upstream.jobs()[0].id, "?") == httpx.Response(200, json=answer).text.replace(
        ":", ": "
    ).replace(",", ", ")


@pytest.mark.parametrize(
    ("params", "credits"),
    [
        ({}, 1300),
        ({"duration": 10}, 2600),
        ({"duration": -1}, 2600),
        ({"duration": 1, "resolution": "720p"}, 580),
        ({"duration": 15, "resolution": "720p", "model": "kling-v3"}, 8700),
    ],
)
def test_prices(client: httpx.Client, upstream: Upstream, params: dict[str, Any], credits: int) -> None:
    accepted(client, **params)
    assert upstream.audit().charged_credits == credits


def test_audio_surcharge(client: httpx.Client, upstream: Upstream) -> None:
    upstream.set(audio_surcharge_credits=40)
    accepted(client)
    accepted(client, generate_audio=False)
    assert [job.charged_credits for job in upstream.jobs()] == [1500, 1300]


URL = "https://studio.example/a.png"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ([], "body"),
        ({**BOAT, "promt": "x"}, "promt"),
        ({"prompt": "x"}, "model"),
        ({**BOAT, "model": "sora"}, "model"),
        ({**BOAT, "model": ["seedance-2"]}, "model"),
        ({"model": "seedance-2"}, "prompt"),
        ({**BOAT, "prompt": " "}, "prompt"),
        ({**BOAT, "prompt": "x" * 10_001}, "prompt"),
        ({**BOAT, "prompt": "a\0b"}, "prompt"),
        ({**BOAT, "duration": 0}, "duration"),
        ({**BOAT, "duration": 16}, "duration"),
        ({**BOAT, "duration": "5"}, "duration"),
        ({**BOAT, "duration": 2.5}, "duration"),
        ({**BOAT, "duration": True}, "duration"),
        ({**BOAT, "duration": None}, "duration"),
        ({**BOAT, "resolution": "1080p"}, "resolution"),
        ({**BOAT, "aspect_ratio": "2:1"}, "aspect_ratio"),
        ({**BOAT, "generate_audio": 1}, "generate_audio"),
        ({**BOAT, "seed": -1}, "seed"),
        ({**BOAT, "seed": 2**32}, "seed"),
        ({**BOAT, "image_url": "file:///etc/passwd"}, "image_url"),
        ({**BOAT, "image_url": ""}, "image_url"),
        ({**BOAT, "image_url": "http://[bad/"}, "image_url"),
        ({**BOAT, "last_frame_image_url": URL}, "last_frame_image_url"),
        ({**BOAT, "image_url": URL, "reference_images": [URL]}, "reference_images"),
        ({**BOAT, "reference_images": [URL] * 10}, "reference_images"),
        ({**BOAT, "reference_images": [5]}, "reference_images"),
        ({**BOAT, "reference_videos": [URL] * 4}, "reference_videos"),
        ({**BOAT, "reference_audios": [URL]}, "reference_audios"),
    ],
)
def test_bad_request_costs_nothing(client: httpx.Client, upstream: Upstream, body: Any, param: str) -> None:
    response = client.post("/videos/generations", json=body)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["status"], error["param"]) == (
        400,
        "invalid_request",
        400,
        param,
    )
    assert (upstream.jobs(), upstream.audit().charged_credits) == ([], 0)


def test_body_that_is_not_json(client: httpx.Client) -> None:
    assert client.post("/videos/generations", content=b"{").status_code == 400


@pytest.mark.parametrize(
    "params",
    [
        {"image_url": URL, "last_frame_image_url": URL, "reference_videos": [URL], "reference_audios": [URL]},
        {"reference_images": [URL] * 9, "reference_videos": [URL] * 3, "reference_audios": [URL] * 3},
        {"seed": 2**32 - 1, "duration": -1, "aspect_ratio": "adaptive", "generate_audio": False},
    ],
)
def test_every_valid_request_is_accepted(client: httpx.Client, upstream: Upstream, params: Any) -> None:
    job_id = accepted(client, **params)
    assert [(job.id, job.params) for job in upstream.jobs()] == [(job_id, {**BOAT, **params})]


# Refusals


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"api_keys": ["sk-tch_another"]}, 401, "invalid_api_key"),
        ({"models_off": ["seedance-2"]}, 403, "model_not_allowed"),
        ({"requests_per_minute": 0}, 429, "user_rate_limit_exceeded"),
    ],
)
def test_refusals(client: httpx.Client, upstream: Upstream, changes: dict[str, Any], status: int, code: str) -> None:
    upstream.set(**changes)
    response = client.post("/videos/generations", json=BOAT)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert ("x-credits-remaining" in response.headers, "x-request-id" in response.headers) == (status != 401, True)
    assert upstream.jobs() == []


def test_balance_can_be_spent_exactly(client: httpx.Client, upstream: Upstream) -> None:
    upstream.set_balance(1300)
    accepted(client)
    response = client.post("/videos/generations", json=BOAT)
    assert (response.status_code, response.json()["error"]["code"]) == (402, "insufficient_credits")
    assert upstream.audit().balance_credits == 0


def test_rate_limit_window_slides(client: httpx.Client, upstream: Upstream, clock: Clock) -> None:
    upstream.set(requests_per_minute=2)
    assert client.get("/jobs").headers["x-ratelimit-rpm-remaining"] == "1"
    clock.now += 40
    assert client.get("/jobs").headers["x-ratelimit-rpm-remaining"] == "0"
    refused = client.get("/jobs")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "20")
    clock.now += 20
    assert client.get("/jobs").status_code == 200
    assert client.get("/jobs").headers["retry-after"] == "40"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/videos/generations", 405),
        ("DELETE", "/v1/jobs/job_1", 405),
        ("GET", "/v1/jobs/job_1", 404),
        ("GET", "/v1/models", 404),
        ("POST", "/v1/files", 404),
        ("GET", "/", 404),
        ("GET", "/api/v1/jobs", 200),
        ("GET", "/outputs/job_1/1-a.mp4", 404),
    ],
)
def test_paths_and_methods(client: httpx.Client, method: str, path: str, status: int) -> None:
    response = client.request(method, f"http://upstream.test{path}")
    assert (response.status_code, response.headers["content-type"]) == (status, "application/json")


# Jobs


def test_job_states_follow_the_clock(make_upstream: Maker, clock: Clock) -> None:
    upstream = make_upstream(settings={"job_seconds": (10, 10)})
    with raw_client(upstream) as client:
        job_id = accepted(client)
        seen = []
        for _ in range(6):
            seen.append(client.get(f"/jobs/{job_id}").json()["status"])
            clock.now += 2
    assert seen == ["pending", *["processing"] * 4, "completed"]


def test_finished_job_has_its_video(client: httpx.Client, upstream: Upstream) -> None:
    job_id = accepted(client, duration=-1, resolution="720p")
    upstream.begin(job_id)
    assert client.get(f"/jobs/{job_id}").json()["status"] == "processing"
    upstream.finish(job_id)
    record = client.get(f"/jobs/{job_id}").json()
    url = record["output"].pop("video_url")
    assert record == {
        "id": job_id,
        "status": "completed",
        "model": "seedance-2",
        "created_at": "2026-03-01T12:00:00Z",
        "tchavi": {"credits_used": 5800},
        "output": {
            "duration": 10,
            "resolution": "720p",
            "file_size_mb": 0.01,
            "url_expires_at": "2026-03-02T12:00:00Z",
        },
    }
    video = httpx.Client(transport=client._transport).get(url)
    assert (video.status_code, video.headers["content-type"]) == (200, "video/mp4")
    assert video.content == upstream.output_of(job_id)
    assert video.content.startswith(CLIP)


def test_expired_link_is_renewed_by_retrieving_the_job(client: httpx.Client, upstream: Upstream, clock: Clock) -> None:
    upstream.set(link_seconds=60)
    job_id, other_id = accepted(client), accepted(client)
    upstream.finish(job_id)
    url = client.get(f"/jobs/{job_id}").json()["output"]["video_url"]
    clock.now += 59.999
    assert client.get(url).status_code == 200
    clock.now += 0.001
    assert client.get(url).status_code == 410
    assert client.get(client.get(f"/jobs/{job_id}").json()["output"]["video_url"]).status_code == 200
    upstream.finish(other_id)
    assert client.get(url.replace(job_id, other_id)).status_code == 403


def test_failed_job_is_refunded(client: httpx.Client, upstream: Upstream) -> None:
    job_id = accepted(client)
    upstream.fail(job_id, "content_policy_violation", "A face.")
    record = client.get(f"/jobs/{job_id}").json()
    assert (record["status"], record["error"]) == ("failed", {"code": "content_policy_violation", "message": "A face."})
    assert record["tchavi"] == {"credits_used": 1300, "credits_refunded": 1300}
    facts = upstream.jobs()[0]
    assert (facts.charged_credits, facts.refunded_credits) == (1300, 1300)
    assert upstream.audit().balance_credits == 10_000_000
    with pytest.raises(ValueError, match="isn't an open job"):
        upstream.finish(job_id)


def test_list_is_newest_first_filtered_and_paged(client: httpx.Client, upstream: Upstream) -> None:
    ids = [accepted(client, seed=seed) for seed in range(60)]
    for job_id in ids[:10]:
        upstream.finish(job_id)

    def listed(**query: Any) -> list[str]:
        return [record["id"] for record in client.get("/jobs", params=query).json()["data"]]

    newest_first = ids[::-1]
    assert listed() == newest_first[:20]
    assert listed(limit=50) == newest_first[:50]
    assert listed(limit=50, offset=50) == newest_first[50:]
    assert listed(status="completed", limit=3, offset=1) == newest_first[51:54]
    assert listed(status="failed") == []
    for query in ({"limit": 51}, {"limit": 0}, {"offset": -1}, {"status": "done"}):
        assert client.get("/jobs", params=query).status_code == 400


def test_foreign_job_is_charged(client: httpx.Client, upstream: Upstream) -> None:
    foreign_id = upstream.add_job(**BOAT)
    assert [record["id"] for record in client.get("/jobs").json()["data"]] == [foreign_id]
    totals = upstream.audit()
    assert (totals.job_count, totals.accepted_post_count, totals.charged_credits) == (1, 0, 1300)


# Another Studio


def test_uploads(client: httpx.Client, upstream: Upstream) -> None:
    upstream.set(takes_files=True)
    content = b"--x\r\n\r\n\x00\xff\r\n"
    response = client.post("/files", files={"file": ("boat.png", content, "image/png")})
    stored = upstream.files[0]
    assert (stored.name, stored.byte_count) == ("boat.png", len(content))
    assert response.json() == {
        "id": stored.id,
        "url": f"http://upstream.test/files/{stored.id}",
        "url_expires_at": "2026-03-02T12:00:00Z",
        "kind": "image",
        "content_type": "image/png",
        "byte_count": len(content),
        "width": None,
        "height": None,
        "duration": None,
        "needs_trim": False,
    }
    assert client.get("/files").status_code == 405
    assert client.post("/files", content=b"x").status_code == 400


def test_idempotency_keys(client: httpx.Client, upstream: Upstream) -> None:
    def post(prompt: str, key: str) -> httpx.Response:
        return client.post(
            "/videos/generations", json={**BOAT, "prompt": prompt}, headers={**KEY, "Idempotency-Key": key}
        )

    assert [post("a", "k").json()["id"] == post("a", "k").json()["id"]] == [False]
    upstream.set(honours_idempotency_keys=True)
    first, again = post("a", "l"), post("a", "l")
    assert (again.status_code, again.json(), again.headers["idempotent-replayed"]) == (202, first.json(), "true")
    assert post("b", "l").status_code == 422
    assert (upstream.audit().job_count, upstream.requests("create")[-1].idempotency_key) == (3, "l")


# Books


def test_every_request_is_logged(client: httpx.Client, upstream: Upstream, clock: Clock) -> None:
    job_id = accepted(client)
    clock.now += 1.5
    client.get("/jobs?limit=50")
    client.get(f"/jobs/{job_id}")
    assert [(entry.route, entry.at - START, entry.status, entry.job_id) for entry in upstream.requests()] == [
        ("create", 0, 202, job_id),
        ("list", 1.5, 200, ""),
        ("job", 1.5, 200, job_id),
    ]
    assert upstream.requests("list")[0].target == "/v1/jobs?limit=50"


def test_inconsistent_books_are_found(client: httpx.Client, upstream: Upstream) -> None:
    job_id = accepted(client)
    with pytest.raises(BooksError, match="charged twice"):
        upstream.books.charge(job_id, 1, at=START)
    upstream.books.refund(job_id, at=START)
    with pytest.raises(BooksError, match="its refund says otherwise"):
        upstream.audit()
    with pytest.raises(BooksError, match="no charge to refund"):
        upstream.books.refund(job_id, at=START)
    upstream.books.balance_credits += 1
    with pytest.raises(BooksError, match="the wallet says"):
        upstream.audit()
