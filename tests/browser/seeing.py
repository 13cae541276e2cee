"""What is on the screen, as a person or the camera of a phone sees it."""

import contextlib
import io
import shutil
import subprocess
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Error, Page

from decoding import qr_codes

PATIENCE = 60_000  # milliseconds: a machine that runs everything side by side may pause a browser for long


def picture(page: Page, path: Path | None = None, *, whole: bool = False) -> bytes:
    """A screenshot. Chromium without a screen sometimes has none to give just after a page was opened."""
    for _ in range(5):
        with contextlib.suppress(Error):
            return page.screenshot(path=path, full_page=whole)
        page.wait_for_timeout(100)
    return page.screenshot(path=path, full_page=whole)


def scan(page: Page, path: Path | None = None, *, whole: bool = False) -> str:
    """What a phone's camera would read off the screen; held up until there is something, since browsers paint late."""
    ends = time.monotonic() + PATIENCE / 1000
    while True:
        screenshot = picture(page, path, whole=whole)
        found = qr_codes(Image.open(io.BytesIO(screenshot)))
        if found or time.monotonic() > ends:
            break
        page.wait_for_timeout(100)
    assert len(found) == 1, "exactly one code can be read off the screen"
    return found[0]


def decode_by_zbar(screenshot: Path) -> str:
    """The same with a second, unrelated decoder."""
    program = shutil.which("zbarimg") or "zbarimg"
    command = [program, "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(screenshot)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
