"""Models as files: saved, looked into and loaded, and the functions that are called with them.

Standard library only, and for Python 3.9 and newer, since it is copied into boxes together with
:mod:`devbox.journal`; a framework is imported where a model of it is at hand. Loading runs no
code that comes with a model, unless the caller says so.
"""
