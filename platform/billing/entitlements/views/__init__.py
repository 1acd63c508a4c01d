"""Pages of the shop, of what was bought, and for developers."""
