"""Is this dataset poisoned, and by which files: load, train, encode, score, and write down the answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from art_audio_ext.datasets import AudioDataset, load_dataset
from art_audio_ext.datasets.speakers import NOISE_LABELS
from art_audio_ext.experiments.audit_record import audit_record
from art_audio_ext.functional.scorers import check_scorer, score_samples, scorer_options, scorer_settings
from art_audio_ext.report import write_audit, write_report
from art_audio_ext.report.records import AuditResult
from art_audio_ext.training.encoders import Encoder, encode_all, load_encoder
from art_audio_ext.training.vae_settings import VaeSettings, resolve_settings


def audit(
    data: str | Path | AudioDataset,
    out: str | Path,
    *,
    preset: str = "quick",
    vae: Encoder | str | Path | None = None,
    epochs: int | None = None,
    seed: int = 0,
    seconds: float = 1.0,
    sample_rate: int = 16000,
    score: str = "pls",
    score_options: dict[str, Any] | None = None,
    score_noise: bool = False,
    batch_size: int = 256,
    accelerator: str = "auto",
    devices: int = 1,
    progress: bool = True,
    **loading: Any,
) -> AuditResult:
    """
    Audit a dataset and write `audit.json`, `suspects.csv`, `report.html` and the trained VAE to a folder.

    Waveforms stay in their memory map; what lies in memory is one batch and the latents (N, 64). An interrupted
    training goes on where it was when called again with the same `out`.

    :param data: A folder `<label>/**/*.wav`, another dataset spec (see `load_dataset`), or a dataset.
    :param out: Folder for the results; made if absent.
    :param preset: Size and training of the VAE trained here: "quick", "standard" or "paper".
    :param vae: A trained VAE or its file; None trains one on these clips.
    :param epochs: Of that training; None as the preset says.
    :param seed: Of the training, the score and a sub-sample.
    :param seconds: Every clip is cut or padded to this.
    :param sample_rate: Every clip is resampled to this, in Hz.
    :param score: Name of the score, see `art_audio_ext.functional.scorers.SCORERS`.
    :param score_options: Options of that score, such as {"threshold": 3.5}.
    :param score_noise: Score classes named in `datasets.speakers.NOISE_LABELS` too; the paper leaves noise out.
    :param batch_size: Clips encoded at a time.
    :param accelerator: Of the training, as Lightning calls it.
    :param devices: How many of these.
    :param progress: Show progress.
    :param loading: Other options of `load_dataset`: `clips`, `speaker_pattern`, `cache_dir`, `jobs`.
    :return: The answer, as written to `audit.json`.
    :raises ValueError: If the data, a file or an option is unusable.
    :raises FileNotFoundError: If `vae` names no file.
    """
    out = _make_folder(Path(out))
    clock: dict[str, float] = {}
    rate = data.sample_rate if isinstance(data, AudioDataset) else sample_rate
    # a wrong preset or file fails here, before a long load
    encoder = None if vae is None else load_encoder(vae, rate)
    settings = resolve_settings(preset, epochs) if encoder is None else getattr(encoder, "settings", None)
    with _timed(clock, "load"):
        loading |= {"seconds": seconds, "sample_rate": rate, "seed": seed, "progress": progress}
        dataset = data if isinstance(data, AudioDataset) else load_dataset(str(data), **loading)
    ignored = [] if score_noise else _noise_classes(dataset)
    options = {"ignore_classes": ignored} if ignored and "ignore_classes" in scorer_options(score) else {}
    options = scorer_settings(score_options, **options)
    check_scorer(score, dataset.labels, seed=seed, **options)
    with _timed(clock, "train"):
        training = {"epochs": epochs, "accelerator": accelerator, "devices": devices, "progress": progress}
        encoder = encoder or _train(dataset, out, preset, seed, training)
    with _timed(clock, "encode"):
        latents = encode_all(encoder, dataset.waveforms, batch_size, progress)
    with _timed(clock, "score"):
        scores = score_samples(score, latents, dataset.labels, seed=seed, **options)
    method: dict[str, Any] = {"name": score, "preset": preset if vae is None else None, "vae": _vae_name(vae)}
    method |= {
        "vae_settings": settings.to_dict() if isinstance(settings, VaeSettings) else None,
        "not_scored": [dataset.label_names[i] for i in ignored],
    }
    path = dataset.name if isinstance(data, AudioDataset) else str(data)
    result = audit_record(dataset, path, scores, method, seed, clock)
    write_audit(result, out)
    write_report(out / "report.html", audit=result, dataset=dataset, latents=latents)
    return result


def train_vae_on(
    data: str,
    out: str | Path,
    *,
    preset: str = "quick",
    epochs: int | None = None,
    seed: int = 0,
    seconds: float = 1.0,
    sample_rate: int = 16000,
    accelerator: str = "auto",
    devices: int = 1,
    progress: bool = True,
    **loading: Any,
) -> Path:
    """
    Train a VAE on a dataset and save it; an interrupted training goes on when called again with the same `out`.

    :param data: A dataset spec, see `load_dataset`.
    :param out: The `.safetensors` to write; checkpoints lie in a folder `<name>-checkpoints` beside it.
    :param preset: "quick", "standard" or "paper".
    :param epochs: Instead of the preset's.
    :param seed: Of the training.
    :param seconds: Every clip is cut or padded to this.
    :param sample_rate: Every clip is resampled to this, in Hz.
    :param accelerator: As Lightning calls it.
    :param devices: How many of these.
    :param progress: Show progress.
    :param loading: Other options of `load_dataset`.
    :return: The file written.
    :raises ValueError: If the data or an option is unusable.
    """
    from art_audio_ext.training.vae import train_vae  # Lightning takes seconds to import

    out = Path(out)
    out = out if out.suffix == ".safetensors" else out.with_name(f"{out.name}.safetensors")
    resolve_settings(preset, epochs)  # a wrong name fails here, before a long load
    dataset = load_dataset(data, seconds=seconds, sample_rate=sample_rate, seed=seed, progress=progress, **loading)
    checkpoints = out.with_name(f"{out.stem}-checkpoints")
    training: dict[str, Any] = {"epochs": epochs, "accelerator": accelerator, "devices": devices, "progress": progress}
    vae = train_vae(dataset.waveforms, sample_rate, preset, seed=seed, checkpoint_dir=checkpoints, **training)
    vae.save(out)
    return out


def _train(dataset: AudioDataset, out: Path, preset: str, seed: int, options: dict[str, Any]) -> Encoder:
    """A VAE trained on the clips and saved; its checkpoints let an interrupted training go on."""
    from art_audio_ext.training.vae import train_vae  # not needed when a VAE is given

    checkpoints = out / "vae" / f"{preset}-seed{seed}"
    vae = train_vae(dataset.waveforms, dataset.sample_rate, preset, seed=seed, checkpoint_dir=checkpoints, **options)
    vae.save(out / "vae.safetensors")
    return vae


def _noise_classes(dataset: AudioDataset) -> list[int]:
    """The classes that are noise by name and have clips."""
    present = set(dataset.labels.tolist())
    return [i for i, name in enumerate(dataset.label_names) if name.lower() in NOISE_LABELS and i in present]


def _vae_name(vae: Encoder | str | Path | None) -> str:
    """How a record names the VAE."""
    return str(vae) if isinstance(vae, (str, Path)) else "trained on these clips" if vae is None else "given"


def _make_folder(out: Path) -> Path:
    """The folder, made if absent."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(f"{out} is not a folder: name another for the results") from error
    return out


@contextmanager
def _timed(clock: dict[str, float], stage: str) -> Iterator[None]:
    """Note the seconds that a stage took."""
    start = time.perf_counter()
    yield
    clock[stage] = round(time.perf_counter() - start, 3)
