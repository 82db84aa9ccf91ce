"""The views of a notebook. Each has a live part (a widget) and a static part, which readers see without a kernel.

The text of both parts is made here in Python. The scripts only place it and react to the reader. The look of all views
is in look.css.
"""
