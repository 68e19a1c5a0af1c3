"""The request's rules at their limits, with the exact messages."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tchavi_studio.generations.params import FIELDS, SEED_MAX, GenerationParams, MediaReference
from tchavi_studio.generations.validation import validate

PHOTO = MediaReference(kind="image", asset_id=UUID(int=1), width=1600, height=900, name="beach.jpg")
PORTRAIT = MediaReference(kind="image", asset_id=UUID(int=2), width=900, height=1600, name="face.jpg")
FILM = MediaReference(kind="video", asset_id=UUID(int=3), width=1280, height=720, duration_seconds=5.0, name="walk.mp4")
SPEECH = MediaReference(kind="audio", asset_id=UUID(int=4), duration_seconds=4.0, name="voice.wav")


def request(**changes: Any) -> dict[str, Any]:
    return {"model": "seedance-2", "prompt": "Dawn over the lagoon", **changes}


def errors(**changes: Any) -> list[tuple[str, str, str]]:
    return [(problem.field, problem.code, problem.message) for problem in validate(request(**changes)).errors]


def hints(**changes: Any) -> list[str]:
    validated = validate(request(**changes))
    assert validated.errors == ()
    return [hint.message for hint in validated.hints]


def valid(**changes: Any) -> GenerationParams:
    params = validate(request(**changes)).params
    assert params is not None
    return params


def test_model_and_prompt_are_enough() -> None:
    assert valid() == GenerationParams(
        model="seedance-2",
        prompt="Dawn over the lagoon",
        duration_seconds=5,
        resolution="480p",
        aspect_ratio="16:9",
        generate_audio=True,
    )


def test_null_means_missing() -> None:
    assert valid(**{field: None for field in FIELDS if field not in {"model", "prompt"}}) == valid()


@pytest.mark.parametrize("duration", [-1, 1, 15])
def test_boundary_durations_are_accepted(duration: int) -> None:
    assert valid(duration=duration).duration_seconds == duration


DURATION = "The duration must be a whole number of seconds from 1 to 15, or −1 for auto."
SEED = "The seed must be a whole number from 0 to 4294967295."


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"model": None}, ("model", "required", "Choose one of: seedance-2, kling-v3.")),
        (
            {"model": "sora"},
            ("model", "not_a_choice", "“sora” isn't available. Choose one of: seedance-2, kling-v3."),
        ),
        ({"prompt": None}, ("prompt", "required", "Describe the scene: the prompt is empty.")),
        ({"prompt": " \n"}, ("prompt", "required", "Describe the scene: the prompt is empty.")),
        ({"prompt": 5}, ("prompt", "not_a_string", "The prompt must be text.")),
        (
            {"prompt": "x" * 10_001},
            ("prompt", "too_long", "The prompt has 10,001 characters. The limit is 10,000."),
        ),
        (
            {"prompt": "a\0b"},
            ("prompt", "null_character", "The prompt contains a NUL character. Remove it."),
        ),
        ({"duration": 0}, ("duration", "out_of_range", DURATION)),
        ({"duration": 16}, ("duration", "out_of_range", DURATION)),
        ({"duration": -2}, ("duration", "out_of_range", DURATION)),
        ({"duration": True}, ("duration", "not_an_integer", DURATION)),
        ({"duration": "5"}, ("duration", "not_an_integer", DURATION)),
        ({"duration": 2.5}, ("duration", "not_an_integer", DURATION)),
        ({"seed": -1}, ("seed", "out_of_range", SEED)),
        ({"seed": SEED_MAX + 1}, ("seed", "out_of_range", SEED)),
        ({"seed": "7"}, ("seed", "not_an_integer", SEED)),
        (
            {"resolution": "1080p"},
            ("resolution", "not_a_choice", "“1080p” isn't available. Choose one of: 480p, 720p."),
        ),
        (
            {"aspect_ratio": "21:9"},
            (
                "aspect_ratio",
                "not_a_choice",
                "“21:9” isn't available. Choose one of: 16:9, 9:16, 1:1, 4:3, 3:4, adaptive.",
            ),
        ),
        (
            {"generate_audio": "yes"},
            ("generate_audio", "not_a_boolean", "Choose on or off (true or false)."),
        ),
        ({"image_url": "x"}, ("image_url", "not_a_reference", "Add a single file or URL here.")),
        (
            {"image_url": FILM},
            ("image_url", "wrong_kind", "walk.mp4 isn't an image. Only images can be used here."),
        ),
        (
            {"last_frame_image_url": PHOTO},
            ("last_frame_image_url", "requires_first_frame", "A last frame needs a first frame."),
        ),
        (
            {"image_url": PHOTO, "reference_images": [PORTRAIT]},
            (
                "reference_images",
                "excluded_by_first_frame",
                "Reference images can't be combined with a first frame: remove one or the other.",
            ),
        ),
        (
            {"reference_images": [PHOTO] * 10},
            ("reference_images", "too_many", "You can use up to 9 reference images; there are 10."),
        ),
        (
            {"reference_videos": [MediaReference(kind="video", asset_id=UUID(int=n)) for n in range(4)]},
            ("reference_videos", "too_many", "You can use up to 3 reference videos; there are 4."),
        ),
        (
            {"reference_images": [PHOTO], "reference_audios": [SPEECH] * 4},
            ("reference_audios", "too_many", "You can use up to 3 reference audio files; there are 4."),
        ),
        (
            {"reference_images": PHOTO},
            ("reference_images", "not_a_list", "Add a list of files or URLs here."),
        ),
        (
            {"reference_audios": [SPEECH]},
            (
                "reference_audios",
                "requires_image",
                "Reference audio needs a first frame or at least one reference image.",
            ),
        ),
        (
            {"reference_videos": [MediaReference(kind="video", duration_seconds=8.0)] * 2},
            (
                "reference_videos",
                "too_long_together",
                "The reference videos are 16.0 s long in total. The limit is 15 s: trim or remove one.",
            ),
        ),
        (
            {
                "reference_videos": [
                    MediaReference(kind="video", duration_seconds=8.0, needs_trim=True, name="long.mov")
                ]
            },
            ("reference_videos", "too_long", "long.mov is longer than 15 s. Trim it first."),
        ),
        (
            {"reference_videos": [MediaReference(kind="video", duration_seconds=1.0, name="flash.mp4")]},
            (
                "reference_videos",
                "too_short",
                "flash.mp4 is 1.0 s long. References must be at least 2 s long.",
            ),
        ),
        (
            {"promt": "Dawn"},
            ("promt", "unknown_field", "Unknown field “promt”. Did you mean prompt?"),
        ),
    ],
)
def test_errors_say_why(changes: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert errors(**changes) == [expected]


def test_all_problems_are_reported_in_the_contracts_order() -> None:
    found = errors(seed=-1, prompt="", duration=99, last_frame_image_url=PHOTO, aspect_ratio="wide")
    assert [(field, code) for field, code, _message in found] == [
        ("prompt", "required"),
        ("duration", "out_of_range"),
        ("aspect_ratio", "not_a_choice"),
        ("seed", "out_of_range"),
        ("last_frame_image_url", "requires_first_frame"),
    ]


def test_unknown_fields_are_ignored_and_listed() -> None:
    validated = validate(request(callback="https://example.org/"))
    assert validated.params == valid()
    assert validated.ignored_fields == ("callback",)


def test_every_limit_can_be_used_together() -> None:
    params = valid(
        reference_images=[PHOTO] * 9, reference_videos=[FILM] * 3, reference_audios=[SPEECH] * 3, prompt="[Image1]"
    )
    assert (len(params.reference_images), len(params.reference_videos), len(params.reference_audios)) == (9, 3, 3)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"prompt": "[Image1] and [Video3]"}, ["[Image1] doesn't exist.", "[Video3] doesn't exist."]),
        ({"reference_images": [PHOTO]}, ["[Image1] isn't mentioned in the prompt."]),
        (
            {"prompt": "[Image2]", "reference_images": [PHOTO] * 3},
            ["[Image1], [Image3] aren't mentioned in the prompt."],
        ),
        ({"prompt": "[Image1] smiles", "reference_images": [PHOTO]}, []),
        ({"model": "kling-v3", "duration": 2}, ["Kling v3 natively supports 3–15 s."]),
        ({"model": "kling-v3", "duration": -1}, []),
        ({"model": "kling-v3", "aspect_ratio": "4:3"}, ["Kling v3 natively supports 16:9, 9:16 and 1:1."]),
        (
            {"model": "kling-v3", "prompt": "x" * 2_501},
            ["Kling v3 natively supports prompts of up to 2,500 characters."],
        ),
        ({"prompt": "word " * 1_001}, ["Seedance 2 works best with prompts of up to 1,000 words."]),
        (
            {"image_url": PHOTO, "reference_audios": [SPEECH], "prompt": "[Audio1]"},
            ["Models may not use frames and references together: some of what you added may be ignored."],
        ),
        ({"image_url": PHOTO}, []),
        ({"image_url": PORTRAIT}, ["The first frame will be centre-cropped to 16:9."]),
        ({"image_url": PORTRAIT, "aspect_ratio": "adaptive"}, []),
        (
            {"image_url": PHOTO, "last_frame_image_url": PORTRAIT},
            ["The last frame's shape differs from the first, so it will be cropped to match."],
        ),
        (
            {
                "prompt": "[Image1] [Audio1] [Audio2]",
                "reference_images": [PHOTO],
                "reference_audios": [MediaReference(kind="audio", duration_seconds=9.0)] * 2,
            },
            ["The models natively support 15 s of reference audio in total."],
        ),
    ],
)
def test_hints_do_not_refuse_a_request(changes: dict[str, Any], expected: list[str]) -> None:
    assert hints(**changes) == expected


@pytest.mark.parametrize(
    ("changes", "pixels"),
    [
        ({}, (864, 496)),
        ({"resolution": "720p", "aspect_ratio": "9:16"}, (720, 1280)),
        ({"aspect_ratio": "adaptive"}, (864, 496)),
        ({"aspect_ratio": "adaptive", "image_url": PORTRAIT}, (496, 864)),
        ({"aspect_ratio": "adaptive", "reference_videos": [FILM], "resolution": "720p"}, (1280, 720)),
        ({"aspect_ratio": "adaptive", "reference_images": [PORTRAIT], "reference_videos": [FILM]}, (496, 864)),
    ],
)
def test_the_clips_pixel_size_is_known_in_advance(changes: dict[str, Any], pixels: tuple[int, int]) -> None:
    assert valid(**changes).pixel_size == pixels


@pytest.mark.parametrize(
    ("changes", "hinted"),
    [
        ({"prompt": " "}, ["Kling v3 natively supports 3–15 s."]),
        ({"prompt": None}, ["Kling v3 natively supports 3–15 s."]),
        ({"prompt": "", "seed": -1}, []),
        ({"prompt": 5}, []),
    ],
)
def test_hints_need_no_prompt_but_no_errors(changes: dict[str, Any], hinted: list[str]) -> None:
    validated = validate(request(model="kling-v3", duration=2, **changes))
    assert validated.params is None
    assert [hint.message for hint in validated.hints] == hinted


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(PHOTO) | st.just(FILM),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=4), children, max_size=2),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=12), JSON_VALUES, max_size=8))
def test_any_input_gives_either_params_or_errors(raw: dict[str, Any]) -> None:
    validated = validate(raw)
    assert (validated.params is None) == bool(validated.errors)
    assert all(problem.message and problem.code for problem in [*validated.errors, *validated.hints])


def test_a_workspace_may_allow_only_some_models() -> None:
    def problems(*allowed_models: str) -> list[tuple[str, str, str]]:
        found = validate(request(model="kling-v3"), allowed_models=allowed_models)
        return [(problem.field, problem.code, problem.message) for problem in found.errors]

    assert problems() == problems("kling-v3") == problems("seedance-2", "kling-v3") == []
    # A model that the studio no longer has restricts nothing by itself.
    assert problems("sora") == []
    assert problems("seedance-2") == [
        ("model", "not_a_choice", "“kling-v3” isn't available. Choose one of: seedance-2.")
    ]
