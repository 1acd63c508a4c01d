"""The security module: interface, core and storage layer, each called by the one above alone."""
