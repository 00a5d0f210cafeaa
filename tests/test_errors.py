import pickle

from wsss_tf.errors import InputError, WriteError, reason


def test_messages_of_a_usual_length_are_themselves():
    message = "a.png: expected a photo, found a text: " + "x" * 3900 + "\n  b.png: likewise"
    assert str(InputError(message)) == message and str(WriteError("full")) == "full"


def test_long_words_of_a_file_do_not_bury_file_and_remedy():
    words = str(InputError(f"a.txt: expected a name, found '{'x' * 10**6}': write one name per line\n  b: short"))
    first, second = words.split("\n")
    assert first.startswith("a.txt: expected a name, found 'xxx") and first.endswith("xxx': write one name per line")
    assert len(first) < 4000 and second == "  b: short"


def test_errors_travel_between_processes():
    error = pickle.loads(pickle.dumps(WriteError("x: the disk is full")))
    assert type(error) is WriteError and str(error) == "x: the disk is full"


def test_reasons_are_one_line():
    assert reason(ValueError("a\nb  c")) == "a b c" and reason(KeyError()) == "KeyError" and len(reason(ValueError("x" * 999))) == 200
