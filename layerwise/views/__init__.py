"""What a notebook shows. A view has a live part (a widget) and a static one: what a reader sees without a kernel.

Text is made here in Python, once, for both; the scripts only place it and listen. The one visual language is look.css.
"""
