"""The tables that each step of the state file's migrations makes, as SQL."""
