"""What everything stands on: the record of a method, its state, draws, errors, files, devices."""
