"""What an adversary found, as tests: each attack is a story that the laws do not let happen again."""
