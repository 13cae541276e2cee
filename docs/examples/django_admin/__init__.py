"""A stock Django project whose admin asks its staff for a second factor.

What embeds totpcore is between the lines that say so in `settings.py`, and one line in `urls.py`.
`python -m django_admin` starts it on this machine; `manage.py` is what `django-admin startproject` makes.
"""
