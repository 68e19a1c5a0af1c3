"""A shot list: what is seen and heard, shot by shot, and what each word of the prompt did to it.

Settings, subjects, moods and sounds are the meanings in vocabulary.py; whoever draws or plays them knows them by name.
"""

from dataclasses import dataclass
from enum import StrEnum


class Size(StrEnum):
    """How much of its subject a shot shows."""

    AERIAL = "aerial"
    WIDE = "wide"
    MEDIUM = "medium"
    OVER_SHOULDER = "over the shoulder"
    CLOSE_UP = "close-up"
    MACRO = "macro"


class Move(StrEnum):
    """What the camera does."""

    STATIC = "static"
    DRIFT = "drift"
    """A barely visible push forward: what a shot gets whose words don't mention the camera."""
    PAN = "pan"
    TILT = "tilt"
    DOLLY = "dolly"
    TRUCK = "truck"
    ZOOM = "zoom"
    ORBIT = "orbit"
    CRANE = "crane"
    HANDHELD = "handheld"
    DRONE = "drone"
    FOLLOW = "follow"


class Direction(StrEnum):
    """Where something moves, as seen through the camera."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"
    IN = "in"
    OUT = "out"


class Speed(StrEnum):
    """How fast something moves."""

    SLOW = "slow"
    NORMAL = "normal"
    FAST = "fast"


class Field(StrEnum):
    """What a word decides."""

    CUT = "cut"
    SIZE = "size"
    CAMERA = "camera"
    DIRECTION = "direction"
    SPEED = "speed"
    TIME = "time"
    LIGHT = "light"
    WEATHER = "weather"
    SETTING = "setting"
    SUBJECT = "subject"
    COUNT = "count"
    ACTION = "action"
    MOOD = "mood"
    COLOUR = "colour"
    SOUND = "sound"
    DIALOGUE = "dialogue"
    MENTION = "mention"


@dataclass(frozen=True, kw_only=True)
class Camera:
    """The camera's move; `direction` is None for moves that have none."""

    move: Move
    direction: Direction | None = None
    speed: Speed = Speed.NORMAL


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Somebody or something in the picture; `count` is 1 to `MANY`, `text` is what is written on it."""

    kind: str
    count: int = 1
    action: str = ""
    direction: Direction | None = None
    speed: Speed = Speed.NORMAL
    colour: str = ""
    text: str = ""


MANY = 7
"""The `count` of a crowd, a herd or a flock."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A spoken line. Times are seconds of the clip; `needed_seconds` is what saying it aloud takes."""

    text: str
    speaker: str
    start_seconds: float
    duration_seconds: float
    needed_seconds: float

    @property
    def fits(self) -> bool:
        """Whether there is time to say it."""
        return self.needed_seconds <= self.duration_seconds


@dataclass(frozen=True, kw_only=True)
class Mention:
    """A reference that the prompt names: `kind` is "Image", "Video" or "Audio", `number` counts from 1."""

    kind: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One shot. Times are seconds of the clip, whole frames each. Empty means: the prompt doesn't say.

    `decor` is the colour of what the setting is furnished with, `palette` of everything.
    """

    start_seconds: float
    duration_seconds: float
    text: str
    size: Size
    camera: Camera
    time: str
    light: str
    weather: tuple[str, ...]
    setting: str
    decor: str
    subjects: tuple[Subject, ...]
    mood: str
    palette: tuple[str, ...]
    lines: tuple[Line, ...]
    sounds: tuple[str, ...]
    mentions: tuple[Mention, ...]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one word or phrase did: `prompt[start:end]` decided `field` to be `meaning` in the shot `shot`, from 0."""

    start: int
    end: int
    field: Field
    meaning: str
    shot: int


@dataclass(frozen=True, kw_only=True)
class ShotList:
    """The shots of a clip, which follow each other without a gap, and the words that made them."""

    language: str
    shots: tuple[Shot, ...]
    readings: tuple[Reading, ...]
