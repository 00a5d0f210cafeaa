import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsss_tf.errors import InputError
from wsss_tf.files.names import component


@pytest.mark.parametrize("name", ["mine", "2007_000032", "a.b-c_d", "Zürich", "写真", "фото_1", "e\u0301tude", "क्षेत्र", "_x", "٣"])
def test_names_of_ordinary_characters(name):
    assert component(name, "--experiment") is name


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/../b", "a/b", "/tmp/x", "~", "~root", ".hidden", "-rf", "a..b", "a b",
                                  "a\\b", "C:", "a\0", "a\n", "a\tb", "x;y", "$HOME", "*", "a'b", "\ud800", "a" * 201, "写" * 67,
                                  "a\u202eb", "a\u200bb"])
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(InputError, match="^--experiment=.*: expected a name of letters") as error:
        component(name, "--experiment")
    assert "\n" not in str(error.value) and len(str(error.value)) < 500


@given(st.text())
def test_a_name_is_one_component(tmp_path_factory, text):
    try:
        name = component(text, "--experiment")
    except InputError:
        return
    folder = tmp_path_factory.getbasetemp()
    assert (folder / name).resolve().parent == folder.resolve() and (folder / name).name == name
