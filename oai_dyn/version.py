"""The version, in one place: the package, the User-Agent and setup.cfg read it here."""

__version__ = "0.1.0"
