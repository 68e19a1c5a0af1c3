"""The form says what the validator says, and nothing of its own."""

from typing import Any
from uuid import uuid4

import pytest

from tchavi_studio.create import forms
from tchavi_studio.create.forms import GenerationForm
from tchavi_studio.create.values import default_values
from tchavi_studio.generations.params import FIELDS, MediaReference
from tchavi_studio.generations.prices import quote
from tchavi_studio.generations.validation import Validated, validate
from tchavi_studio.workspaces.models import Workspace

from .conftest import PROMPT, MakeAsset, make_values


def form(workspace: Workspace, **changes: Any) -> GenerationForm:
    membership = workspace.memberships.select_related("workspace").get()
    return GenerationForm(make_values(**changes), membership=membership)


def test_every_field_of_the_contract_is_in_the_form() -> None:
    assert set(FIELDS) - set(GenerationForm.base_fields) == set()


def test_an_untouched_composer_asks_for_the_contracts_default_clip(workspace: Workspace) -> None:
    filled = form(workspace)
    assert filled.is_valid()
    assert filled.params == validate({"model": "seedance-2", "prompt": PROMPT}).params


@pytest.mark.parametrize(
    ("changes", "raw"),
    [
        ({"model": None}, {"model": None}),
        ({"model": "sora"}, {"model": "sora"}),
        ({"prompt": ""}, {"prompt": ""}),
        ({"prompt": " \r\n "}, {"prompt": " \n "}),
        ({"prompt": "x" * 10_001}, {"prompt": "x" * 10_001}),
        ({"prompt": "a\0b"}, {"prompt": "a\0b"}),
        ({"duration": "0"}, {"duration": 0}),
        ({"duration": "16"}, {"duration": 16}),
        ({"duration": "2.5"}, {"duration": "2.5"}),
        ({"duration": "five"}, {"duration": "five"}),
        ({"resolution": "1080p"}, {"resolution": "1080p"}),
        ({"aspect_ratio": "21:9"}, {"aspect_ratio": "21:9"}),
        ({"seed": "-1"}, {"seed": -1}),
        ({"seed": "4294967296"}, {"seed": 4294967296}),
        ({"seed": "abc"}, {"seed": "abc"}),
        ({"seed": "x", "duration": "99", "prompt": ""}, {"seed": "x", "duration": 99, "prompt": ""}),
    ],
)
def test_a_refused_value_is_refused_in_the_validators_words(
    workspace: Workspace, changes: dict[str, Any], raw: dict[str, Any]
) -> None:
    expected = validate({"model": "seedance-2", "prompt": PROMPT, **raw}).errors
    assert expected != ()
    refused = form(workspace, **changes)
    assert {name: list(messages) for name, messages in refused.errors.items()} == {
        problem.field: [problem.message] for problem in expected
    }
    assert refused.params is None


def test_auto_is_minus_one_whatever_the_slider_says(workspace: Workspace) -> None:
    filled = form(workspace, duration="7", duration_auto="on")
    assert filled.raw["duration"] == -1
    assert filled.total_credits == 2_600


def test_a_switched_off_soundtrack_is_false_and_not_the_default(workspace: Workspace) -> None:
    assert form(workspace, generate_audio=None).raw["generate_audio"] is False


def test_line_ends_count_once(workspace: Workspace) -> None:
    assert form(workspace, prompt="one\r\ntwo").raw["prompt"] == "one\ntwo"


# --- References -------------------------------------------------------------------------------------------------------


def test_references_are_told_to_the_validator_as_they_are(workspace: Workspace, make_asset: MakeAsset) -> None:
    photo, film, speech = make_asset("image"), make_asset("video"), make_asset("audio")
    filled = form(
        workspace,
        mode="references",
        prompt="[Image1] [Video1] [Audio1]",
        reference_images=[photo.pk],
        reference_videos=[film.pk],
        reference_audios=[speech.pk],
    )
    assert filled.is_valid()
    assert filled.params is not None
    assert filled.params.reference_images == (
        MediaReference(kind="image", asset_id=photo.pk, width=1600, height=900, name="Image1"),
    )
    assert filled.params.reference_videos == (
        MediaReference(kind="video", asset_id=film.pk, width=1280, height=720, duration_seconds=5.0, name="Video1"),
    )
    assert filled.params.reference_audios == (
        MediaReference(kind="audio", asset_id=speech.pk, duration_seconds=4.0, name="Audio1"),
    )


def test_the_order_sent_is_the_order_of_the_tokens(workspace: Workspace, make_asset: MakeAsset) -> None:
    first, second = make_asset(), make_asset()
    filled = form(workspace, mode="references", reference_images=[second.pk, first.pk])
    assert [(chip.token, chip.asset) for chip in filled.chips["reference_images"]] == [
        ("[Image1]", second),
        ("[Image2]", first),
    ]


@pytest.mark.parametrize(
    ("mode", "used"),
    [
        ("text", set()),
        ("frames", {"image_url", "last_frame_image_url", "reference_videos", "reference_audios"}),
        ("references", {"reference_images", "reference_videos", "reference_audios"}),
    ],
)
def test_a_mode_sends_what_it_can_use_and_keeps_the_rest(
    workspace: Workspace, make_asset: MakeAsset, mode: str, used: set[str]
) -> None:
    kinds = {
        "image_url": "image",
        "last_frame_image_url": "image",
        "reference_images": "image",
        "reference_videos": "video",
        "reference_audios": "audio",
    }
    filled = form(workspace, mode=mode, **{name: [make_asset(kind).pk] for name, kind in kinds.items()})
    assert set(filled.raw) & set(kinds) == used
    assert {name for name in kinds if filled.chips[name]} == set(kinds)
    assert filled.is_valid()


@pytest.mark.parametrize(
    ("fields", "refused_field"),
    [
        ({"mode": "frames", "last_frame_image_url": "image"}, "last_frame_image_url"),
        ({"mode": "references", "reference_audios": "audio"}, "reference_audios"),
        ({"mode": "references", "reference_images": "video"}, "reference_images"),
    ],
)
def test_references_that_do_not_go_together_are_refused_in_the_validators_words(
    workspace: Workspace, make_asset: MakeAsset, fields: dict[str, str], refused_field: str
) -> None:
    values = {name: kind if name == "mode" else [make_asset(kind).pk] for name, kind in fields.items()}
    refused = form(workspace, **values)
    [problem] = validate(refused.raw).errors
    assert dict(refused.errors) == {refused_field: [problem.message]}


@pytest.mark.parametrize(
    ("kind", "field", "count"), [("image", "reference_images", 10), ("video", "reference_videos", 4)]
)
def test_more_than_the_models_take_is_refused(
    workspace: Workspace, make_asset: MakeAsset, kind: str, field: str, count: int
) -> None:
    seconds = {"duration_seconds": 2.0} if kind == "video" else {}
    refused = form(workspace, mode="references", **{field: [make_asset(kind, **seconds).pk for _n in range(count)]})
    assert [(name, error.as_data()[0].code) for name, error in refused.errors.items()] == [(field, "too_many")]


GONE = "A file that was here is no longer in this workspace. Add it again."


def test_another_workspaces_file_is_as_unknown_as_none(workspace: Workspace, bob: Any, make_asset: MakeAsset) -> None:
    theirs = make_asset(workspace=Workspace.objects.get(memberships__user=bob))
    for text in (str(theirs.pk), str(uuid4()), "../../etc/passwd"):
        refused = form(workspace, mode="references", reference_images=[text])
        assert dict(refused.errors) == {"reference_images": [GONE]}
        assert refused.chips["reference_images"] == []


def test_what_is_set_aside_does_not_stop_a_request(workspace: Workspace) -> None:
    assert form(workspace, mode="text", reference_images=[uuid4()]).is_valid()


# --- Trims ------------------------------------------------------------------------------------------------------------


def test_a_long_video_is_offered_what_the_others_leave_of_fifteen_seconds(
    workspace: Workspace, make_asset: MakeAsset
) -> None:
    short = make_asset("video", duration_seconds=5.0)
    long = make_asset("video", duration_seconds=42.0, needs_trim=True)
    _first, chip = form(workspace, mode="references", reference_videos=[short.pk, long.pk]).chips["reference_videos"]
    assert (chip.trim_seconds, chip.last_start_seconds, chip.length, chip.trim_length) == (10.0, 32.0, "0:42", "0:10")


def test_a_long_sound_may_keep_fifteen_seconds(workspace: Workspace, make_asset: MakeAsset) -> None:
    long = make_asset("audio", duration_seconds=61.0, needs_trim=True)
    [chip] = form(workspace, reference_audios=[long.pk]).chips["reference_audios"]
    assert (chip.trim_seconds, chip.last_start_seconds) == (15.0, 46.0)


# --- Before there is a whole request ----------------------------------------------------------------------------------


def test_the_price_is_known_before_there_is_a_prompt(workspace: Workspace) -> None:
    draft = form(workspace, prompt="", duration="8", resolution="720p", variations="3")
    assert draft.total_credits == 3 * 8 * 580


@pytest.mark.parametrize("changes", [{"duration": "x"}, {"model": "sora"}, {"resolution": "4k"}])
def test_there_is_no_price_for_what_has_none(workspace: Workspace, changes: dict[str, str]) -> None:
    assert form(workspace, **changes).total_credits is None


def test_the_forms_price_is_the_validated_requests_price(workspace: Workspace) -> None:
    filled = form(workspace, duration="11", resolution="720p", model="kling-v3")
    assert filled.is_valid()
    assert filled.params is not None
    assert filled.total_credits == quote(filled.params).total_credits == 11 * 580


@pytest.mark.parametrize("prompt", ["", "Dawn", "a\0b"])
def test_a_request_is_validated_once(
    workspace: Workspace, make_asset: MakeAsset, monkeypatch: pytest.MonkeyPatch, prompt: str
) -> None:
    calls = []

    def counted(raw: dict[str, Any], **rules: Any) -> Validated:
        calls.append(raw)
        return validate(raw, **rules)

    monkeypatch.setattr(forms, "validate", counted)
    draft = form(workspace, mode="references", prompt=prompt, reference_images=[make_asset().pk])
    _all = (draft.is_valid(), draft.errors, draft.params, draft.hints, draft.early_errors, draft.total_credits)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"prompt": ""}, []),
        ({"prompt": " ", "seed": "x"}, ["seed"]),
        ({"prompt": "x" * 10_001}, ["prompt"]),
    ],
)
def test_that_there_is_no_prompt_yet_is_no_early_error(
    workspace: Workspace, changes: dict[str, str], errors: list[str]
) -> None:
    assert [problem.field for problem in form(workspace, **changes).early_errors] == errors


@pytest.mark.parametrize("changes", [{"seed": "x"}, {"aspect_ratio": "21:9"}, {"prompt": "a\0b"}])
def test_what_is_wrong_elsewhere_leaves_the_price(workspace: Workspace, changes: dict[str, str]) -> None:
    assert form(workspace, **changes).total_credits == 1_300


def test_hints_are_the_validators(workspace: Workspace) -> None:
    draft = form(workspace, model="kling-v3", duration="2", aspect_ratio="4:3", prompt="[Image3]")
    assert [(hint.field, hint.message) for hint in draft.hints] == [
        ("prompt", "[Image3] doesn't exist."),
        ("duration", "Kling v3 natively supports 3–15 s."),
        ("aspect_ratio", "Kling v3 natively supports 16:9, 9:16 and 1:1."),
    ]


def test_an_empty_prompt_is_not_told_what_it_leaves_out(workspace: Workspace, make_asset: MakeAsset) -> None:
    draft = form(
        workspace, mode="references", prompt="", reference_images=[make_asset().pk], model="kling-v3", duration="2"
    )
    assert [hint.message for hint in draft.hints] == ["Kling v3 natively supports 3–15 s."]


@pytest.mark.parametrize("variations", ["0", "5", "two", ""])
def test_one_press_makes_one_to_four_clips(workspace: Workspace, variations: str) -> None:
    refused = form(workspace, variations=variations)
    assert list(refused.errors) == ["variations"]
    assert refused.variation_count == 1


def test_the_defaults_hold_no_submission() -> None:
    assert "submission_id" not in default_values()
