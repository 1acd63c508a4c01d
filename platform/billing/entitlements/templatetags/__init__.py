"""Tags for the pages of the shop."""
