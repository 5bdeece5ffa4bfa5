"""DICOM annotations of the cells: read back, they are the cells of the count."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pydicom
import pytest
from highdicom.ann import annread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from marrowscope import RESEARCH_USE_ONLY
from marrowscope.counting.smear_count import SmearCount
from marrowscope.report.count.dicom_annotations import SCHEME, write_annotations
from support.counts import a_count

WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"


def write_slide(path: Path, columns: int, unique: str, kind: str = "VOLUME") -> Path:
    """The header of one level of a slide; nobody reads its pixels here."""
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = WHOLE_SLIDE, unique
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.3.4", "1.2.3.5"
    data.FrameOfReferenceUID, data.Modality = "1.2.3.6", "SM"
    data.ImageType = ["ORIGINAL", "PRIMARY", kind, "NONE"]
    data.PatientID, data.PatientName = "P-17", "Nobody^At All"
    data.TotalPixelMatrixColumns = data.TotalPixelMatrixRows = columns
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = WHOLE_SLIDE
    data.file_meta.MediaStorageSOPInstanceUID = unique
    data.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slide")
    write_slide(folder / "b.dcm", 10_000, "1.2.3.5.2")
    write_slide(folder / "label.dcm", 50_000, "1.2.3.5.3", "LABEL")
    return write_slide(folder / "a.dcm", 40_000, "1.2.3.5.1")


@pytest.fixture(scope="module")
def counted(slide: Path) -> SmearCount:
    return replace(a_count(), sources=(str(slide),))


@pytest.mark.parametrize("whole_folder", [False, True])
def test_every_cell_comes_back_in_the_group_of_its_class(
    counted: SmearCount, slide: Path, tmp_path: Path, whole_folder: bool
) -> None:
    source = slide.parent if whole_folder else slide
    count = replace(counted, sources=(str(source),))
    assert write_annotations(count, tmp_path / "a.dcm")
    found = annread(tmp_path / "a.dcm")
    groups = {group.label: group for group in found.get_annotation_groups()}
    cells = count.cells.filter(pl.col("predicted").is_not_null())
    there = set(cells.select("predicted", "role").rows())
    assert set(groups) == {code if role == "counted" else f"{code}, {role}" for code, role in there}
    assert {"NGS", "NGS, left out"} <= set(groups)
    for label, group in groups.items():
        code, _, role = label.partition(", ")
        own = (
            cells.filter(pl.col("predicted") == code, pl.col("role") == (role or "counted"))
            .select("x0", "y0", "x1", "y1")
            .to_numpy()
        )
        drawn = np.array(group.get_graphic_data("2D"))
        assert drawn.shape == (len(own), 4, 2)
        np.testing.assert_allclose(drawn[:, 0], own[:, :2], rtol=1e-6)
        np.testing.assert_allclose(drawn[:, 2], own[:, 2:], rtol=1e-6)
        assert group.annotated_property_type.scheme_designator == SCHEME
        assert group.AnnotationGroupDescription == f"{role or 'counted'}. {RESEARCH_USE_ONLY}"


def test_it_refers_to_the_finest_level_and_keeps_patient_and_study(
    counted: SmearCount, tmp_path: Path
) -> None:
    assert write_annotations(counted, tmp_path / "a.dcm")
    found = pydicom.dcmread(tmp_path / "a.dcm")
    assert found.SOPClassUID == "1.2.840.10008.5.1.4.1.1.91.1"
    assert found.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.5.1"
    assert (found.StudyInstanceUID, found.PatientID) == ("1.2.3.4", "P-17")
    assert str(found.PatientName) == "Nobody^At All"
    assert not found.get("AccessionNumber")  # what the slide does not say is not invented
    assert "Research use only" in found.ContentDescription


def test_the_same_count_has_the_same_identity(counted: SmearCount, tmp_path: Path) -> None:
    made = []
    for name in ("a.dcm", "b.dcm"):
        write_annotations(counted, tmp_path / name)
        made.append(pydicom.dcmread(tmp_path / name))
    assert made[0].SOPInstanceUID == made[1].SOPInstanceUID
    assert made[0].SOPInstanceUID != made[0].SeriesInstanceUID


def test_other_sources_get_none(counted: SmearCount, tmp_path: Path) -> None:
    torn = tmp_path / "torn.dcm"
    torn.write_bytes(bytes(128) + b"DICM" + bytes(40))
    picture = tmp_path / "field.png"
    picture.write_bytes(b"\x89PNG")
    for source in (torn, picture):
        count = replace(counted, sources=(str(source),))
        assert not write_annotations(count, tmp_path / "x.dcm")
    assert not write_annotations(replace(counted, cells=counted.cells.head(0)), tmp_path / "x.dcm")
    assert not (tmp_path / "x.dcm").exists()


def test_a_pipe_beside_the_fields_is_not_waited_for(counted: SmearCount, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for source in (tmp_path, tmp_path / "pipe.png"):
        one = replace(counted, sources=(str(source),))
        assert not write_annotations(one, tmp_path / "annotations.dcm")


def test_cells_unlike_anything_known_are_a_group_of_no_class(
    counted: SmearCount, tmp_path: Path
) -> None:
    role = pl.when(pl.col("role") == "counted").then(pl.lit("novel")).otherwise(pl.col("role"))
    count = replace(counted, cells=counted.cells.with_columns(role=role))
    assert write_annotations(count, tmp_path / "a.dcm")
    groups = {one.label: one for one in annread(tmp_path / "a.dcm").get_annotation_groups()}
    assert all(label == "novel" or ", " in label for label in groups)
    assert groups["novel"].annotated_property_type.value == "novel"
    number = count.cells.filter(role="novel").height
    assert np.array(groups["novel"].get_graphic_data("2D")).shape == (number, 4, 2)
