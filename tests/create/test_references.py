"""The order of references and the tokens that follow it."""

import pytest
from django.utils.datastructures import MultiValueDict

from tchavi_studio.create.references import (
    clock,
    move_reference,
    remove_reference,
    rename_tokens,
    slot_for,
    swap_frames,
)


@pytest.mark.parametrize(
    ("prompt", "positions", "expected"),
    [
        ("[Image1] meets [Image2]", {1: 2, 2: 1}, "[Image2] meets [Image1]"),
        ("See [Image1], then [Image2].", {1: None, 2: 1}, "See, then [Image1]."),
        ("[Video1] [Image1] [Audio1]", {1: None}, "[Video1] [Audio1]"),
        ("[Image7]", {1: 2}, "[Image7]"),
        ("[image1] Image1", {1: 2}, "[image1] Image1"),
    ],
)
def test_tokens_follow_their_references(prompt: str, positions: dict[int, int | None], expected: str) -> None:
    assert rename_tokens(prompt, "Image", positions) == expected


def values(**lists: list[str]) -> MultiValueDict[str, str]:
    return MultiValueDict(lists)


def test_removing_renumbers_those_behind() -> None:
    composer = values(reference_images=["a", "b", "c"], prompt=["[Image1] [Image2] [Image3]"])
    remove_reference(composer, "reference_images", "b")
    assert composer.getlist("reference_images") == ["a", "c"]
    assert composer["prompt"] == "[Image1] [Image2]"


@pytest.mark.parametrize(
    ("by", "order", "prompt"),
    [(-1, ["b", "a"], "[Image2] [Image1]"), (1, ["a", "b"], "[Image1] [Image2]")],
)
def test_moving_takes_the_tokens_along(by: int, order: list[str], prompt: str) -> None:
    composer = values(reference_images=["a", "b"], prompt=["[Image1] [Image2]"])
    move_reference(composer, "reference_images", "b", by=by)
    assert composer.getlist("reference_images") == order
    assert composer["prompt"] == prompt


def test_the_first_stays_first_when_moved_earlier() -> None:
    composer = values(reference_images=["a", "b"], prompt=[""])
    move_reference(composer, "reference_images", "a", by=-1)
    assert composer.getlist("reference_images") == ["a", "b"]


def test_moving_what_is_not_there_changes_nothing() -> None:
    composer = values(reference_images=["a"], prompt=["[Image1]"])
    move_reference(composer, "reference_images", "b", by=1)
    assert (composer.getlist("reference_images"), composer["prompt"]) == (["a"], "[Image1]")


def test_frames_swap() -> None:
    composer = values(image_url=["a"])
    swap_frames(composer)
    assert (composer.getlist("image_url"), composer.getlist("last_frame_image_url")) == ([], ["a"])


@pytest.mark.parametrize(
    ("kind", "wanted", "field"),
    [
        ("image", "", "reference_images"),
        ("image", "last_frame_image_url", "last_frame_image_url"),
        ("video", "image_url", "reference_videos"),
        ("audio", "nonsense", "reference_audios"),
    ],
)
def test_a_file_goes_where_it_was_dropped_if_its_kind_may(kind: str, wanted: str, field: str) -> None:
    assert slot_for(kind, wanted).field == field


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (600, "10:00")])
def test_lengths_are_shown_as_players_show_them(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
