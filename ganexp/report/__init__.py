"""What many runs say together: a table, figures and a page, from the run folders alone.

Import from the modules: none needs JAX, and only `figures` needs matplotlib.
"""
