"""Pages made lighter: what is packed comes back, what is used stays."""

import base64
import gzip
import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

from book.build_scripts import (
    FIGURE,
    HERE,
    fewer_colours,
    lighten,
    pack_figure,
    packed,
    plotly_script,
    subset_icons,
)

ICONS = (
    'var a={"arrow-up":[384,512,[8593],"f062","M1"],bars:[448,512,["navicon"],"f0c9","M2"],'
    '"book":[448,512,[],"f02d",["M3","M4"]]};'
)
STYLE = '.fa-bars:before,.fa-navicon:before{content:"\\f0c9"}.fa-zhihu:before{content:"\\f63f"}'


def site(folder: Path, body: str) -> Path:
    for part in ("scripts", "styles"):
        (folder / "_static" / part).mkdir(parents=True)
    (folder / "_static" / "scripts" / "fontawesome.js").write_text(ICONS)
    (folder / "_static" / "styles" / "pydata-sphinx-theme.css").write_text(STYLE)
    index = '\n<script src="../searchindex.js"></script>'
    (folder / "page.html").write_text(f"<i class='fa-solid fa-navicon'></i>{body}{index}")
    (folder / "search.html").write_text(f"<p></p>{index}")
    return folder


def test_named_icons_stay_also_under_their_other_name(tmp_path):
    folder = site(tmp_path, "")
    assert subset_icons(folder) == 2
    script = (folder / "_static" / "scripts" / "fontawesome.js").read_text()
    assert script == 'var a={bars:[448,512,["navicon"],"f0c9","M2"],};'
    style = (folder / "_static" / "styles" / "pydata-sphinx-theme.css").read_text()
    assert style == '.fa-bars:before,.fa-navicon:before{content:"\\f0c9"}'


def test_figures_come_back_and_only_the_search_page_reads_the_index(tmp_path):
    content = json.dumps({"data": list(range(500))}, separators=(",", ":"))
    figure = f'<script type="application/json" class="plotly-json">{content}</script>'
    folder = site(tmp_path, figure)
    lighten(folder)
    page = (folder / "page.html").read_text()
    found = re.search(r'<script type="text/plain" class="plotly-json">(.*?)</script>', page)
    assert found is not None
    assert gzip.decompress(base64.b64decode(found[1])).decode() == content
    assert "searchindex" not in page
    assert "searchindex" in (folder / "search.html").read_text()


def test_what_would_grow_stays_as_it_is():
    small = '<script type="application/json" class="plotly-json">{}</script>'
    assert FIGURE.sub(pack_figure, small) == small


def test_the_engine_comes_back_whole():
    script = plotly_script()
    content = re.fullmatch(r'window\.packedPlotly = "(.*)";', packed(script))
    assert content is not None
    assert gzip.decompress(base64.b64decode(content[1])) == script.read_bytes()


def test_fewer_colours_is_smaller_and_looks_the_same(tmp_path):
    ramp = np.linspace(0, 255, 300).astype(np.uint8)
    picture = np.stack([np.add.outer(ramp // 2, ramp // 2), np.tile(ramp, (300, 1))] * 2, -1)
    path = tmp_path / "a.png"
    Image.fromarray(picture[..., :3].astype(np.uint8)).save(path)
    before = path.stat().st_size
    fewer_colours(path)
    again = np.asarray(Image.open(path).convert("RGB"), float)
    assert path.stat().st_size <= before
    assert np.abs(again - picture[..., :3]).mean() < 6


def test_the_small_engine_has_the_version_of_the_wheel():
    import plotly

    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    whole = Path(str(plotly.__file__)).parent / "package_data" / "plotly.min.js"
    assert f"v{wanted['plotly.js-cartesian-dist-min']}\n" in whole.read_text()[:200]
