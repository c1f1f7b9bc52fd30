"""From text to what it says, each finding with its evidence; pure."""
