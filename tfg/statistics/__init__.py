"""Intervals of what was measured on frames that resemble their neighbours, and of groups of runs. numpy and scipy only, never torch.

`autocorrelation` how far frames resemble their neighbours; `bootstrap` intervals of statistics and differences over frames;
`measures` which statistic a recorded metric is; `pairing` which runs stand beside each other; `comparison` how far they differ.
"""
