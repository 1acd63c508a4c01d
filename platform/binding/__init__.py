"""Devices of holders, and the SIM, number and security chip bound to them."""
