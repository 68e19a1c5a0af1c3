"""The light and colours of a shot: every colour of a scene passes through its grade."""

from dataclasses import dataclass, replace
from typing import Any

from tchavi_studio.engines.preview.drawing.paper import Colour, hexed, mix
from tchavi_studio.engines.preview.script.shotlist import Shot


@dataclass(frozen=True, kw_only=True)
class Grade:
    """How light falls, and what it makes of a colour.

    `lit` multiplies colours, `dark` is what they sink into, `level` how much of them is left above it, `haze` what
    distance fades into. `sun` is where the light stands: across and down the frame, 0 to 1.
    """

    top: Colour
    middle: Colour
    low: Colour
    sun_colour: Colour
    lit: Colour
    dark: Colour
    level: float
    haze: Colour
    haze_strength: float
    sun: tuple[float, float]
    stars: float = 0.0
    lamps: float = 0.0
    """How brightly windows, lamps and signs shine."""
    saturation: float = 1.0
    tint: Colour | None = None
    tint_strength: float = 0.0

    def tone(self, colour: Colour, depth: float = 1.0, shade: float = 0.0) -> Colour:
        """A thing's own colour as it looks at `depth` (0 infinitely far, 1 at the subject); `shade` darkens it."""
        lit = tuple(channel * light / 255 for channel, light in zip(colour, self.lit, strict=True))
        seen = mix(self.dark, (lit[0], lit[1], lit[2]), self.level * (1 - shade))
        far = max(0.0, 1 - depth)
        return self.sky(mix(seen, self.haze, min(0.94, self.haze_strength * far**1.3)))

    def sky(self, colour: Colour) -> Colour:
        """A colour that gives its own light: only graded."""
        grey = 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]
        toned = mix((grey, grey, grey), colour, self.saturation)
        if self.tint is not None:
            tinted = tuple(min(255.0, channel * (0.35 + 1.3 * grey / 255)) for channel in self.tint)
            toned = mix(toned, (tinted[0], tinted[1], tinted[2]), self.tint_strength)
        clipped = tuple(min(255.0, max(0.0, channel)) for channel in toned)
        return clipped[0], clipped[1], clipped[2]


DAY = Grade(
    top=hexed("2f86b5"),
    middle=hexed("84c3d6"),
    low=hexed("e9f2e4"),
    sun_colour=hexed("fff7dc"),
    lit=hexed("fffaf0"),
    dark=hexed("203044"),
    level=0.97,
    haze=hexed("cfe3e0"),
    haze_strength=0.85,
    sun=(0.72, 0.16),
)


def _grade(codes: str, **values: Any) -> Grade:
    """A grade that differs from `DAY` in its seven colours and in `values`."""
    names = ("top", "middle", "low", "sun_colour", "lit", "dark", "haze")
    colours: dict[str, Any] = dict(zip(names, map(hexed, codes.split()), strict=True))
    return replace(DAY, **colours, **values)


#          top    middle low    sun    lit    dark   haze
TIMES = {
    "dawn": _grade("54709f d99aa0 ffdcb4 fff0cf ffe3d2 35284f e8b4a8", level=0.86, sun=(0.3, 0.9), lamps=0.3),
    "morning": _grade("5aa5c9 a9d7dc fff0cd fffbe6 fff3dc 233a4c dfe6d2", level=0.96, sun=(0.26, 0.35)),
    "day": DAY,
    "golden hour": _grade("5a7f9a e8b06a ffd98a fff3c4 ffdfa8 43252c f2bd7a", level=0.9, sun=(0.7, 0.78)),
    "sunset": _grade("2d2c63 b84a72 ff9d52 ffe0a0 ffb98a 2a1434 d8705f", level=0.74, sun=(0.5, 0.97), lamps=0.5),
    "dusk": _grade(
        "141c46 3d4787 c98aa6 f3d0d8 9fa6e0 10132e 5d5f9c", level=0.66, sun=(0.5, 1.4), stars=0.35, lamps=0.9
    ),
    "night": _grade("060b24 12204e 2f4a80 e8ecff 93a6e6 0a1028 263a72", level=0.62, sun=(0.74, 0.17), stars=1, lamps=1),
}
LIGHTS = {
    "candlelight": _grade(
        "0d0608 2a120c 5a2810 ffc873 ffb469 120709 4a2412", level=0.72, sun=(0.5, 0.5), stars=0.5, lamps=1
    ),
    "neon": _grade("0a0730 2a1560 6a2a8a ff7fd8 b8a4fa 0d0a28 43237a", level=0.66, sun=(0.8, 0.2), lamps=1.2),
    "studio": _grade("b9bcc4 d9dadd f2f1ee ffffff ffffff 33343c e4e4e4", level=0.98, sun=(0.3, 0.1), haze_strength=0.4),
}
SPACE = _grade("03040d 080b22 161a3d fff6dc f4f2ff 05060f 0a0d24", level=0.86, stars=1, haze_strength=0.1, lamps=1)
UNDERWATER = _grade("0a86a0 06607f 053352 e8ffff 9fe0dd 042338 0a6a88", level=0.78, sun=(0.5, -0.1), haze_strength=0.95)

WEATHERS: dict[str, dict[str, Any]] = {
    "rain": {"tint": hexed("7488a0"), "tint_strength": 0.36, "haze_strength": 1.0},
    "storm": {"tint": hexed("56657f"), "tint_strength": 0.56, "haze_strength": 1.0},
    "snow": {"tint": hexed("c4d4e6"), "tint_strength": 0.35, "haze_strength": 1.0},
    "fog": {"haze_strength": 1.15, "saturation": 0.75},
    "dust": {"tint": hexed("d8a468"), "tint_strength": 0.5, "haze_strength": 1.3},
    "clouds": {"tint": hexed("a8b2bd"), "tint_strength": 0.3},
}
MOODS: dict[str, dict[str, Any]] = {
    "calm": {"saturation": 0.92},
    "joyful": {"saturation": 1.2},
    "sad": {"saturation": 0.6, "tint": hexed("7f93ad"), "tint_strength": 0.18},
    "tense": {"saturation": 0.62, "tint": hexed("5f7a78"), "tint_strength": 0.25},
    "epic": {"saturation": 1.1},
    "romantic": {"tint": hexed("f0a0a0"), "tint_strength": 0.16},
    "mysterious": {"tint": hexed("5a6aa8"), "tint_strength": 0.3},
    "dreamy": {"tint": hexed("d8b8e0"), "tint_strength": 0.22, "saturation": 0.9},
    "energetic": {"saturation": 1.25},
}
COLOURS = {
    "red": hexed("d8342c"),
    "orange": hexed("ee7f26"),
    "yellow": hexed("f6c324"),
    "gold": hexed("dba638"),
    "green": hexed("3f9350"),
    "teal": hexed("2aa39b"),
    "blue": hexed("2f63c0"),
    "purple": hexed("7d44a8"),
    "pink": hexed("ec7fa4"),
    "brown": hexed("7b4a2c"),
    "black": hexed("26242b"),
    "white": hexed("f5f1e8"),
    "grey": hexed("9a9ca3"),
}
PALETTES: dict[str, dict[str, Any]] = {
    "pastel": {"saturation": 0.7, "tint": hexed("f4d9e6"), "tint_strength": 0.3},
    "monochrome": {"saturation": 0.0},
    "warm": {"tint": hexed("f2a35c"), "tint_strength": 0.28},
    "cold": {"tint": hexed("6f9fd0"), "tint_strength": 0.32},
    "vivid": {"saturation": 1.35},
}
OWN_LIGHT = {"space": SPACE, "underwater": UNDERWATER}
"""Settings whose light doesn't depend on the time of day."""

INDOORS = frozenset(("interior", "kitchen", "studio", "office", "stage"))


def grade_for(shot: Shot, setting: str) -> Grade:
    """The grade of a shot in `setting`, which may be more than its words say."""
    time = shot.time or ("night" if shot.light == "neon" or setting in ("stage", "stadium") else "day")
    grade = OWN_LIGHT.get(setting) or LIGHTS.get(shot.light) or TIMES[time]
    if setting == "studio" and not shot.time and not shot.light:
        grade = LIGHTS["studio"]
    if setting in ("stadium", "market") and grade.lamps >= 0.9:
        grade = replace(grade, level=0.84, lit=mix(grade.lit, (255, 246, 226), 0.65), haze_strength=0.5)
    if shot.light == "backlight":
        grade = replace(grade, level=grade.level * 0.32, sun=(0.5, 0.55))
    changes: list[dict[str, Any]] = [MOODS.get(shot.mood, {})]
    if setting not in INDOORS | OWN_LIGHT.keys():
        changes += [WEATHERS.get(weather, {}) for weather in shot.weather]
    for colour in shot.palette:
        plain = {"tint": COLOURS[colour], "tint_strength": 0.42} if colour in COLOURS else PALETTES[colour]
        changes.append(plain)
    for change in changes:
        grade = _changed(grade, change)
    return grade


def _changed(grade: Grade, change: dict[str, Any]) -> Grade:
    """The grade with a change on top: saturations multiply, tints mix."""
    values = dict(change)
    if isinstance(saturation := values.get("saturation"), float):
        values["saturation"] = grade.saturation * saturation
    if grade.tint is not None and "tint" in values:
        values["tint"] = mix(grade.tint, values["tint"], 0.6)
        values["tint_strength"] = max(grade.tint_strength, values["tint_strength"])
    return replace(grade, **values)


def on_subject(grade: Grade) -> Grade:
    """The light on the subject: a little more than on the set, so that it stands out at night too."""
    if grade.level > 0.85 or grade.level < 0.35:
        return grade
    return replace(grade, level=min(0.92, grade.level + 0.22), lit=mix(grade.lit, (255, 244, 230), 0.4))
