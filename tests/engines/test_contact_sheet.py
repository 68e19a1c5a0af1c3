"""Contact sheets, and the blind check that they are for."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from tchavi_studio.engines.preview.contact_sheet import listed_prompts, score, write_blind_check
from tchavi_studio.engines.preview.script import read_prompt

PROMPTS = ["A cat sleeps on a sofa", "Un chat court", "The sea at night", "A rocket", "A market", "Un désert"]


def test_sixty_prompts_are_listed_half_of_them_in_each_language() -> None:
    languages = [read_prompt(prompt, duration_seconds=5).language for prompt in listed_prompts()]
    assert (languages.count("en"), languages.count("fr")) == (30, 30)
    assert len(set(listed_prompts())) == 60


@pytest.fixture(scope="module")
def blind_check(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("blind")
    write_blind_check(folder, prompts=PROMPTS, seed=3)
    return folder


def test_a_blind_check_has_a_sheet_and_five_candidates_for_each_prompt(blind_check: Path) -> None:
    questions = json.loads((blind_check / "questions.json").read_text())
    key = json.loads((blind_check / "key" / "key.json").read_text())
    assert sorted(questions) == [path.stem for path in sorted(blind_check.glob("*.png"))] == sorted(key)
    assert {len(set(candidates)) for candidates in questions.values()} == {5}
    assert sorted(questions[name][key[name] - 1] for name in key) == sorted(PROMPTS)
    with Image.open(blind_check / "01.png") as sheet:
        assert sheet.size == (1352, 264)
    # What is near comes among the candidates: the other cat.
    (cat,) = (candidates for name, candidates in questions.items() if candidates[key[name] - 1] == PROMPTS[0])
    assert PROMPTS[1] in cat


def test_answers_are_scored_and_confusions_named(blind_check: Path, tmp_path: Path) -> None:
    questions = json.loads((blind_check / "questions.json").read_text())
    key = json.loads((blind_check / "key" / "key.json").read_text())
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps(key))
    assert str(score(blind_check, answers)).startswith("6 of 6 right\n")
    wrong = {**key, "02": key["02"] % 5 + 1}
    answers.write_text(json.dumps(wrong))
    result = score(blind_check, answers)
    assert (result.right, result.total) == (5, 6)
    assert list(result.confusions) == [(questions["02"][key["02"] - 1], questions["02"][wrong["02"] - 1])]


def test_a_missing_answer_is_refused(blind_check: Path) -> None:
    with pytest.raises(CommandError, match=r"No answer from 1 to 5 for: 01, 02, 03, 04, 05, 06\."):
        call_command("preview_contact_sheet", "score", str(blind_check), str(blind_check / "answers.json"))


def test_a_sheet_for_a_ratio_has_a_still_of_each_prompt(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("\n".join(PROMPTS[:2]))
    call_command(
        "preview_contact_sheet", "sheets", str(tmp_path), prompts=tmp_path / "prompts.txt", ratios=["9:16"], verbosity=0
    )
    with Image.open(tmp_path / "9x16.png") as sheet:
        assert sheet.size == (6 * (210 + 8) + 8, 372 + 16)
