"""Made-up tables in the layout of MIMIC-IV: what is read, what is refused, what is counted."""

import gzip
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecglearn.data.clinical import mimic_iv as mimic
from ecglearn.data.clinical import tables
from ecglearn.data.clinical.mimic_iv import demographics_at, diagnoses_of, nearest_labs
from ecglearn.data.clinical.schema import LAB_COLUMNS, ClinicalError
from ecglearn.data.datasets.base import RecordMeta
from ecglearn.data.datasets.mimic_iv_ecg import list_records, read_ecg_list

K, CA = 50971, 50893
# fmt: off
LAB = ("labevent_id,subject_id,hadm_id,specimen_id,itemid,order_provider_id,charttime,storetime,"
       "value,valuenum,valueuom,ref_range_lower,ref_range_upper,flag,priority,comments")
# fmt: on
STAY = (
    "subject_id,hadm_id,admittime,dischtime,deathtime,admission_type,edregtime,edouttime,"
    "hospital_expire_flag"
)
NOON = "2150-01-01 12:00:00"


def write(folder, name, header, lines, gz=False):
    path = folder / f"{name}.csv"
    path.parent.mkdir(exist_ok=True)
    text = "\n".join([header, *lines]) + "\n"
    if gz:
        path.with_suffix(".csv.gz").write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)


def event(number, patient, item, time, value, unit):
    return f"{number},{patient},,,{item},,{time},,,{value},{unit},,,,,"


def labs(folder, lines, gz=False):
    write(folder, "hosp/labevents", LAB, lines, gz)
    items = [f"{column.item},x,Blood,Chemistry" for column in LAB_COLUMNS]
    write(folder, "hosp/d_labitems", "itemid,label,fluid,category", items)


def ecgs(*pairs) -> Any:
    patients, times = zip(*pairs, strict=True)
    return pd.DataFrame({"patient": patients, "time": pd.to_datetime(list(times))})


def at(*lines, folder, **options) -> tuple[Any, Any]:
    labs(folder, [event(k, 1, *line) for k, line in enumerate(lines)])
    return nearest_labs(ecgs((1, NOON)), folder, **options)


def test_sixty_minutes_count_and_sixty_one_do_not(tmp_path):
    for time, there in [("11:00", 1), ("13:00", 1), ("10:59", 0), ("13:01", 0)]:
        values, _ = at((K, f"2150-01-01 {time}:00", 4.5, "mEq/L"), folder=tmp_path)
        assert values["potassium"].notna().sum() == there
    assert values.shape == (1, 9)


def test_of_two_equally_near_the_earlier_counts(tmp_path):
    late, early = (K, "2150-01-01 12:10:00", 5, "mEq/L"), (K, "2150-01-01 11:50:00", 4, "mEq/L")
    for order, chunk in itertools.product([(late, early), (early, late)], (1, 9)):
        assert at(*order, folder=tmp_path, chunk=chunk)[0].loc[0, "potassium"] == 4


def test_units_are_converted_and_refusals_counted(tmp_path):
    values, report = at(
        (CA, NOON, 10, "mg/dL"),
        (K, NOON, 4, "furlong"),
        (K, NOON, 400, "mEq/L"),
        (K, NOON, "", "mEq/L"),
        (K, "", 4, "mEq/L"),
        (K, NOON, 4, ""),
        (50802, NOON, 4, "mEq/L"),
        folder=tmp_path,
    )
    assert values.loc[0, "calcium"] == pytest.approx(2.495)
    assert np.isnan(values.loc[0, "potassium"])
    assert report.loc["potassium"].tolist() == [5, 1, 1, 2, 1, "(none), furlong"]
    assert report.loc["calcium"].tolist() == [1, 0, 0, 0, 0, ""]
    assert report["events"].sum() == 6


def random_tables(seed=0) -> tuple[Any, list]:
    random = np.random.default_rng(seed)
    start = pd.Timestamp(NOON)
    times = [start + pd.Timedelta(minutes=int(m)) for m in random.integers(0, 600, 40)]
    who = ecgs(*zip(random.integers(1, 5, 40).tolist(), times, strict=True))
    who.index = random.permutation(40) + 100
    rows = [
        (
            k,
            int(random.integers(1, 6)),
            int(random.choice([K, CA])),
            start + pd.Timedelta(minutes=int(random.integers(-60, 660))),
            round(random.uniform(3, 6), 3),
        )
        for k in range(150)
    ]
    return who, rows


def lines_of(rows):
    return [event(k, p, item, time, value, "mmol/L") for k, p, item, time, value in rows]


def test_equals_a_loop_over_ecgs_and_events(tmp_path):
    who, rows = random_tables()
    labs(tmp_path, lines_of(rows), gz=True)
    report: Any
    values, report = nearest_labs(who, tmp_path, LAB_COLUMNS[:2])
    hour = pd.Timedelta(minutes=60)
    for item, name in ((K, "potassium"), (CA, "calcium")):
        for index, ecg in who.iterrows():
            near = [
                (abs(t - ecg["time"]), t, k, value)
                for k, patient, i, t, value in rows
                if i == item and patient == ecg["patient"] and abs(t - ecg["time"]) <= hour
            ]
            found = values.loc[index, name]
            assert found == min(near)[3] if near else np.isnan(found)
    assert values.index.equals(who.index)
    assert report["events"].sum() == sum(patient < 5 for _, patient, *_ in rows)


def test_pieces_and_order_do_not_matter(tmp_path):
    who, rows = random_tables(1)
    results = []
    for seed, chunk in itertools.product((None, 1), (1, 3, 1000)):
        order = range(150) if seed is None else np.random.default_rng(seed).permutation(150)
        labs(tmp_path, lines_of([rows[i] for i in order]))
        results.append(nearest_labs(who, tmp_path, LAB_COLUMNS[:2], chunk=chunk))
    for values, report in results[1:]:
        pd.testing.assert_frame_equal(values, results[0][0])
        pd.testing.assert_frame_equal(report, results[0][1])
    assert results[0][0].notna().to_numpy().any()


def test_no_more_rows_than_a_piece_are_in_memory(tmp_path, monkeypatch):
    who, rows = random_tables()
    labs(tmp_path, lines_of(rows))
    seen = []

    def counted(folder, table, kinds, chunk=tables.CHUNK):
        for piece in tables.read_pieces(folder, table, kinds, chunk):
            seen.append((table, len(piece)))
            yield piece

    monkeypatch.setattr(mimic, "read_pieces", counted)
    nearest_labs(who, tmp_path, chunk=7)
    sizes = [size for table, size in seen if table == "hosp/labevents"]
    assert max(sizes) == 7
    assert sum(sizes) == 150


def test_bad_laboratory_tables_are_named(tmp_path):
    one = ecgs((1, NOON))
    with pytest.raises(ClinicalError, match=r"no table hosp/d_labitems\.csv"):
        nearest_labs(one, tmp_path)
    for time, words in (("2150-01-01 12:00:00+01:00", "time zone"), ("noon", "not a time")):
        with pytest.raises(ClinicalError, match=f"charttime is .*{words}"):
            at((K, time, 4, "mEq/L"), folder=tmp_path)
    write(tmp_path, "hosp/d_labitems", "itemid,label,fluid,category", [f"{K},K,Blood,C"])
    with pytest.raises(ClinicalError, match="calcium: laboratory item 50893 is not in"):
        nearest_labs(one, tmp_path)
    write(tmp_path, "hosp/labevents", LAB.replace("valueuom", "itemid"), [])
    with pytest.raises(ClinicalError, match="has no column valueuom"):
        nearest_labs(one, tmp_path, LAB_COLUMNS[:1])
    write(tmp_path, "hosp/labevents", LAB.replace("comments", "itemid"), [])
    with pytest.raises(ClinicalError, match="more than one column itemid"):
        nearest_labs(one, tmp_path, LAB_COLUMNS[:1])
    write(tmp_path, "hosp/labevents", LAB.replace("valueuom", "unit"), [])
    with pytest.raises(ClinicalError, match="has no column valueuom"):
        nearest_labs(one, tmp_path, LAB_COLUMNS[:1])
    with pytest.raises(ClinicalError, match="not all local times"):
        nearest_labs(one.assign(time=one["time"].dt.tz_localize("UTC")), tmp_path, LAB_COLUMNS[:1])


def ecg_files(folder, rows, reports, gz=True):
    write(folder, "record_list", "subject_id,study_id,file_name,ecg_time,path", rows)
    names = ",".join(f"report_{k}" for k in range(18))
    write(
        folder,
        "machine_measurements",
        f"subject_id,study_id,cart_id,ecg_time,{names},t_axis",
        [
            f"{who},1,{NOON},{','.join([*text, *[''] * (18 - len(text))])},3"
            for who, text in reports
        ],
        gz=gz,
    )


def test_list_of_ecgs(tmp_path):
    rows = [f"1,11,11,{NOON},files/a/11", f"2,12,12,{NOON},files/b/12"]
    ecg_files(tmp_path, rows, [("1,11", [" Sinus rhythm. ", "", "Normal ECG"])])
    table: Any = read_ecg_list(tmp_path)
    assert table["report"].tolist() == ["Sinus rhythm. Normal ECG", ""]
    assert table["path"].tolist() == [f"{tmp_path}/files/a/11", f"{tmp_path}/files/b/12"]
    assert table["time"].tolist() == [pd.Timestamp(NOON)] * 2
    for path in ("../x", "/etc/x", "files/../../x"):
        ecg_files(tmp_path, [f"1,11,11,{NOON},{path}"], [("1,11", [])])
        with pytest.raises(ClinicalError, match="leaves the folder"):
            read_ecg_list(tmp_path)
    ecg_files(tmp_path, [rows[0]] * 2, [("1,11", [])])
    with pytest.raises(ClinicalError, match="study_id 11 comes twice"):
        read_ecg_list(tmp_path)
    ecg_files(tmp_path, rows, [("3,11", [])])
    with pytest.raises(ClinicalError, match="study 11 belongs to one patient"):
        read_ecg_list(tmp_path)


def test_both_readers_tell_the_same_text(tmp_path):
    told = {
        11: ["*** Abnormal EKG ***", "  Sinus   rhythm. ", "", "Possible  MI. ."],
        12: ["--- Warning: data quality ---", "EKG  unconfirmed", "see EKGs", "lead V1.."],
        13: ["***", " . ", ""],
        14: ["ST-T changes == old =="],
    }
    rows = [f"{study % 2},{study},{study},{NOON},files/{study}" for study in (*told, 15)]
    ecg_files(tmp_path, rows, [(f"{s % 2},{s}", text) for s, text in told.items()], gz=False)
    one = [meta.report for meta in list_records(tmp_path) if isinstance(meta, RecordMeta)]
    assert one == read_ecg_list(tmp_path)["report"].tolist()
    assert one == [
        "Abnormal ECG. Sinus rhythm. Possible MI",
        "Warning: data quality. ECG unconfirmed. see EKGs. lead V1",
        "",
        "ST-T changes old",
        "",
    ]


def test_demographics(tmp_path):
    write(tmp_path, "hosp/patients", "subject_id,gender,anchor_age,anchor_year", ["1,F,60,2148"])
    omr = [
        "1,2150-01-31,1,Height (Inches),70",
        "1,2150-02-01,1,Weight (Lbs),200",
        "1,2149-12-30,1,BMI (kg/m2),25",
        "1,2150-01-01,1,BMI (kg/m2),900",
    ]
    write(tmp_path, "hosp/omr", "subject_id,chartdate,seq_num,result_name,result_value", omr)
    table, report = demographics_at(ecgs((1, NOON), (2, NOON)), tmp_path)
    wanted = [62, 0, 177.8, np.nan, 25]
    np.testing.assert_allclose(table.to_numpy()[0], wanted)
    assert list(table) == ["age", "male", "height", "weight", "bmi"]
    assert table.iloc[1].isna().all()
    assert report.loc["bmi", "impossible value"] == 1
    # of two ECGs one is of a patient whom the table lacks
    assert report.loc["age"].tolist() == [2, 0, 1, 0, 0, ""]
    assert report.loc["male"].tolist() == [2, 0, 1, 0, 0, ""]
    assert report.index.tolist() == list(table)


def test_diagnoses_of_the_admission(tmp_path):
    stays = [
        "1,10,2150-01-01 13:00:00,2150-01-02 00:00:00,,U,2150-01-01 11:00:00,,0",
        "1,11,2151-01-01 13:00:00,2150-12-31 00:00:00,,U,,,0",
        "2,20,2150-01-01 10:00:00,2150-01-02 00:00:00,,U,,,0",
    ]
    write(tmp_path, "hosp/admissions", STAY, stays)
    codes = ["1,10,1,I480,10", "1,10,2,I4891,10", "1,10,3,E119,10", "2,20,1,42731,9"]
    write(tmp_path, "hosp/diagnoses_icd", "subject_id,hadm_id,seq_num,icd_code,icd_version", codes)
    who = ecgs((1, NOON), (1, "2150-01-03 00:00:00"), (2, NOON), (1, "2150-01-02 00:00:00"))
    labels, known, report = diagnoses_of(who, tmp_path, minimum=2)
    assert list(labels) == ["E11", "I48"]
    assert known.tolist() == [True, False, False, True]
    assert labels["I48"].tolist() == known.tolist()
    assert report.tolist() == [2, 1, 1, 1, 0]
    assert diagnoses_of(who, tmp_path, minimum=3)[0].shape == (4, 0)


@pytest.mark.parametrize(("age", "known"), [("60", 62), ("1e400", None), ("inf", None)])
def test_a_number_that_cannot_be_is_no_age(tmp_path, age, known):
    header = "subject_id,gender,anchor_age,anchor_year"
    write(tmp_path, "hosp/patients", header, [f"1,F,{age},2148"])
    write(tmp_path, "hosp/omr", "subject_id,chartdate,seq_num,result_name,result_value", [])
    table, report = demographics_at(ecgs((1, NOON)), tmp_path)
    assert table["age"].tolist() == pytest.approx([np.nan if known is None else known], nan_ok=True)
    assert report.loc["age", "impossible value"] == (known is None)


@pytest.mark.parametrize("gz", [False, True])
def test_a_nul_byte_is_named(tmp_path, gz):
    for header, line in (("itemid,la\0bel", "1,x"), ("itemid,label", "1\0,x")):
        write(tmp_path, "hosp/d_labitems", header, [line], gz=gz)
        with pytest.raises(ClinicalError, match="NUL byte, number"):
            nearest_labs(ecgs((1, NOON)), tmp_path)
        (tmp_path / "hosp" / f"d_labitems.csv{'.gz' * gz}").unlink()


def test_rows_of_measurements_that_are_damaged_doubled_or_left_over_are_listed(tmp_path):
    rows = [f"1,{study},{study},{NOON},files/{study}" for study in (11, 12, 13)]
    told = [("1,11", ["first"]), ("1,12", ["one"]), ("1,12", ["other"]), ("1,14", ["x"])]
    ecg_files(tmp_path, rows, told, gz=False)
    path = tmp_path / "machine_measurements.csv"
    path.write_text(path.read_text() + "1,15\n1,16,\0\n")
    found = list(list_records(tmp_path))
    kept = {meta.record: meta for meta in found if isinstance(meta, RecordMeta)}
    refused = [meta for meta in found if not isinstance(meta, RecordMeta)]
    assert [kept[k].report for k in ("11", "12", "13")] == ["first", "one", ""]
    assert kept["11"].notes == ()
    assert "several rows" in kept["12"].notes[0]
    assert "no row" in kept["13"].notes[0]
    words = ["too few fields", "too few fields", "1 studies in it, the first 14, are not"]
    assert [w in r.reason for w, r in zip(words, refused, strict=True)] == [True] * 3
