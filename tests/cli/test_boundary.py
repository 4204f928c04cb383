from __future__ import annotations

import errno
import json
from typing import NoReturn

import pytest

from synthaug.cli.boundary import Answer, as_synthaug_error, deliver
from synthaug.errors import Damaged, GateFailed, InputError, OutOfResources, Stopped


def raising(error: BaseException) -> NoReturn:
    raise error


class OutOfMemoryError(RuntimeError):
    """Named like torch's."""


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (InputError("a"), 2),
        (GateFailed("a"), 3),
        (Stopped("a"), 5),
        (Damaged("a"), 6),
        (OutOfResources("a"), 7),
        (KeyboardInterrupt(), 5),
        (MemoryError(), 7),
        (OutOfMemoryError("CUDA out of memory"), 7),
        (OSError(errno.ENOSPC, "No space left on device", "x/y.png"), 7),
        (PermissionError(errno.EACCES, "Permission denied", "x/y.png"), 2),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "x/y.png"), 2),
        (ZeroDivisionError("division by zero"), 1),
        (OSError("from somewhere"), 1),
    ],
    ids=repr,
)
def test_every_exception_has_its_exit_code(
    error: BaseException, exit_code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deliver(lambda: raising(error), as_json=True, debug=False) == exit_code
    printed = capsys.readouterr()
    told = json.loads(printed.out)["error"]
    assert told["exit_code"] == exit_code
    assert told["message"] in printed.err
    assert "Traceback" not in printed.err


def test_an_answer_is_text_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    answer = Answer({"n": 1}, "one", exit_code=3)
    assert deliver(lambda: answer, as_json=False, debug=False) == 3
    assert capsys.readouterr().out == "one\n"
    assert deliver(lambda: answer, as_json=True, debug=False) == 3
    assert json.loads(capsys.readouterr().out) == {"n": 1}


def test_a_chatty_library_does_not_reach_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> Answer:
        print("downloading!")
        return Answer({"n": 1}, "one")

    deliver(work, as_json=True, debug=False)
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"n": 1}
    assert printed.err == "downloading!\n"


def test_interrupt_says_that_the_same_command_resumes() -> None:
    assert str(as_synthaug_error(KeyboardInterrupt())) == ("interrupted. The same command resumes.")


def test_full_disk_names_the_file() -> None:
    error = as_synthaug_error(OSError(errno.ENOSPC, "No space left on device", "out/a.png"))
    assert str(error) == (
        "no space left on device (out/a.png). Make room and run the same command again."
    )


def test_a_bug_keeps_its_id_and_shows_its_traceback_only_with_debug(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def bug() -> Answer:
        return Answer({}, str(1 / 0))

    texts = []
    for debug in (False, False, True):
        assert deliver(bug, as_json=False, debug=debug) == 1
        texts.append(capsys.readouterr().err)
    assert texts[0] == texts[1]
    assert "Traceback" not in texts[0]
    assert "Traceback" in texts[2]
    assert texts[2].endswith(texts[0])
    assert "ZeroDivisionError" in texts[0]
