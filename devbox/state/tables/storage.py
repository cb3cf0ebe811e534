"""Storage locations, what lies where, and dataset versions."""

SQL = """
"""
