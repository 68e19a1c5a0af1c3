"""The pump: decides what to send to the provider next, and handles each answer.

A pump may die or be paused between any two lines here, and others may run beside it. Nothing depends on its memory:
whatever must not be lost is written to the database first.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.db import OperationalError
from django.utils import timezone

from tchavi_studio.engines.base import (
    PAGE_LENGTH,
    Accepted,
    AccountRefusedError,
    JobList,
    NotSentError,
    OutOfBudgetError,
    RefusedError,
    Retrieved,
    Snapshot,
    UnavailableError,
    UnknownOutcomeError,
)
from tchavi_studio.engines.tchavi import TchaviEngine
from tchavi_studio.generations.models import (
    IS_OPEN,
    OPEN_STATES,
    Engine,
    Generation,
    RemoteJob,
    State,
    UpstreamAccount,
)
from tchavi_studio.generations.wakeups import wake_transfers
from tchavi_studio.long_lists import count_up_to
from tchavi_studio.runtime.crashpoints import CrashPoint, crashpoint
from tchavi_studio.runtime.leases import default_lease

from . import account, following, submission, unknown
from .following import Look
from .network import MAX_IN_FLIGHT, Arrival, Exchange, Network
from .references import Route, reference_route
from .submission import Submission, Waiting
from .unknown import Search

logger = logging.getLogger(__name__)

HOUSEKEEPING_SECONDS = 1.0
MAX_SECONDS_BETWEEN_LOOKS = 20.0
"""Submissions take priority over looks, but not for longer than this."""


@dataclass(frozen=True, eq=False)
class Submit:
    """Submit a clip."""

    submission: Submission
    costs_credits = True

    async def carry_out(self, engine: TchaviEngine) -> Accepted:
        if timezone.now() >= self.submission.send_before:
            raise NotSentError("The clip's lease ended before it could be sent.", code="lease_ended")
        accepted = await engine.submit(self.submission.request, attempt_id=str(self.submission.attempt_id))
        crashpoint(CrashPoint.ANSWERED)
        return accepted


@dataclass(frozen=True, eq=False)
class AskForPage:
    """Request one page of the account's jobs: for a look, for a search, or only to see if the provider answers."""

    page: int
    look: Look | None = None
    search: Search | None = None
    costs_credits = False

    async def carry_out(self, engine: TchaviEngine) -> JobList:
        return await engine.list_jobs(offset=self.page * PAGE_LENGTH)


@dataclass(frozen=True, eq=False)
class AskForJob:
    """Request one job that no page has shown."""

    look: Look
    remote_id: str
    costs_credits = False

    async def carry_out(self, engine: TchaviEngine) -> Retrieved:
        return await engine.retrieve(self.remote_id)


@dataclass(frozen=True, eq=False)
class AskWhetherFilesAreTaken:
    """Ask whether references can be uploaded."""

    costs_credits = False

    async def carry_out(self, engine: TchaviEngine) -> bool:
        return await engine.takes_files()


def has_work() -> bool:
    """Whether any clip is waiting for the provider or with it, or the provider has to be asked something."""
    clips = Generation.objects.filter(IS_OPEN, engine=Engine.TCHAVI, state__in=OPEN_STATES - {State.SAVING})
    due = RemoteJob.objects.filter(poll_at__lte=timezone.now())
    return clips.exists() or due.exists() or must_ask_about_files()


def must_ask_about_files() -> bool:
    """Whether it matters if the provider takes uploads, and we don't know yet."""
    return reference_route() == Route.NONE and account.upstream_account().takes_files is None


class Pump:
    """One worker's share of the work, in steps."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._in_flight: list[Exchange] = []
        self._look: Look | None = None
        self._interval_seconds = following.MIN_INTERVAL_SECONDS
        self._search: Search | None = None
        self._search_at = timezone.now()
        # We don't know when the previous pump last looked, so one look comes before the first submission.
        self._looked_at = timezone.now() - timedelta(seconds=MAX_SECONDS_BETWEEN_LOOKS)
        self._housekeeping_at = timezone.now()
        self._renew_at = timezone.now()
        self._news: list[tuple[Look, Sequence[Snapshot]]] = []
        self._postponed: list[Arrival] = []
        self._has_asked_about_files = False

    @property
    def is_idle(self) -> bool:
        """Whether no answer is awaited."""
        return not self._in_flight

    @property
    def is_looking(self) -> bool:
        """Whether a look at the open jobs is in progress."""
        return self._look is not None

    def step(self, *, wait_seconds: float, may_send: bool = True) -> None:
        """Handle the answers that arrive within `wait_seconds`, then send what may be sent."""
        arrivals = self._network.arrivals(wait_seconds=wait_seconds)
        postponed, self._postponed = self._postponed, []
        for exchange, answer in [*postponed, *arrivals]:
            try:
                self._arrived(exchange, answer)
            except OperationalError:
                # The database was busy. The answer must not be lost, so the next step tries again.
                self._postponed.append((exchange, answer))
                continue
            except Exception:
                # One bad answer must not affect the others. The leases of its rows will expire.
                logger.exception("An answer from the provider couldn't be handled.")
            self._in_flight.remove(exchange)
        now = timezone.now()
        try:
            self._record_for_account(arrivals)
            self._take_news()
            self._renew_leases(now)
            if now >= self._housekeeping_at:
                self._housekeeping_at = now + timedelta(seconds=HOUSEKEEPING_SECONDS)
                settle_what_is_overdue()
            if may_send:
                self._send_what_may_be_sent(now)
        except Exception:
            # Requests in flight may be paid for, so go on and handle their answers.
            logger.exception("A step of the pump failed; trying again.")

    def abandon(self) -> None:
        """Stop without waiting. Submissions still in flight end with an unknown outcome."""
        for exchange in self._in_flight:
            if isinstance(exchange, Submit):
                submission.record_lost(exchange.submission)
        self._in_flight.clear()
        if self._look is not None:
            self._end_look(self._look)

    # --- Sending ------------------------------------------------------------------------------------------------------

    def _send(self, exchange: Exchange) -> None:
        self._in_flight.append(exchange)
        self._network.send(exchange)

    def _send_what_may_be_sent(self, now: datetime) -> None:
        known = account.upstream_account()
        if not account.may_ask(known, now=now):
            return
        if now - self._looked_at >= timedelta(seconds=MAX_SECONDS_BETWEEN_LOOKS):
            self._look_at_jobs(now, max_requests=1)
        if known.is_healthy:
            self._submit(now)
        self._search_for_lost(now, known)
        self._look_at_jobs(now, max_requests=MAX_IN_FLIGHT)
        self._ask_about_provider(known)

    def _room(self) -> int:
        return MAX_IN_FLIGHT - len(self._in_flight)

    def _submit(self, now: datetime) -> None:
        waiting = Generation.objects.filter(IS_OPEN, engine=Engine.TCHAVI, state=State.QUEUED)
        if not self._room() or not waiting.exists():
            return
        clips = list(islice(self._without_second_trials(submission.sendable(now=now)), self._room()))
        for written in submission.write_down(clips[: account.take_requests(len(clips))]):
            self._send(Submit(written))

    def _without_second_trials(self, clips: Iterable[Waiting]) -> Iterator[Waiting]:
        """While the account or a model is refused, only one clip at a time tests whether that is over."""
        paused = {pause.model for pause in account.account_pauses()}
        tried = {exchange.submission.model for exchange in self._in_flight if isinstance(exchange, Submit)}
        for clip in clips:
            if not (("" in paused and tried) or (clip.model in paused and clip.model in tried)):
                tried.add(clip.model)
                yield clip

    def _look_at_jobs(self, now: datetime, *, max_requests: int) -> None:
        if self._look is None:
            self._look = following.claim_due_jobs()
            if self._look is not None:
                followed = RemoteJob.objects.filter(poll_at__isnull=False)
                open_jobs = count_up_to(followed, following.MAX_COUNTED_JOBS)
                self._interval_seconds = following.next_interval_seconds(open_jobs=open_jobs)
        look = self._look
        if look is None:
            return
        asked = [exchange for exchange in self._in_flight if getattr(exchange, "look", None) is look]
        if not look.unseen and not asked:
            self._look = None
            return
        exchanges: list[Exchange] = [AskForPage(page=page, look=look) for page in look.pages_wanted()]
        if not exchanges and not asked:
            remote_ids = look.ids_wanted()
            exchanges = [AskForJob(look=look, remote_id=remote_id) for remote_id in remote_ids]
            if not remote_ids:
                self._end_look(look)
                return
        wanted = min(max_requests, self._room(), len(exchanges))
        for exchange in exchanges[: account.take_requests(wanted)]:
            if isinstance(exchange, AskForPage):
                look.pages_asked.add(exchange.page)
            self._looked_at = now
            self._send(exchange)

    def _search_for_lost(self, now: datetime, known: UpstreamAccount) -> None:
        if self._search is None:
            if now < self._search_at:
                return
            self._search_at = now + unknown.search_interval(account.requests_per_second(known))
            self._search = unknown.begin_search()
        search = self._search
        if search is None or any(getattr(exchange, "search", None) is search for exchange in self._in_flight):
            return
        if self._room() and account.take_requests(1):
            self._send(AskForPage(page=search.next_page, search=search))

    def _ask_about_provider(self, known: UpstreamAccount) -> None:
        """Ask whether the provider answers again, and whether it takes files, if no other request will show it."""
        if not known.is_healthy and self.is_idle and account.take_requests(1):
            self._send(AskForPage(page=0))
        elif (
            known.is_healthy
            and not self._has_asked_about_files
            and must_ask_about_files()
            and self.is_idle
            and account.take_requests(1)
        ):
            # Once per pump: some servers never give a clear answer for an unknown URL.
            self._has_asked_about_files = True
            self._send(AskWhetherFilesAreTaken())

    # --- Answers ------------------------------------------------------------------------------------------------------

    def _arrived(self, exchange: Exchange, answer: object) -> None:
        if isinstance(exchange, Submit):
            self._submitted(exchange.submission, answer)
        elif isinstance(exchange, AskForPage):
            self._page_arrived(exchange, answer)
        elif isinstance(exchange, AskForJob):
            self._job_arrived(exchange, answer)
        elif isinstance(exchange, AskWhetherFilesAreTaken) and isinstance(answer, bool):
            account.note_takes_files(answer)

    def _record_for_account(self, arrivals: list[Arrival]) -> None:
        """Record what the answers say about the account: all useful answers together, then each failure."""
        budgets, is_question = [], False
        for exchange, answer in arrivals:
            if isinstance(answer, Accepted | JobList | Retrieved | RefusedError) or (
                isinstance(answer, AccountRefusedError) and exchange.costs_credits
            ):
                budgets.append(answer.budget)
                is_question |= not exchange.costs_credits
        if budgets:
            account.record_answer(*budgets, is_question=is_question)
        for exchange, answer in arrivals:
            if isinstance(answer, OutOfBudgetError):
                account.record_too_many_requests(answer.retry_after_seconds, answer.budget)
            elif isinstance(answer, AccountRefusedError) and not exchange.costs_credits:
                account.pause_submissions(answer, model="")
                account.record_failure()
            elif isinstance(answer, UnknownOutcomeError | NotSentError | UnavailableError) and not isinstance(
                exchange, AskWhetherFilesAreTaken
            ):
                account.record_failure()

    def _submitted(self, sent: Submission, answer: object) -> None:
        if isinstance(answer, Accepted):
            if submission.record_accepted(sent, answer):
                account.end_pauses(model=sent.model)
        elif isinstance(answer, RefusedError):
            submission.record_refused(sent, answer)
            account.end_pauses(model=sent.model)
        elif isinstance(answer, AccountRefusedError):
            submission.record_account_refused(sent, answer)
        elif isinstance(answer, NotSentError | OutOfBudgetError):
            submission.record_not_sent(sent)
        else:
            submission.record_lost(sent)
            self._search_at = timezone.now()

    def _page_arrived(self, exchange: AskForPage, answer: object) -> None:
        look, search = exchange.look, exchange.search
        if isinstance(answer, JobList):
            crashpoint(CrashPoint.PAGE_ARRIVED)
            if look is not None:
                look.saw_page(exchange.page, answer.snapshots)
                self._news.append((look, answer.snapshots))
            if search is not None and not answer.is_whole:
                # The part that couldn't be read might hold a second job that fits.
                self._search = None
            elif search is not None:
                search.saw_page(answer.snapshots)
                if search.is_over:
                    unknown.adopt_found(search)
                    self._search = None
        elif look is not None:
            self._end_look(look)
        elif search is not None:
            self._search = None

    def _job_arrived(self, exchange: AskForJob, answer: object) -> None:
        if not isinstance(answer, Retrieved):
            self._end_look(exchange.look)
        elif answer.snapshot is None:
            following.note_gone(exchange.look, exchange.remote_id)
        else:
            self._news.append((exchange.look, (answer.snapshot,)))

    def _take_news(self) -> None:
        """Record the news from all pages and jobs that have arrived, in one batch per look."""
        news: dict[UUID, tuple[Look, list[Snapshot]]] = {}
        for look, snapshots in self._news:
            news.setdefault(look.claim.token, (look, []))[1].extend(snapshots)
        self._news.clear()
        for look, snapshots_of_look in news.values():
            try:
                completed = following.apply_snapshots(look, snapshots_of_look, interval_seconds=self._interval_seconds)
            except Exception:
                logger.exception("News from the provider couldn't be recorded.")
                self._end_look(look)
                continue
            if completed:
                wake_transfers()

    def _end_look(self, look: Look) -> None:
        """Release the jobs that weren't seen, for a later look."""
        following.release_unseen(look, delay_seconds=self._interval_seconds)
        look.unseen.clear()
        if look is self._look:
            self._look = None

    # --- Leases -------------------------------------------------------------------------------------------------------

    def _renew_leases(self, now: datetime) -> None:
        if now < self._renew_at:
            return
        self._renew_at = now + default_lease() / 3
        for exchange in self._in_flight:
            if isinstance(exchange, Submit):
                exchange.submission.claim.renew()
        if self._look is not None:
            self._look.claim.renew()


def settle_what_is_overdue() -> None:
    """Settle clips whose worker died or whose deadline has passed, even if nothing can be sent."""
    submission.rescue_dead_submissions()
    unknown.give_up_lost()
    following.fail_overdue()
    submission.fail_long_waiting()
