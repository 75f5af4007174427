"""One run: its program, its folder, its checkpoints, its model, what is drawn and measured."""
