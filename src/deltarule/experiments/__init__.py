"""Published experiments run again (`reproduce`), and explanations drawn from real runs (`illustrate`)."""
