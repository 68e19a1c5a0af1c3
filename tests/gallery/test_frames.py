"""Frames of a clip, its poster, and the shape of its sound."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from PIL import Image

from tchavi_studio.assets import services
from tchavi_studio.assets.models import Asset, Origin
from tchavi_studio.assets.refusals import too_many_probes
from tchavi_studio.gallery.sound_shape import shape_of
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.workspaces.models import ActivityRow, Membership, Role, User, Visibility, Workspace
from tests.assets.media import make_video
from tests.gallery.conftest import HTMX, MakeClip, Url, text_of


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds at 24 frames, 640 × 640, with sound."""
    return make_video(tmp_path_factory.mktemp("clip") / "clip.mp4", audio="aac")


@pytest.fixture
def clip(make_clip: MakeClip, video: Path) -> Generation:
    """A private clip of Alice's with a real file."""
    return with_file(make_clip(), video)


def with_file(clip: Generation, video: Path) -> Generation:
    output = clip.output
    assert output is not None
    output.file.save(f"{output.pk}/file.mp4", ContentFile(video.read_bytes()), save=False)
    output.width = output.height = 640
    output.duration_seconds, output.frame_rate, output.has_audio = 2.0, 24.0, True
    output.save()
    return clip


def is_busy(*_: object, **__: object) -> None:
    raise too_many_probes()


def test_a_frame_is_downloaded_at_full_resolution(alice_browser: Client, url: Url, clip: Generation) -> None:
    response = alice_browser.get(url("frame", clip), {"at": "1.104"})
    assert (response.status_code, response["Content-Type"]) == (200, "image/png")
    name = f"dawn-over-the-lagoon-{clip.pk.hex[:8]}-0-01-02.png"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    with Image.open(BytesIO(response.content)) as image:
        assert (image.format, image.size) == ("PNG", (640, 640))
    assert Asset.objects.exclude(origin=Origin.OUTPUT).count() == 0


@pytest.mark.parametrize("at", ["", "-1", "nan", "inf", "soon"])
@pytest.mark.parametrize(("name", "method"), [("frame", "get"), ("keep_frame", "post"), ("poster", "post")])
def test_a_moment_is_a_number_of_seconds(
    alice_browser: Client, url: Url, clip: Generation, name: str, method: str, at: str
) -> None:
    assert getattr(alice_browser, method)(url(name, clip), {"at": at}).status_code == 400


def test_a_frame_becomes_a_reference(alice_browser: Client, alice: User, url: Url, clip: Generation) -> None:
    answer = alice_browser.post(url("keep_frame", clip), {"at": "1.104"}, headers=HTMX)
    assert "The frame at 0:01.02 is among your references now, ready for the composer." in text_of(answer)
    (frame,) = Asset.objects.exclude(origin=Origin.OUTPUT)
    assert (frame.created_by, frame.kind, frame.width, frame.derived_from_id) == (alice, "image", 640, clip.output_id)
    assert frame.original_name == f"dawn-over-the-lagoon-{clip.pk.hex[:8]}-0-01-02.png"
    alice_browser.post(url("keep_frame", clip), {"at": "1.104"})
    assert Asset.objects.exclude(origin=Origin.OUTPUT).count() == 1


def test_a_poster_is_shown_at_once_on_the_card(alice_browser: Client, url: Url, clip: Generation) -> None:
    answer = text_of(alice_browser.post(url("poster", clip), {"at": "0.5"}, headers=HTMX))
    assert "This frame is the clip&#x27;s poster now." in answer
    changed = Generation.objects.select_related("output").get(pk=clip.pk)
    assert changed.output is not None
    assert not ActivityRow.objects.filter(reference=clip.pk).exists(), "it is one's own"
    assert re.fullmatch(r"\?[0-9a-f]{8}", changed.output.pictures_query)
    assert f'/poster{changed.output.pictures_query}" alt=""' in answer
    assert f'data-version="{clip.version + 1}"' in answer
    address = f"{url('gallery').removesuffix('gallery/')}media/{changed.output_id}/poster"
    poster = alice_browser.get(address)
    with Image.open(BytesIO(b"".join(poster.streaming_content))) as image:  # type: ignore[attr-defined]
        assert (image.format, image.size) == ("WEBP", (640, 640))


def test_a_clip_in_the_bin_keeps_its_poster(alice_browser: Client, url: Url, clip: Generation) -> None:
    alice_browser.post(url("delete", clip))
    assert alice_browser.post(url("poster", clip), {"at": "0.5"}, headers=HTMX).status_code == 404
    assert clip.output is not None
    clip.output.refresh_from_db()
    assert clip.output.pictures_query == ""


@pytest.mark.parametrize(
    ("role", "visibility", "status"),
    [
        (Role.ADMIN, Visibility.WORKSPACE, 200),
        (Role.CREATOR, Visibility.WORKSPACE, 403),
        (Role.VIEWER, Visibility.WORKSPACE, 403),
        (Role.ADMIN, Visibility.PRIVATE, 404),
    ],
)
def test_admins_choose_posters_of_shared_clips(
    client: Client,
    bob: User,
    workspace: Workspace,
    url: Url,
    make_clip: MakeClip,
    video: Path,
    role: Role,
    visibility: Visibility,
    status: int,
) -> None:
    clip = with_file(make_clip(visibility=visibility), video)
    Membership.objects.create(workspace=workspace, user=bob, role=role)
    client.force_login(bob)
    assert client.post(url("poster", clip), {"at": "0.5"}, headers=HTMX).status_code == status
    assert Generation.objects.get(pk=clip.pk).version == clip.version + (status == 200)
    rows = ActivityRow.objects.filter(reference=clip.pk).values_list("kind", "actor", "subject")
    assert list(rows) == ([("clip.poster_chosen", bob.pk, clip.creator_id)] if status == 200 else [])


def test_a_busy_studio_says_so(
    alice_browser: Client, url: Url, clip: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_probing", is_busy)
    for name in ("keep_frame", "poster"):
        answer = alice_browser.post(url(name, clip), {"at": "1"}, headers=HTMX)
        assert answer.status_code == 422
        assert "Too many files are being examined right now." in text_of(answer)
    back = alice_browser.get(
        url("frame", clip), {"at": "1"}, headers={"Referer": f"http://testserver{url('clip', clip)}"}
    )
    assert (back.status_code, back["Location"]) == (302, f"http://testserver{url('clip', clip)}")
    assert alice_browser.get(url("sound", clip)).status_code == 204


@pytest.mark.parametrize("name", ["frame", "sound"])
def test_an_unfinished_clip_has_no_parts(alice_browser: Client, url: Url, make_clip: MakeClip, name: str) -> None:
    assert alice_browser.get(url(name, make_clip(State.PROCESSING)), {"at": "0"}).status_code == 404


def test_the_sound_of_an_older_clip_is_measured_when_it_is_opened(
    alice_browser: Client, url: Url, clip: Generation
) -> None:
    page = text_of(alice_browser.get(url("clip", clip)))
    assert '<svg class="sound is-silent"' in page
    assert f'hx-get="{url("sound", clip)}"' in page
    shape = text_of(alice_browser.get(url("sound", clip)))
    assert '<svg class="sound" viewBox="0 20 480 60"' in shape
    assert "hx-get" not in shape
    assert clip.output is not None
    clip.output.refresh_from_db()
    assert len(clip.output.peaks) == 80
    assert f'd="{shape_of(clip.output).path}"' in text_of(alice_browser.get(url("clip", clip)))
    assert url("sound", clip) not in text_of(alice_browser.get(url("clip", clip)))


def test_a_shape_has_a_bar_for_each_peak() -> None:
    assert shape_of(Asset(peaks=[0, 50, 100])).path == "M3 46v8M9 35v30M15 20v60"
    assert shape_of(Asset(peaks=[0, 0])).path == shape_of(Asset()).path == "M0 50H100"


def test_what_a_viewer_may_do_with_frames(
    alice_browser: Client, workspace: Workspace, url: Url, clip: Generation
) -> None:
    def offered() -> list[bool]:
        page = text_of(alice_browser.get(url("clip", clip)))
        return [f'action="{url(name, clip)}"' in page for name in ("frame", "keep_frame", "poster")]

    assert offered() == [True, True, True]
    Membership.objects.filter(workspace=workspace).update(role=Role.VIEWER)
    assert offered() == [True, False, False]


@pytest.mark.parametrize(
    ("rate", "at_seconds", "timecode"),
    [
        (24.0, 0, "0:00.00"),
        (24.0, 3.354, "0:03.08"),
        (24.0, None, "0:04.23"),
        (29.97, 1.02, "0:01.00"),
        (None, 9, "0:04.23"),
    ],
)
def test_timecodes(rate: float | None, at_seconds: float | None, timecode: str) -> None:
    assert Asset(duration_seconds=5.0, frame_rate=rate).timecode_at(at_seconds) == timecode
