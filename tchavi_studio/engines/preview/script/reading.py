"""From a prompt to a shot list."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import ceil

from tchavi_studio.engines.formats import FRAMES_PER_SECOND
from tchavi_studio.engines.preview.script import vocabulary
from tchavi_studio.engines.preview.script.lexicon import Match, Token, language_of, matches_in, tokens_in
from tchavi_studio.engines.preview.script.shotlist import (
    MANY,
    Camera,
    Direction,
    Field,
    Line,
    Mention,
    Move,
    Reading,
    Shot,
    ShotList,
    Size,
    Speed,
    Subject,
)

MIN_SHOT_SECONDS = 1.0
"""Shorter shots can't be read; sentences share a shot rather than go below."""

LETTERS_PER_SECOND = 14.5
"""How fast people speak: 150 words a minute, at six characters a word."""

BREATH_SECONDS = 0.3
"""Before a line."""

QUOTE = re.compile(r"“([^”]+)”|«([^»]+)»|\"([^\"]+)\"|„([^“”]+)[“”]|(?<!\w)‘([^‘’]+(?:’\w[^‘’]*)*)’(?!\w)")
MENTION = re.compile(r"\[(Image|Video|Audio)(\d{1,2})\]")
SENTENCE_END = re.compile(r"[.!?…](?=\s|$)|[;\n]")

PLURAL_COUNT = 3
"""How many a plural without a number means."""

CAMERA_REACH = 4
"""A direction or speed belongs to a camera word at most so many words away, before any action."""

HELD = (Move.HANDHELD, Move.STATIC)
CAMERA_ITSELF = "camera"
"""The meaning of the word alone; what it does is told by an act or a direction beside it."""

ACTS_OF_CAMERA = {
    "rise": Move.CRANE,
    "fly": Move.DRONE,
    "float": Move.DRONE,
    "walk": Move.DOLLY,
    "turn": Move.ORBIT,
    "run": Move.FOLLOW,
}
MOVES_TOWARDS = {
    Direction.LEFT: Move.TRUCK,
    Direction.RIGHT: Move.TRUCK,
    Direction.UP: Move.CRANE,
    Direction.DOWN: Move.CRANE,
    Direction.IN: Move.DOLLY,
    Direction.OUT: Move.DOLLY,
}
DIRECTIONS = {
    Move.PAN: (Direction.RIGHT, Direction.LEFT),
    Move.TILT: (Direction.UP, Direction.DOWN),
    Move.TRUCK: (Direction.RIGHT, Direction.LEFT),
    Move.ORBIT: (Direction.RIGHT, Direction.LEFT),
    Move.CRANE: (Direction.UP, Direction.DOWN),
    Move.DOLLY: (Direction.IN, Direction.OUT),
    Move.ZOOM: (Direction.IN, Direction.OUT),
    Move.DRONE: (Direction.IN, Direction.OUT, Direction.LEFT, Direction.RIGHT, Direction.UP, Direction.DOWN),
}
"""The directions that each move can take; the first is meant where none is named."""


def read_prompt(prompt: str, *, duration_seconds: int) -> ShotList:
    """What `prompt` asks for in a clip of `duration_seconds`. Any text gives at least one shot; nothing is an error."""
    parts = _parts_of(prompt)
    tokens = tokens_in(parts.plain)
    language = language_of(tokens)
    matches = list(matches_in(tokens, language))
    scenes = _fewer(_scenes(parts, tokens, matches), max(1, int(duration_seconds / MIN_SHOT_SECONDS)))
    shots: list[Shot] = []
    readings: list[Reading] = []
    starts = _cut_frames([_weight(scene) for scene in scenes], duration_seconds * FRAMES_PER_SECOND)
    for index, scene in enumerate(scenes):
        start, end = starts[index] / FRAMES_PER_SECOND, starts[index + 1] / FRAMES_PER_SECOND
        before = shots[-1] if shots else None
        shots.append(_shot(scene, tokens, language, before, start_seconds=start, duration_seconds=end - start))
        readings += _readings(scene, shots[-1], index)
    return ShotList(language=language, shots=tuple(shots), readings=tuple(readings))


# ---- Parting the text ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Span:
    text: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """A prompt whose quotes and mentions are blanked out in `plain`, where every other character keeps its place."""

    plain: str
    quotes: tuple[_Span, ...]
    mentions: tuple[_Span, ...]


def _parts_of(prompt: str) -> _Parts:
    quotes = tuple(
        _Span(" ".join(match[match.lastindex or 0].split()), *match.span()) for match in QUOTE.finditer(prompt)
    )
    plain = QUOTE.sub(lambda match: " " * len(match[0]), prompt)
    mentions = tuple(_Span(match[0], *match.span()) for match in MENTION.finditer(plain))
    plain = MENTION.sub(lambda match: " " * len(match[0]), plain)
    return _Parts(plain=plain, quotes=tuple(quote for quote in quotes if quote.text), mentions=mentions)


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """The stretch of the prompt that becomes one shot."""

    text: str
    word_count: int
    matches: tuple[Match, ...]
    quotes: tuple[_Span, ...]
    mentions: tuple[_Span, ...]
    begins_with_cut: bool

    def has(self, *fields: Field) -> bool:
        return any(match.field in fields for match in self.matches)

    @property
    def is_picture(self) -> bool:
        """Whether it shows something of its own, rather than saying how to film what was shown before."""
        if self.begins_with_cut or self.mentions or self.has(Field.SUBJECT) or self.actions:
            return True
        return self.has(Field.SETTING) and not self.has(Field.CAMERA)

    @cached_property
    def cameras(self) -> tuple[Match, ...]:
        return tuple(match for match in self.matches if match.field is Field.CAMERA)

    @cached_property
    def actions(self) -> tuple[Match, ...]:
        """What the subjects do; what the camera does isn't among it."""
        actions = (match for match in self.matches if match.field is Field.ACTION)
        return tuple(one for one in actions if not any(_is_done_by(camera, one) for camera in self.cameras))

    def joined(self, after: "_Scene") -> "_Scene":
        return _Scene(
            text=f"{self.text} {after.text}".strip(),
            word_count=self.word_count + after.word_count,
            matches=self.matches + after.matches,
            quotes=self.quotes + after.quotes,
            mentions=self.mentions + after.mentions,
            begins_with_cut=self.begins_with_cut,
        )


def _scenes(parts: _Parts, tokens: Sequence[Token], matches: Sequence[Match]) -> list[_Scene]:
    """Sentences and whatever a word like "then" begins, each with what it shows; the rest joins its neighbour."""
    cuts = {match.start for match in matches if match.field is Field.CUT}
    ends = {match.end() for match in SENTENCE_END.finditer(parts.plain)}
    # A quote that ends a sentence ends the one it stands in, unless that goes on: "Go!" she says.
    ends |= {
        quote.end
        for quote in parts.quotes
        if quote.text[-1] in ".!?…" and parts.plain[quote.end :].lstrip()[:1].isupper()
    }
    bounds = sorted({0, max(1, len(parts.plain)), *cuts, *ends})
    scenes: list[_Scene] = []
    for start, end in pairwise(bounds):

        def within(spans: Iterable[_Span], start: int = start, end: int = end) -> tuple[_Span, ...]:
            return tuple(span for span in spans if start <= span.start < end)

        scene = _Scene(
            text=" ".join(parts.plain[start:end].split()),
            word_count=sum(start <= token.start < end for token in tokens),
            matches=tuple(match for match in matches if start <= match.start < end),
            quotes=within(parts.quotes),
            mentions=within(parts.mentions),
            begins_with_cut=start in cuts,
        )
        another_size = scene.has(Field.SIZE) and bool(scenes) and scenes[-1].has(Field.SIZE)
        # A cut that is asked for comes even after words that only say where: "A market. Then a child runs."
        is_shown_before = bool(scenes) and (
            scenes[-1].is_picture or (scene.begins_with_cut and scenes[-1].has(Field.SETTING))
        )
        stands_alone = another_size or (scene.is_picture and is_shown_before)
        if scenes and not stands_alone:
            scenes[-1] = scenes[-1].joined(scene)
        else:
            scenes.append(scene)
    return scenes


def _fewer(scenes: list[_Scene], max_count: int) -> list[_Scene]:
    """At most `max_count` scenes: the two neighbours with the fewest words are joined until they are."""
    while len(scenes) > max_count:
        at = min(range(len(scenes) - 1), key=lambda index: scenes[index].word_count + scenes[index + 1].word_count)
        scenes[at : at + 2] = [scenes[at].joined(scenes[at + 1])]
    return scenes


def _needed_seconds(text: str) -> float:
    """How long `text` takes to say, in tenths of a second."""
    return max(0.6, ceil(10 * len(text) / LETTERS_PER_SECOND) / 10)


def _weight(scene: _Scene) -> float:
    """How much time a scene wants, in seconds."""
    speech = sum(_needed_seconds(quote.text) + BREATH_SECONDS for quote in _spoken(scene))
    return max(2 + 0.08 * min(scene.word_count, 25), speech + BREATH_SECONDS)


def _cut_frames(weights: list[float], frame_count: int) -> list[int]:
    """The first frame of each shot, and the end: by weight, but no shot below the shortest that can be read."""
    floor = min(MIN_SHOT_SECONDS * FRAMES_PER_SECOND, frame_count / len(weights))
    spare = frame_count - floor * len(weights)
    total = sum(weights)
    ends = [0.0]
    for weight in weights:
        ends.append(ends[-1] + floor + spare * weight / total)
    return [round(end) for end in ends]


# ---- Putting a shot together -----------------------------------------------------------------------------------------


def _shot(
    scene: _Scene,
    tokens: Sequence[Token],
    language: str,
    before: Shot | None,
    *,
    start_seconds: float,
    duration_seconds: float,
) -> Shot:
    """The shot of one scene. Where and when it plays carries over from the shot before, and so does who is in it."""
    subjects = _subjects(scene, tokens, language, before.subjects if before else ())
    setting = _setting(scene)
    camera = _camera(scene)
    same_place = before if before is not None and setting in ("", before.setting) else None
    return Shot(
        start_seconds=start_seconds,
        duration_seconds=duration_seconds,
        text=scene.text,
        size=_size(scene, camera, subjects),
        camera=camera,
        time=_first(scene, Field.TIME) or (before.time if before else ""),
        light=_first(scene, Field.LIGHT) or (before.light if before else ""),
        weather=_all(scene, Field.WEATHER) or (same_place.weather if same_place else ()),
        setting=setting or (before.setting if before else ""),
        subjects=subjects,
        mood=_first(scene, Field.MOOD) or (before.mood if before else ""),
        decor=next((match.meaning for match in _colours_of_decor(scene)), same_place.decor if same_place else ""),
        palette=_palette(scene, tokens, language) or (same_place.palette if same_place else ()),
        lines=_lines(scene, subjects, start_seconds=start_seconds, duration_seconds=duration_seconds),
        sounds=_all(scene, Field.SOUND) or (before.sounds if before else ()),
        mentions=tuple(_mention(span) for span in scene.mentions),
    )


def _size(scene: _Scene, camera: Camera, subjects: Sequence[Subject]) -> Size:
    named = _first(scene, Field.SIZE)
    if named:
        return Size(named)
    return Size.MEDIUM if subjects and camera.move is not Move.DRONE else Size.WIDE


def _all(scene: _Scene, field: Field) -> tuple[str, ...]:
    """The meanings that a scene gives to a field, each once, in the order of the words."""
    return tuple(dict.fromkeys(match.meaning for match in scene.matches if match.field is field))


def _first(scene: _Scene, field: Field) -> str:
    return next(iter(_all(scene, field)), "")


def _setting(scene: _Scene) -> str:
    named = _all(scene, Field.SETTING)
    return next((name for name in named if name not in vocabulary.WEAK_SETTINGS), next(iter(named), ""))


def _mention(span: _Span) -> Mention:
    kind, number = MENTION.fullmatch(span.text).groups()  # type: ignore[union-attr]
    return Mention(kind=kind, number=int(number))


def _camera(scene: _Scene) -> Camera:
    moves = [match for match in scene.matches if match.field is Field.CAMERA]
    words = [match for match in scene.matches if match.field in (Field.DIRECTION, Field.SPEED)]
    # "Handheld" says how the camera is held, and leaves room for where it goes.
    chosen = sorted(moves, key=lambda match: (match.meaning == CAMERA_ITSELF, match.meaning in HELD))[:1]
    for match in chosen:
        own = [word for word in words if _owner(scene, word) in moves]
        directions = [Direction(word.meaning) for word in own if word.field is Field.DIRECTION]
        speed = next((Speed(word.meaning) for word in own if word.field is Field.SPEED), Speed.NORMAL)
        name, _, direction = match.meaning.partition(" ")
        if name == CAMERA_ITSELF:
            done = next((action.meaning for action in scene.matches if _is_done_by(match, action)), "")
            move = ACTS_OF_CAMERA.get(done) or next((MOVES_TOWARDS[turn] for turn in directions), None)
            if move is None:
                break
        else:
            move = Move(name)
        possible = DIRECTIONS.get(move, ())
        turned = [turn for turn in directions if turn in possible]
        default = Direction(direction) if direction else next(iter(possible), None)
        return Camera(move=move, direction=turned[0] if turned else default, speed=speed)
    return Camera(move=Move.DRIFT, direction=Direction.IN, speed=Speed.SLOW)


def _is_done_by(camera: Match, action: Match) -> bool:
    """Whether it is the camera that acts: "drone shot flying", "the camera slowly rises"."""
    if camera.field is not Field.CAMERA or action.field is not Field.ACTION:
        return False
    return 0 <= action.first - camera.last <= (1 if camera.meaning == CAMERA_ITSELF else 0)


def _owner(scene: _Scene, word: Match) -> Match | None:
    """The camera move or action that a direction or speed belongs to: a near camera word, or else what is nearest."""
    moves, actions = scene.cameras, scene.actions
    near = [match for match in moves if _distance(match, word) <= CAMERA_REACH]
    # Right beside an action, the word is the action's: "the cat walks left as the camera pans".
    beside = [match for match in actions if _distance(match, word) <= 1]
    nearest = beside if beside and (not near or _distance(near[0], word) > 1) else near or [*actions, *moves]
    return min(nearest, key=lambda match: _distance(match, word), default=None)


def _distance(a: Match, b: Match) -> int:
    """How many words apart two matches are: 1 for neighbours."""
    return b.first - a.last + 1 if b.first >= a.last else a.first - b.last + 1


@dataclass
class _Named:
    """A subject as the words build it up."""

    match: Match | None
    kind: str
    count: int = 1
    action: str = ""
    direction: Direction | None = None
    speed: Speed = Speed.NORMAL
    colour: str = ""
    text: str = ""


def _subjects(scene: _Scene, tokens: Sequence[Token], language: str, before: Sequence[Subject]) -> tuple[Subject, ...]:
    named: list[_Named] = []
    action_of: dict[Match, list[_Named]] = {}
    waiting: list[Match] = []
    actions = scene.actions
    for match in scene.matches:
        if match.field is Field.SUBJECT:
            word = tokens[match.last - 1].word
            found = next((one for one in named if one.kind == match.meaning), None)
            if found is None:
                found = _Named(match=match, kind=match.meaning, count=_count(scene, match, word))
                named.append(found)
            for action in waiting:
                action_of[action] = [found]
                found.action = found.action or action.meaning
            waiting = []
        elif match in actions:
            actors = _actors(named, tokens)
            for one in actors:
                one.action = one.action or match.meaning
            action_of[match] = actors
            if not actors:
                waiting.append(match)
    if not named:
        named = _carried_over(scene, tokens, language, before)
        for action in waiting:
            action_of[action] = named
            for one in named:
                one.action = action.meaning
    for match in scene.matches:
        owner = _owner(scene, match) if match.field in (Field.DIRECTION, Field.SPEED) else None
        for one in action_of.get(owner, ()) if owner else ():
            if match.field is Field.DIRECTION:
                one.direction = Direction(match.meaning)
            else:
                one.speed = Speed(match.meaning)
        if match.field is Field.COLOUR:
            for one in _coloured(match, named, tokens, language):
                one.colour = match.meaning
    for one in named:
        if one.kind == "logo" and scene.quotes:
            one.text = scene.quotes[0].text
    return tuple(
        Subject(
            kind=one.kind,
            count=one.count,
            action=one.action,
            direction=one.direction,
            speed=one.speed,
            colour=one.colour,
            text=one.text,
        )
        for one in named
    )


def _actors(named: Sequence[_Named], tokens: Sequence[Token]) -> list[_Named]:
    """Who acts when an action follows these subjects: the last that can, and those joined to it by "and" or "with"."""
    able = [one for one in named if one.kind not in vocabulary.THINGS] or list(named[-1:])
    actors = able[-1:]
    for before, after in pairwise(reversed(able)):
        if before.match is None or after.match is None:
            break
        between = {token.word for token in tokens[after.match.last : before.match.first]}
        if not between or not between <= vocabulary.JOINING:
            break
        actors.append(after)
    return actors


def _carried_over(scene: _Scene, tokens: Sequence[Token], language: str, before: Sequence[Subject]) -> list[_Named]:
    """Who is in a shot that names nobody: whoever was in the shot before, if it is about the same place or act."""
    pronouns = vocabulary.PRONOUNS[language]
    first, last = (scene.matches[0].first, scene.matches[-1].last) if scene.matches else (0, 0)
    spoken_of = [pronouns[token.word] for token in tokens[max(0, first - 2) : last] if token.word in pronouns]
    continues = spoken_of or scene.has(Field.ACTION, Field.SIZE) or scene.quotes
    if before and continues and not (scene.has(Field.SETTING) and not spoken_of):
        return [
            _Named(match=None, kind=one.kind, count=one.count, colour=one.colour, direction=one.direction)
            for one in before
        ]
    if spoken_of and (scene.has(Field.ACTION) or scene.quotes):
        return [_Named(match=None, kind=spoken_of[0])]
    return []


def _count(scene: _Scene, subject: Match, word: str) -> int:
    if subject.meaning == "couple":
        return 2
    if subject.meaning == "crowd":
        return MANY
    for match in scene.matches:
        if match.field is Field.COUNT and 0 <= subject.first - match.last <= 2:
            return int(match.meaning)
    return PLURAL_COUNT if word in vocabulary.PLURALS or _looks_plural(word) else 1


def _looks_plural(word: str) -> bool:
    return len(word) > 3 and word.endswith(("s", "x")) and word not in vocabulary.SINGULARS


def _coloured(colour: Match, named: Sequence[_Named], tokens: Sequence[Token], language: str) -> list[_Named]:
    """What a colour word paints: the thing beside it, or whoever wears the garment beside it; else the picture."""
    garments = vocabulary.CLOTHES[language]
    around = {token.word for token in tokens[max(0, colour.first - 2) : colour.last + 2]}
    wearers = [one for one in named if one.kind in vocabulary.PEOPLE]
    if around & garments and wearers:
        return wearers[-1:]
    for one in named:
        if one.match is not None and one.kind not in vocabulary.PEOPLE:
            after_noun = 0 <= colour.first - one.match.last <= (1 if language == "fr" else -1)
            before_noun = 0 <= one.match.first - colour.last <= 1
            if after_noun or before_noun:
                return [one]
    return []


def _palette(scene: _Scene, tokens: Sequence[Token], language: str) -> tuple[str, ...]:
    named = [_Named(match=match, kind=match.meaning) for match in scene.matches if match.field is Field.SUBJECT]
    decor = set(_colours_of_decor(scene))
    free = [
        match.meaning
        for match in scene.matches
        if match.field is Field.COLOUR and not _coloured(match, named, tokens, language) and match not in decor
    ]
    return tuple(dict.fromkeys(free))


def _colours_of_decor(scene: _Scene) -> list[Match]:
    """Colour words that belong to a setting's furniture: a red sofa, un canapé rouge."""
    settings = [match for match in scene.matches if match.field is Field.SETTING]
    return [
        match
        for match in scene.matches
        if match.field is Field.COLOUR
        and any(setting.start - match.end == 1 or match.start - setting.end == 1 for setting in settings)
    ]


def _spoken(scene: _Scene) -> tuple[_Span, ...]:
    """The quotes that somebody says, without the one that a logo or a title shows."""
    shown = next((match for match in scene.matches if match.field is Field.SUBJECT and match.meaning == "logo"), None)
    return scene.quotes[1:] if shown is not None else scene.quotes


def _lines(
    scene: _Scene, subjects: Sequence[Subject], *, start_seconds: float, duration_seconds: float
) -> tuple[Line, ...]:
    """The quoted lines one after the other; where they don't fit, each gets its share of the time there is."""
    quotes = _spoken(scene)
    needs = [_needed_seconds(quote.text) for quote in quotes]
    available = max(0.1, duration_seconds - BREATH_SECONDS * len(needs))
    share = min(1.0, available / sum(needs)) if needs else 1.0
    people = [one.kind for one in subjects if one.kind in vocabulary.PEOPLE]
    lines: list[Line] = []
    at = start_seconds
    for quote, needed in zip(quotes, needs, strict=True):
        spoken_before = [
            match.meaning
            for match in scene.matches
            if match.field is Field.SUBJECT and match.meaning in vocabulary.PEOPLE and match.start < quote.start
        ]
        speaker = spoken_before[-1] if spoken_before else next(iter(people), "")
        at += min(BREATH_SECONDS, duration_seconds / (4 * len(needs)))
        lines.append(
            Line(
                text=quote.text,
                speaker=speaker,
                start_seconds=round(at, 3),
                duration_seconds=round(needed * share, 3),
                needed_seconds=needed,
            )
        )
        at += needed * share
    return tuple(lines)


# ---- What each word did ----------------------------------------------------------------------------------------------


def _readings(scene: _Scene, shot: Shot, index: int) -> list[Reading]:
    readings = [
        Reading(start=match.start, end=match.end, field=match.field, meaning=match.meaning, shot=index)
        for match in scene.matches
        if _counts(match, scene, shot)
    ]
    readings += [
        Reading(start=quote.start, end=quote.end, field=Field.DIALOGUE, meaning=line.speaker, shot=index)
        for quote, line in zip(_spoken(scene), shot.lines, strict=True)
    ]
    readings += [
        Reading(start=span.start, end=span.end, field=Field.MENTION, meaning=span.text[1:-1], shot=index)
        for span in scene.mentions
    ]
    return sorted(readings, key=lambda reading: reading.start)


def _counts(match: Match, scene: _Scene, shot: Shot) -> bool:
    """Whether a word decided anything: of two settings, say, only one is drawn."""
    match match.field:
        case Field.SIZE:
            return match.meaning == shot.size
        case Field.SETTING:
            return match.meaning == shot.setting
        case Field.TIME:
            return match.meaning == shot.time
        case Field.LIGHT:
            return match.meaning == shot.light
        case Field.MOOD:
            return match.meaning == shot.mood
        case Field.CAMERA:
            return match.meaning.partition(" ")[0] in (shot.camera.move, CAMERA_ITSELF)
        case Field.DIRECTION | Field.SPEED:
            return _owner(scene, match) is not None
        case Field.ACTION:
            return any(one.action == match.meaning for one in shot.subjects)
        case Field.COUNT:
            return any(other.field is Field.SUBJECT and 0 <= other.first - match.last <= 2 for other in scene.matches)
        case _:
            return True
