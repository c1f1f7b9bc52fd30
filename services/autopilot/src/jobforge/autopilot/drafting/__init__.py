"""How a content draft is made: its sources, its writers, its checks and its pages."""
