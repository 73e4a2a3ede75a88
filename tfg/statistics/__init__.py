"""Intervals of what was measured on frames that resemble their neighbours, and of groups of runs. numpy and scipy only.

`bootstrap` statistics of aligned series and their differences, over the frames of one video.
"""
