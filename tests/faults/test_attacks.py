"""Hostile and broken files of every kind, and beginnings of small ones: a clear error each.

Every third beginning is read here, all of them by `scripts/fuzz`.
"""

import json
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def test_every_attack_is_a_clear_error_within_a_second_and_100_mb(tmp_path):
    command = [sys.executable, "-m", "tests.faults.attacks", tmp_path, "3"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["attacks"] >= 200
    assert result["truncated"] >= 1500
    assert result["faults"] == 0


def test_an_attack_that_succeeds_is_seen(tmp_path):
    """A file that is read, an error without the expected words, an exception that is not ours, a large one."""
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.faults.attacks import Attack, __main__ as main\n"
        "from tests.faults.formats import FORMATS, Format\n"
        "peaks = {'seconds': 0.0, 'megabytes': 0.0}\n"
        "FORMATS['recipe'] = Format('recipe.json', lambda path: exec(path.read_text()), list)\n"
        "for code in ('pass', 'import deltarule as dr; dr.Recipe(epochs=0)', '1 / 0', 'bytes(200_000_000); 1 / 0'):\n"
        "    attack = Attack('recipe', code, code.encode(), 'some words')\n"
        "    print(main.fault(attack, Path(sys.argv[1]), peaks, traced=True).splitlines()[-1])\n"
        "attack = Attack('recipe', 'large', b'x = bytes(200_000_000)', accepted=True)\n"
        "print(main.fault(attack, Path(sys.argv[1]), peaks, traced=True))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=CHECKOUT, capture_output=True, text=True)
    read, words, raw, also, large = done.stdout.splitlines() or [done.stderr] * 5
    assert read == "was read"
    assert words.startswith("without 'some words'")
    assert raw == also == "ZeroDivisionError: division by zero"
    assert large == "took 200 MB"
