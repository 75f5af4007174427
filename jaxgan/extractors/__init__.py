"""What gives features of images: a classifier of the dataset, or Inception from its files."""
