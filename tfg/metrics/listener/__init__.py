"""The embedded listener: lip sync by two small towers fitted to the person, where SyncNet's weights are not needed.

`features` of sound and lips, `fit` of the towers, their `reliability`, the `fitted` listener with its file, and the `metric`.
"""
