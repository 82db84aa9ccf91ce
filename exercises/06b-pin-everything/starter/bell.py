"""What the harbour's bell says at four in the morning, and how fast the first ferry is."""

from knots import knots
from tidebell import strokes

print(f"04:00: {strokes(4, 0)}, and the ferry makes {knots(22.2)}")
