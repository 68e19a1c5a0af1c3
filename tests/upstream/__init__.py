"""The upstream to test against: a stand-in for the video API that speaks its contract, keeps books, and misbehaves.

In a test's own process, with the test's clock, thousands of requests a second, nothing sleeps:

    upstream = Upstream(clock=lambda: hours.now, seed=7, settings=Settings(requests_per_minute=30))
    upstream.arm("create", "drop_after_commit", times=2)
    client = Tchavi(api_key=API_KEY, base_url="http://upstream.test/v1", transport=UpstreamTransport(upstream))
    ...
    upstream.finish(upstream.jobs(prompt="A paper boat")[0].id)
    assert upstream.audit().charged_credits == 1_300

On real sockets, as a process that can be killed and started again without losing what it had committed:

    with RunningUpstream(tmp_path, seed=7, job_seconds=(0.2, 0.5)) as upstream:
        client = Tchavi(api_key=upstream.api_key, base_url=upstream.base_url)
        upstream.control.arm("output", "cut_file")
        upstream.restart()
        assert [job.charged_credits for job in upstream.control.jobs(seed=5)] == [1_300]

By hand: `python -m tests.upstream --port 8100 --state /tmp/upstream.jsonl`, then `POST /control/arm` with
`{"route": "create", "kind": "delay", "seconds": 3}` at the other port.

- `service`: `Upstream` (what it does and what tests ask of it), `Settings`.
- `faults`: every kind of fault (`KINDS`), the odds of a seeded script (`ROUGH_WEATHER` is a bad day).
- `books`: double entry and the log of requests; `Upstream.audit` adds it all up.
- `transport`: `UpstreamTransport` for httpx, sync and async. `running`: `RunningUpstream` and its `control`.
- `wire`, `parameters`, `clip`, `server`: replies and their fate, the contract's table, the film, the sockets.
"""
