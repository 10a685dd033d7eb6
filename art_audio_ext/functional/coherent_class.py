"""One class held against clips of the others: is there a sound that repeats in it, where, and in which clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from art_audio_ext.functional.coherent_shifts import Circular, ShiftTemplate, circular, find_at_any_shift
from art_audio_ext.functional.coherent_windows import WindowTemplate, cut_windows, find_in_windows
from art_audio_ext.functional.shared_sound import SharedSound, fit_shared_sound
from art_audio_ext.functional.significance import combined_p_value, excess_p_value

PLACES = ("fixed", "any")
COPY = 0.95  # correlation of whole clips from which they are one recording
WORTHWHILE = 0.3  # p-value from which a search is not gone on with
NOTHING = -15.0  # log odds of a clip where nothing was found
LEAST_DIFFERENT = 8  # recordings in a class
SOME = 300  # controls, where a share of them is enough
_STRONG = 0.9975  # quantile of the controls above which a clip is taken as a first guess


@dataclass(frozen=True)
class Clips:
    """Flattened clips, and what the searches need of them."""

    flat: Tensor  # (N, L)
    windows: Tensor  # (W, N, T)
    circular: Circular | None  # None where only fixed places are searched
    sample_rate: int

    def __getitem__(self, rows: Tensor) -> Clips:
        around = None if self.circular is None else self.circular[rows]
        return Clips(self.flat[rows], self.windows[:, rows], around, self.sample_rate)


def prepare_clips(flat: Tensor, sample_rate: int, anywhere: bool) -> Clips:
    """
    Prepare clips for the searches.

    :param flat: From `flatten_sound`, shape (N, L).
    :param sample_rate: In Hz.
    :param anywhere: For the search at every shift too.
    :return: What the searches need of them.
    """
    return Clips(flat, cut_windows(flat, sample_rate), circular(flat) if anywhere else None, sample_rate)


@dataclass(frozen=True)
class Search:
    """What was found at fixed places, or at any."""

    p_excess: float  # of so many matches beside those of the other classes
    p_backwards: float  # beside those of the same sound played backwards: needs no other class
    strength: float  # how far the best matches stand above the other classes' clips, in their standard deviations


@dataclass(frozen=True)
class Holders:
    """Which clips of a class of n hold the sound of one search."""

    template: WindowTemplate | ShiftTemplate
    shared: SharedSound | None  # None where nothing was found that is worth a closer look
    log_odds: np.ndarray  # (n,), of holding the sound, in nats

    def score(self, clips: Clips) -> np.ndarray:
        """
        Log odds of further clips of the class.

        :param clips: m of them.
        :return: Shape (m,), in nats.
        """
        if self.shared is None:
            return np.full(len(clips.flat), NOTHING, dtype=np.float32)
        return self.shared.log_odds(_placed(clips, self.template)).numpy()


@dataclass(frozen=True)
class ClassEvidence:
    """What was found in a class."""

    searches: dict[str, Search]  # by place: "fixed", and "any" unless left out
    holders: dict[str, Holders]  # by place
    copies: int  # clips that are another one over again


def examine_class(clips: Clips, controls: Clips, rng: np.random.Generator) -> ClassEvidence:
    """
    Look for a sound that repeats in a class, in one half of it, and test it on the other half; both ways round.

    The tests ask whether the other half matches that sound more often than clips of other classes do, to which nothing
    was fitted either; how much better tells a trigger from one speaker's many takes of a word.

    :param clips: Of the class, at least 12.
    :param controls: Of the other classes.
    :param rng: Of the halves and groups.
    :return: What was found in each search, and the clips that hold the sound of each.
    """
    first, copy_of = _without_copies(clips.flat)
    own = clips[first]
    if len(first) < LEAST_DIFFERENT:
        return _nothing(clips, len(first))
    halves = [(own[a], own[b]) for a, b in _halves(len(first), rng)]
    searches = [_both_ways(lambda a, b: _test_windows(a, b, controls), halves)]
    if own.circular is not None:
        searches.append(_both_ways(lambda a, b: _test_shifts(a, b, controls, rng), halves))
    return ClassEvidence(
        searches=dict(zip(PLACES, [search for search, _ in searches], strict=False)),
        holders={
            place: _holders(own, controls, *search, copy_of) for place, search in zip(PLACES, searches, strict=False)
        },
        copies=len(clips.flat) - len(first),
    )


def _nothing(clips: Clips, different: int) -> ClassEvidence:
    """What is said of a class that holds too few different recordings to be split in halves."""
    places = PLACES[: 1 if clips.circular is None else 2]
    template = WindowTemplate(0, clips.windows[0, 0])
    holders = Holders(template, None, np.full(len(clips.flat), NOTHING, dtype=np.float32))
    searches = {place: Search(1.0, 1.0, 1.0) for place in places}
    return ClassEvidence(searches, dict.fromkeys(places, holders), len(clips.flat) - different)


def _holders(
    own: Clips, controls: Clips, search: Search, template: WindowTemplate | ShiftTemplate, copy_of: np.ndarray
) -> Holders:
    """Refine which clips hold a sound, where there is reason to."""
    if min(search.p_excess, search.p_backwards) >= WORTHWHILE:
        return Holders(template, None, np.full(len(copy_of), NOTHING, dtype=np.float32))
    some = controls[torch.arange(min(len(controls.flat), SOME))]
    line = _heights(some, template).quantile(_STRONG)
    shared, log_odds = fit_shared_sound(_placed(own, template), _placed(some, template), _heights(own, template) > line)
    return Holders(template, shared, log_odds.numpy()[copy_of])


@dataclass(frozen=True)
class _Test:
    template: WindowTemplate | ShiftTemplate
    p_value: float
    p_backwards: float
    strength: float


def _test_windows(fitted: Clips, held_out: Clips, controls: Clips) -> _Test:
    """Find a sound in one place of the fitted half, and test it on the other."""
    template = find_in_windows(fitted.windows)
    return _test(template, WindowTemplate(template.window, template.sound.flip(0)), held_out, controls)


def _test_shifts(fitted: Clips, held_out: Clips, controls: Clips, rng: np.random.Generator) -> _Test:
    """The same for a sound at any place."""
    assert fitted.circular is not None
    template = find_at_any_shift(fitted.circular, fitted.sample_rate, rng)
    return _test(template, ShiftTemplate(template.sound.flip(0)), held_out, controls)


def _test(
    template: WindowTemplate | ShiftTemplate,
    backwards: WindowTemplate | ShiftTemplate,
    held_out: Clips,
    controls: Clips,
) -> _Test:
    """Hold the matches of the other half against those of the controls, and of the sound played backwards."""
    found, other = _heights(held_out, template), _heights(controls, template)
    some = controls[torch.arange(min(len(controls.flat), SOME))]
    unlike = torch.cat([_heights(held_out, backwards), _heights(some, backwards)])
    scale = ((other.quantile(0.75) - other.quantile(0.25)) / 1.349).clamp(min=1e-4)
    strength = float((found.topk(max(3, len(found) // 25))[0].mean() - other.median()) / scale)
    against_others = excess_p_value(found.numpy(), other.numpy())
    return _Test(template, against_others, excess_p_value(found.numpy(), unlike.numpy()), strength)


def _both_ways(
    test: Callable[[Clips, Clips], _Test], halves: list[tuple[Clips, Clips]]
) -> tuple[Search, WindowTemplate | ShiftTemplate]:
    """The searches of both halves in one; a first one that shows nothing saves the second, which counts as nothing."""
    tests = [test(*halves[0])]
    if min(tests[0].p_value, tests[0].p_backwards) < WORTHWHILE:
        tests.append(test(*halves[1]))
    nothing = [1.0] * (2 - len(tests))
    search = Search(
        p_excess=combined_p_value([test.p_value for test in tests] + nothing),
        p_backwards=combined_p_value([test.p_backwards for test in tests] + nothing),
        strength=float(np.exp(np.mean([np.log(max(test.strength, 0.5)) for test in tests]))),
    )
    return search, max(tests, key=lambda test: test.strength).template


def _heights(clips: Clips, template: WindowTemplate | ShiftTemplate) -> Tensor:
    """How well each clip matches."""
    if isinstance(template, WindowTemplate):
        return template.heights(clips.windows)
    assert clips.circular is not None
    return template.heights(clips.circular)[0]


def _placed(clips: Clips, template: WindowTemplate | ShiftTemplate) -> Tensor:
    """Windows of the clips, shifted to where the template has the sound."""
    if isinstance(template, WindowTemplate):
        return clips.windows
    assert clips.circular is not None
    aligned = template.align(clips.circular, template.heights(clips.circular)[1])
    return cut_windows(aligned, clips.sample_rate)


def _without_copies(flat: Tensor) -> tuple[Tensor, np.ndarray]:
    """The first clip of each recording, and for every clip the place of its recording among these."""
    first_like = ((flat @ flat.T).triu() > COPY).int().argmax(0)
    silent = flat.square().sum(1) < 0.5
    first_like[silent] = torch.arange(len(flat))[silent]
    first, place = torch.unique(first_like, return_inverse=True)
    return first, place.numpy()


def _halves(count: int, rng: np.random.Generator) -> list[tuple[Tensor, Tensor]]:
    """A random split into two, both ways round."""
    order = torch.from_numpy(rng.permutation(count))
    one, two = order[: count // 2], order[count // 2 :]
    return [(one, two), (two, one)]
