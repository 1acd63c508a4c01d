"""What runs on the user's side: resources, the billing manager, chip and SIM, their programs."""
