"""Forms of the site's own pages."""

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tchavi_studio.workspaces.models import User, Workspace

REASON_MAX_LENGTH = 200
BYTES_PER_GB = 10**9
MAX_GB = 10**6
PLAIN_TEXT = {"autocomplete": "off", "class": "input"}


class PeopleSearch(forms.Form):
    """The query string of the list of people; see `workspaces.site_people.people_found`."""

    by = forms.ChoiceField(choices=[("email", ""), ("name", "")], required=False)
    q = forms.CharField(max_length=254, required=False)
    after = forms.IntegerField(min_value=1, max_value=2**62, required=False)


class WorkspaceSearch(forms.Form):
    """The query string of the list of workspaces; see `workspaces.queries.workspaces_found`."""

    q = forms.CharField(max_length=254, required=False)
    after = forms.SlugField(max_length=60, required=False)


class ReasonForm(forms.Form):
    """Why something is done to somebody."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Kept permanently in the site's activity"),
        max_length=REASON_MAX_LENGTH,
        widget=forms.TextInput(attrs=PLAIN_TEXT),
    )


class RolesForm(forms.Form):
    """What a person may do on the site."""

    is_admin = forms.BooleanField(label=gettext_lazy("Site admin"), required=False)
    is_auditor = forms.BooleanField(label=gettext_lazy("Site auditor"), required=False)

    def __init__(self, data: QueryDict | None = None, *, person: User) -> None:
        super().__init__(data, initial={"is_admin": person.is_staff, "is_auditor": person.is_site_auditor})


class QuotaForm(forms.Form):
    """How much a workspace may store."""

    quota_gb = forms.DecimalField(
        label=gettext_lazy("Quota in GB"),
        min_value=0,
        max_value=MAX_GB,
        max_digits=10,
        decimal_places=3,
        required=False,
        localize=True,
        widget=forms.TextInput(attrs={**PLAIN_TEXT, "inputmode": "decimal"}),
    )

    def __init__(self, data: QueryDict | None = None, *, workspace: Workspace) -> None:
        quota_bytes = workspace.quota_bytes
        initial = {} if quota_bytes is None else {"quota_gb": round(quota_bytes / BYTES_PER_GB, 3)}
        super().__init__(data, initial=initial)
        usual = round(Workspace().max_bytes / BYTES_PER_GB, 1)
        self.fields["quota_gb"].help_text = _(
            "Empty: the studio's %(usual)s GB. What is stored stays, even if it is more."
        ) % {"usual": usual}

    @property
    def quota_bytes(self) -> int | None:
        """What was entered, in bytes; None for the studio's setting."""
        gb = self.cleaned_data["quota_gb"]
        return None if gb is None else int(gb * BYTES_PER_GB)
