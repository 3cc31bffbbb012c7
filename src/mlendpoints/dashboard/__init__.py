"""The dashboard: a web page about endpoints, served on loopback with the user's own rights. It only reads.

What is followed of the cluster is followed once, however many tabs show it. The page is made in the browser, from JSON
and by ``textContent`` alone: no text from the cluster is ever parsed as HTML.
"""
