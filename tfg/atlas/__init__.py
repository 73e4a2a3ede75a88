"""The atlas: heads of many segments of the same clips, one row each, and what a selector would have gained on it by lookup.

`columns` what a row holds; `table` the CSV as numbers; `rule` a selector as a YAML of columns; `bench` how well it chooses. numpy and
scipy only, never torch.
"""
