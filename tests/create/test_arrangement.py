"""Files put into their slots and moved about, and the tokens that follow them."""

from typing import Any
from uuid import UUID

import pytest

from tchavi_studio.assets.models import Asset
from tchavi_studio.create.arrangement import (
    NoRoomError,
    move_file,
    place_file,
    remove_file,
    rename_tokens,
    swap_frames,
)
from tchavi_studio.create.values import Values


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


def values(mode: str = "references", prompt: str = "", **lists: list[str]) -> Values:
    return Values({"mode": [mode], "prompt": [prompt], **lists})


# --- Putting files into slots -----------------------------------------------------------------------------------------


def asset(kind: str = "image", number: int = 0) -> Asset:
    """A file that nobody stored; its id is `number`."""
    return Asset(pk=UUID(int=number), kind=kind)


def ids(*numbers: int) -> list[str]:
    return [str(UUID(int=number)) for number in numbers]


@pytest.mark.parametrize(
    ("mode", "kind", "key", "field", "mode_after", "announced"),
    [
        ("references", "image", "", "reference_images", "references", "Image1 added"),
        ("references", "image", "files", "reference_images", "references", "Image1 added"),
        ("text", "image", "", "reference_images", "references", "Image1 added"),
        ("text", "video", "", "reference_videos", "references", "Video1 added"),
        ("frames", "video", "", "reference_videos", "frames", "Video1 added"),
        ("frames", "audio", "nonsense", "reference_audios", "frames", "Audio1 added"),
        ("frames", "image", "", "image_url", "frames", "First frame added"),
        ("frames", "image", "last_frame_image_url", "last_frame_image_url", "frames", "Last frame added"),
        ("references", "image", "last_frame_image_url", "last_frame_image_url", "frames", "Last frame added"),
        ("frames", "video", "image_url", "reference_videos", "frames", "Video1 added"),
        ("frames", "image", "reference_images", "reference_images", "references", "Image1 added"),
    ],
)
def test_a_file_goes_where_it_is_meant_to_if_its_kind_may_and_else_where_its_kind_goes(
    mode: str, kind: str, key: str, field: str, mode_after: str, announced: str
) -> None:
    composer = values(mode=mode)
    assert place_file(composer, asset(kind, 7), key=key) == announced
    assert (composer.getlist(field), composer["mode"]) == (ids(7), mode_after)


def test_a_second_frame_is_the_last_and_a_third_has_no_room() -> None:
    composer = values(mode="frames")
    place_file(composer, asset(number=1))
    assert place_file(composer, asset(number=2)) == "Last frame added"
    with pytest.raises(NoRoomError) as refused:
        place_file(composer, asset(number=3))
    assert refused.value.message == "Both frames are set. Remove one first."
    assert (composer.getlist("image_url"), composer.getlist("last_frame_image_url")) == (ids(1), ids(2))


def test_a_frame_that_is_meant_gives_way() -> None:
    composer = values(mode="frames", image_url=ids(1))
    place_file(composer, asset(number=2), key="image_url")
    assert composer.getlist("image_url") == ids(2)


@pytest.mark.parametrize(
    ("kind", "field", "capacity"),
    [("image", "reference_images", 9), ("video", "reference_videos", 3), ("audio", "reference_audios", 3)],
)
@pytest.mark.parametrize("is_named", [True, False])
def test_a_full_list_takes_no_more(kind: str, field: str, capacity: int, is_named: bool) -> None:
    composer = values()
    composer.setlist(field, ids(*range(capacity)))
    with pytest.raises(NoRoomError) as refused:
        place_file(composer, asset(kind, 99), key=field if is_named else "")
    assert refused.value.message == f"No more than {capacity} files fit here. Remove one first."
    assert composer.getlist(field) == ids(*range(capacity))


def test_the_same_file_is_there_once() -> None:
    composer = values(reference_images=ids(1, 2))
    with pytest.raises(NoRoomError) as refused:
        place_file(composer, asset(number=2))
    assert refused.value.message == "That file is here already."
    assert composer.getlist("reference_images") == ids(1, 2)


def test_an_extract_takes_the_place_of_the_file_it_is_from() -> None:
    composer = values(prompt="[Audio1] [Audio2]", reference_audios=ids(1, 2, 3))
    place_file(composer, asset("audio", 9), key=f"reference_audios:{UUID(int=2)}")
    assert composer.getlist("reference_audios") == ids(1, 9, 3)
    assert composer["prompt"] == "[Audio1] [Audio2]"


# --- Moving them about ------------------------------------------------------------------------------------------------


def test_removing_renumbers_those_behind() -> None:
    composer = values(reference_images=["a", "b", "c"], prompt="[Image1] [Image2] [Image3]")
    assert remove_file(composer, "reference_images:b") == "Image2 removed"
    assert composer.getlist("reference_images") == ["a", "c"]
    assert composer["prompt"] == "[Image1] [Image2]"


def test_removing_a_frame_leaves_the_prompt() -> None:
    composer = values(mode="frames", image_url=["a"], prompt="[Image1]")
    assert remove_file(composer, "image_url:a") == "First frame removed"
    assert (composer.getlist("image_url"), composer["prompt"]) == ([], "[Image1]")


@pytest.mark.parametrize(
    ("file", "by", "order", "prompt", "announced"),
    [
        ("b", -1, ["b", "a", "c"], "[Image2] [Image1] [Image3]", "Image2 is now 1 of 3"),
        ("b", 1, ["a", "c", "b"], "[Image1] [Image3] [Image2]", "Image2 is now 3 of 3"),
        ("c", -2, ["c", "a", "b"], "[Image2] [Image3] [Image1]", "Image3 is now 1 of 3"),
        ("a", -1, ["a", "b", "c"], "[Image1] [Image2] [Image3]", "Image1 is now 1 of 3"),
        ("c", 5, ["a", "b", "c"], "[Image1] [Image2] [Image3]", "Image3 is now 3 of 3"),
    ],
)
def test_moving_takes_the_tokens_along(file: str, by: int, order: list[str], prompt: str, announced: str) -> None:
    composer = values(reference_images=["a", "b", "c"], prompt="[Image1] [Image2] [Image3]")
    assert move_file(composer, f"reference_images:{file}", by=by) == announced
    assert composer.getlist("reference_images") == order
    assert composer["prompt"] == prompt


@pytest.mark.parametrize("key", ["reference_images:b", "nonsense:a", "", ":"])
def test_moving_or_removing_what_is_not_there_changes_nothing(key: str) -> None:
    composer: Any = values(reference_images=["a"], prompt="[Image1]")
    assert (move_file(composer, key, by=1), remove_file(composer, key)) == ("", "")
    assert (composer.getlist("reference_images"), composer["prompt"]) == (["a"], "[Image1]")


def test_frames_swap() -> None:
    composer = values(image_url=["a"])
    swap_frames(composer)
    assert (composer.getlist("image_url"), composer.getlist("last_frame_image_url")) == ([], ["a"])
