"""Forms of the pages of a workspace."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tchavi_studio.generations.params import MODELS
from tchavi_studio.generations.validation import models_among
from tchavi_studio.ledger.models import MAX_AMOUNT_CREDITS
from tchavi_studio.workspaces.models import Membership, User, Visibility, Workspace
from tchavi_studio.workspaces.slugs import SLUG_LENGTH
from tchavi_studio.workspaces.time_zones import time_zone_names
from tchavi_studio.workspaces.workspace_settings import MAX_BIN_DAYS, MIN_BIN_DAYS

PLAIN_TEXT = {"autocomplete": "off", "spellcheck": "false", "class": "input"}


class WorkspacesSearch(forms.Form):
    """The query string of the list of one's workspaces; see `workspaces.queries.memberships_found`."""

    q = forms.CharField(max_length=80, required=False)
    after = forms.IntegerField(min_value=0, max_value=2**62, required=False)


class NewWorkspaceForm(forms.Form):
    """The name of a workspace that is to be created."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("Such as the name of your team or studio. You can change it later."),
        widget=forms.TextInput(attrs=PLAIN_TEXT),
    )


class NameForm(forms.Form):
    """The name and the address of a workspace."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80, widget=forms.TextInput(attrs=PLAIN_TEXT))
    slug = forms.RegexField(
        label=gettext_lazy("Address"),
        regex=r"^[a-z0-9]+(-[a-z0-9]+)*$",
        max_length=SLUG_LENGTH,
        help_text=gettext_lazy("Small letters, digits and hyphens, after /w/. The old address keeps leading here."),
        error_messages={
            "invalid": gettext_lazy("Use small letters from a to z, digits, and single hyphens between them.")
        },
        widget=forms.TextInput(attrs={**PLAIN_TEXT, "autocapitalize": "none"}),
    )


class SettingsForm(forms.Form):
    """What applies to new clips and new members of a workspace."""

    default_visibility = forms.ChoiceField(
        label=gettext_lazy("New clips are seen by"),
        choices=[
            (Visibility.WORKSPACE.value, gettext_lazy("The workspace")),
            (Visibility.PRIVATE.value, gettext_lazy("Their creator alone")),
        ],
        help_text=gettext_lazy("What the composer proposes. It changes no clip."),
        widget=forms.Select(attrs={"class": "select"}),
    )
    allowed_models = forms.MultipleChoiceField(
        label=gettext_lazy("Models"),
        choices=list(MODELS.items()),
        help_text=gettext_lazy("Applies to the composer and to API keys, from now on."),
        error_messages={"required": gettext_lazy("Allow at least one model.")},
        widget=forms.CheckboxSelectMultiple,
    )
    # Localized: people type 10,000 or 10 000, depending on their language.
    default_budget_credits = forms.IntegerField(
        label=gettext_lazy("Budget of new members"),
        min_value=0,
        max_value=MAX_AMOUNT_CREDITS,
        required=False,
        localize=True,
        help_text=gettext_lazy("Credits a month. Empty: no limit. Members of today keep theirs."),
        widget=forms.TextInput(attrs={**PLAIN_TEXT, "inputmode": "numeric"}),
    )
    bin_days = forms.IntegerField(
        label=gettext_lazy("The bin keeps clips for"),
        min_value=MIN_BIN_DAYS,
        max_value=MAX_BIN_DAYS,
        required=False,
        widget=forms.TextInput(attrs={**PLAIN_TEXT, "inputmode": "numeric"}),
    )

    def __init__(self, data: QueryDict | None = None, *, workspace: Workspace) -> None:
        initial = {
            "default_visibility": workspace.default_visibility,
            "allowed_models": models_among(workspace.allowed_models),
            "default_budget_credits": workspace.default_budget_credits,
            "bin_days": workspace.bin_days,
        }
        super().__init__(data, initial=initial)
        usual = Workspace().days_in_bin
        self.fields["bin_days"].help_text = _(
            "Days, from %(min)s to %(max)s. Empty: the studio's %(usual)s. Clips that are in the bin already stay as "
            "long as was said when they were deleted."
        ) % {"min": MIN_BIN_DAYS, "max": MAX_BIN_DAYS, "usual": usual}

    def clean_allowed_models(self) -> list[str]:
        """All of them are stored as none, so that models which the studio gets later are allowed too."""
        chosen: list[str] = self.cleaned_data["allowed_models"]
        return [] if set(chosen) == set(MODELS) else chosen


class TimeZoneForm(forms.Form):
    """The time zone of a workspace."""

    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), widget=forms.Select(attrs={"class": "select"}))

    def __init__(self, data: QueryDict | None = None, *, workspace: Workspace, current: str) -> None:
        super().__init__(data, initial={"time_zone": current})
        names = time_zone_names()
        # One that this machine doesn't list stays chosen.
        self.fields["time_zone"].choices = [(name, name) for name in sorted({*names, current})]  # type: ignore[attr-defined]


class HandOverForm(forms.Form):
    """Who gets the workspace, confirmed by its name."""

    email = forms.EmailField(
        label=gettext_lazy("The new owner's email address"),
        max_length=254,
        help_text=gettext_lazy("They must be a member already."),
        widget=forms.EmailInput(attrs={**PLAIN_TEXT, "list": "members"}),
    )
    name = forms.CharField(
        label=gettext_lazy("The workspace's name, to confirm"),
        max_length=80,
        widget=forms.TextInput(attrs=PLAIN_TEXT),
    )

    def __init__(self, data: QueryDict | None = None, *, workspace: Workspace, owner: User) -> None:
        super().__init__(data)
        self.workspace, self.owner = workspace, owner
        self.heir: User | None = None

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"].lower()
        members = Membership.objects.select_related("user").filter(workspace=self.workspace, user__email=email)
        member = members.exclude(user=self.owner).first()
        if member is None:
            raise ValidationError(_("No other member has this email address. Nothing was changed."))
        self.heir = member.user
        return email

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name.casefold() != self.workspace.name.strip().casefold():
            raise ValidationError(
                _("This workspace is called “%(name)s”. Nothing was changed.") % {"name": self.workspace.name}
            )
        return name
