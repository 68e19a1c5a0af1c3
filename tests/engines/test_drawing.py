"""What is drawn for a prompt: the camera moves as it says, the light is what it names, the subject fills its share."""

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tchavi_studio.engines.preview.chance import random_generator
from tchavi_studio.engines.preview.drawing import Captions, DrawnShot
from tchavi_studio.engines.preview.drawing.camera import CameraMove
from tchavi_studio.engines.preview.drawing.paper import Area, Layer, Sheet, finished
from tchavi_studio.engines.preview.drawing.scenery import SETTINGS
from tchavi_studio.engines.preview.drawing.stage import Stage
from tchavi_studio.engines.preview.drawing.staging import SKETCHES, stage_for
from tchavi_studio.engines.preview.script import read_prompt
from tchavi_studio.engines.preview.script.lexicon import TABLES, rows_of
from tchavi_studio.engines.preview.script.shotlist import Camera, Field, Move

SIZE = (240, 136)


@cache
def stage(prompt: str, *, size: tuple[int, int] = SIZE, seed: int = 1) -> Stage:
    shot = read_prompt(prompt, duration_seconds=5).shots[0]
    return stage_for(shot, size=size, chance=random_generator(prompt=prompt, seed=seed, purpose="shot 0"))


def frame(prompt: str, seconds: float = 2.5, *, seed: int = 1) -> NDArray[np.int16]:
    return stage(prompt, seed=seed).film(seconds)[..., :3].astype(np.int16)


def grey(prompt: str, seconds: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(stage(prompt).film(seconds)[..., :3], cv2.COLOR_RGB2GRAY), np.uint8)


@cache
def flow(camera: str) -> tuple[float, float, float]:
    """How the picture moves in half a second: to the right, down, and outwards from the middle, in pixels."""
    prompt = f"A village with huts, {camera}"
    before, after = grey(prompt, 2.25), grey(prompt, 2.75)
    still = np.zeros((*before.shape, 2), np.float32)
    way = cv2.calcOpticalFlowFarneback(before, after, still, 0.5, 4, 21, 3, 7, 1.5, 0)
    # Where there is nothing to see, nothing can be seen to move.
    seen = cv2.dilate(cv2.absdiff(cv2.GaussianBlur(before, (0, 0), 4), before), np.ones((5, 5))) > 6
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    x, y = columns - SIZE[0] / 2, rows - SIZE[1] / 2
    outwards = (way[..., 0] * x + way[..., 1] * y) / np.maximum(1, np.hypot(x, y))
    return float(np.median(way[..., 0][seen])), float(np.median(way[..., 1][seen])), float(np.mean(outwards[seen]))


# --- The camera -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("camera", "axis", "sign"),
    [
        ("pan right", 0, -1),
        ("pan left", 0, 1),
        ("truck right", 0, -1),
        ("truck left", 0, 1),
        ("panoramique vers la gauche", 0, 1),
        ("tilt up", 1, 1),
        ("tilt down", 1, -1),
        ("crane up", 1, 1),
        ("crane down", 1, -1),
        ("zoom in", 2, 1),
        ("zoom out", 2, -1),
        ("dolly in", 2, 1),
        ("travelling arrière", 2, -1),
        ("drone flying backwards", 2, -1),
    ],
)
def test_the_picture_moves_against_the_camera(camera: str, axis: int, sign: int) -> None:
    assert sign * flow(camera)[axis] > 0.25
    others = [abs(flow(camera)[other]) for other in range(2) if other != axis]
    assert max(others) < abs(flow(camera)[axis])


def test_a_static_camera_doesnt_move() -> None:
    assert max(map(abs, flow("static shot"))) < 0.05


@pytest.mark.parametrize("move", ["pan right", "zoom in", "tilt up"])
def test_slow_is_slower_and_fast_is_faster(move: str) -> None:
    axis = {"pan right": 0, "tilt up": 1, "zoom in": 2}[move]
    slow, normal, fast = (abs(flow(f"{pace} {move}")[axis]) for pace in ("slow", "", "fast"))
    assert slow < 0.75 * normal
    assert normal < 0.85 * fast


def test_near_things_pass_faster_than_far_ones() -> None:
    move = CameraMove(Camera(move=Move.TRUCK), seconds=5)
    passed = [move.view(1, depth).across - move.view(0, depth).across for depth in (0.0, 0.2, 1.0, 1.5)]
    assert passed == pytest.approx([0, 0.12, 0.6, 0.9])


def test_a_pan_moves_all_that_is_seen_alike() -> None:
    move = CameraMove(Camera(move=Move.PAN), seconds=5)
    assert len({round(move.view(1, depth).across, 6) for depth in (0.0, 0.5, 1.0, 1.5)}) == 1


def test_a_camera_that_follows_keeps_its_subject_in_place() -> None:
    def middle_of_the_cheetah(seconds: float) -> float:
        shown = stage("A cheetah runs through the savanna, the camera follows, harsh noon").film(seconds)
        dark = np.flatnonzero((shown[60:110, :, :3].max(axis=2) < 110).sum(axis=0) > 1)
        return float(np.median(dark))

    assert abs(middle_of_the_cheetah(0.5) - middle_of_the_cheetah(4.5)) < 30


# --- Light, size, weather ---------------------------------------------------------------------------------------------


def test_each_hour_has_its_light() -> None:
    hours = ("dawn", "morning", "noon", "golden hour", "sunset", "dusk", "night")
    frames = {hour: frame(f"A lake at {hour}") for hour in hours}
    luma = {hour: float(pixels.mean()) for hour, pixels in frames.items()}
    warmth = {hour: float(pixels[..., 0].mean() - pixels[..., 2].mean()) for hour, pixels in frames.items()}
    assert luma["night"] < luma["dusk"] < luma["sunset"] < luma["golden hour"] < luma["noon"]
    assert luma["night"] < 75 < 150 < luma["noon"]
    assert warmth["night"] < 0 < warmth["sunset"]
    assert warmth["noon"] < 20 < 50 < warmth["golden hour"]


def test_colour_words_colour_the_picture() -> None:
    red, blue, grey_ = (
        frame(f"Hills in {colour} tones, {colour}").reshape(-1, 3).mean(axis=0)
        for colour in ("red", "blue", "black and white")
    )
    assert red[0] - red[2] > 25
    assert blue[2] - blue[0] > 25
    assert max(grey_) - min(grey_) < 4


def subject_share(prompt: str, *, size: tuple[int, int] = SIZE) -> float:
    """The part of the frame that the subject covers."""
    whole = stage(prompt, size=size)
    without = replace(whole, items=[item for item in whole.items if type(item).__name__ != "Figure"])
    different = np.abs(whole.film(2.5)[..., :3].astype(int) - without.film(2.5)[..., :3]).max(axis=2) > 12
    return float(different.mean())


@pytest.mark.parametrize("subject", ["A woman smiles in a field", "A bottle of perfume", "An elephant"])
def test_the_shot_size_decides_the_subjects_share_of_the_frame(subject: str) -> None:
    sizes = ("aerial view", "wide shot", "medium shot", "close-up", "macro")
    shares = [subject_share(f"{subject}, static shot, {size}") for size in sizes]
    assert [after > 1.3 * before for before, after in pairwise(shares)] == [True] * 4
    assert shares[0] < 0.04
    assert 0.08 < shares[2] < 0.5
    assert shares[4] > 0.45


def motion(prompt: str) -> float:
    return float(np.abs(frame(prompt, 2.5) - frame(prompt, 2.75)).mean())


@pytest.mark.parametrize("weather", ["in the rain", "in a storm", "in the snow", "embers"])
def test_weather_moves_in_a_still_picture(weather: str) -> None:
    assert motion(f"A mountain {weather}, static shot") > motion("A mountain, static shot") + 0.4


@pytest.mark.parametrize(
    ("still", "moving"), [("A man stands in a street", "A man dances in a street"), ("A cat sleeps", "A cat runs")]
)
def test_whoever_acts_moves(still: str, moving: str) -> None:
    assert motion(f"{moving}, static shot") > 2 * motion(f"{still}, static shot")


# --- Everything that can be asked for ---------------------------------------------------------------------------------


def meanings(field: Field) -> set[str]:
    return {meaning for meaning, _ in rows_of(TABLES[field])}


def test_every_setting_and_subject_of_the_vocabulary_can_be_drawn() -> None:
    assert SETTINGS.keys() == meanings(Field.SETTING)
    assert SKETCHES.keys() == meanings(Field.SUBJECT) - {"couple", "crowd"}


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_place_of_any_setting_stays_unpainted(setting: str) -> None:
    """Whatever the camera does, and in every ratio: where nothing is painted, what was in memory shows."""
    (english,) = (
        entries[0][0].rstrip("+") for meaning, entries in rows_of(TABLES[Field.SETTING]) if meaning == setting
    )
    for camera, size in (("fast pan left", (96, 56)), ("drone backwards", (56, 96))):
        whole = stage(f"{english}, {camera}", size=size)
        painted = replace(whole, items=[item for item in whole.items if isinstance(item, Layer)])
        for seconds in (0.0, 5.0):
            assert int(painted.film(seconds)[..., 3].min()) >= 250, (setting, camera)


@pytest.mark.parametrize("kind", sorted(SKETCHES))
def test_every_subject_is_seen(kind: str) -> None:
    (english,) = (columns[0][0] for meaning, columns in rows_of(TABLES[Field.SUBJECT]) if meaning == kind)
    noun = re.sub(r"[+~*]", "", english)
    act = "sleeps" if len(kind) % 2 else "runs"
    assert subject_share(f"{noun} {act}, studio, static shot", size=(96, 56)) > 0.004


def test_a_shot_repeats_itself_and_differs_by_seed() -> None:
    shot = read_prompt("A market in the rain", duration_seconds=5).shots[0]

    def drawn(seed: int) -> list[bytes]:
        chance = random_generator(prompt="a", seed=seed, purpose="shot 0")
        captions = Captions(shot, number=1, count=1, language="en", size=SIZE)
        scene = DrawnShot(shot, size=SIZE, frame_count=120, chance=chance, captions=captions)
        return [plane.tobytes() for plane in scene.draw(10).planes]

    assert drawn(1) == drawn(1) != drawn(2)


def test_a_layer_is_drawn_only_where_there_is_something() -> None:
    sheet = Sheet(Area(0, 0, 4, 3), 100)
    sheet.fill(np.array([[0.3, 0.4], [0.6, 0.4], [0.6, 0.5], [0.3, 0.5]]), (255, 0, 0))
    sheet.fill(np.array([[3.0, 0.4], [3.2, 0.4], [3.2, 0.5], [3.0, 0.5]]), (255, 0, 0))
    sheet.fill(np.array([[-1, 2], [5, 2], [5, 4], [-1, 4]]), (0, 255, 0))
    patches = finished(sheet, depth=1).patches
    assert [(patch.top, patch.bottom, patch.solid) for patch in patches] == [
        (2, 34, False),
        (2, 34, False),
        (162, 194, False),
        (194, 264, True),
    ]
    assert finished(sheet, depth=1).solid_from == 194
