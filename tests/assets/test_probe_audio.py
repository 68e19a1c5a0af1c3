"""Sounds lose their tags, are measured by their samples, and are cut to the sample."""

import wave
from pathlib import Path
from typing import Any

import pytest

from tchavi_studio.assets import probe_audio, sniff
from tchavi_studio.assets.limits import PEAK_COUNT, RefusedFileError
from tests.assets.media import make_mp3, make_video, make_wav


def take(path: Path, directory: Path) -> dict[str, Any]:
    directory.mkdir(exist_ok=True)
    with path.open("rb") as file:
        file_type = sniff.sniff_type(file.read(sniff.SNIFF_BYTE_COUNT))
    assert file_type is not None
    return probe_audio.take_audio(path, directory, file_type)


def refusal_of(path: Path, directory: Path) -> RefusedFileError:
    with pytest.raises(RefusedFileError) as refused:
        take(path, directory)
    return refused.value


def test_a_wav_is_kept_sample_by_sample(sound: Path, tmp_path: Path) -> None:
    facts = take(sound, tmp_path)
    peaks = facts.pop("peaks")
    assert facts == {
        "kind": "audio",
        "content_type": "audio/wav",
        "duration_seconds": 2.0,
        "has_audio": True,
        "needs_trim": False,
        "file": "file.wav",
    }
    with wave.open(str(sound)) as source, wave.open(str(tmp_path / "file.wav")) as kept:
        assert kept.getparams() == source.getparams()
        assert kept.readframes(99_999) == source.readframes(99_999)
    # The tone swells from silence to full.
    assert len(peaks) == PEAK_COUNT
    assert peaks[0] < 5
    assert abs(peaks[PEAK_COUNT // 2] - 50) <= 4
    assert peaks[-1] == 100
    assert peaks == sorted(peaks)


def test_silence_has_flat_peaks(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(4 * 16_000))
    assert take(tmp_path / "a.wav", tmp_path / "out")["peaks"] == [0] * PEAK_COUNT


@pytest.mark.parametrize("rate", [1, 100, 7_999])
def test_a_rate_that_no_recorder_uses_is_refused_by_the_header(
    tmp_path: Path, rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_audio, "_frames", never_called)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 1, rate, 0, "NONE", ""))
        file.writeframes(bytes(100_000))
    refusal = refusal_of(tmp_path / "a.wav", tmp_path / "out")
    assert (refusal.code, refusal.figures) == ("sample_rate_too_low", {"sample_rate": rate})


def test_hours_of_sound_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_audio, "_frames", never_called)
    # Frames of 72 ms and 72 bytes: MPEG 2.5, layer III, 8 kbit/s, 8 kHz, mono.
    (tmp_path / "a.mp3").write_bytes((b"\xff\xe3\x18\xc4" + bytes(68)) * (1_810 * 1_000 // 72))
    refusal = refusal_of(tmp_path / "a.mp3", tmp_path / "out")
    assert (refusal.code, refusal.figures) == (
        "too_long",
        {"kind": "audio", "duration_seconds": 1800.0, "cut_off": True},
    )


def never_called(*_: object) -> None:
    raise AssertionError("The file was decoded.")


def test_tags_and_pictures_of_an_mp3_are_gone(tmp_path: Path) -> None:
    path = make_mp3(tmp_path / "a.mp3", metadata={"title": "Secret title", "artist": "Secret artist"})
    path.write_bytes(path.read_bytes() + b"TAG" + b"Secret".ljust(125, b"\0"))
    assert path.read_bytes().startswith(b"ID3")
    facts = take(path, tmp_path / "out")
    content = (tmp_path / "out" / "file.mp3").read_bytes()
    assert (facts["content_type"], content[:2]) == ("audio/mpeg", b"\xff\xfb")
    assert b"Secret" not in content
    assert b"ID3" not in content
    assert abs(facts["duration_seconds"] - 3.0) < 0.06


def test_chunks_with_words_of_a_wav_are_gone(sound: Path, tmp_path: Path) -> None:
    content = sound.read_bytes()
    words = b"LIST" + (18).to_bytes(4, "little") + b"INFOIART" + (6).to_bytes(4, "little") + b"Secret"
    length = len(content) + len(words) - 8
    (tmp_path / "a.wav").write_bytes(b"RIFF" + length.to_bytes(4, "little") + content[8:] + words)
    take(tmp_path / "a.wav", tmp_path / "out")
    assert (tmp_path / "out" / "file.wav").read_bytes() == content


@pytest.mark.parametrize(
    ("sample_count", "code", "needs_trim"),
    [(15_999, "too_short", None), (16_000, None, False), (120_000, None, False), (120_008, None, True)],
)
def test_durations(tmp_path: Path, sample_count: int, code: str | None, needs_trim: bool | None) -> None:
    path = make_wav(tmp_path / "a.wav", sample_count=sample_count)
    if code:
        assert refusal_of(path, tmp_path / "out").code == code
    else:
        assert take(path, tmp_path / "out")["needs_trim"] is needs_trim


def test_a_wav_that_promises_more_than_it_has_is_measured_by_what_it_has(sound: Path, tmp_path: Path) -> None:
    content = bytearray(sound.read_bytes())
    content[40:44] = (0x7FFFFFFF).to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    assert take(tmp_path / "a.wav", tmp_path / "out")["duration_seconds"] == 2.0
    with wave.open(str(tmp_path / "out" / "file.wav")) as kept:
        assert kept.getnframes() == 16_000


@pytest.mark.parametrize("content", [b"RIFF\x24\x00\x00\x00WAVEfmt ", b"ID3\x04" + bytes(500), b"\xff\xfb\x90\x00" * 4])
def test_a_beginning_alone_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert refusal_of(tmp_path / "a", tmp_path / "out").code == "broken_file"


def test_a_codec_that_is_not_plain_is_refused_by_name(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("adpcm_ms", rate=22_050)
        stream.layout = "mono"
        frame = av.AudioFrame(format="s16", layout="mono", samples=22_050 * 3)
        frame.rate = 22_050
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    refusal = refusal_of(tmp_path / "a.wav", tmp_path / "out")
    assert (refusal.code, refusal.figures) == ("unsupported_codec", {"kind": "audio", "codec": "adpcm_ms"})


def test_a_video_dressed_as_sound_is_refused(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4")
    with pytest.raises(RefusedFileError) as refused:
        probe_audio.take_audio(path, tmp_path, sniff.MP3)
    assert refused.value.code == "broken_file"


def test_a_trim_is_exact_to_the_sample(tmp_path: Path) -> None:
    source = make_wav(tmp_path / "source.wav", seconds=20)
    facts = probe_audio.trim_audio(source, tmp_path, 3.25, 15.0)
    assert (facts["duration_seconds"], facts["needs_trim"], facts["file"]) == (15.0, False, "file.wav")
    with wave.open(str(source)) as whole, wave.open(str(tmp_path / "file.wav")) as part:
        whole.setpos(26_000)
        assert part.getnframes() == 120_000
        assert part.readframes(120_000) == whole.readframes(120_000)


def test_a_trim_of_an_mp3_is_a_wav(tmp_path: Path) -> None:
    source = make_mp3(tmp_path / "source.mp3", seconds=16)
    facts = probe_audio.trim_audio(source, tmp_path, 1.0, 2.5)
    assert (facts["content_type"], facts["duration_seconds"]) == ("audio/wav", 2.5)
    with wave.open(str(tmp_path / "file.wav")) as part:
        assert (part.getnframes(), part.getframerate(), part.getnchannels()) == (110_250, 44_100, 1)
