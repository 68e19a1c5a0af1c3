"""What people and programs can do with generations."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.services import delete_asset
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.services import InsufficientCreditsError, charge_credits
from tchavi_studio.workspaces.models import User, Workspace

from . import lifecycle
from .crashpoints import CrashPoint, crashpoint
from .models import OPEN_STATES, Engine, Generation, GenerationReference, ReferenceRole, RemoteJob
from .nudges import nudge_pump, nudge_renders, nudge_transfers
from .params import SEED_MAX, GenerationParams
from .prices import quote
from .upstream.references import Route, reference_route

MAX_VARIATIONS = 4


class GenerationError(Exception):
    """Base of what this module refuses; `message` is for people."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class PriceChangedError(GenerationError):
    """The price is not the one the person saw. Nothing was created; `total_credits` is what it costs now."""

    def __init__(self, total_credits: int) -> None:
        super().__init__(_("The price has changed. Nothing was created and no credits moved: look at it and confirm."))
        self.total_credits = total_credits


class ReferencesUnreachableError(GenerationError):
    """The provider can neither open this studio's addresses nor be given files."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "The provider can't fetch reference files from this studio, because it has no public address. No "
                "credits moved. Ask the site's admin to set STUDIO_PUBLIC_URL, or make the clip from text alone."
            )
        )


class NotCancellableError(GenerationError):
    """Work on the clip has begun."""

    def __init__(self) -> None:
        super().__init__(
            _("This clip is already being made and can't be stopped. No credits moved. If it fails, it is refunded.")
        )


class StillOpenError(GenerationError):
    """Only a clip that has come to its end can be deleted."""

    def __init__(self) -> None:
        super().__init__(_("This clip is still on its way. Nothing was deleted: wait for it, or cancel it first."))


@dataclass(frozen=True, kw_only=True)
class Started:
    """The clips of one submission. `is_replay` tells that they were there already: nothing was made or charged now."""

    generations: list[Generation]
    is_replay: bool


def start_generation(
    *,
    workspace: Workspace,
    creator: User,
    params: GenerationParams,
    submission_id: UUID,
    variations: int = 1,
    expected_total_credits: int | None = None,
    parent: Generation | None = None,
    key_id: UUID | None = None,
    is_test: bool = False,
    engine: Engine | None = None,
    spending_limit_ids: Sequence[UUID] = (),
) -> Started:
    """Charge for and queue the clips of one submission, all or none, in one transaction.

    Once it returns, each clip will reach a final state, whatever dies afterwards. The same `submission_id` again
    (a double click, a reload) returns the first submission's clips.

    `variations` (1–4) clips differ in their seeds only. `expected_total_credits` is the price the person saw: another
    one raises PriceChangedError. `key_id` names the API key that asks; `is_test` makes it free and a preview, whatever
    the studio's mode. `engine` is what makes the clips: in live mode the provider unless a (free) preview is asked
    for, in the sandbox always the preview engine. `spending_limit_ids` names the ledger's limits that the charges
    count against.

    Raises InsufficientCreditsError with the whole sum when the wallet holds less, SpendingLimitError when a limit is
    reached, and ReferencesUnreachableError when the provider has no way to get at the references. Raises ValueError
    for a reference that is not the workspace's: no form can ask for that honestly.
    """
    if not 1 <= variations <= MAX_VARIATIONS:
        raise ValueError(f"One submission makes 1 to {MAX_VARIATIONS} clips, not {variations}.")
    if earlier := _submitted(workspace, submission_id):
        return Started(generations=earlier, is_replay=True)
    engine = Engine.PREVIEW if is_test else engine or default_engine()
    price_credits = 0 if is_test or is_free(engine) else quote(params).total_credits
    total_credits = price_credits * variations
    if expected_total_credits not in (None, total_credits):
        raise PriceChangedError(total_credits)
    references = list(_references(params))
    _check_ownership(workspace, {asset_id for _role, _position, asset_id in references})
    if engine == Engine.TCHAVI and references and reference_route() == Route.NONE:
        raise ReferencesUnreachableError
    try:
        with transaction.atomic():
            generations = [
                _queue_one(
                    workspace=workspace,
                    creator=creator,
                    params=params,
                    seed=seed,
                    submission_id=submission_id,
                    variation=variation,
                    price_credits=price_credits,
                    parent=parent,
                    references=references,
                    key_id=key_id,
                    is_test=is_test,
                    engine=engine,
                    spending_limit_ids=spending_limit_ids,
                )
                for variation, seed in enumerate(_seeds(params.seed, variations))
            ]
            crashpoint(CrashPoint.IN_ACCEPTING)
            transaction.on_commit(partial(_nudge, engine, has_references=bool(references)))
    except IntegrityError:
        # Of two equal submissions at the same moment the other was first; its transaction has ended by now.
        if earlier := _submitted(workspace, submission_id):
            return Started(generations=earlier, is_replay=True)
        raise
    except InsufficientCreditsError:
        raise InsufficientCreditsError(
            needed_credits=total_credits,
            available_credits=wallet_balance(workspace=workspace, book=settings.STUDIO_BOOK),
        ) from None
    return Started(generations=generations, is_replay=False)


def default_engine() -> Engine:
    """What makes clips where nobody asks for anything else: the provider in live mode, previews in the sandbox."""
    return Engine.TCHAVI if settings.STUDIO_MODE == "live" else Engine.PREVIEW


def is_free(engine: Engine) -> bool:
    """Whether clips of this engine cost nothing: previews do in live mode; in the sandbox they cost play credits."""
    return settings.STUDIO_MODE == "live" and engine == Engine.PREVIEW


def _nudge(engine: Engine, *, has_references: bool) -> None:
    crashpoint(CrashPoint.ACCEPTED)
    if engine == Engine.PREVIEW:
        nudge_renders()
        return
    nudge_pump()
    if has_references and reference_route() == Route.UPLOADS:
        nudge_transfers()


def _submitted(workspace: Workspace, submission_id: UUID) -> list[Generation]:
    return list(Generation.objects.filter(workspace=workspace, submission_id=submission_id).order_by("variation"))


def _seeds(seed: int | None, count: int) -> list[int]:
    """`count` different seeds: the asked one and its successors, or drawn ones."""
    if seed is not None:
        return [(seed + step) % (SEED_MAX + 1) for step in range(count)]
    drawn: set[int] = set()
    while len(drawn) < count:
        drawn.add(secrets.randbelow(SEED_MAX + 1))
    return list(drawn)


def _references(params: GenerationParams) -> Iterator[tuple[ReferenceRole, int, UUID]]:
    """Role, position (from 1) and asset id of every reference of a request."""
    lists = (
        (ReferenceRole.FIRST_FRAME, [params.first_frame] if params.first_frame else []),
        (ReferenceRole.LAST_FRAME, [params.last_frame] if params.last_frame else []),
        (ReferenceRole.IMAGE, params.reference_images),
        (ReferenceRole.VIDEO, params.reference_videos),
        (ReferenceRole.AUDIO, params.reference_audios),
    )
    for role, media in lists:
        for position, reference in enumerate(media, start=1):
            if reference.asset_id is None:
                raise ValueError("A reference must be stored as an asset before a generation is started.")
            yield role, position, reference.asset_id


def _check_ownership(workspace: Workspace, asset_ids: set[UUID]) -> None:
    if asset_ids and Asset.objects.filter(workspace=workspace, pk__in=asset_ids).count() != len(asset_ids):
        raise ValueError("A reference does not belong to this workspace.")


def _queue_one(
    *,
    workspace: Workspace,
    creator: User,
    params: GenerationParams,
    seed: int,
    submission_id: UUID,
    variation: int,
    price_credits: int,
    parent: Generation | None,
    references: list[tuple[ReferenceRole, int, UUID]],
    key_id: UUID | None,
    is_test: bool,
    engine: Engine,
    spending_limit_ids: Sequence[UUID],
) -> Generation:
    width, height = params.pixel_size
    generation = Generation.objects.create(
        workspace=workspace,
        creator=creator,
        submission_id=submission_id,
        variation=variation,
        parent=parent,
        model=params.model,
        prompt=params.prompt,
        duration_seconds=params.duration_seconds,
        resolution=params.resolution,
        aspect_ratio=params.aspect_ratio,
        generate_audio=params.generate_audio,
        seed=seed,
        width=width,
        height=height,
        engine=engine,
        book=settings.STUDIO_BOOK,
        key_id=key_id,
        is_test=is_test,
        price_credits=price_credits,
    )
    GenerationReference.objects.bulk_create(
        GenerationReference(generation=generation, role=role, position=position, asset_id=asset_id)
        for role, position, asset_id in references
    )
    charge_credits(
        workspace=workspace,
        book=generation.book,
        amount_credits=price_credits,
        reference=generation.pk,
        actor=creator,
        spending_limit_ids=spending_limit_ids,
    )
    return generation


def cancel_generation(*, generation: Generation) -> None:
    """Take a clip that still waits out of the queue, with a full refund. Raises NotCancellableError once work began."""
    if not lifecycle.cancel_queued(generation.pk):
        raise NotCancellableError


def delete_clip(*, generation: Generation) -> None:
    """Put a clip into the bin, where it stays STUDIO_BIN_DAYS. Credits do not move. Raises StillOpenError."""
    if not _touch(generation, deleted_at=timezone.now()):
        raise StillOpenError


def restore_clip(*, generation: Generation) -> None:
    """Take a clip out of the bin again."""
    _touch(generation, deleted_at=None)


def dismiss_failure(*, generation: Generation) -> None:
    """Take a failed or cancelled clip's card out of the feed; the ledger keeps its rows."""
    if not _touch(generation, dismissed_at=timezone.now()):
        raise StillOpenError


def _touch(generation: Generation, **changes: object) -> bool:
    rows = Generation.objects.filter(pk=generation.pk).exclude(state__in=OPEN_STATES)
    return rows.update(version=F("version") + 1, updated_at=timezone.now(), **changes) == 1


def purge_bin(*, most: int = 20) -> int:
    """Delete clips for good that have been in the bin for STUDIO_BIN_DAYS, with their files; at most `most` at once.

    The ledger's rows stay: they name the generation by its id only. So does, until it is reviewed, what a provider may
    have billed in vain: the admins need to see what it was.
    """
    before = timezone.now() - timedelta(days=settings.STUDIO_BIN_DAYS)
    expired = Generation.objects.filter(deleted_at__lt=before).exclude(state__in=OPEN_STATES).select_related("output")
    expired = expired.exclude(needs_review=True, remote_job__reviewed_at=None)
    count = 0
    for generation in expired.order_by("deleted_at")[:most]:
        output = generation.output
        generation.delete()
        if output is not None:
            delete_asset(asset=output)
        count += 1
    return count


def review_exposure(*, job: RemoteJob, admin: User) -> None:
    """An admin has looked into a clip that the provider may have billed although it was refunded here."""
    RemoteJob.objects.filter(pk=job.pk, reviewed_at=None).update(reviewed_at=timezone.now(), reviewed_by=admin)
