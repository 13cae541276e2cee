"""totpcore beside pyotp, libpass, django-otp and cryptography: every cell of the comparison is found by running them.

Rules of this package:

1. A cell is a `fact`: a text that stands only where the conditions beside it hold. Nothing is claimed that is not run.
2. The same questions are put to totpcore, and some of the answers are in the others' favour.
3. Each library answers in a process of its own, since Django can be set up once in a process.
4. `python -m comparison` writes the tables of the documentation. A test holds them to what the installed versions say;
   the page names the versions that it was written with.
5. In the README stands what comes before the first colon of a cell.
"""
