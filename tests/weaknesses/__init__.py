"""Published classes of weakness, each as a check that totpcore passes and that a broken twin of it fails.

Rules of this package:

1. A check takes a `Library` and uses nothing of totpcore but what it finds there, so that a twin can stand in for it.
2. A twin is totpcore with one fault of the class, about ten lines, and it falls by `Vulnerable`, by nothing else: one
   that only crashes would prove nothing.
3. No two classes share a check. Where one mechanism answers several, each has the check that tells it from the others.
4. Checks do not rely on `assert`: `python -O` would make them pass.
5. `classes.json` cites only published cases that were read: an advisory (ADV), an entry of an advisory database (DB),
   the thread of an issue or pull request (THR), a changelog or commit (LOG).
"""
