"""Small pieces that the how-to pages show; `tests/howto` runs each of them."""
