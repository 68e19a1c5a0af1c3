"""What the slots tell the page, so that it need not know any rule."""

import pytest

from tchavi_studio.create.media import SLOTS, clock


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (600, "10:00")])
def test_lengths_are_shown_as_players_show_them(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_in_each_mode_each_kind_of_file_has_its_slots() -> None:
    places = {
        (mode, kind): [slot.field for slot in SLOTS.values() if slot.kind == kind and mode in slot.accepts_in]
        for mode in ("text", "frames", "references")
        for kind in ("image", "video", "audio")
    }
    assert places == {
        ("text", "image"): ["reference_images"],
        ("text", "video"): ["reference_videos"],
        ("text", "audio"): ["reference_audios"],
        ("frames", "image"): ["image_url", "last_frame_image_url"],
        ("frames", "video"): ["reference_videos"],
        ("frames", "audio"): ["reference_audios"],
        ("references", "image"): ["reference_images"],
        ("references", "video"): ["reference_videos"],
        ("references", "audio"): ["reference_audios"],
    }
