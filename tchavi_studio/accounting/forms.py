"""Forms of the Credits page."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tchavi_studio.ledger.models import MAX_AMOUNT_CREDITS, Kind
from tchavi_studio.workspaces.models import Role, Workspace

REASON_MAX_LENGTH = 200


class StatementFilter(forms.Form):
    """The statement's query string; see `queries.statement_page`."""

    kind = forms.ChoiceField(choices=Kind, required=False)
    before = forms.IntegerField(min_value=1, max_value=2**62, required=False)
    after = forms.IntegerField(min_value=0, max_value=2**62, required=False)


class GrantForm(forms.Form):
    """A site admin's grant to any workspace. `cleaned_data["recipient"]` is that Workspace."""

    recipient = forms.CharField(
        label=gettext_lazy("To"),
        help_text=gettext_lazy("A workspace's URL name, or its owner's email address"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    # Localized: people type 10,000 or 10 000, depending on their language.
    amount_credits = forms.IntegerField(
        label=gettext_lazy("Credits"),
        min_value=1,
        max_value=MAX_AMOUNT_CREDITS,
        localize=True,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Shown permanently in the statement"),
        max_length=REASON_MAX_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_recipient(self) -> Workspace:
        name: str = self.cleaned_data["recipient"].strip()
        if "@" not in name:
            workspace = Workspace.objects.filter(slug=name).first()
            if workspace is None:
                raise ValidationError(_("No workspace has that name. No credits moved."))
            return workspace
        owned = list(
            Workspace.objects.filter(memberships__user__email__iexact=name, memberships__role=Role.OWNER)
            .distinct()
            .order_by("created_at")
        )
        if not owned:
            raise ValidationError(_("Nobody with that email address owns a workspace here. No credits moved."))
        if len(owned) > 1:
            raise ValidationError(
                _("This person owns several workspaces. Enter one of their names: %(slugs)s. No credits moved.")
                % {"slugs": ", ".join(workspace.slug for workspace in owned)}
            )
        return owned[0]
