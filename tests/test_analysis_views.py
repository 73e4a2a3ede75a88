"""The table of views: a yaw is the mean of its views, a pitch of its own, a view that is missing leaves a dash."""

import pandas as pd

from analysis import table_views
from analysis.load import RUN
from experiments.views import BACKBONES, GRID, PEOPLE
from tfg.record.views import VIEWS


def frame_of(*, without: str = "") -> pd.DataFrame:
    """PSNR of a face is 30 less half a decibel a degree of yaw and a tenth a degree of pitch; SyncTalk's is 1 dB lower."""
    rows = []
    for cell in GRID.cells:
        made = {**cell.labels, "run_id": cell.title, "commit": "c" * 40, "source": RUN}
        lower = BACKBONES.index(str(cell.labels["way"]))
        for view in VIEWS:
            name = f"psnr_face_{view.name}"
            if name != without:
                rows.append(made | {"metric": name, "value": 30 - abs(view.yaw) / 2 - abs(view.pitch) / 10 - lower})
    return pd.DataFrame(rows)


def found(frame: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Person or what a row is over, backbone -> the first number, without its interval."""
    return {(row[0], row[1]): row[2].split(" ")[0] for row in table_views.table(frame).rows}


def test_a_yaw_is_the_mean_over_its_pitches_and_a_pitch_over_all_yaws() -> None:
    cells = found(frame_of())
    assert cells["0 degrees: mean", "instag"] == "28.67"  # 30 - 2 * 2 / 3
    assert cells["45 degrees: mean", "instag"] == "6.17"
    assert cells["45 degrees: minus instag", "synctalk"] == "-1.00"
    assert cells["pitch -20, all yaws: mean", "instag"] == "16.75"
    assert cells[f"15 degrees: s{PEOPLE[0]}", "synctalk"] == "20.17"


def test_a_view_without_a_number_leaves_a_dash_at_its_yaw_alone() -> None:
    cells = found(frame_of(without="psnr_face_right30"))
    assert cells["30 degrees: mean", "instag"] == "-"
    assert cells["15 degrees: mean", "instag"] == "21.17"


def test_the_grid_trains_and_scores_with_true_cameras_from_the_side() -> None:
    assert all({"clip.cameras=sidecar", "metrics.views=world"} <= set(cell.overrides) for cell in GRID.cells)
    assert len(GRID.cells) == len(PEOPLE) * len(BACKBONES) >= 8
