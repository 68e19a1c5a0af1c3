"""Prompts that read as if people had written them: a few million different ones, made of phrases."""

from random import Random

OPENINGS = (
    "", "", "", "", "Golden hour", "Dawn", "Night after the rain", "Harmattan haze", "Midday heat", "Blue hour",
    "Archive look, 1970s", "Stop motion", "Macro", "Aerial view", "One continuous take", "Dry season", "First rain",
    "Festival day", "Early fog", "Black and white",
)  # fmt: skip
SUBJECTS = (
    "a wooden pirogue", "a tailor with indigo wax cloth", "a boy with a red kite", "an old radio repairer",
    "a woman carrying mangoes", "a red moto-taxi", "a heron", "a trio of drummers", "a goat with a blue ribbon",
    "a fishing crew", "the last tram", "a paper boat", "a grandmother telling a story", "a street barber",
    "a ballet dancer", "a lighthouse keeper", "a cyclist with a tower of baskets", "a robot gardener",
    "a chess player", "a baker", "a fox", "a night nurse", "an astronaut", "a choir", "a ceramic teapot",
    "a vintage sewing machine", "a baobab", "a school bus", "a violinist", "a swarm of fireflies",
)  # fmt: skip
ACTIONS = (
    "glides towards the sun", "waits for the ferry", "turns slowly and smiles", "disappears into the crowd",
    "crosses the bridge", "works without looking up", "dances in the dust", "looks out over the water",
    "runs against the wind", "falls silent", "rests in the shade", "climbs the spiral stairs", "opens a letter",
    "pours tea from high above", "counts the stars", "leaves a trail of light", "laughs at a joke",
    "repairs a broken wheel", "balances on a rope", "sings under an umbrella",
)  # fmt: skip
PLACES = (
    "on the lagoon", "at the night market", "in a tiled courtyard", "between stacked containers", "on a tin roof",
    "beside the railway", "in the old harbour", "under the mango tree", "on an empty beach", "in a photo studio",
    "at the edge of the savanna", "in a glass greenhouse", "on the palace steps", "at a petrol station",
    "in a flooded street", "on a mountain pass", "inside a clock tower", "in Cotonou", "in Ouidah", "in Dakar",
    "in Lisbon", "near the salt works", "behind the cinema", "in the rehearsal room",
)  # fmt: skip
LIGHTS = (
    "Warm backlight, long shadows", "Neon in the puddles", "Soft window light", "Candles everywhere",
    "Hard noon sun", "Overcast, muted colours", "A single street lamp", "Moonlight on the water",
    "Dust in the sunbeams", "Pastel colours", "High contrast", "Fire glow on the faces",
)  # fmt: skip
CAMERAS = (
    "Slow dolly forward", "Handheld at shoulder height", "Locked wide shot", "Orbit to the left", "Crane up",
    "Whip pan to the sea", "Rack focus to the hands", "Low angle, tracking", "Top-down, drifting",
    "35 mm, shallow focus", "Push in until the eyes fill the frame", "Drone rising through the fog",
)  # fmt: skip
SOUNDS = (
    "Distant highlife from a radio", "Soft percussion", "Birds far away", "Only the wind", "Rain on metal",
    "A crowd murmurs", "Waves and gulls", "The rhythm of the pedal", "A kora, close", "Thunder, then silence",
)  # fmt: skip


def demo_prompt(chance: Random) -> str:
    """A prompt. Some phrases are much more frequent than others, as words are."""

    def phrase(phrases: tuple[str, ...]) -> str:
        return phrases[int(chance.random() ** 1.6 * len(phrases))]

    opening = phrase(OPENINGS)
    scene = f"{phrase(SUBJECTS)} {phrase(ACTIONS)} {phrase(PLACES)}"
    sentences = [f"{opening}: {scene}" if opening else scene[0].upper() + scene[1:]]
    sentences += [phrase(phrases) for phrases in (LIGHTS, CAMERAS, SOUNDS) if chance.random() < 0.7]
    return ". ".join(sentences) + "."
