"""Words about camera, framing and light that people can insert into a prompt, each with an example.

The preview engine understands all of them, in both languages.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, kw_only=True)
class PromptWord:
    """What is inserted, and a sentence that shows it at work."""

    text: Promise
    example: Promise


@dataclass(frozen=True, kw_only=True)
class PromptWords:
    """The words of one kind."""

    title: Promise
    words: tuple[PromptWord, ...]


PROMPT_WORDS = (
    PromptWords(
        title=_("Camera"),
        words=(
            PromptWord(text=_("slow dolly in"), example=_("A potter at her wheel, slow dolly in.")),
            PromptWord(text=_("dolly out"), example=_("A chess player alone in a hall, dolly out.")),
            PromptWord(text=_("pan left"), example=_("Boats at the landing stage, pan left.")),
            PromptWord(text=_("tilt up"), example=_("The foot of a baobab, tilt up.")),
            PromptWord(text=_("truck right"), example=_("Stalls of a market, truck right.")),
            PromptWord(text=_("zoom in"), example=_("A lighthouse far away, zoom in.")),
            PromptWord(text=_("orbit left"), example=_("A perfume bottle on a table, orbit left.")),
            PromptWord(text=_("crane up"), example=_("A wedding in a courtyard, crane up.")),
            PromptWord(text=_("drone forward"), example=_("A river through the forest, drone forward.")),
            PromptWord(text=_("handheld"), example=_("A child runs down the street, handheld.")),
            PromptWord(text=_("tracking shot"), example=_("A cyclist at dawn, tracking shot.")),
            PromptWord(text=_("static shot"), example=_("Rain on an empty square, static shot.")),
        ),
    ),
    PromptWords(
        title=_("Framing"),
        words=(
            PromptWord(text=_("aerial shot"), example=_("Aerial shot of salt pans.")),
            PromptWord(text=_("wide shot"), example=_("Wide shot: camels cross the desert.")),
            PromptWord(text=_("medium shot"), example=_("Medium shot of a tailor at work.")),
            PromptWord(text=_("over the shoulder"), example=_("Over the shoulder, a chess game.")),
            PromptWord(text=_("close-up"), example=_("Close-up of an old fisherman.")),
            PromptWord(text=_("macro"), example=_("Macro: ink spreads in water.")),
        ),
    ),
    PromptWords(
        title=_("Light"),
        words=(
            PromptWord(text=_("at dawn"), example=_("The lagoon at dawn.")),
            PromptWord(text=_("golden hour"), example=_("Golden hour on the savanna.")),
            PromptWord(text=_("at dusk"), example=_("A village at dusk.")),
            PromptWord(text=_("at night"), example=_("The market at night.")),
            PromptWord(text=_("backlit"), example=_("A dancer, backlit.")),
            PromptWord(text=_("candlelight"), example=_("Two people at a table by candlelight.")),
            PromptWord(text=_("neon light"), example=_("A city street in neon light.")),
            PromptWord(text=_("studio lighting"), example=_("A sneaker, studio lighting.")),
        ),
    ),
)
