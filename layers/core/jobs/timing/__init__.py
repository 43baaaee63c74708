"""Starting on the second: the tick that sends hints, and the start that a hint leads to."""
