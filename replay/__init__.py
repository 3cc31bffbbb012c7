"""replay: sends captured requests to a candidate with gor, and compares its responses with the recorded ones.

    objects ──> exchanges ──> spool ──> gor's file ──> gor ──> the candidate
                                │                       │
                                └──────> compare <──────┘ responses ──> report

It must not know the operator; of model-init it uses how sources are opened.
"""
