"""Fuzzing: what people type, scan and store, as no test writer would think of it.

Rules of this folder:

1. A target is a plain function of bytes. It needs no fuzzer, so that the corpus is replayed on every Python by
   `test_corpus.py`; atheris drives the same functions (`python -m fuzzing`), and only `child.py` imports it.
2. A target reads its bytes as choices, pieces and numbers (`inputs.py`, in the manner of a `FuzzedDataProvider`), so
   that mutations stay near what could pass. Atheris' own reader is not used: the corpus would need atheris to be read.
3. A target does not only look for crashes. It holds what totpcore answers against a second, naive implementation of
   the rule, written another way, and raises `Fault` where they differ. Never a bare `assert`: `-O` removes those.
4. The corpus is one JSON file a target (`corpus/`), minimised by libFuzzer; `full_run.json` is what the last full run
   came to.
"""
