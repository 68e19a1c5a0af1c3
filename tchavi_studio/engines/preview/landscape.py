"""The scene for a request of words alone: a calm stretch of water or hills under a low sun, drawn from the seed.

It is built like a stage. Everything costly happens once: each layer is a *paint* (a still picture) and a *mask* that
says where the paint covers. Only the masks drift, the far ones slower than the near ones, so that a frame is a
handful of pastes in C. To glide rather than step, a mask is prepared at eight positions a quarter of a pixel apart.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Resampling

from tchavi_studio.engines.formats import FRAMES_PER_SECOND
from tchavi_studio.engines.preview.picture import Mask, Picture

Field = NDArray[np.float32]
"""Values per pixel, height by width."""

Paint = NDArray[np.float32]
"""Colours from 0 to 255, height by width by 3, worked out at every fourth pixel only: all paints are soft."""

COARSENESS = 4

Colour = tuple[float, float, float]

PHASE_COUNT = 8
PHASE_PIXELS = 0.25
"""Eight phases of a quarter pixel make the two luma pixels that are one chroma pixel."""


# ---- Light ---------------------------------------------------------------------------------------------------------


def _hex(code: str) -> Colour:
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


@dataclass(frozen=True, kw_only=True)
class Palette:
    """The colours of one hour of the day."""

    zenith: Colour
    upper: Colour
    lower: Colour
    horizon: Colour
    sun: Colour
    glow: Colour
    far: Colour
    near: Colour

    def mixed(self, other: "Palette", share: float) -> "Palette":
        """This palette with a `share` of another, 0 to 1."""
        return Palette(**{f.name: mix(getattr(self, f.name), getattr(other, f.name), share) for f in fields(self)})


def _palette(codes: str) -> Palette:
    names = (f.name for f in fields(Palette))
    return Palette(**dict(zip(names, map(_hex, codes.split()), strict=True)))


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """The colour between `a` (share 0) and `b` (share 1)."""
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share


#                  zenith upper  lower  horizon sun   glow   far    near
PALETTES = (
    _palette("2a3866 7d6a94 e39c63 ffd690 fff4d6 ffb75a a8745f 1d1727"),  # golden hour
    _palette("1e2354 6c4c8a d67d8b ffc6a0 ffecd9 ff9d7c 8f6088 1a1430"),  # rose dusk
    _palette("3a789f 8dbdc8 efdcb6 ffedcb fffbf0 ffe2a8 86aab0 16373d"),  # lagoon morning
    _palette("9c7442 c99a5b ebc07f fbe3b4 fff7e0 ffe0a0 c0935f 38241a"),  # harmattan haze
    _palette("080c20 19244d 404e86 968fb4 f4f1e6 93a4da 3a4670 060912"),  # moonrise
    _palette("15132d 4a2350 bd4b47 ffa45a ffdfac ff8a4a 74344c 110b18"),  # embers
)


# ---- Chance shapes -------------------------------------------------------------------------------------------------


def _noise(chance: np.random.Generator, size: tuple[int, int], cell: tuple[float, float], octaves: int = 4) -> Field:
    """Cloudy noise from 0 to 1 with features about `cell` pixels wide and high, finer ones at half the strength."""
    width, height = size
    total: Field = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        across = max(2, math.ceil(width / cell[0] * 2**octave) + 1)
        down = max(2, math.ceil(height / cell[1] * 2**octave) + 1)
        grid = Image.fromarray(chance.random((down, across), dtype=np.float32))
        total += np.asarray(grid.resize(size, Resampling.BICUBIC)) * 0.5**octave
    total -= total.min()
    total /= total.max()
    return total


def _smooth_step(values: Field, low: float, high: float) -> Field:
    way: Field = np.clip((values - low) / (high - low), 0, 1)
    way *= way * (3 - 2 * way)
    return way


class Ridge:
    """The outline of a range of hills: a sum of waves, so that it can be asked anywhere between two pixels."""

    def __init__(self, chance: np.random.Generator, *, base: float, height: float, wavelength: float, rugged: float):
        octave_count = 7
        self._base, self._height = base, height
        self._rates = (
            2 * math.pi / wavelength * 1.87 ** np.arange(octave_count) * chance.uniform(0.8, 1.2, octave_count)
        )
        self._starts = chance.uniform(0, 2 * math.pi, octave_count)
        weights = rugged ** np.arange(octave_count)
        self._weights = weights / weights.sum()

    def at(self, x: Field) -> Field:
        """How far down the outline runs at each `x`, in pixels."""
        waves = np.sin(x[:, None] * self._rates + self._starts) @ self._weights
        outline: Field = (self._base - self._height * (0.5 + 0.9 * waves)).astype(np.float32)
        return outline


# ---- Layers --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a mask glides sideways behind a window as wide as the frame, and how wide it has to be for that."""

    frame_width: int
    width: int
    pixels_per_frame: float
    start: float

    def of(self, make_phase: Callable[[float, int], Mask]) -> "Drift":
        """The drifting mask of which `make_phase(shift, width)` makes the one shifted by so many pixels."""
        return Drift(self, [make_phase(phase * PHASE_PIXELS, self.width) for phase in range(PHASE_COUNT)])


class Drift:
    """A mask in eight phases that glides at its pace."""

    def __init__(self, pace: Pace, phases: Sequence[Mask]) -> None:
        self._pace, self._phases = pace, phases

    def at(self, frame: int, *, left: int = 0, right: int | None = None) -> Mask:
        """What the window, or its part between two even columns, shows of the mask at `frame`."""
        pace = self._pace
        quarter_pixels = round((pace.start + frame * pace.pixels_per_frame) / PHASE_PIXELS)
        pairs, phase = divmod(quarter_pixels, PHASE_COUNT)
        right = pace.frame_width if right is None else right
        return self._phases[phase].cropped(2 * pairs + left, 2 * pairs + right)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What every layer has to know: the frame's size in pixels, the clip's length, its light and its chance."""

    width: int
    height: int
    frame_count: int
    horizon: int
    sun_x: float
    sun_y: float
    palette: Palette
    chance: np.random.Generator
    grain: Field
    """What to add before cutting the fraction off: rounding by chance."""

    def pace(self, *, widths_per_second: float) -> "Pace":
        """A drift at so many frame widths per second; positive moves what is seen to the left."""
        pixels_per_frame = widths_per_second * self.width / FRAMES_PER_SECOND
        travel = abs(pixels_per_frame) * (self.frame_count - 1)
        return Pace(
            frame_width=self.width,
            width=self.width + 2 * math.ceil(travel / 2) + 2,
            pixels_per_frame=pixels_per_frame,
            start=travel if pixels_per_frame < 0 else 0,
        )

    def drifting_texture(self, *, widths_per_second: float, make: Callable[[int], Field]) -> Drift:
        """A drifting mask from a soft texture, which can stand being interpolated; `make(width)` gives fractions."""
        texture: list[Image.Image] = []

        def phase(shift: float, width: int) -> Mask:
            if not texture:
                levels = np.clip(np.rint(make(width + 2) * 255), 0, 255).astype(np.uint8)
                texture.append(Image.fromarray(levels))
            whole, part = divmod(shift, 1)
            here = texture[0].crop((int(whole), 0, int(whole) + width, texture[0].height))
            # The last phase of the last pixel looks one column further.
            there = texture[0].crop((int(whole) + 1, 0, int(whole) + 1 + width, texture[0].height))
            return Mask.from_image(Image.blend(here, there, part))

        return self.pace(widths_per_second=widths_per_second).of(phase)

    def distance_from_sun(self, top: int, bottom: int) -> Field:
        """For each point of a paint: the distance from the sun in frame heights, sideways counted less."""
        x = (_coarse(0, self.width) - self.sun_x) * 0.72
        y = _coarse(top, bottom) - self.sun_y
        distance: Field = np.hypot(x[None, :], y[:, None])
        distance /= self.height
        return distance

    def flat(self, colour: Colour, top: int, bottom: int) -> Paint:
        """One colour over the rows from `top` to `bottom`."""
        shape = (_coarse(top, bottom).size, _coarse(0, self.width).size, 3)
        paint: Paint = np.broadcast_to(np.array(colour, np.float32), shape)
        return paint

    def picture(self, paint: Paint, height: int) -> Picture:
        """The paint in full size, with a grain of one level so that long gradients do not show steps."""
        levels = (paint @ BT709_LEVELS.T + BT709_OFFSETS).astype(np.float32)

        def plane(channel: int, width: int, rows: int, step: float) -> Image.Image:
            coarse = Image.fromarray(np.ascontiguousarray(levels[..., channel]))
            # Sample n of the paint stands at pixel n times the step, in the pixel's middle.
            edge = 0.5 - 0.5 / step
            smooth = coarse.resize(
                (width, rows), Resampling.BILINEAR, (edge, edge, edge + width / step, edge + rows / step)
            )
            return Image.fromarray((np.asarray(smooth) + self.grain[:rows, :width]).astype(np.uint8))

        return Picture(
            plane(0, self.width, height, COARSENESS),
            plane(1, self.width // 2, height // 2, COARSENESS / 2),
            plane(2, self.width // 2, height // 2, COARSENESS / 2),
        )


BT709_LEVELS = np.array(
    [
        [0.2126 * 219, 0.7152 * 219, 0.0722 * 219],
        [-0.2126 / 1.8556 * 224, -0.7152 / 1.8556 * 224, 0.5 * 224],
        [0.5 * 224, -0.7152 / 1.5748 * 224, -0.0722 / 1.5748 * 224],
    ],
    np.float32,
) / np.float32(255)
"""From colours to luma, blue and red difference in limited range (ITU-R BT.709)."""
BT709_OFFSETS = np.array([16, 128, 128], np.float32)


def _coarse(start: int, end: int) -> Field:
    """The pixels of a range at which a paint is worked out: every fourth, and one beyond the end."""
    points: Field = np.arange(start, end + 2 * COARSENESS, COARSENESS, dtype=np.float32)
    return points


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A still paint behind a drifting mask, laid on from row `top`; what the mask does not reach down to is solid."""

    paint: Picture
    mask: Drift
    solid: Picture | None = None
    top: int

    def lay_on(self, picture: Picture, frame: int) -> None:
        picture.paste(self.paint, self.mask.at(frame), top=self.top)
        if self.solid is not None:
            picture.lay(self.solid, top=self.top + self.paint.size[1])


def _sky(stage: Stage, height: int) -> Picture:
    """Gradient, glow and sun; below the horizon the sky's last row goes on."""
    palette = stage.palette
    stops = np.array([0, 0.5, 0.84, 1]) * stage.horizon
    rows = _coarse(0, height)
    colours = np.array([palette.zenith, palette.upper, palette.lower, palette.horizon])
    gradient = np.stack([np.interp(rows, stops, colours[:, channel]) for channel in range(3)], axis=1)
    distance = stage.distance_from_sun(0, height)
    glow = 0.5 * np.exp(-((distance / 0.42) ** 2)) + 0.42 * np.exp(-distance / 0.085)
    sky = stage.picture(_toward(gradient[:, None, :].astype(np.float32), palette.glow, glow), height)

    radius = 0.052 * min(stage.width, stage.height)
    left, top = _even(stage.sun_x - radius) - 2, max(0, _even(stage.sun_y - radius) - 2)
    x = np.arange(left, left + _even(2 * radius) + 4, dtype=np.float32) - np.float32(stage.sun_x)
    y = np.arange(top, min(top + _even(2 * radius) + 4, stage.horizon), dtype=np.float32) - np.float32(stage.sun_y)
    disc = np.clip((radius - np.hypot(x[None, :], y[:, None])) / 1.6 + 0.5, 0, 1)
    sun = stage.picture(stage.flat(palette.sun, top, top + y.size), y.size).cropped(0, 0, x.size, y.size)
    sky.paste(sun, Mask.from_coverage(disc * 0.96), top=top, left=left)
    return sky


def _toward(paint: Paint, colour: Colour, share: Field) -> Paint:
    """Each point moved toward a colour by its own share, 0 to 1."""
    return paint + (np.array(colour, np.float32) - paint) * np.clip(share, 0, 1)[..., None].astype(np.float32)


def _clouds(stage: Stage, *, top: float, bottom: float, density: float, widths_per_second: float) -> Layer:
    """Long thin clouds between two heights (shares of the sky), lit from the sun's side."""
    first, last = _even(top * stage.horizon), _even(bottom * stage.horizon)
    height = last - first

    def make(width: int) -> Field:
        unit = min(stage.width, stage.height)
        noise = _noise(stage.chance, (width, height), (unit * 0.62, unit * 0.085), octaves=5)
        fade = np.sin(np.linspace(0.01, math.pi - 0.01, height, dtype=np.float32)) ** 0.8
        shape = _smooth_step(noise, 0.60 - 0.16 * density, 0.92)
        shape *= fade[:, None] * np.float32(0.78)
        return shape

    palette = stage.palette
    shade = mix(palette.upper, palette.lower, 0.45)
    lit = mix(palette.horizon, palette.sun, 0.35)
    nearness = np.exp(-((stage.distance_from_sun(first, last) / 0.5) ** 2))
    paint = stage.picture(_toward(stage.flat(shade, first, last), lit, 0.25 + 0.75 * nearness), height)
    mask = stage.drifting_texture(widths_per_second=widths_per_second, make=make)
    return Layer(paint=paint, mask=mask, top=first)


def _hills(
    stage: Stage, *, depth: float, base: int, height: float, wavelength: float, rugged: float, foot: int
) -> Layer:
    """One range of hills. `depth` runs from 0 (far, pale, slow) to 1 (near, dark, fast).

    The outline undulates `height` pixels above row `base`; the paint reaches down to row `foot`.
    """
    palette = stage.palette
    ridge = Ridge(stage.chance, base=base, height=height, wavelength=wavelength, rugged=rugged)
    drift = stage.pace(widths_per_second=0.002 + 0.022 * depth**1.5)
    top = max(0, _even(base - 1.5 * height - 2))
    # Below its lowest valley the range is solid: only the rows that the outline crosses need a mask.
    valley = float(ridge.at(np.arange(drift.width + 2, dtype=np.float32)).max())
    solid_from = min(foot, _even(valley + 3))

    def phase(shift: float, width: int) -> Mask:
        outline = ridge.at(np.arange(width, dtype=np.float32) + np.float32(shift))
        crossed = np.arange(top, solid_from, dtype=np.float32)[:, None]
        coverage = np.clip((crossed - outline + np.float32(0.5)) * np.float32(255), 0, 255)
        return Mask.from_image(Image.fromarray(coverage.astype(np.uint8)))

    colour = mix(palette.far, palette.near, depth**0.8)
    haze = mix(palette.horizon, palette.lower, 0.4)
    sinking = np.clip((_coarse(top, foot) - top) / (foot - top), 0, 1)[:, None] ** 1.6
    nearness = np.exp(-((stage.distance_from_sun(top, foot) / 0.38) ** 2))
    paint = _toward(stage.flat(colour, top, foot), palette.glow, nearness * (0.34 * (1 - depth) + 0.05))
    paint = _toward(paint, haze, sinking * (0.62 * (1 - depth) + 0.03) * np.ones_like(nearness))
    picture = stage.picture(paint, foot - top)
    return Layer(
        paint=picture.cropped(0, 0, stage.width, solid_from - top),
        mask=drift.of(phase),
        solid=picture.cropped(0, solid_from - top, stage.width, foot - top) if solid_from < foot else None,
        top=top,
    )


class Water:
    """A lagoon from the horizon down: what stands above it mirrored in moving rows, and the sun's glitter."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._height = stage.height - stage.horizon
        palette, width, height = stage.palette, stage.width, self._height
        depth = np.arange(height, dtype=np.float32) / height

        x = np.arange(width, dtype=np.float32) - np.float32(stage.sun_x)
        reach = 0.035 * width + 0.16 * min(width, stage.height) * depth
        path = np.exp(-((x[None, :] / reach[:, None]) ** 2)) * (1 - 0.55 * depth[:, None])

        # The water's own colour and, over it, the sun's path: together one paint, as neither moves.
        tint = mix(mix(palette.zenith, palette.near, 0.35), palette.upper, 0.25)
        sunlight = mix(palette.sun, palette.glow, 0.25)
        tinted, shining = 0.10 + 0.52 * depth[:, None] ** 0.75, 0.26 * path
        covered = 1 - (1 - tinted) * (1 - shining)
        down, across = (np.minimum(_coarse(0, end), end - 1).astype(np.intp) for end in (height, width))
        share = (shining / covered)[np.ix_(down, across)].astype(np.float32)
        self._surface = stage.picture(_toward(stage.flat(tint, 0, height), sunlight, share), height)
        self._surface_mask = Mask.from_coverage(covered)

        self._waves = stage.drifting_texture(widths_per_second=0.012, make=lambda w: self._ripples(w, 0.42, 0.62))
        self._glints = (
            stage.drifting_texture(widths_per_second=0.020, make=lambda w: self._ripples(w, 0.30, 0.72)),
            stage.drifting_texture(widths_per_second=-0.016, make=lambda w: self._ripples(w, 0.30, 0.72)),
        )
        # Where the path is too weak to show a glint, none is looked for.
        lit = np.flatnonzero(path.max(axis=0) > 0.02)
        self._left, self._right = 2 * (int(lit[0]) // 2), 2 * (int(lit[-1]) // 2 + 1)
        self._path = Mask.from_coverage(path[:, self._left : self._right])
        self._sunlight = stage.picture(stage.flat(sunlight, 0, height), height).cropped(
            0, 0, self._right - self._left, height
        )

    def _ripples(self, width: int, low: float, high: float) -> Field:
        """Flat ripples as seen from the shore: fine and crowded at the horizon, long and wide in front."""
        rows = 160
        unit = min(self._stage.width, self._stage.height)
        noise = _noise(self._stage.chance, (width, rows), (unit * 0.11, 5), octaves=3)
        depth = np.arange(self._height, dtype=np.float32) / self._height
        seen = (np.log1p(depth * 14) / math.log(15) * (rows - 1)).astype(np.float32)
        above = np.minimum(seen.astype(np.intp), rows - 2)
        part = (seen - above)[:, None]
        return _smooth_step(noise[above] * (1 - part) + noise[above + 1] * part, low, high)

    def lay_on(self, picture: Picture, frame: int) -> None:
        """Mirror what `picture` shows above the horizon into the rows below it."""
        above = tuple(np.asarray(plane) for plane in picture.cropped(0, 0, picture.size[0], self._stage.horizon).planes)
        water = self._mirrored(above, frame, swell=1.0)
        water.paste(self._mirrored(above, frame + 37, swell=2.6), self._waves.at(frame))
        water.paste(self._surface, self._surface_mask)
        first, second = (glints.at(frame, left=self._left, right=self._right) for glints in self._glints)
        sparkle = first.multiplied(second).multiplied(self._path)
        water.paste(self._sunlight, sparkle, left=self._left)
        picture.lay(water, top=self._stage.horizon)

    def _mirrored(self, above: tuple[NDArray[np.uint8], ...], frame: int, *, swell: float) -> Picture:
        """The planes above the horizon upside down, their rows shifted by two trains of waves that run to the shore."""
        seconds = frame / FRAMES_PER_SECOND
        down = np.arange(self._height, dtype=np.float64)
        perspective = np.log1p(down / self._height * 14)
        rise = (0.004 + 0.028 * down / self._height) * self._stage.height * 0.5
        waves = 0.6 * np.sin(22 * perspective - 2.1 * seconds) + 0.4 * np.sin(37 * perspective - 3.3 * seconds)
        rows = np.clip(self._stage.horizon - 1 - down - swell * rise * waves, 0, self._stage.horizon - 1).astype(
            np.intp
        )
        half_rows = rows[::2] // 2
        luma, blue, red = above
        return Picture(Image.fromarray(luma[rows]), Image.fromarray(blue[half_rows]), Image.fromarray(red[half_rows]))


# ---- The scene -----------------------------------------------------------------------------------------------------


class LandscapeShot:
    """The whole scene as a shot of `frame_count` frames of `size`; `chance` decides everything else."""

    def __init__(self, *, size: tuple[int, int], frame_count: int, chance: np.random.Generator) -> None:
        width, height = size
        first, second = chance.choice(len(PALETTES), 2, replace=False)
        with_water = chance.random() < 0.68
        horizon = _even(height * chance.uniform(0.58, 0.65))
        unit = min(width, height)
        stage = Stage(
            width=width,
            height=height,
            frame_count=frame_count,
            horizon=horizon,
            sun_x=width * float(chance.choice([chance.uniform(0.24, 0.4), chance.uniform(0.6, 0.76)])),
            sun_y=horizon - unit * chance.uniform(0.07, 0.26),
            palette=PALETTES[first].mixed(PALETTES[second], float(chance.uniform(0, 0.3))),
            chance=chance,
            grain=chance.random((height, width), dtype=np.float32),
        )
        self._layers: list[Layer | Water] = [
            _clouds(stage, top=0.02, bottom=0.62, density=chance.uniform(0.2, 1), widths_per_second=0.010),
            _clouds(stage, top=0.5, bottom=0.96, density=chance.uniform(0, 0.8), widths_per_second=0.006),
        ]
        if with_water:
            self._layers += [
                _hills(
                    stage,
                    depth=0.0,
                    base=horizon,
                    height=unit * chance.uniform(0.07, 0.16),
                    wavelength=unit * 1.1,
                    rugged=0.58,
                    foot=horizon,
                ),
                _hills(
                    stage,
                    depth=0.3,
                    base=horizon + _even(unit * 0.012),
                    height=unit * chance.uniform(0.03, 0.08),
                    wavelength=unit * 0.8,
                    rugged=0.55,
                    foot=horizon,
                ),
                Water(stage),
                _hills(
                    stage,
                    depth=1.0,
                    base=_even(height * 0.985),
                    height=unit * 0.07,
                    wavelength=unit * 1.5,
                    rugged=0.5,
                    foot=height,
                ),
            ]
        else:
            count = 5
            for index in range(count):
                depth = index / (count - 1)
                base = horizon + (height - horizon) * 0.86 * depth**1.15
                self._layers.append(
                    _hills(
                        stage,
                        depth=depth,
                        base=_even(base),
                        height=unit * (0.13 + 0.05 * depth),
                        wavelength=unit * (0.9 + 0.7 * depth),
                        rugged=0.6 - 0.16 * depth,
                        foot=height,
                    )
                )
        # Valleys may dip below the horizon, and more sky is seen there.
        self._backdrop = _sky(stage, height)

    def draw(self, frame: int) -> Picture:
        picture = self._backdrop.copy()
        for layer in self._layers:
            layer.lay_on(picture, frame)
        return picture


def _even(pixels: float) -> int:
    return 2 * round(pixels / 2)
