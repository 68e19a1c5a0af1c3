"""What the preview engine reads in a prompt, as people see it: shot by shot, and what each word did."""

from dataclasses import dataclass
from itertools import groupby

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from tchavi_studio.engines.preview.script import Shot, label_of, read_prompt
from tchavi_studio.engines.preview.script.shotlist import Direction, Field, Line, Move, Reading, Size, Speed

FIELDS: dict[Field, Promise] = {
    Field.CUT: _("cut"),
    Field.SIZE: _("framing"),
    Field.CAMERA: _("camera"),
    Field.DIRECTION: _("direction"),
    Field.SPEED: _("speed"),
    Field.TIME: _("time of day"),
    Field.LIGHT: _("light"),
    Field.WEATHER: _("weather"),
    Field.SETTING: _("place"),
    Field.SUBJECT: _("subject"),
    Field.COUNT: _("how many"),
    Field.ACTION: _("action"),
    Field.MOOD: _("mood"),
    Field.COLOUR: _("colour"),
    Field.SOUND: _("sound"),
    Field.DIALOGUE: _("spoken line"),
    Field.MENTION: _("reference"),
}
SIZES: dict[Size, Promise] = {
    Size.AERIAL: _("Aerial shot"),
    Size.WIDE: _("Wide shot"),
    Size.MEDIUM: _("Medium shot"),
    Size.OVER_SHOULDER: _("Over the shoulder"),
    Size.CLOSE_UP: _("Close-up"),
    Size.MACRO: _("Macro"),
}
MOVES: dict[tuple[Move, Direction | None], Promise] = {
    (Move.STATIC, None): _("camera still"),
    (Move.DRIFT, Direction.IN): _("camera hardly moves"),
    (Move.PAN, Direction.LEFT): _("pan left"),
    (Move.PAN, Direction.RIGHT): _("pan right"),
    (Move.TILT, Direction.UP): _("tilt up"),
    (Move.TILT, Direction.DOWN): _("tilt down"),
    (Move.DOLLY, Direction.IN): _("dolly in"),
    (Move.DOLLY, Direction.OUT): _("dolly out"),
    (Move.TRUCK, Direction.LEFT): _("truck left"),
    (Move.TRUCK, Direction.RIGHT): _("truck right"),
    (Move.ZOOM, Direction.IN): _("zoom in"),
    (Move.ZOOM, Direction.OUT): _("zoom out"),
    (Move.ORBIT, Direction.LEFT): _("orbit left"),
    (Move.ORBIT, Direction.RIGHT): _("orbit right"),
    (Move.CRANE, Direction.UP): _("crane up"),
    (Move.CRANE, Direction.DOWN): _("crane down"),
    (Move.DRONE, Direction.IN): _("drone forward"),
    (Move.DRONE, Direction.OUT): _("drone backward"),
    (Move.DRONE, Direction.LEFT): _("drone to the left"),
    (Move.DRONE, Direction.RIGHT): _("drone to the right"),
    (Move.DRONE, Direction.UP): _("drone rising"),
    (Move.DRONE, Direction.DOWN): _("drone descending"),
    (Move.HANDHELD, None): _("handheld"),
    (Move.FOLLOW, None): _("camera follows"),
}
"""Each move with each direction that it can take."""

SAID_ABOVE = {Field.CUT, Field.SIZE, Field.CAMERA, Field.DIRECTION, Field.SPEED, Field.MENTION}
"""What the shot's first line tells, or the word itself."""

SPEEDS: dict[Speed, Promise] = {Speed.SLOW: _("slow"), Speed.FAST: _("fast")}


@dataclass(frozen=True, kw_only=True)
class Word:
    """What a word or phrase of the prompt decided. `meaning` is "" where the word says it itself."""

    text: str
    field: Promise
    meaning: str


@dataclass(frozen=True, kw_only=True)
class ShotRow:
    """One shot: `number` counts from 1, times are seconds of the clip."""

    number: int
    start_seconds: float
    end_seconds: float
    size: Promise
    camera: Promise
    speed: Promise | None
    words: list[Word]
    lines: tuple[Line, ...]


def shot_list_of(prompt: str, *, duration_seconds: int) -> list[ShotRow]:
    """What the preview engine reads in `prompt` for a clip of `duration_seconds`, in the active language.

    At least one shot, but none for a prompt without words.
    """
    if not prompt.strip():
        return []
    shots = read_prompt(prompt, duration_seconds=duration_seconds)
    language = "fr" if (get_language() or "").startswith("fr") else "en"
    readings = {index: list(found) for index, found in groupby(shots.readings, key=lambda reading: reading.shot)}
    return [
        _row(shot, number=index + 1, words=[_word(prompt, reading, language) for reading in readings.get(index, [])])
        for index, shot in enumerate(shots.shots)
    ]


def _row(shot: Shot, *, number: int, words: list[Word]) -> ShotRow:
    camera = shot.camera
    return ShotRow(
        number=number,
        start_seconds=shot.start_seconds,
        end_seconds=shot.start_seconds + shot.duration_seconds,
        size=SIZES[shot.size],
        camera=MOVES[camera.move, camera.direction],
        # A drift is always slow: nothing to say.
        speed=None if camera.move == Move.DRIFT else SPEEDS.get(camera.speed),
        words=words,
        lines=shot.lines,
    )


def _word(prompt: str, reading: Reading, language: str) -> Word:
    text = prompt[reading.start : reading.end]
    of_speaker = reading.field == Field.DIALOGUE
    meaning = label_of(Field.SUBJECT if of_speaker else reading.field, reading.meaning, language)
    says_itself = reading.field in SAID_ABOVE or text.casefold().startswith(meaning.casefold())
    return Word(text=text, field=FIELDS[reading.field], meaning="" if says_itself else meaning)
