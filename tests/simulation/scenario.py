"""What is drawn from a seed: the studio's settings, what people do, and which faults happen."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from tests.upstream.faults import CREATE, ROUGH_WEATHER, UPLOAD, Odds
from tests.upstream.service import Settings, Upstream

MODELS = ("seedance-2", "kling-v3")


@dataclass(frozen=True, kw_only=True)
class Press:
    """Somebody presses Generate, `times` times for one submission."""

    at: float
    workspace: int
    person: int
    submission_id: UUID
    fields: Mapping[str, Any]
    variations: int
    has_references: bool
    times: int


@dataclass(frozen=True, kw_only=True)
class Dangers:
    """How likely a process is to be killed or paused at each crash point and query, and wake-ups to go wrong."""

    kill_at_point: float
    pause_at_point: float
    kill_at_query: float
    pause_at_query: float
    error_at_query: float
    wake_up_loss: float
    wake_up_twice: float
    late_sweep: float


@dataclass(frozen=True, kw_only=True)
class Storm:
    """A fault that `begin` starts after `at` seconds and `end` stops, `seconds` later."""

    at: float
    seconds: float
    name: str
    begin: Callable[[Upstream], object]
    end: Callable[[Upstream], object] = lambda upstream: None


@dataclass(frozen=True, kw_only=True)
class Scenario:
    seed: int
    workspaces: int
    people: int
    presses: tuple[Press, ...]
    cancels: tuple[float, ...]
    studio: Mapping[str, Any]
    upstream: Settings
    odds: Odds
    storms: tuple[Storm, ...]
    dangers: Dangers
    calm_at: float
    """Seconds after which nothing goes wrong any more, counted from the start."""
    latency_seconds: tuple[float, float]
    step_stretch: float
    """By how much to stretch the pumps' wait between steps while nothing arrives."""
    sweep_seconds: float
    housekeeping_seconds: float
    is_foreign: bool
    balance_credits: int


def draw_scenario(seed: int) -> Scenario:
    """The world of `seed`."""
    chance = random.Random(f"{seed}/scenario")
    is_big = chance.random() < 0.03
    clip_count = chance.randint(16, 30) if is_big else chance.randint(1, 6)
    span = chance.choice((1.0, 5.0, 20.0))
    calm_at = span + chance.choice((5.0, 20.0, 60.0))
    is_foreign = chance.random() < 0.4
    workspaces = chance.randint(1, 4)
    people = chance.randint(1, 2)
    lease_seconds = chance.randint(2, 20)
    route = chance.choice(("none", "uploads", "links"))
    skews = chance.random() < 0.15
    presses = _presses(chance, clip_count, span, workspaces, people)
    return Scenario(
        seed=seed,
        workspaces=workspaces,
        people=people,
        presses=presses,
        cancels=tuple(chance.uniform(0, span + 10) for _ in range(chance.choice((0, 0, 1, 3)))),
        studio={
            "STUDIO_MODE": "live",
            "STUDIO_BOOK": "live",
            "STUDIO_PUBLIC_URL": "https://studio.example.org" if route == "links" else "",
            "STUDIO_MAX_OPEN_PER_WORKSPACE": chance.choice((1, 3, 20)),
            "STUDIO_UNKNOWN_DEADLINE_SECONDS": chance.choice((10, 30, 60)),
            "STUDIO_ACCOUNT_WAIT_SECONDS": chance.choice((60, 300, 3600)),
            "STUDIO_JOB_DEADLINE_SECONDS": chance.choice((40, 120, 600)),
            "STUDIO_LEASE_SECONDS": lease_seconds,
            "STUDIO_PUMPS": chance.randint(1, 3),
            "STUDIO_PROVIDER_EXCLUSIVE": not is_foreign and chance.random() < 0.6,
        },
        upstream=Settings(
            requests_per_minute=chance.choice((10, 30, 120, 300)),
            latency_seconds=chance.choice((0.0, 0.05, 0.3)),
            jitter_seconds=chance.choice((0.0, 0.2, 2.0)),
            job_seconds=chance.choice(((0.5, 3.0), (2.0, 12.0), (2.0, 12.0), (10.0, 30.0))),
            failure_rate=chance.choice((0.0, 0.1, 0.4)),
            accepted_as=chance.choice(("flat", "id", "job")),
            audio_surcharge_credits=chance.choice((0, 0, 0, 0, 0, 0, 0, 0, 0, 40)),
            link_seconds=chance.choice((86_400.0, 86_400.0, 8.0)),
            list_lag_seconds=chance.choice((0.0, 0.0, 0.0, 3.0)),
            clock_skew_seconds=chance.uniform(-45, 45) if skews else 0.0,
            videos_elsewhere=chance.random() < 0.1,
            takes_files=route == "uploads",
            honours_idempotency_keys=chance.random() < 0.2,
        ),
        odds=_odds(chance),
        storms=_storms(chance, calm_at, presses if is_foreign else ()),
        dangers=_dangers(chance),
        calm_at=calm_at,
        latency_seconds=chance.choice(((0.0, 0.05), (0.01, 0.5), (0.1, 4.0))),
        step_stretch=chance.choice((5.0, 10.0, 20.0)),
        sweep_seconds=chance.choice((5.0, 10.0, 20.0)),
        housekeeping_seconds=chance.choice((1.0, 5.0, 15.0)),
        is_foreign=is_foreign,
        balance_credits=chance.choice((10**8, 10**8, 10**8, 8_000)),
    )


def _presses(chance: random.Random, clip_count: int, span: float, workspaces: int, people: int) -> tuple[Press, ...]:
    presses: list[Press] = []
    # The more alike clips are, the more easily one is mistaken for another.
    are_alike = chance.random() < 0.4
    models, durations, resolutions = (
        (MODELS[:1], (5,), ("480p",)) if are_alike else (MODELS, (5, 5, -1, 1), ("480p", "720p"))
    )
    while clip_count > 0:
        variations = min(clip_count, chance.choice((1, 1, 1, 2, 4)))
        clip_count -= variations
        fields: dict[str, Any] = {
            "model": chance.choice(models),
            "prompt": f"Scene {len(presses) + 1}",
            "duration": chance.choice(durations),
            "resolution": chance.choice(resolutions),
            "generate_audio": chance.random() < 0.5,
        }
        if chance.random() < 0.3:
            fields["seed"] = chance.randrange(2**32)
        presses.append(
            Press(
                at=chance.uniform(0, span),
                workspace=chance.randrange(workspaces),
                person=chance.randrange(people),
                submission_id=UUID(int=chance.getrandbits(128)),
                fields=fields,
                variations=variations,
                has_references=chance.random() < 0.25,
                times=chance.choice((1, 1, 1, 2)),
            )
        )
    return tuple(presses)


def _odds(chance: random.Random) -> Odds:
    """ROUGH_WEATHER, calmer or worse. The answers to submissions, the most delicate ones, are scaled separately."""
    submissions, others = chance.choice((0.0, 1.0, 3.0)), chance.choice((0.0, 0.3, 1.0, 2.0))
    odds = {
        route: {kind: odd * (submissions if route == CREATE else others) for kind, odd in kinds.items()}
        for route, kinds in ROUGH_WEATHER.items()
    }
    odds[UPLOAD] = dict.fromkeys(("drop_after_commit", "internal_error", "cut_answer", "html_503"), 0.04 * others)
    return odds


def _dangers(chance: random.Random) -> Dangers:
    level = chance.choice((0.0, 0.5, 1.0, 1.0, 3.0))
    return Dangers(
        kill_at_point=0.03 * level,
        pause_at_point=0.04 * level,
        kill_at_query=0.0005 * level,
        pause_at_query=0.001 * level,
        error_at_query=chance.choice((0.0, 0.0, 0.0005)) * level,
        wake_up_loss=chance.choice((0.0, 0.2, 0.7)),
        wake_up_twice=chance.choice((0.0, 0.1)),
        late_sweep=chance.choice((0.0, 0.3)),
    )


def _storms(chance: random.Random, calm_at: float, imitated: tuple[Press, ...]) -> tuple[Storm, ...]:
    storms = []

    def storm(
        name: str, begin: Callable[[Upstream], object], end: Callable[[Upstream], object] = lambda upstream: None
    ) -> None:
        at = chance.uniform(0, calm_at)
        storms.append(
            Storm(at=at, seconds=min(chance.choice((2.0, 15.0, 60.0)), calm_at - at), name=name, begin=begin, end=end)
        )

    for _ in range(chance.choice((0, 0, 1, 2))):
        storm("the provider is down", partial(_take_down, chance.uniform(1, 20)))
    if chance.random() < 0.15:
        storm(
            "the balance is spent",
            lambda upstream: upstream.set_balance(100),
            lambda upstream: upstream.set_balance(10_000_000),
        )
    if chance.random() < 0.1:
        keys = Settings().api_keys
        storm(
            "the key is refused",
            lambda upstream: upstream.set(api_keys=("sk-tch_another",)),
            lambda upstream: upstream.set(api_keys=keys),
        )
    if chance.random() < 0.15:
        model = chance.choice(MODELS)
        storm(
            f"{model} is not allowed",
            lambda upstream: upstream.set(models_off=(model,)),
            lambda upstream: upstream.set(models_off=()),
        )
    if chance.random() < 0.1:
        limit = chance.choice((10, 30, 120))
        storm(f"{limit} requests a minute", lambda upstream: upstream.set(requests_per_minute=limit))
    if chance.random() < 0.1:
        state = chance.choice(("reordered_list", "lagging", "json_list"))
        storm(f"every list: {state}", lambda upstream: upstream.arm("list", state, times=None), Upstream.disarm)
    if imitated:
        for number in range(chance.randint(1, 8)):
            # A stranger's jobs look like our own.
            fields = {**chance.choice(imitated).fields, "prompt": f"A stranger's clip {number}"}
            storm("a stranger's job", partial(_add_stranger, fields))
    return tuple(storms)


def _add_stranger(fields: Mapping[str, Any], upstream: Upstream) -> None:
    """Somebody else makes a clip with the same account, if it has enough credits."""
    if upstream.books.balance_credits > 10_000:
        upstream.add_job(**fields)


def _take_down(seconds: float, upstream: Upstream) -> None:
    upstream.take_down(seconds)
