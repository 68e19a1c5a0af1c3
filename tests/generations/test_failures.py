"""Why clips fail: one table, complete in both languages, for everything that the studio can say."""

import ast
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone
from django.utils.translation import override

import tchavi_studio
from tchavi_studio.engines.preview import wire
from tchavi_studio.generations.failures import (
    ACCOUNT_REMEDIES,
    FAILURES,
    Failure,
    account_remedy,
    exposure_label,
    failure_label,
    failure_reason,
    failure_remedy,
    output_failure_code,
)
from tchavi_studio.generations.models import Generation, State

PROVIDERS_CODES = {"invalid_request", "references_unreachable"}
RETIRED_CODES = {"reference_unreadable"}
FIGURES = {"number": 2, "count": 3}


def codes_given() -> Iterator[str]:
    """Every failure code that the code can produce: literal ones, the preview engine's and those of refused files."""
    yield from wire.CODES
    yield from (output_failure_code(refusal_code) for refusal_code in ("too_complex", "broken_file"))
    for path in Path(tchavi_studio.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call):
                continue
            name = ast.unparse(call.func).rpartition(".")[2]
            keyword = {"fail_generation": "code", "RefusedError": "code", "_end_with_refund": "error_code"}.get(name)
            for value in (argument.value for argument in call.keywords if argument.arg == keyword):
                if isinstance(value, ast.BoolOp):
                    value = value.values[-1]
                if isinstance(value, ast.Constant):
                    yield str(value.value)


def texts_of(failure: Failure) -> list[str]:
    return [str(text) for text in vars(failure).values() if text]


def test_the_table_has_exactly_the_codes_in_use() -> None:
    given = set(codes_given())
    assert {"upstream_failed", "account_unavailable", "cancelled", "request_not_sendable"} < given
    assert given | PROVIDERS_CODES | RETIRED_CODES == set(FAILURES)


def test_the_docs_list_every_failure_code() -> None:
    documented = (Path(tchavi_studio.__file__).parents[1] / "docs/errors.md").read_text()
    assert [code for code in set(codes_given()) if f"`{code}`" not in documented] == []


@pytest.mark.parametrize("code", FAILURES)
def test_every_code_has_texts_in_both_languages(code: str) -> None:
    english = texts_of(FAILURES[code])
    with override("fr"):
        french = texts_of(FAILURES[code])
    assert [text for text in english if text in french] == []
    assert failure_label(code)
    for language in ("en", "fr"):
        with override(language):
            reason = failure_reason(code, figures=FIGURES, provider_message="")
            remedy = failure_remedy(code, provider_message="")
        assert reason.endswith(".")
        assert remedy == "" or remedy.endswith(".")
        assert ("2" in reason or "3" in reason) == ("%(" in str(FAILURES[code].reason))


def test_reasons_include_their_figures() -> None:
    told = failure_reason("reference_video_unreadable", figures={"number": 2}, provider_message="")
    assert told == "Reference video 2 couldn't be read."
    assert failure_remedy("reference_video_unreadable", provider_message="") == "Try again with another file."
    with override("fr"):
        told = failure_reason("render_interrupted", figures={"count": 3}, provider_message="")
    assert told == "Le rendu a été interrompu 3 fois."


@pytest.mark.parametrize("code", ["face_detected", "first_frame_unreadable", ""])
def test_a_providers_message_is_shown_unchanged(code: str) -> None:
    words = "Policy violation: 100% certain, %(number)s faces."
    with override("fr"):
        assert failure_reason(code, figures={}, provider_message=words) == words
        assert failure_remedy(code, provider_message=words) == ""


@pytest.mark.parametrize("code", ["face_detected", "reference_image_unreadable"])
def test_a_providers_code_without_a_message_is_shown(code: str) -> None:
    told = f"The provider couldn't make this clip. It gave no reason, only the code {code}."
    assert failure_reason(code, figures={}, provider_message="") == told


def test_without_a_code_there_is_no_reason() -> None:
    assert (failure_reason("", figures={}, provider_message=""), failure_remedy("", provider_message="")) == ("", "")


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("upstream_unknown", "Answer lost"),
        ("upstream_timeout", "Too late"),
        ("output_unreadable", "Damaged"),
        ("output_unchecked", "Not checked"),
        ("render_failed", "The preview couldn't be rendered"),
        ("content_policy", "The provider refused it: content_policy"),
    ],
)
def test_the_exposure_page_uses_short_labels(code: str, label: str) -> None:
    assert exposure_label(code) == label


@pytest.mark.parametrize("code", [*ACCOUNT_REMEDIES, "something_else"])
def test_every_refusal_of_the_account_has_a_remedy_in_both_languages(code: str) -> None:
    english = account_remedy(code)
    with override("fr"):
        assert account_remedy(code) not in ("", english)


# --- What was stored as sentences -------------------------------------------------------------------------------------

STORED = [
    ("reference_unreadable", "The first frame could not be read.", "first_frame_unreadable", {}, ""),
    ("reference_unreadable", "The last frame could not be decoded.", "last_frame_unreadable", {}, ""),
    (
        "reference_unreadable",
        "Reference image 9 could not be read.",
        "reference_image_unreadable",
        {"number": 9},
        "",
    ),
    (
        "reference_unreadable",
        "Reference video 2 could not be decoded.",
        "reference_video_unreadable",
        {"number": 2},
        "",
    ),
    (
        "reference_unreadable",
        "Reference audio 3 could not be decoded.",
        "reference_audio_unreadable",
        {"number": 3},
        "",
    ),
    ("reference_unreadable", "It fell over.", "reference_unreadable", {}, "It fell over."),
    ("render_failed", "The preview engine could not render this request.", "render_failed", {}, ""),
    ("render_failed", "The preview engine could not be started.", "render_not_started", {}, ""),
    ("render_failed", "The preview engine stopped before the clip was done.", "render_stopped", {}, ""),
    ("render_timed_out", "Rendering the preview took too long.", "render_timed_out", {}, ""),
    ("render_interrupted", "The render stopped 3 times without finishing.", "render_interrupted", {"count": 3}, ""),
    (
        "output_unreadable",
        "The finished clip arrived damaged or incomplete, so it was not kept.",
        "output_unreadable",
        {},
        "",
    ),
    (
        "upstream_unknown",
        "The provider's answer was lost, so it is not known whether the clip is being made.",
        "upstream_unknown",
        {},
        "",
    ),
    ("upstream_timeout", "The provider did not finish this clip in time.", "upstream_timeout", {}, ""),
    (
        "account_unavailable",
        "The studio's account at the provider could not be used for too long.",
        "account_unavailable",
        {},
        "",
    ),
    ("upstream_failed", "The provider gave no reason.", "upstream_failed", {}, ""),
    ("content_policy", "The provider gave no reason.", "content_policy", {}, ""),
    ("http_422", "The server answered 422 without an explanation.", "http_422", {}, ""),
    ("reference_refused", "https://tchavi.com/api/v1 does not offer POST /files.", "reference_refused", {}, ""),
    ("reference_refused", "No such pictures.", "reference_refused", {}, "No such pictures."),
    (
        "request_not_sendable",
        "An idempotency key is 1 to 255 visible ASCII characters.",
        "request_not_sendable",
        {},
        "",
    ),
    (
        "content_policy",
        "A real person's face,\n100% certain.",
        "content_policy",
        {},
        "A real person's face,\n100% certain.",
    ),
    ("timeout", "Rendering the preview took too long.", "timeout", {}, "Rendering the preview took too long."),
    ("cancelled", "", "cancelled", {}, ""),
]


def test_old_sentences_become_codes_and_provider_messages_stay(start: Callable[..., Generation]) -> None:
    clip = start()
    rows = Generation.objects.bulk_create(
        Generation(
            **{
                field.attname: getattr(clip, field.attname)
                for field in Generation._meta.concrete_fields
                if field.name not in ("id", "submission_id")
            }
            | {
                "state": State.FAILED,
                "finished_at": timezone.now(),
                "error_code": code,
                "error_message": message,
            }
        )
        for code, message, *_now in STORED
    )
    # It only reads and writes columns that are still there; the upgrade tests run it as a migration.
    migration = import_module("tchavi_studio.generations.migrations.0005_failure_codes")
    migration.store_codes(apps, connection.schema_editor())
    for (code, message, *expected), row in zip(STORED, rows, strict=True):
        row.refresh_from_db()
        assert [row.error_code, row.error_figures, row.error_message] == expected, (code, message)
        assert row.failure_reason.endswith(".")
        assert row.version == clip.version
    clip.refresh_from_db()
    assert (clip.state, clip.error_code, clip.error_figures) == (State.QUEUED, "", {})
