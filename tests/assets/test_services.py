"""Files come in by one way, are kept once, and leave nothing behind when they are refused."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import TestCase
from django.utils import timezone
from PIL import Image
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from tchavi_studio.assets import probe, services
from tchavi_studio.assets.limits import RefusedFileError
from tchavi_studio.assets.models import Asset, DeletedFile, Origin, ReferenceWord
from tchavi_studio.assets.queries import stored_bytes
from tchavi_studio.assets.services import (
    MediaRefusedError,
    StudioBusyError,
    delete_asset,
    delete_stale_incoming,
    display_name,
    measure_sound,
    read_frame,
    replace_pictures,
    store_frame,
    store_output,
    store_upload,
    store_url,
    sweep_deleted,
    trim_asset,
)
from tchavi_studio.assets.signing import Variant, signed_media_path, signed_media_url
from tchavi_studio.runtime.pools import PoolFullError
from tchavi_studio.workspaces.models import User, Workspace
from tests.assets.conftest import Store, as_upload, make_asset
from tests.assets.media import make_image, make_video, make_wav, padded_mp4
from tests.databases import Database


def stored_files() -> list[Path]:
    root = Path(default_storage.path(""))
    return sorted(path for path in root.rglob("*") if path.is_file()) if root.exists() else []


def test_a_files_bytes_and_name_are_on_the_disk_before_its_row_is(
    store: Store, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    write = services.record_asset

    def record_asset(*, asset: Asset, within_quota: bool) -> None:
        path = Path(default_storage.path(str(asset.file)))
        root = Path(default_storage.path(""))
        needed = [path, *(folder for folder in path.parents if folder.is_relative_to(root))]
        assert {needed_path.stat().st_ino for needed_path in needed} <= set(synced)
        write(asset=asset, within_quota=within_quota)

    monkeypatch.setattr(services, "record_asset", record_asset)
    assert store(photo).file


@pytest.fixture(autouse=True)
def incoming(tmp_path: Path, settings: Settings) -> Path:
    """The folder of incoming files. Every test ends with it empty."""
    folder = tmp_path / "incoming"
    folder.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = folder
    return folder


@pytest.fixture(autouse=True)
def nothing_left_incoming(incoming: Path) -> Iterator[None]:
    yield
    assert list(incoming.iterdir()) == []


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- Uploads ----------------------------------------------------------------------------------------------------------


@pytest.mark.sandboxed
def test_a_photo_is_stored(store: Store, photo: Path, workspace: Workspace, alice: User) -> None:
    asset = store(photo)
    asset.refresh_from_db()
    folder = Path(default_storage.path(f"{workspace.pk}/{asset.pk}"))
    assert stored_files() == [folder / "file.jpg", folder / "thumbnail.webp"]
    assert (asset.workspace, asset.created_by, asset.origin, asset.kind) == (workspace, alice, "upload", "image")
    assert (asset.original_name, asset.content_type) == ("photo.jpg", "image/jpeg")
    assert (asset.width, asset.height, asset.duration_seconds, asset.frame_rate) == (320, 300, None, None)
    assert (asset.has_audio, asset.needs_trim, asset.peaks, asset.poster.name) == (False, False, [], "")
    assert asset.byte_count == (folder / "file.jpg").stat().st_size
    assert (asset.source_sha256, asset.content_sha256) == (sha256(photo), sha256(folder / "file.jpg"))
    assert [path.stat().st_mode & 0o777 for path in stored_files()] == [0o600, 0o600]


@pytest.mark.sandboxed
def test_a_video_is_stored(store: Store, video: Path) -> None:
    asset = store(video)
    assert [path.name for path in stored_files()] == ["file.mp4", "poster.webp", "thumbnail.webp"]
    assert (asset.kind, asset.content_type, asset.width, asset.height) == ("video", "video/mp4", 640, 640)
    assert (asset.duration_seconds, asset.frame_rate, asset.has_audio) == (2.0, 24.0, True)


@pytest.mark.sandboxed
def test_a_sound_is_stored(store: Store, sound: Path) -> None:
    asset = store(sound)
    assert [path.name for path in stored_files()] == ["file.wav"]
    assert (asset.kind, asset.content_type, asset.width, asset.height) == ("audio", "audio/wav", None, None)
    assert (asset.duration_seconds, len(asset.peaks), asset.peaks[-1]) == (2.0, 48, 100)


def test_a_long_sound_waits_for_its_trim(store: Store, tmp_path: Path) -> None:
    asset = store(make_wav(tmp_path / "a.wav", seconds=16))
    assert (asset.needs_trim, asset.duration_seconds) == (True, 16.0)


def test_name_and_declared_type_are_not_believed(workspace: Workspace, alice: User, photo: Path) -> None:
    upload = SimpleUploadedFile("page.html", photo.read_bytes(), content_type="text/html")
    asset = store_upload(workspace=workspace, user=alice, upload=upload)
    assert (asset.content_type, Path(asset.file.path).name) == ("image/jpeg", "file.jpg")


def test_the_same_bytes_are_stored_once_per_person_and_workspace(
    store: Store, workspace: Workspace, photo: Path, bob: User
) -> None:
    asset = store(photo)
    assert store(photo) == asset
    assert len(stored_files()) == 2
    others = {asset}
    for place in (workspace, Workspace.objects.get(memberships__user=bob)):
        with as_upload(photo, "mine.jpg") as upload:
            others.add(store_upload(workspace=place, user=bob, upload=upload))
    assert len(others) == Asset.objects.count() == 3
    assert sorted(other.original_name for other in others) == ["mine.jpg", "mine.jpg", "photo.jpg"]


def test_a_trim_is_made_once_for_each_person(
    store: Store, sound: Path, workspace: Workspace, alice: User, bob: User
) -> None:
    asset = store(sound)
    hers, again, his = (
        trim_asset(asset=asset, user=user, start_seconds=0.0, duration_seconds=2.0) for user in (alice, alice, bob)
    )
    assert hers == again
    assert (his != hers, his.created_by, his.original_name) == (True, bob, asset.original_name)


def test_references_are_found_by_the_words_of_their_names(store: Store, photo: Path, workspace: Workspace) -> None:
    with as_upload(photo, "Été à Assinie_02.JPG") as upload:
        asset = store_upload(workspace=workspace, user=None, upload=upload)
    assert sorted(map(str, asset.words.all())) == ["02", "a", "assinie", "ete", "jpg"]
    delete_asset(asset=asset)
    assert not ReferenceWord.objects.exists()


def test_the_same_file_twice_at_the_same_moment_is_one_asset(
    store: Store, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second upload passes the first look, and meets the first one's row only when it writes its own."""
    real_take_upload = probe.take_upload
    winner: list[Asset] = []

    def meanwhile(source: Path, directory: Path) -> probe.ProbedFile:
        monkeypatch.setattr(probe, "take_upload", real_take_upload)
        winner.append(store(photo))
        return real_take_upload(source, directory)

    monkeypatch.setattr(probe, "take_upload", meanwhile)
    assert store(photo) == winner[0]
    assert Asset.objects.count() == 1
    assert len(stored_files()) == 2


HOSTILE = {
    "empty.png": (b"", "empty_file"),
    "playlist.mp4": (b"#EXTM3U\n#EXTINF:10.0,\nfile:///etc/passwd\n", "unsupported_type"),
    "concat.mp4": (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "unsupported_type"),
    "drawing.png": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "unsupported_type"),
    "page.jpg": (b"<!DOCTYPE html><script>alert(1)</script>", "unsupported_type"),
    "archive.png": (b"PK\x03\x04" + bytes(100), "unsupported_type"),
    "half.jpg": (b"\xff\xd8\xff\xe0" + bytes(1000), "broken_file"),
    "box.mp4": (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp41", "truncated_file"),
    "tag.mp3": (b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(1000), "broken_file"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_and_leaves_nothing(store: Store, tmp_path: Path, name: str) -> None:
    content, code = HOSTILE[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaRefusedError) as refused:
        store(tmp_path / name)
    assert refused.value.code == code
    assert refused.value.message.endswith("Nothing was stored.")
    assert stored_files() == []
    assert Asset.objects.count() == 0


def test_a_small_photo_is_told_its_size(store: Store, tmp_path: Path) -> None:
    with pytest.raises(MediaRefusedError) as refused:
        store(make_image(tmp_path / "a.png", 200, 400))
    assert (refused.value.code, refused.value.message) == (
        "side_too_short",
        "The photo is 200 × 400 px. Its shorter side must be at least 300 px. Nothing was stored.",
    )


@pytest.mark.parametrize(("kind", "max_bytes"), [("video", 50_000_000), ("audio", 15_000_000), ("image", 29_999_999)])
def test_the_byte_limit_ends_the_stream_whatever_was_declared(
    workspace: Workspace, alice: User, kind: str, max_bytes: int
) -> None:
    head = {"video": b"\x00\x00\x00\x18ftypisom", "audio": b"ID3\x04", "image": b"\xff\xd8\xff\xe0"}[kind]
    pulled = 0

    class Endless(SimpleUploadedFile):
        def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
            nonlocal pulled
            yield head
            while True:
                pulled += 1_000_000
                yield bytes(1_000_000)

    with pytest.raises(MediaRefusedError) as refused:
        store_upload(workspace=workspace, user=alice, upload=Endless("a", b"x"))
    assert refused.value.code == "too_many_bytes"
    assert pulled <= max_bytes + 1_000_000


def test_a_video_of_just_the_byte_limit_is_taken(store: Store, video: Path, tmp_path: Path) -> None:
    path = padded_mp4(Path(shutil.copy(video, tmp_path / "a.mp4")), 50_000_000)
    assert store(path).byte_count < 100_000
    padded_mp4(Path(shutil.copy(video, path)), 50_000_001)
    with pytest.raises(MediaRefusedError) as refused:
        store(path)
    assert refused.value.message == ("The file is 50.1 MB. Videos can be up to 50 MB. Nothing was stored.")


def test_the_quota_is_counted_per_workspace(
    store: Store, photo: Path, sound: Path, settings: Settings, bob: User
) -> None:
    first = store(photo)
    settings.STUDIO_WORKSPACE_QUOTA_BYTES = first.byte_count + sound.stat().st_size - 1
    with pytest.raises(MediaRefusedError) as refused:
        store(sound)
    assert refused.value.code == "workspace_full"
    assert len(stored_files()) == 2
    # Another workspace has a quota of its own, and one byte more is enough here.
    theirs = Workspace.objects.get(memberships__user=bob)
    with as_upload(sound) as upload:
        store_upload(workspace=theirs, user=bob, upload=upload)
    settings.STUDIO_WORKSPACE_QUOTA_BYTES += 1
    assert store(sound).kind == "audio"


def test_a_full_workspace_is_refused_before_the_file_is_opened(
    store: Store, workspace: Workspace, sound: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STUDIO_WORKSPACE_QUOTA_BYTES = make_asset(workspace).byte_count
    monkeypatch.setattr(probe, "take_upload", None)
    with pytest.raises(MediaRefusedError) as refused:
        store(sound)
    assert refused.value.code == "workspace_full"


def test_a_row_that_can_not_be_written_leaves_no_file(
    store: Store, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("database gone")

    monkeypatch.setattr(Asset, "save", fail)
    with pytest.raises(RuntimeError, match="database gone"):
        store(photo)
    assert stored_files() == []


@pytest.mark.own_database
def test_a_large_upload_is_never_held_in_memory(own_database: Database, workspace: Workspace, tmp_path: Path) -> None:
    """Peak memory of the web process: a 50 MB video against a 100 kB one, in a process of its own."""
    small = make_video(tmp_path / "small.mp4")
    large = padded_mp4(make_video(tmp_path / "large.mp4", frame_count=49), 50_000_000)
    script = """
        import sys, django
        django.setup()
        from pathlib import Path
        from django.core.files.uploadedfile import TemporaryUploadedFile
        from tchavi_studio.assets.services import store_upload
        from tchavi_studio.workspaces.models import Workspace

        def peak_bytes():
            # Not ru_maxrss: Linux hands a process the peak of the one that started it, which hides its own.
            lines = Path("/proc/self/status").read_text().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024

        def store(path):
            with TemporaryUploadedFile(path.name, "", path.stat().st_size, None) as upload, path.open("rb") as file:
                for chunk in iter(lambda: file.read(65536), b""):
                    upload.write(chunk)
                upload.seek(0)
                store_upload(workspace=Workspace.objects.get(), user=None, upload=upload)

        store(Path(sys.argv[1]))
        before = peak_bytes()
        store(Path(sys.argv[2]))
        print(peak_bytes() - before)
    """
    environment = {
        **own_database.environment,
        "DJANGO_SETTINGS_MODULE": "tchavi_studio.settings",
        "STUDIO_DATA": str(tmp_path / "data"),
    }
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(small), str(large)],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
        text=True,
    )
    assert Asset.objects.count() == 2
    assert int(child.stdout) < 20_000_000


# --- URLs -------------------------------------------------------------------------------------------------------------

Serve = Callable[[str, bytes], str]


@pytest.fixture
def serve(settings: Settings) -> Iterator[Serve]:
    """Serve bytes at a path of a loopback server that the operator allows, and return the URL."""
    contents: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = contents.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        port = server.server_address[1]
        settings.STUDIO_OUTBOUND_ALLOW = (f"127.0.0.1:{port}",)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()

        def serve(path: str, content: bytes) -> str:
            contents[path] = content
            return f"http://127.0.0.1:{port}{path}"

        yield serve
        server.shutdown()
        thread.join()


def test_a_url_is_stored_like_an_upload(workspace: Workspace, alice: User, photo: Path, serve: Serve) -> None:
    url = serve("/albums/le%20soleil.jpg?size=large", photo.read_bytes())
    asset = store_url(workspace=workspace, user=alice, url=url)
    assert (asset.origin, asset.original_name, asset.content_type) == ("url", "le soleil.jpg", "image/jpeg")
    assert asset.source_sha256 == sha256(photo)


def test_what_was_uploaded_before_is_found_by_its_bytes(
    store: Store, workspace: Workspace, alice: User, photo: Path, serve: Serve
) -> None:
    asset = store(photo)
    assert store_url(workspace=workspace, user=alice, url=serve("/a", photo.read_bytes())) == asset


def test_an_almost_full_disk_takes_no_references_but_clips(
    workspace: Workspace, alice: User, photo: Path, video: Path, tmp_path: Path, settings: Settings
) -> None:
    settings.STUDIO_MIN_FREE_BYTES = 2**62
    with as_upload(photo) as upload, pytest.raises(MediaRefusedError) as refused:
        store_upload(workspace=workspace, user=alice, upload=upload)
    assert refused.value.code == "studio_full"
    assert refused.value.message == (
        "The studio's disk is almost full, so it takes no new files. Ask the site's admin to free space. "
        "Nothing was stored."
    )
    clip = Path(shutil.copy(video, tmp_path / "clip.mp4"))
    assert store_output(workspace=workspace, user=alice, path=clip).origin == Origin.OUTPUT


@pytest.fixture
def pools(tmp_path: Path, settings: Settings) -> None:
    settings.STUDIO_DATA = tmp_path


@pytest.mark.usefixtures("pools")
def test_a_link_is_refused_at_once_while_its_person_fetches_two(
    workspace: Workspace, alice: User, bob: User, photo: Path, serve: Serve
) -> None:
    url = serve("/a", photo.read_bytes())
    with services.FETCHES.place(owner=alice.pk), services.FETCHES.place(owner=alice.pk):
        with pytest.raises(StudioBusyError):
            store_url(workspace=workspace, user=alice, url=url)
        assert store_url(workspace=workspace, user=bob, url=url).kind == "image"


@pytest.mark.usefixtures("pools")
def test_only_two_files_are_examined_at_once(
    workspace: Workspace, alice: User, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[int] = []
    take_upload = probe.take_upload

    def counting(source: Path, directory: Path) -> probe.ProbedFile:
        with ExitStack() as others, suppress(PoolFullError):
            for number in range(9):
                others.enter_context(services.PROBES.place())
                at_once.append(number)
        return take_upload(source, directory)

    monkeypatch.setattr(probe, "take_upload", counting)
    store_upload(workspace=workspace, user=alice, upload=as_upload(photo))
    assert at_once == [0]  # one place was left beside our own


@pytest.mark.usefixtures("pools")
def test_files_wait_for_their_turn_in_bounded_number(
    workspace: Workspace, alice: User, bob: User, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "PROBE_WAIT_SECONDS", 0)
    with services.PROBES.place(), services.PROBES.place(), pytest.raises(StudioBusyError):
        store_upload(workspace=workspace, user=alice, upload=as_upload(photo))
    with ExitStack() as waiting:
        for _request in range(3):
            waiting.enter_context(services.PROBE_REQUESTS.place(owner=alice.pk))
        with pytest.raises(StudioBusyError):
            store_upload(workspace=workspace, user=alice, upload=as_upload(photo))
        assert store_upload(workspace=workspace, user=bob, upload=as_upload(photo)).kind == "image"


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/", "http://127.0.0.1:1/", "file:///etc/passwd", "x"])
def test_an_address_inside_is_refused_in_the_same_words(workspace: Workspace, alice: User, url: str) -> None:
    with pytest.raises(MediaRefusedError) as refused:
        store_url(workspace=workspace, user=alice, url=url)
    assert (refused.value.code, refused.value.message) == (
        "address_refused",
        "The file couldn't be fetched from this URL. It must be a public http or https URL that leads straight to the "
        "file. Nothing was stored.",
    )


def test_a_missing_page_and_a_page_that_is_no_file(workspace: Workspace, alice: User, serve: Serve) -> None:
    page = serve("/page", b"<!DOCTYPE html>")
    for url, code in ((page, "unsupported_type"), (page + "/missing", "address_refused")):
        with pytest.raises(MediaRefusedError) as refused:
            store_url(workspace=workspace, user=alice, url=url)
        assert refused.value.code == code
    assert stored_files() == []


def test_a_large_page_is_cut_off(
    workspace: Workspace, alice: User, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_BYTES", {"video": 50_000})
    with pytest.raises(MediaRefusedError) as refused:
        store_url(workspace=workspace, user=alice, url=serve("/a", bytes(50_001)))
    assert refused.value.code == "too_many_bytes"


@pytest.mark.parametrize("public_url", ["https://studio.example.org", ""])
def test_the_studios_own_addresses_lead_to_the_asset_without_a_fetch(
    workspace: Workspace, alice: User, settings: Settings, public_url: str
) -> None:
    settings.STUDIO_PUBLIC_URL = public_url
    asset = make_asset(workspace)
    origin = public_url or f"http://localhost:{settings.PORT}"
    for url in (
        signed_media_url(asset, variant=Variant.FILE, expires_seconds=60),
        signed_media_url(asset, variant=Variant.THUMBNAIL, expires_seconds=60),
        origin + signed_media_path(asset, variant=Variant.FILE, expires_seconds=60),
        f"{origin}/w/{workspace.slug}/media/{asset.pk}/file",
    ):
        assert store_url(workspace=workspace, user=alice, url=url) == asset


def test_the_studios_own_addresses_lead_nowhere_else(workspace: Workspace, bob: User, settings: Settings) -> None:
    settings.STUDIO_PUBLIC_URL = "https://studio.example.org"
    # Even an operator who allows the studio's own address gets no fetch of it.
    settings.STUDIO_OUTBOUND_ALLOW = ("studio.example.org:443",)
    asset = make_asset(workspace)
    theirs = Workspace.objects.get(memberships__user=bob)
    for url in (
        signed_media_url(asset, variant=Variant.FILE, expires_seconds=60),
        f"https://studio.example.org/w/{asset.workspace.slug}/media/{asset.pk}/file",
    ):
        with pytest.raises(MediaRefusedError) as refused:
            store_url(workspace=theirs, user=bob, url=url)
        assert refused.value.code == "address_refused"
    for url in (
        signed_media_url(asset, variant=Variant.FILE, expires_seconds=0),
        "https://studio.example.org/media/forged/file.jpg",
        "https://STUDIO.example.org:443/healthz",
        "https://studio.example.org/nowhere",
    ):
        with pytest.raises(MediaRefusedError) as refused:
            store_url(workspace=asset.workspace, user=bob, url=url)
        assert refused.value.code == "address_refused"


# --- Trims ------------------------------------------------------------------------------------------------------------


@pytest.mark.sandboxed
def test_a_trim_is_an_asset_of_its_own(store: Store, long_video: Path, alice: User) -> None:
    source = store(long_video)
    assert source.needs_trim is True
    trimmed = trim_asset(asset=source, user=alice, start_seconds=1.5, duration_seconds=2.5)
    trimmed.refresh_from_db()
    assert (trimmed.origin, trimmed.derived_from, trimmed.original_name) == (Origin.TRIM, source, "long.mp4")
    assert (trimmed.duration_seconds, trimmed.needs_trim, trimmed.workspace) == (2.5, False, source.workspace)
    again = trim_asset(asset=source, user=alice, start_seconds=1.5, duration_seconds=2.5)
    other = trim_asset(asset=source, user=alice, start_seconds=1.0, duration_seconds=2.5)
    assert (again == trimmed, other == trimmed) == (True, False)


def test_a_sound_is_trimmed(store: Store, alice: User, tmp_path: Path) -> None:
    source = store(make_wav(tmp_path / "a.wav", seconds=17))
    trimmed = trim_asset(asset=source, user=alice, start_seconds=2, duration_seconds=15)
    assert (trimmed.duration_seconds, trimmed.needs_trim, trimmed.content_type) == (15.0, False, "audio/wav")


@pytest.mark.parametrize(
    ("start_seconds", "duration_seconds"),
    [(-0.1, 2), (0, 1.9), (0, 15.1), (1.5, 15), (16, 2), (float("nan"), 2), (0, float("nan")), (0, float("inf"))],
)
def test_a_trim_outside_is_refused(
    workspace: Workspace, alice: User, start_seconds: float, duration_seconds: float
) -> None:
    source = make_asset(workspace, "audio", duration_seconds=16.0)
    with pytest.raises(MediaRefusedError) as refused:
        trim_asset(asset=source, user=alice, start_seconds=start_seconds, duration_seconds=duration_seconds)
    assert refused.value.code == "trim_out_of_range"


def test_a_photo_can_not_be_trimmed(workspace: Workspace, alice: User) -> None:
    with pytest.raises(MediaRefusedError) as refused:
        trim_asset(asset=make_asset(workspace), user=alice, start_seconds=0, duration_seconds=2)
    assert refused.value.code == "not_trimmable"


# --- Outputs ----------------------------------------------------------------------------------------------------------


@pytest.mark.sandboxed
def test_a_finished_clip_is_moved_in_as_it_is(workspace: Workspace, alice: User, video: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(video, tmp_path / "clip.part"))
    inode = path.stat().st_ino
    asset = store_output(workspace=workspace, user=alice, path=path)
    assert not path.exists()
    assert [stored.name for stored in stored_files()] == ["file.mp4", "poster.webp", "thumbnail.webp"]
    assert (asset.origin, asset.content_type, asset.original_name) == ("output", "video/mp4", "")
    assert asset.content_sha256 == asset.source_sha256 == sha256(video)
    assert Path(asset.file.path).stat().st_ino == inode
    assert Path(asset.file.path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["cut", "empty", "page"])
def test_a_clip_that_is_not_whole_is_refused_and_gone(
    workspace: Workspace, video: Path, tmp_path: Path, damage: str
) -> None:
    content = {"cut": video.read_bytes()[:-1000], "empty": b"", "page": b"<html>expired</html>"}[damage]
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(RefusedFileError):
        store_output(workspace=workspace, user=None, path=path)
    assert not path.exists()
    assert stored_files() == []


def test_a_full_workspace_still_gets_what_it_paid_for(
    workspace: Workspace, video: Path, tmp_path: Path, settings: Settings
) -> None:
    settings.STUDIO_WORKSPACE_QUOTA_BYTES = 1
    path = Path(shutil.copy(video, tmp_path / "clip.mp4"))
    assert store_output(workspace=workspace, user=None, path=path).kind == "video"


def test_equal_clips_are_kept_both(workspace: Workspace, video: Path, tmp_path: Path) -> None:
    clips = [
        store_output(workspace=workspace, user=None, path=Path(shutil.copy(video, tmp_path / "clip.mp4")))
        for _ in range(2)
    ]
    assert clips[0] != clips[1]


# --- Deleting ---------------------------------------------------------------------------------------------------------


def test_files_go_once_the_deletion_is_committed(workspace: Workspace) -> None:
    asset = make_asset(workspace, "video")
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert delete_asset(asset=asset) is True
        assert len(stored_files()) == 3
    assert stored_files() == []
    assert Asset.objects.count() == 0


def test_files_of_whoever_died_after_the_commit_are_swept(workspace: Workspace) -> None:
    """In a test, what was to happen after the commit never does."""
    assets = [make_asset(workspace, "video") for _number in range(3)]
    kept = make_asset(workspace)
    for asset in assets:
        delete_asset(asset=asset)
        delete_asset(asset=Asset(pk=asset.pk, workspace=workspace, byte_count=1))
    assert len(stored_files()) == 3 * 3 + 2
    assert sweep_deleted(max_count=2) == 2
    assert len(stored_files()) == 3 + 2
    assert (sweep_deleted(), sweep_deleted()) == (1, 0)
    assert not DeletedFile.objects.exists()
    assert stored_files() == sorted(Path(file.path) for file in (kept.file, kept.thumbnail))
    # Nor are empty folders left.
    assert [folder.name for folder in Path(default_storage.path(str(workspace.pk))).iterdir()] == [str(kept.pk)]


def test_a_deletion_that_is_rolled_back_keeps_the_files(workspace: Workspace) -> None:
    asset = make_asset(workspace)
    with TestCase.captureOnCommitCallbacks(execute=True), transaction.atomic():
        delete_asset(asset=asset)
        transaction.set_rollback(True)
    assert sweep_deleted() == 0
    assert len(stored_files()) == 2
    assert Asset.objects.filter(pk=asset.pk).exists()


def test_a_trim_outlives_what_it_was_cut_from(workspace: Workspace) -> None:
    source = make_asset(workspace, "audio")
    trimmed = make_asset(workspace, "audio", derived_from=source)
    delete_asset(asset=source)
    trimmed.refresh_from_db()
    assert trimmed.derived_from is None


def test_only_what_is_a_day_old_is_swept(incoming: Path) -> None:
    old = timezone.now().timestamp() - 25 * 3600
    (incoming / "asset-old").mkdir()
    (incoming / "asset-old" / "source").write_bytes(b"x")
    (incoming / "old.upload").write_bytes(b"x")
    (incoming / "asset-new").mkdir()
    for name in ("asset-old", "old.upload"):
        os.utime(incoming / name, (old, old))
    assert delete_stale_incoming() == 2
    assert [path.name for path in incoming.iterdir()] == ["asset-new"]
    (incoming / "asset-new").rmdir()


def test_a_file_that_vanishes_under_the_sweep_does_not_stop_it(incoming: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = incoming / "stale"
    stale.touch()
    os.utime(stale, (0, 0))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", lambda self: iter([self / "gone", stale]))
        assert delete_stale_incoming() == 1
    assert not stale.exists()


# --- Names and rows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Awa\\été.png", "été.png"),
        ("a\x00b\r\nc.png", "abc.png"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("  two   words .png ", "two words .png"),
        ("x" * 300 + ".jpeg", "x" * 195 + ".jpeg"),
        ("x" * 300, "x" * 200),
        ("", ""),
    ],
)
def test_display_names(name: str, shown: str) -> None:
    assert display_name(name) == shown


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "film"},
        {"origin": "fax"},
        {"width": None},
        {"height": 0},
        {"duration_seconds": 2.0},
        {"kind": "audio", "duration_seconds": 2.0},
        {"kind": "video"},
        {"kind": "video", "duration_seconds": 0.0},
    ],
)
def test_the_database_holds_the_shape(workspace: Workspace, changes: dict[str, object]) -> None:
    asset = make_asset(workspace)
    with pytest.raises(IntegrityError), transaction.atomic():
        Asset.objects.filter(pk=asset.pk).update(**changes)


# --- Parts of a finished clip -----------------------------------------------------------------------------------------


@pytest.fixture
def clip(workspace: Workspace, alice: User, video: Path, tmp_path: Path) -> Asset:
    """A finished clip of two seconds at 24 frames, 640 × 640, with sound."""
    copy = Path(shutil.copy(video, tmp_path / "clip.mp4"))
    return store_output(workspace=workspace, user=alice, path=copy)


def test_a_frame_is_read_and_not_stored(clip: Asset, alice: User) -> None:
    before = stored_files()
    with Image.open(BytesIO(read_frame(asset=clip, user=alice, at_seconds=1.0))) as image:
        assert (image.format, image.size) == ("PNG", (640, 640))
    assert stored_files() == before


def test_a_frame_becomes_an_upload_of_whoever_takes_it(clip: Asset, alice: User, bob: User) -> None:
    frame = store_frame(asset=clip, user=alice, at_seconds=None, name="dawn-0-01.23.png")
    assert (frame.created_by, frame.origin, frame.kind, frame.original_name) == (
        alice,
        Origin.UPLOAD,
        "image",
        "dawn-0-01.23.png",
    )
    assert (frame.width, frame.height, frame.derived_from) == (640, 640, clip)
    # The last frame is number 47, however it is asked for.
    assert store_frame(asset=clip, user=alice, at_seconds=47.5 / 24, name="again.png") == frame
    assert store_frame(asset=clip, user=alice, at_seconds=46.5 / 24, name="before.png") != frame
    theirs = store_frame(asset=clip, user=bob, at_seconds=None, name="bob.png")
    assert (theirs == frame, theirs.created_by) == (False, bob)


def test_a_frame_counts_as_a_reference(clip: Asset, alice: User, workspace: Workspace, settings: Settings) -> None:
    before = stored_bytes(workspace=workspace)
    frame = store_frame(asset=clip, user=alice, at_seconds=0, name="frame.png")
    assert stored_bytes(workspace=workspace) - before == frame.byte_count
    settings.STUDIO_WORKSPACE_QUOTA_BYTES = before
    with pytest.raises(MediaRefusedError):
        store_frame(asset=clip, user=alice, at_seconds=1, name="frame.png")


def test_new_pictures_get_new_names_and_the_old_ones_go(
    clip: Asset, alice: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    old = [Path(default_storage.path(str(name))) for name in (clip.poster, clip.thumbnail)]
    assert clip.pictures_query == ""
    seen: list[str] = []

    def look() -> None:
        seen.append(Asset.objects.values_list("poster", flat=True).get(pk=clip.pk))

    @contextmanager
    def within() -> Iterator[None]:
        look()
        yield
        look()

    with django_capture_on_commit_callbacks(execute=True):
        replace_pictures(asset=clip, user=alice, at_seconds=1.0, within=within())
        assert all(path.exists() for path in old)
    assert seen[0] != seen[1], "around the change"
    assert not any(path.exists() for path in old)
    clip.refresh_from_db()
    mark = clip.pictures_query
    assert re.fullmatch(r"\?[0-9a-f]{8}", mark)
    assert str(clip.poster).endswith(f"/poster-{mark[1:]}.webp")
    with Image.open(default_storage.path(str(clip.poster))) as poster:
        assert poster.size == (640, 640)
    replace_pictures(asset=clip, user=alice, at_seconds=1.0, within=nullcontext())
    clip.refresh_from_db()
    assert clip.pictures_query not in ("", mark)


def test_pictures_stay_if_the_change_fails(clip: Asset, alice: User) -> None:
    before = stored_files()

    @contextmanager
    def fail() -> Iterator[None]:
        yield
        raise LookupError

    with pytest.raises(LookupError):
        replace_pictures(asset=clip, user=alice, at_seconds=1.0, within=fail())
    assert stored_files() == before


def test_the_sound_of_an_older_clip_is_measured_once(clip: Asset, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = clip.peaks
    assert len(measured) == 80
    Asset.objects.filter(pk=clip.pk).update(peaks=[])
    clip.refresh_from_db()
    assert measure_sound(asset=clip, user=alice) == measured
    clip.refresh_from_db()
    assert clip.peaks == measured
    monkeypatch.setattr(probe, "measure_sound", lambda *_: pytest.fail("measured again"))
    assert measure_sound(asset=clip, user=alice) == measured
    clip.has_audio, clip.peaks = False, []
    assert measure_sound(asset=clip, user=alice) == []
