"""A run, or several side by side, as one page: its curves, pictures, figures and alarms."""
