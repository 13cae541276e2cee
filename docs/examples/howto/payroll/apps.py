"""The app."""

# ruff: noqa: F401, PLC0415  # settings come first
# page: begin
from django.apps import AppConfig


class PayrollConfig(AppConfig):
    """It listens to the second factor's events once the site starts."""

    name = "payroll"

    def ready(self) -> None:
        """Connect the receiver."""
        from . import receivers


# page: end
