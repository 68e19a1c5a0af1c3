"""`manage.py seed_demo` fills a workspace with clips that the studio can't tell from its own."""

import errno
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.test import Client
from pytest_django import Settings

from tchavi_studio.assets.models import Asset, Origin, ReferenceWord
from tchavi_studio.generations.lifecycle import claim_next_render, rescue_abandoned_renders
from tchavi_studio.generations.models import OPEN_STATES, Generation, GenerationReference, KeyUse, State
from tchavi_studio.generations.queries import bin_for_viewer, clips_for_viewer
from tchavi_studio.ledger.models import Account, AccountName, Kind, Transfer
from tchavi_studio.operations.demo import seeding
from tchavi_studio.operations.demo.plan import Demo
from tchavi_studio.operations.demo.samples import Sample, render_sample, samples_without_files, store_link
from tchavi_studio.operations.management.commands import seed_demo
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tests.conftest import make_person

CLIPS = 300


@pytest.fixture
def seed(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command, without files; returns the printed JSON."""

    def run(*more: str) -> Any:
        call_command("seed_demo", "--clips", str(CLIPS), "--no-files", *more)
        return json.loads(capsys.readouterr().out)

    return run


def figures(workspace: Workspace) -> dict[str, Any]:
    """What the seed decides, without ids and times."""
    clips = Generation.objects.filter(workspace=workspace).order_by("created_at", "variation", "id")
    return {
        "states": Counter(clips.values_list("state", flat=True)),
        "prompts": list(clips.values_list("prompt", flat=True)),
        "prices": list(clips.values_list("price_credits", flat=True)),
        "kinds": Counter(Transfer.objects.filter(workspace=workspace).values_list("kind", flat=True)),
    }


def test_demo_has_every_kind_of_clip(seed: Any, workspace: Workspace, membership: Membership) -> None:
    printed = seed()
    assert (printed["workspace"], printed["clips"]) == (workspace.slug, CLIPS)
    clips = Generation.objects.all()
    assert {
        **Counter(clips.values_list("state", flat=True)),
        "different prompts": len(set(clips.values_list("prompt", flat=True))),
        "in the feed": clips_for_viewer(membership=membership).count(),
        "in the bin": bin_for_viewer(membership=membership).count(),
        "dismissed": clips.exclude(dismissed_at=None).count(),
        "jobs": clips.filter(is_test=False).exclude(key_id=None).count(),
        "test jobs": clips.filter(is_test=True).count(),
        "remixes": clips.exclude(parent=None).count(),
        "references": GenerationReference.objects.count(),
        "uploads": Asset.objects.filter(origin=Origin.UPLOAD).count(),
        "outputs": Asset.objects.filter(origin=Origin.OUTPUT).count(),
    } == {
        "completed": 276,
        "failed": 14,
        "cancelled": 4,
        "saving": 1,
        "processing": 2,
        "queued": 3,
        "different prompts": 249,
        "in the feed": 271,
        "in the bin": 14,
        "dismissed": 6,
        "jobs": 46,
        "test jobs": 9,
        "remixes": 17,
        "references": 64,
        "uploads": 24,
        "outputs": 276,
    }
    assert [clip.state for clip in clips.order_by("-created_at")[:6]] == [
        *[State.QUEUED] * 3, *[State.PROCESSING] * 2, State.SAVING
    ]  # fmt: skip


def test_every_credit_is_accounted_for(seed: Any, workspace: Workspace) -> None:
    seed()
    call_command("verify_ledger")
    priced = Generation.objects.filter(price_credits__gt=0)
    charges = Transfer.objects.filter(kind=Kind.CHARGE)
    assert dict(charges.values_list("reference", "amount_credits")) == dict(priced.values_list("pk", "price_credits"))
    refunded = priced.filter(state__in=[State.FAILED, State.CANCELLED])
    refunds = Transfer.objects.filter(kind=Kind.REFUND)
    assert dict(refunds.values_list("reference", "reason")) == dict(refunded.values_list("pk", "error_code"))
    kept = priced.exclude(pk__in=refunded).aggregate(total=Sum("price_credits"))["total"]
    assert Account.objects.get(workspace=workspace, book="sandbox", name=AccountName.SPENT).balance_credits == kept


def test_what_is_counted_is_right(seed: Any, workspace: Workspace) -> None:
    seed()
    call_command("verify_storage")
    ended = Generation.objects.exclude(key_id=None).exclude(state__in=OPEN_STATES)
    kept = ended.filter(state=State.COMPLETED).aggregate(total=Sum("price_credits"))["total"]
    uses = KeyUse.objects.aggregate(clips=Sum("clip_count"), spent=Sum("spent_credits"))
    assert uses == {"clips": ended.count(), "spent": kept}
    references = Asset.objects.exclude(origin="output")
    assert ReferenceWord.objects.count() == 3 * references.count() > 0  # "img", its number, "jpg"
    shared = references.filter(used_in__generation__is_shared=True)
    assert set(references.exclude(first_shared_at=None)) == set(shared)
    assert shared.exists()


def test_pages_show_it(seed: Any, workspace: Workspace, alice_browser: Client) -> None:
    printed = seed()
    home = f"/w/{workspace.slug}"
    remix = Generation.objects.exclude(parent=None).filter(deleted_at=None).earliest("created_at")
    paths = (
        "create/",
        "gallery/",
        "gallery/bin/",
        f"clips/{remix.pk}/",
        "credits/",
        "developers/",
        "references/",
        "storage/",
    )
    assert {path: alice_browser.get(f"{home}/{path}").status_code for path in paths} == dict.fromkeys(paths, 200)
    program = Client(headers={"Authorization": f"Bearer {printed['api_key']}"})
    jobs = program.get("/v1/jobs?limit=50").json()
    assert (len(jobs["data"]), jobs["has_more"]) == (46, False)


def test_same_seed_draws_the_same_demo(db: None, seed: Any, workspace: Workspace, bob: User) -> None:
    seed("--workspace", workspace.slug)
    first = figures(workspace)
    assert seed("--workspace", workspace.slug) == {"workspace": workspace.slug, "clips": CLIPS}
    assert figures(workspace) == first
    seed("--workspace", workspace.slug, "--seed", "2", "--yes")
    assert Generation.objects.filter(workspace=workspace).count() == 2 * CLIPS
    call_command("verify_ledger")


def test_interrupted_run_continues(workspace: Workspace, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeding, "BATCH_LENGTH", 100)
    demo = Demo(workspace, alice, CLIPS, 1, samples_without_files())

    def interrupt(count: int) -> None:
        if count == 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seeding.seed_clips(demo, on_progress=interrupt)
    assert Generation.objects.count() == 200
    began = Generation.objects.earliest("created_at").created_at
    again = Demo(workspace, alice, CLIPS, 1, samples_without_files())
    seeding.seed_clips(again, on_progress=lambda count: None)
    assert Generation.objects.count() == CLIPS
    assert Generation.objects.earliest("created_at").created_at == began == again.began_at
    call_command("verify_ledger")


def test_studio_takes_over_what_is_open(seed: Any) -> None:
    seed()
    assert rescue_abandoned_renders() == 3
    assert Generation.objects.filter(state=State.QUEUED).count() == 6
    claim = claim_next_render()
    assert claim is not None
    assert Generation.objects.get(pk=claim.pk).state == State.PROCESSING


def test_clips_are_not_mixed_into_others_by_accident(seed: Any, workspace: Workspace, settings: Settings) -> None:
    seed("--seed", "2")
    with pytest.raises(CommandError, match="has clips already"):
        seed()
    settings.STUDIO_MODE = "live"
    with pytest.raises(CommandError, match="This studio is live"):
        seed()
    assert Generation.objects.count() == CLIPS


def test_workspace_must_be_clear(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    def refusal(*more: str) -> str:
        with pytest.raises(CommandError) as refused:
            call_command("seed_demo", "--clips", "100", "--no-files", *more)
        return str(refused.value)

    assert refusal() == "There is no workspace yet. Sign up first."
    make_person("Awa")
    make_person("Bob")
    assert refusal() == "There are several workspaces. Name one with --workspace."
    assert refusal("--workspace", "lagoon") == "There is no workspace 'lagoon'."
    for count in ("99", "1e6", "100000001"):
        assert f"clips must be a whole number from 100 to 100000000, not {count!r}" in refusal("--clips", count)


def test_deleting_a_clips_files_leaves_the_others(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seed_demo, "render_samples", lambda directory: written_samples(directory))
    call_command("seed_demo", "--clips", "100")
    outputs = Asset.objects.filter(origin=Origin.OUTPUT)
    names = [str(field.name) for output in outputs for field in (output.file, output.poster, output.thumbnail)]
    assert len(set(names)) == 3 * outputs.count()
    assert all(default_storage.exists(name) for name in names)
    default_storage.delete(names[0])
    assert [name for name in names if not default_storage.exists(name)] == names[:1]


def written_samples(directory: Path) -> dict[str, Sample]:
    files = {role: directory / role for role in ("file", "poster", "thumbnail")}
    for role, path in files.items():
        path.write_text(role)
    return {
        ratio: Sample(clip=sample.clip, still=sample.still, files=files)
        for ratio, sample in samples_without_files().items()
    }


def test_a_file_that_can_take_no_more_links_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "clip.mp4"
    source.write_text("clip")
    store_link(source, "demo/1.mp4")
    link, full = os.link, source.stat().st_ino

    def refuse_full(source: Path, path: Path) -> None:
        if source.stat().st_ino == full:
            raise OSError(errno.EMLINK, "Too many links")
        link(source, path)

    monkeypatch.setattr(os, "link", refuse_full)
    store_link(source, "demo/2.mp4")
    store_link(source, "demo/2.mp4")
    first, second = (Path(default_storage.path(f"demo/{number}.mp4")) for number in (1, 2))
    assert (first.read_text(), second.read_text()) == ("clip", "clip")
    assert first.stat().st_ino == full
    assert second.stat().st_ino == source.stat().st_ino != full


@pytest.mark.one_database
def test_a_sample_is_a_real_clip(tmp_path: Path) -> None:
    sample = render_sample(tmp_path, "1:1")
    assert (sample.clip.width, sample.clip.height, sample.still.width, sample.still.height) == (640, 640, 640, 640)
    assert sample.clip.byte_count == sample.files["file"].stat().st_size
    assert b"ftyp" in sample.files["file"].read_bytes()[:12]
    assert {role: path.stat().st_mode & 0o777 for role, path in sample.files.items()} == dict.fromkeys(
        ("file", "thumbnail", "poster"), 0o600
    )
