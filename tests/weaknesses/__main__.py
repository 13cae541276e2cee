"""`python -m weaknesses`: write the table of the documentation anew."""

from .table import PAGE, page

if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(PAGE.name)
