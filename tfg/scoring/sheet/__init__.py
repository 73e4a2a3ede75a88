"""`tfg evaluate`: score any video of any method against its truth, or without one. Knows the rooms, as the pipeline does."""
