"""The recorder: runs gor, which captures packets, and writes what it reports as records to the spool (docs/adr/0079).

It must not know where records are shipped to.
"""
