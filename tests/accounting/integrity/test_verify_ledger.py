"""The command that verifies everything."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tchavi_studio.generations.models import Generation
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.workspaces.activity import Kind, record_activity
from tchavi_studio.workspaces.models import User, Workspace
from tests.ledger.test_append_only import drop_triggers, every_trigger
from tests.ledger.test_verification import CLIPS, HERE, tamper

Start = Callable[..., Generation]


def test_command_compares_clips_and_books(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    clip = start()
    call_command("verify_ledger")
    assert capsys.readouterr().out.endswith("findings 0.\n")
    Generation.objects.filter(pk=clip.pk).update(price_credits=1)
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


@pytest.mark.parametrize("word", ["", "a:b", "no-uuid:live:00", f"{CLIPS[0]}:play:{'a' * 64}", f"{CLIPS[0]}:live:00"])
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


def test_heads_of_activity_are_exported_too(
    workspace: Workspace, alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [record_activity(workspace=of, kind=Kind.SETTINGS_CHANGED, actor=alice) for of in (workspace, None)]
    call_command("verify_ledger", incremental=True, export_heads=True)
    heads = json.loads(capsys.readouterr().out)["heads"]
    expected = [f"{workspace.pk}:activity:{rows[0].hash}", f"site:activity:{rows[1].hash}"]
    assert set(expected) <= set(heads)
    call_command("verify_ledger", expect_head=expected)
    with pytest.raises(CommandError, match="1 findings"):
        call_command("verify_ledger", expect_head=[f"site:activity:{rows[0].hash}"])
