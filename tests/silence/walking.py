"""A whole life of a second factor on a panel, and all that was answered, to be searched for what must not be there.

Rule of this file: secrets are shown by the answers to the set-up, recovery codes by the one answer that issues them,
codes by nobody.
"""

from browser.site import PASSWORD
from pages.live import Answer, Live, Visitor
from silence.finder import Finder
from totpcore import TOTP

SETUP = "/profile/two-factor"


class Walk:
    """An owner who sets up, logs in and changes everything, and all that was answered."""

    def __init__(self, live: Live) -> None:
        self.live, self.account = live, live.add("ada", owner=True)
        self.visitor: Visitor = live.visitor()
        self.finder, self.typed = Finder({}), 0
        self.answers: list[tuple[str, Answer]] = []
        self.keys: list[TOTP] = []

    def send(self, path: str, **fields: str) -> Answer:
        """Send a form; what is typed as a code is looked for from then on."""
        if "code" in fields:
            self.typed += 1
            self.finder.add({f"typed code {self.typed}": fields["code"]})
        return self.keep(path, self.visitor.post(path, **fields))

    def keep(self, path: str, answer: Answer) -> Answer:
        """Keep an answer."""
        self.answers.append((f"{len(self.answers)}: {path}", answer))
        return answer

    def look_around(self) -> None:
        """Open every page that there is."""
        for address, _ in self.live.addresses("GET"):
            for user in self.live.users.all():
                path = address.replace("{user}", user.id)
                self.keep(path, self.visitor.get(path))

    def begin(self, way: str, **fields: str) -> TOTP:
        """Begin set-up: the page shows the secret, which is looked for from the moment at which it is confirmed."""
        shown = self.send(f"{SETUP}/{way}", **fields)
        enrolment = self.live.factor.pending(self.account.id)
        assert enrolment is not None
        assert enrolment.secret.base32 in shown.text
        self.answers.pop()
        self.keys.append(TOTP(enrolment.secret))
        return self.keys[-1]

    def confirm(self, token: TOTP) -> list[str]:
        """Confirm: the answer shows the recovery codes, for the only time, and no secret."""
        self.finder.add({f"secret {len(self.keys)}": token.secret.reveal()})
        answer = self.send(f"{SETUP}/confirm", code=token.code(self.live.now()))
        self.finder.check("the page of the recovery codes", answer.text)
        return self.issued(answer)

    def issued(self, answer: Answer) -> list[str]:
        """The recovery codes of an answer, which is not searched for these."""
        self.answers.pop()
        found = [part.split("</code>")[0] for part in answer.text.split("<code>")[1:]]
        assert len(found) == 10
        self.finder.add({f"recovery code {self.typed}.{number}": code for number, code in enumerate(found)})
        return found

    def log_in(self, *, code: str = "", recovery: str = "") -> Answer:
        """Both steps of the log-in, as a new visitor."""
        self.visitor = self.live.visitor()
        self.keep("/login", self.visitor.give_password("ada"))
        self.keep("/login/code", self.visitor.get("/login/code"))
        self.keep("/login/recovery", self.visitor.get("/login/recovery"))
        return self.send("/login/recovery", code=recovery) if recovery else self.send("/login/code", code=code)


def walk(live: Live) -> Walk:
    """The whole life of a second factor on the panel."""
    one = Walk(live)
    one.visitor.log_in(one.account)
    one.visitor.get(SETUP)
    token = one.begin("setup")
    one.finder.add({"wrong code": wrong_code(live, token)})
    refused = one.send(f"{SETUP}/confirm", code=wrong_code(live, token))
    assert refused.status_code == 422
    one.finder.check("the set-up page after a wrong code", refused.text)
    one.answers.pop()
    codes = one.confirm(token)
    one.look_around()
    for bad in (wrong_code(live, token), "12345x", codes[9] + "Z", token.code(live.now())):
        one.send(f"{SETUP}/recovery-codes", code=bad)
        one.send(f"{SETUP}/disable", code=bad)
    live.tick(60)
    assert one.log_in(code=wrong_code(live, token)).status_code == 422
    assert one.send("/login/code", code=token.code(live.now())).status_code == 302
    assert one.log_in(code=token.code(live.now())).status_code == 422
    one.look_around()
    assert one.log_in(recovery=codes[0]).status_code == 302
    assert one.log_in(recovery=codes[0]).status_code == 422
    assert one.log_in(recovery=codes[1]).status_code == 302
    one.look_around()
    new = one.issued(one.send(f"{SETUP}/recovery-codes", code=codes[2]))
    another = one.begin("replace", code=new[0])
    one.look_around()
    one.confirm(another)
    one.look_around()
    live.tick(60)
    one.send("/profile/password", own_password=PASSWORD, new_password="x")
    one.send(f"{SETUP}/disable", code=another.code(live.now()))
    one.look_around()
    return one


def wrong_code(live: Live, token: TOTP) -> str:
    """A code that is wrong for some minutes."""
    near = {token.code(live.now() + 30 * step) for step in range(-12, 13)}
    return next(code for code in (f"{number:06d}" for number in range(873_000, 874_000)) if code not in near)


def check_addresses(one: Walk) -> None:
    """Web servers and proxies log addresses: none holds what was typed, and every form that takes it is a POST."""
    forms = 0
    for where, answer in one.answers:
        one.finder.check(f"the address of {where}", where, str(answer.headers))
        for form in answer.text.split("<form")[1:]:
            head, body = form.split(">", 1)
            if 'name="code"' in body.split("</form>")[0] or 'type="password"' in body.split("</form>")[0]:
                forms += 1
                assert 'method="post"' in head, where
    assert forms > 20
