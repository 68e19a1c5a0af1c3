"""Template filters for clips."""

from typing import Any

from django import template
from django.conf import settings
from django.utils.formats import number_format

from tchavi_studio.assets.models import Asset
from tchavi_studio.engines.formats import nearest_aspect_ratio
from tchavi_studio.gallery import loading
from tchavi_studio.gallery.bulk.reports import job_report
from tchavi_studio.gallery.loading import More
from tchavi_studio.gallery.sound_shape import SoundShape, shape_of
from tchavi_studio.generations import visibility
from tchavi_studio.generations.approvals import ended_because
from tchavi_studio.generations.bulk import queries as bulk
from tchavi_studio.generations.bulk.actions import bulk_actions
from tchavi_studio.generations.bulk.models import BulkJob
from tchavi_studio.generations.bulk.waiting import waiting_count
from tchavi_studio.generations.lineage import credits_of
from tchavi_studio.generations.models import ApprovalRequest, Generation
from tchavi_studio.workspaces.models import Membership

register = template.Library()


@register.filter
def is_in_current_book(clip: Generation) -> bool:
    """Whether the statement shows this clip's credits. It doesn't for sandbox clips once the studio is live."""
    return bool(clip.book == settings.STUDIO_BOOK)


@register.filter
def may_act_on(membership: Membership | None, clip: Generation) -> bool:
    """Whether the viewer may cancel, dismiss or share this clip. In the bin, which passes None, nobody may."""
    return membership is not None and visibility.may_act_on(membership, clip)


@register.filter
def may_remove(membership: Membership, clip: Generation) -> bool:
    """Whether the viewer may move this clip to the bin, restore it, or make it private."""
    return visibility.may_remove(membership, clip)


@register.filter
def why_ended(request: ApprovalRequest) -> str:
    """Why a request for approval has ended, in a sentence."""
    return ended_because(request.ending)


@register.filter
def ratio_class(clip: Generation | ApprovalRequest) -> str:
    """The CSS classes for a card's shape, from the clip's pixels: "r-16-9 at-480p"."""
    ratio = nearest_aspect_ratio(clip.width, clip.height).replace(":", "-")
    return f"r-{ratio} at-{clip.resolution}"


@register.filter
def stars(rating: int) -> str:
    """The mean of a clip's stars, kept in hundredths, as people read it: "4.5"."""
    return number_format(rating / 100, decimal_pos=1)


@register.filter
def credits(clip: Generation) -> int:
    """What a clip cost in the book that is in force: nothing if it was refunded."""
    return credits_of(clip)


@register.filter
def sound_shape(output: Asset) -> SoundShape:
    """What the player draws of a clip's sound."""
    return shape_of(output)


@register.filter
def clock(seconds: float) -> str:
    """Seconds as a player shows them: "0:05", "12:30", "1:02:09"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.simple_tag
def shown_bulk_job(membership: Membership) -> BulkJob | None:
    """The viewer's latest job on many clips whose card belongs on the page. One query."""
    return bulk.shown_job(membership)


@register.simple_tag(takes_context=True)
def more_at(context: dict[str, Any], url: str, query: str, count: int) -> More:
    """What leads on to the next clips, after the `count` of this answer."""
    return loading.more_at(f"{url}?{query}", request=context["request"], count=count)


@register.filter
def doing(job: BulkJob) -> str:
    """What a job is at."""
    return str(bulk_actions[job.action].doing)


@register.filter
def report(job: BulkJob) -> str:
    """What a job did."""
    return job_report(job)


@register.filter
def may_be_undone(job: BulkJob) -> bool:
    """Whether a job can be undone and hasn't been. One query."""
    return bulk.may_be_undone(job)


@register.simple_tag
def cancellable_count(membership: Membership) -> int:
    """How many of the viewer's clips wait and can be cancelled, counted up to a bound. One query."""
    return waiting_count(membership)
