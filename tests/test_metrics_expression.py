"""Blendshape errors and action units on hand-made numbers and CSV files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scored_videos import scored_video, track_of

from tfg.metrics.base import ScoredVideo
from tfg.metrics.expression import BLENDSHAPES, LOWER, NO_BLENDSHAPES, UPPER, BlendshapeError, columns
from tfg.metrics.openface import NO_CSV, UNITS, ActionUnitError, read_action_units
from tfg.types import NUM_BLENDSHAPES, UPPER_FACE, FaceTrack, InputError

AU_COLUMNS = [f"AU{unit:02d}_r" for unit in UNITS]


def expressing(shapes: np.ndarray) -> FaceTrack:
    landmarks = np.ones((len(shapes), 68, 2), np.float32)
    landmarks[np.isnan(shapes).all(axis=1)] = np.nan
    return track_of(landmarks, blendshapes=shapes.astype(np.float32))


def scored(made: FaceTrack, true: FaceTrack) -> ScoredVideo:
    pictures = np.zeros((len(made.num_faces), 4, 4, 3), np.uint8)
    return scored_video(pictures, pictures, made_track=made, true_track=true)


def test_every_blendshape_but_neutral_belongs_to_one_half_of_the_face() -> None:
    assert len(BLENDSHAPES) == NUM_BLENDSHAPES
    assert len(set(BLENDSHAPES)) == NUM_BLENDSHAPES
    assert sorted(columns(LOWER) + columns(UPPER)) == list(range(1, NUM_BLENDSHAPES))
    assert (len(columns(LOWER)), len(columns(UPPER))) == (30, 21)
    assert set(UPPER_FACE) <= {BLENDSHAPES[index] for index in columns(UPPER)}


def test_blendshape_error_is_the_mean_difference_of_each_half() -> None:
    true = np.full((4, 52), 0.5)
    made = true.copy()
    made[:, BLENDSHAPES.index("jawOpen")] += 0.3
    made[:, BLENDSHAPES.index("browInnerUp")] -= 0.21
    made[:, BLENDSHAPES.index("_neutral")] = 0.9  # counts nowhere
    found = BlendshapeError().conclude({}, scored(expressing(made), expressing(true)))
    assert found["blendshape_error_lower"].value == pytest.approx(0.3 / 30, abs=1e-7)  # float32
    assert found["blendshape_error_upper"].value == pytest.approx(0.21 / 21, abs=1e-7)
    assert found["blendshape_error_lower"].per_frame == pytest.approx([0.01] * 4, abs=1e-7)


def test_identical_expressions_have_exactly_no_error_and_frames_without_a_face_are_counted() -> None:
    shapes = np.random.default_rng(0).uniform(size=(6, 52))
    gone = shapes.copy()
    gone[2] = np.nan
    partly = scored(expressing(shapes), expressing(gone))
    found = BlendshapeError().conclude({}, partly)
    assert [outcome.value for outcome in found.values()] == [0, 0]
    assert np.isnan(found["blendshape_error_upper"].per_frame).tolist() == [False, False, True, False, False, False]
    for text in BlendshapeError().define(partly).values():
        assert "1 of 6 frames without a face left out" in text
        assert "not AUE" in text


def test_readers_without_blendshapes_and_rare_faces_give_a_reason() -> None:
    blind = track_of(np.ones((6, 68, 2), np.float32))
    found = BlendshapeError().conclude({}, scored(blind, blind))
    assert {outcome.missing for outcome in found.values()} == {NO_BLENDSHAPES}
    shapes = np.full((6, 52), np.nan)
    shapes[0] = 0.1
    rare = expressing(shapes)
    found = BlendshapeError().conclude({}, scored(rare, rare))
    assert {outcome.missing for outcome in found.values()} == {"a face was found in only 1 of 6 frames"}


def openface(
    path: Path,
    intensities: np.ndarray,
    *,
    space: str = " ",
    success: tuple[int, ...] | None = None,
    columns: list[str] = AU_COLUMNS,
) -> Path:
    """A CSV as FeatureExtraction -aus writes it, with binary columns behind."""
    names = ["frame", "face_id", "timestamp", "confidence", "success", *columns, "AU28_c"]
    lines = [f",{space}".join(names)]
    for index, row in enumerate(intensities):
        good = 1 if success is None else success[index]
        values = [f"{value:.2f}" if good else "-nan(ind)" for value in row]
        cells = [str(index + 1), "0", f"{index / 25:.3f}", "0.98" if good else "0.10", str(good), *values, "1.00"]
        lines.append(f",{space}".join(cells))
    path.write_text("\n".join(lines) + "\n")
    return path


def film(count: int) -> ScoredVideo:
    still = track_of(np.ones((count, 68, 2), np.float32))
    return scored(still, still)


@pytest.mark.parametrize("space", [" ", ""])
def test_openface_columns_are_found_with_and_without_their_leading_space(tmp_path: Path, space: str) -> None:
    values = np.random.default_rng(0).uniform(0, 5, (7, 17)).round(2)
    units = read_action_units(openface(tmp_path / "a.csv", values, space=space))
    np.testing.assert_allclose(units.intensities, values)
    assert units.confidence == pytest.approx([0.98] * 7)
    assert units.found.all()


def test_action_units_are_found_by_name_in_any_order_and_after_a_byte_order_mark(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(0, 5, (3, 17)).round(2)
    path = openface(tmp_path / "a.csv", values[:, ::-1], columns=AU_COLUMNS[::-1])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    np.testing.assert_allclose(read_action_units(path).intensities, values)


def test_aue_sums_mean_squared_differences_of_lower_and_upper_units(tmp_path: Path) -> None:
    true = np.full((5, 17), 1.0)
    made = true.copy()
    made[:, UNITS.index(12)] += 2  # lower: 4
    made[0, UNITS.index(26)] += 1  # lower: 1 / 5
    made[:, UNITS.index(45)] += 0.5  # upper: 0.25
    metric = ActionUnitError(
        pred=read_action_units(openface(tmp_path / "made.csv", made)),
        truth=read_action_units(openface(tmp_path / "true.csv", true)),
    )
    found = metric.conclude({}, film(5))
    assert found["aue_l"].value == pytest.approx(4.2)
    assert found["aue_u"].value == pytest.approx(0.25)
    assert found["aue"].value == pytest.approx(4.45)
    assert found["aue"].per_frame == pytest.approx([5.25, 4.25, 4.25, 4.25, 4.25])
    text = metric.define(film(5))
    assert "9 lower-face action units (10, 12, 14, 15, 17, 20, 23, 25, 26)" in text["aue_l"]
    assert "8 upper-face action units (1, 2, 4, 5, 6, 7, 9, 45)" in text["aue_u"]
    assert "prediction: made.csv, 5 frames, 0 without success, mean confidence 0.98" in text["aue"]
    same = ActionUnitError(pred=metric.truth, truth=metric.truth)
    assert [outcome.value for outcome in same.conclude({}, film(5)).values()] == [0, 0, 0]


def test_aue_equals_pandas_arithmetic(tmp_path: Path) -> None:
    """As the published scripts: squared difference of data frames, mean over rows, sum over columns."""
    import pandas as pd

    rng = np.random.default_rng(1)
    paths = [openface(tmp_path / name, rng.uniform(0, 5, (40, 17))) for name in ("made.csv", "true.csv")]
    frames = [pd.read_csv(path)[[f" {name}" for name in AU_COLUMNS]] for path in paths]
    pred, truth = (read_action_units(path) for path in paths)
    expected = ((frames[0] - frames[1]) ** 2).mean().sum()
    assert ActionUnitError(pred=pred, truth=truth).conclude({}, film(40))["aue"].value == pytest.approx(expected)


def test_frames_without_success_are_left_out_and_counted(tmp_path: Path) -> None:
    true = np.full((6, 17), 1.0)
    pred = read_action_units(openface(tmp_path / "made.csv", true + 1, success=(1, 0, 1, 1, 1, 1)))
    truth = read_action_units(openface(tmp_path / "true.csv", true, success=(1, 1, 1, 0, 1, 1)))
    metric = ActionUnitError(pred=pred, truth=truth)
    found = metric.conclude({}, film(6))["aue"]
    assert found.value == pytest.approx(17)
    assert np.isnan(found.per_frame).tolist() == [False, True, False, True, False, False]
    assert metric.define(film(6))["aue"].endswith("2 of 6 frames without success left out")
    lost = read_action_units(openface(tmp_path / "lost.csv", true, success=(1, 0, 0, 0, 0, 1)))
    few = ActionUnitError(pred=pred, truth=lost).conclude({}, film(6))
    assert {outcome.missing for outcome in few.values()} == {"OpenFace had success in only 2 of 6 frames of both CSVs"}


def test_one_frame_more_or_less_is_cut_and_said_and_two_are_an_error(tmp_path: Path) -> None:
    units = {n: read_action_units(openface(tmp_path / f"{n}.csv", np.full((n, 17), 1.0))) for n in (8, 9, 10, 11)}
    shorter = ActionUnitError(pred=units[9], truth=units[10])
    assert "cut to the first 9 frames, which all have" in shorter.define(film(10))["aue"]
    found = shorter.conclude({}, film(10))["aue"]
    assert found.value == 0
    assert len(found.per_frame) == 10
    assert np.isnan(found.per_frame[9])
    assert "cut" not in ActionUnitError(pred=units[10], truth=units[10]).define(film(10))["aue"]
    assert "cut to the first 10" in ActionUnitError(pred=units[11], truth=units[11]).define(film(10))["aue"]
    with pytest.raises(InputError, match=r"8\.csv: 8 frames, but 10 are scored; run OpenFace on the very videos"):
        ActionUnitError(pred=units[8], truth=units[10]).conclude({}, film(10))
    with pytest.raises(InputError, match=r"11\.csv: 11 frames, but 10 are scored and .*9\.csv has 9"):
        ActionUnitError(pred=units[9], truth=units[11]).define(film(10))


def test_no_csv_is_a_reason_and_only_one_is_an_error(tmp_path: Path) -> None:
    found = ActionUnitError().conclude({}, film(4))
    assert {outcome.missing for outcome in found.values()} == {NO_CSV}
    assert NO_CSV in ActionUnitError().define(film(4))["aue_l"]
    units = read_action_units(openface(tmp_path / "a.csv", np.ones((4, 17))))
    with pytest.raises(InputError, match="--au-pred, --au-truth: one of the two"):
        ActionUnitError(pred=units)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (" AU12_r", " AU12", "no column 'AU12_r'; make the file"),
        (" success", " winning", "no column 'success'"),
        (" confidence", " trust", "no column 'confidence'"),
        ("frame,", "row,", "no column 'frame'"),
        ("\n2, 0", "\n3, 0", "line 3: frame 3 in column 'frame' where 2 is due"),
        (", 2.00, 1.00\n", ", 2.00\n", "line 3 has 22 fields, the first line has 23; is the file cut off?"),
        (", 2.00, 1.00\n", ", two, 1.00\n", "line 3: 'two' in column 'AU45_r' is no number"),
        (", 2.00, 1.00\n", ", nan, 1.00\n", r"line 3: nan in column 'AU45_r' is not in \[0, 5\]"),
        (", 2.00, 1.00\n", ", 6.5, 1.00\n", r"line 3: 6.5 in column 'AU45_r' is not in \[0, 5\]"),
    ],
)
def test_a_bad_csv_is_one_line_that_names_file_and_column(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = openface(tmp_path / "bad.csv", np.array([[1.0] * 17, [2.0] * 17]))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=f"bad.csv: {message}") as caught:
        read_action_units(path)
    assert "\n" not in str(caught.value)


def test_what_is_no_csv_at_all_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.csv: cannot be read .*No such file"):
        read_action_units(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_action_units(tmp_path)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match=r"empty\.csv: no column 'frame'"):
        read_action_units(tmp_path / "empty.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match=r"binary\.csv: cannot be read"):
        read_action_units(tmp_path / "binary.csv")
    with pytest.raises(InputError, match="holds column names but no frame"):
        read_action_units(openface(tmp_path / "none.csv", np.empty((0, 17))))
