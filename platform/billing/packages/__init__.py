"""Applications that bill inside themselves: signed packages, requests, strategies, charges."""
