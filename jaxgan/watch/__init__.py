"""What a run says of itself: its log, its totals, alarms, callbacks and pictures."""
