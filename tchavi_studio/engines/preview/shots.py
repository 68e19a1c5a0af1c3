"""Shots made from people's own pictures, and the timeline that dissolves one shot into the next.

A shot counts frames from its own start. Only the timeline knows when a shot plays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from tchavi_studio.engines.formats import FRAMES_PER_SECOND
from tchavi_studio.engines.preview.picture import Box, Picture
from tchavi_studio.engines.preview.sources import VideoFile

PHOTO_ZOOM = 1.1
"""How far the slow camera zooms in on a photo."""

CAMERA_STEPS_PER_PIXEL = 4
"""How finely the camera moves. Steps of a quarter pixel don't visibly jitter, and match H.264's motion precision."""

TRAVEL_SHARE_PER_SECOND = 0.07
"""How fast the camera may pan along a photo that is larger than the frame, as a share of the photo's side."""


class Shot(Protocol):
    """Something that can be filmed."""

    def draw(self, frame: int) -> Picture:
        """The picture at `frame`, counted from the shot's first. Call it with rising frame numbers."""
        ...


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A straight, even move over a picture, from the box seen at the first frame to the box seen at the last."""

    start: Box
    end: Box
    frame_count: int

    def box_at(self, frame: int) -> Box:
        """What is seen at `frame`, in fractional pixels of the picture."""
        way = frame / max(1, self.frame_count - 1)
        left, top, right, bottom = (a + (b - a) * way for a, b in zip(self.start, self.end, strict=True))
        return left, top, right, bottom


class PhotoShot:
    """A photo under a slow camera.

    The photo is enlarged once, so that each frame only has to pick the samples nearest to the camera.
    """

    def __init__(self, photo: Picture, *, size: tuple[int, int], camera: Camera) -> None:
        self._size = size
        # A long photo may be far larger than what the camera passes over.
        left = _even_down(min(camera.start[0], camera.end[0]))
        top = _even_down(min(camera.start[1], camera.end[1]))
        right = min(photo.size[0], _even_down(max(camera.start[2], camera.end[2])) + 2)
        bottom = min(photo.size[1], _even_down(max(camera.start[3], camera.end[3])) + 2)
        self._photo = photo.cropped(left, top, right, bottom)
        self._camera = Camera(
            start=moved(camera.start, -left, -top), end=moved(camera.end, -left, -top), frame_count=camera.frame_count
        )
        self._enlarged: Picture | None = None

    def draw(self, frame: int) -> Picture:
        # Enlarged only while it is on screen: nine reference images would fill a quarter of a gigabyte.
        enlarged = self._enlarged or self._photo.enlarged(CAMERA_STEPS_PER_PIXEL)
        self._enlarged = enlarged if frame + 1 < self._camera.frame_count else None
        left, top, right, bottom = (CAMERA_STEPS_PER_PIXEL * edge for edge in self._camera.box_at(frame))
        # Rounding must not push the box over the edge.
        width, height = enlarged.size
        return enlarged.picked(self._size, (max(0, left), max(0, top), min(width, right), min(height, bottom)))


class VideoShot:
    """A reference video at its own speed, from its start, centre-cropped. It needs no camera move."""

    def __init__(self, video: VideoFile, *, size: tuple[int, int]) -> None:
        self._video, self._size = video, size
        self._cover = cover_size(video.size, size)

    def draw(self, frame: int) -> Picture:
        picture = self._video.picture_at(frame / FRAMES_PER_SECOND, self._cover)
        left, top = (_even_down((cover - frame) / 2) for cover, frame in zip(self._cover, self._size, strict=True))
        return picture.cropped(left, top, left + self._size[0], top + self._size[1])


def opening_shot(
    photo: Image.Image, *, size: tuple[int, int], frame_count: int, chance: np.random.Generator
) -> PhotoShot:
    """The first frame: starts on the exact centre-cropped photo, then slowly zooms in."""
    picture = _fitted(photo, size)
    whole: Box = (0, 0, *picture.size)
    camera = Camera(start=whole, end=closer(whole, PHOTO_ZOOM, chance), frame_count=frame_count)
    return PhotoShot(picture, size=size, camera=camera)


def closing_shot(
    photo: Image.Image, *, size: tuple[int, int], frame_count: int, chance: np.random.Generator
) -> PhotoShot:
    """The last frame: slowly zooms out to the exact centre-cropped photo."""
    picture = _fitted(photo, size)
    whole: Box = (0, 0, *picture.size)
    camera = Camera(start=closer(whole, PHOTO_ZOOM, chance), end=whole, frame_count=frame_count)
    return PhotoShot(picture, size=size, camera=camera)


def reference_shot(
    photo: Image.Image, *, size: tuple[int, int], frame_count: int, chance: np.random.Generator
) -> PhotoShot:
    """A reference image: the camera pans along what doesn't fit the frame, or else zooms in or out."""
    picture_size = cover_size(photo.size, scaled(size, PHOTO_ZOOM))
    picture = Picture.from_image(photo, picture_size)
    whole = centred_box(picture_size, size)
    spare_across, spare_down = picture_size[0] - whole[2] + whole[0], picture_size[1] - whole[3] + whole[1]
    seconds = frame_count / FRAMES_PER_SECOND
    reach_across = min(spare_across, TRAVEL_SHARE_PER_SECOND * seconds * picture_size[0])
    reach_down = min(spare_down, TRAVEL_SHARE_PER_SECOND * seconds * picture_size[1])
    near = closer(whole, PHOTO_ZOOM, chance)
    if max(spare_across / picture_size[0], spare_down / picture_size[1]) > 0.1:
        near = moved(whole, reach_across / 2, reach_down / 2)
        whole = moved(whole, -reach_across / 2, -reach_down / 2)
    start, end = (whole, near) if chance.random() < 0.5 else (near, whole)
    return PhotoShot(picture, size=size, camera=Camera(start=start, end=end, frame_count=frame_count))


@dataclass(frozen=True, kw_only=True)
class Slot:
    """When a shot is on screen, in clip frames: [start, end), dissolves included."""

    start: int
    end: int
    fade_in: int
    """Frames at its start over which it fades in over the previous shot; 0 for the first shot and for hard cuts."""

    @property
    def frame_count(self) -> int:
        return self.end - self.start


def lay_slots(*, shot_count: int, frame_count: int, dissolve_frames: int) -> list[Slot]:
    """Equal shares of the clip for each shot, with neighbours overlapping by a dissolve.

    A dissolve takes up to half a share, so that no more than two shots overlap and each is seen alone. Raises
    ValueError if there are more shots than frames.
    """
    if shot_count > frame_count:
        raise ValueError(f"{shot_count} shots do not fit into {frame_count} frames.")
    bounds = [round(index * frame_count / shot_count) for index in range(shot_count + 1)]
    dissolve = min(dissolve_frames, frame_count // shot_count // 2)
    before, after = dissolve // 2, dissolve - dissolve // 2
    return [
        Slot(
            start=bounds[index] - (before if index else 0),
            end=bounds[index + 1] + (after if index + 1 < shot_count else 0),
            fade_in=dissolve if index else 0,
        )
        for index in range(shot_count)
    ]


class Timeline:
    """Shots in sequence, each dissolving into the next."""

    def __init__(self, shots: Sequence[tuple[Slot, Shot]]) -> None:
        self._shots = shots

    def draw(self, frame: int) -> Picture:
        """The clip's picture at `frame`."""
        picture: Picture | None = None
        for slot, shot in self._shots:
            if slot.start <= frame < slot.end:
                drawn = shot.draw(frame - slot.start)
                picture = (
                    drawn if picture is None else picture.blended(drawn, _dissolve(frame - slot.start, slot.fade_in))
                )
        if picture is None:
            raise IndexError(f"No shot is on screen at frame {frame}.")
        return picture


def _dissolve(frame: int, fade_in: int) -> float:
    """The incoming shot's weight: a smooth step between 0 and 1, both excluded."""
    way = (frame + 1) / (fade_in + 1)
    return way * way * (3 - 2 * way)


def _fitted(photo: Image.Image, size: tuple[int, int]) -> Picture:
    """The photo centre-cropped to the frame's ratio, with spare pixels for the zoom."""
    left, top, right, bottom = (round(edge) for edge in centred_box(photo.size, size))
    return Picture.from_image(photo.crop((left, top, right, bottom)), scaled(size, PHOTO_ZOOM))


def scaled(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """The size times `factor`, in even pixels."""
    return 2 * round(size[0] * factor / 2), 2 * round(size[1] * factor / 2)


def cover_size(of: tuple[int, int], frame: tuple[int, int]) -> tuple[int, int]:
    """The smallest even size in the ratio `of` that leaves no part of `frame` empty."""
    factor = max(frame[0] / of[0], frame[1] / of[1])
    return max(frame[0], scaled(of, factor)[0]), max(frame[1], scaled(of, factor)[1])


def centred_box(picture: tuple[int, int], frame: tuple[int, int]) -> Box:
    """The largest box in the ratio of `frame` in the middle of `picture`."""
    factor = min(picture[0] / frame[0], picture[1] / frame[1])
    across, down = frame[0] * factor, frame[1] * factor
    left, top = max(0, (picture[0] - across) / 2), max(0, (picture[1] - down) / 2)
    return left, top, picture[0] - left, picture[1] - top


def closer(box: Box, factor: float, chance: np.random.Generator) -> Box:
    """A box smaller by `factor` at a random place near the middle of `box`."""
    across, down = box[2] - box[0], box[3] - box[1]
    left = box[0] + (across - across / factor) * chance.uniform(0.25, 0.75)
    top = box[1] + (down - down / factor) * chance.uniform(0.25, 0.75)
    return left, top, left + across / factor, top + down / factor


def moved(box: Box, across: float, down: float) -> Box:
    """The box shifted by `across` and `down` pixels."""
    return box[0] + across, box[1] + down, box[2] + across, box[3] + down


def _even_down(pixels: float) -> int:
    return 2 * int(pixels / 2)
