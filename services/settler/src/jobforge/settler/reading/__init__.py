"""From an uploaded file to text that remembers its pages."""
