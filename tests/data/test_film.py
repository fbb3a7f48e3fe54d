"""Films of the heart from files: what is read, and one sentence for each thing that is wrong."""

from typing import Any

import numpy as np
import pytest

from ecglearn.data.film import Film, FilmError, read_film

LOOP = (np.arange(4 * 20 * 18).reshape(4, 20, 18) % 251).astype(np.uint8)


def saved(folder, array, name="film.npy"):
    np.save(folder / name, array, allow_pickle=array.dtype == object)
    return folder / name


def nifti(folder, array, step=0.0, unit="unknown", name="film.nii.gz"):
    """Columns x rows x ... x phases, as scanners export them."""
    nibabel: Any = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(array, np.eye(4))
    image.header.set_zooms((1.5,) * (array.ndim - 1) + (step,))
    image.header.set_xyzt_units("mm", unit)
    image.to_filename(folder / name)
    return folder / name


def test_grey_values_of_eight_bits_stay(tmp_path):
    film = read_film(saved(tmp_path, LOOP), rate=4)
    np.testing.assert_array_equal(film.frames, LOOP)
    assert film.rate == 4


def test_other_grey_values_fill_eight_bits(tmp_path):
    film = read_film(saved(tmp_path, LOOP.astype(np.int16) * 4 - 20))
    assert film.frames.dtype == np.uint8
    np.testing.assert_array_equal(film.frames, np.rint(LOOP / 250 * 255))
    assert film.rate is None


@pytest.mark.parametrize(("step", "unit"), [(250, "msec"), (0.25, "sec"), (250_000, "usec")])
def test_a_nifti_file_has_columns_first_and_says_its_rate(tmp_path, step, unit):
    columns_first = LOOP.transpose(2, 1, 0)
    film = read_film(nifti(tmp_path, columns_first[:, :, None], step, unit))
    np.testing.assert_array_equal(film.frames, LOOP)
    assert film.rate == pytest.approx(4)


def test_of_several_slices_one_must_be_chosen(tmp_path):
    both = np.stack([LOOP.transpose(2, 1, 0), 250 - LOOP.transpose(2, 1, 0)], 2)
    path = nifti(tmp_path, both)
    np.testing.assert_array_equal(read_film(path, slice=1).frames, 250 - LOOP)
    assert read_film(path, slice=1).rate is None
    for slice in (None, 2, -1):
        with pytest.raises(FilmError, match="give slice 0 to 1 of it"):
            read_film(path, slice=slice)


still = np.repeat(LOOP[:1], 4, 0)
holes = np.where(LOOP == 7, np.nan, LOOP.astype(float))


@pytest.mark.parametrize(
    ("array", "rate", "said"),
    [
        (LOOP[0], None, r"has 2 axes \(20 x 18\)"),
        (LOOP[:1], None, "1 phases"),
        (LOOP[:, :8], None, "phases of 8 x 18 pixels"),
        (LOOP, 100, "4 phases at 100 per second"),
        (LOOP, 0.5, "one heartbeat takes 0.25 to 3 seconds"),
        (LOOP, -4, "one heartbeat"),
        (LOOP, np.nan, "one heartbeat"),
        (still, None, "all the same"),
        (holes, None, "not finite"),
        ((LOOP - 125.0) * 1e306, None, "not finite"),
        ((LOOP > 99).astype(np.uint8), None, "a mask"),
        (LOOP.astype(complex), None, "complex128"),
        (LOOP > 99, None, "bool"),
        (np.array([{}, 1], object), None, "cannot be read"),
    ],
)
def test_each_fault_is_one_sentence(tmp_path, array, rate, said):
    with pytest.raises(FilmError, match=said) as fault:
        read_film(saved(tmp_path, array), rate=rate)
    assert "film.npy" in str(fault.value)
    assert "\n" not in str(fault.value)


def test_two_rates_are_a_contradiction(tmp_path):
    path = nifti(tmp_path, LOOP.transpose(2, 1, 0)[:, :, None], 250, "msec")
    assert read_film(path, rate=4.01).rate == pytest.approx(4.01)
    with pytest.raises(FilmError, match="4 frames per second by its header and 5 by the table"):
        read_film(path, rate=5)


def test_files_that_are_no_films(tmp_path):
    pytest.importorskip("nibabel")
    with pytest.raises(FilmError, match=r"cannot be read \(FileNotFoundError"):
        read_film(tmp_path / "none.npy")
    with pytest.raises(FilmError, match=r"this one is film\.mp4"):
        read_film(tmp_path / "film.mp4")
    whole = nifti(tmp_path, LOOP.transpose(2, 1, 0)[:, :, None]).read_bytes()
    for cut in (0, 100, len(whole) - 40):
        (tmp_path / "cut.nii.gz").write_bytes(whole[:cut])
        with pytest.raises(FilmError, match=r"cut\.nii\.gz"):
            read_film(tmp_path / "cut.nii.gz")


def test_phases_evenly_and_the_square_in_the_middle():
    frames = np.zeros((4, 16, 20), np.uint8)
    frames[:, :, 2:18] = np.arange(4)[:, None, None] * 10
    frames[:, 0, 2] += 4
    fitted = Film(frames).fitted(2, 8)
    assert fitted.shape == (2, 8, 8)
    assert fitted[:, 0, 0].tolist() == [1, 21]  # a quarter of 4 brighter
    assert fitted[:, 3, 3].tolist() == [0, 20]  # frames 0 and 2 of 4
    assert (fitted[1, 1:] == 20).all()  # nothing of the black margin
    for phases, size in ((5, 8), (4, 17)):
        with pytest.raises(FilmError, match="none is invented"):
            Film(frames).fitted(phases, size)


@pytest.mark.parametrize("name", ["film.npy", "film.nii", "film.nii.gz"])
def test_damaged_files_are_read_or_refused_in_a_sentence(tmp_path, name):
    """Never another error, whatever bytes stand there."""
    if name == "film.npy":
        whole = saved(tmp_path, LOOP).read_bytes()
    else:
        whole = nifti(tmp_path, LOOP.transpose(2, 1, 0)[:, :, None], name=name).read_bytes()
    rng = np.random.default_rng(0)
    said = []
    for _ in range(150):
        hurt = bytearray(whole)
        for at in rng.integers(0, min(len(hurt), 400), rng.integers(1, 5)):
            hurt[at] = rng.integers(256)
        (tmp_path / name).write_bytes(hurt[: rng.integers(1, len(hurt) + 1)])
        try:
            read_film(tmp_path / name)
        except FilmError as fault:
            said.append(str(fault))
    assert len(said) > 50
    assert not any("\n" in text or len(text) > 500 for text in said)
