"""What the composer sends, put into the terms of the one validator. No rule about a request is made here."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tchavi_studio.engines.base import AUTO_DURATION_SECONDS
from tchavi_studio.engines.formats import ASPECT_RATIOS, RESOLUTIONS
from tchavi_studio.generations.models import Engine, Remix
from tchavi_studio.generations.orders import MAX_VARIATIONS, default_engine
from tchavi_studio.generations.params import MODELS, GenerationParams, MediaReference, Problem
from tchavi_studio.generations.prices import quote_unfinished
from tchavi_studio.generations.upstream.references import Route, reference_route
from tchavi_studio.generations.validation import Validated, models_among, validate
from tchavi_studio.workspaces.models import Membership, Visibility

from .arrangement import mode_of
from .media import SLOTS, Chip, Mode
from .queries import chips_of_composer
from .values import Values

ASPECT_RATIO_LABELS = {"adaptive": gettext_lazy("Adapt")}


class RawField(forms.Field):
    """A value passed on as it was sent: what is wrong with it is the validator's to say."""

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
    remix = forms.ChoiceField(choices=Remix.choices, required=False, widget=forms.HiddenInput)
    engine = forms.ChoiceField(choices=[(Engine.PREVIEW.value, "")], required=False)
    mode = forms.ChoiceField(choices=Mode.choices, widget=forms.RadioSelect)
    visibility = forms.ChoiceField(choices=Visibility.choices, required=False)

    prompt = RawField(widget=forms.Textarea)
    model = RawField()
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

    def __init__(self, values: Values, *, membership: Membership) -> None:
        super().__init__(values, auto_id="composer-%s")
        self.values = values
        self.membership = membership
        self.workspace = workspace = membership.workspace
        self.model_names = models_among(workspace.allowed_models)
        self.fields["model"].widget = forms.RadioSelect(choices=[(name, MODELS[name]) for name in self.model_names])

    # --- From what was sent to the request ----------------------------------------------------------------------------

    @cached_property
    def chips(self) -> dict[str, list[Chip]]:
        """The files by slot, in order, including those that the mode sets aside."""
        return chips_of_composer(membership=self.membership, values=self.values)

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
        for field in self.fields_in_use:
            if media := [_media_reference(chip) for chip in self.chips[field]]:
                raw[field] = media if SLOTS[field].is_list else media[0]
        return raw

    @property
    def fields_in_use(self) -> list[str]:
        """The media fields that the chosen mode uses."""
        mode = mode_of(self.values)
        return [field for field, slot in SLOTS.items() if mode in slot.modes]

    @cached_property
    def validated(self) -> Validated:
        """The validator's one answer, which everything below reads."""
        return validate(self.raw, allowed_models=self.workspace.allowed_models)

    @property
    def params(self) -> GenerationParams | None:
        return self.validated.params

    def clean(self) -> dict[str, Any]:
        for problem in self.validated.errors:
            self.add_error(problem.field, ValidationError(problem.message, code=problem.code))
        for field in self.fields_in_use:
            if len(self.chips[field]) < len(self.values.getlist(field)):
                message = _("A file that was here is no longer in this workspace. Add it again.")
                self.add_error(field, ValidationError(message, code="unknown_reference"))
        return self.cleaned_data

    # --- What is said while somebody still writes ---------------------------------------------------------------------

    @property
    def early_errors(self) -> list[Problem]:
        """What is wrong by now: that there is no prompt yet is no mistake."""
        return [problem for problem in self.validated.errors if not problem.is_missing_prompt]

    @property
    def hints(self) -> list[Problem]:
        """The hints that help by now: an empty prompt needn't be told what it doesn't mention."""
        has_prompt = bool(self.raw["prompt"].strip())
        return [hint for hint in self.validated.hints if has_prompt or hint.field != "prompt"]

    @property
    def variation_count(self) -> int:
        count = _integer(self.values.get("variations"))
        return count if isinstance(count, int) and 1 <= count <= MAX_VARIATIONS else 1

    @cached_property
    def total_credits(self) -> int | None:
        """The price of all variations, even without a prompt; None while a field that it depends on is wrong."""
        price = quote_unfinished(self.validated)
        return price.total_credits * self.variation_count if price else None

    @property
    def chosen_visibility(self) -> Visibility:
        """Who will see the clips: as chosen here, else as the workspace does with new ones."""
        chosen = self.values.get("visibility")
        return Visibility(chosen if chosen in Visibility.values else self.workspace.default_visibility)

    @property
    def chosen_remix(self) -> Remix | None:
        """What the clips take over from the one that they are remixes of; None if that isn't known."""
        chosen = self.values.get("remix")
        return Remix(chosen) if self.values.get("parent") and chosen in Remix.values else None

    @property
    def chosen_engine(self) -> Engine:
        """What will make the clips."""
        return Engine.PREVIEW if self.values.get("engine") == Engine.PREVIEW else default_engine()

    @property
    def is_out_of_reach(self) -> bool:
        """Whether Generate would be refused because the provider has no way to get the files in use."""
        uses_files = any(self.chips[field] for field in self.fields_in_use)
        return uses_files and default_engine() == Engine.TCHAVI and reference_route() == Route.NONE


def _integer(text: str | None) -> int | str | None:
    """The number that `text` writes, None if it is empty; anything else stays text, for the validator to refuse."""
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
        name=str(chip.name) if chip.slot.is_list else asset.original_name,
    )
