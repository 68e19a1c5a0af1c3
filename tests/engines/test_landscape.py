"""The scene drawn for words alone."""

from itertools import pairwise

import numpy as np
import pytest

from tchavi_studio.engines.preview.chance import random_generator
from tchavi_studio.engines.preview.landscape import LandscapeShot


def scene(seed: int, *, size: tuple[int, int] = (192, 108), frame_count: int = 360) -> LandscapeShot:
    chance = random_generator(prompt="Dawn", seed=seed, purpose="shot 0")
    return LandscapeShot(size=size, frame_count=frame_count, chance=chance)


@pytest.mark.parametrize("size", [(192, 108), (108, 192)])
def test_no_place_of_any_scene_stays_unpainted(size: tuple[int, int]) -> None:
    """An unpainted place is 0 in all planes, which is no colour at all but shows as green."""
    for seed in range(40):
        shot = scene(seed, size=size)
        for frame in (0, 359):
            picture = shot.draw(frame)
            assert picture.size == size
            lowest = [int(np.asarray(plane).min()) for plane in picture.planes]
            assert min(lowest) >= 16, f"seed {seed} shows {lowest}"


def test_the_scene_glides_without_a_jump() -> None:
    shot = scene(3, size=(640, 360), frame_count=48)
    frames = [np.asarray(shot.draw(frame).luma, np.int16) for frame in range(48)]
    steps = [float(np.abs(after - before).mean()) for before, after in pairwise(frames)]
    assert min(steps) > 0
    assert max(steps) < 3
    assert float(np.abs(frames[-1] - frames[0]).mean()) > max(steps)


def test_a_scene_repeats_itself_and_no_other() -> None:
    drawn = [[plane.tobytes() for plane in scene(seed).draw(10).planes] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
