"""The documentation is held to the code: its code runs, its generated parts are fresh, its links lead somewhere."""
