"""The history as others read it: the queries of docs/history.md, by DuckDB, over the manifest."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import msgspec
import pyarrow.parquet as pq

from hub.history.manifest import Manifest
from hub.history.schema import COLUMNS, SCHEMA, VERSION

from .keeper import Keeper, feed

DOCS = Path(__file__).parents[2] / "docs/history.md"


def queries() -> list[str]:
    blocks = re.findall(r"```sql\n(.*?)```", DOCS.read_text(), re.DOTALL)
    return [query.strip() for block in blocks for query in block.split(";") if query.strip()]


async def test_the_documented_queries_count_what_the_hub_lists_while_it_runs(
    tmp_path: Path,
) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=2)
    await keeper.seal()
    listed = await keeper.calls()
    history = tmp_path / "history"
    manifest = msgspec.json.decode((history / "manifest.json").read_bytes(), type=Manifest)
    assert manifest.version == VERSION
    assert manifest.superseded is not None
    database = duckdb.connect()
    database.execute(f"SET file_search_path = '{history}'")
    files, by_callee, standing = queries()
    database.execute(files)
    told = {
        name: (calls, errors) for name, calls, errors, _ in database.execute(by_callee).fetchall()
    }
    assert set(told) <= {node.node for node in manifest.nodes}
    assert told
    counted = database.execute(standing.replace("superseded-….parquet", manifest.superseded))
    assert counted.fetchone() == (len(listed),)
    await keeper.close()


async def test_the_documented_columns_are_those_of_the_files(tmp_path: Path) -> None:
    keeper = await Keeper.open(tmp_path)
    await feed(keeper, seal_every=4)
    for path in (tmp_path / "history").glob("calls-*.parquet"):
        schema = pq.read_schema(path)
        assert schema.names == list(COLUMNS)
        assert schema.metadata[b"hopwatch.schema"] == SCHEMA.metadata[b"hopwatch.schema"]
    text = DOCS.read_text()
    for name in COLUMNS:
        plain = name.removeprefix("hop0_").removeprefix("hop1_")
        assert f"`{plain}`" in text, name
    await keeper.close()
