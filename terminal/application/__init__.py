"""Applications that bill inside themselves: the terminal's receive, process and send modules."""
