"""The test upstream: a stand-in for the video API that follows its contract, keeps books and misbehaves on demand.

In the test's process, on the test's clock, without sleeping, at thousands of requests a second:

    upstream = Upstream(clock=lambda: clock.now, seed=7, settings=Settings(requests_per_minute=30))
    upstream.arm("create", "drop_after_commit", times=2)
    client = Tchavi(api_key=API_KEY, base_url="http://upstream.test/v1", transport=UpstreamTransport(upstream))
    ...
    upstream.finish(upstream.jobs(prompt="A paper boat")[0].id)
    assert upstream.audit().charged_credits == 1_300

On real sockets, as a process that can be killed and restarted without losing committed data:

    with RunningUpstream(tmp_path, seed=7, job_seconds=(0.2, 0.5)) as upstream:
        client = Tchavi(api_key=upstream.api_key, base_url=upstream.base_url)
        upstream.control.arm("output", "cut_file")
        upstream.restart()
        assert [job.charged_credits for job in upstream.control.jobs(seed=5)] == [1_300]

Manually: `python -m tests.upstream --port 8100 --state /tmp/upstream.jsonl`, then `POST /control/arm` with
`{"route": "create", "kind": "delay", "seconds": 3}` to the other port.

- `service`: `Upstream` (its behaviour, and the methods for tests), `Settings`.
- `faults`: every kind of fault (`KINDS`) and the odds of a seeded script (`ROUGH_WEATHER` is a bad day).
- `books`: double entry and the log of requests; `Upstream.audit` checks and totals them.
- `transport`: `UpstreamTransport` for httpx, sync and async. `running`: `RunningUpstream` and its `control`.
- `wire`, `parameters`, `clip`, `server`: replies and their delivery, the contract's parameters, the video, the sockets.
"""
