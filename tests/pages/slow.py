"""Forms that come slowly, over a socket: the head at once, the body when it suits whoever sends it.

What a session may do is asked when the form is here. Whoever begins one form in each session that they once had could
otherwise finish it hours later, after the log-out and after the change of the password.
"""

import socket
import time
from urllib.parse import urlencode, urlsplit

from browser.codes import oath_code
from browser.site import PASSWORD
from pages.live import Live, Visitor, key_in
from totpcore import Rule, State

OWN = "/profile/two-factor"
LENGTH = 2000


class Begun:
    """A form of which the panel has the head, and nothing else."""

    def __init__(self, visitor: Visitor, path: str) -> None:
        place = urlsplit(visitor.live.url)
        self._token = visitor.token
        self._socket = socket.create_connection((place.hostname, place.port), timeout=60)
        lines = [
            f"POST {path} HTTP/1.1",
            f"Host: {place.netloc}",
            f"Cookie: panel={visitor.cookie}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {LENGTH}",
            "Connection: close",
        ]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode())
        time.sleep(0.5)  # for a panel that looks at once to have looked

    def finish(self, **fields: str) -> str:
        """Send the rest; all that is answered."""
        body = urlencode({"csrf": self._token, **fields, "more": ""})
        with self._socket as connection:
            connection.sendall(body.ljust(LENGTH, "x").encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def leads_to_the_log_in(answer: str) -> bool:
    """Whether an answer is the one that a guest gets: no page, no session."""
    head, _, page = answer.partition("\r\n\r\n")
    lines = head.lower().split("\r\n")
    return (
        " 302 " in lines[0] and "location: /login" in lines and "set-cookie" not in head.lower() and "codes" not in page
    )


class Slow:
    """A form is judged by what holds when all of it has come."""

    def test_a_form_is_not_finished_after_log_out(self, site: Live) -> None:
        """What was begun before changes nothing afterwards."""
        visitor = site.visitor()
        visitor.log_in(site.add("ada", owner=True))
        visitor.get("/setup/staff/two-factor-rule")
        begun = Begun(visitor, "/setup/staff/two-factor-rule")
        visitor.post("/logout")
        assert leads_to_the_log_in(begun.finish(rule="REQUIRE"))
        assert site.users.enforcement().rule is Rule.OFF

    def test_a_set_up_is_not_finished_after_a_change_of_the_password(self, site: Live) -> None:
        """A thief with a stolen session gets no device, no recovery codes and no new session."""
        ada = site.add("ada")
        thief, owner = site.visitor(), site.visitor()
        for visitor in (thief, owner):
            visitor.log_in(ada)
        thief.get(OWN)
        key = key_in(thief.post(f"{OWN}/setup"))
        begun = Begun(thief, f"{OWN}/confirm")
        owner.get("/profile/password")
        owner.post("/profile/password", own_password=PASSWORD, new_password="a better password")
        assert leads_to_the_log_in(begun.finish(code=oath_code(key, site.now())))
        assert site.status(ada).state is not State.ON
        assert owner.get("/").status_code == 200

    def test_a_code_is_not_checked_for_a_half_session_that_has_ended(self, site: Live) -> None:
        """Five minutes are five minutes, also for a form that was begun before."""
        ada = site.add_with_factor("ada")
        visitor = site.visitor()
        visitor.give_password("ada")
        begun = Begun(visitor, "/login/code")
        site.tick(300)
        assert leads_to_the_log_in(begun.finish(code=ada.code(site.now())))

    def test_a_form_that_comes_slowly_is_taken(self, site: Live) -> None:
        """Nothing is wrong with a slow line."""
        visitor = site.visitor()
        visitor.log_in(site.add("ada", owner=True))
        visitor.get("/setup/staff/two-factor-rule")
        assert " 302 " in Begun(visitor, "/setup/staff/two-factor-rule").finish(rule="ENCOURAGE")
        assert site.users.enforcement().rule is Rule.ENCOURAGE
