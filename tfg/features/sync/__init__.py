"""By how many frames a clip's sound is late or early, from what the clip itself shows.

`jaw`: how far the jaw is down; `prior`: what sound predicts of it, learned from other people; `offset`: the shift at which both agree.
"""
