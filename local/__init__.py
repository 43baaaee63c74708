"""The service on this machine: an embedded AWS, the real template deployed on it, a demo to call (`make run`).

Nothing here is imported by the functions or their layers. What the embedded AWS does differently is dealt with here
and not in template.yaml.
"""
