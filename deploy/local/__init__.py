"""The one-command stack: embedded engines, all processes, a supervisor, a first payment."""
