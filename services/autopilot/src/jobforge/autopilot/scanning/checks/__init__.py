"""The checks of a scan, one a file: each is a pure function from what was seen to what is wrong with it."""
