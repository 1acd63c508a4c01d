"""The phone's side of the binding of chip, SIM and number, in four units.

registration_request: takes the number that somebody typed, and reads the hardware.
binding_request: asks the platform to bind the SIM of that number to this phone, and proves it.
acquisition: reads chip serial, SIM code and number in real time, at each use.
verification: has the platform verify them, and takes its permit for one use.
"""
