"""The command line: ``mlendpoints VERB``, and the same as ``kubectl mlendpoints VERB``.

Built on ``mlendpoints.client``: with the user's own rights, editing only what users write. Pure modules make lines from
objects; only ``session`` and the verbs talk to a cluster.

- ``main``: the app and what starts it. ``options``: the options of every verb, and how one is declared.
- ``verbs``: one module for each group of verbs.
- ``session``: one call of the command: its client, its output, its progress.
- ``output``: tables as kubectl's, JSON, YAML, names. ``progress``: what takes more than a second, in a line on stderr.
- ``errors``: the sentence for each error, and the exit code: 0 as requested, 1 failed, 2 usage, 3 timed out.
- ``finding``: what a name means: an endpoint, else an MLModel. ``completion``: names for the shell.
- Pure: ``columns`` (objects to rows), ``explanations`` (why something is not ready), ``kinds`` (what they are called),
  ``status`` (the tree of an endpoint). ``showing``: a tree in place, or in lines where it is piped.

Modules of the client are imported inside functions: ``--help`` and errors of usage load no HTTP library.
"""
