"""The pages of the host's own operators, under /operator/: they alone have sessions."""
