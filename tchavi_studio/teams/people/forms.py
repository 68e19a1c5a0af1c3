"""Forms of the Team page."""

from uuid import UUID, uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tchavi_studio.workspaces.invitations import addresses_in
from tchavi_studio.workspaces.models import Role

ADDRESSES_MAX_LENGTH = 20_000


class MemberPlace(forms.Form):
    """The query string of the list of members: the id to go on from."""

    after = forms.IntegerField(min_value=1, max_value=2**62, required=False)


class RoleForm(forms.Form):
    """A role to give."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role)

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])


class InviteForm(RoleForm):
    """The addresses of people to invite, and their role."""

    addresses = forms.CharField(
        label=gettext_lazy("Email addresses"),
        max_length=ADDRESSES_MAX_LENGTH,
        error_messages={"required": gettext_lazy("Enter an email address. Nobody was invited.")},
    )

    def clean_addresses(self) -> list[str]:
        addresses = addresses_in(self.cleaned_data["addresses"])
        if not addresses:
            raise ValidationError(_("Enter an email address. Nobody was invited."))
        return addresses


class LinkForm(RoleForm):
    """A link to create. Its id is chosen with the form, so that sending the form twice creates one."""

    invitation_id = forms.UUIDField(widget=forms.HiddenInput)

    @staticmethod
    def new_id() -> UUID:
        return uuid4()
