"""Reads for the audit pages. `workspace` None is the whole site: only site admins and site auditors may ask for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from tchavi_studio.accounting.integrity.runs import runs_under_way
from tchavi_studio.accounting.integrity.stages import STAGES
from tchavi_studio.accounting.models import VerificationFinding, VerificationRun
from tchavi_studio.accounting.reasons import reason_label
from tchavi_studio.generations.models import Generation, PurgedClip, RemoteJob, State
from tchavi_studio.generations.visibility import is_visible_to
from tchavi_studio.ledger.models import Account, AccountName, Kind, Transfer
from tchavi_studio.long_lists import page_of, sparse_page_of
from tchavi_studio.records.verification import ACTIVITY_BOOK, Finding
from tchavi_studio.workspaces.activity import Kind as ActivityKind
from tchavi_studio.workspaces.models import ActivityRow, Membership, User, Workspace

ROWS_PER_PAGE = 50
WALLETS_PER_PAGE = 20
MAX_EXAMINED = 20_000
MAX_ACTIVITY = 50

# --- Is it intact? ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class StageState:
    """A stage of a run: "done", "bad" if it found something, "now", or "next"."""

    label: str
    state: str


@dataclass(frozen=True, kw_only=True)
class FindingRow:
    """A finding as the page shows it."""

    finding: Finding
    workspace: Workspace | None

    @property
    def is_of_activity(self) -> bool:
        return self.finding.book == ACTIVITY_BOOK

    @property
    def url(self) -> str:
        """The site's page of the transfer that it is about; "" if there is none, or it may be gone."""
        finding = self.finding
        is_there = self.workspace and finding.sequence and not self.is_of_activity and finding.code != "head"
        place = [finding.workspace_id, finding.book, finding.sequence]
        return reverse("site_audit:transfer", args=place) if is_there else ""

    @property
    def has_values(self) -> bool:
        return self.finding.expected is not None or self.finding.found is not None


@dataclass(frozen=True, kw_only=True)
class Integrity:
    """The last run that ended, the one that is under way, and a page of what the last one found.

    `stages` are those of the run under way, or else of the last one. For a workspace only its own findings count, also
    in `is_sound` and `stages`.
    """

    last: VerificationRun | None
    under_way: VerificationRun | None
    is_sound: bool
    stages: list[StageState]
    findings: list[FindingRow]
    findings_after: int | None

    @property
    def row_count(self) -> int:
        """The rows that the run under way has compared; at most `row_total`, because more may be written meanwhile."""
        run = self.under_way
        return min(run.row_count, run.row_total or 0) if run else 0


def integrity_of(workspace: Workspace | None, *, after: int | None = None) -> Integrity:
    """What is known of the ledger's integrity, with findings after a number."""
    runs = VerificationRun.objects.select_related("started_by")
    last = runs.filter(ended_at__isnull=False).order_by("-ended_at").first()
    under_way = runs_under_way().select_related("started_by").first()
    rows, has_more = list[VerificationFinding](), False
    if last is not None and last.finding_count:
        found = _findings_of(last, workspace).order_by("number")
        rows, has_more = page_of(found, length=ROWS_PER_PAGE, after=() if after is None else (after,))
    workspaces = Workspace.objects.in_bulk({row.workspace_id for row in rows if row.workspace_id})
    return Integrity(
        last=last,
        under_way=under_way,
        stages=_stages_of(under_way or last, workspace),
        is_sound=not rows and after is None,
        findings=finding_rows((row.as_finding() for row in rows), workspaces),
        findings_after=rows[-1].number if has_more else None,
    )


def _findings_of(run: VerificationRun, workspace: Workspace | None) -> QuerySet[VerificationFinding]:
    return run.findings.all() if workspace is None else run.findings.filter(workspace_id=workspace.pk)


def _stages_of(run: VerificationRun | None, workspace: Workspace | None) -> list[StageState]:
    if run is None:
        return []
    # No more are kept than MAX_FINDINGS.
    bad = set(_findings_of(run, workspace).order_by().values_list("stage", flat=True))
    states, is_next = list[StageState](), run.is_under_way
    for stage in STAGES:
        if stage.name in run.stages_done:
            state = "bad" if stage.name in bad else "done"
        else:
            state, is_next = "now" if is_next else "next", False
        states.append(StageState(label=str(stage.label), state=state))
    return states


def finding_rows(findings: Iterator[Finding], workspaces: dict[UUID, Workspace] | None = None) -> list[FindingRow]:
    """Findings with their workspaces, which are looked up if they aren't given."""
    found = list(findings)
    if workspaces is None:
        workspaces = Workspace.objects.in_bulk({each.workspace_id for each in found if each.workspace_id})
    return [
        FindingRow(finding=each, workspace=workspaces.get(each.workspace_id) if each.workspace_id else None)
        for each in found
    ]


# --- Wallets ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class WalletRow:
    """A workspace's accounts in the book in force."""

    workspace: Workspace
    balance_credits: int = 0
    granted_credits: int = 0
    spent_credits: int = 0
    row_count: int = 0
    last_hash: str = ""


def wallet_page(*, after: str) -> tuple[list[WalletRow], str]:
    """A page of all workspaces by slug, also closed ones, after a slug; and the slug to go on from, "" at the end."""
    workspaces = list(Workspace.objects.filter(slug__gt=after).order_by("slug")[: WALLETS_PER_PAGE + 1])
    shown = workspaces[:WALLETS_PER_PAGE]
    return wallets_of(shown), shown[-1].slug if len(workspaces) > WALLETS_PER_PAGE else ""


def wallets_of(workspaces: Sequence[Workspace]) -> list[WalletRow]:
    """The wallets of these workspaces. One query."""
    accounts: dict[UUID, dict[str, Account]] = {}
    for account in Account.objects.filter(workspace__in=workspaces, book=settings.STUDIO_BOOK):
        accounts.setdefault(account.workspace_id, {})[account.name] = account
    return [_wallet_row(workspace, accounts.get(workspace.pk)) for workspace in workspaces]


def _wallet_row(workspace: Workspace, accounts: dict[str, Account] | None) -> WalletRow:
    wallet = (accounts or {}).get(AccountName.WALLET)
    if accounts is None or wallet is None:
        return WalletRow(workspace=workspace)
    granted, spent = accounts.get(AccountName.GRANTED), accounts.get(AccountName.SPENT)
    return WalletRow(
        workspace=workspace,
        balance_credits=wallet.balance_credits,
        granted_credits=-granted.balance_credits if granted else 0,
        spent_credits=spent.balance_credits if spent else 0,
        row_count=wallet.last_sequence,
        last_hash=wallet.last_hash,
    )


# --- Transfers --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TransferPage:
    """A page of transfers, newest first, and what the next one goes on from, None at the end.

    It may be short, even empty, although there are more: no more than MAX_EXAMINED rows are looked at.
    """

    rows: list[Transfer]
    before: int | None


def transfer_page(*, workspace: Workspace | None, kind: str = "", before: int | None = None) -> TransferPage:
    """The transfers in the book in force, of one workspace or of all, all or of one kind.

    A workspace's go on from a sequence number, those of all from a primary key, by which no index has kinds.
    """
    rows = Transfer.objects.select_related("workspace", "actor", "credit_account")
    after = () if before is None else (before,)
    if workspace is not None:
        rows = rows.filter(workspace=workspace, book=settings.STUDIO_BOOK).order_by("-sequence")
        if kind:
            rows = rows.filter(kind=kind)
        found, has_more = page_of(rows, length=ROWS_PER_PAGE, after=after)
        return TransferPage(rows=found, before=found[-1].sequence if has_more else None)
    which = Q(book=settings.STUDIO_BOOK, **({"kind": kind} if kind else {}))
    found, position = sparse_page_of(
        rows.order_by("-id"), which, length=ROWS_PER_PAGE, max_examined=MAX_EXAMINED, after=after
    )
    return TransferPage(rows=found, before=int(str(position[0])) if position else None)


# --- One transfer -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to what a transfer is about."""

    at: datetime
    text: str
    detail: str = ""
    transfer: Transfer | None = None


@dataclass(frozen=True, kw_only=True)
class TransferDetails:
    """A transfer and everything that is tied to it. `prompt` and `may_open` only for whoever may see the clip."""

    transfer: Transfer
    pair: list[Transfer]
    clip: Generation | None
    purged: PurgedClip | None
    job: RemoteJob | None
    activity: list[ActivityRow]
    may_open: bool

    @property
    def balance_before_credits(self) -> int:
        return self.transfer.balance_after_credits - self.transfer.change_credits

    @property
    def reason(self) -> str:
        return reason_label(self.transfer.reason, is_refund=self.transfer.kind == Kind.REFUND)

    @cached_property
    def charged_credits(self) -> int:
        return sum(each.amount_credits for each in self.pair if each.kind == Kind.CHARGE)

    @cached_property
    def refunded_credits(self) -> int:
        return sum(each.amount_credits for each in self.pair if each.kind == Kind.REFUND)

    @cached_property
    def events(self) -> list[Event]:
        """What happened, in the order of time."""
        return sorted(self._events(), key=lambda event: event.at)

    def _events(self) -> Iterator[Event]:
        clip, job = self.clip, self.job
        for each in self.pair:
            by = each.actor.display_name if each.actor else ""
            yield Event(
                at=each.created_at,
                text=str(each.get_kind_display()),
                detail=by,
                transfer=each,
            )
        if clip is not None:
            if clip.started_at:
                yield Event(at=clip.started_at, text=_("Rendering began"))
            if clip.finished_at:
                yield Event(at=clip.finished_at, text=str(State(clip.state).label), detail=clip.error_code)
        if job is not None:
            yield Event(at=job.sent_at, text=_("Sent to the provider"), detail=job.remote_id or "")
            if job.lost_at:
                yield Event(at=job.lost_at, text=_("The provider's answer was lost"))
            if job.settled_late_at:
                yield Event(at=job.settled_late_at, text=_("Ended at the provider after the refund"))
            if job.reviewed_at:
                by = job.reviewed_by.display_name if job.reviewed_by else ""
                yield Event(at=job.reviewed_at, text=_("Reviewed"), detail=by)
        for row in self.activity:
            label = str(ActivityKind(row.kind).label) if row.kind in ActivityKind.values else row.kind
            yield Event(at=row.created_at, text=label, detail=row.actor.display_name if row.actor else "")


def transfers_with_accounts() -> QuerySet[Transfer]:
    """All transfers with what their details show."""
    return Transfer.objects.select_related("workspace", "actor", "debit_account", "credit_account")


def transfer_details(*, viewer: User, transfer: Transfer) -> TransferDetails:
    """What is tied to a transfer; see `transfers_with_accounts`. Words and pictures only if the viewer may see them."""
    reference = transfer.reference
    if reference is None:
        return TransferDetails(
            transfer=transfer, pair=[transfer], clip=None, purged=None, job=None, activity=[], may_open=False
        )
    clip = Generation.objects.select_related("creator").filter(pk=reference).first()
    membership = (
        Membership.objects.select_related("workspace").filter(workspace=transfer.workspace_id, user=viewer).first()
    )
    activity = ActivityRow.objects.filter(reference=reference).select_related("actor").order_by("pk")
    return TransferDetails(
        transfer=transfer,
        pair=sorted(transfers_with_accounts().filter(reference=reference), key=lambda each: each.sequence),
        clip=clip,
        purged=None if clip else PurgedClip.objects.filter(pk=reference).first(),
        job=RemoteJob.objects.select_related("reviewed_by").filter(pk=reference).first(),
        activity=[row for row in activity[:MAX_ACTIVITY] if row.workspace_id == transfer.workspace_id],
        may_open=clip is not None and membership is not None and is_visible_to(membership, clip),
    )
