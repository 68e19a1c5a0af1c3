"""From a shot of the shot list to a stage that can be filmed: where it plays, how it is framed, who is in it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tchavi_studio.engines.formats import FRAMES_PER_SECOND
from tchavi_studio.engines.preview.drawing.animals import ANIMALS
from tchavi_studio.engines.preview.drawing.brush import Brush, Look, Sketch
from tchavi_studio.engines.preview.drawing.camera import CameraMove
from tchavi_studio.engines.preview.drawing.captions import Captions
from tchavi_studio.engines.preview.drawing.grade import COLOURS, INDOORS, grade_for, on_subject
from tchavi_studio.engines.preview.drawing.paper import Colour, hexed, lighter
from tchavi_studio.engines.preview.drawing.people import astronaut, person, robot
from tchavi_studio.engines.preview.drawing.scenery import BLACK, SETTINGS, foreground, painter
from tchavi_studio.engines.preview.drawing.shapes import curve, ellipse, placed
from tchavi_studio.engines.preview.drawing.stage import Pen, Stage
from tchavi_studio.engines.preview.drawing.things import THINGS, campfire
from tchavi_studio.engines.preview.drawing.weather import lay_weather, motes
from tchavi_studio.engines.preview.picture import Picture
from tchavi_studio.engines.preview.script import Shot
from tchavi_studio.engines.preview.script.shotlist import Direction, Size, Speed, Subject

PEOPLE: dict[str, Sketch] = {
    "man": person("man"),
    "woman": person("woman"),
    "child": person("child"),
    "elder": person("elder"),
    "dancer": person("dancer"),
    "musician": person("man"),
    "astronaut": astronaut,
    "robot": robot,
}
SKETCHES: dict[str, Sketch] = {**PEOPLE, **ANIMALS, **THINGS}

HOMES = {
    "space": "astronaut rocket",
    "underwater": "fish whale turtle jellyfish",
    "lagoon": "boat",
    "sea": "sailboat ship tower",
    "sky": "plane balloon bird",
    "road": "car motorbike",
    "street": "bus bicycle crowd couple umbrella",
    "savanna": "elephant giraffe cheetah lion",
    "forest": "tiger",
    "field": "train cow horse hare butterfly flower tree house ball dog",
    "village": "chicken",
    "interior": "cat",
    "studio": "ink logo",
}
SETTING_OF = {kind: setting for setting, kinds in HOMES.items() for kind in kinds.split()}
"""Where a subject is at home, for prompts that name no place."""

HEIGHTS = {
    "cat": 0.9, "dog": 0.95, "horse": 1.2, "cheetah": 0.75, "lion": 0.9, "tiger": 0.8, "elephant": 0.95,
    "giraffe": 1.9, "cow": 1.1, "hare": 0.9, "bird": 0.6, "chicken": 0.95, "fish": 0.6, "whale": 0.55, "turtle": 0.7,
    "butterfly": 0.9, "car": 0.5, "bus": 0.75, "motorbike": 1.0, "bicycle": 1.1, "train": 0.5, "plane": 0.6,
    "rocket": 1.4, "boat": 0.85, "sailboat": 1.1, "ship": 0.6, "cup": 0.9, "shoe": 0.55, "book": 0.75, "ball": 1.1,
    "fruit": 0.85, "bowl": 0.9, "bread": 0.5,
}  # fmt: skip
"""How high a sketch is where it isn't one unit high."""

WIDTHS = {
    "perfume": 0.6,
    "bottle": 0.35,
    "phone": 0.55,
    "watch": 0.7,
    "candle": 0.6,
    "flower": 0.6,
    "rocket": 0.6,
    "tower": 0.9,
    "giraffe": 1.05,
    "cheetah": 1.4,
    "lion": 1.3,
    "tiger": 1.4,
    "ring": 0.7,
    "drum": 0.65,
    "balloon": 0.8,
}
"""How wide a sketch is where it isn't one unit wide."""

FLIERS = frozenset(("bird", "plane", "balloon", "butterfly"))
SWIMMERS = frozenset(("fish", "whale", "turtle", "jellyfish"))
VESSELS = frozenset(("boat", "sailboat", "ship"))
ON_TABLES = frozenset(
    ("perfume", "bottle", "cup", "phone", "watch", "shoe", "book", "fruit", "bread", "cake", "bowl", "burger",
     "candle", "ring", "drum", "ink", "logo", "flower")
)  # fmt: skip
VEHICLES = frozenset(("car", "bus", "motorbike", "bicycle", "train"))
GOING = frozenset(("walk", "run", "drive", "fly", "swim", "float", "jump"))
LEGS = frozenset(
    ("sleep", "walk", "run", "jump", "dance", "turn", "sit", "fall", "play", "float", "fly", "swim", "drive", "hug")
)
SPEEDS = {"walk": 0.07, "run": 0.2, "drive": 0.24, "fly": 0.15, "swim": 0.1, "float": 0.02, "jump": 0.1}

BESIDE_PEOPLE = {
    "cup": 0.13, "bowl": 0.2, "book": 0.24, "phone": 0.12, "bread": 0.24, "cake": 0.3, "burger": 0.16, "fruit": 0.26,
    "bottle": 0.24, "perfume": 0.14, "watch": 0.12, "shoe": 0.2, "candle": 0.2, "ring": 0.08, "drum": 0.42,
    "flower": 0.42, "umbrella": 0.62, "ball": 0.17, "balloon": 0.9, "cat": 0.4, "dog": 0.55, "horse": 1.15, "cow": 1.0,
    "cheetah": 0.85, "lion": 1.1, "tiger": 1.1, "elephant": 1.7, "giraffe": 1.4, "hare": 0.32, "bird": 0.34,
    "chicken": 0.34, "fish": 0.34, "whale": 1.6, "turtle": 0.6, "jellyfish": 0.6, "butterfly": 0.14, "car": 1.9,
    "bus": 2.2, "motorbike": 1.05, "bicycle": 1.05, "train": 2.2, "plane": 2.4, "rocket": 2.2, "boat": 1.5,
    "sailboat": 1.6, "ship": 2.4, "tree": 1.7, "house": 1.6, "tower": 2.0, "logo": 0.6, "ink": 0.5,
}  # fmt: skip
"""How long other subjects are beside a person, who is one unit tall."""

IN_HAND = frozenset(
    ("cup", "book", "phone", "bread", "burger", "bottle", "perfume", "candle", "ring", "flower", "umbrella", "bowl",
     "cake", "fruit", "drum")
)  # fmt: skip

FRAMING: dict[Size, tuple[float, float]] = {
    Size.AERIAL: (0.17, 0.2),
    Size.WIDE: (0.36, 0.42),
    Size.MEDIUM: (0.6, 0.64),
    Size.OVER_SHOULDER: (0.56, 0.5),
    Size.CLOSE_UP: (0.84, 0.94),
    Size.MACRO: (1.3, 1.5),
}
"""The most that a thing or an animal takes of the frame's height and width."""

PERSON_UNITS = {
    Size.AERIAL: 0.19,
    Size.WIDE: 0.46,
    Size.MEDIUM: 1.35,
    Size.OVER_SHOULDER: 1.2,
    Size.CLOSE_UP: 3.1,
    Size.MACRO: 6.2,
}
"""How tall a person is in frame heights; from a medium shot on, the feet are outside."""

FULL_FIGURE = 0.78
"""How tall somebody is in a medium shot whose act needs legs to be seen."""

HORIZONS = {
    Size.AERIAL: 0.14,
    Size.WIDE: 0.6,
    Size.MEDIUM: 0.56,
    Size.OVER_SHOULDER: 0.55,
    Size.CLOSE_UP: 0.5,
    Size.MACRO: 0.42,
}
SKINS = ("5a3a28", "7a4f36", "8d5c3c", "6b4530", "a8754e", "c99a72", "4a3022")
CLOTHS = ("d8643a", "2f7f86", "e0a02e", "b8405e", "3f6fa0", "7fa04a", "8a4f8f", "e8d8b8", "c8342c")
HAIR_SPACE = 0.11


@dataclass
class Figure:
    """A subject on the stage."""

    sketch: Sketch
    look: Look
    x: float
    y: float
    size: float
    heading: float
    depth: float
    seconds: float
    goes: float = 0.0
    """Stage units a second, along its heading."""
    rises: float = 0.0
    floats: float = 0.0
    spins: float = 0.0
    shadow: float = 0.0
    stage: Stage | None = None
    held: Callable[[float], float] | None = None
    """Where a camera that follows keeps it."""

    def draw(self, pen: Pen, seconds: float) -> None:
        assert self.stage is not None
        on_the_way = self.goes * (seconds - self.seconds / 2) * self.heading
        if self.held is not None:
            on_the_way = self.held(min(1.0, seconds / self.seconds))
        bob = self.floats * math.sin(seconds * 1.1 + self.look.offset * 4)
        brush = Brush(
            pen,
            on_subject(self.stage.grade),
            self.x + on_the_way,
            self.y + bob - self.rises * seconds,
            self.size,
            self.heading,
            turn=self.spins * math.sin(seconds * 0.5 + self.look.offset),
        )
        if self.shadow:
            brush.shadow(self.shadow)
        self.sketch(brush, seconds, self.look)
        brush.done()


def setting_of(shot: Shot) -> str:
    """Where a shot plays: what its words say, or else where its subject is at home."""
    if shot.setting:
        return shot.setting
    kinds = [subject.kind for subject in shot.subjects]
    if any(kind in ON_TABLES for kind in kinds) and "flower" not in kinds and "drum" not in kinds:
        return "studio"
    for kind in kinds:
        if kind in SETTING_OF:
            return SETTING_OF[kind]
    if kinds:
        outdoors = bool(shot.weather) or (shot.time not in ("", "night") and shot.size is not Size.CLOSE_UP)
        return "field" if outdoors or {s.action for s in shot.subjects} & {"run", "walk", "jump"} else "studio"
    return "field" if shot.weather or shot.time else "abstract"


def stage_for(shot: Shot, *, size: tuple[int, int], chance: np.random.Generator) -> Stage:
    """The stage of `shot`, with everything on it."""
    setting = setting_of(shot)
    kinds = {subject.kind for subject in shot.subjects}
    width, height = size
    heading = _heading(shot, chance)
    horizon = HORIZONS[shot.size]
    if setting in ("street", "road", "stadium") and shot.size is not Size.AERIAL:
        horizon = min(horizon, 0.46)
    stage = Stage(
        width=width,
        height=height,
        move=CameraMove(shot.camera, seconds=shot.duration_seconds, heading=heading),
        grade=grade_for(shot, setting),
        chance=chance,
        seconds=shot.duration_seconds,
        horizon=horizon,
        ground=0.86 if shot.size in (Size.WIDE, Size.AERIAL) else 0.92,
        shore=_shore(shot, setting),
        weather=shot.weather,
        rough=bool({"storm", "wind"} & set(shot.weather)) or shot.mood in ("tense", "epic"),
        crop=any(word in shot.text.casefold() for word in ("wheat", "blé", "corn", "maïs"))
        or shot.time in ("golden hour",),
        seat=_seat(shot) if setting == "interior" else "",
        backdrop=_backdrop(shot, kinds),
        table=bool(kinds & ON_TABLES - {"ink", "logo"}) or "table" in shot.text.casefold(),
        board=any(word in shot.text.casefold() for word in ("class", "school", "blackboard", "école", "tableau")),
        moon="moon" in shot.text.casefold() or "lun" in shot.text.casefold() or "mars" in shot.text.casefold(),
        window=not kinds and any(word in shot.text.casefold() for word in ("window", "fenêtre")),
        focus={Size.CLOSE_UP: 0.02, Size.MACRO: 0.034, Size.OVER_SHOULDER: 0.008}.get(shot.size, 0.0),
    )
    SETTINGS[setting](stage)
    for subject in sorted(
        _seen(shot.subjects, setting), key=lambda one: one.kind not in ("tree", "house", "tower", "crowd")
    ):
        _place(stage, shot, subject, setting, heading)
    if "embers" in shot.weather and setting not in INDOORS | {"space", "underwater"}:
        _lay_fire(stage, heading)
    if shot.size is Size.OVER_SHOULDER:
        shoulder(stage)
    if not stage.focus and setting not in INDOORS:
        foreground(stage, setting)
    motes(stage, underwater=setting == "underwater")
    lay_weather(stage, shot.weather, indoors=setting in INDOORS)
    return stage


def _seen(subjects: tuple[Subject, ...], setting: str) -> list[Subject]:
    """The subjects that are drawn for themselves: not those that are part of another's sketch, or of the setting."""
    kinds = {subject.kind for subject in subjects}

    def is_seen(one: Subject) -> bool:
        if kinds & (VEHICLES | {"boat"}) and one.kind in PEOPLE and one.action in ("drive", ""):
            return False
        if one.kind == "candle" and "cake" in kinds:
            return False
        return not (one.kind == "fruit" and setting == "market")

    return [one for one in subjects if is_seen(one)]


def _heading(shot: Shot, chance: np.random.Generator) -> int:
    for subject in shot.subjects:
        if subject.direction is Direction.LEFT:
            return -1
        if subject.direction is Direction.RIGHT:
            return 1
    if shot.camera.direction in (Direction.LEFT, Direction.RIGHT):
        return -1 if shot.camera.direction is Direction.LEFT else 1
    return 1 if chance.random() < 0.6 else -1


def _shore(shot: Shot, setting: str) -> float:
    low = {
        "studio": 0.74,
        "kitchen": 0.66,
        "interior": 0.7,
        "office": 0.68,
        "stage": 0.74,
        "beach": 0.78,
        "space": 0.74,
    }
    shore = low.get(setting, 0.78)
    return {Size.AERIAL: 0.5, Size.CLOSE_UP: shore + 0.06, Size.MACRO: shore + 0.1}.get(shot.size, shore)


def _seat(shot: Shot) -> str:
    text = shot.text.casefold()
    if not any(word in text for word in ("sofa", "couch", "canapé", "bed", "lit", "armchair", "fauteuil")) and not any(
        subject.action in ("sleep", "sit") for subject in shot.subjects
    ):
        return ""
    own = COLOURS.get(shot.decor, hexed("b5523b"))
    return "".join(f"{round(channel):02x}" for channel in own)


def _backdrop(shot: Shot, kinds: set[str]) -> str:
    text = shot.text.casefold()
    for code, words in ((BLACK, ("black background", "fond noir")), ("ece8e0", ("white background", "fond blanc"))):
        if any(word in text for word in words):
            return code
    if "ink" in kinds:
        return "e9eef0"
    return ""


def _look(subject: Subject, shot: Shot, number: int, chance: np.random.Generator, *, alone: bool) -> Look:
    def pick(codes: tuple[str, ...]) -> Colour:
        return hexed(codes[int(chance.integers(len(codes)))])

    lines = [line for line in shot.lines if line.speaker in (subject.kind, "") or not line.speaker]
    if subject.count > 1 and len(lines) > 1:
        lines = lines[number % len(lines) :: max(1, min(subject.count, len(lines)))]
    talks = tuple(
        (line.start_seconds - shot.start_seconds, line.start_seconds - shot.start_seconds + line.duration_seconds)
        for line in lines
    )
    pace = {Speed.SLOW: 0.55, Speed.NORMAL: 1.0, Speed.FAST: 1.45}[subject.speed]
    return Look(
        action=subject.action,
        pace=pace * (1.0 if alone else float(chance.uniform(0.9, 1.1))),
        colour=COLOURS.get(subject.colour),
        skin=pick(SKINS),
        cloth=pick(CLOTHS),
        second=pick(("3a4a66", "5a4638", "2f3a44", "6a5a4a", "394f3f")),
        offset=0.0 if alone else float(chance.uniform(0, 2)),
        faces_us=shot.size in (Size.CLOSE_UP, Size.MACRO) or (shot.size is Size.OVER_SHOULDER),
        talks=talks,
        text=subject.text,
    )


def _place(stage: Stage, shot: Shot, subject: Subject, setting: str, heading: int) -> None:
    """Put one subject, or the several of its kind, on the stage."""
    if subject.kind == "crowd":
        crowd(stage, shot, subject)
        return
    count = 2 if subject.kind == "couple" else min(subject.count, 7)
    aside = {"crowd", "tree"} | (IN_HAND if any(one.kind in PEOPLE for one in shot.subjects) else set())
    standing = [one for one in shot.subjects if one.kind not in aside]
    others = len(standing)
    index = standing.index(subject) if subject in standing else 0
    figures = [_figure(stage, shot, subject, setting, heading, number, count, index, others) for number in range(count)]
    stage.items += sorted(figures, key=lambda figure: figure.depth)


def _figure(
    stage: Stage,
    shot: Shot,
    subject: Subject,
    setting: str,
    heading: int,
    number: int,
    count: int,
    index: int,
    others: int,
) -> Figure:
    chance, kind, action = stage.chance, subject.kind, subject.action
    if kind == "couple":
        kind = ("woman", "man")[number]
    if kind in VEHICLES | FLIERS | SWIMMERS and not action:
        action = {
            "fish": "swim",
            "whale": "swim",
            "turtle": "swim",
            "jellyfish": "float",
            "butterfly": "fly",
            "bird": "fly",
            "plane": "fly",
            "balloon": "float",
        }.get(kind, "drive")
    if kind in VESSELS and action in ("", "walk"):
        action = "float"
    look = replace(_look(subject, shot, number, chance, alone=count == 1), action=action)
    is_person = kind in PEOPLE
    size, y = _person_frame(shot, kind, action, stage) if is_person else _thing_frame(shot, kind, setting, stage)
    depth, x = 1.0, 0.0
    owner = next((one for one in shot.subjects if one.kind in PEOPLE or one.kind == "couple"), None)
    if not is_person and owner is not None:
        tall, feet = _person_frame(shot, "man", owner.action, stage)
        size = min(tall * BESIDE_PEOPLE.get(kind, 0.5), 1.3 * stage.aspect)
        if kind in IN_HAND:
            depth, others, count = 1.001, 1, 1
            hand = (0.1, 0.62) if kind == "umbrella" else (0.17, 0.46)
            x = heading * hand[0] * tall - heading * 0.14 * stage.aspect * (owner.count == 1)
            y = feet - hand[1] * tall
        elif kind not in FLIERS | SWIMMERS:
            y = min(1.3, feet + (0.02 if kind not in VEHICLES else -0.03))
    together = count * max(1, others) if kind != "tree" else 1
    if together > 1:
        slots = max(count, others)
        slot = number if count > 1 else index
        room = min(0.84 * stage.aspect, (0.62 if is_person else 0.9) * size * slots + 0.1)
        x = (slot + 0.5 - slots / 2) * room / slots
        if is_person and size > 1:
            # Closer together, and smaller where the frame is narrow: nobody stands in front of anybody's face.
            fitting = min(size, 0.94 * stage.aspect / slots / 0.3)
            y += 1.06 * (fitting - size)
            size, x = fitting, x * min(1.0, 0.34 * fitting * slots / room)
        if count > 2:
            depth = 0.86 + 0.22 * ((slot * 5) % 7) / 7
            y += (depth - 1) * 0.3
            size *= 0.82 * (0.6 + 0.4 * depth)
            x += chance.uniform(-0.04, 0.04)
            look = replace(look, skin=hexed(SKINS[(slot * 3) % len(SKINS)]))
        elif count == 2 and not is_person:
            size *= 0.72
            y -= 0.06 * number
    elif action not in GOING and shot.size not in (Size.CLOSE_UP, Size.MACRO) and depth == 1.0:
        # The rule of thirds, looking into the free side.
        x = -heading * (0.1 if setting in ("studio", "stage", "interior") else 0.14) * stage.aspect
        if setting == "interior" and (action in ("sleep", "sit") or kind in ON_TABLES):
            x = 0.0
    if kind in ("logo", "ink"):
        x = 0.0
    if kind in ("tree", "house", "tower") and others > 1:
        depth, x, y = 0.9, heading * 0.3 * stage.aspect, y - 0.02
        size *= 1.15
    if kind in FLIERS and count > 1:
        y += chance.uniform(-0.16, 0.14)
        size *= 0.7
    face = heading
    if together == 2 and (action in ("speak", "hug", "", "smile") or shot.lines) and is_person:
        face = 1 if x < 0 else -1
        look = replace(look, faces_us=shot.size in (Size.CLOSE_UP,))
        if action == "hug":
            x *= 0.5
    goes, held = 0.0, None
    if action in GOING:
        pace = SPEEDS[action] * {Speed.SLOW: 0.5, Speed.NORMAL: 1.0, Speed.FAST: 1.7}[subject.speed]
        goes = min(pace * max(0.5, size), 0.62 * stage.aspect / stage.seconds)
        if stage.move.follows:
            held = stage.move.travel
    rises = 0.0
    if action == "rise" or (kind == "rocket" and action in ("", "fly")):
        rises = min(0.09, 0.45 / stage.seconds)
        y += rises * stage.seconds / 2
    if action == "fall" and kind not in ("burger", "ink", "ball"):
        rises = -min(0.1, 0.5 / stage.seconds)
        y -= 0.2
    floats = 0.014 if kind in VESSELS | FLIERS | SWIMMERS or action in ("float", "fly") or setting == "space" else 0.0
    grounded = not floats and kind not in ("ink", "logo") and not rises and y < 1.0
    return Figure(
        sketch=SKETCHES[kind],
        look=look,
        x=x,
        y=y,
        size=size,
        heading=face,
        depth=depth,
        seconds=stage.seconds,
        goes=goes,
        rises=rises,
        floats=floats,
        spins=0.22 if setting == "space" and kind == "astronaut" else 0.0,
        shadow=(0.2 if is_person else 0.46 * WIDTHS.get(kind, 1.0)) if grounded else 0.0,
        stage=stage,
        held=held,
    )


def _person_frame(shot: Shot, kind: str, action: str, stage: Stage) -> tuple[float, float]:
    """A person's height and where the feet are."""
    size = PERSON_UNITS[shot.size]
    tall = {"child": 0.68}.get(kind, 1.0)
    if shot.size is Size.MEDIUM and (action in LEGS or kind in ("astronaut", "robot")):
        size = FULL_FIGURE
        if action == "dance":
            size *= 0.92
    if size < 1:
        size = min(size, 0.95 * stage.aspect) * tall
        y = 0.95 if size > 0.6 else stage.ground
        if kind == "astronaut" and not stage.moon:
            y = 0.5 + size / 2
        if action == "sleep":
            size *= 1.1
            y = stage.shore + (0.0 if stage.seat else 0.16)
        return size, y
    size = min(size, 2.2 * stage.aspect if shot.size is Size.MEDIUM else 5.2 * stage.aspect)
    head_room = HAIR_SPACE if shot.size is not Size.MACRO else -0.12
    # The chin of a child sits lower; every head has the same room above it.
    return size, head_room + size * (1.12 if kind == "child" else 1.06)


def _thing_frame(shot: Shot, kind: str, setting: str, stage: Stage) -> tuple[float, float]:
    """The size of a thing, an animal or a vehicle, and where it stands."""
    down, across = FRAMING[shot.size]
    tall, wide = HEIGHTS.get(kind, 1.0), WIDTHS.get(kind, 1.0)
    if kind in ("ball", "butterfly", "chicken", "hare", "ring") and shot.size in (Size.WIDE, Size.MEDIUM):
        down *= 0.5 if kind == "ball" else 0.7
    if kind == "ball" and len(shot.subjects) > 1:
        down *= 0.36
    size = min(down / tall, across * stage.aspect / wide)
    if kind == "balloon":
        return size, 0.4 + size * 0.5
    if kind in FLIERS | SWIMMERS:
        return size, 0.36 if shot.size is Size.WIDE else 0.44
    if kind in ("ink", "logo"):
        return size, 0.5 + size * 0.42
    if kind in VESSELS:
        return size, max(stage.horizon + 0.14, 0.74) if shot.size is not Size.WIDE else stage.horizon + 0.16
    if setting in ("studio", "kitchen", "office", "interior") and kind in ON_TABLES:
        base = stage.shore + (0.13 if setting == "studio" else 0.02)
        if shot.size in (Size.CLOSE_UP, Size.MACRO):
            base = 0.93 if shot.size is Size.CLOSE_UP else 1.16
        return size, base
    if setting == "interior" and stage.seat:
        return min(size, 0.5), stage.shore - 0.0
    if shot.size is Size.MACRO:
        return size, 0.5 + size * tall * 0.45
    return size, 0.93 if shot.size is Size.CLOSE_UP else stage.ground


def _lay_fire(stage: Stage, heading: int) -> None:
    """A fire on the ground, and its glow on all around it."""
    x, y, size = heading * 0.24 * stage.aspect, min(0.95, stage.ground + 0.03), 0.24
    glow = stage.sheet(1.0)
    glow.glow(x, y - 0.1, 0.7, stage.grade.sky((255, 150, 70)), 0.45)
    stage.lay(glow, 1.0, shadow=0, grain=False, blur=0)
    fire = Figure(
        sketch=campfire, look=Look(), x=x, y=y, size=size, heading=1, depth=1.0, seconds=stage.seconds, stage=stage
    )
    stage.items.append(fire)


def crowd(stage: Stage, shot: Shot, subject: Subject) -> None:
    """Rows of people seen from behind or from the front, bobbing when they dance or cheer."""
    lively = (
        subject.action in ("dance", "jump", "play") or shot.mood in ("joyful", "energetic") or "crowd" in shot.sounds
    )
    rows = (
        ((0.8, 0.09, 0.8), (0.95, 0.12, 0.88), (1.15, 0.16, 0.99))
        if shot.size is not Size.AERIAL
        else ((0.9, 0.04, 0.7), (1.0, 0.045, 0.85))
    )
    for depth, head, base in rows:
        p = painter(stage, depth)
        area = p.sheet.area
        places = np.arange(area.left, area.right, head * 1.25)
        for number, x in enumerate(places + stage.chance.uniform(-0.3, 0.3, places.size) * head):
            cloth: Colour = hexed(CLOTHS[int(stage.chance.integers(len(CLOTHS)))])
            skin = hexed(SKINS[int(stage.chance.integers(len(SKINS)))])
            y = base + stage.chance.uniform(-0.3, 0.2) * head
            p.fill(placed(curve("-0.85,3 -0.8,0.85 -0.5,0.55 0.5,0.55 0.8,0.85 0.85,3"), x, y, head), cloth)
            p.fill(placed(curve("-0.85,3 -0.8,0.85 -0.5,0.55 -0.2,0.6 -0.3,3"), x, y, head), cloth, 0.22)
            if lively and number % 2 == 0:
                for side in (-1, 1):
                    if stage.chance.random() < 0.75:
                        p.fill(
                            placed(
                                curve("-0.14,0 -0.1,-1 0.1,-1 0.14,0"),
                                x + side * 0.68 * head,
                                y + 0.8 * head,
                                (head, head * 1.9),
                                side * 0.22,
                            ),
                            cloth,
                            0.1,
                        )
                        p.fill(ellipse(x + side * 1.1 * head, y - 1.06 * head, 0.16 * head), skin)
            p.fill(ellipse(x, y, 0.42 * head, 0.5 * head), skin)
            wrapped = stage.chance.random() < 0.35
            p.fill(
                placed(curve("-0.46,-0.02 -0.44,-0.4 0,-0.62 0.44,-0.4 0.46,-0.02 0.2,-0.24 -0.2,-0.24"), x, y, head),
                lighter(cloth, 0.2) if wrapped else (32, 26, 26),
            )
        stage.lay(p.sheet, depth, shadow=0.4, bob=0.018 * depth if lively else 0.003)


def shoulder(stage: Stage) -> None:
    """The dark back of whoever the camera looks past."""
    p = painter(stage, 1.35)
    x = -0.36 * stage.aspect
    p.fill(placed(curve("-0.7,0.9 -0.62,0.16 -0.24,0.0 0.24,0.02 0.5,0.2 0.62,0.9"), x, 0.62, 0.72), "2b2430")
    p.fill(ellipse(x, 0.42, 0.18, 0.23), "1f1a22")
    p.fill(ellipse(x + 0.16, 0.46, 0.03, 0.05), "5a3a2c")
    stage.lay(p.sheet, 1.35, shadow=0.5, blur=0.006)


class DrawnShot:
    """A shot of the shot list as the timeline films it. Its stage takes memory only while it is on screen."""

    def __init__(
        self, shot: Shot, *, size: tuple[int, int], frame_count: int, chance: np.random.Generator, captions: Captions
    ) -> None:
        self._shot, self._size, self._frame_count, self._chance = shot, size, frame_count, chance
        self._captions = captions
        self._stage: Stage | None = None

    def draw(self, frame: int) -> Picture:
        stage = self._stage or stage_for(self._shot, size=self._size, chance=self._chance)
        self._stage = stage if frame + 1 < self._frame_count else None
        pixels = stage.film(frame / FRAMES_PER_SECOND)
        self._captions.write_on(pixels, frame)
        return Picture.from_pixels(pixels)
