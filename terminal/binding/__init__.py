"""The client of a bound phone: its four units, and the chip and SIM they read."""
