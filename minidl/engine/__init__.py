"""How a call is recorded and walked back: Tensor, Node and the walk; ops, composites and fusion.

No op is declared here but the few that the engine itself needs, and nothing that computes fast.
"""
