"""Clips and books compared, and the command that verifies both."""

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tchavi_studio.generations import books, lifecycle, services
from tchavi_studio.generations.books import verify_causes, verify_clips
from tchavi_studio.generations.models import Generation, LibraryEntry, PurgedClip, State
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.services import adjust_credits, charge_credits, grant_credits, refund_charge
from tchavi_studio.workspaces.models import Workspace
from tests.ledger.conftest import MakeWorkspace, lagune, make_workspace  # noqa: F401  # fixtures
from tests.ledger.test_append_only import drop_triggers, every_trigger
from tests.ledger.test_verification import CLIPS, HERE, tamper

Start = Callable[..., Generation]


@pytest.fixture
def clips(start: Start) -> dict[str, Generation]:
    """A clip in each kind of state that matters to the books."""
    made = {"open": start(), "completed": start(), "failed": start(), "cancelled": start()}
    Generation.objects.filter(pk=made["completed"].pk).update(state=State.PROCESSING)
    lifecycle.fail_generation(made["failed"].pk, code="render_failed")
    services.cancel_generation(generation=made["cancelled"])
    return made


def found() -> list[tuple[str, str]]:
    return [(finding.code, finding.message) for finding in verify_clips()]


def words(sql: str) -> set[str]:
    return set(re.findall(r"\w+", sql))


def set_clip(clip: Generation, **changes: object) -> None:
    Generation.objects.filter(pk=clip.pk).update(**changes)


def test_clips_and_books_agree(clips: dict[str, Generation]) -> None:
    assert found() == []


def test_a_failed_clip_without_a_refund_is_found(clips: dict[str, Generation]) -> None:
    clip = clips["open"]
    set_clip(clip, state=State.FAILED, finished_at=timezone.now())
    assert found() == [("clip-refund", f"Clip {clip.pk} is failed, but wasn't refunded.")]


def test_a_refunded_clip_that_goes_on_is_found(clips: dict[str, Generation]) -> None:
    clip = clips["cancelled"]
    set_clip(clip, state=State.QUEUED, finished_at=None)
    assert found() == [("clip-refund", f"Clip {clip.pk} is queued, but was refunded.")]


@pytest.mark.parametrize("price", [1_299, 0])
def test_a_price_other_than_the_charge_is_found(clips: dict[str, Generation], price: int) -> None:
    clip = clips["completed"]
    set_clip(clip, price_credits=price)
    assert found() == [("clip-price", f"Clip {clip.pk} costs {price:,}, but its charge is another.")]


def test_a_charge_in_another_book_is_found(clips: dict[str, Generation]) -> None:
    clip = clips["completed"]
    set_clip(clip, book="live")
    assert found() == [("clip-price", f"Clip {clip.pk} costs 1,300, but its charge is another.")]


def test_a_statement_that_names_another_model_is_found(clips: dict[str, Generation]) -> None:
    clip = clips["open"]
    assert list(verify_causes()) == []
    set_clip(clip, model="kling-v3")
    (finding,) = verify_causes()
    assert (finding.code, finding.sequence, finding.message) == (
        "clip-cause",
        2,
        f"The statement says model seedance-2, key – of clip {clip.pk}; expected kling-v3, –.",
    )


def test_a_clip_that_was_never_charged_is_found(start: Start) -> None:
    free = start()
    LibraryEntry.objects.all().delete()
    Generation.objects.filter(pk=free.pk).update(id=uuid.UUID(int=5))
    assert found() == [
        ("clip-charge", f"Clip {uuid.UUID(int=5)} costs 1,300, but was never charged."),
        ("clip-gone", f"Clip {free.pk} was charged, but is gone without having been thrown away."),
    ]


def test_a_clip_that_somebody_made_disappear_is_found(clips: dict[str, Generation]) -> None:
    clip = clips["completed"]
    LibraryEntry.objects.filter(generation=clip).delete()
    # Past Django, as somebody with access to the database would.
    Generation.objects.filter(pk=clip.pk)._raw_delete(using="default")
    assert found() == [("clip-gone", f"Clip {clip.pk} was charged, but is gone without having been thrown away.")]


def test_a_purged_clip_leaves_what_its_charge_is_compared_with(clips: dict[str, Generation]) -> None:
    clip = clips["cancelled"]
    services.delete_clip(generation=clip, actor=clip.creator)
    set_clip(clip, purge_at=timezone.now())
    assert services.purge_bin() == 1
    kept = PurgedClip.objects.get()
    assert (kept.reference, kept.state, kept.price_credits) == (clip.pk, State.CANCELLED, 1_300)
    assert found() == []
    PurgedClip.objects.update(state=State.COMPLETED)
    assert found() == [("clip-refund", f"Clip {clip.pk} is completed, but was refunded.")]


def test_a_clip_deleted_while_it_was_open_is_found(clips: dict[str, Generation]) -> None:
    clip = clips["open"]
    Generation.objects.filter(pk=clip.pk).delete()
    assert found() == [("clip-gone", f"Clip {clip.pk} was charged, but is gone without having been thrown away.")]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_ranges_pass_over_nothing(clips: dict[str, Generation], size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "CHUNK_SIZE", size)
    assert found() == []
    Generation.objects.update(price_credits=F("price_credits") + 1)
    assert [code for code, _message in found()] == ["clip-price"] * 4


def test_each_range_is_one_statement(clips: dict[str, Generation]) -> None:
    with CaptureQueriesContext(connection) as statements:
        assert found() == []
    comparing = [query for query in statements if {"ledger_transfer", "generations_generation"} <= words(query["sql"])]
    assert len(comparing) == 2 + 2, "the first row and the rest: of the clips, and of the charges"


# --- The command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def history(lagune: Workspace, make_workspace: MakeWorkspace) -> Workspace:  # noqa: F811  # the fixtures
    """A workspace with five transfers for two clips, which are gone, and another without any problems."""
    other = make_workspace("other")
    for workspace in (lagune, other):
        grant_credits(workspace=workspace, book="live", amount_credits=5000, reason="Invoice 17")
    for clip, price, state in ((CLIPS[0], 1300, State.FAILED), (CLIPS[1], 2600, State.COMPLETED)):
        charge_credits(workspace=lagune, book="live", amount_credits=price, reference=clip)
        PurgedClip.objects.create(reference=clip, workspace=lagune, book="live", state=state, price_credits=price)
    refund_charge(reference=CLIPS[0], reason="upstream_error")
    adjust_credits(workspace=lagune, book="live", amount_credits=-400, reason="typed twice")
    return lagune


def test_command_compares_clips_and_books(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    clip = start()
    call_command("verify_ledger")
    assert capsys.readouterr().out.endswith("findings 0.\n")
    set_clip(clip, price_credits=1)
    with pytest.raises(CommandError, match=r"^The ledger isn't sound: 1 findings\.$"):
        call_command("verify_ledger")
    assert capsys.readouterr().err == (
        f"{clip.workspace_id}:sandbox clip-price: Clip {clip.pk} costs 1, but its charge is another.\n"
    )


def test_command_reports_a_sound_ledger(history: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_ledger")
    assert capsys.readouterr() == ("The ledger is sound: wallets 2, transfers 6, findings 0.\n", "")


def test_command_lists_findings_and_fails(history: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    tamper(f"UPDATE ledger_transfer SET reason = 'Invoice 18' WHERE sequence = 2 AND {HERE}")
    with pytest.raises(CommandError, match=r"^The ledger isn't sound: 1 findings\.$") as failed:
        call_command("verify_ledger")
    assert failed.value.returncode == 1
    assert capsys.readouterr() == (
        "",
        f"{history.pk}:live #2 hash: It was changed: its hash doesn't match its contents.\n",
    )


def test_heads_can_be_exported_and_expected(
    history: Workspace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    call_command("verify_ledger", export_heads=True)
    exported = tmp_path / "heads.json"
    exported.write_text(capsys.readouterr().out)
    last = Transfer.objects.get(workspace=history, sequence=5)
    assert f"{history.pk}:live:{last.hash}" in json.loads(exported.read_text())["heads"]

    call_command("verify_ledger", expect_heads=exported, expect_head=[f"{history.pk}:live:{last.hash}"])
    with pytest.raises(CommandError, match=r"^The ledger isn't sound: 1 findings\.$"):
        call_command("verify_ledger", expect_head=[f"{history.pk}:live:{'a' * 64}"])


@pytest.mark.parametrize("word", ["", "a:b", "no-uuid:live:00", f"{CLIPS[0]}:play:00"])
def test_malformed_head_is_refused(db: None, word: str) -> None:
    with pytest.raises(CommandError, match="A head must look like WORKSPACE:BOOK:HASH"):
        call_command("verify_ledger", expect_head=[word])


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"heads": 1}', '{"heads": [1]}'])
def test_malformed_heads_file_is_refused(db: None, tmp_path: Path, text: str) -> None:
    path = tmp_path / "heads.json"
    path.write_text(text)
    with pytest.raises(CommandError, match="wasn't written by --export-heads"):
        call_command("verify_ledger", expect_heads=path)


def test_missing_triggers_can_be_restored(history: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    drop_triggers()
    call_command("verify_ledger", restore_triggers=True)
    assert capsys.readouterr() == (
        "The ledger is sound: wallets 2, transfers 6, findings 0.\n",
        "".join(f"Restored the trigger {name}. What was changed while it was missing?\n" for name in every_trigger()),
    )
    assert wallet_balance(workspace=history, book="live") == 2000
