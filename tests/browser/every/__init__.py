"""The long look: every page in every state, every dialog, menu and popup, in both languages, at
three widths, light and dark; and how long each page takes. `python -m tests.browser.every`."""
