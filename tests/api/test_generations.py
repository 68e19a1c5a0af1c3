"""Requesting clips: answers, charges, and refusals of bad requests."""

import json
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.via import own_name
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.workspaces.models import Workspace
from tests.api.conftest import BODY, Program, only_generation
from tests.conftest import PutInForce

UNTOUCHED = "Nothing was created and no credits moved."


def balance(workspace: Workspace) -> int:
    return wallet_balance(workspace=workspace, book="sandbox")


def details(response: Any) -> list[tuple[str, str]]:
    """The problems of a 400 as (param, code)."""
    assert response.status_code == 400, response.content
    return [(problem["param"], problem["code"]) for problem in response.json()["error"]["details"]]


def test_an_accepted_request_is_charged_and_returns_the_job(program: Program, workspace: Workspace) -> None:
    response = program.generate(seed=7)

    generation = only_generation()
    job_id = f"job_{generation.pk.hex}"
    assert response.status_code == 202
    assert response.json() == {
        "id": job_id,
        "status": "pending",
        "model": "seedance-2",
        "created_at": generation.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tchavi": {"credits_used": 1300},
        "studio": {"engine": "preview", "seed": 7, "is_test": False},
        "job": {"id": job_id, "status": "pending"},
        "warnings": [],
        "hints": [],
    }
    assert balance(workspace) == 8_700


def test_every_answer_has_the_contracts_headers(program: Program) -> None:
    first, second = program.generate(), program.get("/jobs")

    names = ("X-Credits-Used", "X-Credits-Remaining", "X-RateLimit-RPM-Limit", "X-RateLimit-RPM-Remaining")
    assert [first[name] for name in names] == ["1300", "8700", "120", "119"]
    assert [second[name] for name in names] == ["0", "8700", "120", "118"]
    assert first["X-Request-Id"].startswith("req_")
    assert first["X-Request-Id"] != second["X-Request-Id"]
    assert first["Content-Type"] == "application/json"
    assert first["Cache-Control"] == "no-store"


@pytest.mark.parametrize("base", ["/v1", "/api/v1"])
def test_both_base_paths_serve_the_same(program: Program, base: str) -> None:
    program.base = base
    job_id = program.generate().json()["id"]
    assert program.get(f"/jobs/{job_id}").json()["id"] == job_id


def test_a_test_key_makes_free_previews(test_program: Program, workspace: Workspace) -> None:
    response = test_program.generate()
    assert response.status_code == 202
    assert response.json()["tchavi"] == {"credits_used": 0}
    assert response.json()["studio"]["is_test"] is True
    assert response["X-Credits-Used"] == "0"
    assert balance(workspace) == 10_000
    assert only_generation().engine == "preview"


def test_what_this_studio_sent_itself_is_refused(program: Program, workspace: Workspace) -> None:
    before = wallet_balance(workspace=workspace, book="sandbox")
    answer = program.post("/videos/generations", BODY, **{"X-Studio-Via": f"0123456789abcdef,{own_name()}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "request_loop")
    assert not Generation.objects.exists()
    assert wallet_balance(workspace=workspace, book="sandbox") == before


def test_a_clip_keeps_the_studios_it_has_come_through(program: Program) -> None:
    assert program.post("/videos/generations", BODY, **{"X-Studio-Via": "0123456789abcdef"}).status_code == 202
    assert only_generation().via == "0123456789abcdef"


def test_free_previews_are_bounded(test_program: Program, program: Program, settings: Settings) -> None:
    settings.STUDIO_MAX_FREE_PER_WORKSPACE = 1
    test_program.generate()
    response = test_program.generate()
    assert (response.status_code, response["Retry-After"]) == (429, "10")
    assert response.json()["error"]["code"] == "too_many_free_clips"
    assert program.generate().status_code == 202


def test_free_previews_need_room(test_program: Program, program: Program, settings: Settings) -> None:
    settings.STUDIO_MIN_FREE_BYTES = 2**62
    response = test_program.generate()
    assert (response.status_code, response.json()["error"]["code"]) == (409, "no_room")
    assert program.generate().status_code == 202


def test_an_unknown_field_is_ignored_with_a_warning(program: Program) -> None:
    response = program.generate(webhook="https://example.org")
    assert response.status_code == 202
    assert response.json()["warnings"] == [
        {
            "param": "webhook",
            "code": "unknown_field",
            "message": "Unknown field webhook: it was ignored.",
        }
    ]


def test_a_misspelled_field_is_refused(program: Program) -> None:
    assert details(program.generate(durration=5)) == [("durration", "unknown_field")]
    assert not Generation.objects.exists()


def test_beyond_native_values_get_a_hint(program: Program) -> None:
    response = program.generate(model="kling-v3", duration=2)
    assert response.status_code == 202
    assert response.json()["hints"] == [
        {"param": "duration", "code": "beyond_native", "message": "Kling v3 natively supports 3–15 s."}
    ]


def test_every_problem_is_reported_together(program: Program, workspace: Workspace) -> None:
    response = program.post("/videos/generations", {"model": "sora", "duration": 99, "seed": -1})
    assert details(response) == [
        ("model", "not_a_choice"),
        ("prompt", "required"),
        ("duration", "out_of_range"),
        ("seed", "out_of_range"),
    ]
    error = response.json()["error"]
    assert (error["code"], error["status"], error["param"]) == ("invalid_request", 400, "model")
    assert error["message"] == (
        "“sora” isn't available. Choose one of: seedance-2, kling-v3. 3 more problems are listed in details. "
        + UNTOUCHED
    )
    assert balance(workspace) == 10_000


@pytest.mark.parametrize("value", [True, "5", 2.5, 5.0, [5], {"seconds": 5}])
def test_json_types_are_strict(program: Program, value: object) -> None:
    assert details(program.generate(duration=value)) == [("duration", "not_an_integer")]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("image_url", "", "not_a_reference"),
        ("image_url", 5, "not_a_reference"),
        ("image_url", ["https://example.org/a.jpg"], "not_a_reference"),
        ("reference_images", "https://example.org/a.jpg", "not_a_list"),
        ("reference_images", [5], "not_a_reference"),
        ("reference_images", [""], "not_a_reference"),
        ("reference_images", ["https://example.org/a.jpg"] * 10, "too_many"),
        ("generate_audio", 1, "not_a_boolean"),
        ("generate_audio", "true", "not_a_boolean"),
        ("prompt", 5, "not_a_string"),
        ("prompt", "  ", "required"),
        ("prompt", "a\0b", "null_character"),
        ("prompt", "x" * 10_001, "too_long"),
    ],
)
def test_a_value_of_the_wrong_type_names_its_field(program: Program, field: str, value: Any, code: str) -> None:
    assert details(program.generate(**{field: value})) == [(field, code)]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (" ", "Expecting value: line 1 column 2 (char 1)"),
        ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ('{"seed": NaN}', "NaN isn't allowed in JSON"),
        ('{"seed": 1, "seed": 2}', "a name appears twice in one object"),
        ('{"prompt": "\\ud800"}', "it can't be read"),
        (b'{"prompt": "\xff"}', "it can't be read"),
        ("[" * 100_000, "it can't be read"),
        ('{"seed": ' + "9" * 5_000 + "}", "it can't be read"),
    ],
)
def test_a_body_that_isnt_json_is_refused(program: Program, body: str | bytes, reason: str) -> None:
    response = program.post("/videos/generations", body)
    assert response.json() == {
        "error": {
            "code": "invalid_request",
            "message": f"The body is not valid JSON: {reason}. No credits moved.",
            "status": 400,
        }
    }


@pytest.mark.parametrize("body", [[], "text", 5, None, [BODY]])
def test_a_body_that_isnt_an_object_is_refused(program: Program, body: object) -> None:
    response = program.post("/videos/generations", json.dumps(body))
    assert response.status_code == 400
    assert response.json()["error"]["message"] == (
        "The body must be a JSON object, with the parameters as its fields. No credits moved."
    )


def test_a_body_with_too_many_fields_is_refused(program: Program) -> None:
    fields: dict[str, Any] = {f"field{number}": 1 for number in range(200)}
    response = program.generate(**fields)
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "The body has more than 64 fields. No credits moved."


def test_an_oversized_body_is_413(program: Program) -> None:
    response = program.generate(prompt="x" * 300_000)
    assert response.status_code == 413
    assert response.json()["error"] == {
        "code": "payload_too_large",
        "message": "The body is too large: at most 262144 bytes. No credits moved.",
        "status": 413,
    }


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_wrong_content_type_is_415(program: Program, content_type: str) -> None:
    response = program.call("POST", "/videos/generations", data=json.dumps(BODY), content_type=content_type)
    assert response.status_code == 415
    assert response.json()["error"] == {
        "code": "unsupported_media_type",
        "message": "Send the body as JSON, with the header Content-Type: application/json. No credits moved.",
        "status": 415,
    }


def test_a_charset_is_accepted(program: Program) -> None:
    content_type = "application/json; charset=utf-8"
    response = program.call("POST", "/videos/generations", data=json.dumps(BODY), content_type=content_type)
    assert response.status_code == 202


def test_too_few_credits_are_402_and_nothing_is_created(program: Program, workspace: Workspace) -> None:
    assert program.generate(duration=15, resolution="720p").status_code == 202
    response = program.generate(duration=15)
    assert response.status_code == 402
    assert response.json() == {
        "error": {
            "code": "insufficient_credits",
            "message": "This needs 3,900 credits, but the wallet holds only 1,300. No credits moved.",
            "status": 402,
        }
    }
    assert response["X-Credits-Remaining"] == "1300"
    assert Generation.objects.count() == 1


def test_only_error_messages_are_translated(program: Program) -> None:
    response = program.post("/videos/generations", {"model": "sora"}, **{"Accept-Language": "fr"})
    assert details(response) == [("model", "not_a_choice"), ("prompt", "required")]


# --- The price, without the clip --------------------------------------------------------------------------------------


def test_a_quote_returns_the_price_and_charges_nothing(program: Program, workspace: Workspace) -> None:
    response = program.post("/videos/quote", {**BODY, "duration": -1, "resolution": "720p", "colour": "gold"})
    assert response.status_code == 200
    assert response.json() == {
        "credits": 5800,
        "credits_per_second": 580,
        "billed_seconds": 10,
        "balance": 10_000,
        "is_affordable": True,
        "warnings": [{"param": "colour", "code": "unknown_field", "message": "Unknown field colour: it was ignored."}],
        "hints": [],
    }
    assert balance(workspace) == 10_000
    assert not Generation.objects.exists()


def test_a_quote_says_whether_the_wallet_holds_enough(program: Program) -> None:
    program.generate(duration=15, resolution="720p")
    assert program.post("/videos/quote", {**BODY, "duration": 15}).json()["is_affordable"] is False


def test_a_quote_lists_the_same_problems_as_the_request(program: Program) -> None:
    body = {"model": "seedance-2", "duration": 0, "last_frame_image_url": ""}
    quoted, asked = program.post("/videos/quote", body), program.post("/videos/generations", body)
    assert quoted.status_code == 400
    assert quoted.json() == asked.json()


def test_a_quote_for_a_test_key_is_zero(test_program: Program) -> None:
    quote = test_program.post("/videos/quote", BODY).json()
    assert (quote["credits"], quote["credits_per_second"], quote["billed_seconds"]) == (0, 0, 5)


# --- The rest ---------------------------------------------------------------------------------------------------------


def test_credits_return_the_balance_and_the_statement(program: Program, test_program: Program) -> None:
    job = program.generate().json()
    credits = program.get("/credits").json()
    assert {name: credits[name] for name in ("balance", "book", "is_test", "has_more")} == {
        "balance": 8_700,
        "book": "sandbox",
        "is_test": False,
        "has_more": False,
    }
    assert [
        (row["sequence"], row["kind"], row["amount"], row["balance_after"], row["job_id"])
        for row in credits["statement"]
    ] == [(2, "charge", -1_300, 8_700, job["id"]), (1, "grant", 10_000, 10_000, None)]
    assert test_program.get("/credits").json() == {**credits, "is_test": True}


def test_a_statement_can_be_paged(program: Program) -> None:
    program.generate()
    newest = program.get("/credits?limit=1").json()
    assert ([row["sequence"] for row in newest["statement"]], newest["has_more"]) == ([2], True)
    older = program.get("/credits?limit=1&before=2").json()
    assert ([row["sequence"] for row in older["statement"]], older["has_more"]) == ([1], False)
    refused = program.get("/credits?limit=0&before=x")
    assert (refused.status_code, [detail["param"] for detail in refused.json()["error"]["details"]]) == (
        400,
        ["limit", "before"],
    )


def test_models_have_the_operators_prices(program: Program, put_in_force: PutInForce) -> None:
    put_in_force({"kling-v3": {"720p": 600, "audio_surcharge": 40}})
    models = {model["id"]: model for model in program.get("/models").json()["data"]}
    assert list(models) == ["seedance-2", "kling-v3"]
    assert models["seedance-2"]["pricing"] == {
        "unit": "credits_per_second",
        "480p": 260,
        "720p": 580,
        "audio_surcharge": 0,
    }
    assert models["kling-v3"]["pricing"] == {
        "unit": "credits_per_second",
        "480p": 260,
        "720p": 600,
        "audio_surcharge": 40,
    }
    assert models["kling-v3"]["parameters"]["duration"] == {"minimum": 1, "maximum": 15, "auto": -1, "default": 5}
    assert models["kling-v3"]["hints"] == [
        "Natively supports 3–15 s.",
        "Natively supports 16:9, 9:16, 1:1.",
        "Natively supports prompts of up to 2,500 characters.",
    ]


def test_created_at_is_now(program: Program) -> None:
    before = timezone.now()
    program.generate()
    assert before <= only_generation().created_at <= timezone.now()


def test_only_models_that_the_workspace_allows_are_listed_and_made(program: Program, workspace: Workspace) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(allowed_models=["seedance-2"])
    assert [model["id"] for model in program.get("/models").json()["data"]] == ["seedance-2"]
    refused = program.generate(model="kling-v3")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "model")
    assert refused.json()["error"]["details"][0]["code"] == "not_a_choice"
    assert program.generate(model="seedance-2").status_code == 202


def test_in_an_archived_workspace_keys_only_read(program: Program, workspace: Workspace) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(archived_at=timezone.now())
    refused = program.generate()
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "workspace_archived")
    assert refused.json()["error"]["message"] == (
        "This workspace is archived: it can only be read. No credits moved. One of its owners can take it out of the "
        "archive."
    )
    assert program.get("/jobs").status_code == 200
    assert not Generation.objects.exists()
