"""The service on this machine (`make run`): an embedded AWS, the real template deployed on it, and a demo to call.

Functions and layers import nothing from here. The embedded AWS differs from the real one in places; this package deals
with that, so that template.yaml does not have to.
"""
