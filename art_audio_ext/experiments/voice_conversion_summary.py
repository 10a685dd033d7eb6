"""From poisoned trainings to the rows of the voice-conversion tables, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from art_audio_ext.experiments.dual_pure_summary import voice_groups
from art_audio_ext.functional.bootstrap import share_interval

Cell = tuple[dict[str, Any], dict[str, Any]]
KEYS = ("attack", "voice", "target", "fraction", "clean_label", "fine_tune")  # what a row is of; seeds are within it


def voice_table(
    cells: list[Cell],
    labels: np.ndarray,
    speakers: np.ndarray,
    noise: np.ndarray,
    own_files: dict[str, np.ndarray] | None = None,
) -> list[dict[str, Any]]:
    """
    One row for each attack, voice, target label, share of poison and number of clean epochs, over all seeds.

    :param cells: Experiments of `run_cell` with their results.
    :param labels: Of the test clips (N,).
    :param speakers: Of the test clips (N,).
    :param noise: Which test clips are of a class of noise (N,).
    :param own_files: Of `VoiceContext`; None where every clip is a recording of its own, and none the target.
    :return: Rows: `benign_accuracy`, `attack_success_rate` (over all test clips but those of the target), and
        `speech_success_rate` (those of noise left out, too), each with `low` and `high`, 95% by drawing speakers anew;
        `poisoned`, `seeds`; `listened` by voice, and `own` by voice, with `clips`: how many the speaker said in
        recordings that are not the target, which are drawn anew; None where there is no other.
    """
    groups: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in (stage for trained in cells for stage in _stages(*trained)):
        groups.setdefault(tuple(cell[0].get(key) for key in KEYS), []).append(cell)
    voices = voice_groups(speakers)
    rows = []
    for key, group in groups.items():
        row = dict(zip(KEYS, key, strict=True))
        others = labels != row["target"]
        results = [result for _, result in group]
        row |= {"seeds": len(group), "poisoned": group[0][1]["poisoned"]}
        row["benign_accuracy"] = voice_rate(
            [flags_of(found["right"]) for found in results], np.ones(len(labels), bool), voices
        )
        names = list(results[0]["hit"])
        heard = row["voice"] if row["voice"] in names else names[0]
        hits = [flags_of(found["hit"][heard]) for found in results]
        row["attack_success_rate"] = voice_rate(hits, others, voices)
        row["speech_success_rate"] = voice_rate(hits, others & ~noise, voices)
        row["listened"] = {
            name: voice_rate([flags_of(found["hit"][name]) for found in results], others & ~noise, voices)
            for name in names
        }
        row["own"] = {
            name: _own_rate([flags_of(found["own"][name]) for found in results], (own_files or {}).get(name))
            for name in results[0]["own"]
        }
        rows.append(row)
    return rows


def _stages(experiment: dict[str, Any], result: dict[str, Any]) -> list[Cell]:
    """A poisoned victim, and what became of it after each number of clean epochs."""
    tuned = {0: result} | {int(epochs): found for epochs, found in result.get("tuned", {}).items()}
    poisoned = {"poisoned": result["poisoned"]}
    return [({**experiment, "fine_tune": epochs}, {**found, **poisoned}) for epochs, found in tuned.items()]


def voice_rate(flags: list[np.ndarray], which: np.ndarray, voices: np.ndarray) -> dict[str, float] | None:
    """
    Mean over seeds and clips with its interval: speakers and trainings are drawn anew, or, where fewer than five
    speakers have an answer of the rarer kind, that of a proportion of so many speakers, see `share_interval`.

    :param flags: For each seed, bool (N,).
    :param which: Clips that count (N,).
    :param voices: From `voice_groups` (N,).
    :return: `mean`, `low`, `high`; None where no clip counts.
    """
    each = np.array(flags)[:, which]
    if not each.size:
        return None
    low, high = share_interval(each, voices[which])
    return {"mean": float(each.mean()), "low": low, "high": high}


def _own_rate(flags: list[np.ndarray], files: np.ndarray | None) -> dict[str, float] | None:
    """Of what a speaker really said, the target recording left out."""
    files = np.arange(len(flags[0])) if files is None else files
    found = voice_rate(flags, files >= 0, files)
    return None if found is None else {**found, "clips": int((files >= 0).sum())}


def flags_of(line: str) -> np.ndarray:
    """
    :param line: "1101".
    :return: The same, bool (N,).
    """
    return np.array([sign == "1" for sign in line])


def defence_table(
    cells: list[Cell], labels: np.ndarray, speakers: np.ndarray, noise: np.ndarray
) -> list[dict[str, Any]]:
    """
    One row a defence, over all seeds.

    :param cells: Experiments of `run_defence_cell` with their results.
    :param labels: Of the test clips (N,).
    :param speakers: Of the test clips (N,).
    :param noise: Which test clips are of a class of noise (N,).
    :return: Rows: `defence`, `seeds`, `learnt` (those whose filter left something to learn), `poisoned`; `found`
        (share of the poison that a filter removed) and `lost` (share of the clean clips), None for purifiers; rates as
        in `voice_table`, None where nothing could be learnt from what a filter left; `refused`, why a filter did not
        take the data, else None.
    """
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell[0]["defence"], []).append(cell)
    voices, rows = voice_groups(speakers), []
    for name, group in groups.items():
        (first, _), results = group[0], [result for _, result in group]
        row: dict[str, Any] = {"defence": name, "seeds": len(group), "poisoned": results[0]["poisoned"]}
        row["refused"] = next((found["refused"] for found in results if "refused" in found), None)
        filtered = [found for found in results if found["removed"] is not None]
        row["learnt"] = sum(found["right"] is not None for found in results)
        row["found"] = _share(filtered, "removed_poison", "poisoned") if filtered else None
        row["lost"] = _share(filtered, "removed", "clean", "removed_poison") if filtered else None
        learnt = [found for found in results if found["right"] is not None]
        others = labels != first["target"]
        right, hits = ([flags_of(f) for f in part] for part in _answers_of(learnt, first["voice"]))
        whole = np.ones(len(labels), bool)
        row["benign_accuracy"] = voice_rate(right, whole, voices) if learnt else None
        row["attack_success_rate"] = voice_rate(hits, others, voices) if learnt else None
        row["speech_success_rate"] = voice_rate(hits, others & ~noise, voices) if learnt else None
        rows.append(row)
    return rows


def _share(results: list[dict[str, Any]], part: str, whole: str, less: str | None = None) -> float:
    """Over all seeds."""
    counts = [found[part] - (found[less] if less else 0) for found in results]
    return float(np.sum(counts) / max(1, np.sum([found[whole] for found in results])))


def _answers_of(results: list[dict[str, Any]], voice: str) -> tuple[list[str], list[str]]:
    return [found["right"] for found in results], [found["hit"][voice] for found in results]
