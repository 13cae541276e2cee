"""liboath, the C library of the OATH Toolkit, through `ctypes`: its `oath_totp_generate`, by the manual of the same."""

import ctypes
import ctypes.util
from functools import partial

from .contenders import AT, KEY, RIGHT, STEP, Step, gives


def version() -> str | None:
    """Return the version; `None` where the machine has no liboath."""
    name = ctypes.util.find_library("oath")
    if name is None:
        return None
    check = ctypes.CDLL(name).oath_check_version
    check.argtypes, check.restype = [ctypes.c_char_p], ctypes.c_char_p
    found: bytes = check(None)
    return found.decode()


def code() -> Step:
    """Return what makes one code."""
    library = ctypes.CDLL(ctypes.util.find_library("oath"))
    if library.oath_init() != 0:
        raise RuntimeError("liboath does not start")
    generate, digits = library.oath_totp_generate, len(RIGHT)
    generate.restype = ctypes.c_int
    generate.argtypes = [
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int64, ctypes.c_uint, ctypes.c_int64, ctypes.c_uint, ctypes.c_char_p,
    ]  # fmt: skip
    room = ctypes.create_string_buffer(digits + 1)
    into_room = partial(generate, KEY, len(KEY), AT, STEP, 0, digits, room)

    def text() -> str:
        if into_room() != 0:
            raise RuntimeError("liboath refuses")
        return room.value.decode()

    return gives(RIGHT, text)
