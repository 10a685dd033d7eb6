"""The program that speaks: reads requests from its input, drives libespeak-ng, writes 16-bit samples to its output.

With "events" it also writes when every word and phoneme begins.

It runs in a process of its own, by its file name and with the standard library only. The library keeps hidden state
between words (noise generator, flutter), so that only a fresh process with a fixed seed and a fixed order of requests
gives the same samples every time; and a fault in it cannot take the caller down.
"""

from __future__ import annotations

import ctypes
import json
import struct
import sys

_SYNCHRONOUS, _DONT_EXIT = 2, 0x8000
_PHONEME_EVENTS_IN_IPA = 3
_LIST_END, _WORD, _PHONEME = 0, 1, 7
_POSITION_CHARACTER, _CHARS_UTF8 = 1, 1
_RATE, _PITCH, _RANGE = 1, 3, 4


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h; its last member is a union, read as the eight bytes of a phoneme's name."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_ubyte * 8),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def main(library_path: str, data_path: str) -> None:
    """
    Answer {"seed": int, "events": bool, "requests": [[voice, text, rate, pitch, range], ...]} with the sample rate
    (int32), then for each request the number of samples (int32) and the samples (int16); with events also the number
    of bytes (int32) and the JSON of [[sample, "word", position in the text] or [sample, "phoneme", IPA], ...].
    """
    job = json.load(sys.stdin)
    library = ctypes.CDLL(library_path)
    options = _DONT_EXIT | (_PHONEME_EVENTS_IN_IPA if job["events"] else 0)
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data_path.encode(), options)
    if rate <= 0:
        sys.exit("espeak-ng did not start")
    spoken = bytearray()
    heard: list[list] = []

    def collect(samples: ctypes._Pointer, count: int, events: ctypes._Pointer) -> int:
        if samples and count > 0:
            spoken.extend(ctypes.string_at(samples, 2 * count))
        if job["events"] and events:
            heard.extend(_read_events(events))
        return 0

    callback = _CALLBACK(collect)  # kept until the end: the library holds no reference of its own
    library.espeak_SetSynthCallback(callback)
    library.espeak_ng_SetRandSeed(ctypes.c_long(job["seed"]))
    out = sys.stdout.buffer
    out.write(struct.pack("<i", rate))
    for voice, text, speed, pitch, pitch_range in job["requests"]:
        spoken.clear()
        heard.clear()
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            sys.exit(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((_RATE, speed), (_PITCH, pitch), (_RANGE, pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        library.espeak_Synth(data, len(data) + 1, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
        out.write(struct.pack("<i", len(spoken) // 2))
        out.write(spoken)
        if job["events"]:
            text_of_events = json.dumps(heard).encode()
            out.write(struct.pack("<i", len(text_of_events)) + text_of_events)
    out.flush()


def _read_events(events: ctypes._Pointer) -> list[list]:
    """When words and phonemes begin; the list of the library ends with an event of type 0."""
    found, i = [], 0
    while events[i].type != _LIST_END:
        event = events[i]
        if event.type == _WORD:
            found.append([event.sample, "word", event.text_position - 1])
        elif event.type == _PHONEME:
            name = bytes(event.name).split(b"\0")[0].decode(errors="ignore")
            found.append([event.sample, "phoneme", name])
        i += 1
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
