"""What stands behind the head at any pose, learned from the training part: the *torso field* of a head.

`settings`  its keys and the name of its file.
`field`     the model: a picture that a pose moves.
`learning`  how it is learned.
`stage`     the field of a head, beside its checkpoint, with its record in head.json.
"""
