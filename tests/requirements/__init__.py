"""What the standards ask for, where totpcore does it, and which test shows it.

Rules of this folder:

1. `requirements.json` holds each requirement as it was published, and whose it is: LIB the library's, APP the
   application's, OUT nobody's here.
2. A LIB row says `where` in the code it is carried out, and then a test has to name it, by
   `@pytest.mark.requirement("id")`. Where the design decided otherwise it says why, as `reason`, instead or besides.
3. An APP row says what the integrator does, in one line. An OUT row says why it is nobody's.
4. A gap in any of this is a failure (`matrix.gaps`). The pages are written by `python -m requirements`.
"""
