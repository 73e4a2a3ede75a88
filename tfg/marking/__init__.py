"""What says that a video was rendered: a watermark in its pictures, a signed C2PA manifest beside them.

`watermark`    put into every frame; found again after re-encoding and scaling.
`certificate`  of this machine, which signs.
`manifest`     written and read by c2pa-python.
"""
