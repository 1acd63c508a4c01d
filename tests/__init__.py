"""Tests of every part; a package, so that no other one called tests can stand in its way."""
