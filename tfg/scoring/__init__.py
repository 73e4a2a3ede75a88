"""From pictures to numbers; one word a thing.

A *metric* (tfg/metrics) measures one family of numbers; its *facts* (title, unit, direction, digits) stand beside it.
`suite`    which metrics, built from the switches and the pretrained files that are here.
`setting`  what scores depend on beside what is scored; names the file they are kept in. Needs no torch.
`score`    one video by any metrics: reads faces, shows the metrics the pictures, collects values.
`controls` what is scored beside a head: mean and nearest training frame, the head under shuffled audio.
`run`      the scores of one run: its rendering, the controls, the truth itself.
`request`, `videos`, `pair`, `folder`: an *evaluation*, the record of any method's video against its truth (`tfg evaluate`).
`intervals` of a single video, over its frames. `report` evaluations as text, `sheet` one evaluation as an HTML page.
"""
