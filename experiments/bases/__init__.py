"""What the experiments on one dataset share. An experiment names its method, and what differs."""
