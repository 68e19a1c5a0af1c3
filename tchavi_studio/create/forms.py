"""What the composer sends, put into the terms of the one validator. No rule about a request is made here."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tchavi_studio.assets.models import Asset
from tchavi_studio.engines.base import AUTO_DURATION_SECONDS
from tchavi_studio.engines.formats import ASPECT_RATIOS, RESOLUTIONS
from tchavi_studio.generations.models import Engine, Generation
from tchavi_studio.generations.orders import MAX_VARIATIONS, default_engine
from tchavi_studio.generations.params import (
    DEFAULTS,
    MAX_REFERENCE_VIDEO_SECONDS,
    MODELS,
    GenerationParams,
    MediaReference,
    Problem,
    Validated,
    validate,
)
from tchavi_studio.generations.prices import Quote, quote
from tchavi_studio.generations.upstream.references import Route, reference_route
from tchavi_studio.workspaces.models import Workspace

from .references import SLOTS, Chip, Mode

Values = MultiValueDict[str, str]

PRICED_FIELDS = ("model", "duration", "resolution", "generate_audio")
"""All that the price depends on, so it can be told before there is a prompt."""

SHORTEST_TRIM_SECONDS = 2.0
PLACEHOLDER_PROMPT = "…"
ASPECT_RATIO_LABELS = {"adaptive": gettext_lazy("Adapt")}


class RawField(forms.Field):
    """A value handed on as it was sent: what is wrong with it is the validator's to say."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, **options)


class AssetIdsField(RawField):
    """The ids of the files in one slot, in their order."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[str]:
        return [str(item) for item in value or []]


def radios(choices: Mapping[str, Any] | Iterable[str]) -> RawField:
    pairs = choices.items() if isinstance(choices, Mapping) else ((choice, choice) for choice in choices)
    return RawField(widget=forms.RadioSelect(choices=list(pairs)))


class GenerationForm(forms.Form):
    """The composer's form. Field names are the contract's; the rest steers the composer.

    It is always bound: to what was sent, to a draft or to the defaults. When it is valid, `params` is the request.
    `engine` comes from the button that was pressed: Preview names the preview engine, Generate none.
    """

    submission_id = forms.UUIDField(widget=forms.HiddenInput)
    price_credits = forms.IntegerField(required=False, widget=forms.HiddenInput)
    variations = forms.IntegerField(min_value=1, max_value=MAX_VARIATIONS)
    parent = forms.UUIDField(required=False, widget=forms.HiddenInput)
    engine = forms.ChoiceField(choices=[(Engine.PREVIEW.value, "")], required=False)
    mode = forms.ChoiceField(choices=Mode.choices, widget=forms.RadioSelect)

    prompt = RawField(widget=forms.Textarea)
    model = radios(MODELS)
    duration = RawField(widget=forms.NumberInput)
    duration_auto = forms.BooleanField(required=False)
    resolution = radios(RESOLUTIONS)
    aspect_ratio = radios({ratio: ASPECT_RATIO_LABELS.get(ratio, ratio) for ratio in ASPECT_RATIOS})
    generate_audio = forms.BooleanField(required=False)
    seed = RawField(widget=forms.NumberInput)
    seed_locked = forms.BooleanField(required=False)

    image_url = AssetIdsField()
    last_frame_image_url = AssetIdsField()
    reference_images = AssetIdsField()
    reference_videos = AssetIdsField()
    reference_audios = AssetIdsField()

    params: GenerationParams | None = None

    def __init__(self, values: Values, *, workspace: Workspace) -> None:
        super().__init__(values, auto_id="composer-%s")
        self.values = values
        self.workspace = workspace

    # --- The media ----------------------------------------------------------------------------------------------------

    @cached_property
    def assets(self) -> dict[str, Asset]:
        """The workspace's own files among those the form names, by id as text. Others' are as unknown as none."""
        ids = {parsed for field in SLOTS for text in self.values.getlist(field) if (parsed := _uuid(text))}
        found = Asset.objects.filter(workspace=self.workspace, pk__in=ids) if ids else []
        return {str(asset.pk): asset for asset in found}

    @property
    def mode_in_force(self) -> Mode:
        mode = self.values.get("mode")
        return Mode(mode) if mode in Mode.values else Mode.TEXT

    def chips(self, field: str) -> list[Chip]:
        """The files in one slot, in order, also when the mode sets them aside."""
        known = [asset for text in self.values.getlist(field) if (asset := self.assets.get(_canonical(text)))]
        chips = [Chip(slot=SLOTS[field], position=place, asset=asset) for place, asset in enumerate(known, start=1)]
        return [self._offered_trim(chip, known) for chip in chips]

    def _offered_trim(self, chip: Chip, beside: list[Asset]) -> Chip:
        """Videos share 15 seconds; a sound may last as long alone."""
        if not chip.asset.needs_trim:
            return chip
        taken = 0.0
        if chip.slot.field == "reference_videos":
            taken = sum(asset.duration_seconds or 0 for asset in beside if not asset.needs_trim)
        return chip.with_trim(max(SHORTEST_TRIM_SECONDS, MAX_REFERENCE_VIDEO_SECONDS - taken))

    # --- The request --------------------------------------------------------------------------------------------------

    @cached_property
    def raw(self) -> dict[str, Any]:
        """The contract's fields with values of its types; what the mode can't use is left out."""
        text = self.values.get
        raw: dict[str, Any] = {
            "model": text("model"),
            "prompt": (text("prompt") or "").replace("\r\n", "\n"),
            "duration": AUTO_DURATION_SECONDS if text("duration_auto") else _integer(text("duration")),
            "resolution": text("resolution"),
            "aspect_ratio": text("aspect_ratio"),
            "generate_audio": bool(text("generate_audio")),
            "seed": _integer(text("seed")),
        }
        for field, slot in SLOTS.items():
            media = [_media_reference(chip) for chip in self.chips(field)]
            if media and self.mode_in_force in slot.modes:
                raw[field] = media if slot.is_list else media[0]
        return raw

    def clean(self) -> dict[str, Any]:
        checked = validate(self.raw)
        self.params = checked.params
        for problem in checked.errors:
            self.add_error(problem.field, ValidationError(problem.message, code=problem.code))
        for field, slot in SLOTS.items():
            named = self.values.getlist(field)
            if self.mode_in_force in slot.modes and any(_canonical(text) not in self.assets for text in named):
                message = _("A file that was here is not in this workspace any more. Add it again.")
                self.add_error(field, ValidationError(message, code="unknown_reference"))
        return self.cleaned_data

    # --- What is told while somebody still writes ---------------------------------------------------------------------

    @property
    def has_prompt(self) -> bool:
        return bool(self.raw["prompt"].strip())

    @cached_property
    def preflight(self) -> Validated:
        """What the validator says of an unfinished request, as if it had a prompt."""
        return validate(self.raw if self.has_prompt else {**self.raw, "prompt": PLACEHOLDER_PROMPT})

    @property
    def hints(self) -> list[Problem]:
        """The hints that help by now: an empty prompt need not be told what it does not mention."""
        return [hint for hint in self.preflight.hints if self.has_prompt or hint.field != "prompt"]

    @cached_property
    def clip_price(self) -> Quote | None:
        """The price of one clip, also without a prompt; None while the fields it depends on are wrong."""
        checked = validate({**{field: self.raw[field] for field in PRICED_FIELDS}, "prompt": PLACEHOLDER_PROMPT})
        return quote(checked.params) if checked.params else None

    @property
    def variation_count(self) -> int:
        count = _integer(self.values.get("variations"))
        return count if isinstance(count, int) and 1 <= count <= MAX_VARIATIONS else 1

    @property
    def engine_in_force(self) -> Engine:
        """What will make the clips."""
        return Engine.PREVIEW if self.values.get("engine") == Engine.PREVIEW else default_engine()

    @property
    def is_out_of_reach(self) -> bool:
        """Whether Generate would be refused, since the provider has no way to get at the files that are used."""
        uses_files = any(self.raw.get(field) for field in SLOTS)
        return uses_files and default_engine() == Engine.TCHAVI and reference_route() == Route.NONE

    @property
    def total_credits(self) -> int | None:
        return self.clip_price.total_credits * self.variation_count if self.clip_price else None


def default_values() -> Values:
    """The composer as somebody finds it the first time."""
    return Values(
        {
            "mode": [Mode.TEXT.value],
            "prompt": [""],
            "model": [DEFAULTS["model"]],
            "duration": [str(DEFAULTS["duration"])],
            "resolution": [DEFAULTS["resolution"]],
            "aspect_ratio": [DEFAULTS["aspect_ratio"]],
            "generate_audio": ["on"] if DEFAULTS["generate_audio"] else [],
            "variations": ["1"],
        }
    )


def values_of_clip(clip: Generation, *, with_seed: bool) -> Values:
    """What the composer held when `clip` was asked for, and that clip as the new one's parent."""
    values = default_values()
    is_auto = clip.duration_seconds == AUTO_DURATION_SECONDS
    for name, value in {
        "mode": clip.mode,
        "prompt": clip.prompt,
        "model": clip.model,
        "resolution": clip.resolution,
        "aspect_ratio": clip.aspect_ratio,
        "seed": str(clip.seed) if with_seed else "",
        "parent": str(clip.pk),
        "duration": str(DEFAULTS["duration"] if is_auto else clip.duration_seconds),
    }.items():
        values[name] = value
    values.setlist("duration_auto", ["on"] if is_auto else [])
    values.setlist("generate_audio", ["on"] if clip.generate_audio else [])
    for reference in clip.references.all():
        field = next(slot.field for slot in SLOTS.values() if slot.role == reference.role)
        values.appendlist(field, str(reference.asset_id))
    return values


def fresh_submission_id() -> str:
    return str(uuid4())


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _canonical(text: str) -> str:
    return str(_uuid(text) or text)


def _integer(text: str | None) -> int | str | None:
    """The number that `text` writes, None if it is empty; what is no number stays text, for the validator to refuse."""
    if text is None or not text.strip():
        return None
    try:
        return int(text)
    except ValueError:
        return text


def _media_reference(chip: Chip) -> MediaReference:
    asset = chip.asset
    return MediaReference(
        kind=asset.kind,
        asset_id=asset.pk,
        duration_seconds=asset.duration_seconds,
        width=asset.width,
        height=asset.height,
        needs_trim=asset.needs_trim,
        name=chip.token or asset.original_name,
    )
