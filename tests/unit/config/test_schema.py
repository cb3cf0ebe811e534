from __future__ import annotations

import json

from devbox.config.keys import BOX
from devbox.config.schema import json_schema, reference


def test_the_schema_has_every_key_with_its_meaning() -> None:
    schema = json.loads(json.dumps(json_schema()))
    box = schema["properties"]["box"]
    assert set(box["properties"]) == set(BOX)
    assert all(each["description"] for each in box["properties"].values())
    assert box["properties"]["resources"]["properties"]["shm_size"]["default"] == "2GiB"
    (named,) = schema["properties"]["boxes"]["patternProperties"].values()
    assert set(named["properties"]) == set(BOX) - {"name"}


def test_the_reference_has_every_key() -> None:
    rows = {row.key: row for row in reference()}
    assert {key.partition(".")[0] for key in rows} == set(BOX)
    assert rows["resources.gpus"].type == 'integer or "all" or "optional"'
    assert rows["services.NAME.image"].type == "text"
    assert all(row.type and row.meaning for row in rows.values())
