"""What the composer shows beside its fields: notes, the price, the media in groups, examples to begin with."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.conf import settings
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tchavi_studio.generations.orders import MAX_VARIATIONS
from tchavi_studio.generations.params import (
    MAX_DURATION_SECONDS,
    MIN_DURATION_SECONDS,
    MODELS,
    PROMPT_MAX_LENGTH,
    SEED_MAX,
    validate,
)
from tchavi_studio.generations.prices import quote
from tchavi_studio.generations.queries import recent_prompts
from tchavi_studio.generations.services import ReferencesUnreachableError
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.workspaces.models import Membership
from tchavi_studio.workspaces.queries import site_admin_names

from .forms import GenerationForm, Values, default_values
from .references import SLOTS, Chip, Slot

MEDIA_NOTES = "media"
NOTE_FIELDS = (
    "prompt",
    MEDIA_NOTES,
    "model",
    "aspect_ratio",
    "duration",
    "resolution",
    "generate_audio",
    "seed",
    "variations",
)
"""The places beside the fields where notes stand; all media share one."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something said beside a field: an error, which stops the request, or a hint, which does not."""

    message: str
    is_error: bool = False


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What became of a press of Generate, when it was not simply done."""

    title: str
    message: str
    is_error: bool = True


@dataclass(frozen=True, kw_only=True)
class Offer:
    """The price of the whole press of Generate, and what the wallet holds. None where there is no price yet."""

    total_credits: int | None
    variation_count: int
    balance_credits: int
    people_to_ask: list[str] = field(default_factory=list)

    @property
    def balance_after_credits(self) -> int | None:
        return None if self.total_credits is None else self.balance_credits - self.total_credits

    @property
    def is_affordable(self) -> bool:
        return self.balance_after_credits is None or self.balance_after_credits >= 0


@dataclass(frozen=True, kw_only=True)
class Group:
    """The files in one slot, and whether the chosen mode uses them."""

    slot: Slot
    chips: list[Chip]

    @property
    def is_full(self) -> bool:
        return len(self.chips) >= self.slot.most


@dataclass(frozen=True, kw_only=True)
class Example:
    """A scene to begin with, for whoever has made nothing yet."""

    prompt: str | Promise
    model: str
    duration_seconds: int
    resolution: str
    aspect_ratio: str

    @property
    def model_label(self) -> str:
        return MODELS[self.model]

    @property
    def price_credits(self) -> int:
        params = validate(
            {
                "model": self.model,
                "prompt": str(self.prompt),
                "duration": self.duration_seconds,
                "resolution": self.resolution,
                "aspect_ratio": self.aspect_ratio,
            }
        ).params
        assert params is not None, "an example breaks the contract"
        return quote(params).total_credits

    @property
    def values(self) -> Values:
        values = default_values()
        values["prompt"] = str(self.prompt)
        values["model"] = self.model
        values["duration"] = str(self.duration_seconds)
        values["resolution"] = self.resolution
        values["aspect_ratio"] = self.aspect_ratio
        return values


EXAMPLES = (
    Example(
        prompt=gettext_lazy(
            "Golden hour on the lagoon: a wooden pirogue glides towards the sun, the paddle breaks the mirror of the "
            "water. Slow dolly forward, birds far away, soft percussion."
        ),
        model="seedance-2",
        duration_seconds=5,
        resolution="480p",
        aspect_ratio="16:9",
    ),
    Example(
        prompt=gettext_lazy(
            "A tailor's hands guide indigo wax cloth under the needle of a sewing machine, macro, dust in the window "
            "light, the rhythm of the pedal."
        ),
        model="kling-v3",
        duration_seconds=5,
        resolution="480p",
        aspect_ratio="9:16",
    ),
    Example(
        prompt=gettext_lazy(
            "Night market after the rain: neon in the puddles, steam over the grills, the camera drifts between the "
            "stalls at shoulder height. Distant highlife from a radio."
        ),
        model="seedance-2",
        duration_seconds=8,
        resolution="720p",
        aspect_ratio="16:9",
    ),
)


class Composer:
    """Everything its templates ask for.

    `errors_shown` is False while somebody still writes. `is_unsaved` tells that the draft holds something else yet.
    """

    prompt_max_length = PROMPT_MAX_LENGTH
    seed_max = SEED_MAX
    min_duration_seconds = MIN_DURATION_SECONDS
    max_duration_seconds = MAX_DURATION_SECONDS
    variation_counts = range(1, MAX_VARIATIONS + 1)
    accept_images = "image/*,.heic,.heif"
    accept = f"{accept_images},video/mp4,video/quicktime,audio/wav,audio/x-wav,audio/mpeg"

    def __init__(
        self,
        form: GenerationForm,
        *,
        membership: Membership,
        errors_shown: bool = False,
        summary: Summary | None = None,
        refusals: Iterable[str] = (),
        is_unsaved: bool = False,
    ) -> None:
        self.form = form
        self.membership = membership
        self.errors_shown = errors_shown
        self.summary = summary
        self.refusals = list(refusals)
        self.is_unsaved = is_unsaved

    @property
    def prompt(self) -> str:
        return self.form.values.get("prompt", "")

    @cached_property
    def notes(self) -> list[tuple[str, list[Note]]]:
        """For each place beside a field what stands there, errors first, nothing twice."""
        found: dict[str, list[Note]] = defaultdict(list)
        found[MEDIA_NOTES] += [Note(message=message, is_error=True) for message in self.refusals]
        if self.errors_shown:
            for name, messages in self.form.errors.items():
                found[_place(name)] += [Note(message=str(message), is_error=True) for message in messages]
        else:
            for problem in self.form.preflight.errors:
                found[_place(problem.field)].append(Note(message=problem.message, is_error=True))
        if self.form.is_out_of_reach:
            # Only a hint: a preview of it can be made.
            found[MEDIA_NOTES].append(Note(message=out_of_reach()))
        for hint in self.form.hints:
            found[_place(hint.field)].append(Note(message=hint.message))
        return [(place, _each_once(found[place])) for place in NOTE_FIELDS]

    @cached_property
    def notes_by_place(self) -> dict[str, list[Note]]:
        return dict(self.notes)

    @cached_property
    def offer(self) -> Offer:
        offer = Offer(
            total_credits=self.form.total_credits,
            variation_count=self.form.variation_count,
            balance_credits=wallet_balance(workspace=self.membership.workspace, book=settings.STUDIO_BOOK),
        )
        if offer.is_affordable:
            return offer
        return Offer(
            total_credits=offer.total_credits,
            variation_count=offer.variation_count,
            balance_credits=offer.balance_credits,
            people_to_ask=site_admin_names(),
        )

    @cached_property
    def groups(self) -> list[Group]:
        return [Group(slot=slot, chips=self.form.chips(name)) for name, slot in SLOTS.items()]

    @property
    def frames(self) -> list[Group]:
        return [group for group in self.groups if not group.slot.is_list]

    @property
    def lists(self) -> list[Group]:
        return [group for group in self.groups if group.slot.is_list]

    @cached_property
    def earlier_prompts(self) -> list[str]:
        return recent_prompts(membership=self.membership)


def nothing_done(message: str) -> Summary:
    """The summary of a refused request: what happened, that no credits moved, what to do next."""
    return Summary(title=_("Nothing was created, no credits moved"), message=message)


def out_of_reach() -> str:
    """What is said of files that the provider can't get at."""
    a_preview_works = _("Preview · free works with them all the same.")
    return f"{ReferencesUnreachableError().message} {a_preview_works}"


def _each_once(notes: list[Note]) -> list[Note]:
    return list({note.message: note for note in reversed(notes)}.values())[::-1]


def _place(name: str) -> str:
    if name in SLOTS:
        return MEDIA_NOTES
    return name if name in NOTE_FIELDS else "prompt"
