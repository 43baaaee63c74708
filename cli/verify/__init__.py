"""`make verify`: calls a deployed service from outside and says, claim by claim, what is so and what was not shown."""
