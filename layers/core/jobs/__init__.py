"""Jobs: durable, cancellable, observable, started on the second they are due.

Imports run one way: functions → runtime → store, dialects, adapters → use cases → ports → model, errors.
"""
