"""Changing parameters of an object: all of them, or none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def all_or_nothing(changed: object) -> Iterator[None]:
    """
    Put an object's attributes back where they were if what is done to them fails.

    :param changed: The object; attributes that are bound anew are put back, the values of old ones are not copied.
    """
    before = dict(changed.__dict__)
    try:
        yield
    except Exception:
        changed.__dict__.clear()
        changed.__dict__.update(before)
        raise
