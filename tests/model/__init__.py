"""Model check of the pure core: every state of a small world, and what must be true in each.

The world is small but whole: one endpoint, two models, two versions of one of
them, an image that never gets ready, two gateway pods, people who edit at any
moment, and mishaps. What the operator decides is the real ``plan_endpoint``;
its plan is then carried out one thing at a time, as the edge does, while
everything else goes on in between, so that a plan may be out of date before
its last write, and the operator may be killed between any two.

    asks       what people may ask
    state      one state, canonical
    observed   state -> World, as the operator sees it
    operator   World -> plan, taken apart
    effects    one thing of a plan -> the next state
    moves      all that can happen next
    explore    breadth-first through all states
    laws       what must be true in a state, of a write, of a claim
    ends       whether everything comes to rest, and where
    worlds     where each world begins, and how much may happen in it
    steps      updates that pass through several waypoints
    bugs       mistakes, to see that they are found
    trace      the shortest way to a state, in words

``docs/explanation/model-check.md`` says what it shows and what it does not.
"""
