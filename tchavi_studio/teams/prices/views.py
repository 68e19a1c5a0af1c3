"""The versions of the prices, and a new one: filled in, shown with its effect, and only then written."""

from http import HTTPStatus

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from tchavi_studio.generations.params import MODELS
from tchavi_studio.generations.price_list import PRICED
from tchavi_studio.generations.price_versions.effect import MAX_CLIPS, effect_of
from tchavi_studio.generations.price_versions.history import compared_prices, scheduled_among, version_rows
from tchavi_studio.generations.price_versions.models import PriceVersion
from tchavi_studio.generations.price_versions.queries import LEAD, ignored_overrides, latest_versions, version_at
from tchavi_studio.generations.price_versions.services import OtherVersionWrittenError, write_version
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.access import SignedInRequest, site_view

from .forms import VersionForm, VersionsPage, price_label


@require_safe
@site_view(for_auditors=True)
def prices(request: SignedInRequest) -> HttpResponse:
    """The prices in force, and all versions, latest first."""
    page = VersionsPage(request.GET)
    if not page.is_valid():
        raise BadRequest("There is no such page.")
    rows, before = version_rows(before=page.cleaned_data["before"])
    current = version_at(timezone.now(), list(latest_versions()))
    context = {
        "current": current,
        "columns": [price_label(name) for name in PRICED],
        "models": [(MODELS[model], [of[name] for name in PRICED]) for model, of in current.price_list.items()],
        "rows": rows,
        "before": before,
        "ignored": list(ignored_overrides()),
    }
    return render(request, "teams/prices/prices.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@site_view()
def new_prices(request: SignedInRequest) -> HttpResponse:
    """The form of a new version. Sent, it comes back with what would change; confirmed, the version is written."""
    latest = list(latest_versions())
    is_sent = request.method == "POST"
    form = VersionForm(
        request.POST if is_sent else None,
        current=version_at(timezone.now(), latest),
        seen_number=latest[0].number,
    )
    if not is_sent or "change" in request.POST:
        return render(request, "teams/prices/new.html", {"form": form})
    if not form.is_valid():
        return render(request, "teams/prices/new.html", {"form": form}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if "confirm" not in request.POST:
        return _preview(request, form, latest)
    try:
        version = write_version(
            prices=form.prices,
            valid_from=form.cleaned_data["valid_from"],
            reason=form.cleaned_data["reason"],
            author=request.user,
            seen_number=form.cleaned_data["seen_number"],
        )
    except OtherVersionWrittenError as error:
        return _preview(request, form, list(latest_versions()), refusal=error.message)
    except UserFacingError as error:
        form.add_error(None, error.message)
        return render(request, "teams/prices/new.html", {"form": form}, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.success(request, _("Version %(number)s is written.") % {"number": version.number})
    return redirect("site_admin:prices")


def _preview(
    request: SignedInRequest, form: VersionForm, latest: list[PriceVersion], *, refusal: str = ""
) -> HttpResponse:
    valid_from = form.cleaned_data["valid_from"]
    starts_at = valid_from or timezone.now() + LEAD
    before = version_at(starts_at, latest)
    context = {
        "form": form,
        "soon": form.soon,
        "refusal": refusal,
        # Whoever confirms has seen what is shown here.
        "seen_number": latest[0].number,
        "number": latest[0].number + 1,
        "before": before,
        "replaced": [version for version in scheduled_among(latest) if version.valid_from >= starts_at],
        "changes": compared_prices(before.price_list, form.prices),
        "effect": effect_of(form.prices),
        "max_clips": MAX_CLIPS,
    }
    status = HTTPStatus.CONFLICT if refusal else HTTPStatus.OK
    return render(request, "teams/prices/preview.html", context, status=status)
