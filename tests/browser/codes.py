"""Codes of an independent generator."""

import shutil
import subprocess
import time
from urllib.parse import parse_qs, urlsplit


def oath_code(uri_or_key: str, at: float) -> str:
    """What an independent generator shows at this time for this URI, or for this key in base32."""
    return oath_codes(uri_or_key, at, 1)[0]


def oath_codes(uri_or_key: str, at: float, count: int) -> list[str]:
    """The code of this time and those that follow it."""
    key = parse_qs(urlsplit(uri_or_key).query)["secret"][0] if uri_or_key.startswith("otpauth:") else uri_or_key
    program = shutil.which("oathtool") or "oathtool"
    command = [program, "--totp=SHA1", "-b", "-d", "6", "-s", "30s", "-w", str(count - 1), "-N", f"@{int(at)}", "-"]
    return subprocess.run(command, input=key, capture_output=True, text=True, check=True).stdout.split()


def wrong_code(uri_or_key: str, at: float) -> str:
    """A code that is wrong now and for some minutes."""
    # -11 to +20 steps: to confirm looks ten of them each way for a clock that is off.
    right = oath_codes(uri_or_key, at - 330, 32)
    return next(code for code in (f"{n:06}" for n in range(100)) if code not in right)


def now_with_time_left() -> float:
    """The time, at least eight seconds before the next code."""
    if (left := 30 - time.time() % 30) < 8:
        time.sleep(left + 0.1)
    return time.time()
