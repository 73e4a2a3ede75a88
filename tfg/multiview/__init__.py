"""Heads of many people pictured from many sides, drawn with exact cameras: what a tri-plane prior is learned from.

`base` has the nouns, `synthetic` people of the embedded generator, `ict*` heads of ICT-FaceKit, `cache` keeps pictures on disk.
"""
