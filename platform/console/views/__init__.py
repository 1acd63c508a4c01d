"""The operators' pages, a module for each kind of thing."""
