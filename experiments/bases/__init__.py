"""What experiments on one dataset, or of one method, share. Each names its method and its own."""
