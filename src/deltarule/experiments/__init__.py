"""Reproductions of published experiments (`reproduce`), and illustrations drawn from real runs (`illustrate`)."""
