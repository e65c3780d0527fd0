"""Tables: types of columns, what is missing, and what a network is given, by statistics of what it learns from."""

import numpy as np
import pytest

import minidl as md
from minidl.data import DataLoader, Table, TableEncoder

PASSENGERS = '''name,age,fare,class,port,survived
"Doe, ""Jo""",22,7.25,3,S,0
Ann,,71.5,1,C,1
 Bo ,26,8,3,,1
Cy,35,NA,1,S,0

Di,40,1e1,2,Q,1
'''


def table(tmp_path, text=PASSENGERS, **options):
    path = tmp_path / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Table.read_csv(path, **options)


def test_types_of_columns(tmp_path):
    t = table(tmp_path)
    assert len(t) == 5 and t.names == ["name", "age", "fare", "class", "port", "survived"]
    assert t["name"].tolist() == ['Doe, "Jo"', "Ann", "Bo", "Cy", "Di"]
    np.testing.assert_array_equal(t["age"], [22, np.nan, 26, 35, 40])
    np.testing.assert_array_equal(t["fare"], [7.25, 71.5, 8, np.nan, 10])
    assert t["class"].dtype == np.int64 and t["class"].tolist() == [3, 1, 3, 1, 2]
    assert t["port"].tolist() == ["S", "C", None, "S", "Q"]
    assert t.missing() == {"name": 0, "age": 1, "fare": 1, "class": 0, "port": 1, "survived": 0}
    assert repr(t) == (
        "Table(5 rows; name: text, age: float64, fare: float64, class: int64, port: text, survived: int64)"
    )


def test_options_of_reading(tmp_path):
    t = table(tmp_path, types={"class": str, "survived": float})
    assert t["class"].tolist() == ["3", "1", "3", "1", "2"] and t["survived"].dtype == np.float64
    t = table(tmp_path, "a;b\n-;1\nNA;2\n", delimiter=";", missing=["-"])
    assert t["a"].tolist() == [None, "NA"] and t["b"].tolist() == [1, 2]
    t = table(tmp_path, "größe,b\n1,ä\n".encode("latin-1"), encoding="latin-1")
    assert t["größe"].tolist() == [1] and t["b"].tolist() == ["ä"]
    assert table(tmp_path, b"\xef\xbb\xbfa\r\n1\r\n").names == ["a"]
    t = table(tmp_path, 'a,b,c,d\n"x\ny",9223372036854775808,+1,-1.5e3\nz,1,2,inf\n')
    assert t["a"].tolist() == ["x\ny", "z"] and t["b"].dtype == t["d"].dtype == np.float64
    assert t["c"].tolist() == [1, 2] and t["d"].tolist() == [-1500, np.inf]
    assert table(tmp_path, "a\n1_0\n")["a"].tolist() == ["1_0"] and table(tmp_path, "a,b\n").missing() == {
        "a": 0,
        "b": 0,
    }
    assert table(tmp_path, "a,b\n NA ,1\n 7 , ?\n").missing() == {"a": 1, "b": 1}
    assert table(tmp_path, "a,b\n1,\n2,?\n")["b"].tolist() == [None, None]


def test_rows():
    t = Table(
        {"a": [1, 2, 3], "b": ["x", None, "z"], "c": np.array([0.5, np.nan, np.nan], "f"), "d": [True, False, True]}
    )
    assert t[1:]["a"].tolist() == [2, 3] and t[np.array([2, 0])]["b"].tolist() == ["z", "x"]
    assert t[np.array([True, False, True])]["a"].tolist() == [1, 3] and t["d"].tolist() == [1, 0, 1]
    assert len(t.drop_missing()) == 1 and t.drop_missing(["b"])["a"].tolist() == [1, 3] and len(t.drop_missing([])) == 3


def test_what_a_network_is_given(tmp_path):
    """Filled, standardised, one-hot; targets as numbers, which come back, or as classes."""
    t = table(tmp_path)
    t = Table({name: t[name] for name in ("age", "port", "fare")})
    encoder = TableEncoder("fare", fill="median", standardize_target=True).fit(t[[0, 1, 2, 4]])
    assert encoder.features == ["age", "port=C", "port=Q", "port=S"]
    x, y = encoder.transform(t[[0, 1, 2, 4]]).tensors
    age = np.array([22, 26, 26, 40])
    assert x.dtype == y.dtype == np.float32 and y.shape == (4, 1)
    np.testing.assert_allclose(x.numpy()[:, 0], (age - age.mean()) / age.std(), rtol=1e-6)
    assert x.numpy()[:, 1:].tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 1, 0]]
    fares = np.array([7.25, 71.5, 8, 10])
    np.testing.assert_allclose(y.numpy()[:, 0], (fares - fares.mean()) / fares.std(), rtol=1e-6)
    for predicted in (y, y.numpy(), md.tensor(y.numpy(), requires_grad=True)):
        np.testing.assert_allclose(encoder.inverse_target(predicted)[:, 0], fares, rtol=1e-6)
    (a, b), *_ = DataLoader(encoder.transform(t[:3]), 2)
    assert a.shape == (2, 4) and b.shape == (2, 1)


def test_statistics_are_of_what_was_fitted():
    train = Table({"a": [1.0, 3.0, np.nan], "b": ["x", "y", "x"], "y": ["no", "yes", "no"]})
    other = Table({"y": ["yes", "no"], "b": ["z", None], "a": [np.nan, 7.0]})
    encoder = TableEncoder("y").fit(train)
    x, y = encoder.transform(other).tensors
    std = np.array([1, 3, 2]).std()
    np.testing.assert_allclose(x.numpy(), [[0, 0, 0], [5 / std, 0, 0]], rtol=1e-6)
    assert y.dtype == np.int64 and y.numpy().tolist() == [1, 0] and encoder.classes == ["no", "yes"]
    assert encoder.inverse_target(np.array([[1, 0]])).tolist() == [["yes", "no"]]
    assert encoder.inverse_target(np.array([1, 1])).tolist() == ["yes", "yes"]
    raw = TableEncoder("y", standardize=False, fill=-1).fit(train)
    assert raw.transform(train).tensors[0].numpy().tolist() == [[1, 1, 0], [3, 0, 1], [-1, 1, 0]]
    assert encoder.fit(other).classes == ["no", "yes"] and encoder.features == ["b=z", "a"]


def test_other_targets():
    t = Table({"a": [1, 2, 4], "k": [30, 10, 30]})
    assert TableEncoder("k", classify=True).fit(t).transform(t).tensors[1].numpy().tolist() == [1, 0, 1]
    kept = TableEncoder("k").fit(t)
    assert kept.transform(t).tensors[1].numpy().tolist() == [[30], [10], [30]]
    assert kept.inverse_target(np.array([3])).tolist() == [3] and kept.classes == []
    (x,) = TableEncoder(standardize=False).fit(t).transform(t).tensors
    assert x.numpy().tolist() == [[1, 30], [2, 10], [4, 30]]
    same = Table({"a": [5, 5], "b": [np.nan, 1.0]})
    assert TableEncoder(fill="drop").fit(same).transform(same).tensors[0].numpy().tolist() == [[0, 0]]
    assert TableEncoder().fit(same).transform(same).tensors[0].numpy().tolist() == [[0, 0], [0, 0]]
    tenths = Table({"a": [0.1, 0.1, 0.1], "b": [0.1, np.nan, 0.1], "c": [np.nan, 0.1, 0.1]})  # whose mean is rounded
    assert not TableEncoder().fit(tenths).transform(tenths).tensors[0].numpy().any()
    (other,) = TableEncoder().fit(tenths).transform(Table({"a": [0.3], "b": [0.1], "c": [0.1]})).tensors
    np.testing.assert_allclose(other.numpy(), [[0.2, 0, 0]], rtol=1e-6)


def test_as_scikit_learn_prepares():
    """The same numbers as from its imputer, scaler and one-hot encoder."""
    pytest.importorskip("sklearn")
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rng = np.random.default_rng(0)
    numbers = rng.normal(3, 5, (40, 2))
    numbers[rng.random((40, 2)) < 0.2] = np.nan
    texts = rng.choice(["b", "a", "c"], 40).astype(object)
    t = Table({"p": numbers[:, 0], "q": numbers[:, 1], "r": texts})
    for fill in ("mean", "median"):
        encoder = TableEncoder(fill=fill).fit(t[:30])
        imputer = SimpleImputer(strategy=fill).fit(numbers[:30])
        scaler = StandardScaler().fit(imputer.transform(numbers[:30]))
        hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(texts[:30, None])
        expected = np.hstack([scaler.transform(imputer.transform(numbers)), hot.transform(texts[:, None])])
        np.testing.assert_allclose(encoder.transform(t).tensors[0].numpy(), expected, rtol=1e-5, atol=1e-6)


T = Table({"a": [1.0, 2.0], "b": ["x", "y"]})


@pytest.mark.parametrize("text, options, said", [
    ("", {}, r"table.csv: is empty; expected a first line with the names of columns"),
    ("\n\n", {}, "is empty"),
    ("a,b\n1,2\n3\n", {}, "table.csv: line 3: 1 fields, but there are 2 columns"),
    ("a,b\n1,2,3\n", {}, "line 2: 3 fields, but there are 2 columns"),
    ("a,a\n1,2\n", {}, r"names of columns must be there and differ, got \['a'\]"),
    ("a,\n1,2\n", {}, r"names of columns must be there and differ, got \[''\]"),
    ('a,b\n"1,2\n3,4\n', {}, "table.csv: not a CSV file in utf-8-sig: unexpected end of data"),
    ('a\n"x"y\n', {}, "not a CSV file in utf-8-sig: ',' expected after"),
    (b"a\n\xff\xfe\n", {}, "not a CSV file in utf-8-sig: .*can't decode byte 0xff"),
    ("a\nx\n", {"types": {"a": int}}, "table.csv: line 2: 'a' is 'x', expected an integer"),
    ("a\n1\n\n1.5\n", {"types": {"a": int}}, "line 4: 'a' is '1.5', expected an integer"),
    ('a,b\n"1\n2",3\n4,x\n', {"types": {"b": float}}, "line 4: 'b' is 'x', expected a number"),
    ("a\n1_0\n", {"types": {"a": float}}, "line 2: 'a' is '1_0', expected a number"),
    ("a\n1\n", {"types": {"b": int}}, r"types of \['b'\], but the columns are \['a'\]"),
    ("a\n1\n", {"types": {"a": bool}}, "table.csv: types are .* got <class 'bool'> for 'a'"),
    ("a\n1\n", {"delimiter": ";;"}, "table.csv: delimiter must be one character, .* got ';;'"),
    ("a\n1\n", {"delimiter": None}, "table.csv: delimiter must be one character, .* got None"),
    ("a\n1\n", {"delimiter": "\n"}, "table.csv: delimiter must be one character, no quote or end of line"),
    ("a\n1\n", {"missing": None}, "table.csv: missing must be a list of texts, got None"),
    ("a\n1\n", {"missing": [[]]}, r"table.csv: missing must be a list of texts, got \[\[\]\]"),
    ("a\n1\n", {"encoding": 3}, "table.csv: encoding must be the name of one, got 3"),
    ("a\n1\n", {"types": {"a": int, 3: int}}, "table.csv: types are int, float and str, got <class 'int'> for 3"),
    ("a\0,b\n1,2\n", {}, "table.csv: line 1: holds a byte 0"),
    ("a\nN\n", {"missing": "NA"}, r"table.csv: missing must be a list of texts, got 'NA'; is it \['NA'\]"),
    ("a\n1\n", {"encoding": "foo"}, "table.csv: not a CSV file in foo: unknown encoding: foo"),
    ("a,b\n1,2\n3,4\0\n", {}, "table.csv: line 3: holds a byte 0; is it a table, of this encoding"),
])  # fmt: skip
def test_files_that_are_no_tables(tmp_path, text, options, said):
    with pytest.raises(ValueError, match=said):
        table(tmp_path, text, **options)


@pytest.mark.parametrize("make, error, said", [
    (lambda: Table({}), ValueError, "Table: wants columns of one length, got {}"),
    (lambda: Table({"a": [1], "b": [1, 2]}), ValueError, "Table: wants columns of one length, got {'a': 1, 'b': 2}"),
    (lambda: Table({"a": [[1]]}), ValueError, r"Table: column 'a' must be a row of values, got shape \(1, 1\)"),
    (lambda: Table({"a": [1, "x"]}), ValueError, None),
    (lambda: Table({"a": [object()]}), ValueError, "Table: column 'a' must be of numbers, or of texts and None"),
    (lambda: T["c"], KeyError, r"Table: no column 'c', there are \['a', 'b'\]"),
    (lambda: T.drop_missing(["c"]), KeyError, "Table: no column 'c'"),
    (lambda: TableEncoder(fill="most"), ValueError, "TableEncoder: fill must be one of mean, median, drop, or"),
    (lambda: TableEncoder(fill=True), ValueError, "fill must be one of .*, got True"),
    (lambda: TableEncoder(standardize=1), TypeError, "TableEncoder: standardize must be True or False, got 1"),
    (lambda: TableEncoder(standardize_target=1), TypeError, "standardize_target must be True or False"),
    (lambda: TableEncoder(classify=1), TypeError, "classify must be True or False"),
    (lambda: TableEncoder("a", classify=True, standardize_target=True), ValueError, "classify excludes"),
    (lambda: TableEncoder("c").fit(T), KeyError, "Table: no column 'c'"),
    (lambda: TableEncoder("b", standardize_target=True).fit(T), ValueError, "'b' is of texts, which have no mean"),
    (lambda: TableEncoder().fit(T[:0]), ValueError, "TableEncoder: there are no rows$"),
    (lambda: TableEncoder(fill="drop").fit(Table({"a": [np.nan]})), ValueError, "no rows, once those that miss"),
    (lambda: TableEncoder().fit(Table({"a": [np.nan]})), ValueError, "column 'a' holds nothing; leave it out"),
    (lambda: TableEncoder().fit(Table({"a": [None]})), ValueError, "column 'a' holds nothing; leave it out"),
    (lambda: TableEncoder().fit(Table({"a": [np.inf]})), ValueError, "column 'a' has an infinite number"),
    (lambda: TableEncoder("b", fill="drop").fit(Table({"a": [1, 2], "b": [None, "x"]})), ValueError, "in 1 rows"),
    (lambda: TableEncoder("b").fit(Table({"a": [1], "b": [None]})), ValueError, "the target 'b' is missing in 1 row"),
    (lambda: TableEncoder().transform(T), ValueError, r"TableEncoder: nothing is fitted yet; call fit\(table\)"),
    (lambda: TableEncoder().inverse_target(T), ValueError, "TableEncoder: nothing is fitted yet"),
    (lambda: TableEncoder().fit(T).inverse_target(1), ValueError, "inverse_target, but there is no target"),
    (lambda: TableEncoder("b").fit(T).inverse_target(np.array([2])), ValueError, "wants integers from 0 to 1"),
    (lambda: TableEncoder("b").fit(T).inverse_target(np.array([0.5])), ValueError, "wants integers from 0 to 1"),
    (lambda: TableEncoder().fit(T).transform(Table({"a": [1]})), KeyError, "Table: no column 'b'"),
    (lambda: TableEncoder().fit(T).transform(Table({"a": ["1"], "b": ["x"]})), ValueError,
     r"column 'a' was of numbers, this is of texts; read_csv\(types=…\) says which"),
    (lambda: TableEncoder().fit(T).transform(Table({"a": [1], "b": [2]})), ValueError, "'b' was of texts, this is"),
    (lambda: TableEncoder().fit(T).transform(Table({"a": [np.inf], "b": ["x"]})), ValueError, "'a' has an infinite"),
    (lambda: TableEncoder("b").fit(T).transform(Table({"a": [1], "b": ["z"]})), ValueError,
     r"'b' has classes that were not fitted: \['z'\]"),
    (lambda: TableEncoder("a").fit(T).transform(Table({"a": ["1"], "b": ["x"]})), ValueError, "'a' was of numbers"),
    (lambda: TableEncoder("b").fit(T).transform(Table({"a": [1], "b": [2]})), ValueError, "'b' was of texts"),
])  # fmt: skip
def test_refused(make, error, said):
    if said is None:  # NumPy makes texts of it
        assert make()["a"].tolist() == ["1", "x"]
        return
    with pytest.raises(error, match=said):
        make()


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.csv"):
        Table.read_csv(tmp_path / "none.csv")
