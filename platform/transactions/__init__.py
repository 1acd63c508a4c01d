"""Transactions, their steps, and the responses to them: the main job."""
