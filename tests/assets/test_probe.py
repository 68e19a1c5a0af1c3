"""The child process: what it is kept from, and what becomes of it when a file goes for its limits."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tchavi_studio.assets import probe
from tchavi_studio.assets.limits import RefusedFileError


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


def test_a_refusal_comes_back_with_its_figures(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"#EXTM3U\nfile:///etc/passwd")
    with pytest.raises(RefusedFileError) as refused:
        probe.take_upload(tmp_path / "a.mp4", tmp_path)
    assert (refused.value.code, refused.value.figures) == ("unsupported_type", {})


def run_in_place_of_the_child(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let the child limit itself as always, and then run `script` instead of opening the file."""
    code = (
        "import json, sys\n"
        "from tchavi_studio.assets import probe_child\n"
        "task = json.load(sys.stdin)\n"
        "probe_child._limit_resources(cpu_seconds=task['cpu_seconds'])\n"
        f"{script}\n"
    )
    real_run = subprocess.run

    def run(command: list[str], **options: Any) -> "subprocess.CompletedProcess[bytes]":
        return real_run([sys.executable, "-P", "-c", code], **options)

    monkeypatch.setattr(subprocess, "run", run)


def test_no_secret_of_the_environment_reaches_the_child(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TCHAVI_API_KEY", "sk-tch_secret")
    monkeypatch.setenv("SECRET_KEY", "secret")
    script = "import os; json.dump({'refused': {'code': 'seen', 'figures': dict(os.environ)}}, sys.stdout)"
    run_in_place_of_the_child(monkeypatch, script)
    with pytest.raises(RefusedFileError) as refused:
        probe.take_upload(photo, tmp_path)
    assert refused.value.code == "seen"
    assert set(refused.value.figures) - {"LC_CTYPE"} == {
        "PATH",
        "PYTHONPATH",
        "LANG",
        "OPENBLAS_NUM_THREADS",
        "MALLOC_ARENA_MAX",
    }


def test_the_child_loads_no_django(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "probe_child._facts(task)\n"
        "names = sorted({name.split('.')[0] for name in sys.modules} & {'django', 'PIL', 'av'})\n"
        "json.dump({'refused': {'code': 'seen', 'figures': {'modules': names}}}, sys.stdout)"
    )
    run_in_place_of_the_child(monkeypatch, script)
    with pytest.raises(RefusedFileError) as refused:
        probe.take_upload(photo, tmp_path)
    assert refused.value.figures == {"modules": ["PIL", "av"]}


@pytest.mark.parametrize(
    "script",
    [
        "import os; os.abort()",
        "sys.exit(3)",
        "bytearray(3_000_000_000)",
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


@pytest.mark.parametrize("script", ["import time; time.sleep(30)", "while True: pass"], ids=["waits", "computes"])
def test_a_child_that_takes_too_long_is_a_refusal(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(probe, "TAKE_SECONDS", 1)
    run_in_place_of_the_child(monkeypatch, script)
    with pytest.raises(RefusedFileError) as refused:
        probe.take_upload(photo, tmp_path)
    assert refused.value.code == "too_complex"


def test_the_processor_limit_kills(tmp_path: Path) -> None:
    task = json.dumps({"cpu_seconds": 1})
    code = (
        "import json, sys\n"
        "from tchavi_studio.assets import probe_child\n"
        "probe_child._limit_resources(cpu_seconds=json.load(sys.stdin)['cpu_seconds'])\n"
        "while True: pass"
    )
    child = subprocess.run(
        [sys.executable, "-P", "-c", code],
        input=task.encode(),
        env=probe._environment(),
        cwd=tmp_path,
        timeout=10,
        check=False,
    )
    assert child.returncode < 0
    assert list(tmp_path.iterdir()) == []
