"""Nothing secret leaves totpcore beside its answers: the tests, and the finder that they search with.

Rules of this folder:

1. A canary is looked for in every form in which a careless program could write it, not only as it stands.
2. The finder is tested first: each form is planted and found, and leaky twins of each kind are caught.
3. What a program asks for by name (`reveal`, `base32`, `uri`, a recovery code by its index) is no leak.
4. Memory is not searched. CPython copies and interns as it likes, and `bytes` and `str` cannot be wiped: a debugger, a
   core dump or a swapped page shows every secret that was in use, and totpcore does not claim otherwise.
"""
