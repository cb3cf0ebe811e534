"""One module, or folder, for each area. :mod:`tui.areas` lists them."""
