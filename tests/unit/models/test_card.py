"""Model cards: what Hugging Face reads, and nothing that a run could smuggle in."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from devbox.models import Models
from tests.unit.models import whole


def parts(text: str) -> tuple[dict[str, Any], str]:
    begin, metadata, body = text.split("---\n", 2)
    assert begin == ""
    found = yaml.safe_load(metadata)
    assert isinstance(found, dict)
    return found, body


def test_the_metadata_block(models: Models) -> None:
    models.register("churn", slots=whole.SLOTS, tags={**whole.TAGS, "license": "mit"})
    models.describe("churn", "Who leaves.")
    metadata, body = parts(models.card("churn"))
    assert metadata == {
        "model_name": "churn",
        "license": "mit",
        "library_name": "sklearn",
        "tags": ["fraud", "devbox"],
        "datasets": ["customers"],
        "metrics": ["auc"],
        "model-index": [
            {
                "name": "churn",
                "results": [
                    {
                        "task": {"type": "fraud"},
                        "dataset": {"name": "customers", "type": "customers"},
                        "metrics": [{"type": "auc", "name": "auc", "value": 0.93}],
                    }
                ],
            }
        ],
    }
    assert body.startswith("\n# churn, version 1\n\nWho leaves.\n")
    assert "| auc | 0.93 |" in body
    assert "| test | 0.2 |" in body
    assert "| functions | recorded |  |" in body


def test_nothing_smuggles_in_markup(models: Models) -> None:
    evil = "x\n---\nlicense: evil\n# <script>alert(1)</script> | [a](http://e) `b` ![c](d)\n- e"
    models.register(
        "churn",
        slots={
            "definition": {"framework": evil, "class": evil},
            "data": {"inputs": [{"name": evil, "version": evil}]},
            "generation": {"hyperparameters": {evil.replace("\n", " "): evil}},
            "experiment": {"metrics": {evil: 1.0, "nan": float("nan")}},
        },
        tags={"task": evil},
        description=evil,
    )
    metadata, body = parts(models.card("churn"))
    assert "license" not in metadata
    assert metadata["library_name"] == evil.replace("\n", " ")
    assert metadata["metrics"] == [evil.replace("\n", " ")]
    assert "<" not in body
    for line in body.splitlines():
        assert not line.startswith(("---", "# x", "- "))
        bare = line.replace("\\|", "").replace("\\[", "").replace("\\`", "")
        assert "[" not in bare
        assert "`" not in bare
        assert bare.count("|") in {0, 3, 4, 5, 6}
    assert body.count("\n# ") == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- one\n 12. two", "\\- one\n12\\. two"),
        ("1.5 times as good", "1\\.5 times as good"),
        ("a_b & <b>", "a\\_b &amp; &lt;b&gt;"),
        ("===\n---", "\\===\n\\---"),
        ("    code\x1b[31m", "code \\[31m"),
    ],
)
def test_a_description_is_text(models: Models, text: str, shown: str) -> None:
    models.register("churn", description=text)
    assert f"\n\n{shown}\n\n|  |  |" in models.card("churn")
