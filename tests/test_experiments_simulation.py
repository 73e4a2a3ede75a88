"""Facts of the two simulations beside Table 1: what differs between their cells, and what must not."""

from experiments import poses, same_motion


def overrides(cell):
    return dict(text.split("=", 1) for text in cell.overrides)


def test_cells_of_one_person_differ_in_poses_and_seed_alone():
    one = [overrides(cell) for cell in poses.GRID.cells if cell.labels["person"] == "s10"]
    varied = {key for key in one[0] if len({cell[key] for cell in one}) > 1}
    assert varied == {"clip.synthetic.num_poses", "seed"}
    assert sorted({int(cell["clip.synthetic.num_poses"]) for cell in one}) == [5, 10, 20, 50]
    assert {cell["clip.synthetic.poses_seconds"] for cell in one} == {cell["seconds"] for cell in one} == {"5"}


def test_segments_of_the_same_motion_begin_where_it_starts_anew():
    cells = [overrides(cell) for cell in same_motion.GRID.cells]
    starts = {float(cell["start"]) for cell in cells if "start" in cell}
    assert len(starts) == 12
    assert {start % same_motion.MOTION for start in starts} == {0.0}
    assert {cell["seconds"] for cell in cells} == {cell["clip.synthetic.motion_seconds"] for cell in cells} == {"5"}
    assert all(cell["clip"] == "embedded" for cell in cells)


def test_one_cell_of_each_person_looks_at_the_sound_of_the_same_twelve():
    chosen = [overrides(cell) for cell in same_motion.GRID.cells if cell.labels["segment"] == same_motion.CHOSEN]
    assert len(chosen) == len(poses.PEOPLE)
    assert {(cell["selector"], cell["stride_seconds"]) for cell in chosen} == {("audio", "5")}
    assert all(text.count("selector=") <= 1 for cell in same_motion.GRID.cells for text in [" ".join(cell.overrides)])
