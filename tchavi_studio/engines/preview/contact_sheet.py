"""Contact sheets: stills of many prompts at a glance, and a blind check of whether they show what the prompts say."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tchavi_studio.engines.formats import FRAMES_PER_SECOND
from tchavi_studio.engines.preview.chance import random_generator
from tchavi_studio.engines.preview.drawing import setting_of, stage_for
from tchavi_studio.engines.preview.script import ShotList, read_prompt

PROMPTS = Path(__file__).with_name("contact_prompts.txt")
"""Sixty prompts, half of them in English and half in French."""

CLIP_SECONDS = 5
STILLS = (0.12, 0.5, 0.88)
"""When a blind sheet's stills are taken, as shares of the clip."""

STILL_HEIGHT = 248
GAP = 8
PAPER = (24, 23, 30)
CANDIDATES = 5


def listed_prompts(path: Path = PROMPTS) -> list[str]:
    """One prompt a line."""
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def still(prompt: str, *, way: float, aspect_ratio: str = "16:9", seed: int = 1) -> Image.Image:
    """The prompt's clip at `way`, 0 to 1, without anything written on it."""
    across, down = (int(part) for part in aspect_ratio.split(":"))
    height = STILL_HEIGHT if across >= down else round(STILL_HEIGHT * 1.5)
    size = (2 * round(height * across / down / 2), height)
    seconds = (
        min(round(way * CLIP_SECONDS * FRAMES_PER_SECOND), CLIP_SECONDS * FRAMES_PER_SECOND - 1) / FRAMES_PER_SECOND
    )
    shots = read_prompt(prompt, duration_seconds=CLIP_SECONDS).shots
    index = next(number for number, shot in reversed(list(enumerate(shots))) if shot.start_seconds <= seconds)
    chance = random_generator(prompt=prompt, seed=seed, purpose=f"shot {index}")
    pixels = stage_for(shots[index], size=size, chance=chance).film(seconds - shots[index].start_seconds)
    return Image.fromarray(np.ascontiguousarray(pixels[..., :3]))


def mounted(stills: Sequence[Image.Image], *, columns: int) -> Image.Image:
    """Stills of one size on one sheet."""
    width, height = stills[0].size
    rows = -(-len(stills) // columns)
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP), PAPER)
    for number, picture in enumerate(stills):
        row, column = divmod(number, columns)
        sheet.paste(picture, (GAP + column * (width + GAP), GAP + row * (height + GAP)))
    return sheet


def write_blind_check(folder: Path, *, prompts: Sequence[str], seed: int) -> None:
    """Write a sheet without words for each prompt, the questions, an empty answer file, and the key in a folder apart.

    Each question has five candidate prompts: the right one, two that are near it, and two that aren't.
    """
    chance = np.random.default_rng(seed)
    (folder / "key").mkdir(parents=True, exist_ok=True)
    order = [int(number) for number in chance.permutation(len(prompts))]
    questions: dict[str, list[str]] = {}
    key: dict[str, int] = {}
    for number, index in enumerate(order, 1):
        prompt = prompts[index]
        name = f"{number:02}"
        mounted([still(prompt, way=way) for way in STILLS], columns=len(STILLS)).save(folder / f"{name}.png")
        candidates = [prompt, *_others(prompt, prompts, chance)]
        shuffled = [candidates[int(place)] for place in chance.permutation(len(candidates))]
        questions[name] = shuffled
        key[name] = shuffled.index(prompt) + 1
    _write_json(folder / "questions.json", questions)
    _write_json(folder / "answers.json", dict.fromkeys(questions, 0))
    _write_json(folder / "key" / "key.json", key)


def _others(prompt: str, prompts: Sequence[str], chance: np.random.Generator) -> list[str]:
    """Wrong candidates: two that share a place or a subject with `prompt` where there are any, and others."""
    own = _about(read_prompt(prompt, duration_seconds=CLIP_SECONDS))
    mixed = [prompts[int(place)] for place in chance.permutation(len(prompts)) if prompts[int(place)] != prompt]
    near = [other for other in mixed if own & _about(read_prompt(other, duration_seconds=CLIP_SECONDS))][:2]
    far = [other for other in mixed if other not in near]
    return [*near, *far][: CANDIDATES - 1]


def _about(script: ShotList) -> set[str]:
    return {word for shot in script.shots for word in (setting_of(shot), *(subject.kind for subject in shot.subjects))}


@dataclass(frozen=True, kw_only=True)
class Score:
    """How many sheets were recognised, and which prompt was taken for which other, with how often."""

    right: int
    total: int
    confusions: Counter[tuple[str, str]]

    def __str__(self) -> str:
        table = [f"| {shown} | {taken} |" for (shown, taken), _ in self.confusions.most_common()]
        return "\n".join([f"{self.right} of {self.total} right", "", "| shown | taken for |", "|---|---|", *table])


def score(folder: Path, answers: Path) -> Score:
    """Compare an answer file, `{"01": 3, …}`, with the key beside its sheets.

    Raises ValueError if a sheet has no answer from 1 to 5.
    """
    questions, key = (json.loads((folder / name).read_text("utf-8")) for name in ("questions.json", "key/key.json"))
    given = json.loads(answers.read_text("utf-8"))
    missing = [name for name in key if given.get(name) not in range(1, CANDIDATES + 1)]
    if missing:
        raise ValueError(f"No answer from 1 to {CANDIDATES} for: {', '.join(missing)}.")
    wrong = Counter(
        (questions[name][key[name] - 1], questions[name][given[name] - 1]) for name in key if given[name] != key[name]
    )
    return Score(right=len(key) - wrong.total(), total=len(key), confusions=wrong)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")
