"""A seed's world: its actors, what happens to them, and the run from the first press to the end of the last clip."""

import hashlib
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import time_machine
from django.core.files.storage import default_storage
from django.db import OperationalError, connection
from django.test import override_settings

from tchavi_studio.assets.models import Asset, Kind, Origin
from tchavi_studio.generations import services, tasks
from tchavi_studio.generations.models import OPEN_STATES, Generation, State
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.params import MediaReference
from tchavi_studio.generations.validation import validate
from tchavi_studio.generations.wakeups import PUMP_CLUSTER, TRANSFER_CLUSTER
from tchavi_studio.ledger.services import InsufficientCreditsError, grant_credits
from tchavi_studio.runtime.crashpoints import CrashPoint
from tchavi_studio.workspaces.models import User, Workspace
from tchavi_studio.workspaces.services import create_workspace
from tests.upstream.service import API_KEY, Upstream

from . import judgement
from .database import MemoryDatabase, Move
from .hub import START, Alarm, Hub, Killed, Process, Thread
from .scenario import Press, Scenario, Storm
from .seams import BASE_URL, VIDEO, Provider, carry_out, seams, seeded

STUCK_AFTER_SECONDS = 900.0
"""How long after the last storm everything must be finished."""


@dataclass
class Outcome:
    """The outcome of one seed."""

    seed: int
    findings: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    simulated_seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def log_sha256(self) -> str:
        return hashlib.sha256("\n".join(self.log).encode()).hexdigest()


class InjectedError(OperationalError):
    """A simulated "database is locked"."""


class Cluster:
    """Workers that run a task for each wake-up read from the queue."""

    def __init__(self, world: "World", kind: str, task: Callable[[], None], size: int) -> None:
        self._world = world
        self._kind = kind
        self._task = task
        self._size = size
        self._has_unread = False

    def wake_up(self) -> None:
        """Queue a wake-up unless one is waiting. It may be lost, or read twice."""
        world, dangers = self._world, self._world.scenario.dangers
        if self._has_unread:
            return
        self._has_unread = True
        if world.chance.random() < dangers.wake_up_loss:
            world.count("wake-ups lost")
            world.hub.later(world.chance.uniform(0, 5), self._lose)
        else:
            world.hub.later(world.chance.uniform(0.05, 1.0), self._read)

    def _lose(self) -> None:
        self._has_unread = False

    def _read(self) -> None:
        if len(self._world.alive(self._kind)) >= self._size:
            self._world.hub.later(1.0, self._read)
            return
        self._has_unread = False
        is_twice = self._world.chance.random() < self._world.scenario.dangers.wake_up_twice
        for _ in range(1 + is_twice):
            self._world.begin(self._kind, self._task)


class World:
    """The whole state of the simulation, and what has happened so far."""

    def __init__(self, scenario: Scenario, database: MemoryDatabase, clock: time_machine.Traveller) -> None:
        self.scenario = scenario
        self.outcome = Outcome(scenario.seed)
        self.hub = Hub(clock)
        self.chance = random.Random(f"{scenario.seed}/events")
        self.upstream = Upstream(
            lambda: self.hub.now,
            scenario.seed,
            settings=scenario.upstream,
            odds=scenario.odds,
            clip=VIDEO,
            journal=self._saw_upstream,
        )
        self.provider = Provider(self)
        self.requests_sent_at: list[float] = []
        self.max_requests_per_minute = scenario.upstream.requests_per_minute
        self.pump_alarms: list[Alarm] = []
        self.workspaces: list[Workspace] = []
        self.people: list[User] = []
        self.assets: list[Asset] = []
        self.states: dict[UUID, str] = {}
        self._names: dict[UUID, str] = {}
        self._database = database
        self._processes: list[Process] = []
        self._process_count = 0
        self._open_count = 0
        self._presses_left = len(scenario.presses)
        self._clusters = {
            PUMP_CLUSTER: Cluster(self, "pump", lambda: tasks.pump_upstream(), 3),
            TRANSFER_CLUSTER: Cluster(self, "transfer", lambda: tasks.transfer_waiting(), 2),
        }
        self.hub.on_event = self._after_event

    # --- Log and findings ---------------------------------------------------------------------------------------------

    def log(self, what: str) -> None:
        thread = self.hub.thread
        who = thread.process.name if thread else "-"
        self.outcome.log.append(f"{self.hub.now - START:10.3f}  {who:12}  {what}")

    def found(self, what: str) -> None:
        """Record something that must never happen."""
        self.log(f"FOUND: {what}")
        self.outcome.findings.append(what)

    def count(self, what: str) -> None:
        self.outcome.counts[what] += 1

    def name_of(self, generation_id: UUID) -> str:
        return self._names.setdefault(generation_id, f"clip {len(self._names) + 1}")

    def _saw_upstream(self, event: dict[str, Any]) -> None:
        exchange = event.get("exchange")
        if exchange:
            fault, job_id = exchange["fault"], exchange["job_id"]
            self.log(f"upstream: {exchange['route']} → {exchange['status']} {fault} {job_id}".rstrip())
            if fault:
                self.count(f"fault: {fault}")
        elif event["event"] == "job":
            self.log(f"upstream: a stranger's job {event['job']['id']}")

    def _after_event(self) -> None:
        for move in self._database.new_moves():
            self._saw_move(move)

    def _saw_move(self, move: Move) -> None:
        if move.old_state != move.state:
            self.log(f"{self.name_of(move.generation_id)}: {move.old_state or 'new'} → {move.state}")
            self.count(f"move: {move.old_state} → {move.state}")
            self._open_count += (move.state in OPEN_STATES) - (move.old_state in OPEN_STATES)
            self.states[move.generation_id] = move.state
            if move.state in (State.QUEUED, State.UNKNOWN):
                self.hub.later(self.chance.uniform(0, 1), self._wake_pumps)
        for finding in judgement.of_move(move, now=self.hub.now):
            self.found(f"{self.name_of(move.generation_id)}: {finding}")

    def seconds_to_next_poll(self) -> float:
        """How long until a job at the provider is due for polling."""
        at = self._database.next_poll_at()
        return 0.0 if at is None else at - self.hub.now

    def _wake_pumps(self) -> None:
        for alarm in self.pump_alarms:
            alarm.ring()

    # --- Processes and what happens to them ---------------------------------------------------------------------------

    @property
    def is_calm(self) -> bool:
        return self.hub.now >= START + self.scenario.calm_at

    def alive(self, kind: str = "") -> list[Process]:
        return [process for process in self._processes if process.threads and kind in ("", process.kind)]

    def begin(self, kind: str, task: Callable[[], None]) -> Process:
        """Start a process that runs `task`."""
        self._process_count += 1
        process = Process(self.hub, kind, self._process_count)
        self._processes = [*self.alive(), process]

        def work() -> None:
            try:
                task()
            except InjectedError:
                self.log("stopped by a locked database")
            except Exception as error:
                self.found(f"a {kind} raised {error!r}")

        process.start(work)
        return process

    def wake_up(self, task: str, cluster: str) -> None:
        """Stands in for `queue_wake_up`."""
        self._clusters[cluster].wake_up()

    def at_crash_point(self, point: CrashPoint) -> None:
        dangers = self.scenario.dangers
        self._danger(point.name, kill=dangers.kill_at_point, pause=dangers.pause_at_point)

    def around_query(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        """A query wrapper: anything may happen to a process before each query too."""
        dangers = self.scenario.dangers
        self._danger("query", kill=dangers.kill_at_query, pause=dangers.pause_at_query, error=dangers.error_at_query)
        return execute(sql, params, many, context)

    def _danger(self, where: str, *, kill: float, pause: float, error: float = 0.0) -> None:
        thread = self.hub.thread
        if thread is None:
            return
        process, is_in_transaction = thread.process, connection.in_atomic_block
        if process.is_dead:
            if is_in_transaction:
                return  # It is being rolled back.
            raise Killed
        if self.is_calm:
            return
        roll = self.chance.random()
        if roll < kill:
            self.log(f"killed at {where}{' in a transaction' if is_in_transaction else ''}")
            self._kill(process)
            raise Killed
        if roll < kill + pause and not is_in_transaction:
            seconds = self._draw_pause_seconds()
            self.log(f"paused at {where} for {seconds:.1f} s")
            self._pause(process, seconds)
            self.hub.sleep(seconds)
        elif kill + pause < roll < kill + pause + error:
            self.log(f"the database is locked at {where}")
            self.count("locked database")
            raise InjectedError("database is locked")

    def _draw_pause_seconds(self) -> float:
        lease_seconds = self.scenario.studio["STUDIO_LEASE_SECONDS"]
        shortest, longest = self.chance.choice(((0.05, 1.0), (0.05, 1.0), (0.5, 2.0), (1.0, 3.0), (3.0, 12.0)))
        return self.chance.uniform(shortest, longest) * (1.0 if longest == 1.0 else lease_seconds)

    def _kill(self, process: Process) -> None:
        self.count(f"killed: {process.kind}")
        for thread in process.threads:
            if thread.late_delivery and not thread.has_reached_provider and self.chance.random() < 0.5:
                self.hub.later(self.chance.uniform(0, 2), partial(self._deliver_late, thread))
        process.kill()

    def _deliver_late(self, thread: Thread) -> None:
        """Deliver a dead process's request. Nobody receives the answer."""
        assert thread.late_delivery is not None
        self.log(f"a request of the dead {thread.process.name} arrives")
        self.count("requests of dead processes")
        try:
            carry_out(thread.late_delivery.carry_out(self.provider.engine))
        except Exception as error:
            self.log(f"answered with {type(error).__name__}")

    def _pause(self, process: Process, seconds: float) -> None:
        self.count(f"paused: {process.kind}")
        process.paused_until = max(process.paused_until, self.hub.now + seconds)

    def _accident(self) -> None:
        """Something may happen to a waiting process."""
        if self.is_calm:
            return
        self.hub.later(self.chance.uniform(1, 10), self._accident)
        processes = self.alive()
        level = self.scenario.dangers.kill_at_point * 10
        if not processes or self.chance.random() > level:
            return
        process = self.chance.choice(processes)
        what = self.chance.choice(("kill", "pause", "stop"))
        if what == "kill":
            self.log(f"{process.name} is killed while it waits")
            self._kill(process)
        elif what == "pause":
            seconds = self._draw_pause_seconds()
            self.log(f"{process.name} is paused for {seconds:.1f} s while it waits")
            self._pause(process, seconds)
        else:
            self.log(f"{process.name} is asked to stop")
            process.is_stopping = True

    # --- People -------------------------------------------------------------------------------------------------------

    def create_people(self) -> None:
        """Create people, workspaces with credits, and a photo in each."""
        path = Path(default_storage.path("simulation/photo.png"))
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"a photo")
        for number in range(self.scenario.people):
            user = User(email=f"person{number}@example.org", name=f"Person {number}", password="!")
            user.save()
            self.people.append(user)
        for number in range(self.scenario.workspaces):
            workspace = create_workspace(name=f"Workspace {number}", owner=self.people[0])
            self.workspaces.append(workspace)
            grant_credits(
                workspace=workspace, book="live", amount_credits=self.scenario.balance_credits, reason="Simulation"
            )
            self.assets.append(
                Asset.objects.create(
                    workspace=workspace,
                    kind=Kind.IMAGE,
                    origin=Origin.UPLOAD,
                    content_type="image/png",
                    width=864,
                    height=496,
                    byte_count=7,
                    source_sha256=str(number),
                    content_sha256=str(number),
                    file="simulation/photo.png",
                )
            )

    def _press(self, press: Press) -> None:
        """Somebody presses Generate, perhaps twice, and perhaps again later if nothing seems to have happened."""
        self._presses_left -= 1
        for _ in range(press.times):
            self.begin("person", partial(self._generate, press, may_try_again=True))

    def _generate(self, press: Press, *, may_try_again: bool) -> None:
        process = self.hub.process
        if may_try_again and self.chance.random() < 0.7:
            self._presses_left += 1

            def look_again() -> None:
                self._presses_left -= 1
                if process.is_dead:
                    self.begin("person", partial(self._generate, press, may_try_again=False))

            self.hub.later(self.chance.uniform(1, 5), look_again)
        fields = dict(press.fields)
        if press.has_references:
            asset = self.assets[press.workspace]
            fields["image_url"] = MediaReference(kind="image", asset_id=asset.pk, width=864, height=496)
        params = validate(fields).params
        assert params is not None
        try:
            services.start_generation(
                Order(
                    workspace=self.workspaces[press.workspace],
                    creator=self.people[press.person],
                    params=params,
                    submission_id=press.submission_id,
                    variations=press.variations,
                )
            )
        except (InsufficientCreditsError, services.ReferencesUnreachableError) as error:
            self.log(f"refused: {type(error).__name__}")

    def _cancel(self) -> None:
        if self.states:
            generation_id = self.chance.choice(list(self.states))
            self.begin("person", partial(self._cancel_clip, generation_id))

    def _cancel_clip(self, generation_id: UUID) -> None:
        try:
            services.cancel_generation(generation=Generation.objects.get(pk=generation_id))
        except services.NotCancellableError:
            self.log(f"can't cancel {self.name_of(generation_id)}")

    # --- The run ------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Run from the first press until every clip has ended and all work has stopped."""
        hub, scenario = self.hub, self.scenario
        for press in scenario.presses:
            hub.later(press.at, partial(self._press, press))
        for seconds in scenario.cancels:
            hub.later(seconds, self._cancel)
        for storm in scenario.storms:
            hub.later(storm.at, partial(self._begin_storm, storm))
        hub.later(scenario.calm_at, self._calm)
        hub.later(scenario.sweep_seconds, self._sweep)
        hub.later(1.0, self._accident)
        stuck_at = START + scenario.calm_at + STUCK_AFTER_SECONDS
        if not hub.run(until=stuck_at, is_over=lambda: not (self._open_count or self._presses_left or self.alive())):
            states = Counter(state for state in self.states.values() if state in OPEN_STATES)
            self.found(f"stuck: {dict(states)}, at work: {[process.name for process in self.alive()]}")

    def _begin_storm(self, storm: Storm) -> None:
        self.log(f"storm: {storm.name} for {storm.seconds:.1f} s")
        self.count(f"storm: {storm.name}")
        storm.begin(self.upstream)
        granted = self.upstream.settings.requests_per_minute
        self.max_requests_per_minute = max(self.max_requests_per_minute, granted)
        self.hub.later(storm.seconds, partial(self._end_storm, storm))

    def _end_storm(self, storm: Storm) -> None:
        storm.end(self.upstream)
        if not self.is_calm:
            self.upstream.set_odds(self.scenario.odds)

    def _calm(self) -> None:
        self.log("calm")
        self.upstream.disarm()
        self.upstream.take_down(0)

    def _sweep(self) -> None:
        late = not self.is_calm and self.chance.random() < self.scenario.dangers.late_sweep
        self.hub.later(self.chance.uniform(10, 60) if late else self.scenario.sweep_seconds, self._sweep)
        if not self.alive("sweep"):
            self.begin("sweep", sweep_and_clean_up)

    def end(self) -> None:
        """End all remaining processes, and move the clock past the end of the provider's last job."""
        for process in self.alive():
            process.end_threads()
        last_end = max((job.ends_at for job in self.upstream.jobs()), default=0.0)
        self.hub.now = max(self.hub.now, last_end)


class _ErrorLog(logging.Handler):
    """Turns errors that the studio logs into findings, except those that the simulation injected."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, InjectedError):
            self._world.found(f"logged: {record.getMessage()} {error!r}")


@contextmanager
def _logged_errors(world: World) -> Iterator[None]:
    logger, handler = logging.getLogger("tchavi_studio"), _ErrorLog(world)
    level, propagates = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates


def simulate(scenario: Scenario, database: MemoryDatabase) -> Outcome:
    """Run a seed's world and check the result."""
    database.restore()
    with ExitStack() as stack:
        provider = {"STUDIO_PROVIDER_API_KEY": API_KEY, "STUDIO_PROVIDER_URL": BASE_URL}
        stack.enter_context(override_settings(**scenario.studio, **provider))
        stack.enter_context(seeded(scenario.seed))
        clock = stack.enter_context(time_machine.travel(START, tick=False))
        world = World(scenario, database, clock)
        stack.enter_context(_logged_errors(world))
        stack.enter_context(seams(world))
        world.create_people()
        with connection.execute_wrapper(world.around_query):
            world.run()
        world.outcome.simulated_seconds = world.hub.now - START
        world.end()
        for finding in judgement.of_world(world):
            world.found(finding)
    return world.outcome


def sweep_and_clean_up() -> None:
    tasks.sweep()
    tasks.clean_up()
