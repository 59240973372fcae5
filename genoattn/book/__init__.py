"""The book: chapters put in their place, pages checked, files of the genome browser.

The room of the build; it reads runs and writes pages, and nothing of the science imports it.
"""
