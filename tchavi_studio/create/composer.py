"""What the composer shows beside its fields: notes, the price, and the files in groups."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from django.conf import settings
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from tchavi_studio.assets.limits import ACCEPTED_IMAGES, ACCEPTED_MEDIA
from tchavi_studio.engines.formats import billed_seconds
from tchavi_studio.gallery.shot_list import ShotRow, shot_list_of
from tchavi_studio.generations.orders import MAX_VARIATIONS
from tchavi_studio.generations.params import (
    MAX_DURATION_SECONDS,
    MIN_DURATION_SECONDS,
    PROMPT_MAX_LENGTH,
    SEED_MAX,
    TOKEN,
)
from tchavi_studio.generations.queries import recent_prompts
from tchavi_studio.generations.services import ReferencesUnreachableError
from tchavi_studio.ledger.queries import Budget, budget_of_member, wallet_balance
from tchavi_studio.workspaces.models import Membership
from tchavi_studio.workspaces.queries import site_admin_names

from .arrangement import mode_of
from .forms import GenerationForm
from .media import SLOTS, Chip, Mode, Slot
from .prompt_words import PROMPT_WORDS

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
"""The places beside the fields where notes appear; all files share one."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something said beside a field: an error, which stops the request, or a hint, which does not."""

    message: str
    is_error: bool = False


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What became of a press of Generate, when it didn't simply start the clips."""

    title: str
    message: str
    is_error: bool = True
    ask_credits: int | None = None
    """Set if owners and admins can be asked to approve the order, at this price."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """The price of all variations and what the wallet holds; `total_credits` is None while there is no price yet."""

    total_credits: int | None
    variation_count: int
    balance_credits: int
    budget: Budget
    people_to_ask: list[str] = field(default_factory=list)

    @property
    def balance_after_credits(self) -> int | None:
        return None if self.total_credits is None else self.balance_credits - self.total_credits

    @property
    def is_affordable(self) -> bool:
        return self.balance_after_credits is None or self.balance_after_credits >= 0

    @property
    def is_own_limit(self) -> bool:
        """Whether the viewer's own limit leaves less than their budget."""
        own_left, left = self.budget.own_left_credits, self.budget.left_credits
        return own_left is not None and (left is None or own_left < left)

    @property
    def left_credits(self) -> int | None:
        """What the viewer may still spend this month, by their budget or their own limit; None without either."""
        return self.budget.own_left_credits if self.is_own_limit else self.budget.left_credits

    @property
    def left_after_credits(self) -> int | None:
        left = self.left_credits
        return None if left is None else left - (self.total_credits or 0)

    @property
    def is_within_limit(self) -> bool:
        return self.left_after_credits is None or self.left_after_credits >= 0


@dataclass(frozen=True, kw_only=True)
class Group:
    """The files in one slot."""

    slot: Slot
    chips: list[Chip]


class Composer:
    """Everything its templates ask for.

    `errors_shown` is False while somebody still writes. `is_unsaved` tells that the draft still holds something else.
    """

    prompt_max_length = PROMPT_MAX_LENGTH
    seed_max = SEED_MAX
    min_duration_seconds = MIN_DURATION_SECONDS
    max_duration_seconds = MAX_DURATION_SECONDS
    variation_counts = range(1, MAX_VARIATIONS + 1)
    accept_images = ACCEPTED_IMAGES
    accept = ACCEPTED_MEDIA
    token_pattern = TOKEN.pattern
    prompt_words = PROMPT_WORDS

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
        """What is said at each place beside a field: errors first, nothing twice."""
        found: dict[str, list[Note]] = defaultdict(list)
        found[MEDIA_NOTES] += [Note(message=message, is_error=True) for message in self.refusals]
        if self.errors_shown:
            for name, messages in self.form.errors.items():
                found[_place(name)] += [Note(message=str(message), is_error=True) for message in messages]
        else:
            for problem in self.form.early_errors:
                found[_place(problem.field)].append(Note(message=problem.message, is_error=True))
        if self.form.is_out_of_reach:
            # Only a hint: a preview can be made all the same.
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
            budget=budget_of_member(self.membership, book=settings.STUDIO_BOOK),
        )
        return offer if offer.is_affordable else replace(offer, people_to_ask=site_admin_names())

    @cached_property
    def groups(self) -> list[Group]:
        return [Group(slot=SLOTS[field], chips=chips) for field, chips in self.form.chips.items()]

    @property
    def frames(self) -> list[Group]:
        return [group for group in self.groups if not group.slot.is_list]

    @property
    def lists(self) -> list[Group]:
        return [group for group in self.groups if group.slot.is_list]

    @property
    def shots(self) -> list[ShotRow]:
        """What a preview of the words alone would show; [] in the other modes, where it shows the media."""
        if mode_of(self.form.values) != Mode.TEXT:
            return []
        duration = self.form.raw["duration"]
        seconds = billed_seconds(duration) if isinstance(duration, int) else MIN_DURATION_SECONDS
        return shot_list_of(
            self.form.raw["prompt"][:PROMPT_MAX_LENGTH],
            duration_seconds=min(max(seconds, MIN_DURATION_SECONDS), MAX_DURATION_SECONDS),
        )

    @cached_property
    def earlier_prompts(self) -> list[str]:
        return recent_prompts(membership=self.membership)


def nothing_done(message: str) -> Summary:
    """The summary of a refused request: that no credits moved, and what to do next."""
    return Summary(title=_("Nothing was created, no credits moved"), message=message)


def out_of_reach() -> str:
    """What is said about files that the provider can't get."""
    a_preview_works = _("Preview · free works with them anyway.")
    return f"{ReferencesUnreachableError().message} {a_preview_works}"


def _each_once(notes: list[Note]) -> list[Note]:
    return list({note.message: note for note in reversed(notes)}.values())[::-1]


def _place(name: str) -> str:
    if name in SLOTS:
        return MEDIA_NOTES
    return name if name in NOTE_FIELDS else "prompt"
