"""How a trained head moves under new speech: poses, torso, brows and blinks from the person's own training rows, by a seed.

`channels`  what moves, how it is blended between two rows, and how far two frames differ.
`walk`      a path over the training rows without a jump: on, back, or eased over to other rows where they fit.
`blinks`    the person's own blinks: found, taken out of the curves, and placed anew.
`perform`   all of it for some frames of new speech.
"""
