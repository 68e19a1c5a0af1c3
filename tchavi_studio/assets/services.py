"""Writes on stored files: references come in, trims are cut, finished clips are stored, and all can be deleted."""

import hashlib
import logging
import os
import secrets
import shutil
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import F, ProtectedError, Sum
from django.db.models.functions import Greatest
from django.urls import Resolver404, resolve
from django.utils import timezone

from tchavi_studio.outbound import OutboundPolicy, OutboundRefusedError, OutboundTooLargeError, fetch_to_file
from tchavi_studio.runtime.pools import Pool, PoolFullError
from tchavi_studio.words import words_of
from tchavi_studio.workspaces.models import User, Workspace

from . import probe, sniff
from .limits import MAX_BYTES, MAX_DURATION_SECONDS, MIN_DURATION_SECONDS, RefusedFileError, check_byte_count
from .models import Asset, DeletedFile, Kind, Origin, PersonStorageUse, ReferenceWord, StorageUse, server_made_name
from .probe import OutputVerifier, ProbedFile, verify_output
from .queries import is_disk_low, received_with, stored_bytes
from .refusals import MediaRefusedError, StudioBusyError, too_many_fetches, too_many_probes, upload_refused
from .serving import EXTENSIONS
from .signing import own_path, read_token

logger = logging.getLogger(__name__)

__all__ = [
    "MediaRefusedError",
    "StudioBusyError",
    "check_room",
    "delete_asset",
    "delete_asset_files",
    "delete_stale_incoming",
    "delete_unowned",
    "measure_sound",
    "note_owner",
    "output_verifier",
    "own_assets",
    "read_frame",
    "record_asset",
    "recount_storage",
    "replace_pictures",
    "store_frame",
    "store_output",
    "store_upload",
    "store_url",
    "sweep_deleted",
    "trim_asset",
]

Verify = Callable[[Path, Path], ProbedFile]
Verification = Callable[[], ProbedFile]

FETCH_SECONDS = 60.0
FETCHES = Pool(name="fetches", size=4, max_per_owner=2)
"""Links being fetched, each for a person. A silent address holds a server thread for FETCH_SECONDS."""

PROBES = Pool(name="probes", size=2)
"""Received files being decoded. Finished clips don't wait for a place: their clusters have few workers anyway."""

PROBE_REQUESTS = Pool(name="probe-requests", size=6, max_per_owner=3)
"""Requests whose file is being decoded, or waits for that. The server's other threads stay free to answer."""

PROBE_WAIT_SECONDS = 20.0
MAX_NAME_LENGTH = 200
STALE_AFTER_SECONDS = 24 * 3600
TIME_ROUNDING_SECONDS = 0.001


def store_upload(*, workspace: Workspace, user: User | None, upload: "UploadedFile[bytes]") -> Asset:
    """Store an uploaded file as a reference. The same bytes again from the same person return the existing asset.

    The upload is read in chunks and never held in memory. Raises `MediaRefusedError`, and then leaves nothing on disk.
    """
    with _incoming_directory() as directory, _refusals_for_sender():
        check_room(workspace=workspace)
        source_sha256 = _receive(upload.chunks(), directory / "source", declared_byte_count=upload.size)
        return _store_received(workspace, user, directory, source_sha256, Origin.UPLOAD, name=upload.name or "")


def store_url(*, workspace: Workspace, user: User | None, url: str) -> Asset:
    """Store the file at a URL as a reference, by the same rules as an upload.

    One of the studio's own URLs for a file of the same workspace returns that asset, without a fetch. Raises
    `MediaRefusedError`, in the same words whatever the server or the network did, and at once `StudioBusyError` while
    too many links are being fetched.
    """
    with _incoming_directory() as directory, _refusals_for_sender():
        if own_path(url) is not None:
            own = own_assets(workspace=workspace, urls=[url])
            if url not in own:
                raise RefusedFileError("address_refused")  # the studio never fetches from itself
            return own[url]
        check_room(workspace=workspace)
        try:
            with FETCHES.place(owner=user.pk if user else ""):
                fetched = fetch_to_file(
                    url,
                    directory / "source",
                    max_bytes=max(MAX_BYTES.values()),
                    timeout_seconds=FETCH_SECONDS,
                    policy=OutboundPolicy(allowed_peers=frozenset(settings.STUDIO_OUTBOUND_ALLOW)),
                )
        except PoolFullError as error:
            raise too_many_fetches() from error
        except OutboundTooLargeError as error:
            raise RefusedFileError("too_many_bytes", byte_count=max(MAX_BYTES.values()), cut_off=True) from error
        except OutboundRefusedError as error:
            raise RefusedFileError("address_refused") from error
        name = unquote(urlsplit(fetched.final_url).path).rpartition("/")[2]
        return _store_received(workspace, user, directory, fetched.sha256, Origin.URL, name=name)


def trim_asset(*, asset: Asset, user: User | None, start_seconds: float, duration_seconds: float) -> Asset:
    """Cut `duration_seconds` from `start_seconds` out of a video or audio file, as a new asset.

    A video keeps its size and is exact to the frame; audio becomes a WAV and is exact to the sample. The same trim
    again by the same person returns the existing asset. This takes seconds: don't call it in a transaction. Raises
    `MediaRefusedError`.
    """
    with _incoming_directory() as directory, _refusals_for_sender():
        _check_trim(asset, start_seconds, duration_seconds)
        recipe = f"trim {asset.content_sha256} {start_seconds:.3f} {duration_seconds:.3f}"
        source_sha256 = hashlib.sha256(recipe.encode()).hexdigest()
        existing = asset.derived.filter(origin=Origin.TRIM, source_sha256=source_sha256, created_by=user).first()
        if existing is not None:
            return existing
        check_room(workspace=asset.workspace)
        source = _copied(asset, directory)
        made = directory / "made"
        made.mkdir()
        with _probing(user):
            probed = probe.trim(
                source, made, kind=asset.kind, start_seconds=start_seconds, duration_seconds=duration_seconds
            )
        assert probed.file is not None
        trimmed = _asset(asset.workspace, user, Origin.TRIM, probed, source_sha256, asset.original_name)
        trimmed.derived_from = asset
        return _store(trimmed, probed, probed.file, within_quota=True)


def read_frame(*, asset: Asset, user: User | None, at_seconds: float) -> bytes:
    """The frame that a stored clip shows at `at_seconds`, as a PNG at full resolution. Nothing is stored.

    This takes seconds, like the other functions on frames: don't call it in a transaction. Raises `MediaRefusedError`.
    """
    with _incoming_directory() as directory, _refusals_for_sender():
        source = _copied(asset, directory)
        with _probing(user):
            probed = probe.take_frame(source, directory, at_seconds=at_seconds)
        assert probed.file is not None
        return probed.file.read_bytes()


def store_frame(*, asset: Asset, user: User, at_seconds: float | None, name: str) -> Asset:
    """Store a frame of a stored clip as an upload of `user`, called `name`: its last one if `at_seconds` is None.

    The same frame again by the same person returns the existing asset. Raises `MediaRefusedError`.
    """
    with _incoming_directory() as directory, _refusals_for_sender():
        recipe = f"frame {asset.content_sha256} {asset.frame_number_at(at_seconds)}"
        source_sha256 = hashlib.sha256(recipe.encode()).hexdigest()
        same = received_with(workspace=asset.workspace, user=user, source_sha256=source_sha256)
        existing = same.first()
        if existing is not None:
            return existing
        check_room(workspace=asset.workspace)
        source = _copied(asset, directory)
        made = directory / "made"
        made.mkdir()
        with _probing(user):
            probed = probe.take_reference(source, made, at_seconds=at_seconds)
        assert probed.file is not None
        frame = _asset(asset.workspace, user, Origin.UPLOAD, probed, source_sha256, name)
        frame.derived_from = asset
        try:
            return _store(frame, probed, probed.file, within_quota=True)
        except IntegrityError:
            return same.get()  # they took it twice at the same moment


def replace_pictures(*, asset: Asset, user: User, at_seconds: float, within: AbstractContextManager[object]) -> None:
    """Make a stored clip's poster and thumbnail anew from the frame it shows at `at_seconds`.

    Their files get new names, so that their URLs change, and the old ones are deleted after the commit. The change is
    made `within` a context of the caller's, in the transaction; if that raises, nothing changes. Raises
    `MediaRefusedError`, and Asset.DoesNotExist if the file was deleted meanwhile.
    """
    with _incoming_directory() as directory, _refusals_for_sender():
        source = _copied(asset, directory)
        with _probing(user):
            probed = probe.make_pictures(source, directory, at_seconds=at_seconds)
        assert probed.poster is not None
        assert probed.thumbnail is not None
        mark = secrets.token_hex(4)
        made = {
            "poster": _promote(probed.poster, server_made_name(asset, f"poster-{mark}", "webp")),
            "thumbnail": _promote(probed.thumbnail, server_made_name(asset, f"thumbnail-{mark}", "webp")),
        }
        try:
            with transaction.atomic(), within:
                current = Asset.objects.select_for_update(no_key=True).get(pk=asset.pk)
                replaced = [name for name in (current.poster.name, current.thumbnail.name) if name]
                Asset.objects.filter(pk=asset.pk).update(**made)
                transaction.on_commit(partial(_delete_stored, replaced))
        except BaseException:
            _delete_stored(list(made.values()))
            raise


def measure_sound(*, asset: Asset, user: User | None) -> list[int]:
    """The peaks that draw a stored clip's sound, measured once: [0] for a track without a sample.

    Clips stored today are measured as they come in.

    Raises `MediaRefusedError`.
    """
    if asset.peaks or not asset.has_audio:
        return list(asset.peaks)
    with _incoming_directory() as directory, _refusals_for_sender():
        source = _copied(asset, directory)
        with _probing(user):
            peaks = list(probe.measure_sound(source, directory)) or [0]
    Asset.objects.filter(pk=asset.pk).update(peaks=peaks)
    return peaks


def _copied(asset: Asset, directory: Path) -> Path:
    """A copy of the stored file in `directory`, whatever the storage. Raises `RefusedFileError` if it is missing."""
    source = directory / f"source.{EXTENSIONS[asset.content_type]}"
    try:
        stored = asset.file.open("rb")
    except FileNotFoundError:
        logger.error("stored file is missing: %s", asset.file.name)
        raise RefusedFileError("broken_file", kind=asset.kind) from None
    with stored, source.open("xb") as file:
        shutil.copyfileobj(stored, file)
    return source


def output_verifier() -> OutputVerifier:
    """A context manager for while a clip is being made: what it gives makes `store_output` faster."""
    return OutputVerifier(Path(settings.FILE_UPLOAD_TEMP_DIR))


def store_output(
    *,
    workspace: Workspace,
    user: User | None,
    path: Path,
    during: Callable[[Verification], ProbedFile] | None = None,
    verify: Verify = verify_output,
) -> Asset:
    """Store a finished clip. `path` is moved in if it is a complete, playable MP4, and deleted if it isn't.

    It is unowned until `note_owner`, and deleted after a while if that never comes: the caller may die in between.

    The clip is stored as it is, metadata included, and the workspace's quota doesn't apply to what is already paid for.
    Verifying takes seconds and doesn't touch the database: `during` is called with it, and may do other work meanwhile.
    Raises `RefusedFileError`, which is not for people: the caller says how the clip failed.
    """
    try:
        with _incoming_directory() as directory:
            verification = partial(verify, path.resolve(), directory)
            probed = during(verification) if during else verification()
            asset = _asset(workspace, user, Origin.OUTPUT, probed, _sha256(path), name="")
            asset.unowned_since = timezone.now()
            return _store(asset, probed, path, within_quota=False)
    finally:
        path.unlink(missing_ok=True)


@transaction.atomic
def record_asset(*, asset: Asset, within_quota: bool = False) -> None:
    """Write the row of a file that is stored and the words it is found by, and count its bytes.

    Raises `RefusedFileError` if it is to be `within_quota` and there is no room.
    """
    asset.save(force_insert=True)
    if asset.origin != Origin.OUTPUT:
        words = dict.fromkeys(words_of(asset.original_name))
        ReferenceWord.objects.bulk_create(ReferenceWord(asset=asset, word=word.encode()) for word in words)
    _count_bytes(asset.workspace_id, asset.created_by_id, asset.byte_count, within_quota=within_quota)


def note_owner(*, asset: Asset) -> None:
    """A generation owns this stored clip now. Call it in the transaction that says so."""
    Asset.objects.filter(pk=asset.pk).update(unowned_since=None)


def delete_unowned(*, asset: Asset) -> bool:
    """Delete a stored clip that no generation owns. False if one still uses it: then it is looked at again later."""
    deleted = delete_asset(asset=asset)
    if not deleted:
        Asset.objects.filter(pk=asset.pk).update(unowned_since=timezone.now())
    return deleted


def delete_asset(*, asset: Asset) -> bool:
    """Delete an asset and, after the commit, its files. False if a generation still uses it, and then it stays."""
    try:
        with transaction.atomic():
            asset_id = asset.pk
            _total, deleted = asset.delete()
            if deleted.get(Asset._meta.label):  # else somebody else was faster, and has counted it
                _count_bytes(asset.workspace_id, asset.created_by_id, -asset.byte_count)
            asset.pk = asset_id  # the names of the files are still needed
            delete_asset_files(asset=asset)
    except ProtectedError:
        return False
    return True


def delete_asset_files(*, asset: Asset) -> None:
    """Delete the stored files of an asset after the current transaction commits; at the latest in `sweep_deleted`."""
    names = _stored_names(asset)
    # Somebody else may have deleted it at the same moment.
    DeletedFile.objects.bulk_create([DeletedFile(asset_id=asset.pk, names=names)], ignore_conflicts=True)
    transaction.on_commit(lambda: _delete_stored(names))


def sweep_deleted(*, max_count: int = 1000) -> int:
    """See to it that the files of up to `max_count` deleted assets are gone, and return of how many."""
    deleted = list(DeletedFile.objects.all()[:max_count])
    for each in deleted:
        _delete_stored(each.names)
    DeletedFile.objects.filter(pk__in=[each.pk for each in deleted]).delete()
    return len(deleted)


@transaction.atomic
def recount_storage(*, workspace_id: UUID) -> None:
    """Set the counted bytes of a workspace, and of each person in it, to the sums over its assets."""
    _count_bytes(workspace_id, None, 0)  # the lock: assets that are added or deleted meanwhile wait for it
    sums = Asset.objects.filter(workspace=workspace_id).order_by().values_list("created_by").annotate(Sum("byte_count"))
    byte_counts = dict(sums)
    StorageUse.objects.filter(workspace=workspace_id).update(byte_count=sum(byte_counts.values()))
    byte_counts.pop(None, None)
    PersonStorageUse.objects.filter(workspace=workspace_id).delete()
    PersonStorageUse.objects.bulk_create(
        PersonStorageUse(workspace_id=workspace_id, user_id=user_id, byte_count=byte_count)
        for user_id, byte_count in byte_counts.items()
    )


def delete_stale_incoming() -> int:
    """Delete what killed processes left among the incoming files over a day ago, and return how many entries."""
    count = 0
    before = time.time() - STALE_AFTER_SECONDS
    for entry in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        try:
            is_fresh = entry.lstat().st_mtime >= before
        except FileNotFoundError:
            continue  # its owner, or another sweep, has just deleted it
        if is_fresh:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
        count += 1
    return count


# --- The way in -------------------------------------------------------------------------------------------------------


@contextmanager
def _incoming_directory() -> Iterator[Path]:
    """A private folder on the same disk as the stored files, deleted afterwards whatever happens."""
    with tempfile.TemporaryDirectory(prefix="asset-", dir=settings.FILE_UPLOAD_TEMP_DIR) as directory:
        yield Path(directory).resolve()


@contextmanager
def _refusals_for_sender() -> Iterator[None]:
    try:
        yield
    except RefusedFileError as refusal:
        raise upload_refused(refusal) from refusal


@contextmanager
def _probing(user: User | None) -> Iterator[None]:
    """Wait for a place among the probes. Raises `StudioBusyError` if too many wait already, or for too long."""
    try:
        with ExitStack() as places:
            places.enter_context(PROBE_REQUESTS.place(owner=user.pk if user else ""))
            places.enter_context(PROBES.place(wait_seconds=PROBE_WAIT_SECONDS))
            yield
    except PoolFullError as error:
        raise too_many_probes() from error


def _receive(chunks: Iterable[bytes], path: Path, *, declared_byte_count: int | None) -> str:
    """Write `chunks` to `path`, up to the limit for the kind of file, and return their SHA-256."""
    digest = hashlib.sha256()
    byte_count = 0
    file_type: sniff.FileType | None = None
    with path.open("xb") as file:
        for chunk in chunks:
            if byte_count == 0:
                file_type = _sniffed(chunk[: sniff.SNIFF_BYTE_COUNT])
            byte_count += len(chunk)
            assert file_type is not None
            # The declared size makes a better message; the received size is what counts.
            check_byte_count(file_type.kind, max(byte_count, declared_byte_count or 0))
            digest.update(chunk)
            file.write(chunk)
    if byte_count == 0:
        raise RefusedFileError("empty_file")
    return digest.hexdigest()


def _sniffed(head: bytes) -> sniff.FileType:
    file_type = sniff.sniff_type(head)
    if file_type is None:
        raise RefusedFileError("unsupported_type" if head else "empty_file")
    return file_type


def _store_received(
    workspace: Workspace, user: User | None, directory: Path, source_sha256: str, origin: Origin, *, name: str
) -> Asset:
    """Check and clean the received `directory / "source"` and store the result, unless it is stored already."""
    source = directory / "source"
    same = received_with(workspace=workspace, user=user, source_sha256=source_sha256)
    existing = same.first()
    if existing is not None:
        return existing
    with source.open("rb") as file:
        kind = _sniffed(file.read(sniff.SNIFF_BYTE_COUNT)).kind
    check_byte_count(kind, source.stat().st_size)
    made = directory / "made"
    made.mkdir()
    with _probing(user):
        probed = probe.take_upload(source, made)
    assert probed.file is not None
    asset = _asset(workspace, user, origin, probed, source_sha256, name)
    try:
        return _store(asset, probed, probed.file, within_quota=True)
    except IntegrityError:
        # The person sent the same file twice at the same moment, and the other one was first.
        return same.get()


def own_assets(*, workspace: Workspace, urls: Iterable[str]) -> dict[str, Asset]:
    """The assets behind those of `urls` that are the studio's own URLs for files of `workspace`. One query at most."""
    paths = {url: path for url in urls if (path := own_path(url)) is not None}
    asset_ids = {url: asset_id for url, path in paths.items() if (asset_id := _asset_id_in(path)) is not None}
    if not asset_ids:
        return {}
    assets = Asset.objects.filter(workspace=workspace).in_bulk(set(asset_ids.values()))
    return {url: assets[asset_id] for url, asset_id in asset_ids.items() if asset_id in assets}


def _asset_id_in(path: str) -> UUID | None:
    try:
        match = resolve(path)
    except Resolver404:
        return None
    if match.view_name == "media:signed":
        signed = read_token(match.kwargs["token"])
        return signed.asset_id if signed else None
    return match.kwargs["asset_id"] if match.view_name == "gallery:media" else None


def _check_trim(asset: Asset, start_seconds: float, duration_seconds: float) -> None:
    if asset.kind == Kind.IMAGE or asset.duration_seconds is None:
        raise RefusedFileError("not_trimmable")
    inside = start_seconds >= 0 and start_seconds + duration_seconds <= asset.duration_seconds + TIME_ROUNDING_SECONDS
    if not inside or not MIN_DURATION_SECONDS <= duration_seconds <= MAX_DURATION_SECONDS:
        raise RefusedFileError("trim_out_of_range", duration_seconds=asset.duration_seconds)


def check_room(*, workspace: Workspace) -> None:
    """Refuse early what certainly has no room; `_count_bytes` decides the rest. Raises `RefusedFileError`."""
    if is_disk_low():
        raise RefusedFileError("studio_full")
    used_bytes = stored_bytes(workspace=workspace)
    if used_bytes >= workspace.max_bytes:
        raise RefusedFileError("workspace_full", used_bytes=used_bytes, quota_bytes=workspace.max_bytes)


def _count_bytes(workspace_id: UUID, user_id: int | None, byte_count: int, *, within_quota: bool = False) -> None:
    """Add to the bytes that a workspace, and a person in it, use, in the transaction that writes the assets.

    The first UPDATE enforces the quota, and keeps others who count in this workspace waiting until the commit.
    """
    use, _is_new = StorageUse.objects.select_related("workspace").get_or_create(workspace_id=workspace_id)
    uses = StorageUse.objects.filter(pk=use.pk)
    if within_quota:
        uses = uses.filter(byte_count__lte=use.workspace.max_bytes - byte_count)
    # A count that is too low must not keep a file from being deleted: `verify_storage` finds it.
    if not uses.update(byte_count=Greatest(F("byte_count") + byte_count, 0)):
        raise RefusedFileError("workspace_full", used_bytes=use.byte_count, quota_bytes=use.workspace.max_bytes)
    if user_id is not None:
        own, _is_new = PersonStorageUse.objects.get_or_create(workspace_id=workspace_id, user_id=user_id)
        PersonStorageUse.objects.filter(pk=own.pk).update(byte_count=Greatest(F("byte_count") + byte_count, 0))


# --- Storing ----------------------------------------------------------------------------------------------------------


class _PreparedFile(File):  # type: ignore[type-arg]  # not generic at run time
    """A finished file, which a storage on the same disk takes over by renaming it, and any other by reading it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb"), name=path.name)
        self._path = path

    def temporary_file_path(self) -> str:
        return str(self._path)


def _asset(
    workspace: Workspace, user: User | None, origin: Origin, probed: probe.ProbedFile, source_sha256: str, name: str
) -> Asset:
    return Asset(
        workspace=workspace,
        created_by=user,
        origin=origin,
        original_name=display_name(name),
        source_sha256=source_sha256,
        kind=probed.kind,
        content_type=probed.content_type,
        width=probed.width,
        height=probed.height,
        duration_seconds=probed.duration_seconds,
        frame_rate=probed.frame_rate,
        has_audio=probed.has_audio,
        needs_trim=probed.needs_trim,
        peaks=list(probed.peaks),
    )


def _store(asset: Asset, probed: probe.ProbedFile, path: Path, *, within_quota: bool) -> Asset:
    """Move `path` and its pictures into the storage, then write the row, so that no row is without its file."""
    asset.byte_count = path.stat().st_size
    asset.content_sha256 = _sha256(path)
    try:
        asset.file = _promote(path, server_made_name(asset, "file", EXTENSIONS[asset.content_type]))
        if probed.thumbnail is not None:
            asset.thumbnail = _promote(probed.thumbnail, server_made_name(asset, "thumbnail", "webp"))
        if probed.poster is not None:
            asset.poster = _promote(probed.poster, server_made_name(asset, "poster", "webp"))
        record_asset(asset=asset, within_quota=within_quota)
    except BaseException:
        _delete_stored(_stored_names(asset))
        raise
    return asset


def _promote(path: Path, name: str) -> str:
    """Move a file into the storage, and onto the disk: its row must not outlast it in a power cut."""
    with _PreparedFile(path) as file:
        os.fsync(file.fileno())
        stored = default_storage.save(name, file)
    folder = Path(default_storage.path(stored)).parent
    while folder.is_relative_to(default_storage.path("")):
        handle = os.open(folder, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
        folder = folder.parent
    return stored


def _stored_names(asset: Asset) -> list[str]:
    return [name for name in (asset.file.name, asset.thumbnail.name, asset.poster.name) if name]


def _delete_stored(names: list[str]) -> None:
    for name in names:
        default_storage.delete(name)
    for folder in {name.rpartition("/")[0] for name in names} - {""}:
        with suppress(OSError):  # not empty, or gone already
            Path(default_storage.path(folder)).rmdir()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def display_name(name: str) -> str:
    """A sender's file name, fit to be shown: no folders, no control or direction characters, and not too long."""
    base = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(character for character in base if unicodedata.category(character) not in _UNSHOWN_CATEGORIES)
    shown = " ".join(shown.split())
    stem, dot, extension = shown.rpartition(".")
    if len(shown) > MAX_NAME_LENGTH and dot and len(extension) < 10:
        return stem[: MAX_NAME_LENGTH - len(extension) - 1] + dot + extension
    return shown[:MAX_NAME_LENGTH]


_UNSHOWN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn"}
