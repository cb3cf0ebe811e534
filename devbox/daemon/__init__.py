"""The one resident process of a DEVBOX_HOME: started on demand, gone when nobody needs it.

It takes in what runs have written down, those in boxes too, and answers what code in boxes asks.
Nothing of devbox needs it to run: without it runs are taken in by the next command that asks for
them, and only code in boxes has nobody to ask.
"""
