"""Messages that leave the plane: how they are worded, where they may go, and how they are handed over."""
