"""Events of other services come in; events about status changes go out."""
