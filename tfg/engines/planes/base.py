"""What all ways of reading a tri-plane share: which coordinates of a point each plane is read at."""

# Of each plane: the coordinate that selects the column, then the row. xy, xz, zy: EG3D's planes (Chan et al. 2022) with the third
# as its authors corrected it (NVlabs/eg3d issue 67; the released code reads xz a second time).
AXES = ((0, 1), (0, 2), (2, 1))
