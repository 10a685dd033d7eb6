"""No ART subclass of the package is missing from the table."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from art.attacks import Attack
from art.defences.detector.evasion import EvasionDetector
from art.defences.detector.poison import PoisonFilteringDefence
from art.defences.postprocessor import Postprocessor
from art.defences.preprocessor import Preprocessor

import art_audio_ext.attacks
import art_audio_ext.defences

_BASES = (Attack, EvasionDetector, PoisonFilteringDefence, Preprocessor, Postprocessor)


def test_every_art_subclass_has_its_line(in_the_table):
    found = set()
    for package in (art_audio_ext.attacks, art_audio_ext.defences):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                own = cls.__module__.startswith(package.__name__) and not cls.__name__.startswith("_")
                if own and issubclass(cls, _BASES) and not inspect.isabstract(cls):
                    found.add(cls)
    assert found
    assert found == in_the_table, "add the class to tests/conformance/table.py"
