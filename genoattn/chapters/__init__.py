"""The steps of each chapter: parameters, computations, what was found.

``<name>.py`` holds the parameters and the steps of one notebook, ``<name>_words.py`` the pure
functions that turn their frames into sentences and tables. Where one would be too long to read in
a sitting, ``<name>_<topic>.py`` holds the steps of one topic and ``<name>_<topic>_words.py`` what
is said of it; notebooks take all steps from ``<name>``.
"""
