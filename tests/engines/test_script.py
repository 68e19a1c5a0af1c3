"""What the preview engine understands of a prompt."""

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tchavi_studio.engines.preview.script import Shot, read_prompt
from tchavi_studio.engines.preview.script.lexicon import LANGUAGES, TABLES, forms_of, rows_of
from tchavi_studio.engines.preview.script.shotlist import Direction, Field, Line, Move, Speed, Subject

PROMPTS = Path(__file__).with_name("prompts.txt")
"""Prompts in both languages, each with the shots of its five-second clip as `told` writes them."""


def told(shot: Shot) -> str:
    """A shot in one line, without what the prompt leaves open."""
    camera = [shot.camera.move.value, *([shot.camera.direction.value] if shot.camera.direction else [])]
    camera += [shot.camera.speed.value] if shot.camera.speed is not Speed.NORMAL else []
    parts = {
        "time": shot.time,
        "light": shot.light,
        "weather": " ".join(shot.weather),
        "in": shot.setting,
        "decor": shot.decor,
        "subjects": ", ".join(map(told_subject, shot.subjects)),
        "mood": shot.mood,
        "colours": " ".join(shot.palette),
        "sounds": " ".join(shot.sounds),
        "lines": ", ".join(map(told_line, shot.lines)),
        "mentions": " ".join(f"{mention.kind}{mention.number}" for mention in shot.mentions),
    }
    length = f"{shot.start_seconds:.2f}+{shot.duration_seconds:.2f}"
    given = (f"{name}: {value}" for name, value in parts.items() if value)
    return " | ".join([length, shot.size.value, " ".join(camera), *given])


def told_subject(subject: Subject) -> str:
    words = [
        *([str(subject.count)] if subject.count > 1 else []),
        *([subject.colour] if subject.colour else []),
        subject.kind,
        *([f"({subject.action})"] if subject.action else []),
        *([f"to the {subject.direction.value}"] if subject.direction else []),
        *([subject.speed.value] if subject.speed is not Speed.NORMAL else []),
        *([f"“{subject.text}”"] if subject.text else []),
    ]
    return " ".join(words)


def told_line(line: Line) -> str:
    return f"{line.speaker or 'somebody'} at {line.start_seconds:.1f} for {line.duration_seconds:.1f} “{line.text}”"


def examples() -> list[tuple[str, list[str]]]:
    blocks = PROMPTS.read_text(encoding="utf-8").strip().split("\n\n")
    return [(prompt, [shot.strip() for shot in shots]) for prompt, *shots in (block.split("\n") for block in blocks)]


@pytest.mark.parametrize(
    ("prompt", "shots"), examples(), ids=lambda value: value[:40] if isinstance(value, str) else ""
)
def test_a_prompt_is_understood(prompt: str, shots: list[str]) -> None:
    assert [told(shot) for shot in read_prompt(prompt, duration_seconds=5).shots] == shots


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_has_one_meaning(language: str) -> None:
    meanings = defaultdict(set)
    for field, table in TABLES.items():
        for meaning, columns in rows_of(table):
            for entry in columns[LANGUAGES.index(language)]:
                for phrase in forms_of(entry, language):
                    meanings[phrase].add((field, meaning))
    assert {phrase: found for phrase, found in meanings.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("entry", "language", "forms"),
    [
        ("boat+", "en", "boat boats"),
        ("beach+", "en", "beach beaches"),
        ("baby+", "en", "baby babies"),
        ("dance~", "en", "dance dances danced dancing"),
        ("bateau+", "fr", "bateau bateaux"),
        ("bras+", "fr", "bras"),
        ("vert*", "fr", "vert verte verts vertes"),
        ("gris*", "fr", "gris grise grises"),
        ("marcher~", "fr", "marcher marche marches marchent marchant marchait"),
        ("sœur+", "fr", "soeur soeurs"),
    ],
)
def test_a_mark_adds_the_forms_of_a_word(entry: str, language: str, forms: str) -> None:
    assert forms_of(entry, language) == {(form,) for form in forms.split()}


@pytest.mark.parametrize("move", [move for move in Move if move is not Move.DRIFT])
def test_every_camera_move_can_be_asked_for_in_both_languages(move: Move) -> None:
    rows = {meaning.partition(" ")[0]: columns for meaning, columns in rows_of(TABLES[Field.CAMERA])}
    for entries, sentence in zip(rows[move.value], ("A man. {}", "Un homme. {}"), strict=True):
        assert read_prompt(sentence.format(entries[0]), duration_seconds=5).shots[0].camera.move is move


@pytest.mark.parametrize(
    ("words", "direction"),
    [
        ("pan left", Direction.LEFT),
        ("left pan", Direction.LEFT),
        ("the camera pans quickly to the left", Direction.LEFT),
        ("pan", Direction.RIGHT),
        ("tilt down", Direction.DOWN),
        ("panoramique vers la gauche", Direction.LEFT),
        ("zoom arrière", Direction.OUT),
        ("the camera moves up", Direction.UP),
        ("la caméra se déplace vers la droite", Direction.RIGHT),
    ],
)
def test_the_camera_goes_where_the_words_say(words: str, direction: Direction) -> None:
    assert read_prompt(f"Paris. {words}", duration_seconds=5).shots[0].camera.direction is direction


def test_what_each_word_did_is_told() -> None:
    prompt = "Un chat noir dort. Coupe sur une mer calme : « Où es-tu ? » [Image2]"
    readings = read_prompt(prompt, duration_seconds=6).readings
    assert [(prompt[one.start : one.end], one.field.value, one.meaning, one.shot) for one in readings] == [
        ("chat", "subject", "cat", 0),
        ("noir", "colour", "black", 0),
        ("dort", "action", "sleep", 0),
        ("Coupe sur", "cut", "cut", 1),
        ("mer", "setting", "sea", 1),
        ("calme", "mood", "calm", 1),
        ("« Où es-tu ? »", "dialogue", "", 1),
        ("[Image2]", "mention", "Image2", 1),
    ]


def test_a_line_that_needs_more_time_than_there_is_says_so() -> None:
    line = 'A man says: "I have walked from one end of this country to the other, and back again."'
    (spoken,) = read_prompt(line, duration_seconds=3).shots[0].lines
    assert (spoken.needed_seconds, spoken.duration_seconds, spoken.fits) == (5.0, 2.7, False)
    (spoken,) = read_prompt(line, duration_seconds=8).shots[0].lines
    assert (spoken.needed_seconds, spoken.duration_seconds, spoken.fits) == (5.0, 5.0, True)


def test_more_sentences_than_seconds_share_shots() -> None:
    prompt = "A cat sits. Then a dog runs. Then a bird flies. Then a fish swims."
    assert [len(read_prompt(prompt, duration_seconds=seconds).shots) for seconds in (1, 2, 3, 4, 15)] == [1, 2, 3, 4, 4]


def test_accents_may_be_left_out_in_french() -> None:
    plain = read_prompt("Un homme marche dans la foret enneigee, camera portee", duration_seconds=5).shots
    assert plain[0].setting == "forest"
    assert plain[0].weather == ("snow",)
    assert plain[0].camera.move is Move.HANDHELD


words = [
    entry.strip("+~*")
    for table in TABLES.values()
    for _, columns in rows_of(table)
    for column in columns
    for entry in column
]
prompts = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.sampled_from([*words, ".", "!", "then", "puis", '"', "«", "»", "[Image1]", "no", "sans", "\n"]), max_size=40
    ).map(" ".join),
)


@settings(max_examples=50)
@given(prompts, st.integers(1, 15))
def test_any_text_gives_shots_that_fill_the_clip(prompt: str, seconds: int) -> None:
    script = read_prompt(prompt, duration_seconds=seconds)
    assert 1 <= len(script.shots) <= seconds
    at = 0.0
    for shot in script.shots:
        assert shot.start_seconds == at
        assert shot.duration_seconds >= 0.95
        assert round(shot.duration_seconds * 24, 6).is_integer()
        at = shot.start_seconds + shot.duration_seconds
        for line in shot.lines:
            assert shot.start_seconds < line.start_seconds
            assert line.start_seconds + line.duration_seconds <= at + 0.01
    assert at == seconds
    for reading in script.readings:
        assert 0 <= reading.start < reading.end <= len(prompt)
        assert reading.shot < len(script.shots)


@settings(max_examples=50)
@given(st.lists(st.sampled_from(words), max_size=12).map(" ".join))
def test_capitals_change_nothing(prompt: str) -> None:
    lower, upper = (read_prompt(text, duration_seconds=5) for text in (prompt.lower(), prompt.upper()))
    assert [(one.field, one.meaning) for one in lower.readings] == [(one.field, one.meaning) for one in upper.readings]


@pytest.mark.parametrize(
    "words", ["«", "« ", "pan walk left ", "camera walk slowly left ", "red sofa red ", "then ", "“Hi.” ", "‘"]
)
def test_the_longest_prompts_are_read(words: str) -> None:
    """A prompt that took minutes would hold the renderer until its time limit, and again at every retry."""
    filled = words.strip() + " " * 10_000 if words == "« " else words * 10_000
    script = read_prompt(filled[:10_000], duration_seconds=5)
    assert sum(shot.duration_seconds for shot in script.shots) == pytest.approx(5)
