"""What the application keeps for itself."""

from django.db import models


class Note(models.Model):
    """A line that a request writes before it asks for the second factor."""

    id: "models.BigAutoField[int, int]" = models.BigAutoField(primary_key=True)
    text: "models.TextField[str, str]" = models.TextField()

    class Meta:
        """It belongs to this application."""

        app_label = "django_project"

    def __str__(self) -> str:
        return self.text
