"""The program that speaks: reads requests from its input, drives libespeak-ng, writes 16-bit samples to its output.

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
_POSITION_CHARACTER, _CHARS_UTF8 = 1, 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def main(library_path: str, data_path: str) -> None:
    """
    Answer {"seed": int, "requests": [[voice, text, rate, pitch, range], ...]} with the sample rate (int32), then for
    each request the number of samples (int32) and the samples (int16).
    """
    job = json.load(sys.stdin)
    library = ctypes.CDLL(library_path)
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data_path.encode(), _DONT_EXIT)
    if rate <= 0:
        sys.exit("espeak-ng did not start")
    spoken = bytearray()

    def collect(samples: ctypes._Pointer, count: int, events: int) -> int:
        if samples and count > 0:
            spoken.extend(ctypes.string_at(samples, 2 * count))
        return 0

    callback = _CALLBACK(collect)  # kept until the end: the library holds no reference of its own
    library.espeak_SetSynthCallback(callback)
    library.espeak_ng_SetRandSeed(ctypes.c_long(job["seed"]))
    out = sys.stdout.buffer
    out.write(struct.pack("<i", rate))
    for voice, text, speed, pitch, pitch_range in job["requests"]:
        spoken.clear()
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            sys.exit(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((_RATE, speed), (_PITCH, pitch), (_RANGE, pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        library.espeak_Synth(data, len(data) + 1, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8, None, None)
        out.write(struct.pack("<i", len(spoken) // 2))
        out.write(spoken)
    out.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
