"""A trained head that answers in a page on this machine, and a training that is watched there.

`drive`     sound to what drives a head, a frame a row, also while the sound is still being spoken.
`sources`   utterances: sound known whole, or a microphone; their rows are made in a thread of their own.
`timeline`  utterances one after the other, rest between them.
`head`      a speaker that moves without end, and its pictures.
`stream`    the thread that renders ahead of what the page has shown.
`watched`   a run while it trains, for pages that look.
`upload`    text and files to sound, within limits.
`guard`     who may ask: this machine's own page.
`address`   the port that is taken.
`server`    the addresses; `page/` is what the browser gets.
"""
