"""Is this dataset poisoned, and by which files: load, encode, score, and write down the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from art_audio_ext.datasets import AudioDataset, load_dataset
from art_audio_ext.datasets.speakers import NOISE_LABELS
from art_audio_ext.experiments.audit_inputs import InputPlan, make_input, plan_input, timed, train_encoder
from art_audio_ext.experiments.audit_record import audit_record
from art_audio_ext.experiments.audit_sounds import recovered_sounds, write_sounds
from art_audio_ext.functional.scorers import check_scorer, score_samples, scorer_options, scorer_settings
from art_audio_ext.functional.window_tokens import pca_window_seconds
from art_audio_ext.report import write_audit, write_report
from art_audio_ext.report.records import AuditResult
from art_audio_ext.training.encoders import Encoder
from art_audio_ext.training.vae_settings import resolve_settings

ALPHA = 0.01  # chance of calling clean data poisoned


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
    score: str | None = None,
    tokens: str = "pca",
    alpha: float = ALPHA,
    score_options: dict[str, Any] | None = None,
    score_noise: bool = False,
    batch_size: int = 256,
    accelerator: str = "auto",
    devices: int = 1,
    progress: bool = True,
    **loading: Any,
) -> AuditResult:
    """
    Audit a dataset and write `audit.json`, `suspects.csv`, `report.html` to a folder.

    Where suspects of a class share a sound, it is recovered from them: `shared_sound_<n>.wav`, and a player in the
    report. Scores that need a VAE train one, which is written too; an interrupted training goes on where it was when
    called again with the same `out`. Waveforms stay in their memory map.

    :param data: A folder `<label>/**/*.wav`, another dataset spec (see `load_dataset`), or a dataset.
    :param out: Folder for the results; made if absent.
    :param preset: Size and training of a VAE trained here: "quick", "steps", "standard" or "paper".
    :param vae: A trained VAE or its file, for scores that need one; None trains one on these clips.
    :param epochs: Of that training; None as the preset says.
    :param seed: Of the training, the score and a sub-sample.
    :param seconds: Every clip is cut or padded to this.
    :param sample_rate: Every clip is resampled to this, in Hz.
    :param score: Name of the score, see `art_audio_ext.functional.scorers.SCORERS`; None for "pls" where a VAE is
        given, else "combined", which trains nothing.
    :param tokens: Of `novel_component`: "pca" of log-mel windows, or "vae" for the per-step latents of a VAE.
    :param alpha: Probability of calling a clean dataset poisoned, of scores that have p-values.
    :param score_options: Options of that score, such as {"threshold": 3.5}.
    :param score_noise: Score classes named in `datasets.speakers.NOISE_LABELS` too; the paper leaves noise out.
    :param batch_size: Clips encoded at a time.
    :param accelerator: Of the training, as Lightning calls it.
    :param devices: How many of these.
    :param progress: Show progress.
    :param loading: Other options of `load_dataset`: `clips`, `speaker_pattern`, `cache_dir`, `jobs`.
    :return: The answer, as written to `audit.json`.
    :raises ValueError: If the data, a file or an option is unusable, or an option would be ignored.
    :raises FileNotFoundError: If `vae` names no file.
    """
    out = _make_folder(Path(out))
    clock: dict[str, float] = {}
    rate = data.sample_rate if isinstance(data, AudioDataset) else sample_rate
    plan = plan_input(score, tokens, vae, preset, epochs, rate)  # what cannot be done fails here, before a long load
    taken = scorer_options(plan.score)
    _check_used(plan, preset, epochs, alpha, taken)
    with timed(clock, "load"):
        loading |= {"seconds": seconds, "sample_rate": rate, "seed": seed, "progress": progress}
        dataset = data if isinstance(data, AudioDataset) else load_dataset(str(data), **loading)
    ignored = [] if score_noise else _noise_classes(dataset)
    given = {"ignore_classes": ignored, "alpha": alpha, "sample_rate": rate}
    options = _score_options(plan, dataset, taken, score_options, given)
    check_scorer(plan.score, dataset.labels, seed=seed, **options)
    with timed(clock, "train"):
        training = {"epochs": epochs, "accelerator": accelerator, "devices": devices, "progress": progress}
        trained = train_encoder(dataset, out, preset, seed, training) if plan.trains else plan.encoder
    with timed(clock, "encode"):
        inputs = make_input(plan, trained, dataset, seed, batch_size, progress)
    with timed(clock, "score"):
        scores = score_samples(plan.score, inputs, dataset.labels, seed=seed, progress=progress, **options)
    method = plan.about() | {"not_scored": [dataset.label_names[i] for i in ignored]}
    path = dataset.name if isinstance(data, AudioDataset) else str(data)
    with timed(clock, "recover"):
        sounds = recovered_sounds(dataset, scores, seed)
        method["shared_sounds"] = write_sounds(sounds, dataset, out)
    result = audit_record(dataset, path, scores, method, seed, clock)
    write_audit(result, out)
    latents = None if plan.takes == "waveforms" else inputs
    write_report(out / "report.html", audit=result, dataset=dataset, latents=latents, sounds=sounds)
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
    :param preset: "quick", "steps", "standard" or "paper".
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


def _check_used(plan: InputPlan, preset: str, epochs: int | None, alpha: float, taken: dict[str, Any]) -> None:
    """Refuse what would be ignored in silence."""
    if (preset != "quick" or epochs is not None) and not plan.trains:
        raise ValueError(f"score {plan.score!r} trains no VAE here: leave preset and epochs out")
    if alpha != ALPHA and "alpha" not in taken:
        raise ValueError(f"score {plan.score!r} has no p-values: leave alpha out, or give its threshold")


def _noise_classes(dataset: AudioDataset) -> list[int]:
    """The classes that are noise by name and have clips."""
    present = set(dataset.labels.tolist())
    return [i for i, name in enumerate(dataset.label_names) if name.lower() in NOISE_LABELS and i in present]


def _score_options(
    plan: InputPlan, dataset: AudioDataset, taken: dict[str, Any], asked: dict[str, Any] | None, given: dict[str, Any]
) -> dict[str, Any]:
    """What was asked of the score, and of what else is given as much as it takes."""
    if plan.tokens == "pca":
        given = {**given, "window_seconds": pca_window_seconds(dataset.waveforms.shape[1], given["sample_rate"])}
    return scorer_settings(asked, **{key: value for key, value in given.items() if key in taken})


def _make_folder(out: Path) -> Path:
    """The folder, made if absent."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(f"{out} is not a folder: name another for the results") from error
    return out
