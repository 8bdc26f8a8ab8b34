"""Pictures of the page of results, for docs/guide: light, dark, narrow, and its tables.

    python perf/page_pictures.py [--docs DIR]

Needs Chromium and Pillow. Two simulated benchmarks with three schedulers are run, a baseline is
saved, then the formula of one of them is made worse and compared, so that the gate has something
to say.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from chromium import browsing  # noqa: E402 # it stands in the folder above
from PIL import Image  # noqa: E402 # after the folder above

if TYPE_CHECKING:
    from chromium import Page

DOCS = ROOT / "docs" / "guide" / "pictures"
BENCHMARK = '''\
"""A formula that learns as image classifiers do."""
import math
from pathlib import Path

from pytest_synebench import Benchmark, benchmark
from pytest_synebench.blackboxes import Formula
from pytest_synebench.space import choice, loguniform, randint, uniform

BEST = {"sgd": -1.5, "adam": -3.0, "lion": -3.5}


def learnt(config, epoch, elapsed_s):
    off = math.log10(config["lr"]) - BEST[config["optimizer"]]
    top = 0.94 - 0.08 * off**2 - 0.1 * (config["dropout"] - 0.2) ** 2 - LOST
    speed = 0.35 + 0.05 * config["layers"]
    return {"accuracy": max(0.1, top) * (1 - math.exp(-speed * epoch))}


SPACE = {
    "lr": loguniform(1e-5, 1),
    "dropout": uniform(0, 0.6),
    "layers": randint(1, 8),
    "optimizer": choice(["sgd", "adam", "lion"]),
}


@benchmark(
    default_params={"max_resource_level": 27, "num_trials": 40, "reduction_factor": 3},
)
def image_classifier(params):
    """Accuracy of a classifier that is made up."""
    return Benchmark(
        script=Path(__file__),
        config_space={**SPACE, "epochs": params["max_resource_level"]},
        metric="accuracy",
        mode="max",
        resource_attr="epoch",
        max_resource_attr="epochs",
        blackbox=Formula(
            learnt,
            level_cost_s=lambda config: 1.0 + 0.2 * config["layers"],
            metrics={"accuracy": "max"},
            last_level=params["max_resource_level"],
        ),
    )


LOST = 0.0
'''
BOTH = ("--synebench", "height_with_cost,image_classifier", "--backend", "simulated")
SESSIONS = (
    ("--scheduler", "asha_promotion", "--num_runs", "20", "--synebench-save", "main"),
    ("--scheduler", "fifo,median_stopping", "--num_runs", "8"),
    ("--scheduler", "asha_promotion", "--synebench-compare", "main"),
)
FILTERED = """(() => {
  const box = document.querySelector('[data-filter="trials-table"]');
  box.value = "asha completed"; box.dispatchEvent(new Event("input"));
  document.querySelectorAll("#trials-table thead button")[6].click();
  return document.getElementById("trials").getBoundingClientRect().top + scrollY;
})()"""


def made(folder: Path) -> Path:
    """Run the benchmarks, and return the page of all runs."""
    for number, session in enumerate(SESSIONS):
        text = BENCHMARK.replace("LOST = 0.0", "LOST = 0.03") if number == 2 else BENCHMARK
        (folder / "conftest.py").write_text(text)
        command = (*BOTH, "--num_trials", "40", "-q", "-p", "no:cacheprovider", *session)
        ended = subprocess.run([sys.executable, "-m", "pytest", *command], cwd=folder, check=False)
        if ended.returncode != (number == 2):  # the last one is stopped by the gate
            raise SystemExit(f"pytest {' '.join(command)}: exit {ended.returncode}")
    page = folder / "report.html"
    told = ("--verdict", ".synebench/gates/main.json", "--title", "Nightly HPO")
    subprocess.run(
        [sys.executable, "-m", "pytest_synebench", "report", ".synebench", *told, "--html", page],
        cwd=folder,
        check=True,
    )
    return page


#: The head stays where a picture begins, and of the benchmark with four hyperparameters only the
#: first setup is open.
TIDIED = """(() => {
  document.querySelector(".top").style.position = "static";
  for (const one of document.querySelectorAll("details")) one.open = false;
  const shown = document.querySelector("#benchmark-1 details");
  shown.open = true;
  return shown.getBoundingClientRect().top + scrollY;
})()"""


def pictured(page: Page, file: Path, to: Path) -> None:
    """Take the pictures."""
    page.open(file)
    page.draw_all()
    page.run(TIDIED)
    page.screenshot(to / "page-light.png", (0, 0, 1280, 1560))
    top = page.run(FILTERED)
    page.screenshot(to / "page-tables.png", (0, top - 15, 1280, 700))
    page.open(file, dark=True)
    page.draw_all()
    page.screenshot(to / "page-dark.png", (0, page.run(TIDIED) - 10, 1280, 1300))
    page.open(file, width=390, height=800)
    page.draw_all()
    page.run(TIDIED)
    page.screenshot(to / "page-narrow.png", (0, 0, 390, 1400))
    for one in to.glob("page-*.png"):
        # A palette takes a third of the space, and nobody sees the difference.
        Image.open(one).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
            one, optimize=True
        )
    if page.complaints:
        raise SystemExit(f"the browser complains: {page.complaints}")


def main() -> None:
    """Run, look, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the pictures go")
    to = parser.parse_args().docs
    with tempfile.TemporaryDirectory() as folder:
        file = made(Path(folder))
        with browsing(Path(folder) / "profile") as page:
            pictured(page, file, to)


if __name__ == "__main__":
    main()
