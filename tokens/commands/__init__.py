"""The commands of the token simulator, by what they are for."""
