"""Log-ins with google-authenticator-libpam's PAM module, on a state file of its own, each at a time of its own.

Rule 1. The module is the one that is installed, loaded by PAM itself; what it wrote is what is told.
Rule 2. PAM's configuration is a folder that goes again, so that nothing of the machine's own is touched, and whoever
runs the tests is the one who logs in.
Rule 3. Each log-in is a process of its own, whose clock `faketime` has set.
"""

import ctypes
import json
import os
import pwd
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

SERVICE = "totpcore"
SUCCESS = 0


class Message(ctypes.Structure):
    """`struct pam_message`."""

    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    """`struct pam_response`; PAM frees what is in it."""

    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


CONVERSE = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(Message)),
    ctypes.POINTER(ctypes.POINTER(Response)),
    ctypes.c_void_p,
)


class Conversation(ctypes.Structure):
    """`struct pam_conv`."""

    _fields_ = [("converse", CONVERSE), ("data", ctypes.c_void_p)]


def login(folder: str, code: str) -> bool:
    """Authenticate whoever runs this, who types the code when asked."""
    pam, libc = ctypes.CDLL("libpam.so.0"), ctypes.CDLL(None)
    libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p
    libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]

    def converse(count: int, _messages: object, responses: "ctypes._Pointer[ctypes._Pointer[Response]]", _: int) -> int:
        made = libc.calloc(count, ctypes.sizeof(Response))
        responses[0] = ctypes.cast(made, ctypes.POINTER(Response))
        for place in range(count):
            responses[0][place].text = libc.strdup(code.encode())
        return SUCCESS

    handle, conversation = ctypes.c_void_p(), Conversation(CONVERSE(converse), None)
    user = pwd.getpwuid(os.getuid()).pw_name.encode()
    begun = pam.pam_start_confdir(
        SERVICE.encode(), user, ctypes.byref(conversation), folder.encode(), ctypes.byref(handle)
    )
    if begun != SUCCESS:
        raise SystemExit(f"PAM did not begin: {begun}")
    answer: int = pam.pam_authenticate(handle, 0)
    pam.pam_end(handle, answer)
    return answer == SUCCESS


def main(state: str, logins: list[tuple[int, str]]) -> dict[str, object]:
    """Log in at each of the times, and return which were accepted, and the state file as it is afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "state")
        file.write_text(state, encoding="ascii")
        file.chmod(0o600)
        Path(folder, SERVICE).write_text(f"auth required pam_google_authenticator.so secret={file}\n", encoding="utf-8")
        accepted = [_at(time, folder, code) for time, code in logins]
        return {"accepted": accepted, "state": file.read_text(encoding="ascii")}


def _at(time: int, folder: str, code: str) -> bool:
    when = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S")
    # The module compares the times of its file before and after: those stay real.
    surroundings = {**os.environ, "TZ": "UTC", "NO_FAKE_STAT": "1"}
    command = ["faketime", "-f", when, sys.executable, __file__, folder, code]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    if done.stdout not in ("True", "False"):
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout == "True"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.write(str(login(*sys.argv[1:])))
    else:
        sys.stdout.write(json.dumps(main(**json.load(sys.stdin))))
