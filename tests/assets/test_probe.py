"""Probing from the outside, and what is said of a file that goes for the limits."""

import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tchavi_studio.assets import probe
from tchavi_studio.assets.limits import RefusedFileError
from tchavi_studio.sandbox import SandboxedProcess
from tests.assets import media

pytestmark = pytest.mark.sandboxed


def test_a_file_goes_through_the_child(video: Path, tmp_path: Path) -> None:
    probed = probe.take_upload(video, tmp_path)
    assert probed == probe.ProbedFile(
        kind="video",
        content_type="video/mp4",
        file=tmp_path / "file.mp4",
        thumbnail=tmp_path / "thumbnail.webp",
        poster=tmp_path / "poster.webp",
        width=640,
        height=640,
        duration_seconds=2.0,
        frame_rate=24.0,
        has_audio=True,
    )


@pytest.mark.parametrize("accident", ["none", "not started", "killed"])
def test_verifier_is_ready_or_starts_again(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accident: str
) -> None:
    started: list[SandboxedProcess] = []

    def start(*arguments: Any, **options: Any) -> SandboxedProcess:
        started.append(SandboxedProcess(*arguments, **options))
        if accident == "not started" and len(started) == 1:
            monkeypatch.setattr(started[0], "_directory", tmp_path / "missing")
        return started[-1]

    monkeypatch.setattr(probe, "SandboxedProcess", start)
    with probe.OutputVerifier(tmp_path) as verify:
        if accident == "killed":
            started[0]._process.kill()
            started[0]._process.wait()
        found = verify(video, tmp_path)
    assert len(started) == (1 if accident == "none" else 2)
    assert not any(process.is_alive for process in started[-1:])
    assert found == probe.verify_output(video, tmp_path)


def test_a_refusal_comes_back_with_its_figures(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"#EXTM3U\nfile:///etc/passwd")
    with pytest.raises(RefusedFileError) as refused:
        probe.take_upload(tmp_path / "a.mp4", tmp_path)
    assert (refused.value.code, refused.value.figures) == ("unsupported_type", {})


def run_in_place_of_the_child(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Run `script` within the child's limits instead of opening the file."""

    def start(module: str, task: dict[str, Any], **options: Any) -> SandboxedProcess:
        return SandboxedProcess("tests.sandboxed_script", {**task, "script": script}, **options)

    monkeypatch.setattr(probe, "SandboxedProcess", start)


def test_the_child_loads_no_django(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import sys\n"
        "from tchavi_studio.assets import probe_child\n"
        "probe_child.find_facts(task)\n"
        "names = sorted({name.split('.')[0] for name in sys.modules} & {'django', 'PIL', 'av'})\n"
        "answer({'refused': {'code': 'seen', 'figures': {'modules': names}}})"
    )
    run_in_place_of_the_child(monkeypatch, script)
    with pytest.raises(RefusedFileError) as refused:
        probe.take_upload(photo, tmp_path)
    assert refused.value.figures == {"modules": ["PIL", "av"]}


@pytest.mark.parametrize(
    "script",
    [
        "import os; os.abort()",
        "raise SystemExit(3)",
        "bytearray(350_000_000)",
        "open('large', 'wb').truncate(200_000_000)",
        "files = [open('/dev/null') for _ in range(100)]",
    ],
    ids=["crash", "exit", "memory", "disk", "files"],
)
def test_a_child_that_dies_is_a_refusal(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    run_in_place_of_the_child(monkeypatch, script)
    with pytest.raises(RefusedFileError) as refused:
        probe.take_upload(photo, tmp_path)
    assert refused.value.code == "too_complex"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_phones_largest_photo_is_decoded_in_400_mb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Not ru_maxrss: Linux hands a process the peak of the one that started it.
    script = (
        "from pathlib import Path\n"
        "from tchavi_studio.assets import probe_child\n"
        "facts = probe_child.find_facts(task)\n"
        "lines = dict(line.split(':') for line in Path('/proc/self/status').read_text().splitlines())\n"
        "facts['peak_bytes'] = int(lines['VmHWM'].split()[0]) * 1024\n"
        "answer({'refused': {'code': 'seen', 'figures': facts}})"
    )
    run_in_place_of_the_child(monkeypatch, script)
    with pytest.raises(RefusedFileError) as refused:
        probe.take_upload(media.make_heic_of_tiles(tmp_path / "a.heic", 8064, 6048), tmp_path)
    assert (refused.value.figures["width"], refused.value.figures["height"]) == (6000, 4500)
    assert refused.value.figures["peak_bytes"] < 330_000_000


def test_a_heic_without_enough_memory_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PROBE", replace(probe.PROBE, max_memory_bytes=200_000_000))
    with pytest.raises(RefusedFileError) as refused:
        probe.take_upload(media.make_heic_of_tiles(tmp_path / "a.heic", 8064, 6048), tmp_path)
    assert refused.value.code == "too_complex"


def test_a_child_that_takes_too_long_is_a_refusal(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PROBE", replace(probe.PROBE, max_wall_seconds=1))
    run_in_place_of_the_child(monkeypatch, "import time; time.sleep(30)")
    with pytest.raises(RefusedFileError) as refused:
        probe.take_upload(photo, tmp_path)
    assert refused.value.code == "too_complex"


# --- A machine with lower limits of its own ---------------------------------------------------------------------------


def verdict_under(limit: str, amount: int, source: Path, directory: Path) -> str:
    """What probing says in a process whose hard limit was lowered before the studio came up."""
    script = """
        import resource, sys
        from pathlib import Path
        from tchavi_studio.assets import probe
        from tchavi_studio.assets.limits import RefusedFileError

        limit = getattr(resource, sys.argv[1])
        resource.setrlimit(limit, (int(sys.argv[2]), int(sys.argv[2])))
        try:
            print(probe.take_upload(Path(sys.argv[3]), Path(sys.argv[4])).kind)
        except RefusedFileError as refusal:
            print(refusal.code)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), limit, str(amount), str(source), str(directory)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("limit", "amount"),
    [("RLIMIT_AS", 1_200_000_000), ("RLIMIT_DATA", 600_000_000), ("RLIMIT_FSIZE", 10_000_000), ("RLIMIT_NOFILE", 40)],
)
def test_a_lower_limit_refuses_no_file_that_fits_into_it(photo: Path, tmp_path: Path, limit: str, amount: int) -> None:
    assert verdict_under(limit, amount, photo, tmp_path) == "image"


@pytest.mark.parametrize(
    ("limit", "amount"),
    [
        ("RLIMIT_AS", 100_000_000),
        ("RLIMIT_AS", 330_000_000),
        ("RLIMIT_DATA", 150_000_000),
        ("RLIMIT_FSIZE", 4_000),
    ],
    ids=["not even the libraries fit", "no room to decode", "no room to decode", "no room to write"],
)
def test_a_good_file_that_a_lower_limit_cannot_carry_is_not_called_damaged(
    tmp_path: Path, limit: str, amount: int
) -> None:
    large = media.make_image(tmp_path / "large.png", 6000, 5000, compress_level=1)
    assert verdict_under(limit, amount, large, tmp_path) == "too_complex"


def test_a_damaged_file_is_called_damaged_where_the_limits_are_ours(photo: Path, tmp_path: Path) -> None:
    damaged = Path(shutil.copy(photo, tmp_path / "damaged.jpg"))
    damaged.write_bytes(damaged.read_bytes()[:400])
    with pytest.raises(RefusedFileError) as refused:
        probe.take_upload(damaged, tmp_path)
    assert refused.value.code == "broken_file"


def test_file_deleted_meanwhile_is_no_reason_to_warn(
    video: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clip = Path(shutil.copy(video, tmp_path / "clip.mp4"))
    with probe.OutputVerifier(tmp_path) as verify:
        clip.unlink()
        with pytest.raises(RefusedFileError, match="too_complex"):
            verify(clip, tmp_path)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "A file was deleted while it was being probed.")
    ]
